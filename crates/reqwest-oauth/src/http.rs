//! Requests to providers: bounded in time and size, without redirects, over https.

use std::{fmt, future::Future, net::IpAddr, pin::Pin, sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Method};
use serde_json::Value;
use tokio::sync::OnceCell;
use url::{Host, Url};

use crate::error::{FailureCause, RequestFailure};

/// A request to a provider.
///
/// Its `Debug` shows method and address without the query, since headers, query and body have secrets.
///
/// ```
/// use reqwest_oauth::HttpRequest;
///
/// fn is_to(request: &HttpRequest, host: &str) -> bool {
///     request.url.host_str() == Some(host)
/// }
/// ```
#[non_exhaustive]
pub struct HttpRequest {
    /// GET or POST.
    pub method: Method,
    /// The address.
    pub url: Url,
    /// All headers but those that the transport adds by itself.
    pub headers: HeaderMap,
    /// The body of a POST request.
    pub body: Option<String>,
    /// The longest body of an answer to read, in bytes. A transport stops reading there.
    pub body_limit: usize,
}

impl fmt::Debug for HttpRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut url = self.url.clone();
        url.set_query(None);
        write!(f, "HttpRequest({} {url})", self.method)
    }
}

/// A provider's answer, read to its end.
///
/// ```
/// use reqwest_oauth::HttpResponse;
///
/// let answer = HttpResponse { status: 200, body: r#"{"sub": "1815"}"#.into() };
/// assert_eq!(answer.status, 200);
/// ```
#[derive(Clone, Debug, Default)]
pub struct HttpResponse {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: Bytes,
}

/// Why a transport has no answer.
///
/// ```
/// use reqwest_oauth::HttpError;
///
/// assert_eq!(HttpError::TooLarge.to_string(), "the answer is too large");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HttpError {
    /// The body is longer than the limit.
    #[error("the answer is too large")]
    TooLarge,
    /// No connection, or one that broke: why. The text reaches logs and error answers, so it names no secret.
    #[error("{0}")]
    Connection(String),
}

/// What carries requests to providers: [`ReqwestTransport`], or one of your own (a proxy, a recorder, a fake).
///
/// A transport must not follow redirects, since a redirected token request would hand the client's secret and
/// the code to whoever is named there (RFC 9700 section 4.12). The total deadline is kept by the client
/// around the transport.
///
/// ```
/// use reqwest_oauth::{HttpError, HttpRequest, HttpResponse, HttpTransport};
///
/// /// A provider that always says the same, for a test.
/// struct Always(&'static str);
///
/// impl HttpTransport for Always {
///     async fn send(&self, _: HttpRequest) -> Result<HttpResponse, HttpError> {
///         Ok(HttpResponse { status: 200, body: self.0.into() })
///     }
/// }
/// ```
pub trait HttpTransport: Send + Sync + 'static {
    /// Sends one request and reads the answer whole.
    fn send(&self, request: HttpRequest) -> impl Future<Output = Result<HttpResponse, HttpError>> + Send;
}

type SendFuture<'a> = Pin<Box<dyn Future<Output = Result<HttpResponse, HttpError>> + Send + 'a>>;

/// The object-safe twin of [`HttpTransport`].
trait ErasedTransport: Send + Sync {
    fn send_boxed(&self, request: HttpRequest) -> SendFuture<'_>;
}

impl<T: HttpTransport> ErasedTransport for T {
    fn send_boxed(&self, request: HttpRequest) -> SendFuture<'_> {
        Box::pin(self.send(request))
    }
}

/// The ordinary transport: one [`reqwest`] client, made at the first request.
///
/// ```
/// use std::time::Duration;
///
/// use reqwest_oauth::{ReqwestTransport, providers::GitHubOAuth2};
///
/// let transport = ReqwestTransport::with_connect_timeout(Duration::from_secs(1));
/// let github = GitHubOAuth2::new("id", "secret").transport(transport);
/// # let _ = github;
/// ```
pub struct ReqwestTransport {
    connect_timeout: Duration,
    client: OnceCell<reqwest::Client>,
}

impl ReqwestTransport {
    /// A transport that gives up on connecting after this time.
    #[must_use]
    pub fn with_connect_timeout(connect_timeout: Duration) -> Self {
        Self { connect_timeout, client: OnceCell::new() }
    }

