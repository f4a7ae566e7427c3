//! The neutral vocabulary between a user model and a database: columns, values, records.
//!
//! A [`UserModel`](crate::UserModel) describes its table once, as a [`Schema`]. From it come the reader that
//! checks request bodies, the OpenAPI document, the migrations, and every adapter's statements. A schema is a
//! value and not a type, so a program may also make one at run time, as the server does from its config file.

use std::{borrow::Cow, fmt, sync::Arc};

use serde::{Serialize, Serializer};
use serde_json::Value as Json;
use uuid::Uuid;

/// A calendar date without a time; `2026-11-23` in JSON.
pub use time::Date;

/// A point in time; RFC 3339 text in JSON, for example `2026-11-23T10:00:00Z`.
pub type Timestamp = time::OffsetDateTime;

/// How many columns every user table has: see [`BASE_COLUMNS`].
pub const BASE_COLUMN_COUNT: usize = BASE_COLUMNS.len();

/// The columns every user table has, in the order in which a row is read. Own columns follow them.
pub const BASE_COLUMNS: [&str; 6] =
    ["id", "email", "hashed_password", "is_active", "is_superuser", "is_verified"];

/// A MongoDB ObjectId: 12 bytes, 24 hexadecimal digits as text.
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

/// The stored value does not fit what the model says of its column.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("column `{column}` should hold {expected}, found {found}")]
pub struct DecodeError {
    /// The column's name, or its position where the name is not known.
    pub column: Cow<'static, str>,
    /// What the model expects there.
    pub expected: Cow<'static, str>,
    /// What was found; never the value itself, which may be a secret.
    pub found: Cow<'static, str>,
}

impl DecodeError {
    /// An error for the column of this name.
    pub fn new(
        column: impl Into<Cow<'static, str>>,
        expected: impl Into<Cow<'static, str>>,
        found: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { column: column.into(), expected: expected.into(), found: found.into() }
    }

    fn of(value: &Value, expected: impl fmt::Display) -> Self {
        let found = match value {
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Integer(_) => "an integer",
            Value::Float(_) => "a number",
            Value::Text(_) => "text",
            Value::Uuid(_) => "a UUID",
            Value::Date(_) => "a date",
            Value::Timestamp(_) => "a timestamp",
            Value::Json(_) => "a JSON value",
            Value::ObjectId(_) => "an ObjectId",
        };
        Self::new("?", expected.to_string(), found)
    }

    /// The same error, with the column's name filled in.
    #[must_use]
    pub fn at(mut self, column: impl Into<Cow<'static, str>>) -> Self {
        self.column = column.into();
        self
    }
}

/// One row of the user table, read by position: the base columns in the order of [`BASE_COLUMNS`], then the
/// model's own in the order of its schema.
pub trait RowReader {
    /// The value at `index`, read as `column_type`; [`Value::Null`] where the row holds NULL.
    ///
    /// # Errors
    /// The stored value cannot be read as that type.
    fn value(&mut self, index: usize, column_type: ColumnType) -> Result<Value, DecodeError>;
}

/// Types that can be a field of a user model.
///
/// Implemented for `bool`, the integers up to 64 bits that fit into `i64`, `f32`, `f64`, `String`, [`Uuid`],
/// [`Date`], [`Timestamp`], [`serde_json::Value`] and [`ObjectId`], and for an [`Option`] of each. An enum
/// without data gets it by `#[derive(ColumnValue)]` and is stored as text.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a field of a user model",
    label = "not a column type",
    note = "use `bool`, an integer, a float, `String`, `Uuid`, `Date`, `Timestamp`, `serde_json::Value`, an enum with `#[derive(ColumnValue)]`, an `Option` of these, or implement `ColumnValue`"
)]
pub trait ColumnValue: Clone + Send + Sync + Sized + 'static {
    /// What the column holds.
    const TYPE: ColumnType;
    /// Whether the column may hold NULL.
    const NULLABLE: bool = false;
    /// The only texts the column may hold; empty when any will do.
    const CHOICES: &'static [&'static str] = &[];
    /// The least and greatest integer the type can hold, for integer columns.
    const RANGE: (i64, i64) = (i64::MIN, i64::MAX);

    /// The value as a database takes it.
    fn into_value(self) -> Value;

    /// The field's value from a database's.
    ///
    /// # Errors
    /// The value is of another type, or is none of this type's.
    fn from_value(value: Value) -> Result<Self, DecodeError>;

    /// Writes the field as the user JSON shows it.
    ///
    /// # Errors
    /// The serializer's own.
    fn serialize_field<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.clone().into_value().serialize(serializer)
    }
}

