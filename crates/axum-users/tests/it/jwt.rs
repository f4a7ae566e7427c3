//! Access tokens that somebody else made: what the JWT strategy accepts, and what it does not.

use axum_users::{User, schema::Value};
use serde_json::{Value as Json, json};

use crate::support::{App, BEGINNING, Forged, NOBODY, claims, header};

const OTHER_SECRET: &str = "another-secret-0123456789-abcdefghijkl";

/// An application with one user, and what it says to a token.
async fn app() -> (App, User) {
    let app = App::new();
    let user = app.has("ada@example.com").await;
    (app, user)
}

#[tokio::test]
async fn what_the_original_accepts_is_accepted() {
    let (app, user) = app().await;
    let braces = format!("{{{}}}", user.id);
    for forged in [
        Forged::access(&user),
        Forged::access_without(&user, "exp"),
        Forged::access_with(&user, "exp", json!("4102444800")),
        Forged::access_with(&user, "exp", json!(u64::MAX)),
        Forged::access_with(&user, "aud", json!("fastapi-users:auth")),
        Forged::access_with(&user, "aud", json!(["other", "fastapi-users:auth"])),
        Forged::access_with(&user, "sub", json!(braces)),
        Forged::access_with(&user, "nbf", json!(BEGINNING)),
        Forged::access_with(&user, "iat", json!(BEGINNING - 1)),
        Forged::access_with(&user, "roles", json!(["admin"])),
        Forged::access(&user).header("typ", "at+jwt"),
        Forged::access(&user).header("kid", "../../etc/passwd"),
    ] {
        assert_eq!(app.status_of(&forged.token()).await, 200, "{}", forged.unsigned());
    }
}

#[tokio::test]
async fn jw_01_no_algorithm_is_no_signature() {
    let (app, user) = app().await;
    for spelling in ["none", "None", "NONE", "nOnE", " none", "none "] {
        let forged = Forged::access(&user).header("alg", spelling);
        let signed = forged.token();
        for token in [forged.unsigned(), forged.unsigned() + ".", signed.clone()] {
            assert_eq!(app.status_of(&token).await, 401, "{spelling}: {token}");
        }
    }
}

#[tokio::test]
async fn jw_02_a_token_has_three_parts_and_its_own_signature() {
    let (app, user) = app().await;
    let token = Forged::access(&user).token();
    let other = Forged::access_with(&user, "exp", json!(BEGINNING + 601)).token();
    let [head, body, signature] = token.split('.').collect::<Vec<_>>()[..] else { panic!("{token}") };
    let others = other.rsplit('.').next().unwrap();
    for token in [
        format!("{head}.{body}"),
        format!("{head}.{body}."),
        format!("{head}.{body}.{others}"),
        format!("{head}.{body}.{signature}="),
        format!("{head}.{body}.{signature}A"),
        format!("{head}.{body}.{}", &signature[..42]),
        format!("{head}.{body}.{signature}.{signature}"),
        format!(".{body}.{signature}"),
        format!("{head}..{signature}"),
        format!("{body}.{head}.{signature}"),
        "..".to_owned(),
        "...".to_owned(),
        Forged::access(&user).secret(OTHER_SECRET).token(),
    ] {
        assert_eq!(app.status_of(&token).await, 401, "{token}");
    }
    assert_eq!(app.status_of(&token).await, 200);
}

#[tokio::test]
async fn jw_03_only_the_configured_algorithm_counts_whatever_the_secret() {
    let (app, user) = app().await;
    for algorithm in ["HS384", "HS512"] {
        let forged = Forged::access(&user).header("alg", algorithm);
        assert_eq!(app.status_of(&forged.token_of_hs384_or_hs512()).await, 401, "{algorithm}");
        assert_eq!(app.status_of(&forged.token()).await, 401, "{algorithm} as a lie");
    }
}

#[tokio::test]
async fn jw_04_a_header_that_names_a_key_pairs_algorithm_is_a_lie() {
    let (app, user) = app().await;
    for algorithm in ["RS256", "ES256", "PS256", "EdDSA", "RS384", "ES512", "hs256", "", "HS257"] {
        let token = Forged::access(&user).header("alg", algorithm).token();
        assert_eq!(app.status_of(&token).await, 401, "{algorithm}");
    }
    for algorithm in [Json::Null, json!(["HS256"]), json!(256)] {
        let token = Forged::access(&user).header("alg", algorithm.clone()).token();
        assert_eq!(app.status_of(&token).await, 401, "{algorithm}");
    }
}

