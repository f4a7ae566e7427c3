//! A database that FastAPI Users left behind, served as it is; and both applications on it at the same time.

mod command;
mod oauth;
mod servers;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};
use tempfile::TempDir;

use crate::support::database::Database;
use crate::support::http::{Request, Response, send};
use crate::support::mail::{Kind, MailSink};
use crate::support::original::Original;
use crate::support::provider::Provider;
use crate::support::server::{Launch, Server};
use crate::support::{data, login, session};

/// The database of the fixtures in a folder of its own.
struct LeftBehind {
    folder: TempDir,
    file: PathBuf,
}

impl LeftBehind {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("users.sqlite");
        fs::copy(data("fastapi-users.sqlite"), &file).unwrap();
        Self { folder, file }
    }

    fn launch(&self, config: &str) -> Launch {
        Launch::new(&data(config), self.folder.path()).database(&self.file)
    }

    fn database(&self) -> Database {
        Database::new(&self.file)
    }
}

fn fixtures(part: &str) -> Vec<Value> {
    let text = fs::read_to_string(data("fixtures.json")).unwrap();
    let fixtures: Value = serde_json::from_str(&text).unwrap();
    fixtures[part].as_array().unwrap().clone()
}

fn text<'a>(fixture: &'a Value, member: &str) -> &'a str {
    fixture[member].as_str().unwrap_or_else(|| panic!("no {member} in {fixture}"))
}

fn me() -> Request {
    Request::new("GET", "/users/me")
}

/// Everything in the original's three tables, and their columns.
async fn contents(database: &Database) -> Vec<Map<String, Value>> {
    let mut contents = Vec::new();
    for table in ["user", "oauth_account", "accesstoken"] {
        contents.extend(database.rows(&format!("PRAGMA table_info('{table}')")).await);
        contents.extend(database.rows(&format!("SELECT * FROM \"{table}\" ORDER BY rowid")).await);
    }
    contents
}

#[tokio::test]
async fn starting_on_it_changes_no_row_and_no_column() {
    for side_by_side in ["false", "true"] {
        let left = LeftBehind::new();
        let before = contents(&left.database()).await;
        let server = left.launch("adopt.toml").set("COMPAT__SIDE_BY_SIDE", side_by_side).start().await;
        assert_eq!(server.send(&me()).await.status, 401);
        drop(server);
        assert_eq!(contents(&left.database()).await, before, "side_by_side = {side_by_side}");
    }
}

#[tokio::test]
async fn qa_04_every_user_logs_in_with_the_password_of_before() {
    let left = LeftBehind::new();
    let server = left.launch("adopt.toml").start().await;
    for user in &fixtures("users") {
        let email = text(user, "email");
        let stored = async || {
            let query = format!("SELECT hashed_password FROM user WHERE id = '{}'", text(user, "id"));
            left.database().rows(&query).await[0]["hashed_password"].clone()
        };
        let refused = login(&server, email, "another password").await;
        assert_eq!(
            (refused.status, refused.json()),
            (400, json!({"detail": "LOGIN_BAD_CREDENTIALS"})),
            "{email}"
        );
        assert_eq!(stored().await, user["hashed_password"], "{email}");

        let Some(password) = user["password"].as_str() else { continue };
        let answer = login(&server, email, password).await;
        if user["is_active"] == false {
            assert_eq!(
                (answer.status, answer.json()),
                (400, json!({"detail": "LOGIN_BAD_CREDENTIALS"})),
                "{email}"
            );
            continue;
        }
        assert_eq!(answer.status, 200, "{email}: {}", answer.text());
        let seen = server.send(&me().bearer(text(&answer.json(), "access_token"))).await;
        let shown = ["id", "email", "is_active", "is_superuser", "is_verified"];
        let expected: Map<String, Value> = shown.iter().map(|&key| (key.into(), user[key].clone())).collect();
        assert_eq!(seen.text(), Value::Object(expected).to_string());

        let stored = stored().await;
        let replaced = user["hash_is_replaced_at_login"].as_bool().unwrap();
        assert_eq!(stored != user["hashed_password"], replaced, "{email}: {stored}");
        assert!(stored.as_str().unwrap().starts_with("$argon2id$v=19$m=65536,t=3,p=4$"), "{email}: {stored}");
        assert_eq!(login(&server, email, password).await.status, 200, "{email}, again");
    }
}

/// What is left of a session's row after it was used.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Row {
    Hashed,
    InClear,
}

