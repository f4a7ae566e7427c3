//! OAuth accounts, and what is kept of users beside their table.

use axum_users::{
    ColumnValue, DatabaseError, NewOAuthAccount, OAuthAccount, Timestamp, UserModel, UserState,
    schema::{ColumnType, DecodeError, Record, RowReader, Value},
};
use sqlx::{SqliteConnection, sqlite::SqliteRow};

use crate::{
    SqlxDatabase,
    database::{bind_id, query, user_from_row},
    error::{account_error, database_error, user_error},
    sqlite::{BEGIN_WRITING, Query, Reader},
    statements::Statements,
    text,
};

impl SqlxDatabase {
    pub(crate) async fn user_by_account<U: UserModel>(
        &self,
        oauth_name: &str,
        account_id: &str,
    ) -> Result<Option<U>, DatabaseError> {
        let statements = self.statements()?;
        let select = query(&statements.user_by_account).bind(account_id.to_owned());
        let row =
            select.bind(oauth_name.to_owned()).fetch_optional(&self.pool).await.map_err(database_error)?;
        row.map(|row| user_from_row(&statements.schema, &row)).transpose()
    }

    pub(crate) async fn accounts_of<U: UserModel>(
        &self,
        user_id: &U::Id,
    ) -> Result<Vec<OAuthAccount<U::Id>>, DatabaseError> {
        let statements = self.statements()?;
        let select = bind_id(query(&statements.accounts_of), user_id);
        let rows = select.fetch_all(&self.pool).await.map_err(database_error)?;
        let id_type = statements.schema.id_type();
        rows.iter().map(|row| account_from_row(row, id_type).map_err(DatabaseError::Decode)).collect()
    }

    pub(crate) async fn create_with_account<U: UserModel>(
        &self,
        record: &Record,
        row_id: Option<&U::Id>,
        account: &NewOAuthAccount,
    ) -> Result<U, DatabaseError> {
        let statements = self.statements()?;
        let _turn = self.turn().await?;
        let mut transaction = self.pool.begin_with(BEGIN_WRITING).await.map_err(database_error)?;
        let mut rows = statements.create(record).fetch_all(&mut *transaction).await.map_err(user_error)?;
        let row = rows.pop().ok_or_else(|| DatabaseError::Other("the insert answered no row".into()))?;
        let user: U = user_from_row(&statements.schema, &row)?;
        link(&mut transaction, statements, user.id(), row_id, account).await?;
        transaction.commit().await.map_err(database_error)?;
        Ok(user)
    }

    pub(crate) async fn add_account<Id: ColumnValue>(
        &self,
        user_id: &Id,
        row_id: Option<&Id>,
        account: &NewOAuthAccount,
    ) -> Result<(), DatabaseError> {
        let statements = self.statements()?;
        let _turn = self.turn().await?;
        let mut transaction = self.pool.begin_with(BEGIN_WRITING).await.map_err(database_error)?;
        link(&mut transaction, statements, user_id, row_id, account).await?;
        transaction.commit().await.map_err(database_error)
    }

    pub(crate) async fn update_account<Id: ColumnValue>(
        &self,
        user_id: &Id,
        account: &NewOAuthAccount,
    ) -> Result<bool, DatabaseError> {
        let update = query(&self.statements()?.update_account)
            .bind(account.access_token.clone())
            .bind(account.expires_at)
            .bind(account.refresh_token.clone())
            .bind(account.account_email.clone());
        let update =
            bind_id(update, user_id).bind(account.oauth_name.clone()).bind(account.account_id.clone());
        self.write(update).await.map(|updated| updated > 0)
    }

    pub(crate) async fn delete_account<Id: ColumnValue>(
        &self,
        user_id: &Id,
        oauth_name: &str,
        account_id: &str,
    ) -> Result<bool, DatabaseError> {
        let delete = bind_id(query(&self.statements()?.delete_account), user_id);
        let deleted = self.write(delete.bind(oauth_name.to_owned()).bind(account_id.to_owned())).await?;
        Ok(deleted > 0)
    }

