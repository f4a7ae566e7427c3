//! [`SqlxDatabase`] and what it does for `axum_users`.

use std::{borrow::Cow, fmt, sync::Arc, time::Duration};

use axum_users::{
    AccessToken, Capabilities, ColumnValue, DatabaseError, MigrateError, NewOAuthAccount, OAuthAccount,
    Timestamp, UserDatabase, UserModel, UserState,
    schema::{ColumnType, DecodeError, Record, RowReader, Schema},
};
use sqlx::{SqlStr, SqlitePool, sqlite::SqliteRow};
use tokio::sync::{Mutex, MutexGuard};

use crate::{
    accounts::id_text,
    connect::{ConnectError, SqlxOptions},
    error::{database_error, user_error},
    inspect::{Found, inspect},
    migrate::migrate,
    sqlite::{BEGIN_WRITING, Query, Reader, bind},
    statements::{BATCH, Statements, Tables},
    text,
};

/// Users in SQLite. Clones share one pool.
///
/// Writes of one process take turns before they take SQLite's lock, so that a crowd of writers neither starves
/// one of them nor keeps readers from the pool.
#[derive(Clone)]
pub struct SqlxDatabase {
    pub(crate) pool: SqlitePool,
    options: SqlxOptions,
    writer: Arc<Mutex<()>>,
    statements: Option<Arc<Statements>>,
}

impl fmt::Debug for SqlxDatabase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqlxDatabase").field("options", &self.options).finish_non_exhaustive()
    }
}

impl SqlxDatabase {
    /// Opens the database at `url` with the default [`SqlxOptions`]; `sqlite://data.db?mode=rwc` makes a
    /// missing file.
    ///
    /// # Errors
    /// See [`ConnectError`].
    pub async fn connect(url: &str) -> Result<Self, ConnectError> {
        SqlxOptions::new().connect(url).await
    }

    /// Uses a pool that the application has, with the default [`SqlxOptions`].
    #[must_use]
    pub fn with_pool(pool: SqlitePool) -> Self {
        SqlxOptions::new().with_pool(pool)
    }

    pub(crate) fn new(pool: SqlitePool, options: SqlxOptions) -> Self {
        Self { pool, options, writer: Arc::default(), statements: None }
    }

    /// The pool, for the application's own queries.
    #[must_use]
    pub fn pool(&self) -> &SqlitePool {
        &self.pool
    }

    /// Says what is in the database, before anything is changed there.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn inspect(&self) -> Result<Found, DatabaseError> {
        let tables = match &self.statements {
            Some(statements) => statements.tables.clone(),
            None => Tables::new(&self.options, "user"),
        };
        inspect(&self.pool, &tables).await.map_err(database_error)
    }

    pub(crate) fn statements(&self) -> Result<&Statements, DatabaseError> {
        let missing = || DatabaseError::Other("the database was not given a schema".into());
        self.statements.as_deref().ok_or_else(missing)
    }

    /// Waits until no other write of this process is under way.
    pub(crate) async fn turn(&self) -> Result<MutexGuard<'_, ()>, DatabaseError> {
        if let Ok(turn) = self.writer.try_lock() {
            return Ok(turn);
        }
        // The first in the row may wait for another process as long as the whole timeout. Those behind it give
        // up earlier, so that nobody waits for much longer than that.
        let patience: Duration = self.options.busy_timeout / 2;
        let waited = tokio::time::timeout(patience, self.writer.lock()).await;
        waited.map_err(|_| DatabaseError::Unavailable("too many writes wait for the database".into()))
    }

    /// Runs a statement that writes, and answers how many rows it touched.
    pub(crate) async fn write(&self, query: Query<'_>) -> Result<u64, DatabaseError> {
        let _turn = self.turn().await?;
        query.execute(&self.pool).await.map(|done| done.rows_affected()).map_err(database_error)
    }

    /// Runs an insert or update of one user with RETURNING.
    async fn write_user(&self, query: Query<'_>) -> Result<Option<SqliteRow>, DatabaseError> {
        let _turn = self.turn().await?;
        // `fetch_optional` would stop at the row, before SQLite commits, and a full disk would go unnoticed.
        query.fetch_all(&self.pool).await.map(|mut rows| rows.pop()).map_err(user_error)
    }
}

pub(crate) fn user_from_row<U: UserModel>(schema: &Schema, row: &SqliteRow) -> Result<U, DatabaseError> {
    U::from_row(schema, &mut Reader(row)).map_err(DatabaseError::Decode)
}

pub(crate) fn bind_id<'q, Id: ColumnValue>(query: Query<'q>, id: &Id) -> Query<'q> {
    bind(query, &id.clone().into_value())
}

