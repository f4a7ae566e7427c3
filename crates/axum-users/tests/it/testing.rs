//! What applications test themselves with.

use axum::{Router, routing::get};
use axum_users::{
    Bearer, BoxError, Context, Cookie, CurrentUser, DatabaseTokens, Hooks, Jwt, MemoryDatabase, Superuser,
    UserModel, Users, UsersBuilder,
    schema::{Date, Record, Timestamp, Value},
    testing::{MailPurpose, PASSWORD, TestApp},
};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use crate::support::{SECRET, Shared};

/// A model whose own fields all have to have a value.
#[derive(Clone, UserModel)]
struct Member {
    id: Uuid,
    email: String,
    hashed_password: String,
    is_active: bool,
    is_superuser: bool,
    is_verified: bool,
    newsletter: bool,
    level: i16,
    rating: f64,
    first_name: String,
    team: Uuid,
    birthdate: Date,
    seen_at: Timestamp,
    settings: Json,
    #[user(default = 7)]
    points: i64,
    nickname: Option<String>,
}

/// The application's own mailer.
struct Mailer(Shared<Vec<String>>);

impl Hooks<Member> for Mailer {
    async fn on_after_forgot_password(
        &self,
        user: &Member,
        token: &str,
        _: &mut Context<'_, Member>,
    ) -> Result<(), BoxError> {
        self.0.lock().unwrap().push(format!("{} {token}", user.email));
        Ok(())
    }
}

fn users() -> UsersBuilder<Member> {
    Users::builder(MemoryDatabase::default(), SECRET)
        .backend("jwt", Bearer::default(), Jwt::lasting_seconds(3600))
        .backend("cookie", Cookie::default(), DatabaseTokens::lasting_seconds(3600))
}

fn app(users: Users<Member>) -> Router {
    Router::new()
        .route("/hello", get(async |CurrentUser(user): CurrentUser<Member>| user.email))
        .route("/staff", get(async |Superuser(user): Superuser<Member>| user.email))
        .merge(users.router())
        .with_state(users)
}

#[tokio::test]
async fn users_are_made_and_send_requests_in_one_line_each() {
    let app = TestApp::start(users(), app).await;
    let ada = app.user("ada@example.com").await;
    let root = app.superuser("root@example.com").await;
    assert_eq!(app.get("/hello").await.status, 401);
    assert_eq!(app.get("/hello").as_user(&ada).await.text(), "ada@example.com");
    assert_eq!(app.get("/hello").as_user_by("cookie", &ada).await.text(), "ada@example.com");
    assert_eq!(app.get("/staff").as_user(&ada).await.status, 403);
    assert_eq!(app.get("/staff").as_user(&root).await.status, 200);
    let me = app.patch("/users/me").as_user(&ada).json(json!({ "first_name": "Ada" })).await;
    assert_eq!((&me.json()["first_name"], &me.json()["points"]), (&json!("Ada"), &json!(7)));
    let form = [("username", "ada@example.com"), ("password", PASSWORD)];
    assert_eq!(app.post("/auth/jwt/login").form(&form).await.status, 200);
    let inactive = Record::new().with("is_active", Value::Bool(false));
    let bob = app.user_with("bob@example.com", inactive).await;
    assert_eq!(app.get("/hello").as_user(&bob).await.status, 401);
}

#[tokio::test]
async fn tokens_of_mails_are_caught_and_still_given_to_the_applications_hooks() {
    let sent = Shared::<Vec<String>>::default();
    let app = TestApp::start(users().hooks(Mailer(Shared::clone(&sent))), app).await;
    app.user_with("ada@example.com", Record::new().with("is_verified", Value::Bool(false))).await;
    let ask = json!({ "email": "ada@example.com" });
    assert_eq!(app.post("/auth/request-verify-token").json(&ask).await.status, 202);
    assert_eq!(app.post("/auth/forgot-password").json(&ask).await.status, 202);
    assert_eq!(app.mail_count().await, 2);

    let reset = app.mail_to("Ada@example.com").await;
    assert_eq!((reset.to.as_str(), reset.purpose), ("ada@example.com", MailPurpose::ResetPassword));
    assert_eq!(sent.lock().unwrap().concat(), format!("ada@example.com {}", reset.token));
    assert!(!format!("{reset:?}").contains(&reset.token));
    let body = json!({ "token": reset.token, "password": "another horse in the rain" });
    assert_eq!(app.post("/auth/reset-password").json(body).await.status, 200);

    let verify = app.mail_to("ada@example.com").await;
    assert_eq!(verify.purpose, MailPurpose::Verify);
    let verified = app.post("/auth/verify").json(json!({ "token": verify.token })).await;
    assert_eq!(verified.json()["is_verified"], true);
    assert_eq!(app.mail_count().await, 0);
}

#[tokio::test]
#[should_panic(expected = "no mail with a token went to `ada@example.com`")]
async fn a_mail_that_was_not_sent_fails_the_test_in_a_sentence() {
    TestApp::start(users(), app).await.mail_to("ada@example.com").await;
}
