//! Google, with the People API.

use serde_json::Value;

use crate::{
    provider::{
        Api, Fields, IdentityFuture, Profile, ProfileRequest, Provider, ProviderData, Variable, VariableKind,
        at,
    },
    provider_client::ProviderClient,
};

const DATA: ProviderData = ProviderData {
    color: "#4285f4",
    documentation: "https://developers.google.com/identity/protocols/oauth2/web-server",
    authorize_endpoint: "https://accounts.google.com/o/oauth2/v2/auth",
    token_endpoint: "https://oauth2.googleapis.com/token",
    revoke_endpoint: Some("https://accounts.google.com/o/oauth2/revoke"),
    has_refresh_tokens: true,
    scopes: Some(&[
        "https://www.googleapis.com/auth/userinfo.profile",
        "https://www.googleapis.com/auth/userinfo.email",
    ]),
    variables: &[Variable {
        name: "person_fields",
        kind: VariableKind::Text,
        default: Some("emailAddresses"),
    }],
    profile: Profile::Request(ProfileRequest::get(
        "https://people.googleapis.com/v1/people/me?personFields={person_fields}",
    )),
    fields: Fields {
        id: "resourceName",
        name: "names.0.displayName",
        picture: "photos.0.url",
        locale: "locales.0.value",
        ..Fields::NONE
    },
    ..ProviderData::new("google", "Google")
};

/// Google: <https://developers.google.com/identity/protocols/oauth2/web-server>, profile by
/// <https://developers.google.com/people/api/rest/v1/people/get>. The id is the resource name, `people/…`.
///
/// Name, picture and locale come when they are asked for:
/// `.variable("person_fields", "emailAddresses,names,photos,locales")`.
#[derive(Debug, Default)]
pub struct Google;

impl Provider for Google {
    fn data(&self) -> &'static ProviderData {
        &DATA
    }

    fn identity<'a>(&'a self, api: &'a Api<'a>, profile: Value) -> IdentityFuture<'a> {
        Box::pin(async move {
            let is_primary = |address: &&Value| address["metadata"]["primary"] == true;
            let primary = at(&profile, "emailAddresses").and_then(Value::as_array);
            let primary = primary.and_then(|list| list.iter().find(is_primary));
            let primary = primary.ok_or_else(|| api.missing("primary e-mail address"))?;
            let email = primary["value"].as_str().map(str::to_owned);
            let email_verified = primary["metadata"]["verified"].as_bool();
            let mut identity = api.read(profile)?;
            identity.email = email.filter(|email| !email.is_empty());
            identity.email_verified = email_verified;
            Ok(identity)
        })
    }
}

/// Google's own parameters of the authorization URL.
///
/// ```
/// use reqwest_oauth::providers::{GoogleAuthorizeOptions, GoogleOAuth2};
///
/// let offline = GoogleAuthorizeOptions {
///     access_type: Some("offline".into()),
///     prompt: Some("consent".into()),
///     ..GoogleAuthorizeOptions::default()
/// };
/// let client = GoogleOAuth2::new("id", "secret").authorize_options(offline);
/// # let _ = client;
/// ```
#[derive(Clone, Debug, Default)]
pub struct GoogleAuthorizeOptions {
    /// `online`, or `offline` for a refresh token.
    pub access_type: Option<String>,
    /// Whether scopes granted earlier are granted again.
    pub include_granted_scopes: Option<bool>,
    /// The account to offer: an address or an id.
    pub login_hint: Option<String>,
    /// `none`, `consent`, `select_account`, or several with spaces between.
    pub prompt: Option<String>,
}

impl ProviderClient<Google> {
    /// Sets Google's own parameters of the authorization URL.
    #[must_use]
    pub fn authorize_options(self, options: GoogleAuthorizeOptions) -> Self {
        let parameters = [
            ("access_type", options.access_type),
            ("include_granted_scopes", options.include_granted_scopes.map(|include| include.to_string())),
            ("login_hint", options.login_hint),
            ("prompt", options.prompt),
        ];
        parameters.into_iter().fold(self, |client, (name, value)| match value {
            Some(value) => client.authorize_parameter(name, value),
            None => client,
        })
    }
}
