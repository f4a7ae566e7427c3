//! Sessions as data, in a side table of their own.

use axum_users::{
    AccessToken, DatabaseError, RefreshFamily, Session, Timestamp, UserId, UserModel,
    schema::{ColumnType, ColumnValue, DecodeError, Value},
};
use sqlx::SqlStr;

use crate::{
    SqlxDatabase,
    accounts::id_text,
    database::{unless_passing, user_from_row},
    dialect::Dialect,
    engine::{Call, Row},
    error::is_passing,
    statements::{BATCH, Statements, sql},
};

/// The table.
pub(crate) const SESSION_TABLE: &str = "axum_users_session";

/// Its columns, in the order in which they are read and written.
pub(crate) const SESSION_COLUMNS: [&str; 13] = [
    "id",
    "token",
    "user_id",
    "backend",
    "created_at",
    "last_used_at",
    "expires_at",
    "user_agent",
    "address",
    "refresh_handle",
    "refresh_current",
    "refresh_previous",
    "refresh_rotated_at",
];

/// The statements about sessions whose text does not depend on how many tokens they name.
pub(crate) struct SessionStatements {
    insert: SqlStr,
    of_user: SqlStr,
    tokens_of_user: SqlStr,
    by_handle: SqlStr,
    rotate: SqlStr,
    delete: SqlStr,
    purge: SqlStr,
    /// The id's text is its argument.
    pub(crate) delete_all: SqlStr,
}

impl SessionStatements {
    /// `user` and `token` are quoted names.
    pub(crate) fn new(dialect: Dialect, user: &str, token: &str) -> Self {
        let columns = SESSION_COLUMNS.join(", ");
        let select = format!("SELECT {columns} FROM {SESSION_TABLE}");
        let count = SESSION_COLUMNS.len();
        let [a1, a2, a3, a4, a5, a6, a7] = [1, 2, 3, 4, 5, 6, 7].map(|number| dialect.argument(number));
        Self {
            // Nothing is kept of users who are gone: their ids may come again.
            insert: sql(format!(
                "INSERT INTO {SESSION_TABLE} ({columns}) SELECT {} FROM {user} WHERE id = {}",
                dialect.arguments(1, count),
                dialect.argument(count + 1)
            )),
            of_user: sql(format!("{select} WHERE user_id = {a1} ORDER BY created_at DESC LIMIT {a2}")),
            tokens_of_user: sql(format!(
                "SELECT token, created_at FROM {token} WHERE user_id = {a1} ORDER BY created_at DESC LIMIT {a2}"
            )),
            by_handle: sql(format!("{select} WHERE refresh_handle = {a1}")),
            rotate: sql(format!(
                "UPDATE {SESSION_TABLE} SET refresh_current = {a1}, refresh_previous = {a2}, \
                 refresh_rotated_at = {a3}, last_used_at = {a4}, token = {a5} \
                 WHERE id = {a6} AND refresh_current = {a7}"
            )),
            delete: sql(format!("DELETE FROM {SESSION_TABLE} WHERE user_id = {a1} AND id = {a2}")),
            purge: sql(dialect.delete_batch(SESSION_TABLE, "expires_at", BATCH)),
            delete_all: sql(format!("DELETE FROM {SESSION_TABLE} WHERE user_id = {a1}")),
        }
    }
}

/// The calls, for the database and for the test of their plans.
impl Statements {
    pub(crate) fn insert_session<Id: UserId>(&self, session: &Session<Id>) -> Call {
        let family = session.refresh.as_ref();
        let optional = |text: Option<&String>| text.map_or(Value::Null, |text| Value::Text(text.clone()));
        let moment = |at: Option<Timestamp>| at.map_or(Value::Null, Value::Timestamp);
        Call::new(&self.sessions.insert)
            .text(session.id.as_str())
            .value(optional(session.token.as_ref()), ColumnType::Text)
            .text(id_text(&session.user_id))
            .text(session.backend.as_str())
            .timestamp(session.created_at)
            .timestamp(session.last_used_at)
            .value(moment(session.expires_at), ColumnType::Timestamp)
            .value(optional(session.user_agent.as_ref()), ColumnType::Text)
            .value(optional(session.address.as_ref()), ColumnType::Text)
            .value(optional(family.map(|family| &family.handle)), ColumnType::Text)
            .value(optional(family.map(|family| &family.current)), ColumnType::Text)
            .value(optional(family.and_then(|family| family.previous.as_ref())), ColumnType::Text)
            .value(moment(family.map(|family| family.rotated_at)), ColumnType::Timestamp)
            .id(&session.user_id)
    }

