//! Nextcloud.

use crate::{
    auth::Credentials,
    provider::{Fields, Pkce, Profile, ProfileRequest, Provider, ProviderData, Variable, VariableKind},
    provider_client::ProviderClient,
};

const DATA: ProviderData = ProviderData {
    color: "#0082c9",
    documentation: "https://docs.nextcloud.com/server/latest/admin_manual/configuration_server/oauth2.html",
    authorize_endpoint: "{base_url}/index.php/apps/oauth2/authorize",
    token_endpoint: "{base_url}/index.php/apps/oauth2/api/v1/token",
    has_refresh_tokens: true,
    pkce: Pkce::Undocumented,
    variables: &[Variable { name: "base_url", kind: VariableKind::BaseUrl, default: None }],
    profile: Profile::Request(ProfileRequest {
        headers: &[("ocs-apirequest", "true")],
        root: "ocs",
        ..ProfileRequest::get("{base_url}/ocs/v2.php/cloud/user?format=json")
    }),
    fields: Fields {
        id: "data.id",
        email: "data.email",
        name: "data.displayname | data.display-name",
        locale: "data.language",
        ..Fields::NONE
    },
    may_hand_out_unverified_emails: true,
    ..ProviderData::new("nextcloud", "Nextcloud")
};

/// Nextcloud: <https://docs.nextcloud.com/server/latest/admin_manual/configuration_server/oauth2.html>, profile by
/// <https://docs.nextcloud.com/server/latest/developer_manual/client_apis/OCS/ocs-api-overview.html>. Users type in
/// the address themselves, and nobody checks it.
#[derive(Debug)]
pub struct Nextcloud;

impl Provider for Nextcloud {
    fn data(&self) -> &'static ProviderData {
        &DATA
    }
}

impl ProviderClient<Nextcloud> {
    /// A client of the installation at this URL.
    #[must_use]
    pub fn new(
        client_id: impl Into<String>,
        credentials: impl Into<Credentials>,
        base_url: impl Into<String>,
    ) -> Self {
        Self::with(Nextcloud, client_id, credentials).variable("base_url", base_url)
    }
}
