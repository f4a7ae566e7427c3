//! Battle.net.

use crate::{
    auth::AuthMethod,
    provider::{Fields, Pkce, Profile, ProfileRequest, Provider, ProviderData},
};

const DATA: ProviderData = ProviderData {
    color: "#148eff",
    documentation: "https://develop.battle.net/documentation/guides/using-oauth/authorization-code-flow",
    authorize_endpoint: "https://oauth.battle.net/authorize",
    token_endpoint: "https://oauth.battle.net/token",
    auth_method: AuthMethod::ClientSecretBasic,
    scopes: Some(&["openid"]),
    pkce: Pkce::Undocumented,
    profile: Profile::Request(ProfileRequest::get("https://oauth.battle.net/userinfo")),
    fields: Fields { id: "sub", name: "battletag", ..Fields::NONE },
    ..ProviderData::new("battlenet", "Battle.net")
};

/// Battle.net: <https://develop.battle.net/documentation/guides/using-oauth/authorization-code-flow>. There is never
/// an e-mail. China has a host of its own: `.base_url("https://oauth.battlenet.com.cn")`.
#[derive(Debug, Default)]
pub struct BattleNet;

impl Provider for BattleNet {
    fn data(&self) -> &'static ProviderData {
        &DATA
    }
}
