//! Providers that answer as their own documentation says: one file a provider in `data/providers/`, whose form
//! `docs/adding-a-provider.md` tells.

use std::{collections::BTreeSet, path::Path, sync::Arc};

use reqwest_oauth::{
    AuthorizationRequest, CodeExchange, Credentials, OAuth2Token, OAuthClient, OAuthError, Profile, Provider,
    ProviderClient, VariableKind, providers,
};
use serde_json::{Value, json};

use crate::{
    keys::{self, ES256},
    support::{Canned, Sent, Server},
};

const NOW: i64 = 1_800_000_000;
const REDIRECT_URI: &str = "https://app.example.com/callback";

/// Those whose requests and answers were recorded from the original.
const RECORDED: [&str; 12] = [
    "discord",
    "facebook",
    "franceconnect",
    "github",
    "google",
    "kakao",
    "linkedin",
    "microsoft",
    "naver",
    "okta",
    "reddit",
    "shopify",
];

fn file(name: &str) -> Option<Value> {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/providers").join(format!("{name}.json"));
    let text = std::fs::read_to_string(path).ok()?;
    Some(serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}.json: {error}")))
}

/// A client on its way to a server of its own, with its discovery document and keys at hand.
async fn ready(provider: Arc<dyn Provider>, file: &Value) -> (Server, ProviderClient) {
    let server = Server::start().await;
    let data = provider.data();
    let credentials = if file["credentials"] == "apple" {
        Credentials::apple("TEAM", "KEY", &include_str!("../data/keys/issuer-es256.pem").into()).unwrap()
    } else {
        "CLIENT_SECRET".into()
    };
    let mut client =
        ProviderClient::of(provider, "CLIENT_ID", credentials).transport(server.transport()).clock(|| NOW);
    for (name, value) in file["variables"].as_object().into_iter().flatten() {
        client = client.variable(name, value.as_str().unwrap());
    }
    client.check().unwrap_or_else(|error| panic!("{}: {error}", data.name));
    let keys_url = data.id_token.map(|id_token| id_token.jwks_uri).or(file["discovery"]["jwks_uri"].as_str());
    if let Some((_, path)) = keys_url.and_then(|url| url.split_once("://")?.1.split_once('/')) {
        server.always_answers(&format!("/{path}"), keys::key_set(&[ES256]));
    }
    if data.configuration_endpoint.is_some() {
        server.will_answer([Canned::json(200, &file["discovery"])]);
        client.issuer().await.unwrap_or_else(|error| panic!("{}: {error}", data.name));
        server.requests();
    }
    (server, client)
}

/// Compares a request with what a file says of it; what the file leaves out is free.
fn assert_sent(sent: &Sent, expected: &Value, name: &str) {
    if let Some(method) = expected["method"].as_str() {
        assert_eq!(sent.method, method, "{name}");
    }
    if let Some(url) = expected["url"].as_str() {
        assert_eq!(sent.url, url, "{name}");
    }
    if let Some(body) = expected["body"].as_str() {
        assert_eq!(without_signatures(&sent.body), body, "{name}");
    }
    if expected["json_body"].is_object() {
        let body: Value = serde_json::from_str(&sent.body).unwrap();
        assert_eq!(body, expected["json_body"], "{name}");
    }
    for (header, value) in expected["headers"].as_object().into_iter().flatten() {
        assert_eq!(sent.header(header), value.as_str(), "{name}: {header}");
    }
}

/// A secret that the client signed itself is another one each time.
fn without_signatures(body: &str) -> String {
    match body.split_once("client_secret=ey") {
        Some((before, after)) => {
            let rest = after.find('&').map_or("", |at| &after[at..]);
            format!("{before}client_secret=<signed>{rest}")
        }
        None => body.to_owned(),
    }
}

async fn check_authorization_url(client: &ProviderClient, file: &Value, name: &str) {
    let request = AuthorizationRequest::new(REDIRECT_URI).state("STATE");
    let url = client.authorization_url(&request).await.unwrap();
    assert_eq!(url, file["authorization_url"].as_str().unwrap(), "{name}");
}

