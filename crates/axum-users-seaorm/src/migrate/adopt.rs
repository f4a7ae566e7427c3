//! Tables that are there already: whether they can be served as they are, and what is missing.

use std::fmt::Write as _;

use axum_users::{
    MigrateError,
    schema::{BASE_COLUMN_COUNT, Column, ColumnType as Kind, Value},
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, IdenStatic, Iterable,
    sea_query::{ColumnType, Table},
};

use super::{MYSQL_COLLATION, Migration, column::FoundColumn, in_the_way};
use crate::{error::migrate_error, layout::UserEntity, value::to_sea};

/// How many e-mails or accounts an error lists.
const LISTED: usize = 10;

impl<E: UserEntity> Migration<'_, E> {
    /// Checks the user table, and adds the columns that the entity has and the table lacks. Nothing is dropped or
    /// retyped.
    pub(super) async fn adopt_user_table(
        &self,
        table: &str,
        columns: &[FoundColumn],
        first_time: bool,
    ) -> Result<(), MigrateError> {
        for index in 0..BASE_COLUMN_COUNT {
            let wanted: E::Column = self.layout.column_at(index);
            if !columns.iter().any(|known| self.is_named(known, wanted.as_str())) {
                return Err(in_the_way(format!(
                    "the table {table} has no column `{}`, so it is no user table; give the entity another name",
                    wanted.as_str()
                )));
            }
        }
        self.refuse_unknown_columns(table, columns)?;
        for (index, column) in self.layout.schema.columns().iter().enumerate() {
            let entity_column: E::Column = self.layout.column_at(index);
            match columns.iter().find(|known| self.is_named(known, entity_column.as_str())) {
                Some(existing) => {
                    let stored_as = entity_column.def().get_column_type().clone();
                    self.check_column(table, index, column, (existing, &stored_as)).await?;
                    if first_time && !column.nullable && !existing.not_null {
                        self.refuse_nulls(table, &existing.name).await?;
                    }
                }
                None => self.add_column(table, column, entity_column).await?,
            }
        }
        Ok(())
    }

    async fn add_column(
        &self,
        table: &str,
        column: &Column,
        entity_column: E::Column,
    ) -> Result<(), MigrateError> {
        if column.is_required() && self.has_rows(table).await? {
            return Err(in_the_way(format!(
                "the field `{}` has no value for the rows that the table {table} has already; give it a default \
                 (`#[user(default = …)]`) or let it be absent (`Option<…>`)",
                column.name
            )));
        }
        let mut definition = self.definition(entity_column);
        if let Some(default) = column.default.as_ref().filter(|default| **default != Value::Null)
            && let Some(default) = to_sea(default, entity_column.def().get_column_type(), self.backend)
        {
            definition.default(default);
        }
        let mut alter = Table::alter();
        alter.table(E::default().table_ref()).add_column(&mut definition);
        self.work.execute(&alter).await.map(|_| ()).map_err(migrate_error)
    }

    async fn check_column(
        &self,
        table: &str,
        index: usize,
        column: &Column,
        (existing, stored_as): (&FoundColumn, &ColumnType),
    ) -> Result<(), MigrateError> {
        let (kind, is_id) = (column.column_type, index == 0);
        let fits =
            if is_id { existing.can_identify(kind, stored_as) } else { existing.can_hold(kind, stored_as) };
        if !fits || (kind == Kind::Uuid && self.holds_other_uuids(table, existing, stored_as).await?) {
            return Err(wrong_type(table, column, existing, stored_as));
        }
        if is_id && !existing.in_primary_key {
            return Err(in_the_way(format!("the column `id` of the table {table} is not its primary key")));
        }
        if index == 1 && existing.compares_capitals() {
            let folded =
                format!("CONVERT({} USING utf8mb4) COLLATE {MYSQL_COLLATION}", self.quote(&existing.name));
            self.refuse_shared_emails(table, &folded).await?;
            return Err(in_the_way(format!(
                "the column `{0}` of the table {table} tells capitals apart, so that one address could be taken \
                 twice; give it a collation that does not, for example:\n  ALTER TABLE {table} MODIFY {0} \
                 VARCHAR(320) CHARACTER SET utf8mb4 COLLATE {MYSQL_COLLATION} NOT NULL;",
                existing.name
            )));
        }
        if column.nullable && existing.not_null {
            return Err(in_the_way(format!(
                "the field `{}` may be absent, but the table {table} has it NOT NULL; make the field required",
                column.name
            )));
        }
        Ok(())
    }

    /// SQLite keeps either form of a UUID in any column, so the first value tells.
    async fn holds_other_uuids(
        &self,
        table: &str,
        existing: &FoundColumn,
        stored_as: &ColumnType,
    ) -> Result<bool, MigrateError> {
        if self.backend != DbBackend::Sqlite {
            return Ok(false);
        }
        let wants_text = *stored_as != ColumnType::Uuid;
        let holds_text = self.found.holds_text(table, &self.quote(&existing.name)).await?;
        Ok(holds_text.is_some_and(|holds_text| holds_text != wants_text))
    }

    /// Refuses columns that inserts would have to name and that the entity does not know.
    fn refuse_unknown_columns(&self, table: &str, columns: &[FoundColumn]) -> Result<(), MigrateError> {
        let is_known = |column: &FoundColumn| {
            E::Column::iter().any(|known: E::Column| self.is_named(column, known.as_str()))
        };
        let needs_value = |column: &&FoundColumn| {
            column.not_null && !column.has_default && !column.generated && !is_known(column)
        };
        let names: Vec<_> =
            columns.iter().filter(needs_value).map(|column| format!("`{}`", column.name)).collect();
        if names.is_empty() {
            return Ok(());
        }
        Err(in_the_way(format!(
            "new users could not be inserted: the table {table} has columns that are NOT NULL without a default and \
             that the entity does not have: {}; add them to the entity",
            names.join(", ")
        )))
    }

    /// Whether the column has this name; all but PostgreSQL ignore the case of its letters.
    fn is_named(&self, column: &FoundColumn, name: &str) -> bool {
        match self.backend {
            DbBackend::Postgres => column.name == name,
            _ => column.name.eq_ignore_ascii_case(name),
        }
    }

    async fn refuse_nulls(&self, table: &str, column: &str) -> Result<(), MigrateError> {
        let quoted = self.quote(column);
        let count = self.count(&format!("SELECT 1 FROM {table} WHERE {quoted} IS NULL")).await?;
        if count == "0" {
            return Ok(());
        }
        Err(in_the_way(format!(
            "{count} rows of the table {table} have NULL for `{column}`, which the user model requires; let the field \
             be absent (`Option<…>`), or give them a value:\n  UPDATE {table} SET {quoted} = … WHERE {quoted} IS NULL;"
        )))
    }

    /// Refuses e-mails that differ by case alone and belong to several users: nobody could tell whose they are.
    pub(super) async fn refuse_shared_emails(&self, table: &str, folded: &str) -> Result<(), MigrateError> {
        let shared = format!("SELECT {folded} AS folded FROM {table} GROUP BY {folded} HAVING count(*) > 1");
        let count = self.count(&shared).await?;
        if count == "0" {
            return Ok(());
        }
        let (email, id) = (self.quote(self.layout.email().as_str()), self.quote(self.layout.id().as_str()));
        // The verified and active one first: the others yield to it.
        let group = match self.backend {
            // What the collation takes for one has one weight.
            DbBackend::MySql => format!("HEX(WEIGHT_STRING({folded}))"),
            _ => folded.to_owned(),
        };
        let select = format!(
            "SELECT {group}, {email}, {} FROM {table} \
             WHERE {folded} IN (SELECT folded FROM ({shared} ORDER BY folded LIMIT {LISTED}) AS listed) \
             ORDER BY 1, {} DESC, {} DESC, {id}",
            self.literal(&id),
            self.quote("is_verified"),
            self.quote("is_active"),
        );
        let rows = self.found.texts(&select, 3).await?;
        let mut text = format!(
            "{count} e-mail addresses in {table} belong to several users, differing by capitals alone. Nothing was \
             changed. Give all but one user of each another address (one that nobody can own), for example:"
        );
        list(&mut text, &rows, &count, |text, [_, address, id_literal], is_first| {
            let keeps = if is_first { "keeps" } else { "yields" };
            let _ = write!(text, "\n  -- {address:?}, id {id_literal}, {keeps}");
            if !is_first {
                let suffix = if self.backend == DbBackend::MySql {
                    format!("CONCAT({email}, '.', {}, '.invalid')", self.as_text(&id))
                } else {
                    format!("{email} || '.' || {} || '.invalid'", self.as_text(&id))
                };
                let _ = write!(text, "\n  UPDATE {table} SET {email} = {suffix} WHERE {id} = {id_literal};");
            }
        });
        Err(in_the_way(text))
    }

    /// Refuses accounts of a provider that several users have: whoever logs in with one would be anybody of them.
    pub(super) async fn refuse_shared_accounts(&self, table: &str) -> Result<(), MigrateError> {
        let [oauth_name, account_id] = ["oauth_name", "account_id"].map(|column| self.exactly(column));
        let shared = format!(
            "SELECT {oauth_name} AS n, {account_id} AS a FROM {table} GROUP BY 1, 2 \
             HAVING count(DISTINCT user_id) > 1"
        );
        let count = self.count(&shared).await?;
        if count == "0" {
            return Ok(());
        }
        let select = format!(
            "SELECT {}, {}, {} FROM {table} WHERE ({oauth_name}, {account_id}) IN \
             (SELECT n, a FROM ({shared} ORDER BY 1, 2 LIMIT {LISTED}) AS listed) ORDER BY oauth_name, account_id, id",
            match self.backend {
                DbBackend::MySql => "CONCAT(oauth_name, ' ', account_id)",
                _ => "oauth_name || ' ' || account_id",
            },
            self.as_text("user_id"),
            self.literal("id"),
        );
        let rows = self.found.texts(&select, 3).await?;
        let mut text = format!(
            "{count} accounts of providers in {table} belong to several users. Nothing was changed. Leave each with \
             the one user whose account it is, for example:"
        );
        list(&mut text, &rows, &count, |text, [account, user, id], is_first| {
            let keeps = if is_first { "keeps" } else { "loses" };
            let _ = write!(text, "\n  -- {account:?}: user {user} {keeps} it");
            if !is_first {
                let _ = write!(text, "\n  DELETE FROM {table} WHERE id = {id};");
            }
        });
        Err(in_the_way(text))
    }

    /// Whether a unique index would be refused, since a user has one account of a provider in several rows, which
    /// Python allows.
    pub(super) async fn has_repeated_accounts(&self, table: &str) -> Result<bool, MigrateError> {
        let repeated = format!(
            "SELECT oauth_name FROM {table} GROUP BY oauth_name, account_id HAVING count(*) > 1 LIMIT 1"
        );
        Ok(!self.found.texts(&repeated, 1).await?.is_empty())
    }

    /// Checks that a table has the columns that statements name, and answers all that it has.
    pub(super) async fn expect_columns(
        &self,
        name: &str,
        wanted: &[&str],
    ) -> Result<Vec<FoundColumn>, MigrateError> {
        let columns = self.found.columns(&self.quote(name)).await?;
        match wanted.iter().find(|wanted| !columns.iter().any(|column| self.is_named(column, wanted))) {
            Some(missing) => Err(in_the_way(format!(
                "the table `{name}` has no column `{missing}`, so it is none of FastAPI Users; give ours another name"
            ))),
            None => Ok(columns),
        }
    }

    async fn has_rows(&self, table: &str) -> Result<bool, MigrateError> {
        Ok(!self.found.texts(&format!("SELECT 'row' FROM {table} LIMIT 1"), 1).await?.is_empty())
    }

    /// How many rows a statement has, as text.
    async fn count(&self, select: &str) -> Result<String, MigrateError> {
        let count = self.as_text("count(*)");
        let rows = self.found.texts(&format!("SELECT {count} FROM ({select}) AS counted"), 1).await?;
        Ok(rows.into_iter().flatten().next().unwrap_or_default())
    }

    /// An id as a literal that SQL takes again. MySQL keeps native UUIDs as bytes.
    fn literal(&self, column: &str) -> String {
        match self.backend {
            DbBackend::Sqlite => format!("quote({column})"),
            DbBackend::Postgres => format!("quote_literal({column}::text)"),
            _ if self.has_native_uuids() => format!("CONCAT('0x', HEX({column}))"),
            _ => format!("QUOTE({column})"),
        }
    }

    /// An id or a number as text.
    fn as_text(&self, column: &str) -> String {
        match self.backend {
            DbBackend::Sqlite if self.has_native_uuids() && column != "count(*)" => format!("hex({column})"),
            DbBackend::MySql if self.has_native_uuids() && column != "count(*)" => format!("HEX({column})"),
            DbBackend::MySql => format!("CAST({column} AS CHAR)"),
            _ => format!("CAST({column} AS TEXT)"),
        }
    }

    fn has_native_uuids(&self) -> bool {
        *self.layout.id_type() == ColumnType::Uuid
    }

    /// Text compared byte by byte, whatever the column's collation.
    fn exactly(&self, column: &str) -> String {
        match self.backend {
            DbBackend::MySql => format!("CAST(CONVERT({column} USING utf8mb4) AS BINARY)"),
            _ => column.to_owned(),
        }
    }
}

fn wrong_type(table: &str, column: &Column, existing: &FoundColumn, stored_as: &ColumnType) -> MigrateError {
    let remedy = match column.column_type {
        Kind::Uuid if *stored_as == ColumnType::Uuid => "; let the entity's field be a `UuidText`",
        Kind::Uuid => "; let the entity's field be a `Uuid`",
        Kind::Integer => "; let the entity's field have the column's width",
        _ => "",
    };
    in_the_way(format!(
        "the column `{}` of the table {table} is {}, which cannot hold {} as the entity stores it{remedy}",
        existing.name, existing.declared, column.column_type
    ))
}

/// Writes each row of three texts, told whether it is the first of those that share its first text.
fn list(
    text: &mut String,
    rows: &[Vec<String>],
    count: &str,
    mut write_row: impl FnMut(&mut String, [&str; 3], bool),
) {
    let mut previous = None;
    for row in rows {
        let [shared, second, third] = row.as_slice() else { continue };
        write_row(text, [shared, second, third], previous != Some(shared));
        previous = Some(shared);
    }
    let more = count.parse::<usize>().unwrap_or_default().saturating_sub(LISTED);
    if more > 0 {
        let _ = write!(text, "\n  -- and {more} more");
    }
}
