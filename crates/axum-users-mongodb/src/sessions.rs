//! Sessions as data, in a collection of their own.
//!
//! Absent fields are left out of a document.

use axum_users::{AccessToken, DatabaseError, RefreshFamily, Session, Timestamp, UserId, schema::ColumnType};
use mongodb::bson::{Bson, Document, RawDocument, doc};

use crate::{
    MongoDatabase,
    accounts::member,
    store::{collect, id_bson, index},
    values::date_time,
};

impl MongoDatabase {
    pub(crate) async fn tokens_of<Id: UserId>(
        &self,
        user_id: &Id,
        limit: u32,
    ) -> Result<Vec<AccessToken<Id>>, DatabaseError> {
        let layout = self.layout()?;
        let find = layout.access_tokens.find(doc! { "user_id": id_bson(user_id)? });
        let find =
            find.sort(doc! { "created_at": -1 }).limit(i64::from(limit)).hint(index(&["user_id", "token"]));
        let documents = self.run(async { collect(find.await?).await }).await?;
        let token = |document: &RawDocument| -> Result<_, DatabaseError> {
            Ok(AccessToken {
                token: member(document, "token", ColumnType::Text)?,
                user_id: user_id.clone(),
                created_at: member(document, "created_at", ColumnType::Timestamp)?,
            })
        };
        documents.iter().map(|document| token(document)).collect()
    }

    pub(crate) async fn insert_session<Id: UserId>(
        &self,
        session: &Session<Id>,
    ) -> Result<(), DatabaseError> {
        let layout = self.layout()?;
        let sessions = layout.sessions.clone_with_type::<Document>();
        self.run(sessions.insert_one(document(session))).await?;
        // Nothing is kept of users who are gone. Looked at afterwards, so that no delete can come between.
        if self.run(layout.users.find_one(layout.by_id(&session.user_id)?)).await?.is_none() {
            self.run(layout.sessions.delete_one(doc! { "_id": &session.id })).await?;
            return Err(DatabaseError::Other("there is no such user".into()));
        }
        Ok(())
    }

    pub(crate) async fn find_sessions<Id: UserId>(
        &self,
        filter: Document,
        limit: u32,
    ) -> Result<Vec<Session<Id>>, DatabaseError> {
        let layout = self.layout()?;
        let find = layout.sessions.find(filter).sort(doc! { "created_at": -1 }).limit(i64::from(limit));
        let documents = self.run(async { collect(find.await?).await }).await?;
        documents.iter().map(|document| from_document(document, layout.schema.id_type())).collect()
    }

    pub(crate) async fn last_used(&self, forms: &[String]) -> Result<Option<Timestamp>, DatabaseError> {
        let found = self.run(self.layout()?.sessions.find_one(doc! { "token": { "$in": forms } })).await?;
        let moment = |document| member(document, "last_used_at", ColumnType::Timestamp);
        Ok(found.as_deref().map(moment).transpose()?)
    }

    /// Changes one session; answers whether there was one.
    pub(crate) async fn change_session(
        &self,
        filter: Document,
        set: Document,
        token: Option<&str>,
    ) -> Result<bool, DatabaseError> {
        let mut update = doc! { "$set": set };
        match token {
            Some(token) => {
                if let Ok(set) = update.get_document_mut("$set") {
                    set.insert("token", token);
                }
            }
            None => {
                update.insert("$unset", doc! { "token": "" });
            }
        }
        let changed = self.run(self.layout()?.sessions.update_one(filter, update)).await?;
        Ok(changed.matched_count > 0)
    }

    pub(crate) async fn forget_sessions(&self, filter: Document) -> Result<u64, DatabaseError> {
        let deleted = self.run(self.layout()?.sessions.delete_many(filter)).await?;
        Ok(deleted.deleted_count)
    }
}

/// What a change sets when one refresh token takes the place of another.
pub(crate) fn rotation(from: &str, to: &str, at: Timestamp) -> Document {
    doc! {
        "refresh_current": to,
        "refresh_previous": from,
        "refresh_rotated_at": date_time(at),
        "last_used_at": date_time(at),
    }
}

/// The sessions of a user, but for some.
pub(crate) fn of_user<Id: UserId>(user_id: &Id, except: &[String], except_id: Option<&str>) -> Document {
    let mut filter = doc! { "user_id": user_id.to_string() };
    if !except.is_empty() {
        filter.insert("token", doc! { "$nin": except });
    }
    if let Some(id) = except_id {
        filter.insert("_id", doc! { "$ne": id });
    }
    filter
}

fn document<Id: UserId>(session: &Session<Id>) -> Document {
    let mut document = doc! {
        "_id": &session.id,
        "user_id": session.user_id.to_string(),
        "backend": &session.backend,
        "created_at": date_time(session.created_at),
        "last_used_at": date_time(session.last_used_at),
    };
    let family = session.refresh.as_ref();
    let text = |text: Option<&String>| text.map(|text| Bson::String(text.clone()));
    let moment = |at: Option<Timestamp>| at.map(|at| Bson::DateTime(date_time(at)));
    for (name, value) in [
        ("token", text(session.token.as_ref())),
        ("expires_at", moment(session.expires_at)),
        ("user_agent", text(session.user_agent.as_ref())),
        ("address", text(session.address.as_ref())),
        ("refresh_handle", text(family.map(|family| &family.handle))),
        ("refresh_current", text(family.map(|family| &family.current))),
        ("refresh_previous", text(family.and_then(|family| family.previous.as_ref()))),
        ("refresh_rotated_at", moment(family.map(|family| family.rotated_at))),
    ] {
        if let Some(value) = value {
            document.insert(name, value);
        }
    }
    document
}

fn from_document<Id: UserId>(
    document: &RawDocument,
    id_type: ColumnType,
) -> Result<Session<Id>, DatabaseError> {
    let user_id: String = member(document, "user_id", ColumnType::Text)?;
    let no_id = || DatabaseError::Other("a session's user_id is no id".into());
    let handle: Option<String> = member(document, "refresh_handle", ColumnType::Text)?;
    let current: Option<String> = member(document, "refresh_current", ColumnType::Text)?;
    let refresh = match (handle, current) {
        (Some(handle), Some(current)) => Some(RefreshFamily {
            handle,
            current,
            previous: member(document, "refresh_previous", ColumnType::Text)?,
            rotated_at: member(document, "refresh_rotated_at", ColumnType::Timestamp)?,
        }),
        _ => None,
    };
    Ok(Session {
        id: member(document, "_id", ColumnType::Text)?,
        token: member(document, "token", ColumnType::Text)?,
        user_id: Id::parse(&user_id, id_type).ok_or_else(no_id)?,
        backend: member(document, "backend", ColumnType::Text)?,
        created_at: member(document, "created_at", ColumnType::Timestamp)?,
        last_used_at: member(document, "last_used_at", ColumnType::Timestamp)?,
        expires_at: member(document, "expires_at", ColumnType::Timestamp)?,
        user_agent: member(document, "user_agent", ColumnType::Text)?,
        address: member(document, "address", ColumnType::Text)?,
        refresh,
    })
}
