//! Gitea, by discovery.

use crate::{
    auth::Credentials,
    provider::{EmailVerified, Fields, Provider, ProviderData, Variable, VariableKind},
    provider_client::ProviderClient,
};

const DATA: ProviderData = ProviderData {
    color: "#609926",
    documentation: "https://docs.gitea.com/development/oauth2-provider",
    has_refresh_tokens: true,
    variables: &[Variable { name: "base_url", kind: VariableKind::BaseUrl, default: None }],
    scopes: Some(&["openid", "profile", "email"]),
    fields: Fields { email_verified: EmailVerified::Never, ..Fields::OPENID },
    ..ProviderData::discovered("gitea", "Gitea", "{base_url}/.well-known/openid-configuration")
};

/// Gitea: <https://docs.gitea.com/development/oauth2-provider>.
///
/// By default Gitea confirms no address, and yet calls those of active users verified. So an address counts as
/// unverified, unless the application says [`emails_are_confirmed`](ProviderClient::emails_are_confirmed).
#[derive(Debug)]
pub struct Gitea;

impl Provider for Gitea {
    fn data(&self) -> &'static ProviderData {
        &DATA
    }
}

impl ProviderClient<Gitea> {
    /// A client of the installation at this URL.
    #[must_use]
    pub fn new(
        client_id: impl Into<String>,
        credentials: impl Into<Credentials>,
        base_url: impl Into<String>,
    ) -> Self {
        Self::with(Gitea, client_id, credentials).variable("base_url", base_url)
    }

    /// Trusts the addresses, for an installation that has every address confirmed by mail.
    #[must_use]
    pub fn emails_are_confirmed(self) -> Self {
        self.fields(Fields::OPENID.to_owned_fields())
    }
}
