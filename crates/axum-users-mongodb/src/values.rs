//! Values as BSON, and documents as rows.

use axum_users::{
    DatabaseError, Date, ObjectId, Timestamp,
    schema::{Column, ColumnType, DecodeError, RowReader, Schema, Value},
};
use mongodb::bson::{
    self, Bson, DateTime, RawBsonRef, RawDocument,
    spec::{BinarySubtype, ElementType},
};
use time::{Month, UtcOffset};
use uuid::Uuid;

use crate::json;

/// The value as it is stored.
pub(crate) fn to_bson(value: &Value) -> Result<Bson, DatabaseError> {
    Ok(match value {
        Value::Null => Bson::Null,
        Value::Bool(value) => Bson::Boolean(*value),
        Value::Integer(value) => Bson::Int64(*value),
        Value::Float(value) => Bson::Double(*value),
        Value::Text(text) => Bson::String(text.clone()),
        Value::Uuid(id) => bson::Uuid::from_bytes(id.into_bytes()).into(),
        Value::Date(date) => Bson::String(date_text(*date)),
        Value::Timestamp(at) => Bson::DateTime(date_time(*at)),
        Value::Json(value) => json::to_bson(value),
        Value::ObjectId(ObjectId(bytes)) => Bson::ObjectId(bson::oid::ObjectId::from_bytes(*bytes)),
        other => return Err(DatabaseError::Other(format!("no BSON for {other:?}").into())),
    })
}

/// The moment without what is beyond milliseconds.
pub(crate) fn date_time(at: Timestamp) -> DateTime {
    let milliseconds = at.unix_timestamp_nanos().div_euclid(1_000_000);
    // Every moment that `time` knows is far within 64 bits of milliseconds.
    DateTime::from_millis(i64::try_from(milliseconds).unwrap_or(i64::MAX))
}

/// `None` for a moment beyond the years that a timestamp may have.
pub(crate) fn timestamp(at: DateTime) -> Option<Timestamp> {
    Timestamp::from_unix_timestamp_nanos(i128::from(at.timestamp_millis()) * 1_000_000).ok()
}

/// `2026-11-23`.
pub(crate) fn date_text(date: Date) -> String {
    let (year, month, day) = date.to_calendar_date();
    format!("{year:04}-{:02}-{day:02}", u8::from(month))
}

fn parse_date(text: &str) -> Option<Date> {
    let mut parts = text.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let lengths = (year.len(), month.len(), day.len()) == (4, 2, 2);
    if !lengths || parts.next().is_some() || !text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-') {
        return None;
    }
    let month = Month::try_from(month.parse::<u8>().ok()?).ok()?;
    Date::from_calendar_date(year.parse().ok()?, month, day.parse().ok()?).ok()
}

/// Midnight in UTC of a date, as other programs store one.
pub(crate) fn midnight(date: Date) -> DateTime {
    date_time(date.midnight().assume_utc())
}

/// A stored value read as a column's type; `None` when it is none. Other programs' ways to store one are read too.
pub(crate) fn from_bson(value: RawBsonRef<'_>, column_type: ColumnType) -> Option<Value> {
    Some(match (column_type, value) {
        (ColumnType::Json, value) => Value::Json(json::from_bson(value)?),
        (_, RawBsonRef::Null | RawBsonRef::Undefined) => Value::Null,
        (ColumnType::Bool, RawBsonRef::Boolean(value)) => Value::Bool(value),
        (ColumnType::Integer, RawBsonRef::Int32(value)) => Value::Integer(i64::from(value)),
        (ColumnType::Integer, RawBsonRef::Int64(value)) => Value::Integer(value),
        (ColumnType::Integer, RawBsonRef::Double(value)) => Value::Integer(whole(value)?),
        (ColumnType::Float, RawBsonRef::Double(value)) => Value::Float(value),
        (ColumnType::Float, RawBsonRef::Int32(value)) => Value::Float(f64::from(value)),
        #[expect(clippy::cast_precision_loss, reason = "the column's precision is a double's")]
        (ColumnType::Float, RawBsonRef::Int64(value)) => Value::Float(value as f64),
        (ColumnType::Text, RawBsonRef::String(text)) => Value::Text(text.to_owned()),
        (ColumnType::Uuid, RawBsonRef::Binary(binary))
            if matches!(binary.subtype, BinarySubtype::Uuid | BinarySubtype::UuidOld) =>
        {
            Value::Uuid(Uuid::from_slice(binary.bytes).ok()?)
        }
        (ColumnType::Uuid, RawBsonRef::String(text)) => Value::Uuid(Uuid::try_parse(text).ok()?),
        (ColumnType::Date, RawBsonRef::String(text)) => Value::Date(parse_date(text)?),
        (ColumnType::Date, RawBsonRef::DateTime(at)) => {
            Value::Date(timestamp(at)?.to_offset(UtcOffset::UTC).date())
        }
        (ColumnType::Timestamp, RawBsonRef::DateTime(at)) => Value::Timestamp(timestamp(at)?),
        (ColumnType::ObjectId, RawBsonRef::ObjectId(id)) => Value::ObjectId(ObjectId(id.bytes())),
        _ => return None,
    })
}

