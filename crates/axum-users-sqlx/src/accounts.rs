//! OAuth accounts, and what is kept of users beside their table.

use std::borrow::Cow;

use axum_users::{
    ColumnValue, DatabaseError, NewOAuthAccount, OAuthAccount, UserModel, UserState,
    schema::{DecodeError, Record, RowReader, Schema, Value},
};

use crate::{
    SqlxDatabase,
    database::{insert_user, unless_passing, user_from_row},
    engine::{Call, Reader, Row, Work},
    error::{account_error, database_error, is_passing, is_too_wide},
    statements::Statements,
};

/// Tries with an account as it is, and once more with what a narrow table holds of it.
macro_rules! fitting {
    ($account:ident => $attempt:expr) => {{
        let done = {
            let $account = $account;
            unless_passing!($attempt)
        };
        match done {
            Err(error) if is_too_wide(&error) => match narrowed($account) {
                Cow::Borrowed(_) => Err(error),
                Cow::Owned(narrow) => {
                    tracing::warn!(
                        oauth_name = narrow.oauth_name,
                        "the table of OAuth accounts is too narrow for what the provider sent: what does not fit \
                         is stored as empty; a migration widens the table"
                    );
                    let $account = &narrow;
                    unless_passing!($attempt)
                }
            },
            done => done,
        }
    }};
}

impl SqlxDatabase {
    pub(crate) async fn user_by_account<U: UserModel>(
        &self,
        oauth_name: &str,
        account_id: &str,
    ) -> Result<Option<U>, DatabaseError> {
        let statements = self.statements()?;
        let rows =
            self.read(Call::new(&statements.user_by_account).text(account_id).text(oauth_name)).await?;
        let behind_user = statements.schema.columns().len();
        for row in &rows {
            if names_account(row, behind_user, oauth_name, account_id)? {
                return user_from_row(&statements.schema, row).map(Some);
            }
        }
        Ok(None)
    }

    pub(crate) async fn accounts_of<U: UserModel>(
        &self,
        user_id: &U::Id,
    ) -> Result<Vec<OAuthAccount<U::Id>>, DatabaseError> {
        let statements = self.statements()?;
        let rows = unless_passing!(self.read(Call::new(&statements.accounts_of).id(user_id)))?;
        let account = |row| account_from_row(row, &statements.schema).map_err(DatabaseError::Decode);
        rows.iter().map(account).collect()
    }

    pub(crate) async fn create_with_account<U: UserModel>(
        &self,
        record: &Record,
        row_id: Option<&U::Id>,
        account: &NewOAuthAccount,
    ) -> Result<U, DatabaseError> {
        fitting!(account => self.try_create_with_account(record, row_id, account))
    }

    async fn try_create_with_account<U: UserModel>(
        &self,
        record: &Record,
        row_id: Option<&U::Id>,
        account: &NewOAuthAccount,
    ) -> Result<U, DatabaseError> {
        let statements = self.statements()?;
        let _turn = self.turn().await?;
        let mut work = self.begin().await?;
        let done = match insert_user::<U>(&mut work, statements, record).await {
            Ok(user) => link(&mut work, statements, user.id(), row_id, account).await.map(|()| user),
            Err(error) => Err(error),
        };
        work.finish(done).await
    }

    pub(crate) async fn add_account<Id: ColumnValue>(
        &self,
        user_id: &Id,
        row_id: Option<&Id>,
        account: &NewOAuthAccount,
    ) -> Result<(), DatabaseError> {
        fitting!(account => self.try_add_account(user_id, row_id, account))
    }

    async fn try_add_account<Id: ColumnValue>(
        &self,
        user_id: &Id,
        row_id: Option<&Id>,
        account: &NewOAuthAccount,
    ) -> Result<(), DatabaseError> {
        let statements = self.statements()?;
        let _turn = self.turn().await?;
        let mut work = self.begin().await?;
        let done = link(&mut work, statements, user_id, row_id, account).await;
        work.finish(done).await
    }

    pub(crate) async fn update_account<Id: ColumnValue>(
        &self,
        user_id: &Id,
        account: &NewOAuthAccount,
    ) -> Result<bool, DatabaseError> {
        fitting!(account => self.try_update_account(user_id, account))
    }

    async fn try_update_account<Id: ColumnValue>(
        &self,
        user_id: &Id,
        account: &NewOAuthAccount,
    ) -> Result<bool, DatabaseError> {
        let update = Call::new(&self.statements()?.update_account)
            .text(account.access_token.as_str())
            .field(&account.expires_at)
            .field(&account.refresh_token)
            .text(account.account_email.as_str())
            .id(user_id)
            .text(account.oauth_name.as_str())
            .text(account.account_id.as_str());
        self.write(update).await.map(|updated| updated > 0)
    }

