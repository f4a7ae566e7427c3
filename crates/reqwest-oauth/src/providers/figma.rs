//! Figma.

use crate::{
    auth::AuthMethod,
    provider::{Fields, Pkce, Profile, ProfileRequest, Provider, ProviderData},
};

const DATA: ProviderData = ProviderData {
    color: "#f24e1e",
    documentation: "https://developers.figma.com/docs/rest-api/authentication/",
    authorize_endpoint: "https://www.figma.com/oauth",
    token_endpoint: "https://api.figma.com/v1/oauth/token",
    auth_method: AuthMethod::ClientSecretBasic,
    scopes: Some(&["current_user:read"]),
    pkce: Pkce::Undocumented,
    profile: Profile::Request(ProfileRequest::get("https://api.figma.com/v1/me")),
    fields: Fields { id: "id", email: "email", name: "handle", picture: "img_url", ..Fields::NONE },
    ..ProviderData::new("figma", "Figma")
};

/// Figma: <https://developers.figma.com/docs/rest-api/authentication/>, profile by
/// <https://developers.figma.com/docs/rest-api/users-endpoints/>. An access token is good for 90 days.
#[derive(Debug, Default)]
pub struct Figma;

impl Provider for Figma {
    fn data(&self) -> &'static ProviderData {
        &DATA
    }
}
