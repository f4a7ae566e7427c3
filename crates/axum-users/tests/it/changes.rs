//! What an application is told of a changed password or address, so that it can tell the owner.

use axum_users::{
    BoxError, Context, Flags, Hooks, Limit, Limits, RequestInfo, User, UserUpdate, schema::Record,
};
use serde_json::json;

use crate::support::{App, Events, PASSWORD};

const NEW_PASSWORD: &str = "another horse in the rain";

/// Notes what there is to tell, and to whom; the hook of the original fails where that is wanted.
#[derive(Clone, Default)]
struct Told {
    events: Events,
    update_fails: bool,
}

impl Hooks<User> for Told {
    async fn on_after_update(&self, _: &User, _: &Record, _: &mut Context<'_, User>) -> Result<(), BoxError> {
        self.events.note("update");
        if self.update_fails { Err("no newsletter today".into()) } else { Ok(()) }
    }

    async fn on_after_reset_password(&self, _: &User, _: &mut Context<'_, User>) -> Result<(), BoxError> {
        self.events.note("reset");
        Ok(())
    }

    async fn on_after_forgot_password(
        &self,
        _: &User,
        token: &str,
        _: &mut Context<'_, User>,
    ) -> Result<(), BoxError> {
        self.events.note(token);
        Ok(())
    }

    async fn on_after_password_change(
        &self,
        user: &User,
        context: &mut Context<'_, User>,
    ) -> Result<(), BoxError> {
        self.events.note(format!("password of {} {}", user.email, context.may_notify(&user.email).await));
        Ok(())
    }

    async fn on_after_email_change(
        &self,
        user: &User,
        old_email: &str,
        _: &mut Context<'_, User>,
    ) -> Result<(), BoxError> {
        self.events.note(format!("{old_email} is now {}", user.email));
        Ok(())
    }
}

fn app(told: &Told) -> App {
    let told = told.clone();
    App::with(|builder| builder.hooks(told))
}

#[tokio::test]
async fn tk_21_the_application_is_told_of_a_changed_password_and_of_the_old_address() {
    let told = Told::default();
    let app = app(&told);
    app.has("ada@example.com").await;
    let token = app.token("ada@example.com").await;
    let patch = async |body| {
        let status = app.patch("/users/me").bearer(&token).json(body).await.status;
        (status.as_u16(), told.events.take())
    };
    let lines = |expected: &[&str]| expected.iter().map(|&line| line.to_owned()).collect::<Vec<_>>();
    assert_eq!(patch(json!({})).await, (200, lines(&["update"])));
    assert_eq!(patch(json!({ "email": "ada@example.com" })).await, (200, lines(&["update"])), "no change");
    assert_eq!(
        patch(json!({ "password": NEW_PASSWORD })).await,
        (200, lines(&["update", "password of ada@example.com true"]))
    );
    assert_eq!(
        patch(json!({ "email": "countess@example.com", "password": PASSWORD })).await,
        (
            200,
            lines(&[
                "update",
                "password of countess@example.com true",
                "ada@example.com is now countess@example.com"
            ])
        )
    );
    app.has("bob@example.com").await;
    assert_eq!(
        patch(json!({ "email": "bob@example.com", "password": NEW_PASSWORD })).await,
        (400, lines(&[]))
    );
}

#[tokio::test]
async fn tk_21_a_reset_and_a_change_by_a_superuser_or_a_program_are_told_too() {
    let told = Told::default();
    let app = app(&told);
    let ada = app.has("ada@example.com").await;
    let answer = app.post("/auth/forgot-password").json(json!({ "email": "ada@example.com" })).await;
    assert_eq!(answer.status, 202);
    app.users.finish_background_work().await;
    let token = told.events.take().remove(0);
    assert_eq!(app.reset_password(&token, NEW_PASSWORD).await.status, 200);
    assert_eq!(told.events.take(), ["reset", "password of ada@example.com true"]);

    let root = app.superuser().await;
    let path = format!("/users/{}", ada.id);
    let body = json!({ "email": "countess@example.com" });
    assert_eq!(app.patch(&path).bearer(&root).json(body).await.status, 200);
    assert_eq!(told.events.take(), ["update", "ada@example.com is now countess@example.com"]);

    let ada = app.stored(ada.id).await;
    let changes = UserUpdate { password: Some(PASSWORD.into()), ..UserUpdate::default() };
    app.users.update(&ada, changes, Flags::Applied, &RequestInfo::default()).await.unwrap();
    assert_eq!(told.events.take(), ["update", "password of countess@example.com true"]);
}

#[tokio::test]
async fn tk_21_a_failing_hook_keeps_no_warning_from_the_owner() {
    let told = Told { update_fails: true, ..Told::default() };
    let app = app(&told);
    app.has("ada@example.com").await;
    let token = app.token("ada@example.com").await;
    let body = json!({ "email": "countess@example.com", "password": NEW_PASSWORD });
    assert_eq!(app.patch("/users/me").bearer(&token).json(body).await.status, 500);
    assert_eq!(told.events.take().len(), 3);
}

#[tokio::test]
async fn li_06_warnings_to_one_address_are_few_and_counted_apart_from_other_mails() {
    let told = Told::default();
    let hooks = told.clone();
    let few = Limits { mail_per_account: Limit::new(2, 3600), ..Limits::default() };
    let app = App::with(|builder| builder.hooks(hooks).limits(few));
    app.has("ada@example.com").await;
    for _ in 0..3 {
        app.post("/auth/forgot-password").json(json!({ "email": "ada@example.com" })).await;
    }
    app.users.finish_background_work().await;
    told.events.forget();
    let token = app.token("ada@example.com").await;
    let mut notes = Vec::new();
    for index in 0..3 {
        let body = json!({ "password": format!("{NEW_PASSWORD} {index}") });
        assert_eq!(app.patch("/users/me").bearer(&token).json(body).await.status, 200);
        notes.extend(told.events.take().pop());
    }
    let allowed = |allowed: bool| format!("password of ada@example.com {allowed}");
    assert_eq!(notes, [allowed(true), allowed(true), allowed(false)]);
}
