//! Discord.

use crate::{
    auth::AuthMethod,
    provider::{EmailVerified, Fields, Profile, ProfileRequest, Provider, ProviderData},
};

const DATA: ProviderData = ProviderData {
    color: "#5865f2",
    documentation: "https://discord.com/developers/docs/topics/oauth2",
    authorize_endpoint: "https://discord.com/api/oauth2/authorize",
    token_endpoint: "https://discord.com/api/oauth2/token",
    revoke_endpoint: Some("https://discord.com/api/oauth2/token/revoke"),
    has_refresh_tokens: true,
    auth_method: AuthMethod::ClientSecretBasic,
    scopes: Some(&["identify", "email"]),
    profile: Profile::Request(ProfileRequest::get("https://discord.com/api/users/@me")),
    fields: Fields {
        id: "id",
        email: "email",
        email_verified: EmailVerified::OnlyIf("verified"),
        name: "global_name | username",
        locale: "locale",
        ..Fields::NONE
    },
    ..ProviderData::new("discord", "Discord")
};

/// Discord: <https://discord.com/developers/docs/topics/oauth2>. An address that is not verified is not given
/// out.
#[derive(Debug, Default)]
pub struct Discord;

impl Provider for Discord {
    fn data(&self) -> &'static ProviderData {
        &DATA
    }
}
