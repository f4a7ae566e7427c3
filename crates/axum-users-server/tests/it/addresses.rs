//! E-mail addresses that two readers could read in two ways.

use serde_json::json;
use tempfile::TempDir;

use crate::support::http::Request;
use crate::support::mail::MailSink;
use crate::support::server::{Launch, Server};
use crate::support::{data, login, register};

const PASSWORD: &str = "analytical engine";

async fn start(keys: &[(&str, &str)]) -> (Server, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let launch = Launch::new(&data("mail.toml"), folder.path())
        .database(&folder.path().join("users.sqlite"))
        .set("LIMITS__ENABLED", "false");
    let server = keys.iter().fold(launch, |launch, (key, value)| launch.set(key, value)).start().await;
    (server, folder)
}

#[tokio::test]
async fn in_09_composed_and_decomposed_letters_are_one_account() {
    let (server, _folder) = start(&[]).await;
    let (composed, decomposed) = ("ren\u{e9}e@example.com", "rene\u{301}e@example.com");
    assert_eq!(register(&server, decomposed, PASSWORD).await.status, 201);
    for again in [composed, decomposed] {
        let answer = register(&server, again, PASSWORD).await;
        assert_eq!((answer.status, answer.json()), (400, json!({"detail": "REGISTER_USER_ALREADY_EXISTS"})));
    }
    assert_eq!(login(&server, composed, PASSWORD).await.status, 200);
}

#[tokio::test]
async fn in_12_markup_in_an_address_is_refused_and_no_mail_shows_an_address() {
    let mut mails = MailSink::start();
    let (server, _folder) = start(&[("MAIL__SMTP_URL", &mails.url())]).await;
    for address in [
        "<script>alert(1)</script>@example.com",
        "\"<b>x</b>\"@example.com",
        "x@<b>example.com",
        "x@example.com<script>",
        "ada@example.com\"onclick=\"x",
    ] {
        assert_eq!(register(&server, address, PASSWORD).await.status, 422, "{address}");
    }
    // These letters are allowed before the @-sign, and mean something in HTML.
    let address = "tom&jerry'{s}=x@example.com";
    assert_eq!(register(&server, address, PASSWORD).await.status, 201);
    let forgot = Request::new("POST", "/auth/forgot-password").json(&json!({"email": address}));
    assert_eq!(server.send(&forgot).await.status, 202);
    assert_eq!(mails.next().await.unwrap().to, address);
    let mail = mails.all().pop().unwrap();
    let html = mail["html"].as_str().unwrap();
    assert!(html.contains("reset-password?token="), "{html}");
    assert!(!html.contains("tom") && !html.contains("jerry"), "{html}");
}
