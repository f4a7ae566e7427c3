//! Strava.

use crate::provider::{Fields, Pkce, Profile, ProfileRequest, Provider, ProviderData, Revocation};

const DATA: ProviderData = ProviderData {
    color: "#fc4c02",
    documentation: "https://developers.strava.com/docs/authentication/",
    authorize_endpoint: "https://www.strava.com/oauth/authorize",
    token_endpoint: "https://www.strava.com/api/v3/oauth/token",
    revoke_endpoint: Some("https://www.strava.com/oauth/deauthorize"),
    revocation: Revocation::Bearer,
    has_refresh_tokens: true,
    scopes: Some(&["read"]),
    scope_separator: ",",
    pkce: Pkce::Undocumented,
    profile: Profile::Request(ProfileRequest::get("https://www.strava.com/api/v3/athlete")),
    fields: Fields { id: "id", name: "firstname + lastname", picture: "profile", ..Fields::NONE },
    ..ProviderData::new("strava", "Strava")
};

/// Strava: <https://developers.strava.com/docs/authentication/>, profile by
/// <https://developers.strava.com/docs/reference/#api-Athletes-getLoggedInAthlete>. There is never an e-mail.
#[derive(Debug, Default)]
pub struct Strava;

impl Provider for Strava {
    fn data(&self) -> &'static ProviderData {
        &DATA
    }
}
