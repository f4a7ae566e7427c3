//! PayPal.

use serde_json::Value;

use crate::{
    auth::{AuthMethod, Credentials},
    provider::{
        Api, Fields, IdentityFuture, Pkce, Profile, ProfileRequest, Provider, ProviderData, Variable,
        VariableKind, text,
    },
    provider_client::ProviderClient,
};

const DATA: ProviderData = ProviderData {
    color: "#003087",
    documentation: "https://developer.paypal.com/docs/log-in-with-paypal/integrate/",
    authorize_endpoint: "https://www.{domain}/connect",
    token_endpoint: "https://api-m.{domain}/v1/oauth2/token",
    has_refresh_tokens: true,
    auth_method: AuthMethod::ClientSecretBasic,
    scopes: Some(&["openid", "profile", "email"]),
    authorize_parameters: &[("flowEntry", "static")],
    pkce: Pkce::Undocumented,
    variables: &[Variable { name: "domain", kind: VariableKind::Host, default: Some("paypal.com") }],
    profile: Profile::Request(ProfileRequest::get(
        "https://api-m.{domain}/v1/identity/oauth2/userinfo?schema=paypalv1.1",
    )),
    fields: Fields { id: "user_id", name: "name", ..Fields::NONE },
    ..ProviderData::new("paypal", "PayPal")
};

/// Log in with PayPal: <https://developer.paypal.com/docs/log-in-with-paypal/integrate/>, profile by
/// <https://developer.paypal.com/docs/api/identity/v1/>. [`sandbox`](ProviderClient::sandbox) is its test environment.
///
/// The e-mail is the primary one. Its `verified_account` is about the account, not the address.
#[derive(Debug, Default)]
pub struct PayPal;

impl Provider for PayPal {
    fn data(&self) -> &'static ProviderData {
        &DATA
    }

    fn identity<'a>(&'a self, api: &'a Api<'a>, profile: Value) -> IdentityFuture<'a> {
        Box::pin(async move {
            let mut identity = api.read(profile)?;
            let is_primary = |entry: &&Value| entry["primary"] == true;
            let list = identity.profile["emails"].as_array();
            if let Some(entry) = list.and_then(|list| list.iter().find(is_primary)) {
                identity.email = text(entry, "value");
                identity.email_verified = entry["confirmed"].as_bool();
            }
            Ok(identity)
        })
    }
}

impl ProviderClient<PayPal> {
    /// A client of the test environment.
    #[must_use]
    pub fn sandbox(client_id: impl Into<String>, credentials: impl Into<Credentials>) -> Self {
        Self::new(client_id, credentials).variable("domain", "sandbox.paypal.com")
    }
}
