//! Sessions as data and refresh tokens, asked of the running server and of its command line.

use std::fs;
use std::process::{Command, Output};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::command::command;
use crate::support::database::Database;
use crate::support::http::{Request, Response};
use crate::support::mail::{Kind, MailSink};
use crate::support::place::{Engine, Place};
use crate::support::server::{Launch, Server};
use crate::support::{data, login, session};

const EMAIL: &str = "ada@example.com";
const PASSWORD: &str = "analytical engine";

/// A server with one user, and these keys.
async fn start(keys: &[(&str, &str)]) -> (Server, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let launch = Launch::new(&data("mail.toml"), folder.path()).database(&folder.path().join("users.sqlite"));
    let launch = keys.iter().fold(launch, |launch, (key, value)| launch.set(key, value));
    let server = launch.start().await;
    register(&server).await;
    (server, folder)
}

async fn register(server: &Server) {
    let new = json!({"email": EMAIL, "password": PASSWORD});
    assert_eq!(server.send(&Request::new("POST", "/auth/register").json(&new)).await.status, 201);
}

fn by(cookie: &str, method: &str, path: &str) -> Request {
    Request::new(method, path).header("cookie", &format!("fastapiusersauth={cookie}"))
}

async fn list(server: &Server, cookie: &str) -> Vec<Value> {
    let answer = server.send(&by(cookie, "GET", "/users/me/sessions")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json().as_array().unwrap().clone()
}

async fn status_of(server: &Server, cookie: &str) -> u16 {
    server.send(&by(cookie, "GET", "/users/me")).await.status
}

fn cli(folder: &TempDir, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_axum-users"));
    let url = format!("sqlite://{}", folder.path().join("users.sqlite").display());
    command.args(["--config", data("mail.toml").to_str().unwrap()]).args(arguments);
    command.env("AXUM_USERS__DATABASE__URL", url).output().unwrap()
}

fn said(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[tokio::test]
async fn se_21_the_server_lists_and_ends_sessions_without_a_setting() {
    let (server, _folder) = start(&[]).await;
    let one = session(&server.address, EMAIL, PASSWORD).await;
    let two = session(&server.address, EMAIL, PASSWORD).await;
    let sessions = list(&server, &one).await;
    assert_eq!(sessions.len(), 2);
    let other = sessions.iter().find(|session| session["is_current"] == false).unwrap();
    assert_eq!((&other["backend"], &other["address"]), (&json!("cookie"), &json!("127.0.0.1")));
    let path = format!("/users/me/sessions/{}", other["id"].as_str().unwrap());
    assert_eq!(server.send(&by(&one, "DELETE", &path)).await.status, 204);
    assert_eq!([status_of(&server, &one).await, status_of(&server, &two).await], [200, 401]);
}

#[tokio::test]
async fn se_21_the_command_line_lists_and_ends_sessions() {
    let (server, folder) = start(&[]).await;
    let one = session(&server.address, EMAIL, PASSWORD).await;
    let two = session(&server.address, EMAIL, PASSWORD).await;
    let listed = said(&cli(&folder, &["session", "list", EMAIL, "--json"]));
    let listed: Vec<Value> = listed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(listed.len(), 2);
    let current = list(&server, &one).await;
    let current = current.iter().find(|session| session["is_current"] == true).unwrap();
    let table = said(&cli(&folder, &["session", "list", EMAIL]));
    assert!(table.contains(current["id"].as_str().unwrap()) && table.contains("127.0.0.1"), "{table}");
    assert!(table.lines().count() == 3, "{table}");

    let ended = cli(&folder, &["session", "end", EMAIL, current["id"].as_str().unwrap()]);
    assert_eq!(said(&ended), "The session has ended.\n");
    assert_eq!([status_of(&server, &one).await, status_of(&server, &two).await], [401, 200]);
    let again = cli(&folder, &["session", "end", EMAIL, current["id"].as_str().unwrap()]);
    let error = String::from_utf8(again.stderr).unwrap();
    assert!(error.contains("ada@example.com has no session"), "{error}");
    assert_eq!(
        said(&cli(&folder, &["session", "end-all", EMAIL])),
        "All sessions of ada@example.com have ended.\n"
    );
    assert_eq!(status_of(&server, &two).await, 401);
}

#[tokio::test]
async fn the_routes_can_be_switched_off_and_sessions_capped() {
    let (server, _folder) = start(&[("SESSIONS__ROUTES", "false"), ("SESSIONS__MAX_PER_USER", "1")]).await;
    let one = session(&server.address, EMAIL, PASSWORD).await;
    let two = session(&server.address, EMAIL, PASSWORD).await;
    assert_eq!([status_of(&server, &one).await, status_of(&server, &two).await], [401, 200]);
    let answer = server.send(&by(&two, "GET", "/users/me/sessions")).await;
    assert_eq!(answer.status, 404);
}

/// Whoever gets hold of a copy of the file comes in nowhere by it.
#[tokio::test]
async fn se_11_the_file_of_the_database_holds_no_live_token() {
    let (server, folder) = start(&[]).await;
    let cookie = session(&server.address, EMAIL, PASSWORD).await;
    assert_eq!(status_of(&server, &cookie).await, 200);
    let files = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
    // The log of what is not in the database itself yet, too.
    let stored: Vec<u8> = files
        .filter(|file| file.file_name().unwrap().to_string_lossy().starts_with("users.sqlite"))
        .flat_map(|file| fs::read(file).unwrap())
        .collect();
    let holds = |text: &str| stored.windows(text.len()).any(|part| part == text.as_bytes());
    assert!(holds(EMAIL), "what is stored is found");
    assert!(!holds(&cookie), "and the token is not");
}

/// The browser may keep a cookie as long as it likes.
async fn se_20_a_session_is_over_by_the_servers_time_on_every_database(engine: Engine) {
    let place = Place::new(engine).await;
    let server = place.launch(&data("mail.toml")).start().await;
    register(&server).await;
    let cookie = session(&server.address, EMAIL, PASSWORD).await;
    assert_eq!(status_of(&server, &cookie).await, 200);
    place.database().age_access_tokens(3500).await;
    assert_eq!(status_of(&server, &cookie).await, 200);
    place.database().age_access_tokens(200).await;
    assert_eq!(status_of(&server, &cookie).await, 401);
}

/// Without a setting, and at once.
async fn se_03_se_04_se_07_sessions_end_with_the_password_and_with_their_user(engine: Engine) {
    let (place, mut mails) = (Place::new(engine).await, MailSink::start());
    let server = place.launch(&data("mail.toml")).set("MAIL__SMTP_URL", &mails.url()).start().await;
    register(&server).await;
    let (this, other) =
        (session(&server.address, EMAIL, PASSWORD).await, session(&server.address, EMAIL, PASSWORD).await);
    let change = by(&this, "PATCH", "/users/me").json(&json!({"password": "difference engine"}));
    assert_eq!(server.send(&change).await.status, 200);
    assert_eq!([status_of(&server, &this).await, status_of(&server, &other).await], [200, 401]);

    let forgot = Request::new("POST", "/auth/forgot-password").json(&json!({"email": EMAIL}));
    assert_eq!(server.send(&forgot).await.status, 202);
    let mail = mails.next().await.unwrap();
    assert_eq!(mail.kind, Kind::Reset);
    let reset = json!({"token": mail.token, "password": PASSWORD});
    assert_eq!(server.send(&Request::new("POST", "/auth/reset-password").json(&reset)).await.status, 200);
    assert_eq!(status_of(&server, &this).await, 401, "the one that changed it before, too");

    let again = session(&server.address, EMAIL, PASSWORD).await;
    assert_eq!(status_of(&server, &again).await, 200);
    for (is_active, status) in [("0", 401), ("1", 200)] {
        place.database().set_user(EMAIL, "is_active", is_active).await;
        assert_eq!(status_of(&server, &again).await, status, "is_active {is_active}");
    }
    let deleted = command(&place.url(), place.folder(), &["user", "delete", EMAIL, "--yes"]);
    assert_eq!(deleted.code, Some(0), "{deleted:?}");
    assert_eq!(status_of(&server, &again).await, 401);
}

on_every_engine!(
    se_03_se_04_se_07_sessions_end_with_the_password_and_with_their_user,
    se_20_a_session_is_over_by_the_servers_time_on_every_database,
);

#[tokio::test]
async fn se_23_a_session_that_is_not_used_is_over_by_one_key() {
    let cookie = [
        ("BACKEND__0__NAME", "cookie"),
        ("BACKEND__0__TRANSPORT", "cookie"),
        ("BACKEND__0__STRATEGY", "database"),
    ];
    for (keys, expected) in [(&[("BACKEND__0__INACTIVITY_SECONDS", "300")][..], 401), (&[][..], 200)] {
        let (server, folder) = start(&[&cookie[..], keys].concat()).await;
        let session = session(&server.address, EMAIL, PASSWORD).await;
        // A session whose use was never noted is used at its beginning.
        let database = Database::new(&folder.path().join("users.sqlite"));
        database.execute("DELETE FROM axum_users_session", &[]).await;
        database.age_access_tokens(301).await;
        assert_eq!(status_of(&server, &session).await, expected, "{keys:?}");
    }
}

const REFRESHED: [(&str, &str); 5] = [
    ("BACKEND__0__NAME", "jwt"),
    ("BACKEND__0__TRANSPORT", "bearer"),
    ("BACKEND__0__STRATEGY", "jwt"),
    ("BACKEND__0__LIFETIME_SECONDS", "900"),
    ("BACKEND__0__REFRESH_LIFETIME_SECONDS", "2592000"),
];

async fn refresh(server: &Server, token: &Value) -> Response {
    let body = json!({ "refresh_token": token });
    server.send(&Request::new("POST", "/auth/jwt/refresh").json(&body)).await
}

#[tokio::test]
async fn a_backend_has_refresh_tokens_by_one_key() {
    let (mut server, folder) = start(&REFRESHED).await;
    let first = login(&server, EMAIL, PASSWORD).await.json();
    assert_eq!((&first["token_type"], &first["expires_in"]), (&json!("bearer"), &json!(900)));
    let second = refresh(&server, &first["refresh_token"]).await;
    assert_eq!(second.status, 200, "{}", second.text());
    let second = second.json();
    let me = Request::new("GET", "/users/me").bearer(second["access_token"].as_str().unwrap());
    assert_eq!(server.send(&me).await.status, 200);

    // They outlive the server, and end with the session.
    server.stop();
    let launch = Launch::new(&data("mail.toml"), folder.path()).database(&folder.path().join("users.sqlite"));
    let server = REFRESHED.iter().fold(launch, |launch, (key, value)| launch.set(key, value)).start().await;
    let third = refresh(&server, &second["refresh_token"]).await.json();
    let log = server.log();
    for token in [&first, &second, &third] {
        assert!(!log.contains(token["refresh_token"].as_str().unwrap()), "a token is in the log");
    }
    said(&cli(&folder, &["session", "end-all", EMAIL]));
    let ended = refresh(&server, &third["refresh_token"]).await;
    assert_eq!((ended.status, ended.json()), (400, json!({"detail": "REFRESH_BAD_TOKEN"})));
}
