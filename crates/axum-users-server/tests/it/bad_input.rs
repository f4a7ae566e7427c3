//! Input and disks as they should not be: a clear answer or a clear refusal, nothing lost, no 500.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use serde_json::json;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};
use tempfile::TempDir;

use crate::support::database::Database;
use crate::support::http::{Request, Response};
use crate::support::mail::MailSink;
use crate::support::server::{Launch, Server};
use crate::support::{data, login};

struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("users.sqlite")
    }

    fn launch(&self) -> Launch {
        Launch::new(&data("mail.toml"), self.folder.path()).database(&self.file())
    }
}

async fn register(server: &Server, email: &str) -> Response {
    let body = json!({"email": email, "password": "analytical engine"});
    server.send(&Request::new("POST", "/auth/register").json(&body)).await
}

/// No setting is needed for it, and nothing is changed by it.
#[tokio::test]
async fn pw_01_pw_05_pw_06_pw_07_no_route_takes_a_bad_password() {
    let (place, mut mails) = (Place::new(), MailSink::start());
    let server = place.launch().set("MAIL__SMTP_URL", &mails.url()).start().await;
    let email = "ada@example.com";
    assert_eq!(register(&server, email).await.status, 201);
    let access = login(&server, email, "analytical engine").await.json()["access_token"].clone();
    let forgot = Request::new("POST", "/auth/forgot-password").json(&json!({"email": email}));
    assert_eq!(server.send(&forgot).await.status, 202);
    let reset = mails.next().await.unwrap().token;

    for password in ["", "abcde", "Password1", &"L".repeat(1024 * 1024)] {
        let shown: String = password.chars().take(10).collect();
        let new = json!({"email": "new@example.com", "password": password});
        let change = json!({"password": password});
        let used = json!({"token": reset, "password": password});
        for (request, code) in [
            (Request::new("POST", "/auth/register").json(&new), "REGISTER_INVALID_PASSWORD"),
            (
                Request::new("PATCH", "/users/me").bearer(access.as_str().unwrap()).json(&change),
                "UPDATE_USER_INVALID_PASSWORD",
            ),
            (Request::new("POST", "/auth/reset-password").json(&used), "RESET_PASSWORD_INVALID_PASSWORD"),
        ] {
            let answer = server.send(&request).await;
            let seen = (answer.status, answer.json()["detail"]["code"].clone());
            assert_eq!(seen, (400, json!(code)), "{shown:?} {}", answer.text());
        }
        assert!(matches!(login(&server, email, password).await.status, 400 | 422), "{shown:?}");
    }
    assert_eq!(login(&server, email, "analytical engine").await.status, 200);
}

#[tokio::test]
async fn a_body_over_the_limit_is_413_with_a_length_and_in_chunks() {
    let place = Place::new();
    let server = place.launch().set("HTTP__BODY_LIMIT_BYTES", "1024").start().await;
    let body =
        format!("{{\"email\":\"{}@example.com\",\"password\":\"analytical engine\"}}", "a".repeat(2000));
    let with_length = Request {
        body: body.clone().into_bytes(),
        ..Request::new("POST", "/auth/register").header("content-type", "application/json")
    };
    let in_chunks = Request {
        body: format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len()).into_bytes(),
        ..with_length.clone().header("transfer-encoding", "chunked")
    };
    for request in [with_length, in_chunks] {
        let answer = server.send(&request).await;
        assert_eq!(answer.status, 413, "{}", answer.text());
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert!(answer.json()["detail"].is_string(), "{}", answer.text());
    }
    assert_eq!(register(&server, "ada@example.com").await.status, 201);
}

#[tokio::test]
async fn the_limit_is_two_mebibytes_unless_it_is_set() {
    let place = Place::new();
    let server = place.launch().start().await;
    for (length, status) in [(2 * 1024 * 1024, 422), (2 * 1024 * 1024 + 1, 413)] {
        let request = Request { body: vec![b' '; length], ..Request::new("POST", "/auth/register") };
        let answer = server.send(&request.header("content-type", "application/json")).await;
        assert_eq!(answer.status, status, "{length} bytes");
    }
}

/// A start that must fail: not by a panic, and with the name of what is wrong.
fn assert_refused(launch: &Launch, path: &Path) {
    let (status, said) = launch.refused();
    assert!(matches!(status.code(), Some(1..=99)), "{status}:\n{said}");
    assert!(said.contains(path.to_str().unwrap()), "it does not name {}:\n{said}", path.display());
    assert!(!said.contains("panicked"), "{said}");
}

#[test]
fn a_file_that_is_no_database_is_refused_at_the_start_and_left_as_it_is() {
    let place = Place::new();
    let text = "Dear diary, this is not a database.\n".repeat(200);
    fs::write(place.file(), &text).unwrap();
    assert_refused(&place.launch(), &place.file());
    assert_eq!(fs::read_to_string(place.file()).unwrap(), text);
}

