//! What can go wrong, and what of it may be shown.
//!
//! No error holds a secret, a token or a body: only the status, the URL without its query, and the provider's
//! own `error` and `error_description` (RFC 6749 section 5.2), cut to a bounded length.

use std::fmt;

use http::StatusCode;
use serde_json::Value;

/// The longest text of a provider that an error keeps, in characters.
const MAX_PROVIDER_TEXT: usize = 300;

/// A failed operation of an OAuth2 client.
///
/// [`message`](Self::message) and `Display` give the texts of HTTPX OAuth, so that an answer built on them is
/// the one that FastAPI Users gives. The cause is in [`failure`](Self::failure).
///
/// ```
/// use reqwest_oauth::OAuthError;
///
/// fn status(error: &OAuthError) -> u16 {
///     if error.is_temporary() { 503 } else { 400 }
/// }
/// assert_eq!(status(&OAuthError::Issuer), 400);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OAuthError {
    /// The code was not exchanged for a token.
    #[error("{0}")]
    GetAccessToken(Box<RequestFailure>),
    /// The token was not refreshed.
    #[error("{0}")]
    RefreshToken(Box<RequestFailure>),
    /// The token was not revoked.
    #[error("{0}")]
    RevokeToken(Box<RequestFailure>),
    /// The discovery document or the key set of an OpenID provider was not read.
    #[error("{0}")]
    OpenIdConfiguration(Box<RequestFailure>),
    /// Facebook did not exchange a token for a long-lived one.
    #[error("{0}")]
    GetLongLivedAccessToken(Box<RequestFailure>),
    /// The profile was not read.
    #[error("Error while retrieving user profile.")]
    GetProfile(Box<RequestFailure>),
    /// The profile was not read, or does not say who the user is.
    #[error("Error while retrieving id and email.")]
    GetIdEmail(Box<RequestFailure>),
    /// The ID token is not to be trusted (OpenID Connect Core section 3.1.3.7).
    #[error("The ID token was refused: {0}")]
    IdToken(IdTokenError),
    /// The callback's `iss` names another issuer, or is missing although it was promised (RFC 9207 section 2.4).
    #[error("The answer comes from another issuer.")]
    Issuer,
    /// The provider has no refresh tokens.
    #[error("Refresh token is not supported by this provider.")]
    RefreshTokenNotSupported,
    /// The provider has no way to revoke a token.
    #[error("Revoke token is not supported by this provider.")]
    RevokeTokenNotSupported,
    /// The provider has no profile to ask for by access token.
    #[error("A profile is not supported by this provider.")]
    ProfileNotSupported,
    /// No client can log in this way: the name of the method.
    #[error("Auth method {0} is not supported.")]
    NotSupportedAuthMethod(String),
    /// A revocation endpoint was given without its authentication method.
    #[error("Missing revocation endpoint auth method.")]
    MissingRevokeTokenAuthMethod,
    /// A setting of the client is missing or wrong: which, and why.
    #[error("{0}")]
    Settings(String),
}

impl OAuthError {
    /// The text that HTTPX OAuth gives for this error. It has no secret in it, but may have the URL of an
    /// endpoint and a text of the provider's.
    #[must_use]
    pub fn message(&self) -> String {
        self.to_string()
    }

    /// The failed request, where there was one.
    #[must_use]
    pub fn failure(&self) -> Option<&RequestFailure> {
        match self {
            Self::GetAccessToken(failure)
            | Self::RefreshToken(failure)
            | Self::RevokeToken(failure)
            | Self::OpenIdConfiguration(failure)
            | Self::GetLongLivedAccessToken(failure)
            | Self::GetProfile(failure)
            | Self::GetIdEmail(failure) => Some(failure),
            _ => None,
        }
    }

    /// The provider's HTTP status, where it answered.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.failure().and_then(|failure| failure.status)
    }

    /// Whether the same request may succeed later: no answer, an answer that came too slowly, a status of 500
    /// or more, or 429.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        self.failure().is_some_and(RequestFailure::is_temporary)
    }
}

