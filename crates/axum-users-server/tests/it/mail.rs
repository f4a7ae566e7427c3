//! The mails that the server sends, through a real mail server.

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::http::{Request, Response};
use crate::support::mail::{Kind, MailSink};
use crate::support::process::poll;
use crate::support::redis::free_port;
use crate::support::server::{Launch, Server};
use crate::support::{data, login};

const EMAIL: &str = "ada@example.com";

fn launch(folder: &Path, smtp_url: &str) -> Launch {
    Launch::new(&data("mail.toml"), folder)
        .database(&folder.join("users.sqlite"))
        .set("MAIL__SMTP_URL", smtp_url)
}

async fn post(server: &Server, path: &str, body: Value) -> Response {
    server.send(&Request::new("POST", path).json(&body)).await
}

async fn register(server: &Server) {
    let answer =
        post(server, "/auth/register", json!({"email": EMAIL, "password": "analytical engine"})).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
}

async fn forget(server: &Server) {
    ask_for(server, EMAIL).await;
}

/// Asks for a reset mail, as anybody may for any address.
async fn ask_for(server: &Server, email: &str) {
    let answer = post(server, "/auth/forgot-password", json!({"email": email})).await;
    assert_eq!((answer.status, answer.text()), (202, "null".into()), "{email}");
}

async fn mailed(server: &Server, mails: &mut MailSink, kind: Kind) -> String {
    let mail = mails.next().await.unwrap_or_else(|| panic!("no mail:\n{}", server.log()));
    assert_eq!((mail.to.as_str(), mail.kind), (EMAIL, kind));
    mail.token
}

#[tokio::test]
async fn a_user_verifies_and_resets_the_password_by_mail() {
    let folder = tempfile::tempdir().unwrap();
    let mut mails = MailSink::start();
    let server = launch(folder.path(), &mails.url()).start().await;

    register(&server).await;
    let answer = post(&server, "/auth/request-verify-token", json!({"email": EMAIL})).await;
    assert_eq!(answer.status, 202);
    let token = mailed(&server, &mut mails, Kind::Verify).await;
    let answer = post(&server, "/auth/verify", json!({"token": token})).await;
    assert_eq!((answer.status, answer.json()["is_verified"].clone()), (200, json!(true)));
    assert_eq!(login(&server, EMAIL, "analytical engine").await.status, 200);

    forget(&server).await;
    let token = mailed(&server, &mut mails, Kind::Reset).await;
    let body = json!({"token": token, "password": "difference engine"});
    assert_eq!(post(&server, "/auth/reset-password", body.clone()).await.status, 200);
    assert_eq!(login(&server, EMAIL, "analytical engine").await.status, 400);
    assert_eq!(login(&server, EMAIL, "difference engine").await.status, 200);
    let again = post(&server, "/auth/reset-password", body).await;
    assert_eq!((again.status, again.json()), (400, json!({"detail": "RESET_PASSWORD_BAD_TOKEN"})));
}

#[tokio::test]
async fn a_mail_has_the_link_in_text_and_in_html_and_comes_from_the_configured_address() {
    let folder = tempfile::tempdir().unwrap();
    let mut mails = MailSink::start();
    let server = launch(folder.path(), &mails.url()).start().await;
    register(&server).await;
    forget(&server).await;
    let token = mailed(&server, &mut mails, Kind::Reset).await;

    let mail = mails.all().pop().unwrap();
    let link = Kind::Reset.link().replace("{token}", &token);
    for part in ["text", "html"] {
        assert!(mail[part].as_str().is_some_and(|text| text.contains(&link)), "{part} of {mail}");
    }
    assert_eq!(mail["from"], "Accounts <no-reply@example.com>");
    assert_eq!(mail["to"], EMAIL);
    assert!(!mail["subject"].as_str().unwrap().trim().is_empty());
    assert!(!server.log().contains(&token), "the log holds the token:\n{}", server.log());
}

#[tokio::test]
async fn the_server_logs_in_to_a_mail_server_that_wants_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut mails = MailSink::start_with(&["--login", "postman:s3cret/pass"]);
    let url = format!("smtp://postman:s3cret%2Fpass@127.0.0.1:{}", mails.port);
    let server = launch(folder.path(), &url).start().await;
    register(&server).await;
    forget(&server).await;
    mailed(&server, &mut mails, Kind::Reset).await;
    assert_eq!(mails.all()[0]["login"], "postman");
    assert!(!server.log().contains("s3cret"), "the log holds the password:\n{}", server.log());
}

