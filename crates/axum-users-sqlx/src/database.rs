//! [`SqlxDatabase`] and what it does for `axum_users`.

use std::{borrow::Cow, fmt, sync::Arc, time::Duration};

use axum_users::{
    AccessToken, AuditEntry, AuditFilter, Capabilities, DatabaseError, LimitCount, MigrateError,
    NewOAuthAccount, OAuthAccount, Session, Timestamp, UserDatabase, UserModel, UserState,
    schema::{ColumnType, Record, Schema, Value},
};
use tokio::sync::{Mutex, MutexGuard};

#[cfg(feature = "sqlite")]
use crate::in_place::InPlace;
use crate::{
    accounts::id_text,
    connect::{ConnectError, SqlxOptions},
    dialect::Dialect,
    engine::{Call, Cells, Pool, Reader, Row, Work},
    error::{database_error, is_deadlock, is_taken, user_error},
    inspect::{Found, FoundTables, inspect, recognise},
    migrate::migrate,
    statements::{BATCH, Statements, Tables, sql},
    text,
};

/// Users in SQLite, PostgreSQL, MySQL or MariaDB. Clones share one pool.
///
/// With SQLite, writes of one process take turns before they take its lock, so that a crowd of writers neither
/// starves one of them nor keeps readers from the pool.
///
/// ```
/// use axum_users::{Bearer, Jwt, User, Users};
/// use axum_users_sqlx::SqlxDatabase;
///
/// # async fn start() -> Result<(), Box<dyn std::error::Error>> {
/// let database = SqlxDatabase::connect("sqlite://app.db?mode=rwc").await?;
/// let users = Users::<User>::builder(database, std::env::var("SECRET")?)
///     .backend("jwt", Bearer::default(), Jwt::lasting_seconds(3600))
///     .build()?;
/// users.migrate().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct SqlxDatabase {
    pool: Pool,
    pub(crate) options: SqlxOptions,
    #[cfg(feature = "sqlite")]
    pub(crate) in_place: Option<Arc<InPlace>>,
    writer: Arc<Mutex<()>>,
    statements: Option<Arc<Statements>>,
}

impl fmt::Debug for SqlxDatabase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqlxDatabase").field("options", &self.options).finish_non_exhaustive()
    }
}

/// Tries again, a few times, when a deadlock took back what was tried.
macro_rules! unless_deadlocked {
    ($attempt:expr) => {{
        let mut left = 5;
        loop {
            match $attempt.await {
                Err(error) if left > 0 && is_deadlock(&error) => left -= 1,
                done => break done,
            }
        }
    }};
}
pub(crate) use unless_deadlocked;

impl SqlxDatabase {
    /// Opens the database at `url` with the default [`SqlxOptions`]: `sqlite://data.db?mode=rwc` (which makes a
    /// missing file), `postgres://user:password@host/database`, `mysql://user:password@host/database`.
    ///
    /// # Errors
    /// See [`ConnectError`].
    pub async fn connect(url: &str) -> Result<Self, ConnectError> {
        SqlxOptions::new().connect(url).await
    }

    /// Uses a pool that the application has, with the default [`SqlxOptions`].
    #[must_use]
    pub fn with_pool(pool: impl Into<Pool>) -> Self {
        SqlxOptions::new().with_pool(pool)
    }

    pub(crate) fn new(pool: Pool, options: SqlxOptions) -> Self {
        Self {
            pool,
            options,
            #[cfg(feature = "sqlite")]
            in_place: None,
            writer: Arc::default(),
            statements: None,
        }
    }

    /// The pool, for the application's own queries.
    #[must_use]
    pub fn pool(&self) -> &Pool {
        &self.pool
    }

    /// Closes every connection, waiting for those in use. A SQLite file is whole by itself afterwards; closing
    /// the [`pool`](Self::pool) alone leaves it with the file of its last writes beside it.
    pub async fn close(&self) {
        #[cfg(feature = "sqlite")]
        if let Some(in_place) = &self.in_place {
            in_place.close();
        }
        self.pool.close().await;
    }

