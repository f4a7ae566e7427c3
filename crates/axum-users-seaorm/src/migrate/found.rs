//! What is in the database.

use axum_users::MigrateError;
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, Statement};

use super::{column::FoundColumn, in_the_way};
use crate::error::migrate_error;

/// A column's name, declared type, marks and collation. A mark is a letter each: NOT NULL, default, key, generated.
const SQLITE_COLUMNS: &str = "SELECT name, type, iif(\"notnull\", 'n', '') || iif(dflt_value IS NULL, '', 'd') \
    || iif(pk, 'k', '') || iif(hidden, 'g', ''), '' FROM pragma_table_xinfo(?)";

const POSTGRES_COLUMNS: &str = "SELECT a.attname::text, CASE t.typtype WHEN 'e' THEN 'enum' \
    WHEN 'd' THEN pg_catalog.format_type(t.typbasetype, t.typtypmod) \
    ELSE pg_catalog.format_type(a.atttypid, a.atttypmod) END, \
    CASE WHEN a.attnotnull THEN 'n' ELSE '' END || CASE WHEN a.atthasdef OR a.attidentity <> '' THEN 'd' ELSE '' END \
    || CASE WHEN EXISTS (SELECT 1 FROM pg_catalog.pg_index i WHERE i.indrelid = a.attrelid AND i.indisprimary \
    AND a.attnum = ANY (i.indkey)) THEN 'k' ELSE '' END || CASE WHEN a.attgenerated <> '' THEN 'g' ELSE '' END, '' \
    FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid \
    WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum";

const MYSQL_COLUMNS: &str = "SELECT CAST(column_name AS CHAR), CAST(column_type AS CHAR), \
    CONCAT(IF(is_nullable = 'NO', 'n', ''), \
    IF(column_default IS NOT NULL OR extra LIKE '%auto_increment%', 'd', ''), IF(column_key = 'PRI', 'k', ''), \
    IF(coalesce(generation_expression, '') <> '', 'g', '')), CAST(coalesce(collation_name, '') AS CHAR) \
    FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = ? ORDER BY ordinal_position";

/// Looks at what is there.
pub(super) struct Found<'a> {
    work: &'a DatabaseTransaction,
    backend: DbBackend,
}

impl<'a> Found<'a> {
    pub(super) fn new(work: &'a DatabaseTransaction) -> Self {
        Self { work, backend: work.get_database_backend() }
    }

    /// Whether there is a table of this name, which may be quoted.
    pub(super) async fn has_table(&self, table: &str) -> Result<bool, MigrateError> {
        Ok(!self.columns(table).await?.is_empty())
    }

    /// The columns of a table, whose name may be quoted; none when there is no such table.
    pub(super) async fn columns(&self, table: &str) -> Result<Vec<FoundColumn>, MigrateError> {
        let (sql, name) = match self.backend {
            DbBackend::Sqlite => (SQLITE_COLUMNS, unquoted(table)),
            DbBackend::Postgres => (POSTGRES_COLUMNS, table.to_owned()),
            _ => (MYSQL_COLUMNS, unquoted(table)),
        };
        let rows = self.rows(sql, [name], 4).await?;
        let columns = rows.into_iter().filter_map(|row| {
            let [name, declared, marks, collation]: [String; 4] = row.try_into().ok()?;
            let has = |mark: char| marks.contains(mark);
            Some(FoundColumn {
                backend: self.backend,
                name,
                declared: declared.to_ascii_uppercase(),
                not_null: has('n'),
                has_default: has('d'),
                in_primary_key: has('k'),
                generated: has('g'),
                collation,
            })
        });
        Ok(columns.collect())
    }

    /// Whether the first of a column's values in SQLite is text; `None` when there is none.
    pub(super) async fn holds_text(&self, table: &str, column: &str) -> Result<Option<bool>, MigrateError> {
        let first = format!("SELECT typeof({column}) FROM {table} WHERE {column} IS NOT NULL LIMIT 1");
        let found = self.texts(&first, 1).await?;
        Ok(found.iter().flatten().next().map(|kind| kind == "text"))
    }

