//! Accounts in an axum application: register, log in, and a route that knows who asks.

use axum::{Router, routing::get};
use axum_users::{Bearer, CurrentUser, Jwt, User, Users};
use axum_users_sqlx::SqlxDatabase;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let database = SqlxDatabase::connect("sqlite://app.db?mode=rwc").await?;
    let users = Users::<User>::builder(database, std::env::var("SECRET")?)
        .backend("jwt", Bearer::default(), Jwt::lasting_seconds(3600))
        .build()?;
    users.migrate().await?;

    let app = Router::new().route("/authenticated-route", get(hello)).merge(users.router()).with_state(users);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:8000").await?;
    Ok(axum::serve(listener, app).await?)
}

async fn hello(CurrentUser(user): CurrentUser<User>) -> String {
    format!("Hello {}!", user.email)
}
