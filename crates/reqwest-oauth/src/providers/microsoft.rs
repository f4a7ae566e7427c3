//! Microsoft, with the Graph API.

use crate::{
    encoding::Parameters,
    provider::{Fields, Profile, ProfileRequest, Provider, ProviderData, Variable, VariableKind},
    provider_client::ProviderClient,
};

const DATA: ProviderData = ProviderData {
    color: "#00a4ef",
    documentation: "https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-auth-code-flow",
    authorize_endpoint: "https://login.microsoftonline.com/{tenant}/oauth2/v2.0/authorize",
    token_endpoint: "https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token",
    has_refresh_tokens: true,
    scopes: Some(&["User.Read"]),
    variables: &[Variable { name: "tenant", kind: VariableKind::Text, default: Some("common") }],
    profile: Profile::Request(ProfileRequest {
        accept: "*/*",
        ..ProfileRequest::get("https://graph.microsoft.com/v1.0/me")
    }),
    fields: Fields {
        id: "id",
        email: "userPrincipalName",
        name: "displayName",
        locale: "preferredLanguage",
        required: &["userPrincipalName"],
        ..Fields::NONE
    },
    may_hand_out_unverified_emails: true,
    ..ProviderData::new("microsoft", "Microsoft")
};

/// Microsoft Entra ID and personal accounts:
/// <https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-auth-code-flow>, profile by
/// <https://learn.microsoft.com/en-us/graph/api/user-get>.
///
/// The e-mail is the user principal name, which looks like an address. An administrator of any tenant can give
/// any name, so it proves nothing ("nOAuth").
#[derive(Debug, Default)]
pub struct MicrosoftGraph;

impl Provider for MicrosoftGraph {
    fn data(&self) -> &'static ProviderData {
        &DATA
    }

    fn authorization_query(&self, query: &mut Parameters) {
        query.set("response_mode", "query");
    }
}

impl ProviderClient<MicrosoftGraph> {
    /// Sets the tenant: an id or domain, or `common` (the default), `organizations` or `consumers`.
    #[must_use]
    pub fn tenant(self, tenant: impl Into<String>) -> Self {
        self.variable("tenant", tenant)
    }
}
