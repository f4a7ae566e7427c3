//! X, once Twitter.

use crate::{
    auth::AuthMethod,
    provider::{
        EmailVerified, Fields, Profile, ProfileRequest, Provider, ProviderData, Variable, VariableKind,
    },
    provider_client::ProviderClient,
};

const DATA: ProviderData = ProviderData {
    color: "#0f1419",
    documentation: "https://docs.x.com/fundamentals/authentication/oauth-2-0/authorization-code",
    authorize_endpoint: "https://x.com/i/oauth2/authorize",
    token_endpoint: "https://api.x.com/2/oauth2/token",
    revoke_endpoint: Some("https://api.x.com/2/oauth2/revoke"),
    has_refresh_tokens: true,
    auth_method: AuthMethod::ClientSecretBasic,
    scopes: Some(&["users.read", "tweet.read"]),
    variables: &[Variable {
        name: "user_fields",
        kind: VariableKind::Text,
        default: Some("profile_image_url"),
    }],
    profile: Profile::Request(ProfileRequest {
        root: "data",
        ..ProfileRequest::get("https://api.x.com/2/users/me?user.fields={user_fields}")
    }),
    fields: Fields {
        id: "id",
        email: "confirmed_email",
        email_verified: EmailVerified::Always,
        name: "name | username",
        picture: "profile_image_url",
        ..Fields::NONE
    },
    ..ProviderData::new("x", "X")
};

/// X, once Twitter: <https://docs.x.com/fundamentals/authentication/oauth-2-0/authorization-code>, profile by
/// <https://docs.x.com/x-api/users/get-my-user>. It takes no login without PKCE. A refresh token comes with the scope
/// `offline.access`.
///
/// The e-mail, always a confirmed one, comes to apps that may ask for it: see
/// [`with_email`](ProviderClient::with_email).
#[derive(Debug, Default)]
pub struct X;

impl Provider for X {
    fn data(&self) -> &'static ProviderData {
        &DATA
    }
}

impl ProviderClient<X> {
    /// Asks for the e-mail, which the app's settings have to allow.
    #[must_use]
    pub fn with_email(self) -> Self {
        self.scopes(["users.read", "tweet.read", "users.email"])
            .variable("user_fields", "profile_image_url,confirmed_email")
    }
}
