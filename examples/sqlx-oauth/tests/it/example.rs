//! The running example, as a browser and a program meet it. All three examples with OAuth are driven by this file.

#![allow(dead_code, reason = "each example needs a part of it")]

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

use reqwest::{Client, Response, Url, header};
use serde_json::Value as Json;

use crate::google::{self, Google};

/// The running example; it ends with the test.
pub(crate) struct Example {
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
    pub(crate) fn start(program: &str, folder: &Path, google: &Google, variables: &[(&str, &str)]) -> Self {
        let mut process = Command::new(program)
            .current_dir(folder)
            .env("LISTEN", "127.0.0.1:0")
            .env("SECRET", "a-secret-for-tests-of-more-than-32-bytes")
            .env("GOOGLE_OAUTH_CLIENT_ID", google::CLIENT_ID)
            .env("GOOGLE_OAUTH_CLIENT_SECRET", google::CLIENT_SECRET)
            .env("GOOGLE_BASE_URL", &google.url)
            .envs(variables.iter().copied())
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

    pub(crate) async fn json(&self, path: &str, token: &str) -> Json {
        self.get(path, token).await.json().await.unwrap()
    }

    /// Goes to Google and comes back; what the callback answers.
    pub(crate) async fn by_google(&self, google: &Google, routes: &str, token: &str) -> (u16, Json) {
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

    pub(crate) async fn login(&self, email: &str, password: &str) -> (u16, Json) {
        let form = [("username", email), ("password", password)];
        let url = format!("{}/auth/jwt/login", self.url);
        let answer = Client::new().post(url).form(&form).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    pub(crate) async fn post(&self, path: &str, body: &Json) -> u16 {
        let answer = Client::new().post(format!("{}{path}", self.url)).json(body).send().await.unwrap();
        answer.status().as_u16()
    }
}

pub(crate) fn access_token(answer: &(u16, Json)) -> &str {
    answer.1["access_token"].as_str().unwrap_or_else(|| panic!("{answer:?}"))
}
