//! Making the tables, or adopting those of FastAPI Users.
//!
//! A plan is read from what is there: the three tables of the original follow the model, so they are compared
//! with it at each start; the side tables are versioned. SQLite and PostgreSQL carry the plan out in one
//! transaction, or nothing is. MySQL commits each definition by itself, so there each step leaves whole tables
//! behind, and a plan read anew goes on where another ended. A plan without steps takes no lock.

mod adopt;
mod ahead;
mod ddl;
pub(crate) mod found;
mod likely;
mod lock;
#[cfg(all(test, feature = "sqlite"))]
#[allow(clippy::unwrap_used, reason = "a test may panic wherever it stands")]
mod tests;

use axum_users::{DatabaseError, MigrateError, schema::Schema, with_progress};

pub(crate) use self::{
    ahead::{look_ahead, repeated_accounts},
    ddl::{ACCESS_TOKEN_COLUMNS, OAUTH_ACCOUNT_COLUMNS},
};
use self::{
    ddl::{Ddl, SIDE_TABLES, Step},
    found::{FoundColumn, Objects, find},
};
use crate::{
    dialect::{Dialect, index_name},
    engine::{Call, Connections, Row, Work},
    error::database_error,
    statements::{Tables, sql},
};

/// The table that says which versions of the side tables there are.
pub(crate) const VERSION_TABLE: &str = "axum_users_migration";

/// What a database should become.
struct Wanted<'a> {
    schema: &'a Schema,
    tables: &'a Tables,
    side_by_side: bool,
}

/// Brings the database to where the model wants it.
pub(crate) async fn migrate(
    connections: &Connections,
    schema: &Schema,
    tables: &Tables,
    side_by_side: bool,
) -> Result<(), MigrateError> {
    let wanted = Wanted { schema, tables, side_by_side };
    let mut reading = connections.begin_reading().await.map_err(failed)?;
    let steps = plan(&mut reading, &wanted).await;
    reading.rollback().await.map_err(failed)?;
    if steps?.is_empty() {
        return Ok(());
    }
    let mut writing = connections.begin_writing(None).await.map_err(failed)?;
    with_progress("migration: waiting for another program's", lock::take(&mut writing)).await?;
    let done = carry_out(&mut writing, &wanted).await;
    lock::end(writing, done).await
}

async fn carry_out(work: &mut Work, wanted: &Wanted<'_>) -> Result<(), MigrateError> {
    // Read anew, now that nobody else can change anything.
    let steps = plan(work, wanted).await?;
    let count = steps.len();
    for (step, number) in steps.into_iter().zip(1..) {
        let what = format!("migration, step {number} of {count}: {}", step.in_short());
        with_progress(what, step.carry_out(work)).await.map_err(failed)?;
    }
    Ok(())
}