    pub(crate) fn sessions_of<Id: ColumnValue>(&self, user_id: &Id, limit: u32) -> Call {
        Call::new(&self.sessions.of_user).text(id_text(user_id)).integer(limit.into())
    }

    pub(crate) fn tokens_of<Id: ColumnValue>(&self, user_id: &Id, limit: u32) -> Call {
        Call::new(&self.sessions.tokens_of_user).id(user_id).integer(limit.into())
    }

    pub(crate) fn session_by_handle(&self, handle: &str) -> Call {
        Call::new(&self.sessions.by_handle).text(handle)
    }

    pub(crate) fn session_last_used(&self, forms: &[String]) -> Call {
        let places = self.dialect.arguments(1, forms.len());
        let select = format!("SELECT last_used_at FROM {SESSION_TABLE} WHERE token IN ({places})");
        Call::new(&sql(select)).texts(forms)
    }

    pub(crate) fn user_by_used_token(&self, forms: &[String]) -> Call {
        let session = self.dialect.arguments(1, forms.len());
        Call::new(&self.user_by_token_with(forms.len(), &session)).texts(forms).texts(forms)
    }

    pub(crate) fn touch_session(&self, forms: &[String], at: Timestamp) -> Call {
        let [a1, a2] = [1, 2].map(|number| self.dialect.argument(number));
        let places = self.dialect.arguments(3, forms.len());
        let update =
            format!("UPDATE {SESSION_TABLE} SET last_used_at = {a1}, token = {a2} WHERE token IN ({places})");
        let present = forms.first().map_or("", String::as_str);
        Call::new(&sql(update)).timestamp(at).text(present).texts(forms)
    }

    pub(crate) fn rotate(&self, id: &str, from: &str, to: &str, token: Option<&str>, at: Timestamp) -> Call {
        let token = token.map_or(Value::Null, |token| Value::Text(token.to_owned()));
        Call::new(&self.sessions.rotate)
            .text(to)
            .text(from)
            .timestamp(at)
            .timestamp(at)
            .value(token, ColumnType::Text)
            .text(id)
            .text(from)
    }

    pub(crate) fn delete_session<Id: ColumnValue>(&self, user_id: &Id, id: &str) -> Call {
        Call::new(&self.sessions.delete).text(id_text(user_id)).text(id)
    }

    pub(crate) fn delete_session_by_token(&self, forms: &[String]) -> Call {
        let places = self.dialect.arguments(1, forms.len());
        Call::new(&sql(format!("DELETE FROM {SESSION_TABLE} WHERE token IN ({places})"))).texts(forms)
    }

    pub(crate) fn delete_sessions_of<Id: ColumnValue>(
        &self,
        user_id: &Id,
        except: &[String],
        except_id: Option<&str>,
    ) -> Call {
        let mut text = self.sessions.delete_all.as_str().to_owned();
        if !except.is_empty() {
            let kept = self.dialect.arguments(2, except.len());
            text.push_str(&format!(" AND (token IS NULL OR token NOT IN ({kept}))"));
        }
        if except_id.is_some() {
            text.push_str(&format!(" AND id <> {}", self.dialect.argument(except.len() + 2)));
        }
        let call = Call::new(&sql(text)).text(id_text(user_id)).texts(except);
        match except_id {
            Some(id) => call.text(id),
            None => call,
        }
    }

    pub(crate) fn purge_sessions(&self, before: Timestamp) -> Call {
        Call::new(&self.sessions.purge).timestamp(before)
    }

