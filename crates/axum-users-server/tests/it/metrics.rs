//! What Prometheus is told, and where.

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::json;

use crate::browser::free_address;
use crate::support::http::{Request, send};
use crate::support::provider::Provider;
use crate::support::server::Launch;
use crate::support::{SECRET, data, login};

#[tokio::test]
async fn requests_are_counted_by_route_and_status_on_a_listener_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let metrics = free_address().await;
    let launch = Launch::new(&data("typescript.toml"), folder.path()).set("SECRET", SECRET);
    let launch = launch.set("LIMITS__LOGIN_PER_ADDRESS__TRIES", "2");
    let server =
        launch.database(&folder.path().join("data.db")).set("METRICS__LISTEN", &metrics).start().await;
    let ada = json!({"email": "ada@example.com", "password": "analytical engine"});
    assert_eq!(server.send(&Request::new("POST", "/auth/register").json(&ada)).await.status, 201);
    for _ in 0..2 {
        assert_eq!(login(&server, "ada@example.com", "wrong").await.status, 400);
    }
    assert_eq!(login(&server, "ada@example.com", "wrong").await.status, 429);
    assert_eq!(server.send(&Request::new("MAKEUP", "/made/up?token=secret")).await.status, 404);
    assert_eq!(server.send(&Request::new("GET", "/metrics")).await.status, 404, "it is not for everybody");

    let answer = send(&metrics, &Request::new("GET", "/metrics")).await;
    assert_eq!(answer.status, 200);
    let text = answer.text();
    let count = |method: &str, route: &str, status: &str| {
        let labels = format!(
            r#"{{http_request_method="{method}",http_route="{route}",http_response_status_code="{status}"}}"#
        );
        let name = format!("http_server_request_duration_seconds_count{labels} ");
        text.lines().find_map(|line| line.strip_prefix(&name)).map(str::to_owned)
    };
    assert_eq!(count("POST", "/auth/register", "201").as_deref(), Some("1"), "{text}");
    assert_eq!(count("POST", "/auth/jwt/login", "400").as_deref(), Some("2"), "{text}");
    assert_eq!(count("_OTHER", "", "404").as_deref(), Some("1"), "{text}");
    let failed = r#"axum_users_events_total{event="login_failed",reason="wrong_password",via="jwt"} 2"#;
    assert!(text.contains(failed), "{text}");
    let registered = r#"axum_users_events_total{event="registered",reason="",via=""} 1"#;
    assert!(text.contains(registered), "{text}");
    for line in [
        r#"axum_users_logins_total{outcome="wrong_password",backend="jwt"} 2"#,
        r#"axum_users_registrations_total{outcome="succeeded"} 1"#,
        r#"axum_users_limits_hit_total{limit="login"} 1"#,
        "axum_users_mails_waiting 0",
        "axum_users_password_hashes_waiting 0",
        "axum_users_password_hashes_running 0",
        "axum_users_password_hash_duration_seconds_count 3",
        "axum_users_password_hash_wait_seconds_count 3",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is missing: {text}");
    }
    // The audit trail is written behind the answers; then no connection is in use.
    let unused = r#"db_client_connection_count{db_client_connection_state="used"} 0"#;
    let all_come_back = async {
        while !send(&metrics, &Request::new("GET", "/metrics"))
            .await
            .text()
            .lines()
            .any(|line| line == unused)
        {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    let wait = std::time::Duration::from_secs(20);
    tokio::time::timeout(wait, all_come_back).await.expect("a connection stays in use");
    let names = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next());
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/observability.md"))
        .unwrap();
    for name in names {
        assert!(page.contains(&format!("\n| `{name}` |")), "docs/observability.md says nothing of {name}");
        assert!(text.contains(&format!("# HELP {name} ")), "{name} is not described");
    }
    for private in ["ada@", "made", "secret"] {
        assert!(!text.contains(private), "{private}: {text}");
    }
}

#[tokio::test]
async fn metrics_where_the_server_itself_listens_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let launch = Launch::new(&data("typescript.toml"), folder.path()).set("LISTEN", "127.0.0.1:8000");
    let (status, said) = launch.set("METRICS__LISTEN", "127.0.0.1:8000").refused();
    assert_eq!(status.code(), Some(2));
    assert!(said.contains("`metrics.listen`: the server itself listens there"), "{said}");
}

#[tokio::test]
async fn mails_and_callbacks_of_providers_are_counted_by_what_came_of_them() {
    let folder = tempfile::tempdir().unwrap();
    let (metrics, provider) = (free_address().await, Provider::start());
    let server = Launch::new(&data("oauth.toml"), folder.path())
        .database(&folder.path().join("users.sqlite"))
        .set("METRICS__LISTEN", &metrics)
        .set("OAUTH__0__AUTHORIZE_ENDPOINT", &format!("{}/authorize", provider.base))
        .set("OAUTH__0__ACCESS_TOKEN_ENDPOINT", &format!("{}/token", provider.base))
        .set("OAUTH__0__PROFILE_ENDPOINT", &format!("{}/userinfo", provider.base))
        .start()
        .await;
    let member = json!({"json": {"member": {"number": 7, "mail": "ann@example.com", "city": "Graz"}}});
    provider.answers(&json!({"json": {"access_token": "provider-access"}}), &member);
    let begun = server.send(&Request::new("GET", "/auth/club/authorize")).await;
    let cookie = format!("fastapiusersoauthcsrf={}", begun.cookie("fastapiusersoauthcsrf").unwrap());
    let url = begun.json()["authorization_url"].as_str().unwrap().to_owned();
    let parameters = url.split_once('?').unwrap().1;
    let state = form_urlencoded::parse(parameters.as_bytes()).find(|(name, _)| name == "state").unwrap().1;
    for (state, status) in [(&*state, 200), (&*state, 400), ("made-up", 400)] {
        let callback = format!("/auth/club/callback?code=code&state={state}");
        let answer = server.send(&Request::new("GET", &callback).header("cookie", &cookie)).await;
        assert_eq!(answer.status, status, "{}", answer.text());
    }
    let forgotten = json!({"email": "ann@example.com"});
    assert_eq!(
        server.send(&Request::new("POST", "/auth/forgot-password").json(&forgotten)).await.status,
        202
    );

    // The mail leaves behind the answer.
    let is_done = |text: &str| {
        text.contains(r#"axum_users_mails_total{purpose="reset",outcome="sent"} 1"#)
            && text.contains("axum_users_background_jobs 0")
    };
    let scrape = async {
        loop {
            let text = send(&metrics, &Request::new("GET", "/metrics")).await.text();
            if is_done(&text) {
                return text;
            }
        }
    };
    let text = tokio::time::timeout(Duration::from_secs(60), scrape).await.unwrap();
    let callback = |outcome: &str| {
        format!(
            r#"axum_users_oauth_callbacks_total{{provider="club",purpose="login",outcome="{outcome}"}} 1"#
        )
    };
    for line in [
        callback("succeeded"),
        callback("OAUTH_INVALID_STATE"),
        callback("ACCESS_TOKEN_DECODE_ERROR"),
        r#"axum_users_logins_total{outcome="succeeded",backend="jwt"} 1"#.to_owned(),
        r#"axum_users_password_resets_total{outcome="requested"} 1"#.to_owned(),
    ] {
        assert!(text.contains(&line), "{line} is missing: {text}");
    }
}