/// A number without a fraction, within what a double keeps exactly.
#[expect(clippy::cast_possible_truncation, reason = "the range was looked at")]
fn whole(value: f64) -> Option<i64> {
    let exact = value.fract() == 0.0 && value.abs() <= 9_007_199_254_740_992.0;
    exact.then_some(value as i64)
}

/// What a value is, in words; never the value itself.
pub(crate) fn describe(value: RawBsonRef<'_>) -> &'static str {
    match value.element_type() {
        ElementType::Double | ElementType::Int32 | ElementType::Int64 | ElementType::Decimal128 => "a number",
        ElementType::String => "text",
        ElementType::EmbeddedDocument => "a document",
        ElementType::Array => "an array",
        ElementType::Binary => "a binary",
        ElementType::Boolean => "a boolean",
        ElementType::Null | ElementType::Undefined => "null",
        ElementType::DateTime => "a date",
        ElementType::ObjectId => "an ObjectId",
        _ => "something else",
    }
}

/// A user's document, read by the schema's columns.
pub(crate) struct Row<'a> {
    schema: &'a Schema,
    values: Vec<Option<RawBsonRef<'a>>>,
}

impl<'a> Row<'a> {
    /// Finds the columns' values in one pass over the document.
    pub(crate) fn new(
        schema: &'a Schema,
        id_field: &str,
        document: &'a RawDocument,
    ) -> Result<Self, DecodeError> {
        let mut values = vec![None; schema.columns().len()];
        for field in document {
            let (name, value) = field.map_err(|_| DecodeError::new("?", "BSON", "something else"))?;
            let index = match name.as_str() {
                name if name == id_field => Some(0),
                name => {
                    schema.columns().iter().skip(1).position(|column| column.name == name).map(|at| at + 1)
                }
            };
            if let Some(index) = index {
                values[index] = Some(value);
            }
        }
        Ok(Self { schema, values })
    }
}

impl RowReader for Row<'_> {
    fn value(&mut self, index: usize, column_type: ColumnType) -> Result<Value, DecodeError> {
        let column = &self.schema.columns()[index];
        let Some(value) = self.values[index] else { return Ok(absent(column)) };
        match from_bson(value, column_type) {
            // JSON's null is SQL's NULL where the field may be absent.
            Some(Value::Json(serde_json::Value::Null)) if column.nullable => Ok(Value::Null),
            Some(value) => Ok(value),
            None => Err(DecodeError::new(column.name.clone(), column_type.to_string(), describe(value))),
        }
    }
}

/// The value of a column that a document does not name, such as one that was made before the column was.
fn absent(column: &Column) -> Value {
    column.default.clone().unwrap_or(Value::Null)
}

#[cfg(test)]
mod tests {
    use mongodb::bson::{RawDocumentBuf, doc};
    use time::macros::{date, datetime};

    use super::*;

    #[test]
    fn other_programs_ways_to_store_a_value_are_read() {
        let id = Uuid::from_u128(0x000a_0000_0000_4000_8000_0000_0000_0001);
        let old = bson::Binary { subtype: BinarySubtype::UuidOld, bytes: id.as_bytes().to_vec() };
        let birthday = Value::Date(date!(1912 - 06 - 23));
        for (bson, column_type, expected) in [
            (Bson::Int32(7), ColumnType::Integer, Some(Value::Integer(7))),
            (Bson::Double(7.0), ColumnType::Integer, Some(Value::Integer(7))),
            (Bson::Double(7.5), ColumnType::Integer, None),
            (Bson::Double(1e300), ColumnType::Integer, None),
            (Bson::Int32(7), ColumnType::Float, Some(Value::Float(7.0))),
            (Bson::Binary(old), ColumnType::Uuid, Some(Value::Uuid(id))),
            (Bson::String(id.simple().to_string()), ColumnType::Uuid, Some(Value::Uuid(id))),
            (Bson::DateTime(midnight(date!(1912 - 06 - 23))), ColumnType::Date, Some(birthday.clone())),
            (Bson::String("1912-06-23".into()), ColumnType::Date, Some(birthday)),
            (Bson::String("1912-6-23".into()), ColumnType::Date, None),
            (Bson::String("1912-06-31".into()), ColumnType::Date, None),
            (Bson::String("2026-11-23T10:00:00Z".into()), ColumnType::Timestamp, None),
            (Bson::DateTime(DateTime::MAX), ColumnType::Timestamp, None),
            (Bson::Int32(1), ColumnType::Bool, None),
            (Bson::Int32(1), ColumnType::Text, None),
            (Bson::Undefined, ColumnType::Text, Some(Value::Null)),
        ] {
            let document = RawDocumentBuf::try_from(&doc! { "value": bson.clone() }).unwrap();
            let value = document.get("value").unwrap().unwrap();
            assert_eq!(from_bson(value, column_type), expected, "{bson:?} as {column_type}");
        }
    }

    #[test]
    fn a_timestamp_is_kept_to_the_millisecond_before_it() {
        for (at, milliseconds) in [
            (datetime!(2026-11-23 10:00:00.001999 UTC), 1_795_428_000_001),
            (datetime!(1969-12-31 23:59:59.999999 UTC), -1),
            (datetime!(1970-01-01 02:00 +02:00), 0),
        ] {
            assert_eq!(date_time(at).timestamp_millis(), milliseconds);
        }
    }
}
