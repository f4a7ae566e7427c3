//! The example as a client sees it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper of a test fails the test")]
#![allow(dead_code, reason = "the tests of the server need the rest")]

#[path = "../../../../crates/axum-users-server/tests/it/book/blocks.rs"]
mod blocks;
#[path = "../../../../crates/axum-users-server/tests/it/book/console.rs"]
mod console;
mod pages;
#[path = "../../../../crates/axum-users-server/tests/it/book/program.rs"]
mod program;

use axum_users::{MemoryDatabase, testing::TestApp};
use custom_fields::{Mail, User, app, users};
use serde_json::{Value as Json, json};
use tokio::sync::mpsc;

async fn start() -> (TestApp<User>, mpsc::Receiver<Mail>) {
    let (outbox, mails) = mpsc::channel(10);
    let users = users(MemoryDatabase::default(), "a-secret-for-tests-of-more-than-32-bytes", outbox);
    (TestApp::start(users, app).await, mails)
}

async fn register(app: &TestApp<User>, body: &Json) -> (u16, Json) {
    let answer = app.post("/auth/register").json(body).await;
    (answer.status.as_u16(), answer.json())
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
    let (app, _mails) = start().await;
    let (status, user) = register(&app, &ada()).await;
    assert_eq!(status, 201, "{user}");
    let own = ["first_name", "birthdate", "plan", "notes"].map(|name| user.get(name).cloned());
    assert_eq!(own, [Some(json!("Ada")), Some(json!("1815-12-10")), Some(json!("free")), None]);

    let ada = app.users.get_by_email("ada@example.com").await.unwrap().unwrap();
    let body = json!({ "birthdate": null, "plan": "paid" });
    let user = app.patch("/users/me").as_user(&ada).json(body).await.json();
    assert_eq!((&user["birthdate"], &user["plan"]), (&Json::Null, &json!("free")));
    let user = app.post("/upgrade").as_user(&ada).await.json();
    assert_eq!(user["plan"], "paid");
    assert_eq!(app.get("/hello").as_user_by("cookie", &ada).await.text(), "Hello Ada!");
}

#[tokio::test]
async fn every_bad_own_field_is_in_the_one_422() {
    let (app, _mails) = start().await;
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
    let (app, mut mails) = start().await;
    register(&app, &ada()).await;
    let mail = mails.recv().await.unwrap();
    assert_eq!((mail.to.as_str(), mail.text.as_str()), ("ada@example.com", "Welcome, Ada!"));

    app.post("/auth/request-verify-token").json(json!({ "email": "ada@example.com" })).await;
    let token = app.mail_to("ada@example.com").await.token;
    assert_eq!(mails.recv().await.unwrap().text, format!("Your token to verify your address: {token}"));
    let verified = app.post("/auth/verify").json(json!({ "token": token })).await;
    assert_eq!((verified.status.as_u16(), &verified.json()["is_verified"]), (200, &json!(true)));

    let mut stranger = ada();
    stranger["email"] = json!("ada@mailinator.com");
    let refused = json!({ "code": "REGISTER_REFUSED", "reason": "Please use an address that you keep." });
    assert_eq!(register(&app, &stranger).await, (400, json!({ "detail": refused })));
}
