//! Yandex ID.

use crate::{
    encoding::Parameters,
    provider::{Fields, Profile, ProfileRequest, Provider, ProviderData, TokenPlace},
};

const DATA: ProviderData = ProviderData {
    color: "#fc3f1d",
    documentation: "https://yandex.com/dev/id/doc/en/codes/code-url",
    authorize_endpoint: "https://oauth.yandex.com/authorize",
    token_endpoint: "https://oauth.yandex.com/token",
    revoke_endpoint: Some("https://oauth.yandex.com/revoke_token"),
    has_refresh_tokens: true,
    profile: Profile::Request(ProfileRequest {
        token: TokenPlace::Scheme("OAuth"),
        ..ProfileRequest::get("https://login.yandex.ru/info?format=json")
    }),
    fields: Fields {
        id: "id",
        email: "default_email",
        name: "real_name | display_name | login",
        ..Fields::NONE
    },
    ..ProviderData::new("yandex", "Yandex")
};

/// Yandex ID: <https://yandex.com/dev/id/doc/en/codes/code-url>, profile by
/// <https://yandex.com/dev/id/doc/en/user-information>. Scopes are those of the app's registration.
#[derive(Debug, Default)]
pub struct Yandex;

impl Provider for Yandex {
    fn data(&self) -> &'static ProviderData {
        &DATA
    }

    fn revoke_form(&self, form: &mut Parameters) {
        form.rename("token", "access_token");
    }
}
