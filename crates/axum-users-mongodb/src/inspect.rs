//! What is in a database, told before anything is changed.

use std::fmt;

use axum_users::schema::ColumnType;
use mongodb::{
    Collection, Database,
    bson::{Document, RawBsonRef, RawDocument, RawDocumentBuf, doc},
    error::Error,
};

use crate::store::{MIGRATION, Names, collect, has_text};

/// Documents that are counted at most.
const COUNTED: u64 = 100_000;

/// What [`MongoDatabase::inspect`](crate::MongoDatabase::inspect) found. Its `Display` is a sentence for people.
///
/// ```
/// use axum_users::DatabaseError;
/// use axum_users_mongodb::{Found, MongoDatabase};
///
/// async fn say(database: &MongoDatabase) -> Result<(), DatabaseError> {
///     match database.inspect().await? {
///         Found::FastApiUsers { counts, .. } => println!("{} users of a Python application", counts.users),
///         other => println!("{other}"),
///     }
///     Ok(())
/// }
/// ```
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
        /// What users' ids are: a UUID, an integer or an ObjectId.
        id_type: ColumnType,
        /// The user collection's name.
        user_collection: String,
        /// How many documents they have.
        counts: Counts,
    },
    /// Other collections, by their names.
    Foreign(Vec<String>),
}

/// Which adapter of FastAPI Users made the documents.
///
/// ```
/// use axum_users_mongodb::Flavour;
///
/// fn is_of_beanie(flavour: Flavour) -> bool {
///     matches!(flavour, Flavour::Beanie)
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Flavour {
    /// The Motor adapter (`fastapi-users-db-mongodb`): collections `users` and `access_tokens`, ids in `id`.
    Motor,
    /// Beanie: collections `User` and `AccessToken`, ids in `_id`.
    Beanie,
}

impl fmt::Display for Flavour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Motor => "Motor",
            Self::Beanie => "Beanie",
        })
    }
}

/// The original's collections, as a database has them.
///
/// ```
/// use axum_users::DatabaseError;
/// use axum_users_mongodb::MongoDatabase;
///
/// async fn user_collection(database: &MongoDatabase) -> Result<Option<String>, DatabaseError> {
///     Ok(database.recognise().await?.map(|collections| collections.users))
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FoundCollections {
    /// Which adapter made them.
    pub flavour: Flavour,
    /// What users' ids are: a UUID, an integer or an ObjectId.
    pub id_type: ColumnType,
    /// The name of the user collection.
    pub users: String,
    /// The name of the collection of access tokens, which may be missing.
    pub access_tokens: String,
}

/// How many documents the collections have, counted up to 100,001; 0 where one is missing.
///
/// ```
/// use axum_users_mongodb::Found;
///
/// fn users(found: &Found) -> u64 {
///     match found {
///         Found::Own(counts) | Found::FastApiUsers { counts, .. } => counts.users,
///         _ => 0,
///     }
/// }
/// ```
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
        let [users, accounts, tokens] = [users, oauth_accounts, access_tokens].map(|&count| Count(count));
        write!(f, "{users} users, {accounts} OAuth accounts, {tokens} access tokens")
    }
}

struct Count(u64);

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            count if count > COUNTED => write!(f, "more than {COUNTED}"),
            count => write!(f, "{count}"),
        }
    }
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("an empty database"),
            Self::Own(counts) => write!(f, "collections of axum-users: {counts}"),
            Self::FastApiUsers { flavour, id_type, user_collection, counts } => {
                let ids = match id_type {
                    ColumnType::Integer => "integer ids",
                    ColumnType::ObjectId => "ObjectIds",
                    _ => "UUIDs",
                };
                write!(
                    f,
                    "collections of FastAPI Users with {flavour} and {ids}, users in `{user_collection}`: {counts}"
                )
            }
            Self::Foreign(names) => write!(f, "collections of something else: {}", names.join(", ")),
        }
    }
}

