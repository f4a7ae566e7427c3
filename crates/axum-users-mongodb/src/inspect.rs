//! What is in a database, told before anything is changed.

use std::fmt;

use mongodb::{
    Collection, Database,
    bson::{Document, RawBsonRef, RawDocument, RawDocumentBuf, doc},
    error::Error,
};

use crate::store::{MIGRATION, Names, collect, has_text};

/// What [`MongoDatabase::inspect`](crate::MongoDatabase::inspect) found. Its `Display` is a sentence for people.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Found {
    /// No collection.
    Empty,
    /// Collections that a migration of ours made or adopted.
    Own(Counts),
    /// Collections of FastAPI Users that no migration of ours has seen.
    FastApiUsers {
        /// Which adapter made them.
        flavour: Flavour,
        /// The user collection's name.
        user_collection: String,
        /// How many documents they have.
        counts: Counts,
    },
    /// Other collections, by their names.
    Foreign(Vec<String>),
}

/// Which adapter of FastAPI Users made the documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Flavour {
    /// The Motor adapter (`fastapi-users-db-mongodb`): collections `users` and `access_tokens`, ids in `id`.
    Motor,
    /// Beanie: collections `User` and `AccessToken`, ids in `_id`.
    Beanie,
}

/// How many documents the collections have; 0 where one is missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Users.
    pub users: u64,
    /// OAuth accounts, which are embedded in users.
    pub oauth_accounts: u64,
    /// Access tokens, expired ones included.
    pub access_tokens: u64,
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { users, oauth_accounts, access_tokens } = self;
        write!(f, "{users} users, {oauth_accounts} OAuth accounts, {access_tokens} access tokens")
    }
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("an empty database"),
            Self::Own(counts) => write!(f, "collections of axum-users: {counts}"),
            Self::FastApiUsers { flavour, user_collection, counts } => {
                let adapter = match flavour {
                    Flavour::Motor => "Motor",
                    Flavour::Beanie => "Beanie",
                };
                write!(
                    f,
                    "collections of FastAPI Users with {adapter}, users in `{user_collection}`: {counts}"
                )
            }
            Self::Foreign(names) => write!(f, "collections of something else: {}", names.join(", ")),
        }
    }
}

pub(crate) async fn inspect(database: &Database, configured: &Names) -> Result<Found, Error> {
    let mut names = database.list_collection_names().await?;
    names.retain(|name| !name.starts_with("system."));
    names.sort_unstable();
    if names.is_empty() {
        return Ok(Found::Empty);
    }
    let migrated =
        database.collection::<Document>(MIGRATION).find_one(doc! { "_id": &configured.users }).await?;
    if migrated.is_some() {
        return Ok(Found::Own(count(database, configured).await?));
    }
    for candidate in [configured.clone(), Names::motor(), Names::beanie()] {
        if !names.contains(&candidate.users) {
            continue;
        }
        if let Some(flavour) = flavour(&database.collection(&candidate.users)).await? {
            let counts = count(database, &candidate).await?;
            return Ok(Found::FastApiUsers { flavour, user_collection: candidate.users, counts });
        }
    }
    Ok(Found::Foreign(names))
}

/// Which adapter made the user collection; `None` when none did.
async fn flavour(users: &Collection<RawDocumentBuf>) -> Result<Option<Flavour>, Error> {
    if let Some(user) = users.find_one(doc! {}).await? {
        return Ok(is_user(&user).then(|| match user.get("id") {
            Ok(Some(_)) => Flavour::Motor,
            _ => Flavour::Beanie,
        }));
    }
    // Without users, the indexes that both adapters make at their start are left.
    let indexes = collect(users.list_indexes().await?).await?;
    let has = |name: &str| indexes.iter().any(|index| has_text(index, "name", name));
    Ok(has("case_insensitive_email_index")
        .then(|| if has("id_1") { Flavour::Motor } else { Flavour::Beanie }))
}

fn is_user(document: &RawDocument) -> bool {
    let is_text = |name| matches!(document.get(name), Ok(Some(RawBsonRef::String(_))));
    let is_bool = |name| matches!(document.get(name), Ok(Some(RawBsonRef::Boolean(_))));
    ["email", "hashed_password"].into_iter().all(is_text)
        && ["is_active", "is_superuser", "is_verified"].into_iter().all(is_bool)
}

async fn count(database: &Database, names: &Names) -> Result<Counts, Error> {
    let users = database.collection::<RawDocumentBuf>(&names.users);
    let tokens = database.collection::<RawDocumentBuf>(&names.access_tokens);
    let accounts = [doc! { "$unwind": "$oauth_accounts" }, doc! { "$count": "accounts" }];
    let accounts = collect(users.aggregate(accounts).await?).await?;
    let accounts = accounts.first().and_then(|row| match row.get("accounts") {
        Ok(Some(RawBsonRef::Int32(count))) => u64::try_from(count).ok(),
        Ok(Some(RawBsonRef::Int64(count))) => u64::try_from(count).ok(),
        _ => None,
    });
    Ok(Counts {
        users: users.count_documents(doc! {}).await?,
        oauth_accounts: accounts.unwrap_or(0),
        access_tokens: tokens.count_documents(doc! {}).await?,
    })
}
