//! Asana.

use crate::provider::{Fields, Profile, ProfileRequest, Provider, ProviderData};

const DATA: ProviderData = ProviderData {
    color: "#f06a6a",
    documentation: "https://developers.asana.com/docs/oauth",
    authorize_endpoint: "https://app.asana.com/-/oauth_authorize",
    token_endpoint: "https://app.asana.com/-/oauth_token",
    revoke_endpoint: Some("https://app.asana.com/-/oauth_revoke"),
    has_refresh_tokens: true,
    profile: Profile::Request(ProfileRequest {
        root: "data",
        ..ProfileRequest::get("https://app.asana.com/api/1.0/users/me")
    }),
    fields: Fields {
        id: "gid",
        email: "email",
        name: "name",
        picture: "photo.image_128x128",
        ..Fields::NONE
    },
    ..ProviderData::new("asana", "Asana")
};

/// Asana: <https://developers.asana.com/docs/oauth>, profile by <https://developers.asana.com/reference/getuser>.
///
/// Scopes are those of the app's registration; name them where it has any but full permission. What is revoked is
/// the refresh token.
#[derive(Debug, Default)]
pub struct Asana;

impl Provider for Asana {
    fn data(&self) -> &'static ProviderData {
        &DATA
    }
}
