//! What strangers may try before they are told to wait, asked of the running server. Many addresses are told apart
//! as behind a proxy, by `X-Forwarded-For`.

use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::data;
use crate::support::http::{Request, Response};
use crate::support::mail::MailSink;
use crate::support::server::{Launch, Server};

const OWNER: &str = "ada@example.com";
const PASSWORD: &str = "analytical engine";

fn launch(folder: &Path) -> Launch {
    Launch::new(&data("mail.toml"), folder).database(&folder.join("users.sqlite"))
}

/// A server with one user.
async fn start(change: impl FnOnce(Launch) -> Launch) -> (Server, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let server = change(launch(folder.path())).start().await;
    assert_eq!(register(&server, OWNER).await.status, 201);
    (server, folder)
}

async fn behind_one_proxy() -> (Server, TempDir) {
    start(|launch| launch.set("LIMITS__TRUSTED_PROXIES", "1")).await
}

async fn post(server: &Server, path: &str, body: Value) -> Response {
    server.send(&Request::new("POST", path).json(&body)).await
}

async fn register(server: &Server, email: &str) -> Response {
    post(server, "/auth/register", json!({"email": email, "password": PASSWORD})).await
}

fn login(email: &str, password: &str) -> Request {
    Request::new("POST", "/auth/jwt/login").form(&[("username", email), ("password", password)])
}

fn guess(email: &str) -> Request {
    login(email, "difference engine")
}

/// The client's address as the proxy in front of the server tells it.
fn from(address: &str, request: Request) -> Request {
    request.header("x-forwarded-for", address)
}

/// Whether the answer is about the password, and not a refusal to look at it.
fn is_judged(answer: &Response) -> bool {
    match answer.status {
        400 => {
            assert_eq!(answer.json(), json!({"detail": "LOGIN_BAD_CREDENTIALS"}));
            true
        }
        429 => false,
        status => panic!("{status} {}", answer.text()),
    }
}

/// How many of these requests, one after the other, are not answered 429.
async fn let_through(server: &Server, requests: impl IntoIterator<Item = Request>) -> usize {
    let mut count = 0;
    for request in requests {
        count += usize::from(server.send(&request).await.status != 429);
    }
    count
}

#[tokio::test]
async fn li_01_guesses_at_one_account_end_and_say_when_to_come_back() {
    let (server, _folder) = start(|launch| launch).await;
    for _ in 0..20 {
        assert!(is_judged(&server.send(&guess(OWNER)).await));
    }
    let answer = server.send(&guess("ADA@example.com")).await;
    assert_eq!(answer.status, 429);
    let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=45).contains(&wait), "{wait}");
    assert_eq!(server.send(&login(OWNER, PASSWORD)).await.status, 429);
    assert!(is_judged(&server.send(&guess("grace@example.com")).await));
}

#[tokio::test]
async fn li_02_headers_of_proxies_that_are_not_there_change_nothing() {
    let (server, _folder) = start(|launch| launch).await;
    let forged = (0..100).map(|index| {
        let address = format!("198.51.100.{index}");
        guess(OWNER)
            .header("x-forwarded-for", &address)
            .header("x-real-ip", &address)
            .header("forwarded", &format!("for={address}"))
    });
    assert_eq!(let_through(&server, forged).await, 20);
}

#[tokio::test]
async fn li_03_guesses_at_one_account_from_many_addresses_end() {
    let (server, _folder) = behind_one_proxy().await;
    let guesses = (0..120).map(|index| from(&format!("198.51.100.{}", index % 40), guess(OWNER)));
    assert_eq!(let_through(&server, guesses).await, 100);
}

#[tokio::test]
async fn li_04_guesses_at_many_accounts_from_one_address_end() {
    let (server, _folder) = start(|launch| launch).await;
    let guesses = (0..150).map(|index| guess(&format!("user{index}@example.com")));
    assert_eq!(let_through(&server, guesses).await, 100);
}

#[tokio::test]
async fn li_05_strangers_lock_nobody_out() {
    let (server, _folder) = behind_one_proxy().await;
    let home = || from("192.0.2.1", login(OWNER, PASSWORD));
    let one_stranger = (0..60).map(|_| from("198.51.100.1", guess(OWNER)));
    assert_eq!(let_through(&server, one_stranger).await, 20);
    assert_eq!(server.send(&home()).await.status, 200);

    let many_strangers = (0..120).map(|index| from(&format!("203.0.113.{index}"), guess(OWNER)));
    assert!(let_through(&server, many_strangers).await < 120);
    assert_eq!(server.send(&home()).await.status, 200, "the owner came in from there before");
}

