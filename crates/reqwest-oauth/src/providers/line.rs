//! LINE Login.

use crate::{
    encoding::Parameters,
    provider::{IdTokenData, Profile, ProfileRequest, Provider, ProviderData},
};

const DATA: ProviderData = ProviderData {
    color: "#06c755",
    documentation: "https://developers.line.biz/en/docs/line-login/integrate-line-login/",
    authorize_endpoint: "https://access.line.me/oauth2/v2.1/authorize",
    token_endpoint: "https://api.line.me/oauth2/v2.1/token",
    revoke_endpoint: Some("https://api.line.me/oauth2/v2.1/revoke"),
    has_refresh_tokens: true,
    scopes: Some(&["openid", "profile", "email"]),
    profile: Profile::Request(ProfileRequest::get("https://api.line.me/oauth2/v2.1/userinfo")),
    // A web login's ID token is signed with the channel secret, and it alone has the address.
    id_token: Some(IdTokenData {
        issuer: "https://access.line.me",
        jwks_uri: "https://api.line.me/oauth2/v2.1/certs",
        is_signed_with_secret: true,
    }),
    ..ProviderData::new("line", "LINE")
};

/// LINE Login: <https://developers.line.biz/en/docs/line-login/integrate-line-login/>, requests by
/// <https://developers.line.biz/en/reference/line-login/>. The scope `email` is for channels that applied for it.
#[derive(Debug, Default)]
pub struct Line;

impl Provider for Line {
    fn data(&self) -> &'static ProviderData {
        &DATA
    }

    fn revoke_form(&self, form: &mut Parameters) {
        form.rename("token", "access_token");
    }
}
