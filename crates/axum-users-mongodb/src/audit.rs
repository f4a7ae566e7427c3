//! The audit trail.

use axum_users::{AuditEntry, AuditFilter, DatabaseError, Timestamp, schema::ColumnType};
use mongodb::{
    bson::{Document, RawDocument, doc},
    error::{Error, ErrorKind},
};

use crate::{MongoDatabase, accounts::member, error::code, store::collect, values::date_time};

impl MongoDatabase {
    pub(crate) async fn append_audit(&self, entries: &[AuditEntry]) -> Result<(), DatabaseError> {
        if entries.is_empty() {
            return Ok(());
        }
        let documents: Vec<Document> = entries.iter().map(document).collect();
        let trail = self.layout()?.audit_trail.clone_with_type::<Document>();
        // Not in order, so that one that is there already stops none of the others.
        let insert = trail.insert_many(documents).ordered(false);
        let kept = async {
            match insert.await {
                Err(error) if !is_about_duplicates(&error) => Err(error),
                _ => Ok(()),
            }
        };
        self.run(kept).await
    }

    pub(crate) async fn audit(&self, filter: &AuditFilter) -> Result<Vec<AuditEntry>, DatabaseError> {
        // To MongoDB, a limit of nothing is none.
        if filter.limit == 0 {
            return Ok(Vec::new());
        }
        let mut wanted = Document::new();
        if let Some(user_id) = &filter.user_id {
            wanted.insert("user_id", user_id);
        }
        if let Some(event) = &filter.event {
            wanted.insert("event", event);
        }
        let mut ids = Document::new();
        if let Some(since) = filter.since {
            ids.insert("$gte", AuditEntry::first_id_at(since));
        }
        if let Some(before) = &filter.before {
            ids.insert("$lt", before);
        }
        if !ids.is_empty() {
            wanted.insert("_id", ids);
        }
        let trail = &self.layout()?.audit_trail;
        let find = trail.find(wanted).sort(doc! { "_id": -1 }).limit(i64::from(filter.limit));
        let found = self.run(async { collect(find.await?).await }).await?;
        found.iter().map(|document| entry(document)).collect()
    }

    pub(crate) async fn purge_audit(&self, before: Timestamp) -> Result<u64, DatabaseError> {
        let old = doc! { "_id": { "$lt": AuditEntry::first_id_at(before) } };
        self.run(self.layout()?.audit_trail.delete_many(old)).await.map(|deleted| deleted.deleted_count)
    }
}

/// Whether all that was not written is there already.
fn is_about_duplicates(error: &Error) -> bool {
    let ErrorKind::InsertMany(error) = error.kind.as_ref() else { return false };
    error.write_concern_error.is_none()
        && error.write_errors.as_ref().is_some_and(|errors| {
            !errors.is_empty() && errors.iter().all(|error| error.code == code::DUPLICATE_KEY)
        })
}

fn document(entry: &AuditEntry) -> Document {
    let AuditEntry { id, at, event, detail, user_id, actor_id, via, account, address, agent } = entry;
    let mut document = doc! { "_id": id, "happened_at": date_time(*at), "event": event.as_ref() };
    for (name, text) in [
        ("detail", detail),
        ("user_id", user_id),
        ("actor_id", actor_id),
        ("via", via),
        ("account", account),
        ("address", address),
        ("agent", agent),
    ] {
        if let Some(text) = text {
            document.insert(name, text);
        }
    }
    document
}

fn entry(document: &RawDocument) -> Result<AuditEntry, DatabaseError> {
    let text = |name| member::<Option<String>>(document, name, ColumnType::Text);
    Ok(AuditEntry {
        id: member(document, "_id", ColumnType::Text)?,
        at: member(document, "happened_at", ColumnType::Timestamp)?,
        event: member::<String>(document, "event", ColumnType::Text)?.into(),
        detail: text("detail")?,
        user_id: text("user_id")?,
        actor_id: text("actor_id")?,
        via: text("via")?,
        account: text("account")?,
        address: text("address")?,
        agent: text("agent")?,
    })
}
