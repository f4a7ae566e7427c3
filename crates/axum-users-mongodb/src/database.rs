//! What [`MongoDatabase`] does for `axum_users`.

use std::{borrow::Cow, sync::Arc};

use axum_users::{
    AccessToken, AuditEntry, AuditFilter, Capabilities, DatabaseError, LimitCount, MigrateError,
    NewOAuthAccount, OAuthAccount, Session, Timestamp, UserDatabase, UserModel, UserState,
    schema::{ColumnType, Record, Schema},
};
use mongodb::{
    bson::{Bson, Document, RawBsonRef, RawDocument, RawDocumentBuf, doc},
    options::{Hint, ReturnDocument},
};

use crate::{
    MongoDatabase,
    accounts::{array_of, member},
    error::{code, has_code},
    migrate::{email_collation, migrate},
    sessions::{of_user, rotation},
    store::{Raw, USER_STATE, collect, id_bson, index},
    values::{date_time, to_bson},
};

impl MongoDatabase {
    /// Inserts a user, and an account with it.
    pub(crate) async fn insert_user<U: UserModel>(
        &self,
        mut record: Record,
        account: Option<Document>,
    ) -> Result<U, DatabaseError> {
        let layout = self.layout()?;
        if record.get("id").is_none()
            && let Some(id) = self.new_id(layout.user_sequence()).await?
        {
            record.set("id", id);
        }
        let mut document = Document::new();
        for (name, value) in record.iter() {
            document.insert(layout.field(name), to_bson(value)?);
        }
        if let Some(account) = account {
            document.insert("oauth_accounts", array_of(account));
        }
        let stored =
            RawDocumentBuf::try_from(&document).map_err(|error| DatabaseError::Other(error.into()))?;
        // What cannot be read again shall not be stored.
        let user = layout.user(&stored)?;
        self.run(layout.users.insert_one(stored)).await?;
        Ok(user)
    }

    /// The documents that a pipeline gives, which begins with an index.
    async fn aggregate(
        &self,
        collection: &Raw,
        first: Hint,
        pipeline: [Document; 2],
    ) -> Result<Vec<RawDocumentBuf>, DatabaseError> {
        self.run(async { collect(collection.aggregate(pipeline).hint(first).await?).await }).await
    }
}

