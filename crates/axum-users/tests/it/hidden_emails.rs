//! Answers that do not tell whether an e-mail address is taken, where that is asked for.

use axum_users::{
    Bearer, BoxError, BuildError, Context, Hooks, Jwt, Limit, Limits, User, UserCreate, UsersBuilder,
    schema::Value,
};
use serde_json::json;

use crate::support::{Answer, App, Events, PASSWORD, builder};

/// Notes what is to be mailed to whom.
#[derive(Clone, Default)]
struct Mails(Events);

impl Hooks<User> for Mails {
    async fn on_after_register(&self, user: &User, _: &mut Context<'_, User>) -> Result<(), BoxError> {
        self.0.note(format!("registered {}", user.email));
        Ok(())
    }

    async fn on_after_taken_email(&self, user: &User, _: &mut Context<'_, User>) -> Result<(), BoxError> {
        self.0.note(format!("taken {}", user.email));
        Ok(())
    }

    async fn on_after_request_email_change(
        &self,
        _: &User,
        new_email: &str,
        token: &str,
        _: &mut Context<'_, User>,
    ) -> Result<(), BoxError> {
        self.0.note(format!("{new_email} {token}"));
        Ok(())
    }

    async fn on_after_email_change(
        &self,
        user: &User,
        old_email: &str,
        _: &mut Context<'_, User>,
    ) -> Result<(), BoxError> {
        self.0.note(format!("{old_email} is now {}", user.email));
        Ok(())
    }
}

/// An application that hides, and the mails that its hooks would send.
struct Hidden {
    app: App,
    mails: Events,
}

impl Hidden {
    fn new() -> Self {
        Self::with(|builder| builder)
    }

    fn with(change: impl FnOnce(UsersBuilder<User>) -> UsersBuilder<User>) -> Self {
        let mails = Mails::default();
        let events = mails.0.clone();
        let app =
            App::with(|builder| change(builder.requires_verification().hide_taken_emails().hooks(mails)));
        Self { app, mails: events }
    }

    async fn has_verified(&self, email: &str) -> User {
        let user = self.app.has_verified(email).await;
        self.mails.forget();
        user
    }

    /// What was mailed until now, once the work behind the answers is done.
    async fn mailed(&self) -> Vec<String> {
        self.app.users.finish_background_work().await;
        self.mails.take()
    }

    /// Asks for a new address, and answers the token that is mailed there.
    async fn token_to(&self, bearer: &str, email: &str) -> String {
        let answer = self.app.patch("/users/me").bearer(bearer).json(json!({ "email": email })).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let mails = self.mailed().await;
        let [mail] = &mails[..] else { panic!("one mail was expected: {mails:?}") };
        mail.strip_prefix(&format!("{email} ")).unwrap().to_owned()
    }
}

/// All that a client sees of an answer.
fn seen(answer: &Answer) -> (u16, String, String) {
    (answer.status.as_u16(), format!("{:?}", answer.headers), answer.body.clone())
}

#[tokio::test]
async fn en_07_register_answers_a_taken_address_as_a_free_one_and_the_owner_is_told() {
    let hidden = Hidden::new();
    hidden.has_verified("ada@example.com").await;
    let taken = hidden.app.register("ADA@example.com", PASSWORD).await;
    assert_eq!(hidden.mailed().await, ["taken ada@example.com"]);
    let free = hidden.app.register("bob@example.com", PASSWORD).await;
    assert_eq!(hidden.mailed().await, ["registered bob@example.com"]);
    assert_eq!(seen(&taken), seen(&free));
    assert_eq!((free.status.as_u16(), free.body.as_str()), (202, "null"));
    // What is wrong with the request itself is told as ever.
    for email in ["ada@example.com", "carol@example.com"] {
        let answer = hidden.app.register(email, "short").await;
        assert_eq!(answer.json()["detail"]["code"], "REGISTER_INVALID_PASSWORD", "{email}");
    }
    assert_eq!(hidden.app.users.list(None, 10).await.unwrap().len(), 2);
}

