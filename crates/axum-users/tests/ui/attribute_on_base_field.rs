use axum_users::UserModel;
use uuid::Uuid;

#[derive(Clone, UserModel)]
struct User {
    id: Uuid,
    email: String,
    hashed_password: String,
    is_active: bool,
    is_superuser: bool,
    #[user(readonly)]
    is_verified: bool,
}

fn main() {}
