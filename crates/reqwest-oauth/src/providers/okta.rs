//! Okta, by discovery.

use crate::{
    auth::Credentials,
    provider::{Provider, ProviderData, Variable, VariableKind},
    provider_client::ProviderClient,
};

const DATA: ProviderData = ProviderData {
    color: "#007dc1",
    documentation: "https://developer.okta.com/docs/reference/api/oidc/",
    variables: &[Variable { name: "okta_domain", kind: VariableKind::Host, default: None }],
    ..ProviderData::discovered("okta", "Okta", "https://{okta_domain}/.well-known/openid-configuration")
};

/// Okta: <https://developer.okta.com/docs/reference/api/oidc/>.
#[derive(Debug)]
pub struct Okta;

impl Provider for Okta {
    fn data(&self) -> &'static ProviderData {
        &DATA
    }
}

impl ProviderClient<Okta> {
    /// A client of the organization at this domain: `example.okta.com`.
    #[must_use]
    pub fn new(
        client_id: impl Into<String>,
        credentials: impl Into<Credentials>,
        okta_domain: impl Into<String>,
    ) -> Self {
        Self::with(Okta, client_id, credentials).variable("okta_domain", okta_domain)
    }
}
