use axum_users::{CurrentUser, User};

#[derive(Clone)]
struct AppState {
    greeting: String,
}

#[axum::debug_handler(state = AppState)]
async fn hello(CurrentUser(user): CurrentUser<User>) -> String {
    user.email
}

fn main() {}
