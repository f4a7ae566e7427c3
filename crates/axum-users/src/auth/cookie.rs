//! A token in a cookie (RFC 6265).

use std::borrow::Cow;

use axum::{
    http::{
        HeaderMap, HeaderValue, StatusCode,
        header::{COOKIE, SET_COOKIE},
    },
    response::{IntoResponse, Response},
};

use secrecy::ExposeSecret;

use super::{Issued, Transport};
use crate::{openapi::TransportDescription, refusals::is_loopback};

/// When a browser sends the cookie along with requests from other sites.
///
/// ```
/// use axum_users::{Cookie, SameSite};
///
/// let cookie = Cookie::default().same_site(SameSite::Strict);
/// # let _ = cookie;
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SameSite {
    /// Never.
    Strict,
    /// Only when the user follows a link; the default.
    #[default]
    Lax,
    /// Always; browsers want the cookie to be secure then.
    None,
}

impl SameSite {
    /// The attribute's value, in lower case as the original writes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Strict => "strict",
            Self::Lax => "lax",
            Self::None => "none",
        }
    }
}

/// Carries the token in a cookie; login answers 204 with `Set-Cookie`.
///
/// The defaults are the original's: `fastapiusersauth`, a session cookie (no `Max-Age`), path `/`, no domain,
/// secure, HTTP-only, `SameSite=lax`. Over plain HTTP a browser keeps no secure cookie: call
/// [`insecure`](Self::insecure) for development.
///
/// ```
/// use axum_users::{Cookie, SameSite};
/// let cookie = Cookie::named("sid").max_age_seconds(3600).same_site(SameSite::Strict);
/// ```
#[derive(Clone, Debug)]
pub struct Cookie {
    name: Cow<'static, str>,
    max_age_seconds: Option<u64>,
    path: Cow<'static, str>,
    domain: Option<Cow<'static, str>>,
    secure: bool,
    http_only: bool,
    same_site: SameSite,
}

impl Default for Cookie {
    fn default() -> Self {
        Self {
            name: Cow::Borrowed("fastapiusersauth"),
            max_age_seconds: None,
            path: Cow::Borrowed("/"),
            domain: None,
            secure: true,
            http_only: true,
            same_site: SameSite::Lax,
        }
    }
}

impl Cookie {
    /// A cookie of this name. `__Host-…` names make browsers refuse what another host set (RFC 6265bis §4.1.3).
    pub fn named(name: impl Into<Cow<'static, str>>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    /// How long the browser keeps it, in seconds; without, until it closes. The strategy's lifetime is its own.
    #[must_use]
    pub fn max_age_seconds(mut self, seconds: u64) -> Self {
        self.max_age_seconds = Some(seconds);
        self
    }

    /// Under which path it is sent.
    #[must_use]
    pub fn path(mut self, path: impl Into<Cow<'static, str>>) -> Self {
        self.path = path.into();
        self
    }

    /// To which domain and its subdomains it is sent; without, only to the host that set it.
    #[must_use]
    pub fn domain(mut self, domain: impl Into<Cow<'static, str>>) -> Self {
        self.domain = Some(domain.into());
        self
    }

    /// Sends it over plain HTTP too.
    #[must_use]
    pub fn insecure(mut self) -> Self {
        self.secure = false;
        self
    }

    /// Lets scripts read it.
    #[must_use]
    pub fn readable_by_scripts(mut self) -> Self {
        self.http_only = false;
        self
    }

    /// When it is sent along with requests from other sites.
    #[must_use]
    pub fn same_site(mut self, same_site: SameSite) -> Self {
        self.same_site = same_site;
        self
    }

    /// `Set-Cookie` with the attributes in alphabetical order and `Secure` last, as Starlette writes them.
    fn set_cookie(&self, value: &str, max_age_seconds: Option<u64>) -> Option<HeaderValue> {
        let mut header = format!("{}={value}", self.name);
        if let Some(domain) = &self.domain {
            header.push_str("; Domain=");
            header.push_str(domain);
        }
        if self.http_only {
            header.push_str("; HttpOnly");
        }
        if let Some(seconds) = max_age_seconds {
            header.push_str("; Max-Age=");
            header.push_str(&seconds.to_string());
        }
        header.push_str("; Path=");
        header.push_str(&self.path);
        header.push_str("; SameSite=");
        header.push_str(self.same_site.name());
        if self.secure {
            header.push_str("; Secure");
        }
        HeaderValue::try_from(header).ok()
    }

    fn put(&self, headers: &mut HeaderMap, value: &str, max_age_seconds: Option<u64>) {
        match self.set_cookie(value, max_age_seconds) {
            Some(header) => {
                headers.append(SET_COOKIE, header);
            }
            None => tracing::error!(name = %self.name, "the cookie's name, path or domain is no header text"),
        }
    }

    /// The cookie that carries refresh tokens: the same attributes, out of reach for scripts, and sent to the
    /// refresh route alone. A `__Host-` cookie would have to be sent everywhere.
    fn for_refresh_tokens(&self, path: &str) -> Self {
        let name = match self.name.strip_prefix("__Host-") {
            Some(rest) => format!("__Secure-{rest}_refresh"),
            None => format!("{}_refresh", self.name),
        };
        Self { name: name.into(), path: path.to_owned().into(), http_only: true, ..self.clone() }
    }

    /// Sets the cookie in an answer.
    pub(crate) fn set(&self, headers: &mut HeaderMap, value: &str) {
        self.put(headers, value, self.max_age_seconds);
    }

    /// Takes the cookie back in an answer: two quotes, as Python's cookie module writes an empty value.
    pub(crate) fn clear(&self, headers: &mut HeaderMap) {
        self.put(headers, "\"\"", Some(0));
    }

    /// The headers of a request that carries the cookie.
    #[cfg(feature = "oauth")]
    pub(crate) fn sent_back(&self) -> HeaderMap {
        let cookie = HeaderValue::try_from(format!("{}=value", self.name)).ok();
        cookie.map(|cookie| (COOKIE, cookie)).into_iter().collect()
    }

    /// The cookie's value in a request.
    pub(crate) fn read<'a>(&self, headers: &'a HeaderMap) -> Option<Cow<'a, str>> {
        let value = headers
            .get_all(COOKIE)
            .iter()
            .filter_map(|header| header.to_str().ok())
            .flat_map(|header| header.split(';'))
            .filter_map(|pair| pair.split_once('='))
            .rfind(|(name, _)| name.trim() == self.name)
            .map(|(_, value)| value.trim())?;
        let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value);
        (!value.is_empty()).then_some(Cow::Borrowed(value))
    }
}

