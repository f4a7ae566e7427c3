//! Heroku.

use crate::provider::{Fields, Pkce, Profile, ProfileRequest, Provider, ProviderData};

const DATA: ProviderData = ProviderData {
    color: "#79589f",
    documentation: "https://devcenter.heroku.com/articles/oauth",
    authorize_endpoint: "https://id.heroku.com/oauth/authorize",
    token_endpoint: "https://id.heroku.com/oauth/token",
    has_refresh_tokens: true,
    scopes: Some(&["identity"]),
    pkce: Pkce::Undocumented,
    profile: Profile::Request(ProfileRequest {
        accept: "application/vnd.heroku+json; version=3",
        ..ProfileRequest::get("https://api.heroku.com/account")
    }),
    fields: Fields { id: "id", email: "email", name: "name", ..Fields::NONE },
    ..ProviderData::new("heroku", "Heroku")
};

/// Heroku: <https://devcenter.heroku.com/articles/oauth>, profile by
/// <https://devcenter.heroku.com/articles/platform-api-reference#account>. Its `verified` is about the means of
/// payment, not the address.
#[derive(Debug, Default)]
pub struct Heroku;

impl Provider for Heroku {
    fn data(&self) -> &'static ProviderData {
        &DATA
    }
}
