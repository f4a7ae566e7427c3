//! Callbacks that run at the same time.

use std::sync::Arc;

use axum_users::OAuthOptions;

use super::{
    flow::{app_of, app_with, set},
    provider::{Person, Provider},
};
use crate::support::App;

/// Ends flows of the same account at the same time, each with a code and a browser of its own.
async fn at_once(app: &Arc<App>, provider: &Provider, person: &Person, count: usize) -> Vec<(u16, String)> {
    let mut flows = Vec::new();
    for _ in 0..count {
        let flow = app.begin("/auth/corp/authorize").await;
        let parameters = provider.consent(&flow, person);
        flows.push((flow, parameters));
    }
    let callbacks: Vec<_> = flows
        .into_iter()
        .map(|(flow, parameters)| {
            let app = Arc::clone(app);
            tokio::spawn(async move { app.come_to_login(&flow, &parameters).await })
        })
        .collect();
    let mut answers = Vec::new();
    for callback in callbacks {
        let answer = callback.await.unwrap();
        answers.push((answer.status.as_u16(), answer.body));
    }
    answers
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn oa_33_ten_parallel_callbacks_of_a_new_account_make_one_user() {
    let provider = Provider::start().await;
    let app = Arc::new(app_of(&provider));
    let alice = Person::new("1", "alice@example.com");

    let answers = at_once(&app, &provider, &alice, 10).await;

    for (status, body) in &answers {
        assert_eq!(*status, 200, "{body}");
    }
    let registered = app.events.take().iter().filter(|line| line.starts_with("on_after_register")).count();
    assert_eq!(registered, 1);
    let token = app.token_by(&provider, &alice).await;
    assert_eq!(app.me(&token).await["email"], "alice@example.com", "the account is usable after");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn oa_33_ten_parallel_callbacks_link_one_account_by_e_mail() {
    let provider = Provider::start().await;
    let app = Arc::new(app_with(&provider, OAuthOptions::associate_by_email));
    let user = app.has("alice@example.com").await;

    let answers = at_once(&app, &provider, &Person::new("1", "alice@example.com"), 10).await;

    for (status, body) in &answers {
        assert_eq!(*status, 200, "{body}");
    }
    assert_eq!(app.users.oauth_accounts(&user).await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn oa_33_two_accounts_of_one_new_address_make_one_user() {
    let provider = Provider::start().await;
    let app = Arc::new(app_of(&provider));
    let mut callbacks = Vec::new();
    for sub in ["1", "2"] {
        let flow = app.begin("/auth/corp/authorize").await;
        let parameters = provider.consent(&flow, &Person::new(sub, "alice@example.com"));
        let app = Arc::clone(&app);
        callbacks.push(tokio::spawn(async move { app.come_to_login(&flow, &parameters).await }));
    }
    let mut statuses = Vec::new();
    for callback in callbacks {
        statuses.push(callback.await.unwrap().status.as_u16());
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 400], "the other is told that the address is taken");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn oa_34_of_eight_parallel_callbacks_with_one_code_one_logs_in() {
    let provider = Provider::start().await;
    let app = Arc::new(app_of(&provider));
    let first = app.begin("/auth/corp/authorize").await;
    let parameters = provider.consent(&first, &Person::new("1", "alice@example.com"));

    let callbacks: Vec<_> = (0..8)
        .map(|_| {
            let (app, flow, parameters) = (Arc::clone(&app), first.clone(), parameters.clone());
            tokio::spawn(async move { app.come_to_login(&flow, &parameters).await })
        })
        .collect();
    let mut statuses = Vec::new();
    for callback in callbacks {
        statuses.push(callback.await.unwrap().status.as_u16());
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 400, 400, 400, 400, 400, 400, 400]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn oa_34_one_code_in_eight_flows_is_good_in_its_own_at_most() {
    let provider = Provider::start().await;
    let app = Arc::new(app_of(&provider));
    let own = app.begin("/auth/corp/authorize").await;
    let parameters = provider.consent(&own, &Person::new("1", "alice@example.com"));
    let mut flows = vec![own];
    for _ in 0..7 {
        flows.push(app.begin("/auth/corp/authorize").await);
    }
    let callbacks: Vec<_> = flows
        .into_iter()
        .map(|flow| {
            let parameters = set(parameters.clone(), "state", Some(&flow.parameter("state")));
            let app = Arc::clone(&app);
            tokio::spawn(async move { app.come_to_login(&flow, &parameters).await })
        })
        .collect();
    let mut logins = 0;
    for callback in callbacks {
        let answer = callback.await.unwrap();
        assert!(matches!(answer.status.as_u16(), 200 | 400), "{answer:?}");
        logins += usize::from(answer.status == 200);
    }
    assert!(logins <= 1, "{logins}");
}
