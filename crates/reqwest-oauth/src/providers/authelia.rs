//! Authelia, by discovery.

use crate::{
    auth::Credentials,
    provider::{Provider, ProviderData, Variable, VariableKind},
    provider_client::ProviderClient,
};

const DATA: ProviderData = ProviderData {
    color: "#113155",
    documentation: "https://www.authelia.com/integration/openid-connect/introduction/",
    variables: &[Variable { name: "base_url", kind: VariableKind::BaseUrl, default: None }],
    ..ProviderData::discovered("authelia", "Authelia", "{base_url}/.well-known/openid-configuration")
};

/// Authelia: <https://www.authelia.com/integration/openid-connect/introduction/>. It calls every address verified:
/// they are the administrator's.
#[derive(Debug)]
pub struct Authelia;

impl Provider for Authelia {
    fn data(&self) -> &'static ProviderData {
        &DATA
    }
}

impl ProviderClient<Authelia> {
    /// A client of the installation at this URL.
    #[must_use]
    pub fn new(
        client_id: impl Into<String>,
        credentials: impl Into<Credentials>,
        base_url: impl Into<String>,
    ) -> Self {
        Self::with(Authelia, client_id, credentials).variable("base_url", base_url)
    }
}
