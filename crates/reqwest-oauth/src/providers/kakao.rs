//! Kakao.

use crate::provider::{
    EmailVerified, Fields, Pkce, Profile, ProfileRequest, Provider, ProviderData, Variable, VariableKind,
};

const DATA: ProviderData = ProviderData {
    color: "#fee500",
    documentation: "https://developers.kakao.com/docs/latest/en/kakaologin/rest-api",
    authorize_endpoint: "https://kauth.kakao.com/oauth/authorize",
    token_endpoint: "https://kauth.kakao.com/oauth/token",
    revoke_endpoint: Some("https://kapi.kakao.com/v1/user/unlink"),
    has_refresh_tokens: true,
    scopes: Some(&["profile_nickname", "account_email"]),
    pkce: Pkce::Undocumented,
    variables: &[Variable {
        name: "property_keys",
        kind: VariableKind::Text,
        default: Some(r#"["kakao_account.email"]"#),
    }],
    profile: Profile::Request(ProfileRequest::post(
        "https://kapi.kakao.com/v2/user/me?property_keys={property_keys}",
    )),
    fields: Fields {
        id: "id",
        email: "kakao_account.email",
        // An address is valid until another account takes it over.
        email_verified: EmailVerified::Field(
            "kakao_account.is_email_valid & kakao_account.is_email_verified",
        ),
        name: "kakao_account.profile.nickname",
        picture: "kakao_account.profile.profile_image_url",
        required: &["kakao_account"],
        ..Fields::NONE
    },
    ..ProviderData::new("kakao", "Kakao")
};

/// Kakao: <https://developers.kakao.com/docs/latest/en/kakaologin/rest-api>.
///
/// Name and picture come when they are asked for:
/// `.variable("property_keys", r#"["kakao_account.email", "kakao_account.profile"]"#)`.
#[derive(Debug, Default)]
pub struct Kakao;

impl Provider for Kakao {
    fn data(&self) -> &'static ProviderData {
        &DATA
    }
}
