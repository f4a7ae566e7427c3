//! Every route of the server: the library's, and those around them.

use std::time::Duration;

use anyhow::Context;
use axum::{
    Json, Router,
    body::Body,
    extract::{DefaultBodyLimit, Request, State},
    http::{
        HeaderName, HeaderValue, Method, StatusCode, Uri,
        header::{AUTHORIZATION, CONTENT_TYPE, HOST, LOCATION, RETRY_AFTER},
    },
    middleware::{from_fn_with_state, map_response},
    response::{IntoResponse, Response},
    routing::{any, get},
};
use axum_users::{ApiError, Random, Users};
use serde_json::json;
use tower::ServiceExt;
use tower_http::{
    catch_panic::CatchPanicLayer,
    cors::{AllowOrigin, CorsLayer},
};

use super::{
    Limits,
    observe::{self, Observer},
    page,
    trace::Traced,
};
use crate::{config::Config, server_user::ServerUser};

/// How long the database may take to say that it is there.
const READY_WITHIN: Duration = Duration::from_secs(3);

/// How long a browser may remember what a preflight said.
const PREFLIGHT_GOOD_FOR: Duration = Duration::from_secs(600);

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The server's routes with everything around them.
///
/// # Errors
/// The OpenAPI document cannot be written.
pub(super) fn router(
    users: &Users<ServerUser>,
    config: &Config,
    public_url: &str,
    random: Random,
) -> anyhow::Result<Router> {
    let routes: Router = users.router().into();
    let document = serde_json::to_vec(&users.openapi()).context("the OpenAPI document cannot be written")?;
    let known = routes
        .merge(axum_users::docs_router(document))
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz).with_state(users.clone()))
        .method_not_allowed_fallback(async || {
            json_detail(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed")
        })
        .fallback(async || ApiError::NotFound);
    let page = page::Root::new(users, config, public_url);
    Ok(around(known, page, config, public_url, random))
}

/// The routes `known`, with the page at `/`, the redirect to paths without a slash, and every limit.
fn around(known: Router, page: page::Root, config: &Config, public_url: &str, random: Random) -> Router {
    let limits = Limits::new(config);
    let lost = Lost { known: known.clone(), public_url: public_url.to_owned() };
    let routes = known
        .route("/", any(page::root).with_state(page))
        .fallback_service(any(redirect_slash).with_state(lost))
        .layer(DefaultBodyLimit::max(limits.body_limit_bytes))
        .layer(from_fn_with_state(limits.clone(), observe::limit_body))
        .layer(from_fn_with_state(limits, observe::limit_time))
        .layer(CatchPanicLayer::custom(observe::panicked));
    let routes = match cross_origin(&config.http.trusted_origins) {
        Some(layer) => routes.layer(layer),
        None => routes,
    };
    let observer = Observer { random, traced: Traced::new(config, public_url) };
    routes.layer(map_response(observe::harden)).layer(from_fn_with_state(observer, observe::log_request))
}

/// Lets the pages of exactly these origins read answers, cookies included (CORS, Fetch §3.2). Without any, no answer
/// says a word about it, and browsers keep to the same origin.
fn cross_origin(origins: &[String]) -> Option<CorsLayer> {
    let origins: Vec<HeaderValue> = origins.iter().filter_map(|origin| origin.parse().ok()).collect();
    (!origins.is_empty()).then(|| {
        CorsLayer::new()
            .allow_origin(AllowOrigin::list(origins))
            .allow_credentials(true)
            .allow_methods([Method::GET, Method::POST, Method::PATCH, Method::DELETE])
            .allow_headers([AUTHORIZATION, CONTENT_TYPE, REQUEST_ID])
            .expose_headers([RETRY_AFTER, REQUEST_ID])
            .max_age(PREFLIGHT_GOOD_FOR)
    })
}

/// `{"detail": …}` with a status.
pub(super) fn json_detail(status: StatusCode, detail: &str) -> Response {
    (status, Json(json!({ "detail": detail }))).into_response()
}

/// The process is alive.
async fn healthz() -> Response {
    Json(json!({ "status": "ok" })).into_response()
}

/// The database answers.
async fn readyz(State(users): State<Users<ServerUser>>) -> Response {
    match is_ready(&users).await {
        true => Json(json!({ "status": "ok" })).into_response(),
        false => json_detail(StatusCode::SERVICE_UNAVAILABLE, "The database does not answer"),
    }
}