/// The sessions of the fixtures in their order: what `/users/me` answers, and what becomes of the row.
const SESSIONS: [(&str, u16, &str, Row); 6] = [
    ("valid until 2099-12-31 plus the lifetime", 200, "alice@example.com", Row::Hashed),
    ("valid; no fraction of a second", 200, "alice@example.com", Row::Hashed),
    ("expired unless the strategy has no lifetime", 401, "", Row::InClear),
    ("valid, superuser", 200, "root@example.com", Row::Hashed),
    ("inactive user: 401", 401, "", Row::Hashed),
    ("user deleted since: 401 (SQLite rows stay behind)", 401, "", Row::InClear),
];

#[tokio::test]
async fn every_session_is_what_it_was_and_is_kept_as_a_hash_from_its_first_use_on() {
    let left = LeftBehind::new();
    let server = left.launch("adopt.toml").start().await;
    let fixtures = fixtures("access_tokens");
    assert_eq!(fixtures.len(), SESSIONS.len());
    for (fixture, (note, status, email, row)) in fixtures.iter().zip(SESSIONS) {
        assert_eq!(text(fixture, "note"), note);
        let token = text(fixture, "token");
        for time in ["first", "second"] {
            let answer = server.send(&me().header("cookie", &format!("fastapiusersauth={token}"))).await;
            assert_eq!(answer.status, status, "{note}, {time} time: {}", answer.text());
            if status == 200 {
                assert_eq!(answer.json()["email"], email, "{note}");
            }
        }
        let rows = left.database().rows(&format!("SELECT 1 FROM accesstoken WHERE token = '{token}'")).await;
        match row {
            Row::Hashed => assert!(rows.is_empty(), "{note}"),
            Row::InClear => assert_eq!(rows.len(), 1, "{note}"),
        }
    }
    let rows = left.database().rows("SELECT 1 FROM accesstoken WHERE token LIKE '~%'").await;
    assert_eq!(rows.len(), SESSIONS.iter().filter(|(.., row)| *row == Row::Hashed).count());
}

