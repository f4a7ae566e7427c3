//! Where users are kept: the adapter trait, and what it may answer instead of a user.

mod erased;
mod memory;
mod rows;
mod session;

use std::{borrow::Cow, pin::Pin, sync::Arc};

#[cfg(test)]
pub(crate) use self::erased::ErasedDatabase;
pub use self::{
    erased::Database,
    memory::MemoryDatabase,
    rows::{AccessToken, NewOAuthAccount, OAuthAccount, UserState},
    session::{RefreshFamily, Session},
};
use crate::{
    LimitCount,
    audit::{AuditEntry, AuditFilter},
    error::BoxError,
    schema::{DecodeError, Record, Schema, Timestamp},
    user::UserModel,
};

/// A boxed future that may cross threads.
pub(crate) type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What a database may answer instead of what was asked.
///
/// ```
/// use axum_users::DatabaseError;
///
/// /// What an adapter makes of an error of its driver.
/// fn of_driver(error: std::io::Error) -> DatabaseError {
///     match error.kind() {
///         std::io::ErrorKind::AlreadyExists => DatabaseError::EmailTaken,
///         std::io::ErrorKind::TimedOut => DatabaseError::Unavailable(error.into()),
///         _ => DatabaseError::Other(error.into()),
///     }
/// }
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DatabaseError {
    /// A unique constraint says that the e-mail is taken.
    #[error("a user with this e-mail exists")]
    EmailTaken,
    /// A unique constraint says that the OAuth account is linked to another user, or to this one already.
    #[error("the OAuth account is linked already")]
    OAuthAccountTaken,
    /// A row does not fit the model.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The database cannot be reached, is locked or out of room: trying again later may help (503).
    #[error("the database is not available")]
    Unavailable(#[source] BoxError),
    /// The adapter does not have this; see [`UserDatabase::capabilities`].
    #[error("this database adapter does not support {0}")]
    Unsupported(&'static str),
    /// Anything else.
    #[error("the database failed")]
    Other(#[source] BoxError),
}

/// Why tables could not be made or adopted. Nothing was changed.
///
/// ```
/// # use axum_users::{MigrateError, User, Users};
/// # async fn example(users: Users<User>) -> Result<(), MigrateError> {
/// match users.migrate().await {
///     Err(MigrateError::InTheWay(what)) => panic!("mend this first: {what}"),
///     other => other,
/// }
/// # }
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MigrateError {
    /// Rows or columns stand in the way. The text names them, and says what mends them.
    #[error("{0}")]
    InTheWay(String),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

/// What an adapter has beside the five required methods.
///
/// ```
/// use axum_users::Capabilities;
///
/// /// What an adapter says that keeps sessions, and nothing else beyond users.
/// fn capabilities() -> Capabilities {
///     let mut capabilities = Capabilities::default();
///     capabilities.access_tokens = true;
///     capabilities
/// }
/// assert!(!capabilities().one_time_records);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Capabilities {
    /// Access tokens, which the database strategy needs.
    pub access_tokens: bool,
    /// One-time records, which make verification links good once even when an address changes and returns.
    pub one_time_records: bool,
    /// OAuth accounts, which the OAuth routers need.
    pub oauth_accounts: bool,
    /// What is kept of a user beside the user table; see [`UserState`].
    pub user_states: bool,
    /// The audit trail.
    pub audit_trail: bool,
    /// Sessions as data: their devices, and refresh tokens; see [`Session`].
    pub sessions: bool,
    /// Counts of tries, which several processes share; see [`LimitStore`](crate::LimitStore).
    pub limits: bool,
}

impl Capabilities {
    /// Everything there is.
    #[must_use]
    pub fn all() -> Self {
        Self {
            access_tokens: true,
            one_time_records: true,
            oauth_accounts: true,
            user_states: true,
            audit_trail: true,
            sessions: true,
            limits: true,
        }
    }
}

/// The adapter between [`Users`](crate::Users) and a database.
///
/// Five methods make an adapter (see `examples/own-database`, some 60 lines); the others are for adapters that
/// say so in [`capabilities`](Self::capabilities). Implementations write them as plain `async fn`.
///
/// Every implementation keeps three rules. The unique constraint on the e-mail decides who has it, not a
/// look-up before. An e-mail is found whatever the case of its ASCII letters, and never by any looser rule.
/// [`update`](Self::update) compares and sets in one statement.
///
/// ```
/// use axum_users::{DatabaseError, User, UserDatabase, schema::Record};
/// use uuid::Uuid;
///
/// /// Nobody is in it.
/// struct Empty;
///
/// impl UserDatabase<User> for Empty {
///     async fn get(&self, _: &Uuid) -> Result<Option<User>, DatabaseError> {
///         Ok(None)
///     }
///
///     async fn get_by_email(&self, _: &str) -> Result<Option<User>, DatabaseError> {
///         Ok(None)
///     }
///
///     async fn create(&self, _: Record) -> Result<User, DatabaseError> {
///         Err(DatabaseError::Unavailable("it is full".into()))
///     }
///
///     async fn update(&self, _: &Uuid, _: &Record, _: &Record) -> Result<Option<User>, DatabaseError> {
///         Ok(None)
///     }
///
///     async fn delete(&self, _: &Uuid) -> Result<bool, DatabaseError> {
///         Ok(false)
///     }
/// }
/// ```
pub trait UserDatabase<U: UserModel>: Send + Sync + 'static {
    /// The user with this id.
    fn get(&self, id: &U::Id) -> impl Future<Output = Result<Option<U>, DatabaseError>> + Send;

    /// The user with this e-mail, ignoring the case of ASCII letters and nothing else.
    fn get_by_email(&self, email: &str) -> impl Future<Output = Result<Option<U>, DatabaseError>> + Send;

    /// Inserts a user. `record` names every column, save an `id` that the database makes.
    ///
    /// [`DatabaseError::EmailTaken`] when the unique constraint refuses.
    fn create(&self, record: Record) -> impl Future<Output = Result<U, DatabaseError>> + Send;

    /// Sets the columns of `changes` on the user with this id whose columns are as `expected` says, in one
    /// statement, and answers the user as it is then; `None` when there is no such user.
    ///
    /// [`DatabaseError::EmailTaken`] when the unique constraint refuses.
    fn update(
        &self,
        id: &U::Id,
        expected: &Record,
        changes: &Record,
    ) -> impl Future<Output = Result<Option<U>, DatabaseError>> + Send;

    /// Deletes a user with all that belongs to it; `false` when there was none.
    fn delete(&self, id: &U::Id) -> impl Future<Output = Result<bool, DatabaseError>> + Send;

    /// Tells the adapter the schema it is to serve; called once, before anything else.
    ///
    /// # Errors
    /// The schema cannot be kept in this database; the text says why.
    fn configure(&mut self, schema: &Arc<Schema>) -> Result<(), Cow<'static, str>> {
        let _ = schema;
        Ok(())
    }

    /// What the adapter has beside the five required methods.
    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
    }

    /// What traces call the database system, by OpenTelemetry's `db.system.name`: `postgresql`, `sqlite`, `mongodb`.
    /// Without, they do not say.
    fn system_name(&self) -> Option<&'static str> {
        None
    }

    /// Makes or adopts the tables; does nothing where that is done. Rows are never dropped or retyped.
    fn migrate(&self) -> impl Future<Output = Result<(), MigrateError>> + Send {
        async { Ok(()) }
    }

    /// Whether the database answers.
    fn ping(&self) -> impl Future<Output = Result<(), DatabaseError>> + Send {
        async { Ok(()) }
    }

    /// Users in the order of their ids, `limit` at most, beginning after `after`.
    fn list(
        &self,
        after: Option<&U::Id>,
        limit: u32,
    ) -> impl Future<Output = Result<Vec<U>, DatabaseError>> + Send {
        let _ = (after, limit);
        async { Err(DatabaseError::Unsupported("listing users")) }
    }

    /// Keeps a new session.
    fn create_access_token(
        &self,
        access_token: &AccessToken<U::Id>,
    ) -> impl Future<Output = Result<(), DatabaseError>> + Send {
        let _ = access_token;
        async { Err(DatabaseError::Unsupported("access tokens")) }
    }

    /// The session whose stored token is one of `forms` and that began at `not_before` or later, with its
    /// user, in one query.
    fn user_by_access_token(
        &self,
        forms: &[String],
        not_before: Option<Timestamp>,
    ) -> impl Future<Output = Result<Option<(U, AccessToken<U::Id>)>, DatabaseError>> + Send {
        let _ = (forms, not_before);
        async { Err(DatabaseError::Unsupported("access tokens")) }
    }

    /// Replaces a session's stored token, when Python stored it in clear.
    fn rewrite_access_token(
        &self,
        from: &str,
        to: &str,
    ) -> impl Future<Output = Result<(), DatabaseError>> + Send {
        let _ = (from, to);
        async { Err(DatabaseError::Unsupported("access tokens")) }
    }

    /// Ends the session whose stored token is one of `forms`.
    fn delete_access_token(
        &self,
        forms: &[String],
    ) -> impl Future<Output = Result<(), DatabaseError>> + Send {
        let _ = forms;
        async { Err(DatabaseError::Unsupported("access tokens")) }
    }

    /// Ends every session of a user but those whose stored token is one of `except`.
    fn delete_access_tokens_of(
        &self,
        user_id: &U::Id,
        except: &[String],
    ) -> impl Future<Output = Result<(), DatabaseError>> + Send {
        let _ = (user_id, except);
        async { Err(DatabaseError::Unsupported("access tokens")) }
    }

    /// Deletes the sessions that began before `before`; answers how many.
    fn purge_access_tokens(
        &self,
        before: Timestamp,
    ) -> impl Future<Output = Result<u64, DatabaseError>> + Send {
        let _ = before;
        async { Err(DatabaseError::Unsupported("access tokens")) }
    }

    /// Notes that something good once was used: `true` the first time, `false` ever after. The insert decides.
    /// `now` lets the adapter forget records that expired.
    fn use_once(
        &self,
        purpose: &str,
        digest: &str,
        expires_at: Timestamp,
        now: Timestamp,
    ) -> impl Future<Output = Result<bool, DatabaseError>> + Send {
        let _ = (purpose, digest, expires_at, now);
        async { Err(DatabaseError::Unsupported("one-time records")) }
    }

    /// The user to whom an account at a provider is linked. Of several rows that link one account to one user
    /// any will do.
    fn user_by_oauth_account(
        &self,
        oauth_name: &str,
        account_id: &str,
    ) -> impl Future<Output = Result<Option<U>, DatabaseError>> + Send {
        let _ = (oauth_name, account_id);
        async { Err(DatabaseError::Unsupported("OAuth accounts")) }
    }

    /// The accounts that are linked to a user, in a stable order.
    fn oauth_accounts(
        &self,
        user_id: &U::Id,
    ) -> impl Future<Output = Result<Vec<OAuthAccount<U::Id>>, DatabaseError>> + Send {
        let _ = user_id;
        async { Err(DatabaseError::Unsupported("OAuth accounts")) }
    }

    /// Inserts a user together with a linked account, or neither. `account_row_id` is the row's id, unless the
    /// database makes it.
    ///
    /// [`DatabaseError::EmailTaken`] or [`DatabaseError::OAuthAccountTaken`] when a unique constraint refuses.
    fn create_with_oauth_account(
        &self,
        record: Record,
        account_row_id: Option<&U::Id>,
        account: &NewOAuthAccount,
    ) -> impl Future<Output = Result<U, DatabaseError>> + Send {
        let _ = (record, account_row_id, account);
        async { Err(DatabaseError::Unsupported("OAuth accounts")) }
    }

    /// Links an account to a user.
    ///
    /// [`DatabaseError::OAuthAccountTaken`] when the account is linked already, to whomever.
    fn add_oauth_account(
        &self,
        user_id: &U::Id,
        account_row_id: Option<&U::Id>,
        account: &NewOAuthAccount,
    ) -> impl Future<Output = Result<(), DatabaseError>> + Send {
        let _ = (user_id, account_row_id, account);
        async { Err(DatabaseError::Unsupported("OAuth accounts")) }
    }

    /// Overwrites the tokens and the address of every row that links this account to this user; answers
    /// whether there was one.
    fn update_oauth_account(
        &self,
        user_id: &U::Id,
        account: &NewOAuthAccount,
    ) -> impl Future<Output = Result<bool, DatabaseError>> + Send {
        let _ = (user_id, account);
        async { Err(DatabaseError::Unsupported("OAuth accounts")) }
    }

    /// Unlinks the account of this name and id from a user; answers whether it was linked.
    fn delete_oauth_account(
        &self,
        user_id: &U::Id,
        oauth_name: &str,
        account_id: &str,
    ) -> impl Future<Output = Result<bool, DatabaseError>> + Send {
        let _ = (user_id, oauth_name, account_id);
        async { Err(DatabaseError::Unsupported("OAuth accounts")) }
    }

    /// The user with this id, and what is kept beside the user table, in one query.
    fn get_with_state(
        &self,
        id: &U::Id,
    ) -> impl Future<Output = Result<Option<(U, UserState)>, DatabaseError>> + Send {
        let _ = id;
        async { Err(DatabaseError::Unsupported("user states")) }
    }

    /// Keeps a user's state, in place of what was kept.
    fn set_user_state(
        &self,
        id: &U::Id,
        state: UserState,
    ) -> impl Future<Output = Result<(), DatabaseError>> + Send {
        let _ = (id, state);
        async { Err(DatabaseError::Unsupported("user states")) }
    }

    /// Keeps entries of the audit trail, all or none. One whose id is there already is left as it is: a try before
    /// may have come through without an answer.
    fn append_audit_entries(
        &self,
        entries: &[AuditEntry],
    ) -> impl Future<Output = Result<(), DatabaseError>> + Send {
        let _ = entries;
        async { Err(DatabaseError::Unsupported("the audit trail")) }
    }

    /// The entries that a filter wants, the greatest id first.
    fn audit_entries(
        &self,
        filter: &AuditFilter,
    ) -> impl Future<Output = Result<Vec<AuditEntry>, DatabaseError>> + Send {
        let _ = filter;
        async { Err(DatabaseError::Unsupported("the audit trail")) }
    }

    /// Deletes the entries that are older than `before`; answers how many.
    fn purge_audit_entries(
        &self,
        before: Timestamp,
    ) -> impl Future<Output = Result<u64, DatabaseError>> + Send {
        let _ = before;
        async { Err(DatabaseError::Unsupported("the audit trail")) }
    }

    /// The sessions of a user in the original's `accesstoken` table, the newest first, `limit` at most.
    fn access_tokens_of(
        &self,
        user_id: &U::Id,
        limit: u32,
    ) -> impl Future<Output = Result<Vec<AccessToken<U::Id>>, DatabaseError>> + Send {
        let _ = (user_id, limit);
        async { Err(DatabaseError::Unsupported("sessions")) }
    }

    /// As [`user_by_access_token`](Self::user_by_access_token), with the moment at which the session was last
    /// used, where that is known. Adapters may do it in one query.
    fn user_by_used_access_token(
        &self,
        forms: &[String],
        not_before: Option<Timestamp>,
    ) -> impl Future<Output = Result<Option<(U, AccessToken<U::Id>, Option<Timestamp>)>, DatabaseError>> + Send
    {
        async move {
            let Some((user, token)) = self.user_by_access_token(forms, not_before).await? else {
                return Ok(None);
            };
            let last_used_at = self.session_last_used(forms).await?;
            Ok(Some((user, token, last_used_at)))
        }
    }

    /// Keeps what is known of a new session. Fails when its user does not exist, or another session has its id.
    fn create_session(
        &self,
        session: &Session<U::Id>,
    ) -> impl Future<Output = Result<(), DatabaseError>> + Send {
        let _ = session;
        async { Err(DatabaseError::Unsupported("sessions")) }
    }

    /// The sessions of a user, the newest first, `limit` at most.
    fn sessions_of(
        &self,
        user_id: &U::Id,
        limit: u32,
    ) -> impl Future<Output = Result<Vec<Session<U::Id>>, DatabaseError>> + Send {
        let _ = (user_id, limit);
        async { Err(DatabaseError::Unsupported("sessions")) }
    }

    /// The session whose refresh tokens have this [`handle`](RefreshFamily::handle).
    fn session_by_refresh_handle(
        &self,
        handle: &str,
    ) -> impl Future<Output = Result<Option<Session<U::Id>>, DatabaseError>> + Send {
        let _ = handle;
        async { Err(DatabaseError::Unsupported("sessions")) }
    }

    /// When the session was last used whose stored token is one of `forms`.
    fn session_last_used(
        &self,
        forms: &[String],
    ) -> impl Future<Output = Result<Option<Timestamp>, DatabaseError>> + Send {
        let _ = forms;
        async { Err(DatabaseError::Unsupported("sessions")) }
    }

    /// Notes that the session whose stored token is one of `forms` was used, and that its token is stored as the
    /// first of them from now on; answers whether there was one.
    fn touch_session(
        &self,
        forms: &[String],
        at: Timestamp,
    ) -> impl Future<Output = Result<bool, DatabaseError>> + Send {
        let _ = (forms, at);
        async { Err(DatabaseError::Unsupported("sessions")) }
    }

    /// Puts the refresh token `to` in the place of `from`, which becomes the previous one, and the access token
    /// `token` in the place of the one before, in one statement; answers whether `from` was the current one.
    fn rotate_refresh_token(
        &self,
        id: &str,
        from: &str,
        to: &str,
        token: Option<&str>,
        at: Timestamp,
    ) -> impl Future<Output = Result<bool, DatabaseError>> + Send {
        let _ = (id, from, to, token, at);
        async { Err(DatabaseError::Unsupported("sessions")) }
    }

    /// Forgets one session of a user; answers whether there was one.
    fn delete_session(
        &self,
        user_id: &U::Id,
        id: &str,
    ) -> impl Future<Output = Result<bool, DatabaseError>> + Send {
        let _ = (user_id, id);
        async { Err(DatabaseError::Unsupported("sessions")) }
    }

    /// Forgets the session whose stored token is one of `forms`.
    fn delete_session_by_token(
        &self,
        forms: &[String],
    ) -> impl Future<Output = Result<(), DatabaseError>> + Send {
        let _ = forms;
        async { Err(DatabaseError::Unsupported("sessions")) }
    }

    /// Forgets all sessions of a user but those whose stored token is one of `except`, and the one with the id
    /// `except_id`.
    fn delete_sessions_of(
        &self,
        user_id: &U::Id,
        except: &[String],
        except_id: Option<&str>,
    ) -> impl Future<Output = Result<(), DatabaseError>> + Send {
        let _ = (user_id, except, except_id);
        async { Err(DatabaseError::Unsupported("sessions")) }
    }

    /// Forgets the sessions that ended before `before`; answers how many.
    fn purge_sessions(&self, before: Timestamp) -> impl Future<Output = Result<u64, DatabaseError>> + Send {
        let _ = before;
        async { Err(DatabaseError::Unsupported("sessions")) }
    }

    /// Takes one try of a count, in one atomic step: `None`, or in how many microseconds there will be one. See
    /// [`LimitCount::take`].
    fn take_limit(
        &self,
        count: &LimitCount<'_>,
    ) -> impl Future<Output = Result<Option<i64>, DatabaseError>> + Send {
        let _ = count;
        async { Err(DatabaseError::Unsupported("limits")) }
    }

    /// Gives one try of each count back.
    fn give_limits_back(
        &self,
        counts: &[LimitCount<'_>],
    ) -> impl Future<Output = Result<(), DatabaseError>> + Send {
        let _ = counts;
        async { Err(DatabaseError::Unsupported("limits")) }
    }

    /// Notes that something holds until a moment, in microseconds since 1970.
    fn note_limit(&self, name: &str, until: i64) -> impl Future<Output = Result<(), DatabaseError>> + Send {
        let _ = (name, until);
        async { Err(DatabaseError::Unsupported("limits")) }
    }

    /// Whether a note holds at this moment, in microseconds since 1970.
    fn limit_holds(&self, name: &str, now: i64) -> impl Future<Output = Result<bool, DatabaseError>> + Send {
        let _ = (name, now);
        async { Err(DatabaseError::Unsupported("limits")) }
    }
}
