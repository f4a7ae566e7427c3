use axum_users::{Argon2Parameters, PasswordHasher, Random, User, schema::Value};
use serde_json::{Value as Json, json};

use crate::support::{Answer, App, BEGINNING, Forged, NOBODY, PASSWORD, claims};

const NEW: &str = "a horse in the snow";

fn is_bad_token(answer: &Answer) -> bool {
    answer.error() == (400, json!("RESET_PASSWORD_BAD_TOKEN"))
}

/// The claims of a reset token as Python makes it.
async fn python_claims(user: &User) -> Json {
    let hasher = PasswordHasher::new(Argon2Parameters::new(512, 2, 2).unwrap(), Random::system());
    // The original hashes the stored hash as if it were a password.
    let fingerprint = hasher.hash(&user.hashed_password.as_str().into()).await.unwrap();
    json!({
        "sub": user.id, "password_fgpt": fingerprint, "aud": "fastapi-users:reset", "exp": BEGINNING + 600
    })
}

#[tokio::test]
async fn tk_01_a_token_sets_one_password_once() {
    let app = App::new();
    app.has("ada@example.com").await;
    let token = app.reset_token("ada@example.com").await;

    let answer = app.reset_password(&token, NEW).await;

    assert_eq!((answer.status.as_u16(), &*answer.body), (200, "null"));
    assert_eq!(app.events.take(), ["on_after_reset_password ada@example.com"]);
    assert_eq!(app.login("ada@example.com", PASSWORD).await.status, 400, "the old password is dead");
    assert_eq!(app.login("ada@example.com", NEW).await.status, 200);
    assert!(is_bad_token(&app.reset_password(&token, "yet another one").await));
    assert_eq!(app.login("ada@example.com", NEW).await.status, 200);
}

#[tokio::test]
async fn tk_02_a_changed_password_kills_the_token_even_when_it_is_the_same_one() {
    let app = App::new();
    for (email, password) in [("ada@example.com", NEW), ("bob@example.com", PASSWORD)] {
        app.has(email).await;
        let reset = app.reset_token(email).await;
        let token = app.token(email).await;
        let answer = app.patch("/users/me").bearer(&token).json(json!({ "password": password })).await;
        assert_eq!(answer.status, 200);
        assert!(is_bad_token(&app.reset_password(&reset, "yet another one").await));
        assert_eq!(app.login(email, password).await.status, 200);
    }
}

#[tokio::test]
async fn tk_03_a_token_sent_to_the_old_address_dies_with_it() {
    let app = App::new();
    app.has("old@example.com").await;
    let reset = app.reset_token("old@example.com").await;
    let token = app.token("old@example.com").await;
    let patch =
        async |email: &str| app.patch("/users/me").bearer(&token).json(json!({ "email": email })).await;

    assert_eq!(patch("new@example.com").await.status, 200);
    assert!(is_bad_token(&app.reset_password(&reset, NEW).await));
    // The address returned: its owner may use the link again.
    assert_eq!(patch("old@example.com").await.status, 200);
    assert_eq!(app.reset_password(&reset, NEW).await.status, 200);
}

#[tokio::test]
async fn tk_04_of_two_tokens_the_use_of_one_kills_the_other() {
    let app = App::new();
    app.has("ada@example.com").await;
    let first = app.reset_token("ada@example.com").await;
    let second = app.reset_token("ada@example.com").await;
    assert_eq!(app.reset_password(&second, NEW).await.status, 200);
    assert!(is_bad_token(&app.reset_password(&first, "yet another one").await));
}

#[tokio::test]
async fn a_hash_upgrade_at_login_kills_the_token() {
    let app = App::new();
    let hash = "$2b$04$abcdefghijklmnopqrstuum174eFeoTj0DHmtuueFaS3Wde4P7wHG";
    let user = app.has_with_hash("ada@example.com", hash).await;
    let reset = app.reset_token("ada@example.com").await;
    assert_eq!(app.login("ada@example.com", "pässword").await.status, 200);
    assert_ne!(app.stored(user.id).await.hashed_password, hash);
    assert!(is_bad_token(&app.reset_password(&reset, NEW).await));
}

