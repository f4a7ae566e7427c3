//! Documents that are there already: whether the model can read them, and whether unique indexes can be made.

use std::fmt::Write as _;

use axum_users::{
    MigrateError,
    schema::{BASE_COLUMN_COUNT, Column, ColumnType},
};
use mongodb::bson::{Document, RawBsonRef, RawDocument, RawDocumentBuf, doc};
use uuid::Uuid;

use super::{Seen, aggregate, email_collation, failed, unseen};
use crate::store::{Layout, collect};

/// How many e-mails or accounts an error lists.
const LISTED: usize = 10;

/// Compares the documents with the model, in what no migration has compared before.
pub(super) async fn check(layout: &Layout, seen: &Seen) -> Result<(), MigrateError> {
    if seen.first_time {
        check_base_columns(layout).await?;
        check_access_tokens(layout).await?;
    }
    for column in unseen(&layout.schema, seen) {
        let Some(misfits) = misfits(&column.name, column) else { continue };
        let count = layout.users.count_documents(misfits).await.map_err(failed)?;
        if count == 0 {
            continue;
        }
        let (name, what, users) = (&column.name, column.column_type, &layout.names.users);
        return Err(MigrateError::InTheWay(if column.is_required() {
            format!(
                "{count} documents of the collection `{users}` do not hold {what} in the field `{name}`, which the \
                 user model requires; let it be absent (`Option<…>`), give it a default (`#[user(default = …)]`), \
                 or give them a value"
            )
        } else {
            format!(
                "{count} documents of the collection `{users}` hold something else than {what} in the field \
                 `{name}`; change the user model or the documents"
            )
        }));
    }
    Ok(())
}

async fn check_base_columns(layout: &Layout) -> Result<(), MigrateError> {
    for (index, column) in layout.schema.columns()[..BASE_COLUMN_COUNT].iter().enumerate() {
        let field = layout.field(&column.name);
        // Ids are looked for as they are written, so no other form of them will do.
        let misfits = match (index, column.column_type) {
            (0, ColumnType::Uuid) => Some(doc! { field: { "$not": { "$type": "binData" } } }),
            _ => misfits(field, column),
        };
        let Some(misfits) = misfits else { continue };
        let count = layout.users.count_documents(misfits).await.map_err(failed)?;
        if count == 0 {
            continue;
        }
        let mut text = format!(
            "{count} documents of the collection `{}` do not hold {} in `{field}`, so they are no users of FastAPI \
             Users as the user model has them; give ours another name",
            layout.names.users, column.column_type
        );
        if index == 0 {
            text.push_str(", or change the model's id: Beanie's users have ObjectIds, Motor's have UUIDs");
        }
        return Err(MigrateError::InTheWay(text));
    }
    Ok(())
}

async fn check_access_tokens(layout: &Layout) -> Result<(), MigrateError> {
    let foreign = doc! { "token": { "$not": { "$type": "string" } } };
    match layout.access_tokens.find_one(foreign).await.map_err(failed)? {
        None => Ok(()),
        Some(_) => Err(MigrateError::InTheWay(format!(
            "the collection `{}` has documents without a `token`, so it is none of FastAPI Users; give ours \
             another name",
            layout.names.access_tokens
        ))),
    }
}

/// Finds the documents that the model could not read; `None` where it reads all.
fn misfits(field: &str, column: &Column) -> Option<Document> {
    let mut types = match column.column_type {
        ColumnType::Bool => vec!["bool"],
        ColumnType::Integer | ColumnType::Float => vec!["int", "long", "double"],
        ColumnType::Text => vec!["string"],
        ColumnType::Uuid => vec!["binData", "string"],
        ColumnType::Date => vec!["string", "date"],
        ColumnType::Timestamp => vec!["date"],
        ColumnType::ObjectId => vec!["objectId"],
        // JSON, which anything is.
        _ => return column.is_required().then(|| doc! { field: { "$exists": false } }),
    };
    if column.nullable {
        types.push("null");
    }
    let mut condition = doc! { "$not": { "$type": types } };
    if !column.is_required() {
        condition.insert("$exists", true);
    }
    Some(doc! { field: condition })
}