/// A request to a provider that did not give what was wanted.
///
/// ```
/// use reqwest_oauth::OAuthError;
///
/// fn what_the_provider_said(error: &OAuthError) -> Option<&str> {
///     error.failure()?.error.as_deref()
/// }
/// assert_eq!(what_the_provider_said(&OAuthError::Issuer), None);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RequestFailure {
    /// What went wrong.
    pub cause: FailureCause,
    /// The URL asked, without its query and fragment.
    pub url: String,
    /// The status of the answer, where there was one.
    pub status: Option<u16>,
    /// The provider's `error`, at most 300 characters (RFC 6749 section 5.2).
    pub error: Option<String>,
    /// The provider's `error_description`, at most 300 characters.
    pub error_description: Option<String>,
}

/// Why a request failed.
///
/// ```
/// use reqwest_oauth::{FailureCause, OAuthError};
///
/// fn is_slow(error: &OAuthError) -> bool {
///     error.failure().is_some_and(|failure| matches!(failure.cause, FailureCause::Timeout))
/// }
/// assert!(!is_slow(&OAuthError::Issuer));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FailureCause {
    /// The status is not one of success.
    Status,
    /// The body is not JSON, or not a JSON object where one is needed.
    InvalidJson,
    /// The status says success, and the body has an `error`.
    Refused,
    /// The answer is JSON, and what was asked for is not in it or has another type: what is missing.
    Missing(String),
    /// No whole answer came within the deadline.
    Timeout,
    /// The body is longer than the limit.
    TooLarge,
    /// The connection failed: the transport's words.
    Connection(String),
    /// The URL is neither https nor on this machine.
    InsecureUrl,
    /// The URL guard refused the URL.
    ForbiddenUrl,
    /// The text is no URL.
    InvalidUrl,
    /// An OpenID provider's document names another issuer than the one it was asked for.
    WrongIssuer,
}

impl RequestFailure {
    pub(crate) fn new(cause: FailureCause, url: &str) -> Self {
        Self { cause, url: without_query(url), status: None, error: None, error_description: None }
    }

    pub(crate) fn with_status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }

    /// Takes `error` and `error_description` from an answer. Some providers nest them
    /// (`{"error": {"code": …, "message": …}}`).
    pub(crate) fn with_provider_error(mut self, answer: &Value) -> Self {
        let error = &answer["error"];
        self.error = short_text(error)
            .or_else(|| short_text(&error["type"]))
            .or_else(|| short_text(&error["code"]))
            .or_else(|| short_text(&error["message"]));
        self.error_description = short_text(&answer["error_description"])
            .or_else(|| short_text(&error["message"]))
            .or_else(|| short_text(&answer["message"]));
        self
    }

    fn is_temporary(&self) -> bool {
        match self.cause {
            FailureCause::Timeout | FailureCause::Connection(_) => true,
            FailureCause::Status => self.status.is_some_and(|status| status >= 500 || status == 429),
            _ => false,
        }
    }
}

impl fmt::Display for RequestFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.cause {
            FailureCause::Status => write_status(f, self.status.unwrap_or_default(), &self.url),
            FailureCause::InvalidJson => f.write_str("Invalid JSON content"),
            FailureCause::Refused => f.write_str(self.error.as_deref().unwrap_or("The request was refused")),
            FailureCause::Missing(what) => write!(f, "The answer has no {what}"),
            FailureCause::Timeout => f.write_str("timed out"),
            FailureCause::TooLarge => f.write_str("The answer is too large"),
            FailureCause::Connection(reason) => f.write_str(reason),
            FailureCause::InsecureUrl => write!(f, "The URL is not https: {}", self.url),
            FailureCause::ForbiddenUrl => write!(f, "The URL is not allowed: {}", self.url),
            FailureCause::InvalidUrl => write!(f, "Not a URL: {}", self.url),
            FailureCause::WrongIssuer => write!(f, "Another issuer is named by {}", self.url),
        }
    }
}

/// The words of httpx for a status that is no success.
fn write_status(f: &mut fmt::Formatter<'_>, status: u16, url: &str) -> fmt::Result {
    let kind = match status {
        100..200 => "Informational response",
        300..400 => "Redirect response",
        400..500 => "Client error",
        500..600 => "Server error",
        _ => "Unexpected answer",
    };
    let reason = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason()).unwrap_or("");
    write!(
        f,
        "{kind} '{status} {reason}' for url '{url}'\n\
         For more information check: https://developer.mozilla.org/en-US/docs/Web/HTTP/Status/{status}"
    )
}

