//! Keycloak, by discovery.

use crate::{
    auth::Credentials,
    provider::{Provider, ProviderData, Variable, VariableKind},
    provider_client::ProviderClient,
};

const DATA: ProviderData = ProviderData {
    color: "#4d4d4d",
    documentation: "https://www.keycloak.org/securing-apps/oidc-layers",
    variables: &[
        Variable { name: "base_url", kind: VariableKind::BaseUrl, default: None },
        Variable { name: "realm", kind: VariableKind::Text, default: None },
    ],
    ..ProviderData::discovered(
        "keycloak",
        "Keycloak",
        "{base_url}/realms/{realm}/.well-known/openid-configuration",
    )
};

/// Keycloak: <https://www.keycloak.org/securing-apps/oidc-layers>. Before Keycloak 17, the URL ends with `/auth`.
#[derive(Debug)]
pub struct Keycloak;

impl Provider for Keycloak {
    fn data(&self) -> &'static ProviderData {
        &DATA
    }
}

impl ProviderClient<Keycloak> {
    /// A client of this realm, in the installation at this URL.
    #[must_use]
    pub fn new(
        client_id: impl Into<String>,
        credentials: impl Into<Credentials>,
        base_url: impl Into<String>,
        realm: impl Into<String>,
    ) -> Self {
        Self::with(Keycloak, client_id, credentials).variable("base_url", base_url).variable("realm", realm)
    }
}
