use axum_users::UserModel;
use uuid::Uuid;

#[derive(Clone, UserModel)]
struct Forgetful {
    id: Uuid,
    email: String,
    is_active: bool,
    first_name: String,
}

#[derive(Clone, UserModel)]
struct OneShort {
    id: Uuid,
    email: String,
    is_active: bool,
    is_superuser: bool,
    is_verified: bool,
}

fn main() {}
