//! The page at `/`, for somebody who opened the server in a browser.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{
        HeaderMap, HeaderValue, Method,
        header::{ACCEPT, CONTENT_SECURITY_POLICY, REFERRER_POLICY, VARY, X_FRAME_OPTIONS},
    },
    response::{Html, IntoResponse, Response},
};
use axum_users::ApiError;

use crate::mail::escape;

/// The page, written once.
#[derive(Clone)]
pub(super) struct Root {
    page: Arc<str>,
}

impl Root {
    pub(super) fn new(public_url: &str) -> Self {
        let url = escape(public_url);
        let page = format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n<title>axum-users</title>\n</head>\n<body>\n\
             <h1>axum-users</h1>\n\
             <p>User accounts over HTTP. It runs; this page is all there is to see of it without a client.</p>\n\
             <ul>\n\
             <li><a href=\"/docs\">/docs</a>: every route, to be tried out in the browser</li>\n\
             <li><a href=\"/openapi.json\">/openapi.json</a>: the same for programs</li>\n\
             <li><a href=\"/readyz\">/readyz</a>: whether the database answers</li>\n\
             </ul>\n\
             <p>Register from a terminal:</p>\n\
             <pre>curl {url}/auth/register -H 'Content-Type: application/json' \\\n     \
             -d '{{\"email\": \"ada@example.com\", \"password\": \"analytical engine\"}}'</pre>\n\
             </body>\n</html>\n"
        );
        Self { page: page.into() }
    }
}

/// The page for browsers; everybody else gets the original's 404.
pub(super) async fn root(State(root): State<Root>, request: Request) -> Response {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    if !reads || !prefers_html(request.headers()) {
        return ApiError::NotFound.into_response();
    }
    let headers = [
        (
            CONTENT_SECURITY_POLICY,
            "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        ),
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, "no-referrer"),
        (VARY, "accept"),
    ];
    (headers.map(|(name, value)| (name, HeaderValue::from_static(value))), Html(root.page.to_string()))
        .into_response()
}

/// Whether the client would rather have HTML than JSON (RFC 9110 §12.5.1).
fn prefers_html(headers: &HeaderMap) -> bool {
    let accepts: Vec<&str> = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok()).collect();
    let ranges: Vec<(String, f32)> =
        accepts.iter().flat_map(|accept| accept.split(',')).map(media_range).collect();
    weight(&ranges, "text", "html") > weight(&ranges, "application", "json")
}

/// A media range in lower case, and its weight.
fn media_range(text: &str) -> (String, f32) {
    let mut parts = text.split(';').map(str::trim);
    let range = parts.next().unwrap_or_default().to_ascii_lowercase();
    let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
    (range, weight.map_or(1.0, |weight| weight.parse().unwrap_or(0.0)))
}

/// The weight of the most specific range that holds the type.
fn weight(ranges: &[(String, f32)], kind: &str, subtype: &str) -> f32 {
    let exact = [format!("{kind}/{subtype}"), format!("{kind}/*"), "*/*".to_owned()];
    let found = exact.iter().find_map(|wanted| ranges.iter().find(|(range, _)| range == wanted));
    found.map_or(0.0, |(_, weight)| *weight)
}
