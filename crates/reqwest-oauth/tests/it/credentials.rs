//! How clients prove themselves, and what they refuse to be set up with.

use jsonwebtoken::{DecodingKey, Validation, jwk::Jwk};
use reqwest_oauth::{
    AuthMethod, AuthorizationRequest, CodeExchange, Credentials, OAuth2, OAuth2Endpoints, OAuth2Provider,
    OAuthClient, OAuthError, OpenId, PrivateKey, ProviderClient, providers,
};
use serde_json::{Value, json};

use crate::{
    keys::{ES256, Key, RSA},
    support::{Canned, Sent, Server},
};

const NOW: i64 = 1_800_000_000;

fn endpoints() -> OAuth2Endpoints {
    OAuth2Endpoints {
        authorize_endpoint: "https://as.example.com/authorize".into(),
        access_token_endpoint: "https://as.example.com/token".into(),
        ..OAuth2Endpoints::default()
    }
}

fn oauth2(credentials: impl Into<Credentials>) -> ProviderClient<OAuth2Provider> {
    OAuth2::new("CLIENT_ID", credentials, endpoints()).unwrap()
}

async fn token_request(client: ProviderClient<OAuth2Provider>) -> Sent {
    let server = Server::start().await;
    server.will_answer([Canned::json(200, &json!({"access_token": "AT"}))]);
    let client = client.transport(server.transport()).clock(|| NOW);
    client.access_token(&CodeExchange::new("CODE", "https://a/cb")).await.unwrap();
    server.requests().remove(0)
}

fn member(body: &str, name: &str) -> Option<String> {
    url_members(body).into_iter().find(|(known, _)| known == name).map(|(_, value)| value)
}

fn url_members(body: &str) -> Vec<(String, String)> {
    reqwest_oauth::Url::parse(&format!("x:?{body}")).unwrap().query_pairs().into_owned().collect()
}

/// The header and claims of a token that `key` signed.
fn signed_by(key: Key, token: &str) -> (Value, Value) {
    let jwk: Jwk = serde_json::from_value(key.public()).unwrap();
    let mut validation = Validation::new(key.algorithm);
    validation.validate_exp = false;
    validation.validate_aud = false;
    let decoded =
        jsonwebtoken::decode::<Value>(token, &DecodingKey::from_jwk(&jwk).unwrap(), &validation).unwrap();
    (serde_json::to_value(decoded.header).unwrap(), decoded.claims)
}

#[tokio::test]
async fn special_characters_in_basic_authentication_are_encoded_or_sent_as_the_original_does() {
    let recorded: Value = serde_json::from_str(include_str!("../data/oauth-clients.json")).unwrap();
    let original = &recorded["errors"]["basic_auth_special_characters"][0]["headers"]["authorization"];
    let client =
        || OAuth2::new("id:é", "s%cret /+", endpoints()).unwrap().auth_method(AuthMethod::ClientSecretBasic);

    let verbatim = token_request(client().basic_auth_verbatim()).await;
    assert_eq!(verbatim.header("authorization"), original.as_str());
    let encoded = token_request(client()).await;
    assert_eq!(encoded.header("authorization"), Some("Basic aWQlM0ElQzMlQTk6cyUyNWNyZXQlMjAlMkYlMkI="));
}

#[tokio::test]
async fn a_private_key_signs_an_assertion_for_the_token_endpoint() {
    let pem = include_str!("../data/keys/issuer-rsa.pem").into();
    let key = PrivateKey::from_pem("RS256", Some("key-7"), &pem).unwrap();

    let sent = token_request(oauth2(key)).await;

    let kind = member(&sent.body, "client_assertion_type");
    assert_eq!(kind.as_deref(), Some("urn:ietf:params:oauth:client-assertion-type:jwt-bearer"));
    assert_eq!(member(&sent.body, "client_id").as_deref(), Some("CLIENT_ID"));
    assert_eq!(member(&sent.body, "client_secret"), None);
    assert_eq!(sent.header("authorization"), None);
    let (header, claims) = signed_by(RSA, &member(&sent.body, "client_assertion").unwrap());
    assert_eq!((&header["kid"], &header["alg"]), (&json!("key-7"), &json!("RS256")));
    assert_eq!((&claims["iss"], &claims["sub"]), (&json!("CLIENT_ID"), &json!("CLIENT_ID")));
    assert_eq!(claims["aud"], "https://as.example.com/token");
    assert_eq!((&claims["iat"], &claims["exp"]), (&json!(NOW), &json!(NOW + 120)));
    assert_eq!(claims["jti"].as_str().map(str::len), Some(43));
}

#[tokio::test]
async fn no_two_assertions_have_the_same_id() {
    let pem = include_str!("../data/keys/issuer-es256.pem").into();
    let key = PrivateKey::from_pem("ES256", None, &pem).unwrap();
    let mut ids = Vec::new();
    for _ in 0..2 {
        let sent = token_request(oauth2(key.clone())).await;
        ids.push(signed_by(ES256, &member(&sent.body, "client_assertion").unwrap()).1["jti"].clone());
    }

    assert_ne!(ids[0], ids[1]);
}

#[tokio::test]
async fn apple_s_secret_is_a_token_that_the_client_signs() {
    let pem = include_str!("../data/keys/issuer-es256.pem").into();

    let sent = token_request(oauth2(Credentials::apple("TEAM123456", "KEY1234567", &pem).unwrap())).await;

    let (header, claims) = signed_by(ES256, &member(&sent.body, "client_secret").unwrap());
    assert_eq!((&header["kid"], &header["alg"]), (&json!("KEY1234567"), &json!("ES256")));
    assert_eq!((&claims["iss"], &claims["sub"]), (&json!("TEAM123456"), &json!("CLIENT_ID")));
    assert_eq!(claims["aud"], "https://appleid.apple.com");
    assert_eq!(claims["exp"], NOW + 120);
}

