//! LinkedIn.

use serde_json::Value;

use crate::provider::{
    Api, Fields, IdentityFuture, Pkce, Profile, ProfileRequest, Provider, ProviderData, at,
};

const DATA: ProviderData = ProviderData {
    color: "#0a66c2",
    documentation: "https://learn.microsoft.com/en-us/linkedin/shared/authentication/authorization-code-flow",
    authorize_endpoint: "https://www.linkedin.com/oauth/v2/authorization",
    token_endpoint: "https://www.linkedin.com/oauth/v2/accessToken",
    has_refresh_tokens: true,
    scopes: Some(&["r_emailaddress", "r_liteprofile", "r_basicprofile"]),
    pkce: Pkce::Undocumented,
    profile: Profile::Request(ProfileRequest {
        accept: "*/*",
        ..ProfileRequest::get("https://api.linkedin.com/v2/me?projection=%28id%29")
    }),
    fields: Fields { id: "id", ..Fields::NONE },
    ..ProviderData::new("linkedin", "LinkedIn")
};

/// LinkedIn, with the scopes of its older API:
/// <https://learn.microsoft.com/en-us/linkedin/shared/authentication/authorization-code-flow>. Refresh tokens are
/// for selected partners.
#[derive(Debug, Default)]
pub struct LinkedIn;

impl Provider for LinkedIn {
    fn data(&self) -> &'static ProviderData {
        &DATA
    }

    /// The address is behind a request of its own.
    fn identity<'a>(&'a self, api: &'a Api<'a>, profile: Value) -> IdentityFuture<'a> {
        Box::pin(async move {
            let mut identity = api.read(profile)?;
            let answer = api.get(EMAIL).await?;
            let email = at(&answer, "elements.0.handle~.emailAddress").and_then(Value::as_str);
            identity.email = Some(email.ok_or_else(|| api.missing("e-mail"))?.to_owned());
            Ok(identity)
        })
    }
}

const EMAIL: &str =
    "https://api.linkedin.com/v2/emailAddress?q=members&projection=%28elements%2A%28handle~%29%29";
