//! HTTP as nobody writes it who means well: sizes, lengths, methods and paths.

use serde_json::json;
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::support::http::{Request, try_send};
use crate::support::raw::{exchange, rest, statuses};
use crate::support::server::{Launch, Server};
use crate::support::{data, login, register};

const EMAIL: &str = "ada@example.com";
const PASSWORD: &str = "analytical engine";
const MEBIBYTE: usize = 1024 * 1024;

async fn start(keys: &[(&str, &str)]) -> (Server, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let launch = Launch::new(&data("mail.toml"), folder.path()).database(&folder.path().join("users.sqlite"));
    let server = keys.iter().fold(launch, |launch, (key, value)| launch.set(key, value)).start().await;
    (server, folder)
}

/// Ordinary requests are answered as ever.
async fn assert_alive(server: &Server) {
    assert_eq!(register(server, EMAIL, PASSWORD).await.status, 201);
    assert_eq!(login(server, EMAIL, PASSWORD).await.status, 200);
}

#[tokio::test]
async fn li_10_a_body_of_48_mebibytes_is_refused_and_not_kept() {
    let (server, _folder) = start(&[]).await;
    let before = server.most_resident_bytes();
    let with_length = Request { body: vec![b'x'; 48 * MEBIBYTE], ..Request::new("POST", "/auth/register") };
    let chunk = [format!("{MEBIBYTE:x}\r\n").as_bytes(), &vec![b'x'; MEBIBYTE], b"\r\n"].concat();
    let in_chunks =
        Request { body: [chunk.repeat(48), b"0\r\n\r\n".to_vec()].concat(), ..with_length.clone() };
    for request in [with_length, in_chunks.header("transfer-encoding", "chunked")] {
        // The connection may be cut before we have said all, and the answer with it.
        if let Ok(answer) =
            try_send(&server.address, &request.header("content-type", "application/json")).await
        {
            assert_eq!(answer.status, 413, "{}", answer.text());
        }
    }
    // The most it ever had: what was kept for a moment and given back would have counted.
    let grown = server.most_resident_bytes() - before;
    assert!(grown < 32 * MEBIBYTE as u64, "{} MiB more", grown / MEBIBYTE as u64);
    assert_alive(&server).await;
}

#[tokio::test]
async fn li_11_thousands_of_headers_and_an_endless_query_are_refused() {
    let (server, _folder) = start(&[]).await;
    let headers: String = (0..5000).map(|number| format!("x-{number}: 1\r\n")).collect();
    let query = "q=1&".repeat(30_000);
    let value = "1".repeat(120_000);
    for request in [
        format!("GET /users/me HTTP/1.1\r\nhost: a\r\n{headers}\r\n"),
        format!("GET /users/me?{query} HTTP/1.1\r\nhost: a\r\n\r\n"),
        format!("GET /users/me HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {value}\r\n\r\n"),
    ] {
        let received = exchange(&server.address, request.as_bytes()).await;
        let [status] = statuses(&received)[..] else { panic!("{received:?}") };
        assert!([400, 414, 431].contains(&status), "{status}");
    }
    assert_alive(&server).await;
}

#[tokio::test]
async fn li_12_half_sent_requests_hinder_nobody_and_are_closed() {
    let (server, _folder) = start(&[("HTTP__HEADER_TIMEOUT_SECONDS", "2")]).await;
    let mut halves = Vec::new();
    for _ in 0..200 {
        let mut stream = TcpStream::connect(&server.address).await.unwrap();
        stream.write_all(b"POST /auth/jwt/login HTTP/1.1\r\nhost: a\r\nx-half: ").await.unwrap();
        halves.push(stream);
    }
    assert_alive(&server).await;
    for half in &mut halves {
        let received = rest(half).await;
        assert!(matches!(statuses(&received)[..], [] | [408]), "{received:?}");
    }
    assert_eq!(login(&server, EMAIL, PASSWORD).await.status, 200);
}

#[tokio::test]
async fn li_12_connections_beyond_the_bound_wait_for_their_turn() {
    let (server, _folder) =
        start(&[("HTTP__MAX_CONNECTIONS", "3"), ("HTTP__HEADER_TIMEOUT_SECONDS", "1")]).await;
    let mut idle = Vec::new();
    for _ in 0..10 {
        idle.push(TcpStream::connect(&server.address).await.unwrap());
    }
    assert_alive(&server).await;
}

