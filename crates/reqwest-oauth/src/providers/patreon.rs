//! Patreon.

use crate::provider::{EmailVerified, Fields, Pkce, Profile, ProfileRequest, Provider, ProviderData};

const DATA: ProviderData = ProviderData {
    color: "#f96854",
    documentation: "https://docs.patreon.com/#oauth",
    authorize_endpoint: "https://www.patreon.com/oauth2/authorize",
    token_endpoint: "https://www.patreon.com/api/oauth2/token",
    has_refresh_tokens: true,
    scopes: Some(&["identity", "identity[email]"]),
    pkce: Pkce::Undocumented,
    profile: Profile::Request(ProfileRequest {
        root: "data",
        ..ProfileRequest::get(
            "https://www.patreon.com/api/oauth2/v2/identity?fields%5Buser%5D=email,full_name,image_url,is_email_verified",
        )
    }),
    fields: Fields {
        id: "id",
        email: "attributes.email",
        email_verified: EmailVerified::Field("attributes.is_email_verified"),
        name: "attributes.full_name",
        picture: "attributes.image_url",
        ..Fields::NONE
    },
    ..ProviderData::new("patreon", "Patreon")
};

/// Patreon: <https://docs.patreon.com/#oauth>, profile by <https://docs.patreon.com/#get-api-oauth2-v2-identity>.
#[derive(Debug, Default)]
pub struct Patreon;

impl Provider for Patreon {
    fn data(&self) -> &'static ProviderData {
        &DATA
    }
}
