//! What is in a database, told before anything is changed.

use std::fmt;

use axum_users::{
    DatabaseError, MigrateError,
    schema::{BASE_COLUMNS, ColumnType},
};

use crate::{
    engine::{Call, Connections, Work},
    error::database_error,
    migrate::{
        VERSION_TABLE,
        found::{FoundColumn, Objects, find},
    },
    statements::{Tables, sql},
};

/// Rows that are counted at most.
const COUNTED: u64 = 100_000;

/// What [`SqlxDatabase::inspect`](crate::SqlxDatabase::inspect) found. Its `Display` is a sentence for people.
///
/// ```
/// use axum_users::DatabaseError;
/// use axum_users_sqlx::{Found, SqlxDatabase};
///
/// async fn say(database: &SqlxDatabase) -> Result<(), DatabaseError> {
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
    /// No table.
    Empty,
    /// Tables that a migration of ours made or adopted.
    Own(Counts),
    /// Tables of FastAPI Users that no migration of ours has seen.
    FastApiUsers {
        /// Which adapter made them.
        flavour: Flavour,
        /// What users' ids are: a UUID or an integer.
        id_type: ColumnType,
        /// The user table's name.
        user_table: String,
        /// How many rows they have.
        counts: Counts,
    },
    /// Other tables, by their names.
    Foreign(Vec<String>),
}

/// Which adapter of FastAPI Users made the tables.
///
/// ```
/// use axum_users_sqlx::Flavour;
///
/// fn is_of_tortoise(flavour: Flavour) -> bool {
///     matches!(flavour, Flavour::Tortoise)
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Flavour {
    /// SQLAlchemy: tables `user`, `oauth_account`, `accesstoken` unless the application named them otherwise.
    SqlAlchemy,
    /// Tortoise ORM: tables `usermodel`, `oauthaccountmodel`, `accesstokenmodel`.
    Tortoise,
}

impl fmt::Display for Flavour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SqlAlchemy => "SQLAlchemy",
            Self::Tortoise => "Tortoise ORM",
        })
    }
}

/// The original's tables, as a database has them.
///
/// ```
/// use axum_users::DatabaseError;
/// use axum_users_sqlx::SqlxDatabase;
///
/// async fn user_table(database: &SqlxDatabase) -> Result<Option<String>, DatabaseError> {
///     Ok(database.recognise().await?.map(|tables| tables.user))
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FoundTables {
    /// Which adapter made them.
    pub flavour: Flavour,
    /// What users' ids are: a UUID or an integer.
    pub id_type: ColumnType,
    /// The name of the user table.
    pub user: String,
    /// The name of the table of OAuth accounts, which may be missing.
    pub oauth_account: String,
    /// The name of the table of access tokens, which may be missing.
    pub access_token: String,
}

/// How many rows the tables have, counted up to 100,001; 0 where a table is missing.
///
/// ```
/// use axum_users_sqlx::Found;
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
    /// OAuth accounts.
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
            Self::Own(counts) => write!(f, "tables of axum-users: {counts}"),
            Self::FastApiUsers { flavour, id_type, user_table, counts } => {
                let ids = if *id_type == ColumnType::Integer { "integer ids" } else { "UUIDs" };
                write!(
                    f,
                    "tables of FastAPI Users with {flavour} and {ids}, users in `{user_table}`: {counts}"
                )
            }
            Self::Foreign(tables) => write!(f, "tables of something else: {}", tables.join(", ")),
        }
    }
}

pub(crate) async fn inspect(connections: &Connections, configured: &Tables) -> Result<Found, DatabaseError> {
    let mut work = connections.begin_reading().await.map_err(database_error)?;
    let found = look(&mut work, configured).await;
    let _ = work.rollback().await;
    found.map_err(database_cause)
}

pub(crate) async fn recognise(
    connections: &Connections,
    configured: &Tables,
) -> Result<Option<FoundTables>, DatabaseError> {
    let mut work = connections.begin_reading().await.map_err(database_error)?;
    let found = find_tables(&mut work, configured).await;
    let _ = work.rollback().await;
    found.map_err(database_cause)
}

pub(crate) fn database_cause(error: MigrateError) -> DatabaseError {
    match error {
        MigrateError::Database(error) => error,
        other => DatabaseError::Other(other.into()),
    }
}

async fn look(work: &mut Work, configured: &Tables) -> Result<Found, MigrateError> {
    let objects = Objects::read(work).await?;
    let names = objects.tables();
    if names.is_empty() {
        return Ok(Found::Empty);
    }
    let Some(found) = find_tables(work, configured).await? else { return Ok(Found::Foreign(names)) };
    let tables = named(&found.user, &found.oauth_account, &found.access_token);
    let counts = count(work, &objects, &tables).await?;
    if objects.names_table(VERSION_TABLE) && tables == *configured {
        return Ok(Found::Own(counts));
    }
    let FoundTables { flavour, id_type, user, .. } = found;
    Ok(Found::FastApiUsers { flavour, id_type, user_table: user, counts })
}

/// The first of the usual names under which there is a user table.
async fn find_tables(work: &mut Work, configured: &Tables) -> Result<Option<FoundTables>, MigrateError> {
    for tables in [configured.clone(), named("user", "oauth_account", "accesstoken"), tortoise()] {
        let found = user_tables(work, tables).await?;
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

/// These tables, if the first of them is a user table.
pub(crate) async fn user_tables(
    work: &mut Work,
    tables: Tables,
) -> Result<Option<FoundTables>, MigrateError> {
    let dialect = work.dialect();
    let columns = FoundColumn::read(work, &tables.user).await?;
    if !BASE_COLUMNS.iter().all(|name| find(dialect, &columns, name).is_some()) {
        return Ok(None);
    }
    // Tortoise gives booleans a default.
    let is_tortoise = find(dialect, &columns, "is_active").is_some_and(|column| column.has_default);
    let has_integers =
        find(dialect, &columns, "id").is_some_and(|column| column.can_identify(ColumnType::Integer));
    let Tables { user, oauth_account, access_token } = tables;
    Ok(Some(FoundTables {
        flavour: if is_tortoise { Flavour::Tortoise } else { Flavour::SqlAlchemy },
        id_type: if has_integers { ColumnType::Integer } else { ColumnType::Uuid },
        user,
        oauth_account,
        access_token,
    }))
}

pub(crate) fn named(user: &str, oauth_account: &str, access_token: &str) -> Tables {
    Tables { user: user.into(), oauth_account: oauth_account.into(), access_token: access_token.into() }
}

fn tortoise() -> Tables {
    named("usermodel", "oauthaccountmodel", "accesstokenmodel")
}

async fn count(work: &mut Work, objects: &Objects, tables: &Tables) -> Result<Counts, MigrateError> {
    let mut counts = [0_u64; 3];
    for (count, table) in counts.iter_mut().zip([&tables.user, &tables.oauth_account, &tables.access_token]) {
        if objects.names_table(table) {
            // All rows of a great table would take long.
            let (table, most) = (work.dialect().quote(table), COUNTED + 1);
            let select =
                sql(format!("SELECT count(*) FROM (SELECT 1 AS one FROM {table} LIMIT {most}) AS counted"));
            let rows = work.fetch(Call::new(&select)).await.map_err(database_error)?;
            let number: i64 = rows.first().map_or(Ok(0), |row| row.get(0)).map_err(DatabaseError::Decode)?;
            *count = u64::try_from(number).unwrap_or(0);
        }
    }
    let [users, oauth_accounts, access_tokens] = counts;
    Ok(Counts { users, oauth_accounts, access_tokens })
}
