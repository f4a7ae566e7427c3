//! Where users are kept: the adapter trait, and what it may answer instead of a user.

mod memory;
mod session;

use std::{borrow::Cow, fmt, pin::Pin, sync::Arc};

pub use self::{
    memory::MemoryDatabase,
    session::{RefreshFamily, Session},
};
use crate::{
    LimitCount,
    audit::{AuditEntry, AuditFilter},
    error::BoxError,
    schema::{DecodeError, Record, Schema, Timestamp},
    spans,
    user::UserModel,
    user_cache::Changes,
};

/// A boxed future that may cross threads.
pub(crate) type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What a database may answer instead of what was asked.
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

/// A session of the database strategy: one row of the original's `accesstoken` table.
#[derive(Clone, PartialEq, Eq)]
pub struct AccessToken<Id> {
    /// The token's stored form: `~` and a hash, or the token itself where Python made the row.
    pub token: String,
    /// Whose session it is.
    pub user_id: Id,
    /// When the session began.
    pub created_at: Timestamp,
}

impl<Id: fmt::Debug> fmt::Debug for AccessToken<Id> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessToken")
            .field("user_id", &self.user_id)
            .field("created_at", &self.created_at)
            .finish_non_exhaustive()
    }
}

/// An account at an OAuth provider that is linked to a user: one row of the original's `oauth_account` table.
///
/// Its `Debug` output hides the tokens.
#[derive(Clone, PartialEq, Eq)]
pub struct OAuthAccount<Id> {
    /// The row's own id, of the same kind as users' ids.
    pub id: Id,
    /// Whose account it is.
    pub user_id: Id,
    /// The provider's name: `google`.
    pub oauth_name: String,
    /// The provider's access token; empty where it was too long for an old table.
    pub access_token: String,
    /// When the access token expires, in Unix seconds; `None` when the provider does not say.
    pub expires_at: Option<i64>,
    /// The provider's refresh token.
    pub refresh_token: Option<String>,
    /// The account's id at the provider.
    pub account_id: String,
    /// The e-mail address that the provider tells; empty when it tells none.
    pub account_email: String,
}

impl<Id: fmt::Debug> fmt::Debug for OAuthAccount<Id> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OAuthAccount")
            .field("id", &self.id)
            .field("user_id", &self.user_id)
            .field("oauth_name", &self.oauth_name)
            .field("expires_at", &self.expires_at)
            .field("account_id", &self.account_id)
            .finish_non_exhaustive()
    }
}

/// An OAuth account that is about to be linked, or what a new login says of one.
#[derive(Clone, PartialEq, Eq)]
pub struct NewOAuthAccount {
    /// See [`OAuthAccount::oauth_name`].
    pub oauth_name: String,
    /// See [`OAuthAccount::access_token`].
    pub access_token: String,
    /// See [`OAuthAccount::expires_at`].
    pub expires_at: Option<i64>,
    /// See [`OAuthAccount::refresh_token`].
    pub refresh_token: Option<String>,
    /// See [`OAuthAccount::account_id`].
    pub account_id: String,
    /// See [`OAuthAccount::account_email`].
    pub account_email: String,
}

impl NewOAuthAccount {
    /// The row that links this account to a user.
    #[must_use]
    pub fn into_account<Id>(self, id: Id, user_id: Id) -> OAuthAccount<Id> {
        let Self { oauth_name, access_token, expires_at, refresh_token, account_id, account_email } = self;
        OAuthAccount {
            id,
            user_id,
            oauth_name,
            access_token,
            expires_at,
            refresh_token,
            account_id,
            account_email,
        }
    }
}

impl fmt::Debug for NewOAuthAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewOAuthAccount")
            .field("oauth_name", &self.oauth_name)
            .field("expires_at", &self.expires_at)
            .field("account_id", &self.account_id)
            .finish_non_exhaustive()
    }
}

/// What is kept of a user beside the original's tables, which get no column of ours. A user whom Python made
/// has the default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UserState {
    /// Tokens that were made before this moment are no longer good, wherever their strategy can tell.
    pub not_before: Option<Timestamp>,
    /// Nobody knows the password: it was generated when the user came by OAuth.
    pub password_is_generated: bool,
}

