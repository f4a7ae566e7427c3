//! What an OpenTelemetry collector is told, and that requests do not wait for it. The collector needs a thread of its
//! own, since a stop of the server is waited for.

use std::sync::{Arc, Mutex};

use axum::{Router, body::Bytes, http::HeaderMap, routing::post};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{KeyValue, any_value::Value},
    trace::v1::{Span, span::SpanKind, status::StatusCode},
};
use prost::Message;
use tokio::net::TcpListener;

use crate::support::http::{Request, Response};
use crate::support::redis::RedisServer;
use crate::support::server::{Launch, Server};
use crate::support::{data, register};

const EMAIL: &str = "ada@example.com";
const PASSWORD: &str = "analytical engine";

/// A trace that began elsewhere: its id, and the span that called us.
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const CALLER: &str = "b7ad6b7169203331";

/// A collector that keeps what it is told.
struct Collector {
    url: String,
    posts: Arc<Mutex<Vec<(HeaderMap, ExportTraceServiceRequest)>>>,
}

impl Collector {
    async fn start() -> Self {
        let posts = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&posts);
        let take = move |headers: HeaderMap, body: Bytes| {
            kept.lock().unwrap().push((headers, ExportTraceServiceRequest::decode(body).unwrap()));
            std::future::ready(())
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let app = Router::new().route("/v1/traces", post(take));
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, posts }
    }

    fn spans(&self) -> Vec<Span> {
        let posts = self.posts.lock().unwrap();
        let resources = posts.iter().flat_map(|(_, request)| &request.resource_spans);
        resources.flat_map(|resource| &resource.scope_spans).flat_map(|scope| scope.spans.clone()).collect()
    }

    /// Everything it was told, as one text.
    fn everything(&self) -> String {
        format!("{:?}", self.posts.lock().unwrap())
    }

    /// The name of the service, in the first post.
    fn service(&self) -> Option<String> {
        let posts = self.posts.lock().unwrap();
        let resource = posts[0].1.resource_spans[0].resource.clone().unwrap();
        attribute(&resource.attributes, "service.name")
    }
}

