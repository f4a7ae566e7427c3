//! Tables that are there already: whether they can be served as they are, and what is missing.

use std::fmt::Write as _;

use axum_users::{
    MigrateError,
    schema::{BASE_COLUMN_COUNT, Column, Schema},
};
use sqlx::{AssertSqlSafe, Row, SqliteConnection, sqlite::SqliteRow};

use super::{
    ddl, failed,
    found::{FoundColumn, find},
};
use crate::sqlite::quote;

/// How many e-mails or accounts an error lists.
const LISTED: usize = 10;

/// Checks the user table; answers the statements that add what the model has and the table lacks.
pub(super) async fn user_table(
    connection: &mut SqliteConnection,
    schema: &Schema,
    table: &str,
    first_time: bool,
) -> Result<Vec<String>, MigrateError> {
    let found = FoundColumn::read(connection, table).await.map_err(failed)?;
    check_base_columns(schema, table, &found)?;
    check_unknown_columns(schema, table, &found)?;
    let mut steps = Vec::new();
    for column in schema.own_columns() {
        match find(&found, &column.name) {
            Some(existing) => {
                check_own_column(table, column, existing)?;
                if first_time && !column.nullable && !existing.not_null {
                    refuse_nulls(connection, table, &column.name).await?;
                }
            }
            None => {
                if column.is_required() && has_rows(connection, table).await? {
                    return Err(in_the_way(format!(
                        "the field `{}` has no value for the rows that the table `{table}` has already; give it \
                         a default (`#[user(default = …)]`) or let it be absent (`Option<…>`)",
                        column.name
                    )));
                }
                steps.push(format!("ALTER TABLE {} ADD COLUMN {}", quote(table), ddl::own_column(column)));
            }
        }
    }
    Ok(steps)
}

/// Checks that a table has the columns that statements name.
pub(super) async fn other_table(
    connection: &mut SqliteConnection,
    table: &str,
    columns: &[&str],
) -> Result<(), MigrateError> {
    let found = FoundColumn::read(connection, table).await.map_err(failed)?;
    match columns.iter().find(|name| find(&found, name).is_none()) {
        Some(missing) => Err(in_the_way(format!(
            "the table `{table}` has no column `{missing}`, so it is none of FastAPI Users; give ours another name"
        ))),
        None => Ok(()),
    }
}

fn check_base_columns(schema: &Schema, table: &str, found: &[FoundColumn]) -> Result<(), MigrateError> {
    for (index, column) in schema.columns()[..BASE_COLUMN_COUNT].iter().enumerate() {
        let Some(existing) = find(found, &column.name) else {
            return Err(in_the_way(format!(
                "the table `{table}` has no column `{}`, so it is no user table of FastAPI Users; give ours \
                 another name",
                column.name
            )));
        };
        let is_id = index == 0;
        let fits = if is_id {
            existing.can_identify(column.column_type)
        } else {
            existing.can_hold(column.column_type)
        };
        if !fits {
            return Err(wrong_type(table, column, existing));
        }
        if is_id && !existing.in_primary_key {
            return Err(in_the_way(format!("the column `id` of the table `{table}` is not its primary key")));
        }
    }
    Ok(())
}

fn check_own_column(table: &str, column: &Column, existing: &FoundColumn) -> Result<(), MigrateError> {
    if !existing.can_hold(column.column_type) {
        return Err(wrong_type(table, column, existing));
    }
    if column.nullable && existing.not_null {
        return Err(in_the_way(format!(
            "the field `{}` may be absent, but the table `{table}` has it NOT NULL; make the field required",
            column.name
        )));
    }
    Ok(())
}

/// A column that inserts would have to name and that the model does not know.
fn check_unknown_columns(schema: &Schema, table: &str, found: &[FoundColumn]) -> Result<(), MigrateError> {
    let known = |name: &str| schema.columns().iter().any(|column| column.name.eq_ignore_ascii_case(name));
    let needs_value = |column: &&FoundColumn| {
        column.not_null && !column.has_default && !column.generated && !known(&column.name)
    };
    let names: Vec<_> = found.iter().filter(needs_value).map(|column| format!("`{}`", column.name)).collect();
    if names.is_empty() {
        return Ok(());
    }
    Err(in_the_way(format!(
        "new users could not be inserted: the table `{table}` has columns that are NOT NULL without a default and \
         that the user model does not have: {}; add them to the model",
        names.join(", ")
    )))
}

fn wrong_type(table: &str, column: &Column, existing: &FoundColumn) -> MigrateError {
    in_the_way(format!(
        "the column `{}` of the table `{table}` is {}, which cannot hold {}",
        column.name, existing.declared, column.column_type
    ))
}

async fn has_rows(connection: &mut SqliteConnection, table: &str) -> Result<bool, MigrateError> {
    exists(connection, format!("SELECT 1 FROM {}", quote(table))).await
}

async fn refuse_nulls(
    connection: &mut SqliteConnection,
    table: &str,
    column: &str,
) -> Result<(), MigrateError> {
    let name = quote(column);
    let nulls = format!("SELECT count(*) FROM {} WHERE {name} IS NULL", quote(table));
    let count: i64 = sqlx::query_scalar(AssertSqlSafe(nulls)).fetch_one(connection).await.map_err(failed)?;
    if count == 0 {
        return Ok(());
    }
    Err(in_the_way(format!(
        "{count} rows of the table `{table}` have NULL for `{column}`, which the user model requires; let the field \
         be absent (`Option<…>`), or give them a value:\n  UPDATE {} SET {name} = … WHERE {name} IS NULL;",
        quote(table)
    )))
}

