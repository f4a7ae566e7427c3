//! The state: bound to browser, provider, purpose and user, and good once.

use axum_users::{OAuthOptions, User, Users};
use serde_json::{Value as Json, json};

use super::{
    flow::{CSRF_COOKIE, PUBLIC_URL, app_of, app_with, last, offer, query, set},
    provider::{Person, Provider},
};
use crate::support::{App, BEGINNING, Forged, SECRET, claims};

fn alice() -> Person {
    Person::new("1", "alice@example.com")
}

fn code(name: &str) -> (u16, Json) {
    (400, json!(name))
}

#[tokio::test]
async fn oa_01_a_flow_ends_only_in_the_browser_that_began_it() {
    let provider = Provider::start().await;
    let app = app_of(&provider);
    let flow = app.begin("/auth/corp/authorize").await;
    let other_browser = app.begin("/auth/corp/authorize").await.cookie;
    let parameters = provider.consent(&flow, &alice());
    let path = format!("/auth/corp/callback?{}", query(&parameters));

    assert_eq!(app.get(&path).await.error(), code("OAUTH_INVALID_STATE"), "no cookie");
    let almost = flow.cookie[..42].to_owned();
    for cookie in ["forged", &other_browser, "", "\"\"", &almost] {
        let answer = app.get(&path).cookie(CSRF_COOKIE, cookie).await;
        assert_eq!(answer.error(), code("OAUTH_INVALID_STATE"), "{cookie}");
    }
    assert_eq!(provider.requests("/token").len(), 0, "the code was not spent");
    assert_eq!(app.come_to_login(&flow, &parameters).await.status, 200, "and is good for its own browser");
}

#[tokio::test]
async fn oa_02_what_is_no_state_is_refused_before_the_code_is_spent() {
    let provider = Provider::start().await;
    let app = app_of(&provider);
    let user = app.has("bob@example.com").await;
    let access_token = app.token("bob@example.com").await;
    let flow = app.begin("/auth/corp/authorize").await;
    let parameters = provider.consent(&flow, &alice());
    let state = last(&parameters, "state").to_owned();
    let good = claims(&state);
    let with = |claim: &str, value: Json| {
        let mut claims = good.clone();
        claims[claim] = value;
        Forged::new(&claims)
    };
    let without_algorithm = format!("{}.", with("sub", Json::Null).header("alg", "none").unsigned());
    for (what, state) in [
        ("cut", state[..state.len() - 1].to_owned()),
        ("empty", String::new()),
        ("garbage", "garbage".into()),
        ("an access token", access_token),
        ("an access token of the same claims", Forged::access(&user).token()),
        ("of another secret", with("provider", "corp".into()).secret("x").token()),
        ("alg none", without_algorithm),
        ("of another audience", with("aud", "fastapi-users:auth".into()).token()),
        ("without a browser", with("csrftoken", Json::Null).token()),
        ("of Python, which names no provider", state_of_python(&flow.cookie, None)),
    ] {
        let answer = app.come_to_login(&flow, &set(parameters.clone(), "state", Some(&state))).await;
        let detail = answer.json()["detail"].clone();
        assert_eq!(answer.status, 400, "{what}: {answer:?}");
        assert!(detail == "ACCESS_TOKEN_DECODE_ERROR" || detail == "OAUTH_INVALID_STATE", "{what}: {detail}");
    }
    let without = app.come_to_login(&flow, &set(parameters.clone(), "state", None)).await;
    assert_eq!(without.error(), code("ACCESS_TOKEN_DECODE_ERROR"));
    assert_eq!(provider.requests("/token").len(), 0, "the code was not spent");
    assert_eq!(app.come_to_login(&flow, &parameters).await.status, 200);
}

