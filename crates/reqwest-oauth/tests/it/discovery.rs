//! Discovery documents: read as the original reads them, lazily, and only from their own issuer.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use reqwest_oauth::{
    AuthorizationRequest, CodeExchange, FailureCause, OAuthClient, OAuthError, OpenId, OpenIdProvider,
    ProviderClient,
};
use serde_json::{Value, json};

use crate::support::{Canned, Server};

const CONFIGURATION: &str = "https://id.example.com/.well-known/openid-configuration";

fn document() -> Value {
    json!({
        "issuer": "https://id.example.com",
        "authorization_endpoint": "https://id.example.com/authorize",
        "token_endpoint": "https://id.example.com/token",
        "userinfo_endpoint": "https://id.example.com/userinfo",
        "revocation_endpoint": "https://id.example.com/revoke",
        "grant_types_supported": ["authorization_code", "refresh_token"],
    })
}

fn changed(changes: &Value) -> Value {
    let mut document = document();
    for (name, value) in changes.as_object().unwrap() {
        document[name] = value.clone();
    }
    document
}

fn client(server: &Server) -> ProviderClient<OpenIdProvider> {
    OpenId::new("CLIENT_ID", "CLIENT_SECRET", CONFIGURATION).transport(server.transport())
}

async fn url(client: &impl OAuthClient) -> Result<String, OAuthError> {
    client.authorization_url(&AuthorizationRequest::new("https://a/cb")).await
}

#[tokio::test]
async fn documents_are_read_as_the_original_reads_them() {
    let recorded: Value = serde_json::from_str(include_str!("../data/oauth-clients.json")).unwrap();
    let answer = Canned::json(200, &json!({"access_token": "AT"}));
    let mut read = 0;
    for (name, case) in recorded["openid_discovery"].as_object().unwrap() {
        let Some(expected) = case["returns"].as_object() else { continue };
        let server = Server::start().await;
        let client = client(&server);
        server.will_answer([
            Canned::json(200, &changed(&case["changes"])),
            answer.clone(),
            answer.clone(),
            answer.clone(),
        ]);

        let url = url(&client).await.unwrap();
        let sent = server.requests();
        assert_eq!((sent.len(), sent[0].url.as_str()), (1, CONFIGURATION), "{name}");
        assert_eq!(sent[0].header("accept"), Some("*/*"));
        assert!(url.starts_with(expected["authorize_endpoint"].as_str().unwrap()), "{name}: {url}");
        assert!(url.ends_with("&scope=openid+email"), "{name}: {url}");

        client.access_token(&CodeExchange::new("CODE", "https://a/cb")).await.unwrap();
        let is_basic = server.requests()[0].header("authorization").is_some();
        assert_eq!(is_basic, expected["token_endpoint_auth_method"] == "client_secret_basic", "{name}");
        let can_refresh = client.refresh_token("R").await != Err(OAuthError::RefreshTokenNotSupported);
        assert_eq!(can_refresh, !expected["refresh_token_endpoint"].is_null(), "{name}");
        let can_revoke = client.revoke_token("T", None).await != Err(OAuthError::RevokeTokenNotSupported);
        assert_eq!(can_revoke, !expected["revoke_token_endpoint"].is_null(), "{name}");
        read += 1;
    }
    assert_eq!(read, 7);
}

#[tokio::test]
async fn a_document_that_cannot_be_used_is_an_error_with_its_reason() {
    let missing = |name: &str| FailureCause::Missing(name.to_owned());
    let table = [
        (Canned::text(404, ""), FailureCause::Status),
        (Canned::Answer(302, vec![("location".into(), "/x".into())], String::new()), FailureCause::Status),
        (Canned::text(200, "hello"), FailureCause::InvalidJson),
        (Canned::json(200, &json!([])), missing("issuer")),
        (Canned::json(200, &changed(&json!({"issuer": null}))), missing("issuer")),
        (Canned::json(200, &changed(&json!({"token_endpoint": null}))), missing("token_endpoint")),
        (
            Canned::json(200, &changed(&json!({"authorization_endpoint": 7}))),
            missing("authorization_endpoint"),
        ),
        (
            Canned::json(200, &changed(&json!({"issuer": "https://accounts.google.com"}))),
            FailureCause::WrongIssuer,
        ),
        (
            Canned::json(200, &changed(&json!({"issuer": "https://id.example.com/x"}))),
            FailureCause::WrongIssuer,
        ),
    ];
    for (answer, cause) in table {
        let server = Server::start().await;
        let client = client(&server);
        server.will_answer([answer.clone()]);

        let error = url(&client).await.unwrap_err();

        assert!(matches!(error, OAuthError::OpenIdConfiguration(_)), "{answer:?}");
        assert_eq!(error.failure().unwrap().cause, cause, "{answer:?}");
    }
    let server = Server::start().await;
    server.will_answer([Canned::json(
        200,
        &changed(&json!({"token_endpoint_auth_methods_supported": ["tls_client_auth"]})),
    )]);
    let error = url(&client(&server)).await.unwrap_err();
    assert_eq!(error.message(), "Auth method tls_client_auth is not supported.");
}

