//! What every OAuth2 client can do.

use std::{fmt, future::Future, pin::Pin, sync::Arc};

use serde_json::Value;

use crate::{error::OAuthError, provider::at, token::OAuth2Token};

/// What an authorization URL is made of.
///
/// ```
/// use reqwest_oauth::AuthorizationRequest;
///
/// let request = AuthorizationRequest::new("https://app.example.com/callback").state("xyz");
/// assert_eq!(request.state, Some("xyz"));
/// ```
#[derive(Clone, Copy, Default)]
#[non_exhaustive]
pub struct AuthorizationRequest<'a> {
    /// Where the provider sends the browser back to.
    pub redirect_uri: &'a str,
    /// What comes back unchanged (RFC 6749 section 10.12).
    pub state: Option<&'a str>,
    /// What is asked for in place of the client's scopes. An empty list means the client's scopes.
    pub scopes: Option<&'a [String]>,
    /// The PKCE challenge, method S256: [`code_challenge`](crate::code_challenge) of the verifier.
    pub code_challenge: Option<&'a str>,
    /// What an ID token has to repeat. Sent only by clients that [use a nonce](OAuthClient::uses_nonce).
    pub nonce: Option<&'a str>,
    /// The provider's own parameters. They come last and override.
    pub extras: &'a [(String, String)],
}

impl<'a> AuthorizationRequest<'a> {
    /// A request with nothing but the redirect URI.
    #[must_use]
    pub fn new(redirect_uri: &'a str) -> Self {
        Self { redirect_uri, ..Self::default() }
    }

    /// Sets the state.
    #[must_use]
    pub fn state(self, state: &'a str) -> Self {
        Self { state: Some(state), ..self }
    }

    /// Sets the scopes.
    #[must_use]
    pub fn scopes(self, scopes: &'a [String]) -> Self {
        Self { scopes: Some(scopes), ..self }
    }

    /// Sets the PKCE challenge.
    #[must_use]
    pub fn code_challenge(self, challenge: &'a str) -> Self {
        Self { code_challenge: Some(challenge), ..self }
    }

    /// Sets the nonce.
    #[must_use]
    pub fn nonce(self, nonce: &'a str) -> Self {
        Self { nonce: Some(nonce), ..self }
    }

    /// Sets the provider's own parameters.
    #[must_use]
    pub fn extras(self, extras: &'a [(String, String)]) -> Self {
        Self { extras, ..self }
    }
}

/// State and nonce are secrets of one login, so `Debug` shows only where it leads.
impl fmt::Debug for AuthorizationRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthorizationRequest")
            .field("redirect_uri", &self.redirect_uri)
            .field("scopes", &self.scopes)
            .finish_non_exhaustive()
    }
}

/// A code that came back, to be exchanged for a token.
///
/// ```
/// use reqwest_oauth::CodeExchange;
///
/// let exchange = CodeExchange::new("the code", "https://app.example.com/callback").code_verifier("the verifier");
/// assert_eq!(exchange.code, "the code");
/// ```
#[derive(Clone, Copy, Default)]
#[non_exhaustive]
pub struct CodeExchange<'a> {
    /// The code of the callback.
    pub code: &'a str,
    /// The redirect URI of the authorization URL, to the letter.
    pub redirect_uri: &'a str,
    /// The PKCE verifier.
    pub code_verifier: Option<&'a str>,
    /// All parameters of the callback: a few providers send more than `code` and `state`, and want or give
    /// something with it (VK ID, Apple).
    pub callback: &'a [(String, String)],
}

impl<'a> CodeExchange<'a> {
    /// An exchange of this code, which was asked for with this redirect URI.
    #[must_use]
    pub fn new(code: &'a str, redirect_uri: &'a str) -> Self {
        Self { code, redirect_uri, ..Self::default() }
    }

    /// Sets the PKCE verifier.
    #[must_use]
    pub fn code_verifier(self, verifier: &'a str) -> Self {
        Self { code_verifier: Some(verifier), ..self }
    }

    /// Sets the parameters of the callback.
    #[must_use]
    pub fn callback(self, parameters: &'a [(String, String)]) -> Self {
        Self { callback: parameters, ..self }
    }

    /// One parameter of the callback.
    #[must_use]
    pub fn callback_parameter(&self, name: &str) -> Option<&'a str> {
        self.callback.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

impl fmt::Debug for CodeExchange<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CodeExchange").field("redirect_uri", &self.redirect_uri).finish_non_exhaustive()
    }
}

