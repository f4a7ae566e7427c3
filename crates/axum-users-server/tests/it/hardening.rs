//! What a configuration may ask for beyond the original's contract, asked of the running server.

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::replay::token;
use crate::support::http::{Request, Response};
use crate::support::mail::{Kind, MailSink};
use crate::support::server::{Launch, Server};
use crate::support::{SECRET, data, login, session};

const EMAIL: &str = "ada@example.com";
const PASSWORD: &str = "analytical engine";
const NEW_PASSWORD: &str = "difference engine";

/// A server with one user, and these keys.
async fn start(keys: &[(&str, &str)]) -> (Server, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let launch = Launch::new(&data("mail.toml"), folder.path()).database(&folder.path().join("users.sqlite"));
    let launch = keys.iter().fold(launch, |launch, (key, value)| launch.set(key, value));
    let server = launch.start().await;
    let body = json!({"email": EMAIL, "password": PASSWORD});
    assert_eq!(post(&server, "/auth/register", body).await.status, 201);
    (server, folder)
}

async fn post(server: &Server, path: &str, body: Value) -> Response {
    server.send(&Request::new("POST", path).json(&body)).await
}

async fn bearer(server: &Server, password: &str) -> String {
    let answer = login(server, EMAIL, password).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["access_token"].as_str().unwrap().to_owned()
}

async fn change(server: &Server, token: &str, changes: Value) -> Response {
    server.send(&Request::new("PATCH", "/users/me").bearer(token).json(&changes)).await
}

async fn status_of(server: &Server, token: &str) -> u16 {
    server.send(&Request::new("GET", "/users/me").bearer(token)).await.status
}

#[tokio::test]
async fn se_05_a_change_and_a_reset_of_the_password_end_jwts_by_one_key() {
    let mut mails = MailSink::start();
    let url = mails.url();
    for (key, expected) in [("true", 401), ("false", 200)] {
        let (server, _folder) =
            start(&[("HARDENING__PASSWORD_CHANGE_ENDS_SIGNED_TOKENS", key), ("MAIL__SMTP_URL", &url)]).await;
        let token = bearer(&server, PASSWORD).await;
        assert_eq!(change(&server, &token, json!({"password": NEW_PASSWORD})).await.status, 200);
        assert_eq!(status_of(&server, &token).await, expected, "changed, {key}");

        let token = bearer(&server, NEW_PASSWORD).await;
        assert_eq!(status_of(&server, &token).await, 200, "a new login is good at once");
        assert_eq!(post(&server, "/auth/forgot-password", json!({"email": EMAIL})).await.status, 202);
        let mail = mails.next().await.unwrap();
        assert_eq!(mail.kind, Kind::Reset);
        let body = json!({"token": mail.token, "password": PASSWORD});
        assert_eq!(post(&server, "/auth/reset-password", body).await.status, 200);
        assert_eq!(status_of(&server, &token).await, expected, "reset, {key}");
    }
}

#[tokio::test]
async fn se_02_a_login_ends_the_session_before_it_by_one_key() {
    for (key, expected) in [("true", 401), ("false", 200)] {
        let (server, _folder) = start(&[("HARDENING__LOGIN_ENDS_PRESENTED_SESSION", key)]).await;
        let with = |request: Request, session: &str| {
            request.header("cookie", &format!("fastapiusersauth={session}"))
        };
        let old = session(&server.address, EMAIL, PASSWORD).await;
        let form = [("username", EMAIL), ("password", PASSWORD)];
        let again = Request::new("POST", "/auth/cookie/login").form(&form);
        let answer = server.send(&with(again, &old)).await;
        let new = answer.cookie("fastapiusersauth").unwrap();
        let me = || Request::new("GET", "/users/me");
        assert_eq!(server.send(&with(me(), &old)).await.status, expected, "{key}");
        assert_eq!(server.send(&with(me(), new)).await.status, 200);
    }
}

#[tokio::test]
async fn pw_23_a_change_of_password_or_address_wants_the_present_password_by_one_key() {
    let (server, _folder) = start(&[("HARDENING__CHANGE_WANTS_CURRENT_PASSWORD", "true")]).await;
    let token = bearer(&server, PASSWORD).await;
    for changes in [
        json!({"password": NEW_PASSWORD}),
        json!({"password": NEW_PASSWORD, "current_password": "guess"}),
        json!({"email": "grace@example.com"}),
    ] {
        let answer = change(&server, &token, changes.clone()).await;
        let refused = json!({"detail": "UPDATE_USER_BAD_CURRENT_PASSWORD"});
        assert_eq!((answer.status, answer.json()), (400, refused), "{changes}");
    }
    assert_eq!(login(&server, EMAIL, PASSWORD).await.status, 200, "nothing was changed");
    let changes =
        json!({"email": "grace@example.com", "password": NEW_PASSWORD, "current_password": PASSWORD});
    assert_eq!(change(&server, &token, changes).await.json()["email"], "grace@example.com");
    assert_eq!(login(&server, "grace@example.com", NEW_PASSWORD).await.status, 200);

    let (server, _folder) = start(&[]).await;
    let token = bearer(&server, PASSWORD).await;
    assert_eq!(change(&server, &token, json!({"password": NEW_PASSWORD})).await.status, 200, "off as usual");
}

