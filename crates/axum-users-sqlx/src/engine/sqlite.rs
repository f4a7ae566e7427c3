//! SQLite's driver: how values are stored and read.

use axum_users::schema::Value;
use sqlx::{
    Decode, Row, Sqlite, TypeInfo, ValueRef,
    query::Query,
    sqlite::{SqliteArguments, SqliteRow},
};

use super::{
    Call,
    row::{Cell, FoundInstead},
};
use crate::text;

/// Begins a transaction that will write.
pub(crate) const BEGIN_WRITING: &str = "BEGIN IMMEDIATE";

pub(super) fn query(call: Call) -> Query<'static, Sqlite, SqliteArguments> {
    call.arguments.into_iter().fold(sqlx::query(call.sql), |query, argument| match argument.value {
        Value::Bool(value) => query.bind(value),
        Value::Integer(value) => query.bind(value),
        Value::Float(value) => query.bind(value),
        Value::Text(value) => query.bind(value),
        Value::Uuid(value) => query.bind(value.hyphenated().to_string()),
        Value::Date(value) => query.bind(text::date(value)),
        Value::Timestamp(value) => query.bind(text::timestamp(value)),
        Value::Json(value) => query.bind(value.to_string()),
        Value::ObjectId(value) => query.bind(value.to_string()),
        _ => query.bind(None::<i64>),
    })
}

pub(super) fn cell(row: &SqliteRow, index: usize) -> Result<Cell<'_>, FoundInstead> {
    let raw = row.try_get_raw(index).map_err(|_| "no column")?;
    if raw.is_null() {
        return Ok(Cell::Null);
    }
    let unreadable = |_| FoundInstead::from("text that is not UTF-8");
    let type_info = raw.type_info().into_owned();
    match type_info.name() {
        "INTEGER" => <i64 as Decode<Sqlite>>::decode(raw).map(Cell::Integer).map_err(unreadable),
        "REAL" => <f64 as Decode<Sqlite>>::decode(raw).map(Cell::Real).map_err(unreadable),
        "TEXT" => <&str as Decode<Sqlite>>::decode(raw).map(Cell::Text).map_err(unreadable),
        _ => Ok(Cell::Bytes),
    }
}
