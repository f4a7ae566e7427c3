//! A small application on the library, with a route for each kind of current user.

use axum::routing::get;
use axum::{Json, Router};
use axum_users::{
    AccessTokensAtRest, AnyUser, Bearer, Cookie, CurrentUser, DatabaseTokens, Jwt, Superuser, User,
    UserDatabase, Users, VerifiedUser,
};
use axum_users_mongodb::MongoDatabase;
use axum_users_sqlx::SqlxDatabase;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::SECRET;

/// A running application that shares the database and the secret of a server.
#[derive(Debug)]
pub(crate) struct Probe {
    /// `127.0.0.1:PORT`.
    pub(crate) address: String,
}

impl Probe {
    /// Serves `/probe/…` in this process, for as long as the test runs.
    pub(crate) async fn start(url: &str) -> Self {
        let users = if url.starts_with("mongodb:") {
            users(MongoDatabase::connect(url).await.unwrap())
        } else {
            users(SqlxDatabase::connect(url).await.unwrap())
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        tokio::spawn(async move { axum::serve(listener, routes(users)).await.unwrap() });
        Self { address }
    }
}

fn users(database: impl UserDatabase<User>) -> Users<User> {
    Users::<User>::builder(database, SECRET)
        .backend("jwt", Bearer::default(), Jwt::lasting_seconds(3600))
        .backend("cookie", Cookie::default(), DatabaseTokens::lasting_seconds(3600))
        .access_tokens_at_rest(AccessTokensAtRest::Clear)
        .build()
        .unwrap()
}

fn email(user: Option<User>) -> Json<Value> {
    Json(json!({"email": user.map(|user| user.email)}))
}

fn routes(users: Users<User>) -> Router {
    Router::new()
        .route("/probe/any", get(|AnyUser(user): AnyUser<User>| async { email(Some(user)) }))
        .route("/probe/active", get(|CurrentUser(user): CurrentUser<User>| async { email(Some(user)) }))
        .route("/probe/verified", get(|VerifiedUser(user): VerifiedUser<User>| async { email(Some(user)) }))
        .route("/probe/superuser", get(|Superuser(user): Superuser<User>| async { email(Some(user)) }))
        .route("/probe/optional", get(|user: Option<AnyUser<User>>| async { email(user.map(|user| user.0)) }))
        .route(
            "/probe/optional-active",
            get(|user: Option<CurrentUser<User>>| async { email(user.map(|user| user.0)) }),
        )
        .route(
            "/probe/optional-verified",
            get(|user: Option<VerifiedUser<User>>| async { email(user.map(|user| user.0)) }),
        )
        .route(
            "/probe/optional-superuser",
            get(|user: Option<Superuser<User>>| async { email(user.map(|user| user.0)) }),
        )
        .with_state(users)
}