#[tokio::test]
async fn a_state_expires_after_an_hour() {
    let provider = Provider::start().await;
    let app = app_of(&provider);
    let flow = app.begin("/auth/corp/authorize").await;
    let parameters = provider.consent(&flow, &alice());

    provider.clock().advance_seconds(3600);

    let answer = app.come_to_login(&flow, &parameters).await;
    assert_eq!(answer.error(), code("ACCESS_TOKEN_ALREADY_EXPIRED"));
}

#[tokio::test]
async fn oa_03_a_state_of_one_provider_is_no_good_at_another() {
    let (provider, evil) = (Provider::start().await, Provider::start().await);
    let app = App::with(|builder| {
        offer(builder, &provider, OAuthOptions::backend("jwt"))
            .oauth(evil.client().name("evil"), OAuthOptions::backend("jwt"))
    });
    let flow = app.begin("/auth/corp/authorize").await;
    let parameters = provider.consent(&flow, &alice());

    let answer = app.come_back("/auth/evil/callback", &flow.cookie, &parameters).await;

    assert_eq!(answer.error(), code("ACCESS_TOKEN_DECODE_ERROR"));
    assert_eq!(evil.requests("/token").len(), 0, "the code of one was not given to the other");
}

#[tokio::test]
async fn oa_04_and_oa_05_a_state_is_good_for_one_purpose() {
    let provider = Provider::start().await;
    let app = app_of(&provider);
    app.has("bob@example.com").await;
    let token = app.token("bob@example.com").await;

    let login = app.begin("/auth/corp/authorize").await;
    let answer = app.come_to_link(&token, &login, &provider.consent(&login, &alice())).await;
    assert_eq!(answer.error(), code("ACCESS_TOKEN_DECODE_ERROR"), "login state, associate callback");

    let linking = app.begin_linking(&token).await;
    let answer = app.come_to_login(&linking, &provider.consent(&linking, &alice())).await;
    assert_eq!(answer.error(), code("ACCESS_TOKEN_DECODE_ERROR"), "associate state, login callback");
}

#[tokio::test]
async fn tk_08_a_state_opens_nothing_else_and_no_other_token_is_a_state() {
    let provider = Provider::start().await;
    let app = app_of(&provider);
    let bob = app.has("bob@example.com").await;
    let others = [
        app.reset_token("bob@example.com").await,
        app.verification_token("bob@example.com").await,
        app.session("bob@example.com").await,
    ];
    let flow = app.begin("/auth/corp/authorize").await;
    let parameters = provider.consent(&flow, &alice());
    let state = last(&parameters, "state").to_owned();
    assert_eq!([app.status_of(&state).await, app.status_of_session(&state).await], [401, 401]);
    assert_eq!(app.verify(&state).await.error(), code("VERIFY_USER_BAD_TOKEN"));
    let reset = app.reset_password(&state, "a horse in the snow").await;
    assert_eq!(reset.error(), code("RESET_PASSWORD_BAD_TOKEN"));
    assert_eq!(app.stored(bob.id).await, bob);

    for other in others {
        let answer = app.come_to_login(&flow, &set(parameters.clone(), "state", Some(&other))).await;
        assert_eq!(answer.error(), code("ACCESS_TOKEN_DECODE_ERROR"), "{other}");
    }
    assert_eq!(provider.requests("/token").len(), 0, "the code was not spent");
    assert_eq!(app.come_to_login(&flow, &parameters).await.status, 200);
}

#[tokio::test]
async fn oa_06_a_state_is_good_once_even_with_a_fresh_code() {
    let provider = Provider::start().await;
    let app = app_of(&provider);
    let flow = app.begin("/auth/corp/authorize").await;

    let first = app.come_to_login(&flow, &provider.consent(&flow, &alice())).await;
    assert_eq!(first.status, 200);
    let cleared = first.set_cookies();
    assert_eq!(
        cleared,
        [format!("{CSRF_COOKIE}=\"\"; HttpOnly; Max-Age=0; Path=/; SameSite=lax; Secure")],
        "the cookie goes"
    );

    let second = app.come_to_login(&flow, &provider.consent(&flow, &alice())).await;
    assert_eq!(second.error(), code("OAUTH_INVALID_STATE"));
    assert_eq!(provider.requests("/token").len(), 1);
}

