//! The quick start of axum-users, with every strategy, refresh tokens and a provider, on the database that
//! `DATABASE_URL` names.

use axum::Router;
use axum_users::{
    Bearer, DatabaseTokens, Jwt, OAuthOptions, RedisTokens, RefreshTokens, User, Users,
    reqwest_oauth::{OAuth2, OAuth2Endpoints},
};
use axum_users_sqlx::SqlxDatabase;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let database = SqlxDatabase::connect(&std::env::var("DATABASE_URL")?).await?;
    let mut builder = Users::<User>::builder(database, std::env::var("SECRET")?)
        .backend("jwt", Bearer::default(), Jwt::lasting_seconds(3600))
        .backend("session", Bearer::default(), DatabaseTokens::lasting_seconds(3600))
        .backend("refreshing", Bearer::default(), Jwt::lasting_seconds(3600))
        // Whoever was cut off by the end of a round goes on in the next one.
        .refresh("refreshing", RefreshTokens::lasting_seconds(24 * 3600).grace_seconds(3600));
    if let Ok(url) = std::env::var("REDIS_URL") {
        builder = builder.backend("redis", Bearer::default(), RedisTokens::new(&url)?.lasting_seconds(3600));
    }
    let address = format!("127.0.0.1:{}", std::env::var("PORT")?);
    if let Ok(url) = std::env::var("OAUTH_PROVIDER") {
        let endpoints = OAuth2Endpoints {
            authorize_endpoint: format!("{url}/authorize"),
            access_token_endpoint: format!("{url}/token"),
            profile_endpoint: Some(format!("{url}/profile")),
            ..OAuth2Endpoints::default()
        };
        let client = OAuth2::new("bench", "bench-secret", endpoints)?.name("bench");
        builder = builder.public_url(&format!("http://{address}"));
        builder = builder.oauth(client, OAuthOptions::backend("jwt").insecure_csrf_cookie());
    }
    let cached = std::env::var("USER_CACHE").ok().and_then(|tokens| tokens.parse().ok());
    let users = builder.user_cache(cached.unwrap_or(0)).build()?;
    users.migrate().await?;

    let app = Router::new().merge(users.router()).with_state(users);
    // As many as the load has; `TcpListener::bind` lets 128 wait, and the 129th of a crowd tries again after a second.
    let socket = tokio::net::TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(address.parse()?)?;
    axum::serve(socket.listen(1024)?, app).await?;
    Ok(())
}