#[tokio::test]
async fn jw_09_a_token_without_an_expiry_is_refused_by_one_key() {
    for (key, expected) in [("true", 401), ("false", 200)] {
        let (server, _folder) = start(&[
            ("BACKEND__0__NAME", "jwt"),
            ("BACKEND__0__TRANSPORT", "bearer"),
            ("BACKEND__0__STRATEGY", "jwt"),
            ("BACKEND__0__REFUSE_TOKENS_WITHOUT_EXPIRY", key),
        ])
        .await;
        let ours = bearer(&server, PASSWORD).await;
        assert_eq!(status_of(&server, &ours).await, 200);
        let (_, mut claims) = token::read(&ours, SECRET).unwrap();
        assert!(claims.as_object_mut().unwrap().remove("exp").is_some());
        let endless = token::sign("HS256", SECRET, &serde_json::Map::new(), &claims);
        assert_eq!(status_of(&server, &endless).await, expected, "{key}");
    }
}

#[tokio::test]
async fn se_09_a_host_cookie_by_its_name() {
    let (server, _folder) = start(&[
        ("BACKEND__0__NAME", "cookie"),
        ("BACKEND__0__TRANSPORT", "cookie"),
        ("BACKEND__0__STRATEGY", "database"),
        ("BACKEND__0__COOKIE_NAME", "__Host-session"),
    ])
    .await;
    let form = [("username", EMAIL), ("password", PASSWORD)];
    let answer = server.send(&Request::new("POST", "/auth/cookie/login").form(&form)).await;
    let line = answer.header("set-cookie").unwrap().to_lowercase();
    assert!(line.starts_with("__host-session="), "{line}");
    assert!(line.contains("; secure") && line.contains("; path=/") && !line.contains("domain"), "{line}");
    let cookie = format!("__Host-session={}", answer.cookie("__Host-session").unwrap());
    let me = server.send(&Request::new("GET", "/users/me").header("cookie", &cookie)).await;
    assert_eq!(me.json()["email"], EMAIL);
}

/// A server that hides taken addresses, with one user, who is verified.
async fn hiding(mails: &mut MailSink) -> (Server, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let launch = Launch::new(&data("mail.toml"), folder.path())
        .database(&folder.path().join("users.sqlite"))
        .set("MAIL__SMTP_URL", &mails.url())
        .set("REQUIRES_VERIFICATION", "true")
        .set("HARDENING__HIDE_TAKEN_EMAILS", "true");
    let server = launch.start().await;
    register_and_verify(&server, mails, EMAIL).await;
    (server, folder)
}

async fn register_and_verify(server: &Server, mails: &mut MailSink, email: &str) {
    let body = json!({"email": email, "password": PASSWORD});
    assert_eq!(post(server, "/auth/register", body).await.status, 202);
    assert_eq!(post(server, "/auth/request-verify-token", json!({"email": email})).await.status, 202);
    let mail = mails.next().await.unwrap();
    assert_eq!((mail.to.as_str(), mail.kind), (email, Kind::Verify));
    assert_eq!(post(server, "/auth/verify", json!({"token": mail.token})).await.status, 200);
}

/// All that a client sees of an answer but its id and time.
fn seen(answer: &Response) -> (u16, Vec<(String, String)>, String) {
    let headers = answer.headers.iter().filter(|(name, _)| !matches!(name.as_str(), "date" | "x-request-id"));
    (answer.status, headers.cloned().collect(), answer.text())
}

/// The last mail that is to be without a token, once it has come.
async fn notice_to(mails: &MailSink, email: &str) -> String {
    let found = crate::support::process::poll(|| {
        let all = mails.all();
        let mail = all
            .iter()
            .find(|mail| mail["rcpt_to"][0] == email && !mail["links"].to_string().contains("token="))?;
        Some(mail["subject"].as_str()?.to_owned())
    });
    found.expect("no such mail")
}

#[tokio::test]
async fn en_07_register_does_not_tell_that_an_address_is_taken_by_one_key() {
    let mut mails = MailSink::start();
    let (server, _folder) = hiding(&mut mails).await;
    let register = async |email: &str| {
        post(&server, "/auth/register", json!({"email": email, "password": NEW_PASSWORD})).await
    };
    let (taken, free) = (register("Ada@Example.com").await, register("grace@example.com").await);
    assert_eq!(seen(&taken), seen(&free));
    assert_eq!((free.status, free.text().as_str()), (202, "null"));
    assert_eq!(notice_to(&mails, EMAIL).await, "You have an account already");
    let logins =
        [login(&server, EMAIL, NEW_PASSWORD).await, login(&server, "grace@example.com", NEW_PASSWORD).await];
    assert_eq!(seen(&logins[0]), seen(&logins[1]), "nor does a login");
    assert_eq!(login(&server, EMAIL, PASSWORD).await.status, 200);
}

#[tokio::test]
async fn en_10_a_change_of_address_does_not_tell_and_waits_for_the_mailed_link_by_one_key() {
    let mut mails = MailSink::start();
    let (server, _folder) = hiding(&mut mails).await;
    register_and_verify(&server, &mut mails, "grace@example.com").await;
    let token = bearer(&server, PASSWORD).await;
    let taken = change(&server, &token, json!({"email": "grace@example.com"})).await;
    let free = change(&server, &token, json!({"email": "countess@example.com"})).await;
    assert_eq!(seen(&taken), seen(&free));
    assert_eq!((free.status, free.json()["email"].clone()), (200, json!(EMAIL)));
    assert_eq!(notice_to(&mails, "grace@example.com").await, "You have an account already");

    let mail = mails.next().await.unwrap();
    assert_eq!((mail.to.as_str(), mail.kind), ("countess@example.com", Kind::Verify));
    let moved = post(&server, "/auth/verify", json!({"token": mail.token})).await;
    assert_eq!((moved.status, moved.json()["email"].clone()), (200, json!("countess@example.com")));
    assert_eq!(notice_to(&mails, EMAIL).await, "The e-mail address of your account was changed");
    assert_eq!(login(&server, "countess@example.com", PASSWORD).await.status, 200);
}
