//! Users in memory.

use std::{
    borrow::Cow,
    collections::{HashMap, hash_map::Entry},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{
    AccessToken, Capabilities, DatabaseError, NewOAuthAccount, OAuthAccount, Session, UserDatabase, UserState,
};
use crate::LimitCount;
use crate::audit::{AuditEntry, AuditFilter};
use crate::schema::{ColumnType, ColumnValue, ObjectId, Record, Schema, Timestamp, Value};
use crate::user::UserModel;

/// Keeps users in memory, for tests and first steps. Everything is gone when the process ends.
///
/// It has all capabilities, and the same unique rules as the other databases.
///
/// ```
/// use axum_users::{Bearer, Jwt, MemoryDatabase, User, Users};
///
/// let users = Users::<User>::builder(MemoryDatabase::default(), "at-least-32-bytes-of-randomness-here")
///     .backend("jwt", Bearer::default(), Jwt::lasting_seconds(900))
///     .build()?;
/// # Ok::<(), axum_users::BuildError>(())
/// ```
#[derive(Default)]
pub struct MemoryDatabase {
    schema: Option<Arc<Schema>>,
    tables: Mutex<Tables>,
}

impl fmt::Debug for MemoryDatabase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryDatabase").field("users", &self.tables().users.len()).finish_non_exhaustive()
    }
}

#[derive(Default)]
struct Tables {
    users: Vec<Record>,
    access_tokens: Vec<(Value, AccessToken<()>)>,
    /// Purpose and digest, and when the record may be forgotten.
    one_time: HashMap<(String, String), Timestamp>,
    /// The owner, the row's id, and the account.
    oauth_accounts: Vec<(Value, Value, NewOAuthAccount)>,
    states: Vec<(Value, UserState)>,
    audit_trail: Vec<AuditEntry>,
    /// The owner, and the session.
    sessions: Vec<(Value, Session<()>)>,
    /// The moments at which counts are full and notes end.
    limits: HashMap<String, i64>,
    last_id: i64,
}

impl Tables {
    fn position(&self, id: &Value) -> Option<usize> {
        self.users.iter().position(|user| user.get("id") == Some(id))
    }

    fn email_is_taken(&self, record: &Record, but: Option<usize>) -> bool {
        let Some(email) = record.get("email").and_then(Value::as_text) else { return false };
        self.users.iter().enumerate().any(|(index, user)| Some(index) != but && has_email(user, email))
    }

    fn insert_user(&mut self, mut record: Record, id_type: ColumnType) -> Result<usize, DatabaseError> {
        if self.email_is_taken(&record, None) {
            return Err(DatabaseError::EmailTaken);
        }
        match record.get("id") {
            Some(id) if self.position(id).is_some() => {
                return Err(DatabaseError::Other("a user with this id exists".into()));
            }
            Some(_) => {}
            None => record.set("id", self.next_id(id_type)),
        }
        self.users.push(record);
        Ok(self.users.len() - 1)
    }

    /// What a foreign key is elsewhere.
    fn check_owner(&self, id: &Value) -> Result<(), DatabaseError> {
        self.position(id).map(|_| ()).ok_or_else(|| DatabaseError::Other("there is no such user".into()))
    }

    fn oauth_owner(&self, oauth_name: &str, account_id: &str) -> Option<&Value> {
        let is_it =
            |account: &NewOAuthAccount| account.oauth_name == oauth_name && account.account_id == account_id;
        self.oauth_accounts.iter().find(|(_, _, account)| is_it(account)).map(|(owner, ..)| owner)
    }

    fn link(
        &mut self,
        owner: Value,
        row_id: Option<Value>,
        id_type: ColumnType,
        account: &NewOAuthAccount,
    ) -> Result<(), DatabaseError> {
        if self.oauth_owner(&account.oauth_name, &account.account_id).is_some() {
            return Err(DatabaseError::OAuthAccountTaken);
        }
        self.check_owner(&owner)?;
        let row_id = row_id.unwrap_or_else(|| self.next_id(id_type));
        self.oauth_accounts.push((owner, row_id, account.clone()));
        Ok(())
    }

    fn next_id(&mut self, id_type: ColumnType) -> Value {
        self.last_id += 1;
        if id_type != ColumnType::ObjectId {
            return Value::Integer(self.last_id);
        }
        let mut bytes = [0; 12];
        bytes[4..].copy_from_slice(&self.last_id.to_be_bytes());
        Value::ObjectId(ObjectId(bytes))
    }
}

