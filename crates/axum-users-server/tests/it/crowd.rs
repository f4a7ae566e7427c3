//! More logins at once than a machine can hash.

use std::time::Duration;

use tempfile::TempDir;
use tokio::task::JoinSet;

use crate::support::data;
use crate::support::http::{Request, Response, try_send};
use crate::support::server::{Launch, Server};

const MEBIBYTE: u64 = 1024 * 1024;

async fn start(keys: &[(&str, &str)]) -> (Server, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let launch = Launch::new(&data("adopt.toml"), folder.path())
        .database(&folder.path().join("users.sqlite"))
        .set("LIMITS__ENABLED", "false");
    let server = keys.iter().fold(launch, |launch, (key, value)| launch.set(key, value)).start().await;
    (server, folder)
}

/// So many wrong logins at the same time.
fn guesses(server: &Server, count: usize) -> JoinSet<std::io::Result<Response>> {
    let form = [("username", "nobody@example.com"), ("password", "difference engine")];
    let guess = Request::new("POST", "/auth/jwt/login").form(&form);
    let mut guesses = JoinSet::new();
    for _ in 0..count {
        let (address, guess) = (server.address.clone(), guess.clone());
        guesses.spawn(async move { try_send(&address, &guess).await });
    }
    guesses
}

#[tokio::test]
async fn pw_10_pw_11_a_crowd_of_logins_is_answered_or_refused_in_bounded_memory() {
    // Hashes of the usual cost: 64 MiB each.
    let (server, _folder) = start(&[]).await;
    let before = server.resident_bytes();
    let mut crowd = guesses(&server, 120);
    let (mut judged, mut most) = (0, 0);
    let mut look = tokio::time::interval(Duration::from_millis(20));
    loop {
        tokio::select! {
            _ = look.tick() => most = most.max(server.resident_bytes()),
            next = crowd.join_next() => {
                let Some(answer) = next else { break };
                let answer = answer.unwrap().unwrap();
                assert!([400, 429, 503].contains(&answer.status), "{} {}", answer.status, answer.text());
                judged += usize::from(answer.status == 400);
            }
        }
    }
    assert!(judged > 0, "none was judged");
    let grown = most.saturating_sub(before) / MEBIBYTE;
    assert!(grown < 768, "{grown} MiB more");
}

#[tokio::test]
async fn pw_09_other_requests_do_not_wait_for_hashes() {
    // One hash takes longer than this test.
    let (server, _folder) = start(&[
        ("PASSWORD__ARGON2__MEMORY_KIB", "8"),
        ("PASSWORD__ARGON2__ITERATIONS", "4194304"),
        ("PASSWORD__ARGON2__PARALLELISM", "1"),
    ])
    .await;
    let mut crowd = guesses(&server, 48);
    for _ in 0..20 {
        let answer = server.send(&Request::new("GET", "/users/me")).await;
        assert_eq!(answer.status, 401, "{}", answer.text());
    }
    // Those who found no place in the queue were refused; the others still wait.
    while let Some(answer) = crowd.try_join_next() {
        assert_eq!(answer.unwrap().unwrap().status, 503);
    }
    assert!(!crowd.is_empty(), "nothing was being hashed");
}
