//! What a database has: tables, indexes, columns.

use std::collections::{HashMap, HashSet};

use axum_users::{MigrateError, schema::ColumnType};

use super::{fetch, get};
use crate::{
    dialect::Dialect,
    engine::{Call, Work},
    statements::sql,
};

/// Tables and views, and indexes, by their names.
pub(crate) struct Objects {
    dialect: Dialect,
    relations: HashMap<String, String>,
    indexes: HashSet<String>,
    /// Tables with the one column of a unique index; for MySQL only.
    unique: HashSet<(String, String)>,
}

const SQLITE_OBJECTS: &str = "SELECT name, type FROM sqlite_master";

/// What an unqualified name means, and nothing of the system's.
const POSTGRES_OBJECTS: &str = "SELECT c.relname::text, CASE c.relkind WHEN 'r' THEN 'table' WHEN 'p' THEN 'table' \
    WHEN 'i' THEN 'index' WHEN 'I' THEN 'index' WHEN 'v' THEN 'view' WHEN 'm' THEN 'view' \
    WHEN 'S' THEN 'sequence' WHEN 'f' THEN 'foreign table' ELSE 'type' END \
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
    WHERE pg_catalog.pg_table_is_visible(c.oid) AND n.nspname NOT IN ('pg_catalog', 'information_schema') \
    AND n.nspname !~ '^pg_toast'";

const MYSQL_OBJECTS: &str = "SELECT CAST(table_name AS CHAR), \
    CASE table_type WHEN 'VIEW' THEN 'view' WHEN 'SEQUENCE' THEN 'sequence' ELSE 'table' END \
    FROM information_schema.tables WHERE table_schema = DATABASE() \
    UNION ALL SELECT DISTINCT CAST(index_name AS CHAR), 'index' \
    FROM information_schema.statistics WHERE table_schema = DATABASE()";

const MYSQL_UNIQUE: &str = "SELECT CAST(table_name AS CHAR), CAST(min(column_name) AS CHAR) \
    FROM information_schema.statistics WHERE table_schema = DATABASE() AND non_unique = 0 AND sub_part IS NULL \
    GROUP BY table_name, index_name HAVING count(*) = 1";

impl Objects {
    pub(crate) async fn read(work: &mut Work) -> Result<Self, MigrateError> {
        let dialect = work.dialect();
        let text = match dialect {
            Dialect::Sqlite => SQLITE_OBJECTS,
            Dialect::Postgres => POSTGRES_OBJECTS,
            Dialect::MySql => MYSQL_OBJECTS,
        };
        let mut objects =
            Self { dialect, relations: HashMap::new(), indexes: HashSet::new(), unique: HashSet::new() };
        for row in &fetch(work, text.to_owned()).await? {
            let (name, kind): (String, String) = (fold(dialect, &get::<String>(row, 0)?), get(row, 1)?);
            if kind == "index" {
                objects.indexes.insert(name);
            } else {
                objects.relations.insert(name, kind);
            }
        }
        if dialect == Dialect::MySql {
            for row in &fetch(work, MYSQL_UNIQUE.to_owned()).await? {
                let column: String = get(row, 1)?;
                objects.unique.insert((get(row, 0)?, column.to_ascii_lowercase()));
            }
        }
        Ok(objects)
    }

    /// Whether there is a table of this name; a view is in the way.
    pub(crate) fn has_table(&self, name: &str) -> Result<bool, MigrateError> {
        match self.relations.get(&fold(self.dialect, name)).map(String::as_str) {
            None => Ok(false),
            Some("table") => Ok(true),
            Some(kind) => Err(MigrateError::InTheWay(format!("`{name}` should be a table and is a {kind}"))),
        }
    }

    pub(crate) fn names_table(&self, name: &str) -> bool {
        self.relations.get(&fold(self.dialect, name)).is_some_and(|kind| kind == "table")
    }

    pub(crate) fn has_index(&self, name: &str) -> bool {
        self.indexes.contains(&fold(self.dialect, name))
    }

    /// Whether a unique index is on this column alone.
    pub(crate) fn is_unique(&self, table: &str, column: &str) -> bool {
        self.unique.contains(&(table.to_owned(), column.to_owned()))
    }

    /// The names of all tables but SQLite's own, sorted.
    pub(crate) fn tables(&self) -> Vec<String> {
        let is_table = |(name, kind): &(&String, &String)| *kind == "table" && !name.starts_with("sqlite_");
        let mut names: Vec<_> =
            self.relations.iter().filter(is_table).map(|(name, _)| name.clone()).collect();
        names.sort();
        names
    }
}

/// SQLite ignores the case of ASCII letters in names of tables.
fn fold(dialect: Dialect, name: &str) -> String {
    if dialect == Dialect::Sqlite { name.to_ascii_lowercase() } else { name.to_owned() }
}

/// A column of a table that exists.
pub(crate) struct FoundColumn {
    pub(super) dialect: Dialect,
    pub(crate) name: String,
    /// The declared type, in capitals.
    pub(crate) declared: String,
    pub(crate) not_null: bool,
    pub(crate) has_default: bool,
    /// What is behind DEFAULT, in the database's words.
    pub(crate) default: Option<String>,
    pub(crate) in_primary_key: bool,
    /// Computed from other columns.
    pub(crate) generated: bool,
    /// MySQL's character set and collation.
    pub(crate) collation: Option<(String, String)>,
}

const SQLITE_COLUMNS: &str = "SELECT name, type, \"notnull\", dflt_value IS NOT NULL, pk <> 0, hidden <> 0, NULL, NULL, dflt_value \
    FROM pragma_table_xinfo($1)";

