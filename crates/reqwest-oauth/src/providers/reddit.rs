//! Reddit.

use crate::{
    auth::AuthMethod,
    provider::{Fields, Pkce, Profile, ProfileRequest, Provider, ProviderData},
};

const DATA: ProviderData = ProviderData {
    color: "#ff4500",
    documentation: "https://github.com/reddit-archive/reddit/wiki/OAuth2",
    authorize_endpoint: "https://www.reddit.com/api/v1/authorize",
    token_endpoint: "https://www.reddit.com/api/v1/access_token",
    revoke_endpoint: Some("https://www.reddit.com/api/v1/revoke_token"),
    has_refresh_tokens: true,
    auth_method: AuthMethod::ClientSecretBasic,
    scopes: Some(&["identity"]),
    pkce: Pkce::Undocumented,
    profile: Profile::Request(ProfileRequest {
        only_status_200: true,
        ..ProfileRequest::get("https://oauth.reddit.com/api/v1/me")
    }),
    fields: Fields { id: "name", name: "name", ..Fields::NONE },
    ..ProviderData::new("reddit", "Reddit")
};

/// Reddit: <https://github.com/reddit-archive/reddit/wiki/OAuth2>. The id is the user name, and there is never an
/// e-mail. A refresh token comes with `.authorize_parameter("duration", "permanent")`.
#[derive(Debug, Default)]
pub struct Reddit;

impl Provider for Reddit {
    fn data(&self) -> &'static ProviderData {
        &DATA
    }
}
