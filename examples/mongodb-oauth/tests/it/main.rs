//! The example as a browser meets it, with something that stands in for Google.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper of a test fails the test")]

#[path = "../../../sqlx-oauth/tests/it/example.rs"]
mod example;
#[path = "../../../sqlx-oauth/tests/it/google.rs"]
mod google;

use axum_users::Random;
use axum_users_mongodb::mongodb::Client;
use serde_json::json;

use crate::{
    example::{Example, access_token},
    google::Google,
};

/// A database of the test's own on the server of `MONGODB_URL`; it is dropped at the end.
struct Place {
    url: String,
}

impl Place {
    fn new() -> Self {
        let server = std::env::var("MONGODB_URL").unwrap_or_else(|_| "mongodb://127.0.0.1:27017".into());
        let name = format!("axum_users_test_{}", Random::system().uuid().simple());
        Self { url: format!("{}/{name}", server.trim_end_matches('/')) }
    }

    fn start(&self, google: &Google) -> Example {
        let folder = std::env::temp_dir();
        let variables = [("DATABASE_URL", self.url.as_str())];
        Example::start(env!("CARGO_BIN_EXE_mongodb-oauth"), &folder, google, &variables)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        tokio::task::block_in_place(|| {
            tokio::runtime::Handle::current().block_on(async {
                let client = Client::with_uri_str(&self.url).await.unwrap();
                client.default_database().unwrap().drop().await.unwrap();
            });
        });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_new_comes_by_google_and_comes_again_after_a_restart() {
    let (place, google) = (Place::new(), Google::start().await);
    let example = place.start(&google);

    let answer = example.by_google(&google, "/auth/google", "").await;
    let token = access_token(&answer).to_owned();
    assert_eq!(example.json("/authenticated-route", &token).await, json!("Hello Ada Lovelace!"));
    let user = example.json("/users/me", &token).await;
    assert_eq!((&user["email"], &user["is_verified"]), (&json!("ada@example.com"), &json!(true)));

    drop(example);
    let example = place.start(&google);
    let answer = example.by_google(&google, "/auth/google", "").await;
    assert_eq!(example.json("/users/me", access_token(&answer)).await, user);
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_with_a_password_links_google_and_has_two_ways_in() {
    let (place, google) = (Place::new(), Google::start().await);
    let example = place.start(&google);
    let charles =
        json!({ "email": "charles@example.com", "password": "difference engine", "name": "Charles" });
    assert_eq!(example.post("/auth/register", &charles).await, 201);
    let login = example.login("charles@example.com", "difference engine").await;
    let token = access_token(&login);

    let (status, user) = example.by_google(&google, "/auth/associate/google", token).await;
    assert_eq!((status, &user["email"]), (200, &json!("charles@example.com")));

    let answer = example.by_google(&google, "/auth/google", "").await;
    assert_eq!(example.json("/authenticated-route", access_token(&answer)).await, json!("Hello Charles!"));
}
