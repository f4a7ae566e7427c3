//! ORCID.

use crate::provider::{Fields, Pkce, Profile, Provider, ProviderData};

const DATA: ProviderData = ProviderData {
    color: "#a6ce39",
    documentation: "https://info.orcid.org/documentation/api-tutorials/api-tutorial-get-and-authenticated-orcid-id/",
    authorize_endpoint: "https://orcid.org/oauth/authorize",
    token_endpoint: "https://orcid.org/oauth/token",
    revoke_endpoint: Some("https://orcid.org/oauth/revoke"),
    has_refresh_tokens: true,
    scopes: Some(&["/authenticate"]),
    pkce: Pkce::Undocumented,
    profile: Profile::TokenAnswer,
    fields: Fields { id: "orcid", name: "name", ..Fields::NONE },
    ..ProviderData::new("orcid", "ORCID")
};

/// ORCID: <https://info.orcid.org/documentation/api-tutorials/api-tutorial-get-and-authenticated-orcid-id/>. There is
/// never an e-mail. The test environment is `.base_url("https://sandbox.orcid.org")`.
#[derive(Debug, Default)]
pub struct Orcid;

impl Provider for Orcid {
    fn data(&self) -> &'static ProviderData {
        &DATA
    }
}
