//! Accounts with a password or with Google, in MongoDB: the program of FastAPI Users' OAuth guide.

mod app;
mod database;
mod models;
mod users;

use std::env;

use axum_users::BoxError;
use tokio::net::TcpListener;

#[tokio::main]
#[expect(clippy::print_stdout, reason = "the person at the terminal wants to know where it is")]
async fn main() -> Result<(), BoxError> {
    let address = env::var("LISTEN").unwrap_or_else(|_| "127.0.0.1:8000".into());
    let listener = TcpListener::bind(address).await?;
    let url = format!("http://{}", listener.local_addr()?);

    let users = users::users(database::connect().await?, &url)?;
    users.migrate().await?;
    println!("Listening on {url}");
    Ok(axum::serve(listener, app::app(users)).await?)
}