pub(crate) async fn inspect(database: &Database, configured: &Names) -> Result<Found, Error> {
    let names = collections(database).await?;
    if names.is_empty() {
        return Ok(Found::Empty);
    }
    let migrated =
        database.collection::<Document>(MIGRATION).find_one(doc! { "_id": &configured.users }).await?;
    if migrated.is_some() {
        return Ok(Found::Own(count(database, configured).await?));
    }
    let Some(found) = find_collections(database, &names, configured).await? else {
        return Ok(Found::Foreign(names));
    };
    let FoundCollections { flavour, id_type, users, access_tokens } = found;
    let counts = count(database, &Names { users: users.clone(), access_tokens }).await?;
    Ok(Found::FastApiUsers { flavour, id_type, user_collection: users, counts })
}

pub(crate) async fn recognise(
    database: &Database,
    configured: &Names,
) -> Result<Option<FoundCollections>, Error> {
    find_collections(database, &collections(database).await?, configured).await
}

/// The names of all collections but the system's, sorted.
pub(crate) async fn collections(database: &Database) -> Result<Vec<String>, Error> {
    let mut names = database.list_collection_names().await?;
    names.retain(|name| !name.starts_with("system."));
    names.sort_unstable();
    Ok(names)
}

/// The first of the usual names under which there is a user collection.
async fn find_collections(
    database: &Database,
    names: &[String],
    configured: &Names,
) -> Result<Option<FoundCollections>, Error> {
    for Names { users, access_tokens } in [configured.clone(), Names::motor(), Names::beanie()] {
        if !names.contains(&users) {
            continue;
        }
        if let Some((flavour, id_type)) = flavour(&database.collection(&users)).await? {
            return Ok(Some(FoundCollections { flavour, id_type, users, access_tokens }));
        }
    }
    Ok(None)
}

/// Which adapter made the user collection, and the ids in it; `None` when none did.
pub(crate) async fn flavour(
    users: &Collection<RawDocumentBuf>,
) -> Result<Option<(Flavour, ColumnType)>, Error> {
    if let Some(user) = users.find_one(doc! {}).await? {
        return Ok(is_user(&user).then(|| match user.get("id") {
            Ok(Some(RawBsonRef::Int32(_) | RawBsonRef::Int64(_))) => (Flavour::Motor, ColumnType::Integer),
            Ok(Some(_)) => (Flavour::Motor, ColumnType::Uuid),
            _ => (Flavour::Beanie, ColumnType::ObjectId),
        }));
    }
    // Without users, the indexes that both adapters make at their start are left.
    let indexes = collect(users.list_indexes().await?).await?;
    let has = |name: &str| indexes.iter().any(|index| has_text(index, "name", name));
    Ok(has("case_insensitive_email_index").then(|| match has("id_1") {
        true => (Flavour::Motor, ColumnType::Uuid),
        false => (Flavour::Beanie, ColumnType::ObjectId),
    }))
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
    // All documents of a great collection would take long.
    let most = COUNTED + 1;
    let limit = doc! { "$limit": i64::try_from(most).unwrap_or(i64::MAX) };
    let unwind = doc! { "$unwind": "$oauth_accounts" };
    let accounts = [limit.clone(), unwind, limit, doc! { "$count": "accounts" }];
    let accounts = collect(users.aggregate(accounts).await?).await?;
    let accounts = accounts.first().and_then(|row| match row.get("accounts") {
        Ok(Some(RawBsonRef::Int32(count))) => u64::try_from(count).ok(),
        Ok(Some(RawBsonRef::Int64(count))) => u64::try_from(count).ok(),
        _ => None,
    });
    Ok(Counts {
        users: users.count_documents(doc! {}).limit(most).await?,
        oauth_accounts: accounts.unwrap_or(0),
        access_tokens: tokens.count_documents(doc! {}).limit(most).await?,
    })
}
