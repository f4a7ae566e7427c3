//! [`SeaOrmDatabase`] and what it does for `axum_users`.

use std::{borrow::Cow, fmt, sync::Arc, time::Duration};

use axum_users::{
    AccessToken, AuditEntry, AuditFilter, Capabilities, DatabaseError, MigrateError, NewOAuthAccount,
    OAuthAccount, Session, Timestamp, UserDatabase, UserModel, UserState,
    schema::{Record, Schema, Value},
};
use sea_orm::{
    ColumnTrait, ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DatabaseTransaction,
    DbBackend, DbErr, FromQueryResult, IdenStatic, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Alias, Expr, ExprTrait, Query, UpdateStatement},
};

use crate::{
    connection::{Connection, finish, on, unless_deadlocked},
    error::{database_error, user_error},
    layout::{Id, Layout, UserEntity, misbuilt},
    migrate::migrate,
    sessions::SESSION_TABLE,
};

/// How long an operation may take, unless the application says otherwise.
const TIMEOUT: Duration = Duration::from_secs(4);

/// Users in the table of the application's own SeaORM entity. Clones share one pool.
///
/// ```
/// # mod user {
/// #     use axum_users::UserModel;
/// #     use sea_orm::entity::prelude::*;
/// #     #[derive(Clone, Debug, PartialEq, DeriveEntityModel, UserModel)]
/// #     #[sea_orm(table_name = "user")]
/// #     pub struct Model {
/// #         #[sea_orm(primary_key)]
/// #         pub id: i64,
/// #         pub email: String,
/// #         pub hashed_password: String,
/// #         pub is_active: bool,
/// #         pub is_superuser: bool,
/// #         pub is_verified: bool,
/// #     }
/// #     #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
/// #     pub enum Relation {}
/// #     impl ActiveModelBehavior for ActiveModel {}
/// # }
/// use axum_users::{Bearer, Jwt, Users};
/// use axum_users_seaorm::SeaOrmDatabase;
///
/// # async fn start(connection: sea_orm::DatabaseConnection) -> Result<(), Box<dyn std::error::Error>> {
/// let database = SeaOrmDatabase::<user::Entity>::new(connection);
/// let users = Users::builder(database, std::env::var("SECRET")?)
///     .backend("jwt", Bearer::default(), Jwt::lasting_seconds(3600))
///     .build()?;
/// users.migrate().await?;
/// # Ok(())
/// # }
/// # fn main() {}
/// ```
pub struct SeaOrmDatabase<E: UserEntity> {
    pub(crate) connection: Connection,
    pub(crate) tables: Tables,
    timeout: Duration,
    layout: Option<Arc<Layout<E>>>,
}

/// The tables beside the entity's own.
#[derive(Clone, Debug)]
pub(crate) struct Tables {
    pub(crate) oauth_account: Cow<'static, str>,
    pub(crate) access_token: Cow<'static, str>,
    pub(crate) side_by_side: bool,
}

impl<E: UserEntity> Clone for SeaOrmDatabase<E> {
    fn clone(&self) -> Self {
        Self {
            connection: self.connection.clone(),
            tables: self.tables.clone(),
            timeout: self.timeout,
            layout: self.layout.clone(),
        }
    }
}

impl<E: UserEntity> fmt::Debug for SeaOrmDatabase<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SeaOrmDatabase")
            .field("connection", &self.connection)
            .field("tables", &self.tables)
            .finish_non_exhaustive()
    }
}

impl<E: UserEntity> SeaOrmDatabase<E> {
    /// Uses the application's connection.
    #[must_use]
    pub fn new(connection: DatabaseConnection) -> Self {
        Self::on(Connection::pool(connection))
    }

    /// Opens the database at `url`: `sqlite://data.db?mode=rwc` (which makes a missing file),
    /// `postgres://user:password@host/database`, `mysql://user:password@host/database`. A call waits for a
    /// connection for 4 seconds at most. SQLite gets a write-ahead log and foreign keys.
    ///
    /// # Errors
    /// The database cannot be opened.
    pub async fn connect(url: &str) -> Result<Self, DbErr> {
        let mut options = ConnectOptions::new(url);
        let patience = TIMEOUT;
        options.acquire_timeout(patience).connect_timeout(patience).sqlx_logging(false);
        if url.starts_with("sqlite:") && !url.contains(":memory:") {
            options.max_connections(8);
        }
        #[cfg(feature = "sqlite")]
        options.map_sqlx_sqlite_opts(move |sqlite| {
            sqlite.foreign_keys(true).busy_timeout(patience).pragma("journal_mode", "WAL")
        });
        Database::connect(options).await.map(Self::new)
    }