    pub(crate) async fn delete_account<Id: ColumnValue>(
        &self,
        user_id: &Id,
        oauth_name: &str,
        account_id: &str,
    ) -> Result<bool, DatabaseError> {
        let delete = Call::new(&self.statements()?.delete_account).id(user_id);
        self.change(delete.text(oauth_name).text(account_id)).await.map(|deleted| deleted > 0)
    }

    pub(crate) async fn with_state<U: UserModel>(
        &self,
        id: &U::Id,
    ) -> Result<Option<(U, UserState)>, DatabaseError> {
        let statements = self.statements()?;
        let get = Call::new(&statements.get_with_state).text(id_text(id)).id(id);
        let behind_user = statements.schema.columns().len();
        self.find(get, |row| {
            let generated: Option<bool> = row.get(behind_user + 1)?;
            let state = UserState {
                not_before: row.get(behind_user)?,
                password_is_generated: generated.unwrap_or(false),
            };
            Ok(Some((user_from_row(&statements.schema, row)?, state)))
        })
        .await
    }

    pub(crate) async fn set_state<Id: ColumnValue>(
        &self,
        id: &Id,
        state: UserState,
    ) -> Result<(), DatabaseError> {
        let set = || {
            let call = Call::new(&self.statements()?.set_state).text(id_text(id));
            let call = call.field(&state.not_before).field(&state.password_is_generated);
            Ok::<_, DatabaseError>(call.id(id))
        };
        unless_passing!(self.write(set()?)).map(|_| ())
    }
}

/// Links an account that nobody has. Where no unique index decides, because Python repeated accounts or writes
/// meanwhile, the look-up does, in the same transaction.
async fn link<Id: ColumnValue>(
    work: &mut Work,
    statements: &Statements,
    user_id: &Id,
    row_id: Option<&Id>,
    account: &NewOAuthAccount,
) -> Result<(), DatabaseError> {
    let NewOAuthAccount { oauth_name, account_id, .. } = account;
    let look_up = Call::new(&statements.linked_accounts).text(account_id.as_str()).text(oauth_name.as_str());
    for row in &work.fetch(look_up).await.map_err(database_error)? {
        if names_account(row, 0, oauth_name, account_id)? {
            return Err(DatabaseError::OAuthAccountTaken);
        }
    }
    let insert = match row_id {
        Some(row_id) => Call::new(&statements.insert_account).id(row_id),
        None => Call::new(&statements.insert_account_without_id),
    };
    let insert = insert
        .id(user_id)
        .text(oauth_name.as_str())
        .text(account.access_token.as_str())
        .field(&account.expires_at)
        .field(&account.refresh_token)
        .text(account_id.as_str())
        .text(account.account_email.as_str());
    work.execute(insert).await.map(|_| ()).map_err(account_error)
}

/// Whether the row's two columns name exactly this account: MySQL's collation may find others too.
fn names_account(row: &Row, first: usize, oauth_name: &str, account_id: &str) -> Result<bool, DecodeError> {
    Ok(row.get::<String>(first)? == oauth_name && row.get::<String>(first + 1)? == account_id)
}

/// The columns in the order of `OAUTH_ACCOUNT_COLUMNS`.
fn account_from_row<Id: ColumnValue>(row: &Row, schema: &Schema) -> Result<OAuthAccount<Id>, DecodeError> {
    let id = |index| Id::from_value(Reader(row).value(index, schema.id_type())?);
    Ok(OAuthAccount {
        id: id(0)?,
        user_id: id(1)?,
        oauth_name: row.get(2)?,
        access_token: row.get(3)?,
        expires_at: row.get(4)?,
        refresh_token: row.get(5)?,
        account_id: row.get(6)?,
        account_email: row.get(7)?,
    })
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

/// An id as the side tables keep it.
pub(crate) fn id_text<Id: ColumnValue>(id: &Id) -> String {
    match id.clone().into_value() {
        Value::Uuid(id) => id.hyphenated().to_string(),
        Value::Integer(id) => id.to_string(),
        Value::Text(id) => id,
        other => format!("{other:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_narrow_table_gets_what_fits() {
        let account = |token: &str, expires_at| NewOAuthAccount {
            oauth_name: "google".into(),
            access_token: token.into(),
            expires_at,
            refresh_token: Some(token.into()),
            account_id: "1".into(),
            account_email: "ada@example.org".into(),
        };
        let (fits, too_long) = ("é".repeat(1024), "e".repeat(1025));
        assert!(matches!(narrowed(&account(&fits, Some(i32::MAX.into()))), Cow::Borrowed(_)));
        let narrow = narrowed(&account(&too_long, Some(4_102_444_800))).into_owned();
        assert_eq!((narrow.access_token.as_str(), narrow.refresh_token), ("", None));
        assert_eq!(
            (narrow.expires_at, narrow.account_email.as_str()),
            (Some(2_147_483_647), "ada@example.org")
        );
    }
}