#[tokio::test]
async fn pw_05_the_token_comes_before_the_password_and_a_refused_password_does_not_use_it_up() {
    let app = App::new();
    app.has("ada@example.com").await;
    let token = app.reset_token("ada@example.com").await;
    for (password, reason) in [
        ("short", "Password should be at least 8 characters"),
        ("password1", "Password should not be a common password"),
        ("ada@example.com", "Password should not be the e-mail address"),
    ] {
        let refused = json!({ "code": "RESET_PASSWORD_INVALID_PASSWORD", "reason": reason });
        assert_eq!(app.reset_password(&token, password).await.error(), (400, refused));
        assert!(is_bad_token(&app.reset_password("garbage", password).await));
    }
    assert_eq!(app.reset_password(&token, NEW).await.status, 200);
}

#[tokio::test]
async fn se_04_a_reset_ends_every_session() {
    let app = App::new();
    app.has("ada@example.com").await;
    app.has("bob@example.com").await;
    let sessions = [app.session("ada@example.com").await, app.session("ada@example.com").await];
    let others = app.session("bob@example.com").await;
    let token = app.reset_token("ada@example.com").await;

    // Whoever presents a session of the account at the reset keeps it no more than others.
    let body = json!({ "token": token, "password": NEW });
    let answer = app.post("/auth/reset-password").cookie("fastapiusersauth", &sessions[0]).json(body).await;

    assert_eq!(answer.status, 200);
    for session in &sessions {
        assert_eq!(app.status_of_session(session).await, 401);
    }
    assert_eq!(app.status_of_session(&others).await, 200, "another user's session lives");
}

#[tokio::test]
async fn en_08_the_token_of_an_inactive_or_deleted_user_is_bad() {
    let app = App::new();
    let user = app.has("ada@example.com").await;
    let token = app.reset_token("ada@example.com").await;
    app.set(&user, "is_active", Value::Bool(false)).await;
    assert!(is_bad_token(&app.reset_password(&token, NEW).await));
    app.set(&user, "is_active", Value::Bool(true)).await;
    app.users.delete(&user, &Default::default()).await.unwrap();
    assert!(is_bad_token(&app.reset_password(&token, NEW).await));
}

#[tokio::test]
async fn tk_08_tokens_of_other_purposes_reset_no_password() {
    let app = App::new();
    app.has("ada@example.com").await;
    let tokens = [
        app.token("ada@example.com").await,
        app.verification_token("ada@example.com").await,
        app.session("ada@example.com").await,
    ];
    for token in tokens {
        assert!(is_bad_token(&app.reset_password(&token, NEW).await));
    }
}

#[tokio::test]
async fn tk_09_a_tampered_token_is_bad() {
    let app = App::new();
    let ada = app.has("ada@example.com").await;
    let bob = app.has("bob@example.com").await;
    let token = app.reset_token("ada@example.com").await;
    let [head, body, signature] = token.split('.').collect::<Vec<_>>()[..] else { panic!("{token}") };
    let flip = |text: &str, at: usize| {
        let mut bytes = text.as_bytes().to_vec();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        String::from_utf8(bytes).unwrap()
    };
    let with_claim = |name: &str, value: Json| {
        let mut claims = claims(&token);
        claims[name] = value;
        Forged::new(&claims)
    };
    let tampered = [
        format!("{head}.{body}.{}", flip(signature, 0)),
        format!("{head}.{}.{signature}", flip(body, 20)),
        format!("{}.{body}.{signature}", flip(head, 5)),
        format!("{head}.{body}"),
        format!("{head}.{body}."),
        format!("{head}..{signature}"),
        token[..token.len() - 1].to_owned(),
        format!("{token}A"),
        format!("{token}.{signature}"),
        format!(" {token}"),
        with_claim("sub", json!(bob.id)).secret("another-secret-of-at-least-32-bytes").token(),
        // Well signed, but about another user, whose hash is another.
        with_claim("sub", json!(bob.id)).token(),
        with_claim("sub", json!(NOBODY)).token(),
        with_claim("sub", json!(1)).token(),
        with_claim("sub", json!("no UUID")).token(),
        with_claim("password_fgpt", json!("hello")).token(),
        with_claim("password_fgpt", json!(1)).token(),
        with_claim("password_fgpt", Json::Null).token(),
        with_claim("password_fgpt", json!(ada.hashed_password)).token(),
        with_claim("email_fgpt", json!("")).token(),
        with_claim("email_fgpt", json!("AAAAAAAAAAAAAAAAAAAAAA")).token(),
        with_claim("aud", json!("fastapi-users:verify")).token(),
        with_claim("aud", json!(["fastapi-users:auth"])).token(),
        with_claim("aud", Json::Null).token(),
        with_claim("sub", json!(ada.id)).header("alg", "none").unsigned() + ".",
        with_claim("sub", json!(ada.id)).header("alg", "HS512").token_of_hs384_or_hs512(),
        with_claim("sub", json!(ada.id)).header("crit", json!(["x"])).header("x", 1).token(),
    ];
    for bad in tampered {
        assert!(is_bad_token(&app.reset_password(&bad, NEW).await), "{bad}");
    }
    assert_eq!(app.reset_password(&token, NEW).await.status, 200, "the token itself was good all the time");
}

