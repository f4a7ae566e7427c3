//! Key pairs of the server: made by its command, replaced under its users, and used by a verifier that is not ours.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::support::{
    http::Request,
    login,
    process::python,
    server::{Launch, Server},
};

const PASSWORD: &str = "a horse in the rain";

/// PyJWT, as a service beside ours would use it: it fetches the keys and looks one up by the token's kid.
const VERIFIER: &str = "\
import sys, jwt
url, token, algorithm = sys.argv[1:]
key = jwt.PyJWKClient(url).get_signing_key_from_jwt(token)
print(jwt.decode(token, key, algorithms=[algorithm], audience='fastapi-users:auth')['sub'])
";

fn axum_users(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_axum-users")).args(arguments).current_dir(folder).output().unwrap()
}

/// A server whose only backend has these keys, each a line of its table.
async fn with_keys(folder: &Path, algorithm: &str, keys: &[&str]) -> Server {
    let backend = format!(
        "[[backend]]\nname = \"jwt\"\ntransport = \"bearer\"\nstrategy = \"jwt\"\nalgorithm = \"{algorithm}\"\n"
    );
    let keys: String = keys.iter().map(|key| format!("[[backend.key]]\n{key}\n")).collect();
    let file = folder.join("axum-users.toml");
    std::fs::write(&file, backend + &keys).unwrap();
    Launch::new(&file, folder).database(&folder.join("users.sqlite")).start().await
}

async fn register(server: &Server) -> Value {
    let new = json!({ "email": "ada@example.com", "password": PASSWORD });
    let answer = server.send(&Request::new("POST", "/auth/register").json(&new)).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()
}

async fn token(server: &Server) -> String {
    let answer = login(server, "ada@example.com", PASSWORD).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["access_token"].as_str().unwrap().to_owned()
}

async fn status_of(server: &Server, token: &str) -> u16 {
    server.send(&Request::new("GET", "/users/me").bearer(token)).await.status
}

async fn published(server: &Server) -> Vec<Value> {
    let answer = server.send(&Request::new("GET", "/.well-known/jwks.json")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["keys"].as_array().unwrap().clone()
}

#[tokio::test]
async fn another_programs_library_accepts_our_tokens_by_the_published_keys() {
    for algorithm in ["RS256", "PS256", "ES256", "ES384", "EdDSA"] {
        let folder = tempfile::tempdir().unwrap();
        let made =
            axum_users(folder.path(), &["key", "generate", "--algorithm", algorithm, "--output", "key.pem"]);
        assert!(made.status.success(), "{made:?}");
        let server = with_keys(folder.path(), algorithm, &["private_key_file = \"key.pem\""]).await;
        let user = register(&server).await;
        let token = token(&server).await;
        let [key] = &published(&server).await[..] else { panic!("one key was expected") };
        let told = String::from_utf8(made.stdout).unwrap();
        assert!(told.contains(key["kid"].as_str().unwrap()), "{key} is not the one of {told}");

        let url = format!("http://{}/.well-known/jwks.json", server.address);
        let verified =
            Command::new(python()).args(["-c", VERIFIER, &url, &token, algorithm]).output().unwrap();
        let subject = String::from_utf8_lossy(&verified.stdout).trim().to_owned();
        assert_eq!(subject, user["id"], "{algorithm}: {verified:?}");
    }
}

#[tokio::test]
async fn jw_20_a_running_installation_changes_its_key_and_everybody_stays_logged_in() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    for file in ["old.pem", "new.pem"] {
        assert!(axum_users(at, &["key", "generate", "--output", file]).status.success());
    }
    let (old, new) = ("private_key_file = \"old.pem\"", "private_key_file = \"new.pem\"");
    let mut server = with_keys(at, "ES256", &[old]).await;
    register(&server).await;
    let first = token(&server).await;
    server.stop();

    // The new key is published before it signs.
    let mut server = with_keys(at, "ES256", &[old, new]).await;
    let keys = published(&server).await;
    assert_eq!(keys.len(), 2);
    assert_eq!(status_of(&server, &first).await, 200);
    server.stop();

    // It signs. Of the old one the public half is enough.
    let mut server = with_keys(at, "ES256", &[new, "public_key_file = \"old.pub.pem\""]).await;
    let mut swapped = published(&server).await;
    swapped.reverse();
    assert_eq!(swapped, keys, "the same keys by the same names");
    assert_eq!(status_of(&server, &first).await, 200, "a token of the old key");
    let second = token(&server).await;
    assert_eq!(status_of(&server, &second).await, 200);
    server.stop();

    let server = with_keys(at, "ES256", &[new]).await;
    assert_eq!(status_of(&server, &first).await, 401, "its key is gone");
    assert_eq!(status_of(&server, &second).await, 200);
}

