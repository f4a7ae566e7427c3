//! What is in a database, told before anything is changed.

use std::fmt;

use axum_users::{DatabaseError, MigrateError, schema::BASE_COLUMNS};

use crate::{
    engine::{Call, Pool, Work},
    error::database_error,
    migrate::{
        VERSION_TABLE,
        found::{FoundColumn, Objects, find},
    },
    statements::{Tables, sql},
};

/// What [`SqlxDatabase::inspect`](crate::SqlxDatabase::inspect) found. Its `Display` is a sentence for people.
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
        /// The user table's name.
        user_table: String,
        /// How many rows they have.
        counts: Counts,
    },
    /// Other tables, by their names.
    Foreign(Vec<String>),
}

/// Which adapter of FastAPI Users made the tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Flavour {
    /// SQLAlchemy: tables `user`, `oauth_account`, `accesstoken` unless the application named them otherwise.
    SqlAlchemy,
    /// Tortoise ORM: tables `usermodel`, `oauthaccountmodel`, `accesstokenmodel`.
    Tortoise,
}

/// How many rows the tables have; 0 where a table is missing.
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
        write!(f, "{users} users, {oauth_accounts} OAuth accounts, {access_tokens} access tokens")
    }
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("an empty database"),
            Self::Own(counts) => write!(f, "tables of axum-users: {counts}"),
            Self::FastApiUsers { flavour, user_table, counts } => {
                let adapter = match flavour {
                    Flavour::SqlAlchemy => "SQLAlchemy",
                    Flavour::Tortoise => "Tortoise ORM",
                };
                write!(f, "tables of FastAPI Users with {adapter}, users in `{user_table}`: {counts}")
            }
            Self::Foreign(tables) => write!(f, "tables of something else: {}", tables.join(", ")),
        }
    }
}

pub(crate) async fn inspect(pool: &Pool, configured: &Tables) -> Result<Found, DatabaseError> {
    let mut work = pool.begin_reading().await.map_err(database_error)?;
    let found = look(&mut work, configured).await;
    let _ = work.rollback().await;
    found.map_err(|error| match error {
        MigrateError::Database(error) => error,
        other => DatabaseError::Other(other.into()),
    })
}

async fn look(work: &mut Work, configured: &Tables) -> Result<Found, MigrateError> {
    let objects = Objects::read(work).await?;
    let names = objects.tables();
    if names.is_empty() {
        return Ok(Found::Empty);
    }
    let dialect = work.dialect();
    for tables in [configured.clone(), named("user", "oauth_account", "accesstoken"), tortoise()] {
        let columns = FoundColumn::read(work, &tables.user).await?;
        if !BASE_COLUMNS.iter().all(|name| find(dialect, &columns, name).is_some()) {
            continue;
        }
        let counts = count(work, &objects, &tables).await?;
        if objects.names_table(VERSION_TABLE) && tables == *configured {
            return Ok(Found::Own(counts));
        }
        // Tortoise gives booleans a default.
        let is_tortoise = find(dialect, &columns, "is_active").is_some_and(|column| column.has_default);
        let flavour = if is_tortoise { Flavour::Tortoise } else { Flavour::SqlAlchemy };
        return Ok(Found::FastApiUsers { flavour, user_table: tables.user, counts });
    }
    Ok(Found::Foreign(names))
}

fn named(user: &str, oauth_account: &str, access_token: &str) -> Tables {
    Tables { user: user.into(), oauth_account: oauth_account.into(), access_token: access_token.into() }
}

fn tortoise() -> Tables {
    named("usermodel", "oauthaccountmodel", "accesstokenmodel")
}

async fn count(work: &mut Work, objects: &Objects, tables: &Tables) -> Result<Counts, MigrateError> {
    let mut counts = [0_u64; 3];
    for (count, table) in counts.iter_mut().zip([&tables.user, &tables.oauth_account, &tables.access_token]) {
        if objects.names_table(table) {
            let select = sql(format!("SELECT count(*) FROM {}", work.dialect().quote(table)));
            let rows = work.fetch(Call::new(&select)).await.map_err(database_error)?;
            let number: i64 = rows.first().map_or(Ok(0), |row| row.get(0)).map_err(DatabaseError::Decode)?;
            *count = u64::try_from(number).unwrap_or(0);
        }
    }
    let [users, oauth_accounts, access_tokens] = counts;
    Ok(Counts { users, oauth_accounts, access_tokens })
}
