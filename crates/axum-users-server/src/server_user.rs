//! The server's user: the base columns, and whatever columns the configuration adds.

use std::{borrow::Cow, fmt};

use axum_users::{
    Random, UserFields, UserId, UserModel,
    schema::{
        BASE_COLUMN_COUNT, Column, ColumnType, ColumnValue, DecodeError, ObjectId, Record, RowReader, Schema,
        Value,
    },
};
use serde::{Serialize, Serializer, ser::SerializeMap};
use uuid::Uuid;

/// A primary key whose kind the configuration decides: `[user] id`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum AnyId {
    /// As in the original.
    Uuid(Uuid),
    /// Made by the database.
    Integer(i64),
    /// MongoDB's.
    ObjectId(ObjectId),
}

impl fmt::Display for AnyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uuid(id) => id.fmt(f),
            Self::Integer(id) => id.fmt(f),
            Self::ObjectId(id) => id.fmt(f),
        }
    }
}

impl ColumnValue for AnyId {
    /// The usual kind; the schema says which it is.
    const TYPE: ColumnType = ColumnType::Uuid;

    fn into_value(self) -> Value {
        match self {
            Self::Uuid(id) => Value::Uuid(id),
            Self::Integer(id) => Value::Integer(id),
            Self::ObjectId(id) => Value::ObjectId(id),
        }
    }

    fn from_value(value: Value) -> Result<Self, DecodeError> {
        match value {
            Value::Uuid(id) => Ok(Self::Uuid(id)),
            Value::Integer(id) => Ok(Self::Integer(id)),
            Value::ObjectId(id) => Ok(Self::ObjectId(id)),
            _ => Err(DecodeError::new("id", "a UUID, an integer or an ObjectId", "another value")),
        }
    }
}

impl UserId for AnyId {
    fn parse(text: &str, id_type: ColumnType) -> Option<Self> {
        match id_type {
            ColumnType::Integer => <i64 as UserId>::parse(text, id_type).map(Self::Integer),
            ColumnType::ObjectId => ObjectId::parse(text).map(Self::ObjectId),
            _ => <Uuid as UserId>::parse(text, id_type).map(Self::Uuid),
        }
    }

    fn generate(random: &Random, id_type: ColumnType) -> Option<Self> {
        match id_type {
            ColumnType::Uuid => <Uuid as UserId>::generate(random, id_type).map(Self::Uuid),
            ColumnType::Integer => <i64 as UserId>::generate(random, id_type).map(Self::Integer),
            _ => <ObjectId as UserId>::generate(random, id_type).map(Self::ObjectId),
        }
    }
}

/// One row of the server's user table.
#[derive(Clone, PartialEq)]
pub struct ServerUser {
    id: AnyId,
    email: String,
    hashed_password: String,
    is_active: bool,
    is_superuser: bool,
    is_verified: bool,
    /// The values of the own columns, in the schema's order.
    own: Vec<Value>,
}

/// Shows neither the password's hash nor the own columns, which may be private.
impl fmt::Debug for ServerUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerUser")
            .field("id", &self.id)
            .field("email", &self.email)
            .field("is_active", &self.is_active)
            .field("is_superuser", &self.is_superuser)
            .field("is_verified", &self.is_verified)
            .finish_non_exhaustive()
    }
}

/// The schema of a server with these own columns.
#[must_use]
pub fn schema(id_type: ColumnType, table: &str, own: &[Column]) -> Schema {
    let schema = Schema::new(id_type).in_table(table.to_owned());
    own.iter().cloned().fold(schema, Schema::with)
}

impl UserModel for ServerUser {
    type Id = AnyId;
    type Read = ServerUserRead;
    type Create = ServerUserFields;
    type Update = ServerUserFields;

    /// The schema of a server without own columns; the running server's is a value, see [`schema`].
    fn schema() -> Schema {
        Schema::new(ColumnType::Uuid)
    }

    fn from_row(schema: &Schema, row: &mut dyn RowReader) -> Result<Self, DecodeError> {
        let mut text = |index| row.value(index, ColumnType::Text).and_then(String::from_value);
        let (email, hashed_password) = (text(1)?, text(2)?);
        let mut flag = |index| row.value(index, ColumnType::Bool).and_then(bool::from_value);
        let (is_active, is_superuser, is_verified) = (flag(3)?, flag(4)?, flag(5)?);
        let id = AnyId::from_value(row.value(0, schema.id_type())?)?;
        let own = schema.own_columns().iter().enumerate();
        let own = own.map(|(index, column)| row.value(BASE_COLUMN_COUNT + index, column.column_type));
        Ok(Self {
            id,
            email,
            hashed_password,
            is_active,
            is_superuser,
            is_verified,
            own: own.collect::<Result<_, _>>()?,
        })
    }

    fn into_read(self, schema: &Schema) -> ServerUserRead {
        let own = schema.own_columns().iter().zip(self.own);
        let shown =
            own.filter(|(column, _)| !column.private).map(|(column, value)| (column.name.clone(), value));
        ServerUserRead {
            own: shown.collect(),
            id: self.id,
            email: self.email,
            is_active: self.is_active,
            is_superuser: self.is_superuser,
            is_verified: self.is_verified,
        }
    }

    fn id(&self) -> &AnyId {
        &self.id
    }

    fn email(&self) -> &str {
        &self.email
    }

    fn hashed_password(&self) -> &str {
        &self.hashed_password
    }

    fn is_active(&self) -> bool {
        self.is_active
    }

    fn is_superuser(&self) -> bool {
        self.is_superuser
    }

    fn is_verified(&self) -> bool {
        self.is_verified
    }
}

/// What answers show of a user: the base columns, then the shown own ones in the schema's order.
#[derive(Clone, Debug)]
pub struct ServerUserRead {
    id: AnyId,
    email: String,
    is_active: bool,
    is_superuser: bool,
    is_verified: bool,
    own: Vec<(Cow<'static, str>, Value)>,
}

impl Serialize for ServerUserRead {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(5 + self.own.len()))?;
        map.serialize_entry("id", &axum_users::schema::Shown(&self.id))?;
        map.serialize_entry("email", &self.email)?;
        map.serialize_entry("is_active", &self.is_active)?;
        map.serialize_entry("is_superuser", &self.is_superuser)?;
        map.serialize_entry("is_verified", &self.is_verified)?;
        for (name, value) in &self.own {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

/// What it takes to create a user, or changes to one: columns by name, `password` among them.
#[derive(Clone, Debug, Default)]
pub struct ServerUserFields(Record);

impl From<Record> for ServerUserFields {
    fn from(record: Record) -> Self {
        Self(record)
    }
}

impl UserFields for ServerUserFields {
    fn from_record(record: Record) -> Result<Self, DecodeError> {
        Ok(Self(record))
    }

    fn into_record(self) -> Record {
        self.0
    }
}