#[tokio::test]
async fn oa_14_half_a_callback_and_an_endless_one_are_refused() {
    let provider = Provider::start().await;
    let app = app_of(&provider);
    let flow = app.begin("/auth/corp/authorize").await;
    let parameters = provider.consent(&flow, &alice());
    for (what, parameters) in [
        ("nothing", vec![]),
        ("no code", set(parameters.clone(), "code", None)),
        ("no state", set(parameters.clone(), "state", None)),
        ("9 kB of state", set(parameters.clone(), "state", Some(&"x".repeat(9000)))),
        ("9 kB of state in three parts", set(parameters.clone(), "state", Some(&"x.".repeat(4500)))),
    ] {
        let answer = app.come_to_login(&flow, &parameters).await;
        assert_eq!(answer.status, 400, "{what}: {answer:?}");
    }
}

#[tokio::test]
async fn oa_21_a_linking_that_somebody_else_ends_links_nothing() {
    let provider = Provider::start().await;
    let app = app_of(&provider);
    for email in ["a@example.com", "b@example.com"] {
        app.has(email).await;
    }
    let (a, b) = (app.token("a@example.com").await, app.token("b@example.com").await);
    let flow = app.begin_linking(&a).await;
    let parameters = provider.consent(&flow, &alice());

    let by_b = app.come_to_link(&b, &flow, &parameters).await;
    assert_eq!(by_b.error(), code("Bad Request"));
    let by_nobody = app.come_back("/auth/associate/corp/callback", &flow.cookie, &parameters).await;
    assert_eq!(by_nobody.error(), (401, json!("Unauthorized")));
    assert_eq!(provider.requests("/token").len(), 0);

    let by_a = app.come_to_link(&a, &flow, &parameters).await;
    assert_eq!(by_a.json()["email"], "a@example.com");
}

#[tokio::test]
async fn a_flow_outlives_a_new_state_secret() {
    let provider = Provider::start().await;
    let (old, new) = ("the-old-secret-with-32-bytes-and-more", "the-new-secret-with-32-bytes-and-more");
    let with_secrets = |secrets: Vec<&str>| {
        App::with(|builder| {
            offer(builder, &provider, OAuthOptions::backend("jwt")).oauth_state_secret(secrets)
        })
    };
    let (before, during, after) =
        (with_secrets(vec![old]), with_secrets(vec![new, old]), with_secrets(vec![new]));

    let flow = before.begin("/auth/corp/authorize").await;
    let answer = during.come_to_login(&flow, &provider.consent(&flow, &alice())).await;
    assert_eq!(answer.status, 200, "begun before: {answer:?}");

    let flow = during.begin("/auth/corp/authorize").await;
    let answer = during.come_to_login(&flow, &provider.consent(&flow, &alice())).await;
    assert_eq!(answer.status, 200, "begun while it changes: {answer:?}");

    let flow = before.begin("/auth/corp/authorize").await;
    let answer = after.come_to_login(&flow, &provider.consent(&flow, &alice())).await;
    assert_eq!(answer.error(), code("ACCESS_TOKEN_DECODE_ERROR"), "the old secret is gone");
}

/// What Python's routers put into a state.
fn state_of_python(cookie: &str, subject: Option<&User>) -> String {
    let mut claims = json!({
        "csrftoken": cookie, "aud": "fastapi-users:oauth-state", "exp": BEGINNING + 3600
    });
    if let Some(user) = subject {
        claims["sub"] = json!(user.id);
    }
    Forged::new(&claims).token()
}