impl<U: UserModel> UserDatabase<U> for MongoDatabase {
    fn configure(&mut self, schema: &Arc<Schema>) -> Result<(), Cow<'static, str>> {
        self.set_layout(schema)
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::all()
    }

    fn system_name(&self) -> Option<&'static str> {
        Some("mongodb")
    }

    async fn migrate(&self) -> Result<(), MigrateError> {
        migrate(self).await
    }

    async fn ping(&self) -> Result<(), DatabaseError> {
        self.run(self.answer()).await
    }

    async fn get(&self, id: &U::Id) -> Result<Option<U>, DatabaseError> {
        let layout = self.layout()?;
        let document = self.run(layout.users.find_one(layout.by_id(id)?)).await?;
        document.map(|document| layout.user(&document)).transpose()
    }

    async fn get_by_email(&self, email: &str) -> Result<Option<U>, DatabaseError> {
        let layout = self.layout()?;
        let find = layout.users.find(doc! { "email": email }).collation(email_collation());
        let documents = self.run(async { collect(find.await?).await }).await?;
        // The collation takes more addresses for one than ASCII case does.
        let is_it = |document: &&RawDocumentBuf| {
            document.get_str("email").is_ok_and(|stored| stored.eq_ignore_ascii_case(email))
        };
        documents.iter().find(is_it).map(|document| layout.user(document)).transpose()
    }

    async fn list(&self, after: Option<&U::Id>, limit: u32) -> Result<Vec<U>, DatabaseError> {
        let layout = self.layout()?;
        // To the server, 0 is no limit.
        if limit == 0 {
            return Ok(Vec::new());
        }
        let filter = match after {
            Some(id) => doc! { layout.id_field: { "$gt": id_bson(id)? } },
            None => doc! {},
        };
        let find = layout.users.find(filter).sort(doc! { layout.id_field: 1 }).limit(i64::from(limit));
        let documents = self.run(async { collect(find.await?).await }).await?;
        documents.iter().map(|document| layout.user(document)).collect()
    }

    async fn create(&self, record: Record) -> Result<U, DatabaseError> {
        self.insert_user(record, None).await
    }

    async fn update(
        &self,
        id: &U::Id,
        expected: &Record,
        changes: &Record,
    ) -> Result<Option<U>, DatabaseError> {
        let layout = self.layout()?;
        let mut filter = layout.by_id(id)?;
        layout.expect(&mut filter, expected)?;
        let mut set = Document::new();
        for (name, value) in changes.iter() {
            set.insert(layout.field(name), to_bson(value)?);
        }
        let document = if set.is_empty() {
            self.run(layout.users.find_one(filter)).await?
        } else {
            let update =
                layout.users.find_one_and_update(filter, doc! { "$set": set }).hint(layout.id_index());
            self.run(update.return_document(ReturnDocument::After)).await?
        };
        document.map(|document| layout.user(&document)).transpose()
    }

    async fn delete(&self, id: &U::Id) -> Result<bool, DatabaseError> {
        let layout = self.layout()?;
        // The user first: what belonged to it is nobody's then, whenever the rest is done.
        let deleted = self.run(layout.users.delete_one(layout.by_id(id)?)).await?;
        self.forget_sessions(of_user(id, &[], None)).await?;
        let id = id_bson(id)?;
        self.run(layout.access_tokens.delete_many(doc! { "user_id": id.clone() })).await?;
        self.run(layout.user_states.delete_one(doc! { "_id": id })).await?;
        Ok(deleted.deleted_count > 0)
    }

    async fn create_access_token(&self, access_token: &AccessToken<U::Id>) -> Result<(), DatabaseError> {
        let layout = self.layout()?;
        let document = doc! {
            "token": &access_token.token,
            "user_id": id_bson(&access_token.user_id)?,
            "created_at": date_time(access_token.created_at),
        };
        let tokens = layout.access_tokens.clone_with_type::<Document>();
        self.run(tokens.insert_one(document)).await.map(|_| ())
    }

    async fn user_by_access_token(
        &self,
        forms: &[String],
        not_before: Option<Timestamp>,
    ) -> Result<Option<(U, AccessToken<U::Id>)>, DatabaseError> {
        let layout = self.layout()?;
        let mut filter = doc! { "token": { "$in": forms } };
        if let Some(not_before) = not_before {
            filter.insert("created_at", doc! { "$gte": date_time(not_before) });
        }
        let user = doc! { "$lookup": {
            "from": &layout.names.users,
            "localField": "user_id",
            "foreignField": layout.id_field,
            "as": "user",
        } };
        for row in self
            .aggregate(&layout.access_tokens, index(&["token"]), [doc! { "$match": filter }, user])
            .await?
        {
            // A session whose user is gone is nobody's.
            let Some(document) = joined(&row, "user") else { continue };
            let user: U = layout.user(document)?;
            let token = AccessToken {
                token: member(&row, "token", ColumnType::Text)?,
                user_id: user.id().clone(),
                created_at: member(&row, "created_at", ColumnType::Timestamp)?,
            };
            return Ok(Some((user, token)));
        }
        Ok(None)
    }

    async fn rewrite_access_token(&self, from: &str, to: &str) -> Result<(), DatabaseError> {
        let layout = self.layout()?;
        let update =
            layout.access_tokens.update_one(doc! { "token": from }, doc! { "$set": { "token": to } });
        self.run(update).await.map(|_| ())
    }

    async fn delete_access_token(&self, forms: &[String]) -> Result<(), DatabaseError> {
        let layout = self.layout()?;
        self.run(layout.access_tokens.delete_many(doc! { "token": { "$in": forms } })).await.map(|_| ())
    }

    async fn delete_access_tokens_of(&self, user_id: &U::Id, except: &[String]) -> Result<(), DatabaseError> {
        let layout = self.layout()?;
        let filter = doc! { "user_id": id_bson(user_id)?, "token": { "$nin": except } };
        let delete = layout.access_tokens.delete_many(filter).hint(index(&["user_id", "token"]));
        self.run(delete).await.map(|_| ())
    }

    async fn purge_access_tokens(&self, before: Timestamp) -> Result<u64, DatabaseError> {
        let layout = self.layout()?;
        let filter = doc! { "created_at": { "$lt": date_time(before) } };
        self.run_long(layout.access_tokens.delete_many(filter)).await.map(|deleted| deleted.deleted_count)
    }

    async fn use_once(
        &self,
        purpose: &str,
        digest: &str,
        expires_at: Timestamp,
        now: Timestamp,
    ) -> Result<bool, DatabaseError> {
        let layout = self.layout()?;
        let used = doc! {
            "_id": { "purpose": purpose, "digest": digest },
            "expires_at": date_time(expires_at),
        };
        let records = layout.one_time.clone_with_type::<Document>();
        let insert = async {
            match records.insert_one(used).await {
                Ok(_) => Ok(true),
                Err(error) if has_code(&error, code::DUPLICATE_KEY) => Ok(false),
                Err(error) => Err(error),
            }
        };
        let first = self.run(insert).await?;
        if first {
            // What was noted stays noted, whether or not the expired ones could be forgotten.
            let expired = doc! { "expires_at": { "$lt": date_time(now) } };
            let _ = self.run(layout.one_time.delete_many(expired)).await;
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
        self.accounts_of(user_id).await
    }

    async fn create_with_oauth_account(
        &self,
        record: Record,
        account_row_id: Option<&U::Id>,
        account: &NewOAuthAccount,
    ) -> Result<U, DatabaseError> {
        self.create_with_account(record, account_row_id, account).await
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
        let layout = self.layout()?;
        let state = doc! { "$lookup": {
            "from": USER_STATE,
            "localField": layout.id_field,
            "foreignField": "_id",
            "as": USER_STATE,
        } };
        let pipeline = [doc! { "$match": layout.by_id(id)? }, state];
        let found = self.aggregate(&layout.users, layout.id_index(), pipeline).await?;
        let Some(document) = found.first() else { return Ok(None) };
        let state = joined(document, USER_STATE).map(state_from_bson).transpose()?;
        Ok(Some((layout.user(document)?, state.unwrap_or_default())))
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
        Ok(self.full_at(name).await?.is_some_and(|until| until > now))
    }

    async fn set_user_state(&self, id: &U::Id, state: UserState) -> Result<(), DatabaseError> {
        let layout = self.layout()?;
        let not_before = state.not_before.map(microseconds);
        let set = doc! { "$set": {
            "not_before": not_before,
            "password_is_generated": state.password_is_generated,
        } };
        self.upsert(&layout.user_states, id_bson(id)?, set).await?;
        // Nothing is kept of users who are gone. Looked at afterwards, so that no delete can come between.
        if self.run(layout.users.find_one(layout.by_id(id)?)).await?.is_none() {
            self.run(layout.user_states.delete_one(doc! { "_id": id_bson(id)? })).await?;
        }
        Ok(())
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
        self.tokens_of(user_id, limit).await
    }

    async fn create_session(&self, session: &Session<U::Id>) -> Result<(), DatabaseError> {
        self.insert_session(session).await
    }

    async fn sessions_of(&self, user_id: &U::Id, limit: u32) -> Result<Vec<Session<U::Id>>, DatabaseError> {
        self.find_sessions(of_user(user_id, &[], None), limit).await
    }

    async fn session_by_refresh_handle(&self, handle: &str) -> Result<Option<Session<U::Id>>, DatabaseError> {
        Ok(self.find_sessions(doc! { "refresh_handle": handle }, 1).await?.pop())
    }

    async fn session_last_used(&self, forms: &[String]) -> Result<Option<Timestamp>, DatabaseError> {
        self.last_used(forms).await
    }

    async fn touch_session(&self, forms: &[String], at: Timestamp) -> Result<bool, DatabaseError> {
        let (filter, set) = (doc! { "token": { "$in": forms } }, doc! { "last_used_at": date_time(at) });
        self.change_session(filter, set, forms.first().map(String::as_str)).await
    }

    async fn rotate_refresh_token(
        &self,
        id: &str,
        from: &str,
        to: &str,
        token: Option<&str>,
        at: Timestamp,
    ) -> Result<bool, DatabaseError> {
        let filter = doc! { "_id": id, "refresh_current": from };
        self.change_session(filter, rotation(from, to, at), token).await
    }

    async fn delete_session(&self, user_id: &U::Id, id: &str) -> Result<bool, DatabaseError> {
        Ok(self.forget_sessions(doc! { "_id": id, "user_id": user_id.to_string() }).await? > 0)
    }

    async fn delete_session_by_token(&self, forms: &[String]) -> Result<(), DatabaseError> {
        self.forget_sessions(doc! { "token": { "$in": forms } }).await.map(|_| ())
    }

    async fn delete_sessions_of(
        &self,
        user_id: &U::Id,
        except: &[String],
        except_id: Option<&str>,
    ) -> Result<(), DatabaseError> {
        self.forget_sessions(of_user(user_id, except, except_id)).await.map(|_| ())
    }

    async fn purge_sessions(&self, before: Timestamp) -> Result<u64, DatabaseError> {
        self.forget_sessions(doc! { "expires_at": { "$lt": date_time(before) } }).await
    }
}

/// The one document that `$lookup` found.
fn joined<'a>(row: &'a RawDocument, name: &str) -> Option<&'a RawDocument> {
    match row.get_array(name).ok()?.get(0).ok()?? {
        RawBsonRef::Document(document) => Some(document),
        _ => None,
    }
}

/// A moment of ours, which BSON's dates would cut short: a token of the same millisecond may be older.
fn microseconds(at: Timestamp) -> Bson {
    // Every moment that `time` knows is within 64 bits of microseconds.
    Bson::Int64(i64::try_from(at.unix_timestamp_nanos().div_euclid(1_000)).unwrap_or(i64::MAX))
}

fn state_from_bson(state: &RawDocument) -> Result<UserState, DatabaseError> {
    let not_before: Option<i64> = member(state, "not_before", ColumnType::Integer)?;
    let moment = |microseconds: i64| Timestamp::from_unix_timestamp_nanos(i128::from(microseconds) * 1_000);
    let generated: Option<bool> = member(state, "password_is_generated", ColumnType::Bool)?;
    Ok(UserState {
        not_before: not_before.map(moment).transpose().map_err(|error| DatabaseError::Other(error.into()))?,
        password_is_generated: generated.unwrap_or(false),
    })
}
