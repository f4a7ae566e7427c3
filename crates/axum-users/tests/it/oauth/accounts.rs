//! Whose user an account leads to: new, known, linked by e-mail, or nobody's.

use axum_users::{Clock, OAuthOptions, schema::Value};
use serde_json::json;

use super::{
    flow::{app_of, app_with, offer},
    provider::{Person, Provider},
};
use crate::support::{App, PASSWORD, claims};

fn refused() -> (u16, serde_json::Value) {
    (400, json!("OAUTH_USER_ALREADY_EXISTS"))
}

#[tokio::test]
async fn oa_15_a_taken_address_is_refused_in_any_case() {
    let provider = Provider::start().await;
    let app = app_of(&provider);
    app.has_verified("alice@example.com").await;
    for email in ["alice@example.com", "ALICE@example.com", "Alice@EXAMPLE.com", " alice@example.com "] {
        let answer = app.log_in_by(&provider, &Person::new("1", email)).await;
        assert_eq!(answer.error(), refused(), "{email}");
    }
    assert_eq!(app.login("alice@example.com", PASSWORD).await.status, 200, "she is as she was");
}

#[tokio::test]
async fn association_by_email_links_to_the_verified_user_whose_password_stays() {
    let provider = Provider::start().await;
    let app = app_with(&provider, OAuthOptions::associate_by_email);
    let alice = app.has_verified("alice@example.com").await;
    let before = app.token("alice@example.com").await;
    let session = app.session("alice@example.com").await;

    let token = app.token_by(&provider, &Person::new("1", "ALICE@Example.com")).await;

    assert_eq!(app.me(&token).await["id"], json!(alice.id));
    assert_eq!(app.status_of(&before).await, 200, "nothing of hers ended");
    assert_eq!(app.status_of_session(&session).await, 200);
    assert_eq!(app.login("alice@example.com", PASSWORD).await.status, 200);
    let accounts = app.users.oauth_accounts(&alice).await.unwrap();
    assert_eq!((&*accounts[0].account_id, &*accounts[0].account_email), ("1", "ALICE@Example.com"));
}

#[tokio::test]
async fn oa_16_an_unverified_address_of_the_provider_opens_nobodys_account() {
    let provider = Provider::start().await;
    let app = app_with(&provider, OAuthOptions::associate_by_email);
    for (email, verified) in [("alice@example.com", true), ("bob@example.com", false)] {
        if verified {
            app.has_verified(email).await;
        } else {
            app.has(email).await;
        }
        for claim in [json!(false), json!("false")] {
            let thief = Person::new("thief", email).with("email_verified", claim.clone());
            let answer = app.log_in_by(&provider, &thief).await;
            assert_eq!(answer.error(), refused(), "{email} {claim}");
        }
        assert_eq!(app.login(email, PASSWORD).await.status, 200);
    }
}

#[tokio::test]
async fn where_the_provider_says_nothing_of_the_address_the_operators_word_holds() {
    let provider = Provider::start().await;
    let app = app_with(&provider, |options| options.associate_by_email().verified_by_default());
    let alice = app.has_verified("alice@example.com").await;
    let unsaid = |sub: &str, email: &str| Person::new(sub, email).without("email_verified");

    let token = app.token_by(&provider, &unsaid("1", "alice@example.com")).await;
    assert_eq!(app.me(&token).await["id"], json!(alice.id));
    let token = app.token_by(&provider, &unsaid("2", "bob@example.com")).await;
    assert_eq!(app.me(&token).await["is_verified"], true);
}