#[tokio::test]
async fn en_07_a_login_after_the_registration_does_not_tell_either() {
    let few = Limits { login_per_account: Limit::new(3, 3600), ..Limits::default() };
    let hidden = Hidden::with(|builder| builder.limits(few));
    hidden.has_verified("ada@example.com").await;
    let mine = "a guess of the stranger";
    for email in ["ada@example.com", "free@example.com"] {
        assert_eq!(hidden.app.register(email, mine).await.status, 202);
    }
    let mut answers = Vec::new();
    for email in ["ada@example.com", "free@example.com"] {
        let mut tries = Vec::new();
        for _ in 0..4 {
            tries.push(seen(&hidden.app.login(email, mine).await));
        }
        answers.push(tries);
    }
    assert_eq!(answers[0], answers[1], "the limits count alike, too");
    assert_eq!(answers[0].iter().map(|(status, ..)| *status).collect::<Vec<_>>(), [400, 400, 400, 429]);
    assert!(answers[0][0].2.contains("LOGIN_BAD_CREDENTIALS"));
}

#[tokio::test]
async fn en_07_an_inactive_owner_gets_no_mail() {
    let hidden = Hidden::new();
    hidden.app.has_inactive("ada@example.com").await;
    hidden.mails.forget();
    assert_eq!(hidden.app.register("ada@example.com", PASSWORD).await.status, 202);
    assert!(hidden.mailed().await.is_empty());
}

#[tokio::test]
async fn en_10_a_change_to_a_taken_address_is_answered_as_one_to_a_free_one() {
    let hidden = Hidden::new();
    hidden.has_verified("ada@example.com").await;
    hidden.has_verified("bob@example.com").await;
    let bob = hidden.app.token("bob@example.com").await;
    let ask =
        async |email: &str| hidden.app.patch("/users/me").bearer(&bob).json(json!({ "email": email })).await;
    let taken = ask("Ada@example.com").await;
    assert_eq!(hidden.mailed().await, ["taken ada@example.com"]);
    let free = ask("robert@example.com").await;
    assert!(hidden.mailed().await[0].starts_with("robert@example.com eyJ"));
    assert_eq!(seen(&taken), seen(&free));
    assert_eq!((free.status.as_u16(), &free.json()["email"]), (200, &json!("bob@example.com")));
    assert_eq!(ask("bob@example.com").await.status, 200);
    assert!(hidden.mailed().await.is_empty(), "the address of before is no change");
}

#[tokio::test]
async fn en_10_the_address_changes_when_the_token_that_was_mailed_there_is_used_and_once() {
    let hidden = Hidden::new();
    let user = hidden.has_verified("bob@example.com").await;
    let bob = hidden.app.token("bob@example.com").await;
    let token = hidden.token_to(&bob, "robert@example.com").await;
    assert_eq!(hidden.app.stored(user.id).await.email, "bob@example.com");
    let answer = hidden.app.verify(&token).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["email"]), (200, &json!("robert@example.com")));
    assert_eq!(answer.json()["is_verified"], true);
    assert_eq!(hidden.mailed().await, ["bob@example.com is now robert@example.com"]);
    assert_eq!(hidden.app.login("robert@example.com", PASSWORD).await.status, 200);

    let back = hidden.token_to(&bob, "bob@example.com").await;
    assert_eq!(hidden.app.verify(&back).await.status, 200);
    let bad = (400, json!("VERIFY_USER_BAD_TOKEN"));
    assert_eq!(hidden.app.verify(&token).await.error(), bad, "used before");
}

#[tokio::test]
async fn en_10_a_pending_address_dies_with_the_password_the_address_and_the_time() {
    let hidden = Hidden::new();
    let user = hidden.has_verified("bob@example.com").await;
    let bad = (400, json!("VERIFY_USER_BAD_TOKEN"));
    let bob = hidden.app.token("bob@example.com").await;

    let token = hidden.token_to(&bob, "one@example.com").await;
    let body = json!({ "password": "another horse in the rain" });
    assert_eq!(hidden.app.patch("/users/me").bearer(&bob).json(body).await.status, 200);
    assert_eq!(hidden.app.verify(&token).await.error(), bad, "the password was changed");

    let token = hidden.token_to(&bob, "two@example.com").await;
    hidden.app.set(&user, "email", Value::Text("three@example.com".into())).await;
    assert_eq!(hidden.app.verify(&token).await.error(), bad, "the address was changed");

    let token = hidden.token_to(&bob, "four@example.com").await;
    hidden.app.clock.advance_seconds(3600);
    assert_eq!(hidden.app.verify(&token).await.error(), bad, "an hour is over");
}

