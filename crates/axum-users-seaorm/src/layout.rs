//! The entity's columns behind the model's, and conditions on them.

use std::{borrow::Cow, sync::Arc};

use axum_users::{
    ColumnValue, DatabaseError, UserModel,
    schema::{Record, Schema, Value},
};
use sea_orm::{
    ColumnTrait, Condition, DbBackend, DbErr, EntityTrait, IdenStatic, Iterable, PrimaryKeyToColumn,
    sea_query::{ColumnType, Expr, ExprTrait, Query, ReturningClause},
};

use crate::value::to_sea;

/// An entity whose `Model` is a user model: derive `UserModel` on it, beside `DeriveEntityModel`.
///
/// ```
/// # mod user {
/// #     use axum_users::UserModel;
/// #     use sea_orm::entity::prelude::*;
/// #     #[derive(Clone, Debug, PartialEq, DeriveEntityModel, UserModel)]
/// #     #[sea_orm(table_name = "user")]
/// #     pub struct Model {
/// #         #[sea_orm(primary_key)]
/// #         pub id: i64,
/// #         pub email: String,
/// #         pub hashed_password: String,
/// #         pub is_active: bool,
/// #         pub is_superuser: bool,
/// #         pub is_verified: bool,
/// #     }
/// #     #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
/// #     pub enum Relation {}
/// #     impl ActiveModelBehavior for ActiveModel {}
/// # }
/// use axum_users_seaorm::{SeaOrmDatabase, UserEntity};
///
/// fn database<E: UserEntity>(connection: sea_orm::DatabaseConnection) -> SeaOrmDatabase<E> {
///     SeaOrmDatabase::new(connection)
/// }
/// # fn main() {
/// let _ = database::<user::Entity>;
/// # }
/// ```
pub trait UserEntity: EntityTrait<Model: UserModel> {}

impl<E: EntityTrait<Model: UserModel>> UserEntity for E {}

/// The primary key of an entity's users.
pub(crate) type Id<E> = <<E as EntityTrait>::Model as UserModel>::Id;

/// What the adapter knows of an entity.
pub(crate) struct Layout<E: EntityTrait> {
    pub(crate) schema: Arc<Schema>,
    backend: DbBackend,
    /// In the order of the schema's.
    columns: Vec<(E::Column, ColumnType)>,
}