    pub(crate) async fn with_state<U: UserModel>(
        &self,
        id: &U::Id,
    ) -> Result<Option<(U, UserState)>, DatabaseError> {
        let statements = self.statements()?;
        let select = bind_id(query(&statements.get_with_state).bind(id_text(id)), id);
        let Some(row) = select.fetch_optional(&self.pool).await.map_err(database_error)? else {
            return Ok(None);
        };
        let user = user_from_row(&statements.schema, &row)?;
        Ok(Some((user, state_from_row(&row, statements.schema.columns().len())?)))
    }

    pub(crate) async fn set_state<Id: ColumnValue>(
        &self,
        id: &Id,
        state: UserState,
    ) -> Result<(), DatabaseError> {
        let insert = query(&self.statements()?.set_state)
            .bind(id_text(id))
            .bind(state.not_before.map(text::timestamp))
            .bind(state.password_is_generated);
        self.write(bind_id(insert, id)).await.map(|_| ())
    }
}

/// Links an account that nobody has. Where no unique index decides, because Python repeated accounts or writes
/// meanwhile, the look-up does, in the same transaction.
async fn link<Id: ColumnValue>(
    connection: &mut SqliteConnection,
    statements: &Statements,
    user_id: &Id,
    row_id: Option<&Id>,
    account: &NewOAuthAccount,
) -> Result<(), DatabaseError> {
    let look_up = query(&statements.account_is_linked).bind(account.account_id.clone());
    let linked = look_up.bind(account.oauth_name.clone()).fetch_optional(&mut *connection);
    if linked.await.map_err(database_error)?.is_some() {
        return Err(DatabaseError::OAuthAccountTaken);
    }
    let insert = match row_id {
        Some(row_id) => bind_id(query(&statements.insert_account), row_id),
        None => query(&statements.insert_account_without_id),
    };
    let insert = bind_account(bind_id(insert, user_id), account);
    insert.execute(connection).await.map(|_| ()).map_err(account_error)
}

fn bind_account<'q>(insert: Query<'q>, account: &NewOAuthAccount) -> Query<'q> {
    insert
        .bind(account.oauth_name.clone())
        .bind(account.access_token.clone())
        .bind(account.expires_at)
        .bind(account.refresh_token.clone())
        .bind(account.account_id.clone())
        .bind(account.account_email.clone())
}

/// The columns in the order of `OAUTH_ACCOUNT_COLUMNS`.
fn account_from_row<Id: ColumnValue>(
    row: &SqliteRow,
    id_type: ColumnType,
) -> Result<OAuthAccount<Id>, DecodeError> {
    let mut reader = Reader(row);
    let mut text = |index| String::from_value(reader.value(index, ColumnType::Text)?);
    let (oauth_name, access_token) = (text(2)?, text(3)?);
    let (account_id, account_email) = (text(6)?, text(7)?);
    Ok(OAuthAccount {
        id: Id::from_value(reader.value(0, id_type)?)?,
        user_id: Id::from_value(reader.value(1, id_type)?)?,
        oauth_name,
        access_token,
        expires_at: Option::from_value(reader.value(4, ColumnType::Integer)?)?,
        refresh_token: Option::from_value(reader.value(5, ColumnType::Text)?)?,
        account_id,
        account_email,
    })
}

/// The two columns behind the user's; both NULL when nothing is kept.
fn state_from_row(row: &SqliteRow, first: usize) -> Result<UserState, DecodeError> {
    let mut reader = Reader(row);
    let generated: Option<bool> = Option::from_value(reader.value(first + 1, ColumnType::Bool)?)?;
    Ok(UserState {
        not_before: Option::<Timestamp>::from_value(reader.value(first, ColumnType::Timestamp)?)?,
        password_is_generated: generated.unwrap_or(false),
    })
}

/// An id as the side tables keep it.
pub(crate) fn id_text<Id: ColumnValue>(id: &Id) -> String {
    match id.clone().into_value() {
        Value::Uuid(id) => id.hyphenated().to_string(),
        Value::Integer(id) => id.to_string(),
        Value::Text(id) => id,
        other => format!("{other:?}"),
    }
}