/// Who logged in, as the provider tells it.
///
/// ```
/// use reqwest_oauth::Identity;
///
/// fn may_link(identity: &Identity) -> bool {
///     identity.email.is_some() && identity.email_verified == Some(true)
/// }
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Identity {
    /// The provider's id of the account: never changes, unlike the e-mail.
    pub id: String,
    /// The e-mail address, as the provider writes it.
    pub email: Option<String>,
    /// Whether the provider checked that the address is the user's. `None`: it does not say.
    pub email_verified: Option<bool>,
    /// The name to show.
    pub name: Option<String>,
    /// The URL of a picture.
    pub picture: Option<String>,
    /// The language, as the provider writes it (`en`, `de-AT` …).
    pub locale: Option<String>,
    /// All that the provider said.
    pub profile: Value,
}

impl Identity {
    /// What stands in the profile at a path, such as `given_name` or `emails.0.value`; null counts as not there.
    #[must_use]
    pub fn value(&self, path: &str) -> Option<&Value> {
        at(&self.profile, path)
    }
}

/// Who issues a provider's answers (RFC 9207).
///
/// ```
/// use reqwest_oauth::Issuer;
///
/// /// Whether a callback may come without `iss` (RFC 9207).
/// fn may_be_silent(issuer: &Issuer) -> bool {
///     !issuer.promises_iss
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Issuer {
    /// The issuer's identifier, an https URL.
    pub url: String,
    /// Whether its metadata promise that each callback has `iss`
    /// (`authorization_response_iss_parameter_supported`).
    pub promises_iss: bool,
}

/// An OAuth2 client: one application at one provider.
///
/// The clients of this crate are [`ProviderClient`](crate::ProviderClient)s. Implement the trait yourself for a
/// provider that fits none of their forms; `name`, `authorization_url`, `access_token` and `identity` are all
/// that a login needs.
///
/// ```
/// use reqwest_oauth::{AuthorizationRequest, OAuthClient, OAuthError};
///
/// async fn begin(client: &impl OAuthClient, state: &str) -> Result<String, OAuthError> {
///     let request = AuthorizationRequest::new("https://app.example.com/callback").state(state);
///     client.authorization_url(&request).await
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no OAuth2 client",
    note = "take one of `reqwest_oauth`'s clients, or implement `OAuthClient`"
)]
pub trait OAuthClient: Send + Sync + 'static {
    /// The name in routes and tables: `google`.
    fn name(&self) -> &str;

    /// The name on a button: `Google`.
    fn display_name(&self) -> &str {
        self.name()
    }

    /// A small SVG picture for a button.
    fn logo(&self) -> Option<String> {
        None
    }

    /// Whether the provider understands PKCE with S256 (RFC 7636).
    fn supports_pkce(&self) -> bool {
        false
    }

    /// Whether the client sends a nonce and compares the ID token's with it.
    fn uses_nonce(&self) -> bool {
        false
    }

    /// Whether the provider sends its callback as a POST request (Apple's `form_post`).
    fn callback_is_posted(&self) -> bool {
        false
    }

    /// Whether the provider is known to hand out addresses that nobody checked, without saying so.
    fn may_hand_out_unverified_emails(&self) -> bool {
        false
    }

    /// Checks the settings without asking the provider: call it at start-up.
    ///
    /// # Errors
    /// What is missing or wrong.
    fn check(&self) -> Result<(), OAuthError> {
        Ok(())
    }

    /// The URL to send the browser to.
    fn authorization_url(
        &self,
        request: &AuthorizationRequest<'_>,
    ) -> impl Future<Output = Result<String, OAuthError>> + Send;

    /// Exchanges a code for a token (RFC 6749 section 4.1.3).
    fn access_token(
        &self,
        exchange: &CodeExchange<'_>,
    ) -> impl Future<Output = Result<OAuth2Token, OAuthError>> + Send;

    /// Gets a new access token (RFC 6749 section 6). Where the provider sends no new refresh token, the answer
    /// has the old one, which stays good.
    fn refresh_token(
        &self,
        _refresh_token: &str,
    ) -> impl Future<Output = Result<OAuth2Token, OAuthError>> + Send {
        async { Err(OAuthError::RefreshTokenNotSupported) }
    }

    /// Revokes an access or refresh token (RFC 7009); `hint` is `access_token` or `refresh_token`.
    fn revoke_token(
        &self,
        _token: &str,
        _hint: Option<&str>,
    ) -> impl Future<Output = Result<(), OAuthError>> + Send {
        async { Err(OAuthError::RevokeTokenNotSupported) }
    }

    /// The profile, as the provider sends it.
    fn profile(&self, _access_token: &str) -> impl Future<Output = Result<Value, OAuthError>> + Send {
        async { Err(OAuthError::ProfileNotSupported) }
    }

    /// Id and e-mail of an access token's user, as HTTPX OAuth's `get_id_email` gives them.
    /// [`identity`](Self::identity) says more.
    fn id_email(
        &self,
        access_token: &str,
    ) -> impl Future<Output = Result<(String, Option<String>), OAuthError>> + Send {
        async move {
            let identity = self.identity(&OAuth2Token::new(access_token), None).await?;
            Ok((identity.id, identity.email))
        }
    }

    /// Who logged in. An ID token in `token` is checked, its nonce against `nonce`.
    fn identity(
        &self,
        token: &OAuth2Token,
        nonce: Option<&str>,
    ) -> impl Future<Output = Result<Identity, OAuthError>> + Send;

    /// Who issues the provider's answers, where that is known.
    fn issuer(&self) -> impl Future<Output = Result<Option<Issuer>, OAuthError>> + Send {
        async { Ok(None) }
    }

    /// Checks the callback's `iss` (RFC 9207 section 2.4), before the code is exchanged.
    fn check_issuer(&self, iss: Option<&str>) -> impl Future<Output = Result<(), OAuthError>> + Send {
        async move {
            match (self.issuer().await?, iss) {
                (Some(issuer), Some(iss)) if iss != issuer.url => Err(OAuthError::Issuer),
                (Some(issuer), None) if issuer.promises_iss => Err(OAuthError::Issuer),
                _ => Ok(()),
            }
        }
    }
}

