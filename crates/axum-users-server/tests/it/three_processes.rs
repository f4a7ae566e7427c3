//! What fits on one machine of a larger deployment: three processes, one PostgreSQL, one Redis, haproxy.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;
use tokio::task::JoinSet;

use crate::support::haproxy::LoadBalancer;
use crate::support::http::{Request, send};
use crate::support::place::{Engine, Place};
use crate::support::redis::RedisServer;

const EMAIL: &str = "ada@example.com";
const PASSWORD: &str = "analytical engine";

const CONFIG: &str = r#"
secret = "reference-secret-0123456789-abcdefghij"
[limits]
enabled = false
[password.argon2]
memory_kib = 64
iterations = 1
parallelism = 1
[[backend]]
name = "jwt"
transport = "bearer"
strategy = "jwt"
[[backend]]
name = "redis"
transport = "bearer"
strategy = "redis"
"#;

/// Requests in all, by so many clients at once; the process is killed when a third of them was answered.
const REQUESTS: usize = 600;
const CLIENTS: usize = 6;

#[tokio::test]
async fn three_processes_behind_haproxy_lose_no_request_when_one_is_killed() {
    let redis = RedisServer::start();
    let place = Place::new(Engine::Postgres).await;
    let launch = place.launch_with(CONFIG).set("REDIS__URL", &redis.url());
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let launches = folders.each_ref().map(|folder| launch.clone().logging_to(folder.path()));
    let [one, two, three] = &launches;
    let (one, two, three) = tokio::join!(one.start(), two.start(), three.start());
    let front = LoadBalancer::start(&[&one.address, &two.address, &three.address], place.folder());

    let ada = Request::new("POST", "/auth/register").json(&json!({"email": EMAIL, "password": PASSWORD}));
    assert_eq!(send(&front.address, &ada).await.status, 201);
    let form = [("username", EMAIL), ("password", PASSWORD)];
    let mut requests = Vec::new();
    for backend in ["jwt", "redis"] {
        let path = format!("/auth/{backend}/login");
        let login = send(&front.address, &Request::new("POST", &path).form(&form)).await;
        let token = login.json()["access_token"].as_str().unwrap().to_owned();
        requests.push(Request::new("GET", "/users/me").bearer(&token));
        requests.push(Request::new("POST", &path).form(&form));
    }

    let answered = Arc::new(AtomicUsize::new(0));
    let mut clients = JoinSet::new();
    for client in 0..CLIENTS {
        let (address, requests, answered) = (front.address.clone(), requests.clone(), answered.clone());
        clients.spawn(async move {
            for number in 0..REQUESTS / CLIENTS {
                let request = &requests[(client + number) % requests.len()];
                let answer = send(&address, request).await;
                assert_eq!(answer.status, 200, "{request:?} {}", answer.text());
                answered.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    while answered.load(Ordering::Relaxed) < REQUESTS / 3 {
        tokio::task::yield_now().await;
    }
    // Killed, not asked to stop: what it was answering is asked again at another.
    drop(one);
    clients.join_all().await;
    assert_eq!(answered.load(Ordering::Relaxed), REQUESTS);
    for server in [two, three] {
        assert!(server.log().contains(r#"path="/users/me""#), "both took part");
    }
}
