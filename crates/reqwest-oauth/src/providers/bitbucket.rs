//! Bitbucket Cloud.

use serde_json::Value;

use crate::{
    auth::AuthMethod,
    provider::{Api, Fields, IdentityFuture, Pkce, Profile, ProfileRequest, Provider, ProviderData, text},
};

const DATA: ProviderData = ProviderData {
    color: "#0c66e4",
    documentation: "https://developer.atlassian.com/cloud/bitbucket/oauth-2/",
    authorize_endpoint: "https://bitbucket.org/site/oauth2/authorize",
    token_endpoint: "https://bitbucket.org/site/oauth2/access_token",
    has_refresh_tokens: true,
    auth_method: AuthMethod::ClientSecretBasic,
    scopes: Some(&["account", "email"]),
    pkce: Pkce::Undocumented,
    profile: Profile::Request(ProfileRequest::get("https://api.bitbucket.org/2.0/user")),
    fields: Fields {
        id: "uuid",
        name: "display_name | username",
        picture: "links.avatar.href",
        ..Fields::NONE
    },
    ..ProviderData::new("bitbucket", "Bitbucket")
};

/// Bitbucket Cloud: <https://developer.atlassian.com/cloud/bitbucket/oauth-2/>, profile by
/// <https://developer.atlassian.com/cloud/bitbucket/rest/api-group-users/>. The e-mail is the primary one.
#[derive(Debug, Default)]
pub struct Bitbucket;

impl Provider for Bitbucket {
    fn data(&self) -> &'static ProviderData {
        &DATA
    }

    /// The addresses are behind a request of their own.
    fn identity<'a>(&'a self, api: &'a Api<'a>, profile: Value) -> IdentityFuture<'a> {
        Box::pin(async move {
            let mut identity = api.read(profile)?;
            let answer = api.get(EMAILS).await?;
            let list = answer["values"].as_array();
            if let Some(entry) = list.and_then(|list| list.iter().find(|entry| entry["is_primary"] == true)) {
                identity.email = text(entry, "email");
                identity.email_verified =
                    entry["is_confirmed"].as_bool().filter(|_| identity.email.is_some());
            }
            Ok(identity)
        })
    }
}

const EMAILS: &str = "https://api.bitbucket.org/2.0/user/emails";
