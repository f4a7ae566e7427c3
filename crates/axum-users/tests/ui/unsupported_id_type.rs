use axum_users::UserModel;

#[derive(Clone, UserModel)]
struct User {
    id: String,
    email: String,
    hashed_password: String,
    is_active: bool,
    is_superuser: bool,
    is_verified: bool,
}

fn main() {}
