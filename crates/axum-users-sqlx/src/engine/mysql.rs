//! MySQL's and MariaDB's driver: how values are stored and read.

use std::borrow::Cow;

use axum_users::schema::Value;
use sqlx::{
    Decode, MySql, Row, TypeInfo, ValueRef,
    mysql::{MySqlArguments, MySqlRow, MySqlValueRef},
    query::Query,
};
use time::{PrimitiveDateTime, UtcOffset};

use super::{
    Call,
    row::{Cell, FoundInstead},
};

pub(super) fn query(call: Call) -> Query<'static, MySql, MySqlArguments> {
    call.arguments.into_iter().fold(sqlx::query(call.sql), |query, argument| match argument.value {
        Value::Bool(value) => query.bind(value),
        Value::Integer(value) => query.bind(value),
        Value::Float(value) => query.bind(value),
        Value::Text(value) => query.bind(value),
        Value::Uuid(value) => query.bind(value.hyphenated().to_string()),
        Value::Date(value) => query.bind(value),
        // As a DATETIME: a TIMESTAMP, which a moment with an offset would be, begins in 1970 and ends in 2038.
        Value::Timestamp(value) => {
            let utc = value.to_offset(UtcOffset::UTC);
            query.bind(PrimitiveDateTime::new(utc.date(), utc.time()))
        }
        Value::Json(value) => query.bind(value.to_string()),
        Value::ObjectId(value) => query.bind(value.to_string()),
        _ => query.bind(None::<String>),
    })
}

pub(super) fn cell(row: &MySqlRow, index: usize) -> Result<Cell<'_>, FoundInstead> {
    let raw = row.try_get_raw(index).map_err(|_| "no column")?;
    if raw.is_null() {
        return Ok(Cell::Null);
    }
    let type_info = raw.type_info().into_owned();
    match type_info.name() {
        "BOOLEAN" | "TINYINT" | "SMALLINT" | "MEDIUMINT" | "INT" | "BIGINT" => decode(raw).map(Cell::Integer),
        name if name.ends_with(" UNSIGNED") => {
            let value: u64 = decode(raw)?;
            i64::try_from(value).map(Cell::Integer).map_err(|_| "an integer out of range".into())
        }
        "FLOAT" => decode::<f32>(raw).map(|value| Cell::Real(value.into())),
        "DOUBLE" => decode(raw).map(Cell::Real),
        "DATE" => decode(raw).map(Cell::Date),
        "DATETIME" | "TIMESTAMP" => decode(raw).map(Cell::Timestamp),
        "CHAR" | "VARCHAR" | "TINYTEXT" | "TEXT" | "MEDIUMTEXT" | "LONGTEXT" | "ENUM" | "JSON" => {
            decode(raw).map(Cell::Text)
        }
        // What is compared byte by byte is called binary, although it is text.
        "BINARY" | "VARBINARY" | "TINYBLOB" | "BLOB" | "MEDIUMBLOB" | "LONGBLOB" => {
            Ok(<&str as Decode<MySql>>::decode(raw).map_or(Cell::Bytes, Cell::Text))
        }
        name => Ok(Cell::Other(name.to_owned())),
    }
}

fn decode<'r, T: Decode<'r, MySql>>(raw: MySqlValueRef<'r>) -> Result<T, FoundInstead> {
    T::decode(raw).map_err(|_| Cow::Borrowed("a value that cannot be read"))
}
