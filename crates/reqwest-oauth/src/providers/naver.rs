//! Naver.

use crate::{
    encoding::Parameters,
    provider::{Fields, Pkce, Profile, ProfileRequest, Provider, ProviderData},
};

const DATA: ProviderData = ProviderData {
    color: "#03c75a",
    documentation: "https://developers.naver.com/docs/login/api/api.md",
    authorize_endpoint: "https://nid.naver.com/oauth2.0/authorize",
    token_endpoint: "https://nid.naver.com/oauth2.0/token",
    revoke_endpoint: Some("https://nid.naver.com/oauth2.0/token"),
    has_refresh_tokens: true,
    scopes: Some(&[]),
    pkce: Pkce::Undocumented,
    profile: Profile::Request(ProfileRequest {
        root: "response",
        ..ProfileRequest::post("https://openapi.naver.com/v1/nid/me")
    }),
    fields: Fields {
        id: "id",
        email: "email",
        name: "name | nickname",
        picture: "profile_image",
        ..Fields::NONE
    },
    ..ProviderData::new("naver", "Naver")
};

/// Naver: <https://developers.naver.com/docs/login/api/api.md>.
#[derive(Debug, Default)]
pub struct Naver;

impl Provider for Naver {
    fn data(&self) -> &'static ProviderData {
        &DATA
    }

    /// Naver deletes a token by a grant of its own.
    fn revoke_form(&self, form: &mut Parameters) {
        let standard = std::mem::take(form);
        form.push("grant_type", "delete");
        form.push("access_token", standard.get("token").unwrap_or_default());
        form.push("service_provider", "NAVER");
        for (name, value) in standard.iter().filter(|(name, _)| *name != "token") {
            form.push(name.to_owned(), value);
        }
    }
}