/// What a certificate and its key are for in a mail server.
const TLS: [(&str, &str); 2] = [("--starttls", "smtp+starttls"), ("--tls", "smtps")];

fn with_tls(argument: &str) -> MailSink {
    let [certificate, key] =
        ["tls/server.pem", "tls/server.key.pem"].map(|file| data(file).display().to_string());
    MailSink::start_with(&[argument, &certificate, &key, "--login", "postman:secret"])
}

#[tokio::test]
async fn mails_go_over_tls_from_the_start_or_by_starttls() {
    for (argument, scheme) in TLS {
        let folder = tempfile::tempdir().unwrap();
        let mut mails = with_tls(argument);
        let launch = launch(folder.path(), &format!("{scheme}://postman:secret@127.0.0.1:{}", mails.port));
        let server =
            launch.variable("SSL_CERT_FILE", data("tls/authority.pem").to_str().unwrap()).start().await;
        register(&server).await;
        forget(&server).await;
        mailed(&server, &mut mails, Kind::Reset).await;
        assert_eq!(mails.all()[0]["tls"], true, "{scheme}");
        assert_eq!(mails.all()[0]["login"], "postman", "{scheme}");
    }
}

#[tokio::test]
async fn a_mail_server_that_nobody_vouches_for_gets_no_mail() {
    for (argument, scheme) in TLS {
        let folder = tempfile::tempdir().unwrap();
        let mails = with_tls(argument);
        let launch = launch(folder.path(), &format!("{scheme}://postman:secret@127.0.0.1:{}", mails.port));
        let server = launch.start().await;
        register(&server).await;
        forget(&server).await;
        assert!(complained(&server), "nothing in the log:\n{}", server.log());
        assert!(mails.all().is_empty(), "{scheme}");
    }
}

/// Waits until the log has a warning or an error.
fn complained(server: &Server) -> bool {
    let bad = |line: &str| line.contains("WARN") || line.contains("ERROR");
    poll(|| server.log().lines().any(bad).then_some(())).is_some()
}

#[tokio::test]
async fn cr_06_a_mail_server_that_is_down_delays_nothing_and_is_logged() {
    let folder = tempfile::tempdir().unwrap();
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let server = launch(folder.path(), &format!("smtp://{closed}")).start().await;
    register(&server).await;
    let answers = tokio::time::timeout(Duration::from_secs(20), async {
        // As many as the limits let through.
        for _ in 0..4 {
            for email in [EMAIL, "nobody@example.com"] {
                ask_for(&server, email).await;
            }
        }
        assert_eq!(login(&server, EMAIL, "analytical engine").await.status, 200);
    });
    answers.await.expect("the answers waited for the mail server");
    assert!(complained(&server), "nothing in the log:\n{}", server.log());
    assert!(!server.log().contains("eyJ"), "the log holds a token:\n{}", server.log());
}

#[tokio::test]
async fn cr_06_a_mail_goes_when_its_server_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    let server = launch(folder.path(), &format!("smtp://127.0.0.1:{port}")).start().await;
    register(&server).await;
    forget(&server).await;
    assert!(complained(&server), "nothing in the log:\n{}", server.log());
    let mut mails = MailSink::start_with(&["--port", &port.to_string()]);
    let token = mailed(&server, &mut mails, Kind::Reset).await;
    let body = json!({"token": token, "password": "difference engine"});
    assert_eq!(post(&server, "/auth/reset-password", body).await.status, 200);
}