/// The steps that are missing.
async fn plan(work: &mut Work, wanted: &Wanted<'_>) -> Result<Vec<Step>, MigrateError> {
    let Wanted { schema, tables, side_by_side } = *wanted;
    let objects = Objects::read(work).await?;
    let versions = applied_versions(work, &objects).await?;
    let first_time = versions.is_empty();
    let mut ddl = Ddl::new(work.dialect(), schema, tables);
    // PostgreSQL refuses a kept plan whose result has other types than before, and drivers of Python keep plans: while it
    // serves, each of its connections would fail once.
    let keeps_types = side_by_side && work.dialect() == Dialect::Postgres;
    let mut steps = Vec::new();
    if objects.has_table(&tables.user)? {
        let columns = FoundColumn::read(work, &tables.user).await?;
        steps.append(&mut adopt::user_table(work, schema, &tables.user, &columns, first_time).await?);
        ddl.refer_to(find(work.dialect(), &columns, "id"));
    } else {
        steps.append(&mut ddl.user_table());
    }
    if objects.has_table(&tables.oauth_account)? {
        let columns = adopt::other_table(work, &tables.oauth_account, &OAUTH_ACCOUNT_COLUMNS).await?;
        if !keeps_types {
            steps.append(&mut ddl.widen_oauth_accounts(&columns));
        }
    } else {
        steps.append(&mut ddl.oauth_account_table());
    }
    if objects.has_table(&tables.access_token)? {
        let columns = adopt::other_table(work, &tables.access_token, &ACCESS_TOKEN_COLUMNS).await?;
        steps.append(&mut ddl.widen_access_tokens(&columns));
    } else {
        steps.append(&mut ddl.access_token_table());
    }
    let standing = Standing { first_time, side_by_side };
    steps.append(&mut unique_indexes(work, &objects, tables, standing).await?);
    steps.append(&mut side_tables(work, &objects, &versions, &ddl).await?);
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
    work: &mut Work,
    objects: &Objects,
    tables: &Tables,
    Standing { first_time, side_by_side }: Standing,
) -> Result<Vec<Step>, MigrateError> {
    let (user, account, token) = (&tables.user, &tables.oauth_account, &tables.access_token);
    let dialect = work.dialect();
    let mut steps = Vec::new();
    let mut add = |name: String, table: &str, columns: &str| {
        if objects.has_index(&name) {
            return;
        }
        let (name, table) = (dialect.quote(&name), dialect.quote(table));
        steps.push(Step::new(format!("CREATE UNIQUE INDEX {name} ON {table} ({columns})")));
    };
    let email_index = index_name(user, "email_lower");
    // The tables that we make for MySQL have one that ignores case.
    let has_email_index = objects.has_index(&email_index)
        || (dialect == Dialect::MySql && (!objects.has_table(user)? || objects.is_unique(user, "email")));
    if !has_email_index {
        if objects.has_table(user)? {
            adopt::refuse_shared_emails(work, user, dialect.folded_email()).await?;
        }
        add(email_index, user, dialect.folded_email());
    }
    // Unique since their last column alone is; they are there for `user_id`, which the original has no index on.
    add(index_name(token, "user_id"), token, "user_id, token");
    add(index_name(account, "user_id"), account, "user_id, id");
    let owner_index = index_name(account, "account");
    let wants_owner_index = !side_by_side && !objects.has_index(&owner_index);
    let mut tolerated = false;
    if objects.has_table(account)? && (first_time || wants_owner_index) {
        adopt::refuse_shared_accounts(work, account).await?;
        tolerated = adopt::has_repeated_accounts(work, account).await?;
    }
    if wants_owner_index && !tolerated {
        add(owner_index, account, "oauth_name, account_id");
    }
    Ok(steps)
}

async fn applied_versions(work: &mut Work, objects: &Objects) -> Result<Vec<i64>, MigrateError> {
    if !objects.has_table(VERSION_TABLE)? {
        return Ok(Vec::new());
    }
    let rows = fetch(work, format!("SELECT version FROM {VERSION_TABLE}")).await?;
    rows.iter().map(|row| get(row, 0)).collect()
}

/// The versions that are missing. Unknown ones were made by a newer program, which adds and never changes.
async fn side_tables(
    work: &mut Work,
    objects: &Objects,
    applied: &[i64],
    ddl: &Ddl<'_>,
) -> Result<Vec<Step>, MigrateError> {
    let mut steps = Vec::new();
    if !objects.has_table(VERSION_TABLE)? {
        steps.push(ddl.version_table());
    }
    for (version, (name, columns)) in (1_i64..).zip(SIDE_TABLES) {
        if applied.contains(&version) {
            continue;
        }
        // Where definitions commit by themselves, an earlier run may have ended between the table and its note.
        if !work.dialect().has_transactional_ddl() && objects.has_table(name)? {
            adopt::other_table(work, name, columns).await?;
        } else {
            steps.append(&mut ddl.side_table(version));
        }
        steps.push(ddl.note_version(version));
    }
    Ok(steps)
}

/// Runs a statement without arguments.
async fn fetch(work: &mut Work, text: String) -> Result<Vec<Row>, MigrateError> {
    let what = "migration: looking at what is there";
    with_progress(what, work.fetch(Call::new(&sql(text)))).await.map_err(failed)
}

fn get<T: axum_users::ColumnValue>(row: &Row, index: usize) -> Result<T, MigrateError> {
    row.get(index).map_err(|error| MigrateError::Database(DatabaseError::Decode(error)))
}

fn failed(error: sqlx::Error) -> MigrateError {
    MigrateError::Database(database_error(error))
}
