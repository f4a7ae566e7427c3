//! Kanidm, by discovery.

use crate::{
    auth::Credentials,
    provider::{Provider, ProviderData, Variable, VariableKind},
    provider_client::ProviderClient,
};

const DATA: ProviderData = ProviderData {
    color: "#c73b3b",
    documentation: "https://kanidm.github.io/kanidm/stable/integrations/oauth2.html",
    variables: &[Variable { name: "base_url", kind: VariableKind::BaseUrl, default: None }],
    ..ProviderData::discovered(
        "kanidm",
        "Kanidm",
        "{base_url}/oauth2/openid/{client_id}/.well-known/openid-configuration",
    )
};

/// Kanidm: <https://kanidm.github.io/kanidm/stable/integrations/oauth2.html>. It takes no login without PKCE.
#[derive(Debug)]
pub struct Kanidm;

impl Provider for Kanidm {
    fn data(&self) -> &'static ProviderData {
        &DATA
    }
}

impl ProviderClient<Kanidm> {
    /// A client of the installation at this URL.
    #[must_use]
    pub fn new(
        client_id: impl Into<String>,
        credentials: impl Into<Credentials>,
        base_url: impl Into<String>,
    ) -> Self {
        Self::with(Kanidm, client_id, credentials).variable("base_url", base_url)
    }
}
