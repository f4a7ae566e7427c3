//! Which field of a user model a column is likely to be.

use axum_users::{
    OwnColumn,
    schema::{ColumnType, Value},
};

use super::found::FoundColumn;
use crate::dialect::Dialect;

impl FoundColumn {
    /// The column as somebody has to know it who writes the user model.
    pub(crate) fn as_own(&self) -> OwnColumn {
        let column_type = self.likely_type();
        OwnColumn {
            name: self.name.clone(),
            declared: self.declared.clone(),
            column_type,
            not_null: self.not_null,
            has_default: self.has_default || self.generated,
            default: column_type.and_then(|column_type| self.constant_default(column_type)),
        }
    }

    /// The type of field that can hold what is stored; `None` where none can, and where the database computes it.
    fn likely_type(&self) -> Option<ColumnType> {
        let likely = match self.dialect {
            Dialect::Sqlite => sqlite_type(&self.declared),
            Dialect::Postgres => postgres_type(&self.declared),
            Dialect::MySql => mysql_type(&self.declared),
        };
        likely.filter(|likely| !self.generated && self.can_hold(*likely))
    }

    /// The value behind DEFAULT, where it is a constant and not something that is computed.
    fn constant_default(&self, column_type: ColumnType) -> Option<Value> {
        let text = self.default.as_deref()?.trim();
        let text = text.strip_prefix('(').and_then(|text| text.strip_suffix(')')).unwrap_or(text);
        let quoted = unquoted(text);
        let plain = quoted.as_deref().unwrap_or(text);
        match column_type {
            ColumnType::Bool => match plain.to_ascii_lowercase().as_str() {
                "true" | "1" | "t" => Some(Value::Bool(true)),
                "false" | "0" | "f" => Some(Value::Bool(false)),
                _ => None,
            },
            ColumnType::Integer => plain.parse().ok().map(Value::Integer),
            ColumnType::Float => {
                plain.parse().ok().filter(|number: &f64| number.is_finite()).map(Value::Float)
            }
            ColumnType::Text => quoted.map(Value::Text),
            _ => None,
        }
    }
}

/// The text of `'it''s'` and of PostgreSQL's `'it''s'::character varying`.
fn unquoted(text: &str) -> Option<String> {
    let inner = text.strip_prefix('\'')?;
    let (inner, rest) = inner.rsplit_once('\'')?;
    let is_cast = rest.is_empty() || rest.starts_with("::");
    // A quote by itself ends the text: what follows it is an expression.
    let is_one_text = !inner.replace("''", "").contains('\'');
    (is_cast && is_one_text).then(|| inner.replace("''", "'"))
}

/// The words before the first parenthesis.
fn name(declared: &str) -> &str {
    declared.split('(').next().unwrap_or_default().trim()
}

fn sqlite_type(declared: &str) -> Option<ColumnType> {
    Some(match name(declared) {
        "BOOL" | "BOOLEAN" => ColumnType::Bool,
        "DATE" => ColumnType::Date,
        "DATETIME" | "TIMESTAMP" => ColumnType::Timestamp,
        "JSON" => ColumnType::Json,
        "REAL" | "DOUBLE" | "DOUBLE PRECISION" | "FLOAT" => ColumnType::Float,
        name if name.ends_with("INT") || name == "INTEGER" => ColumnType::Integer,
        name if name.contains("CHAR") || name.contains("TEXT") || name.contains("CLOB") => ColumnType::Text,
        _ => return None,
    })
}

fn postgres_type(declared: &str) -> Option<ColumnType> {
    Some(match name(declared) {
        "BOOLEAN" => ColumnType::Bool,
        "BIGINT" | "INTEGER" | "SMALLINT" => ColumnType::Integer,
        "DOUBLE PRECISION" | "REAL" => ColumnType::Float,
        "UUID" => ColumnType::Uuid,
        "DATE" => ColumnType::Date,
        "JSON" | "JSONB" => ColumnType::Json,
        name if name.starts_with("TIMESTAMP") => ColumnType::Timestamp,
        name if name.ends_with("[]") => return None,
        _ => ColumnType::Text,
    })
}

