//! LinkedIn by OpenID Connect.

use crate::provider::{Fields, Pkce, Profile, ProfileRequest, Provider, ProviderData};

const DATA: ProviderData = ProviderData {
    color: "#0a66c2",
    documentation: "https://learn.microsoft.com/en-us/linkedin/consumer/integrations/self-serve/sign-in-with-linkedin-v2",
    authorize_endpoint: "https://www.linkedin.com/oauth/v2/authorization",
    token_endpoint: "https://www.linkedin.com/oauth/v2/accessToken",
    scopes: Some(&["openid", "profile", "email"]),
    pkce: Pkce::Undocumented,
    profile: Profile::Request(ProfileRequest::get("https://api.linkedin.com/v2/userinfo")),
    fields: Fields { locale: "locale | locale.language", ..Fields::OPENID },
    ..ProviderData::new("linkedin_openid", "LinkedIn")
};

/// LinkedIn for applications of today:
/// <https://learn.microsoft.com/en-us/linkedin/consumer/integrations/self-serve/sign-in-with-linkedin-v2>.
/// [`LinkedIn`](super::LinkedIn) has the scopes of the older API, which new applications no longer get.
///
/// Its ID tokens are not looked at: they leave out the nonce.
#[derive(Debug, Default)]
pub struct SignInWithLinkedIn;

impl Provider for SignInWithLinkedIn {
    fn data(&self) -> &'static ProviderData {
        &DATA
    }
}
