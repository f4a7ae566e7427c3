//! What the server does when it is told to stop, and what a restart keeps.

use std::time::Duration;

use serde_json::json;

use crate::support::http::{Request, send};
use crate::support::place::{Engine, Place};
use crate::support::server::Launch;
use crate::support::{data, login, session};

const EMAIL: &str = "ada@example.com";
const PASSWORD: &str = "analytical engine";

fn register() -> Request {
    Request::new("POST", "/auth/register").json(&json!({"email": EMAIL, "password": PASSWORD}))
}

on_every_engine![cr_02_tokens_and_sessions_survive_a_restart];

async fn cr_02_tokens_and_sessions_survive_a_restart(engine: Engine) {
    let place = Place::new(engine).await;
    let launch = place.launch_with("");

    let mut server = launch.start().await;
    assert_eq!(server.send(&register()).await.status, 201);
    let token = login(&server, EMAIL, PASSWORD).await.json()["access_token"].as_str().unwrap().to_owned();
    let session = session(&server.address, EMAIL, PASSWORD).await;
    server.stop();

    let server = launch.start().await;
    let by_cookie = Request::new("GET", "/users/me").header("cookie", &format!("fastapiusersauth={session}"));
    for request in [Request::new("GET", "/users/me").bearer(&token), by_cookie] {
        assert_eq!(server.send(&request).await.status, 200, "{request:?}");
    }
}

#[tokio::test]
async fn cr_03_sigterm_answers_the_logins_under_way_and_ends_with_success() {
    let folder = tempfile::tempdir().unwrap();
    // Hashes of the usual cost, so that the logins are still under way.
    let launch =
        Launch::new(&data("adopt.toml"), folder.path()).database(&folder.path().join("users.sqlite"));
    let mut server = launch.start().await;
    assert_eq!(server.send(&register()).await.status, 201);
    let logins: Vec<_> = (0..16)
        .map(|_| {
            let address = server.address.clone();
            let request =
                Request::new("POST", "/auth/jwt/login").form(&[("username", EMAIL), ("password", PASSWORD)]);
            tokio::spawn(async move { send(&address, &request).await })
        })
        .collect();
    // When the first is answered, all others have come, and wait for their turn.
    while !server.log().contains(r#"path="/auth/jwt/login""#) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    server.stop();

    for login in logins {
        let answer = login.await.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert!(answer.json()["access_token"].is_string());
    }
    assert!(server.log().contains("SIGTERM received"), "{}", server.log());
}