#[test]
fn a_database_in_a_folder_that_is_missing_is_refused_at_the_start() {
    let place = Place::new();
    let folder = place.folder.path().join("nowhere");
    assert_refused(&place.launch().database(&folder.join("users.sqlite")), &folder);
}

/// A server that cannot write to its database, which was made and filled before.
async fn read_only(place: &Place) -> Launch {
    let server = place.launch().start().await;
    assert_eq!(register(&server, "ada@example.com").await.status, 201);
    drop(server);
    for entry in fs::read_dir(place.folder.path()).unwrap() {
        let path = entry.unwrap().path();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o444)).unwrap();
    }
    fs::set_permissions(place.folder.path(), fs::Permissions::from_mode(0o555)).unwrap();
    place.launch()
}

#[tokio::test]
async fn a_database_that_cannot_be_written_is_refused_at_the_start_and_left_as_it_is() {
    let place = Place::new();
    let log = tempfile::tempdir().unwrap();
    let launch = read_only(&place).await.logging_to(log.path());
    let before = fs::read(place.file()).unwrap();
    // Root writes to everything, so it has to become somebody else first.
    let is_root = fs::metadata("/proc/self").unwrap().uid() == 0;
    let launch = if is_root {
        launch.through(&["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"])
    } else {
        launch
    };
    assert_refused(&launch, &place.file());
    assert_eq!(fs::read(place.file()).unwrap(), before);
    fs::set_permissions(place.folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
}

#[tokio::test]
async fn cr_04_while_another_process_holds_the_database_writes_are_503_reads_go_on_and_all_heals() {
    let place = Place::new();
    let server = place.launch().set("DATABASE__BUSY_TIMEOUT_SECONDS", "1").start().await;
    assert_eq!(register(&server, "ada@example.com").await.status, 201);
    let token = login(&server, "ada@example.com", "analytical engine").await.json()["access_token"].clone();
    let me = Request::new("GET", "/users/me").bearer(token.as_str().unwrap());

    let mut other = SqliteConnectOptions::new().filename(place.file()).connect().await.unwrap();
    sqlx::query("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    let write = tokio::spawn({
        let address = server.address.clone();
        async move {
            let body = json!({"email": "late@example.com", "password": "analytical engine"});
            let request = Request::new("POST", "/auth/register").json(&body);
            crate::support::http::send(&address, &request).await
        }
    });
    let read = server.send(&me).await;
    assert_eq!(read.status, 200, "{}", read.text());
    let written = write.await.unwrap();
    assert_eq!(written.status, 503, "{}", written.text());
    assert!(written.json()["detail"].is_string());

    sqlx::query("ROLLBACK").execute(&mut other).await.unwrap();
    other.close().await.unwrap();
    assert_eq!(register(&server, "late@example.com").await.status, 201);
}

/// Says where it listens, and nothing about requests.
const QUIET: &str = "warn,axum_users_server::serve=info,axum_users_server::serve::observe=warn";

#[tokio::test]
async fn cr_05_on_a_full_disk_writes_are_503_reads_go_on_and_nothing_is_lost() {
    let place = Place::new();
    let server = place.launch().start().await;
    assert_eq!(register(&server, "ada@example.com").await.status, 201);
    drop(server);

    // No file may grow beyond 400 blocks of 512 bytes: the log of the database is full after a few hundred users.
    let shell = ["sh", "-c", "trap '' XFSZ; ulimit -f 400; exec \"$0\" \"$@\""];
    let server = place.launch().through(&shell).set("LOG__LEVEL", QUIET).start().await;
    let token = login(&server, "ada@example.com", "analytical engine").await.json()["access_token"].clone();
    let mut registered = vec!["ada@example.com".to_owned()];
    let mut refused = 0;
    for number in 0.. {
        let email = format!("{}{number}@example.com", "x".repeat(200));
        let answer = register(&server, &email).await;
        match answer.status {
            201 => registered.push(email),
            503 | 507 => refused += 1,
            other => panic!("{other} {}\n{}", answer.text(), server.log()),
        }
        if refused == 3 {
            break;
        }
        assert!(number < 5000, "the disk never got full");
    }
    let me = Request::new("GET", "/users/me").bearer(token.as_str().unwrap());
    assert_eq!(server.send(&me).await.status, 200);
    drop(server);

    let server = place.launch().start().await;
    let database = Database::new(&place.file());
    assert_eq!(database.rows("PRAGMA integrity_check").await[0]["integrity_check"], "ok");
    let emails = database.rows("SELECT email FROM user ORDER BY rowid").await;
    let emails: Vec<&str> = emails.iter().map(|row| row["email"].as_str().unwrap()).collect();
    assert_eq!(emails, registered);
    assert_eq!(login(&server, &registered[registered.len() - 1], "analytical engine").await.status, 200);
    assert_eq!(register(&server, "after@example.com").await.status, 201);
}
