//! What the original's users asked for, as options.

use axum_users::{
    Bearer, Jwt, OAuthOptions, ProfileError, UserModel,
    schema::{Record, Value},
};
use serde_json::json;
use uuid::Uuid;

use super::{
    flow::{app_of, app_with, offer},
    provider::{Person, Provider},
};
use crate::support::App;

#[tokio::test]
async fn requires_verification_keeps_unverified_users_out() {
    let provider = Provider::start().await;
    let app = app_with(&provider, |options| options.requires_verification().verified_by_default());
    let answer = app.log_in_by(&provider, &Person::new("1", "a@example.com").unverified()).await;
    assert_eq!(answer.error(), (400, json!("LOGIN_USER_NOT_VERIFIED")));
    app.token_by(&provider, &Person::new("2", "b@example.com")).await;

    let original = app_of(&provider);
    original.token_by(&provider, &Person::new("1", "a@example.com").unverified()).await;
}

#[tokio::test]
async fn an_account_without_an_address_gets_a_placeholder_that_is_never_verified() {
    let provider = Provider::start().await;
    let app = app_with(&provider, |options| {
        options.placeholder_email_domain("users.example.com").associate_by_email().verified_by_default()
    });
    let accounts = [
        ("id-42_x", "corp-id-42_x@users.example.com"),
        ("ID-42_x", "corp-ac67dae92cbaf2b9a6b19e26cb2e7ab8@users.example.com"),
        ("people/ü", "corp-235e407b12b4be9012c8fed15ed0cba3@users.example.com"),
    ];
    for (id, email) in accounts {
        let person = Person::new(id, "").without("email");
        let token = app.token_by(&provider, &person).await;
        let user = app.me(&token).await;
        assert_eq!((&user["email"], &user["is_verified"]), (&json!(email), &json!(false)));
        let again = app.token_by(&provider, &person).await;
        assert_eq!(app.me(&again).await["id"], user["id"]);
    }

    app.has("bob@example.com").await;
    let token = app.token("bob@example.com").await;
    let linked = app.link_by(&provider, &token, &Person::new("7", "").without("email")).await;
    assert_eq!(linked.json()["email"], "bob@example.com", "linking needs no address then");
}

/// A model with a field that every user has to have.
#[derive(Clone, Debug, UserModel)]
pub struct Named {
    pub id: Uuid,
    pub email: String,
    pub hashed_password: String,
    pub is_active: bool,
    pub is_superuser: bool,
    pub is_verified: bool,
    pub first_name: String,
    pub picture: Option<String>,
}

fn named(provider: &Provider) -> App<Named> {
    let options = OAuthOptions::<Named>::backend("jwt").map_profile(|identity| {
        let name = identity.name.clone().ok_or(ProfileError("your profile has no name".into()))?;
        let record = Record::new().with("first_name", Value::Text(name));
        Ok(match identity.picture.clone() {
            Some(picture) => record.with("picture", Value::Text(picture)),
            None => record,
        })
    });
    App::bare(|builder| {
        offer(builder.backend("jwt", Bearer::default(), Jwt::lasting_seconds(3600)), provider, options)
    })
}

#[tokio::test]
async fn a_profile_fills_own_fields_of_a_new_user_and_leaves_a_known_one_alone() {
    let provider = Provider::start().await;
    let app = named(&provider);
    let person =
        Person::new("1", "alice@example.com").with("name", "Alice").with("picture", "https://p/a.png");

    let token = app.token_by(&provider, &person).await;
    let user = app.me(&token).await;
    assert_eq!((&user["first_name"], &user["picture"]), (&json!("Alice"), &json!("https://p/a.png")));

    let token = app.token_by(&provider, &person.with("name", "Alicia")).await;
    assert_eq!(app.me(&token).await, user);
}

#[tokio::test]
async fn a_profile_can_be_refused_with_a_reason() {
    let provider = Provider::start().await;
    let app = named(&provider);
    let answer = app.log_in_by(&provider, &Person::new("1", "alice@example.com")).await;
    assert_eq!(
        answer.error(),
        (400, json!({ "code": "REGISTER_REFUSED", "reason": "your profile has no name" }))
    );
    assert!(app.users.get_by_email("alice@example.com").await.unwrap().is_none());
}

#[tokio::test]
async fn a_mapping_cannot_make_a_superuser_or_another_address() {
    let provider = Provider::start().await;
    let app = app_with(&provider, |options| {
        options.map_profile(|_| {
            Ok(Record::new()
                .with("is_superuser", Value::Bool(true))
                .with("is_verified", Value::Bool(true))
                .with("email", Value::Text("root@example.com".into()))
                .with("hashed_password", Value::Text("x".into())))
        })
    });
    let token = app.token_by(&provider, &Person::new("1", "alice@example.com")).await;
    let user = app.me(&token).await;
    assert_eq!(user["email"], "alice@example.com");
    assert_eq!((&user["is_verified"], &user["is_active"]), (&json!(false), &json!(true)));
}