    /// A transport over a client of your own. Make it with `redirect(Policy::none())`.
    #[must_use]
    pub fn from_client(client: reqwest::Client) -> Self {
        Self { connect_timeout: Duration::ZERO, client: OnceCell::new_with(Some(client)) }
    }

    async fn client(&self) -> Result<&reqwest::Client, HttpError> {
        let make = || async {
            reqwest::Client::builder()
                .redirect(reqwest::redirect::Policy::none())
                .referer(false)
                .connect_timeout(self.connect_timeout)
                .build()
        };
        self.client.get_or_try_init(make).await.map_err(|error| connection_error(&error))
    }
}

impl Default for ReqwestTransport {
    /// With a connect timeout of 5 seconds.
    fn default() -> Self {
        Self::with_connect_timeout(Duration::from_secs(5))
    }
}

impl fmt::Debug for ReqwestTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReqwestTransport")
    }
}

impl HttpTransport for ReqwestTransport {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let limit = request.body_limit;
        let mut builder = self.client().await?.request(request.method, request.url).headers(request.headers);
        if let Some(body) = request.body {
            builder = builder.body(body);
        }
        let mut answer = builder.send().await.map_err(|error| connection_error(&error))?;
        let status = answer.status().as_u16();
        let mut body = BytesMut::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| connection_error(&error))? {
            if body.len() + chunk.len() > limit {
                return Err(HttpError::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(HttpResponse { status, body: body.freeze() })
    }
}

/// The innermost cause, which names no URL: reqwest's own text has the URL with its query.
fn connection_error(error: &reqwest::Error) -> HttpError {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    let is_outermost = std::ptr::addr_eq(std::ptr::from_ref(cause), std::ptr::from_ref(error));
    HttpError::Connection(if is_outermost { "the connection failed".to_owned() } else { cause.to_string() })
}

type Guard = Arc<dyn Fn(&Url) -> bool + Send + Sync>;

/// How a client makes requests: shared by all its clones.
#[derive(Clone)]
pub(crate) struct HttpSettings {
    transport: Arc<dyn ErasedTransport>,
    pub(crate) deadline: Duration,
    pub(crate) body_limit: usize,
    pub(crate) allow_http: bool,
    pub(crate) guard: Option<Guard>,
    pub(crate) user_agent: String,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            transport: Arc::new(ReqwestTransport::default()),
            deadline: Duration::from_secs(10),
            body_limit: 1024 * 1024,
            allow_http: false,
            guard: None,
            user_agent: concat!("reqwest-oauth/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}

impl fmt::Debug for HttpSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpSettings")
            .field("deadline", &self.deadline)
            .field("body_limit", &self.body_limit)
            .field("allow_http", &self.allow_http)
            .finish_non_exhaustive()
    }
}

impl HttpSettings {
    pub(crate) fn set_transport(&mut self, transport: impl HttpTransport) {
        self.transport = Arc::new(transport);
    }

    /// Reads a URL and checks that it is https, or on this machine, or allowed by setting (RFC 9700 section 2.6).
    pub(crate) fn checked_url(&self, url: &str) -> Result<Url, Box<RequestFailure>> {
        let failure = |cause| Box::new(RequestFailure::new(cause, url));
        let parsed = Url::parse(url).map_err(|_| failure(FailureCause::InvalidUrl))?;
        match parsed.scheme() {
            "https" => Ok(parsed),
            "http" if self.allow_http || is_loopback(&parsed) => Ok(parsed),
            _ => Err(failure(FailureCause::InsecureUrl)),
        }
    }

    /// Sends a request. The whole of it, to the last byte of the answer, must be over within the deadline.
    pub(crate) async fn send(&self, request: Request) -> Result<Answer, Box<RequestFailure>> {
        let url = self.checked_url(&request.url)?;
        let failure = |cause| Box::new(RequestFailure::new(cause, &request.url));
        if self.guard.as_ref().is_some_and(|allows| !allows(&url)) {
            return Err(failure(FailureCause::ForbiddenUrl));
        }
        let mut headers = request.headers;
        if let Ok(user_agent) = self.user_agent.parse() {
            headers.insert(http::header::USER_AGENT, user_agent);
        }
        let sent = HttpRequest {
            method: request.method,
            url,
            headers,
            body: request.body,
            body_limit: self.body_limit,
        };
        match tokio::time::timeout(self.deadline, self.transport.send_boxed(sent)).await {
            Ok(Ok(response)) if response.body.len() > self.body_limit => Err(failure(FailureCause::TooLarge)),
            Ok(Ok(response)) => Ok(Answer { url: request.url, response }),
            Ok(Err(HttpError::TooLarge)) => Err(failure(FailureCause::TooLarge)),
            Ok(Err(HttpError::Connection(reason))) => Err(failure(FailureCause::Connection(reason))),
            Err(_) => Err(failure(FailureCause::Timeout)),
        }
    }
}

/// A request whose URL is not checked yet.
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) url: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Option<String>,
}

