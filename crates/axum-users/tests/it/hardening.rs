//! What an application may ask for beyond the original's contract, and who is kept out by default: pages of
//! foreign sites, and guesses beyond the limits.

use axum_users::{Bearer, Jwt, Limit, Limits, UsersBuilder};
use serde_json::json;

use crate::support::{App, BEGINNING, Forged, PASSWORD};

#[tokio::test]
async fn se_05_signed_tokens_end_with_the_password_where_that_is_asked_for() {
    let app = App::with(UsersBuilder::password_change_ends_signed_tokens);
    let ada = app.has("ada@example.com").await;
    app.has("bob@example.com").await;
    let (token, other) = (app.token("ada@example.com").await, app.token("bob@example.com").await);
    let reset = app.reset_token("ada@example.com").await;
    app.clock.advance_seconds(1);
    assert_eq!(app.reset_password(&reset, "another horse in the rain").await.status, 200);
    assert_eq!(app.status_of(&token).await, 401);
    assert_eq!(app.status_of(&other).await, 200);
    // Not even in the same second does an old token pass for a new one.
    let answer = app.login("ada@example.com", "another horse in the rain").await;
    let fresh = answer.json()["access_token"].as_str().unwrap().to_owned();
    assert_eq!(app.status_of(&fresh).await, 200);
    // Python's tokens do not say when they were made: their expiry does.
    let python = Forged::access_with(&ada, "exp", json!(BEGINNING + 3600)).token();
    assert_eq!(app.status_of(&python).await, 401);
}

#[tokio::test]
async fn signed_tokens_live_on_without_being_asked_for() {
    let app = App::new();
    app.has("ada@example.com").await;
    let token = app.token("ada@example.com").await;
    let reset = app.reset_token("ada@example.com").await;
    app.reset_password(&reset, "another horse in the rain").await;
    assert_eq!(app.status_of(&token).await, 200);
}

#[tokio::test]
async fn se_02_a_login_ends_the_session_it_came_with_where_that_is_asked_for() {
    for (asked, expected) in [(true, 401), (false, 200)] {
        let app = App::with(|builder| if asked { builder.login_ends_presented_session() } else { builder });
        app.has("ada@example.com").await;
        let old = app.session("ada@example.com").await;
        let form = [("username", "ada@example.com"), ("password", PASSWORD)];
        let answer = app.post("/auth/cookie/login").cookie("fastapiusersauth", &old).form(&form).await;
        let new = answer.cookie_value("fastapiusersauth");
        assert_eq!(app.status_of_session(&old).await, expected);
        assert_eq!(app.status_of_session(&new).await, 200);
    }
}

#[tokio::test]
async fn jw_09_tokens_without_an_expiry_are_refused_where_that_is_asked_for() {
    let app = App::with(|builder| {
        builder.backend("strict", Bearer::default(), Jwt::lasting_seconds(60).refuse_tokens_without_expiry())
    });
    // The first backend takes what the second refuses, so the strict one stands alone here.
    let strict = App::bare(|builder| {
        builder.backend("jwt", Bearer::default(), Jwt::lasting_seconds(60).refuse_tokens_without_expiry())
    });
    for (app, expected) in [(&app, 200), (&strict, 401)] {
        let user = app.has("ada@example.com").await;
        let endless = Forged::access_without(&user, "exp").token();
        assert_eq!(app.status_of(&endless).await, expected);
        assert_eq!(app.status_of(&app.token("ada@example.com").await).await, 200);
    }
}

#[tokio::test]
async fn pw_23_a_change_of_password_or_address_wants_the_present_password_where_that_is_asked_for() {
    let app = App::with(UsersBuilder::change_wants_current_password);
    app.has("ada@example.com").await;
    let token = app.token("ada@example.com").await;
    let patch = async |body| app.patch("/users/me").bearer(&token).json(body).await;
    let refused = (400, json!("UPDATE_USER_BAD_CURRENT_PASSWORD"));
    let fresh = "another horse in the rain";
    assert_eq!(patch(json!({ "password": fresh })).await.error(), refused);
    assert_eq!(
        patch(json!({ "email": "eve@example.com", "current_password": "guess" })).await.error(),
        refused
    );
    assert_eq!(patch(json!({ "password": fresh, "current_password": null })).await.error(), refused);
    assert_eq!(app.login("ada@example.com", PASSWORD).await.status, 200, "nothing was changed");
    assert_eq!(patch(json!({ "is_active": true })).await.status, 200, "other fields are free");
    assert_eq!(patch(json!({ "password": fresh, "current_password": PASSWORD })).await.status, 200);
    assert_eq!(app.login("ada@example.com", fresh).await.status, 200);
}

