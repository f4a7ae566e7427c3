//! What is SQLite's own: how values are stored and read, names of types, quoting.

use std::borrow::Cow;

use axum_users::{
    ObjectId,
    schema::{ColumnType, DecodeError, RowReader, Value},
};
use serde_json::Value as Json;
use sqlx::{
    Column, Decode, Row, Sqlite, TypeInfo, ValueRef,
    query::Query as SqlxQuery,
    sqlite::{SqliteArguments, SqliteRow, SqliteValueRef},
};
use uuid::Uuid;

use crate::text;

/// A statement with its arguments.
pub(crate) type Query<'q> = SqlxQuery<'q, Sqlite, SqliteArguments>;

/// Begins a transaction that will write. A deferred one that read first could not wait for another writer: it
/// would fail at once with SQLITE_BUSY_SNAPSHOT.
pub(crate) const BEGIN_WRITING: &str = "BEGIN IMMEDIATE";

/// An identifier, quoted.
pub(crate) fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Text as a literal.
pub(crate) fn text_literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// The declared type of a column: the original's where it has one.
pub(crate) fn declared_type(column_type: ColumnType) -> &'static str {
    match column_type {
        ColumnType::Bool => "BOOLEAN",
        ColumnType::Integer => "INTEGER",
        ColumnType::Float => "REAL",
        ColumnType::Uuid => "CHAR(36)",
        ColumnType::Date => "DATE",
        ColumnType::Timestamp => "TIMESTAMP",
        ColumnType::ObjectId => "CHAR(24)",
        // JSON too: a column declared JSON would turn the text `1.0` into the number 1.
        _ => "TEXT",
    }
}

/// A value as SQLite keeps it.
enum Stored {
    Null,
    Integer(i64),
    Real(f64),
    Text(String),
}

fn stored(value: &Value) -> Stored {
    match value {
        Value::Bool(value) => Stored::Integer(i64::from(*value)),
        Value::Integer(value) => Stored::Integer(*value),
        Value::Float(value) => Stored::Real(*value),
        Value::Text(value) => Stored::Text(value.clone()),
        Value::Uuid(value) => Stored::Text(value.hyphenated().to_string()),
        Value::Date(value) => Stored::Text(text::date(*value)),
        Value::Timestamp(value) => Stored::Text(text::timestamp(*value)),
        Value::Json(value) => Stored::Text(value.to_string()),
        Value::ObjectId(value) => Stored::Text(value.to_string()),
        _ => Stored::Null,
    }
}

/// Adds an argument.
pub(crate) fn bind<'q>(query: Query<'q>, value: &Value) -> Query<'q> {
    match stored(value) {
        Stored::Null => query.bind(None::<i64>),
        Stored::Integer(value) => query.bind(value),
        Stored::Real(value) => query.bind(value),
        Stored::Text(value) => query.bind(value),
    }
}

/// A value as it stands behind DEFAULT.
pub(crate) fn literal(value: &Value) -> String {
    match stored(value) {
        Stored::Null => "NULL".to_owned(),
        Stored::Integer(value) => value.to_string(),
        Stored::Real(value) => format!("{value:?}"),
        Stored::Text(value) => text_literal(&value),
    }
}

/// Reads a user from a row by position.
pub(crate) struct Reader<'r>(pub(crate) &'r SqliteRow);

impl RowReader for Reader<'_> {
    fn value(&mut self, index: usize, column_type: ColumnType) -> Result<Value, DecodeError> {
        let cell = match self.0.try_get_raw(index) {
            Ok(raw) if raw.is_null() => return Ok(Value::Null),
            Ok(raw) => cell(raw),
            Err(_) => return Err(DecodeError::new(index.to_string(), column_type.to_string(), "no column")),
        };
        cell.and_then(|cell| read(cell, column_type)).map_err(|found| {
            let name = self.0.try_column(index).map_or("?", Column::name).to_owned();
            DecodeError::new(name, column_type.to_string(), found)
        })
    }
}

/// One stored value that is not NULL.
enum Cell<'r> {
    Integer(i64),
    Real(f64),
    Text(&'r str),
    Blob,
}

/// What was found instead of what a column should hold.
type FoundInstead = Cow<'static, str>;

fn cell(raw: SqliteValueRef<'_>) -> Result<Cell<'_>, FoundInstead> {
    let unreadable = |_| Cow::Borrowed("text that is not UTF-8");
    let type_info = raw.type_info().into_owned();
    match type_info.name() {
        "INTEGER" => <i64 as Decode<Sqlite>>::decode(raw).map(Cell::Integer).map_err(unreadable),
        "REAL" => <f64 as Decode<Sqlite>>::decode(raw).map(Cell::Real).map_err(unreadable),
        "TEXT" => <&str as Decode<Sqlite>>::decode(raw).map(Cell::Text).map_err(unreadable),
        _ => Ok(Cell::Blob),
    }
}

fn read(cell: Cell<'_>, column_type: ColumnType) -> Result<Value, FoundInstead> {
    match (column_type, cell) {
        // Python's `bool(value)`.
        (ColumnType::Bool, Cell::Integer(value)) => Ok(Value::Bool(value != 0)),
        (ColumnType::Integer, Cell::Integer(value)) => Ok(Value::Integer(value)),
        (ColumnType::Float, Cell::Real(value)) => Ok(Value::Float(value)),
        #[expect(
            clippy::cast_precision_loss,
            reason = "SQLite keeps whole numbers of a REAL column as integers"
        )]
        (ColumnType::Float, Cell::Integer(value)) => Ok(Value::Float(value as f64)),
        (ColumnType::Json, Cell::Integer(value)) => Ok(Value::Json(Json::from(value))),
        (ColumnType::Json, Cell::Real(value)) => Ok(Value::Json(Json::from(value))),
        (_, Cell::Text(text)) => read_text(text, column_type),
        (_, Cell::Integer(_)) => Err("an integer".into()),
        (_, Cell::Real(_)) => Err("a number".into()),
        (_, Cell::Blob) => Err("bytes".into()),
    }
}

fn read_text(text: &str, column_type: ColumnType) -> Result<Value, FoundInstead> {
    let value = match column_type {
        ColumnType::Text => Some(Value::Text(text.to_owned())),
        ColumnType::Uuid => Uuid::try_parse(text).ok().map(Value::Uuid),
        ColumnType::Date => text::parse_date(text).map(Value::Date),
        ColumnType::Timestamp => text::parse_timestamp(text).map(Value::Timestamp),
        ColumnType::Json => serde_json::from_str(text).ok().map(Value::Json),
        ColumnType::ObjectId => ObjectId::parse(text).map(Value::ObjectId),
        _ => return Err("text".into()),
    };
    value.ok_or_else(|| "other text".into())
}
