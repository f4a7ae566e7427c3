//! Sign in with Apple.

use serde_json::{Map, Value, json};

use crate::{
    client::CodeExchange,
    provider::{Api, IdTokenData, IdentityFuture, Pkce, Profile, Provider, ProviderData, at, text},
};

const DATA: ProviderData = ProviderData {
    color: "#000000",
    documentation: "https://developer.apple.com/documentation/signinwithapplerestapi",
    authorize_endpoint: "https://appleid.apple.com/auth/authorize",
    token_endpoint: "https://appleid.apple.com/auth/token",
    revoke_endpoint: Some("https://appleid.apple.com/auth/revoke"),
    has_refresh_tokens: true,
    scopes: Some(&["name", "email"]),
    // With a scope, Apple takes no other response mode.
    authorize_parameters: &[("response_mode", "form_post")],
    pkce: Pkce::Undocumented,
    profile: Profile::IdToken,
    id_token: Some(IdTokenData {
        issuer: "https://appleid.apple.com",
        jwks_uri: "https://appleid.apple.com/auth/keys",
        is_signed_with_secret: false,
    }),
    callback_is_posted: true,
    ..ProviderData::new("apple", "Apple")
};

/// Sign in with Apple: <https://developer.apple.com/documentation/signinwithapplerestapi>.
///
/// The client secret is a token that the client signs itself: give
/// [`Credentials::apple`](crate::Credentials::apple). The callback is a POST request. The profile is the ID token,
/// whose address may be a relay of Apple's; the name comes at the first login only, and beside the token.
#[derive(Debug, Default)]
pub struct Apple;

impl Provider for Apple {
    fn data(&self) -> &'static ProviderData {
        &DATA
    }

    /// Keeps the name that the callback brought. The address there came through the browser, so that anybody could
    /// have written it: the one in the ID token counts.
    fn token_answer(&self, answer: &mut Map<String, Value>, exchange: Option<&CodeExchange<'_>>) {
        let user = exchange.and_then(|exchange| exchange.callback_parameter("user"));
        let user: Value = user.and_then(|user| serde_json::from_str(user).ok()).unwrap_or_default();
        if let Some(name) = at(&user, "name") {
            answer.insert("user".to_owned(), json!({ "name": name }));
        }
    }

    fn identity<'a>(&'a self, api: &'a Api<'a>, profile: Value) -> IdentityFuture<'a> {
        Box::pin(async move {
            let mut identity = api.read(profile)?;
            let user = api.token_extra().get("user");
            identity.name = user.and_then(|user| text(user, "name.firstName + name.lastName"));
            Ok(identity)
        })
    }
}
