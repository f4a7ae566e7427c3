//! Programmatic use, and the hooks around it.

use axum::http::{HeaderValue, header::SET_COOKIE};
use axum_users::{
    AnyPassword, BoxError, Context, CreateError, DeleteError, Flags, ForgotPasswordError, Hooks, LoginError,
    NewUser, PasswordPolicy, Refusal, RequestInfo, RequestVerifyError, ResetPasswordError, UpdateError, User,
    UserCreate, UserModel, UserUpdate, VerifyError,
    schema::{Record, Value},
};
use serde_json::json;

use crate::support::{App, Client, PASSWORD, Shared, builder};

fn nobody_asks() -> RequestInfo {
    RequestInfo::default()
}

#[tokio::test]
async fn a_superuser_is_made_by_code() {
    let app = App::new();
    let new =
        UserCreate { is_superuser: true, is_verified: true, ..UserCreate::new("Root@EXAMPLE.com", PASSWORD) };
    let root = app.users.create(new.clone(), Flags::Applied, &nobody_asks()).await.unwrap();
    assert_eq!(
        (&*root.email, root.is_active, root.is_superuser, root.is_verified),
        ("Root@example.com", true, true, true)
    );
    let token = app.token("root@example.com").await;
    assert_eq!(app.get(&format!("/users/{}", root.id)).bearer(&token).await.status, 200);

    // What a visitor sends makes none.
    let new = UserCreate { email: "visitor@example.com".into(), ..new };
    let visitor = app.users.create(new, Flags::Ignored, &nobody_asks()).await.unwrap();
    assert_eq!((visitor.is_active, visitor.is_superuser, visitor.is_verified), (true, false, false));
}

#[tokio::test]
async fn creating_says_why_it_refuses() {
    let app = App::new();
    app.has("ada@example.com").await;
    let create = async |email: &str, password: &str| {
        let new = UserCreate::new(email, password);
        app.users.create(new, Flags::Applied, &nobody_asks()).await.unwrap_err()
    };
    assert!(matches!(create("ADA@example.com", PASSWORD).await, CreateError::AlreadyExists));
    let error = create("no address", PASSWORD).await;
    assert!(matches!(error, CreateError::InvalidEmail(_)));
    assert_eq!(
        error.to_string(),
        "value is not a valid email address: An email address must have an @-sign."
    );
    let error = create("ada@example.com", "short").await;
    assert!(matches!(error, CreateError::InvalidPassword(_)), "before the address");
    assert_eq!(error.to_string(), "Password should be at least 8 characters");
}

#[tokio::test]
async fn users_are_found_by_id_and_by_address_and_listed_in_the_order_of_their_ids() {
    let app = App::new();
    for index in 0..5 {
        app.has(&format!("User{index}@example.com")).await;
    }
    let user = app.users.get_by_email("uSER3@example.com").await.unwrap().unwrap();
    assert_eq!(app.users.get(&user.id).await.unwrap(), Some(user));
    assert_eq!(app.users.get_by_email("user3@example.co").await.unwrap(), None);
    assert_eq!(app.users.get(&uuid::Uuid::nil()).await.unwrap(), None);

    let all = app.users.list(None, 100).await.unwrap();
    let mut ids: Vec<_> = all.iter().map(|user| user.id).collect();
    ids.sort();
    assert_eq!(all.iter().map(|user| user.id).collect::<Vec<_>>(), ids);
    let page = app.users.list(Some(&ids[1]), 2).await.unwrap();
    assert_eq!(page.iter().map(|user| user.id).collect::<Vec<_>>(), ids[2..4]);
    assert!(app.users.list(Some(&ids[4]), 2).await.unwrap().is_empty());
}