    fn session<Id: UserId>(&self, row: &Row) -> Result<Session<Id>, DecodeError> {
        let user_id: String = row.get(2)?;
        let found = || DecodeError::new("user_id".to_owned(), "an id".to_owned(), "other text");
        let refresh = match (row.get::<Option<String>>(9)?, row.get::<Option<String>>(10)?) {
            (Some(handle), Some(current)) => {
                Some(RefreshFamily { handle, current, previous: row.get(11)?, rotated_at: row.get(12)? })
            }
            _ => None,
        };
        Ok(Session {
            id: row.get(0)?,
            token: row.get(1)?,
            user_id: Id::parse(&user_id, self.schema.id_type()).ok_or_else(found)?,
            backend: row.get(3)?,
            created_at: row.get(4)?,
            last_used_at: row.get(5)?,
            expires_at: row.get(6)?,
            user_agent: row.get(7)?,
            address: row.get(8)?,
            refresh,
        })
    }
}

impl SqlxDatabase {
    pub(crate) async fn keep_session<Id: UserId>(&self, session: &Session<Id>) -> Result<(), DatabaseError> {
        let statements = self.statements()?;
        match unless_passing!(self.write(statements.insert_session(session)))? {
            0 => Err(DatabaseError::Other("there is no such user".into())),
            _ => Ok(()),
        }
    }

    pub(crate) async fn read_sessions<Id: UserId>(
        &self,
        call: Call,
    ) -> Result<Vec<Session<Id>>, DatabaseError> {
        let statements = self.statements()?;
        let rows = self.read(call).await?;
        rows.iter().map(|row| statements.session(row).map_err(DatabaseError::Decode)).collect()
    }

    pub(crate) async fn read_tokens_of<Id: UserId>(
        &self,
        user_id: &Id,
        limit: u32,
    ) -> Result<Vec<AccessToken<Id>>, DatabaseError> {
        let rows = self.read(self.statements()?.tokens_of(user_id, limit)).await?;
        let token = |row: &Row| {
            Ok(AccessToken { token: row.get(0)?, user_id: user_id.clone(), created_at: row.get(1)? })
        };
        rows.iter().map(|row| token(row).map_err(DatabaseError::Decode)).collect()
    }

    pub(crate) async fn find_used<U: UserModel>(
        &self,
        forms: &[String],
        not_before: Option<Timestamp>,
    ) -> Result<Option<(U, AccessToken<U::Id>, Option<Timestamp>)>, DatabaseError> {
        let statements = self.statements()?;
        if forms.is_empty() {
            return Ok(None);
        }
        let behind_user = statements.schema.columns().len();
        for row in &self.read(statements.user_by_used_token(forms)).await? {
            let (token, created_at): (String, Timestamp) = (row.get(behind_user)?, row.get(behind_user + 1)?);
            // Compared here for the same reasons as without the session.
            if forms.contains(&token) && not_before.is_none_or(|not_before| created_at >= not_before) {
                let last_used_at = row.get(behind_user + 2)?;
                let user: U = user_from_row(&statements.schema, row)?;
                let user_id = user.id().clone();
                return Ok(Some((user, AccessToken { token, user_id, created_at }, last_used_at)));
            }
        }
        Ok(None)
    }

    pub(crate) async fn last_used(&self, forms: &[String]) -> Result<Option<Timestamp>, DatabaseError> {
        if forms.is_empty() {
            return Ok(None);
        }
        let rows = self.read(self.statements()?.session_last_used(forms)).await?;
        rows.first().map(|row| row.get(0).map_err(DatabaseError::Decode)).transpose()
    }

    /// Runs a change of sessions, and answers how many it touched.
    pub(crate) async fn change_sessions(
        &self,
        call: impl Fn(&Statements) -> Call,
    ) -> Result<u64, DatabaseError> {
        let statements = self.statements()?;
        unless_passing!(self.change(call(statements)))
    }

    pub(crate) async fn forget_expired_sessions(&self, before: Timestamp) -> Result<u64, DatabaseError> {
        let mut purged = 0;
        loop {
            let deleted = self.change_sessions(|statements| statements.purge_sessions(before)).await?;
            purged += deleted;
            if deleted < u64::from(BATCH) {
                return Ok(purged);
            }
        }
    }
}
