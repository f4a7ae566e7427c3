use axum_users::UserModel;
use uuid::Uuid;

#[derive(Clone, UserModel)]
struct User {
    id: Option<Uuid>,
    email: Option<String>,
    hashed_password: Vec<u8>,
    is_active: i64,
    is_superuser: bool,
    is_verified: bool,
}

fn main() {}
