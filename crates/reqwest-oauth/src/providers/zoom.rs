//! Zoom.

use crate::{
    auth::AuthMethod,
    provider::{EmailVerified, Fields, Profile, ProfileRequest, Provider, ProviderData},
};

const DATA: ProviderData = ProviderData {
    color: "#0b5cff",
    documentation: "https://developers.zoom.us/docs/integrations/oauth/",
    authorize_endpoint: "https://zoom.us/oauth/authorize",
    token_endpoint: "https://zoom.us/oauth/token",
    revoke_endpoint: Some("https://zoom.us/oauth/revoke"),
    has_refresh_tokens: true,
    auth_method: AuthMethod::ClientSecretBasic,
    profile: Profile::Request(ProfileRequest::get("https://api.zoom.us/v2/users/me")),
    fields: Fields {
        id: "id",
        email: "email",
        email_verified: EmailVerified::Field("verified"),
        name: "display_name | first_name + last_name",
        picture: "pic_url",
        locale: "language",
        ..Fields::NONE
    },
    ..ProviderData::new("zoom", "Zoom")
};

/// Zoom: <https://developers.zoom.us/docs/integrations/oauth/>, profile by
/// <https://developers.zoom.us/docs/api/users/#tag/users/get/users/{userId}>. Scopes are those of the app's
/// registration.
#[derive(Debug, Default)]
pub struct Zoom;

impl Provider for Zoom {
    fn data(&self) -> &'static ProviderData {
        &DATA
    }
}
