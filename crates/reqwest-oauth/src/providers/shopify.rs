//! Shopify.

use crate::{
    auth::Credentials,
    provider::{
        Fields, Pkce, Profile, ProfileRequest, Provider, ProviderData, TokenPlace, Variable, VariableKind,
    },
    provider_client::ProviderClient,
};

const DATA: ProviderData = ProviderData {
    color: "#95bf47",
    documentation: "https://shopify.dev/docs/apps/build/authentication-authorization/access-tokens",
    authorize_endpoint: "https://{shop}.myshopify.com/admin/oauth/authorize",
    token_endpoint: "https://{shop}.myshopify.com/admin/oauth/access_token",
    scopes: Some(&["read_orders"]),
    pkce: Pkce::Undocumented,
    variables: &[
        Variable { name: "shop", kind: VariableKind::Host, default: None },
        Variable { name: "api_version", kind: VariableKind::Text, default: Some("2023-04") },
    ],
    profile: Profile::Request(ProfileRequest {
        token: TokenPlace::Header("x-shopify-access-token"),
        accept: "*/*",
        ..ProfileRequest::get("https://{shop}.myshopify.com/admin/api/{api_version}/shop.json")
    }),
    fields: Fields {
        id: "shop.id",
        email: "shop.email",
        name: "shop.name",
        locale: "shop.primary_locale",
        required: &["shop.email"],
        ..Fields::NONE
    },
    may_hand_out_unverified_emails: true,
    ..ProviderData::new("shopify", "Shopify")
};

/// Shopify: <https://shopify.dev/docs/apps/build/authentication-authorization/access-tokens/authorization-code-grant>.
///
/// The account is the shop, not a person, and its address is whatever the shop's settings say.
#[derive(Debug)]
pub struct Shopify;

impl Provider for Shopify {
    fn data(&self) -> &'static ProviderData {
        &DATA
    }
}

impl ProviderClient<Shopify> {
    /// A client of one shop: `example` for `example.myshopify.com`.
    #[must_use]
    pub fn new(
        client_id: impl Into<String>,
        credentials: impl Into<Credentials>,
        shop: impl Into<String>,
    ) -> Self {
        Self::with(Shopify, client_id, credentials).variable("shop", shop)
    }

    /// Sets the version of the Admin API.
    #[must_use]
    pub fn api_version(self, version: impl Into<String>) -> Self {
        self.variable("api_version", version)
    }

    /// Sets how long tokens live: `offline`, or `per-user` for one person's session.
    #[must_use]
    pub fn access_mode(self, mode: impl Into<String>) -> Self {
        self.authorize_parameter("access_mode", mode)
    }
}
