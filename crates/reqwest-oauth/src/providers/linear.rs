//! Linear.

use crate::provider::{Fields, Profile, ProfileRequest, Provider, ProviderData};

const DATA: ProviderData = ProviderData {
    color: "#5e6ad2",
    documentation: "https://linear.app/developers/oauth-2-0-authentication",
    authorize_endpoint: "https://linear.app/oauth/authorize",
    token_endpoint: "https://api.linear.app/oauth/token",
    has_refresh_tokens: true,
    scopes: Some(&["read"]),
    scope_separator: ",",
    profile: Profile::Request(ProfileRequest {
        json_body: Some(r#"{"query": "{ viewer { id name email avatarUrl } }"}"#),
        root: "data",
        ..ProfileRequest::post("https://api.linear.app/graphql")
    }),
    fields: Fields {
        id: "viewer.id",
        email: "viewer.email",
        name: "viewer.name",
        picture: "viewer.avatarUrl",
        ..Fields::NONE
    },
    ..ProviderData::new("linear", "Linear")
};

/// Linear: <https://linear.app/developers/oauth-2-0-authentication>, profile by
/// <https://linear.app/developers/graphql>.
#[derive(Debug, Default)]
pub struct Linear;

impl Provider for Linear {
    fn data(&self) -> &'static ProviderData {
        &DATA
    }
}
