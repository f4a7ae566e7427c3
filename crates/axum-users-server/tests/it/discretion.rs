//! What the log keeps to itself, even when it is told to say everything.

use serde_json::json;

use crate::support::http::{Request, Response};
use crate::support::mail::MailSink;
use crate::support::provider::Provider;
use crate::support::server::{Launch, Server};
use crate::support::{SECRET, data, login, session};

const EMAIL: &str = "ada@example.com";
const PASSWORDS: [&str; 3] = ["analytical engine", "difference engine", "tide predicting machine"];

async fn post(server: &Server, path: &str, body: serde_json::Value) -> Response {
    server.send(&Request::new("POST", path).json(&body)).await
}

#[tokio::test]
async fn hd_06_the_log_holds_no_password_token_code_state_or_secret() {
    let folder = tempfile::tempdir().unwrap();
    let (mut mails, provider) = (MailSink::start(), Provider::start());
    let server = Launch::new(&data("oauth.toml"), folder.path())
        .database(&folder.path().join("users.sqlite"))
        .set("LOG__LEVEL", "trace")
        .set("MAIL__SMTP_URL", &mails.url())
        .set("MAIL__FROM", "no-reply@example.com")
        .set("MAIL__RESET_URL", crate::support::mail::Kind::Reset.link())
        .set("MAIL__VERIFY_URL", crate::support::mail::Kind::Verify.link())
        .set("OAUTH__0__AUTHORIZE_ENDPOINT", &format!("{}/authorize", provider.base))
        .set("OAUTH__0__ACCESS_TOKEN_ENDPOINT", &format!("{}/token", provider.base))
        .set("OAUTH__0__PROFILE_ENDPOINT", &format!("{}/userinfo", provider.base))
        .start()
        .await;
    let mut hidden = vec![SECRET.to_owned(), "club-secret".to_owned(), "lovelace-wrong".to_owned()];
    hidden.extend(PASSWORDS.map(|password| password.split(' ').next().unwrap().to_owned()));

    // By password, bearer token and cookie.
    let account = json!({"email": EMAIL, "password": PASSWORDS[0], "city": "London"});
    assert_eq!(post(&server, "/auth/register", account).await.status, 201);
    assert_eq!(login(&server, EMAIL, "lovelace-wrong").await.status, 400);
    let token = login(&server, EMAIL, PASSWORDS[0]).await.json()["access_token"].as_str().unwrap().to_owned();
    let cookie = session(&server.address, EMAIL, PASSWORDS[0]).await;
    let by_cookie = format!("fastapiusersauth={cookie}");
    let change = json!({"password": PASSWORDS[1]});
    let patch = Request::new("PATCH", "/users/me").header("cookie", &by_cookie).json(&change);
    assert_eq!(server.send(&patch).await.status, 200);
    let me = format!("/users/me?access_token={token}");
    assert_eq!(server.send(&Request::new("GET", &me).bearer(&token)).await.status, 200);
    hidden.extend([token, cookie]);

    // By mail.
    for path in ["/auth/request-verify-token", "/auth/forgot-password"] {
        assert_eq!(post(&server, path, json!({"email": EMAIL})).await.status, 202);
        let mailed = mails.next().await.unwrap().token;
        let (path, body) = match path {
            "/auth/forgot-password" => {
                ("/auth/reset-password", json!({"token": mailed, "password": PASSWORDS[2]}))
            }
            _ => ("/auth/verify", json!({"token": mailed})),
        };
        assert_eq!(post(&server, path, body).await.status, 200);
        hidden.push(mailed);
    }

    // By provider.
    let tokens = json!({"json": {"access_token": "provider-access", "refresh_token": "provider-refresh"}});
    let member = json!({"json": {"member": {"number": 7, "mail": "ann@example.com", "city": "Graz"}}});
    provider.answers(&tokens, &member);
    let begun = server.send(&Request::new("GET", "/auth/club/authorize")).await;
    let flow = begun.cookie("fastapiusersoauthcsrf").unwrap().to_owned();
    let url = begun.json()["authorization_url"].as_str().unwrap().to_owned();
    let parameters = url.split_once('?').unwrap().1;
    let state = form_urlencoded::parse(parameters.as_bytes()).find(|(name, _)| name == "state").unwrap().1;
    let callback = format!("/auth/club/callback?code=provider-code&state={state}");
    let callback = Request::new("GET", &callback).header("cookie", &format!("fastapiusersoauthcsrf={flow}"));
    let answer = server.send(&callback).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let names = ["provider-access", "provider-refresh", "provider-code"];
    hidden.extend([flow, state.into_owned()].into_iter().chain(names.map(str::to_owned)));
    hidden.push(answer.json()["access_token"].as_str().unwrap().to_owned());

    let log = server.log();
    assert!(log.contains("TRACE") || log.contains("DEBUG"), "the log says nothing of details: {log}");
    assert!(log.contains("/auth/club/callback"), "{log}");
    for secret in hidden {
        assert!(!log.contains(&secret), "the log shows {secret}");
    }
}