#[tokio::test]
async fn oa_17_a_squatters_password_and_sessions_die_when_the_owner_arrives() {
    let provider = Provider::start().await;
    // A clock that runs: the squatter's token is made in the very second in which the owner comes.
    let app = App::with(|builder| {
        offer(builder, &provider, OAuthOptions::backend("jwt").associate_by_email()).clock(Clock::system())
    });
    let squatter = app.has("owner@example.com").await;
    let session = app.session("owner@example.com").await;
    let reset = app.reset_token("owner@example.com").await;
    let token = app.token("owner@example.com").await;
    assert_eq!(app.status_of(&token).await, 200);

    let owners = app.token_by(&provider, &Person::new("1", "owner@example.com")).await;

    assert_eq!(app.me(&owners).await["id"], json!(squatter.id), "the owner has the account");
    assert!(
        claims(&owners)["exp"].as_i64().unwrap() - claims(&token)["exp"].as_i64().unwrap() <= 60,
        "both tokens are of the same moment"
    );
    assert_eq!(app.status_of(&token).await, 401, "the squatter's token is dead");
    assert_eq!(app.status_of_session(&session).await, 401, "the session, too");
    assert_eq!(app.login("owner@example.com", PASSWORD).await.error(), (400, json!("LOGIN_BAD_CREDENTIALS")));
    let answer = app.reset_password(&reset, "another long password").await;
    assert_eq!(answer.error(), (400, json!("RESET_PASSWORD_BAD_TOKEN")), "nor does an old mail help");
}

#[tokio::test]
async fn oa_17_a_token_of_python_for_the_squatter_dies_too() {
    let provider = Provider::start().await;
    let app = app_with(&provider, OAuthOptions::associate_by_email);
    let squatter = app.has("owner@example.com").await;
    let of_python =
        crate::support::Forged::access_with(&squatter, "exp", json!(crate::support::BEGINNING + 3600))
            .token();
    assert_eq!(app.status_of(&of_python).await, 200);

    provider.clock().advance_seconds(1);
    app.token_by(&provider, &Person::new("1", "owner@example.com")).await;

    assert_eq!(app.status_of(&of_python).await, 401);
}

#[tokio::test]
async fn oa_17_an_account_that_the_squatter_linked_is_no_way_back() {
    let provider = Provider::start().await;
    let app = app_with(&provider, OAuthOptions::associate_by_email);
    let squatter = app.has("owner@example.com").await;
    let token = app.token("owner@example.com").await;
    let foothold = Person::new("squatter", "squatter@example.net");
    assert_eq!(app.link_by(&provider, &token, &foothold).await.status, 200);

    let owners = app.token_by(&provider, &Person::new("1", "owner@example.com")).await;
    let squatters = app.token_by(&provider, &foothold).await;

    assert_eq!(app.me(&owners).await["id"], json!(squatter.id));
    let somebody = app.me(&squatters).await;
    assert_eq!(somebody["email"], "squatter@example.net", "he is a user of his own now");
    assert_ne!(somebody["id"], json!(squatter.id));
}

#[tokio::test]
async fn oa_17_nor_is_an_account_by_which_the_squatter_came() {
    let provider = Provider::start().await;
    let app = app_with(&provider, OAuthOptions::associate_by_email);
    // Nobody has the address yet, and the provider never checked it: a user is made, and not verified.
    let squatter = Person::new("squatter", "owner@example.com").unverified();
    let first = app.token_by(&provider, &squatter).await;
    provider.clock().advance_seconds(1);

    app.token_by(&provider, &Person::new("1", "owner@example.com")).await;

    assert_eq!(app.status_of(&first).await, 401);
    let answer = app.log_in_by(&provider, &squatter).await;
    assert_eq!(answer.error(), refused());
}

#[tokio::test]
async fn oa_18_an_unverified_address_never_makes_a_verified_user() {
    let provider = Provider::start().await;
    let app = app_with(&provider, OAuthOptions::verified_by_default);
    for (person, verified) in [
        (Person::new("1", "checked@example.com"), true),
        (Person::new("2", "unchecked@example.com").unverified(), false),
    ] {
        let token = app.token_by(&provider, &person).await;
        assert_eq!(app.me(&token).await["is_verified"], verified, "{person:?}");
    }
}