    /// Whether a table has an index of this name.
    pub(super) async fn has_index(&self, index: &str, table: &str) -> Result<bool, MigrateError> {
        let sql = match self.backend {
            DbBackend::Sqlite => {
                "SELECT name FROM sqlite_master WHERE type = 'index' AND name = ? AND tbl_name = ?"
            }
            DbBackend::Postgres => {
                "SELECT indexname::text FROM pg_indexes WHERE indexname = $1 AND tablename = $2"
            }
            _ => {
                "SELECT CAST(index_name AS CHAR) FROM information_schema.statistics \
                 WHERE table_schema = DATABASE() AND index_name = ? AND table_name = ?"
            }
        };
        Ok(!self.rows(sql, [index.to_owned(), table.to_owned()], 1).await?.is_empty())
    }

    /// Whether tables that are made in this database of MySQL know every character and ignore case by themselves.
    /// Then they get the same collation as the application's own, which foreign keys want.
    pub(super) async fn is_fit_by_default(&self) -> Result<bool, MigrateError> {
        let found = self.texts("SELECT CAST(@@collation_database AS CHAR)", 1).await?;
        Ok(found
            .iter()
            .flatten()
            .all(|collation| collation.starts_with("utf8mb4_") && collation.ends_with("_ci")))
    }

    /// Whether a table of MySQL has a unique index on this column alone.
    pub(super) async fn is_unique(&self, table: &str, column: &str) -> Result<bool, MigrateError> {
        let sql = "SELECT CAST(index_name AS CHAR) FROM information_schema.statistics \
                   WHERE table_schema = DATABASE() AND non_unique = 0 AND table_name = ? GROUP BY index_name \
                   HAVING count(*) = 1 AND max(column_name) = ?";
        Ok(!self.rows(sql, [table.to_owned(), column.to_owned()], 1).await?.is_empty())
    }

    /// The type of a column of MySQL, with its character set and collation, without which a foreign key is refused.
    pub(super) async fn mysql_type(&self, table: &str, column: &str) -> Result<String, MigrateError> {
        let sql = "SELECT CAST(column_type AS CHAR), CAST(coalesce(character_set_name, '') AS CHAR), \
                   CAST(coalesce(collation_name, '') AS CHAR) FROM information_schema.columns \
                   WHERE table_schema = DATABASE() AND table_name = ? AND column_name = ?";
        let rows = self.rows(sql, [table.to_owned(), column.to_owned()], 3).await?;
        match rows.first().map(Vec::as_slice) {
            Some([of, set, _]) if set.is_empty() => Ok(of.clone()),
            Some([of, set, collation]) => Ok(format!("{of} CHARACTER SET {set} COLLATE {collation}")),
            _ => Err(in_the_way(format!("the table `{table}` has no column `{column}`"))),
        }
    }

    /// The rows of a statement without arguments whose columns are texts.
    pub(super) async fn texts(&self, sql: &str, width: usize) -> Result<Vec<Vec<String>>, MigrateError> {
        self.rows(sql, [], width).await
    }

    async fn rows<const N: usize>(
        &self,
        sql: &str,
        arguments: [String; N],
        width: usize,
    ) -> Result<Vec<Vec<String>>, MigrateError> {
        let values = arguments.map(sea_orm::Value::from);
        let statement = Statement::from_sql_and_values(self.backend, sql, values);
        let rows = self.work.query_all_raw(statement).await.map_err(migrate_error)?;
        let texts = rows.iter().map(|row| (0..width).map(|index| row.try_get_by_index(index)).collect());
        texts.collect::<Result<_, DbErr>>().map_err(migrate_error)
    }
}

/// The table's own name out of one that may be quoted and qualified.
fn unquoted(table: &str) -> String {
    let quote = |c: char| matches!(c, '"' | '`');
    let Some(quoted) = table.strip_suffix(quote) else { return table.to_owned() };
    let start = quoted.rfind(['.']).filter(|_| quoted.contains("\".\"") || quoted.contains("`.`"));
    let name = start.map_or(quoted, |start| &quoted[start + 1..]);
    name.trim_start_matches(quote).replace("\"\"", "\"").replace("``", "`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tables_own_name_is_found_in_its_quotes() {
        for (table, expected) in [
            ("axum_users_one_time", "axum_users_one_time"),
            ("\"user\"", "user"),
            ("`user`", "user"),
            ("\"auth\".\"user\"", "user"),
            ("\"a\"\"b\"", "a\"b"),
            ("\"v1.user\"", "v1.user"),
        ] {
            assert_eq!(unquoted(table), expected, "{table}");
        }
    }
}
