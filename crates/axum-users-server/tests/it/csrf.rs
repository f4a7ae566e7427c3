//! What pages of other sites can do in the browser of somebody who is logged in, asked of the running server.

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::http::{Request, Response};
use crate::support::server::{Launch, Server};
use crate::support::{data, session};

const EMAIL: &str = "ada@example.com";
const PASSWORD: &str = "analytical engine";
const EVIL: &str = "https://evil.example";

async fn start(change: impl FnOnce(Launch) -> Launch) -> (Server, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let launch = Launch::new(&data("mail.toml"), folder.path()).database(&folder.path().join("users.sqlite"));
    let server = change(launch).start().await;
    let body = json!({"email": EMAIL, "password": PASSWORD});
    assert_eq!(server.send(&Request::new("POST", "/auth/register").json(&body)).await.status, 201);
    (server, folder)
}

fn login() -> Request {
    Request::new("POST", "/auth/cookie/login").form(&[("username", EMAIL), ("password", PASSWORD)])
}

fn with_cookie(method: &str, path: &str, session: &str) -> Request {
    Request::new(method, path).header("cookie", &format!("fastapiusersauth={session}"))
}

fn rename(session: &str) -> Request {
    with_cookie("PATCH", "/users/me", session).json(&json!({"email": "other@example.com"}))
}

fn with_headers(request: Request, headers: &[(&str, &str)]) -> Request {
    headers.iter().fold(request, |request, (name, value)| request.header(name, value))
}

async fn me(server: &Server, session: &str) -> (u16, Value) {
    let answer = server.send(&with_cookie("GET", "/users/me", session)).await;
    (answer.status, answer.json()["email"].clone())
}

#[tokio::test]
async fn cs_01_a_form_of_another_site_logs_nobody_in() {
    let (server, _folder) = start(|launch| launch).await;
    let forged = with_headers(login(), &[("origin", EVIL), ("sec-fetch-site", "cross-site")]);
    let answer = server.send(&forged).await;
    assert_eq!((answer.status, answer.header("set-cookie")), (403, None));
}

#[tokio::test]
async fn cs_02_another_site_logs_nobody_out() {
    let (server, _folder) = start(|launch| launch).await;
    let session = session(&server.address, EMAIL, PASSWORD).await;
    let logout = with_cookie("POST", "/auth/cookie/logout", &session);
    let forged = with_headers(logout, &[("origin", EVIL), ("sec-fetch-site", "cross-site")]);
    assert_eq!(server.send(&forged).await.status, 403);
    assert_eq!(me(&server, &session).await, (200, json!(EMAIL)));
}

#[tokio::test]
async fn cs_03_another_site_changes_nothing_by_the_cookie() {
    let (server, _folder) = start(|launch| launch).await;
    let session = session(&server.address, EMAIL, PASSWORD).await;
    let sibling = "http://sibling.example.com";
    for headers in [
        &[("origin", EVIL), ("sec-fetch-site", "cross-site")][..],
        &[("origin", EVIL)],
        &[("origin", "null")],
        &[("origin", "null"), ("sec-fetch-site", "cross-site")],
        &[("origin", sibling), ("sec-fetch-site", "same-site")],
        &[("sec-fetch-site", "cross-site")],
    ] {
        let answer = server.send(&with_headers(rename(&session), headers)).await;
        assert_eq!(answer.status, 403, "{headers:?}: {}", answer.text());
        assert_eq!(me(&server, &session).await, (200, json!(EMAIL)), "{headers:?}");
    }
}

#[tokio::test]
async fn cs_04_json_that_calls_itself_text_changes_nothing() {
    let (server, _folder) = start(|launch| launch).await;
    let session = session(&server.address, EMAIL, PASSWORD).await;
    let mut request = with_cookie("PATCH", "/users/me", &session).header("content-type", "text/plain");
    request.body = br#"{"email": "other@example.com"}"#.to_vec();
    let answer = server.send(&request).await;
    assert!(matches!(answer.status, 400 | 403 | 415 | 422), "{}", answer.status);
    assert_eq!(me(&server, &session).await, (200, json!(EMAIL)));
}

