//! Backends: transports with their options, strategies with theirs, and several of them at once.

use axum_users::{
    AccessToken, AccessTokensAtRest, Algorithm, Bearer, Cookie, DatabaseTokens, Jwt, Random, SameSite, User,
    UsersBuilder, schema::Value,
};
use serde_json::json;

use crate::support::{App, BEGINNING, Forged, PASSWORD, SECRET, claims, header};

const KEY_PAIRS: [(Algorithm, &str, &str); 3] = [
    (
        Algorithm::RS256,
        include_str!("../data/keys/rsa-private.pem"),
        include_str!("../data/keys/rsa-public.pem"),
    ),
    (
        Algorithm::ES256,
        include_str!("../data/keys/p256-private.pem"),
        include_str!("../data/keys/p256-public.pem"),
    ),
    (
        Algorithm::EdDSA,
        include_str!("../data/keys/ed25519-private.pem"),
        include_str!("../data/keys/ed25519-public.pem"),
    ),
];

fn with_jwt(jwt: Jwt) -> App {
    App::bare(|builder| builder.backend("jwt", Bearer::default(), jwt))
}

#[tokio::test]
async fn every_algorithm_signs_and_accepts_its_own_tokens_and_no_others() {
    let mut tokens = Vec::new();
    let mut apps = Vec::new();
    for algorithm in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512] {
        apps.push((algorithm, with_jwt(Jwt::lasting_seconds(600).algorithm(algorithm))));
    }
    for (algorithm, private, public) in KEY_PAIRS {
        apps.push((algorithm, with_jwt(Jwt::lasting_seconds(600).key_pair(algorithm, private, public))));
    }
    for (algorithm, app) in &apps {
        app.has("ada@example.com").await;
        let token = app.token("ada@example.com").await;
        assert_eq!(header(&token)["alg"], algorithm.name());
        assert_eq!(app.status_of(&token).await, 200, "{algorithm}");
        tokens.push(token);
    }
    for (own, (algorithm, app)) in apps.iter().enumerate() {
        for (index, token) in tokens.iter().enumerate() {
            assert_eq!(app.status_of(token).await, if index == own { 200 } else { 401 }, "{algorithm}");
        }
    }
}

/// The oldest trick: a public key taken for a shared secret.
#[tokio::test]
async fn jw_04_a_public_key_is_no_secret() {
    for (algorithm, private, public) in KEY_PAIRS {
        let app = with_jwt(Jwt::lasting_seconds(600).key_pair(algorithm, private, public));
        let user = app.has("ada@example.com").await;
        for secret in [public, public.trim(), SECRET, ""] {
            let token = Forged::access(&user).secret(secret).token();
            assert_eq!(app.status_of(&token).await, 401, "{algorithm}");
        }
    }
}

#[tokio::test]
async fn jw_10_a_backend_with_its_own_audience_or_secret_has_its_own_tokens() {
    let app = App::bare(|builder| {
        builder
            .backend("jwt", Bearer::default(), Jwt::lasting_seconds(600))
            .backend("audience", Bearer::default(), Jwt::lasting_seconds(600).audience("shop:staff"))
            .backend(
                "secret",
                Bearer::default(),
                Jwt::lasting_seconds(600).secret("another-secret-of-at-least-32-bytes"),
            )
    });
    let user = app.has("ada@example.com").await;
    let token = app.token_at("audience", "ada@example.com").await;
    assert_eq!(claims(&token)["aud"], json!(["shop:staff"]));
    for name in ["jwt", "audience", "secret"] {
        assert_eq!(app.status_of(&app.token_at(name, "ada@example.com").await).await, 200, "{name}");
    }
    let forged = Forged::access_with(&user, "aud", json!("shop:staff"));
    assert_eq!(app.status_of(&forged.token()).await, 200);
    assert_eq!(app.status_of(&forged.secret("another-secret-of-at-least-32-bytes").token()).await, 401);
}

