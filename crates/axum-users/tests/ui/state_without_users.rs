use axum::extract::FromRequestParts;
use axum_users::{CurrentUser, User};

struct AppState {
    greeting: &'static str,
}

fn extracts<S, T: FromRequestParts<S>>(_: &S) {}

fn main() {
    extracts::<AppState, CurrentUser<User>>(&AppState { greeting: "Hello" });
}
