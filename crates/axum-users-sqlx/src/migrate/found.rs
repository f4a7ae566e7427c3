//! What a database has: tables, indexes, columns.

use std::collections::HashMap;

use axum_users::{MigrateError, schema::ColumnType};
use sqlx::{Row, SqliteConnection};

/// Tables, views and indexes by their names in lower case: SQLite ignores the case of ASCII letters.
pub(crate) struct Objects(HashMap<String, String>);

impl Objects {
    pub(crate) async fn read(connection: &mut SqliteConnection) -> Result<Self, sqlx::Error> {
        let rows = sqlx::query("SELECT name, type FROM sqlite_master").fetch_all(connection).await?;
        let objects = rows.iter().map(|row| {
            let name: String = row.try_get(0)?;
            Ok((name.to_ascii_lowercase(), row.try_get(1)?))
        });
        objects.collect::<Result<_, sqlx::Error>>().map(Self)
    }

    /// Whether there is a table of this name; a view is in the way.
    pub(crate) fn has_table(&self, name: &str) -> Result<bool, MigrateError> {
        match self.0.get(&name.to_ascii_lowercase()).map(String::as_str) {
            None => Ok(false),
            Some("table") => Ok(true),
            Some(kind) => Err(MigrateError::InTheWay(format!("`{name}` should be a table and is a {kind}"))),
        }
    }

    pub(crate) fn names_table(&self, name: &str) -> bool {
        self.0.get(&name.to_ascii_lowercase()).is_some_and(|kind| kind == "table")
    }

    pub(crate) fn has_index(&self, name: &str) -> bool {
        self.0.get(&name.to_ascii_lowercase()).is_some_and(|kind| kind == "index")
    }

    /// The names of all tables but SQLite's own, sorted.
    pub(crate) fn tables(&self) -> Vec<String> {
        let is_table = |(name, kind): &(&String, &String)| *kind == "table" && !name.starts_with("sqlite_");
        let mut names: Vec<_> = self.0.iter().filter(is_table).map(|(name, _)| name.clone()).collect();
        names.sort();
        names
    }
}

/// A column of a table that exists.
pub(crate) struct FoundColumn {
    pub(crate) name: String,
    /// The declared type, in capitals.
    pub(crate) declared: String,
    pub(crate) not_null: bool,
    pub(crate) has_default: bool,
    pub(crate) in_primary_key: bool,
    /// Computed from other columns.
    pub(crate) generated: bool,
}

impl FoundColumn {
    pub(crate) async fn read(
        connection: &mut SqliteConnection,
        table: &str,
    ) -> Result<Vec<Self>, sqlx::Error> {
        let sql =
            "SELECT name, type, \"notnull\", dflt_value IS NOT NULL, pk, hidden FROM pragma_table_xinfo($1)";
        let rows = sqlx::query(sql).bind(table.to_owned()).fetch_all(connection).await?;
        let columns = rows.iter().map(|row| {
            Ok(Self {
                name: row.try_get(0)?,
                declared: row.try_get::<String, _>(1)?.to_ascii_uppercase(),
                not_null: row.try_get::<i64, _>(2)? != 0,
                has_default: row.try_get::<i64, _>(3)? != 0,
                in_primary_key: row.try_get::<i64, _>(4)? != 0,
                generated: row.try_get::<i64, _>(5)? != 0,
            })
        });
        columns.collect()
    }

    /// Whether values of this type survive in the column: SQLite converts what it stores by the column's
    /// affinity, <https://www.sqlite.org/datatype3.html#determination_of_column_affinity>.
    pub(crate) fn can_hold(&self, column_type: ColumnType) -> bool {
        let affinity = self.affinity();
        match column_type {
            ColumnType::Bool | ColumnType::Integer => affinity != Affinity::Text,
            ColumnType::Float => affinity != Affinity::Text,
            // Numbers among these texts would come back as numbers.
            ColumnType::Text | ColumnType::ObjectId => matches!(affinity, Affinity::Text | Affinity::None),
            // These look like no number; JSON that does is read as one.
            _ => true,
        }
    }

    /// Whether values of this type survive in the column that identifies users.
    pub(crate) fn can_identify(&self, column_type: ColumnType) -> bool {
        match column_type {
            ColumnType::Integer => self.affinity() == Affinity::Integer,
            _ => self.can_hold(column_type) && self.affinity() != Affinity::Integer,
        }
    }

    fn affinity(&self) -> Affinity {
        let has = |part: &str| self.declared.contains(part);
        if has("INT") {
            Affinity::Integer
        } else if has("CHAR") || has("CLOB") || has("TEXT") {
            Affinity::Text
        } else if self.declared.is_empty() || has("BLOB") {
            Affinity::None
        } else {
            Affinity::Number
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Affinity {
    Integer,
    Text,
    None,
    Number,
}

/// The column of this name, whatever its case.
pub(crate) fn find<'a>(columns: &'a [FoundColumn], name: &str) -> Option<&'a FoundColumn> {
    columns.iter().find(|column| column.name.eq_ignore_ascii_case(name))
}
