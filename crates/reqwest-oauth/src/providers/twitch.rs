//! Twitch.

use crate::{
    encoding::Parameters,
    provider::{EmailVerified, Fields, Pkce, Profile, ProfileRequest, Provider, ProviderData},
};

const DATA: ProviderData = ProviderData {
    color: "#9146ff",
    documentation: "https://dev.twitch.tv/docs/authentication/getting-tokens-oauth/",
    authorize_endpoint: "https://id.twitch.tv/oauth2/authorize",
    token_endpoint: "https://id.twitch.tv/oauth2/token",
    revoke_endpoint: Some("https://id.twitch.tv/oauth2/revoke"),
    has_refresh_tokens: true,
    scopes: Some(&["user:read:email"]),
    pkce: Pkce::Undocumented,
    profile: Profile::Request(ProfileRequest {
        headers: &[("client-id", "{client_id}")],
        ..ProfileRequest::get("https://api.twitch.tv/helix/users")
    }),
    fields: Fields {
        id: "data.0.id",
        email: "data.0.email",
        email_verified: EmailVerified::Always,
        name: "data.0.display_name",
        picture: "data.0.profile_image_url",
        ..Fields::NONE
    },
    ..ProviderData::new("twitch", "Twitch")
};

/// Twitch: <https://dev.twitch.tv/docs/authentication/getting-tokens-oauth/>, profile by
/// <https://dev.twitch.tv/docs/api/reference/#get-users>, which calls the address verified.
#[derive(Debug, Default)]
pub struct Twitch;

impl Provider for Twitch {
    fn data(&self) -> &'static ProviderData {
        &DATA
    }

    /// A token is revoked by whoever has it: the secret is not asked for.
    fn revoke_form(&self, form: &mut Parameters) {
        form.remove("client_secret");
    }
}
