//! The application's transaction, with users in it.

use std::{fmt, ops::Deref, sync::Arc};

use axum_users::{
    ApiError, BoxError, BuildError, DatabaseError, InternalError, PendingHooks, UserModel, Users,
};
use sea_orm::{
    DatabaseConnection, DatabaseTransaction, DbErr, SqliteTransactionMode, TransactionOptions,
    TransactionTrait,
};

use crate::{SeaOrmDatabase, error::database_error, layout::UserEntity};

/// Why a transaction did not begin or was not committed.
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
/// use axum_users_seaorm::{Transaction, TransactionError};
///
/// async fn keep(transaction: Transaction<user::Model>) -> Result<(), TransactionError> {
///     match transaction.commit().await {
///         // The rows are kept; a hook behind them failed.
///         Err(TransactionError::Hook(error)) => Ok(eprintln!("{error}")),
///         other => other,
///     }
/// }
/// # fn main() {}
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum TransactionError {
    /// The database failed; nothing was kept.
    Database(DbErr),
    /// The database cannot keep this user model.
    Build(BuildError),
    /// A clone of [`Transaction::users`] is still held somewhere; nothing was kept.
    InUse,
    /// The transaction was committed; a hook behind it failed.
    Hook(BoxError),
}

impl fmt::Display for TransactionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Database(_) => "the database failed",
            Self::Build(_) => "the database cannot keep this user model",
            Self::InUse => "the transaction is in use: drop every clone of its users before the commit",
            Self::Hook(_) => "the transaction was committed, but a hook behind it failed",
        })
    }
}

impl std::error::Error for TransactionError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Database(error) => Some(error),
            Self::Build(error) => Some(error),
            Self::InUse => None,
            Self::Hook(error) => Some(&**error),
        }
    }
}

/// So that a handler ends with `?`: 503 when trying again may help, otherwise 500.
impl From<TransactionError> for ApiError {
    fn from(error: TransactionError) -> Self {
        Self::Internal(match error {
            TransactionError::Database(error) => database_error(error).into(),
            TransactionError::Hook(error) => InternalError::Hook(error),
            other => DatabaseError::Other(other.into()).into(),
        })
    }
}

/// A transaction of the application's in which users are made and changed together with its own rows: it is the
/// [`DatabaseTransaction`] for these.
///
/// Dropped without [`commit`](Self::commit), it is taken back, and no after-hook runs.
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
/// use axum_users::{Flags, RequestInfo, Users};
///
/// # async fn example(
/// #     users: Users<user::Model>, connection: sea_orm::DatabaseConnection, new: user::UserCreate,
/// # ) -> Result<(), Box<dyn std::error::Error>> {
/// let transaction = axum_users_seaorm::transaction::<user::Entity>(&users, &connection).await?;
/// let user = transaction.users().create(new, Flags::Ignored, &RequestInfo::default()).await?;
/// // … rows of the application's own, by `&*transaction`; then:
/// transaction.commit().await?;
/// # let _ = user;
/// # Ok(())
/// # }
/// # fn main() {}
/// ```
pub struct Transaction<U: UserModel> {
    transaction: Arc<DatabaseTransaction>,
    users: Users<U>,
    pending: PendingHooks<U>,
}

/// Begins a transaction for the users and the application's own rows: both are kept, or neither.
///
/// ```no_run
/// # use axum_users::{Flags, RequestInfo, Users};
/// # mod user {
/// #     use axum_users::UserModel;
/// #     use axum_users_seaorm::UuidText;
/// #     use sea_orm::entity::prelude::*;
/// #     #[derive(Clone, Debug, PartialEq, DeriveEntityModel, UserModel)]
/// #     #[sea_orm(table_name = "user")]
/// #     pub struct Model {
/// #         #[sea_orm(primary_key, auto_increment = false)]
/// #         pub id: UuidText,
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
/// # async fn example(
/// #     users: Users<user::Model>,
/// #     connection: sea_orm::DatabaseConnection,
/// #     new: user::UserCreate,
/// # ) -> Result<(), Box<dyn std::error::Error>> {
/// let transaction = axum_users_seaorm::transaction::<user::Entity>(&users, &connection).await?;
/// let ada = transaction.users().create(new, Flags::Ignored, &RequestInfo::default()).await?;
/// // profile::ActiveModel { user_id: Set(ada.id), … }.insert(&*transaction).await?;
/// transaction.commit().await?; // and now on_after_register
/// # let _ = ada;
/// # Ok(()) }
/// ```
///
/// In SQLite it takes the lock for writing at once. Tables of other names than the usual ones need
/// [`Users::with_database`] and [`SeaOrmDatabase::in_transaction`] by hand.
///
/// # Errors
/// The database failed.
pub async fn transaction<E: UserEntity>(
    users: &Users<E::Model>,
    connection: &DatabaseConnection,
) -> Result<Transaction<E::Model>, TransactionError> {
    let options = TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    };
    let transaction = connection.begin_with_options(options).await.map_err(TransactionError::Database)?;
    let transaction = Arc::new(transaction);
    let database = SeaOrmDatabase::<E>::in_transaction(Arc::clone(&transaction));
    let (users, pending) = users.with_database(database).map_err(TransactionError::Build)?;
    Ok(Transaction { transaction, users, pending })
}

impl<U: UserModel> Transaction<U> {
    /// The users, within the transaction. What they do is seen by nobody else before the commit.
    #[must_use]
    pub fn users(&self) -> &Users<U> {
        &self.users
    }

    /// Keeps everything, and then runs the hooks that waited.
    ///
    /// # Errors
    /// See [`TransactionError`].
    pub async fn commit(self) -> Result<(), TransactionError> {
        let Self { transaction, users, pending } = self;
        users.finish_background_work().await;
        drop(users);
        let transaction = Arc::into_inner(transaction).ok_or(TransactionError::InUse)?;
        transaction.commit().await.map_err(TransactionError::Database)?;
        pending.fire().await.map_err(TransactionError::Hook)
    }

    /// Takes everything back; the hooks that waited never run.
    ///
    /// # Errors
    /// See [`TransactionError`].
    pub async fn rollback(self) -> Result<(), TransactionError> {
        let Self { transaction, users, .. } = self;
        users.finish_background_work().await;
        drop(users);
        let transaction = Arc::into_inner(transaction).ok_or(TransactionError::InUse)?;
        transaction.rollback().await.map_err(TransactionError::Database)
    }
}

impl<U: UserModel> Deref for Transaction<U> {
    type Target = DatabaseTransaction;

    fn deref(&self) -> &DatabaseTransaction {
        &self.transaction
    }
}

impl<U: UserModel> fmt::Debug for Transaction<U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transaction").field("pending", &self.pending).finish_non_exhaustive()
    }
}
