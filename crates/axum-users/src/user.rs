//! The user model: the application's own struct, and the ready-made [`User`].

use std::{
    fmt::{self, Debug, Display},
    hash::Hash,
};

use serde::Serialize;
use uuid::Uuid;

use crate::{
    Random,
    schema::{ColumnType, ColumnValue, DecodeError, ObjectId, Record, RowReader, Schema},
};

/// A user's primary key: [`Uuid`] as in the original, `i64`, [`ObjectId`], or a type of your own.
///
/// ```
/// use axum_users::UserId;
///
/// fn key(id: &impl UserId) -> String {
///     format!("user:{id}")
/// }
/// assert_eq!(key(&7), "user:7");
/// ```
pub trait UserId: ColumnValue + Debug + Display + Eq + Hash {
    /// Reads the `{id}` of a path or the `sub` of a token; `None` when the text is no id.
    ///
    /// `id_type` is what the schema says of the `id` column, for ids whose kind is known at run time only.
    fn parse(text: &str, id_type: ColumnType) -> Option<Self>;

    /// A new id, or `None` when the database makes it.
    fn generate(random: &Random, id_type: ColumnType) -> Option<Self>;
}

impl UserId for Uuid {
    /// Takes what Python's UUID reader takes: dashes optional, capitals, `{…}`, `urn:uuid:…`.
    fn parse(text: &str, _: ColumnType) -> Option<Self> {
        let text = text.strip_prefix("urn:").unwrap_or(text);
        let text = text.strip_prefix("uuid:").unwrap_or(text);
        let text = text.trim_matches(['{', '}']);
        let mut digits = [0; 32];
        let mut count = 0;
        for byte in text.bytes().filter(|&byte| byte != b'-') {
            *digits.get_mut(count)? = byte;
            count += 1;
        }
        if count != digits.len() {
            return None;
        }
        Self::try_parse_ascii(&digits).ok()
    }

    fn generate(random: &Random, _: ColumnType) -> Option<Self> {
        Some(random.uuid())
    }
}

impl UserId for i64 {
    fn parse(text: &str, _: ColumnType) -> Option<Self> {
        text.parse().ok()
    }

    fn generate(_: &Random, _: ColumnType) -> Option<Self> {
        None
    }
}

impl UserId for ObjectId {
    fn parse(text: &str, _: ColumnType) -> Option<Self> {
        Self::parse(text)
    }

    fn generate(_: &Random, _: ColumnType) -> Option<Self> {
        None
    }
}

/// The application's user: one row of its user table.
///
/// Derive it on a struct with the six base fields and any number of your own:
///
/// ```
/// use axum_users::{Date, UserModel};
/// use uuid::Uuid;
///
/// #[derive(Clone, UserModel)]
/// pub struct User {
///     pub id: Uuid,
///     pub email: String,
///     pub hashed_password: String,
///     pub is_active: bool,
///     pub is_superuser: bool,
///     pub is_verified: bool,
///     pub first_name: String,       // required in register, optional in PATCH, shown
///     pub birthdate: Option<Date>,  // optional everywhere
///     #[user(readonly)]
///     pub plan: Option<String>,     // shown, never accepted
///     #[user(readonly, private)]
///     pub notes: Option<String>,    // in the table only
/// }
///
/// let new = UserCreate::new("ada@example.com", "correct horse", "Ada");
/// assert_eq!(new.first_name, "Ada");
/// ```
///
/// The derive also makes `UserRead`, `UserCreate` and `UserUpdate`, named after the struct (a struct called
/// `Model` makes them too).
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a user model",
    label = "not a user model",
    note = "add `#[derive(Clone, axum_users::UserModel)]` to `{Self}`"
)]
pub trait UserModel: Clone + Send + Sync + 'static {
    /// The primary key.
    type Id: UserId;
    /// What answers show of a user.
    type Read: Serialize + Send;
    /// What it takes to create a user.
    type Create: UserFields;
    /// Changes to a user.
    type Update: UserFields;

    /// The table: base columns first, then the model's own.
    fn schema() -> Schema;

    /// Reads a row of `schema`'s table.
    ///
    /// # Errors
    /// A stored value does not fit its field.
    fn from_row(schema: &Schema, row: &mut dyn RowReader) -> Result<Self, DecodeError>;

    /// What answers show of this user.
    fn into_read(self, schema: &Schema) -> Self::Read;

    /// The primary key.
    fn id(&self) -> &Self::Id;
    /// The e-mail address as stored.
    fn email(&self) -> &str;
    /// The password's hash as stored.
    fn hashed_password(&self) -> &str;
    /// Whether the user may log in.
    fn is_active(&self) -> bool;
    /// Whether the user may manage other users.
    fn is_superuser(&self) -> bool;
    /// Whether the e-mail address was verified.
    fn is_verified(&self) -> bool;
}

/// A typed set of fields that a record turns into, and that turns into a record: `UserCreate`, `UserUpdate`.
///
/// The record's columns are those of the table, with `password` in place of `hashed_password`.
///
/// ```
/// use axum_users::{UserCreate, UserFields};
///
/// let record = UserCreate::new("ada@example.com", "analytical engine").into_record();
/// assert_eq!(record.get("email").and_then(|email| email.as_text()), Some("ada@example.com"));
/// ```
pub trait UserFields: Sized + Send + 'static {
    /// Takes the fields out of a record whose values were checked against the schema.
    ///
    /// # Errors
    /// A value does not fit its field.
    fn from_record(record: Record) -> Result<Self, DecodeError>;

    /// The fields that are given, as a record.
    fn into_record(self) -> Record;
}

/// The user of an application that adds no fields of its own.
///
/// Growing up is changing one import, from `axum_users::User` to your own struct of the same name.
///
/// ```
/// use axum_users::{CurrentUser, User};
///
/// async fn hello(CurrentUser(user): CurrentUser<User>) -> String {
///     format!("Hello {}!", user.email)
/// }
/// ```
#[derive(Clone, PartialEq, Eq, axum_users_macros::UserModel)]
#[user(crate = crate)]
pub struct User {
    /// The primary key, a random UUID.
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
}

impl Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User")
            .field("id", &self.id)
            .field("email", &self.email)
            .field("is_active", &self.is_active)
            .field("is_superuser", &self.is_superuser)
            .field("is_verified", &self.is_verified)
            .finish_non_exhaustive()
    }
}
