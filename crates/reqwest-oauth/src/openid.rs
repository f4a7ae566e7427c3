//! The OpenID Connect client: a provider known by its discovery document.

use http::{HeaderMap, HeaderValue, Method, header};
use jsonwebtoken::Algorithm;
use serde_json::Value;

use crate::{
    auth::{AuthMethod, Credentials},
    error::{FailureCause, OAuthError},
    http::{Answer, Request},
    id_token::ASYMMETRIC,
    provider::{Provider, ProviderData},
    provider_client::{Endpoints, Inner, ProviderClient},
};

/// What a discovery document's address ends with (OpenID Connect Discovery section 4).
const WELL_KNOWN: &str = "/.well-known/openid-configuration";

const DATA: ProviderData = ProviderData::discovered("openid", "OpenID", "");

/// Any OpenID provider. [`OpenId`] is its client.
///
/// ```
/// use reqwest_oauth::{OpenIdProvider, Provider};
///
/// assert_eq!(OpenIdProvider.data().name, "openid");
/// ```
#[derive(Debug)]
pub struct OpenIdProvider;

impl Provider for OpenIdProvider {
    fn data(&self) -> &'static ProviderData {
        &DATA
    }
}

/// The client of any OpenID Connect provider, which is known by its discovery document.
///
/// The document is fetched when it is first needed, so that a provider that is down stops nothing at start-up.
/// Document and keys are kept for an hour; an ID token signed with an unknown key has the keys fetched anew,
/// once a minute at most. The document has to name the issuer that it was fetched from.
///
/// ```
/// use reqwest_oauth::OpenId;
///
/// let client = OpenId::new("id", "secret", "https://id.example.com/.well-known/openid-configuration")
///     .name("corp")
///     .scopes(["openid", "email", "profile"]);
/// # let _ = client;
/// ```
pub type OpenId = ProviderClient<OpenIdProvider>;

impl ProviderClient<OpenIdProvider> {
    /// A client of the provider whose discovery document is here.
    #[must_use]
    pub fn new(
        client_id: impl Into<String>,
        credentials: impl Into<Credentials>,
        openid_configuration_endpoint: impl Into<String>,
    ) -> Self {
        let mut client = Self::with(OpenIdProvider, client_id, credentials);
        client.inner.configuration_endpoint = Some(openid_configuration_endpoint.into());
        client
    }
}

impl<P: ?Sized> ProviderClient<P> {
    /// Sets the issuer of an OpenID provider, where it is not what its discovery document's address begins with.
    #[must_use]
    pub fn issuer_url(mut self, issuer: impl Into<String>) -> Self {
        self.inner.issuer = Some(issuer.into());
        self.inner.forget();
        self
    }

    /// Refuses a login without an ID token, which an OpenID provider has to send for the scope `openid`.
    #[must_use]
    pub fn require_id_token(mut self) -> Self {
        self.inner.needs_id_token = true;
        self
    }

    /// Takes ID tokens signed by HMAC with the client secret, and no others: for a client that is registered
    /// with `id_token_signed_response_alg` `HS256`, `HS384` or `HS512`.
    ///
    /// # Errors
    /// [`OAuthError::Settings`] for any other algorithm.
    pub fn id_tokens_signed_with_secret(mut self, algorithm: &str) -> Result<Self, OAuthError> {
        let is_hmac = |algorithm: &Algorithm| {
            matches!(algorithm, Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512)
        };
        let algorithm: Option<Algorithm> = algorithm.parse().ok().filter(is_hmac);
        let wrong =
            || OAuthError::Settings("ID tokens are signed with a secret by HS256, HS384 or HS512".into());
        self.inner.hmac = Some(algorithm.ok_or_else(wrong)?);
        Ok(self)
    }
}