#[tokio::test]
async fn updating_and_deleting_by_code() {
    let app = App::new();
    let user = app.has("ada@example.com").await;
    app.has("bob@example.com").await;
    let update =
        async |changes: UserUpdate, flags| app.users.update(&user, changes, flags, &nobody_asks()).await;

    let changes = UserUpdate { is_verified: Some(true), is_superuser: Some(true), ..UserUpdate::default() };
    let ignored = update(changes.clone(), Flags::Ignored).await.unwrap();
    assert_eq!((ignored.is_verified, ignored.is_superuser), (false, false));
    let applied = update(changes, Flags::Applied).await.unwrap();
    assert_eq!((applied.is_verified, applied.is_superuser), (true, true));

    let email = |email: &str| UserUpdate { email: Some(email.into()), ..UserUpdate::default() };
    let password = |password: &str| UserUpdate { password: Some(password.into()), ..UserUpdate::default() };
    assert!(matches!(update(email("Bob@example.com"), Flags::Ignored).await, Err(UpdateError::EmailTaken)));
    assert!(matches!(update(email("bob"), Flags::Ignored).await, Err(UpdateError::InvalidEmail(_))));
    assert!(matches!(update(password("short"), Flags::Ignored).await, Err(UpdateError::InvalidPassword(_))));
    let session = app.session("ada@example.com").await;
    update(password("a horse in the snow"), Flags::Ignored).await.unwrap();
    assert_eq!(
        app.status_of_session(&session).await,
        401,
        "no request, so no session that is the present one"
    );

    app.users.delete(&user, &nobody_asks()).await.unwrap();
    for changes in [email("new@example.com"), UserUpdate::default()] {
        assert!(matches!(update(changes, Flags::Ignored).await, Err(UpdateError::Gone)));
    }
}

#[tokio::test]
async fn authenticating_by_code_finds_the_inactive_too() {
    let app = App::new();
    app.has_inactive("ivan@example.com").await;
    let authenticate = async |email: &str, password: &str| {
        app.users.authenticate(email, &password.into()).await.unwrap().map(|user| user.email)
    };
    assert_eq!(authenticate("Ivan@example.com", PASSWORD).await.as_deref(), Some("ivan@example.com"));
    assert_eq!(authenticate("ivan@example.com", "wrong password").await, None);
    assert_eq!(authenticate("nobody@example.com", PASSWORD).await, None);
}

#[tokio::test]
async fn mailing_by_code_says_why_nothing_is_sent() {
    let app = App::new();
    let (ada, vera) = (app.has("ada@example.com").await, app.has_verified("vera@example.com").await);
    let ivan = app.has_inactive("ivan@example.com").await;
    let users = &app.users;
    assert!(matches!(users.forgot_password(&ivan, &nobody_asks()).await, Err(ForgotPasswordError::Inactive)));
    assert!(matches!(users.request_verify(&ivan, &nobody_asks()).await, Err(RequestVerifyError::Inactive)));
    assert!(matches!(
        users.request_verify(&vera, &nobody_asks()).await,
        Err(RequestVerifyError::AlreadyVerified)
    ));
    assert!(app.events.take().is_empty());

    users.request_verify(&ada, &nobody_asks()).await.unwrap();
    let token = app.events.take()[0].rsplit(' ').next().unwrap().to_owned();
    assert!(users.verify(&token, &nobody_asks()).await.unwrap().is_verified);
    assert!(matches!(users.verify(&token, &nobody_asks()).await, Err(VerifyError::AlreadyVerified)));
    assert!(matches!(users.verify("x", &nobody_asks()).await, Err(VerifyError::BadToken)));

    users.forgot_password(&ada, &nobody_asks()).await.unwrap();
    let token = app.events.take()[1].rsplit(' ').next().unwrap().to_owned();
    let reset = async |password: &str| users.reset_password(&token, &password.into(), &nobody_asks()).await;
    assert!(matches!(reset("short").await, Err(ResetPasswordError::InvalidPassword(_))));
    assert_eq!(reset("a horse in the snow").await.unwrap().id, ada.id);
    assert!(matches!(reset("a horse in the snow").await, Err(ResetPasswordError::BadToken)));
}

