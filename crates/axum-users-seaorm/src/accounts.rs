//! OAuth accounts, and what is kept of users beside their table.

use std::borrow::Cow;

use axum_users::{
    DatabaseError, NewOAuthAccount, OAuthAccount, Timestamp, UserId, UserModel, UserState,
    schema::{ColumnType as Kind, Record, Value},
};
use sea_orm::{
    ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, FromQueryResult, IdenStatic, QueryResult,
    QuerySelect, QueryTrait,
    sea_query::{
        Alias, ColumnType, DeleteStatement, Expr, ExprTrait, OnConflict, Order, Query, UpdateStatement,
    },
};

use crate::{
    SeaOrmDatabase,
    connection::{Connection, finish, on, unless_deadlocked},
    error::{account_error, database_error, is_too_wide},
    layout::{Id, UserEntity, exactly, misbuilt},
    value::moment_or_null,
};

/// The columns of an OAuth account, the id first.
pub(crate) const OAUTH_ACCOUNT_COLUMNS: [&str; 8] = [
    "id",
    "user_id",
    "oauth_name",
    "access_token",
    "expires_at",
    "refresh_token",
    "account_id",
    "account_email",
];

const STATE_TABLE: &str = "axum_users_user_state";

/// Tries with an account as it is, and once more with what a narrow table holds of it.
macro_rules! fitting {
    ($account:ident => $attempt:expr) => {{
        let done = {
            let $account = $account;
            unless_deadlocked!($attempt)
        };
        match done {
            Err(error) if is_too_wide(&error) => match narrowed($account) {
                Cow::Borrowed(_) => Err(error),
                Cow::Owned(narrow) => {
                    tracing::warn!(
                        oauth_name = narrow.oauth_name,
                        "the table of OAuth accounts is too narrow for what the provider sent: what does not fit is \
                         stored as empty; a migration widens the table"
                    );
                    let $account = &narrow;
                    unless_deadlocked!($attempt)
                }
            },
            done => done,
        }
    }};
}

impl<E: UserEntity> SeaOrmDatabase<E> {
    fn account_table(&self) -> Alias {
        Alias::new(self.tables.oauth_account.as_ref())
    }

    pub(crate) async fn user_by_account(
        &self,
        oauth_name: &str,
        account_id: &str,
    ) -> Result<Option<E::Model>, DatabaseError> {
        // No database keeps one; PostgreSQL would call it an error.
        if oauth_name.contains('\0') || account_id.contains('\0') {
            return Ok(None);
        }
        let (layout, table) = (self.layout()?, self.account_table());
        let column = |name| Expr::col((table.clone(), Alias::new(name)));
        let mut find = E::find();
        let id = Expr::col((E::default(), Alias::new(layout.id().as_str())));
        QuerySelect::query(&mut find)
            .expr_as(column("oauth_name"), "axum_users_oauth_name")
            .expr_as(column("account_id"), "axum_users_account_id")
            .inner_join(table.clone(), column("user_id").eq(id))
            .and_where(column("account_id").eq(account_id))
            .and_where(column("oauth_name").eq(oauth_name));
        let find = find.into_query();
        let rows = on!(&self.connection, connection => connection.query_all(&find).await);
        for row in rows.map_err(database_error)? {
            let name = ["axum_users_oauth_name", "axum_users_account_id"];
            if names_account(&row, name, oauth_name, account_id).map_err(database_error)? {
                return E::Model::from_query_result(&row, "").map(Some).map_err(database_error);
            }
        }
        Ok(None)
    }

    pub(crate) async fn accounts_of(
        &self,
        user_id: &Id<E>,
    ) -> Result<Vec<OAuthAccount<Id<E>>>, DatabaseError> {
        let layout = self.layout()?;
        // In the order in which they were linked, as Python lists them, where that is known.
        let order = if self.backend() == DbBackend::Sqlite { "rowid" } else { "id" };
        let mut select = Query::select();
        select
            .columns(OAUTH_ACCOUNT_COLUMNS)
            .from(self.account_table())
            .and_where(Expr::col("user_id").eq(layout.id_value(user_id)))
            .order_by_expr(Expr::cust(order), Order::Asc);
        let rows = on!(&self.connection, connection => connection.query_all(&select).await);
        let rows = rows.map_err(database_error)?;
        rows.iter().map(|row| account_from_row(row, layout.id_type(), user_id)).collect()
    }

