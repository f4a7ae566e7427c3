//! VK ID.

use crate::{
    auth::AuthMethod,
    client::CodeExchange,
    encoding::Parameters,
    provider::{Fields, Profile, ProfileRequest, Provider, ProviderData, TokenPlace},
};

const DATA: ProviderData = ProviderData {
    color: "#0077ff",
    documentation: "https://id.vk.com/about/business/go/docs/ru/vkid/latest/vk-id/connection/api-integration/api-description",
    authorize_endpoint: "https://id.vk.com/authorize",
    token_endpoint: "https://id.vk.com/oauth2/auth",
    revoke_endpoint: Some("https://id.vk.com/oauth2/revoke"),
    auth_method: AuthMethod::None,
    scopes: Some(&["vkid.personal_info", "email"]),
    profile: Profile::Request(ProfileRequest {
        token: TokenPlace::Form("access_token"),
        root: "user",
        ..ProfileRequest::post("https://id.vk.com/oauth2/user_info")
    }),
    fields: Fields {
        id: "user_id",
        email: "email",
        name: "first_name + last_name",
        picture: "avatar",
        ..Fields::NONE
    },
    ..ProviderData::new("vk", "VK")
};

/// VK ID:
/// <https://id.vk.com/about/business/go/docs/ru/vkid/latest/vk-id/connection/api-integration/api-description>.
///
/// It takes no login without PKCE, and no client secret. A refresh would need the device id that came with the code,
/// and is not done.
#[derive(Debug, Default)]
pub struct Vk;

impl Provider for Vk {
    fn data(&self) -> &'static ProviderData {
        &DATA
    }

    /// The device that logged in, as the callback told it.
    fn code_form(&self, form: &mut Parameters, exchange: &CodeExchange<'_>) {
        for name in ["device_id", "state"] {
            if let Some(value) = exchange.callback_parameter(name) {
                form.push(name, value);
            }
        }
    }

    fn revoke_form(&self, form: &mut Parameters) {
        form.rename("token", "access_token");
    }
}
