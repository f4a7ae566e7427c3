//! Sessions in Redis, as a client of the server meets them.

use crate::support::data;
use crate::support::http::{Request, Response, send};
use crate::support::mail::MailSink;
use crate::support::original::Original;
use crate::support::provider::Provider;
use crate::support::redis::{RedisServer, free_port};
use crate::support::server::{Launch, Server};
use serde_json::json;

const EMAIL: &str = "ada@example.com";
const PASSWORD: &str = "a horse in the rain";

/// A server with cheap hashes and one backend, in this Redis.
fn launch(folder: &std::path::Path, url: &str) -> Launch {
    Launch::new(&data("mail.toml"), folder)
        .database(&folder.join("users.sqlite"))
        .set("BACKEND__0__NAME", "redis")
        .set("BACKEND__0__TRANSPORT", "bearer")
        .set("BACKEND__0__STRATEGY", "redis")
        .set("REDIS__URL", url)
}

async fn login(server: &Server) -> Response {
    let form = [("username", EMAIL), ("password", PASSWORD)];
    server.send(&Request::new("POST", "/auth/redis/login").form(&form)).await
}

async fn register(server: &Server) {
    let new = json!({"email": EMAIL, "password": PASSWORD});
    assert_eq!(server.send(&Request::new("POST", "/auth/register").json(&new)).await.status, 201);
}

/// The status of `/users/me` with the token of a login.
async fn status_with(server: &Server, login: &Response) -> u16 {
    let token = login.json()["access_token"].as_str().unwrap().to_owned();
    server.send(&Request::new("GET", "/users/me").bearer(&token)).await.status
}

#[tokio::test]
async fn cr_22_the_server_starts_without_redis_says_so_and_uses_it_when_it_comes() {
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    let server = launch(folder.path(), &format!("redis://:hunter2@127.0.0.1:{port}")).start().await;
    let log = server.log();
    assert!(
        log.contains(&format!("redis     127.0.0.1:{port}, which does not answer: its backends answer 503")),
        "{log}"
    );
    assert!(
        log.contains(
            "Redis does not answer: its backends answer 503, and limits are counted by this process alone"
        ),
        "{log}"
    );
    assert!(log.contains("bearer token, a session in Redis, good for 1 hour"), "{log}");
    register(&server).await;
    assert_eq!(login(&server).await.status, 503);
    assert_eq!(server.send(&Request::new("GET", "/readyz")).await.status, 200, "everything else works");
    assert!(!server.log().contains("hunter2"));
    drop(server);

    let server = launch(folder.path(), &format!("redis://127.0.0.1:{port}")).start().await;
    assert_eq!(login(&server).await.status, 503);
    let _redis = RedisServer::start_at(port);
    let login = login(&server).await;
    assert_eq!(login.status, 200);
    assert_eq!(status_with(&server, &login).await, 200);
}

#[tokio::test]
async fn se_22_a_redis_that_goes_away_takes_no_other_backend_with_it() {
    let (folder, redis) = (tempfile::tempdir().unwrap(), RedisServer::start());
    let launch = launch(folder.path(), &redis.url())
        .set("BACKEND__1__NAME", "jwt")
        .set("BACKEND__1__TRANSPORT", "bearer")
        .set("BACKEND__1__STRATEGY", "jwt");
    let server = launch.start().await;
    register(&server).await;
    let session = login(&server).await;
    let signed = crate::support::login(&server, EMAIL, PASSWORD).await;
    assert_eq!([status_with(&server, &session).await, status_with(&server, &signed).await], [200, 200]);

    let port = redis.port;
    drop(redis);
    assert_eq!(login(&server).await.status, 503);
    assert_eq!([status_with(&server, &session).await, status_with(&server, &signed).await], [503, 200]);
    assert_eq!(crate::support::login(&server, EMAIL, PASSWORD).await.status, 200);

    let _redis = RedisServer::start_at(port);
    assert_eq!(login(&server).await.status, 200);
}

#[tokio::test]
async fn redis_over_tls_is_used_when_its_certificate_is_good_and_refused_otherwise() {
    let files = ["tls/server.pem", "tls/server.key.pem"].map(|file| data(file).display().to_string());
    let redis = RedisServer::start_with_tls(&files[0], &files[1]);
    let url = format!("rediss://127.0.0.1:{}", redis.port);
    let authority = data("tls/authority.pem").display().to_string();

    let folder = tempfile::tempdir().unwrap();
    let server = launch(folder.path(), &url).variable("SSL_CERT_FILE", &authority).start().await;
    register(&server).await;
    let good = login(&server).await;
    assert_eq!(status_with(&server, &good).await, 200);
    drop(server);

    let server = launch(folder.path(), &url).start().await;
    assert_eq!(login(&server).await.status, 503);
    assert!(server.log().contains("UnknownIssuer"), "{}", server.log());
}

#[tokio::test]
async fn side_by_side_a_session_in_redis_is_good_on_both_sides_and_ends_on_both() {
    let folder = tempfile::tempdir().unwrap();
    let (redis, mails, provider) = (RedisServer::start(), MailSink::start(), Provider::start());
    let launch = launch(folder.path(), &redis.url()).set("COMPAT__SIDE_BY_SIDE", "true");
    let server = launch.start().await;
    register(&server).await;
    let file = folder.path().join("users.sqlite");
    let discovery = provider.discovery();
    let original = Original::start_with_redis("default", &file, mails.port, &discovery, &redis.url());

    for (from, to) in [(&server.address, &original.address), (&original.address, &server.address)] {
        let form = [("username", EMAIL), ("password", PASSWORD)];
        let login = send(from, &Request::new("POST", "/auth/redis/login").form(&form)).await;
        let token = login.json()["access_token"].as_str().unwrap().to_owned();
        let me = || Request::new("GET", "/users/me").bearer(&token);
        assert_eq!([send(from, &me()).await.status, send(to, &me()).await.status], [200, 200]);
        let logout = Request::new("POST", "/auth/redis/logout").bearer(&token);
        assert_eq!(send(to, &logout).await.status, 204);
        assert_eq!([send(from, &me()).await.status, send(to, &me()).await.status], [401, 401]);
    }
    assert_eq!(redis.keys().len(), 0);
}