#[tokio::test]
async fn logging_in_and_out_by_code() {
    let app = App::new();
    let user = app.has("ada@example.com").await;
    let response = app.users.login("cookie", &user, &nobody_asks()).await.unwrap();
    let cookie = response.headers()[SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned();
    let mut headers = axum::http::HeaderMap::new();
    headers.insert("cookie", HeaderValue::from_str(&cookie).unwrap());

    let authenticated = app.users.authenticate_request(&headers).await.unwrap().unwrap();
    assert_eq!((&authenticated.user, &*authenticated.backend), (&user, "cookie"));
    assert_eq!(authenticated.issued_at, Some(app.clock.now()));

    assert_eq!(app.users.logout("cookie", &authenticated, &nobody_asks()).await.unwrap().status(), 204);
    assert!(app.users.authenticate_request(&headers).await.unwrap().is_none());
    for error in [
        app.users.login("unknown", &user, &nobody_asks()).await.unwrap_err(),
        app.users.logout("unknown", &authenticated, &nobody_asks()).await.unwrap_err(),
    ] {
        assert!(matches!(error, LoginError::UnknownBackend), "{error:?}");
    }
}

/// The whole of an account's life, as the hooks see it.
#[tokio::test]
async fn hooks_fire_in_the_originals_order() {
    let app = App::new();
    app.register("ada@example.com", PASSWORD).await;
    let token = app.token("ada@example.com").await;
    assert_eq!(
        app.events.take(),
        [
            "on_before_register ada@example.com",
            "on_after_register ada@example.com",
            "on_before_login ada@example.com",
            "on_after_login ada@example.com",
        ]
    );
    let verification = app.verification_token("ada@example.com").await;
    app.verify(&verification).await;
    assert_eq!(app.events.take(), ["on_after_verify ada@example.com"], "and no on_after_update");
    let body = json!({ "email": "new@example.com", "password": "a horse in the snow", "is_active": false });
    app.patch("/users/me").bearer(&token).json(body).await;
    assert_eq!(app.events.take(), ["on_after_update new@example.com password email"]);
    let reset = app.reset_token("new@example.com").await;
    app.reset_password(&reset, PASSWORD).await;
    assert_eq!(app.events.take(), ["on_after_reset_password new@example.com"], "and no on_after_update");
    app.post("/auth/jwt/logout").bearer(&token).await;
    assert_eq!(app.events.take(), ["on_after_logout new@example.com"]);
    let user = app.users.get_by_email("new@example.com").await.unwrap().unwrap();
    app.users.delete(&user, &nobody_asks()).await.unwrap();
    assert_eq!(app.events.take(), ["on_before_delete new@example.com", "on_after_delete new@example.com"]);
}

#[tokio::test]
async fn no_hook_hears_of_what_failed() {
    let app = App::new();
    let user = app.has("ada@example.com").await;
    let token = app.token("ada@example.com").await;
    app.events.forget();
    app.register("new@example.com", "short").await;
    app.login("ada@example.com", "wrong password").await;
    app.reset_password("x", PASSWORD).await;
    app.verify("x").await;
    app.patch("/users/me").bearer(&token).json(json!({ "password": "short" })).await;
    app.delete(&format!("/users/{}", user.id)).bearer(&token).await;
    assert!(app.events.take().is_empty());
}

/// Refuses what its field names; `fail` fails instead.
#[derive(Clone, Copy)]
struct Strict {
    fail: bool,
}

impl Strict {
    fn no(self, why: &str) -> Result<(), Refusal> {
        if self.fail { Err("the hook's own database is down".into()) } else { Err(Refusal::because(why)) }
    }
}

impl Hooks<User> for Strict {
    async fn on_before_register(&self, new: &NewUser<'_>, _: &mut Context<'_, User>) -> Result<(), Refusal> {
        assert_eq!(new.record().get("is_active"), Some(&Value::Bool(true)));
        assert_eq!(new.record().get("hashed_password"), None);
        if new.email().ends_with("@example.com") { Ok(()) } else { self.no("not one of us") }
    }

    async fn on_before_login(&self, user: &User, _: &mut Context<'_, User>) -> Result<(), Refusal> {
        if user.is_superuser { self.no("not from here") } else { Ok(()) }
    }

    async fn on_before_delete(&self, _: &User, _: &mut Context<'_, User>) -> Result<(), Refusal> {
        self.no("there are open bills")
    }
}

#[tokio::test]
async fn a_hook_that_refuses_is_a_400_with_its_reason_and_nothing_happens() {
    let app = App::with(|builder| builder.hooks(Strict { fail: false }));
    let answer = app.register("ada@example.org", PASSWORD).await;
    assert_eq!(answer.error(), (400, json!({ "code": "REGISTER_REFUSED", "reason": "not one of us" })));
    assert_eq!(app.users.get_by_email("ada@example.org").await.unwrap(), None);

    let user = app.has("ada@example.com").await;
    let token = app.token("ada@example.com").await;
    app.set(&user, "is_superuser", Value::Bool(true)).await;
    let answer = app.login_at("cookie", "ada@example.com", PASSWORD).await;
    assert_eq!(answer.error(), (400, json!({ "code": "LOGIN_REFUSED", "reason": "not from here" })));
    assert!(answer.set_cookies().is_empty());
    assert_eq!(
        app.login("ada@example.com", "wrong password").await.error(),
        (400, json!("LOGIN_BAD_CREDENTIALS"))
    );

    let path = format!("/users/{}", user.id);
    let answer = app.delete(&path).bearer(&token).await;
    assert_eq!(answer.error(), (400, json!("there are open bills")));
    assert_eq!(app.get(&path).bearer(&token).await.status, 200);
    let refused = app.users.delete(&user, &nobody_asks()).await.unwrap_err();
    assert!(matches!(refused, DeleteError::Refused(reason) if reason == "there are open bills"));
}

#[tokio::test]
async fn a_before_hook_that_fails_is_a_500_that_tells_nothing_and_nothing_happens() {
    let app = App::with(|builder| builder.hooks(Strict { fail: true }));
    let user = app.has("ada@example.com").await;
    let token = app.token("ada@example.com").await;
    app.set(&user, "is_superuser", Value::Bool(true)).await;
    for answer in [
        app.register("ada@example.org", PASSWORD).await,
        app.login("ada@example.com", PASSWORD).await,
        app.delete(&format!("/users/{}", user.id)).bearer(&token).await,
    ] {
        assert_eq!((answer.status.as_u16(), &*answer.body), (500, "Internal Server Error"));
        assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
    }
    assert_eq!(app.users.get_by_email("ada@example.org").await.unwrap(), None);
    assert!(app.users.get(&user.id).await.unwrap().is_some());
}

/// Every hook that comes after the change fails.
struct Failing;

impl Hooks<User> for Failing {
    async fn on_after_register(&self, _: &User, _: &mut Context<'_, User>) -> Result<(), BoxError> {
        Err("down".into())
    }

    async fn on_after_update(&self, _: &User, _: &Record, _: &mut Context<'_, User>) -> Result<(), BoxError> {
        Err("down".into())
    }

    async fn on_after_forgot_password(
        &self,
        _: &User,
        _: &str,
        _: &mut Context<'_, User>,
    ) -> Result<(), BoxError> {
        Err("down".into())
    }
}

#[tokio::test]
async fn an_after_hook_that_fails_is_a_500_and_the_change_stays() {
    let app = App::with(|builder| builder.hooks(Failing));
    assert_eq!(app.register("ada@example.com", PASSWORD).await.status, 500);
    let token = app.token("ada@example.com").await;
    let answer = app.patch("/users/me").bearer(&token).json(json!({ "email": "new@example.com" })).await;
    assert_eq!(answer.status, 500);
    assert_eq!(app.login("new@example.com", PASSWORD).await.status, 200);
}

#[tokio::test]
async fn en_03_a_mailer_that_fails_does_not_show() {
    let app = App::with(|builder| builder.hooks(Failing));
    app.register("ada@example.com", PASSWORD).await;
    for email in ["ada@example.com", "nobody@example.com"] {
        let answer = app.post("/auth/forgot-password").json(json!({ "email": email })).await;
        assert_eq!((answer.status.as_u16(), &*answer.body), (202, "null"));
    }
    app.users.finish_background_work().await;
}

/// Uses everything a context offers.
#[derive(Clone, Default)]
struct Curious(Shared<Vec<String>>);

impl Hooks<User> for Curious {
    async fn on_after_register(&self, user: &User, context: &mut Context<'_, User>) -> Result<(), BoxError> {
        // The first one to come is the superuser.
        if context.users().list(None, 2).await?.len() == 1 {
            let changes = UserUpdate { is_superuser: Some(true), ..UserUpdate::default() };
            context.users().update(user, changes, Flags::Applied, &RequestInfo::default()).await?;
        }
        Ok(())
    }

    async fn on_after_update(
        &self,
        user: &User,
        changes: &Record,
        context: &mut Context<'_, User>,
    ) -> Result<(), BoxError> {
        let agent = context.headers().get("user-agent").map_or("nobody", |agent| agent.to_str().unwrap());
        let address = context.client_address().map_or("nowhere".to_owned(), |address| address.to_string());
        let password = changes.get("password").and_then(Value::as_text).unwrap_or("-");
        self.0.lock().unwrap().push(format!("{} {agent} {address} {password}", user.email()));
        Ok(())
    }

    async fn on_after_login(&self, _: &User, context: &mut Context<'_, User>) -> Result<(), BoxError> {
        let headers = context.response_headers_mut();
        headers.append(SET_COOKIE, HeaderValue::from_static("theme=dark"));
        headers.append(SET_COOKIE, HeaderValue::from_static("greeted=1"));
        headers.insert("x-welcome", HeaderValue::from_static("back"));
        Ok(())
    }

    async fn on_after_logout(&self, _: &User, context: &mut Context<'_, User>) -> Result<(), BoxError> {
        context.response_headers_mut().insert("clear-site-data", HeaderValue::from_static("\"storage\""));
        Ok(())
    }
}

#[tokio::test]
async fn a_hook_can_use_the_users_and_the_request_and_add_headers_at_login_and_logout() {
    let curious = Curious::default();
    let notes = curious.0.clone();
    let app = App::with(|builder| builder.hooks(curious));
    app.register("ada@example.com", PASSWORD).await;
    app.register("bob@example.com", PASSWORD).await;
    assert!(app.users.get_by_email("ada@example.com").await.unwrap().unwrap().is_superuser);
    assert!(!app.users.get_by_email("bob@example.com").await.unwrap().unwrap().is_superuser);

    let answer = app.login_at("cookie", "ada@example.com", PASSWORD).await;
    let session = answer.cookie_value("fastapiusersauth");
    let cookies = answer.set_cookies();
    assert_eq!(cookies.len(), 3, "the token's own cookie stays: {cookies:?}");
    assert_eq!(cookies[1..], ["theme=dark", "greeted=1"]);
    assert_eq!(answer.header("x-welcome"), "back");

    let call = app.patch("/users/me").cookie("fastapiusersauth", &session).header("user-agent", "browser");
    call.json(json!({ "password": "a horse in the snow" })).await;
    assert_eq!(
        *notes.lock().unwrap(),
        ["ada@example.com nobody nowhere -", "ada@example.com browser nowhere a horse in the snow"]
    );
    let answer = app.post("/auth/cookie/logout").cookie("fastapiusersauth", &session).await;
    assert_eq!((answer.header("clear-site-data"), answer.set_cookies().len()), ("\"storage\"", 1));
}

#[tokio::test]
async fn a_hook_knows_the_clients_address_where_the_server_does() {
    use axum::{Extension, Router, extract::ConnectInfo};
    let curious = Curious::default();
    let notes = curious.0.clone();
    let app = App::with(|builder| builder.hooks(curious));
    app.register("ada@example.com", PASSWORD).await;
    let token = app.token("ada@example.com").await;
    notes.lock().unwrap().clear();
    let peer: std::net::SocketAddr = "[2001:db8::1]:4711".parse().unwrap();
    let router = Router::new().merge(app.users.router()).layer(Extension(ConnectInfo(peer)));
    let client = Client::of(router.with_state(app.users.clone()));
    client.patch("/users/me").bearer(&token).header("x-forwarded-for", "192.0.2.1").json(json!({})).await;
    assert_eq!(*notes.lock().unwrap(), ["ada@example.com nobody 2001:db8::1 -"]);
}

/// Counts up: one more than the last password.
struct Growing;

impl PasswordPolicy for Growing {
    async fn check(&self, password: &str, email: &str) -> Result<(), String> {
        if password.len() > email.len() { Ok(()) } else { Err(format!("longer than {email}, please")) }
    }
}

#[tokio::test]
async fn the_password_policy_can_be_replaced() {
    let app = App::with(|builder| builder.password_policy(Growing));
    let answer = app.register("ada@example.com", "correct horse").await;
    let reason = "longer than ada@example.com, please";
    assert_eq!(answer.error(), (400, json!({ "code": "REGISTER_INVALID_PASSWORD", "reason": reason })));
    assert_eq!(app.register("ada@example.com", "1234567890123456").await.status, 201);

    let app = App::with(|builder| builder.password_policy(AnyPassword));
    assert_eq!(app.register("ada@example.com", "").await.status, 201, "as the original without a rule");
}

#[tokio::test]
async fn without_backends_users_can_be_managed_but_nobody_logs_in() {
    let users = builder::<User>().build().unwrap();
    let user = users
        .create(UserCreate::new("ada@example.com", PASSWORD), Flags::Applied, &nobody_asks())
        .await
        .unwrap();
    assert_eq!(users.backend_names().count(), 0);
    let client = Client::of(axum::Router::new().merge(users.router()).with_state(users.clone()));
    assert_eq!(client.get("/users/me").bearer("x").await.status, 401);
    assert_eq!(client.post("/auth/jwt/login").await.status, 404);
    assert_eq!(users.read(user.clone()).id, user.id);
}
