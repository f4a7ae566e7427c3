//! Tables that are there already: whether they can be served as they are, and what is missing.

use std::fmt::Write as _;

use axum_users::{
    MigrateError,
    schema::{BASE_COLUMN_COUNT, Column, Schema},
};

use super::{
    ddl::{self, MYSQL_COLLATION, Step},
    fetch,
    found::{FoundColumn, find},
    get,
};
use crate::{
    dialect::Dialect,
    engine::{Row, Work},
};

/// How many e-mails or accounts an error lists.
const LISTED: usize = 10;

/// Checks the user table; answers the statements that add what the model has and the table lacks.
pub(super) async fn user_table(
    work: &mut Work,
    schema: &Schema,
    table: &str,
    found: &[FoundColumn],
    first_time: bool,
) -> Result<Vec<Step>, MigrateError> {
    let dialect = work.dialect();
    check_base_columns(work, schema, table, found).await?;
    check_unknown_columns(dialect, schema, table, found)?;
    let mut steps = Vec::new();
    for column in schema.own_columns() {
        match find(dialect, found, &column.name) {
            Some(existing) => {
                check_own_column(table, column, existing)?;
                if first_time && !column.nullable && !existing.not_null {
                    refuse_nulls(work, table, &column.name).await?;
                }
            }
            None => {
                if column.is_required() && has_rows(work, table).await? {
                    return Err(in_the_way(format!(
                        "the field `{}` has no value for the rows that the table `{table}` has already; give it \
                         a default (`#[user(default = …)]`) or let it be absent (`Option<…>`)",
                        column.name
                    )));
                }
                let (table, column) = (dialect.quote(table), ddl::own_column(dialect, column));
                steps.push(Step::new(format!("ALTER TABLE {table} ADD COLUMN {column}")));
            }
        }
    }
    Ok(steps)
}

/// Checks that a table has the columns that statements name, and answers all that it has.
pub(super) async fn other_table(
    work: &mut Work,
    table: &str,
    columns: &[&str],
) -> Result<Vec<FoundColumn>, MigrateError> {
    let found = FoundColumn::read(work, table).await?;
    match columns.iter().find(|name| find(work.dialect(), &found, name).is_none()) {
        Some(missing) => Err(in_the_way(format!(
            "the table `{table}` has no column `{missing}`, so it is none of FastAPI Users; give ours another name"
        ))),
        None => Ok(found),
    }
}