/// A session with its owner's id, or without.
fn owned<From, To>(session: Session<From>, user_id: To) -> Session<To> {
    Session {
        id: session.id,
        token: session.token,
        user_id,
        backend: session.backend,
        created_at: session.created_at,
        last_used_at: session.last_used_at,
        expires_at: session.expires_at,
        user_agent: session.user_agent,
        address: session.address,
        refresh: session.refresh,
    }
}

fn has_token(session: &Session<()>, forms: &[String]) -> bool {
    session.token.as_ref().is_some_and(|token| forms.contains(token))
}

fn has_email(user: &Record, email: &str) -> bool {
    user.get("email").and_then(Value::as_text).is_some_and(|stored| stored.eq_ignore_ascii_case(email))
}

/// What ids are sorted by: numbers by their size, all others by their text.
fn id_order<U: UserModel>(id: &U::Id) -> (Option<i64>, String) {
    let number = match id.clone().into_value() {
        Value::Integer(number) => Some(number),
        _ => None,
    };
    (number, id.to_string())
}

impl MemoryDatabase {
    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn user<U: UserModel>(&self, record: &Record) -> Result<U, DatabaseError> {
        let schema = self.schema()?;
        Ok(U::from_row(schema, &mut record.reader(schema))?)
    }

    fn schema(&self) -> Result<&Schema, DatabaseError> {
        self.schema.as_deref().ok_or(DatabaseError::Unsupported("use without `Users::builder`"))
    }
}

