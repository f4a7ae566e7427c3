//! The span of a request, with the attributes of OpenTelemetry's conventions for HTTP servers.
//!
//! It has the path but never the query, and of the headers the user agent alone: a token may be in any other. Only who
//! exports traces listens to it; the log has a span of its own.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use axum::{
    extract::ConnectInfo,
    http::{Method, header::USER_AGENT, request::Parts},
};
use axum_users::RequestInfo;
use tracing::{Span, field::Empty};
use url::Url;

use super::observe::PATH_LIMIT;
use crate::{config::Config, log::TRACE_TARGET};

/// Characters of a user agent that a span has.
const AGENT_LIMIT: usize = 200;

/// What is the same for every request.
#[derive(Clone, Debug)]
pub(super) struct Traced {
    scheme: &'static str,
    host: Arc<str>,
    trusted_proxies: usize,
}

impl Traced {
    pub(super) fn new(config: &Config, public_url: &str) -> Self {
        let url = Url::parse(public_url).ok();
        Self {
            scheme: if public_url.starts_with("https:") { "https" } else { "http" },
            host: url.and_then(|url| url.host_str().map(Arc::from)).unwrap_or_default(),
            trusted_proxies: config.limits.trusted_proxies,
        }
    }

    /// The client's address, as the proxies tell it that were said to be there.
    pub(super) fn client(&self, parts: &Parts) -> Option<IpAddr> {
        let address = match self.trusted_proxies {
            0 => peer(parts),
            count => RequestInfo::of(parts).behind_proxies(count).client_address(),
        };
        address.map(|address| address.to_canonical())
    }

    /// The span of a request. Nothing is looked at where nobody listens.
    pub(super) fn span(&self, parts: &Parts, route: Option<&str>, id: &str) -> Span {
        if !tracing::span_enabled!(target: TRACE_TARGET, tracing::Level::INFO) {
            return Span::none();
        }
        let method = known_method(&parts.method);
        let name = match (method, route) {
            ("_OTHER", Some(route)) => format!("HTTP {route}"),
            ("_OTHER", None) => "HTTP".to_owned(),
            (method, Some(route)) => format!("{method} {route}"),
            (method, None) => method.to_owned(),
        };
        let path: String = parts.uri.path().chars().take(PATH_LIMIT).collect();
        let span = tracing::info_span!(
            target: TRACE_TARGET,
            "request",
            otel.name = name,
            otel.kind = "server",
            otel.status_code = Empty,
            http.request.method = method,
            http.route = route,
            url.scheme = self.scheme,
            url.path = path,
            server.address = &*self.host,
            client.address = self.client(parts).map(display),
            network.peer.address = peer(parts).map(display),
            user_agent.original = agent(parts),
            "http.request.header.x-request-id" = id,
            http.response.status_code = Empty,
            "error.type" = Empty,
        );
        #[cfg(feature = "opentelemetry")]
        crate::telemetry::continue_trace(&span, &parts.headers);
        span
    }
}

/// Who is at the other end of the connection.
fn peer(parts: &Parts) -> Option<IpAddr> {
    parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(address)| address.ip())
}

/// Says in the span what was answered.
pub(super) fn answered(span: &Span, status: u16) {
    span.record("http.response.status_code", i64::from(status));
    if status >= 500 {
        span.record("error.type", status.to_string());
        span.record("otel.status_code", "ERROR");
    }
}

/// A method by its name; what is made up goes by one, since names are kept for ever.
pub(super) fn known_method(method: &Method) -> &'static str {
    const KNOWN: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    KNOWN.into_iter().find(|known| *known == method.as_str()).unwrap_or("_OTHER")
}

fn agent(parts: &Parts) -> Option<String> {
    let agent = parts.headers.get(USER_AGENT)?.to_str().ok()?;
    Some(agent.chars().take(AGENT_LIMIT).map(|c| if c.is_control() { ' ' } else { c }).collect())
}