fn preflight(origin: &str) -> Request {
    Request::new("OPTIONS", "/users/me")
        .header("origin", origin)
        .header("access-control-request-method", "PATCH")
        .header("access-control-request-headers", "content-type")
}

fn cross_origin_headers(answer: &Response) -> Vec<&(String, String)> {
    answer.headers.iter().filter(|(name, _)| name.starts_with("access-control-")).collect()
}

#[tokio::test]
async fn cs_05_no_other_origin_may_read_answers() {
    let (server, _folder) = start(|launch| launch).await;
    let session = session(&server.address, EMAIL, PASSWORD).await;
    let read = with_cookie("GET", "/users/me", &session);
    for request in [read.header("origin", EVIL), preflight(EVIL), login().header("origin", EVIL)] {
        let answer = server.send(&request).await;
        assert_eq!(cross_origin_headers(&answer), Vec::<&(String, String)>::new(), "{request:?}");
    }
}

#[tokio::test]
async fn cs_06_own_pages_and_programs_are_not_hindered() {
    let (server, _folder) = start(|launch| launch).await;
    let own = format!("http://{}", server.address);
    for headers in [
        &[][..],
        &[("origin", own.as_str()), ("sec-fetch-site", "same-origin")],
        &[("origin", own.as_str())],
        &[("sec-fetch-site", "none")],
    ] {
        let session = match server.send(&with_headers(login(), headers)).await {
            answer if answer.status == 204 => answer.cookie("fastapiusersauth").unwrap().to_owned(),
            answer => panic!("{headers:?}: {} {}", answer.status, answer.text()),
        };
        let patch = with_cookie("PATCH", "/users/me", &session).json(&json!({"email": EMAIL}));
        assert_eq!(server.send(&with_headers(patch, headers)).await.status, 200, "{headers:?}");
    }
    let token = crate::support::login(&server, EMAIL, PASSWORD).await.json();
    let token = token["access_token"].as_str().unwrap();
    let from_elsewhere = Request::new("PATCH", "/users/me").bearer(token).json(&json!({"email": EMAIL}));
    let headers = [("origin", EVIL), ("sec-fetch-site", "cross-site")];
    assert_eq!(server.send(&with_headers(from_elsewhere, &headers)).await.status, 200);
}

#[tokio::test]
async fn a_trusted_origin_may_act_for_users_and_read_answers_and_no_other_may() {
    let (server, _folder) =
        start(|launch| launch.set("HTTP__TRUSTED_ORIGINS__0", "https://App.example.com/")).await;
    let trusted = "https://app.example.com";

    let answer = server.send(&preflight(trusted)).await;
    assert_eq!(answer.status, 200);
    for (name, value) in [
        ("access-control-allow-origin", trusted),
        ("access-control-allow-credentials", "true"),
        ("access-control-allow-methods", "GET,POST,PATCH,DELETE"),
        ("access-control-allow-headers", "authorization,content-type,x-request-id"),
    ] {
        assert_eq!(answer.header(name), Some(value), "{name}");
    }
    let cross_site = [("origin", trusted), ("sec-fetch-site", "cross-site")];
    let session = session(&server.address, EMAIL, PASSWORD).await;
    let answer = server.send(&with_headers(rename(&session), &cross_site)).await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (200, Some(trusted)));
    let unknown = with_headers(Request::new("GET", "/users/me"), &cross_site);
    let answer = server.send(&unknown).await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (401, Some(trusted)));

    for other in [EVIL, "http://app.example.com", "https://app.example.com.evil.example", "null"] {
        let answer = server.send(&preflight(other)).await;
        assert_eq!(answer.header("access-control-allow-origin"), None, "{other}");
        let answer = server.send(&with_headers(rename(&session), &[("origin", other)])).await;
        assert_eq!((answer.status, answer.header("access-control-allow-origin")), (403, None), "{other}");
    }
}
