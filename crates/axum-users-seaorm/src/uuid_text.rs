//! A UUID that SeaORM stores as text.

use std::{fmt, ops::Deref, str::FromStr};

use axum_users::{
    ColumnValue, Random, UserId,
    schema::{ColumnType, DecodeError, Value},
};
use sea_orm::{
    ColIdx, DbErr, IntoActiveValue, QueryResult, TryFromU64, TryGetError, TryGetable,
    sea_query::{self, ArrayType, Nullable, StringLen, ValueType, ValueTypeErr},
};
use uuid::Uuid;

/// A UUID that is stored as 36 characters, `1e35ed81-…`, on every database: as FastAPI Users stores it in SQLite
/// and MySQL.
///
/// SeaORM stores a plain [`Uuid`] natively in PostgreSQL, and as 16 bytes in SQLite and MySQL, which Python does
/// not read. So an entity has the field `id: UuidText` for tables in SQLite and MySQL, and `id: Uuid` for tables
/// in PostgreSQL. To the rest of the application both look the same: JSON shows the same text.
///
/// ```
/// use axum_users_seaorm::UuidText;
///
/// let id = UuidText(uuid::Uuid::nil());
/// assert_eq!(id.to_string(), "00000000-0000-0000-0000-000000000000");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UuidText(pub Uuid);

impl fmt::Display for UuidText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl fmt::Debug for UuidText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl Deref for UuidText {
    type Target = Uuid;

    fn deref(&self) -> &Uuid {
        &self.0
    }
}

impl From<Uuid> for UuidText {
    fn from(uuid: Uuid) -> Self {
        Self(uuid)
    }
}

impl From<UuidText> for Uuid {
    fn from(text: UuidText) -> Self {
        text.0
    }
}

impl FromStr for UuidText {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, uuid::Error> {
        text.parse().map(Self)
    }
}

impl ColumnValue for UuidText {
    const TYPE: ColumnType = ColumnType::Uuid;

    fn into_value(self) -> Value {
        Value::Uuid(self.0)
    }

    fn from_value(value: Value) -> Result<Self, DecodeError> {
        Uuid::from_value(value).map(Self)
    }
}

impl UserId for UuidText {
    fn parse(text: &str, id_type: ColumnType) -> Option<Self> {
        <Uuid as UserId>::parse(text, id_type).map(Self)
    }

    fn generate(random: &Random, id_type: ColumnType) -> Option<Self> {
        <Uuid as UserId>::generate(random, id_type).map(Self)
    }
}

impl From<UuidText> for sea_query::Value {
    fn from(text: UuidText) -> Self {
        Self::String(Some(text.to_string()))
    }
}

impl TryGetable for UuidText {
    /// Reads capitals and texts without dashes as well.
    fn try_get_by<I: ColIdx>(row: &QueryResult, index: I) -> Result<Self, TryGetError> {
        let text = String::try_get_by(row, index)?;
        // The text is not shown: in the wrong column it may be a secret.
        text.parse()
            .map_err(|_| TryGetError::DbErr(DbErr::Type("a column of UUIDs holds another text".into())))
    }
}

impl ValueType for UuidText {
    fn try_from(value: sea_query::Value) -> Result<Self, ValueTypeErr> {
        match value {
            sea_query::Value::String(Some(text)) => text.parse().map_err(|_| ValueTypeErr),
            sea_query::Value::Uuid(Some(uuid)) => Ok(Self(uuid)),
            _ => Err(ValueTypeErr),
        }
    }

    fn type_name() -> String {
        "UuidText".to_owned()
    }

    fn array_type() -> ArrayType {
        ArrayType::String
    }

    fn column_type() -> sea_query::ColumnType {
        sea_query::ColumnType::String(StringLen::N(36))
    }
}

impl Nullable for UuidText {
    fn null() -> sea_query::Value {
        sea_query::Value::String(None)
    }
}

impl IntoActiveValue<Self> for UuidText {
    fn into_active_value(self) -> sea_orm::ActiveValue<Self> {
        sea_orm::ActiveValue::Set(self)
    }
}

impl TryFromU64 for UuidText {
    /// No database counts in UUIDs.
    fn try_from_u64(_: u64) -> Result<Self, DbErr> {
        Err(DbErr::ConvertFromU64("UuidText"))
    }
}