#[tokio::test]
async fn side_by_side_with_python_states_of_both_are_good_at_both() {
    let provider = Provider::start().await;
    provider.script(|script| script.no_id_token = true);
    let app = App::with(|builder| {
        offer(builder, &provider, OAuthOptions::backend("jwt"))
            .oauth_side_by_side_until_python_leaves()
            .oauth_state_secret(SECRET)
    });
    let ours = app.begin("/auth/corp/authorize").await;
    assert_eq!(ours.parameter("code_challenge"), "", "Python could not finish a flow with PKCE");
    assert_eq!(ours.parameter("nonce"), "");
    assert_eq!(app.come_to_login(&ours, &provider.consent(&ours, &alice())).await.status, 200);

    let cookie = "c".repeat(43);
    let mut begun_by_python = app.begin("/auth/corp/authorize").await;
    begun_by_python.cookie.clone_from(&cookie);
    let with_state = |state: &str| {
        let parameters = provider.consent(&begun_by_python, &alice());
        set(parameters, "state", Some(state))
    };
    let answer = app.come_to_login(&begun_by_python, &with_state(&state_of_python(&cookie, None))).await;
    assert_eq!(answer.status, 200, "{answer:?}");

    let bob = app.has("bob@example.com").await;
    let token = app.token("bob@example.com").await;
    let linking = with_state(&state_of_python(&cookie, Some(&bob)));
    let answer = app.come_to_login(&begun_by_python, &linking).await;
    assert_eq!(answer.error(), code("ACCESS_TOKEN_DECODE_ERROR"), "purposes stay apart");
    let answer =
        app.come_to_link(&token, &begun_by_python, &with_state(&state_of_python(&cookie, None))).await;
    assert_eq!(answer.error(), code("ACCESS_TOKEN_DECODE_ERROR"), "purposes stay apart");

    let alone = app_of(&provider);
    let answer = alone.come_to_login(&begun_by_python, &with_state(&state_of_python(&cookie, None))).await;
    assert_eq!(answer.error(), code("ACCESS_TOKEN_DECODE_ERROR"), "alone, Python's states are refused");
}

#[tokio::test]
async fn oa_28_the_redirect_uri_is_never_made_from_a_request() {
    let provider = Provider::start().await;
    let app = app_of(&provider);
    for header in ["host", "x-forwarded-host", "x-forwarded-proto", "forwarded", "x-original-host"] {
        let answer = app.get("/auth/corp/authorize").header(header, "evil.example.net").await;
        let flow = App::<User>::begun(&answer);
        assert_eq!(flow.parameter("redirect_uri"), format!("{PUBLIC_URL}/auth/corp/callback"), "{header}");
    }
    app.has("bob@example.com").await;
    let linking = app.begin_linking(&app.token("bob@example.com").await).await;
    assert_eq!(linking.parameter("redirect_uri"), format!("{PUBLIC_URL}/auth/associate/corp/callback"));
}

#[tokio::test]
async fn the_redirect_uri_follows_the_mount_and_the_prefix_and_yields_to_the_options() {
    let provider = Provider::start().await;
    let redirect_uri = |app: App, path: &'static str| async move {
        let answer = app.get(path).await;
        App::<User>::begun(&answer).parameter("redirect_uri")
    };
    let mounted = App::with(|builder| offer(builder, &provider, OAuthOptions::backend("jwt")).mount("/api/"));
    assert_eq!(
        redirect_uri(mounted, "/auth/corp/authorize").await,
        format!("{PUBLIC_URL}/api/auth/corp/callback")
    );

    let fixed = app_with(&provider, |options| options.redirect_url("https://front.example/back"));
    assert_eq!(redirect_uri(fixed, "/auth/corp/authorize").await, "https://front.example/back");

    let app = app_of(&provider);
    let users: Users<User> = app.users.clone();
    let router = axum::Router::new().merge(users.oauth_router("corp").at("/sso"));
    let client = crate::support::Client::of(router.with_state(users));
    // The one that was mounted first is the one that the provider knows.
    let flow = App::<User>::begun(&client.get("/sso/authorize").await);
    assert_eq!(flow.parameter("redirect_uri"), format!("{PUBLIC_URL}/auth/corp/callback"));
}