impl Cookie {
    /// What makes browsers drop the cookie, or no cookie of it (RFC 6265bis §4.1, §5.6).
    fn why_unusable(&self) -> Option<&'static str> {
        let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
        if self.name.is_empty() || !self.name.chars().all(is_token) {
            return Some("its cookie's name may have letters, digits, `-` and `_` alone, and at least one");
        }
        let is_path = |c: char| c.is_ascii_graphic() && c != ';';
        if !self.path.starts_with('/') || !self.path.chars().all(is_path) {
            return Some("its cookie's path has to begin with `/`, and has no space and no `;`");
        }
        let is_domain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
        if self.domain.as_ref().is_some_and(|domain| domain.is_empty() || !domain.chars().all(is_domain)) {
            return Some("its cookie's domain has to be one as in \"example.com\", without scheme and port");
        }
        if self.same_site == SameSite::None && !self.secure {
            return Some(
                "browsers drop a cookie with `SameSite::None` that is not secure: leave out `.insecure()`",
            );
        }
        if self.name.starts_with("__Secure-") && !self.secure {
            return Some("browsers drop a `__Secure-` cookie that is not secure: leave out `.insecure()`");
        }
        let is_host_alone = self.secure && self.path == "/" && self.domain.is_none();
        if self.name.starts_with("__Host-") && !is_host_alone {
            return Some(
                "browsers drop a `__Host-` cookie that is not secure, or has a domain or a path other than `/`: leave \
                 these out, or rename it",
            );
        }
        None
    }
}

impl Transport for Cookie {
    fn check(&self, public_url: Option<&str>) -> Result<(), Cow<'static, str>> {
        if let Some(reason) = self.why_unusable() {
            return Err(Cow::Borrowed(reason));
        }
        let Some(url) = public_url else { return Ok(()) };
        if !self.secure && url.starts_with("https:") {
            return Err(Cow::Owned(format!(
                "its cookie would go over plain http, too, although the public URL is {url}: leave out `.insecure()`"
            )));
        }
        if self.secure && url.starts_with("http:") && !is_loopback(url) {
            return Err(Cow::Owned(format!(
                "browsers keep no secure cookie over http, and the public URL is {url}: make it https, or call \
                 `.insecure()` for development"
            )));
        }
        Ok(())
    }

    fn token<'a>(&self, headers: &'a HeaderMap) -> Option<Cow<'a, str>> {
        self.read(headers)
    }

    fn login_response(&self, issued: &Issued) -> Response {
        let mut response = StatusCode::NO_CONTENT.into_response();
        self.set(response.headers_mut(), issued.token());
        if let Some(refresh) = &issued.refresh {
            let cookie = self.for_refresh_tokens(&refresh.path);
            cookie.put(response.headers_mut(), refresh.token.expose_secret(), Some(refresh.expires_in));
        }
        response
    }

    fn logout_response(&self) -> Response {
        let mut response = StatusCode::NO_CONTENT.into_response();
        self.clear(response.headers_mut());
        response
    }

    fn sets_cookie(&self) -> bool {
        true
    }

    fn refresh_token<'a>(&self, headers: &'a HeaderMap) -> Option<Cow<'a, str>> {
        self.for_refresh_tokens("").read(headers)
    }

    fn forget_refresh_token(&self, headers: &mut HeaderMap, path: &str) {
        self.for_refresh_tokens(path).clear(headers);
    }

    fn description(&self, _: &str) -> TransportDescription {
        TransportDescription::cookie(self.name.as_ref())
    }
}