/// The adapter between [`Users`](crate::Users) and a database.
///
/// Five methods make an adapter (see `examples/own-database`, some 60 lines); the others are for adapters that
/// say so in [`capabilities`](Self::capabilities). Implementations write them as plain `async fn`.
///
/// Every implementation keeps three rules. The unique constraint on the e-mail decides who has it, not a
/// look-up before. An e-mail is found whatever the case of its ASCII letters, and never by any looser rule.
/// [`update`](Self::update) compares and sets in one statement.
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

/// Writes the erased twin of [`UserDatabase`], its blanket implementation, and [`Database`]'s methods.
macro_rules! erased_database {
    ($lifetime:lifetime; $(
        $(#[$doc:meta])*
        fn $name:ident($($argument:ident: $type:ty),*) -> $output:ty;
    )*) => {
        /// [`UserDatabase`] behind a pointer, so that `Users<U>` needs no second type parameter.
        pub(crate) trait ErasedDatabase<U: UserModel>: Send + Sync {
            fn configure(&mut self, schema: &Arc<Schema>) -> Result<(), Cow<'static, str>>;
            fn capabilities(&self) -> Capabilities;
            $(fn $name<$lifetime>(&$lifetime self, $($argument: $type),*) -> BoxFuture<$lifetime, $output>;)*
        }

        impl<U: UserModel, T: UserDatabase<U>> ErasedDatabase<U> for T {
            fn configure(&mut self, schema: &Arc<Schema>) -> Result<(), Cow<'static, str>> {
                UserDatabase::configure(self, schema)
            }

            fn capabilities(&self) -> Capabilities {
                UserDatabase::capabilities(self)
            }

            $(fn $name<$lifetime>(&$lifetime self, $($argument: $type),*) -> BoxFuture<$lifetime, $output> {
                Box::pin(UserDatabase::$name(self, $($argument),*))
            })*
        }

        impl<U: UserModel> Database<U> {
            $(
                $(#[$doc])*
                ///
                /// # Errors
                /// The database's own; see [`DatabaseError`].
                pub fn $name<$lifetime>(
                    &$lifetime self,
                    $($argument: $type),*
                ) -> impl Future<Output = $output> + Send + $lifetime {
                    let done = self.adapter.$name($($argument),*);
                    let note = changes_who_is_recognised(stringify!($name)).then(|| self.changes.note_at_end());
                    let span = spans::database!(stringify!($name));
                    async move {
                        let _note = note;
                        spans::within(span, done).await
                    }
                }
            )*
        }
    };
}

/// The database of a [`Users`](crate::Users), whatever its adapter; given to strategies.
pub struct Database<U: UserModel> {
    pub(crate) adapter: Arc<dyn ErasedDatabase<U>>,
    pub(crate) changes: Changes,
}

/// Whether a method may change which user a token stands for, or what is known of that user. Those that read or only
/// add do not; whatever is not named here may.
fn changes_who_is_recognised(method: &str) -> bool {
    !matches!(
        method,
        "get"
            | "get_by_email"
            | "list"
            | "ping"
            | "create"
            | "create_access_token"
            | "user_by_access_token"
            | "purge_access_tokens"
            | "use_once"
            | "user_by_oauth_account"
            | "oauth_accounts"
            | "create_with_oauth_account"
            | "get_with_state"
            | "append_audit_entries"
            | "audit_entries"
            | "purge_audit_entries"
            | "access_tokens_of"
            | "user_by_used_access_token"
            | "create_session"
            | "sessions_of"
            | "session_by_refresh_handle"
            | "session_last_used"
            | "touch_session"
            | "take_limit"
            | "give_limits_back"
            | "note_limit"
            | "limit_holds"
    )
}

impl<U: UserModel> Database<U> {
    pub(crate) fn new(adapter: impl UserDatabase<U>) -> Self {
        Self { adapter: Arc::new(adapter), changes: Changes::default() }
    }

    /// What the adapter has beside the five required methods.
    #[must_use]
    pub fn capabilities(&self) -> Capabilities {
        self.adapter.capabilities()
    }

    /// The same database; it is configured by now.
    pub(crate) fn share(&self) -> Self {
        Self { adapter: Arc::clone(&self.adapter), changes: self.changes.clone() }
    }

    pub(crate) fn configure(&mut self, schema: &Arc<Schema>) -> Result<(), Cow<'static, str>> {
        match Arc::get_mut(&mut self.adapter) {
            Some(database) => database.configure(schema),
            None => Err(Cow::Borrowed("it is in use already")),
        }
    }
}

