//! See the library beside it.

use axum_users::{Bearer, BoxError, Jwt, User, Users};
use own_database::{JsonFile, app};

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let database = JsonFile::open("users.json").await?;
    let users = Users::<User>::builder(database, std::env::var("SECRET")?)
        .backend("jwt", Bearer::default(), Jwt::lasting_seconds(3600))
        .build()?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:8000").await?;
    Ok(axum::serve(listener, app(users)).await?)
}
