//! WorkOS AuthKit.

use crate::{
    client::CodeExchange,
    encoding::Parameters,
    provider::{EmailVerified, Fields, Profile, Provider, ProviderData, TokenBody},
};

const DATA: ProviderData = ProviderData {
    color: "#6363f1",
    documentation: "https://workos.com/docs/reference/authkit/authentication",
    authorize_endpoint: "https://api.workos.com/user_management/authorize",
    token_endpoint: "https://api.workos.com/user_management/authenticate",
    has_refresh_tokens: true,
    token_body: TokenBody::Json,
    authorize_parameters: &[("provider", "authkit")],
    profile: Profile::TokenAnswer,
    fields: Fields {
        id: "user.id",
        email: "user.email",
        email_verified: EmailVerified::Field("user.email_verified"),
        name: "user.first_name + user.last_name",
        picture: "user.profile_picture_url",
        locale: "user.locale",
        ..Fields::NONE
    },
    ..ProviderData::new("workos", "WorkOS")
};

/// WorkOS AuthKit: <https://workos.com/docs/reference/authkit/authentication>. The client secret is the API key, and
/// the profile is in the token answer.
///
/// A connection or organization is chosen with `.authorize_parameter("organization_id", "org_…")`.
#[derive(Debug, Default)]
pub struct WorkOs;

impl Provider for WorkOs {
    fn data(&self) -> &'static ProviderData {
        &DATA
    }

    fn code_form(&self, form: &mut Parameters, _exchange: &CodeExchange<'_>) {
        form.remove("redirect_uri");
    }
}