#[tokio::test]
async fn oa_35_a_document_of_another_issuer_is_refused_at_every_operation() {
    let server = Server::start().await;
    let client = client(&server);
    let evil = Canned::json(200, &changed(&json!({"issuer": "https://evil.example"})));
    server.always_answers("/.well-known/openid-configuration", evil);

    let errors = [
        url(&client).await.map(drop).unwrap_err(),
        client.access_token(&CodeExchange::new("C", "https://a/cb")).await.map(drop).unwrap_err(),
        client.refresh_token("R").await.map(drop).unwrap_err(),
        client.id_email("T").await.map(drop).unwrap_err(),
        client.check_issuer(Some("https://evil.example")).await.unwrap_err(),
    ];

    assert!(errors.iter().all(|error| error.failure().unwrap().cause == FailureCause::WrongIssuer));
    let asked_elsewhere = server.requests().iter().any(|sent| sent.url != CONFIGURATION);
    assert!(!asked_elsewhere);
}

#[tokio::test]
async fn an_issuer_that_differs_on_purpose_can_be_told() {
    let server = Server::start().await;
    let issuer = "https://login.example.com/v2";
    server.always_answers(
        "/.well-known/openid-configuration",
        Canned::json(200, &changed(&json!({"issuer": issuer}))),
    );

    assert!(url(&client(&server)).await.is_err());
    assert!(url(&client(&server).issuer_url(issuer)).await.is_ok());
    assert!(url(&client(&server).issuer_url("https://other.example")).await.is_err());
}

#[tokio::test]
async fn a_provider_that_is_down_at_the_start_stops_nothing() {
    let server = Server::start().await;
    let client = client(&server);
    client.check().unwrap();
    server.will_answer([Canned::Hangup]);
    assert!(url(&client).await.unwrap_err().is_temporary());

    server.will_answer([Canned::json(200, &document())]);

    assert!(url(&client).await.is_ok());
}

#[tokio::test]
async fn a_document_is_fetched_once_an_hour_and_an_old_one_serves_while_the_provider_is_down() {
    let server = Server::start().await;
    let now = Arc::new(AtomicI64::new(1_000_000));
    let hand = Arc::clone(&now);
    let client = client(&server).clock(move || hand.load(Ordering::SeqCst));
    server.will_answer([Canned::json(200, &document())]);
    for _ in 0..5 {
        url(&client).await.unwrap();
    }
    assert_eq!(server.requests().len(), 1);

    now.fetch_add(3600, Ordering::SeqCst);
    server.will_answer([Canned::Hangup]);
    let old = url(&client).await.unwrap();
    assert!(old.starts_with("https://id.example.com/authorize?"), "{old}");

    let moved = changed(&json!({"authorization_endpoint": "https://id.example.com/v2/authorize"}));
    server.will_answer([Canned::json(200, &moved)]);
    let new = url(&client).await.unwrap();
    assert!(new.starts_with("https://id.example.com/v2/authorize?"), "{new}");
}

#[tokio::test]
async fn callers_that_come_together_share_one_fetch() {
    let server = Server::start().await;
    let client = Arc::new(client(&server));
    server.will_answer([Canned::json(200, &document())]);

    let callers: Vec<_> = (0..10)
        .map(|_| {
            let client = Arc::clone(&client);
            tokio::spawn(async move { url(&*client).await })
        })
        .collect();
    for caller in callers {
        assert!(caller.await.unwrap().is_ok());
    }

    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn oa_10_oa_11_the_callback_s_issuer_has_to_be_the_provider() {
    let ours = "https://id.example.com";
    for (promised, iss, is_right) in [
        (true, Some(ours), true),
        (true, Some("https://evil.example"), false),
        (true, Some("https://id.example.com/"), false),
        (true, Some(""), false),
        (true, None, false),
        (false, Some(ours), true),
        (false, Some("https://evil.example"), false),
        (false, None, true),
    ] {
        let server = Server::start().await;
        let promise = json!({"authorization_response_iss_parameter_supported": promised});
        server.will_answer([Canned::json(200, &changed(&promise))]);

        let result = client(&server).check_issuer(iss).await;

        let expected = if is_right { Ok(()) } else { Err(OAuthError::Issuer) };
        assert_eq!(result, expected, "{promised} {iss:?}");
    }
}

#[tokio::test]
async fn oa_12_a_nonce_is_sent_by_clients_that_check_it_and_by_no_others() {
    let server = Server::start().await;
    server.will_answer([Canned::json(200, &document())]);
    let client = client(&server);
    let request = AuthorizationRequest::new("https://a/cb").nonce("N");

    assert!(client.uses_nonce());
    assert!(client.authorization_url(&request).await.unwrap().ends_with("&nonce=N"));

    let github = reqwest_oauth::providers::GitHubOAuth2::new("C", "S");
    assert!(!github.uses_nonce());
    assert!(!github.authorization_url(&request).await.unwrap().contains("nonce"));
}

#[tokio::test]
async fn a_document_cannot_lead_the_browser_or_the_client_to_an_unsafe_place() {
    for endpoint in ["javascript:alert(1)", "http://id.example.com/authorize", "data:text/html,x"] {
        let server = Server::start().await;
        server.will_answer([Canned::json(200, &changed(&json!({"authorization_endpoint": endpoint})))]);

        assert!(matches!(url(&client(&server)).await, Err(OAuthError::Settings(_))), "{endpoint}");
    }
    let server = Server::start().await;
    let client = client(&server);
    server.will_answer([Canned::json(
        200,
        &changed(&json!({"token_endpoint": "http://id.example.com/token"})),
    )]);
    let error = client.access_token(&CodeExchange::new("C", "https://a/cb")).await.unwrap_err();
    assert_eq!(error.failure().unwrap().cause, FailureCause::InsecureUrl);
    assert_eq!(server.requests().len(), 1);
}
