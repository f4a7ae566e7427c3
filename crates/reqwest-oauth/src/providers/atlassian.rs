//! Atlassian.

use crate::provider::{Fields, Pkce, Profile, ProfileRequest, Provider, ProviderData, TokenBody};

const DATA: ProviderData = ProviderData {
    color: "#0052cc",
    documentation: "https://developer.atlassian.com/cloud/jira/platform/oauth-2-3lo-apps/",
    authorize_endpoint: "https://auth.atlassian.com/authorize",
    token_endpoint: "https://auth.atlassian.com/oauth/token",
    has_refresh_tokens: true,
    token_body: TokenBody::Json,
    scopes: Some(&["read:me"]),
    authorize_parameters: &[("audience", "api.atlassian.com"), ("prompt", "consent")],
    pkce: Pkce::Undocumented,
    profile: Profile::Request(ProfileRequest::get("https://api.atlassian.com/me")),
    fields: Fields {
        id: "account_id",
        email: "email",
        name: "name",
        picture: "picture",
        locale: "locale",
        ..Fields::NONE
    },
    ..ProviderData::new("atlassian", "Atlassian")
};

/// Atlassian, for Jira and Confluence: <https://developer.atlassian.com/cloud/jira/platform/oauth-2-3lo-apps/>,
/// profile by <https://developer.atlassian.com/cloud/oauth/getting-started/faq>. A refresh token comes with the scope
/// `offline_access`.
#[derive(Debug, Default)]
pub struct Atlassian;

impl Provider for Atlassian {
    fn data(&self) -> &'static ProviderData {
        &DATA
    }
}
