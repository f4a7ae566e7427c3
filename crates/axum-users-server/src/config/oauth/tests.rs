use std::path::Path;

use axum_users::reqwest_oauth::providers;

use super::*;
use crate::config::{Config, ConfigError};

fn read(text: &str) -> Result<Config, ConfigError> {
    Config::from_parts(Some((Path::new("axum-users.toml"), text)), &[])
}

fn mistakes(text: &str) -> String {
    read(text).map_or_else(|error| error.to_string(), |_| String::new())
}

/// A provider that is fine, with further lines.
fn google(rest: &str) -> String {
    format!("[[oauth]]\nprovider = \"google\"\nclient_id = \"i\"\nclient_secret = \"s\"\n{rest}")
}

fn oauth2(rest: &str) -> String {
    let endpoint = "https://id.example.com";
    format!(
        "[[oauth]]\nprovider = \"oauth2\"\nclient_id = \"i\"\nclient_secret = \"s\"\n\
         authorize_endpoint = \"{endpoint}/authorize\"\naccess_token_endpoint = \"{endpoint}/token\"\n\
         profile_endpoint = \"{endpoint}/me\"\n{rest}"
    )
}

#[test]
fn mistakes_in_providers_say_what_mends_them() {
    let required = "[[user.field]]\nname = \"city\"\ntype = \"text\"\nrequired = true\n";
    for (text, message) in [
        (
            "[oauth]\nprovider = \"google\"".to_owned(),
            "axum-users.toml:1: `oauth`: expected a list of tables, each begun by [[oauth]]",
        ),
        (
            "[[oauth]]\nprovider = \"google\"\nclient_id = \"i\"".to_owned(),
            "axum-users.toml:1: `oauth[0].client_secret`: this key is missing: expected the secret that the provider gave this application; a client that has none says token_endpoint_auth_method = \"none\"",
        ),
        (
            "[[oauth]]\nprovider = \"google\"\nclient_secret = \"s\"".to_owned(),
            "axum-users.toml:1: `oauth[0].client_id`: this key is missing: expected the id that the provider gave this application",
        ),
        (
            google("clientid = \"x\""),
            "axum-users.toml:5: `oauth[0].clientid`: unknown key; did you mean `client_id`?",
        ),
        (
            google("backend = \"kookie\""),
            "axum-users.toml:5: `oauth[0].backend`: expected \"jwt\" or \"cookie\", found \"kookie\"; did you mean \"cookie\"?",
        ),
        (
            google("redirect_targets = [\"app.example.com\"]"),
            "axum-users.toml:5: `oauth[0].redirect_targets`: expected a URL such as \"https://app.example.com/logged-in\", found \"app.example.com\"",
        ),
        (
            google("redirect_url = \"https://app.example.com/#in\""),
            "axum-users.toml:5: `oauth[0].redirect_url`: expected a URL such as \"https://app.example.com/logged-in\", found \"https://app.example.com/#in\"",
        ),
        (
            google("placeholder_email_domain = \"nowhere\""),
            "axum-users.toml:5: `oauth[0].placeholder_email_domain`: expected a domain such as \"users.example.com\", found \"nowhere\"",
        ),
        (
            google("csrf_token_cookie_samesite = \"none\"\ncsrf_token_cookie_secure = false"),
            "axum-users.toml:5: `oauth[0].csrf_token_cookie_samesite`: \"none\" wants csrf_token_cookie_secure = true: browsers drop the cookie otherwise",
        ),
        (
            google("csrf_token_cookie_name = \"fastapiusersauth\""),
            "axum-users.toml:5: `oauth[0].csrf_token_cookie_name`: the cookie of the backend \"cookie\" has this name",
        ),
        (
            format!("public_url = \"http://accounts.example.com\"\n{}", google("")),
            "axum-users.toml:2: `oauth[0].csrf_token_cookie_secure`: browsers come back to http://accounts.example.com/ over http, where they send no Secure cookie: make public_url https, or set csrf_token_cookie_secure = false for development",
        ),
        (
            google("token_endpoint_auth_method = \"basic\""),
            "axum-users.toml:5: `oauth[0].token_endpoint_auth_method`: expected \"client_secret_basic\", \"client_secret_post\", \"private_key_jwt\" or \"none\", found \"basic\"",
        ),
        (
            google("private_key = \"x\""),
            "axum-users.toml:5: `oauth[0].private_key`: a private key is for token_endpoint_auth_method = \"private_key_jwt\", and for Apple's team_id",
        ),
        (
            format!("{}\n{}", google(""), google("")),
            "axum-users.toml:6: `oauth[1].name`: two providers are called \"google\": give one of them another name",
        ),
        (
            google("[oauth.profile]\ncity = \"locale\""),
            "axum-users.toml:6: `oauth[0].profile.city`: there are no own fields: add one by [[user.field]]",
        ),
        (
            format!("{required}{}", google("[oauth.profile]\ntown = \"locale\"\ncity = \"locale\"")),
            "axum-users.toml:10: `oauth[0].profile.town`: no own field is called so: expected \"city\"",
        ),
        (
            format!("{required}{}", google("")),
            "axum-users.toml:5: `oauth[0].profile`: users who come by this provider have no city, which is required: fill it here, as in city = \"name\", or make the field optional",
        ),
        (
            "[[oauth]]\nprovider = \"shopify\"\nclient_id = \"i\"\nclient_secret = \"s\"".to_owned(),
            "axum-users.toml:1: `oauth[0].shop`: this key is missing: expected what tells your account or installation at this provider",
        ),
        (
            "[[oauth]]\nprovider = \"shopify\"\nclient_id = \"i\"\nclient_secret = \"s\"\nshop = \"evil.com/\""
                .to_owned(),
            "axum-users.toml:5: `oauth[0].shop`: `shop` is no host name",
        ),
        (
            "[[oauth]]\nprovider = \"openid\"\nclient_id = \"i\"\nclient_secret = \"s\"".to_owned(),
            "axum-users.toml:1: `oauth[0].openid_configuration_endpoint`: this key is missing: expected the provider's address, ending in /.well-known/openid-configuration",
        ),
        (
            "[[oauth]]\nprovider = \"openid\"\nclient_id = \"i\"\nclient_secret = \"s\"\nopenid_configuration_endpoint = \"http://id.example.com/x\"".to_owned(),
            "axum-users.toml:5: `oauth[0].openid_configuration_endpoint`: http://id.example.com/x is neither https nor on this machine",
        ),
        (
            oauth2("").replace("profile_endpoint", "profil_endpoint"),
            "axum-users.toml:1: `oauth[0].profile_endpoint`: this key is missing: expected the URL that tells whose a token is",
        ),
        (
            oauth2("[oauth.fields]\nmail = \"mail\""),
            "axum-users.toml:9: `oauth[0].fields.mail`: unknown key; did you mean `email`?",
        ),
        (
            "[compat]\nside_by_side = true\n[oauth_accounts]\nencrypt_tokens_secret = \"0123456789abcdef0123456789abcdef\"".to_owned(),
            "axum-users.toml:4: `oauth_accounts.encrypt_tokens_secret`: Python cannot read encrypted tokens: encrypt them when compat.side_by_side has ended",
        ),
    ] {
        assert_eq!(mistakes(&text), message, "{text}");
    }
}

