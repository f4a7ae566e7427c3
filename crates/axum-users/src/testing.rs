//! Short tests for applications that use this library, with the feature `testing`.
//!
//! A [`TestApp`] is the application without a network: a user in one line, a request of a logged-in user in one line,
//! and the tokens of mails caught. Everything here panics where it cannot go on, as tests do.
//!
//! ```
//! use axum::{Router, routing::get};
//! use axum_users::{Bearer, CurrentUser, Jwt, MemoryDatabase, User, Users, UsersBuilder, testing::TestApp};
//!
//! // The application's own two functions.
//! fn users() -> UsersBuilder<User> {
//!     Users::builder(MemoryDatabase::default(), "a secret of more than thirty-two bytes")
//!         .backend("jwt", Bearer::default(), Jwt::lasting_seconds(3600))
//! }
//! fn app(users: Users<User>) -> Router {
//!     Router::new().route("/hello", get(hello)).merge(users.router()).with_state(users)
//! }
//! async fn hello(CurrentUser(user): CurrentUser<User>) -> String {
//!     format!("Hello {}!", user.email)
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let app = TestApp::start(users(), app).await;
//! let ada = app.user("ada@example.com").await;
//!
//! assert_eq!(app.get("/hello").await.status, 401);
//! assert_eq!(app.get("/hello").as_user(&ada).await.text(), "Hello ada@example.com!");
//!
//! app.post("/auth/forgot-password").json(r#"{"email": "ada@example.com"}"#).await;
//! let token = app.mail_to("ada@example.com").await.token;
//! # assert!(!token.is_empty());
//! # }
//! ```

#![allow(clippy::panic, reason = "these are words for tests, which panic wherever they stand")]

mod mails;
mod request;

use std::fmt;

use axum::Router;
use secrecy::SecretString;

use self::mails::{CatchingHooks, Mails};
pub use self::{
    mails::{Mail, MailPurpose},
    request::{TestRequest, TestResponse},
};
use crate::{
    Argon2Parameters, UserId, UserModel, Users, UsersBuilder,
    schema::{Column, ColumnType, ColumnValue, ObjectId, Record, Timestamp, Value},
};

/// The password of every user that a [`TestApp`] makes.
pub const PASSWORD: &str = "a horse in the rain";

/// An application under test, without a network.
///
/// ```
/// use axum_users::{Bearer, Jwt, MemoryDatabase, User, Users, testing::TestApp};
///
/// # async fn example() {
/// let users = Users::<User>::builder(MemoryDatabase::default(), "a secret of more than thirty-two bytes")
///     .backend("jwt", Bearer::default(), Jwt::lasting_seconds(3600));
/// let app = TestApp::start(users, |users| users.router().into()).await;
/// let ada = app.user("ada@example.com").await;
/// assert_eq!(app.get("/users/me").as_user(&ada).await.json()["email"], "ada@example.com");
/// # }
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(example());
/// ```
pub struct TestApp<U: UserModel> {
    /// The users of the application.
    pub users: Users<U>,
    router: Router,
    mails: Mails,
}

impl<U: UserModel> fmt::Debug for TestApp<U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestApp").field("users", &self.users).finish_non_exhaustive()
    }
}

impl<U: UserModel> TestApp<U> {
    /// Builds the users, with hashes that cost next to nothing; makes the tables; and gives the users to what makes the
    /// application's router. The application's hooks run as ever, and the tokens that they are given are caught.
    ///
    /// # Panics
    /// If the users cannot be built or migrated.
    pub async fn start(builder: UsersBuilder<U>, app: impl FnOnce(Users<U>) -> Router) -> Self {
        let mails = Mails::default();
        let builder = builder.argon2(Argon2Parameters::least()).hashing_threads(1);
        let catching = mails.clone();
        let builder = builder.wrap_hooks(|hooks| CatchingHooks { hooks, mails: catching });
        let users = builder.build().unwrap_or_else(|error| panic!("the users cannot be built: {error}"));
        users.migrate().await.unwrap_or_else(|error| panic!("the database cannot be migrated: {error}"));
        let router = app(users.clone());
        Self { users, router, mails }
    }

    /// Makes a user with [`PASSWORD`]: active and verified, own fields at their defaults, empty, or with some value
    /// where they have to have one. No hook runs and no rule is asked.
    ///
    /// # Panics
    /// If the e-mail is taken or the database fails.
    pub async fn user(&self, email: &str) -> U {
        self.user_with(email, Record::new()).await
    }

    /// Makes a user who may manage other users.
    ///
    /// # Panics
    /// As [`user`](Self::user).
    pub async fn superuser(&self, email: &str) -> U {
        self.user_with(email, Record::new().with("is_superuser", Value::Bool(true))).await
    }

    /// Makes a user with these fields, for example `Record::new().with("is_verified", Value::Bool(false))`.
    ///
    /// # Panics
    /// As [`user`](Self::user), and if a field is unknown to the model.
    pub async fn user_with(&self, email: &str, fields: Record) -> U {
        let schema = self.users.schema();
        let password = SecretString::from(PASSWORD);
        let hash = self.users.inner.hasher.hash(&password).await;
        let hash = hash.unwrap_or_else(|error| panic!("the password cannot be hashed: {error}"));
        let mut record = Record::new();
        if let Some(id) = U::Id::generate(&self.users.inner.random, schema.id_type()) {
            record.set("id", id.into_value());
        }
        record.set("email", Value::Text(email.to_owned()));
        record.set("hashed_password", Value::Text(hash));
        for (flag, value) in [("is_active", true), ("is_superuser", false), ("is_verified", true)] {
            record.set(flag, Value::Bool(value));
        }
        for column in schema.own_columns() {
            record.set(column.name.clone(), some_value(column));
        }
        record.merge(&fields);
        let made = self.users.database().create(record).await;
        made.unwrap_or_else(|error| panic!("`{email}` cannot be made: {error}"))
    }

    /// The last mail with a token to this address, in any case of its letters, and forgets it.
    ///
    /// # Panics
    /// If there is none.
    pub async fn mail_to(&self, email: &str) -> Mail {
        self.users.finish_background_work().await;
        self.mails.take(email).unwrap_or_else(|| panic!("no mail with a token went to `{email}`"))
    }

    /// How many mails with tokens there were that nobody has taken.
    pub async fn mail_count(&self) -> usize {
        self.users.finish_background_work().await;
        self.mails.count()
    }
}

/// A value that the column can hold.
fn some_value(column: &Column) -> Value {
    if let Some(default) = &column.default {
        return default.clone();
    }
    if column.nullable {
        return Value::Null;
    }
    match column.column_type {
        ColumnType::Bool => Value::Bool(false),
        ColumnType::Integer => Value::Integer(1.clamp(column.range.0, column.range.1)),
        ColumnType::Float => Value::Float(1.0),
        ColumnType::Text => {
            Value::Text(column.choices.first().map_or("text", |choice| choice.as_ref()).to_owned())
        }
        ColumnType::Uuid => Value::Uuid(uuid::Uuid::nil()),
        ColumnType::Date => Value::Date(Timestamp::UNIX_EPOCH.date()),
        ColumnType::Timestamp => Value::Timestamp(Timestamp::UNIX_EPOCH),
        ColumnType::Json => Value::Json(serde_json::json!({})),
        ColumnType::ObjectId => Value::ObjectId(ObjectId([0; 12])),
    }
}
