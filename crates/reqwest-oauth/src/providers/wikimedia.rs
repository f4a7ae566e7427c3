//! Wikimedia: Wikipedia and its sisters.

use crate::provider::{EmailVerified, Fields, Profile, ProfileRequest, Provider, ProviderData};

const DATA: ProviderData = ProviderData {
    color: "#006699",
    documentation: "https://www.mediawiki.org/wiki/OAuth/For_Developers",
    authorize_endpoint: "https://meta.wikimedia.org/w/rest.php/oauth2/authorize",
    token_endpoint: "https://meta.wikimedia.org/w/rest.php/oauth2/access_token",
    has_refresh_tokens: true,
    profile: Profile::Request(ProfileRequest::get(
        "https://meta.wikimedia.org/w/rest.php/oauth2/resource/profile",
    )),
    fields: Fields {
        id: "sub",
        email: "email",
        email_verified: EmailVerified::Field("confirmed_email"),
        name: "realname | username",
        ..Fields::NONE
    },
    ..ProviderData::new("wikimedia", "Wikimedia")
};

/// Wikipedia and its sisters: <https://www.mediawiki.org/wiki/OAuth/For_Developers>. What is granted stands in the
/// client's registration; name and e-mail come only with the right to them. Another wiki with the extension OAuth is
/// a client with `.base_url("https://wiki.example.com")`.
#[derive(Debug, Default)]
pub struct Wikimedia;

impl Provider for Wikimedia {
    fn data(&self) -> &'static ProviderData {
        &DATA
    }
}
