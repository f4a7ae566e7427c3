//! FranceConnect.

use crate::{
    auth::Credentials,
    provider::{Fields, Pkce, Profile, ProfileRequest, Provider, ProviderData},
    provider_client::ProviderClient,
};

const DATA: ProviderData = ProviderData {
    color: "#000091",
    documentation: "https://docs.partenaires.franceconnect.gouv.fr/fs/fs-technique/",
    authorize_endpoint: "https://app.franceconnect.gouv.fr/api/v1/authorize",
    token_endpoint: "https://app.franceconnect.gouv.fr/api/v1/token",
    scopes: Some(&["openid", "email"]),
    pkce: Pkce::Never,
    needs_nonce: true,
    profile: Profile::Request(ProfileRequest::get("https://app.franceconnect.gouv.fr/api/v1/userinfo")),
    fields: Fields { name: "name | given_name + family_name", ..Fields::OPENID },
    ..ProviderData::new("franceconnect", "FranceConnect")
};

/// FranceConnect: <https://docs.partenaires.franceconnect.gouv.fr/fs/fs-technique/>. Wants a nonce with every
/// request, and takes no PKCE. [`integration`](ProviderClient::integration) is its test environment.
#[derive(Debug, Default)]
pub struct FranceConnect;

impl Provider for FranceConnect {
    fn data(&self) -> &'static ProviderData {
        &DATA
    }
}

impl ProviderClient<FranceConnect> {
    /// A client of the test environment.
    #[must_use]
    pub fn integration(client_id: impl Into<String>, credentials: impl Into<Credentials>) -> Self {
        Self::new(client_id, credentials).base_url("https://fcp.integ01.dev-franceconnect.fr")
    }
}
