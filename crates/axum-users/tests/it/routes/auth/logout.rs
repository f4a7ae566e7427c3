use axum_users::{UsersBuilder, schema::Value};
use serde_json::json;

use crate::support::{App, NOBODY};

#[tokio::test]
async fn se_06_a_logout_ends_the_session_and_clears_the_cookie() {
    let app = App::new();
    app.has("ada@example.com").await;
    let (session, other) = (app.session("ada@example.com").await, app.session("ada@example.com").await);
    app.events.forget();

    let answer = app.post("/auth/cookie/logout").cookie("fastapiusersauth", &session).await;

    assert_eq!((answer.status.as_u16(), answer.header("content-type"), &*answer.body), (204, "", ""));
    assert_eq!(
        answer.set_cookies(),
        [r#"fastapiusersauth=""; HttpOnly; Max-Age=0; Path=/; SameSite=lax; Secure"#]
    );
    assert_eq!(app.events.take(), ["on_after_logout ada@example.com"]);
    assert_eq!(app.status_of_session(&session).await, 401, "the cookie replayed");
    assert_eq!(app.status_of_session(&other).await, 200, "another session lives");
    let again = app.post("/auth/cookie/logout").cookie("fastapiusersauth", &session).await;
    assert_eq!((again.error(), again.set_cookies()), ((401, json!("Unauthorized")), vec![]));
}

#[tokio::test]
async fn a_bearer_logout_is_empty_and_the_jwt_stays_valid_as_in_the_original() {
    let app = App::new();
    app.has("ada@example.com").await;
    let token = app.token("ada@example.com").await;

    let answer = app.post("/auth/jwt/logout").bearer(&token).await;

    assert_eq!((answer.status.as_u16(), answer.header("content-type"), &*answer.body), (204, "", ""));
    assert!(answer.set_cookies().is_empty());
    assert_eq!(app.status_of(&token).await, 200);
}

#[tokio::test]
async fn se_13_only_a_post_logs_out() {
    let app = App::new();
    app.has("ada@example.com").await;
    let session = app.session("ada@example.com").await;
    for method in ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"] {
        let call = app.call(method.parse().unwrap(), "/auth/cookie/logout");
        let answer = call.cookie("fastapiusersauth", &session).await;
        assert_eq!((answer.status.as_u16(), answer.header("allow")), (405, "POST"), "{method}");
        assert!(answer.set_cookies().is_empty());
    }
    assert_eq!(app.status_of_session(&session).await, 200);
}

#[tokio::test]
async fn nobody_and_the_inactive_cannot_log_out() {
    let app = App::new();
    let user = app.has("ada@example.com").await;
    let session = app.session("ada@example.com").await;
    app.set(&user, "is_active", Value::Bool(false)).await;

    let unauthorized = (401, json!("Unauthorized"));
    for path in ["/auth/jwt/logout", "/auth/cookie/logout"] {
        for call in [
            app.post(path),
            app.post(path).bearer(NOBODY),
            app.post(path).cookie("fastapiusersauth", &session),
            app.post(path).body("application/json", "{"),
        ] {
            let answer = call.await;
            assert_eq!(answer.error(), unauthorized);
            assert_eq!(answer.header("www-authenticate"), "", "as in the original");
        }
    }
}

#[tokio::test]
async fn where_verification_is_required_the_unverified_cannot_log_out() {
    let app = App::with(UsersBuilder::requires_verification);
    let user = app.has_verified("ada@example.com").await;
    let token = app.token("ada@example.com").await;
    app.set(&user, "is_verified", Value::Bool(false)).await;
    let answer = app.post("/auth/jwt/logout").bearer(&token).await;
    assert_eq!(answer.error(), (403, json!("Forbidden")));
}
