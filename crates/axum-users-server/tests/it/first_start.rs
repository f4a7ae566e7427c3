//! What a server says of a configuration that works, and likely is not what was meant.

use std::fs;

use tempfile::TempDir;

use crate::support::http::Request;
use crate::support::process::poll;
use crate::support::server::Launch;
use crate::support::{SECRET, data};

const HEAD: &str = "[password.argon2]\nmemory_kib = 64\niterations = 1\nparallelism = 1\n";

/// The warnings of a server with these keys, from its start.
async fn warnings(top: &str, tables: &str) -> String {
    let folder: TempDir = tempfile::tempdir().unwrap();
    let config = folder.path().join("config.toml");
    fs::write(&config, format!("{top}\n{HEAD}{tables}")).unwrap();
    let launch = Launch::new(&config, folder.path()).set("SECRET", SECRET);
    let server = launch.database(&folder.path().join("data.db")).start().await;
    server.log().lines().filter(|line| line.contains(" WARN ")).collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn a_server_for_development_warns_of_nothing() {
    assert_eq!(warnings("", "").await, "");
    let good = "public_url = \"https://accounts.example.com\"";
    let tables =
        "[limits]\ntrusted_proxies = 1\n[mail]\nsmtp_url = \"smtp://127.0.0.1:9\"\nfrom = \"a@example.com\"";
    assert_eq!(warnings(good, tables).await, "");
}

#[tokio::test]
async fn a_server_that_the_network_reaches_wants_to_know_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config.toml");
    fs::write(&config, HEAD).unwrap();
    let launch = Launch::new(&config, folder.path()).set("SECRET", SECRET).set("LISTEN", "0.0.0.0:0");
    let log = launch.database(&folder.path().join("data.db")).start().await.log();
    assert!(
        log.contains("public_url is not set: mails, redirects and the OpenAPI document name this"),
        "{log}"
    );
}

#[tokio::test]
async fn behind_a_trusted_proxy_the_log_shows_the_clients_address() {
    let folder = tempfile::tempdir().unwrap();
    let launch = Launch::new(&data("mail.toml"), folder.path()).set("LIMITS__TRUSTED_PROXIES", "1");
    let server = launch.database(&folder.path().join("data.db")).start().await;
    let request = Request::new("GET", "/nowhere").header("x-forwarded-for", "203.0.113.9, 192.0.2.7");
    assert_eq!(server.send(&request).await.status, 404);
    let line =
        poll(|| server.log().lines().find(|line| line.contains("/nowhere")).map(str::to_owned)).unwrap();
    assert!(line.contains("status=404") && line.contains("client=192.0.2.7"), "{line}");
}

#[tokio::test]
async fn what_is_likely_not_meant_is_told_at_the_start() {
    let https = "public_url = \"https://accounts.example.com\"";
    let strict = "[[oauth]]\nprovider = \"github\"\nclient_id = \"id\"\nclient_secret = \"s\"\n\
                  csrf_token_cookie_samesite = \"strict\"";
    for (top, tables, sentence) in [
        (https, "", "but limits.trusted_proxies is 0: all clients share the limits of the proxy's address"),
        (https, "", "no mail leaves this machine: each is a file, until mail.smtp_url is set"),
        (
            "public_url = \"http://localhost:1\"",
            "",
            "public_url names another port than the server listens at: right only where something forwards to it",
        ),
        (
            https,
            "[mail]\nreset_url = \"http://app.example.com/reset#{token}\"",
            "this page is not https: who listens to the network sees the token of the mail",
        ),
        (
            "",
            "[compat]\nside_by_side = true",
            "compat.side_by_side is on: session tokens are stored in clear",
        ),
        (
            "allow_short_secret_until_python_leaves = true",
            "",
            "allow_short_secret_until_python_leaves is on: secrets under 32 bytes are let through",
        ),
        (
            https,
            strict,
            "csrf_token_cookie_samesite is \"strict\": browsers that come back from the provider",
        ),
    ] {
        let told = warnings(top, tables).await;
        assert!(told.contains(sentence), "{top} {tables}: {told}");
    }
}
