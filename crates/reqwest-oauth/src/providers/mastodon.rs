//! Mastodon.

use crate::{
    auth::Credentials,
    provider::{Fields, Profile, ProfileRequest, Provider, ProviderData, Variable, VariableKind},
    provider_client::ProviderClient,
};

const DATA: ProviderData = ProviderData {
    color: "#6364ff",
    documentation: "https://docs.joinmastodon.org/spec/oauth/",
    authorize_endpoint: "{base_url}/oauth/authorize",
    token_endpoint: "{base_url}/oauth/token",
    revoke_endpoint: Some("{base_url}/oauth/revoke"),
    scopes: Some(&["read:accounts"]),
    variables: &[Variable { name: "base_url", kind: VariableKind::BaseUrl, default: None }],
    profile: Profile::Request(ProfileRequest::get("{base_url}/api/v1/accounts/verify_credentials")),
    fields: Fields {
        id: "id",
        name: "display_name | username",
        picture: "avatar",
        locale: "source.language",
        ..Fields::NONE
    },
    ..ProviderData::new("mastodon", "Mastodon")
};

/// Mastodon: <https://docs.joinmastodon.org/spec/oauth/>, profile by
/// <https://docs.joinmastodon.org/methods/accounts/#verify_credentials>. There is never an e-mail. The id is of this
/// server: with clients for several, give each a name of its own.
#[derive(Debug)]
pub struct Mastodon;

impl Provider for Mastodon {
    fn data(&self) -> &'static ProviderData {
        &DATA
    }
}

impl ProviderClient<Mastodon> {
    /// A client of the server at this URL.
    #[must_use]
    pub fn new(
        client_id: impl Into<String>,
        credentials: impl Into<Credentials>,
        base_url: impl Into<String>,
    ) -> Self {
        Self::with(Mastodon, client_id, credentials).variable("base_url", base_url)
    }
}
