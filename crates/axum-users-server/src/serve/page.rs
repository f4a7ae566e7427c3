//! The page at `/`, for somebody who opened the server in a browser.

use std::{fmt::Write, sync::Arc};

use axum::{
    extract::{Request, State},
    http::{
        HeaderMap, HeaderValue, Method,
        header::{ACCEPT, CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, VARY, X_FRAME_OPTIONS},
    },
    response::{Html, IntoResponse, Response},
};
use axum_users::{ApiError, Users, reqwest_oauth::OAuthClient};

use super::{first_screen::backend_line, router::is_ready};
use crate::{config::Config, mail::escape, server_user::ServerUser, setup};

const STYLE: &str = include_str!("page.css");

/// The only style that the page may have is this one, by its SHA-256.
const POLICY: &str = "default-src 'none'; style-src 'sha256-PzxvNwDR3V2FqSbeB+YErjjbJ91nyasYEoG85Q/LmzQ='; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'";

/// The page, written once but for the state.
#[derive(Clone)]
pub(super) struct Root {
    users: Users<ServerUser>,
    before_state: Arc<str>,
    after_state: Arc<str>,
}

impl Root {
    pub(super) fn new(users: &Users<ServerUser>, config: &Config, public_url: &str) -> Self {
        let before_state = format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>axum-users</title>\n\
             <style>{STYLE}</style>\n</head>\n<body>\n<h1>axum-users</h1>\n\
             <p>User accounts over HTTP, version {}.</p>\n",
            env!("CARGO_PKG_VERSION")
        );
        let url = escape(public_url);
        let after_state = format!(
            "<h2>Look around</h2>\n<ul>\n\
             <li><a href=\"/docs\">/docs</a>: every route, to be tried out in the browser</li>\n\
             <li><a href=\"/openapi.json\">/openapi.json</a>: the same for programs</li>\n\
             <li><a href=\"/readyz\">/readyz</a>: the state for programs</li>\n\
             </ul>\n<h2>Log in</h2>\n<ul>\n{}</ul>\n<h2>Register from a terminal</h2>\n\
             <pre>curl {url}/auth/register -H 'Content-Type: application/json' \\\n     \
             -d '{{\"email\": \"ada@example.com\", \"password\": \"analytical engine\"}}'</pre>\n\
             </body>\n</html>\n",
            ways_in(config)
        );
        Self { users: users.clone(), before_state: before_state.into(), after_state: after_state.into() }
    }
}

/// A list entry for each way to log in.
fn ways_in(config: &Config) -> String {
    let backends = setup::backends(config).iter().map(backend_line).collect::<Vec<_>>();
    let providers = config.oauth.iter().map(|provider| {
        let client = &provider.client;
        format!("GET /auth/{}/authorize: {}", client.name(), client.display_name())
    });
    backends.into_iter().chain(providers).fold(String::new(), |mut list, line| {
        let (route, rest) = line.split_once(": ").unwrap_or((&line, ""));
        // Writing to a string does not fail.
        let _ = writeln!(list, "<li><code>{}</code>: {}</li>", escape(route), escape(rest));
        list
    })
}

/// The page for browsers; everybody else gets the original's 404.
pub(super) async fn root(State(root): State<Root>, request: Request) -> Response {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    if !reads || !prefers_html(request.headers()) {
        return ApiError::NotFound.into_response();
    }
    let state = match is_ready(&root.users).await {
        true => "<p class=\"good\">It runs, and the database answers.</p>\n",
        false => {
            "<p class=\"bad\">It runs, but the database does not answer: requests that need it get 503. \
             The log says why.</p>\n"
        }
    };
    let headers = [
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, "no-referrer"),
        (CACHE_CONTROL, "no-store"),
        (VARY, "accept"),
    ];
    let headers = headers.map(|(name, value)| (name, HeaderValue::from_static(value)));
    (headers, Html([&root.before_state, state, &root.after_state].concat())).into_response()
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

#[cfg(test)]
mod tests {
    use base64::{Engine, engine::general_purpose::STANDARD};
    use sha2::{Digest, Sha256};

    use super::*;

    #[test]
    fn the_policy_allows_the_style_and_nothing_else() {
        let hash = STANDARD.encode(Sha256::digest(STYLE.as_bytes()));
        assert!(POLICY.contains(&format!("style-src 'sha256-{hash}';")), "it is now {hash}");
    }
}