#[tokio::test]
async fn en_10_an_address_that_is_taken_meanwhile_stays_with_its_owner() {
    let hidden = Hidden::new();
    hidden.has_verified("bob@example.com").await;
    let bob = hidden.app.token("bob@example.com").await;
    let token = hidden.token_to(&bob, "new@example.com").await;
    let owner = hidden.has_verified("new@example.com").await;
    assert_eq!(hidden.app.verify(&token).await.error(), (400, json!("VERIFY_USER_BAD_TOKEN")));
    assert_eq!(hidden.app.stored(owner.id).await.email, "new@example.com");
    assert_eq!(hidden.app.status_of(&bob).await, 200);
}

#[tokio::test]
async fn tk_08_a_token_to_a_new_address_is_good_for_nothing_else_and_no_other_for_it() {
    let hidden = Hidden::new();
    let user = hidden.has_verified("bob@example.com").await;
    let bob = hidden.app.token("bob@example.com").await;
    let token = hidden.token_to(&bob, "new@example.com").await;
    assert_eq!(hidden.app.status_of(&token).await, 401);
    assert_eq!(
        hidden.app.reset_password(&token, PASSWORD).await.error(),
        (400, json!("RESET_PASSWORD_BAD_TOKEN"))
    );
    assert_eq!(hidden.app.verify(&bob).await.error(), (400, json!("VERIFY_USER_BAD_TOKEN")));
    assert_eq!(hidden.app.stored(user.id).await.email, "bob@example.com");
}

#[tokio::test]
async fn li_06_mails_to_new_addresses_are_few_whether_they_are_taken_or_not() {
    let hidden = Hidden::with(|builder| builder.limits(Limits::default()));
    hidden.has_verified("ada@example.com").await;
    hidden.has_verified("bob@example.com").await;
    let bob = hidden.app.token("bob@example.com").await;
    for email in ["ada@example.com", "new@example.com"] {
        let ask = async || {
            hidden.app.patch("/users/me").bearer(&bob).json(json!({ "email": email })).await.status.as_u16()
        };
        for _ in 0..4 {
            assert_eq!(ask().await, 200, "{email}");
        }
        assert_eq!(ask().await, 429, "{email}");
    }
}

#[tokio::test]
async fn superusers_are_told_and_change_addresses_at_once() {
    let hidden = Hidden::new();
    let ada = hidden.has_verified("ada@example.com").await;
    hidden.has_verified("bob@example.com").await;
    let root = hidden.app.superuser().await;
    let path = format!("/users/{}", ada.id);
    let patch =
        async |email: &str| hidden.app.patch(&path).bearer(&root).json(json!({ "email": email })).await;
    assert_eq!(patch("bob@example.com").await.error(), (400, json!("UPDATE_USER_EMAIL_ALREADY_EXISTS")));
    assert_eq!(patch("countess@example.com").await.json()["email"], "countess@example.com");
    let new = UserCreate::new("bob@example.com", PASSWORD);
    let request = axum_users::RequestInfo::default();
    assert!(
        hidden.app.users.create(new, axum_users::Flags::Applied, &request).await.is_err(),
        "programs, too"
    );
}

#[test]
fn hiding_without_verification_is_refused_by_the_builder() {
    let built = builder::<User>()
        .backend("jwt", Bearer::default(), Jwt::lasting_seconds(60))
        .hide_taken_emails()
        .build();
    assert_eq!(built.unwrap_err(), BuildError::HiddenEmailsShow);
}

#[test]
fn the_document_says_what_register_answers() {
    let hidden = Hidden::new();
    let document = hidden.app.users.openapi();
    let responses = &document["paths"]["/auth/register"]["post"]["responses"];
    let statuses: Vec<_> = responses.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(statuses, ["202", "400", "422"]);
    assert!(!responses.to_string().contains("REGISTER_USER_ALREADY_EXISTS"));
}