    pub(crate) async fn create_with_account(
        &self,
        record: &Record,
        row_id: Option<&Id<E>>,
        account: &NewOAuthAccount,
    ) -> Result<E::Model, DatabaseError> {
        fitting!(account => self.try_create_with_account(record, row_id, account))
    }

    async fn try_create_with_account(
        &self,
        record: &Record,
        row_id: Option<&Id<E>>,
        account: &NewOAuthAccount,
    ) -> Result<E::Model, DatabaseError> {
        let _turn = self.connection.turn().await;
        let work = self.connection.begin().await?;
        let done = match self.insert_user(&work, record).await {
            Ok(user) => self.link(&work, user.id(), row_id, account).await.map(|()| user),
            Err(error) => Err(error),
        };
        finish(work, done).await
    }

    pub(crate) async fn add_account(
        &self,
        user_id: &Id<E>,
        row_id: Option<&Id<E>>,
        account: &NewOAuthAccount,
    ) -> Result<(), DatabaseError> {
        fitting!(account => self.try_add_account(user_id, row_id, account))
    }

    async fn try_add_account(
        &self,
        user_id: &Id<E>,
        row_id: Option<&Id<E>>,
        account: &NewOAuthAccount,
    ) -> Result<(), DatabaseError> {
        let _turn = self.connection.turn().await;
        let work = self.connection.begin().await?;
        let done = self.link(&work, user_id, row_id, account).await;
        finish(work, done).await
    }

    /// Links an account that nobody has. Where no unique index decides, because Python repeated accounts, the
    /// look-up does, in the same transaction.
    async fn link(
        &self,
        work: &DatabaseTransaction,
        user_id: &Id<E>,
        row_id: Option<&Id<E>>,
        account: &NewOAuthAccount,
    ) -> Result<(), DatabaseError> {
        let layout = self.layout()?;
        let NewOAuthAccount { oauth_name, account_id, .. } = account;
        let mut look_up = Query::select();
        look_up
            .columns(["oauth_name", "account_id"])
            .from(self.account_table())
            .and_where(Expr::col("account_id").eq(account_id.as_str()))
            .and_where(Expr::col("oauth_name").eq(oauth_name.as_str()));
        for row in &work.query_all(&look_up).await.map_err(database_error)? {
            let names = ["oauth_name", "account_id"];
            if names_account(row, names, oauth_name, account_id).map_err(database_error)? {
                return Err(DatabaseError::OAuthAccountTaken);
            }
        }
        let mut values: Vec<Expr> = row_id.iter().map(|id| Expr::val(layout.id_value(*id))).collect();
        let columns = &OAUTH_ACCOUNT_COLUMNS[1 - values.len()..];
        values.extend([
            Expr::val(layout.id_value(user_id)),
            Expr::val(oauth_name.as_str()),
            Expr::val(account.access_token.as_str()),
            Expr::val(account.expires_at),
            Expr::val(account.refresh_token.clone()),
            Expr::val(account_id.as_str()),
            Expr::val(account.account_email.as_str()),
        ]);
        let mut insert = Query::insert();
        insert.into_table(self.account_table()).columns(columns.iter().copied());
        insert.values(values).map_err(misbuilt)?;
        work.execute(&insert).await.map(|_| ()).map_err(account_error)
    }

    pub(crate) async fn update_account(
        &self,
        user_id: &Id<E>,
        account: &NewOAuthAccount,
    ) -> Result<bool, DatabaseError> {
        fitting!(account => self.try_update_account(user_id, account))
    }

