//! GitHub, and GitHub Enterprise Server.

use serde_json::Value;

use crate::{
    auth::Credentials,
    client::Identity,
    error::OAuthError,
    provider::{
        Api, Fields, IdentityFuture, Profile, ProfileRequest, Provider, ProviderData, TokenPlace, Variable,
        VariableKind,
    },
    provider_client::ProviderClient,
};

const DATA: ProviderData = ProviderData {
    color: "#24292f",
    documentation: "https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps",
    authorize_endpoint: "https://github.com/login/oauth/authorize",
    token_endpoint: "https://github.com/login/oauth/access_token",
    has_refresh_tokens: true,
    scopes: Some(&["user", "user:email"]),
    variables: &[Variable {
        name: "api_url",
        kind: VariableKind::BaseUrl,
        default: Some("https://api.github.com"),
    }],
    profile: Profile::Request(ProfileRequest {
        token: TokenPlace::Scheme("token"),
        ..ProfileRequest::get("{api_url}/user")
    }),
    fields: Fields { id: "id", email: "email", name: "name | login", picture: "avatar_url", ..Fields::NONE },
    ..ProviderData::new("github", "GitHub")
};

/// GitHub: <https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps>, profile by
/// <https://docs.github.com/en/rest/users/users> and <https://docs.github.com/en/rest/users/emails>.
///
/// The e-mail is the public one, else the primary one, else the first of the list.
#[derive(Debug, Default)]
pub struct GitHub;

impl Provider for GitHub {
    fn data(&self) -> &'static ProviderData {
        &DATA
    }

    fn identity<'a>(&'a self, api: &'a Api<'a>, profile: Value) -> IdentityFuture<'a> {
        Box::pin(async move {
            let identity = api.read(profile)?;
            match &identity.email {
                Some(_) if !api.wants_all() => Ok(identity),
                Some(_) => Ok(with_verified_flag(api, identity).await),
                None => with_listed_email(api, identity).await,
            }
        })
    }
}

const EMAILS: &str = "{api_url}/user/emails";

/// The profile does not say whether its address is verified; the list does, if the token may read it.
async fn with_verified_flag(api: &Api<'_>, mut identity: Identity) -> Identity {
    let list = api.get(EMAILS).await.unwrap_or_default();
    let is_shown = |entry: &&Value| entry["email"].as_str() == identity.email.as_deref();
    let entry = list.as_array().and_then(|list| list.iter().find(is_shown));
    identity.email_verified = entry.and_then(|entry| entry["verified"].as_bool());
    identity
}

async fn with_listed_email(api: &Api<'_>, mut identity: Identity) -> Result<Identity, OAuthError> {
    let list = api.get(EMAILS).await?;
    let list = list.as_array().filter(|list| !list.is_empty()).ok_or_else(|| api.missing("e-mail"))?;
    let entry = list.iter().find(|entry| entry["primary"] == true).unwrap_or(&list[0]);
    let email = entry["email"].as_str().ok_or_else(|| api.missing("e-mail"))?;
    identity.email = Some(email.to_owned());
    identity.email_verified = entry["verified"].as_bool();
    Ok(identity)
}

/// GitHub's own parameters of the authorization URL.
///
/// ```
/// use reqwest_oauth::providers::{GitHubAuthorizeOptions, GitHubOAuth2};
///
/// let options = GitHubAuthorizeOptions { login: Some("ada".into()), allow_signup: Some(false) };
/// let github = GitHubOAuth2::new("id", "secret").authorize_options(options);
/// # let _ = github;
/// ```
#[derive(Clone, Debug, Default)]
pub struct GitHubAuthorizeOptions {
    /// The account to offer.
    pub login: Option<String>,
    /// Whether somebody without an account may make one on the way.
    pub allow_signup: Option<bool>,
}

impl ProviderClient<GitHub> {
    /// A client of a GitHub Enterprise Server at this URL.
    #[must_use]
    pub fn enterprise(
        client_id: impl Into<String>,
        credentials: impl Into<Credentials>,
        url: impl Into<String>,
    ) -> Self {
        let url = url.into();
        let api_url = format!("{}/api/v3", url.trim_end_matches('/'));
        Self::new(client_id, credentials).variable("api_url", api_url).base_url(url)
    }

    /// Sets GitHub's own parameters of the authorization URL.
    #[must_use]
    pub fn authorize_options(self, options: GitHubAuthorizeOptions) -> Self {
        let client = match options.login {
            Some(login) => self.authorize_parameter("login", login),
            None => self,
        };
        match options.allow_signup {
            Some(allow) => client.authorize_parameter("allow_signup", allow.to_string()),
            None => client,
        }
    }
}