#[tokio::test]
async fn tk_12_the_links_of_a_mail_follow_no_header_of_the_request() {
    let text = fs::read_to_string(data("mail.toml")).unwrap();
    let has_page = |line: &&str| line.starts_with("verify_url") || line.starts_with("reset_url");
    let without_pages: Vec<_> = text.lines().filter(|line| !has_page(line)).collect();
    for (config, link) in [
        (text.clone(), "https://app.example.com/reset-password?token="),
        (without_pages.join("\n"), "https://accounts.example.com/auth/reset-password"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let (mails, file) = (MailSink::start(), folder.path().join("config.toml"));
        fs::write(&file, config).unwrap();
        let launch = Launch::new(&file, folder.path()).database(&folder.path().join("users.sqlite"));
        let launch = launch.set("PUBLIC_URL", "https://accounts.example.com");
        let server = launch.set("MAIL__SMTP_URL", &mails.url()).start().await;
        register(&server).await;
        let forgot = Request::new("POST", "/auth/forgot-password").json(&json!({"email": EMAIL}));
        let forged =
            ["host", "x-forwarded-host", "x-forwarded-server", "x-original-host", "origin", "referer"]
                .into_iter()
                .fold(forgot, |request, name| request.header(name, "evil.example"))
                .header("forwarded", "host=evil.example;proto=https");
        assert_eq!(server.send(&forged).await.status, 202);
        let mail = poll(|| mails.all().pop()).expect("no mail").to_string();
        assert!(mail.contains(link) && !mail.contains("evil.example"), "{mail}");
    }
}

#[tokio::test]
async fn without_a_mail_server_each_mail_is_a_file_that_only_its_owner_reads() {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().unwrap();
    let launch = Launch::new(&data("mail.toml"), folder.path()).database(&folder.path().join("users.sqlite"));
    let server = launch.start().await;
    register(&server).await;
    forget(&server).await;
    let mails = folder.path().join("mails");
    let file = poll(|| Some(fs::read_dir(&mails).ok()?.next()?.unwrap().path())).expect("no file in mails/");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let name = file.file_name().unwrap().to_str().unwrap().to_owned();
    let named = poll(|| server.log().contains(&name).then_some(()));
    assert!(named.is_some(), "the log does not name {name}:\n{}", server.log());
    assert!(!server.log().contains("eyJ"), "the log holds a token:\n{}", server.log());
}

/// Who was mailed with which subject, once so many mails have come.
async fn mailed_subjects(mails: &MailSink, count: usize) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let all = poll(|| Some(mails.all()).filter(|all| all.len() >= count)).expect("too few mails");
    let mut pairs: Vec<_> =
        all.iter().map(|mail| (text(&mail["rcpt_to"][0]), text(&mail["subject"]))).collect();
    pairs.sort();
    pairs
}

async fn change(server: &Server, password: &str, changes: Value) {
    let token = login(server, EMAIL, password).await.json()["access_token"].as_str().unwrap().to_owned();
    let answer = server.send(&Request::new("PATCH", "/users/me").bearer(&token).json(&changes)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

#[tokio::test]
async fn tk_21_the_owner_is_told_of_a_changed_password_and_address_at_the_old_address_too() {
    let folder = tempfile::tempdir().unwrap();
    let mut mails = MailSink::start();
    let server = launch(folder.path(), &mails.url()).start().await;
    register(&server).await;
    change(&server, "analytical engine", json!({"password": "difference engine"})).await;
    let password = (EMAIL.to_owned(), "Your password was changed".to_owned());
    assert_eq!(mailed_subjects(&mails, 1).await, std::slice::from_ref(&password));

    forget(&server).await;
    let token = mailed(&server, &mut mails, Kind::Reset).await;
    let body = json!({"token": token, "password": "analytical engine"});
    assert_eq!(post(&server, "/auth/reset-password", body).await.status, 200);
    change(&server, "analytical engine", json!({"email": "countess@example.com"})).await;
    let pair = |to: &str, subject: &str| (to.to_owned(), subject.to_owned());
    assert_eq!(
        mailed_subjects(&mails, 5).await,
        [
            pair(EMAIL, "Reset your password"),
            pair(EMAIL, "The e-mail address of your account was changed"),
            password.clone(),
            password,
            pair("countess@example.com", "This is the e-mail address of your account now"),
        ]
    );
}

#[tokio::test]
async fn tk_21_owners_are_told_nothing_where_that_is_switched_off() {
    let folder = tempfile::tempdir().unwrap();
    let mails = MailSink::start();
    let mut server = launch(folder.path(), &mails.url()).set("MAIL__NOTIFY_CHANGES", "false").start().await;
    register(&server).await;
    change(&server, "analytical engine", json!({"password": "difference engine"})).await;
    change(&server, "difference engine", json!({"email": "countess@example.com"})).await;
    // Every mail has left when the server has ended.
    server.stop();
    assert!(mails.all().is_empty(), "{:?}", mails.all());
}
