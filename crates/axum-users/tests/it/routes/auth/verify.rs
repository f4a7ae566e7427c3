use axum_users::schema::Value;
use serde_json::{Value as Json, json};

use crate::support::{Answer, App, BEGINNING, Forged, NOBODY, claims};

fn is_bad_token(answer: &Answer) -> bool {
    answer.error() == (400, json!("VERIFY_USER_BAD_TOKEN"))
}

async fn move_to(app: &App, token: &str, email: &str) {
    let answer = app.patch("/users/me").bearer(token).json(json!({ "email": email })).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

#[tokio::test]
async fn a_mailed_token_verifies_the_address_and_answers_the_user() {
    let app = App::new();
    let user = app.has("ada@example.com").await;
    let token = app.verification_token("ada@example.com").await;

    let answer = app.verify(&token).await;

    let expected = json!({
        "id": user.id, "email": "ada@example.com", "is_active": true, "is_superuser": false, "is_verified": true
    });
    assert_eq!((answer.status.as_u16(), answer.body), (200, expected.to_string()));
    assert_eq!(app.events.take(), ["on_after_verify ada@example.com"]);
    assert!(app.stored(user.id).await.is_verified);
}

#[tokio::test]
async fn tk_05_a_token_about_the_old_address_does_not_verify_the_new_one() {
    let app = App::new();
    let user = app.has("old@example.com").await;
    let verification = app.verification_token("old@example.com").await;
    let token = app.token("old@example.com").await;
    move_to(&app, &token, "new@example.com").await;
    assert!(is_bad_token(&app.verify(&verification).await));
    // Nor does it verify whoever has the old address now.
    let other = app.has("old@example.com").await;
    assert!(is_bad_token(&app.verify(&verification).await));
    for id in [user.id, other.id] {
        assert!(!app.stored(id).await.is_verified);
    }
}

#[tokio::test]
async fn tk_06_the_second_use_says_verified_already_and_a_change_of_address_unverifies() {
    let app = App::new();
    let user = app.has("ada@example.com").await;
    let (first, second) =
        (app.verification_token("ada@example.com").await, app.verification_token("ada@example.com").await);
    assert_eq!(app.verify(&first).await.status, 200);
    for token in [&first, &second] {
        assert_eq!(app.verify(token).await.error(), (400, json!("VERIFY_USER_ALREADY_VERIFIED")));
    }
    let token = app.token("ada@example.com").await;
    move_to(&app, &token, "new@example.com").await;
    assert!(!app.stored(user.id).await.is_verified);
}

#[tokio::test]
async fn tk_07_a_used_link_is_dead_after_the_address_returns() {
    let app = App::new();
    let user = app.has("a@example.com").await;
    let link = app.verification_token("a@example.com").await;
    assert_eq!(app.verify(&link).await.status, 200);
    let token = app.token("a@example.com").await;
    move_to(&app, &token, "b@example.com").await;
    move_to(&app, &token, "a@example.com").await;
    assert!(is_bad_token(&app.verify(&link).await));
    assert!(!app.stored(user.id).await.is_verified);

    app.clock.advance_seconds(1);
    let fresh = app.verification_token("a@example.com").await;
    assert_eq!(app.verify(&fresh).await.status, 200, "a fresh link works");
}

#[tokio::test]
async fn tk_08_tokens_of_other_purposes_verify_nobody_and_this_one_opens_nothing() {
    let app = App::new();
    let user = app.has("ada@example.com").await;
    let access = app.token("ada@example.com").await;
    let reset = app.reset_token("ada@example.com").await;
    let session = app.session("ada@example.com").await;
    for token in [&access, &reset, &session] {
        assert!(is_bad_token(&app.verify(token).await));
    }
    let verification = app.verification_token("ada@example.com").await;
    for token in [&verification, &reset] {
        assert_eq!(app.status_of(token).await, 401);
        assert_eq!(app.status_of_session(token).await, 401);
    }
    assert_eq!(app.status_of_session(&access).await, 401);
    assert_eq!(app.status_of(&session).await, 401);
    assert!(!app.stored(user.id).await.is_verified);
}

#[tokio::test]
async fn tk_09_tk_10_a_tampered_or_expired_token_is_bad() {
    let app = App::new();
    let ada = app.has("ada@example.com").await;
    let bob = app.has("bob@example.com").await;
    let with = |name: &str, value: Json| {
        let mut claims = Forged::verification(&ada);
        claims[name] = value;
        Forged::new(&claims)
    };
    let without = |name: &str| {
        let mut claims = Forged::verification(&ada);
        claims.as_object_mut().unwrap().remove(name);
        Forged::new(&claims).token()
    };
    let good = Forged::new(&Forged::verification(&ada));
    let tampered = [
        good.clone().secret("another-secret-of-at-least-32-bytes").token(),
        good.clone().header("alg", "none").unsigned() + ".",
        good.unsigned(),
        good.token() + "x",
        without("sub"),
        without("email"),
        without("aud"),
        with("sub", json!(bob.id)).token(),
        with("sub", json!(NOBODY)).token(),
        with("sub", json!("x")).token(),
        with("sub", json!([ada.id])).token(),
        with("email", json!("bob@example.com")).token(),
        with("email", json!("nobody@example.com")).token(),
        with("email", json!({ "$ne": "" })).token(),
        with("aud", json!("fastapi-users:reset")).token(),
        with("exp", json!(BEGINNING - 10)).token(),
        with("exp", json!(BEGINNING)).token(),
        with("exp", json!(-1)).token(),
        with("exp", json!(i64::MIN)).token(),
        with("exp", json!((BEGINNING - 10).to_string())).token(),
        with("exp", json!("soon")).token(),
        with("exp", json!(BEGINNING as f64 + 600.5)).token(),
        with("exp", json!([BEGINNING + 600])).token(),
        with("exp", Json::Null).token(),
        with("nbf", json!(BEGINNING + 10)).token(),
        with("iat", json!(BEGINNING + 10)).token(),
    ];
    for token in tampered {
        assert!(is_bad_token(&app.verify(&token).await), "{token}");
    }
    for id in [ada.id, bob.id] {
        assert!(!app.stored(id).await.is_verified);
    }
    let mailed = claims(&app.verification_token("ada@example.com").await);
    assert!(mailed["exp"].as_i64().unwrap() - BEGINNING <= 3600, "{mailed}");
    assert_eq!(app.verify(&good.token()).await.status, 200);
}

#[tokio::test]
async fn tk_11_a_token_that_is_no_text_verifies_nobody() {
    let app = App::new();
    let user = app.has("ada@example.com").await;
    let verify = async |token: Json| app.post("/auth/verify").json(json!({ "token": token })).await;
    for token in [json!(null), json!(0), json!([]), json!({}), json!([""])] {
        assert_eq!(
            verify(token.clone()).await.bad_fields(),
            (422, vec!["string_type body.token".into()]),
            "{token}"
        );
    }
    for token in ["", " ", "\0", "..", "null"] {
        assert!(is_bad_token(&verify(json!(token)).await), "{token:?}");
    }
    for body in ["", "{}", "[]"] {
        let answer = app.post("/auth/verify").body("application/json", body).await;
        assert_eq!(answer.bad_fields(), (422, vec!["missing body.token".into()]), "{body}");
    }
    assert!(!app.stored(user.id).await.is_verified);
}

#[tokio::test]
async fn tk_20_a_token_is_good_until_its_lifetime_ends() {
    let app = App::with(|builder| builder.verification_lifetime_seconds(2));
    app.has("ada@example.com").await;
    let token = app.verification_token("ada@example.com").await;
    app.clock.advance_seconds(2);
    assert!(is_bad_token(&app.verify(&token).await), "at its very end it is over");
    let token = app.verification_token("ada@example.com").await;
    app.clock.advance_seconds(1);
    assert_eq!(app.verify(&token).await.status, 200);
}

#[tokio::test]
async fn the_address_is_found_in_any_case_and_the_id_in_any_spelling() {
    let app = App::new();
    let user = app.has("Ada@example.com").await;
    let mut claims = Forged::verification(&user);
    claims["email"] = json!("aDA@EXAMPLE.com");
    claims["sub"] = json!(format!("{{{}}}", user.id.simple()).to_uppercase());
    assert_eq!(app.verify(&Forged::new(&claims).token()).await.status, 200);
}

/// As in the original.
#[tokio::test]
async fn an_inactive_user_can_be_verified() {
    let app = App::new();
    let user = app.has("ada@example.com").await;
    let token = app.verification_token("ada@example.com").await;
    app.set(&user, "is_active", Value::Bool(false)).await;
    let answer = app.verify(&token).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["is_active"]), (200, &json!(false)));
}
