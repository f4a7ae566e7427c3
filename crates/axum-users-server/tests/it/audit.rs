//! The audit trail of the running server, and the command that reads it.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::support::database::Database;
use crate::support::http::Request;
use crate::support::process::poll;
use crate::support::server::Launch;
use crate::support::{data, login};

const EMAIL: &str = "ada@example.com";
const PASSWORD: &str = "analytical engine";

fn launch(folder: &Path) -> Launch {
    Launch::new(&data("mail.toml"), folder).database(&folder.join("users.sqlite"))
}

/// What `axum-users` says to these words: standard output, standard error, and whether it succeeded.
fn command(folder: &Path, words: &[&str]) -> (String, String, bool) {
    let url = format!("sqlite://{}", folder.join("users.sqlite").display());
    let mut command = Command::new(env!("CARGO_BIN_EXE_axum-users"));
    command.args(words).arg("--config").arg(data("mail.toml")).current_dir(folder);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("AXUM_USERS__")) {
        command.env_remove(name);
    }
    let output = command.env("AXUM_USERS__DATABASE__URL", url).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (text(output.stdout), text(output.stderr), output.status.success())
}

/// The entries that the command finds, the newest first.
fn entries(folder: &Path, words: &[&str]) -> Vec<Value> {
    let words: Vec<&str> = ["audit", "list", "--json"].iter().chain(words).copied().collect();
    let (output, errors, succeeded) = command(folder, &words);
    assert!(succeeded, "{errors}");
    output.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn events(folder: &Path, words: &[&str]) -> Vec<String> {
    entries(folder, words).iter().map(|entry| entry["event"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn what_happened_is_in_the_log_and_in_the_table_and_the_command_tells_it() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let mut server = launch(folder).start().await;
    let register =
        Request::new("POST", "/auth/register").json(&json!({"email": EMAIL, "password": PASSWORD}));
    let answer = server.send(&register.header("user-agent", "a test")).await;
    assert_eq!(answer.status, 201);
    let id = answer.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(login(&server, EMAIL, "a wrong guess").await.status, 400);
    assert_eq!(login(&server, "nobody@example.com", "a wrong guess").await.status, 400);
    let token = login(&server, EMAIL, PASSWORD).await.json()["access_token"].as_str().unwrap().to_owned();
    let change =
        Request::new("PATCH", "/users/me").bearer(&token).json(&json!({"password": "difference engine"}));
    assert_eq!(server.send(&change).await.status, 200);
    // Everything is written when the server has ended.
    server.stop();

    assert_eq!(
        events(folder, &[]),
        ["password_changed", "logged_in", "login_failed", "login_failed", "registered"]
    );
    let of_ada = entries(folder, &["--user", EMAIL]);
    assert_eq!(of_ada.len(), 4);
    let [changed, .., registered] = &of_ada[..] else { panic!("{of_ada:?}") };
    assert_eq!((&changed["actor_id"], &changed["user_id"]), (&json!(id), &json!(id)));
    assert_eq!((&registered["agent"], &registered["address"]), (&json!("a test"), &json!("127.0.0.1")));
    assert_eq!(events(folder, &["--user", &id, "--event", "login_failed"]), ["login_failed"]);
    assert_eq!(events(folder, &["--since", "1h", "--limit", "2"]), ["password_changed", "logged_in"]);
    assert!(events(folder, &["--since", "2999-01-01"]).is_empty());

    let (text, ..) = command(folder, &["audit", "list", "--event", "login_failed"]);
    assert!(text.contains(&format!("detail=wrong_password user={id} via=jwt from=127.0.0.1")), "{text}");
    let log = server.log();
    assert!(log.contains("login_failed") && log.contains("wrong_password"), "{log}");
    for (place, text) in [("log", &log), ("table", &text)] {
        for secret in [EMAIL, "nobody@", "guess", "engine", token.as_str()] {
            assert!(!text.contains(secret), "the {place} holds {secret}:\n{text}");
        }
    }
}

#[tokio::test]
async fn the_command_line_is_noted_too_and_mistakes_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::write(folder.join("users.sqlite"), "").unwrap();
    let create = ["user", "create", "--email", EMAIL, "--password", PASSWORD, "--superuser"];
    assert!(command(folder, &create).2);
    assert!(command(folder, &["user", "update", EMAIL, "--active", "false"]).2);
    let found = entries(folder, &[]);
    let said = |entry: &Value| [entry["event"].clone(), entry["actor_id"].clone(), entry["detail"].clone()];
    assert_eq!(said(&found[0]), [json!("user_updated"), json!("command line"), json!("is_active")]);
    assert_eq!(said(&found[1]), [json!("registered"), json!("command line"), Value::Null]);
    for (words, message) in [
        (["--event", "login"], "there is no event login; there are registered, "),
        (["--since", "yesterday"], "--since yesterday: expected a moment"),
        (["--user", "bob@example.com"], "there is no user bob@example.com"),
    ] {
        let (output, errors, succeeded) = command(folder, &[&["audit", "list"][..], &words].concat());
        assert!(!succeeded && output.is_empty() && errors.contains(message), "{errors}");
    }
}

#[tokio::test]
async fn old_entries_are_forgotten_after_the_configured_days() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    launch(folder).start().await.stop();
    let database = Database::new(&folder.join("users.sqlite"));
    let insert = "INSERT INTO axum_users_audit (id, happened_at, event) VALUES (?, '2001-09-09 01:46:40.000000', 'old')";
    assert_eq!(database.execute(insert, &["00038d7ea4c6800000000000deadbeef"]).await, 1);
    assert_eq!(entries(folder, &[])[0]["at"], "2001-09-09T01:46:40Z");

    launch(folder).set("AUDIT__RETENTION_DAYS", "0").start().await.stop();
    assert_eq!(events(folder, &[]), ["old"], "for ever");
    let mut server = launch(folder).set("AUDIT__RETENTION_DAYS", "365").start().await;
    let forgotten = poll(|| events(folder, &[]).is_empty().then_some(()));
    assert!(forgotten.is_some(), "{}", server.log());
    server.stop();
}

#[tokio::test]
async fn the_table_stays_empty_where_the_trail_is_switched_off_and_the_log_tells_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = launch(folder.path()).set("AUDIT__ENABLED", "false").start().await;
    assert_eq!(login(&server, EMAIL, "a wrong guess").await.status, 400);
    server.stop();
    assert!(events(folder.path(), &[]).is_empty());
    assert!(server.log().contains("unknown_user"), "{}", server.log());
}
