//! Auth0, by discovery.

use crate::{
    auth::Credentials,
    provider::{Provider, ProviderData, Variable, VariableKind},
    provider_client::ProviderClient,
};

const DATA: ProviderData = ProviderData {
    color: "#eb5424",
    documentation: "https://auth0.com/docs/get-started/authentication-and-authorization-flow/authorization-code-flow",
    has_refresh_tokens: true,
    variables: &[Variable { name: "domain", kind: VariableKind::Host, default: None }],
    ..ProviderData::discovered("auth0", "Auth0", "https://{domain}/.well-known/openid-configuration")
};

/// Auth0: <https://auth0.com/docs/get-started/authentication-and-authorization-flow/authorization-code-flow>. A
/// refresh token comes with the scope `offline_access`.
#[derive(Debug)]
pub struct Auth0;

impl Provider for Auth0 {
    fn data(&self) -> &'static ProviderData {
        &DATA
    }
}

impl ProviderClient<Auth0> {
    /// A client of the tenant at this domain: `example.eu.auth0.com`, or an own one.
    #[must_use]
    pub fn new(
        client_id: impl Into<String>,
        credentials: impl Into<Credentials>,
        domain: impl Into<String>,
    ) -> Self {
        Self::with(Auth0, client_id, credentials).variable("domain", domain)
    }
}