fn bind_texts<'q>(query: Query<'q>, texts: &[String]) -> Query<'q> {
    texts.iter().fold(query, |query, text| query.bind(text.clone()))
}

pub(crate) fn query<'q>(sql: &SqlStr) -> Query<'q> {
    sqlx::query(sql.clone())
}

impl<U: UserModel> UserDatabase<U> for SqlxDatabase {
    fn configure(&mut self, schema: &Arc<Schema>) -> Result<(), Cow<'static, str>> {
        self.statements = Some(Arc::new(Statements::new(Arc::clone(schema), &self.options)?));
        Ok(())
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::all()
    }

    async fn migrate(&self) -> Result<(), MigrateError> {
        let statements = self.statements()?;
        let _turn = self.turn().await?;
        migrate(&self.pool, &statements.schema, &statements.tables, self.options.side_by_side).await
    }

    async fn ping(&self) -> Result<(), DatabaseError> {
        // Reads the file, which `SELECT 1` would not.
        sqlx::query("SELECT count(*) FROM sqlite_master")
            .fetch_one(&self.pool)
            .await
            .map_err(database_error)?;
        Ok(())
    }

    async fn get(&self, id: &U::Id) -> Result<Option<U>, DatabaseError> {
        let statements = self.statements()?;
        let row =
            bind_id(query(&statements.get), id).fetch_optional(&self.pool).await.map_err(database_error)?;
        row.map(|row| user_from_row(&statements.schema, &row)).transpose()
    }

    async fn get_by_email(&self, email: &str) -> Result<Option<U>, DatabaseError> {
        let statements = self.statements()?;
        let found = query(&statements.get_by_email).bind(email.to_owned()).fetch_optional(&self.pool);
        found.await.map_err(database_error)?.map(|row| user_from_row(&statements.schema, &row)).transpose()
    }

    async fn list(&self, after: Option<&U::Id>, limit: u32) -> Result<Vec<U>, DatabaseError> {
        let statements = self.statements()?;
        let query = match after {
            None => query(&statements.list).bind(limit),
            Some(id) => bind_id(query(&statements.list_after).bind(limit), id),
        };
        let rows = query.fetch_all(&self.pool).await.map_err(database_error)?;
        rows.iter().map(|row| user_from_row(&statements.schema, row)).collect()
    }

    async fn create(&self, record: Record) -> Result<U, DatabaseError> {
        let statements = self.statements()?;
        let row = self.write_user(statements.create(&record)).await?;
        let row = row.ok_or_else(|| DatabaseError::Other("the insert answered no row".into()))?;
        user_from_row(&statements.schema, &row)
    }

    async fn update(
        &self,
        id: &U::Id,
        expected: &Record,
        changes: &Record,
    ) -> Result<Option<U>, DatabaseError> {
        let statements = self.statements()?;
        let sql = statements.update(expected, changes).map_err(|error| DatabaseError::Other(error.into()))?;
        let values = expected.iter().chain(changes.iter());
        let update = values.fold(bind_id(query(&sql), id), |query, (_, value)| bind(query, value));
        let row = self.write_user(update).await?;
        row.map(|row| user_from_row(&statements.schema, &row)).transpose()
    }

    async fn delete(&self, id: &U::Id) -> Result<bool, DatabaseError> {
        let statements = self.statements()?;
        let _turn = self.turn().await?;
        let mut transaction = self.pool.begin_with(BEGIN_WRITING).await.map_err(database_error)?;
        let mut deleted = 0;
        for sql in &statements.delete {
            let done = bind_id(query(sql), id).execute(&mut *transaction).await.map_err(database_error)?;
            deleted = done.rows_affected();
        }
        let state = query(&statements.delete_state).bind(id_text(id));
        state.execute(&mut *transaction).await.map_err(database_error)?;
        transaction.commit().await.map_err(database_error)?;
        Ok(deleted > 0)
    }

    async fn create_access_token(&self, access_token: &AccessToken<U::Id>) -> Result<(), DatabaseError> {
        let insert = query(&self.statements()?.insert_token).bind(access_token.token.clone());
        let insert = bind_id(insert, &access_token.user_id).bind(text::timestamp(access_token.created_at));
        self.write(insert).await.map(|_| ())
    }

    async fn user_by_access_token(
        &self,
        forms: &[String],
        not_before: Option<Timestamp>,
    ) -> Result<Option<(U, AccessToken<U::Id>)>, DatabaseError> {
        let statements = self.statements()?;
        if forms.is_empty() {
            return Ok(None);
        }
        let select = bind_texts(query(&statements.user_by_token(forms.len())), forms);
        for row in select.fetch_all(&self.pool).await.map_err(database_error)? {
            let (token, created_at) = token_from_row(&statements.schema, &row)?;
            // Compared as moments: as texts, those of SQLAlchemy, Tortoise and SQLite differ.
            if not_before.is_none_or(|not_before| created_at >= not_before) {
                let user: U = user_from_row(&statements.schema, &row)?;
                let user_id = user.id().clone();
                return Ok(Some((user, AccessToken { token, user_id, created_at })));
            }
        }
        Ok(None)
    }

    async fn rewrite_access_token(&self, from: &str, to: &str) -> Result<(), DatabaseError> {
        let update = query(&self.statements()?.rewrite_token).bind(from.to_owned()).bind(to.to_owned());
        self.write(update).await.map(|_| ())
    }

    async fn delete_access_token(&self, forms: &[String]) -> Result<(), DatabaseError> {
        let sql = self.statements()?.delete_token(forms.len());
        self.write(bind_texts(query(&sql), forms)).await.map(|_| ())
    }

    async fn delete_access_tokens_of(&self, user_id: &U::Id, except: &[String]) -> Result<(), DatabaseError> {
        let sql = self.statements()?.delete_tokens_of(except.len());
        self.write(bind_texts(bind_id(query(&sql), user_id), except)).await.map(|_| ())
    }

    async fn purge_access_tokens(&self, before: Timestamp) -> Result<u64, DatabaseError> {
        let statements = self.statements()?;
        let mut purged = 0;
        // In batches, so that no other write waits for all of them.
        loop {
            let deleted = self.write(query(&statements.purge_tokens).bind(text::bound(before))).await?;
            purged += deleted;
            if deleted < u64::from(BATCH) {
                return Ok(purged);
            }
        }
    }

    async fn use_once(
        &self,
        purpose: &str,
        digest: &str,
        expires_at: Timestamp,
        now: Timestamp,
    ) -> Result<bool, DatabaseError> {
        let statements = self.statements()?;
        let insert = query(&statements.use_once).bind(purpose.to_owned()).bind(digest.to_owned());
        let first = self.write(insert.bind(text::timestamp(expires_at))).await? == 1;
        if first {
            // What was noted stays noted, whether or not the expired ones could be forgotten.
            let _ = self.write(query(&statements.forget_used).bind(text::timestamp(now))).await;
        }
        Ok(first)
    }

    async fn user_by_oauth_account(
        &self,
        oauth_name: &str,
        account_id: &str,
    ) -> Result<Option<U>, DatabaseError> {
        self.user_by_account(oauth_name, account_id).await
    }

    async fn oauth_accounts(&self, user_id: &U::Id) -> Result<Vec<OAuthAccount<U::Id>>, DatabaseError> {
        self.accounts_of::<U>(user_id).await
    }

    async fn create_with_oauth_account(
        &self,
        record: Record,
        account_row_id: Option<&U::Id>,
        account: &NewOAuthAccount,
    ) -> Result<U, DatabaseError> {
        self.create_with_account(&record, account_row_id, account).await
    }

    async fn add_oauth_account(
        &self,
        user_id: &U::Id,
        account_row_id: Option<&U::Id>,
        account: &NewOAuthAccount,
    ) -> Result<(), DatabaseError> {
        self.add_account(user_id, account_row_id, account).await
    }

    async fn update_oauth_account(
        &self,
        user_id: &U::Id,
        account: &NewOAuthAccount,
    ) -> Result<bool, DatabaseError> {
        self.update_account(user_id, account).await
    }

    async fn delete_oauth_account(
        &self,
        user_id: &U::Id,
        oauth_name: &str,
        account_id: &str,
    ) -> Result<bool, DatabaseError> {
        self.delete_account(user_id, oauth_name, account_id).await
    }

    async fn get_with_state(&self, id: &U::Id) -> Result<Option<(U, UserState)>, DatabaseError> {
        self.with_state(id).await
    }

    async fn set_user_state(&self, id: &U::Id, state: UserState) -> Result<(), DatabaseError> {
        self.set_state(id, state).await
    }
}

/// The two columns behind the user's: a stored token and when it was made.
fn token_from_row(schema: &Schema, row: &SqliteRow) -> Result<(String, Timestamp), DecodeError> {
    let (mut reader, first) = (Reader(row), schema.columns().len());
    let token = String::from_value(reader.value(first, ColumnType::Text)?)?;
    let created_at = Timestamp::from_value(reader.value(first + 1, ColumnType::Timestamp)?)?;
    Ok((token, created_at))
}