impl Inner {
    /// Fetches and reads the discovery document.
    pub(crate) async fn discover(&self, url: &str) -> Result<Endpoints, OAuthError> {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, HeaderValue::from_static("*/*"));
        let request = Request { method: Method::GET, url: url.to_owned(), headers, body: None };
        let answer = self.http.send(request).await.and_then(Answer::successful);
        let answer = answer.map_err(OAuthError::OpenIdConfiguration)?;
        let document = Document { members: answer.json().map_err(OAuthError::OpenIdConfiguration)?, answer };
        let issuer = self.checked_issuer(url, &document)?;
        let token = document.required("token_endpoint")?;
        let has_refresh_tokens = self.data().has_refresh_tokens
            || document.list("grant_types_supported").contains(&"refresh_token");
        Ok(Endpoints {
            authorize: document.required("authorization_endpoint")?,
            refresh: has_refresh_tokens.then(|| token.clone()),
            revoke: document.text("revocation_endpoint"),
            profile: document.text("userinfo_endpoint"),
            auth_method: self.discovered_auth_method(&document)?,
            issuer: Some(issuer),
            promises_iss: document.members["authorization_response_iss_parameter_supported"] == true,
            jwks_uri: document.text("jwks_uri"),
            algorithms: document.algorithms(),
            token,
        })
    }

    /// The issuer has to be the one that was asked for (OpenID Connect Discovery section 4.3), or any host's
    /// document could speak for another.
    fn checked_issuer(&self, url: &str, document: &Document) -> Result<String, OAuthError> {
        let named = document.text("issuer");
        let issuer = match (&self.issuer, named) {
            (Some(expected), named) => {
                Some(expected.clone()).filter(|expected| named.is_none_or(|n| n == *expected))
            }
            (None, Some(named)) => Some(named).filter(|named| is_issuer_of(named, url)),
            (None, None) => return Err(document.missing("issuer")),
        };
        let wrong = || OAuthError::OpenIdConfiguration(document.answer.failure(FailureCause::WrongIssuer));
        issuer.ok_or_else(wrong)
    }

    /// The first supported method that fits the credentials; Basic when none is named (section 3).
    fn discovered_auth_method(&self, document: &Document) -> Result<AuthMethod, OAuthError> {
        if let Some(method) = self.wanted_auth_method() {
            return Ok(method);
        }
        let supported = document.list("token_endpoint_auth_methods_supported");
        if supported.is_empty() {
            return Ok(AuthMethod::ClientSecretBasic);
        }
        supported
            .iter()
            .filter_map(|name| name.parse().ok())
            .find(|method| matches!(method, AuthMethod::ClientSecretBasic | AuthMethod::ClientSecretPost))
            .ok_or_else(|| {
                OAuthError::NotSupportedAuthMethod(supported.join(", ").chars().take(300).collect())
            })
    }
}

/// A discovery document, and the answer it came with.
struct Document {
    members: Value,
    answer: Answer,
}

impl Document {
    fn text(&self, name: &str) -> Option<String> {
        self.members[name].as_str().filter(|text| !text.is_empty()).map(str::to_owned)
    }

    fn list(&self, name: &str) -> Vec<&str> {
        let list = self.members[name].as_array();
        list.map(|list| list.iter().filter_map(Value::as_str).collect()).unwrap_or_default()
    }

    fn required(&self, name: &str) -> Result<String, OAuthError> {
        self.text(name).ok_or_else(|| self.missing(name))
    }

    fn missing(&self, name: &str) -> OAuthError {
        OAuthError::OpenIdConfiguration(self.answer.failure(FailureCause::Missing(name.to_owned())))
    }

    /// What ID tokens may be signed with: what the provider names, and never `none` or HMAC.
    fn algorithms(&self) -> Vec<Algorithm> {
        let named = self.list("id_token_signing_alg_values_supported");
        let is_named = |algorithm: &Algorithm| named.iter().any(|name| name.parse() == Ok(*algorithm));
        ASYMMETRIC.into_iter().filter(|algorithm| named.is_empty() || is_named(algorithm)).collect()
    }
}

/// Whether a document at `url` may speak for `issuer`: the address is the issuer and the well-known path, but
/// for one slash. An address of another form has to be on the same host at least.
fn is_issuer_of(issuer: &str, url: &str) -> bool {
    match url.strip_suffix(WELL_KNOWN) {
        Some(base) => issuer.strip_suffix('/').unwrap_or(issuer) == base,
        None => match (url::Url::parse(issuer), url::Url::parse(url)) {
            (Ok(issuer), Ok(url)) => issuer.origin() == url.origin(),
            _ => false,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn oa_35_a_document_speaks_only_for_the_issuer_it_was_fetched_from() {
        let table = [
            ("https://id.example.com", "https://id.example.com/.well-known/openid-configuration", true),
            ("https://id.example.com/", "https://id.example.com/.well-known/openid-configuration", true),
            ("https://a/realms/x", "https://a/realms/x/.well-known/openid-configuration", true),
            ("https://a/realms/y", "https://a/realms/x/.well-known/openid-configuration", false),
            ("https://accounts.google.com", "https://evil.com/.well-known/openid-configuration", false),
            ("https://id.example.com//", "https://id.example.com/.well-known/openid-configuration", false),
            ("https://a/x", "https://a/configuration?tenant=x", true),
            ("https://b/x", "https://a/configuration?tenant=x", false),
            ("x", "https://a/configuration", false),
        ];
        for (issuer, url, expected) in table {
            assert_eq!(is_issuer_of(issuer, url), expected, "{issuer} from {url}");
        }
    }
}
