//! The provider's client, from the keys that all providers have and those of its own.

use axum_users::reqwest_oauth::{
    AuthMethod, BoxedClient, Credentials, EmailVerified, Fields, OAuth2, OAuth2Endpoints, OAuthClient,
    OAuthError, OpenId, Pkce, PrivateKey, ProviderClient, SecretString, providers,
};

use super::super::{
    keys::read_required,
    section::{Section, alternatives},
};

/// The provider that is known by its discovery document.
const OPENID: &str = "openid";

/// The provider that is known by its endpoints.
const OAUTH2: &str = "oauth2";

/// Keys and values that were given for one provider, so that its mistakes find their place.
type Given = Vec<(&'static str, String)>;

/// What every client of a provider is made of. What is missing was told already.
struct Registration<'a> {
    name: Option<&'a str>,
    client_id: Option<String>,
    credentials: Option<Credentials>,
    auth_method: Option<AuthMethod>,
}

impl Registration<'_> {
    fn client_id(&self) -> &str {
        self.client_id.as_deref().unwrap_or_default()
    }

    fn credentials(&self) -> Credentials {
        self.credentials.clone().unwrap_or(Credentials::None)
    }
}

pub(super) fn read(section: &mut Section<'_>, name: Option<&str>) -> Option<BoxedClient> {
    let names = providers::all().into_iter().map(|provider| provider.data().name);
    let choices: Vec<_> = [OPENID, OAUTH2].into_iter().chain(names).map(|name| (name, name)).collect();
    let provider = section.choice("provider", &choices);
    if provider.is_none() {
        section.missing(
            "provider",
            "a name such as \"google\", \"openid\" for any OpenID provider, or \"oauth2\" for any other",
        );
    }
    let client_id = section.text("client_id");
    if client_id.is_none() {
        section.missing("client_id", "the id that the provider gave this application");
    }
    let auth_method = section.parse("token_endpoint_auth_method", parse_auth_method);
    let credentials = read_credentials(section, auth_method);
    let registration = Registration { name, client_id, credentials, auth_method };
    match provider? {
        OPENID => openid(section, &registration),
        OAUTH2 => oauth2(section, &registration),
        provider => named(section, &registration, provider),
    }
}

fn parse_auth_method(text: &str) -> Result<AuthMethod, String> {
    use AuthMethod::{ClientSecretBasic, ClientSecretPost, None, PrivateKeyJwt};
    text.parse().map_err(|_| {
        let methods = [ClientSecretBasic, ClientSecretPost, PrivateKeyJwt, None].map(AuthMethod::as_str);
        format!("expected {}, found \"{text}\"", alternatives(&methods))
    })
}

/// A secret, a private key, Apple's key, or nothing for a public client.
fn read_credentials(section: &mut Section<'_>, method: Option<AuthMethod>) -> Option<Credentials> {
    let secret = section.text("client_secret");
    let team_id = section.text("team_id");
    let key_id = section.text("key_id");
    let algorithm = section.text("private_key_algorithm").unwrap_or_else(|| "ES256".to_owned());
    if team_id.is_none() && method != Some(AuthMethod::PrivateKeyJwt) {
        section.forbid(
            &["private_key", "private_key_file"],
            "a private key is for token_endpoint_auth_method = \"private_key_jwt\", and for Apple's team_id",
        );
        let credentials = match method {
            Some(AuthMethod::None) => Some(Credentials::None),
            _ => secret.map(|secret| Credentials::Secret(secret.into())),
        };
        if credentials.is_none() {
            section.missing(
                "client_secret",
                "the secret that the provider gave this application; a client that has none says \
                 token_endpoint_auth_method = \"none\"",
            );
        }
        return credentials;
    }
    let key = SecretString::from(read_required(section, &algorithm, "private_key", "private_key_file")?);
    let credentials = match team_id {
        Some(team_id) => Credentials::apple(&team_id, key_id.as_deref().unwrap_or_default(), &key),
        None => PrivateKey::from_pem(&algorithm, key_id.as_deref(), &key).map(Credentials::from),
    };
    credentials.map_err(|error| section.problem("private_key", error.to_string())).ok()
}

/// A provider of `reqwest-oauth`'s list. A new one there needs no word here: its data name its own keys.
fn named(section: &mut Section<'_>, registration: &Registration<'_>, provider: &str) -> Option<BoxedClient> {
    let mut client = providers::client(provider, registration.client_id(), registration.credentials())?;
    let mut given = Given::new();
    let mut is_complete = true;
    for variable in client.data().variables {
        if let Some(value) = section.text(variable.name) {
            given.push((variable.name, value.clone()));
            client = client.variable(variable.name, value);
        } else if variable.default.is_none() {
            section.missing(variable.name, "what tells your account or installation at this provider");
            is_complete = false;
        }
    }
    let has_base_url = client.data().variables.iter().any(|variable| variable.name == "base_url");
    if !has_base_url && let Some(url) = section.text("base_url") {
        given.push(("base_url", url.clone()));
        client = client.base_url(url);
    }
    let client = with_settings(section, registration, client);
    if is_complete { checked(section, registration, client, &given) } else { None }
}