/// Three processes one after the other, with the same user: its id and hash come from one seed.
async fn rotated(secrets: &[&'static str]) -> App {
    let secrets = secrets.to_vec();
    let app = App::bare(|builder| {
        builder
            .random(Random::seeded(7))
            .reset_secret(secrets.clone())
            .verification_secret(secrets.clone())
            .backend("jwt", Bearer::default(), Jwt::lasting_seconds(600).secret(secrets))
    });
    app.has("ada@example.com").await;
    app
}

#[tokio::test]
async fn jw_20_the_first_secret_signs_and_all_of_them_verify() {
    let (old, new) = ("the-old-secret-of-at-least-32-bytes", "the-new-secret-of-at-least-32-bytes");
    let (before, during, after) = (rotated(&[old]).await, rotated(&[new, old]).await, rotated(&[new]).await);

    let access = before.token("ada@example.com").await;
    assert_eq!(during.status_of(&access).await, 200);
    assert_eq!(after.status_of(&access).await, 401);
    let access = during.token("ada@example.com").await;
    assert_eq!(before.status_of(&access).await, 401, "signed with the new one");
    assert_eq!(after.status_of(&access).await, 200);

    let verification = before.verification_token("ada@example.com").await;
    assert_eq!(after.verify(&verification).await.status, 400);
    assert_eq!(during.verify(&verification).await.status, 200);
    let reset = before.reset_token("ada@example.com").await;
    assert_eq!(after.reset_password(&reset, "a horse in the snow").await.status, 400);
    assert_eq!(during.reset_password(&reset, "a horse in the snow").await.status, 200);
}

fn with_cookie(cookie: Cookie) -> App {
    App::bare(|builder| builder.backend("cookie", cookie, DatabaseTokens::lasting_seconds(600)))
}

#[tokio::test]
async fn se_08_se_09_the_cookies_header_is_exact_with_every_option() {
    let cases = [
        (Cookie::default(), "fastapiusersauth=", "; HttpOnly; Path=/; SameSite=lax; Secure"),
        (Cookie::default().insecure(), "fastapiusersauth=", "; HttpOnly; Path=/; SameSite=lax"),
        (Cookie::named("__Host-session"), "__Host-session=", "; HttpOnly; Path=/; SameSite=lax; Secure"),
        (
            Cookie::named("sid")
                .max_age_seconds(3600)
                .path("/app")
                .domain("example.com")
                .readable_by_scripts()
                .same_site(SameSite::Strict),
            "sid=",
            "; Domain=example.com; Max-Age=3600; Path=/app; SameSite=strict; Secure",
        ),
        (
            Cookie::default().same_site(SameSite::None).max_age_seconds(0),
            "fastapiusersauth=",
            "; HttpOnly; Max-Age=0; Path=/; SameSite=none; Secure",
        ),
    ];
    for (cookie, start, end) in cases {
        let app = with_cookie(cookie);
        app.has("ada@example.com").await;
        let name = start.trim_end_matches('=');
        let login = app.login_at("cookie", "ada@example.com", PASSWORD).await;
        let session = login.cookie_value(name);
        assert_eq!(login.set_cookies(), [format!("{start}{session}{end}")]);
        assert_eq!(session.len(), 43);

        let logout = app.post("/auth/cookie/logout").cookie(name, &session).await;
        // What clears a cookie names the same place, and no life.
        let without_age = end.replace("; Max-Age=3600", "").replace("; Max-Age=0", "");
        let (before, after) = without_age.split_at(without_age.find("; Path=").unwrap());
        assert_eq!(logout.set_cookies(), [format!("{start}\"\"{before}; Max-Age=0{after}")]);
    }
}

#[tokio::test]
async fn a_cookie_carries_jwts_as_well() {
    let app = App::bare(|builder| builder.backend("cookie", Cookie::default(), Jwt::lasting_seconds(600)));
    app.has("ada@example.com").await;
    let session = app.session("ada@example.com").await;
    assert_eq!(app.status_of_session(&session).await, 200);
    assert_eq!(claims(&session)["exp"], json!(BEGINNING + 600));
    app.clock.advance_seconds(600);
    assert_eq!(app.status_of_session(&session).await, 401);
}

/// A bearer backend with JWTs, a cookie with sessions, and a second bearer backend with sessions.
fn with_three() -> App {
    App::with(|builder| builder.backend("opaque", Bearer::default(), DatabaseTokens::lasting_seconds(3600)))
}

#[tokio::test]
async fn backends_are_tried_in_order_and_a_bad_token_of_one_stops_no_other() {
    let app = with_three();
    app.has("ada@example.com").await;
    app.has("bob@example.com").await;
    let (jwt, session) = (app.token("ada@example.com").await, app.session("bob@example.com").await);
    let opaque = app.token_at("opaque", "bob@example.com").await;
    let who = async |bearer: &str, cookie: &str| {
        let call = app.get("/users/me").bearer(bearer).cookie("fastapiusersauth", cookie);
        call.await.json()["email"].as_str().unwrap_or("nobody").to_owned()
    };
    assert_eq!(who(&jwt, &session).await, "ada@example.com", "the first backend wins");
    assert_eq!(who("garbage", &session).await, "bob@example.com");
    assert_eq!(who(&jwt, "garbage").await, "ada@example.com");
    assert_eq!(who(&opaque, "garbage").await, "bob@example.com", "the same transport twice");
    assert_eq!(who("garbage", "garbage").await, "nobody");

    // A token whose user is gone stops no other either.
    let ada = app.users.get_by_email("ada@example.com").await.unwrap().unwrap();
    app.users.delete(&ada, &Default::default()).await.unwrap();
    assert_eq!(who(&jwt, &session).await, "bob@example.com");
}

/// An inactive user is a user: the next backend is not asked, as in the original.
#[tokio::test]
async fn the_first_user_found_counts_even_when_it_is_not_active() {
    let app = App::new();
    let ada = app.has("ada@example.com").await;
    app.has("bob@example.com").await;
    let (jwt, session) = (app.token("ada@example.com").await, app.session("bob@example.com").await);
    app.set(&ada, "is_active", Value::Bool(false)).await;
    let answer = app.get("/users/me").bearer(&jwt).cookie("fastapiusersauth", &session).await;
    assert_eq!(answer.status, 401);
}

#[tokio::test]
async fn a_logout_asks_every_backend_who_it_is_and_ends_the_token_of_its_own() {
    let app = with_three();
    app.has("ada@example.com").await;
    let jwt = app.token("ada@example.com").await;

    // A JWT at the cookie's logout: the cookie is cleared, no session ends.
    let session = app.session("ada@example.com").await;
    let answer = app.post("/auth/cookie/logout").bearer(&jwt).await;
    assert_eq!((answer.status.as_u16(), answer.set_cookies().len()), (204, 1));
    assert_eq!(app.status_of_session(&session).await, 200);

    // With both, the first backend's token is the one, and the session survives.
    let call = app.post("/auth/cookie/logout").bearer(&jwt).cookie("fastapiusersauth", &session);
    assert_eq!(call.await.status, 204);
    assert_eq!(app.status_of_session(&session).await, 200);

    // A session at the JWT's logout is still good.
    let answer = app.post("/auth/jwt/logout").cookie("fastapiusersauth", &session).await;
    assert_eq!((answer.status.as_u16(), answer.set_cookies().len()), (204, 0));
    assert_eq!(app.status_of_session(&session).await, 200);

    // So is an opaque bearer token; its own logout ends it.
    let opaque = app.token_at("opaque", "ada@example.com").await;
    assert_eq!(app.post("/auth/jwt/logout").bearer(&opaque).await.status, 204);
    assert_eq!(app.status_of(&opaque).await, 200);
    assert_eq!(app.post("/auth/opaque/logout").bearer(&opaque).await.status, 204);
    assert_eq!(app.status_of(&opaque).await, 401);
}

#[tokio::test]
async fn se_20_a_session_is_as_old_as_the_servers_clock_says() {
    let app = App::new();
    app.has("ada@example.com").await;
    let session = app.session("ada@example.com").await;
    app.clock.advance_seconds(3600);
    assert_eq!(app.status_of_session(&session).await, 200, "the last moment");
    let younger = app.session("ada@example.com").await;
    app.clock.advance_seconds(1);
    assert_eq!(app.status_of_session(&session).await, 401);
    assert_eq!(app.status_of_session(&younger).await, 200);

    assert_eq!(app.users.purge_expired_sessions().await.unwrap(), 1);
    assert_eq!(app.users.purge_expired_sessions().await.unwrap(), 0);
    assert_eq!(app.status_of_session(&younger).await, 200);
    app.clock.advance_seconds(-1);
    assert_eq!(app.status_of_session(&session).await, 401, "purged");
}

#[tokio::test]
async fn a_lifetime_of_zero_is_for_ever_as_is_none() {
    let app = App::bare(|builder| {
        builder
            .backend("jwt", Bearer::default(), Jwt::lasting_for_ever())
            .backend("zero", Bearer::default(), Jwt::lasting_seconds(0).audience("zero"))
            .backend("opaque", Bearer::default(), DatabaseTokens::lasting_seconds(0))
            .backend("cookie", Cookie::default(), DatabaseTokens::lasting_for_ever())
    });
    app.has("ada@example.com").await;
    let (jwt, opaque) = (app.token("ada@example.com").await, app.token_at("opaque", "ada@example.com").await);
    let session = app.session("ada@example.com").await;
    for token in [&jwt, &app.token_at("zero", "ada@example.com").await] {
        assert_eq!(claims(token).get("exp"), None);
    }
    app.clock.advance_seconds(100 * 365 * 24 * 3600);
    assert_eq!((app.status_of(&jwt).await, app.status_of(&opaque).await), (200, 200));
    assert_eq!(app.status_of_session(&session).await, 200);
    assert_eq!(app.users.purge_expired_sessions().await.unwrap(), 0);
}

/// One table for all: what is over for one backend may be good for another.
#[tokio::test]
async fn sessions_are_purged_by_the_longest_lifetime_of_all_backends() {
    for lifetimes in [[("long", 7200), ("short", 3600)], [("short", 3600), ("long", 7200)]] {
        let app = App::bare(|builder| {
            lifetimes.into_iter().fold(builder, |builder, (name, seconds)| {
                builder.backend(name, Bearer::default(), DatabaseTokens::lasting_seconds(seconds))
            })
        });
        app.has("ada@example.com").await;
        let long = app.token_at("long", "ada@example.com").await;
        app.clock.advance_seconds(7200);
        assert_eq!(app.users.purge_expired_sessions().await.unwrap(), 0);
        assert_eq!(app.status_of(&long).await, 200);
        app.clock.advance_seconds(1);
        assert_eq!(app.users.purge_expired_sessions().await.unwrap(), 1);
    }
}

/// The stored form of a token, found by taking each for what it is.
async fn is_stored_as(app: &App, form: &str) -> bool {
    app.users.database().user_by_access_token(&[form.to_owned()], None).await.unwrap().is_some()
}

fn at_rest(form: AccessTokensAtRest) -> impl FnOnce(UsersBuilder<User>) -> UsersBuilder<User> {
    move |builder| builder.access_tokens_at_rest(form)
}

#[tokio::test]
async fn se_11_tokens_are_stored_hashed_and_the_hash_opens_nothing() {
    let app = App::new();
    app.has("ada@example.com").await;
    let session = app.session("ada@example.com").await;
    assert!(!is_stored_as(&app, &session).await);

    let digest = <sha2::Sha256 as sha2::Digest>::digest(session.as_bytes());
    let digest = base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, digest);
    let stored = format!("~{}", &digest[..42]);
    assert!(is_stored_as(&app, &stored).await, "it fits the original's column of 43 characters");
    for presented in [&*stored, &digest, &digest[..42]] {
        assert_eq!(app.status_of_session(presented).await, 401);
    }
}

