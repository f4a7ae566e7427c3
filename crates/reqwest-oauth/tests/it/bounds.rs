//! Providers that are slow, huge, broken or lying: a clean error in bounded time and memory.

use std::{sync::Arc, time::Duration};

use reqwest_oauth::{
    BoxedClient, CodeExchange, FailureCause, HttpError, HttpRequest, HttpResponse, HttpTransport, OAuth2,
    OAuth2Endpoints, OAuth2Provider, OAuthClient, OAuthError, OpenId, ProviderClient, ReqwestTransport,
};
use serde_json::json;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::support::{Canned, Server};

fn client(url: &str) -> ProviderClient<OAuth2Provider> {
    let endpoints = OAuth2Endpoints {
        authorize_endpoint: format!("{url}/authorize"),
        access_token_endpoint: format!("{url}/token"),
        refresh_token_endpoint: Some(format!("{url}/token")),
        profile_endpoint: Some(format!("{url}/me")),
        ..OAuth2Endpoints::default()
    };
    OAuth2::new("CLIENT_ID", "CLIENT_SECRET", endpoints).unwrap()
}

async fn failure(client: &impl OAuthClient) -> FailureCause {
    let error = client.access_token(&CodeExchange::new("CODE", "https://a/cb")).await.unwrap_err();
    error.failure().unwrap_or_else(|| panic!("{error:?}")).cause.clone()
}

#[tokio::test]
async fn oa_25_an_answer_that_trickles_is_given_up_at_the_deadline_and_others_go_on() {
    let slow = Server::start().await;
    slow.will_answer([Canned::Trickle]);
    let quick = Server::start().await;
    quick.will_answer([Canned::json(200, &json!({"access_token": "AT"}))]);
    let patience = client(&slow.url).deadline(Duration::from_millis(300));
    let exchange = CodeExchange::new("CODE", "https://a/cb");
    let quick = client(&quick.url);

    let (slow, quick) = tokio::join!(patience.access_token(&exchange), quick.access_token(&exchange));

    assert!(quick.is_ok());
    let error = slow.unwrap_err();
    assert_eq!(error.failure().unwrap().cause, FailureCause::Timeout);
    assert!(error.is_temporary());
    assert_eq!(error.message(), "timed out");
}

#[tokio::test]
async fn oa_26_an_answer_without_end_is_cut_off() {
    let server = Server::start().await;
    server.will_answer([Canned::Endless]);

    assert_eq!(failure(&client(&server.url)).await, FailureCause::TooLarge);
}

#[tokio::test]
async fn the_limit_is_the_last_size_that_is_read() {
    let server = Server::start().await;
    let body = json!({"access_token": "x".repeat(100)}).to_string();
    let client = client(&server.url).body_limit(body.len());
    let exchange = CodeExchange::new("CODE", "https://a/cb");

    server.will_answer([Canned::text(200, &body)]);
    assert!(client.access_token(&exchange).await.is_ok());
    server.will_answer([Canned::text(200, &format!("{body} "))]);
    assert_eq!(failure(&client).await, FailureCause::TooLarge);
}

#[tokio::test]
async fn oa_27_a_redirect_carries_neither_code_nor_secret_on() {
    let elsewhere = Server::start().await;
    elsewhere.always_answers("/token", Canned::json(200, &json!({"access_token": "STOLEN"})));
    for status in [301, 302, 303, 307, 308] {
        let server = Server::start().await;
        let location = ("location".to_owned(), format!("{}/token", elsewhere.url));
        server.will_answer([Canned::Answer(status, vec![location], String::new())]);

        assert_eq!(failure(&client(&server.url)).await, FailureCause::Status, "{status}");
    }
    assert!(elsewhere.requests().is_empty());
}

#[tokio::test]
async fn oa_07_a_code_that_was_used_is_an_error_with_the_provider_s_reason() {
    let server = Server::start().await;
    let answer = json!({"error": "invalid_grant", "error_description": "Code was already redeemed."});
    server.will_answer([Canned::json(400, &answer)]);

    let error = client(&server.url).access_token(&CodeExchange::new("C", "https://a/cb")).await.unwrap_err();

    let failure = error.failure().unwrap();
    assert_eq!((error.status(), failure.error.as_deref()), (Some(400), Some("invalid_grant")));
    assert_eq!(failure.error_description.as_deref(), Some("Code was already redeemed."));
    assert!(!error.is_temporary());
}

