//! The application: its own route, and those of the users.

use axum::{Json, Router, routing::get};
use axum_users::{CurrentUser, Users};

use crate::models::User;

pub(crate) fn app(users: Users<User>) -> Router {
    Router::new()
        .merge(users.auth_router("jwt"))
        .merge(users.register_router())
        .merge(users.reset_password_router())
        .merge(users.verify_router())
        .merge(users.users_router())
        .merge(users.oauth_router("google"))
        .merge(users.oauth_associate_router("google"))
        .route("/authenticated-route", get(authenticated_route))
        .with_state(users)
}

async fn authenticated_route(CurrentUser(user): CurrentUser<User>) -> Json<String> {
    let name = user.name.unwrap_or(user.email);
    Json(format!("Hello {name}!"))
}