#[tokio::test]
async fn tk_10_an_expiry_in_the_past_or_none_at_all_is_bad() {
    let app = App::new();
    app.has("ada@example.com").await;
    let token = app.reset_token("ada@example.com").await;
    let life = claims(&token)["exp"].as_i64().unwrap() - BEGINNING;
    assert!(life <= 3600, "{life}");
    for exp in [
        json!(BEGINNING - 1),
        json!(BEGINNING),
        json!(-1),
        json!(i64::MIN),
        json!("never"),
        json!(""),
        json!(BEGINNING as f64 + 600.5),
        json!([BEGINNING + 600]),
        json!(true),
        Json::Null,
    ] {
        let mut claims = claims(&token);
        claims["exp"] = exp.clone();
        assert!(is_bad_token(&app.reset_password(&Forged::new(&claims).token(), NEW).await), "{exp}");
    }
    assert_eq!(app.reset_password(&token, NEW).await.status, 200);
}

#[tokio::test]
async fn tk_11_a_token_that_is_no_text_is_refused() {
    let app = App::new();
    app.has("ada@example.com").await;
    let reset = async |token: Json| {
        app.post("/auth/reset-password").json(json!({ "token": token, "password": NEW })).await
    };
    for token in [json!(null), json!(0), json!(true), json!([]), json!({}), json!(["a"])] {
        assert_eq!(
            reset(token.clone()).await.bad_fields(),
            (422, vec!["string_type body.token".into()]),
            "{token}"
        );
    }
    for token in ["", " ", "\0", ".", "..", "...", "null", "undefined", "a.b.c"] {
        assert!(is_bad_token(&reset(json!(token)).await), "{token:?}");
    }
    assert_eq!(app.login("ada@example.com", PASSWORD).await.status, 200);
}

#[tokio::test]
async fn tk_20_a_token_is_good_until_its_lifetime_ends() {
    let app = App::with(|builder| builder.reset_lifetime_seconds(2));
    app.has("ada@example.com").await;
    let (early, late) = (app.reset_token("ada@example.com").await, app.reset_token("ada@example.com").await);
    app.clock.advance_seconds(1);
    assert_eq!(app.reset_password(&early, NEW).await.status, 200);

    let fresh = app.reset_token("ada@example.com").await;
    app.clock.advance_seconds(3);
    for token in [late, fresh] {
        assert!(is_bad_token(&app.reset_password(&token, NEW).await));
    }
}

/// Such a token says nothing of the address, and is good as it was in Python.
#[tokio::test]
async fn a_token_that_python_made_is_good() {
    let app = App::new();
    let user = app.has("ada@example.com").await;
    let token = Forged::new(&python_claims(&user).await).token();
    app.set(&user, "email", Value::Text("new@example.com".into())).await;
    assert_eq!(app.reset_password(&token, NEW).await.status, 200);
    assert!(is_bad_token(&app.reset_password(&token, NEW).await));
    assert_eq!(app.login("new@example.com", NEW).await.status, 200);
}

#[tokio::test]
async fn missing_fields_are_reported_without_the_body() {
    let app = App::new();
    let missing = |field: &str| json!({ "type": "missing", "loc": ["body", field], "msg": "Field required", "input": null });
    for (body, fields) in [
        ("", vec!["token", "password"]),
        ("{}", vec!["token", "password"]),
        ("[]", vec!["token", "password"]),
        (r#"{"token":"x"}"#, vec!["password"]),
        (r#"{"password":"x"}"#, vec!["token"]),
    ] {
        let answer = app.post("/auth/reset-password").body("application/json", body).await;
        assert_eq!(answer.error(), (422, fields.into_iter().map(missing).collect()), "{body}");
    }
}