/// Whether the database answers soon; the log says why not.
pub(super) async fn is_ready(users: &Users<ServerUser>) -> bool {
    match tokio::time::timeout(READY_WITHIN, users.ping()).await {
        Ok(Ok(())) => return true,
        Ok(Err(error)) => {
            let cause = crate::report::chain(&error);
            tracing::warn!(%cause, "not ready: the database does not answer");
        }
        Err(_) => tracing::warn!("not ready: the database takes too long"),
    }
    false
}

/// What it takes to answer for a path that leads nowhere.
#[derive(Clone)]
struct Lost {
    known: Router,
    public_url: String,
}

/// 307 to the path without its trailing slashes, where that one leads somewhere; otherwise 404. The original's
/// framework does the same.
async fn redirect_slash(State(lost): State<Lost>, request: Request) -> Response {
    let uri = request.uri();
    let path = uri.path().trim_end_matches('/');
    if path.is_empty() || path.len() == uri.path().len() || !leads_somewhere(lost.known, path).await {
        return ApiError::NotFound.into_response();
    }
    let origin = origin(request.headers().get(HOST), &lost.public_url);
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    match HeaderValue::try_from(format!("{origin}{path}{query}")) {
        Ok(location) => (StatusCode::TEMPORARY_REDIRECT, [(LOCATION, location)]).into_response(),
        Err(_) => ApiError::NotFound.into_response(),
    }
}

/// Whether there is a route for a path: a method that no route has is then answered 405, and else 404.
async fn leads_somewhere(known: Router, path: &str) -> bool {
    let Ok(method) = Method::from_bytes(b"X-EXISTS") else { return false };
    let Ok(request) = Request::builder().method(method).uri(path).body(Body::empty()) else { return false };
    let Ok(response) = known.oneshot(request).await;
    response.status() != StatusCode::NOT_FOUND
}

/// Scheme and host of the address that the client used: redirects stay where the client is.
fn origin(host: Option<&HeaderValue>, public_url: &str) -> String {
    let scheme = if public_url.starts_with("https:") { "https" } else { "http" };
    let origin = host.and_then(|host| host.to_str().ok()).map(|host| format!("{scheme}://{host}"));
    let is_origin = |origin: &String| {
        origin
            .parse::<Uri>()
            .is_ok_and(|uri| matches!(uri.path(), "" | "/") && uri.query().is_none() && uri.host().is_some())
    };
    origin.filter(is_origin).unwrap_or_else(|| public_url.to_owned())
}

#[cfg(test)]
mod tests {
    use axum::{http::header::CONTENT_TYPE, routing::post};
    use axum_users::MemoryDatabase;

    use super::*;
    use crate::setup;

    fn app(config: &Config) -> Router {
        let known = Router::new()
            .route("/users/me", get(async || "me"))
            .route("/users/{id}", get(async || "one"))
            .route("/echo", post(async |body: String| body))
            .route("/bug", get(async || -> Response { panic!("a secret detail") }))
            .route("/slow", get(std::future::pending::<()>))
            .fallback(async || ApiError::NotFound);
        let url = "http://127.0.0.1:8000";
        let secrets = setup::throwaway_secret(config);
        let users = setup::build_users(config, url, MemoryDatabase::default(), secrets, ()).unwrap();
        around(known, page::Root::new(&users, config, url), config, url, Random::seeded(1))
    }

    async fn ask(config: &Config, request: Request) -> (StatusCode, axum::http::HeaderMap, String) {
        let response = app(config).oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        (parts.status, parts.headers, String::from_utf8(body.to_vec()).unwrap())
    }

