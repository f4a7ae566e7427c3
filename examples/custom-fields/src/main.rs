//! See the library beside it.

use axum_users::BoxError;
use axum_users_sqlx::SqlxDatabase;
use custom_fields::{Mail, app, users};
use tokio::sync::mpsc;

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let (outbox, mails) = mpsc::channel(100);
    tokio::spawn(print(mails));

    let database = SqlxDatabase::connect("sqlite://app.db?mode=rwc").await?;
    let users = users(database, &std::env::var("SECRET")?, outbox).build()?;
    users.migrate().await?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:8000").await?;
    Ok(axum::serve(listener, app(users)).await?)
}

/// Where another program would have a mail server.
#[expect(clippy::print_stdout, reason = "the terminal is where these mails go")]
async fn print(mut mails: mpsc::Receiver<Mail>) {
    while let Some(Mail { to, text }) = mails.recv().await {
        println!("To: {to}\n{text}\n");
    }
}