fn mysql_type(declared: &str) -> Option<ColumnType> {
    let name = name(declared).split(' ').next().unwrap_or_default();
    Some(match name {
        "TINYINT" if declared.starts_with("TINYINT(1)") => ColumnType::Bool,
        "DOUBLE" | "FLOAT" => ColumnType::Float,
        "UUID" => ColumnType::Uuid,
        "DATE" => ColumnType::Date,
        "DATETIME" | "TIMESTAMP" => ColumnType::Timestamp,
        "JSON" => ColumnType::Json,
        name if name.ends_with("INT") => ColumnType::Integer,
        _ => ColumnType::Text,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(dialect: Dialect, declared: &str, default: Option<&str>) -> OwnColumn {
        let found = FoundColumn {
            dialect,
            name: "own".to_owned(),
            declared: declared.to_ascii_uppercase(),
            not_null: true,
            has_default: default.is_some(),
            default: default.map(str::to_owned),
            in_primary_key: false,
            generated: false,
            collation: None,
        };
        found.as_own()
    }

    #[test]
    fn a_column_is_the_field_that_can_hold_what_sqlalchemy_stores_there() {
        let (sqlite, postgres, mysql) = (Dialect::Sqlite, Dialect::Postgres, Dialect::MySql);
        for (dialect, declared, expected) in [
            (sqlite, "BOOLEAN", Some(ColumnType::Bool)),
            (sqlite, "INTEGER", Some(ColumnType::Integer)),
            (sqlite, "BIGINT", Some(ColumnType::Integer)),
            (sqlite, "FLOAT", Some(ColumnType::Float)),
            (sqlite, "VARCHAR(64)", Some(ColumnType::Text)),
            (sqlite, "DATE", Some(ColumnType::Date)),
            (sqlite, "DATETIME", Some(ColumnType::Timestamp)),
            (sqlite, "JSON", Some(ColumnType::Json)),
            (sqlite, "BLOB", None),
            (sqlite, "NUMERIC(10, 2)", None),
            (postgres, "character varying(64)", Some(ColumnType::Text)),
            (postgres, "timestamp with time zone", Some(ColumnType::Timestamp)),
            (postgres, "integer", Some(ColumnType::Integer)),
            (postgres, "jsonb", Some(ColumnType::Json)),
            (postgres, "enum", Some(ColumnType::Text)),
            (postgres, "text[]", None),
            (postgres, "numeric(10,2)", None),
            (postgres, "bytea", None),
            (postgres, "interval", None),
            (mysql, "tinyint(1)", Some(ColumnType::Bool)),
            (mysql, "int(11)", Some(ColumnType::Integer)),
            (mysql, "bigint(20) unsigned", Some(ColumnType::Integer)),
            (mysql, "varchar(64)", Some(ColumnType::Text)),
            (mysql, "datetime(6)", Some(ColumnType::Timestamp)),
            (mysql, "decimal(10,2)", None),
            (mysql, "blob", None),
        ] {
            assert_eq!(column(dialect, declared, None).column_type, expected, "{dialect} {declared}");
        }
    }

    #[test]
    fn a_default_is_told_where_it_is_a_constant() {
        let text = |text: &str| Some(Value::Text(text.to_owned()));
        for (dialect, declared, default, expected) in [
            (Dialect::Sqlite, "VARCHAR", "'it''s'", text("it's")),
            (Dialect::Sqlite, "VARCHAR", "'a' || 'b'", None),
            (Dialect::Sqlite, "INTEGER", "(5)", Some(Value::Integer(5))),
            (Dialect::Sqlite, "BOOLEAN", "0", Some(Value::Bool(false))),
            (Dialect::Sqlite, "DATETIME", "CURRENT_TIMESTAMP", None),
            (Dialect::Postgres, "text", "'de'::text", text("de")),
            (Dialect::Postgres, "boolean", "true", Some(Value::Bool(true))),
            (Dialect::Postgres, "bigint", "nextval('a'::regclass)", None),
            (Dialect::Postgres, "double precision", "'1.5'::double precision", Some(Value::Float(1.5))),
            (Dialect::MySql, "varchar(2)", "'de'", text("de")),
            (Dialect::MySql, "varchar(2)", "uuid()", None),
        ] {
            assert_eq!(column(dialect, declared, Some(default)).default, expected, "{declared} {default}");
        }
    }
}
