//! A statement with its arguments.

use axum_users::{
    ColumnValue, Timestamp,
    schema::{ColumnType, Value},
};
use sqlx::SqlStr;

/// An argument: a value, and the type of the column that it is for, which NULL does not tell.
pub(crate) struct Argument {
    pub(super) value: Value,
    #[cfg_attr(not(feature = "postgres"), expect(dead_code, reason = "the other drivers' NULL has no type"))]
    pub(super) column_type: ColumnType,
}

/// A statement with its arguments, in the order in which the statement names them.
pub(crate) struct Call {
    pub(super) sql: SqlStr,
    pub(super) arguments: Vec<Argument>,
}

impl Call {
    pub(crate) fn new(sql: &SqlStr) -> Self {
        Self { sql: sql.clone(), arguments: Vec::new() }
    }

    pub(crate) fn value(mut self, value: Value, column_type: ColumnType) -> Self {
        self.arguments.push(Argument { value, column_type });
        self
    }

    pub(crate) fn id<Id: ColumnValue>(self, id: &Id) -> Self {
        self.value(id.clone().into_value(), Id::TYPE)
    }

    pub(crate) fn text(self, text: impl Into<String>) -> Self {
        self.value(Value::Text(text.into()), ColumnType::Text)
    }

    pub(crate) fn texts(self, texts: &[String]) -> Self {
        texts.iter().fold(self, |call, text| call.text(text.as_str()))
    }

    pub(crate) fn timestamp(self, at: Timestamp) -> Self {
        self.value(Value::Timestamp(at), ColumnType::Timestamp)
    }

    pub(crate) fn integer(self, number: i64) -> Self {
        self.value(Value::Integer(number), ColumnType::Integer)
    }

    /// Whether a text among the arguments has a zero byte.
    pub(crate) fn has_zero_byte(&self) -> bool {
        let has = |argument: &Argument| argument.value.as_text().is_some_and(|text| text.contains('\0'));
        self.arguments.iter().any(has)
    }

    /// A value of a field that may be absent.
    pub(crate) fn field<T: ColumnValue>(self, value: &T) -> Self {
        self.value(value.clone().into_value(), T::TYPE)
    }

    /// The same call with something before its text.
    #[cfg(all(test, feature = "sqlite"))]
    pub(crate) fn after(mut self, prefix: &str) -> Self {
        self.sql = crate::statements::sql(format!("{prefix} {}", self.sql.as_str()));
        self
    }

    #[cfg(feature = "sqlite")]
    pub(crate) fn sql(&self) -> &str {
        self.sql.as_str()
    }

    #[cfg(feature = "sqlite")]
    pub(crate) fn values(&self) -> impl Iterator<Item = &Value> {
        self.arguments.iter().map(|argument| &argument.value)
    }
}
