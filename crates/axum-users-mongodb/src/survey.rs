//! Looking through what FastAPI Users left behind, document by document; and ending its traces.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use axum_users::{
    AdoptionPlan, DatabaseError, HashCounts, HashKind, MigrateError, OwnColumn, Survey, hash_access_token,
    schema::{BASE_COLUMNS, ColumnType, Schema},
};
use mongodb::{
    bson::{RawBsonRef, RawDocument, RawDocumentBuf, doc, spec::BinarySubtype},
    error::Error,
};

use crate::{
    MongoDatabase,
    inspect::{Flavour, FoundCollections, collections, flavour},
    migrate::look_ahead,
    store::{Names, SESSION, collect},
};

/// Documents between two words about how far it is.
const BATCH: u64 = 10_000;

/// Own fields that are told: documents may have any number.
const MOST_FIELDS: usize = 100;

/// Providers that are told.
const PROVIDERS: usize = 50;

impl MongoDatabase {
    /// The collections of users that the database has, under whatever name: those that
    /// [`recognise`](Self::recognise) finds, else all with users of FastAPI Users in them.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn user_collections(&self) -> Result<Vec<FoundCollections>, DatabaseError> {
        let mut all: Vec<_> = self.recognise().await?.into_iter().collect();
        let names = self.run(collections(self.database())).await?;
        if all.is_empty() {
            for users in &names {
                let found = self.run(flavour(&self.database().collection(users))).await?;
                all.extend(found.map(|(flavour, id_type)| {
                    let usual = if flavour == Flavour::Beanie { Names::beanie() } else { Names::motor() };
                    let access_tokens = usual.access_tokens;
                    FoundCollections { flavour, id_type, users: users.clone(), access_tokens }
                }));
            }
        }
        for found in &mut all {
            if !names.contains(&found.access_tokens)
                && let [name] = self.run_long(self.collections_of_tokens(&names)).await?.as_slice()
            {
                found.access_tokens.clone_from(name);
            }
        }
        Ok(all)
    }

    /// Collections whose first document is an access token.
    async fn collections_of_tokens(&self, names: &[String]) -> Result<Vec<String>, Error> {
        let mut with = Vec::new();
        for name in names.iter().filter(|name| !name.starts_with("axum_users_")) {
            let first = self.database().collection::<RawDocumentBuf>(name).find_one(doc! {}).await?;
            if first.is_some_and(|first| is_access_token(&first)) {
                with.push(name.clone());
            }
        }
        Ok(with)
    }

    /// Looks through these collections. `progress` is told how many users were looked at, again and again. Nothing is
    /// changed, and nothing is kept of hashes but how many there are of each kind.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn survey(
        &self,
        found: &FoundCollections,
        progress: &mut (dyn FnMut(u64) + Send),
    ) -> Result<Survey, DatabaseError> {
        let mut seen = Seen::default();
        let users = self.database().collection::<RawDocumentBuf>(&found.users);
        let mut cursor = self.run(users.find(doc! {})).await?;
        while self.run(cursor.advance()).await? {
            seen.look_at(cursor.current());
            if seen.users.is_multiple_of(BATCH) {
                progress(seen.users);
            }
        }
        progress(seen.users);
        let tokens = self.database().collection::<RawDocumentBuf>(&found.access_tokens);
        let has_tokens = self.run(collections(self.database())).await?.contains(&found.access_tokens);
        let access_tokens = match has_tokens {
            true => Some(self.run_long(tokens.count_documents(doc! {})).await?),
            false => None,
        };
        Ok(Survey {
            users: seen.users,
            oauth_accounts: Some(seen.accounts),
            access_tokens,
            own_columns: seen.own_columns(),
            providers: seen.providers.into_iter().collect(),
            hashes: seen.hashes,
        })
    }

    /// What [`migrate`](axum_users::UserDatabase::migrate) would do for users of this schema, and all that stands in
    /// its way. Nothing is changed.
    ///
    /// # Errors
    /// The database cannot be read, or the schema cannot be kept in documents.
    pub async fn look_ahead(&self, schema: &Schema) -> Result<AdoptionPlan, DatabaseError> {
        let mut database = self.clone();
        let other = |reason: String| DatabaseError::Other(reason.into());
        database.set_layout(&Arc::new(schema.clone())).map_err(|reason| other(reason.into_owned()))?;
        look_ahead(&database).await.map_err(|error| match error {
            MigrateError::Database(error) => error,
            error => other(error.to_string()),
        })
    }

    /// How many access tokens are stored in clear, as Python stores them.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn clear_access_tokens(&self) -> Result<u64, DatabaseError> {
        let mut count = 0;
        self.each_clear_token(async |_, _| {
            count += 1;
            Ok(())
        })
        .await?;
        Ok(count)
    }

    /// Stores every access token as a hash that is still stored in clear, and answers how many those were. Sessions go
    /// on. A FastAPI Users application does not know them any more.
    ///
    /// # Errors
    /// The database failed. What was rewritten stays rewritten.
    pub async fn hash_access_tokens(&self) -> Result<u64, DatabaseError> {
        let mut count = 0;
        self.each_clear_token(async |collection, (clear, hash)| {
            let tokens = self.database().collection::<RawDocumentBuf>(collection);
            let update = tokens.update_one(doc! { "token": clear }, doc! { "$set": { "token": hash } });
            count += self.run(update).await?.modified_count;
            Ok(())
        })
        .await?;
        Ok(count)
    }

    /// Does something with every token in clear and its hash, told the collection that it stands in.
    async fn each_clear_token(
        &self,
        mut act: impl AsyncFnMut(&str, (String, String)) -> Result<(), DatabaseError>,
    ) -> Result<(), DatabaseError> {
        for name in [self.names().access_tokens.as_str(), SESSION] {
            let collection = self.database().collection::<RawDocumentBuf>(name);
            let stored = collection.find(doc! { "token": { "$type": "string" } });
            let stored = stored.projection(doc! { "token": 1 });
            // All before the first is rewritten: a cursor may or may not meet what was written meanwhile.
            let stored = self.run_long(async { collect(stored.await?).await }).await?;
            for document in &stored {
                let Ok(token) = document.get_str("token") else { continue };
                if let Some(hash) = hash_access_token(token) {
                    act(name, (token.to_owned(), hash)).await?;
                }
            }
        }
        Ok(())
    }
}

