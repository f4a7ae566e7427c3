//! [`Record`]: a change of a row, or a row of adapters that keep records.

use std::{borrow::Cow, fmt};

use super::{ColumnType, ColumnValue, DecodeError, RowReader, Schema, Value};

/// Column names with their values, in the order in which they were set.
///
/// Its `Debug` output hides the columns `password` and `hashed_password`.
///
/// ```
/// use axum_users::schema::{Record, Value};
///
/// let mut record = Record::new().with("email", Value::Text("ada@example.com".into()));
/// record.merge(&Record::new().with("is_active", Value::Bool(false)));
/// assert_eq!(record.len(), 2);
/// ```
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