#[tokio::test]
async fn oa_42_http_beyond_this_machine_is_refused_unless_allowed() {
    let client = client("http://id.example.com");
    assert!(matches!(client.check(), Err(OAuthError::Settings(_))));
    assert_eq!(failure(&client).await, FailureCause::InsecureUrl);

    let server = Server::start().await;
    server.will_answer([Canned::json(200, &json!({"access_token": "AT"}))]);
    let allowed = client.allow_http_danger().transport(server.transport());
    allowed.check().unwrap();
    assert!(allowed.access_token(&CodeExchange::new("CODE", "https://a/cb")).await.is_ok());
}

#[tokio::test]
async fn oa_42_a_certificate_that_nobody_signed_is_refused() {
    let url = https_server().await;

    let FailureCause::Connection(reason) = failure(&client(&url)).await else {
        panic!("no connection error")
    };

    assert!(reason.to_lowercase().contains("certificate"), "{reason}");
}

/// A server with a certificate of its own making. It answers every request with a token.
async fn https_server() -> String {
    use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
    let certificate = CertificateDer::from_pem_slice(include_bytes!("../data/keys/localhost.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("../data/keys/localhost.key")).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let _ = acceptor.accept(stream).await;
        }
    });
    url
}

#[tokio::test]
async fn oa_43_a_guard_refuses_addresses_that_a_document_names() {
    let server = Server::start().await;
    let document = json!({
        "issuer": "https://id.example.com",
        "authorization_endpoint": "https://id.example.com/authorize",
        "token_endpoint": "https://169.254.169.254/latest/meta-data",
        "userinfo_endpoint": "https://10.0.0.1/userinfo",
        "jwks_uri": "https://192.168.0.1/jwks",
    });
    server.will_answer([Canned::json(200, &document)]);
    let client = OpenId::new("C", "S", "https://id.example.com/.well-known/openid-configuration")
        .transport(server.transport())
        .url_guard(|url| url.host_str() == Some("id.example.com"));

    assert_eq!(failure(&client).await, FailureCause::ForbiddenUrl);
    let error = client.id_email("T").await.unwrap_err();
    assert_eq!(error.failure().unwrap().cause, FailureCause::ForbiddenUrl);
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn nobody_listening_is_a_connection_error_without_secrets() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();

    let error = client(&format!("http://{free}"))
        .access_token(&CodeExchange::new("THE-CODE", "https://a/cb"))
        .await
        .unwrap_err();

    assert!(matches!(error.failure().unwrap().cause, FailureCause::Connection(_)));
    let shown = format!("{error} {error:?}");
    assert!(!shown.contains("THE-CODE") && !shown.contains("CLIENT_SECRET"), "{shown}");
}

#[tokio::test]
async fn an_access_token_that_no_header_can_hold_is_an_error() {
    let error = client("https://127.0.0.1:1").id_email("a\r\nx-evil: 1").await.unwrap_err();

    assert!(matches!(error, OAuthError::GetIdEmail(_)), "{error:?}");
}

/// A transport of an application's own, without a network.
struct Fake;

impl HttpTransport for Fake {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        match request.url.path() {
            "/me" => Ok(HttpResponse { status: 200, body: r#"{"sub": "1"}"#.into() }),
            _ => Err(HttpError::Connection("no route".into())),
        }
    }
}

#[tokio::test]
async fn the_transport_can_be_replaced() {
    let client = BoxedClient::new(client("https://id.example.com").transport(Fake));

    assert_eq!(client.id_email("T").await, Ok(("1".to_owned(), None)));
    assert_eq!(failure(&client).await, FailureCause::Connection("no route".to_owned()));
}

#[tokio::test]
async fn a_reqwest_client_of_one_s_own_can_be_used() {
    let server = Server::start().await;
    server.will_answer([Canned::json(200, &json!({"sub": "1"}))]);
    let reqwest = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();

    let client = client(&server.url).transport(ReqwestTransport::from_client(reqwest)).user_agent("my-app/1");

    assert!(client.id_email("T").await.is_ok());
    assert_eq!(server.requests()[0].header("user-agent"), Some("my-app/1"));
}