fn attribute(attributes: &[KeyValue], key: &str) -> Option<String> {
    let found = attributes.iter().find(|attribute| attribute.key == key)?;
    Some(match found.value.clone()?.value? {
        Value::StringValue(text) => text,
        Value::IntValue(number) => number.to_string(),
        other => format!("{other:?}"),
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn named<'a>(spans: &'a [Span], name: &str) -> &'a Span {
    let names: Vec<_> = spans.iter().map(|span| span.name.as_str()).collect();
    spans.iter().find(|span| span.name == name).unwrap_or_else(|| panic!("no {name} among {names:?}"))
}

async fn server(folder: &tempfile::TempDir, collector: &str) -> Server {
    let launch = Launch::new(&data("mail.toml"), folder.path()).database(&folder.path().join("users.sqlite"));
    let launch = launch.set("OPENTELEMETRY__ENDPOINT", collector);
    launch.set("OPENTELEMETRY__HEADERS__AUTHORIZATION", "Bearer for-the-collector").start().await
}

async fn log_in(server: &Server, password: &str) -> Response {
    let request = Request::new("POST", "/auth/jwt/login?next=hush-query")
        .form(&[("username", EMAIL), ("password", password)])
        .header("traceparent", &format!("00-{TRACE}-{CALLER}-01"))
        .header("user-agent", "Mozilla/5.0 (test)")
        .header("x-request-id", "the-id-of-the-log");
    server.send(&request).await
}

#[tokio::test(flavor = "multi_thread")]
async fn hd_06_a_login_is_a_span_with_the_conventions_attributes_and_no_secret() {
    let folder = tempfile::tempdir().unwrap();
    let collector = Collector::start().await;
    let mut server = server(&folder, &collector.url).await;
    assert_eq!(register(&server, EMAIL, PASSWORD).await.status, 201);
    let answer = log_in(&server, PASSWORD).await;
    let token = answer.json()["access_token"].as_str().unwrap().to_owned();
    let me = Request::new("GET", &format!("/users/me?access_token={token}")).bearer(&token);
    assert_eq!(server.send(&me).await.status, 200);
    assert_eq!(server.send(&Request::new("MAKEUP", "/made/up")).await.status, 404);
    server.stop();

    let spans = collector.spans();
    let login = named(&spans, "POST /auth/jwt/login");
    assert_eq!(login.kind, SpanKind::Server as i32);
    assert_eq!((hex(&login.trace_id), hex(&login.parent_span_id)), (TRACE.to_owned(), CALLER.to_owned()));
    for (key, value) in [
        ("http.request.method", "POST"),
        ("http.route", "/auth/jwt/login"),
        ("http.response.status_code", "200"),
        ("url.scheme", "http"),
        ("url.path", "/auth/jwt/login"),
        ("server.address", "127.0.0.1"),
        ("client.address", "127.0.0.1"),
        ("network.peer.address", "127.0.0.1"),
        ("user_agent.original", "Mozilla/5.0 (test)"),
        ("http.request.header.x-request-id", "the-id-of-the-log"),
    ] {
        assert_eq!(attribute(&login.attributes, key).as_deref(), Some(value), "{key}");
    }
    assert_eq!(attribute(&login.attributes, "error.type"), None);
    let unknown = named(&spans, "HTTP");
    assert_eq!(attribute(&unknown.attributes, "http.request.method").as_deref(), Some("_OTHER"));

    let of_login: Vec<&Span> = spans.iter().filter(|span| span.parent_span_id == login.span_id).collect();
    let look_up = of_login.iter().find(|span| span.name == "get_by_email").unwrap();
    assert_eq!(attribute(&look_up.attributes, "db.operation.name").as_deref(), Some("get_by_email"));
    assert_eq!(attribute(&look_up.attributes, "db.system.name").as_deref(), Some("sqlite"));
    assert_eq!(look_up.kind, SpanKind::Client as i32);

    assert!(of_login.iter().any(|span| span.name == "hash password"), "{of_login:?}");

    let everything = collector.everything();
    for secret in [PASSWORD, "analytical", EMAIL, "hush-query", token.as_str(), crate::support::SECRET] {
        assert!(!everything.contains(secret), "{secret}: {everything}");
    }
    assert_eq!(collector.service().as_deref(), Some("axum-users"));
    let posts = collector.posts.lock().unwrap();
    assert!(posts.iter().all(|(headers, _)| headers["authorization"] == "Bearer for-the-collector"));
    assert!(!server.log().contains("for-the-collector"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_of_500_is_an_error_in_its_span() {
    let folder = tempfile::tempdir().unwrap();
    let collector = Collector::start().await;
    let mut server = server(&folder, &collector.url).await;
    assert_eq!(register(&server, EMAIL, PASSWORD).await.status, 201);
    // A table that is gone is nobody's outage.
    let url = format!("sqlite://{}", folder.path().join("users.sqlite").display());
    let pool = sqlx::SqlitePool::connect(&url).await.unwrap();
    sqlx::query("ALTER TABLE user RENAME TO gone").execute(&pool).await.unwrap();
    assert_eq!(log_in(&server, PASSWORD).await.status, 500);
    sqlx::query("ALTER TABLE gone RENAME TO user").execute(&pool).await.unwrap();
    pool.close().await;
    server.stop();

    let spans = collector.spans();
    let login = named(&spans, "POST /auth/jwt/login");
    assert_eq!(attribute(&login.attributes, "error.type").as_deref(), Some("500"));
    assert_eq!(login.status.clone().map(|status| status.code), Some(StatusCode::Error as i32));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_down_or_hangs_touches_no_request() {
    // One listens and never answers; at the other address nobody does.
    let hanging = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let down = crate::browser::free_address().await;
    for address in [hanging.local_addr().unwrap().to_string(), down] {
        let folder = tempfile::tempdir().unwrap();
        let mut server = server(&folder, &format!("http://{address}")).await;
        assert_eq!(register(&server, EMAIL, PASSWORD).await.status, 201);
        for _ in 0..20 {
            assert_eq!(log_in(&server, PASSWORD).await.status, 200);
        }
        server.stop();
        let log = server.log();
        assert!(log.contains("some spans did not reach the OpenTelemetry collector"), "{log}");
        assert!(log.contains(" stopped"), "{log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_standards_variables_name_the_collector_and_the_service() {
    let folder = tempfile::tempdir().unwrap();
    let collector = Collector::start().await;
    let launch = Launch::new(&data("mail.toml"), folder.path()).database(&folder.path().join("users.sqlite"));
    let launch = launch.variable("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.url);
    let mut server = launch.variable("OTEL_SERVICE_NAME", "accounts").start().await;
    assert_eq!(register(&server, EMAIL, PASSWORD).await.status, 201);
    server.stop();
    named(&collector.spans(), "POST /auth/register");
    assert_eq!(collector.service().as_deref(), Some("accounts"));
}

#[tokio::test(flavor = "multi_thread")]
async fn hd_06_what_redis_is_asked_is_a_span_without_the_key() {
    let (folder, redis) = (tempfile::tempdir().unwrap(), RedisServer::start());
    let collector = Collector::start().await;
    let launch = Launch::new(&data("mail.toml"), folder.path()).database(&folder.path().join("users.sqlite"));
    // With a Redis, attempts are counted there.
    let launch = launch.set("OPENTELEMETRY__ENDPOINT", &collector.url).set("REDIS__URL", &redis.url());
    let mut server = launch.start().await;
    assert_eq!(register(&server, EMAIL, PASSWORD).await.status, 201);
    assert_eq!(log_in(&server, PASSWORD).await.status, 200);
    server.stop();

    let spans = collector.spans();
    let login = named(&spans, "POST /auth/jwt/login");
    let asked: Vec<&Span> = spans.iter().filter(|span| span.name == "EVAL").collect();
    let of_login = asked.iter().find(|span| span.parent_span_id == login.span_id).unwrap();
    assert_eq!(attribute(&of_login.attributes, "db.system.name").as_deref(), Some("redis"));
    assert_eq!(attribute(&of_login.attributes, "db.operation.name").as_deref(), Some("EVAL"));
    assert_eq!(of_login.kind, SpanKind::Client as i32);
    let everything = collector.everything();
    for hidden in ["axum_users:limit", EMAIL, &redis.url()] {
        assert!(!everything.contains(hidden), "{hidden}: {everything}");
    }
}
