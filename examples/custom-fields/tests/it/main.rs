//! The example as a client sees it.

#![allow(clippy::unwrap_used, reason = "a helper of a test fails the test")]

use axum::{
    Router,
    body::Body,
    http::{Request, header},
};
use axum_users::{Argon2Parameters, MemoryDatabase};
use custom_fields::{Mail, app, users};
use http_body_util::BodyExt;
use serde_json::{Value as Json, json};
use tokio::sync::mpsc;
use tower::ServiceExt;

fn start() -> (Router, mpsc::Receiver<Mail>) {
    let (outbox, mails) = mpsc::channel(10);
    let users = users(MemoryDatabase::default(), "a-secret-for-tests-of-more-than-32-bytes", outbox);
    (app(users.argon2(Argon2Parameters::least()).build().unwrap()), mails)
}

async fn send(app: &Router, method: &str, path: &str, token: &str, body: &Json) -> (u16, Json) {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(header::AUTHORIZATION, format!("Bearer {token}"))
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(body.to_string()))
        .unwrap();
    answer(app, request).await
}

async fn answer(app: &Router, request: Request<Body>) -> (u16, Json) {
    let response = app.clone().oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&body).unwrap_or_default())
}

async fn register(app: &Router, body: &Json) -> (u16, Json) {
    send(app, "POST", "/auth/register", "", body).await
}

async fn token(app: &Router) -> String {
    let request = Request::post("/auth/jwt/login")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from("username=ada@example.com&password=analytical+engine"))
        .unwrap();
    answer(app, request).await.1["access_token"].as_str().unwrap().to_owned()
}

fn ada() -> Json {
    json!({
        "email": "ada@example.com",
        "password": "analytical engine",
        "first_name": "Ada",
        "birthdate": "1815-12-10",
        "plan": "paid",
        "notes": "from a request",
    })
}

#[tokio::test]
async fn own_fields_are_taken_shown_and_kept_from_requests_as_their_attributes_say() {
    let (app, _mails) = start();
    let (status, user) = register(&app, &ada()).await;
    assert_eq!(status, 201, "{user}");
    let own = ["first_name", "birthdate", "plan", "notes"].map(|name| user.get(name).cloned());
    assert_eq!(own, [Some(json!("Ada")), Some(json!("1815-12-10")), Some(json!("free")), None]);

    let token = token(&app).await;
    let (status, user) =
        send(&app, "PATCH", "/users/me", &token, &json!({ "birthdate": null, "plan": "paid" })).await;
    assert_eq!((status, &user["birthdate"], &user["plan"]), (200, &Json::Null, &json!("free")));
    let (status, user) = send(&app, "POST", "/upgrade", &token, &Json::Null).await;
    assert_eq!((status, &user["plan"]), (200, &json!("paid")));
}

#[tokio::test]
async fn every_bad_own_field_is_in_the_one_422() {
    let (app, _mails) = start();
    let (status, answer) = register(
        &app,
        &json!({ "email": "ada@example.com", "password": "analytical engine", "first_name": " ", "birthdate": 1.5 }),
    )
    .await;
    assert_eq!(status, 422);
    let errors = answer["detail"].as_array().unwrap();
    let places: Vec<_> = errors.iter().map(|error| error["loc"].to_string()).collect();
    assert_eq!(places, [r#"["body","first_name"]"#, r#"["body","birthdate"]"#]);
    assert_eq!(errors[0]["msg"], "Value error, a name has at least one letter");
}

#[tokio::test]
async fn hooks_send_mails_and_may_refuse() {
    let (app, mut mails) = start();
    register(&app, &ada()).await;
    let mail = mails.recv().await.unwrap();
    assert_eq!((mail.to.as_str(), mail.text.as_str()), ("ada@example.com", "Welcome, Ada!"));

    send(&app, "POST", "/auth/request-verify-token", "", &json!({ "email": "ada@example.com" })).await;
    let text = mails.recv().await.unwrap().text;
    let token = text.rsplit(' ').next().unwrap();
    let (status, user) = send(&app, "POST", "/auth/verify", "", &json!({ "token": token })).await;
    assert_eq!((status, &user["is_verified"]), (200, &json!(true)));

    let mut stranger = ada();
    stranger["email"] = json!("ada@mailinator.com");
    let refused = json!({ "code": "REGISTER_REFUSED", "reason": "Please use an address that you keep." });
    assert_eq!(register(&app, &stranger).await, (400, json!({ "detail": refused })));
}