impl<U: UserModel> fmt::Debug for Database<U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database").field("capabilities", &self.capabilities()).finish_non_exhaustive()
    }
}

erased_database! {
    'a;
    /// See [`UserDatabase::get`].
    fn get(id: &'a U::Id) -> Result<Option<U>, DatabaseError>;
    /// See [`UserDatabase::get_by_email`].
    fn get_by_email(email: &'a str) -> Result<Option<U>, DatabaseError>;
    /// See [`UserDatabase::create`].
    fn create(record: Record) -> Result<U, DatabaseError>;
    /// See [`UserDatabase::update`].
    fn update(id: &'a U::Id, expected: &'a Record, changes: &'a Record) -> Result<Option<U>, DatabaseError>;
    /// See [`UserDatabase::delete`].
    fn delete(id: &'a U::Id) -> Result<bool, DatabaseError>;
    /// See [`UserDatabase::migrate`].
    fn migrate() -> Result<(), MigrateError>;
    /// See [`UserDatabase::ping`].
    fn ping() -> Result<(), DatabaseError>;
    /// See [`UserDatabase::list`].
    fn list(after: Option<&'a U::Id>, limit: u32) -> Result<Vec<U>, DatabaseError>;
    /// See [`UserDatabase::create_access_token`].
    fn create_access_token(access_token: &'a AccessToken<U::Id>) -> Result<(), DatabaseError>;
    /// See [`UserDatabase::user_by_access_token`].
    fn user_by_access_token(
        forms: &'a [String],
        not_before: Option<Timestamp>
    ) -> Result<Option<(U, AccessToken<U::Id>)>, DatabaseError>;
    /// See [`UserDatabase::rewrite_access_token`].
    fn rewrite_access_token(from: &'a str, to: &'a str) -> Result<(), DatabaseError>;
    /// See [`UserDatabase::delete_access_token`].
    fn delete_access_token(forms: &'a [String]) -> Result<(), DatabaseError>;
    /// See [`UserDatabase::delete_access_tokens_of`].
    fn delete_access_tokens_of(user_id: &'a U::Id, except: &'a [String]) -> Result<(), DatabaseError>;
    /// See [`UserDatabase::purge_access_tokens`].
    fn purge_access_tokens(before: Timestamp) -> Result<u64, DatabaseError>;
    /// See [`UserDatabase::use_once`].
    fn use_once(
        purpose: &'a str,
        digest: &'a str,
        expires_at: Timestamp,
        now: Timestamp
    ) -> Result<bool, DatabaseError>;
    /// See [`UserDatabase::user_by_oauth_account`].
    fn user_by_oauth_account(oauth_name: &'a str, account_id: &'a str) -> Result<Option<U>, DatabaseError>;
    /// See [`UserDatabase::oauth_accounts`].
    fn oauth_accounts(user_id: &'a U::Id) -> Result<Vec<OAuthAccount<U::Id>>, DatabaseError>;
    /// See [`UserDatabase::create_with_oauth_account`].
    fn create_with_oauth_account(
        record: Record,
        account_row_id: Option<&'a U::Id>,
        account: &'a NewOAuthAccount
    ) -> Result<U, DatabaseError>;
    /// See [`UserDatabase::add_oauth_account`].
    fn add_oauth_account(
        user_id: &'a U::Id,
        account_row_id: Option<&'a U::Id>,
        account: &'a NewOAuthAccount
    ) -> Result<(), DatabaseError>;
    /// See [`UserDatabase::update_oauth_account`].
    fn update_oauth_account(user_id: &'a U::Id, account: &'a NewOAuthAccount) -> Result<bool, DatabaseError>;
    /// See [`UserDatabase::delete_oauth_account`].
    fn delete_oauth_account(
        user_id: &'a U::Id,
        oauth_name: &'a str,
        account_id: &'a str
    ) -> Result<bool, DatabaseError>;
    /// See [`UserDatabase::get_with_state`].
    fn get_with_state(id: &'a U::Id) -> Result<Option<(U, UserState)>, DatabaseError>;
    /// See [`UserDatabase::take_limit`].
    fn take_limit(count: &'a LimitCount<'a>) -> Result<Option<i64>, DatabaseError>;
    /// See [`UserDatabase::give_limits_back`].
    fn give_limits_back(counts: &'a [LimitCount<'a>]) -> Result<(), DatabaseError>;
    /// See [`UserDatabase::note_limit`].
    fn note_limit(name: &'a str, until: i64) -> Result<(), DatabaseError>;
    /// See [`UserDatabase::limit_holds`].
    fn limit_holds(name: &'a str, now: i64) -> Result<bool, DatabaseError>;
    /// See [`UserDatabase::set_user_state`].
    fn set_user_state(id: &'a U::Id, state: UserState) -> Result<(), DatabaseError>;
    /// See [`UserDatabase::append_audit_entries`].
    fn append_audit_entries(entries: &'a [AuditEntry]) -> Result<(), DatabaseError>;
    /// See [`UserDatabase::audit_entries`].
    fn audit_entries(filter: &'a AuditFilter) -> Result<Vec<AuditEntry>, DatabaseError>;
    /// See [`UserDatabase::purge_audit_entries`].
    fn purge_audit_entries(before: Timestamp) -> Result<u64, DatabaseError>;
    /// See [`UserDatabase::access_tokens_of`].
    fn access_tokens_of(user_id: &'a U::Id, limit: u32) -> Result<Vec<AccessToken<U::Id>>, DatabaseError>;
    /// See [`UserDatabase::user_by_used_access_token`].
    fn user_by_used_access_token(
        forms: &'a [String],
        not_before: Option<Timestamp>
    ) -> Result<Option<(U, AccessToken<U::Id>, Option<Timestamp>)>, DatabaseError>;
    /// See [`UserDatabase::create_session`].
    fn create_session(session: &'a Session<U::Id>) -> Result<(), DatabaseError>;
    /// See [`UserDatabase::sessions_of`].
    fn sessions_of(user_id: &'a U::Id, limit: u32) -> Result<Vec<Session<U::Id>>, DatabaseError>;
    /// See [`UserDatabase::session_by_refresh_handle`].
    fn session_by_refresh_handle(handle: &'a str) -> Result<Option<Session<U::Id>>, DatabaseError>;
    /// See [`UserDatabase::session_last_used`].
    fn session_last_used(forms: &'a [String]) -> Result<Option<Timestamp>, DatabaseError>;
    /// See [`UserDatabase::touch_session`].
    fn touch_session(forms: &'a [String], at: Timestamp) -> Result<bool, DatabaseError>;
    /// See [`UserDatabase::rotate_refresh_token`].
    fn rotate_refresh_token(
        id: &'a str,
        from: &'a str,
        to: &'a str,
        token: Option<&'a str>,
        at: Timestamp
    ) -> Result<bool, DatabaseError>;
    /// See [`UserDatabase::delete_session`].
    fn delete_session(user_id: &'a U::Id, id: &'a str) -> Result<bool, DatabaseError>;
    /// See [`UserDatabase::delete_session_by_token`].
    fn delete_session_by_token(forms: &'a [String]) -> Result<(), DatabaseError>;
    /// See [`UserDatabase::delete_sessions_of`].
    fn delete_sessions_of(
        user_id: &'a U::Id,
        except: &'a [String],
        except_id: Option<&'a str>
    ) -> Result<(), DatabaseError>;
    /// See [`UserDatabase::purge_sessions`].
    fn purge_sessions(before: Timestamp) -> Result<u64, DatabaseError>;
}
