use axum_users::UserModel;
use uuid::Uuid;

#[derive(Clone, UserModel)]
struct User {
    id: Uuid,
    email: String,
    hashed_password: String,
    is_active: bool,
    is_superuser: bool,
    is_verified: bool,
    #[user(validate = at_least_two_letters)]
    age: Option<i64>,
}

fn at_least_two_letters(text: &str) -> Result<(), String> {
    if text.len() < 2 { Err("too short".to_owned()) } else { Ok(()) }
}

fn main() {}