/// A field that serializes as the user JSON shows it; what the derive writes answers with.
#[derive(Debug)]
pub struct Shown<'a, T>(pub &'a T);

impl<T: ColumnValue> Serialize for Shown<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize_field(serializer)
    }
}

macro_rules! column_values {
    ($($type:ty => $variant:ident),* $(,)?) => {$(
        impl ColumnValue for $type {
            const TYPE: ColumnType = ColumnType::$variant;

            fn into_value(self) -> Value {
                Value::$variant(self)
            }

            fn from_value(value: Value) -> Result<Self, DecodeError> {
                match value {
                    Value::$variant(value) => Ok(value),
                    other => Err(DecodeError::of(&other, ColumnType::$variant)),
                }
            }
        }
    )*};
}

column_values! { bool => Bool, i64 => Integer, f64 => Float, Uuid => Uuid, Date => Date, Timestamp => Timestamp, ObjectId => ObjectId }

/// The types that own memory serialize without a copy.
macro_rules! owned_column_values {
    ($($type:ty => $variant:ident),* $(,)?) => {$(
        impl ColumnValue for $type {
            const TYPE: ColumnType = ColumnType::$variant;

            fn into_value(self) -> Value {
                Value::$variant(self)
            }

            fn from_value(value: Value) -> Result<Self, DecodeError> {
                match value {
                    Value::$variant(value) => Ok(value),
                    other => Err(DecodeError::of(&other, ColumnType::$variant)),
                }
            }

            fn serialize_field<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                self.serialize(serializer)
            }
        }
    )*};
}

owned_column_values! { String => Text, Json => Json }

macro_rules! integer_values {
    ($($type:ty),*) => {$(
        impl ColumnValue for $type {
            const TYPE: ColumnType = ColumnType::Integer;
            const RANGE: (i64, i64) = (<$type>::MIN as i64, <$type>::MAX as i64);

            fn into_value(self) -> Value {
                Value::Integer(i64::from(self))
            }

            fn from_value(value: Value) -> Result<Self, DecodeError> {
                let wide = i64::from_value(value)?;
                Self::try_from(wide).map_err(|_| {
                    DecodeError::new("?", concat!("an integer that fits `", stringify!($type), "`"), "a larger one")
                })
            }
        }
    )*};
}

integer_values!(i8, i16, i32, u8, u16, u32);

impl ColumnValue for f32 {
    const TYPE: ColumnType = ColumnType::Float;

    fn into_value(self) -> Value {
        Value::Float(f64::from(self))
    }

    #[expect(clippy::cast_possible_truncation, reason = "the column's precision is the field's")]
    fn from_value(value: Value) -> Result<Self, DecodeError> {
        f64::from_value(value).map(|wide| wide as Self)
    }
}

impl<T: ColumnValue> ColumnValue for Option<T> {
    const TYPE: ColumnType = T::TYPE;
    const NULLABLE: bool = true;
    const CHOICES: &'static [&'static str] = T::CHOICES;
    const RANGE: (i64, i64) = T::RANGE;

    fn into_value(self) -> Value {
        self.map_or(Value::Null, T::into_value)
    }

    fn from_value(value: Value) -> Result<Self, DecodeError> {
        match value {
            Value::Null => Ok(None),
            value => T::from_value(value).map(Some),
        }
    }

    fn serialize_field<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Some(value) => value.serialize_field(serializer),
            None => serializer.serialize_none(),
        }
    }
}

/// A rule of the application for one field: `Err` carries the sentence that the 422 answer shows.
pub type Validator = Arc<dyn Fn(&Value) -> Result<(), String> + Send + Sync>;

