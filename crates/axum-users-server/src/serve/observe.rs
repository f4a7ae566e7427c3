//! What happens around every request: an id, a line in the log, a time limit, headers of safety.

use std::{sync::Arc, time::Instant};

use axum::{
    body::HttpBody,
    extract::{MatchedPath, Request, State},
    http::{
        HeaderName, HeaderValue, StatusCode,
        header::{CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS},
    },
    middleware::Next,
    response::{IntoResponse, Response},
};
use axum_users::{ApiError, Random};
use tracing::Instrument;

use super::{
    Limits, metrics,
    router::json_detail,
    trace::{self, Traced},
};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Characters of a path that the log shows.
pub(super) const PATH_LIMIT: usize = 200;

/// What the middleware around every request knows.
#[derive(Clone, Debug)]
pub(super) struct Observer {
    pub(super) random: Random,
    pub(super) traced: Traced,
}

/// Gives the request an id, logs its end under it, and hands the id back.
///
/// The log has the path but never the query, and no header: either may hold a token.
pub(super) async fn log_request(State(observer): State<Observer>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let id = request_id(parts.headers.get(REQUEST_ID), &observer.random);
    parts.headers.insert(REQUEST_ID, id.clone());
    let method = parts.method.clone();
    let path: String = parts.uri.path().chars().take(PATH_LIMIT).collect();
    let client = observer.traced.client(&parts);
    let route = parts.extensions.get::<MatchedPath>().cloned();
    let route = route.as_ref().map(MatchedPath::as_str);
    let begun = Instant::now();

    let id_text = id.to_str().unwrap_or_default();
    let traced = observer.traced.span(&parts, route, id_text);
    let span = traced.in_scope(|| tracing::info_span!("request", id = id_text));
    let request = Request::from_parts(parts, body);
    let mut response = next.run(request).instrument(span.clone()).instrument(traced.clone()).await;

    let status = response.status().as_u16();
    trace::answered(&traced, status);
    metrics::answered(&method, route, status, begun.elapsed());
    let milliseconds = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    let client = client.map(tracing::field::display);
    span.in_scope(|| match status {
        500.. => tracing::error!(%method, path, status, milliseconds, client, "answered"),
        _ if is_probe(&path) => tracing::debug!(%method, path, status, milliseconds, client, "answered"),
        _ => tracing::info!(%method, path, status, milliseconds, client, "answered"),
    });
    response.headers_mut().insert(REQUEST_ID, id);
    response
}

/// Whether something asks for this path every few seconds.
fn is_probe(path: &str) -> bool {
    matches!(path, "/healthz" | "/readyz")
}

/// The id that a proxy gave, where it is one, or a new one.
fn request_id(given: Option<&HeaderValue>, random: &Random) -> HeaderValue {
    let is_id = |bytes: &[u8]| {
        let good = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        (1..=64).contains(&bytes.len()) && bytes.iter().copied().all(good)
    };
    if let Some(given) = given.filter(|value| is_id(value.as_bytes())) {
        return given.clone();
    }
    let id = random.uuid().to_string();
    HeaderValue::from_str(&id).unwrap_or(HeaderValue::from_static("-"))
}

/// Ends a request that takes too long: a slow body, or a database that does not answer.
pub(super) async fn limit_time(State(limits): State<Arc<Limits>>, request: Request, next: Next) -> Response {
    match tokio::time::timeout(limits.request_timeout, next.run(request)).await {
        Ok(response) => response,
        Err(_) => json_detail(StatusCode::REQUEST_TIMEOUT, "Request Timeout"),
    }
}

/// Refuses a body that says beforehand that it is too large, whatever the route would do with it.
pub(super) async fn limit_body(State(limits): State<Arc<Limits>>, request: Request, next: Next) -> Response {
    if request.body().size_hint().lower() > limits.body_limit_bytes as u64 {
        return ApiError::PayloadTooLarge.into_response();
    }
    next.run(request).await
}

/// No browser shall guess what an answer is.
pub(super) async fn harden(mut response: Response) -> Response {
    response.headers_mut().entry(X_CONTENT_TYPE_OPTIONS).or_insert(HeaderValue::from_static("nosniff"));
    response
}

/// The answer to a mistake of this program: the original's words, and nothing of the mistake.
pub(super) fn panicked(_: Box<dyn std::any::Any + Send>) -> Response {
    tracing::error!("a request met a bug: its place is on standard error");
    let text = HeaderValue::from_static("text/plain; charset=utf-8");
    (StatusCode::INTERNAL_SERVER_ERROR, [(CONTENT_TYPE, text)], "Internal Server Error").into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_id_is_kept_only_where_it_can_harm_no_log() {
        let random = Random::seeded(1);
        let keep = HeaderValue::from_static("0af7651916cd43dd-8448.eb_1");
        assert_eq!(request_id(Some(&keep), &random), keep);
        for bad in ["", "a b", "a\"b", "é"] {
            let bad = HeaderValue::from_bytes(bad.as_bytes()).unwrap();
            assert_eq!(request_id(Some(&bad), &random).len(), 36);
        }
        let long = HeaderValue::from_str(&"a".repeat(65)).unwrap();
        assert_eq!(request_id(Some(&long), &random).len(), 36);
        assert_ne!(request_id(None, &random), request_id(None, &random));
    }
}
