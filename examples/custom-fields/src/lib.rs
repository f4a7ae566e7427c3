//! A user model with the application's own fields, and hooks that send mails.

use std::fmt;

use axum::{
    Json, Router,
    extract::State,
    routing::{get, post},
};
use axum_users::{
    ApiError, Bearer, BoxError, ColumnValue, Context, Cookie, CurrentUser, DatabaseTokens, Date, Flags,
    Hooks, Jwt, NewUser, Refusal, RequestInfo, UpdateError, UserDatabase, UserModel, Users, UsersBuilder,
};
use tokio::sync::mpsc;
use uuid::Uuid;

/// What a user pays for; stored as text, `free` or `paid`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ColumnValue)]
pub enum Plan {
    /// Nothing.
    Free,
    /// Something.
    Paid,
}

/// One row of the table `user`.
#[derive(Clone, UserModel)]
pub struct User {
    /// The primary key.
    pub id: Uuid,
    /// The e-mail address.
    pub email: String,
    /// The password's hash.
    pub hashed_password: String,
    /// Whether the user may log in.
    pub is_active: bool,
    /// Whether the user may manage other users.
    pub is_superuser: bool,
    /// Whether the e-mail address was verified.
    pub is_verified: bool,
    /// Required to register, may be changed, shown.
    #[user(validate = not_blank)]
    pub first_name: String,
    /// Optional everywhere.
    pub birthdate: Option<Date>,
    /// Shown; requests cannot set it.
    #[user(readonly, default = Plan::Free)]
    pub plan: Plan,
    /// In the table only.
    #[user(readonly, private)]
    pub notes: Option<String>,
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Neither the hash nor the notes belong into a log.
        f.debug_struct("User").field("id", &self.id).field("email", &self.email).finish_non_exhaustive()
    }
}

fn not_blank(text: &str) -> Result<(), &'static str> {
    if text.trim().is_empty() { Err("a name has at least one letter") } else { Ok(()) }
}

/// A mail that is to be sent.
pub struct Mail {
    /// The recipient.
    pub to: String,
    /// What it says; a token may be in it.
    pub text: String,
}

impl fmt::Debug for Mail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mail").field("to", &self.to).finish_non_exhaustive()
    }
}

/// Hands mails to whoever sends them.
#[derive(Debug)]
pub struct Mailer {
    outbox: mpsc::Sender<Mail>,
}

impl Mailer {
    fn send(&self, user: &User, text: String) -> Result<(), BoxError> {
        // No request waits for a full outbox.
        Ok(self.outbox.try_send(Mail { to: user.email.clone(), text })?)
    }
}

impl Hooks<User> for Mailer {
    async fn on_before_register(&self, new: &NewUser<'_>, _: &mut Context<'_, User>) -> Result<(), Refusal> {
        if new.email().ends_with("@mailinator.com") {
            return Err(Refusal::because("Please use an address that you keep."));
        }
        Ok(())
    }

    async fn on_after_register(&self, user: &User, _: &mut Context<'_, User>) -> Result<(), BoxError> {
        self.send(user, format!("Welcome, {}!", user.first_name))
    }

    async fn on_after_forgot_password(
        &self,
        user: &User,
        token: &str,
        _: &mut Context<'_, User>,
    ) -> Result<(), BoxError> {
        self.send(user, format!("Your token for a new password: {token}"))
    }

    async fn on_after_request_verify(
        &self,
        user: &User,
        token: &str,
        _: &mut Context<'_, User>,
    ) -> Result<(), BoxError> {
        self.send(user, format!("Your token to verify your address: {token}"))
    }
}

/// The users of this application, all but their last settings.
pub fn users(
    database: impl UserDatabase<User>,
    secret: &str,
    outbox: mpsc::Sender<Mail>,
) -> UsersBuilder<User> {
    Users::<User>::builder(database, secret)
        .backend("jwt", Bearer::default(), Jwt::lasting_seconds(3600))
        .backend("cookie", Cookie::default().insecure(), DatabaseTokens::lasting_seconds(7 * 24 * 3600))
        .hooks(Mailer { outbox })
}

/// The application: all routes of axum-users, and two of its own.
pub fn app(users: Users<User>) -> Router {
    Router::new()
        .route("/hello", get(hello))
        .route("/upgrade", post(upgrade))
        .merge(users.router())
        .with_state(users)
}

async fn hello(CurrentUser(user): CurrentUser<User>) -> String {
    format!("Hello {}!", user.first_name)
}

/// A program may set what requests may not.
async fn upgrade(
    State(users): State<Users<User>>,
    CurrentUser(user): CurrentUser<User>,
) -> Result<Json<UserRead>, ApiError> {
    let changes = UserUpdate { plan: Some(Plan::Paid), ..UserUpdate::default() };
    let user = users.update(&user, changes, Flags::Ignored, &RequestInfo::default()).await;
    user.map(|user| Json(users.read(user))).map_err(UpdateError::into)
}
