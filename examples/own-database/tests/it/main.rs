//! The example as a client sees it, and its adapter's two rules.

#![allow(clippy::unwrap_used, reason = "a helper of a test fails the test")]

mod conformance;

use std::path::Path;

use axum::{
    Router,
    body::Body,
    http::{Request, StatusCode, header},
};
use axum_users::{
    Argon2Parameters, Bearer, DatabaseError, Jwt, User, UserDatabase, Users,
    schema::{Record, Value},
};
use http_body_util::BodyExt;
use own_database::{JsonFile, app};
use serde_json::{Value as Json, json};
use tower::ServiceExt;
use uuid::Uuid;

const SECRET: &str = "a-secret-for-tests-of-more-than-32-bytes";

async fn start(file: &Path) -> Router {
    let users = Users::<User>::builder(JsonFile::open(file).await.unwrap(), SECRET)
        .backend("jwt", Bearer::default(), Jwt::lasting_seconds(3600))
        .argon2(Argon2Parameters::least())
        .build()
        .unwrap();
    app(users)
}

async fn send(app: &Router, request: Request<Body>) -> (StatusCode, String) {
    let response = app.clone().oneshot(request).await.unwrap();
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

async fn register(app: &Router, email: &str) -> (StatusCode, String) {
    let body = json!({ "email": email, "password": "analytical engine" }).to_string();
    let request = Request::post("/auth/register").header(header::CONTENT_TYPE, "application/json");
    send(app, request.body(body.into()).unwrap()).await
}

async fn token(app: &Router, email: &str) -> String {
    let form = format!("username={email}&password=analytical+engine");
    let request =
        Request::post("/auth/jwt/login").header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    let (status, body) = send(app, request.body(form.into()).unwrap()).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    let answer: Json = serde_json::from_str(&body).unwrap();
    answer["access_token"].as_str().unwrap().to_owned()
}

async fn hello(app: &Router, token: &str) -> (StatusCode, String) {
    let request = Request::get("/hello").header(header::AUTHORIZATION, format!("Bearer {token}"));
    send(app, request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn a_user_registers_logs_in_and_is_still_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("users.json");
    let app = start(&file).await;
    assert_eq!(register(&app, "Ada@example.com").await.0, StatusCode::CREATED);
    let (status, body) = register(&app, "ada@example.com").await;
    assert_eq!((status.as_u16(), body.as_str()), (400, r#"{"detail":"REGISTER_USER_ALREADY_EXISTS"}"#));
    let greeting = (StatusCode::OK, "Hello Ada@example.com!".to_owned());
    let token = token(&app, "ada@example.com").await;
    assert_eq!(hello(&app, &token).await, greeting);

    let again = start(&file).await;
    assert_eq!(hello(&again, &token).await, greeting);
}

fn record(email: &str) -> Record {
    Record::new()
        .with("id", Value::Uuid(Uuid::from_u128(email.len() as u128)))
        .with("email", Value::Text(email.to_owned()))
        .with("hashed_password", Value::Text("first".to_owned()))
        .with("is_active", Value::Bool(true))
        .with("is_superuser", Value::Bool(false))
        .with("is_verified", Value::Bool(false))
}

#[tokio::test]
async fn an_update_that_expects_something_else_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let database = JsonFile::open(folder.path().join("users.json")).await.unwrap();
    let ada = database.create(record("ada@example.com")).await.unwrap();
    let password = |hash: &str| Record::new().with("hashed_password", Value::Text(hash.to_owned()));

    assert!(database.update(&ada.id, &password("another"), &password("second")).await.unwrap().is_none());
    let changed = database.update(&ada.id, &password("first"), &password("second")).await.unwrap();
    assert_eq!(changed.unwrap().hashed_password, "second");
}

#[tokio::test]
async fn an_address_that_another_user_has_is_refused_in_any_case_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("users.json");
    let database = JsonFile::open(&file).await.unwrap();
    let ada = database.create(record("ada@example.com")).await.unwrap();
    database.create(record("grace@example.com")).await.unwrap();
    let before = std::fs::read_to_string(&file).unwrap();

    let taken = Record::new().with("email", Value::Text("GRACE@example.com".to_owned()));
    let refused = database.update(&ada.id, &Record::new(), &taken).await;
    assert!(matches!(refused, Err(DatabaseError::EmailTaken)));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), before);

    assert!(database.delete(&ada.id).await.unwrap());
    assert!(!database.delete(&ada.id).await.unwrap());
    assert!(database.get_by_email("ada@example.com").await.unwrap().is_none());
}
