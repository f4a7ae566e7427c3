//! Making the tables, or adopting those of FastAPI Users.
//!
//! A plan is read from what is there: the three tables of the original follow the model, so they are compared
//! with it at each start; the side tables are versioned. The plan is carried out in one transaction, or nothing
//! is. A plan without steps takes no lock.

mod adopt;
mod ddl;
pub(crate) mod found;

use axum_users::{Clock, MigrateError, schema::Schema};
use sqlx::{AssertSqlSafe, SqliteConnection, SqlitePool};

pub(crate) use self::ddl::OAUTH_ACCOUNT_COLUMNS;
use self::found::Objects;
use crate::{
    error::database_error,
    sqlite::{BEGIN_WRITING, quote, text_literal},
    statements::Tables,
    text,
};

/// The table that says which versions of the side tables there are.
pub(crate) const VERSION_TABLE: &str = "axum_users_migration";

/// The side tables, a version each. Versions are only ever added.
const VERSIONS: [&str; 2] = [
    // 1: what may be used once.
    "CREATE TABLE axum_users_one_time (
    purpose TEXT NOT NULL,
    digest TEXT NOT NULL,
    expires_at TIMESTAMP NOT NULL,
    PRIMARY KEY (purpose, digest)
);
CREATE INDEX axum_users_one_time_expires_at ON axum_users_one_time (expires_at);",
    // 2: what is kept of a user beside the user table.
    "CREATE TABLE axum_users_user_state (
    user_id TEXT NOT NULL,
    not_before TIMESTAMP,
    password_is_generated BOOLEAN NOT NULL,
    PRIMARY KEY (user_id)
);",
];

/// Brings the database to where the model wants it.
pub(crate) async fn migrate(
    pool: &SqlitePool,
    schema: &Schema,
    tables: &Tables,
    side_by_side: bool,
) -> Result<(), MigrateError> {
    // One transaction, so that another process's migration is seen wholly or not at all.
    let mut reading = pool.begin().await.map_err(failed)?;
    let steps = plan(&mut reading, schema, tables, side_by_side).await?;
    reading.rollback().await.map_err(failed)?;
    if steps.is_empty() {
        return Ok(());
    }
    let mut writing = pool.begin_with(BEGIN_WRITING).await.map_err(failed)?;
    // Read anew, now that nobody else can change anything.
    for step in plan(&mut writing, schema, tables, side_by_side).await? {
        sqlx::raw_sql(AssertSqlSafe(step)).execute(&mut *writing).await.map_err(failed)?;
    }
    writing.commit().await.map_err(failed)
}

/// The statements that are missing.
async fn plan(
    connection: &mut SqliteConnection,
    schema: &Schema,
    tables: &Tables,
    side_by_side: bool,
) -> Result<Vec<String>, MigrateError> {
    let objects = Objects::read(connection).await.map_err(failed)?;
    let versions = applied_versions(connection, &objects).await?;
    let first_time = versions.is_empty();
    let mut steps = Vec::new();
    if objects.has_table(&tables.user)? {
        steps.append(&mut adopt::user_table(connection, schema, &tables.user, first_time).await?);
    } else {
        steps.append(&mut ddl::user_table(schema, &tables.user));
    }
    if objects.has_table(&tables.oauth_account)? {
        adopt::other_table(connection, &tables.oauth_account, &ddl::OAUTH_ACCOUNT_COLUMNS).await?;
    } else {
        steps.append(&mut ddl::oauth_account_table(schema, tables));
    }
    if objects.has_table(&tables.access_token)? {
        adopt::other_table(connection, &tables.access_token, &ddl::ACCESS_TOKEN_COLUMNS).await?;
    } else {
        steps.append(&mut ddl::access_token_table(schema, tables));
    }
    let standing = Standing { first_time, side_by_side };
    steps.append(&mut unique_indexes(connection, &objects, tables, standing).await?);
    steps.append(&mut side_tables(&objects, &versions));
    Ok(steps)
}

#[derive(Clone, Copy)]
struct Standing {
    /// No migration was here before.
    first_time: bool,
    side_by_side: bool,
}

/// Unique indexes are all that is ever added to the original's tables: migrations made by Python's Alembic and
/// its writes live with them.
async fn unique_indexes(
    connection: &mut SqliteConnection,
    objects: &Objects,
    tables: &Tables,
    Standing { first_time, side_by_side }: Standing,
) -> Result<Vec<String>, MigrateError> {
    let (user, account, token) = (&tables.user, &tables.oauth_account, &tables.access_token);
    let mut steps = Vec::new();
    let mut add = |name: String, table: &str, columns: &str| {
        if objects.has_index(&name) {
            return;
        }
        steps.push(format!("CREATE UNIQUE INDEX {} ON {} ({columns})", quote(&name), quote(table)));
    };
    let email_index = format!("axum_users_{user}_email_lower");
    if !objects.has_index(&email_index) && objects.has_table(user)? {
        adopt::refuse_shared_emails(connection, user).await?;
    }
    add(email_index, user, "lower(\"email\")");
    // Unique since their last column alone is; they are there for `user_id`, which the original has no index on.
    add(format!("axum_users_{token}_user_id"), token, "\"user_id\", \"token\"");
    add(format!("axum_users_{account}_user_id"), account, "\"user_id\", \"id\"");
    let owner_index = format!("axum_users_{account}_account");
    let wants_owner_index = !side_by_side && !objects.has_index(&owner_index);
    let mut tolerated = false;
    if objects.has_table(account)? && (first_time || wants_owner_index) {
        adopt::refuse_shared_accounts(connection, account).await?;
        tolerated = adopt::has_repeated_accounts(connection, account).await?;
    }
    if wants_owner_index && !tolerated {
        add(owner_index, account, "\"oauth_name\", \"account_id\"");
    }
    Ok(steps)
}

async fn applied_versions(
    connection: &mut SqliteConnection,
    objects: &Objects,
) -> Result<Vec<i64>, MigrateError> {
    if !objects.has_table(VERSION_TABLE)? {
        return Ok(Vec::new());
    }
    let versions = sqlx::query_scalar("SELECT version FROM axum_users_migration").fetch_all(connection);
    versions.await.map_err(failed)
}

/// The versions that are missing. Unknown ones were made by a newer program, which adds and never changes.
fn side_tables(objects: &Objects, applied: &[i64]) -> Vec<String> {
    let mut steps = Vec::new();
    if !objects.names_table(VERSION_TABLE) {
        steps.push(format!(
            "CREATE TABLE {VERSION_TABLE} (version INTEGER NOT NULL PRIMARY KEY, applied_at TIMESTAMP NOT NULL)"
        ));
    }
    for (version, statements) in (1_i64..).zip(VERSIONS) {
        if !applied.contains(&version) {
            let now = text_literal(&text::timestamp(Clock::system().now()));
            steps.push(statements.to_owned());
            steps
                .push(format!("INSERT INTO {VERSION_TABLE} (version, applied_at) VALUES ({version}, {now})"));
        }
    }
    steps
}

fn failed(error: sqlx::Error) -> MigrateError {
    MigrateError::Database(database_error(error))
}