    /// Works within a transaction of the application's; see [`transaction`](crate::transaction()) for one with its
    /// hooks.
    #[must_use]
    pub fn in_transaction(transaction: Arc<DatabaseTransaction>) -> Self {
        Self::on(Connection::Transaction(transaction))
    }

    fn on(connection: Connection) -> Self {
        let tables = Tables {
            oauth_account: Cow::Borrowed("oauth_account"),
            access_token: Cow::Borrowed("accesstoken"),
            side_by_side: false,
        };
        Self { connection, tables, timeout: TIMEOUT, layout: None }
    }

    /// The name of the table of OAuth accounts; `oauth_account` without.
    #[must_use]
    pub fn oauth_account_table(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.tables.oauth_account = name.into();
        self
    }

    /// The name of the table of access tokens; `accesstoken` without.
    #[must_use]
    pub fn access_token_table(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.tables.access_token = name.into();
        self
    }

    /// Whether FastAPI Users writes to the same tables meanwhile. It may then link an account in several rows, so that
    /// no unique index is made for them; [`migrate`](UserDatabase::migrate) makes it once this is off again. Off by
    /// default.
    #[must_use]
    pub fn side_by_side(mut self, side_by_side: bool) -> Self {
        self.tables.side_by_side = side_by_side;
        self
    }

    /// How long an operation may take, waiting for a connection included, before it is
    /// [`Unavailable`](DatabaseError::Unavailable): 4 seconds by default. A database that hangs then keeps nobody
    /// waiting for longer. Purging old sessions may take thirty times as long, and [`migrate`](UserDatabase::migrate)
    /// as long as it wants.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The application's connection; `None` within a transaction.
    #[must_use]
    pub fn connection(&self) -> Option<&DatabaseConnection> {
        match &self.connection {
            Connection::Pool { pool, .. } => Some(pool),
            Connection::Transaction(_) => None,
        }
    }

    /// The answer of an operation, or that there was none in time.
    async fn in_time<T>(
        &self,
        operation: impl Future<Output = Result<T, DatabaseError>>,
    ) -> Result<T, DatabaseError> {
        Self::within(self.timeout, operation).await
    }

    async fn within<T>(
        time: Duration,
        operation: impl Future<Output = Result<T, DatabaseError>>,
    ) -> Result<T, DatabaseError> {
        let done = tokio::time::timeout(time, operation).await;
        done.unwrap_or_else(|_| {
            Err(DatabaseError::Unavailable("the database does not answer in time".into()))
        })
    }

    pub(crate) fn backend(&self) -> DbBackend {
        self.connection.backend()
    }

    pub(crate) fn layout(&self) -> Result<&Layout<E>, DatabaseError> {
        let missing = || DatabaseError::Other("the database was not given a schema".into());
        self.layout.as_deref().ok_or_else(missing)
    }

    /// Inserts a user.
    pub(crate) async fn insert_user(
        &self,
        connection: &impl ConnectionTrait,
        record: &Record,
    ) -> Result<E::Model, DatabaseError> {
        let layout = self.layout()?;
        let failed = |error| user_error(error, &layout.schema);
        let (columns, values): (Vec<_>, Vec<_>) = layout.new_user(record)?.into_iter().unzip();
        let mut insert = Query::insert();
        insert.into_table(E::default().table_ref()).columns(columns).values(values).map_err(misbuilt)?;
        let found = if self.backend().support_returning() {
            insert.returning(layout.returning());
            let row = connection.query_one(&insert).await.map_err(failed)?;
            row.map(|row| E::Model::from_query_result(&row, "")).transpose().map_err(database_error)?
        } else {
            let done = connection.execute(&insert).await.map_err(failed)?;
            let has_id = match record.get("id") {
                None | Some(Value::Null) => layout.id().eq(done.last_insert_id()),
                Some(id) => layout.has_id_value(id),
            };
            E::find().filter(has_id).one(connection).await.map_err(database_error)?
        };
        found.ok_or_else(|| DatabaseError::Other("the insert answered no row".into()))
    }

