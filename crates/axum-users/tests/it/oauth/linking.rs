//! Linking an account to the user who is logged in, and unlinking it.

use axum_users::OAuthOptions;
use serde_json::{Value as Json, json};

use super::{
    flow::{CSRF_COOKIE, app_of, app_with, offer},
    provider::{Person, Provider},
};
use crate::support::{App, PASSWORD};

async fn app_of_bob(provider: &Provider) -> (App, String) {
    let app =
        App::with(|builder| offer(builder, provider, OAuthOptions::backend("jwt")).oauth_accounts_in_user());
    app.has("bob@example.com").await;
    let token = app.token("bob@example.com").await;
    (app, token)
}

fn accounts(user: &Json) -> Vec<&str> {
    let accounts = user["oauth_accounts"].as_array().unwrap();
    accounts.iter().map(|account| account["account_id"].as_str().unwrap()).collect()
}

async fn unlink(app: &App, token: &str, account_id: &str) -> (u16, Json) {
    let answer = app.delete(&format!("/auth/associate/corp/{account_id}")).bearer(token).await;
    answer.error()
}

#[tokio::test]
async fn a_linked_account_is_another_way_in() {
    let provider = Provider::start().await;
    let (app, token) = app_of_bob(&provider).await;
    let account = Person::new("1", "robert@example.net").unverified();

    app.events.forget();
    let answer = app.link_by(&provider, &token, &account).await;

    assert_eq!(answer.status, 200, "{answer:?}");
    let user = answer.json();
    assert_eq!((&user["email"], accounts(&user)), (&json!("bob@example.com"), vec!["1"]));
    assert_eq!(answer.cookie_value(CSRF_COOKIE), "\"\"", "the flow's cookie goes");
    assert_eq!(app.events.take(), ["on_after_update bob@example.com "]);
    let by_account = app.token_by(&provider, &account).await;
    assert_eq!(app.me(&by_account).await["email"], "bob@example.com");
}

#[tokio::test]
async fn linking_wants_a_user_who_is_logged_in_and_active() {
    let provider = Provider::start().await;
    let app = app_of(&provider);
    for path in ["/auth/associate/corp/authorize", "/auth/associate/corp/callback?code=x&state=x"] {
        assert_eq!(app.get(path).await.error(), (401, json!("Unauthorized")), "{path}");
        assert_eq!(app.get(path).bearer("garbage").await.status, 401, "{path}");
    }
    assert_eq!(app.delete("/auth/associate/corp/1").await.status, 401);
}

#[tokio::test]
async fn an_account_that_is_linked_already_gets_new_tokens_and_no_second_row() {
    let provider = Provider::start().await;
    let (app, token) = app_of_bob(&provider).await;
    let account = Person::new("1", "robert@example.net");
    let first = app.link_by(&provider, &token, &account).await.json();
    let second = app.link_by(&provider, &token, &account).await.json();
    assert_eq!(accounts(&second), ["1"]);
    assert_eq!(first["oauth_accounts"][0]["id"], second["oauth_accounts"][0]["id"]);
    assert_ne!(first["oauth_accounts"][0]["access_token"], second["oauth_accounts"][0]["access_token"]);
}

#[tokio::test]
async fn oa_20_an_account_of_another_user_is_not_linked_twice() {
    let provider = Provider::start().await;
    let (app, token) = app_of_bob(&provider).await;
    let alice = Person::new("1", "alice@example.com");
    app.token_by(&provider, &alice).await;

    let answer = app.link_by(&provider, &token, &alice).await;

    assert_eq!(answer.error(), (400, json!("OAUTH_USER_ALREADY_EXISTS")));
    let hers = app.token_by(&provider, &alice).await;
    assert_eq!(app.me(&hers).await["email"], "alice@example.com", "the first owner is still himself");
    assert_eq!(accounts(&app.me(&token).await), [""; 0]);
}

#[tokio::test]
async fn an_account_without_an_address_is_not_linked_as_in_the_original() {
    let provider = Provider::start().await;
    let (app, token) = app_of_bob(&provider).await;
    let answer = app.link_by(&provider, &token, &Person::new("1", "").without("email")).await;
    assert_eq!(answer.error(), (400, json!("OAUTH_NOT_AVAILABLE_EMAIL")));
}

#[tokio::test]
async fn an_account_is_unlinked_by_its_id() {
    let provider = Provider::start().await;
    let (app, token) = app_of_bob(&provider).await;
    let odd = "people/1 ü";
    for id in ["2", odd] {
        app.link_by(&provider, &token, &Person::new(id, "robert@example.net")).await;
    }
    app.events.forget();

    assert_eq!(unlink(&app, &token, "people%2F1%20%C3%BC").await, (204, Json::Null));
    assert_eq!(accounts(&app.me(&token).await), ["2"]);
    assert_eq!(app.events.take(), ["on_after_update bob@example.com "]);
    for nothing in ["people%2F1%20%C3%BC", "3", "%FF"] {
        assert_eq!(unlink(&app, &token, nothing).await, (404, json!("Not Found")), "{nothing}");
    }
    let answer = app.delete("/auth/associate/other/2").bearer(&token).await;
    assert_eq!(answer.status, 404, "of a provider that is not offered");
    assert_eq!(unlink(&app, &token, "2").await, (204, Json::Null), "the password is another way in");
}

#[tokio::test]
async fn an_account_of_somebody_else_cannot_be_unlinked() {
    let provider = Provider::start().await;
    let (app, token) = app_of_bob(&provider).await;
    let alice = Person::new("1", "alice@example.com");
    let hers = app.token_by(&provider, &alice).await;
    assert_eq!(unlink(&app, &token, "1").await, (404, json!("Not Found")));
    assert_eq!(accounts(&app.me(&hers).await), ["1"]);
}

#[tokio::test]
async fn the_last_way_in_stays_until_there_is_a_password() {
    let provider = Provider::start().await;
    let (app, _) = app_of_bob(&provider).await;
    let alice = Person::new("1", "alice@example.com");
    let token = app.token_by(&provider, &alice).await;

    assert_eq!(unlink(&app, &token, "1").await, (400, json!("OAUTH_LAST_WAY_IN")));

    app.link_by(&provider, &token, &Person::new("2", "a@example.net")).await;
    assert_eq!(unlink(&app, &token, "1").await.0, 204, "a second account is another way in");
    assert_eq!(unlink(&app, &token, "2").await, (400, json!("OAUTH_LAST_WAY_IN")));

    let answer = app.patch("/users/me").bearer(&token).json(json!({ "password": PASSWORD })).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(unlink(&app, &token, "2").await.0, 204);
    assert_eq!(app.login("alice@example.com", PASSWORD).await.status, 200);
}

#[tokio::test]
async fn a_reset_makes_a_password_known_too() {
    let provider = Provider::start().await;
    let (app, _) = app_of_bob(&provider).await;
    let token = app.token_by(&provider, &Person::new("1", "alice@example.com")).await;
    let reset = app.reset_token("alice@example.com").await;
    assert_eq!(app.reset_password(&reset, PASSWORD).await.status, 200);
    assert_eq!(unlink(&app, &token, "1").await.0, 204);
}

#[tokio::test]
async fn an_owner_to_whom_a_squatters_user_fell_has_no_password_either() {
    let provider = Provider::start().await;
    let app = app_with(&provider, OAuthOptions::associate_by_email);
    app.has("owner@example.com").await;
    let token = app.token_by(&provider, &Person::new("1", "owner@example.com")).await;
    assert_eq!(unlink(&app, &token, "1").await, (400, json!("OAUTH_LAST_WAY_IN")));
}