/// An answer, and where it came from.
pub(crate) struct Answer {
    url: String,
    response: HttpResponse,
}

impl Answer {
    /// The failure that this answer is.
    pub(crate) fn failure(&self, cause: FailureCause) -> Box<RequestFailure> {
        let failure = RequestFailure::new(cause, &self.url).with_status(self.response.status);
        Box::new(match serde_json::from_slice(&self.response.body) {
            Ok(answer) => failure.with_provider_error(&answer),
            Err(_) => failure,
        })
    }

    /// Success is 200 to 299: a redirect is none, since none is followed.
    pub(crate) fn successful(self) -> Result<Self, Box<RequestFailure>> {
        if (200..300).contains(&self.response.status) {
            Ok(self)
        } else {
            Err(self.failure(FailureCause::Status))
        }
    }

    /// Exactly this status.
    pub(crate) fn with_status(self, status: u16) -> Result<Self, Box<RequestFailure>> {
        if self.response.status == status { Ok(self) } else { Err(self.failure(FailureCause::Status)) }
    }

    pub(crate) fn json(&self) -> Result<Value, Box<RequestFailure>> {
        serde_json::from_slice(&self.response.body).map_err(|_| self.failure(FailureCause::InvalidJson))
    }

    pub(crate) fn json_object(&self) -> Result<serde_json::Map<String, Value>, Box<RequestFailure>> {
        match self.json()? {
            Value::Object(object) => Ok(object),
            _ => Err(self.failure(FailureCause::InvalidJson)),
        }
    }
}

/// Whether a URL names this machine without asking a name server.
fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => IpAddr::V4(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::V6(address).is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn oa_25_a_document_and_a_token_are_waited_for_no_longer_than_20_seconds_together() {
        assert!(HttpSettings::default().deadline * 2 <= Duration::from_secs(20));
    }

    #[test]
    fn oa_42_only_https_and_this_machine_may_be_asked() {
        let settings = HttpSettings::default();
        let table = [
            ("https://id.example.com/token", true),
            ("http://127.0.0.1:9000/token", true),
            ("http://127.9.9.9/token", true),
            ("http://[::1]:9000/token", true),
            ("http://localhost:9000/token", true),
            ("http://id.example.com/token", false),
            ("http://127.0.0.1.example.com/token", false),
            ("http://127.0.0.1@example.com/token", false),
            ("http://10.0.0.1/token", false),
            ("ftp://localhost/token", false),
            ("javascript:alert(1)", false),
            ("file:///etc/passwd", false),
            ("/token", false),
            ("", false),
        ];
        for (url, allowed) in table {
            assert_eq!(settings.checked_url(url).is_ok(), allowed, "{url}");
        }
    }

    #[test]
    fn http_can_be_allowed_but_nothing_else() {
        let settings = HttpSettings { allow_http: true, ..HttpSettings::default() };

        assert!(settings.checked_url("http://id.internal/token").is_ok());
        assert!(settings.checked_url("ftp://id.internal/token").is_err());
    }

    #[test]
    fn hd_20_debug_of_a_request_shows_no_secret() {
        let request = HttpRequest {
            method: Method::POST,
            url: Url::parse("https://a/me?access_token=SECRET").unwrap(),
            headers: HeaderMap::from_iter([(http::header::AUTHORIZATION, "SECRET".parse().unwrap())]),
            body: Some("client_secret=SECRET".to_owned()),
            body_limit: 1,
        };

        assert_eq!(format!("{request:?}"), "HttpRequest(POST https://a/me)");
    }
}
