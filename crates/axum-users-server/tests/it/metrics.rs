//! What Prometheus is told, and where.

use serde_json::json;

use crate::browser::free_address;
use crate::support::http::{Request, send};
use crate::support::server::Launch;
use crate::support::{SECRET, data, login};

#[tokio::test]
async fn requests_are_counted_by_route_and_status_on_a_listener_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let metrics = free_address().await;
    let launch = Launch::new(&data("typescript.toml"), folder.path()).set("SECRET", SECRET);
    let server =
        launch.database(&folder.path().join("data.db")).set("METRICS__LISTEN", &metrics).start().await;
    let ada = json!({"email": "ada@example.com", "password": "analytical engine"});
    assert_eq!(server.send(&Request::new("POST", "/auth/register").json(&ada)).await.status, 201);
    for _ in 0..2 {
        assert_eq!(login(&server, "ada@example.com", "wrong").await.status, 400);
    }
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