/// A status, and the error code or the e-mail address in the body.
type Told = (u16, &'static str);

/// The tokens of the fixtures but the OAuth states: what the first use answers, and what the second one does.
const TOKENS: &[(&str, Told, Told)] = &[
    ("access-2100", (200, "alice@example.com"), (200, "alice@example.com")),
    ("access-superuser-2100", (200, "root@example.com"), (200, "root@example.com")),
    ("access-inactive", (401, "Unauthorized"), (401, "Unauthorized")),
    ("access-no-exp", (200, "alice@example.com"), (200, "alice@example.com")),
    ("access-expired", (401, "Unauthorized"), (401, "Unauthorized")),
    ("access-wrong-audience", (401, "Unauthorized"), (401, "Unauthorized")),
    ("access-wrong-secret", (401, "Unauthorized"), (401, "Unauthorized")),
    ("access-unknown-user", (401, "Unauthorized"), (401, "Unauthorized")),
    ("access-rs256", (200, "alice@example.com"), (200, "alice@example.com")),
    ("access-es256", (200, "alice@example.com"), (200, "alice@example.com")),
    ("reset-2100", (200, ""), (400, "RESET_PASSWORD_BAD_TOKEN")),
    ("reset-expired", (400, "RESET_PASSWORD_BAD_TOKEN"), (400, "RESET_PASSWORD_BAD_TOKEN")),
    ("reset-old-fingerprint", (400, "RESET_PASSWORD_BAD_TOKEN"), (400, "RESET_PASSWORD_BAD_TOKEN")),
    ("reset-inactive", (400, "RESET_PASSWORD_BAD_TOKEN"), (400, "RESET_PASSWORD_BAD_TOKEN")),
    ("reset-wrong-audience", (400, "RESET_PASSWORD_BAD_TOKEN"), (400, "RESET_PASSWORD_BAD_TOKEN")),
    ("verify-2100", (200, "unverified@example.com"), (400, "VERIFY_USER_ALREADY_VERIFIED")),
    ("verify-already", (400, "VERIFY_USER_ALREADY_VERIFIED"), (400, "VERIFY_USER_ALREADY_VERIFIED")),
    ("verify-old-email", (400, "VERIFY_USER_BAD_TOKEN"), (400, "VERIFY_USER_BAD_TOKEN")),
    ("verify-expired", (400, "VERIFY_USER_BAD_TOKEN"), (400, "VERIFY_USER_BAD_TOKEN")),
];

#[tokio::test]
async fn every_token_is_what_it_was() {
    let left = LeftBehind::new();
    let fixtures = fixtures("tokens");
    let server = left.launch("adopt.toml").start().await;
    let expected =
        fixtures.iter().filter(|fixture| fixture["kind"] != "oauth-state").map(|token| text(token, "name"));
    assert_eq!(expected.collect::<Vec<_>>(), TOKENS.iter().map(|(name, ..)| *name).collect::<Vec<_>>());

    for (fixture, (name, first, second)) in fixtures.iter().zip(TOKENS) {
        assert!(text(fixture, "expect").starts_with(&first.0.to_string()), "the table is wrong about {name}");
        let other = match fixture.get("public_key") {
            Some(_) => Some(with_key_pair(&left, fixture).await),
            None => None,
        };
        let server = other.as_ref().unwrap_or(&server);
        for (time, expected) in [("first", first), ("second", second)] {
            let answer = use_token(server, fixture).await;
            let json = answer.json();
            let told = json["detail"].as_str().or(json["email"].as_str()).unwrap_or_default();
            assert_eq!((answer.status, told), *expected, "{name}, {time} time: {}", answer.text());
        }
    }
    // The password that the reset token set.
    assert_eq!(login(&server, "alice@example.com", "a fresh password").await.status, 200);
    assert_eq!(login(&server, "alice@example.com", "wonderland").await.status, 400);
}

/// A server on the same file whose JWT backend has the key pair of a fixture.
async fn with_key_pair(left: &LeftBehind, fixture: &Value) -> Server {
    left.launch("adopt.toml")
        .set("BACKEND__0__ALGORITHM", text(fixture, "algorithm"))
        .set("BACKEND__0__PRIVATE_KEY", text(fixture, "private_key"))
        .set("BACKEND__0__PUBLIC_KEY", text(fixture, "public_key"))
        .start()
        .await
}

async fn use_token(server: &Server, fixture: &Value) -> Response {
    let token = text(fixture, "token");
    server
        .send(&match text(fixture, "kind") {
            "access" => me().bearer(token),
            "reset" => reset(token, "a fresh password"),
            _ => verify(token),
        })
        .await
}

fn reset(token: &str, password: &str) -> Request {
    Request::new("POST", "/auth/reset-password").json(&json!({"token": token, "password": password}))
}

fn verify(token: &str) -> Request {
    Request::new("POST", "/auth/verify").json(&json!({"token": token}))
}

/// Both applications on one file, each with the address of its own.
struct SideBySide {
    server: Server,
    original: Original,
    mails: MailSink,
    _left: LeftBehind,
}

impl SideBySide {
    async fn start() -> Self {
        let left = LeftBehind::new();
        let mails = MailSink::start();
        let launch = left.launch("adopt.toml").set("COMPAT__SIDE_BY_SIDE", "true");
        let server = launch.set("MAIL__SMTP_URL", &mails.url()).start().await;
        let provider = Provider::start();
        let original = Original::start("default", &left.file, mails.port, &provider.discovery());
        Self { server, original, mails, _left: left }
    }

    /// The two, in both orders.
    fn both_ways(&self) -> [(String, String); 2] {
        let (ours, theirs) = (self.server.address.clone(), self.original.address.clone());
        [(ours.clone(), theirs.clone()), (theirs, ours)]
    }

    async fn mailed(&mut self, kind: Kind) -> String {
        let mail = self.mails.next().await.unwrap_or_else(|| panic!("no mail:\n{}", self.server.log()));
        assert_eq!(mail.kind, kind);
        mail.token
    }
}

#[tokio::test]
async fn a_user_registered_at_one_logs_in_at_the_other() {
    let both = SideBySide::start().await;
    for (here, there) in both.both_ways() {
        let email = format!("New.{}@example.com", here.replace([':', '.'], "-"));
        let registered = send(&here, &register(&email)).await;
        assert_eq!(registered.status, 201, "{}", registered.text());
        let again = send(&there, &register(&email.to_lowercase())).await;
        assert_eq!((again.status, again.json()), (400, json!({"detail": "REGISTER_USER_ALREADY_EXISTS"})));
        let token = bearer_token(&there, &email.to_uppercase(), PASSWORD).await;
        assert_eq!(send(&there, &me().bearer(&token)).await.json(), registered.json());
    }
}

#[tokio::test]
async fn qa_04_a_login_at_one_is_good_at_the_other_until_either_logs_it_out() {
    let both = SideBySide::start().await;
    for (here, there) in both.both_ways() {
        let token = bearer_token(&here, "alice@example.com", "wonderland").await;
        let seen = send(&there, &me().bearer(&token)).await;
        assert_eq!((seen.status, seen.json()["email"].clone()), (200, json!("alice@example.com")));

        let cookie = session(&here, "alice@example.com", "wonderland").await;
        let with_cookie = |request: Request| request.header("cookie", &format!("fastapiusersauth={cookie}"));
        for address in [&there, &here] {
            assert_eq!(send(address, &with_cookie(me())).await.status, 200);
        }
        let logout = with_cookie(Request::new("POST", "/auth/cookie/logout"));
        assert_eq!(send(&there, &logout).await.status, 204);
        for address in [&there, &here] {
            assert_eq!(send(address, &with_cookie(me())).await.status, 401);
        }
    }
}

#[tokio::test]
async fn a_mailed_token_of_one_is_good_at_the_other() {
    let mut both = SideBySide::start().await;
    for (index, (here, there)) in both.both_ways().into_iter().enumerate() {
        let email = format!("mailed{index}@example.com");
        assert_eq!(send(&here, &register(&email)).await.status, 201);

        let ask = Request::new("POST", "/auth/request-verify-token").json(&json!({"email": email}));
        assert_eq!(send(&here, &ask).await.status, 202);
        let token = both.mailed(Kind::Verify).await;
        let verified = send(&there, &verify(&token)).await;
        assert_eq!((verified.status, verified.json()["is_verified"].clone()), (200, json!(true)));
        assert_eq!(
            send(&here, &verify(&token)).await.json(),
            json!({"detail": "VERIFY_USER_ALREADY_VERIFIED"})
        );

        let ask = Request::new("POST", "/auth/forgot-password").json(&json!({"email": email}));
        assert_eq!(send(&here, &ask).await.status, 202);
        let token = both.mailed(Kind::Reset).await;
        assert_eq!(send(&there, &reset(&token, "a fresh password")).await.status, 200);
        let spent = send(&here, &reset(&token, "another password")).await;
        assert_eq!((spent.status, spent.json()), (400, json!({"detail": "RESET_PASSWORD_BAD_TOKEN"})));
        for address in [&here, &there] {
            bearer_token(address, &email, "a fresh password").await;
        }
    }
}

#[tokio::test]
async fn what_one_changes_holds_at_the_other() {
    let both = SideBySide::start().await;
    for (index, (here, there)) in both.both_ways().into_iter().enumerate() {
        let email = format!("changed{index}@example.com");
        let user = send(&here, &register(&email)).await.json();
        let path = format!("/users/{}", text(&user, "id"));
        let token = bearer_token(&there, &email, PASSWORD).await;
        let root = bearer_token(&here, "root@example.com", "root-password-1").await;

        let new_email = json!({"email": format!("Moved{index}@example.com")});
        assert_eq!(
            send(&here, &Request::new("PATCH", &path).bearer(&root).json(&new_email)).await.status,
            200
        );
        assert_eq!(send(&there, &me().bearer(&token)).await.json()["email"], new_email["email"]);

        let off = json!({"is_active": false});
        assert_eq!(send(&here, &Request::new("PATCH", &path).bearer(&root).json(&off)).await.status, 200);
        assert_eq!(send(&there, &me().bearer(&token)).await.status, 401);

        assert_eq!(send(&here, &Request::new("DELETE", &path).bearer(&root)).await.status, 204);
        assert_eq!(send(&there, &Request::new("GET", &path).bearer(&root)).await.status, 404);
    }
}

/// A password that both applications let a new user have.
const PASSWORD: &str = "analytical engine";

fn register(email: &str) -> Request {
    Request::new("POST", "/auth/register").json(&json!({"email": email, "password": PASSWORD}))
}

async fn bearer_token(address: &str, email: &str, password: &str) -> String {
    let form = [("username", email), ("password", password)];
    let answer = send(address, &Request::new("POST", "/auth/jwt/login").form(&form)).await;
    assert_eq!(answer.status, 200, "{email} at {address}: {}", answer.text());
    text(&answer.json(), "access_token").to_owned()
}

/// The tables that are there without the file that the helper copies them from would prove nothing.
#[test]
fn the_fixtures_are_whole() {
    let counts = ["users", "access_tokens", "tokens"].map(|part| fixtures(part).len());
    assert_eq!(counts, [20, 6, 22]);
    assert!(Path::new(&data("fastapi-users.sqlite")).exists());
}
