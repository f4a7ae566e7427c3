//! A wall clock that is set, forwards and back, while users are logged in.

use axum_users::Limits;
use serde_json::json;

use crate::support::{App, PASSWORD};

const HOUR: i64 = 3600;
const ADA: &str = "ada@example.com";

/// Everything that somebody may do with an account that is there; nothing of it fails for the clock.
async fn everything_works(app: &App, email: &str) {
    assert_eq!(app.register(email, PASSWORD).await.status, 201);
    assert_eq!(app.register(email, PASSWORD).await.status, 400);
    let link = app.verification_token(email).await;
    assert_eq!(app.verify(&link).await.status, 200);
    let reset = app.reset_token(email).await;
    assert_eq!(app.reset_password(&reset, "a horse in the snow").await.status, 200);
    assert_eq!(app.reset_password(&reset, "a horse in the hail").await.status, 400);
    for backend in ["jwt", "cookie"] {
        assert_eq!(app.login_at(backend, email, PASSWORD).await.status, 400);
    }
    let change = json!({ "password": PASSWORD });
    let login = app.login(email, "a horse in the snow").await;
    let token = login.json()["access_token"].as_str().unwrap().to_owned();
    assert_eq!(app.patch("/users/me").bearer(&token).json(change).await.status, 200);
    assert_eq!(app.status_of(&app.token(email).await).await, 200);
    assert_eq!(app.status_of_session(&app.session(email).await).await, 200);
}

#[tokio::test]
async fn cr_23_a_clock_that_is_set_back_logs_nobody_out_and_stops_nothing() {
    let app = App::with(|builder| builder.limits(Limits::default()));
    app.has(ADA).await;
    let (token, session) = (app.token(ADA).await, app.session(ADA).await);
    let (link, reset) = (app.verification_token(ADA).await, app.reset_token(ADA).await);
    for hours in 1..4 {
        app.clock.advance_seconds(-HOUR);
        assert_eq!(app.status_of(&token).await, 200, "{hours}");
        assert_eq!(app.status_of_session(&session).await, 200, "{hours}");
        everything_works(&app, &format!("{hours}@example.com")).await;
    }
    assert_eq!(app.verify(&link).await.status, 200);
    assert_eq!(app.reset_password(&reset, "a horse in the snow").await.status, 200);
    assert_eq!(app.status_of_session(&session).await, 401, "the reset ended it");
}

#[tokio::test]
async fn cr_23_a_clock_that_is_set_forward_ends_what_was_to_end_by_then_and_no_more() {
    let app = App::with(|builder| builder.limits(Limits::default()));
    app.has(ADA).await;
    let (token, session) = (app.token(ADA).await, app.session(ADA).await);
    let (link, reset) = (app.verification_token(ADA).await, app.reset_token(ADA).await);
    app.clock.advance_seconds(HOUR - 1);
    assert_eq!((app.status_of(&token).await, app.status_of_session(&session).await), (200, 200));
    app.clock.advance_seconds(2);
    assert_eq!((app.status_of(&token).await, app.status_of_session(&session).await), (401, 401));
    assert_eq!(app.verify(&link).await.status, 400);
    assert_eq!(app.reset_password(&reset, "a horse in the snow").await.status, 400);
    everything_works(&app, "late@example.com").await;

    // What was made in a wrong hour is good in the right one.
    let (token, session) = (app.token(ADA).await, app.session(ADA).await);
    app.clock.advance_seconds(-HOUR);
    assert_eq!((app.status_of(&token).await, app.status_of_session(&session).await), (200, 200));
    everything_works(&app, "again@example.com").await;
}
