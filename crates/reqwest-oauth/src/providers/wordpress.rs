//! WordPress.com.

use crate::provider::{EmailVerified, Fields, Pkce, Profile, ProfileRequest, Provider, ProviderData};

const DATA: ProviderData = ProviderData {
    color: "#3858e9",
    documentation: "https://developer.wordpress.com/docs/oauth2/",
    authorize_endpoint: "https://public-api.wordpress.com/oauth2/authorize",
    token_endpoint: "https://public-api.wordpress.com/oauth2/token",
    scopes: Some(&["auth"]),
    pkce: Pkce::Undocumented,
    profile: Profile::Request(ProfileRequest::get("https://public-api.wordpress.com/rest/v1.1/me")),
    fields: Fields {
        id: "ID",
        email: "email",
        email_verified: EmailVerified::Field("email_verified"),
        name: "display_name",
        picture: "avatar_URL",
        locale: "language",
        ..Fields::NONE
    },
    ..ProviderData::new("wordpress", "WordPress.com")
};

/// WordPress.com: <https://developer.wordpress.com/docs/oauth2/>, profile by
/// <https://developer.wordpress.com/docs/api/1.1/get/me/>.
#[derive(Debug, Default)]
pub struct WordPress;

impl Provider for WordPress {
    fn data(&self) -> &'static ProviderData {
        &DATA
    }
}