#[tokio::test]
async fn oa_19_one_subject_at_two_providers_is_two_users() {
    let (provider, other) = (Provider::start().await, Provider::start().await);
    let app = App::with(|builder| {
        offer(builder, &provider, OAuthOptions::backend("jwt"))
            .oauth(other.client().name("other"), OAuthOptions::backend("jwt"))
    });
    let one = app.token_by(&provider, &Person::new("1", "one@example.com")).await;
    let flow = app.begin("/auth/other/authorize").await;
    let parameters = other.consent(&flow, &Person::new("1", "two@example.com"));
    let answer = app.come_back("/auth/other/callback", &flow.cookie, &parameters).await;
    let two = super::flow::access_token(&answer);

    assert_ne!(app.me(&one).await["id"], app.me(&two).await["id"]);
}

#[tokio::test]
async fn oa_22_another_address_of_the_same_subject_changes_no_user() {
    let provider = Provider::start().await;
    let app = app_with(&provider, OAuthOptions::associate_by_email);
    let victim = app.has_verified("victim@example.com").await;
    let before = app.token_by(&provider, &Person::new("1", "mallory@example.com")).await;

    let after = app.token_by(&provider, &Person::new("1", "victim@example.com")).await;

    let mallory = app.me(&after).await;
    assert_eq!(mallory, app.me(&before).await);
    assert_eq!(mallory["email"], "mallory@example.com");
    assert_ne!(mallory["id"], json!(victim.id));
    let user = app.stored(mallory["id"].as_str().unwrap().parse().unwrap()).await;
    let accounts = app.users.oauth_accounts(&user).await.unwrap();
    assert_eq!(accounts[0].account_email, "victim@example.com", "the account says what the provider says");
}

#[tokio::test]
async fn a_new_users_address_is_normalised_and_the_accounts_is_as_the_provider_writes_it() {
    let provider = Provider::start().await;
    let app = app_of(&provider);
    let token = app.token_by(&provider, &Person::new("1", "Alice@EXAMPLE.com")).await;
    let user = app.me(&token).await;
    assert_eq!(user["email"], "Alice@example.com");
    let user = app.stored(user["id"].as_str().unwrap().parse().unwrap()).await;
    assert_eq!(app.users.oauth_accounts(&user).await.unwrap()[0].account_email, "Alice@EXAMPLE.com");
}

#[tokio::test]
async fn a_known_account_gets_the_new_tokens_at_each_login() {
    let provider = Provider::start().await;
    let app = app_of(&provider);
    let alice = Person::new("1", "alice@example.com");
    let token = app.token_by(&provider, &alice).await;
    let user = app.stored(app.me(&token).await["id"].as_str().unwrap().parse().unwrap()).await;
    provider.clock().advance_seconds(7);
    provider.script(|script| script.token_answer = vec![("refresh_token", serde_json::Value::Null)]);

    app.token_by(&provider, &alice).await;

    let accounts = app.users.oauth_accounts(&user).await.unwrap();
    assert_eq!(accounts.len(), 1);
    assert_eq!(accounts[0].expires_at, Some(provider.clock().unix_seconds() + 3600));
    assert_eq!(accounts[0].refresh_token, None, "absent ones are overwritten too, as in the original");
}

#[tokio::test]
async fn an_inactive_users_tokens_are_stored_all_the_same() {
    let provider = Provider::start().await;
    let app = app_with(&provider, OAuthOptions::associate_by_email);
    let user = app.has_verified("alice@example.com").await;
    let user = app.set(&user, "is_active", Value::Bool(false)).await;
    let answer = app.log_in_by(&provider, &Person::new("1", "alice@example.com")).await;
    assert_eq!(answer.error(), (400, json!("LOGIN_BAD_CREDENTIALS")));
    assert_eq!(app.users.oauth_accounts(&user).await.unwrap().len(), 1);
}
