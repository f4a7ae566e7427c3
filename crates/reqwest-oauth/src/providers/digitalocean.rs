//! DigitalOcean.

use crate::provider::{EmailVerified, Fields, Pkce, Profile, ProfileRequest, Provider, ProviderData};

const DATA: ProviderData = ProviderData {
    color: "#0080ff",
    documentation: "https://docs.digitalocean.com/reference/api/oauth/",
    authorize_endpoint: "https://cloud.digitalocean.com/v1/oauth/authorize",
    token_endpoint: "https://cloud.digitalocean.com/v1/oauth/token",
    has_refresh_tokens: true,
    scopes: Some(&["read"]),
    pkce: Pkce::Undocumented,
    profile: Profile::Request(ProfileRequest {
        root: "account",
        ..ProfileRequest::get("https://api.digitalocean.com/v2/account")
    }),
    fields: Fields {
        id: "uuid",
        email: "email",
        email_verified: EmailVerified::Field("email_verified"),
        name: "name",
        ..Fields::NONE
    },
    ..ProviderData::new("digitalocean", "DigitalOcean")
};

/// DigitalOcean: <https://docs.digitalocean.com/reference/api/oauth/>, profile by
/// <https://docs.digitalocean.com/reference/api/digitalocean/#tag/Account>.
#[derive(Debug, Default)]
pub struct DigitalOcean;

impl Provider for DigitalOcean {
    fn data(&self) -> &'static ProviderData {
        &DATA
    }
}