#[tokio::test]
async fn jw_05_a_kid_leads_to_no_other_key() {
    let (app, user) = app().await;
    for kid in
        ["../../../../dev/null", "' UNION SELECT 'secret' --", "|cat /etc/passwd", "/proc/self/environ"]
    {
        for secret in ["", "\0", "secret", OTHER_SECRET] {
            let token = Forged::access(&user).header("kid", kid).secret(secret).token();
            assert_eq!(app.status_of(&token).await, 401, "{kid} {secret:?}");
        }
    }
}

#[tokio::test]
async fn jw_06_a_token_brings_no_key_of_its_own() {
    let (app, user) = app().await;
    // Whoever fetched the key would have come here.
    let attacker = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    attacker.set_nonblocking(true).unwrap();
    let url = format!("http://{}", attacker.local_addr().unwrap());
    let key =
        json!({ "kty": "oct", "alg": "HS256", "k": "YW5vdGhlci1zZWNyZXQtMDEyMzQ1Njc4OS1hYmNkZWZnaGlqa2w" });
    for (name, value) in [
        ("jwk", key),
        ("jku", json!(format!("{url}/keys.json"))),
        ("x5u", json!(format!("{url}/chain.pem"))),
        ("x5c", json!(["MIIB"])),
    ] {
        let token = Forged::access(&user).header(name, value).secret(OTHER_SECRET).token();
        assert_eq!(app.status_of(&token).await, 401, "{name}");
    }
    assert_eq!(attacker.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock, "nothing was fetched");
}

#[tokio::test]
async fn jw_07_an_expiry_is_a_whole_number_in_the_future() {
    let (app, user) = app().await;
    for exp in [
        json!(BEGINNING),
        json!(BEGINNING - 1),
        json!(0),
        json!(-1),
        json!(i64::MIN),
        json!(BEGINNING as f64 + 600.5),
        json!(1e300),
        json!((BEGINNING - 1).to_string()),
        json!("never"),
        json!(""),
        json!("1e12"),
        json!("99999999999999999999999999"),
        json!(true),
        json!([BEGINNING + 600]),
        json!({}),
        Json::Null,
    ] {
        let token = Forged::access_with(&user, "exp", exp.clone()).token();
        assert_eq!(app.status_of(&token).await, 401, "{exp}");
    }
}

#[tokio::test]
async fn jw_07_jw_22_a_token_is_good_until_the_second_before_its_expiry() {
    let (app, _) = app().await;
    let token = app.token("ada@example.com").await;
    app.clock.advance_seconds(3599);
    assert_eq!(app.status_of(&token).await, 200);
    app.clock.advance_seconds(1);
    assert_eq!(app.status_of(&token).await, 401);
}

#[tokio::test]
async fn jw_08_a_token_from_the_future_is_none() {
    let (app, user) = app().await;
    for claim in ["nbf", "iat"] {
        for value in [
            json!(BEGINNING + 1),
            json!(u64::MAX),
            json!("soon"),
            json!("1"),
            json!(1.5),
            json!([]),
            json!(false),
            Json::Null,
        ] {
            let token = Forged::access_with(&user, claim, value.clone()).token();
            assert_eq!(app.status_of(&token).await, 401, "{claim} {value}");
        }
    }
}

#[tokio::test]
async fn jw_10_a_token_is_for_this_audience() {
    let (app, user) = app().await;
    let missing = Forged::access_without(&user, "aud").token();
    assert_eq!(app.status_of(&missing).await, 401);
    for audience in [
        json!("fastapi-users:reset"),
        json!("fastapi-users:verify"),
        json!("fastapi-users:oauth-state"),
        json!(["fastapi-users:reset"]),
        json!("fastapi-users:auth "),
        json!("FASTAPI-USERS:AUTH"),
        json!([]),
        json!([["fastapi-users:auth"]]),
        json!(["fastapi-users:auth", 1]),
        json!({ "aud": "fastapi-users:auth" }),
        json!(1),
        json!(""),
        Json::Null,
    ] {
        let token = Forged::access_with(&user, "aud", audience.clone()).token();
        assert_eq!(app.status_of(&token).await, 401, "{audience}");
    }
}

