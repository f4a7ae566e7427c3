//! authentik, by discovery.

use crate::{
    auth::Credentials,
    provider::{Provider, ProviderData, Variable, VariableKind},
    provider_client::ProviderClient,
};

const DATA: ProviderData = ProviderData {
    color: "#fd4b2d",
    documentation: "https://docs.goauthentik.io/add-secure-apps/providers/oauth2/",
    has_refresh_tokens: true,
    variables: &[
        Variable { name: "base_url", kind: VariableKind::BaseUrl, default: None },
        Variable { name: "application", kind: VariableKind::Text, default: None },
    ],
    ..ProviderData::discovered(
        "authentik",
        "authentik",
        "{base_url}/application/o/{application}/.well-known/openid-configuration",
    )
};

/// authentik: <https://docs.goauthentik.io/add-secure-apps/providers/oauth2/>.
///
/// Each provider has to have an issuer of its own, as authentik's default is. Releases before 2025.10 call every
/// address verified, whether or not somebody checked it.
#[derive(Debug)]
pub struct Authentik;

impl Provider for Authentik {
    fn data(&self) -> &'static ProviderData {
        &DATA
    }
}

impl ProviderClient<Authentik> {
    /// A client of the application with this slug, in the installation at this URL.
    #[must_use]
    pub fn new(
        client_id: impl Into<String>,
        credentials: impl Into<Credentials>,
        base_url: impl Into<String>,
        application: impl Into<String>,
    ) -> Self {
        Self::with(Authentik, client_id, credentials)
            .variable("base_url", base_url)
            .variable("application", application)
    }
}
