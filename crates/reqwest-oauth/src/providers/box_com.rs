//! Box.

use crate::provider::{Fields, Pkce, Profile, ProfileRequest, Provider, ProviderData};

const DATA: ProviderData = ProviderData {
    color: "#0061d5",
    documentation: "https://developer.box.com/guides/authentication/oauth2/",
    authorize_endpoint: "https://account.box.com/api/oauth2/authorize",
    token_endpoint: "https://api.box.com/oauth2/token",
    revoke_endpoint: Some("https://api.box.com/oauth2/revoke"),
    has_refresh_tokens: true,
    pkce: Pkce::Undocumented,
    profile: Profile::Request(ProfileRequest::get("https://api.box.com/2.0/users/me")),
    fields: Fields {
        id: "id",
        email: "login",
        name: "name",
        picture: "avatar_url",
        locale: "language",
        ..Fields::NONE
    },
    ..ProviderData::new("box", "Box")
};

/// Box: <https://developer.box.com/guides/authentication/oauth2/>, profile by
/// <https://developer.box.com/reference/get-users-me/>. The e-mail is the primary one, with which the user logs in.
#[derive(Debug, Default)]
pub struct BoxCom;

impl Provider for BoxCom {
    fn data(&self) -> &'static ProviderData {
        &DATA
    }
}
