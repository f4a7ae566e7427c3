//! [`Database`]: an adapter behind a pointer, and what its calls mean to the user cache.

use std::{borrow::Cow, fmt, sync::Arc};

use super::{
    AccessToken, BoxFuture, Capabilities, DatabaseError, MigrateError, NewOAuthAccount, OAuthAccount,
    Session, UserDatabase, UserState,
};
use crate::{
    LimitCount,
    audit::{AuditEntry, AuditFilter},
    schema::{Record, Schema, Timestamp},
    spans,
    user::UserModel,
    user_cache::Changes,
};

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
            fn system_name(&self) -> Option<&'static str>;
            $(fn $name<$lifetime>(&$lifetime self, $($argument: $type),*) -> BoxFuture<$lifetime, $output>;)*
        }

        impl<U: UserModel, T: UserDatabase<U>> ErasedDatabase<U> for T {
            fn configure(&mut self, schema: &Arc<Schema>) -> Result<(), Cow<'static, str>> {
                UserDatabase::configure(self, schema)
            }

            fn capabilities(&self) -> Capabilities {
                UserDatabase::capabilities(self)
            }

            fn system_name(&self) -> Option<&'static str> {
                UserDatabase::system_name(self)
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
                    let span = spans::database!(stringify!($name), self.adapter.system_name());
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
///
/// ```
/// use axum_users::{Database, InternalError, User};
///
/// /// What a strategy may ask, which is given the database.
/// async fn email(database: &Database<User>, id: uuid::Uuid) -> Result<Option<String>, InternalError> {
///     Ok(database.get(&id).await?.map(|user| user.email))
/// }
/// ```
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
