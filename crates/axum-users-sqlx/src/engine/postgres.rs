//! PostgreSQL's driver: how values are stored and read.

use std::borrow::Cow;

use axum_users::{
    Date, Timestamp,
    schema::{ColumnType, Value},
};
use serde_json::Value as Json;
use sqlx::{
    Decode, Encode, Postgres, Row, Type, TypeInfo, ValueRef,
    encode::IsNull,
    error::BoxDynError,
    postgres::{PgArgumentBuffer, PgArguments, PgRow, PgTypeInfo, PgTypeKind, PgValueRef, types::Oid},
    query::Query,
};
use uuid::Uuid;

use super::{
    Call,
    call::Argument,
    row::{Cell, FoundInstead},
};

pub(super) fn query(call: Call) -> Query<'static, Postgres, PgArguments> {
    call.arguments.into_iter().fold(sqlx::query(call.sql), |query, Argument { value, column_type }| {
        match value {
            Value::Bool(value) => query.bind(value),
            Value::Integer(value) => query.bind(value),
            Value::Float(value) => query.bind(value),
            Value::Text(value) => query.bind(Untyped(Some(value))),
            Value::Uuid(value) => query.bind(value),
            Value::Date(value) => query.bind(value),
            Value::Timestamp(value) => query.bind(value),
            Value::Json(value) => query.bind(value),
            Value::ObjectId(value) => query.bind(Untyped(Some(value.to_string()))),
            // NULL has the type that other values have in its place: the statement is prepared once for all.
            _ => match column_type {
                ColumnType::Bool => query.bind(None::<bool>),
                ColumnType::Integer => query.bind(None::<i64>),
                ColumnType::Float => query.bind(None::<f64>),
                ColumnType::Uuid => query.bind(None::<Uuid>),
                ColumnType::Date => query.bind(None::<Date>),
                ColumnType::Timestamp => query.bind(None::<Timestamp>),
                ColumnType::Json => query.bind(None::<Json>),
                _ => query.bind(Untyped(None)),
            },
        }
    })
}

/// Text whose type the server settles, so that it also fits columns of CITEXT or of an enum.
struct Untyped(Option<String>);

impl Type<Postgres> for Untyped {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(Oid(0))
    }
}

impl Encode<'_, Postgres> for Untyped {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        match &self.0 {
            None => Ok(IsNull::Yes),
            Some(text) => <&str as Encode<Postgres>>::encode(text, buffer),
        }
    }
}

pub(super) fn cell(row: &PgRow, index: usize) -> Result<Cell<'_>, FoundInstead> {
    let raw = row.try_get_raw(index).map_err(|_| "no column")?;
    if raw.is_null() {
        return Ok(Cell::Null);
    }
    let type_info = raw.type_info().into_owned();
    match type_info.name() {
        "BOOL" => decode(raw).map(Cell::Bool),
        "INT2" => decode::<i16>(raw).map(|value| Cell::Integer(value.into())),
        "INT4" => decode::<i32>(raw).map(|value| Cell::Integer(value.into())),
        "INT8" => decode(raw).map(Cell::Integer),
        "FLOAT4" => decode::<f32>(raw).map(|value| Cell::Real(value.into())),
        "FLOAT8" => decode(raw).map(Cell::Real),
        "TEXT" | "VARCHAR" | "CHAR" | "NAME" | "citext" => decode(raw).map(Cell::Text),
        "UUID" => decode(raw).map(Cell::Uuid),
        "DATE" => date(&raw).map(Cell::Date),
        "TIMESTAMPTZ" | "TIMESTAMP" => timestamp(&raw).map(Cell::Timestamp),
        "JSON" | "JSONB" => decode(raw).map(Cell::Json),
        "BYTEA" => Ok(Cell::Bytes),
        _ if matches!(type_info.kind(), PgTypeKind::Enum(_)) => decode(raw).map(Cell::Text),
        name => Ok(Cell::Other(name.to_owned())),
    }
}

fn decode<'r, T: Decode<'r, Postgres>>(raw: PgValueRef<'r>) -> Result<T, FoundInstead> {
    T::decode(raw).map_err(|_| Cow::Borrowed("a value that cannot be read"))
}

/// 1 January 2000, PostgreSQL's epoch, in microseconds since 1970.
const EPOCH: i64 = 946_684_800_000_000;

/// Microseconds since the epoch; `infinity` and years beyond 9999 are no moments.
fn timestamp(raw: &PgValueRef<'_>) -> Result<Timestamp, FoundInstead> {
    let micros = raw.as_bytes().ok().and_then(|bytes| bytes.try_into().ok()).map(i64::from_be_bytes);
    let since_1970 = micros.and_then(|micros| micros.checked_add(EPOCH));
    let at =
        since_1970.and_then(|micros| Timestamp::from_unix_timestamp_nanos(i128::from(micros) * 1000).ok());
    at.ok_or(Cow::Borrowed("a timestamp out of range"))
}

/// Days since the epoch; likewise.
fn date(raw: &PgValueRef<'_>) -> Result<Date, FoundInstead> {
    let days = raw.as_bytes().ok().and_then(|bytes| bytes.try_into().ok()).map(i32::from_be_bytes);
    let seconds = days.map(|days| EPOCH / 1_000_000 + i64::from(days) * 86_400);
    let at = seconds.and_then(|seconds| Timestamp::from_unix_timestamp(seconds).ok());
    at.map(Timestamp::date).ok_or(Cow::Borrowed("a date out of range"))
}