#[test]
fn an_unknown_provider_is_answered_with_all_that_there_are() {
    let text = google("").replace("google", "googel");
    let message = mistakes(&text);
    for provider in providers::all() {
        let name = provider.data().name;
        assert!(message.contains(&format!("\"{name}\"")), "{name} in {message}");
    }
    assert!(message.contains("\"openid\", \"oauth2\""), "{message}");
    assert!(message.ends_with("found \"googel\"; did you mean \"google\"?"), "{message}");
}

#[test]
fn every_provider_that_needs_nothing_of_its_own_is_offered_by_three_lines() {
    for provider in providers::all() {
        let data = provider.data();
        if data.variables.iter().any(|variable| variable.default.is_none()) {
            continue;
        }
        let config = read(&google("").replace("google", data.name)).unwrap();
        assert_eq!(config.oauth[0].client.name(), data.name);
        assert_eq!(config.oauth[0].backend, "jwt");
    }
}

#[test]
fn providers_are_read_with_all_their_keys() {
    let text = "
        public_url = \"https://accounts.example.com\"
        [secrets]
        oauth_state = \"0123456789abcdef0123456789abcdef\"
        [oauth_accounts]
        in_user = true
        encrypt_tokens_secret = [\"fedcba9876543210fedcba9876543210\", \"0123456789abcdef0123456789abcdef\"]
        [[user.field]]
        name = \"first_name\"
        type = \"text\"
        required = true
        [[oauth]]
        provider = \"openid\"
        name = \"corp\"
        client_id = \"i\"
        client_secret = \"s\"
        openid_configuration_endpoint = \"http://127.0.0.1:9000/.well-known/openid-configuration\"
        display_name = \"Corporation\"
        backend = \"cookie\"
        scopes = [\"openid\"]
        associate_by_email = true
        is_verified_by_default = true
        requires_verification = true
        redirect_url = \"https://app.example.com/in\"
        associate_redirect_url = \"https://app.example.com/link\"
        redirect_targets = [\"https://app.example.com/\"]
        placeholder_email_domain = \"users.example.com\"
        csrf_token_cookie_name = \"flow\"
        csrf_token_cookie_secure = false
        csrf_token_cookie_samesite = \"strict\"
        [oauth.authorize_parameters]
        prompt = \"consent\"
        [oauth.profile]
        first_name = \"given_name\"
        [[oauth]]
        provider = \"oauth2\"
        client_id = \"i\"
        token_endpoint_auth_method = \"none\"
        authorize_endpoint = \"https://id.example.com/authorize\"
        access_token_endpoint = \"https://id.example.com/token\"
        profile_endpoint = \"https://id.example.com/me\"
        revoke_token_endpoint = \"https://id.example.com/revoke\"
        pkce = true
        [oauth.fields]
        id = \"data.0.id\"
        [oauth.profile]
        first_name = \"name\"
    ";
    let config = read(text).unwrap();
    assert!(config.oauth_state_secret.is_some() && config.oauth_accounts_in_user);
    assert!(config.encrypt_tokens_secret.is_some());
    let [corp, other] = &config.oauth[..] else { panic!("two providers") };
    assert_eq!((corp.client.name(), corp.client.display_name()), ("corp", "Corporation"));
    assert_eq!(corp.backend, "cookie");
    assert!(corp.associate_by_email && corp.is_verified_by_default && corp.requires_verification);
    assert_eq!(corp.redirect_url.as_deref(), Some("https://app.example.com/in"));
    assert_eq!(corp.associate_redirect_url.as_deref(), Some("https://app.example.com/link"));
    assert_eq!(corp.redirect_targets, ["https://app.example.com/"]);
    assert_eq!(corp.placeholder_email_domain.as_deref(), Some("users.example.com"));
    assert_eq!(corp.cookie.name, "flow");
    assert!(!corp.cookie.secure);
    assert_eq!(corp.cookie.same_site, SameSite::Strict);
    let sources: Vec<_> =
        corp.profile.iter().map(|(column, source)| (column.name.as_ref(), source.clone())).collect();
    assert_eq!(sources, [("first_name", ProfileSource::Path("given_name".to_owned()))]);
    assert_eq!((other.client.name(), other.backend.as_str()), ("oauth2", "jwt"));
    assert!(!other.associate_by_email && other.cookie.secure);
}

#[test]
fn hd_20_debug_shows_no_secret_of_a_provider() {
    let text = google("").replace("\"s\"", "\"TOP-SECRET\"");
    assert!(!format!("{:?}", read(&text).unwrap()).contains("TOP-SECRET"));
}