type Boxed<'a, T> = Pin<Box<dyn Future<Output = Result<T, OAuthError>> + Send + 'a>>;

/// The object-safe twin of [`OAuthClient`].
trait Erased: Send + Sync {
    fn name(&self) -> &str;
    fn display_name(&self) -> &str;
    fn logo(&self) -> Option<String>;
    fn supports_pkce(&self) -> bool;
    fn uses_nonce(&self) -> bool;
    fn callback_is_posted(&self) -> bool;
    fn may_hand_out_unverified_emails(&self) -> bool;
    fn check(&self) -> Result<(), OAuthError>;
    fn authorization_url<'a>(&'a self, request: &'a AuthorizationRequest<'a>) -> Boxed<'a, String>;
    fn access_token<'a>(&'a self, exchange: &'a CodeExchange<'a>) -> Boxed<'a, OAuth2Token>;
    fn refresh_token<'a>(&'a self, refresh_token: &'a str) -> Boxed<'a, OAuth2Token>;
    fn revoke_token<'a>(&'a self, token: &'a str, hint: Option<&'a str>) -> Boxed<'a, ()>;
    fn profile<'a>(&'a self, access_token: &'a str) -> Boxed<'a, Value>;
    fn id_email<'a>(&'a self, access_token: &'a str) -> Boxed<'a, (String, Option<String>)>;
    fn identity<'a>(&'a self, token: &'a OAuth2Token, nonce: Option<&'a str>) -> Boxed<'a, Identity>;
    fn issuer(&self) -> Boxed<'_, Option<Issuer>>;
    fn check_issuer<'a>(&'a self, iss: Option<&'a str>) -> Boxed<'a, ()>;
}