/// Refuses e-mails that differ by case alone and belong to several users: nobody could tell whose they are.
pub(super) async fn refuse_shared_emails(layout: &Layout) -> Result<(), MigrateError> {
    let pipeline = vec![
        doc! { "$group": { "_id": "$email", "count": { "$sum": 1 } } },
        doc! { "$match": { "count": { "$gt": 1 } } },
        doc! { "$sort": { "_id": 1 } },
    ];
    let shared = aggregate(&layout.users, pipeline, Some(email_collation())).await?;
    if shared.is_empty() {
        return Ok(());
    }
    let (count, users) = (shared.len(), &layout.names.users);
    let mut text = format!(
        "{count} e-mail addresses in `{users}` belong to several users, differing by capitals alone (or by what \
         MongoDB's collation takes for as little). Nothing was changed. Give all but one user of each another \
         address (one that nobody can own), for example:"
    );
    for email in shared.iter().take(LISTED).filter_map(|group| group.get_str("_id").ok()) {
        for (index, user) in users_with_email(layout, email).await?.iter().enumerate() {
            let id = literal(user.get(layout.id_field).ok().flatten());
            let stored = user.get_str("email").unwrap_or_default();
            let keeps = if index == 0 { "keeps" } else { "yields" };
            let _ = write!(text, "\n  // {}, {} {id}, {keeps}", quote(stored), layout.id_field);
            if index > 0 {
                let changed =
                    quote(&format!("{stored}.{}.invalid", plain(user.get(layout.id_field).ok().flatten())));
                let (filter, set) =
                    (format!("{{ {}: {id} }}", layout.id_field), format!("{{ email: {changed} }}"));
                let _ = write!(
                    text,
                    "\n  db.getCollection({}).updateOne({filter}, {{ $set: {set} }})",
                    quote(users)
                );
            }
        }
    }
    Err(and_more(text, count))
}

/// The verified and active one first: the others yield to it.
async fn users_with_email(layout: &Layout, email: &str) -> Result<Vec<RawDocumentBuf>, MigrateError> {
    let order = doc! { "is_verified": -1, "is_active": -1, layout.id_field: 1 };
    let find = layout.users.find(doc! { "email": email }).collation(email_collation()).sort(order);
    collect(find.await.map_err(failed)?).await.map_err(failed)
}

/// Refuses accounts of a provider that several users have: whoever logs in with one would be anybody of them.
pub(super) async fn refuse_shared_accounts(layout: &Layout) -> Result<(), MigrateError> {
    let account = doc! { "name": "$oauth_accounts.oauth_name", "id": "$oauth_accounts.account_id" };
    let owners = doc! { "$addToSet": format!("${}", layout.id_field) };
    let pipeline = vec![
        doc! { "$unwind": "$oauth_accounts" },
        doc! { "$group": { "_id": account, "owners": owners } },
        doc! { "$match": { "owners.1": { "$exists": true } } },
        doc! { "$sort": { "_id": 1 } },
    ];
    let shared = aggregate(&layout.users, pipeline, None).await?;
    if shared.is_empty() {
        return Ok(());
    }
    let (count, users) = (shared.len(), &layout.names.users);
    let mut text = format!(
        "{count} accounts of providers in `{users}` belong to several users. Nothing was changed. Leave each with \
         the one user whose account it is, for example:"
    );
    for group in shared.iter().take(LISTED) {
        list_owners(&mut text, layout, group);
    }
    Err(and_more(text, count))
}

fn list_owners(text: &mut String, layout: &Layout, group: &RawDocument) {
    let part = |name| {
        let account = group.get_document("_id").ok();
        quote(account.and_then(|account| account.get_str(name).ok()).unwrap_or_default())
    };
    let (name, account_id) = (part("name"), part("id"));
    let owners = group.get_array("owners").ok().into_iter().flatten();
    let mut owners: Vec<_> = owners.map(|owner| literal(owner.ok())).collect();
    owners.sort_unstable();
    for (index, owner) in owners.iter().enumerate() {
        let keeps = if index == 0 { "keeps" } else { "loses" };
        let _ = write!(text, "\n  // {name} {account_id}: {} {owner} {keeps} it", layout.id_field);
        if index > 0 {
            let pull = format!("{{ oauth_accounts: {{ oauth_name: {name}, account_id: {account_id} }} }}");
            let _ = write!(
                text,
                "\n  db.getCollection({}).updateOne({{ {}: {owner} }}, {{ $pull: {pull} }})",
                quote(&layout.names.users),
                layout.id_field
            );
        }
    }
}

fn and_more(mut text: String, count: usize) -> MigrateError {
    let more = count.saturating_sub(LISTED);
    if more > 0 {
        let _ = write!(text, "\n  // and {more} more");
    }
    MigrateError::InTheWay(text)
}

/// A text as MongoDB's shell reads it.
fn quote(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// An id as MongoDB's shell reads it.
fn literal(id: Option<RawBsonRef<'_>>) -> String {
    match id {
        Some(RawBsonRef::Binary(_)) => format!("UUID(\"{}\")", plain(id)),
        Some(RawBsonRef::ObjectId(_)) => format!("ObjectId(\"{}\")", plain(id)),
        Some(RawBsonRef::Int64(_)) => format!("Long(\"{}\")", plain(id)),
        Some(RawBsonRef::String(text)) => quote(text),
        _ => plain(id),
    }
}

fn plain(id: Option<RawBsonRef<'_>>) -> String {
    match id {
        Some(RawBsonRef::Binary(binary)) => {
            Uuid::from_slice(binary.bytes).map(|id| id.to_string()).unwrap_or_default()
        }
        Some(RawBsonRef::ObjectId(id)) => id.to_hex(),
        Some(RawBsonRef::Int32(id)) => id.to_string(),
        Some(RawBsonRef::Int64(id)) => id.to_string(),
        Some(RawBsonRef::String(text)) => text.to_owned(),
        _ => "?".to_owned(),
    }
}
