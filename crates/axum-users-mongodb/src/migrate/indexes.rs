//! The original's indexes, the one that decides who has which e-mail, and those that look-ups need. They are all
//! that the original's collections get.

use std::fmt;

use axum_users::{MigrateError, schema::ColumnType};
use mongodb::{
    IndexModel,
    bson::{Document, RawBsonRef, RawDocument, RawDocumentBuf},
    options::IndexOptions,
};

use super::{email_collation, failed};
use crate::{
    error::{code, has_code, refusal},
    store::{Layout, Raw, collect, has_text},
};

/// An index that there is to be.
pub(super) struct Index<'a> {
    collection: &'a Raw,
    name: String,
    keys: &'static [&'static str],
    unique: bool,
    /// Whether it goes by the collation for e-mails.
    collated: bool,
}

impl<'a> Index<'a> {
    fn unique(collection: &'a Raw, name: &str, keys: &'static [&'static str]) -> Self {
        Self { collection, name: name.to_owned(), keys, unique: true, collated: false }
    }

    fn collated(mut self) -> Self {
        self.collated = true;
        self
    }

    pub(super) fn decides_emails(&self) -> bool {
        self.unique && self.collated
    }

    /// Whether an index does what this one is for, whatever its name.
    fn is_met_by(&self, existing: &RawDocument) -> bool {
        let flag = |name| existing.get_bool(name).unwrap_or(false);
        has_keys(existing, self.keys)
            && (flag("unique") || !self.unique)
            && !flag("sparse")
            && has_email_collation(existing) == Some(self.collated)
            && existing.get("partialFilterExpression").is_ok_and(|filter| filter.is_none())
    }

    /// Makes the index; does nothing when another process just did.
    pub(super) async fn create(self) -> Result<(), MigrateError> {
        let keys: Document = self.keys.iter().map(|&key| (key.to_owned(), 1.into())).collect();
        let mut options = IndexOptions::default();
        options.name = Some(self.name.clone());
        options.unique = self.unique.then_some(true);
        options.collation = self.collated.then(email_collation);
        let index = IndexModel::builder().keys(keys).options(options).build();
        let Err(error) = self.collection.create_index(index).await else { return Ok(()) };
        match refusal(&error) {
            Some((
                code::DUPLICATE_KEY
                | code::CANNOT_CREATE_INDEX
                | code::INDEX_OPTIONS_CONFLICT
                | code::INDEX_KEY_SPECS_CONFLICT,
                reason,
            )) => Err(MigrateError::InTheWay(format!(
                "the index `{}` of the collection `{}` cannot be made (MongoDB before 5.0 may need an index with \
                 the same keys dropped): {reason}",
                self.name,
                self.collection.name()
            ))),
            _ => Err(failed(error)),
        }
    }
}

impl fmt::Display for Index<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.unique { "unique index" } else { "index" };
        let (name, collection, keys) = (&self.name, self.collection.name(), self.keys.join(", "));
        write!(f, "the {kind} `{name}` of `{collection}` ({keys})")
    }
}

/// The indexes that are not there, nor anything as good.
pub(super) async fn missing(layout: &Layout) -> Result<Vec<Index<'_>>, MigrateError> {
    let mut missing = Vec::new();
    let collections = [
        &layout.users,
        &layout.access_tokens,
        &layout.one_time,
        &layout.audit_trail,
        &layout.limits,
        &layout.sessions,
    ];
    for collection in collections {
        let existing = existing(collection).await?;
        for mut index in wanted(layout) {
            let is_met = existing.iter().any(|existing| index.is_met_by(existing));
            if index.collection.name() != collection.name() || is_met {
                continue;
            }
            // The application may have given the name to something else.
            if existing.iter().any(|existing| has_text(existing, "name", &index.name)) {
                index.name = format!("axum_users_{}", index.name);
            }
            missing.push(index);
        }
    }
    Ok(missing)
}

const ACCOUNT: &[&str] = &["oauth_accounts.account_id", "oauth_accounts.oauth_name"];

fn wanted(layout: &Layout) -> Vec<Index<'_>> {
    let (users, tokens) = (&layout.users, &layout.access_tokens);
    let mut wanted = if layout.schema.id_type() == ColumnType::ObjectId {
        vec![Index::unique(users, "case_insensitive_email_index", &["email"]).collated()]
    } else {
        // The Motor adapter's own index of that name is not unique, and it makes it anew at each start.
        vec![
            Index::unique(users, "id_1", &["id"]),
            Index::unique(users, "email_1", &["email"]),
            Index::unique(users, "axum_users_email", &["email"]).collated(),
        ]
    };
    wanted.extend([
        Index { unique: false, ..Index::unique(users, "axum_users_oauth_account", ACCOUNT) },
        Index::unique(tokens, "token_1", &["token"]),
        // Unique since their last field alone is; they are there for the first, which the original has none for.
        Index::unique(tokens, "axum_users_user_id", &["user_id", "token"]),
        Index::unique(tokens, "axum_users_created_at", &["created_at", "token"]),
        Index { unique: false, ..Index::unique(&layout.one_time, "expires_at_1", &["expires_at"]) },
        Index { unique: false, ..Index::unique(&layout.audit_trail, "user_id_1", &["user_id", "_id"]) },
        Index { unique: false, ..Index::unique(&layout.limits, "full_at_1", &["full_at"]) },
    ]);
    for (name, keys) in [
        ("token_1", &["token"] as &[&str]),
        ("refresh_handle_1", &["refresh_handle"]),
        ("user_id_1", &["user_id"]),
        ("expires_at_1", &["expires_at"]),
    ] {
        wanted.push(Index { unique: false, ..Index::unique(&layout.sessions, name, keys) });
    }
    wanted
}

async fn existing(collection: &Raw) -> Result<Vec<RawDocumentBuf>, MigrateError> {
    let listed = async { collect(collection.list_indexes().await?).await };
    match listed.await {
        Err(error) if has_code(&error, code::NAMESPACE_NOT_FOUND) => Ok(Vec::new()),
        listed => listed.map_err(failed),
    }
}

fn has_keys(existing: &RawDocument, keys: &[&str]) -> bool {
    let Ok(found) = existing.get_document("key") else { return false };
    let ascending =
        |value| matches!(value, RawBsonRef::Int32(1) | RawBsonRef::Int64(1) | RawBsonRef::Double(1.0));
    found.into_iter().count() == keys.len()
        && found
            .into_iter()
            .zip(keys)
            .all(|(field, key)| field.is_ok_and(|(name, value)| name.as_str() == *key && ascending(value)))
}

/// Whether it goes by the collation for e-mails; `None` when by another.
fn has_email_collation(existing: &RawDocument) -> Option<bool> {
    let Ok(Some(RawBsonRef::Document(collation))) = existing.get("collation") else { return Some(false) };
    let strength = collation.get("strength").ok().flatten();
    let is_secondary =
        matches!(strength, Some(RawBsonRef::Int32(2) | RawBsonRef::Int64(2) | RawBsonRef::Double(2.0)));
    (has_text(collation, "locale", "en") && is_secondary).then_some(true)
}
