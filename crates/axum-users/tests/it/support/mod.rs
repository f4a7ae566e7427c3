//! What the tests say to an application, in a few words.

#![allow(unreachable_pub, reason = "these are the words of one test binary")]

mod client;
mod gate;
mod hooks;
mod token;

use std::{
    ops::Deref,
    sync::{Arc, Mutex},
};

use axum::{Router, http::StatusCode};
use axum_users::{
    Argon2Parameters, Bearer, Clock, Cookie, DatabaseTokens, Flags, Jwt, MemoryDatabase, RequestInfo, User,
    UserCreate, UserDatabase, UserModel, Users, UsersBuilder,
    schema::{Record, Value},
};
use serde_json::json;
use uuid::Uuid;

pub use self::{
    client::{Answer, Call, Client},
    gate::{Gate, Gated},
    hooks::{Events, Recorder},
    token::{Forged, claims, header},
};

/// A secret of the least length there is.
pub const SECRET: &str = "at-least-32-bytes-of-randomness.";

/// The time at which every test begins.
pub const BEGINNING: i64 = 1_800_000_000;

/// The password of everybody, unless a test says otherwise.
pub const PASSWORD: &str = "a horse in the rain";

/// The id of nobody.
pub const NOBODY: &str = "00000000-0000-4000-8000-000000000000";

/// An application with a bearer and a cookie backend, users in memory, cheap hashes, and a clock that stands.
/// Requests are sent by the methods of [`Client`].
pub struct App<U: UserModel = User> {
    pub users: Users<U>,
    pub clock: Clock,
    pub events: Events,
    client: Client,
}

impl<U: UserModel> Deref for App<U> {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

/// The builder of [`App`]'s users without backends.
pub fn builder<U: UserModel>() -> UsersBuilder<U> {
    Users::<U>::builder(MemoryDatabase::default(), SECRET).argon2(Argon2Parameters::least())
}

/// The two backends of most applications.
pub fn with_backends(builder: UsersBuilder<User>) -> UsersBuilder<User> {
    builder.backend("jwt", Bearer::default(), Jwt::lasting_seconds(3600)).backend(
        "cookie",
        Cookie::default(),
        DatabaseTokens::lasting_seconds(3600),
    )
}

impl App {
    /// The application as most tests want it.
    pub fn new() -> Self {
        Self::with(|builder| builder)
    }

    /// The application with other settings, and further backends.
    pub fn with(change: impl FnOnce(UsersBuilder<User>) -> UsersBuilder<User>) -> Self {
        Self::bare(|builder| change(with_backends(builder)))
    }

    /// A user with [`PASSWORD`]: active, no superuser, not verified.
    pub async fn has(&self, email: &str) -> User {
        self.has_user(UserCreate::new(email, PASSWORD)).await
    }

    /// The same with a verified address.
    pub async fn has_verified(&self, email: &str) -> User {
        self.has_user(UserCreate { is_verified: true, ..UserCreate::new(email, PASSWORD) }).await
    }

    /// The same, but not active.
    pub async fn has_inactive(&self, email: &str) -> User {
        self.has_user(UserCreate { is_active: false, ..UserCreate::new(email, PASSWORD) }).await
    }

    /// A verified superuser's bearer token.
    pub async fn superuser(&self) -> String {
        let new = UserCreate {
            is_superuser: true,
            is_verified: true,
            ..UserCreate::new("root@example.com", PASSWORD)
        };
        self.has_user(new).await;
        self.token("root@example.com").await
    }

    /// A user whose stored hash is this text.
    pub async fn has_with_hash(&self, email: &str, hash: &str) -> User {
        let user = self.has(email).await;
        self.set(&user, "hashed_password", Value::Text(hash.to_owned())).await
    }

    async fn has_user(&self, new: UserCreate) -> User {
        let user = self.users.create(new, Flags::Applied, &RequestInfo::default()).await.unwrap();
        self.events.forget();
        user
    }

    /// Changes a column behind the library's back.
    pub async fn set(&self, user: &User, column: &'static str, value: Value) -> User {
        let changes = Record::new().with(column, value);
        self.users.database().update(&user.id, &Record::new(), &changes).await.unwrap().unwrap()
    }

