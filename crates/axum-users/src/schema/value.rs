//! Values, and the types that columns have.

use std::fmt;

use serde::{Serialize, Serializer};
use serde_json::Value as Json;
use uuid::Uuid;

/// A calendar date without a time; `2026-11-23` in JSON.
pub use time::Date;

/// A point in time; RFC 3339 text in JSON, for example `2026-11-23T10:00:00Z`.
///
/// ```
/// use axum_users::Timestamp;
///
/// assert_eq!(Timestamp::UNIX_EPOCH.unix_timestamp(), 0);
/// ```
pub type Timestamp = time::OffsetDateTime;

/// A MongoDB ObjectId: 12 bytes, 24 hexadecimal digits as text.
///
/// ```
/// use axum_users::ObjectId;
///
/// let id = ObjectId::parse("65f0c1d2e3a4b5c6d7e8f901").unwrap();
/// assert_eq!(id.to_string(), "65f0c1d2e3a4b5c6d7e8f901");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectId(pub [u8; 12]);

impl ObjectId {
    /// Reads 24 hexadecimal digits of any case; `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != 24 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let mut bytes = [0; 12];
        for (index, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[index * 2..index * 2 + 2], 16).ok()?;
        }
        Some(Self(bytes))
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ObjectId({self})")
    }
}

/// What a column holds. How it is stored is the adapter's decision (a UUID is native on PostgreSQL and text
/// on SQLite, as in the original's tables).
///
/// ```
/// use axum_users::schema::{ColumnType, ColumnValue};
///
/// assert_eq!(<Option<String> as ColumnValue>::TYPE, ColumnType::Text);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ColumnType {
    /// `true` or `false`.
    Bool,
    /// A signed integer of 64 bits.
    Integer,
    /// A double-precision number.
    Float,
    /// Unicode text.
    Text,
    /// A UUID.
    Uuid,
    /// A calendar date.
    Date,
    /// A point in time, kept to the microsecond.
    Timestamp,
    /// Any JSON value.
    Json,
    /// A MongoDB ObjectId.
    ObjectId,
}

impl fmt::Display for ColumnType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bool => "a boolean",
            Self::Integer => "an integer",
            Self::Float => "a number",
            Self::Text => "text",
            Self::Uuid => "a UUID",
            Self::Date => "a date",
            Self::Timestamp => "a timestamp",
            Self::Json => "a JSON value",
            Self::ObjectId => "an ObjectId",
        })
    }
}

/// A value on its way to or from a database.
///
/// ```
/// use axum_users::schema::Value;
///
/// assert_eq!(Value::Text("Ada".into()).as_text(), Some("Ada"));
/// assert_eq!(Value::Bool(true).as_bool(), Some(true));
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// SQL's NULL.
    Null,
    /// See [`ColumnType::Bool`].
    Bool(bool),
    /// See [`ColumnType::Integer`].
    Integer(i64),
    /// See [`ColumnType::Float`].
    Float(f64),
    /// See [`ColumnType::Text`].
    Text(String),
    /// See [`ColumnType::Uuid`].
    Uuid(Uuid),
    /// See [`ColumnType::Date`].
    Date(Date),
    /// See [`ColumnType::Timestamp`].
    Timestamp(Timestamp),
    /// See [`ColumnType::Json`].
    Json(Json),
    /// See [`ColumnType::ObjectId`].
    ObjectId(ObjectId),
}

impl Value {
    /// The text, when the value is text.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The boolean, when the value is one.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            _ => None,
        }
    }
}

/// Values serialize as the user JSON shows them.
impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_none(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Integer(value) => serializer.serialize_i64(*value),
            Self::Float(value) => serializer.serialize_f64(*value),
            Self::Text(value) => serializer.serialize_str(value),
            Self::Uuid(value) => value.serialize(serializer),
            Self::Date(value) => serializer.collect_str(&DateText(*value)),
            Self::Timestamp(value) => serializer.collect_str(&TimestampText(*value)),
            Self::Json(value) => value.serialize(serializer),
            Self::ObjectId(value) => serializer.collect_str(value),
        }
    }
}

/// A date as `YYYY-MM-DD`.
struct DateText(Date);

impl fmt::Display for DateText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.0.to_calendar_date();
        write!(f, "{year:04}-{:02}-{day:02}", u8::from(month))
    }
}

/// A timestamp as Pydantic writes it: RFC 3339 in UTC, with six digits of a second when there is a fraction.
struct TimestampText(Timestamp);

impl fmt::Display for TimestampText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let utc = self.0.to_offset(time::UtcOffset::UTC);
        let (hour, minute, second, microsecond) = utc.to_hms_micro();
        write!(f, "{}T{hour:02}:{minute:02}:{second:02}", DateText(utc.date()))?;
        if microsecond != 0 {
            write!(f, ".{microsecond:06}")?;
        }
        f.write_str("Z")
    }
}
