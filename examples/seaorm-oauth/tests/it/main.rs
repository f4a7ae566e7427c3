//! The example as a browser meets it, with something that stands in for Google.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper of a test fails the test")]

#[path = "../../../sqlx-oauth/tests/it/example.rs"]
mod example;
#[path = "../../../sqlx-oauth/tests/it/google.rs"]
mod google;

use std::path::Path;

use serde_json::json;

use crate::{
    example::{Example, access_token},
    google::Google,
};

fn start(folder: &Path, google: &Google) -> Example {
    Example::start(env!("CARGO_BIN_EXE_seaorm-oauth"), folder, google, &[])
}

#[tokio::test]
async fn somebody_new_comes_by_google_and_comes_again_after_a_restart() {
    let (folder, google) = (tempfile::tempdir().unwrap(), Google::start().await);
    let example = start(folder.path(), &google);

    let answer = example.by_google(&google, "/auth/google", "").await;
    let token = access_token(&answer).to_owned();
    assert_eq!(example.json("/providers", &token).await, json!([["Ada Lovelace", ["google"]]]));
    let user = example.json("/users/me", &token).await;
    assert_eq!((&user["email"], &user["is_verified"]), (&json!("ada@example.com"), &json!(true)));
    assert_eq!(user["name"], json!("Ada Lovelace"));

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
    let again = example.json("/users/me", access_token(&answer)).await;
    assert_eq!((&again["id"], &again["name"]), (&user["id"], &json!("Charles")));
}

#[tokio::test]
async fn a_user_and_the_first_note_are_made_together_or_neither() {
    let (folder, google) = (tempfile::tempdir().unwrap(), Google::start().await);
    let example = start(folder.path(), &google);
    let mut grace = json!({ "email": "grace@example.com", "password": "nanoseconds matter", "note": "" });
    assert_eq!(example.post("/join", &grace).await, 400);
    assert_eq!(example.login("grace@example.com", "nanoseconds matter").await.0, 400, "nothing was kept");

    grace["note"] = json!("a moth");
    assert_eq!(example.post("/join", &grace).await, 201);
    assert_eq!(example.post("/join", &grace).await, 400, "the address is taken");
    let login = example.login("grace@example.com", "nanoseconds matter").await;
    assert_eq!(example.json("/notes", access_token(&login)).await, json!(["a moth"]));
}
