//! Notion.

use crate::{
    auth::AuthMethod,
    provider::{Fields, Pkce, Profile, Provider, ProviderData, TokenBody},
};

const DATA: ProviderData = ProviderData {
    color: "#191919",
    documentation: "https://developers.notion.com/docs/authorization",
    authorize_endpoint: "https://api.notion.com/v1/oauth/authorize",
    token_endpoint: "https://api.notion.com/v1/oauth/token",
    revoke_endpoint: Some("https://api.notion.com/v1/oauth/revoke"),
    has_refresh_tokens: true,
    auth_method: AuthMethod::ClientSecretBasic,
    token_body: TokenBody::Json,
    authorize_parameters: &[("owner", "user")],
    pkce: Pkce::Undocumented,
    profile: Profile::TokenAnswer,
    fields: Fields {
        id: "owner.user.id",
        email: "owner.user.person.email",
        name: "owner.user.name",
        picture: "owner.user.avatar_url",
        ..Fields::NONE
    },
    ..ProviderData::new("notion", "Notion")
};

/// Notion: <https://developers.notion.com/docs/authorization>, tokens by
/// <https://developers.notion.com/reference/create-a-token>. The profile is in the token answer, and the e-mail only
/// for an integration that may see it.
#[derive(Debug, Default)]
pub struct Notion;

impl Provider for Notion {
    fn data(&self) -> &'static ProviderData {
        &DATA
    }
}
