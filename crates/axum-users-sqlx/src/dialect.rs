//! What the databases' SQL says differently. All other SQL is the same for the three.

use std::fmt;

use axum_users::schema::{ColumnType, Value};

use crate::text;

/// Whose SQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(all(feature = "sqlite", feature = "postgres", feature = "mysql")), allow(dead_code))]
pub(crate) enum Dialect {
    Sqlite,
    Postgres,
    /// MySQL and MariaDB.
    MySql,
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
            Self::MySql => "MySQL",
        })
    }
}

impl Dialect {
    /// An identifier, quoted.
    pub(crate) fn quote(self, name: &str) -> String {
        match self {
            Self::MySql => format!("`{}`", name.replace('`', "``")),
            _ => format!("\"{}\"", name.replace('"', "\"\"")),
        }
    }

    /// The place of an argument. Arguments are numbered in the order in which the text names them, and each is
    /// named once, since MySQL does not number them.
    pub(crate) fn argument(self, number: usize) -> String {
        match self {
            Self::MySql => "?".to_owned(),
            _ => format!("${number}"),
        }
    }

    /// So many places, beginning with that of the argument `first`.
    pub(crate) fn arguments(self, first: usize, count: usize) -> String {
        (first..first + count).map(|number| self.argument(number)).collect::<Vec<_>>().join(", ")
    }

    /// Whether two names that differ by case are one column.
    pub(crate) fn folds_column_names(self) -> bool {
        self != Self::Postgres
    }

    /// Whether INSERT and UPDATE answer rows. MariaDB's INSERT does, MySQL's does not.
    pub(crate) fn has_returning(self) -> bool {
        self != Self::MySql
    }

    /// Whether definitions can be taken back with the transaction that they are in.
    pub(crate) fn has_transactional_ddl(self) -> bool {
        self != Self::MySql
    }

