//! The quick start of axum-users, with every strategy, on the database that `DATABASE_URL` names.

use axum::Router;
use axum_users::{Bearer, DatabaseTokens, Jwt, RedisTokens, User, Users};
use axum_users_sqlx::SqlxDatabase;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let database = SqlxDatabase::connect(&std::env::var("DATABASE_URL")?).await?;
    let mut builder = Users::<User>::builder(database, std::env::var("SECRET")?)
        .backend("jwt", Bearer::default(), Jwt::lasting_seconds(3600))
        .backend("session", Bearer::default(), DatabaseTokens::lasting_seconds(3600));
    if let Ok(url) = std::env::var("REDIS_URL") {
        builder = builder.backend("redis", Bearer::default(), RedisTokens::new(&url)?.lasting_seconds(3600));
    }
    let cached = std::env::var("USER_CACHE").ok().and_then(|tokens| tokens.parse().ok());
    let users = builder.user_cache(cached.unwrap_or(0)).build()?;
    users.migrate().await?;

    let app = Router::new().merge(users.router()).with_state(users);
    let address = format!("127.0.0.1:{}", std::env::var("PORT")?);
    axum::serve(tokio::net::TcpListener::bind(address).await?, app).await?;
    Ok(())
}
