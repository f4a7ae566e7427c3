//! What [`SqlxDatabase`] does for `axum_users`.

use std::{borrow::Cow, sync::Arc};

use axum_users::{
    AccessToken, AuditEntry, AuditFilter, Capabilities, DatabaseError, LimitCount, MigrateError,
    NewOAuthAccount, OAuthAccount, Session, Timestamp, UserDatabase, UserModel, UserState,
    schema::{ColumnType, Record, Schema, Value},
};

use super::{SqlxDatabase, unless_passing, user_from_row};
use crate::{
    dialect::Dialect,
    engine::Call,
    error::{database_error, is_passing, is_taken},
    migrate::migrate,
    statements::{BATCH, Statements, sql},
    text,
};

impl<U: UserModel> UserDatabase<U> for SqlxDatabase {
    fn configure(&mut self, schema: &Arc<Schema>) -> Result<(), Cow<'static, str>> {
        let statements = Statements::new(self.connections.dialect(), Arc::clone(schema), &self.options)?;
        self.statements = Some(Arc::new(statements));
        Ok(())
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::all()
    }

    fn system_name(&self) -> Option<&'static str> {
        Some(match self.connections.dialect() {
            Dialect::Sqlite => "sqlite",
            Dialect::Postgres => "postgresql",
            Dialect::MySql => "mysql",
        })
    }

    async fn migrate(&self) -> Result<(), MigrateError> {
        let statements = self.statements()?;
        let _turn = self.turn().await?;
        migrate(&self.connections, &statements.schema, &statements.tables, self.options.side_by_side).await
    }

    async fn ping(&self) -> Result<(), DatabaseError> {
        let ping = match self.connections.dialect() {
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
        unless_passing!(self.try_create(&record))
    }

    async fn update(
        &self,
        id: &U::Id,
        expected: &Record,
        changes: &Record,
    ) -> Result<Option<U>, DatabaseError> {
        unless_passing!(self.try_update(id, expected, changes))
    }

    async fn delete(&self, id: &U::Id) -> Result<bool, DatabaseError> {
        unless_passing!(self.try_delete::<U>(id))
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
        if first && statements.used.is_due_at(now) {
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
