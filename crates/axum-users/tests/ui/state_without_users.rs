use axum::{Router, routing::get};
use axum_users::{CurrentUser, User};

#[derive(Clone)]
struct AppState {
    greeting: String,
}

#[axum::debug_handler(state = AppState)]
async fn hello(CurrentUser(user): CurrentUser<User>) -> String {
    user.email
}

fn main() {
    let state = AppState { greeting: "Hello".to_owned() };
    let _: Router = Router::new().route("/hello", get(hello)).with_state(state);
}
