//! TikTok.

use crate::{
    client::CodeExchange,
    encoding::Parameters,
    provider::{Fields, Pkce, Profile, ProfileRequest, Provider, ProviderData},
};

const DATA: ProviderData = ProviderData {
    color: "#010101",
    documentation: "https://developers.tiktok.com/doc/login-kit-web/",
    authorize_endpoint: "https://www.tiktok.com/v2/auth/authorize/",
    token_endpoint: "https://open.tiktokapis.com/v2/oauth/token/",
    revoke_endpoint: Some("https://open.tiktokapis.com/v2/oauth/revoke/"),
    has_refresh_tokens: true,
    scopes: Some(&["user.info.basic"]),
    scope_separator: ",",
    // It is for desktop and mobile, with a challenge in hexadecimal.
    pkce: Pkce::Never,
    profile: Profile::Request(ProfileRequest {
        root: "data",
        ..ProfileRequest::get(
            "https://open.tiktokapis.com/v2/user/info/?fields=open_id,union_id,avatar_url,display_name",
        )
    }),
    fields: Fields {
        id: "user.open_id",
        name: "user.display_name",
        picture: "user.avatar_url",
        ..Fields::NONE
    },
    ..ProviderData::new("tiktok", "TikTok")
};

/// TikTok: <https://developers.tiktok.com/doc/login-kit-web/>, tokens by
/// <https://developers.tiktok.com/doc/oauth-user-access-token-management>, profile by
/// <https://developers.tiktok.com/doc/tiktok-api-v2-get-user-info>. The client id is called `client_key`. There is
/// never an e-mail.
#[derive(Debug, Default)]
pub struct TikTok;

impl Provider for TikTok {
    fn data(&self) -> &'static ProviderData {
        &DATA
    }

    fn authorization_query(&self, query: &mut Parameters) {
        query.rename("client_id", "client_key");
    }

    fn code_form(&self, form: &mut Parameters, _exchange: &CodeExchange<'_>) {
        form.rename("client_id", "client_key");
    }

    fn refresh_form(&self, form: &mut Parameters) {
        form.rename("client_id", "client_key");
    }

    fn revoke_form(&self, form: &mut Parameters) {
        form.rename("client_id", "client_key");
    }
}
