//! Salesforce, by discovery.

use crate::{
    provider::{Provider, ProviderData, Variable, VariableKind},
    provider_client::ProviderClient,
};

const DATA: ProviderData = ProviderData {
    color: "#00a1e0",
    documentation: "https://help.salesforce.com/s/articleView?id=xcloud.remoteaccess_oauth_web_server_flow.htm",
    has_refresh_tokens: true,
    variables: &[Variable {
        name: "domain",
        kind: VariableKind::Host,
        default: Some("login.salesforce.com"),
    }],
    ..ProviderData::discovered(
        "salesforce",
        "Salesforce",
        "https://{domain}/.well-known/openid-configuration",
    )
};

/// Salesforce: <https://help.salesforce.com/s/articleView?id=xcloud.remoteaccess_oauth_web_server_flow.htm>, profile by
/// <https://help.salesforce.com/s/articleView?id=xcloud.remoteaccess_using_userinfo_endpoint.htm>.
///
/// The id is a URL with the ids of organization and user. [`domain`](ProviderClient::domain) is for sandboxes
/// (`test.salesforce.com`) and for a domain of one's own (`example.my.salesforce.com`).
#[derive(Debug, Default)]
pub struct Salesforce;

impl Provider for Salesforce {
    fn data(&self) -> &'static ProviderData {
        &DATA
    }
}

impl ProviderClient<Salesforce> {
    /// Sets the domain to log in at.
    #[must_use]
    pub fn domain(self, domain: impl Into<String>) -> Self {
        self.variable("domain", domain)
    }
}
