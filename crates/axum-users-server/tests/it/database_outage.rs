//! A database server that is killed or paused while the server runs, and comes back.

use std::time::Duration;

use serde_json::json;
use tokio::time::{Instant, sleep, timeout};

use crate::support::http::{Request, Response};
use crate::support::place::Engine;
use crate::support::server::{Launch, Server};
use crate::support::throwaway::{Kind, Throwaway};
use crate::support::{login, session};

on_every_server![cr_20_while_the_database_is_killed_or_paused_answers_are_503_and_all_heals];

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
[database]
timeout_seconds = 2
[[backend]]
name = "jwt"
transport = "bearer"
strategy = "jwt"
[[backend]]
name = "cookie"
transport = "cookie"
strategy = "database"
cookie_secure = false
"#;

/// What somebody waits for at most, for an answer as for the return.
const PATIENCE: Duration = Duration::from_secs(5);

async fn cr_20_while_the_database_is_killed_or_paused_answers_are_503_and_all_heals(engine: Engine) {
    let mut database = Throwaway::start(match engine {
        Engine::Postgres => Kind::PostgreSql,
        Engine::MySql => Kind::MariaDb,
        Engine::MongoDb => Kind::MongoDb,
        Engine::Sqlite => unreachable!("it has no server"),
    });
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config.toml");
    std::fs::write(&config, CONFIG).unwrap();
    let server =
        Launch::new(&config, folder.path()).set("DATABASE__URL", &database.url("test")).start().await;
    let register = server.send(&register(EMAIL)).await;
    assert_eq!(register.status, 201, "{}", register.text());
    let token = login(&server, EMAIL, PASSWORD).await.json()["access_token"].as_str().unwrap().to_owned();
    let session = session(&server.address, EMAIL, PASSWORD).await;
    let me = [
        Request::new("GET", "/users/me").bearer(&token),
        Request::new("GET", "/users/me").header("cookie", &format!("fastapiusersauth={session}")),
    ];

    database.kill();
    nobody_is_served(&server, &me).await;
    database.start_again();
    everybody_is_served(&server, &me).await;
    database.pause();
    nobody_is_served(&server, &me).await;
    database.resume();
    everybody_is_served(&server, &me).await;
    assert!(!server.log().contains("panicked"), "{}", server.log());
}

fn register(email: &str) -> Request {
    Request::new("POST", "/auth/register").json(&json!({ "email": email, "password": PASSWORD }))
}

fn log_in() -> Request {
    Request::new("POST", "/auth/jwt/login").form(&[("username", EMAIL), ("password", PASSWORD)])
}

async fn answer(server: &Server, request: &Request) -> Response {
    let answer = timeout(PATIENCE, server.send(request)).await;
    answer.unwrap_or_else(|_| panic!("{} {} is not answered", request.method, request.target))
}

async fn nobody_is_served(server: &Server, me: &[Request; 2]) {
    // More at once than there are connections; the address is taken, since a paused server may do it later.
    let mut requests = vec![register(EMAIL), log_in(), Request::new("GET", "/readyz")];
    requests.extend(me.iter().cycle().take(40).cloned());
    let answers = futures_of(server, &requests).await;
    for (request, answer) in requests.iter().zip(answers) {
        assert_eq!(answer.status, 503, "{} {}: {}", request.method, request.target, answer.text());
    }
    for target in ["/healthz", "/openapi.json"] {
        assert_eq!(answer(server, &Request::new("GET", target)).await.status, 200, "{target}");
    }
}

/// The answers to all of them, asked at once.
async fn futures_of(server: &Server, requests: &[Request]) -> Vec<Response> {
    let mut tasks = tokio::task::JoinSet::new();
    for (number, request) in requests.iter().cloned().enumerate() {
        let address = server.address.clone();
        tasks.spawn(async move {
            let sent = timeout(PATIENCE, crate::support::http::send(&address, &request)).await;
            let answer =
                sent.unwrap_or_else(|_| panic!("{} {} is not answered", request.method, request.target));
            (number, answer)
        });
    }
    let mut answers = tasks.join_all().await;
    answers.sort_by_key(|(number, _)| *number);
    answers.into_iter().map(|(_, answer)| answer).collect()
}

async fn everybody_is_served(server: &Server, me: &[Request; 2]) {
    let back = Instant::now() + PATIENCE;
    while answer(server, &Request::new("GET", "/readyz")).await.status != 200 {
        assert!(Instant::now() < back, "{}", server.log());
        sleep(Duration::from_millis(20)).await;
    }
    let requests: Vec<_> = me.iter().cycle().take(40).cloned().chain([log_in()]).collect();
    for (request, answer) in requests.iter().zip(futures_of(server, &requests).await) {
        assert_eq!(answer.status, 200, "{} {}: {}", request.method, request.target, answer.text());
    }
    assert_eq!(
        answer(server, &register(EMAIL)).await.json(),
        json!({"detail": "REGISTER_USER_ALREADY_EXISTS"})
    );
}