    async fn try_create(&self, record: &Record) -> Result<E::Model, DatabaseError> {
        let _turn = self.connection.turn().await;
        match &self.connection {
            Connection::Pool { pool, .. } if !self.connection.needs_transaction() => {
                self.insert_user(pool, record).await
            }
            connection => {
                let work = connection.begin().await?;
                let created = self.insert_user(&work, record).await;
                finish(work, created).await
            }
        }
    }

    async fn update_user(
        &self,
        connection: &impl ConnectionTrait,
        id: &Id<E>,
        expected: &Record,
        changes: &Record,
    ) -> Result<Option<E::Model>, DatabaseError> {
        let layout = self.layout()?;
        let condition = layout.is_as_expected(id, expected)?;
        if changes.is_empty() {
            return E::find().filter(condition).one(connection).await.map_err(database_error);
        }
        let failed = |error| user_error(error, &layout.schema);
        let mut update: UpdateStatement = Query::update();
        update.table(E::default().table_ref()).values(layout.values(changes)?).cond_where(condition);
        if self.backend().support_returning() {
            update.returning(layout.returning());
            let row = connection.query_one(&update).await.map_err(failed)?;
            return row.map(|row| E::Model::from_query_result(&row, "")).transpose().map_err(database_error);
        }
        if connection.execute(&update).await.map_err(failed)?.rows_affected() == 0 {
            return Ok(None);
        }
        E::find().filter(layout.has_id(id)).one(connection).await.map_err(database_error)
    }

    async fn try_update(
        &self,
        id: &Id<E>,
        expected: &Record,
        changes: &Record,
    ) -> Result<Option<E::Model>, DatabaseError> {
        let _turn = self.connection.turn().await;
        match &self.connection {
            Connection::Pool { pool, .. } if !self.connection.needs_transaction() => {
                self.update_user(pool, id, expected, changes).await
            }
            connection => {
                let work = connection.begin().await?;
                let updated = self.update_user(&work, id, expected, changes).await;
                finish(work, updated).await
            }
        }
    }

    async fn try_delete(&self, id: &Id<E>) -> Result<bool, DatabaseError> {
        let _turn = self.connection.turn().await;
        let work = self.connection.begin().await?;
        let deleted = self.delete_user(&work, id).await;
        finish(work, deleted).await
    }

    /// The tables may have been made without cascades.
    async fn delete_user(&self, work: &DatabaseTransaction, id: &Id<E>) -> Result<bool, DatabaseError> {
        let layout = self.layout()?;
        self.forget_state(work, id).await?;
        let mut sessions = Query::delete();
        sessions.from_table(SESSION_TABLE).and_where(Expr::col("user_id").eq(id.to_string()));
        work.execute(&sessions).await.map_err(database_error)?;
        for table in [&self.tables.access_token, &self.tables.oauth_account] {
            let mut delete = Query::delete();
            delete.from_table(Alias::new(table.as_ref()));
            delete.and_where(Expr::col("user_id").eq(layout.id_value(id)));
            work.execute(&delete).await.map_err(database_error)?;
        }
        let deleted = E::delete_many().filter(layout.has_id(id)).exec(work).await.map_err(database_error)?;
        Ok(deleted.rows_affected > 0)
    }
}

