//! What the tests share: a client, the processes they start, the mails and the databases.

pub(crate) mod command;
pub(crate) mod database;
pub(crate) mod haproxy;
pub(crate) mod http;
pub(crate) mod mail;
pub(crate) mod original;
#[macro_use]
pub(crate) mod place;
pub(crate) mod probe;
pub(crate) mod process;
pub(crate) mod provider;
pub(crate) mod raw;
pub(crate) mod redis;
pub(crate) mod server;
#[allow(dead_code, reason = "the adapter's tests use the rest")]
#[path = "../../../../axum-users-sqlx/tests/it/throwaway.rs"]
pub(crate) mod throwaway;

use std::path::{Path, PathBuf};

use http::{Request, Response, send};
use server::Server;

/// A file of the checked-in test data.
pub(crate) fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

/// The secret of the recorded application and of the fixtures.
pub(crate) const SECRET: &str = "reference-secret-0123456789-abcdefghij";

/// The answer of `/auth/jwt/login`.
pub(crate) async fn login(server: &Server, email: &str, password: &str) -> Response {
    let form = [("username", email), ("password", password)];
    server.send(&Request::new("POST", "/auth/jwt/login").form(&form)).await
}

/// The session cookie of a login at `/auth/cookie/login`.
pub(crate) async fn session(address: &str, email: &str, password: &str) -> String {
    let form = [("username", email), ("password", password)];
    let answer = send(address, &Request::new("POST", "/auth/cookie/login").form(&form)).await;
    match answer.cookie("fastapiusersauth") {
        Some(cookie) if answer.status == 204 => cookie.to_owned(),
        _ => panic!("{email} at {address}: {} {}", answer.status, answer.text()),
    }
}

/// The answer of `/auth/register`.
pub(crate) async fn register(server: &Server, email: &str, password: &str) -> Response {
    let body = serde_json::json!({"email": email, "password": password});
    server.send(&Request::new("POST", "/auth/register").json(&body)).await
}