/// Why an ID token was refused.
///
/// ```
/// use reqwest_oauth::{IdTokenError, OAuthError};
///
/// let error = OAuthError::IdToken(IdTokenError::Nonce);
/// assert_eq!(error.to_string(), "The ID token was refused: its nonce is another one");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdTokenError {
    /// The provider sent none, and the client wants one.
    #[error("there is none")]
    Missing,
    /// It is no signed JSON Web Token.
    #[error("it is not a signed token")]
    Malformed,
    /// It is signed with an algorithm that this client does not take (`none` and HMAC among them).
    #[error("its algorithm is not allowed")]
    Algorithm,
    /// The issuer's key set has no key that fits.
    #[error("its key is unknown")]
    UnknownKey,
    /// The signature is wrong.
    #[error("its signature is wrong")]
    Signature,
    /// `iss` is another issuer.
    #[error("it is from another issuer")]
    Issuer,
    /// `aud` does not name this client.
    #[error("it is for another audience")]
    Audience,
    /// `azp` is another client, or is missing beside several audiences.
    #[error("it was issued to another party")]
    AuthorizedParty,
    /// `exp` is past or missing.
    #[error("it has expired")]
    Expired,
    /// `iat` or `nbf` is in the future, or `iat` is missing.
    #[error("it is not valid yet")]
    NotYetValid,
    /// `nonce` is missing or another one.
    #[error("its nonce is another one")]
    Nonce,
    /// `at_hash` is not the hash of the access token.
    #[error("it belongs to another access token")]
    AccessTokenHash,
    /// `sub` is missing, empty or too long.
    #[error("it names no subject")]
    Subject,
    /// The profile is about another subject (OpenID Connect Core section 5.3.2).
    #[error("the profile is about another subject")]
    OtherSubject,
}

/// A text or number of an answer, cut and without control characters.
fn short_text(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    let is_shown = |c: &char| !c.is_control();
    let text: String = text.chars().filter(is_shown).take(MAX_PROVIDER_TEXT).collect();
    (!text.is_empty()).then_some(text)
}

/// The URL as far as it can hold no token.
fn without_query(url: &str) -> String {
    let end = url.find(['?', '#']).unwrap_or(url.len());
    url[..end].chars().take(2048).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_status_reads_as_httpx_writes_it() {
        let table = [
            (400, "Client error '400 Bad Request' for url 'https://a/t'"),
            (503, "Server error '503 Service Unavailable' for url 'https://a/t'"),
            (307, "Redirect response '307 Temporary Redirect' for url 'https://a/t'"),
        ];
        for (status, first_line) in table {
            let failure = RequestFailure::new(FailureCause::Status, "https://a/t").with_status(status);

            let message = OAuthError::GetAccessToken(Box::new(failure)).message();

            let help = "For more information check: https://developer.mozilla.org/en-US/docs/Web/HTTP/Status";
            assert_eq!(message, format!("{first_line}\n{help}/{status}"));
        }
    }

    #[test]
    fn the_provider_s_words_are_cut_and_its_control_characters_dropped() {
        let answer = json!({"error": "bad\u{1b}[31m\n", "error_description": "x".repeat(5000)});

        let failure = RequestFailure::new(FailureCause::Status, "https://a/t").with_provider_error(&answer);

        assert_eq!(failure.error.as_deref(), Some("bad[31m"));
        assert_eq!(failure.error_description.map(|text| text.len()), Some(MAX_PROVIDER_TEXT));
    }

    #[test]
    fn a_query_with_a_token_is_not_kept() {
        let failure =
            RequestFailure::new(FailureCause::Timeout, "https://a/me?fields=id&access_token=SECRET");

        assert_eq!(failure.url, "https://a/me");
    }

    #[test]
    fn only_what_may_pass_is_temporary() {
        let error = |cause, status| {
            let failure = RequestFailure::new(cause, "https://a/t").with_status(status);
            OAuthError::GetProfile(Box::new(failure)).is_temporary()
        };

        assert!(error(FailureCause::Timeout, 0));
        assert!(error(FailureCause::Connection("refused".into()), 0));
        assert!(error(FailureCause::Status, 503));
        assert!(error(FailureCause::Status, 429));
        assert!(!error(FailureCause::Status, 400));
        assert!(!error(FailureCause::InvalidJson, 200));
        assert!(!OAuthError::RefreshTokenNotSupported.is_temporary());
    }
}