/// Refuses e-mails that differ by case alone and belong to several users: nobody could tell whose they are.
pub(super) async fn refuse_shared_emails(
    connection: &mut SqliteConnection,
    table: &str,
) -> Result<(), MigrateError> {
    let name = quote(table);
    let shared = format!("SELECT lower(\"email\") AS folded FROM {name} GROUP BY folded HAVING count(*) > 1");
    let count = count(connection, &shared).await?;
    if count == 0 {
        return Ok(());
    }
    // The verified and active one first: the others yield to it.
    let rows = rows(
        connection,
        format!(
            "SELECT lower(\"email\"), \"email\", quote(\"id\") FROM {name} \
             WHERE lower(\"email\") IN ({shared} ORDER BY folded LIMIT {LISTED}) \
             ORDER BY 1, \"is_verified\" DESC, \"is_active\" DESC, \"id\""
        ),
    )
    .await?;
    let mut text = format!(
        "{count} e-mail addresses in `{table}` belong to several users, differing by capitals alone. Nothing was \
         changed. Give all but one user of each another address (one that nobody can own), for example:"
    );
    list(&mut text, &rows, count, |text, [_, email, id], is_first| {
        let keeps = if is_first { "keeps" } else { "yields" };
        let _ = write!(text, "\n  -- {email:?}, id {id}, {keeps}");
        if !is_first {
            let _ = write!(
                text,
                "\n  UPDATE {name} SET \"email\" = \"email\" || '.' || \"id\" || '.invalid' WHERE \"id\" = {id};"
            );
        }
    })
    .map_err(failed)?;
    Err(in_the_way(text))
}

/// Refuses accounts of a provider that several users have: whoever logs in with one would be anybody of them.
pub(super) async fn refuse_shared_accounts(
    connection: &mut SqliteConnection,
    table: &str,
) -> Result<(), MigrateError> {
    let name = quote(table);
    let shared = format!(
        "SELECT \"oauth_name\", \"account_id\" FROM {name} GROUP BY 1, 2 HAVING count(DISTINCT \"user_id\") > 1"
    );
    let count = count(connection, &shared).await?;
    if count == 0 {
        return Ok(());
    }
    let rows = rows(
        connection,
        format!(
            "SELECT \"oauth_name\" || ' ' || \"account_id\", CAST(\"user_id\" AS TEXT), quote(\"id\") FROM {name} \
             WHERE (\"oauth_name\", \"account_id\") IN ({shared} ORDER BY 1, 2 LIMIT {LISTED}) \
             ORDER BY \"oauth_name\", \"account_id\", \"id\""
        ),
    )
    .await?;
    let mut text = format!(
        "{count} accounts of providers in `{table}` belong to several users. Nothing was changed. Leave each with \
         the one user whose account it is, for example:"
    );
    list(&mut text, &rows, count, |text, [account, user, id], is_first| {
        let keeps = if is_first { "keeps" } else { "loses" };
        let _ = write!(text, "\n  -- {account:?}: user {user} {keeps} it");
        if !is_first {
            let _ = write!(text, "\n  DELETE FROM {name} WHERE \"id\" = {id};");
        }
    })
    .map_err(failed)?;
    Err(in_the_way(text))
}

/// Whether a user has one account of a provider in several rows, which Python allows.
pub(super) async fn has_repeated_accounts(
    connection: &mut SqliteConnection,
    table: &str,
) -> Result<bool, MigrateError> {
    let repeated =
        format!("SELECT 1 FROM {} GROUP BY \"oauth_name\", \"account_id\" HAVING count(*) > 1", quote(table));
    exists(connection, repeated).await
}

async fn exists(connection: &mut SqliteConnection, select: String) -> Result<bool, MigrateError> {
    let sql = AssertSqlSafe(format!("SELECT EXISTS ({select})"));
    sqlx::query_scalar(sql).fetch_one(connection).await.map_err(failed)
}

async fn count(connection: &mut SqliteConnection, select: &str) -> Result<i64, MigrateError> {
    let sql = AssertSqlSafe(format!("SELECT count(*) FROM ({select})"));
    sqlx::query_scalar(sql).fetch_one(connection).await.map_err(failed)
}

async fn rows(connection: &mut SqliteConnection, sql: String) -> Result<Vec<SqliteRow>, MigrateError> {
    sqlx::query(AssertSqlSafe(sql)).fetch_all(connection).await.map_err(failed)
}

/// Writes each row of three texts, told whether it is the first of those that share its first text.
fn list(
    text: &mut String,
    rows: &[SqliteRow],
    count: i64,
    mut write_row: impl FnMut(&mut String, [&str; 3], bool),
) -> Result<(), sqlx::Error> {
    let mut previous = None;
    for row in rows {
        let cells: [&str; 3] = [row.try_get(0)?, row.try_get(1)?, row.try_get(2)?];
        write_row(text, cells, previous != Some(cells[0]));
        previous = Some(cells[0]);
    }
    let more = usize::try_from(count).unwrap_or(usize::MAX).saturating_sub(LISTED);
    if more > 0 {
        let _ = write!(text, "\n  -- and {more} more");
    }
    Ok(())
}

fn in_the_way(text: String) -> MigrateError {
    MigrateError::InTheWay(text)
}