impl<T: OAuthClient> Erased for T {
    fn name(&self) -> &str {
        OAuthClient::name(self)
    }
    fn display_name(&self) -> &str {
        OAuthClient::display_name(self)
    }
    fn logo(&self) -> Option<String> {
        OAuthClient::logo(self)
    }
    fn supports_pkce(&self) -> bool {
        OAuthClient::supports_pkce(self)
    }
    fn uses_nonce(&self) -> bool {
        OAuthClient::uses_nonce(self)
    }
    fn callback_is_posted(&self) -> bool {
        OAuthClient::callback_is_posted(self)
    }
    fn may_hand_out_unverified_emails(&self) -> bool {
        OAuthClient::may_hand_out_unverified_emails(self)
    }
    fn check(&self) -> Result<(), OAuthError> {
        OAuthClient::check(self)
    }
    fn authorization_url<'a>(&'a self, request: &'a AuthorizationRequest<'a>) -> Boxed<'a, String> {
        Box::pin(OAuthClient::authorization_url(self, request))
    }
    fn access_token<'a>(&'a self, exchange: &'a CodeExchange<'a>) -> Boxed<'a, OAuth2Token> {
        Box::pin(OAuthClient::access_token(self, exchange))
    }
    fn refresh_token<'a>(&'a self, refresh_token: &'a str) -> Boxed<'a, OAuth2Token> {
        Box::pin(OAuthClient::refresh_token(self, refresh_token))
    }
    fn revoke_token<'a>(&'a self, token: &'a str, hint: Option<&'a str>) -> Boxed<'a, ()> {
        Box::pin(OAuthClient::revoke_token(self, token, hint))
    }
    fn profile<'a>(&'a self, access_token: &'a str) -> Boxed<'a, Value> {
        Box::pin(OAuthClient::profile(self, access_token))
    }
    fn id_email<'a>(&'a self, access_token: &'a str) -> Boxed<'a, (String, Option<String>)> {
        Box::pin(OAuthClient::id_email(self, access_token))
    }
    fn identity<'a>(&'a self, token: &'a OAuth2Token, nonce: Option<&'a str>) -> Boxed<'a, Identity> {
        Box::pin(OAuthClient::identity(self, token, nonce))
    }
    fn issuer(&self) -> Boxed<'_, Option<Issuer>> {
        Box::pin(OAuthClient::issuer(self))
    }
    fn check_issuer<'a>(&'a self, iss: Option<&'a str>) -> Boxed<'a, ()> {
        Box::pin(OAuthClient::check_issuer(self, iss))
    }
}

/// A client of any kind, cheap to clone: what to keep clients of several providers as.
///
/// ```
/// use reqwest_oauth::{BoxedClient, OAuthClient, providers::{DiscordOAuth2, GoogleOAuth2}};
///
/// let clients = [
///     BoxedClient::new(GoogleOAuth2::new("id", "secret")),
///     BoxedClient::new(DiscordOAuth2::new("id", "secret")),
/// ];
/// assert_eq!(clients[1].display_name(), "Discord");
/// ```
#[derive(Clone)]
pub struct BoxedClient(Arc<dyn Erased>);

impl BoxedClient {
    /// Boxes a client.
    #[must_use]
    pub fn new(client: impl OAuthClient) -> Self {
        Self(Arc::new(client))
    }
}

impl fmt::Debug for BoxedClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BoxedClient({})", self.0.name())
    }
}

impl OAuthClient for BoxedClient {
    fn name(&self) -> &str {
        self.0.name()
    }
    fn display_name(&self) -> &str {
        self.0.display_name()
    }
    fn logo(&self) -> Option<String> {
        self.0.logo()
    }
    fn supports_pkce(&self) -> bool {
        self.0.supports_pkce()
    }
    fn uses_nonce(&self) -> bool {
        self.0.uses_nonce()
    }
    fn callback_is_posted(&self) -> bool {
        self.0.callback_is_posted()
    }
    fn may_hand_out_unverified_emails(&self) -> bool {
        self.0.may_hand_out_unverified_emails()
    }
    fn check(&self) -> Result<(), OAuthError> {
        self.0.check()
    }
    async fn authorization_url(&self, request: &AuthorizationRequest<'_>) -> Result<String, OAuthError> {
        self.0.authorization_url(request).await
    }
    async fn access_token(&self, exchange: &CodeExchange<'_>) -> Result<OAuth2Token, OAuthError> {
        self.0.access_token(exchange).await
    }
    async fn refresh_token(&self, refresh_token: &str) -> Result<OAuth2Token, OAuthError> {
        self.0.refresh_token(refresh_token).await
    }
    async fn revoke_token(&self, token: &str, hint: Option<&str>) -> Result<(), OAuthError> {
        self.0.revoke_token(token, hint).await
    }
    async fn profile(&self, access_token: &str) -> Result<Value, OAuthError> {
        self.0.profile(access_token).await
    }
    async fn id_email(&self, access_token: &str) -> Result<(String, Option<String>), OAuthError> {
        self.0.id_email(access_token).await
    }
    async fn identity(&self, token: &OAuth2Token, nonce: Option<&str>) -> Result<Identity, OAuthError> {
        self.0.identity(token, nonce).await
    }
    async fn issuer(&self) -> Result<Option<Issuer>, OAuthError> {
        self.0.issuer().await
    }
    async fn check_issuer(&self, iss: Option<&str>) -> Result<(), OAuthError> {
        self.0.check_issuer(iss).await
    }
}