    async fn try_update_account(
        &self,
        user_id: &Id<E>,
        account: &NewOAuthAccount,
    ) -> Result<bool, DatabaseError> {
        let mut update: UpdateStatement = Query::update();
        update
            .table(self.account_table())
            .value("access_token", account.access_token.as_str())
            .value("expires_at", account.expires_at)
            .value("refresh_token", account.refresh_token.clone())
            .value("account_email", account.account_email.as_str())
            .and_where(Expr::col("user_id").eq(self.layout()?.id_value(user_id)))
            .and_where(self.is_exactly("oauth_name", &account.oauth_name))
            .and_where(self.is_exactly("account_id", &account.account_id));
        let _turn = self.connection.turn().await;
        // Within the application's transaction a refusal may not end that one.
        let done = match &self.connection {
            Connection::Pool { pool, .. } => pool.execute(&update).await.map_err(database_error),
            connection => {
                let work = connection.begin().await?;
                let done = work.execute(&update).await.map_err(database_error);
                finish(work, done).await
            }
        };
        done.map(|done| done.rows_affected() > 0)
    }

    pub(crate) async fn delete_account(
        &self,
        user_id: &Id<E>,
        oauth_name: &str,
        account_id: &str,
    ) -> Result<bool, DatabaseError> {
        let mut delete: DeleteStatement = Query::delete();
        delete
            .from_table(self.account_table())
            .and_where(Expr::col("user_id").eq(self.layout()?.id_value(user_id)))
            .and_where(self.is_exactly("oauth_name", oauth_name))
            .and_where(self.is_exactly("account_id", account_id));
        let _turn = self.connection.turn().await;
        let done = on!(&self.connection, connection => connection.execute(&delete).await);
        done.map(|done| done.rows_affected() > 0).map_err(database_error)
    }

    /// A condition that holds when a text column is exactly this: MySQL's collation may find others, too.
    pub(crate) fn is_exactly(&self, column: &'static str, text: &str) -> Expr {
        let is_alike = Expr::col(column).eq(text);
        match self.backend() {
            // The first condition finds the index.
            DbBackend::MySql => {
                is_alike.and(exactly(Expr::col(column)).eq(Expr::val(text).cast_as("binary")))
            }
            _ => is_alike,
        }
    }

    pub(crate) async fn with_state(
        &self,
        id: &Id<E>,
    ) -> Result<Option<(E::Model, UserState)>, DatabaseError> {
        let layout = self.layout()?;
        let column = |name| Expr::col((Alias::new(STATE_TABLE), Alias::new(name)));
        let mut find = E::find();
        QuerySelect::query(&mut find)
            .expr_as(column("not_before"), "axum_users_not_before")
            .expr_as(column("password_is_generated"), "axum_users_password_is_generated")
            .left_join(STATE_TABLE, column("user_id").eq(id.to_string()))
            .and_where(layout.has_id(id));
        let find = find.into_query();
        let row = on!(&self.connection, connection => connection.query_one(&find).await);
        let Some(row) = row.map_err(database_error)? else { return Ok(None) };
        let read = || -> Result<(E::Model, UserState), DbErr> {
            let not_before: Option<Timestamp> = row.try_get("", "axum_users_not_before")?;
            let generated: Option<bool> = row.try_get("", "axum_users_password_is_generated")?;
            let state = UserState { not_before, password_is_generated: generated.unwrap_or(false) };
            Ok((E::Model::from_query_result(&row, "")?, state))
        };
        read().map(Some).map_err(database_error)
    }

