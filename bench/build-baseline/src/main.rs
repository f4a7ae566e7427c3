//! The parts that an application with tokens and a database has anyway, each used once.

use axum::{Router, http::HeaderMap, http::StatusCode, routing::get};
use jsonwebtoken::{DecodingKey, Validation, decode};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let pool = sqlx::SqlitePool::connect("sqlite://app.db?mode=rwc").await?;
    sqlx::query("SELECT 1").execute(&pool).await?;
    let app = Router::new().route("/", get(who));
    Ok(axum::serve(tokio::net::TcpListener::bind("127.0.0.1:8000").await?, app).await?)
}

async fn who(headers: HeaderMap) -> Result<String, StatusCode> {
    let token = headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let key = DecodingKey::from_secret(b"secret");
    let claims = decode::<std::collections::HashMap<String, String>>(token, &key, &Validation::default());
    claims.map(|data| format!("{:?}", data.claims)).map_err(|_| StatusCode::UNAUTHORIZED)
}
