//! The neutral vocabulary between a user model and a database: columns, values, records.
//!
//! A [`UserModel`](crate::UserModel) describes its table once, as a [`Schema`]. From it come the reader that
//! checks request bodies, the OpenAPI document, the migrations, and every adapter's statements. A schema is a
//! value and not a type, so a program may also make one at run time, as the server does from its config file.

mod field;
mod record;
mod value;

use std::{borrow::Cow, fmt, sync::Arc};

pub use self::{
    field::{ColumnValue, DecodeError, RowReader, Shown},
    record::Record,
    value::{ColumnType, Date, ObjectId, Timestamp, Value},
};

/// How many columns every user table has: see [`BASE_COLUMNS`].
pub const BASE_COLUMN_COUNT: usize = BASE_COLUMNS.len();

/// The columns every user table has, in the order in which a row is read. Own columns follow them.
pub const BASE_COLUMNS: [&str; 6] =
    ["id", "email", "hashed_password", "is_active", "is_superuser", "is_verified"];

/// A rule of the application for one field: `Err` carries the sentence that the 422 answer shows.
///
/// ```
/// use std::sync::Arc;
///
/// use axum_users::schema::{Validator, Value};
///
/// let not_blank: Validator = Arc::new(|value: &Value| match value.as_text() {
///     Some(text) if text.trim().is_empty() => Err("a name has at least one letter".to_owned()),
///     _ => Ok(()),
/// });
/// assert!(not_blank(&Value::Text(" ".into())).is_err());
/// ```
pub type Validator = Arc<dyn Fn(&Value) -> Result<(), String> + Send + Sync>;

/// One column of the user table, and what requests may do with it.
///
/// ```
/// use axum_users::schema::{Column, ColumnType, Value};
///
/// let plan = Column::new("plan", ColumnType::Text).readonly().default_value(Value::Text("free".into()));
/// assert!(!plan.is_required());
/// ```
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
///
/// ```
/// use axum_users::schema::{Column, ColumnType, Schema};
///
/// let schema = Schema::new(ColumnType::Uuid).in_table("people").with(Column::of::<String>("first_name"));
/// assert_eq!(schema.table(), "people");
/// assert_eq!(schema.own_columns().len(), 1);
/// ```
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