    fn request(method: &str, path: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Request {
        let builder = Request::builder().method(method).uri(path);
        let builder = headers.iter().fold(builder, |builder, (name, value)| builder.header(*name, *value));
        builder.body(body.into()).unwrap()
    }

    #[tokio::test]
    async fn a_trailing_slash_is_redirected_only_to_paths_that_exist() {
        let host = [("host", "127.0.0.1:9999")];
        for (path, location) in [
            ("/users/me/", Some("http://127.0.0.1:9999/users/me")),
            ("/users/me//", Some("http://127.0.0.1:9999/users/me")),
            ("/echo/?a=%20b&c", Some("http://127.0.0.1:9999/echo?a=%20b&c")),
            ("/users/17/", Some("http://127.0.0.1:9999/users/17")),
            ("/users/", None),
            ("/users", None),
            ("//users/me", None),
            ("/nowhere/", None),
            ("//", None),
        ] {
            let (status, headers, body) = ask(&Config::default(), request("GET", path, &host, "")).await;
            let found = headers.get(LOCATION).map(|value| value.to_str().unwrap());
            assert_eq!(found, location, "{path}");
            if location.is_some() {
                assert_eq!((status, body.as_str()), (StatusCode::TEMPORARY_REDIRECT, ""), "{path}");
            } else {
                assert_eq!(
                    (status, body.as_str()),
                    (StatusCode::NOT_FOUND, r#"{"detail":"Not Found"}"#),
                    "{path}"
                );
            }
        }
    }

    #[tokio::test]
    async fn a_redirect_does_not_follow_a_host_that_is_none() {
        for host in ["evil.example/path", "a b", ""] {
            let (_, headers, _) =
                ask(&Config::default(), request("GET", "/users/me/", &[("host", host)], "")).await;
            assert_eq!(headers[LOCATION], "http://127.0.0.1:8000/users/me", "{host:?}");
        }
    }

    #[tokio::test]
    async fn li_10_a_body_over_the_limit_is_413_whether_or_not_it_says_so() {
        let mut config = Config::default();
        config.http.body_limit_bytes = 10;
        let chunks = Body::from_stream(Chunks(3));
        for body in [Body::from("x".repeat(11)), chunks] {
            let (status, ..) = ask(&config, request("POST", "/echo", &[], body)).await;
            assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
        }
        let (status, _, body) = ask(&config, request("POST", "/echo", &[], "x".repeat(10))).await;
        assert_eq!((status, body.len()), (StatusCode::OK, 10));
        let (_, _, body) = ask(&config, request("POST", "/nowhere", &[], "x".repeat(11))).await;
        assert_eq!(body, r#"{"detail":"Request body is too large"}"#);
    }

    /// A body of unknown length: so many chunks of five bytes.
    struct Chunks(usize);

    impl futures_core::Stream for Chunks {
        type Item = Result<&'static str, std::convert::Infallible>;

        fn poll_next(
            mut self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<Self::Item>> {
            let left = self.0.checked_sub(1);
            self.0 = left.unwrap_or(0);
            std::task::Poll::Ready(left.map(|_| Ok("12345")))
        }
    }

    #[tokio::test]
    async fn hd_04_a_bug_is_answered_in_the_originals_words_and_tells_nothing() {
        let (status, headers, body) = ask(&Config::default(), request("GET", "/bug", &[], "")).await;
        assert_eq!((status, body.as_str()), (StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error"));
        assert_eq!(headers[CONTENT_TYPE], "text/plain; charset=utf-8");
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_takes_too_long_is_408() {
        let (status, _, body) = ask(&Config::default(), request("GET", "/slow", &[], "")).await;
        assert_eq!((status, body.as_str()), (StatusCode::REQUEST_TIMEOUT, r#"{"detail":"Request Timeout"}"#));
    }

    #[tokio::test]
    async fn hd_05_every_answer_has_nosniff_and_a_request_id() {
        for path in ["/users/me", "/nowhere", "/", "/users/me/"] {
            let (_, headers, _) =
                ask(&Config::default(), request("GET", path, &[("x-request-id", "abc")], "")).await;
            assert_eq!(headers["x-content-type-options"], "nosniff", "{path}");
            assert_eq!(headers["x-request-id"], "abc", "{path}");
        }
    }

    #[tokio::test]
    async fn the_root_is_a_page_only_for_those_who_prefer_one() {
        let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
        for (method, accept, status) in [
            ("GET", browser, 200),
            ("GET", "*/*", 404),
            ("GET", "application/json, text/html;q=0.5", 404),
            ("POST", browser, 404),
        ] {
            let (found, headers, body) =
                ask(&Config::default(), request(method, "/", &[("accept", accept)], "")).await;
            assert_eq!(found.as_u16(), status, "{method} {accept}");
            if status == 200 {
                assert_eq!(headers[CONTENT_TYPE], "text/html; charset=utf-8");
                assert_eq!(headers["referrer-policy"], "no-referrer");
                assert!(
                    headers["content-security-policy"].to_str().unwrap().contains("frame-ancestors 'none'")
                );
                assert!(body.contains(r#"<a href="/docs">"#), "{body}");
                assert!(body.contains("It runs, and the database answers."), "{body}");
                assert!(body.contains("<code>POST /auth/jwt/login</code>: bearer token"), "{body}");
            } else {
                assert_eq!(body, r#"{"detail":"Not Found"}"#);
            }
        }
    }
}