#[tokio::test]
async fn tokens_are_stored_in_clear_while_python_shares_the_table() {
    let app = App::with(at_rest(AccessTokensAtRest::Clear));
    app.has("ada@example.com").await;
    let session = app.session("ada@example.com").await;
    assert!(is_stored_as(&app, &session).await);
    assert_eq!(app.status_of_session(&session).await, 200);
    assert!(is_stored_as(&app, &session).await, "it stays so");
}

#[tokio::test]
async fn a_row_that_python_wrote_is_read_and_hashed_at_its_first_use() {
    for (form, stays) in [(AccessTokensAtRest::Hashed, false), (AccessTokensAtRest::Clear, true)] {
        let app = App::with(at_rest(form));
        let user = app.has("ada@example.com").await;
        let token = "0123456789-abcdefghijklmnopqrstuvwxyz_ABCDE".to_owned();
        assert_eq!(token.len(), 43);
        let row = AccessToken { token: token.clone(), user_id: user.id, created_at: app.clock.now() };
        app.users.database().create_access_token(&row).await.unwrap();

        assert_eq!(app.status_of_session(&token).await, 200);
        assert_eq!(is_stored_as(&app, &token).await, stays);
        assert_eq!(app.status_of_session(&token).await, 200, "again");
        assert_eq!(app.post("/auth/cookie/logout").cookie("fastapiusersauth", &token).await.status, 204);
        assert_eq!(app.status_of_session(&token).await, 401);
    }
}

#[tokio::test]
async fn se_07_a_deleted_users_sessions_are_gone() {
    let app = App::new();
    let user = app.has("ada@example.com").await;
    let session = app.session("ada@example.com").await;
    app.users.delete(&user, &Default::default()).await.unwrap();
    assert_eq!(app.status_of_session(&session).await, 401);
    app.clock.advance_seconds(10_000);
    assert_eq!(app.users.purge_expired_sessions().await.unwrap(), 0, "no row is left");
}