fn openid(section: &mut Section<'_>, registration: &Registration<'_>) -> Option<BoxedClient> {
    let key = "openid_configuration_endpoint";
    let endpoint = section.text(key);
    if endpoint.is_none() {
        section.missing(key, "the provider's address, ending in /.well-known/openid-configuration");
    }
    let url = endpoint.clone().unwrap_or_default();
    let mut client = OpenId::new(registration.client_id(), registration.credentials(), url);
    if let Some(issuer) = section.text("issuer") {
        client = client.issuer_url(issuer);
    }
    if section.boolean("require_id_token") == Some(true) {
        client = client.require_id_token();
    }
    let algorithms = ["HS256", "HS384", "HS512"].map(|name| (name, name));
    if let Some(algorithm) = section.choice("id_token_signed_response_alg", &algorithms) {
        client = client.id_tokens_signed_with_secret(algorithm).ok()?;
    }
    let client = with_fields(section, client);
    let client = with_settings(section, registration, client);
    checked(section, registration, client, &vec![(key, endpoint?)])
}

fn oauth2(section: &mut Section<'_>, registration: &Registration<'_>) -> Option<BoxedClient> {
    let mut given = Given::new();
    let mut endpoint = |key: &'static str, expected: Option<&str>| {
        let url = section.text(key);
        match (&url, expected) {
            (Some(url), _) => given.push((key, url.clone())),
            (None, Some(expected)) => section.missing(key, expected),
            (None, None) => {}
        }
        url
    };
    let authorize = endpoint("authorize_endpoint", Some("the URL that browsers are sent to"));
    let token = endpoint("access_token_endpoint", Some("the URL where a code is exchanged for a token"));
    let profile = endpoint("profile_endpoint", Some("the URL that tells whose a token is"));
    let refresh_token_endpoint = endpoint("refresh_token_endpoint", None);
    let revoke_token_endpoint = endpoint("revoke_token_endpoint", None);
    let method = registration.auth_method.unwrap_or_default().as_str();
    let is_complete = authorize.is_some() && token.is_some() && profile.is_some();
    let endpoints = OAuth2Endpoints {
        authorize_endpoint: authorize.unwrap_or_default(),
        access_token_endpoint: token.unwrap_or_default(),
        profile_endpoint: profile,
        refresh_token_endpoint,
        // One method serves both; the original wants to be told twice.
        revocation_endpoint_auth_method: revoke_token_endpoint.as_ref().map(|_| method.to_owned()),
        revoke_token_endpoint,
        token_endpoint_auth_method: Some(method.to_owned()),
    };
    let client = OAuth2::new(registration.client_id(), registration.credentials(), endpoints);
    let client = client.map_err(|error| tell(section, &given, &error)).ok()?;
    let client = with_fields(section, client);
    let client = with_settings(section, registration, client);
    if is_complete { checked(section, registration, client, &given) } else { None }
}

/// `[oauth.fields]`: where in the profile things stand, for a provider whose profile is nobody's standard.
fn with_fields<P: ?Sized>(section: &mut Section<'_>, client: ProviderClient<P>) -> ProviderClient<P> {
    let mut fields = Fields::OPENID.to_owned_fields();
    let mut own = section.section("fields");
    for (key, place) in [
        ("id", &mut fields.id),
        ("email", &mut fields.email),
        ("name", &mut fields.name),
        ("picture", &mut fields.picture),
        ("locale", &mut fields.locale),
    ] {
        if let Some(path) = own.text(key) {
            *place = path;
        }
    }
    if let Some(path) = own.text("email_verified") {
        fields.email_verified = EmailVerified::Field(path);
    }
    own.finish();
    client.fields(fields)
}

/// The settings that all providers have.
fn with_settings<P: ?Sized>(
    section: &mut Section<'_>,
    registration: &Registration<'_>,
    mut client: ProviderClient<P>,
) -> ProviderClient<P> {
    if let Some(name) = registration.name {
        client = client.name(name);
    }
    if let Some(name) = section.text("display_name") {
        client = client.display_name(name);
    }
    if let Some(scopes) = section.texts("scopes") {
        client = client.scopes(scopes);
    }
    if let Some(method) = registration.auth_method {
        client = client.auth_method(method);
    }
    if let Some(pkce) = section.boolean("pkce") {
        client = client.pkce(if pkce { Pkce::S256 } else { Pkce::Never });
    }
    if section.boolean("allow_http_danger") == Some(true) {
        client = client.allow_http_danger();
    }
    let parameters = section.section("authorize_parameters");
    let parameters = parameters.parse_each(|name, value| Ok((name.to_owned(), value.to_owned())));
    parameters.into_iter().fold(client, |client, (name, value)| client.authorize_parameter(name, value))
}

fn checked<P: ?Sized + 'static>(
    section: &Section<'_>,
    registration: &Registration<'_>,
    client: ProviderClient<P>,
    given: &Given,
) -> Option<BoxedClient> {
    if registration.client_id.is_none() || registration.credentials.is_none() {
        return None;
    }
    match client.check() {
        Ok(()) => Some(BoxedClient::new(client)),
        Err(error) => {
            tell(section, given, &error);
            None
        }
    }
}

/// Tells a mistake at the key that it speaks of.
fn tell(section: &Section<'_>, given: &Given, error: &OAuthError) {
    let text = error.to_string();
    let is_spoken_of = |(key, value): &&(&str, String)| {
        text.contains(&format!("`{key}`")) || (!value.is_empty() && text.contains(value.as_str()))
    };
    let key = given.iter().find(is_spoken_of).map_or("", |(key, _)| *key);
    // What follows the provider's name: the place says whose mistake it is.
    let sentence = text.split_once(": ").map_or(text.as_str(), |(_, sentence)| sentence);
    section.problem(key, sentence);
}