async fn check_base_columns(
    work: &mut Work,
    schema: &Schema,
    table: &str,
    found: &[FoundColumn],
) -> Result<(), MigrateError> {
    let dialect = work.dialect();
    for (index, column) in schema.columns()[..BASE_COLUMN_COUNT].iter().enumerate() {
        let Some(existing) = find(dialect, found, &column.name) else {
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
        if column.name == "email" && existing.compares_capitals() {
            let folded = format!("CONVERT(email USING utf8mb4) COLLATE {MYSQL_COLLATION}");
            refuse_shared_emails(work, table, &folded).await?;
            return Err(in_the_way(format!(
                "the column `email` of the table `{table}` tells capitals apart, so that one address could be taken \
                 twice; give it a collation that does not, for example:\n  ALTER TABLE {} MODIFY email \
                 VARCHAR(320) CHARACTER SET utf8mb4 COLLATE {MYSQL_COLLATION} NOT NULL;",
                dialect.quote(table)
            )));
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
fn check_unknown_columns(
    dialect: Dialect,
    schema: &Schema,
    table: &str,
    found: &[FoundColumn],
) -> Result<(), MigrateError> {
    let known = |name: &str| {
        schema.columns().iter().any(|column| match dialect.folds_column_names() {
            true => column.name.eq_ignore_ascii_case(name),
            false => column.name == name,
        })
    };
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

async fn has_rows(work: &mut Work, table: &str) -> Result<bool, MigrateError> {
    let table = work.dialect().quote(table);
    exists(work, format!("SELECT 1 FROM {table}")).await
}

async fn refuse_nulls(work: &mut Work, table: &str, column: &str) -> Result<(), MigrateError> {
    let (name, column_name) = (work.dialect().quote(table), work.dialect().quote(column));
    let count = count(work, &format!("SELECT 1 FROM {name} WHERE {column_name} IS NULL")).await?;
    if count == 0 {
        return Ok(());
    }
    Err(in_the_way(format!(
        "{count} rows of the table `{table}` have NULL for `{column}`, which the user model requires; let the field \
         be absent (`Option<…>`), or give them a value:\n  UPDATE {name} SET {column_name} = … WHERE {column_name} \
         IS NULL;"
    )))
}

/// Refuses e-mails that differ by case alone, by what `folded` makes of them, and belong to several users: nobody
/// could tell whose they are.
pub(super) async fn refuse_shared_emails(
    work: &mut Work,
    table: &str,
    folded: &str,
) -> Result<(), MigrateError> {
    let dialect = work.dialect();
    let name = dialect.quote(table);
    let shared = format!("SELECT {folded} AS folded FROM {name} GROUP BY {folded} HAVING count(*) > 1");
    let count = count(work, &shared).await?;
    if count == 0 {
        return Ok(());
    }
    // The verified and active one first: the others yield to it.
    let shared_by = match dialect {
        // What MySQL compares is not what it shows.
        Dialect::MySql => format!("HEX(WEIGHT_STRING({folded}))"),
        _ => folded.to_owned(),
    };
    let select = format!(
        "SELECT {shared_by}, email, {} FROM {name} \
         WHERE {folded} IN (SELECT folded FROM ({shared} ORDER BY folded LIMIT {LISTED}) AS listed) \
         ORDER BY 1, is_verified DESC, is_active DESC, id",
        dialect.quoted_value("id")
    );
    let rows = fetch(work, select).await?;
    let mut text = format!(
        "{count} e-mail addresses in `{table}` belong to several users, differing by capitals alone. Nothing was \
         changed. Give all but one user of each another address (one that nobody can own), for example:"
    );
    let (email, id) = (dialect.quote("email"), dialect.quote("id"));
    let other = dialect.concat(&[&email, "'.'", &id, "'.invalid'"]);
    list(&mut text, &rows, count, |text, [_, address, value], is_first| {
        let keeps = if is_first { "keeps" } else { "yields" };
        let _ = write!(text, "\n  -- {address:?}, id {value}, {keeps}");
        if !is_first {
            let _ = write!(text, "\n  UPDATE {name} SET {email} = {other} WHERE {id} = {value};");
        }
    })?;
    Err(in_the_way(text))
}

/// Refuses accounts of a provider that several users have: whoever logs in with one would be anybody of them.
pub(super) async fn refuse_shared_accounts(work: &mut Work, table: &str) -> Result<(), MigrateError> {
    let begins = "accounts of providers in `TABLE` belong to several users. Nothing was changed. Leave each with the \
                  one user whose account it is, for example:";
    refuse_accounts(work, table, "count(DISTINCT user_id) > 1", "id", begins).await
}

/// Refuses accounts of a provider that stand in several rows, be they of one user, which Python allows. The unique
/// index that makes them one user's each has no room for them.
pub(super) async fn refuse_repeated_accounts(work: &mut Work, table: &str) -> Result<(), MigrateError> {
    let begins = "accounts of providers in `TABLE` stand in several rows, which leaves no room for the unique index. \
                  Nothing was changed. Leave each one row, for example:";
    // The row whose token lasts longest is the one that was refreshed last.
    refuse_accounts(work, table, "count(*) > 1", "coalesce(expires_at, 0) DESC, id", begins).await
}

/// Refuses the accounts of which `having` holds, with the statements that leave each to its first row by `order`.
async fn refuse_accounts(
    work: &mut Work,
    table: &str,
    having: &str,
    order: &str,
    begins: &str,
) -> Result<(), MigrateError> {
    let dialect = work.dialect();
    let name = dialect.quote(table);
    let [oauth_name, account_id] = ["oauth_name", "account_id"].map(|column| dialect.exactly(column));
    let refused =
        format!("SELECT {oauth_name} AS n, {account_id} AS a FROM {name} GROUP BY 1, 2 HAVING {having}");
    let count = count(work, &refused).await?;
    if count == 0 {
        return Ok(());
    }
    let select = format!(
        "SELECT {}, {}, {} FROM {name} \
         WHERE ({oauth_name}, {account_id}) IN (SELECT n, a FROM ({refused} ORDER BY 1, 2 LIMIT {LISTED}) AS listed) \
         ORDER BY oauth_name, account_id, {order}",
        dialect.concat(&["oauth_name", "' '", "account_id"]),
        dialect.as_text("user_id"),
        dialect.quoted_value("id"),
    );
    let rows = fetch(work, select).await?;
    let mut text = format!("{count} {}", begins.replace("TABLE", table));
    let id_name = dialect.quote("id");
    list(&mut text, &rows, count, |text, [account, user, id], is_first| {
        let keeps = if is_first { "keeps" } else { "loses" };
        let _ = write!(text, "\n  -- {account:?}: user {user} {keeps} it");
        if !is_first {
            let _ = write!(text, "\n  DELETE FROM {name} WHERE {id_name} = {id};");
        }
    })?;
    Err(in_the_way(text))
}

/// Whether a unique index would be refused, since a user has one account of a provider in several rows, which
/// Python allows.
pub(super) async fn has_repeated_accounts(work: &mut Work, table: &str) -> Result<bool, MigrateError> {
    let table = work.dialect().quote(table);
    exists(work, format!("SELECT 1 FROM {table} GROUP BY oauth_name, account_id HAVING count(*) > 1")).await
}

async fn exists(work: &mut Work, select: String) -> Result<bool, MigrateError> {
    let rows = fetch(work, format!("SELECT EXISTS ({select})")).await?;
    rows.first().map_or(Ok(false), |row| get(row, 0))
}

async fn count(work: &mut Work, select: &str) -> Result<i64, MigrateError> {
    let rows = fetch(work, format!("SELECT count(*) FROM ({select}) AS counted")).await?;
    rows.first().map_or(Ok(0), |row| get(row, 0))
}

/// Writes each row of three texts, told whether it is the first of those that share its first text.
fn list(
    text: &mut String,
    rows: &[Row],
    count: i64,
    mut write_row: impl FnMut(&mut String, [&str; 3], bool),
) -> Result<(), MigrateError> {
    let mut previous = None;
    for row in rows {
        let cells: [String; 3] = [get(row, 0)?, get(row, 1)?, get(row, 2)?];
        let is_first = previous.as_ref() != Some(&cells[0]);
        write_row(text, cells.each_ref().map(String::as_str), is_first);
        let [shared, ..] = cells;
        previous = Some(shared);
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