/// One column of the user table, and what requests may do with it.
#[derive(Clone)]
#[non_exhaustive]
pub struct Column {
    /// The column's name, which is also the field's name in JSON.
    pub name: Cow<'static, str>,
    /// What it holds.
    pub column_type: ColumnType,
    /// Whether it may hold NULL; nullable fields are optional in requests.
    pub nullable: bool,
    /// Shown, never accepted from a request: `#[user(readonly)]`.
    pub readonly: bool,
    /// Never shown: `#[user(private)]`.
    pub private: bool,
    /// The value of a row for which none is given: `#[user(default = …)]`.
    pub default: Option<Value>,
    /// The only texts it may hold; empty when any will do.
    pub choices: Vec<Cow<'static, str>>,
    /// The least and greatest integer it may hold.
    pub range: (i64, i64),
    /// The application's own rule: `#[user(validate = path)]`.
    pub validate: Option<Validator>,
}

impl Column {
    /// A column of this name and type that is not nullable and that requests may set.
    pub fn new(name: impl Into<Cow<'static, str>>, column_type: ColumnType) -> Self {
        Self {
            name: name.into(),
            column_type,
            nullable: false,
            readonly: false,
            private: false,
            default: None,
            choices: Vec::new(),
            range: (i64::MIN, i64::MAX),
            validate: None,
        }
    }

    /// The column for a field of type `T`.
    #[must_use]
    pub fn of<T: ColumnValue>(name: &'static str) -> Self {
        let mut column = Self::new(name, T::TYPE);
        column.nullable = T::NULLABLE;
        column.choices = T::CHOICES.iter().map(|&choice| Cow::Borrowed(choice)).collect();
        column.range = T::RANGE;
        column
    }

    /// Allows NULL.
    #[must_use]
    pub fn nullable(mut self) -> Self {
        self.nullable = true;
        self
    }

    /// Shown, never accepted from a request.
    #[must_use]
    pub fn readonly(mut self) -> Self {
        self.readonly = true;
        self
    }

    /// Never shown.
    #[must_use]
    pub fn private(mut self) -> Self {
        self.private = true;
        self
    }

    /// The value of a row for which none is given.
    #[must_use]
    pub fn default_value(mut self, value: Value) -> Self {
        self.default = Some(value);
        self
    }

    /// The application's own rule; see [`Validator`].
    #[must_use]
    pub fn validate(mut self, rule: impl Fn(&Value) -> Result<(), String> + Send + Sync + 'static) -> Self {
        self.validate = Some(Arc::new(rule));
        self
    }

    /// Whether a registration has to name a value for it.
    #[must_use]
    pub fn is_required(&self) -> bool {
        !self.nullable && self.default.is_none()
    }
}

impl fmt::Debug for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Column")
            .field("name", &self.name)
            .field("column_type", &self.column_type)
            .field("nullable", &self.nullable)
            .field("readonly", &self.readonly)
            .field("private", &self.private)
            .field("default", &self.default)
            .finish_non_exhaustive()
    }
}

/// A user model's table: its name, its columns, and the stem of the names of its schemas.
#[derive(Clone, Debug)]
pub struct Schema {
    name: Cow<'static, str>,
    table: Cow<'static, str>,
    columns: Vec<Column>,
}

impl Schema {
    /// The base columns with an id of `id_type`, in the table `user`, with schemas named `UserRead`,
    /// `UserCreate` and `UserUpdate`.
    #[must_use]
    pub fn new(id_type: ColumnType) -> Self {
        let types = [
            id_type,
            ColumnType::Text,
            ColumnType::Text,
            ColumnType::Bool,
            ColumnType::Bool,
            ColumnType::Bool,
        ];
        let columns = BASE_COLUMNS.iter().zip(types).map(|(&name, of)| Column::new(name, of)).collect();
        Self { name: Cow::Borrowed("User"), table: Cow::Borrowed("user"), columns }
    }

    /// The stem of the schemas' names: `User` gives `UserRead`, `UserCreate`, `UserUpdate`.
    #[must_use]
    pub fn named(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.name = name.into();
        self
    }

    /// The table's or collection's name.
    #[must_use]
    pub fn in_table(mut self, table: impl Into<Cow<'static, str>>) -> Self {
        self.table = table.into();
        self
    }

    /// Adds one of the application's own columns.
    #[must_use]
    pub fn with(mut self, column: Column) -> Self {
        self.columns.push(column);
        self
    }

    /// The stem of the schemas' names.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The table's or collection's name.
    #[must_use]
    pub fn table(&self) -> &str {
        &self.table
    }

