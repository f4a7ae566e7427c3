//! What elapsed time tells, by statistics: `cargo xtask security` alone runs these, with the machine to itself.

use std::time::{Duration, Instant};

use serde_json::json;
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::support::http::{Request, try_send};
use crate::support::raw::rest;
use crate::support::server::{Launch, Server};
use crate::support::{data, register};

const KNOWN: &str = "ada@example.com";
const UNKNOWN: &str = "bob@example.com";
const PASSWORD: &str = "analytical engine";

/// A server as it is without configuration, but for the limits, with one user.
async fn start() -> (Server, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let launch = Launch::new(&data("adopt.toml"), folder.path())
        .database(&folder.path().join("users.sqlite"))
        .set("LIMITS__ENABLED", "false");
    let server = launch.start().await;
    assert_eq!(register(&server, KNOWN, PASSWORD).await.status, 201);
    (server, folder)
}

async fn time(server: &Server, request: &Request) -> Duration {
    let begun = Instant::now();
    server.send(request).await;
    begun.elapsed()
}

/// The duration that so many hundredths of the samples stay below.
fn quantile(samples: &mut [Duration], hundredths: usize) -> Duration {
    samples.sort();
    samples[(samples.len() * hundredths / 100).min(samples.len() - 1)]
}

/// Two requests take the same time: twice in a row, neither medians nor lower quartiles are further apart than ten
/// milliseconds and a fifth.
async fn assert_alike(server: &Server, first: Request, second: Request, pairs: usize) {
    for _ in 0..2 {
        let (mut firsts, mut seconds) = (Vec::new(), Vec::new());
        for _ in 0..pairs {
            firsts.push(time(server, &first).await);
            seconds.push(time(server, &second).await);
        }
        for hundredths in [25, 50] {
            let (first, second) = (quantile(&mut firsts, hundredths), quantile(&mut seconds, hundredths));
            let allowed = Duration::from_millis(10).max(first.max(second) / 5);
            let gap = first.abs_diff(second);
            assert!(gap <= allowed, "{first:?} and {second:?} at {hundredths} %");
        }
    }
}

#[tokio::test]
async fn en_02_a_login_takes_the_same_time_for_known_and_unknown() {
    let (server, _folder) = start().await;
    let login = |email| {
        Request::new("POST", "/auth/jwt/login")
            .form(&[("username", email), ("password", "difference engine")])
    };
    assert_alike(&server, login(KNOWN), login(UNKNOWN), 20).await;
}

#[tokio::test]
async fn en_04_en_06_asking_for_a_mail_takes_the_same_time_for_known_and_unknown() {
    let (server, _folder) = start().await;
    for path in ["/auth/forgot-password", "/auth/request-verify-token"] {
        let ask = |email| Request::new("POST", path).json(&json!({"email": email}));
        assert_alike(&server, ask(KNOWN), ask(UNKNOWN), 40).await;
    }
}

#[tokio::test]
async fn pw_09_other_requests_stay_quick_while_passwords_are_hashed() {
    let (server, _folder) = start().await;
    let form = [("username", KNOWN), ("password", "difference engine")];
    let guess = Request::new("POST", "/auth/jwt/login").form(&form);
    let crowd: Vec<_> = (0..48)
        .map(|_| {
            let (address, guess) = (server.address.clone(), guess.clone());
            tokio::spawn(async move { try_send(&address, &guess).await })
        })
        .collect();
    let mut samples = Vec::new();
    while crowd.iter().any(|guess| !guess.is_finished()) {
        samples.push(time(&server, &Request::new("GET", "/users/me")).await);
    }
    let slow = quantile(&mut samples, 95);
    assert!(slow < Duration::from_millis(500), "{slow:?} of {} samples", samples.len());
}

#[tokio::test]
async fn li_12_half_sent_requests_are_closed_within_45_seconds() {
    let (server, _folder) = start().await;
    let mut halves = Vec::new();
    for _ in 0..200 {
        let mut stream = TcpStream::connect(&server.address).await.unwrap();
        stream.write_all(b"GET /users/me HTTP/1.1\r\nhost: a\r\n").await.unwrap();
        halves.push(stream);
    }
    let begun = Instant::now();
    assert!(time(&server, &Request::new("GET", "/users/me")).await < Duration::from_secs(1));
    for half in &mut halves {
        rest(half).await;
    }
    assert!(begun.elapsed() < Duration::from_secs(45), "{:?}", begun.elapsed());
}