async fn check_access_token(server: &Server, client: &ProviderClient, case: &Value, name: &str) {
    server.will_answer([Canned::json(200, &case["answer"])]);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let callback: Vec<_> = match case["callback"].as_object() {
        Some(callback) => callback.iter().map(|(name, value)| (name.clone(), text(value))).collect(),
        None => Vec::new(),
    };
    let exchange = CodeExchange::new("CODE", REDIRECT_URI).callback(&callback);

    let token = client.access_token(&exchange).await.unwrap_or_else(|error| panic!("{name}: {error}"));

    assert_sent(&server.requests()[0], case, name);
    let token = serde_json::to_value(token).unwrap();
    let default = json!({"access_token": case["answer"]["access_token"]});
    let expected = if case["token"].is_null() { &default } else { &case["token"] };
    for (member, value) in expected.as_object().unwrap() {
        assert_eq!(&token[member], value, "{name}: {member}");
    }
}

async fn check_refresh(server: &Server, client: &ProviderClient, case: &Value, name: &str) {
    if case.is_null() {
        assert_eq!(
            client.refresh_token("REFRESH").await,
            Err(OAuthError::RefreshTokenNotSupported),
            "{name}"
        );
        return;
    }
    server.will_answer([Canned::json(200, &case["answer"])]);
    client.refresh_token("REFRESH").await.unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_sent(&server.requests()[0], case, name);
}

async fn check_revoke(server: &Server, client: &ProviderClient, case: &Value, name: &str) {
    if case.is_null() {
        assert_eq!(
            client.revoke_token("TOKEN", None).await,
            Err(OAuthError::RevokeTokenNotSupported),
            "{name}"
        );
        return;
    }
    server.will_answer([Canned::text(200, "")]);
    client.revoke_token("TOKEN", None).await.unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_sent(&server.requests()[0], case, name);
}

/// The token of a case: an access token, what else the file says, and an ID token of these claims.
fn token(client: &ProviderClient, case: &Value) -> OAuth2Token {
    let mut token = case["token"].clone();
    if token.is_null() {
        token = json!({});
    }
    token["access_token"] = json!("AT");
    if let Some(claims) = case["id_token_claims"].as_object() {
        let mut all = json!({"aud": "CLIENT_ID", "iat": NOW, "exp": NOW + 60});
        for (name, value) in claims {
            all[name] = value.clone();
        }
        let is_signed_with_secret = client.data().id_token.is_some_and(|data| data.is_signed_with_secret);
        let id_token = if is_signed_with_secret {
            keys::sign_with_secret("CLIENT_SECRET", &all)
        } else {
            ES256.sign(&all)
        };
        token["id_token"] = json!(id_token);
    }
    serde_json::from_value(token).unwrap()
}

async fn check_identity(server: &Server, client: &ProviderClient, case: &Value, name: &str) {
    let answers = case["answers"].as_array().into_iter().flatten();
    server.will_answer(answers.map(|answer| {
        Canned::json(u16::try_from(answer["status"].as_u64().unwrap()).unwrap(), &answer["body"])
    }));

    let result = client.identity(&token(client, case), None).await;

    match case["error"].as_str() {
        Some(error) => assert_eq!(result.unwrap_err().message(), error, "{name}"),
        None => {
            let identity = result.unwrap_or_else(|error| panic!("{name}: {error:?}"));
            let shown = json!({
                "id": identity.id,
                "email": identity.email,
                "email_verified": identity.email_verified,
                "name": identity.name,
                "picture": identity.picture,
                "locale": identity.locale,
            });
            assert_eq!(shown, case["identity"], "{name}");
        }
    }
    let sent = server.requests();
    let asked_for_keys = |sent: &&Sent| sent.header("accept").is_none_or(|accept| accept == "*/*");
    let sent: Vec<_> =
        sent.iter().filter(|sent| !(case["id_token_claims"].is_object() && asked_for_keys(sent))).collect();
    if let Some(requests) = case["requests"].as_array() {
        assert_eq!(sent.len(), requests.len(), "{name}: {sent:?}");
        for (sent, expected) in sent.iter().zip(requests) {
            assert_sent(sent, expected, name);
        }
    }
}