    /// What the `id` column holds.
    #[must_use]
    pub fn id_type(&self) -> ColumnType {
        self.columns[0].column_type
    }

    /// Every column: the base ones in the order of [`BASE_COLUMNS`], then the model's own.
    #[must_use]
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The application's own columns.
    #[must_use]
    pub fn own_columns(&self) -> &[Column] {
        &self.columns[BASE_COLUMN_COUNT..]
    }

    /// The own columns that requests may set.
    pub fn settable_columns(&self) -> impl Iterator<Item = &Column> {
        self.own_columns().iter().filter(|column| !column.readonly)
    }

    /// The own columns that answers show.
    pub fn shown_columns(&self) -> impl Iterator<Item = &Column> {
        self.own_columns().iter().filter(|column| !column.private)
    }

    /// The column of this name.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }
}

/// Column names with their values, in the order in which they were set.
///
/// Its `Debug` output hides the columns `password` and `hashed_password`.
#[derive(Clone, Default, PartialEq)]
pub struct Record(Vec<(Cow<'static, str>, Value)>);

impl Record {
    /// A record without values.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a column, in place of the value it had.
    pub fn set(&mut self, name: impl Into<Cow<'static, str>>, value: Value) {
        let name = name.into();
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, slot)) => *slot = value,
            None => self.0.push((name, value)),
        }
    }

    /// The same record with a column set.
    #[must_use]
    pub fn with(mut self, name: impl Into<Cow<'static, str>>, value: Value) -> Self {
        self.set(name, value);
        self
    }

    /// The value of a column; `None` when the record does not name it.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// Takes a column out of the record.
    pub fn remove(&mut self, name: &str) -> Option<Value> {
        let index = self.0.iter().position(|(known, _)| known == name)?;
        Some(self.0.remove(index).1)
    }

    /// Takes a column out of the record as a field of type `T`; NULL when the record does not name it.
    ///
    /// # Errors
    /// The value does not fit `T`.
    pub fn take<T: ColumnValue>(&mut self, name: &'static str) -> Result<T, DecodeError> {
        T::from_value(self.remove(name).unwrap_or(Value::Null)).map_err(|error| error.at(name))
    }

    /// Takes a column out of the record as a field of type `T`; `None` when the record does not name it.
    ///
    /// # Errors
    /// The value does not fit `T`.
    pub fn take_optional<T: ColumnValue>(&mut self, name: &'static str) -> Result<Option<T>, DecodeError> {
        let Some(value) = self.remove(name) else { return Ok(None) };
        T::from_value(value).map(Some).map_err(|error| error.at(name))
    }

    /// Sets every column that `changes` names.
    pub fn merge(&mut self, changes: &Self) {
        for (name, value) in changes.iter() {
            self.set(name.clone(), value.clone());
        }
    }

    /// Keeps the columns for which `keep` says so.
    pub fn retain(&mut self, mut keep: impl FnMut(&str) -> bool) {
        self.0.retain(|(name, _)| keep(name));
    }

    /// The columns with their values, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&Cow<'static, str>, &Value)> {
        self.0.iter().map(|(name, value)| (name, value))
    }

    /// How many columns the record names.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether the record names no column.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The record as a row of `schema`'s table, for adapters that keep records.
    pub fn reader<'a>(&'a self, schema: &'a Schema) -> impl RowReader + 'a {
        RecordReader { record: self, schema }
    }
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let secret = |name: &str| matches!(name, "password" | "hashed_password");
        let mut map = f.debug_map();
        for (name, value) in self.iter() {
            if secret(name) {
                map.entry(name, &"[REDACTED]")
            } else {
                map.entry(name, value)
            };
        }
        map.finish()
    }
}

impl FromIterator<(Cow<'static, str>, Value)> for Record {
    fn from_iter<I: IntoIterator<Item = (Cow<'static, str>, Value)>>(pairs: I) -> Self {
        let mut record = Self::new();
        for (name, value) in pairs {
            record.set(name, value);
        }
        record
    }
}

struct RecordReader<'a> {
    record: &'a Record,
    schema: &'a Schema,
}

impl RowReader for RecordReader<'_> {
    fn value(&mut self, index: usize, _: ColumnType) -> Result<Value, DecodeError> {
        let name = &self.schema.columns[index].name;
        Ok(self.record.get(name).cloned().unwrap_or(Value::Null))
    }
}
