//! Amazon Cognito, by discovery.

use crate::{
    auth::Credentials,
    provider::{Provider, ProviderData, Variable, VariableKind},
    provider_client::ProviderClient,
};

const DATA: ProviderData = ProviderData {
    color: "#dd344c",
    documentation: "https://docs.aws.amazon.com/cognito/latest/developerguide/federation-endpoints.html",
    has_refresh_tokens: true,
    variables: &[
        Variable { name: "region", kind: VariableKind::Host, default: None },
        Variable { name: "user_pool_id", kind: VariableKind::Text, default: None },
    ],
    ..ProviderData::discovered(
        "cognito",
        "Amazon Cognito",
        "https://cognito-idp.{region}.amazonaws.com/{user_pool_id}/.well-known/openid-configuration",
    )
};

/// Amazon Cognito: <https://docs.aws.amazon.com/cognito/latest/developerguide/federation-endpoints.html>.
#[derive(Debug)]
pub struct Cognito;

impl Provider for Cognito {
    fn data(&self) -> &'static ProviderData {
        &DATA
    }
}

impl ProviderClient<Cognito> {
    /// A client of this user pool: `eu-central-1` and `eu-central-1_EXAMPLE`.
    #[must_use]
    pub fn new(
        client_id: impl Into<String>,
        credentials: impl Into<Credentials>,
        region: impl Into<String>,
        user_pool_id: impl Into<String>,
    ) -> Self {
        Self::with(Cognito, client_id, credentials)
            .variable("region", region)
            .variable("user_pool_id", user_pool_id)
    }
}
