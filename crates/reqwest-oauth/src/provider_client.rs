//! The client of a provider, and its settings.

mod addresses;
mod identity;
mod protocol;
mod settings;

use std::{collections::BTreeMap, fmt, marker::PhantomData, sync::Arc};

use jsonwebtoken::Algorithm;
use serde_json::Value;

use crate::{
    auth::{AuthMethod, Client, Credentials},
    cached::Cached,
    client::{AuthorizationRequest, CodeExchange, Identity, Issuer, OAuthClient},
    encoding::Parameters,
    error::OAuthError,
    http::HttpSettings,
    id_token::KeySet,
    provider::{Fields, Pkce, Provider, ProviderData},
    system::System,
    token::OAuth2Token,
};

/// The client of one provider: `GoogleOAuth2`, `GitHubOAuth2` and so on are this with a provider filled in.
///
/// The settings are the methods that take and give `self`; all have defaults. Clones share what was fetched.
///
/// ```
/// use reqwest_oauth::providers::GitHubOAuth2;
///
/// let client = GitHubOAuth2::new("client id", "client secret").scopes(["read:user", "user:email"]);
/// # let _ = client;
/// ```
pub struct ProviderClient<P: ?Sized = dyn Provider> {
    pub(crate) inner: Inner,
    provider: PhantomData<fn(&P)>,
}

/// What all clients are beneath.
#[derive(Clone, Debug)]
pub(crate) struct Inner {
    provider: Arc<dyn Provider>,
    client: Client,
    name: Option<String>,
    display_name: Option<String>,
    scopes: Option<Vec<String>>,
    variables: BTreeMap<String, String>,
    base_url: Option<String>,
    authorize_parameters: Parameters,
    auth_method: Option<AuthMethod>,
    pkce: Option<Pkce>,
    fields: Option<Fields<String>>,
    pub(crate) own_endpoints: Option<Arc<Endpoints>>,
    pub(crate) configuration_endpoint: Option<String>,
    pub(crate) issuer: Option<String>,
    pub(crate) needs_id_token: bool,
    pub(crate) hmac: Option<Algorithm>,
    pub(crate) http: HttpSettings,
    pub(crate) system: System,
    discovery: Arc<Cached<Endpoints>>,
    pub(crate) keys: Arc<Cached<KeySet>>,
}

/// Where a provider is asked what.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Endpoints {
    pub(crate) authorize: String,
    pub(crate) token: String,
    pub(crate) refresh: Option<String>,
    pub(crate) revoke: Option<String>,
    pub(crate) profile: Option<String>,
    pub(crate) auth_method: AuthMethod,
    pub(crate) issuer: Option<String>,
    pub(crate) promises_iss: bool,
    pub(crate) jwks_uri: Option<String>,
    /// The algorithms that ID tokens may be signed with.
    pub(crate) algorithms: Vec<Algorithm>,
}

/// How much is wanted of a profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Detail {
    IdAndEmail,
    All,
}

impl<P: Provider + Default> ProviderClient<P> {
    /// A client with the id and the credentials that the provider gave it; a text is a client secret.
    #[must_use]
    pub fn new(client_id: impl Into<String>, credentials: impl Into<Credentials>) -> Self {
        Self::with(P::default(), client_id, credentials)
    }
}

impl<P: Provider> ProviderClient<P> {
    /// A client of this very provider.
    #[must_use]
    pub fn with(provider: P, client_id: impl Into<String>, credentials: impl Into<Credentials>) -> Self {
        let inner = Inner::new(Arc::new(provider), client_id.into(), credentials.into());
        Self { inner, provider: PhantomData }
    }
}

impl ProviderClient {
    /// A client of a provider that is known only at run time, as [`providers::all`](crate::providers::all)
    /// gives them.
    #[must_use]
    pub fn of(
        provider: Arc<dyn Provider>,
        client_id: impl Into<String>,
        credentials: impl Into<Credentials>,
    ) -> Self {
        Self { inner: Inner::new(provider, client_id.into(), credentials.into()), provider: PhantomData }
    }
}

impl<P: ?Sized> Clone for ProviderClient<P> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), provider: PhantomData }
    }
}

impl<P: ?Sized> fmt::Debug for ProviderClient<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProviderClient")
            .field("name", &self.inner.shown_name())
            .field("client_id", &self.inner.client.id)
            .finish_non_exhaustive()
    }
}

