//! Values between the library's vocabulary and SeaORM's.

use axum_users::{Timestamp, schema::Value};
use sea_orm::{DbBackend, sea_query::ColumnType};
use time::{OffsetDateTime, PrimitiveDateTime, UtcOffset};

/// The value as SeaORM keeps it in a column of this type; `None` when it does not fit.
pub(crate) fn to_sea(value: &Value, column: &ColumnType, backend: DbBackend) -> Option<sea_orm::Value> {
    use sea_orm::Value as Sea;
    Some(match value {
        Value::Bool(value) => Sea::Bool(Some(*value)),
        Value::Integer(value) => return integer(*value, column),
        #[expect(clippy::cast_possible_truncation, reason = "the column's precision is the field's")]
        Value::Float(value) if *column == ColumnType::Float => Sea::Float(Some(*value as f32)),
        Value::Float(value) => Sea::Double(Some(*value)),
        Value::Text(value) => Sea::String(Some(value.clone())),
        Value::Uuid(value) if *column == ColumnType::Uuid => Sea::Uuid(Some(*value)),
        Value::Uuid(value) => Sea::String(Some(value.hyphenated().to_string())),
        Value::Date(value) => Sea::TimeDate(Some(*value)),
        Value::Timestamp(value) => timestamp(*value, column, backend),
        // MySQL takes it as text.
        Value::Json(value) if backend != DbBackend::MySql && is_json(column) => {
            Sea::Json(Some(Box::new(value.clone())))
        }
        Value::Json(value) => Sea::String(Some(value.to_string())),
        Value::ObjectId(value) => Sea::String(Some(value.to_string())),
        _ => null(column),
    })
}

fn is_json(column: &ColumnType) -> bool {
    matches!(column, ColumnType::Json | ColumnType::JsonBinary)
}

fn integer(value: i64, column: &ColumnType) -> Option<sea_orm::Value> {
    use sea_orm::Value as Sea;
    Some(match column {
        ColumnType::TinyInteger => Sea::TinyInt(Some(value.try_into().ok()?)),
        ColumnType::SmallInteger => Sea::SmallInt(Some(value.try_into().ok()?)),
        ColumnType::Integer => Sea::Int(Some(value.try_into().ok()?)),
        ColumnType::TinyUnsigned => Sea::TinyUnsigned(Some(value.try_into().ok()?)),
        ColumnType::SmallUnsigned => Sea::SmallUnsigned(Some(value.try_into().ok()?)),
        ColumnType::Unsigned => Sea::Unsigned(Some(value.try_into().ok()?)),
        ColumnType::BigUnsigned => Sea::BigUnsigned(Some(value.try_into().ok()?)),
        _ => Sea::BigInt(Some(value)),
    })
}

/// Moments are stored in UTC. MySQL's own type for moments ends in 2038, and its parameters of that type do.
fn timestamp(value: Timestamp, column: &ColumnType, backend: DbBackend) -> sea_orm::Value {
    let utc = value.to_offset(UtcOffset::UTC);
    if backend == DbBackend::MySql || matches!(column, ColumnType::DateTime | ColumnType::Timestamp) {
        return sea_orm::Value::TimeDateTime(Some(PrimitiveDateTime::new(utc.date(), utc.time())));
    }
    sea_orm::Value::TimeDateTimeWithTimeZone(Some(utc))
}

/// NULL for a column of this type: databases and entities want to know whose.
fn null(column: &ColumnType) -> sea_orm::Value {
    use sea_orm::Value as Sea;
    match column {
        ColumnType::Boolean => Sea::Bool(None),
        ColumnType::TinyInteger => Sea::TinyInt(None),
        ColumnType::SmallInteger => Sea::SmallInt(None),
        ColumnType::Integer => Sea::Int(None),
        ColumnType::BigInteger => Sea::BigInt(None),
        ColumnType::TinyUnsigned => Sea::TinyUnsigned(None),
        ColumnType::SmallUnsigned => Sea::SmallUnsigned(None),
        ColumnType::Unsigned => Sea::Unsigned(None),
        ColumnType::BigUnsigned => Sea::BigUnsigned(None),
        ColumnType::Float => Sea::Float(None),
        ColumnType::Double => Sea::Double(None),
        ColumnType::Uuid => Sea::Uuid(None),
        ColumnType::Date => Sea::TimeDate(None),
        ColumnType::DateTime | ColumnType::Timestamp => Sea::TimeDateTime(None),
        ColumnType::TimestampWithTimeZone => Sea::TimeDateTimeWithTimeZone(None),
        ColumnType::Json | ColumnType::JsonBinary => Sea::Json(None),
        _ => Sea::String(None),
    }
}

/// A moment in a table of ours: in SQLite the text that SQLAlchemy writes, which sorts as time does.
pub(crate) fn moment(at: Timestamp, backend: DbBackend) -> sea_orm::Value {
    let utc: OffsetDateTime = at.to_offset(UtcOffset::UTC);
    if backend != DbBackend::Sqlite {
        return timestamp(at, &ColumnType::TimestampWithTimeZone, backend);
    }
    let (hour, minute, second, microsecond) = utc.to_hms_micro();
    let (year, month, day) = utc.to_calendar_date();
    let month = u8::from(month);
    sea_orm::Value::String(Some(format!(
        "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{microsecond:06}"
    )))
}

/// A moment that may be absent.
pub(crate) fn moment_or_null(at: Option<Timestamp>, backend: DbBackend) -> sea_orm::Value {
    match (at, backend) {
        (Some(at), _) => moment(at, backend),
        (None, DbBackend::Sqlite) => sea_orm::Value::String(None),
        (None, _) => sea_orm::Value::TimeDateTimeWithTimeZone(None),
    }
}

#[cfg(test)]
mod tests {
    use axum_users::schema::ObjectId;
    use sea_orm::Value as Sea;
    use time::macros::datetime;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn values_become_what_the_column_holds() {
        let id = Uuid::from_u128(7);
        let at = datetime!(2026-11-23 10:00:00.000001 +2);
        for (value, column, expected) in [
            (Value::Uuid(id), ColumnType::Uuid, Sea::Uuid(Some(id))),
            (Value::Uuid(id), ColumnType::Text, Sea::String(Some(id.to_string()))),
            (Value::Integer(7), ColumnType::SmallInteger, Sea::SmallInt(Some(7))),
            (Value::Float(0.5), ColumnType::Float, Sea::Float(Some(0.5))),
            (Value::Null, ColumnType::Date, Sea::TimeDate(None)),
            (Value::Null, ColumnType::Text, Sea::String(None)),
            (Value::ObjectId(ObjectId([0; 12])), ColumnType::Text, Sea::String(Some("0".repeat(24)))),
            (
                Value::Timestamp(at),
                ColumnType::TimestampWithTimeZone,
                Sea::TimeDateTimeWithTimeZone(Some(datetime!(2026-11-23 8:00:00.000001 UTC))),
            ),
        ] {
            assert_eq!(to_sea(&value, &column, DbBackend::Postgres), Some(expected));
        }
        assert_eq!(to_sea(&Value::Integer(70_000), &ColumnType::SmallInteger, DbBackend::Postgres), None);
    }

    #[test]
    fn sqlite_gets_the_moments_that_python_reads() {
        let at = datetime!(2026-01-02 03:04:05.000006 +1);
        let text = Sea::String(Some("2026-01-02 02:04:05.000006".to_owned()));
        assert_eq!(moment(at, DbBackend::Sqlite), text);
    }
}