impl<U: UserModel> UserDatabase<U> for MemoryDatabase {
    fn configure(&mut self, schema: &Arc<Schema>) -> Result<(), Cow<'static, str>> {
        self.schema = Some(Arc::clone(schema));
        Ok(())
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::all()
    }

    async fn get(&self, id: &U::Id) -> Result<Option<U>, DatabaseError> {
        let tables = self.tables();
        let index = tables.position(&id.clone().into_value());
        index.map(|index| self.user(&tables.users[index])).transpose()
    }

    async fn get_by_email(&self, email: &str) -> Result<Option<U>, DatabaseError> {
        let tables = self.tables();
        tables.users.iter().find(|user| has_email(user, email)).map(|user| self.user(user)).transpose()
    }

    async fn list(&self, after: Option<&U::Id>, limit: u32) -> Result<Vec<U>, DatabaseError> {
        let tables = self.tables();
        let mut users = tables.users.iter().map(|user| self.user(user)).collect::<Result<Vec<U>, _>>()?;
        users.sort_by_key(|user| id_order::<U>(user.id()));
        let after = after.map(id_order::<U>);
        users.retain(|user| after.as_ref().is_none_or(|after| id_order::<U>(user.id()) > *after));
        users.truncate(limit as usize);
        Ok(users)
    }

    async fn create(&self, record: Record) -> Result<U, DatabaseError> {
        let mut tables = self.tables();
        let index = tables.insert_user(record, self.schema()?.id_type())?;
        self.user(&tables.users[index])
    }

    async fn update(
        &self,
        id: &U::Id,
        expected: &Record,
        changes: &Record,
    ) -> Result<Option<U>, DatabaseError> {
        let mut tables = self.tables();
        let Some(index) = tables.position(&id.clone().into_value()) else { return Ok(None) };
        if expected.iter().any(|(name, value)| tables.users[index].get(name) != Some(value)) {
            return Ok(None);
        }
        if tables.email_is_taken(changes, Some(index)) {
            return Err(DatabaseError::EmailTaken);
        }
        tables.users[index].merge(changes);
        self.user(&tables.users[index]).map(Some)
    }

    async fn delete(&self, id: &U::Id) -> Result<bool, DatabaseError> {
        let mut tables = self.tables();
        let id = id.clone().into_value();
        tables.access_tokens.retain(|(owner, _)| *owner != id);
        tables.oauth_accounts.retain(|(owner, ..)| *owner != id);
        tables.states.retain(|(owner, _)| *owner != id);
        tables.sessions.retain(|(owner, _)| *owner != id);
        let index = tables.position(&id);
        index.map(|index| tables.users.remove(index));
        Ok(index.is_some())
    }

    async fn create_access_token(&self, access_token: &AccessToken<U::Id>) -> Result<(), DatabaseError> {
        let AccessToken { token, user_id, created_at } = access_token.clone();
        let (owner, row) = (user_id.into_value(), AccessToken { token, user_id: (), created_at });
        let mut tables = self.tables();
        tables.check_owner(&owner)?;
        if tables.access_tokens.iter().any(|(_, other)| other.token == row.token) {
            return Err(DatabaseError::Other("the access token exists".into()));
        }
        tables.access_tokens.push((owner, row));
        Ok(())
    }

    async fn user_by_access_token(
        &self,
        forms: &[String],
        not_before: Option<Timestamp>,
    ) -> Result<Option<(U, AccessToken<U::Id>)>, DatabaseError> {
        let tables = self.tables();
        let found = tables.access_tokens.iter().find(|(_, row)| {
            forms.contains(&row.token) && not_before.is_none_or(|not_before| row.created_at >= not_before)
        });
        let Some((owner, row)) = found else { return Ok(None) };
        let Some(index) = tables.position(owner) else { return Ok(None) };
        let user: U = self.user(&tables.users[index])?;
        let (token, user_id) = (row.token.clone(), user.id().clone());
        Ok(Some((user, AccessToken { token, user_id, created_at: row.created_at })))
    }

    async fn rewrite_access_token(&self, from: &str, to: &str) -> Result<(), DatabaseError> {
        for (_, row) in &mut self.tables().access_tokens {
            if row.token == from {
                to.clone_into(&mut row.token);
            }
        }
        Ok(())
    }

    async fn delete_access_token(&self, forms: &[String]) -> Result<(), DatabaseError> {
        self.tables().access_tokens.retain(|(_, row)| !forms.contains(&row.token));
        Ok(())
    }

    async fn delete_access_tokens_of(&self, user_id: &U::Id, except: &[String]) -> Result<(), DatabaseError> {
        let id = user_id.clone().into_value();
        self.tables().access_tokens.retain(|(owner, row)| *owner != id || except.contains(&row.token));
        Ok(())
    }

    async fn purge_access_tokens(&self, before: Timestamp) -> Result<u64, DatabaseError> {
        let mut tables = self.tables();
        let count = tables.access_tokens.len();
        tables.access_tokens.retain(|(_, row)| row.created_at >= before);
        Ok((count - tables.access_tokens.len()) as u64)
    }

    async fn use_once(
        &self,
        purpose: &str,
        digest: &str,
        expires_at: Timestamp,
        now: Timestamp,
    ) -> Result<bool, DatabaseError> {
        let mut tables = self.tables();
        tables.one_time.retain(|_, expires_at| *expires_at >= now);
        match tables.one_time.entry((purpose.to_owned(), digest.to_owned())) {
            Entry::Occupied(_) => Ok(false),
            Entry::Vacant(entry) => {
                entry.insert(expires_at);
                Ok(true)
            }
        }
    }

    async fn user_by_oauth_account(
        &self,
        oauth_name: &str,
        account_id: &str,
    ) -> Result<Option<U>, DatabaseError> {
        let tables = self.tables();
        let Some(owner) = tables.oauth_owner(oauth_name, account_id) else { return Ok(None) };
        let index = tables.position(owner);
        index.map(|index| self.user(&tables.users[index])).transpose()
    }

    async fn oauth_accounts(&self, user_id: &U::Id) -> Result<Vec<OAuthAccount<U::Id>>, DatabaseError> {
        let id = user_id.clone().into_value();
        let tables = self.tables();
        let own = tables.oauth_accounts.iter().filter(|(owner, ..)| *owner == id);
        own.map(|(_, row_id, account)| {
            let id = U::Id::from_value(row_id.clone())?;
            Ok(account.clone().into_account(id, user_id.clone()))
        })
        .collect()
    }

    async fn create_with_oauth_account(
        &self,
        record: Record,
        account_row_id: Option<&U::Id>,
        account: &NewOAuthAccount,
    ) -> Result<U, DatabaseError> {
        let id_type = self.schema()?.id_type();
        let mut tables = self.tables();
        let index = tables.insert_user(record, id_type)?;
        let user: U = self.user(&tables.users[index])?;
        let row_id = account_row_id.map(|id| id.clone().into_value());
        if let Err(error) = tables.link(user.id().clone().into_value(), row_id, id_type, account) {
            tables.users.pop();
            return Err(error);
        }
        Ok(user)
    }

    async fn add_oauth_account(
        &self,
        user_id: &U::Id,
        account_row_id: Option<&U::Id>,
        account: &NewOAuthAccount,
    ) -> Result<(), DatabaseError> {
        let row_id = account_row_id.map(|id| id.clone().into_value());
        let id_type = self.schema()?.id_type();
        self.tables().link(user_id.clone().into_value(), row_id, id_type, account)
    }

    async fn update_oauth_account(
        &self,
        user_id: &U::Id,
        account: &NewOAuthAccount,
    ) -> Result<bool, DatabaseError> {
        let id = user_id.clone().into_value();
        let mut tables = self.tables();
        let row = tables.oauth_accounts.iter_mut().find(|(owner, _, known)| {
            *owner == id && known.oauth_name == account.oauth_name && known.account_id == account.account_id
        });
        let found = row.is_some();
        row.into_iter().for_each(|(_, _, known)| known.clone_from(account));
        Ok(found)
    }

    async fn delete_oauth_account(
        &self,
        user_id: &U::Id,
        oauth_name: &str,
        account_id: &str,
    ) -> Result<bool, DatabaseError> {
        let id = user_id.clone().into_value();
        let mut tables = self.tables();
        let count = tables.oauth_accounts.len();
        tables.oauth_accounts.retain(|(owner, _, known)| {
            *owner != id || known.oauth_name != oauth_name || known.account_id != account_id
        });
        Ok(tables.oauth_accounts.len() < count)
    }

    async fn get_with_state(&self, id: &U::Id) -> Result<Option<(U, UserState)>, DatabaseError> {
        let id = id.clone().into_value();
        let tables = self.tables();
        let Some(index) = tables.position(&id) else { return Ok(None) };
        let state = tables.states.iter().find(|(owner, _)| *owner == id).map(|(_, state)| *state);
        Ok(Some((self.user(&tables.users[index])?, state.unwrap_or_default())))
    }

    async fn take_limit(&self, count: &LimitCount<'_>) -> Result<Option<i64>, DatabaseError> {
        let limits = &mut self.tables().limits;
        match count.take(limits.get(count.name).copied()) {
            Ok(full_at) => {
                limits.insert(count.name.to_owned(), full_at);
                Ok(None)
            }
            Err(wait) => Ok(Some(wait)),
        }
    }

    async fn give_limits_back(&self, counts: &[LimitCount<'_>]) -> Result<(), DatabaseError> {
        let limits = &mut self.tables().limits;
        for count in counts {
            if let Some(full_at) = limits.get_mut(count.name) {
                *full_at = full_at.saturating_sub(count.step);
            }
        }
        Ok(())
    }

    async fn note_limit(&self, name: &str, until: i64) -> Result<(), DatabaseError> {
        self.tables().limits.insert(name.to_owned(), until);
        Ok(())
    }

    async fn limit_holds(&self, name: &str, now: i64) -> Result<bool, DatabaseError> {
        Ok(self.tables().limits.get(name).is_some_and(|until| *until > now))
    }

    async fn set_user_state(&self, id: &U::Id, state: UserState) -> Result<(), DatabaseError> {
        let id = id.clone().into_value();
        let mut tables = self.tables();
        tables.states.retain(|(owner, _)| *owner != id);
        // Nothing is kept of users who are gone.
        if tables.position(&id).is_some() {
            tables.states.push((id, state));
        }
        Ok(())
    }

    async fn append_audit_entries(&self, entries: &[AuditEntry]) -> Result<(), DatabaseError> {
        let trail = &mut self.tables().audit_trail;
        for entry in entries {
            if !trail.iter().any(|known| known.id == entry.id) {
                trail.push(entry.clone());
            }
        }
        Ok(())
    }

    async fn audit_entries(&self, filter: &AuditFilter) -> Result<Vec<AuditEntry>, DatabaseError> {
        let tables = self.tables();
        let mut wanted: Vec<_> =
            tables.audit_trail.iter().filter(|entry| filter.wants(entry)).cloned().collect();
        wanted.sort_by(|one, other| other.id.cmp(&one.id));
        wanted.truncate(filter.limit as usize);
        Ok(wanted)
    }

    async fn purge_audit_entries(&self, before: Timestamp) -> Result<u64, DatabaseError> {
        let first_kept = AuditEntry::first_id_at(before);
        let trail = &mut self.tables().audit_trail;
        let count = trail.len();
        trail.retain(|entry| entry.id >= first_kept);
        Ok((count - trail.len()) as u64)
    }

    async fn access_tokens_of(
        &self,
        user_id: &U::Id,
        limit: u32,
    ) -> Result<Vec<AccessToken<U::Id>>, DatabaseError> {
        let id = user_id.clone().into_value();
        let tables = self.tables();
        let own = tables.access_tokens.iter().filter(|(owner, _)| *owner == id).map(|(_, row)| AccessToken {
            token: row.token.clone(),
            user_id: user_id.clone(),
            created_at: row.created_at,
        });
        let mut own: Vec<_> = own.collect();
        own.sort_by_key(|row| std::cmp::Reverse(row.created_at));
        own.truncate(limit as usize);
        Ok(own)
    }

    async fn create_session(&self, session: &Session<U::Id>) -> Result<(), DatabaseError> {
        let owner = session.user_id.clone().into_value();
        let new = owned(session.clone(), ());
        let mut tables = self.tables();
        tables.check_owner(&owner)?;
        let handle = |session: &Session<()>| session.refresh.as_ref().map(|family| family.handle.clone());
        let clashes = |(_, other): &(Value, Session<()>)| {
            other.id == new.id
                || (other.token.is_some() && other.token == new.token)
                || (handle(other).is_some() && handle(other) == handle(&new))
        };
        if tables.sessions.iter().any(clashes) {
            return Err(DatabaseError::Other("the session exists".into()));
        }
        tables.sessions.push((owner, new));
        Ok(())
    }

    async fn sessions_of(&self, user_id: &U::Id, limit: u32) -> Result<Vec<Session<U::Id>>, DatabaseError> {
        let id = user_id.clone().into_value();
        let tables = self.tables();
        let own = tables.sessions.iter().filter(|(owner, _)| *owner == id);
        let mut own: Vec<_> = own.map(|(_, session)| owned(session.clone(), user_id.clone())).collect();
        own.sort_by_key(|session| std::cmp::Reverse(session.created_at));
        own.truncate(limit as usize);
        Ok(own)
    }

    async fn session_by_refresh_handle(&self, handle: &str) -> Result<Option<Session<U::Id>>, DatabaseError> {
        let tables = self.tables();
        let is_it =
            |session: &Session<()>| session.refresh.as_ref().is_some_and(|family| family.handle == handle);
        let Some((owner, session)) = tables.sessions.iter().find(|(_, session)| is_it(session)) else {
            return Ok(None);
        };
        Ok(Some(owned(session.clone(), U::Id::from_value(owner.clone())?)))
    }

    async fn session_last_used(&self, forms: &[String]) -> Result<Option<Timestamp>, DatabaseError> {
        let tables = self.tables();
        let found = tables.sessions.iter().find(|(_, session)| has_token(session, forms));
        Ok(found.map(|(_, session)| session.last_used_at))
    }

    async fn touch_session(&self, forms: &[String], at: Timestamp) -> Result<bool, DatabaseError> {
        let mut tables = self.tables();
        let found = tables.sessions.iter_mut().find(|(_, session)| has_token(session, forms));
        let Some((_, session)) = found else { return Ok(false) };
        session.last_used_at = at;
        session.token = forms.first().cloned();
        Ok(true)
    }

    async fn rotate_refresh_token(
        &self,
        id: &str,
        from: &str,
        to: &str,
        token: Option<&str>,
        at: Timestamp,
    ) -> Result<bool, DatabaseError> {
        let mut tables = self.tables();
        let found = tables.sessions.iter_mut().find(|(_, session)| session.id == id);
        let Some((_, session)) = found else { return Ok(false) };
        let Some(family) = session.refresh.as_mut().filter(|family| family.current == from) else {
            return Ok(false);
        };
        family.previous = Some(std::mem::replace(&mut family.current, to.to_owned()));
        family.rotated_at = at;
        session.last_used_at = at;
        session.token = token.map(str::to_owned);
        Ok(true)
    }

    async fn delete_session(&self, user_id: &U::Id, id: &str) -> Result<bool, DatabaseError> {
        let owner_id = user_id.clone().into_value();
        let mut tables = self.tables();
        let count = tables.sessions.len();
        tables.sessions.retain(|(owner, session)| *owner != owner_id || session.id != id);
        Ok(tables.sessions.len() < count)
    }

    async fn delete_session_by_token(&self, forms: &[String]) -> Result<(), DatabaseError> {
        self.tables().sessions.retain(|(_, session)| !has_token(session, forms));
        Ok(())
    }

    async fn delete_sessions_of(
        &self,
        user_id: &U::Id,
        except: &[String],
        except_id: Option<&str>,
    ) -> Result<(), DatabaseError> {
        let id = user_id.clone().into_value();
        self.tables().sessions.retain(|(owner, session)| {
            *owner != id || has_token(session, except) || Some(session.id.as_str()) == except_id
        });
        Ok(())
    }

    async fn purge_sessions(&self, before: Timestamp) -> Result<u64, DatabaseError> {
        let mut tables = self.tables();
        let count = tables.sessions.len();
        tables.sessions.retain(|(_, session)| session.expires_at.is_none_or(|at| at >= before));
        Ok((count - tables.sessions.len()) as u64)
    }
}
