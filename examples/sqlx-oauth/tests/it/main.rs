//! The example as a browser meets it, with something that stands in for Google.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper of a test fails the test")]

mod example;
mod google;

use std::path::Path;

use serde_json::json;

use crate::{
    example::{Example, access_token},
    google::Google,
};

fn start(folder: &Path, google: &Google) -> Example {
    Example::start(env!("CARGO_BIN_EXE_sqlx-oauth"), folder, google, &[])
}

#[tokio::test]
async fn somebody_new_comes_by_google_and_comes_again_after_a_restart() {
    let (folder, google) = (tempfile::tempdir().unwrap(), Google::start().await);
    let example = start(folder.path(), &google);

    let answer = example.by_google(&google, "/auth/google", "").await;
    let token = access_token(&answer).to_owned();
    assert_eq!(example.json("/authenticated-route", &token).await, json!("Hello Ada Lovelace!"));
    let user = example.json("/users/me", &token).await;
    assert_eq!((&user["email"], &user["is_verified"]), (&json!("ada@example.com"), &json!(true)));

    drop(example);
    let example = start(folder.path(), &google);
    let answer = example.by_google(&google, "/auth/google", "").await;
    assert_eq!(example.json("/users/me", access_token(&answer)).await, user);
}

#[tokio::test]
async fn somebody_with_a_password_links_google_and_has_two_ways_in() {
    let (folder, google) = (tempfile::tempdir().unwrap(), Google::start().await);
    let example = start(folder.path(), &google);
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
