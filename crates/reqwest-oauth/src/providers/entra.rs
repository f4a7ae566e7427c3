//! Microsoft Entra ID by OpenID Connect.

use crate::{
    auth::Credentials,
    provider::{EmailVerified, Fields, Profile, Provider, ProviderData, Variable, VariableKind},
    provider_client::ProviderClient,
};

const DATA: ProviderData = ProviderData {
    color: "#0078d4",
    documentation: "https://learn.microsoft.com/en-us/entra/identity-platform/v2-protocols-oidc",
    has_refresh_tokens: true,
    scopes: Some(&["openid", "profile", "email"]),
    variables: &[Variable { name: "tenant", kind: VariableKind::Text, default: None }],
    profile: Profile::IdToken,
    fields: Fields { email_verified: EmailVerified::Field("xms_edov"), ..Fields::OPENID },
    may_hand_out_unverified_emails: true,
    ..ProviderData::discovered(
        "entra",
        "Microsoft Entra ID",
        "https://login.microsoftonline.com/{tenant}/v2.0/.well-known/openid-configuration",
    )
};

/// One tenant of Microsoft Entra ID, by its ID tokens:
/// <https://learn.microsoft.com/en-us/entra/identity-platform/v2-protocols-oidc>, claims by
/// <https://learn.microsoft.com/en-us/entra/identity-platform/optional-claims-reference>.
/// [`MicrosoftGraph`](super::MicrosoftGraph) is for many tenants and for personal accounts.
///
/// An administrator can give a user any address ("nOAuth"). Whether the owner of the address's domain was checked is
/// in the claim `xms_edov`, which comes when it is added to the application's optional claims.
#[derive(Debug)]
pub struct Entra;

impl Provider for Entra {
    fn data(&self) -> &'static ProviderData {
        &DATA
    }
}

impl ProviderClient<Entra> {
    /// A client of the tenant with this id (not its domain: the issuer has the id).
    #[must_use]
    pub fn new(
        client_id: impl Into<String>,
        credentials: impl Into<Credentials>,
        tenant: impl Into<String>,
    ) -> Self {
        Self::with(Entra, client_id, credentials).variable("tenant", tenant)
    }
}