#[tokio::test]
async fn jw_11_jw_12_a_subject_is_the_id_of_a_user_as_text() {
    let (app, user) = app().await;
    let missing = Forged::access_without(&user, "sub").token();
    assert_eq!(app.status_of(&missing).await, 401);
    for subject in [
        json!(""),
        json!("hello"),
        json!(NOBODY),
        json!(user.email),
        json!(1),
        json!(true),
        json!([user.id]),
        json!({ "id": user.id }),
        json!("x".repeat(5_000)),
        json!(format!("{}\0", user.id)),
        json!(format!(" {}", user.id)),
        json!(format!("{}0", user.id)),
        json!("\0"),
        Json::Null,
    ] {
        let token = Forged::access_with(&user, "sub", subject.clone()).token();
        assert_eq!(app.status_of(&token).await, 401, "{subject}");
    }
}

#[tokio::test]
async fn jw_13_an_extension_that_must_be_understood_is_not() {
    let (app, user) = app().await;
    for critical in [json!(["x"]), json!(["exp"]), json!(["b64"]), json!([])] {
        let token = Forged::access(&user).header("crit", critical.clone()).header("x", 1).token();
        assert_eq!(app.status_of(&token).await, 401, "{critical}");
    }
}

#[tokio::test]
async fn jw_14_size_and_depth_of_a_token_do_no_harm() {
    let (app, user) = app().await;
    let claims = Forged::access_claims(&user).to_string();
    let with = |value: String| {
        Forged::of_text(claims.replace("{\"sub\"", &format!("{{\"x\":{value},\"sub\""))).token()
    };
    let large = |bytes: usize| with(format!("\"{}\"", "a".repeat(bytes)));
    assert_eq!(app.status_of(&large(2_000)).await, 200);
    let deep = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
    for token in [large(20_000), large(200_000), large(2_000_000), with(deep(3_000)), "a.".repeat(100_000)] {
        assert_eq!(app.status_of(&token).await, 401, "{}…", &token[..20]);
    }
}

#[tokio::test]
async fn jw_14_a_token_of_4096_bytes_is_read_and_a_longer_one_is_not() {
    let (app, user) = app().await;
    let filled = |bytes: usize| Forged::access_with(&user, "x", json!("a".repeat(bytes))).token();
    let of_length = |length: usize| {
        (length / 2..length).map(filled).find(|token| token.len() == length).expect("a token of this length")
    };
    assert_eq!(app.status_of(&of_length(4096)).await, 200);
    assert_eq!(app.status_of(&of_length(4097)).await, 401);
}

#[tokio::test]
async fn claims_that_are_no_object_are_no_claims() {
    let (app, _) = app().await;
    for text in ["", "null", "[]", "1", "\"x\"", "{", "{}", "{\"sub\":1,\"sub\":2}", "\u{feff}{}"] {
        assert_eq!(app.status_of(&Forged::of_text(text).token()).await, 401, "{text}");
    }
}

#[tokio::test]
async fn jw_17_the_token_of_nobody_or_an_inactive_user_is_401() {
    let (app, user) = app().await;
    let token = Forged::access(&user).token();
    assert_eq!(app.status_of(&token).await, 200);
    app.set(&user, "is_active", Value::Bool(false)).await;
    assert_eq!(app.status_of(&token).await, 401);
    app.set(&user, "is_active", Value::Bool(true)).await;
    assert_eq!(app.status_of(&token).await, 200);
    app.users.delete(&user, &Default::default()).await.unwrap();
    assert_eq!(app.status_of(&token).await, 401);
}

#[tokio::test]
async fn jw_18_a_token_says_whose_it_is_and_for_how_long_and_no_more() {
    let (app, user) = app().await;
    let token = app.token("ada@example.com").await;
    let expected = json!({ "sub": user.id, "aud": ["fastapi-users:auth"], "exp": BEGINNING + 3600 });
    assert_eq!(claims(&token).to_string(), expected.to_string());
    assert_eq!(header(&token), json!({ "typ": "JWT", "alg": "HS256" }));
}

/// As the original's: nothing in it tells two logins of one second apart.
#[tokio::test]
async fn two_tokens_of_one_second_are_the_same() {
    let (app, _) = app().await;
    let first = app.token("ada@example.com").await;
    assert_eq!(first, app.token("ada@example.com").await);
    app.clock.advance_seconds(1);
    assert_ne!(first, app.token("ada@example.com").await);
}
