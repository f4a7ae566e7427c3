//! Making the indexes, or adopting the documents of FastAPI Users.
//!
//! First everything is looked at, and what stands in the way is said before anything was changed; then what is
//! missing is made. Each step can be done twice, so two processes may do it at once. No document of the
//! original's collections is written.

mod ahead;
mod documents;
mod indexes;

use axum_users::{
    Clock, DatabaseError, MigrateError,
    schema::{Column, ColumnType, Schema},
    with_progress,
};
use mongodb::{
    bson::{Bson, Document, RawBsonRef, RawDocument, RawDocumentBuf, doc},
    error::Error,
    options::{AggregateOptions, Collation, CollationStrength},
};

pub(crate) use self::ahead::look_ahead;
use crate::{
    MongoDatabase,
    accounts::member,
    error::database_error,
    store::{Layout, Raw, collect},
    values::date_time,
};

/// What [`Seen`] is written for: later versions may have to look again.
const VERSION: i32 = 1;

/// Notes that no account belonged to several users, and that Python can link none any more.
const ONE_USER_EACH: &str = "oauth_accounts: of one user each";

/// The original's collation for e-mails. It ignores case, and some more.
pub(crate) fn email_collation() -> Collation {
    Collation::builder().locale("en").strength(CollationStrength::Secondary).build()
}

/// Brings the database to where the model wants it.
pub(crate) async fn migrate(database: &MongoDatabase) -> Result<(), MigrateError> {
    let layout = database.layout()?;
    let seen = Seen::read(layout).await?;
    let looking = async {
        documents::check(layout, &seen).await?;
        let missing = indexes::missing(layout).await?;
        if missing.iter().any(indexes::Index::decides_emails) {
            documents::refuse_shared_emails(layout).await?;
        }
        if seen.first_time || !(database.options.side_by_side || seen.has_one_user_each()) {
            documents::refuse_shared_accounts(layout).await?;
        }
        Ok::<_, MigrateError>(missing)
    };
    let missing = with_progress("migration: looking at what is there", looking).await?;
    let count = missing.len();
    for (index, number) in missing.into_iter().zip(1..) {
        with_progress(format!("migration, index {number} of {count}"), index.create()).await?;
    }
    raise_sequences(database, &seen).await?;
    seen.write(database).await
}

/// What migrations have looked at, in the collection `axum_users_migration`, one document for a user collection.
struct Seen {
    first_time: bool,
    fields: Vec<String>,
}

impl Seen {
    async fn read(layout: &Layout) -> Result<Self, MigrateError> {
        let found = layout.migrations.find_one(doc! { "_id": &layout.names.users }).await.map_err(failed)?;
        let mut fields = Vec::new();
        for field in found.iter().filter_map(|document| document.get_array("fields").ok()).flatten() {
            if let Ok(RawBsonRef::String(field)) = field {
                fields.push(field.to_owned());
            }
        }
        Ok(Self { first_time: found.is_none(), fields })
    }

    fn has(&self, column: &Column) -> bool {
        self.fields.contains(&signature(column))
    }

    fn has_one_user_each(&self) -> bool {
        self.fields.iter().any(|field| field == ONE_USER_EACH)
    }

    /// Notes that the documents fit the schema, unless that is noted.
    async fn write(&self, database: &MongoDatabase) -> Result<(), MigrateError> {
        let layout = database.layout()?;
        let mut new = unseen(&layout.schema, self).map(signature).collect::<Vec<_>>();
        if !database.options.side_by_side && !self.has_one_user_each() {
            new.push(ONE_USER_EACH.to_owned());
        }
        if new.is_empty() && !self.first_time {
            return Ok(());
        }
        let update = doc! {
            "$set": { "version": VERSION },
            "$setOnInsert": { "applied_at": date_time(Clock::system().now()) },
            "$addToSet": { "fields": { "$each": new } },
        };
        Ok(database.upsert(&layout.migrations, Bson::String(layout.names.users.clone()), update).await?)
    }
}

/// The own columns that no migration has compared with the documents.
fn unseen<'a>(schema: &'a Schema, seen: &'a Seen) -> impl Iterator<Item = &'a Column> {
    schema.own_columns().iter().filter(|column| !seen.has(column))
}

/// All that decides whether documents fit a column.
fn signature(column: &Column) -> String {
    let presence = match (column.nullable, &column.default) {
        (true, _) => "or null",
        (false, Some(_)) => "or absent",
        (false, None) => "always",
    };
    format!("{}: {}, {presence}", column.name, column.column_type)
}

/// Integer ids go on after the greatest one that another program gave.
async fn raise_sequences(database: &MongoDatabase, seen: &Seen) -> Result<(), MigrateError> {
    let layout = database.layout()?;
    if layout.schema.id_type() != ColumnType::Integer {
        return Ok(());
    }
    let last = layout.users.find_one(doc! {}).sort(doc! { "id": -1 }).await.map_err(failed)?;
    raise(database, layout.user_sequence(), last.as_deref()).await?;
    if seen.first_time {
        let greatest = doc! { "$group": { "_id": null, "id": { "$max": "$oauth_accounts.id" } } };
        let last =
            aggregate(&layout.users, vec![doc! { "$unwind": "$oauth_accounts" }, greatest], None).await?;
        raise(database, &layout.account_sequence(), last.first().map(AsRef::as_ref)).await?;
    }
    Ok(())
}

async fn raise(
    database: &MongoDatabase,
    sequence: &str,
    last: Option<&RawDocument>,
) -> Result<(), MigrateError> {
    let id: Option<Option<i64>> = last
        .map(|last| member(last, "id", ColumnType::Integer))
        .transpose()
        .map_err(DatabaseError::Decode)?;
    let update = doc! { "$max": { "last": id.flatten().unwrap_or(0) } };
    let sequences = &database.layout()?.sequences;
    Ok(database.upsert(sequences, Bson::String(sequence.to_owned()), update).await?)
}

fn failed(error: Error) -> MigrateError {
    MigrateError::Database(database_error(error))
}

/// The pipeline's documents, without a time limit: all users may have to be looked at.
async fn aggregate(
    collection: &Raw,
    pipeline: Vec<Document>,
    collation: Option<Collation>,
) -> Result<Vec<RawDocumentBuf>, MigrateError> {
    let mut options = AggregateOptions::default();
    options.allow_disk_use = Some(true);
    options.collation = collation;
    let cursor = collection.aggregate(pipeline).with_options(options).await.map_err(failed)?;
    collect(cursor).await.map_err(failed)
}
