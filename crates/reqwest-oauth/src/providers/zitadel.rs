//! ZITADEL, by discovery.

use crate::{
    auth::Credentials,
    provider::{Provider, ProviderData, Variable, VariableKind},
    provider_client::ProviderClient,
};

const DATA: ProviderData = ProviderData {
    color: "#d32f61",
    documentation: "https://zitadel.com/docs/apis/openidoauth/endpoints",
    variables: &[Variable { name: "base_url", kind: VariableKind::BaseUrl, default: None }],
    ..ProviderData::discovered("zitadel", "ZITADEL", "{base_url}/.well-known/openid-configuration")
};

/// ZITADEL: <https://zitadel.com/docs/apis/openidoauth/endpoints>. A refresh token comes with the scope
/// `offline_access`.
#[derive(Debug)]
pub struct Zitadel;

impl Provider for Zitadel {
    fn data(&self) -> &'static ProviderData {
        &DATA
    }
}

impl ProviderClient<Zitadel> {
    /// A client of the instance at this URL.
    #[must_use]
    pub fn new(
        client_id: impl Into<String>,
        credentials: impl Into<Credentials>,
        base_url: impl Into<String>,
    ) -> Self {
        Self::with(Zitadel, client_id, credentials).variable("base_url", base_url)
    }
}
