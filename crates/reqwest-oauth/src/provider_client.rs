//! The client of a provider, and its settings.

mod identity;
mod protocol;

use std::{collections::BTreeMap, fmt, marker::PhantomData, sync::Arc, time::Duration};

use jsonwebtoken::Algorithm;
use serde_json::Value;
use url::Url;

use crate::{
    auth::{AuthMethod, Client, Credentials},
    cached::Cached,
    client::{AuthorizationRequest, CodeExchange, Identity, Issuer, OAuthClient},
    encoding::{Parameters, percent_encode},
    error::{FailureCause, OAuthError},
    http::{HttpSettings, HttpTransport},
    id_token::KeySet,
    provider::{Fields, Pkce, Provider, ProviderData, VariableKind},
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

impl<P: ?Sized> ProviderClient<P> {
    /// Sets the name in routes and tables.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.inner.name = Some(name.into());
        self
    }

    /// Sets the name on a button.
    #[must_use]
    pub fn display_name(mut self, name: impl Into<String>) -> Self {
        self.inner.display_name = Some(name.into());
        self
    }

    /// Sets the scopes that are asked for unless a request names others.
    #[must_use]
    pub fn scopes<S: Into<String>>(mut self, scopes: impl IntoIterator<Item = S>) -> Self {
        self.inner.scopes = Some(scopes.into_iter().map(Into::into).collect());
        self
    }

    /// Adds a parameter to every authorization URL, or overrides one.
    #[must_use]
    pub fn authorize_parameter(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.inner.authorize_parameters.set(name.into(), value);
        self
    }

    /// Gives one of the provider's [variables](ProviderData::variables) a value: its tenant, its shop.
    /// [`check`](OAuthClient::check) says whether provider and value fit.
    #[must_use]
    pub fn variable(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.inner.variables.insert(name.into(), value.into());
        self.inner.forget();
        self
    }

    /// Sets where the provider is: this URL takes the place of scheme and host in all its addresses. For an
    /// installation of one's own, and for tests.
    #[must_use]
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.inner.base_url = Some(url.into());
        self.inner.forget();
        self
    }

    /// Sets how the client logs in, in place of the provider's usual or first way.
    #[must_use]
    pub fn auth_method(mut self, method: AuthMethod) -> Self {
        self.inner.auth_method = Some(method);
        self.inner.forget();
        self
    }

    /// Sends id and secret in Basic authentication as they are, for a provider that does not decode them as
    /// RFC 6749 section 2.3.1 says. Ordinary characters look the same either way.
    #[must_use]
    pub fn basic_auth_verbatim(mut self) -> Self {
        self.inner.client.verbatim_basic = true;
        self
    }

    /// Sets whether PKCE is used, where the provider at hand differs from what is known of it.
    #[must_use]
    pub fn pkce(mut self, pkce: Pkce) -> Self {
        self.inner.pkce = Some(pkce);
        self
    }

    /// Sets where in the profile things stand.
    #[must_use]
    pub fn fields(mut self, fields: Fields<String>) -> Self {
        self.inner.fields = Some(fields);
        self
    }

    /// Sets the total time of a request, from its start to the last byte of the answer: 10 seconds by default.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.inner.http.deadline = deadline;
        self
    }

    /// Sets the longest answer to read, in bytes: 1 MiB by default.
    #[must_use]
    pub fn body_limit(mut self, bytes: usize) -> Self {
        self.inner.http.body_limit = bytes;
        self
    }

    /// Sets the `User-Agent` header.
    #[must_use]
    pub fn user_agent(mut self, user_agent: impl Into<String>) -> Self {
        self.inner.http.user_agent = user_agent.into();
        self
    }

    /// Sets what carries the requests, by default a [`ReqwestTransport`](crate::ReqwestTransport) of its own.
    #[must_use]
    pub fn transport(mut self, transport: impl HttpTransport) -> Self {
        self.inner.http.set_transport(transport);
        self
    }

    /// Allows plain http to any host. **Danger**: whoever is on the way reads secrets and tokens, and can log in
    /// as anybody.
    #[must_use]
    pub fn allow_http_danger(mut self) -> Self {
        self.inner.http.allow_http = true;
        self
    }

    /// Sets a guard that is shown every URL before it is asked, the discovered ones too, and refuses with
    /// `false`. Where tenants bring their own provider, allow only known hosts: a document may name any address
    /// in your network.
    #[must_use]
    pub fn url_guard(mut self, allows: impl Fn(&Url) -> bool + Send + Sync + 'static) -> Self {
        self.inner.http.guard = Some(Arc::new(allows));
        self
    }

    /// Sets where the time comes from, in seconds since 1970-01-01 UTC.
    #[must_use]
    pub fn clock(mut self, now: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        self.inner.system.now = Arc::new(now);
        self
    }

    /// Sets where randomness comes from: a function that fills bytes, fit for secrets.
    #[must_use]
    pub fn randomness(mut self, fill: impl Fn(&mut [u8]) + Send + Sync + 'static) -> Self {
        self.inner.system.fill = Arc::new(fill);
        self
    }

    /// The facts of the provider.
    #[must_use]
    pub fn data(&self) -> &'static ProviderData {
        self.inner.data()
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

    fn check(&self) -> Result<(), OAuthError> {
        if self.client.id.is_empty() {
            return Err(OAuthError::Settings(format!("{}: the client id is empty", self.shown_name())));
        }
        self.check_credentials()?;
        let known = |name: &str| self.data().variables.iter().any(|variable| variable.name == name);
        if let Some(unknown) = self.variables.keys().find(|name| !known(name)) {
            return Err(self.wrong_setting(unknown, "is not known"));
        }
        for variable in self.data().variables {
            self.variable_value(variable.name)?;
        }
        if let Some(url) = self.discovery_url()? {
            return self.check_url(&url);
        }
        let endpoints = match &self.own_endpoints {
            Some(endpoints) => Arc::clone(endpoints),
            None => Arc::new(self.fixed_endpoints()?),
        };
        let optional = [&endpoints.refresh, &endpoints.revoke, &endpoints.profile];
        [&endpoints.authorize, &endpoints.token]
            .into_iter()
            .chain(optional.into_iter().flatten())
            .try_for_each(|url| self.check_url(url))
    }

    fn check_credentials(&self) -> Result<(), OAuthError> {
        use AuthMethod::{ClientSecretBasic, ClientSecretPost, PrivateKeyJwt};
        let fits = match (self.auth_method, &self.client.credentials) {
            (None | Some(AuthMethod::None), _) => true,
            (Some(PrivateKeyJwt), credentials) => matches!(credentials, Credentials::PrivateKey(_)),
            (Some(ClientSecretBasic | ClientSecretPost), credentials) => {
                matches!(credentials, Credentials::Secret(_) | Credentials::Apple { .. })
            }
        };
        let method = self.auth_method.unwrap_or_default();
        if fits { Ok(()) } else { Err(OAuthError::NotSupportedAuthMethod(method.as_str().to_owned())) }
    }

    fn check_url(&self, url: &str) -> Result<(), OAuthError> {
        self.http.checked_url(url).map(drop).map_err(|failure| {
            let reason = match failure.cause {
                FailureCause::InsecureUrl => "is neither https nor on this machine",
                _ => "is no URL",
            };
            OAuthError::Settings(format!("{}: {url} {reason}", self.shown_name()))
        })
    }

    fn wrong_setting(&self, name: &str, reason: &str) -> OAuthError {
        OAuthError::Settings(format!("{}: `{name}` {reason}", self.shown_name()))
    }

    /// Fills the variables of an address, and puts the base URL in front.
    pub(crate) fn expand(&self, template: &str) -> Result<String, OAuthError> {
        Ok(self.rebase(self.fill(template)?))
    }

    /// Puts the base URL in the place of scheme and host.
    fn rebase(&self, url: String) -> String {
        let Some(base) = self.base_url.as_deref().filter(|_| !url.is_empty()) else { return url };
        let after_scheme = url.find("://").map_or(0, |index| index + 3);
        let path = url[after_scheme..].find('/').map_or("", |index| &url[after_scheme + index..]);
        format!("{}{path}", base.trim_end_matches('/'))
    }

    /// Fills the variables of a text.
    fn fill(&self, template: &str) -> Result<String, OAuthError> {
        let mut filled = String::new();
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('{') {
            let Some((name, after)) = after.split_once('}') else { break };
            filled.push_str(before);
            filled.push_str(&self.variable_value(name)?);
            rest = after;
        }
        filled.push_str(rest);
        Ok(filled)
    }

    /// The value of a variable, checked, as it goes into an address.
    fn variable_value(&self, name: &str) -> Result<String, OAuthError> {
        if name == "client_id" {
            return Ok(percent_encode(&self.client.id));
        }
        let Some(variable) = self.data().variables.iter().find(|variable| variable.name == name) else {
            return Err(self.wrong_setting(name, "is not known"));
        };
        let Some(value) = self.variables.get(name).map(String::as_str).or(variable.default) else {
            return Err(self.wrong_setting(name, "is missing"));
        };
        match variable.kind {
            VariableKind::Text => Ok(percent_encode(value)),
            VariableKind::Host if is_host(value) => Ok(value.to_owned()),
            VariableKind::Host => Err(self.wrong_setting(name, "is no host name")),
            VariableKind::BaseUrl => {
                self.check_url(value)?;
                if value.contains(['?', '#', '@']) {
                    return Err(self.wrong_setting(name, "is no base URL"));
                }
                Ok(value.trim_end_matches('/').to_owned())
            }
        }
    }
}

/// Whether a text can be a host name, a part of one, or either with a port, and nothing else of a URL.
fn is_host(text: &str) -> bool {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':');
    !text.is_empty() && text.chars().all(is_allowed)
}