    /// The declared type of a column: the original's where it has one.
    pub(crate) fn declared_type(self, column_type: ColumnType) -> &'static str {
        match (column_type, self) {
            (ColumnType::Bool, Self::MySql) => "BOOL",
            (ColumnType::Bool, _) => "BOOLEAN",
            (ColumnType::Integer, Self::Sqlite) => "INTEGER",
            (ColumnType::Integer, _) => "BIGINT",
            (ColumnType::Float, Self::Sqlite) => "REAL",
            (ColumnType::Float, Self::Postgres) => "DOUBLE PRECISION",
            (ColumnType::Float, Self::MySql) => "DOUBLE",
            (ColumnType::Uuid, Self::Postgres) => "UUID",
            (ColumnType::Uuid, _) => "CHAR(36)",
            (ColumnType::Date, _) => "DATE",
            (ColumnType::Timestamp, Self::Sqlite) => "TIMESTAMP",
            (ColumnType::Timestamp, Self::Postgres) => "TIMESTAMP WITH TIME ZONE",
            (ColumnType::Timestamp, Self::MySql) => "DATETIME(6)",
            (ColumnType::ObjectId, _) => "CHAR(24)",
            (ColumnType::Json, Self::Postgres) => "JSONB",
            // As MariaDB's JSON is, but for its check, which refuses what is nested more than 32 levels deep.
            (ColumnType::Json, Self::MySql) => "LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
            // MySQL's TEXT ends at 64 KiB.
            (_, Self::MySql) => "LONGTEXT",
            // SQLite's JSON too: a column declared JSON would turn the text `1.0` into the number 1.
            _ => "TEXT",
        }
    }

    /// Text as a literal.
    pub(crate) fn text_literal(self, text: &str) -> String {
        // Whether MySQL reads a backslash as an escape depends on a setting.
        if self == Self::MySql && text.contains('\\') {
            let digits: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
            return format!("CONVERT(X'{digits}' USING utf8mb4)");
        }
        format!("'{}'", text.replace('\'', "''"))
    }

    /// A value as it stands behind DEFAULT.
    pub(crate) fn literal(self, value: &Value) -> String {
        match value {
            Value::Bool(value) if self == Self::Postgres => value.to_string(),
            Value::Bool(value) => i64::from(*value).to_string(),
            Value::Integer(value) => value.to_string(),
            Value::Float(value) => format!("{value:?}"),
            Value::Text(value) => self.text_literal(value),
            Value::Uuid(value) => self.text_literal(&value.hyphenated().to_string()),
            Value::Date(value) => self.text_literal(&text::date(*value)),
            Value::Timestamp(value) if self == Self::Postgres => {
                self.text_literal(&format!("{}+00", text::timestamp(*value)))
            }
            Value::Timestamp(value) => self.text_literal(&text::timestamp(*value)),
            Value::Json(value) => self.text_literal(&value.to_string()),
            Value::ObjectId(value) => self.text_literal(&value.to_string()),
            _ => "NULL".to_owned(),
        }
    }

    /// What is behind DEFAULT in a column's definition. MySQL wants an expression where the type is a long one.
    pub(crate) fn default(self, value: &Value) -> String {
        match self {
            Self::MySql => format!("({})", self.literal(value)),
            _ => self.literal(value),
        }
    }

    /// An e-mail, its ASCII letters small, as the unique index has it; MySQL's collation ignores case by itself.
    pub(crate) fn folded_email(self) -> &'static str {
        match self {
            // SQLite's `lower` folds ASCII and nothing else.
            Self::Sqlite => "lower(email)",
            Self::Postgres => "lower(email COLLATE \"C\")",
            Self::MySql => "email",
        }
    }

    /// Text compared byte by byte, whatever the column's collation.
    pub(crate) fn exactly(self, column: &str) -> String {
        match self {
            Self::MySql => format!("CAST(CONVERT({column} USING utf8mb4) AS BINARY)"),
            _ => column.to_owned(),
        }
    }

    /// A condition that holds when a text column is exactly the argument. MySQL finds no index for it.
    pub(crate) fn is_exactly(self, column: &str, number: usize) -> String {
        format!("{} = {}", self.exactly(column), self.exact_arguments(number, 1))
    }

    /// So many places of texts, to be compared with a column that is compared [`exactly`](Self::exactly).
    pub(crate) fn exact_arguments(self, first: usize, count: usize) -> String {
        match self {
            Self::MySql => vec!["CAST(? AS BINARY)"; count].join(", "),
            _ => self.arguments(first, count),
        }
    }

    /// A condition that holds when a column is the argument, which is not NULL.
    pub(crate) fn is_as_expected(self, column: &str, column_type: ColumnType, number: usize) -> String {
        let argument = self.argument(number);
        match (self, column_type) {
            // Python may have made the column JSON, whose values cannot be compared.
            (Self::Postgres, ColumnType::Json) => format!("{column}::jsonb = {argument}"),
            // Each server runs the comment that is meant for it. MariaDB keeps JSON as the text that was written.
            (Self::MySql, ColumnType::Json) => format!(
                "(/*M! {} */ /*!80000 CAST({column} AS JSON) = CAST(? AS JSON) */)",
                self.is_exactly(column, number)
            ),
            (Self::MySql, ColumnType::Text) => self.is_exactly(column, number),
            _ => format!("{column} = {argument}"),
        }
    }

    /// Texts joined to one.
    pub(crate) fn concat(self, parts: &[&str]) -> String {
        match self {
            Self::MySql => format!("CONCAT({})", parts.join(", ")),
            _ => parts.join(" || "),
        }
    }

    /// A column's value as a literal that SQL takes again.
    pub(crate) fn quoted_value(self, column: &str) -> String {
        match self {
            Self::Sqlite => format!("quote({column})"),
            Self::Postgres => format!("quote_literal({column}::text)"),
            Self::MySql => format!("QUOTE({column})"),
        }
    }

    /// A column's value as text.
    pub(crate) fn as_text(self, column: &str) -> String {
        match self {
            Self::MySql => format!("CAST({column} AS CHAR)"),
            _ => format!("CAST({column} AS TEXT)"),
        }
    }

    /// Deletes so many rows at most whose `column` is less than the first argument.
    pub(crate) fn delete_batch(self, table: &str, column: &str, limit: u32) -> String {
        match self {
            Self::Sqlite => format!(
                "DELETE FROM {table} WHERE rowid IN (SELECT rowid FROM {table} WHERE {column} < $1 LIMIT {limit})"
            ),
            Self::Postgres => format!(
                "DELETE FROM {table} WHERE ctid = ANY (ARRAY(SELECT ctid FROM {table} WHERE {column} < $1 LIMIT {limit}))"
            ),
            Self::MySql => format!("DELETE FROM {table} WHERE {column} < ? LIMIT {limit}"),
        }
    }
}

/// The name of an index on a table, no longer than PostgreSQL and MySQL allow.
pub(crate) fn index_name(table: &str, what: &str) -> String {
    const LONGEST: usize = 60;
    let room = LONGEST.saturating_sub("axum_users__".len() + what.len());
    let mut end = table.len().min(room);
    while !table.is_char_boundary(end) {
        end -= 1;
    }
    format!("axum_users_{}_{what}", &table[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_texts_cannot_end_their_quotes() {
        for (dialect, name, text) in [
            (Dialect::Sqlite, "\"a\"\"`b\"", "'it''s \\'"),
            (Dialect::Postgres, "\"a\"\"`b\"", "'it''s \\'"),
            (Dialect::MySql, "`a\"``b`", "CONVERT(X'69742773205c' USING utf8mb4)"),
        ] {
            assert_eq!((dialect.quote("a\"`b"), dialect.text_literal("it's \\")), (name.into(), text.into()));
        }
    }

    #[test]
    fn names_of_indexes_stay_short_enough() {
        assert_eq!(index_name("user", "email_lower"), "axum_users_user_email_lower");
        let long = index_name(&"é".repeat(40), "email_lower");
        assert!(long.len() <= 60 && long.ends_with("é_email_lower"), "{long}");
    }
}
