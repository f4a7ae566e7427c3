//! Accounts with a password or with Google, in the application's own SeaORM entities.

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

    let connection = database::connect().await?;
    let users = users::users(connection.clone(), &url)?;
    users.migrate().await?;
    database::make_notes(&connection).await?;
    println!("Listening on {url}");
    Ok(axum::serve(listener, app::app(users, connection)).await?)
}