    /// Nothing is kept of users who are gone: their ids may come again.
    pub(crate) async fn set_state(&self, id: &Id<E>, state: UserState) -> Result<(), DatabaseError> {
        let mut row = Query::select();
        row.expr(Expr::val(id.to_string()))
            .expr(Expr::val(moment_or_null(state.not_before, self.backend())))
            .expr(Expr::val(state.password_is_generated))
            .from(E::default())
            .and_where(self.layout()?.has_id(id));
        let mut insert = Query::insert();
        insert.into_table(STATE_TABLE).columns(["user_id", "not_before", "password_is_generated"]);
        insert.select_from(row).map_err(misbuilt)?;
        let update =
            OnConflict::column("user_id").update_columns(["not_before", "password_is_generated"]).to_owned();
        insert.on_conflict(update);
        let _turn = self.connection.turn().await;
        let done = on!(&self.connection, connection => connection.execute(&insert).await);
        done.map(|_| ()).map_err(database_error)
    }

    pub(crate) async fn forget_state(
        &self,
        work: &DatabaseTransaction,
        id: &Id<E>,
    ) -> Result<(), DatabaseError> {
        let mut forget: DeleteStatement = Query::delete();
        forget.from_table(STATE_TABLE).and_where(Expr::col("user_id").eq(id.to_string()));
        work.execute(&forget).await.map(|_| ()).map_err(database_error)
    }
}

/// Whether the row names exactly this account: MySQL's collation may find others too.
fn names_account(
    row: &QueryResult,
    [name, id]: [&str; 2],
    oauth_name: &str,
    account_id: &str,
) -> Result<bool, DbErr> {
    Ok(row.try_get::<String>("", name)? == oauth_name && row.try_get::<String>("", id)? == account_id)
}

/// What the original's narrow columns hold of an account.
fn narrowed(account: &NewOAuthAccount) -> Cow<'_, NewOAuthAccount> {
    const TOKEN: usize = 1024;
    const EMAIL: usize = 255;
    let is_longer = |text: &str, length: usize| text.chars().nth(length).is_some();
    let mut narrow = account.clone();
    if is_longer(&narrow.access_token, TOKEN) {
        narrow.access_token = String::new();
    }
    narrow.refresh_token = narrow.refresh_token.filter(|token| !is_longer(token, TOKEN));
    if is_longer(&narrow.account_email, EMAIL) {
        narrow.account_email = String::new();
    }
    narrow.expires_at = narrow.expires_at.map(|at| at.clamp(i32::MIN.into(), i32::MAX.into()));
    if narrow == *account { Cow::Borrowed(account) } else { Cow::Owned(narrow) }
}

fn account_from_row<Id: UserId>(
    row: &QueryResult,
    id_type: &ColumnType,
    user_id: &Id,
) -> Result<OAuthAccount<Id>, DatabaseError> {
    let id = Id::from_value(id_from_row(row, id_type, Id::TYPE).map_err(database_error)?)?;
    let account = || -> Result<NewOAuthAccount, DbErr> {
        Ok(NewOAuthAccount {
            oauth_name: row.try_get("", "oauth_name")?,
            access_token: row.try_get("", "access_token")?,
            expires_at: expiry_from_row(row)?,
            refresh_token: row.try_get("", "refresh_token")?,
            account_id: row.try_get("", "account_id")?,
            account_email: row.try_get("", "account_email")?,
        })
    };
    Ok(account().map_err(database_error)?.into_account(id, user_id.clone()))
}

/// Python's tables have 32 bits for it, where they were not widened.
fn expiry_from_row(row: &QueryResult) -> Result<Option<i64>, DbErr> {
    row.try_get::<Option<i64>>("", "expires_at")
        .or_else(|_| row.try_get::<Option<i32>>("", "expires_at").map(|narrow| narrow.map(i64::from)))
}

fn id_from_row(row: &QueryResult, id_type: &ColumnType, kind: Kind) -> Result<Value, DbErr> {
    if *id_type == ColumnType::Uuid {
        return row.try_get("", "id").map(Value::Uuid);
    }
    if kind == Kind::Integer {
        return row.try_get("", "id").map(Value::Integer);
    }
    let text: String = row.try_get("", "id")?;
    match kind {
        Kind::Uuid => text.parse().map(Value::Uuid).map_err(|_| DbErr::Type("the id is no UUID".into())),
        _ => Ok(Value::Text(text)),
    }
}
