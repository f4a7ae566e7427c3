//! What the tests say to an application, in a few words.

use std::sync::{Arc, Mutex};

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Request, StatusCode},
};
use axum_users::{
    Argon2Parameters, Bearer, BoxError, Clock, Context, Cookie, DatabaseTokens, Hooks, Jwt, MemoryDatabase,
    User, Users, UsersBuilder,
};
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;

/// A secret of the least length there is.
pub const SECRET: &str = "at-least-32-bytes-of-randomness-here";

/// The time at which every test begins.
pub const BEGINNING: i64 = 1_800_000_000;

/// What the hooks were told, in order.
pub type Events = Arc<Mutex<Vec<String>>>;

/// Notes each hook as a line: its name, the user's address, and the token where there is one.
#[derive(Clone, Default)]
pub struct Recorder(pub Events);

impl Recorder {
    fn note(&self, line: String) -> Result<(), BoxError> {
        self.0.lock().unwrap().push(line);
        Ok(())
    }
}

impl Hooks<User> for Recorder {
    async fn on_after_register(&self, user: &User, _: &mut Context<'_, User>) -> Result<(), BoxError> {
        self.note(format!("on_after_register {}", user.email))
    }

    async fn on_after_login(&self, user: &User, _: &mut Context<'_, User>) -> Result<(), BoxError> {
        self.note(format!("on_after_login {}", user.email))
    }

    async fn on_after_logout(&self, user: &User, _: &mut Context<'_, User>) -> Result<(), BoxError> {
        self.note(format!("on_after_logout {}", user.email))
    }

    async fn on_after_forgot_password(
        &self,
        user: &User,
        token: &str,
        _: &mut Context<'_, User>,
    ) -> Result<(), BoxError> {
        self.note(format!("on_after_forgot_password {} {token}", user.email))
    }

    async fn on_after_request_verify(
        &self,
        user: &User,
        token: &str,
        _: &mut Context<'_, User>,
    ) -> Result<(), BoxError> {
        self.note(format!("on_after_request_verify {} {token}", user.email))
    }
}

/// An application with a bearer and a cookie backend, users in memory, cheap hashes, and a clock that stands.
pub struct App {
    pub users: Users<User>,
    pub router: Router,
    pub clock: Clock,
    pub events: Events,
}

/// One answer.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    /// The body as JSON; null when there is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// The `detail` of an error.
    pub fn detail(&self) -> Value {
        self.json()["detail"].clone()
    }
}

impl App {
    /// The application as most tests want it.
    pub fn new() -> Self {
        Self::with(|builder| builder)
    }

    /// The application with other settings.
    pub fn with(change: impl FnOnce(UsersBuilder<User>) -> UsersBuilder<User>) -> Self {
        let clock = Clock::stopped_at_unix_seconds(BEGINNING);
        let recorder = Recorder::default();
        let events = Arc::clone(&recorder.0);
        let builder = Users::<User>::builder(MemoryDatabase::default(), SECRET)
            .backend("jwt", Bearer::default(), Jwt::lasting_seconds(3600))
            .backend("cookie", Cookie::default().insecure(), DatabaseTokens::lasting_seconds(3600))
            .hooks(recorder)
            .argon2(Argon2Parameters::least())
            .clock(clock.clone());
        let users = change(builder).build().unwrap();
        let router = Router::new().merge(users.router()).with_state(users.clone());
        Self { users, router, clock, events }
    }

    /// Sends a request.
    pub async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes().to_vec();
        Answer { status: parts.status, headers: parts.headers, body }
    }
}
