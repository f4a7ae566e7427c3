//! Spotify.

use crate::{
    auth::AuthMethod,
    provider::{EmailVerified, Fields, Profile, ProfileRequest, Provider, ProviderData},
};

const DATA: ProviderData = ProviderData {
    color: "#1db954",
    documentation: "https://developer.spotify.com/documentation/web-api/tutorials/code-flow",
    authorize_endpoint: "https://accounts.spotify.com/authorize",
    token_endpoint: "https://accounts.spotify.com/api/token",
    has_refresh_tokens: true,
    auth_method: AuthMethod::ClientSecretBasic,
    scopes: Some(&["user-read-email"]),
    profile: Profile::Request(ProfileRequest::get("https://api.spotify.com/v1/me")),
    fields: Fields {
        id: "id",
        email: "email",
        email_verified: EmailVerified::Never,
        name: "display_name",
        picture: "images.0.url",
        ..Fields::NONE
    },
    ..ProviderData::new("spotify", "Spotify")
};

/// Spotify: <https://developer.spotify.com/documentation/web-api/tutorials/code-flow>, profile by
/// <https://developer.spotify.com/documentation/web-api/reference/get-current-users-profile>, which warns that the
/// address may be anybody's.
#[derive(Debug, Default)]
pub struct Spotify;

impl Provider for Spotify {
    fn data(&self) -> &'static ProviderData {
        &DATA
    }
}
