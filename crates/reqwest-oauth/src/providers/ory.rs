//! Ory Network and Ory Hydra, by discovery.

use crate::{
    auth::Credentials,
    provider::{Provider, ProviderData, Variable, VariableKind},
    provider_client::ProviderClient,
};

const DATA: ProviderData = ProviderData {
    color: "#5528ff",
    documentation: "https://www.ory.com/docs/oauth2-oidc/authorization-code-flow",
    variables: &[Variable { name: "base_url", kind: VariableKind::BaseUrl, default: None }],
    ..ProviderData::discovered("ory", "Ory", "{base_url}/.well-known/openid-configuration")
};

/// Ory Network and Ory Hydra: <https://www.ory.com/docs/oauth2-oidc/authorization-code-flow>. A refresh token comes
/// with the scope `offline_access`.
#[derive(Debug)]
pub struct Ory;

impl Provider for Ory {
    fn data(&self) -> &'static ProviderData {
        &DATA
    }
}

impl ProviderClient<Ory> {
    /// A client of the project or installation at this URL.
    #[must_use]
    pub fn new(
        client_id: impl Into<String>,
        credentials: impl Into<Credentials>,
        base_url: impl Into<String>,
    ) -> Self {
        Self::with(Ory, client_id, credentials).variable("base_url", base_url)
    }
}
