//! The provider's own tokens: encrypted at rest, and fresh on demand.

use std::sync::Arc;

use axum_users::{ExposeSecret, OAuthOptions, OAuthTokenError, User};
use serde_json::Value as Json;

use super::{
    flow::{app_of, offer},
    provider::{Fault, Person, Provider},
};
use crate::support::{App, SECRET};

const KEY: &str = "a-key-for-provider-tokens-of-32-bytes";

fn alice() -> Person {
    Person::new("1", "alice@example.com")
}

async fn log_in(app: &App, provider: &Provider) -> User {
    app.token_by(provider, &alice()).await;
    app.users.get_by_email("alice@example.com").await.unwrap().unwrap()
}

/// The account's tokens as the database has them.
async fn at_rest(app: &App, user: &User) -> (String, Option<String>) {
    let accounts = app.users.database().oauth_accounts(&user.id).await.unwrap();
    (accounts[0].access_token.clone(), accounts[0].refresh_token.clone())
}

async fn fresh(app: &App, user: &User) -> String {
    app.users.oauth_access_token(user, "corp").await.unwrap().expose_secret().to_owned()
}

#[tokio::test]
async fn oa_32_provider_tokens_are_encrypted_at_rest_by_a_setting() {
    let provider = Provider::start().await;
    let app = App::with(|builder| {
        offer(builder, &provider, OAuthOptions::backend("jwt"))
            .encrypt_oauth_tokens(KEY)
            .oauth_accounts_in_user()
    });
    let user = log_in(&app, &provider).await;

    let (access_token, refresh_token) = at_rest(&app, &user).await;
    for (stored, token) in [(access_token, "access-2"), (refresh_token.unwrap(), "refresh-2")] {
        assert!(stored.starts_with("axum-users:1:"), "{stored}");
        assert!(!stored.contains(token), "{stored}");
    }

    let accounts = app.users.oauth_accounts(&user).await.unwrap();
    assert_eq!(accounts[0].access_token, "access-2", "the application reads them");
    assert_eq!(accounts[0].refresh_token.as_deref(), Some("refresh-2"));
    let token = app.token_by(&provider, &alice()).await;
    assert_eq!(app.me(&token).await["oauth_accounts"][0]["access_token"], "access-4");
    provider.clock().advance_seconds(3600);
    assert_eq!(fresh(&app, &user).await, "access-5");
    assert!(at_rest(&app, &user).await.0.starts_with("axum-users:1:"), "also after a renewal");
}

#[tokio::test]
async fn provider_tokens_are_in_clear_without_the_setting_as_python_wants_them() {
    let provider = Provider::start().await;
    let app = app_of(&provider);
    let user = log_in(&app, &provider).await;
    assert_eq!(at_rest(&app, &user).await, ("access-2".into(), Some("refresh-2".into())));
}

#[tokio::test]
async fn a_token_that_is_good_is_given_and_the_provider_not_asked() {
    let provider = Provider::start().await;
    let app = app_of(&provider);
    let user = log_in(&app, &provider).await;
    provider.requests("/token");
    provider.clock().advance_seconds(3539);

    assert_eq!(fresh(&app, &user).await, "access-2");
    assert_eq!(provider.requests("/token").len(), 0);

    provider.clock().advance_seconds(1);
    assert_eq!(fresh(&app, &user).await, "access-3", "what ends within a minute is renewed");
    let [request] = &provider.requests("/token")[..] else { panic!("one request") };
    assert_eq!(request.field("grant_type"), "refresh_token");
    assert_eq!(request.field("refresh_token"), "refresh-2");
    assert_eq!(at_rest(&app, &user).await, ("access-3".into(), Some("refresh-3".into())));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn ten_who_ask_at_the_same_time_renew_a_token_once() {
    let provider = Provider::start().await;
    let app = Arc::new(app_of(&provider));
    let user = log_in(&app, &provider).await;
    provider.requests("/token");
    provider.clock().advance_seconds(3600);

    let callers: Vec<_> = (0..10)
        .map(|_| {
            let (app, user) = (Arc::clone(&app), user.clone());
            tokio::spawn(async move { fresh(&app, &user).await })
        })
        .collect();
    for caller in callers {
        assert_eq!(caller.await.unwrap(), "access-3");
    }
    assert_eq!(provider.requests("/token").len(), 1);
}

#[tokio::test]
async fn a_provider_that_sends_no_new_refresh_token_keeps_the_old_one_good() {
    let provider = Provider::start().await;
    let app = app_of(&provider);
    let user = log_in(&app, &provider).await;
    provider.script(|script| script.token_answer = vec![("refresh_token", Json::Null)]);
    provider.clock().advance_seconds(3600);
    assert_eq!(fresh(&app, &user).await, "access-3");
    assert_eq!(at_rest(&app, &user).await.1.as_deref(), Some("refresh-2"));
}

#[tokio::test]
async fn why_there_is_no_token_is_said() {
    let provider = Provider::start().await;
    let app = app_of(&provider);
    let user = log_in(&app, &provider).await;
    let bob = app.has("bob@example.com").await;
    let error = |user: User, name: &'static str| {
        let users = app.users.clone();
        async move { users.oauth_access_token(&user, name).await.map(drop).unwrap_err() }
    };
    assert!(matches!(error(user.clone(), "nobody").await, OAuthTokenError::UnknownProvider));
    assert!(matches!(error(bob, "corp").await, OAuthTokenError::NotLinked));

    provider.clock().advance_seconds(3600);
    provider.breaks("/token", Fault::Answer(400, r#"{"error": "invalid_grant"}"#));
    assert!(matches!(error(user.clone(), "corp").await, OAuthTokenError::Provider(_)));
    provider.script(|script| script.faults.clear());
    assert_eq!(fresh(&app, &user).await, "access-3", "a failure spoils nothing");

    provider.script(|script| script.token_answer = vec![("refresh_token", Json::Null)]);
    app.token_by(&provider, &alice()).await;
    provider.clock().advance_seconds(3600);
    assert!(matches!(error(user, "corp").await, OAuthTokenError::Expired));
}

#[tokio::test]
async fn a_token_without_an_end_is_given_as_it_is() {
    let provider = Provider::start().await;
    let app = app_of(&provider);
    provider.script(|script| script.token_answer = vec![("expires_in", Json::Null)]);
    let user = log_in(&app, &provider).await;
    provider.clock().advance_seconds(1_000_000);
    assert_eq!(fresh(&app, &user).await, "access-2");
}

#[tokio::test]
async fn debug_shows_no_provider_token_and_no_key() {
    let provider = Provider::start().await;
    let app = App::with(|builder| {
        offer(builder, &provider, OAuthOptions::backend("jwt")).encrypt_oauth_tokens(KEY)
    });
    let user = log_in(&app, &provider).await;
    let shown = format!("{:?} {:?}", app.users, app.users.oauth_accounts(&user).await.unwrap());
    for secret in ["access-2", "refresh-2", KEY, SECRET, super::provider::CLIENT_SECRET] {
        assert!(!shown.contains(secret), "{shown}");
    }
}
