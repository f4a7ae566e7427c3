//! Rust types as fields of a model: [`ColumnValue`], and reading a row.

use std::{borrow::Cow, fmt};

use serde::{Serialize, Serializer};
use serde_json::Value as Json;
use uuid::Uuid;

use super::{ColumnType, Date, ObjectId, Timestamp, Value};

/// The stored value does not fit what the model says of its column.
///
/// ```
/// use axum_users::schema::{ColumnValue, DecodeError, Value};
///
/// let error: DecodeError = String::from_value(Value::Bool(true)).unwrap_err();
/// assert!(error.at("first_name").to_string().contains("first_name"));
/// ```
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

/// One row of the user table, read by position: the base columns in the order of [`BASE_COLUMNS`](super::BASE_COLUMNS), then the
/// model's own in the order of its schema.
///
/// ```
/// use axum_users::schema::{ColumnType, DecodeError, RowReader, Value};
///
/// /// A row of texts, as some driver has it.
/// struct Texts(Vec<String>);
///
/// impl RowReader for Texts {
///     fn value(&mut self, index: usize, _: ColumnType) -> Result<Value, DecodeError> {
///         Ok(self.0.get(index).map_or(Value::Null, |text| Value::Text(text.clone())))
///     }
/// }
/// ```
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
///
/// ```
/// use axum_users::schema::{ColumnType, ColumnValue, DecodeError, Value};
///
/// /// An amount of money, kept as whole cents.
/// #[derive(Clone, Debug, PartialEq)]
/// struct Cents(i64);
///
/// impl ColumnValue for Cents {
///     const TYPE: ColumnType = ColumnType::Integer;
///
///     fn into_value(self) -> Value {
///         Value::Integer(self.0)
///     }
///
///     fn from_value(value: Value) -> Result<Self, DecodeError> {
///         i64::from_value(value).map(Self)
///     }
/// }
/// assert_eq!(Cents::from_value(Cents(250).into_value()), Ok(Cents(250)));
/// ```
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
///
/// ```
/// use axum_users::schema::Shown;
///
/// assert_eq!(serde_json::to_string(&Shown(&true)).unwrap(), "true");
/// ```
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
