//! OpenStreetMap.

use crate::provider::{Fields, Profile, ProfileRequest, Provider, ProviderData};

const DATA: ProviderData = ProviderData {
    color: "#7ebc6f",
    documentation: "https://wiki.openstreetmap.org/wiki/OAuth",
    authorize_endpoint: "https://www.openstreetmap.org/oauth2/authorize",
    token_endpoint: "https://www.openstreetmap.org/oauth2/token",
    revoke_endpoint: Some("https://www.openstreetmap.org/oauth2/revoke"),
    scopes: Some(&["read_prefs"]),
    profile: Profile::Request(ProfileRequest {
        root: "user",
        ..ProfileRequest::get("https://api.openstreetmap.org/api/0.6/user/details.json")
    }),
    fields: Fields {
        id: "id",
        name: "display_name",
        picture: "img.href",
        locale: "languages.0",
        ..Fields::NONE
    },
    ..ProviderData::new("openstreetmap", "OpenStreetMap")
};

/// OpenStreetMap: <https://wiki.openstreetmap.org/wiki/OAuth>, profile by
/// <https://wiki.openstreetmap.org/wiki/API_v0.6>. There is never an e-mail.
#[derive(Debug, Default)]
pub struct OpenStreetMap;

impl Provider for OpenStreetMap {
    fn data(&self) -> &'static ProviderData {
        &DATA
    }
}