#[tokio::test]
async fn a_public_client_sends_its_id_alone() {
    let sent = token_request(oauth2(Credentials::None)).await;

    assert!(sent.body.ends_with("&client_id=CLIENT_ID"), "{}", sent.body);
    assert_eq!(sent.header("authorization"), None);
}

#[test]
fn a_private_key_that_does_not_fit_is_refused_without_being_shown() {
    let rsa = include_str!("../data/keys/issuer-rsa.pem");
    for (algorithm, pem) in
        [("ES256", rsa), ("RS256", "no key"), ("HS256", rsa), ("RS257", rsa), ("none", rsa)]
    {
        let error = PrivateKey::from_pem(algorithm, None, &pem.into()).unwrap_err();

        assert!(matches!(error, OAuthError::Settings(_)), "{algorithm}");
        assert!(!error.message().contains("PRIVATE"), "{error}");
    }
}

#[test]
fn settings_that_cannot_work_are_told_by_name_before_the_first_request() {
    let shopify = |shop: &str| providers::ShopifyOAuth2::new("C", "S", shop);
    let openid = |url: &str| OpenId::new("C", "S", url);
    let public = Credentials::None;
    let table = [
        (shopify("evil.example/").check(), "shopify: `shop` is no host name"),
        (shopify("a?b").check(), "shopify: `shop` is no host name"),
        (shopify("").check(), "shopify: `shop` is no host name"),
        (shopify("s").variable("tenant", "x").check(), "shopify: `tenant` is not known"),
        (providers::client("okta", "C", "S").unwrap().check(), "okta: `okta_domain` is missing"),
        (providers::DiscordOAuth2::new("", "S").check(), "discord: the client id is empty"),
        (
            openid("http://id.example.com/").check(),
            "openid: http://id.example.com/ is neither https nor on this machine",
        ),
        (openid("id.example.com").name("corp").check(), "corp: id.example.com is no URL"),
        (
            providers::GitHubOAuth2::enterprise("C", "S", "ftp://ghe").check(),
            "github: ftp://ghe/api/v3 is neither https nor on this machine",
        ),
        (
            oauth2(public).auth_method(AuthMethod::ClientSecretPost).check(),
            "Auth method client_secret_post is not supported.",
        ),
        (
            oauth2("secret").auth_method(AuthMethod::PrivateKeyJwt).check(),
            "Auth method private_key_jwt is not supported.",
        ),
    ];
    for (result, message) in table {
        assert_eq!(result.unwrap_err().message(), message);
    }
}

#[tokio::test]
async fn a_variable_cannot_lead_out_of_its_place_in_the_url() {
    let client = providers::MicrosoftGraphOAuth2::new("C", "S").tenant("../evil?x=#@");

    let url = client.authorization_url(&AuthorizationRequest::new("https://a/cb")).await.unwrap();

    assert!(url.starts_with("https://login.microsoftonline.com/..%2Fevil%3Fx%3D%23%40/oauth2/"), "{url}");
}

#[tokio::test]
async fn a_base_url_moves_every_address_of_a_provider() {
    let server = Server::start().await;
    let client = providers::GitHubOAuth2::new("C", "S").base_url(format!("{}/ghe/", server.url));
    let url = client.authorization_url(&AuthorizationRequest::new("https://a/cb")).await.unwrap();
    assert!(url.starts_with(&format!("{}/ghe/login/oauth/authorize?", server.url)), "{url}");
    server.will_answer([
        Canned::json(200, &json!({"id": 1, "email": null})),
        Canned::json(200, &json!([{"email": "a@x"}])),
    ]);

    client.id_email("T").await.unwrap();

    let urls: Vec<_> = server.requests().into_iter().map(|sent| sent.url).collect();
    assert_eq!(urls, [format!("{}/ghe/user", server.url), format!("{}/ghe/user/emails", server.url)]);
}

#[tokio::test]
async fn a_github_enterprise_server_has_its_api_in_a_folder() {
    let server = Server::start().await;
    let client = providers::GitHubOAuth2::enterprise("C", "S", &server.url);
    server.will_answer([Canned::json(200, &json!({"id": 1, "email": "a@x"}))]);

    client.id_email("T").await.unwrap();

    assert_eq!(server.requests()[0].url, format!("{}/api/v3/user", server.url));
}

#[tokio::test]
async fn typed_options_become_parameters() {
    let options = providers::GoogleAuthorizeOptions {
        access_type: Some("offline".into()),
        include_granted_scopes: Some(true),
        ..providers::GoogleAuthorizeOptions::default()
    };
    let client = providers::GoogleOAuth2::new("C", "S").scopes(["a"]).authorize_options(options);
    let extras = [("access_type".to_owned(), "online".to_owned())];

    let bare = AuthorizationRequest::new("https://a/cb");
    let own = client.authorization_url(&bare).await.unwrap();
    let overridden = client.authorization_url(&bare.extras(&extras)).await.unwrap();

    assert!(own.ends_with("&scope=a&access_type=offline&include_granted_scopes=true"), "{own}");
    assert!(overridden.ends_with("&scope=a&access_type=online&include_granted_scopes=true"), "{overridden}");
}
