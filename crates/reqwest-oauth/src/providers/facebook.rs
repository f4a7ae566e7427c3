//! Facebook.

use crate::{
    encoding::Parameters,
    error::OAuthError,
    provider::{Fields, Profile, ProfileRequest, Provider, ProviderData, TokenPlace, Variable, VariableKind},
    provider_client::ProviderClient,
    token::OAuth2Token,
};

const DATA: ProviderData = ProviderData {
    color: "#0866ff",
    documentation: "https://developers.facebook.com/docs/facebook-login/guides/advanced/manual-flow",
    authorize_endpoint: "https://www.facebook.com/v5.0/dialog/oauth",
    token_endpoint: "https://graph.facebook.com/v5.0/oauth/access_token",
    scopes: Some(&["email", "public_profile"]),
    variables: &[Variable { name: "fields", kind: VariableKind::Text, default: Some("id,email") }],
    profile: Profile::Request(ProfileRequest {
        token: TokenPlace::Query("access_token"),
        accept: "*/*",
        ..ProfileRequest::get("https://graph.facebook.com/v5.0/me?fields={fields}")
    }),
    fields: Fields { id: "id", email: "email", name: "name", picture: "picture.data.url", ..Fields::NONE },
    ..ProviderData::new("facebook", "Facebook")
};

/// Facebook: <https://developers.facebook.com/docs/facebook-login/guides/advanced/manual-flow>, profile by
/// <https://developers.facebook.com/docs/graph-api/reference/user/>.
///
/// Name and picture come when they are asked for: `.variable("fields", "id,email,name,picture")`.
#[derive(Debug, Default)]
pub struct Facebook;

impl Provider for Facebook {
    fn data(&self) -> &'static ProviderData {
        &DATA
    }
}

impl ProviderClient<Facebook> {
    /// Exchanges a short-lived access token for one that is good for about 60 days
    /// (<https://developers.facebook.com/docs/facebook-login/guides/access-tokens/get-long-lived>).
    ///
    /// # Errors
    /// [`OAuthError::GetLongLivedAccessToken`] when Facebook does not give one.
    pub async fn long_lived_access_token(&self, access_token: &str) -> Result<OAuth2Token, OAuthError> {
        let mut form = Parameters::new();
        form.push("grant_type", "fb_exchange_token");
        form.push("fb_exchange_token", access_token);
        self.inner.exchange(form, OAuthError::GetLongLivedAccessToken).await
    }
}