#[tokio::test]
async fn li_06_nobody_is_flooded_with_mails() {
    let folder = tempfile::tempdir().unwrap();
    let mails = MailSink::start();
    let mut server = launch(folder.path()).set("MAIL__SMTP_URL", &mails.url()).start().await;
    assert_eq!(register(&server, OWNER).await.status, 201);
    for _ in 0..20 {
        for path in ["/auth/forgot-password", "/auth/request-verify-token"] {
            let answer = post(&server, path, json!({"email": OWNER})).await;
            assert!(matches!(answer.status, 202 | 429), "{}", answer.status);
        }
    }
    // Every mail has left when the server has ended.
    server.stop();
    let count = mails.all().len();
    assert!((1..=10).contains(&count), "{count} mails");
}

#[tokio::test]
async fn li_07_registrations_from_one_address_end() {
    let (server, _folder) = start(|launch| launch).await;
    let mut statuses = Vec::new();
    for index in 0..119 {
        statuses.push(register(&server, &format!("user{index}@example.com")).await.status);
    }
    assert_eq!(statuses[..59], [201; 59]);
    assert_eq!(statuses[59..], [429; 60]);
}

#[tokio::test]
async fn li_08_guesses_at_the_same_instant_do_not_outrun_the_count() {
    let (server, _folder) = start(|launch| launch).await;
    let address = server.address.clone();
    let guesses: Vec<_> = (0..150)
        .map(|_| {
            let address = address.clone();
            tokio::spawn(async move { crate::support::http::send(&address, &guess(OWNER)).await })
        })
        .collect();
    let mut judged = 0;
    for answer in guesses {
        judged += usize::from(is_judged(&answer.await.unwrap()));
    }
    assert_eq!(judged, 20);
}

#[tokio::test]
async fn li_09_bad_tokens_from_one_address_end() {
    let (server, _folder) = start(|launch| launch).await;
    let tries = (0..200).map(|index| match index % 2 {
        0 => Request::new("POST", "/auth/verify").json(&json!({"token": "guess"})),
        _ => Request::new("POST", "/auth/reset-password")
            .json(&json!({"token": "guess", "password": "difference engine"})),
    });
    assert_eq!(let_through(&server, tries).await, 50);
}

#[tokio::test]
async fn li_21_a_network_of_ipv6_and_another_spelling_of_ipv4_count_together() {
    let (server, _folder) = behind_one_proxy().await;
    let one_network = (0..30).map(|index| from(&format!("2001:db8:0:1::{index:x}"), guess(OWNER)));
    assert_eq!(let_through(&server, one_network).await, 20);
    let spellings = (0..30).map(|index| from(["192.0.2.7", "::ffff:192.0.2.7"][index % 2], guess(OWNER)));
    assert_eq!(let_through(&server, spellings).await, 20);
}

#[tokio::test]
async fn li_22_behind_proxies_the_address_that_the_outermost_of_them_saw_counts() {
    let (server, _folder) = start(|launch| launch.set("LIMITS__TRUSTED_PROXIES", "2")).await;
    // The client writes what it likes on the left; the two proxies add the client and the first of them.
    let forged = |index: usize| format!("203.0.113.{index}, 198.51.100.1, 10.0.0.1");
    let guesses = (0..40).map(|index| from(&forged(index), guess(OWNER)));
    assert_eq!(let_through(&server, guesses).await, 20);
    let elsewhere = from("203.0.113.1, 198.51.100.2, 10.0.0.1", guess(OWNER));
    assert!(is_judged(&server.send(&elsewhere).await));
}

#[tokio::test]
async fn a_configuration_changes_a_limit_or_ends_them_all() {
    let (server, _folder) =
        start(|launch| launch.set("LIMITS__LOGIN_PER_ACCOUNT_AND_ADDRESS__TRIES", "3")).await;
    assert_eq!(let_through(&server, (0..10).map(|_| guess(OWNER))).await, 3);

    let (server, _folder) = start(|launch| launch.set("LIMITS__ENABLED", "false")).await;
    assert_eq!(let_through(&server, (0..110).map(|_| guess(OWNER))).await, 110);
}
