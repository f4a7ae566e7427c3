//! Forgejo, by discovery.

use crate::{
    auth::Credentials,
    provider::{EmailVerified, Fields, Provider, ProviderData, Variable, VariableKind},
    provider_client::ProviderClient,
};

const DATA: ProviderData = ProviderData {
    color: "#ff6600",
    documentation: "https://forgejo.org/docs/latest/user/oauth2-provider/",
    has_refresh_tokens: true,
    variables: &[Variable { name: "base_url", kind: VariableKind::BaseUrl, default: None }],
    scopes: Some(&["openid", "profile", "email"]),
    fields: Fields { email_verified: EmailVerified::Never, ..Fields::OPENID },
    ..ProviderData::discovered("forgejo", "Forgejo", "{base_url}/.well-known/openid-configuration")
};

/// Forgejo: <https://forgejo.org/docs/latest/user/oauth2-provider/>.
///
/// By default Forgejo confirms no address, and yet calls those of active users verified. So an address counts as
/// unverified, unless the application says [`emails_are_confirmed`](ProviderClient::emails_are_confirmed).
#[derive(Debug)]
pub struct Forgejo;

impl Provider for Forgejo {
    fn data(&self) -> &'static ProviderData {
        &DATA
    }
}

impl ProviderClient<Forgejo> {
    /// A client of the installation at this URL (Codeberg is one).
    #[must_use]
    pub fn new(
        client_id: impl Into<String>,
        credentials: impl Into<Credentials>,
        base_url: impl Into<String>,
    ) -> Self {
        Self::with(Forgejo, client_id, credentials).variable("base_url", base_url)
    }

    /// Trusts the addresses, for an installation that has every address confirmed by mail.
    #[must_use]
    pub fn emails_are_confirmed(self) -> Self {
        self.fields(Fields::OPENID.to_owned_fields())
    }
}