/// A server that signs with the first of these secrets.
fn with_secrets(folder: &Path, secrets: &[&str]) -> Launch {
    let file = folder.join("axum-users.toml");
    std::fs::write(&file, format!("secret = {secrets:?}\n")).unwrap();
    Launch::new(&file, folder).database(&folder.join("users.sqlite"))
}

#[tokio::test]
async fn jw_20_a_running_installation_changes_its_secret_and_everybody_stays_logged_in() {
    let folder = tempfile::tempdir().unwrap();
    let (old, new) = ("the-old-secret-of-at-least-32-bytes", "the-new-secret-of-at-least-32-bytes");
    let mut server = with_secrets(folder.path(), &[old]).start().await;
    register(&server).await;
    let first = token(&server).await;
    server.stop();

    let mut server = with_secrets(folder.path(), &[new, old]).start().await;
    assert_eq!(status_of(&server, &first).await, 200);
    let second = token(&server).await;
    server.stop();

    let server = with_secrets(folder.path(), &[new]).start().await;
    assert_eq!(status_of(&server, &first).await, 401, "its secret is gone");
    assert_eq!(status_of(&server, &second).await, 200);
}

#[test]
fn jw_21_a_server_with_a_short_secret_does_not_start_and_says_why() {
    let (short, good) = ("hunter2-hunter2-hunter2-hunter2", "the-new-secret-of-at-least-32-bytes");
    for secrets in [&[short][..], &[good, short]] {
        let folder = tempfile::tempdir().unwrap();
        let (status, said) = with_secrets(folder.path(), secrets).refused();
        assert_eq!(status.code(), Some(2), "{said}");
        assert!(said.contains("31 bytes long, expected at least 32"), "{said}");
        assert!(!said.contains("hunter2"), "{said}");
    }
}

#[test]
fn a_key_is_generated_for_its_owner_alone_and_never_over_another() {
    let folder = tempfile::tempdir().unwrap();
    let made = axum_users(folder.path(), &["key", "generate", "--algorithm", "eddsa"]);
    assert!(made.status.success(), "{made:?}");
    let mut files: Vec<_> =
        std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let [private, public] = &files[..] else { panic!("two files were expected: {files:?}") };
    assert_eq!(std::fs::metadata(private).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(*public, private.with_extension("pub.pem"));
    assert!(std::fs::read_to_string(private).unwrap().starts_with("-----BEGIN PRIVATE KEY-----\n"));
    assert!(std::fs::read_to_string(public).unwrap().starts_with("-----BEGIN PUBLIC KEY-----\n"));
    let told = String::from_utf8(made.stdout).unwrap();
    assert!(told.contains("algorithm = \"EdDSA\"") && !told.contains("PRIVATE KEY"), "{told}");

    let before = std::fs::read_to_string(private).unwrap();
    let again = axum_users(folder.path(), &["key", "generate", "--output", private.to_str().unwrap()]);
    assert!(!again.status.success());
    let told = String::from_utf8(again.stderr).unwrap();
    assert!(told.contains("is there already, and may be in use: name another file with --output"), "{told}");
    assert_eq!(std::fs::read_to_string(private).unwrap(), before);

    let secret = axum_users(folder.path(), &["key", "generate", "--algorithm", "HS256"]);
    assert!(!secret.status.success());
    let told = String::from_utf8(secret.stderr).unwrap();
    assert!(told.contains("secrets are made by `openssl rand -base64 48`"), "{told}");
}