/// A request whose end is where one reader sees it and another does not, and the request that it hides.
fn ambiguous(lines: &str, body: &str) -> String {
    format!(
        "POST /auth/jwt/login HTTP/1.1\r\nhost: a\r\ncontent-type: application/x-www-form-urlencoded\r\n{lines}\r\n\
         {body}GET /healthz HTTP/1.1\r\nhost: a\r\nx-hidden: 1\r\n\r\n"
    )
}

#[tokio::test]
async fn hd_07_of_an_ambiguous_length_no_second_request_is_made() {
    let (server, _folder) = start(&[]).await;
    let chunks = "0\r\n\r\n";
    for (lines, body) in [
        ("content-length: 5\r\ntransfer-encoding: chunked\r\n", chunks),
        ("transfer-encoding: chunked\r\ncontent-length: 5\r\n", chunks),
        ("transfer-encoding: chunked\r\ncontent-length: 500\r\n", chunks),
        ("content-length: 5\r\ncontent-length: 6\r\n", chunks),
        ("content-length: 5, 6\r\n", chunks),
        ("content-length: +5\r\n", chunks),
        ("content-length: 0x5\r\n", chunks),
        ("content-length: -1\r\n", ""),
        ("content-length: 99999999999999999999\r\n", ""),
        ("content-length:\r\n", ""),
        ("content-length : 5\r\n", chunks),
        ("transfer-encoding: identity\r\n", ""),
        ("transfer-encoding: chunked, identity\r\n", chunks),
        ("transfer-encoding: xchunked\r\n", chunks),
        ("transfer-encoding : chunked\r\n", chunks),
        ("transfer-encoding: chunked\r\n", "5;\nx\r\nabcde\r\n0\r\n\r\n"),
        ("transfer-encoding: chunked\r\n", "+5\r\nabcde\r\n0\r\n\r\n"),
        ("transfer-encoding: chunked\r\n", "fffffffffffffffff\r\nabcde\r\n0\r\n\r\n"),
        ("transfer-encoding: chunked\r\n", "5\r\nabcdefg\r\n0\r\n\r\n"),
        ("x: 1\r\n content-length: 5\r\n", chunks),
    ] {
        let received = exchange(&server.address, ambiguous(lines, body).as_bytes()).await;
        let statuses = statuses(&received);
        assert!(statuses.len() <= 1, "{lines:?} {body:?}: {received}");
        assert!(statuses.iter().all(|status| (400..500).contains(status)), "{lines:?}: {received}");
    }
    assert_alive(&server).await;
}

#[tokio::test]
async fn hd_08_odd_methods_and_spellings_of_a_path_open_nothing() {
    let (server, _folder) = start(&[]).await;
    let victim = register(&server, "victim@example.com", PASSWORD).await.json();
    let id = victim["id"].as_str().unwrap();
    assert_alive(&server).await;
    let token = login(&server, EMAIL, PASSWORD).await.json()["access_token"].as_str().unwrap().to_owned();
    let change = json!({"email": "stolen@example.com", "is_superuser": true});

    let paths = [
        format!("/users/{id}"),
        format!("/users/{id}/"),
        format!("//users/{id}"),
        format!("/users//{id}"),
        format!("/users/./{id}"),
        format!("/users/me/../{id}"),
        format!("/users/%2e/{id}"),
        format!("/%75sers/{id}"),
        format!("/USERS/{id}"),
        format!("/users/{}", id.to_uppercase()),
        format!("/users/{id};x=1"),
        format!("/users/{id}%00"),
        format!("/users/{id}%2f"),
        format!("/users/{id}?_method=DELETE"),
        format!("http://evil.example/users/{id}"),
        format!("/users%2f{id}"),
        format!("/users\\{id}"),
    ];
    let methods =
        ["GET", "PATCH", "DELETE", "POST", "PUT", "HEAD", "OPTIONS", "TRACE", "PROPFIND", "patch", "X"];
    for (path, method) in paths.iter().flat_map(|path| methods.map(|method| (path, method))) {
        let request = Request::new(method, path)
            .bearer(&token)
            .header("x-http-method-override", "DELETE")
            .header("x-http-method", "DELETE")
            .header("x-original-url", &format!("/users/{id}"))
            .json(&change);
        let answer = server.send(&request).await;
        let redirects = answer.status == 307;
        assert!(redirects || (400..500).contains(&answer.status), "{method} {path}: {}", answer.status);
        assert!(!answer.text().contains("victim"), "{method} {path}: {}", answer.text());
    }
    // The other's account is as it was.
    let answer = login(&server, "victim@example.com", PASSWORD).await;
    let theirs = answer.json()["access_token"].as_str().unwrap().to_owned();
    assert_eq!(server.send(&Request::new("GET", "/users/me").bearer(&theirs)).await.json(), victim);
}
