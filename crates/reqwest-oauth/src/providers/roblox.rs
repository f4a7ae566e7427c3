//! Roblox, by discovery.

use crate::provider::{Fields, Provider, ProviderData};

const DATA: ProviderData = ProviderData {
    color: "#335fff",
    documentation: "https://create.roblox.com/docs/cloud/auth/oauth2-reference",
    has_refresh_tokens: true,
    scopes: Some(&["openid", "profile"]),
    fields: Fields { name: "name | nickname | preferred_username", ..Fields::OPENID },
    ..ProviderData::discovered(
        "roblox",
        "Roblox",
        "https://apis.roblox.com/oauth/.well-known/openid-configuration",
    )
};

/// Roblox: <https://create.roblox.com/docs/cloud/auth/oauth2-reference>. There is never an e-mail.
#[derive(Debug, Default)]
pub struct Roblox;

impl Provider for Roblox {
    fn data(&self) -> &'static ProviderData {
        &DATA
    }
}
