//! The generic OAuth2 client: endpoints of one's own.

use std::sync::Arc;

use crate::{
    auth::{AuthMethod, Credentials},
    error::OAuthError,
    provider::{Profile, ProfileRequest, Provider, ProviderData},
    provider_client::{Endpoints, ProviderClient},
};

const DATA: ProviderData = ProviderData {
    profile: Profile::Request(ProfileRequest::get("")),
    ..ProviderData::new("oauth2", "OAuth2")
};

/// Any OAuth2 provider. [`OAuth2`] is its client.
///
/// ```
/// use reqwest_oauth::{OAuth2Provider, Provider};
///
/// assert_eq!(OAuth2Provider.data().name, "oauth2");
/// ```
#[derive(Debug)]
pub struct OAuth2Provider;

impl Provider for OAuth2Provider {
    fn data(&self) -> &'static ProviderData {
        &DATA
    }
}

/// The client of any OAuth2 provider, by its endpoints.
///
/// ```
/// use reqwest_oauth::{OAuth2, OAuth2Endpoints};
///
/// let client = OAuth2::new("id", "secret", OAuth2Endpoints {
///     authorize_endpoint: "https://as.example.com/authorize".into(),
///     access_token_endpoint: "https://as.example.com/token".into(),
///     profile_endpoint: Some("https://as.example.com/me".into()),
///     ..OAuth2Endpoints::default()
/// })?;
/// # let _ = client;
/// # Ok::<_, reqwest_oauth::OAuthError>(())
/// ```
pub type OAuth2 = ProviderClient<OAuth2Provider>;

/// Where an OAuth2 provider is asked what.
///
/// ```
/// use reqwest_oauth::OAuth2Endpoints;
///
/// let endpoints = OAuth2Endpoints {
///     authorize_endpoint: "https://as.example.com/authorize".into(),
///     access_token_endpoint: "https://as.example.com/token".into(),
///     ..OAuth2Endpoints::default()
/// };
/// assert_eq!(endpoints.revoke_token_endpoint, None);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OAuth2Endpoints {
    /// Where the browser is sent.
    pub authorize_endpoint: String,
    /// Where a code is exchanged.
    pub access_token_endpoint: String,
    /// Where a token is refreshed; without one it cannot be.
    pub refresh_token_endpoint: Option<String>,
    /// Where a token is revoked; without one it cannot be.
    pub revoke_token_endpoint: Option<String>,
    /// Where the profile is, asked for with `Authorization: Bearer`; without one there is none. Set
    /// [`fields`](ProviderClient::fields) where it is not made as OpenID's.
    pub profile_endpoint: Option<String>,
    /// How the client logs in: `client_secret_post` when not given.
    pub token_endpoint_auth_method: Option<String>,
    /// As HTTPX OAuth has it: necessary beside a revocation endpoint, though the token endpoint's method is the
    /// one that is used.
    pub revocation_endpoint_auth_method: Option<String>,
}

impl ProviderClient<OAuth2Provider> {
    /// A client of the provider with these endpoints.
    ///
    /// # Errors
    /// [`OAuthError::NotSupportedAuthMethod`] and [`OAuthError::MissingRevokeTokenAuthMethod`], as HTTPX OAuth's
    /// `OAuth2` raises them.
    pub fn new(
        client_id: impl Into<String>,
        credentials: impl Into<Credentials>,
        endpoints: OAuth2Endpoints,
    ) -> Result<Self, OAuthError> {
        let mut client = Self::with(OAuth2Provider, client_id, credentials);
        let method = |name: Option<String>| name.map(|name| name.parse::<AuthMethod>()).transpose();
        let auth_method = method(endpoints.token_endpoint_auth_method)?;
        let revocation_method = method(endpoints.revocation_endpoint_auth_method)?;
        if endpoints.revoke_token_endpoint.is_some() && revocation_method.is_none() {
            return Err(OAuthError::MissingRevokeTokenAuthMethod);
        }
        client.inner.own_endpoints = Some(Arc::new(Endpoints {
            authorize: endpoints.authorize_endpoint,
            token: endpoints.access_token_endpoint,
            refresh: endpoints.refresh_token_endpoint,
            revoke: endpoints.revoke_token_endpoint,
            profile: endpoints.profile_endpoint,
            auth_method: auth_method.unwrap_or_default(),
            ..Endpoints::default()
        }));
        Ok(client)
    }
}
