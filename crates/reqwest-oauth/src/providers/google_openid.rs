//! Google by OpenID Connect.

use crate::provider::{Provider, ProviderData};

const DATA: ProviderData = ProviderData {
    color: "#4285f4",
    documentation: "https://developers.google.com/identity/openid-connect/openid-connect",
    has_refresh_tokens: true,
    ..ProviderData::discovered(
        "google_openid",
        "Google",
        "https://accounts.google.com/.well-known/openid-configuration",
    )
};

/// Google by its ID tokens: <https://developers.google.com/identity/openid-connect/openid-connect>.
///
/// The id is the plain number, not the resource name that [`Google`](super::Google) has: accounts of the one are not
/// those of the other. A refresh token comes with `.authorize_parameter("access_type", "offline")`.
#[derive(Debug, Default)]
pub struct GoogleAccounts;

impl Provider for GoogleAccounts {
    fn data(&self) -> &'static ProviderData {
        &DATA
    }
}
