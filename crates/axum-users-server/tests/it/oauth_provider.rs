//! Logging in by a certified OpenID Provider: its own pages, forms, tokens and keys.

mod application;
pub(crate) mod certified;
mod visitor;

use axum_users::reqwest_oauth::{FailureCause, OAuthClient, OAuthError, OpenId};
use axum_users::{ExposeSecret, OAuthOptions, OAuthTokenError, User};
use serde_json::json;
use url::Url;

use application::{Application, client};
use certified::Certified;
use visitor::Answer;

async fn start(options: impl Fn(OAuthOptions<User>) -> OAuthOptions<User>) -> (Application, Certified) {
    start_with(&[], options).await
}

async fn start_with(
    flags: &[&str],
    options: impl Fn(OAuthOptions<User>) -> OAuthOptions<User>,
) -> (Application, Certified) {
    let (listener, callbacks) = Application::place().await;
    let provider = Certified::start_with(&callbacks, flags);
    (Application::serve(listener, &provider, options), provider)
}

fn parameter(url: &Url, name: &str) -> Option<String> {
    url.query_pairs().find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
}

#[tokio::test]
async fn clients_with_basic_and_with_post_authentication_log_in_with_pkce_and_nonce() {
    let (application, provider) = start(OAuthOptions::verified_by_default).await;
    for (name, login) in [("basic", "alice@example.com"), ("post", "bob")] {
        let begun = application.get(&format!("/auth/{name}/authorize"), "").await.json();
        let page = Url::parse(begun["authorization_url"].as_str().unwrap()).unwrap();
        assert_eq!(parameter(&page, "code_challenge_method").as_deref(), Some("S256"), "{name}");
        assert_eq!(parameter(&page, "nonce").map(|nonce| nonce.len()), Some(43), "{name}");

        let user = application.log_in(name, login).await;
        let email = if login == "bob" { "bob@users.example.com" } else { login };
        assert_eq!((&user["email"], &user["is_verified"]), (&json!(email), &json!(true)), "{name}");
        assert_eq!(application.log_in(name, login).await["id"], user["id"], "{name}: {}", provider.log());
    }
}

#[tokio::test]
async fn a_denied_consent_is_told_in_the_provider_s_word() {
    let (application, provider) = start(|options| options).await;
    let (answer, back) = application.visit("basic", "alice@example.com", Answer::Deny).await;
    assert_eq!(parameter(&back, "iss"), Some(provider.issuer.clone()), "RFC 9207");
    assert_eq!((answer.status, answer.json()), (400, json!({ "detail": "access_denied" })));
}

#[tokio::test]
async fn an_account_without_an_address_and_one_with_an_unverified_address_are_told_apart() {
    let (application, _provider) = start(|options| options.associate_by_email().verified_by_default()).await;
    let (answer, _) = application.visit("basic", "noemail-1", Answer::Agree).await;
    assert_eq!((answer.status, &answer.json()["detail"]), (400, &json!("OAUTH_NOT_AVAILABLE_EMAIL")));

    let user = application.log_in("basic", "unverified-1").await;
    assert_eq!(
        (&user["email"], &user["is_verified"]),
        (&json!("unverified-1@users.example.com"), &json!(false)),
        "oa_18"
    );

    application.has("unverified-2@users.example.com").await;
    let (answer, _) = application.visit("basic", "unverified-2", Answer::Agree).await;
    assert_eq!(
        (answer.status, &answer.json()["detail"]),
        (400, &json!("OAUTH_USER_ALREADY_EXISTS")),
        "oa_16"
    );
}

#[tokio::test]
async fn a_provider_that_changed_its_key_is_believed_and_nobody_waits() {
    let (application, provider) = start(|options| options).await;
    let user = application.log_in("post", "alice@example.com").await;
    let key = provider.key.clone();

    let provider = provider.restart();

    assert_ne!(provider.key, key);
    assert_eq!(application.log_in("post", "alice@example.com").await, user, "{}", provider.log());
}

#[tokio::test]
async fn a_token_is_renewed_on_demand_and_dies_when_it_is_revoked() {
    // Tokens that end within the minute are renewed whenever they are asked for.
    let (application, provider) = start_with(&["--access-ttl", "50"], |options| options).await;
    let user = application.log_in("basic", "alice@example.com").await;
    let users = &application.users;
    let user = users.get(&user["id"].as_str().unwrap().parse().unwrap()).await.unwrap().unwrap();
    let first = users.oauth_accounts(&user).await.unwrap().remove(0);
    assert!(first.refresh_token.is_some(), "{}", provider.log());

    let fresh = users.oauth_access_token(&user, "basic").await.unwrap();
    let second = users.oauth_accounts(&user).await.unwrap().remove(0);
    assert_eq!(second.access_token, fresh.expose_secret());
    assert_ne!(second.access_token, first.access_token);
    assert_ne!(second.refresh_token, first.refresh_token, "the provider rotates them");

    let client = client("basic", &provider);
    let profile = client.profile(fresh.expose_secret()).await.unwrap();
    assert_eq!(profile["email"], "alice@example.com");
    client.revoke_token(fresh.expose_secret(), Some("access_token")).await.unwrap();
    let refused = client.profile(fresh.expose_secret()).await.unwrap_err();
    assert_eq!(refused.status(), Some(401), "{refused}");

    let refresh_token = second.refresh_token.unwrap();
    client.revoke_token(&refresh_token, Some("refresh_token")).await.unwrap();
    let Err(OAuthTokenError::Provider(error)) = users.oauth_access_token(&user, "basic").await else {
        panic!("a revoked token was renewed")
    };
    assert!(matches!(error, OAuthError::RefreshToken(_)), "{error}");
    let failure = error.failure().unwrap();
    assert_eq!((&failure.cause, failure.error.as_deref()), (&FailureCause::Status, Some("invalid_grant")));
}

#[tokio::test]
async fn a_client_with_a_wrong_secret_is_told_so() {
    let provider = Certified::start(&["http://127.0.0.1:1/callback".to_owned()]);
    let wrong = OpenId::new("basic-client", "wrong", provider.discovery());
    let error = wrong.refresh_token("whatever").await.unwrap_err();
    assert_eq!(error.failure().unwrap().error.as_deref(), Some("invalid_client"));
}