#[tokio::test]
async fn every_provider_is_asked_and_understood_as_its_documentation_says() {
    let mut asked = 0;
    for provider in providers::all() {
        let name = provider.data().name;
        let Some(file) = file(name) else {
            assert!(RECORDED.contains(&name), "tests/data/providers/{name}.json is missing");
            continue;
        };
        let (server, client) = ready(provider, &file).await;
        check_authorization_url(&client, &file, name).await;
        check_access_token(&server, &client, &file["access_token"], name).await;
        check_refresh(&server, &client, &file["refresh"], name).await;
        check_revoke(&server, &client, &file["revoke"], name).await;
        let identities = file["identities"].as_array().unwrap_or_else(|| panic!("{name}: no identities"));
        assert!(!identities.is_empty(), "{name}");
        for case in identities {
            check_identity(&server, &client, case, name).await;
        }
        asked += 1;
    }
    println!("{asked} providers by their documentation");
}

#[tokio::test]
async fn oa_23_no_broken_answer_of_any_provider_is_taken_for_a_login() {
    let answers = [
        (Canned::json(500, &json!({"error": "server_error"})), true),
        (Canned::text(503, "<html>down</html>"), true),
        (Canned::json(400, &json!({"error": "invalid_grant"})), false),
        (Canned::text(200, "<html>hello</html>"), false),
        (Canned::text(200, ""), false),
        (Canned::json(200, &json!([])), false),
        (Canned::json(200, &json!({})), false),
        (Canned::json(200, &json!({"access_token": null})), false),
        (Canned::json(200, &json!({"error": "invalid_grant", "error_description": "x"})), false),
        (Canned::Answer(302, vec![("location".into(), "https://evil.example".into())], String::new()), false),
    ];
    for provider in providers::all() {
        let name = provider.data().name;
        let file = file(name).unwrap_or_else(|| recorded_settings(name));
        let is_request = matches!(provider.data().profile, Profile::Request(_));
        let (server, client) = ready(provider, &file).await;
        for (answer, is_temporary) in &answers {
            server.will_answer([answer.clone()]);
            let error = client.access_token(&CodeExchange::new("CODE", REDIRECT_URI)).await.unwrap_err();
            assert!(matches!(error, OAuthError::GetAccessToken(_)), "{name} {answer:?}: {error:?}");
            assert_eq!(error.is_temporary(), *is_temporary, "{name} {answer:?}");

            if is_request {
                server.will_answer([answer.clone(), answer.clone()]);
                let error = client.identity(&OAuth2Token::new("AT"), None).await.unwrap_err();
                assert!(matches!(error, OAuthError::GetIdEmail(_)), "{name} {answer:?}: {error:?}");
            }
        }
    }
}

/// What a recorded provider needs to be asked at all.
fn recorded_settings(name: &str) -> Value {
    match name {
        "shopify" => json!({"variables": {"shop": "s"}}),
        "okta" => json!({"variables": {"okta_domain": "o.okta.com"}, "discovery": {
            "issuer": "https://o.okta.com",
            "authorization_endpoint": "https://o.okta.com/authorize",
            "token_endpoint": "https://o.okta.com/token",
            "userinfo_endpoint": "https://o.okta.com/userinfo",
            "jwks_uri": "https://o.okta.com/keys",
        }}),
        _ => json!({}),
    }
}

#[test]
fn every_provider_has_its_data_in_order() {
    let mut names = BTreeSet::new();
    for provider in providers::all() {
        let data = provider.data();
        let name = data.name;
        assert!(names.insert(name), "{name} is there twice");
        assert!(name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'), "{name}");
        assert!(data.documentation.starts_with("https://"), "{name}");
        assert!(data.color.len() == 7 && data.color.starts_with('#'), "{name}");
        assert!(!data.fields.id.is_empty(), "{name}");
        for variable in data.variables {
            let is_complete = variable.default.is_none_or(|value| !value.is_empty());
            assert!(is_complete || variable.kind == VariableKind::Text, "{name}: {}", variable.name);
        }
        let client = ProviderClient::of(Arc::clone(&provider), "id", "secret");
        assert!(
            client.logo().is_some_and(|logo| logo.starts_with("<svg") && logo.contains(data.color)),
            "{name}"
        );
        assert!(providers::client(name, "id", "secret").is_some());
    }
    assert!(names.len() >= 40);
}

#[test]
fn every_file_of_answers_belongs_to_a_provider() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/providers");
    let names: BTreeSet<_> = providers::all().iter().map(|provider| provider.data().name).collect();
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        let name = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        assert!(names.contains(name), "{} is of no provider", path.display());
    }
}
