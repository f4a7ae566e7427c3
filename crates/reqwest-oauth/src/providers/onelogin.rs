//! OneLogin, by discovery.

use crate::{
    auth::Credentials,
    provider::{Provider, ProviderData, Variable, VariableKind},
    provider_client::ProviderClient,
};

const DATA: ProviderData = ProviderData {
    color: "#1c1f2a",
    documentation: "https://developers.onelogin.com/openid-connect",
    variables: &[Variable { name: "subdomain", kind: VariableKind::Host, default: None }],
    ..ProviderData::discovered(
        "onelogin",
        "OneLogin",
        "https://{subdomain}.onelogin.com/oidc/2/.well-known/openid-configuration",
    )
};

/// OneLogin: <https://developers.onelogin.com/openid-connect>.
#[derive(Debug)]
pub struct OneLogin;

impl Provider for OneLogin {
    fn data(&self) -> &'static ProviderData {
        &DATA
    }
}

impl ProviderClient<OneLogin> {
    /// A client of one account: `example` for `example.onelogin.com`.
    #[must_use]
    pub fn new(
        client_id: impl Into<String>,
        credentials: impl Into<Credentials>,
        subdomain: impl Into<String>,
    ) -> Self {
        Self::with(OneLogin, client_id, credentials).variable("subdomain", subdomain)
    }
}