    /// Says what is in the database, before anything is changed there.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn inspect(&self) -> Result<Found, DatabaseError> {
        inspect(&self.pool, &self.tables()).await
    }

    /// The tables of users that the database has: those of the options, else those that FastAPI Users makes with
    /// SQLAlchemy or with Tortoise ORM; `None` where there is no user table. For programs that learn only when
    /// they run what users' ids are, and what the tables are called.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn recognise(&self) -> Result<Option<FoundTables>, DatabaseError> {
        recognise(&self.pool, &self.tables()).await
    }

    /// The same connections, with tables of other names than the options had: those that
    /// [`recognise`](Self::recognise) found, for instance.
    #[must_use]
    pub fn with_tables(
        mut self,
        user: impl Into<String>,
        oauth_account: impl Into<String>,
        access_token: impl Into<String>,
    ) -> Self {
        self.options =
            self.options.user_table(user).oauth_account_table(oauth_account).access_token_table(access_token);
        self.statements = None;
        self
    }

    fn tables(&self) -> Tables {
        match &self.statements {
            Some(statements) => statements.tables.clone(),
            None => Tables::new(&self.options, "user"),
        }
    }

    pub(crate) fn statements(&self) -> Result<&Statements, DatabaseError> {
        let missing = || DatabaseError::Other("the database was not given a schema".into());
        self.statements.as_deref().ok_or_else(missing)
    }

    /// Waits until no other write of this process is under way, where the database has one writer only.
    pub(crate) async fn turn(&self) -> Result<Option<MutexGuard<'_, ()>>, DatabaseError> {
        if self.pool.dialect() != Dialect::Sqlite {
            return Ok(None);
        }
        if let Ok(turn) = self.writer.try_lock() {
            return Ok(Some(turn));
        }
        // The first in the row may wait for another process as long as the whole timeout. Those behind it give
        // up earlier, so that nobody waits for much longer than that.
        let patience: Duration = self.options.busy_timeout / 2;
        let waited = tokio::time::timeout(patience, self.writer.lock()).await;
        waited
            .map(Some)
            .map_err(|_| DatabaseError::Unavailable("too many writes wait for the database".into()))
    }

    /// Runs a statement that reads.
    pub(crate) async fn read(&self, call: Call) -> Result<Vec<Row>, DatabaseError> {
        if self.has_no_such(&call) {
            return Ok(Vec::new());
        }
        self.pool.fetch(call, self.options.timeout).await.map_err(database_error)
    }

    /// Runs a statement that reads a row or a few, and answers what `pick` makes of the first row of which it
    /// makes something. A SQLite file is read in place where it can be; see [`InPlace`].
    pub(crate) async fn find<T>(
        &self,
        call: Call,
        pick: impl Fn(&dyn Cells) -> Result<Option<T>, DatabaseError>,
    ) -> Result<Option<T>, DatabaseError> {
        #[cfg(feature = "sqlite")]
        if let Some(in_place) = &self.in_place
            && let Some(found) = in_place.find(&call, &pick)
        {
            return found;
        }
        for row in &self.read(call).await? {
            if let Some(found) = pick(row)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// Runs a statement that writes, and answers how many rows it touched.
    pub(crate) async fn write(&self, call: Call) -> Result<u64, DatabaseError> {
        self.try_write(call).await?.map_err(database_error)
    }

    /// Runs a statement that changes or deletes what its arguments name.
    pub(crate) async fn change(&self, call: Call) -> Result<u64, DatabaseError> {
        if self.has_no_such(&call) {
            return Ok(0);
        }
        self.write(call).await
    }

    /// PostgreSQL keeps no text with a zero byte, and takes none as an argument either.
    fn has_no_such(&self, call: &Call) -> bool {
        self.pool.dialect() == Dialect::Postgres && call.has_zero_byte()
    }

    pub(crate) async fn try_write(&self, call: Call) -> Result<Result<u64, sqlx::Error>, DatabaseError> {
        let _turn = self.turn().await?;
        Ok(self.pool.execute(call, self.options.timeout).await)
    }

    /// Begins a transaction that writes.
    pub(crate) async fn begin(&self) -> Result<Work, DatabaseError> {
        self.pool.begin_writing(Some(self.options.timeout)).await.map_err(database_error)
    }

    async fn try_create<U: UserModel>(&self, record: &Record) -> Result<U, DatabaseError> {
        let statements = self.statements()?;
        let _turn = self.turn().await?;
        if statements.dialect.has_returning() {
            let created = self.pool.fetch(statements.create(record), self.options.timeout).await;
            return inserted_user(statements, created);
        }
        let mut work = self.begin().await?;
        let created = insert_user(&mut work, statements, record).await;
        work.finish(created).await
    }

    async fn try_update<U: UserModel>(
        &self,
        id: &U::Id,
        expected: &Record,
        changes: &Record,
    ) -> Result<Option<U>, DatabaseError> {
        let statements = self.statements()?;
        let call =
            statements.update(expected, changes).map_err(|error| DatabaseError::Other(error.into()))?;
        let (call, _turn) = (call.id(id), self.turn().await?);
        let failed = |error| user_error(error, &statements.schema);
        if statements.dialect.has_returning() {
            let rows = self.pool.fetch(call, self.options.timeout).await.map_err(failed)?;
            return first_user(statements, &rows);
        }
        let mut work = self.begin().await?;
        let updated = match work.execute(call).await.map_err(failed) {
            Ok(0) => Ok(None),
            Ok(_) => get_user(&mut work, statements, id).await,
            Err(error) => Err(error),
        };
        work.finish(updated).await
    }

    async fn try_delete<U: UserModel>(&self, id: &U::Id) -> Result<bool, DatabaseError> {
        let statements = self.statements()?;
        let _turn = self.turn().await?;
        let mut work = self.begin().await?;
        let deleted = delete_user::<U>(&mut work, statements, id).await.map_err(database_error);
        work.finish(deleted).await
    }
}

async fn delete_user<U: UserModel>(
    work: &mut Work,
    statements: &Statements,
    id: &U::Id,
) -> Result<bool, sqlx::Error> {
    for sql in [&statements.delete_state, &statements.sessions.delete_all] {
        work.execute(Call::new(sql).text(id_text(id))).await?;
    }
    if let Some(retire) = &statements.retire_id {
        work.execute(Call::new(retire).id(id)).await?;
        work.execute(Call::new(&statements.forget_retired_ids)).await?;
    }
    let mut deleted = 0;
    for sql in &statements.delete {
        deleted = work.execute(Call::new(sql).id(id)).await?;
    }
    Ok(deleted > 0)
}

/// Inserts a user within a transaction, and reads it back where the insert does not answer it.
pub(crate) async fn insert_user<U: UserModel>(
    work: &mut Work,
    statements: &Statements,
    record: &Record,
) -> Result<U, DatabaseError> {
    if statements.dialect.has_returning() {
        return inserted_user(statements, work.fetch(statements.create(record)).await);
    }
    let inserted = work.execute(statements.create(record)).await;
    inserted.map_err(|error| user_error(error, &statements.schema))?;
    let made = match record.get("id") {
        None | Some(Value::Null) => {
            let last = work.fetch(Call::new(&sql("SELECT LAST_INSERT_ID()".to_owned()))).await;
            let last: i64 = last.map_err(database_error)?.first().map_or(Ok(0), |row| row.get(0))?;
            work.fetch(Call::new(&statements.get).integer(last)).await
        }
        Some(id) => {
            let id_type = statements.schema.id_type();
            work.fetch(Call::new(&statements.get).value(id.clone(), id_type)).await
        }
    };
    inserted_user(statements, made)
}

fn inserted_user<U: UserModel>(
    statements: &Statements,
    rows: Result<Vec<Row>, sqlx::Error>,
) -> Result<U, DatabaseError> {
    let rows = rows.map_err(|error| user_error(error, &statements.schema))?;
    first_user(statements, &rows)?.ok_or_else(|| DatabaseError::Other("the insert answered no row".into()))
}

async fn get_user<U: UserModel>(
    work: &mut Work,
    statements: &Statements,
    id: &U::Id,
) -> Result<Option<U>, DatabaseError> {
    let rows = work.fetch(Call::new(&statements.get).id(id)).await.map_err(database_error)?;
    first_user(statements, &rows)
}

fn first_user<U: UserModel>(statements: &Statements, rows: &[Row]) -> Result<Option<U>, DatabaseError> {
    rows.first().map(|row| user_from_row(&statements.schema, row)).transpose()
}

pub(crate) fn user_from_row<U: UserModel>(schema: &Schema, row: &dyn Cells) -> Result<U, DatabaseError> {
    U::from_row(schema, &mut Reader(row)).map_err(DatabaseError::Decode)
}

impl<U: UserModel> UserDatabase<U> for SqlxDatabase {
    fn configure(&mut self, schema: &Arc<Schema>) -> Result<(), Cow<'static, str>> {
        let statements = Statements::new(self.pool.dialect(), Arc::clone(schema), &self.options)?;
        self.statements = Some(Arc::new(statements));
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
        let ping = match self.pool.dialect() {
            // Reads the file, which `SELECT 1` would not.
            Dialect::Sqlite => "SELECT count(*) FROM sqlite_master",
            _ => "SELECT 1",
        };
        self.read(Call::new(&sql(ping.to_owned()))).await.map(|_| ())
    }

    async fn get(&self, id: &U::Id) -> Result<Option<U>, DatabaseError> {
        let statements = self.statements()?;
        let get = Call::new(&statements.get).id(id);
        self.find(get, |row| user_from_row(&statements.schema, row).map(Some)).await
    }

    async fn get_by_email(&self, email: &str) -> Result<Option<U>, DatabaseError> {
        let statements = self.statements()?;
        let get = Call::new(&statements.get_by_email).text(email.to_ascii_lowercase());
        self.find(get, |row| {
            let user: U = user_from_row(&statements.schema, row)?;
            // To MySQL's collations accents, the dotless i and blanks at the end make no difference.
            Ok(user.email().eq_ignore_ascii_case(email).then_some(user))
        })
        .await
    }

    async fn list(&self, after: Option<&U::Id>, limit: u32) -> Result<Vec<U>, DatabaseError> {
        let statements = self.statements()?;
        let call = match after {
            None => Call::new(&statements.list),
            Some(id) => Call::new(&statements.list_after).id(id),
        };
        let rows = self.read(call.integer(limit.into())).await?;
        rows.iter().map(|row| user_from_row(&statements.schema, row)).collect()
    }

    async fn create(&self, record: Record) -> Result<U, DatabaseError> {
        unless_deadlocked!(self.try_create(&record))
    }

    async fn update(
        &self,
        id: &U::Id,
        expected: &Record,
        changes: &Record,
    ) -> Result<Option<U>, DatabaseError> {
        unless_deadlocked!(self.try_update(id, expected, changes))
    }

    async fn delete(&self, id: &U::Id) -> Result<bool, DatabaseError> {
        unless_deadlocked!(self.try_delete::<U>(id))
    }

    async fn create_access_token(&self, access_token: &AccessToken<U::Id>) -> Result<(), DatabaseError> {
        let insert = Call::new(&self.statements()?.insert_token).text(access_token.token.as_str());
        self.write(insert.id(&access_token.user_id).timestamp(access_token.created_at)).await.map(|_| ())
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
        let select = Call::new(&statements.user_by_token(forms.len())).texts(forms);
        let behind_user = statements.schema.columns().len();
        self.find(select, |row| {
            let (token, created_at): (String, Timestamp) = (row.get(behind_user)?, row.get(behind_user + 1)?);
            // Compared here. The token: MySQL's collation may ignore case. The moments: as texts, those of
            // SQLAlchemy, Tortoise and SQLite differ.
            if !forms.contains(&token) || not_before.is_some_and(|not_before| created_at < not_before) {
                return Ok(None);
            }
            let user: U = user_from_row(&statements.schema, row)?;
            let user_id = user.id().clone();
            Ok(Some((user, AccessToken { token, user_id, created_at })))
        })
        .await
    }

    async fn rewrite_access_token(&self, from: &str, to: &str) -> Result<(), DatabaseError> {
        let update = self.statements()?.rewrite_token(from, to);
        if self.has_no_such(&update) {
            return Ok(());
        }
        match self.try_write(update).await? {
            // Another request was faster.
            Err(error) if is_taken(&error) => Ok(()),
            done => done.map(|_| ()).map_err(database_error),
        }
    }

    async fn delete_access_token(&self, forms: &[String]) -> Result<(), DatabaseError> {
        if forms.is_empty() {
            return Ok(());
        }
        self.change(self.statements()?.delete_token(forms)).await.map(|_| ())
    }

    async fn delete_access_tokens_of(&self, user_id: &U::Id, except: &[String]) -> Result<(), DatabaseError> {
        let sql = self.statements()?.delete_tokens_of(except.len());
        self.write(Call::new(&sql).id(user_id).texts(except)).await.map(|_| ())
    }

    async fn purge_access_tokens(&self, before: Timestamp) -> Result<u64, DatabaseError> {
        let statements = self.statements()?;
        let mut purged = 0;
        // In batches, so that no other write waits for all of them.
        loop {
            let delete = Call::new(&statements.purge_tokens);
            let delete = match statements.dialect {
                // Compared as texts.
                Dialect::Sqlite => delete.value(Value::Text(text::bound(before)), ColumnType::Timestamp),
                _ => delete.timestamp(before),
            };
            let deleted = self.write(delete).await?;
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
        let insert = Call::new(&statements.use_once).text(purpose).text(digest).timestamp(expires_at);
        let first = match self.try_write(insert).await? {
            Err(error) if is_taken(&error) => false,
            done => done.map_err(database_error)? == 1,
        };
        if first {
            // What was noted stays noted, whether or not the expired ones could be forgotten.
            let _ = self.write(Call::new(&statements.forget_used).timestamp(now)).await;
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

    async fn take_limit(&self, count: &LimitCount<'_>) -> Result<Option<i64>, DatabaseError> {
        self.take_try(count).await
    }

    async fn give_limits_back(&self, counts: &[LimitCount<'_>]) -> Result<(), DatabaseError> {
        self.give_tries_back(counts).await
    }

    async fn note_limit(&self, name: &str, until: i64) -> Result<(), DatabaseError> {
        self.note(name, until).await
    }

    async fn limit_holds(&self, name: &str, now: i64) -> Result<bool, DatabaseError> {
        self.note_holds(name, now).await
    }

    async fn set_user_state(&self, id: &U::Id, state: UserState) -> Result<(), DatabaseError> {
        self.set_state(id, state).await
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
        user_id: &U::Id,
        limit: u32,
    ) -> Result<Vec<AccessToken<U::Id>>, DatabaseError> {
        self.read_tokens_of(user_id, limit).await
    }

    async fn user_by_used_access_token(
        &self,
        forms: &[String],
        not_before: Option<Timestamp>,
    ) -> Result<Option<(U, AccessToken<U::Id>, Option<Timestamp>)>, DatabaseError> {
        self.find_used(forms, not_before).await
    }

    async fn create_session(&self, session: &Session<U::Id>) -> Result<(), DatabaseError> {
        self.keep_session(session).await
    }

    async fn sessions_of(&self, user_id: &U::Id, limit: u32) -> Result<Vec<Session<U::Id>>, DatabaseError> {
        self.read_sessions(self.statements()?.sessions_of(user_id, limit)).await
    }

    async fn session_by_refresh_handle(&self, handle: &str) -> Result<Option<Session<U::Id>>, DatabaseError> {
        Ok(self.read_sessions(self.statements()?.session_by_handle(handle)).await?.pop())
    }

    async fn session_last_used(&self, forms: &[String]) -> Result<Option<Timestamp>, DatabaseError> {
        self.last_used(forms).await
    }

    async fn touch_session(&self, forms: &[String], at: Timestamp) -> Result<bool, DatabaseError> {
        if forms.is_empty() {
            return Ok(false);
        }
        Ok(self.change_sessions(|statements| statements.touch_session(forms, at)).await? > 0)
    }

    async fn rotate_refresh_token(
        &self,
        id: &str,
        from: &str,
        to: &str,
        token: Option<&str>,
        at: Timestamp,
    ) -> Result<bool, DatabaseError> {
        Ok(self.change_sessions(|statements| statements.rotate(id, from, to, token, at)).await? > 0)
    }

    async fn delete_session(&self, user_id: &U::Id, id: &str) -> Result<bool, DatabaseError> {
        Ok(self.change_sessions(|statements| statements.delete_session(user_id, id)).await? > 0)
    }

    async fn delete_session_by_token(&self, forms: &[String]) -> Result<(), DatabaseError> {
        if forms.is_empty() {
            return Ok(());
        }
        self.change_sessions(|statements| statements.delete_session_by_token(forms)).await.map(|_| ())
    }

    async fn delete_sessions_of(
        &self,
        user_id: &U::Id,
        except: &[String],
        except_id: Option<&str>,
    ) -> Result<(), DatabaseError> {
        let delete = |statements: &Statements| statements.delete_sessions_of(user_id, except, except_id);
        self.change_sessions(delete).await.map(|_| ())
    }

    async fn purge_sessions(&self, before: Timestamp) -> Result<u64, DatabaseError> {
        self.forget_expired_sessions(before).await
    }
}
