//! Rows, and what their cells mean to a model.

use std::borrow::Cow;

use axum_users::{
    Date, ObjectId, Timestamp,
    schema::{ColumnType, ColumnValue, DecodeError, RowReader, Value},
};
use serde_json::Value as Json;
#[cfg(feature = "mysql")]
use sqlx::mysql::MySqlRow;
#[cfg(feature = "postgres")]
use sqlx::postgres::PgRow;
#[cfg(feature = "sqlite")]
use sqlx::sqlite::SqliteRow;
use uuid::Uuid;

use crate::text;

/// A row of whichever database.
pub(crate) enum Row {
    #[cfg(feature = "sqlite")]
    Sqlite(SqliteRow),
    #[cfg(feature = "postgres")]
    Postgres(PgRow),
    #[cfg(feature = "mysql")]
    MySql(MySqlRow),
}

/// One stored value.
#[cfg_attr(not(all(feature = "postgres", feature = "mysql")), allow(dead_code))]
pub(crate) enum Cell<'r> {
    Null,
    Bool(bool),
    Integer(i64),
    Real(f64),
    Text(&'r str),
    Uuid(Uuid),
    Date(Date),
    Timestamp(Timestamp),
    Json(Json),
    Bytes,
    /// A type that no column of a model has.
    Other(String),
}

/// What was found instead of what a column should hold.
pub(crate) type FoundInstead = Cow<'static, str>;

/// A row by its cells, whoever read it.
pub(crate) trait Cells {
    /// The value of a column.
    fn cell(&self, index: usize) -> Result<Cell<'_>, FoundInstead>;

    /// The name of a column, or its number where it has none.
    fn column_name(&self, index: usize) -> String;
}

impl dyn Cells + '_ {
    /// The cell's value as a Rust type.
    ///
    /// # Errors
    /// The stored value is another.
    pub(crate) fn get<T: ColumnValue>(&self, index: usize) -> Result<T, DecodeError> {
        T::from_value(Reader(self).value(index, T::TYPE)?)
    }
}

impl Row {
    /// The cell's value as a Rust type.
    ///
    /// # Errors
    /// The stored value is another.
    pub(crate) fn get<T: ColumnValue>(&self, index: usize) -> Result<T, DecodeError> {
        (self as &dyn Cells).get(index)
    }
}

impl Cells for Row {
    fn cell(&self, index: usize) -> Result<Cell<'_>, FoundInstead> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(row) => super::sqlite::cell(row, index),
            #[cfg(feature = "postgres")]
            Self::Postgres(row) => super::postgres::cell(row, index),
            #[cfg(feature = "mysql")]
            Self::MySql(row) => super::mysql::cell(row, index),
        }
    }

    fn column_name(&self, index: usize) -> String {
        use sqlx::{Column, Row};
        let name = match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(row) => row.try_column(index).map(|column| column.name().to_owned()),
            #[cfg(feature = "postgres")]
            Self::Postgres(row) => row.try_column(index).map(|column| column.name().to_owned()),
            #[cfg(feature = "mysql")]
            Self::MySql(row) => row.try_column(index).map(|column| column.name().to_owned()),
        };
        name.unwrap_or_else(|_| index.to_string())
    }
}

/// Reads a user from a row by position.
pub(crate) struct Reader<'r>(pub(crate) &'r dyn Cells);

impl RowReader for Reader<'_> {
    fn value(&mut self, index: usize, column_type: ColumnType) -> Result<Value, DecodeError> {
        self.0
            .cell(index)
            .and_then(|cell| read(cell, column_type))
            .map_err(|found| DecodeError::new(self.0.column_name(index), column_type.to_string(), found))
    }
}

fn read(cell: Cell<'_>, column_type: ColumnType) -> Result<Value, FoundInstead> {
    match (column_type, cell) {
        (_, Cell::Null) => Ok(Value::Null),
        (ColumnType::Bool, Cell::Bool(value)) => Ok(Value::Bool(value)),
        // Python's `bool(value)`.
        (ColumnType::Bool, Cell::Integer(value)) => Ok(Value::Bool(value != 0)),
        (ColumnType::Integer, Cell::Integer(value)) => Ok(Value::Integer(value)),
        (ColumnType::Float, Cell::Real(value)) => Ok(Value::Float(value)),
        #[expect(
            clippy::cast_precision_loss,
            reason = "SQLite keeps whole numbers of a REAL column as integers"
        )]
        (ColumnType::Float, Cell::Integer(value)) => Ok(Value::Float(value as f64)),
        (ColumnType::Uuid, Cell::Uuid(value)) => Ok(Value::Uuid(value)),
        (ColumnType::Text, Cell::Uuid(value)) => Ok(Value::Text(value.to_string())),
        (ColumnType::Date, Cell::Date(value)) => Ok(Value::Date(value)),
        (ColumnType::Timestamp, Cell::Timestamp(value)) => Ok(Value::Timestamp(value)),
        (ColumnType::Json, Cell::Json(value)) => Ok(Value::Json(value)),
        (ColumnType::Json, Cell::Integer(value)) => Ok(Value::Json(Json::from(value))),
        (ColumnType::Json, Cell::Real(value)) => Ok(Value::Json(Json::from(value))),
        (_, Cell::Text(text)) => read_text(text, column_type),
        (_, cell) => Err(name_of(cell)),
    }
}

fn name_of(cell: Cell<'_>) -> FoundInstead {
    match cell {
        Cell::Null => "null".into(),
        Cell::Bool(_) => "a boolean".into(),
        Cell::Integer(_) => "an integer".into(),
        Cell::Real(_) => "a number".into(),
        Cell::Text(_) => "text".into(),
        Cell::Uuid(_) => "a UUID".into(),
        Cell::Date(_) => "a date".into(),
        Cell::Timestamp(_) => "a timestamp".into(),
        Cell::Json(_) => "a JSON value".into(),
        Cell::Bytes => "bytes".into(),
        Cell::Other(name) => name.into(),
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