impl<E: EntityTrait> Layout<E> {
    /// Fails with a sentence when the entity is not the schema's.
    pub(crate) fn new(schema: Arc<Schema>, backend: DbBackend) -> Result<Self, Cow<'static, str>> {
        let find = |name: &str| {
            let by_name = || E::Column::iter().find(|column| column.as_str() == name);
            name.parse()
                .ok()
                .or_else(by_name)
                .ok_or_else(|| format!("the entity `{}` has no column `{name}`", E::default().table_name()))
        };
        let columns = schema.columns().iter().map(|column| {
            let found: E::Column = find(&column.name)?;
            let column_type = found.def().get_column_type().clone();
            Ok((found, column_type))
        });
        let columns = columns.collect::<Result<Vec<_>, String>>()?;
        let mut keys = E::PrimaryKey::iter().map(|key| key.into_column().as_str());
        if keys.next() != Some(columns[0].0.as_str()) || keys.next().is_some() {
            let entity = E::default();
            return Err(
                format!("`id` has to be the primary key of the entity `{}`", entity.table_name()).into()
            );
        }
        Ok(Self { schema, backend, columns })
    }

    /// The column `id`.
    pub(crate) fn id(&self) -> E::Column {
        self.columns[0].0
    }

    /// What ids are stored as.
    pub(crate) fn id_type(&self) -> &ColumnType {
        &self.columns[0].1
    }

    /// The column `email`.
    pub(crate) fn email(&self) -> E::Column {
        self.columns[1].0
    }

    /// The column of the schema's column at this place.
    pub(crate) fn column_at(&self, index: usize) -> E::Column {
        self.columns[index].0
    }

    fn column(&self, name: &str) -> Result<&(E::Column, ColumnType), DatabaseError> {
        let index = self.schema.columns().iter().position(|column| column.name == name);
        let unknown = || DatabaseError::Other(format!("the schema has no column `{name}`").into());
        index.map(|index| &self.columns[index]).ok_or_else(unknown)
    }

    /// An id as the database keeps it; NULL for one that it cannot keep, which is nobody's.
    pub(crate) fn id_value(&self, id: &impl ColumnValue) -> sea_orm::Value {
        self.stored_id(&id.clone().into_value())
    }

    fn stored_id(&self, id: &Value) -> sea_orm::Value {
        to_sea(id, self.id_type(), self.backend).unwrap_or(sea_orm::Value::BigInt(None))
    }

    /// The condition that a user has the id that is in a record.
    pub(crate) fn has_id_value(&self, id: &Value) -> Expr {
        self.id().eq(self.stored_id(id))
    }

    /// The condition that a user has this id.
    pub(crate) fn has_id(&self, id: &impl ColumnValue) -> Expr {
        self.id().eq(self.id_value(id))
    }

    /// The columns of a record, with what is to be written into them.
    pub(crate) fn values(&self, record: &Record) -> Result<Vec<(E::Column, Expr)>, DatabaseError> {
        let value = |(name, value): (&Cow<'static, str>, &Value)| {
            let (column, column_type) = self.column(name)?;
            Ok((*column, column.save_as(Expr::val(self.value(name, value, column_type)?))))
        };
        record.iter().map(value).collect()
    }

    fn value(&self, name: &str, value: &Value, of: &ColumnType) -> Result<sea_orm::Value, DatabaseError> {
        let refused = || {
            DatabaseError::Other(
                format!("the column `{name}` cannot hold the value that it was given").into(),
            )
        };
        to_sea(value, of, self.backend).ok_or_else(refused)
    }

    /// A new user with every column: what the record leaves out has its default.
    pub(crate) fn new_user(&self, record: &Record) -> Result<Vec<(E::Column, Expr)>, DatabaseError> {
        let mut whole = record.clone();
        if whole.get("id") == Some(&Value::Null) {
            whole.remove("id");
        }
        for column in self.schema.own_columns() {
            if whole.get(&column.name).is_none() {
                whole.set(column.name.clone(), column.default.clone().unwrap_or(Value::Null));
            }
        }
        self.values(&whole)
    }

    /// What a statement that writes answers: the user as it is then.
    pub(crate) fn returning(&self) -> ReturningClause {
        let columns = E::Column::iter();
        Query::returning()
            .exprs(columns.map(|column| column.select_as(column.into_returning_expr(self.backend))))
    }

    /// The condition that a user has this id and is as expected.
    pub(crate) fn is_as_expected(
        &self,
        id: &impl ColumnValue,
        expected: &Record,
    ) -> Result<Condition, DatabaseError> {
        let mut all = Condition::all().add(self.has_id(id));
        for (name, value) in expected.iter() {
            let (column, column_type) = self.column(name)?;
            let stored = Expr::col(column.as_column_ref());
            if *value == Value::Null {
                all = all.add(stored.is_null());
                continue;
            }
            let argument = Expr::val(self.value(name, value, column_type)?);
            all = all.add(match (self.backend, value) {
                // A column of PostgreSQL's JSON, whose values cannot be compared.
                (DbBackend::Postgres, Value::Json(_)) => stored.cast_as("jsonb").eq(argument),
                // As text it is what was written; MySQL's own type writes it anew, and knows what is contained.
                (DbBackend::MySql, Value::Json(_)) => {
                    let contains = |a: Expr, b: Expr| Expr::cust_with_exprs("JSON_CONTAINS(?, ?)", [a, b]);
                    let is_same = exactly(stored.clone()).eq(argument.clone().cast_as("binary"));
                    // MariaDB knows it of what is nested no more than 32 levels deep.
                    let is_valid = |json: &Expr| Expr::cust_with_exprs("JSON_VALID(?)", [json.clone()]);
                    let are_valid = is_valid(&stored).and(is_valid(&argument));
                    let has_same = contains(stored.clone(), argument.clone()).and(contains(argument, stored));
                    is_same.or(are_valid.and(has_same))
                }
                (DbBackend::MySql, Value::Text(_)) => exactly(stored).eq(argument.cast_as("binary")),
                _ => stored.eq(column.save_as(argument)),
            });
        }
        Ok(all)
    }

    /// The condition that a user has this e-mail in any case of its ASCII letters. MySQL's collation may find
    /// others, too.
    pub(crate) fn has_email(&self, email: &str) -> Expr {
        let folded = match self.backend {
            DbBackend::MySql => return self.email().eq(email),
            _ => Expr::cust(self.folded_email()),
        };
        folded.eq(email.to_ascii_lowercase())
    }

    /// An e-mail, its ASCII letters small, as the unique index has it.
    pub(crate) fn folded_email(&self) -> String {
        let email = quote(self.backend, self.email().as_str());
        match self.backend {
            DbBackend::Postgres => format!("lower({email} COLLATE \"C\")"),
            DbBackend::Sqlite => format!("lower({email})"),
            _ => email,
        }
    }
}

/// Text compared byte by byte, whatever the column's collation in MySQL.
pub(crate) fn exactly(column: Expr) -> Expr {
    Expr::cust_with_exprs("CAST(CONVERT(? USING utf8mb4) AS BINARY)", [column])
}

/// An identifier, quoted.
pub(crate) fn quote(backend: DbBackend, name: &str) -> String {
    match backend {
        DbBackend::MySql => format!("`{}`", name.replace('`', "``")),
        _ => format!("\"{}\"", name.replace('"', "\"\"")),
    }
}

/// What a statement that cannot be built says.
pub(crate) fn misbuilt(error: impl std::fmt::Display) -> DatabaseError {
    DatabaseError::Other(DbErr::Custom(error.to_string()).into())
}
