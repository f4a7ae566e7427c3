//! Dropbox.

use crate::provider::{EmailVerified, Fields, Profile, ProfileRequest, Provider, ProviderData, Revocation};

const DATA: ProviderData = ProviderData {
    color: "#0061ff",
    documentation: "https://developers.dropbox.com/oauth-guide",
    authorize_endpoint: "https://www.dropbox.com/oauth2/authorize",
    token_endpoint: "https://api.dropboxapi.com/oauth2/token",
    revoke_endpoint: Some("https://api.dropboxapi.com/2/auth/token/revoke"),
    revocation: Revocation::Bearer,
    has_refresh_tokens: true,
    scopes: Some(&["account_info.read"]),
    profile: Profile::Request(ProfileRequest::post("https://api.dropboxapi.com/2/users/get_current_account")),
    fields: Fields {
        id: "account_id",
        email: "email",
        email_verified: EmailVerified::Field("email_verified"),
        name: "name.display_name",
        picture: "profile_photo_url",
        locale: "locale",
        ..Fields::NONE
    },
    ..ProviderData::new("dropbox", "Dropbox")
};

/// Dropbox: <https://developers.dropbox.com/oauth-guide>, profile by
/// <https://www.dropbox.com/developers/documentation/http/documentation#users-get_current_account>. A refresh token
/// comes with `.authorize_parameter("token_access_type", "offline")`.
#[derive(Debug, Default)]
pub struct Dropbox;

impl Provider for Dropbox {
    fn data(&self) -> &'static ProviderData {
        &DATA
    }
}
