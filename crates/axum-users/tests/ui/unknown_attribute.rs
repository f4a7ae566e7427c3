use axum_users::{ColumnValue, UserModel};
use uuid::Uuid;

#[derive(Clone, UserModel)]
#[user(tabel = "people")]
struct User {
    id: Uuid,
    email: String,
    hashed_password: String,
    is_active: bool,
    is_superuser: bool,
    is_verified: bool,
    #[user(read_only)]
    plan: Option<String>,
}

#[derive(Clone, ColumnValue)]
enum Stage {
    #[column(name = "draft")]
    Draft,
}

fn main() {}