impl<E: UserEntity> UserDatabase<E::Model> for SeaOrmDatabase<E> {
    fn configure(&mut self, schema: &Arc<Schema>) -> Result<(), Cow<'static, str>> {
        self.layout = Some(Arc::new(Layout::new(Arc::clone(schema), self.backend())?));
        Ok(())
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::all();
        // It serves applications, whose processes count together by Redis.
        capabilities.limits = false;
        capabilities
    }

    fn system_name(&self) -> Option<&'static str> {
        match self.backend() {
            DbBackend::Sqlite => Some("sqlite"),
            DbBackend::Postgres => Some("postgresql"),
            DbBackend::MySql => Some("mysql"),
            _ => None,
        }
    }

    async fn migrate(&self) -> Result<(), MigrateError> {
        let _turn = self.connection.turn().await;
        migrate(&self.connection, self.layout()?, &self.tables).await
    }

    async fn ping(&self) -> Result<(), DatabaseError> {
        self.in_time(async {
            let ping = match self.backend() {
                // Reads the file, which `SELECT 1` would not.
                DbBackend::Sqlite => "SELECT count(*) FROM sqlite_master",
                _ => "SELECT 1",
            };
            let done = on!(&self.connection, connection => connection.execute_unprepared(ping).await);
            done.map(|_| ()).map_err(database_error)
        })
        .await
    }

    async fn get(&self, id: &Id<E>) -> Result<Option<E::Model>, DatabaseError> {
        self.in_time(async {
            let find = E::find().filter(self.layout()?.has_id(id));
            on!(&self.connection, connection => find.one(connection).await).map_err(database_error)
        })
        .await
    }

    async fn get_by_email(&self, email: &str) -> Result<Option<E::Model>, DatabaseError> {
        self.in_time(async {
            // No database keeps one; PostgreSQL would call it an error.
            if email.contains('\0') {
                return Ok(None);
            }
            let find = E::find().filter(self.layout()?.has_email(email));
            let found =
                on!(&self.connection, connection => find.all(connection).await).map_err(database_error)?;
            Ok(found.into_iter().find(|user| user.email().eq_ignore_ascii_case(email)))
        })
        .await
    }

    async fn list(&self, after: Option<&Id<E>>, limit: u32) -> Result<Vec<E::Model>, DatabaseError> {
        self.in_time(async {
            let layout = self.layout()?;
            let id = Expr::col((E::default(), Alias::new(layout.id().as_str())));
            let mut find = E::find();
            if let Some(after) = after {
                find = find.filter(id.gt(layout.id_value(after)));
            }
            let find = find.order_by_asc(layout.id()).limit(u64::from(limit));
            on!(&self.connection, connection => find.all(connection).await).map_err(database_error)
        })
        .await
    }

    async fn create(&self, record: Record) -> Result<E::Model, DatabaseError> {
        self.in_time(async { unless_deadlocked!(self.try_create(&record)) }).await
    }

    async fn update(
        &self,
        id: &Id<E>,
        expected: &Record,
        changes: &Record,
    ) -> Result<Option<E::Model>, DatabaseError> {
        self.in_time(async { unless_deadlocked!(self.try_update(id, expected, changes)) }).await
    }

    async fn delete(&self, id: &Id<E>) -> Result<bool, DatabaseError> {
        self.in_time(async { unless_deadlocked!(self.try_delete(id)) }).await
    }

    async fn create_access_token(&self, access_token: &AccessToken<Id<E>>) -> Result<(), DatabaseError> {
        self.in_time(self.insert_token(access_token)).await
    }

    async fn user_by_access_token(
        &self,
        forms: &[String],
        not_before: Option<Timestamp>,
    ) -> Result<Option<(E::Model, AccessToken<Id<E>>)>, DatabaseError> {
        self.in_time(self.user_by_token(forms, not_before)).await
    }

    async fn rewrite_access_token(&self, from: &str, to: &str) -> Result<(), DatabaseError> {
        self.in_time(self.rewrite_token(from, to)).await
    }

    async fn delete_access_token(&self, forms: &[String]) -> Result<(), DatabaseError> {
        self.in_time(self.delete_token(forms)).await
    }

    async fn delete_access_tokens_of(&self, user_id: &Id<E>, except: &[String]) -> Result<(), DatabaseError> {
        self.in_time(self.delete_tokens_of(user_id, except)).await
    }

    async fn purge_access_tokens(&self, before: Timestamp) -> Result<u64, DatabaseError> {
        Self::within(self.timeout * 30, self.purge_tokens(before)).await
    }

    async fn use_once(
        &self,
        purpose: &str,
        digest: &str,
        expires_at: Timestamp,
        now: Timestamp,
    ) -> Result<bool, DatabaseError> {
        self.in_time(async { unless_deadlocked!(self.note_use(purpose, digest, expires_at, now)) }).await
    }

    async fn user_by_oauth_account(
        &self,
        oauth_name: &str,
        account_id: &str,
    ) -> Result<Option<E::Model>, DatabaseError> {
        self.in_time(self.user_by_account(oauth_name, account_id)).await
    }

    async fn oauth_accounts(&self, user_id: &Id<E>) -> Result<Vec<OAuthAccount<Id<E>>>, DatabaseError> {
        self.in_time(self.accounts_of(user_id)).await
    }

    async fn create_with_oauth_account(
        &self,
        record: Record,
        account_row_id: Option<&Id<E>>,
        account: &NewOAuthAccount,
    ) -> Result<E::Model, DatabaseError> {
        self.in_time(self.create_with_account(&record, account_row_id, account)).await
    }

    async fn add_oauth_account(
        &self,
        user_id: &Id<E>,
        account_row_id: Option<&Id<E>>,
        account: &NewOAuthAccount,
    ) -> Result<(), DatabaseError> {
        self.in_time(self.add_account(user_id, account_row_id, account)).await
    }

    async fn update_oauth_account(
        &self,
        user_id: &Id<E>,
        account: &NewOAuthAccount,
    ) -> Result<bool, DatabaseError> {
        self.in_time(self.update_account(user_id, account)).await
    }

    async fn delete_oauth_account(
        &self,
        user_id: &Id<E>,
        oauth_name: &str,
        account_id: &str,
    ) -> Result<bool, DatabaseError> {
        self.in_time(self.delete_account(user_id, oauth_name, account_id)).await
    }

    async fn get_with_state(&self, id: &Id<E>) -> Result<Option<(E::Model, UserState)>, DatabaseError> {
        self.in_time(self.with_state(id)).await
    }

    async fn set_user_state(&self, id: &Id<E>, state: UserState) -> Result<(), DatabaseError> {
        self.in_time(async { unless_deadlocked!(self.set_state(id, state)) }).await
    }

    async fn append_audit_entries(&self, entries: &[AuditEntry]) -> Result<(), DatabaseError> {
        self.append_audit(entries).await
    }

    async fn audit_entries(&self, filter: &AuditFilter) -> Result<Vec<AuditEntry>, DatabaseError> {
        self.audit(filter).await
    }

    async fn purge_audit_entries(&self, before: Timestamp) -> Result<u64, DatabaseError> {
        self.purge_audit(before).await
    }

    async fn access_tokens_of(
        &self,
        user_id: &Id<E>,
        limit: u32,
    ) -> Result<Vec<AccessToken<Id<E>>>, DatabaseError> {
        self.in_time(self.tokens_of(user_id, limit)).await
    }

    async fn create_session(&self, session: &Session<Id<E>>) -> Result<(), DatabaseError> {
        self.in_time(async { unless_deadlocked!(self.insert_session(session)) }).await
    }

    async fn sessions_of(&self, user_id: &Id<E>, limit: u32) -> Result<Vec<Session<Id<E>>>, DatabaseError> {
        self.in_time(self.sessions_of_user(user_id, limit)).await
    }

    async fn session_by_refresh_handle(&self, handle: &str) -> Result<Option<Session<Id<E>>>, DatabaseError> {
        self.in_time(self.session_by_handle(handle)).await
    }

    async fn session_last_used(&self, forms: &[String]) -> Result<Option<Timestamp>, DatabaseError> {
        self.in_time(self.last_used(forms)).await
    }

    async fn touch_session(&self, forms: &[String], at: Timestamp) -> Result<bool, DatabaseError> {
        self.in_time(async { unless_deadlocked!(self.touch(forms, at)) }).await
    }

    async fn rotate_refresh_token(
        &self,
        id: &str,
        from: &str,
        to: &str,
        token: Option<&str>,
        at: Timestamp,
    ) -> Result<bool, DatabaseError> {
        self.in_time(async { unless_deadlocked!(self.rotate(id, [from, to], token, at)) }).await
    }

    async fn delete_session(&self, user_id: &Id<E>, id: &str) -> Result<bool, DatabaseError> {
        self.in_time(async { unless_deadlocked!(self.forget_session(user_id, id)) }).await
    }

    async fn delete_session_by_token(&self, forms: &[String]) -> Result<(), DatabaseError> {
        self.in_time(async { unless_deadlocked!(self.forget_session_by_token(forms)) }).await
    }

    async fn delete_sessions_of(
        &self,
        user_id: &Id<E>,
        except: &[String],
        except_id: Option<&str>,
    ) -> Result<(), DatabaseError> {
        self.in_time(async { unless_deadlocked!(self.forget_sessions_of(user_id, except, except_id)) }).await
    }

    async fn purge_sessions(&self, before: Timestamp) -> Result<u64, DatabaseError> {
        self.in_time(async { unless_deadlocked!(self.forget_expired(before)) }).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cr_20_nobody_waits_for_five_seconds_unless_that_is_changed() {
        assert!(TIMEOUT < Duration::from_secs(5));
    }
}
