//! Login with Amazon.

use crate::provider::{Fields, Profile, ProfileRequest, Provider, ProviderData};

const DATA: ProviderData = ProviderData {
    color: "#ff9900",
    documentation: "https://developer.amazon.com/docs/login-with-amazon/authorization-code-grant.html",
    authorize_endpoint: "https://www.amazon.com/ap/oa",
    token_endpoint: "https://api.amazon.com/auth/o2/token",
    has_refresh_tokens: true,
    scopes: Some(&["profile"]),
    profile: Profile::Request(ProfileRequest::get("https://api.amazon.com/user/profile")),
    fields: Fields { id: "user_id", email: "email", name: "name", ..Fields::NONE },
    ..ProviderData::new("amazon", "Amazon")
};

/// Login with Amazon: <https://developer.amazon.com/docs/login-with-amazon/authorization-code-grant.html>, profile by
/// <https://developer.amazon.com/docs/login-with-amazon/obtain-customer-profile.html>. It does not say whether an
/// address was checked.
#[derive(Debug, Default)]
pub struct Amazon;

impl Provider for Amazon {
    fn data(&self) -> &'static ProviderData {
        &DATA
    }
}