const POSTGRES_COLUMNS: &str = "SELECT a.attname::text, CASE t.typtype WHEN 'e' THEN 'enum' \
    WHEN 'd' THEN pg_catalog.format_type(t.typbasetype, t.typtypmod) \
    ELSE pg_catalog.format_type(a.atttypid, a.atttypmod) END, \
    a.attnotnull, a.atthasdef OR a.attidentity <> '', \
    EXISTS (SELECT 1 FROM pg_catalog.pg_index i WHERE i.indrelid = a.attrelid AND i.indisprimary \
    AND a.attnum = ANY (i.indkey)), a.attgenerated <> '', NULL::text, NULL::text, \
    (SELECT pg_catalog.pg_get_expr(d.adbin, d.adrelid) FROM pg_catalog.pg_attrdef d \
    WHERE d.adrelid = a.attrelid AND d.adnum = a.attnum) \
    FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid \
    WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum";

const MYSQL_COLUMNS: &str = "SELECT CAST(column_name AS CHAR), CAST(column_type AS CHAR), is_nullable = 'NO', \
    column_default IS NOT NULL OR extra LIKE '%auto_increment%', column_key = 'PRI', \
    coalesce(generation_expression, '') <> '', CAST(character_set_name AS CHAR), CAST(collation_name AS CHAR), \
    CAST(column_default AS CHAR) \
    FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = ? ORDER BY ordinal_position";

impl FoundColumn {
    pub(crate) async fn read(work: &mut Work, table: &str) -> Result<Vec<Self>, MigrateError> {
        let dialect = work.dialect();
        let (text, table) = match dialect {
            Dialect::Sqlite => (SQLITE_COLUMNS, table.to_owned()),
            Dialect::Postgres => (POSTGRES_COLUMNS, dialect.quote(table)),
            Dialect::MySql => (MYSQL_COLUMNS, table.to_owned()),
        };
        let call = Call::new(&sql(text.to_owned())).text(table);
        let rows = work.fetch(call).await.map_err(super::failed)?;
        let columns = rows.iter().map(|row| {
            let (charset, collation): (Option<String>, Option<String>) = (get(row, 6)?, get(row, 7)?);
            Ok(Self {
                dialect,
                name: get(row, 0)?,
                declared: get::<String>(row, 1)?.to_ascii_uppercase(),
                not_null: get(row, 2)?,
                has_default: get(row, 3)?,
                default: get(row, 8)?,
                in_primary_key: get(row, 4)?,
                generated: get(row, 5)?,
                collation: charset.zip(collation),
            })
        });
        columns.collect()
    }

    /// Whether values of this type survive in the column.
    pub(crate) fn can_hold(&self, column_type: ColumnType) -> bool {
        match self.dialect {
            Dialect::Sqlite => self.sqlite_can_hold(column_type),
            Dialect::Postgres => self.postgres_can_hold(column_type),
            Dialect::MySql => self.mysql_can_hold(column_type),
        }
    }

    /// Whether values of this type survive in the column that identifies users.
    pub(crate) fn can_identify(&self, column_type: ColumnType) -> bool {
        match (self.dialect, column_type) {
            (Dialect::Sqlite, ColumnType::Integer) => self.affinity() == Affinity::Integer,
            (Dialect::Sqlite, _) => self.can_hold(column_type) && self.affinity() != Affinity::Integer,
            _ => self.can_hold(column_type),
        }
    }

    /// Whether two texts that differ by capitals are two: then the unique index of MySQL lets one e-mail be taken
    /// twice.
    pub(crate) fn compares_capitals(&self) -> bool {
        let Some((_, collation)) = &self.collation else { return false };
        collation.ends_with("_bin") || collation.ends_with("_cs")
    }

    /// SQLite converts what it stores by the column's affinity,
    /// <https://www.sqlite.org/datatype3.html#determination_of_column_affinity>.
    fn sqlite_can_hold(&self, column_type: ColumnType) -> bool {
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

    fn postgres_can_hold(&self, column_type: ColumnType) -> bool {
        let is = |names: &[&str]| names.contains(&self.declared.as_str());
        match column_type {
            ColumnType::Bool => is(&["BOOLEAN"]),
            ColumnType::Integer => is(&["BIGINT", "INTEGER", "SMALLINT"]),
            ColumnType::Float => is(&["DOUBLE PRECISION", "REAL"]),
            ColumnType::Uuid => is(&["UUID"]),
            ColumnType::Date => is(&["DATE"]),
            ColumnType::Timestamp => self.declared.starts_with("TIMESTAMP"),
            ColumnType::Json => is(&["JSON", "JSONB"]),
            _ => {
                self.declared.starts_with("CHARACTER")
                    || self.declared.ends_with("CITEXT")
                    || is(&["TEXT", "ENUM"])
            }
        }
    }

    fn mysql_can_hold(&self, column_type: ColumnType) -> bool {
        let name = self.declared.split(['(', ' ']).next().unwrap_or_default();
        let is_text = name.ends_with("CHAR") || name.ends_with("TEXT") || name == "ENUM";
        match column_type {
            ColumnType::Bool | ColumnType::Integer => name.ends_with("INT"),
            ColumnType::Float => matches!(name, "DOUBLE" | "FLOAT"),
            ColumnType::Uuid => is_text || name == "UUID",
            ColumnType::Date => name == "DATE",
            ColumnType::Timestamp => matches!(name, "DATETIME" | "TIMESTAMP"),
            ColumnType::Json => name == "JSON" || name.ends_with("TEXT"),
            _ => is_text,
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

/// The column of this name.
pub(crate) fn find<'a>(dialect: Dialect, columns: &'a [FoundColumn], name: &str) -> Option<&'a FoundColumn> {
    columns.iter().find(|column| match dialect.folds_column_names() {
        true => column.name.eq_ignore_ascii_case(name),
        false => column.name == name,
    })
}