#[tokio::test]
async fn cs_01_cs_02_cs_03_a_foreign_sites_page_neither_logs_in_nor_uses_a_cookie() {
    let app = App::with(|builder| builder.trusted_origins(["https://front.example.net"]));
    app.has("ada@example.com").await;
    let session = app.session("ada@example.com").await;
    let form = [("username", "ada@example.com"), ("password", PASSWORD)];
    let foreign: &[&[(&str, &str)]] = &[
        &[("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")],
        &[("origin", "https://evil.example")],
        &[("origin", "null")],
        &[("origin", "https://sibling.example.com"), ("sec-fetch-site", "same-site")],
    ];
    for headers in foreign {
        let with = |mut call: crate::support::Call| {
            for (name, value) in *headers {
                call = call.header(*name, value);
            }
            call.header("host", "app.example.com")
        };
        let login = with(app.post("/auth/cookie/login")).form(&form).await;
        assert_eq!((login.error(), login.set_cookies().len()), ((403, json!("Forbidden")), 0), "{headers:?}");
        let change = with(app.patch("/users/me")).cookie("fastapiusersauth", &session);
        assert_eq!(change.json(json!({ "email": "eve@example.com" })).await.status, 403, "{headers:?}");
        let logout = with(app.post("/auth/cookie/logout")).cookie("fastapiusersauth", &session).await;
        assert_eq!(logout.status, 403, "{headers:?}");
    }
    assert_eq!(app.status_of_session(&session).await, 200, "the session lives");
}

#[tokio::test]
async fn cs_06_own_pages_trusted_ones_programs_and_bearer_tokens_are_not_concerned() {
    let app = App::with(|builder| builder.trusted_origins(["https://front.example.net"]));
    app.has("ada@example.com").await;
    let session = app.session("ada@example.com").await;
    let token = app.token("ada@example.com").await;
    let change = || app.patch("/users/me").header("host", "app.example.com");
    let by_cookie = || change().cookie("fastapiusersauth", &session);
    let calls = [
        by_cookie(),
        by_cookie().header("origin", "https://app.example.com").header("sec-fetch-site", "same-origin"),
        by_cookie().header("origin", "https://front.example.net").header("sec-fetch-site", "cross-site"),
        change()
            .bearer(&token)
            .header("origin", "https://evil.example")
            .header("sec-fetch-site", "cross-site"),
    ];
    for (index, call) in calls.into_iter().enumerate() {
        assert_eq!(call.json(json!({})).await.status, 200, "case {index}");
    }
}

#[tokio::test]
async fn li_01_guesses_beyond_the_limit_are_429_and_say_when_to_come_back() {
    let few = Limits { login_per_account: Limit::new(3, 60), ..Limits::default() };
    let app = App::with(|builder| builder.limits(few));
    app.has("ada@example.com").await;
    for _ in 0..10 {
        assert_eq!(
            app.login("ada@example.com", PASSWORD).await.status,
            200,
            "a right password takes no place"
        );
    }
    for _ in 0..3 {
        assert_eq!(
            app.login("ada@example.com", "wrong").await.error(),
            (400, json!("LOGIN_BAD_CREDENTIALS"))
        );
    }
    let answer = app.login("ADA@example.com", PASSWORD).await;
    assert_eq!(answer.error(), (429, json!("Too Many Requests")));
    assert_eq!(answer.header("retry-after"), "20");
    app.clock.advance_seconds(20);
    assert_eq!(app.login("ada@example.com", PASSWORD).await.status, 200);
}

#[tokio::test]
async fn li_06_mails_to_one_address_are_few_whether_it_is_known_or_not() {
    let app = App::with(|builder| builder.limits(Limits::default()));
    app.has("ada@example.com").await;
    for email in ["ada@example.com", "nobody@example.com"] {
        let ask = async || app.post("/auth/forgot-password").json(json!({ "email": email })).await.status;
        for _ in 0..4 {
            assert_eq!(ask().await, 202, "{email}");
        }
        assert_eq!(ask().await, 429, "{email}");
    }
}

#[tokio::test]
async fn a_cookie_of_a_bearer_only_application_is_nobodys_business() {
    let app = App::bare(|builder| builder.backend("jwt", Bearer::default(), Jwt::lasting_seconds(60)));
    app.has("ada@example.com").await;
    let token = app.token("ada@example.com").await;
    let call = app.patch("/users/me").bearer(&token).cookie("anything", "else");
    assert_eq!(call.header("origin", "https://evil.example").json(json!({})).await.status, 200);
}

#[tokio::test]
async fn cr_23_a_clock_that_jumps_an_hour_either_way_breaks_nothing() {
    let few = Limits { login_per_account: Limit::new(3, 60), ..Limits::default() };
    let app = App::with(|builder| builder.limits(few));
    app.has("ada@example.com").await;
    let session = app.session("ada@example.com").await;
    let token = app.token("ada@example.com").await;
    let reset = app.reset_token("ada@example.com").await;

    // Back: what was made in the future is good, and guesses are counted as ever.
    app.clock.advance_seconds(-3600);
    assert_eq!(app.status_of_session(&session).await, 200);
    assert_eq!(app.status_of(&token).await, 200);
    let earlier = app.session("ada@example.com").await;
    for expected in [400, 400, 400, 429] {
        assert_eq!(app.login("ada@example.com", "wrong").await.status, expected);
    }

    // Ahead: the tries are back, and sessions have the age that the clock gives them.
    app.clock.advance_seconds(7200);
    assert_eq!(app.status_of_session(&session).await, 200, "the last moment");
    assert_eq!(app.status_of_session(&earlier).await, 401);
    assert_eq!(app.status_of(&token).await, 401);
    assert_eq!(app.login("ada@example.com", PASSWORD).await.status, 200);

    // Right again.
    app.clock.advance_seconds(-3600);
    assert_eq!(app.status_of_session(&earlier).await, 200);
    assert_eq!(app.status_of(&token).await, 200);
    assert_eq!(app.reset_password(&reset, "another horse in the rain").await.status, 200);
    assert_eq!(app.login("ada@example.com", "another horse in the rain").await.status, 200);
}