/// The application may have other tokens, with more fields, which are none of ours to rewrite and to purge.
fn is_access_token(document: &RawDocument) -> bool {
    const FIELDS: [&str; 3] = ["token", "user_id", "created_at"];
    let is_known = |name: &str| FIELDS.contains(&name) || ["_id", "id", "revision_id"].contains(&name);
    FIELDS.iter().all(|name| matches!(document.get(*name), Ok(Some(_))))
        && document.into_iter().all(|field| field.is_ok_and(|(name, _)| is_known(name.as_str())))
}

/// What was seen of users so far.
#[derive(Default)]
struct Seen {
    users: u64,
    accounts: u64,
    providers: BTreeSet<String>,
    hashes: HashCounts,
    fields: BTreeMap<String, Field>,
}

/// What was seen of an own field.
#[derive(Default)]
struct Field {
    types: BTreeSet<&'static str>,
    with_value: u64,
}

impl Seen {
    fn look_at(&mut self, user: &RawDocument) {
        self.users += 1;
        self.hashes.add(HashKind::of(user.get_str("hashed_password").unwrap_or_default()));
        for account in user.get_array("oauth_accounts").into_iter().flatten() {
            self.accounts += 1;
            if let Ok(RawBsonRef::Document(account)) = account
                && let Ok(name) = account.get_str("oauth_name")
                && self.providers.len() < PROVIDERS
            {
                self.providers.insert(name.to_owned());
            }
        }
        for (name, value) in user.into_iter().flatten() {
            let name = name.as_str();
            let is_known = ["_id", "oauth_accounts"].contains(&name) || BASE_COLUMNS.contains(&name);
            if is_known || (self.fields.len() >= MOST_FIELDS && !self.fields.contains_key(name)) {
                continue;
            }
            let field = self.fields.entry(name.to_owned()).or_default();
            if let Some(kind) = kind(value) {
                field.types.insert(kind);
                field.with_value += 1;
            }
        }
    }

    fn own_columns(&self) -> Vec<OwnColumn> {
        let own = |(name, field): (&String, &Field)| OwnColumn {
            name: name.clone(),
            declared: match field.types.len() {
                0 => "always null".to_owned(),
                _ => field.types.iter().copied().collect::<Vec<_>>().join(" or "),
            },
            column_type: field.column_type(),
            not_null: field.with_value == self.users,
            has_default: false,
            default: None,
        };
        self.fields.iter().map(own).collect()
    }
}

impl Field {
    fn column_type(&self) -> Option<ColumnType> {
        let types: Vec<&str> = self.types.iter().copied().collect();
        Some(match types.as_slice() {
            ["bool"] => ColumnType::Bool,
            ["int"] => ColumnType::Integer,
            ["double"] | ["double", "int"] => ColumnType::Float,
            ["string"] => ColumnType::Text,
            ["uuid"] => ColumnType::Uuid,
            ["date"] => ColumnType::Timestamp,
            ["array" | "object"] | ["array", "object"] => ColumnType::Json,
            _ => return None,
        })
    }
}

/// The kind of a value, as MongoDB's `$type` calls it; `None` for null.
fn kind(value: RawBsonRef<'_>) -> Option<&'static str> {
    Some(match value {
        RawBsonRef::Null | RawBsonRef::Undefined => return None,
        RawBsonRef::Boolean(_) => "bool",
        RawBsonRef::Int32(_) | RawBsonRef::Int64(_) => "int",
        RawBsonRef::Double(_) => "double",
        RawBsonRef::String(_) => "string",
        RawBsonRef::Binary(binary) if binary.subtype == BinarySubtype::Uuid => "uuid",
        RawBsonRef::DateTime(_) => "date",
        RawBsonRef::Array(_) => "array",
        RawBsonRef::Document(_) => "object",
        _ => "something else",
    })
}
