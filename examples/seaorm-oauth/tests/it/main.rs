//! The example as a browser meets it, with something that stands in for Google.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper of a test fails the test")]

mod google;

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

use reqwest::{Client, Response, Url, header};
use serde_json::{Value as Json, json};

use crate::google::Google;

/// The running example; it ends with the test.
struct Example {
    url: String,
    process: Child,
}

impl Drop for Example {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Example {
    fn start(folder: &Path, google: &Google) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_seaorm-oauth"))
            .current_dir(folder)
            .env("LISTEN", "127.0.0.1:0")
            .env("SECRET", "a-secret-for-tests-of-more-than-32-bytes")
            .env("GOOGLE_OAUTH_CLIENT_ID", google::CLIENT_ID)
            .env("GOOGLE_OAUTH_CLIENT_SECRET", google::CLIENT_SECRET)
            .env("GOOGLE_BASE_URL", &google.url)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let line = lines.next().expect("the example ended").unwrap();
        let url = line.strip_prefix("Listening on ").unwrap_or_else(|| panic!("{line}")).to_owned();
        // Hooks print, and somebody has to read.
        std::thread::spawn(move || lines.for_each(drop));
        Self { url, process }
    }

    async fn get(&self, path: &str, token: &str) -> Response {
        Client::new().get(format!("{}{path}", self.url)).bearer_auth(token).send().await.unwrap()
    }

    /// Goes to Google and comes back; what the callback answers.
    async fn by_google(&self, google: &Google, routes: &str, token: &str) -> (u16, Json) {
        let begun = self.get(&format!("{routes}/authorize"), token).await;
        let cookie =
            begun.headers()[header::SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned();
        let begun: Json = begun.json().await.unwrap();
        let page = Url::parse(begun["authorization_url"].as_str().unwrap()).unwrap();
        let back = google.consent(&page);
        assert!(back.as_str().starts_with(&format!("{}{routes}/callback?", self.url)), "{back}");
        let request = Client::new().get(back).header(header::COOKIE, cookie).bearer_auth(token);
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    async fn json(&self, path: &str, token: &str) -> Json {
        self.get(path, token).await.json().await.unwrap()
    }

    async fn login(&self, email: &str, password: &str) -> (u16, Json) {
        let form = [("username", email), ("password", password)];
        let url = format!("{}/auth/jwt/login", self.url);
        let answer = Client::new().post(url).form(&form).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    async fn post(&self, path: &str, body: &Json) -> u16 {
        let answer = Client::new().post(format!("{}{path}", self.url)).json(body).send().await.unwrap();
        answer.status().as_u16()
    }
}

fn access_token(answer: &(u16, Json)) -> &str {
    answer.1["access_token"].as_str().unwrap_or_else(|| panic!("{answer:?}"))
}

#[tokio::test]
async fn somebody_new_comes_by_google_and_comes_again_after_a_restart() {
    let (folder, google) = (tempfile::tempdir().unwrap(), Google::start().await);
    let example = Example::start(folder.path(), &google);

    let answer = example.by_google(&google, "/auth/google", "").await;
    let token = access_token(&answer).to_owned();
    assert_eq!(example.json("/providers", &token).await, json!([["Ada Lovelace", ["google"]]]));
    let user = example.json("/users/me", &token).await;
    assert_eq!((&user["email"], &user["is_verified"]), (&json!("ada@example.com"), &json!(true)));
    assert_eq!(user["name"], json!("Ada Lovelace"));

    drop(example);
    let example = Example::start(folder.path(), &google);
    let answer = example.by_google(&google, "/auth/google", "").await;
    assert_eq!(example.json("/users/me", access_token(&answer)).await, user);
}

#[tokio::test]
async fn somebody_with_a_password_links_google_and_has_two_ways_in() {
    let (folder, google) = (tempfile::tempdir().unwrap(), Google::start().await);
    let example = Example::start(folder.path(), &google);
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
    let example = Example::start(folder.path(), &google);
    let mut grace = json!({ "email": "grace@example.com", "password": "nanoseconds matter", "note": "" });
    assert_eq!(example.post("/join", &grace).await, 400);
    assert_eq!(example.login("grace@example.com", "nanoseconds matter").await.0, 400, "nothing was kept");

    grace["note"] = json!("a moth");
    assert_eq!(example.post("/join", &grace).await, 201);
    assert_eq!(example.post("/join", &grace).await, 400, "the address is taken");
    let login = example.login("grace@example.com", "nanoseconds matter").await;
    assert_eq!(example.json("/notes", access_token(&login)).await, json!(["a moth"]));
}