impl<P: ?Sized + 'static> OAuthClient for ProviderClient<P> {
    fn name(&self) -> &str {
        self.inner.shown_name()
    }

    fn display_name(&self) -> &str {
        self.inner.display_name.as_deref().unwrap_or(self.inner.data().display_name)
    }

    /// A square in the brand's colour with the first letter of the name.
    fn logo(&self) -> Option<String> {
        let letter = OAuthClient::display_name(self).chars().find(|c| c.is_alphanumeric())?;
        let color = self.inner.data().color;
        Some(format!(
            r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24"><rect width="24" height="24" rx="5" fill="{color}"/><text x="12" y="17" font-family="sans-serif" font-size="14" font-weight="700" text-anchor="middle" fill="#fff">{letter}</text></svg>"##
        ))
    }

    fn supports_pkce(&self) -> bool {
        self.inner.pkce() == Pkce::S256
    }

    fn uses_nonce(&self) -> bool {
        self.inner.data().is_openid() || self.inner.data().needs_nonce
    }

    fn callback_is_posted(&self) -> bool {
        self.inner.data().callback_is_posted
    }

    fn may_hand_out_unverified_emails(&self) -> bool {
        self.inner.data().may_hand_out_unverified_emails
    }

    fn check(&self) -> Result<(), OAuthError> {
        self.inner.check()
    }

    fn authorization_url(
        &self,
        request: &AuthorizationRequest<'_>,
    ) -> impl Future<Output = Result<String, OAuthError>> + Send {
        self.inner.authorization_url(request)
    }

    fn access_token(
        &self,
        exchange: &CodeExchange<'_>,
    ) -> impl Future<Output = Result<OAuth2Token, OAuthError>> + Send {
        self.inner.access_token(exchange)
    }

    fn refresh_token(
        &self,
        refresh_token: &str,
    ) -> impl Future<Output = Result<OAuth2Token, OAuthError>> + Send {
        self.inner.refresh_token(refresh_token)
    }

    fn revoke_token(
        &self,
        token: &str,
        hint: Option<&str>,
    ) -> impl Future<Output = Result<(), OAuthError>> + Send {
        self.inner.revoke_token(token, hint)
    }

    fn profile(&self, access_token: &str) -> impl Future<Output = Result<Value, OAuthError>> + Send {
        self.inner.profile(access_token)
    }

    async fn id_email(&self, access_token: &str) -> Result<(String, Option<String>), OAuthError> {
        let token = OAuth2Token::new(access_token);
        let identity = self.inner.identity(&token, None, Detail::IdAndEmail).await?;
        Ok((identity.id, identity.email))
    }

    fn identity(
        &self,
        token: &OAuth2Token,
        nonce: Option<&str>,
    ) -> impl Future<Output = Result<Identity, OAuthError>> + Send {
        self.inner.identity(token, nonce, Detail::All)
    }

    async fn issuer(&self) -> Result<Option<Issuer>, OAuthError> {
        let endpoints = self.inner.endpoints().await?;
        let issuer = |url: &String| Issuer { url: url.clone(), promises_iss: endpoints.promises_iss };
        Ok(endpoints.issuer.as_ref().map(issuer))
    }
}

impl Inner {
    fn new(provider: Arc<dyn Provider>, id: String, credentials: Credentials) -> Self {
        Self {
            provider,
            client: Client { id, credentials, verbatim_basic: false },
            name: None,
            display_name: None,
            scopes: None,
            variables: BTreeMap::new(),
            base_url: None,
            authorize_parameters: Parameters::new(),
            auth_method: None,
            pkce: None,
            fields: None,
            own_endpoints: None,
            configuration_endpoint: None,
            issuer: None,
            needs_id_token: false,
            hmac: None,
            http: HttpSettings::default(),
            system: System::default(),
            discovery: Arc::default(),
            keys: Arc::default(),
        }
    }

    pub(crate) fn data(&self) -> &'static ProviderData {
        self.provider.data()
    }

    /// Forgets what was fetched: another setting may give another answer, and clones keep theirs.
    pub(crate) fn forget(&mut self) {
        self.discovery = Arc::default();
        self.keys = Arc::default();
    }

    pub(crate) fn client_id(&self) -> &str {
        &self.client.id
    }

    pub(crate) fn credentials(&self) -> &Credentials {
        &self.client.credentials
    }

    fn shown_name(&self) -> &str {
        self.name.as_deref().unwrap_or(self.data().name)
    }

    fn pkce(&self) -> Pkce {
        self.pkce.unwrap_or(self.data().pkce)
    }

    /// The authentication method that settings and credentials ask for, if they do.
    pub(crate) fn wanted_auth_method(&self) -> Option<AuthMethod> {
        self.auth_method.or_else(|| self.client.credentials.only_method())
    }

    /// Reads a profile. An error is the path of what is missing.
    pub(crate) fn read(&self, profile: Value) -> Result<Identity, String> {
        match &self.fields {
            Some(fields) => fields.read(profile),
            None => self.data().fields.read(profile),
        }
    }
}