    /// The user as stored.
    pub async fn stored(&self, id: Uuid) -> User {
        self.users.get(&id).await.unwrap().unwrap()
    }
}

impl<U: UserModel> App<U> {
    /// An application without backends, with what `change` adds.
    pub fn bare(change: impl FnOnce(UsersBuilder<U>) -> UsersBuilder<U>) -> Self {
        Self::on(MemoryDatabase::default(), change)
    }

    /// The same on another database.
    pub fn on(
        database: impl UserDatabase<U>,
        change: impl FnOnce(UsersBuilder<U>) -> UsersBuilder<U>,
    ) -> Self {
        let clock = Clock::stopped_at_unix_seconds(BEGINNING);
        let recorder = Recorder::default();
        let events = recorder.0.clone();
        let builder = Users::<U>::builder(database, SECRET).argon2(Argon2Parameters::least());
        let builder = builder.hooks(recorder).clock(clock.clone());
        let users = change(builder).build().unwrap();
        let client = Client::of(Router::new().merge(users.router()).with_state(users.clone()));
        Self { users, clock, events, client }
    }

    /// Registers as a visitor does.
    pub async fn register(&self, email: &str, password: &str) -> Answer {
        self.post("/auth/register").json(json!({ "email": email, "password": password })).await
    }

    /// Logs in at the bearer backend.
    pub async fn login(&self, email: &str, password: &str) -> Answer {
        self.login_at("jwt", email, password).await
    }

    /// Logs in at the backend of this name.
    pub async fn login_at(&self, backend: &str, email: &str, password: &str) -> Answer {
        let path = format!("/auth/{backend}/login");
        self.post(&path).form(&[("username", email), ("password", password)]).await
    }

    /// A fresh bearer token of a user with [`PASSWORD`].
    pub async fn token(&self, email: &str) -> String {
        self.token_at("jwt", email).await
    }

    /// The same of the bearer backend with this name.
    pub async fn token_at(&self, backend: &str, email: &str) -> String {
        let answer = self.login_at(backend, email, PASSWORD).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        answer.json()["access_token"].as_str().unwrap().to_owned()
    }

    /// A fresh session of a user with [`PASSWORD`]: the cookie's value.
    pub async fn session(&self, email: &str) -> String {
        let answer = self.login_at("cookie", email, PASSWORD).await;
        assert_eq!(answer.status, StatusCode::NO_CONTENT, "{answer:?}");
        answer.cookie_value("fastapiusersauth")
    }

    /// The token that is mailed to a user who forgot the password.
    pub async fn reset_token(&self, email: &str) -> String {
        self.mailed("forgot-password", "on_after_forgot_password", email).await
    }

    /// The token that is mailed to a user who wants to be verified.
    pub async fn verification_token(&self, email: &str) -> String {
        self.mailed("request-verify-token", "on_after_request_verify", email).await
    }

    async fn mailed(&self, route: &str, hook: &str, email: &str) -> String {
        self.events.forget();
        let answer = self.post(&format!("/auth/{route}")).json(json!({ "email": email })).await;
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{answer:?}");
        self.users.finish_background_work().await;
        let events = self.events.take();
        let [event] = &events[..] else { panic!("one mail was expected: {events:?}") };
        let (who, token) = event.rsplit_once(' ').unwrap();
        assert_eq!(who.to_lowercase(), format!("{hook} {email}").to_lowercase());
        token.to_owned()
    }

    /// Uses a reset token.
    pub async fn reset_password(&self, token: &str, password: &str) -> Answer {
        self.post("/auth/reset-password").json(json!({ "token": token, "password": password })).await
    }

    /// Uses a verification token.
    pub async fn verify(&self, token: &str) -> Answer {
        self.post("/auth/verify").json(json!({ "token": token })).await
    }

    /// What `GET /users/me` says to a bearer token.
    pub async fn status_of(&self, token: &str) -> u16 {
        self.get("/users/me").bearer(token).await.status.as_u16()
    }

    /// What `GET /users/me` says to a session cookie.
    pub async fn status_of_session(&self, session: &str) -> u16 {
        self.get("/users/me").cookie("fastapiusersauth", session).await.status.as_u16()
    }
}

/// Shared notes.
pub type Shared<T> = Arc<Mutex<T>>;
