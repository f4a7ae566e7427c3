//! OAuth accounts, which are embedded in their user's document, in the array `oauth_accounts`.
//!
//! No index can say that an account belongs to one user only, so whoever links one claims it first; see `claim`.

use axum_users::{
    ColumnValue, DatabaseError, NewOAuthAccount, OAuthAccount, UserModel,
    schema::{ColumnType, DecodeError, Record},
};
use mongodb::bson::{Bson, Document, RawBsonRef, RawDocument, RawDocumentBuf, doc};

use crate::{
    MongoDatabase,
    store::{collect, has_text, id_bson},
    values::{describe, from_bson},
};

impl MongoDatabase {
    pub(crate) async fn user_by_account<U: UserModel>(
        &self,
        oauth_name: &str,
        account_id: &str,
    ) -> Result<Option<U>, DatabaseError> {
        let layout = self.layout()?;
        let found = self.documents_with_account(oauth_name, account_id).await?;
        found.first().map(|document| layout.user(document)).transpose()
    }

    /// The users' documents that have this account.
    pub(crate) async fn documents_with_account(
        &self,
        oauth_name: &str,
        account_id: &str,
    ) -> Result<Vec<RawDocumentBuf>, DatabaseError> {
        let layout = self.layout()?;
        let filter =
            doc! { "oauth_accounts.account_id": account_id, "oauth_accounts.oauth_name": oauth_name };
        let mut documents = self.run(async { collect(layout.users.find(filter).await?).await }).await?;
        // Name and id have to stand in the same element.
        documents.retain(|document| has_account(document, oauth_name, account_id));
        Ok(documents)
    }

    pub(crate) async fn accounts_of<Id: ColumnValue>(
        &self,
        user_id: &Id,
    ) -> Result<Vec<OAuthAccount<Id>>, DatabaseError> {
        let layout = self.layout()?;
        let find = layout.users.find_one(layout.by_id(user_id)?).projection(doc! { "oauth_accounts": 1 });
        let Some(document) = self.run(find).await? else { return Ok(Vec::new()) };
        let id_type = layout.schema.id_type();
        elements(&document).map(|account| Ok(account_from_bson(account, id_type, user_id)?)).collect()
    }

    /// One document holds the user and the account, so one insert makes both or neither.
    pub(crate) async fn create_with_account<U: UserModel>(
        &self,
        record: Record,
        row_id: Option<&U::Id>,
        account: &NewOAuthAccount,
    ) -> Result<U, DatabaseError> {
        let embedded = self.account_to_bson(row_id, account).await?;
        let database = self.clone();
        self.claimed(account, async move { database.insert_user(record, Some(embedded)).await }).await
    }

    pub(crate) async fn add_account<Id: ColumnValue>(
        &self,
        user_id: &Id,
        row_id: Option<&Id>,
        account: &NewOAuthAccount,
    ) -> Result<(), DatabaseError> {
        let user = self.layout()?.by_id(user_id)?;
        let push = doc! { "$push": { "oauth_accounts": self.account_to_bson(row_id, account).await? } };
        let database = self.clone();
        let push = async move {
            let updated = database.run(database.layout()?.users.update_one(user, push)).await?;
            let missing = || DatabaseError::Other("there is no such user".into());
            if updated.matched_count > 0 { Ok(()) } else { Err(missing()) }
        };
        self.claimed(account, push).await
    }

    pub(crate) async fn update_account<Id: ColumnValue>(
        &self,
        user_id: &Id,
        account: &NewOAuthAccount,
    ) -> Result<bool, DatabaseError> {
        let layout = self.layout()?;
        let (oauth_name, account_id) = (account.oauth_name.as_str(), account.account_id.as_str());
        let mut filter = layout.by_id(user_id)?;
        filter.insert("oauth_accounts", doc! { "$elemMatch": account_filter(oauth_name, account_id) });
        let set = doc! { "$set": {
            "oauth_accounts.$[account].access_token": &account.access_token,
            "oauth_accounts.$[account].expires_at": account.expires_at,
            "oauth_accounts.$[account].refresh_token": account.refresh_token.clone(),
            "oauth_accounts.$[account].account_email": &account.account_email,
        } };
        let elements = doc! { "account.oauth_name": oauth_name, "account.account_id": account_id };
        let update = layout.users.update_one(filter, set).array_filters([elements]).hint(layout.id_index());
        self.run(update).await.map(|updated| updated.matched_count > 0)
    }

    pub(crate) async fn delete_account<Id: ColumnValue>(
        &self,
        user_id: &Id,
        oauth_name: &str,
        account_id: &str,
    ) -> Result<bool, DatabaseError> {
        let layout = self.layout()?;
        let mut filter = layout.by_id(user_id)?;
        filter.insert("oauth_accounts", doc! { "$elemMatch": account_filter(oauth_name, account_id) });
        let pull = doc! { "$pull": { "oauth_accounts": account_filter(oauth_name, account_id) } };
        let update = layout.users.update_one(filter, pull).hint(layout.id_index());
        self.run(update).await.map(|updated| updated.matched_count > 0)
    }

    /// An element of the array, with its fields in the original's order.
    async fn account_to_bson<Id: ColumnValue>(
        &self,
        row_id: Option<&Id>,
        account: &NewOAuthAccount,
    ) -> Result<Document, DatabaseError> {
        let id = match row_id {
            Some(id) => id_bson(id)?,
            None => {
                let made = self.new_id(&self.layout()?.account_sequence()).await?;
                let missing = || DatabaseError::Other("the account was given no id".into());
                crate::values::to_bson(&made.ok_or_else(missing)?)?
            }
        };
        Ok(doc! {
            "id": id,
            "oauth_name": &account.oauth_name,
            "access_token": &account.access_token,
            "expires_at": account.expires_at,
            "refresh_token": account.refresh_token.clone(),
            "account_id": &account.account_id,
            "account_email": &account.account_email,
        })
    }
}

fn account_filter(oauth_name: &str, account_id: &str) -> Document {
    doc! { "oauth_name": oauth_name, "account_id": account_id }
}

/// The embedded accounts; none where the document has no such array.
fn elements(document: &RawDocument) -> impl Iterator<Item = &RawDocument> {
    let array = document.get_array("oauth_accounts").ok();
    array.into_iter().flatten().filter_map(|element| match element {
        Ok(RawBsonRef::Document(account)) => Some(account),
        _ => None,
    })
}

fn has_account(document: &RawDocument, oauth_name: &str, account_id: &str) -> bool {
    elements(document).any(|account| {
        has_text(account, "oauth_name", oauth_name) && has_text(account, "account_id", account_id)
    })
}

fn account_from_bson<Id: ColumnValue>(
    account: &RawDocument,
    id_type: ColumnType,
    user_id: &Id,
) -> Result<OAuthAccount<Id>, DecodeError> {
    Ok(OAuthAccount {
        id: member(account, "id", id_type)?,
        user_id: user_id.clone(),
        oauth_name: member(account, "oauth_name", ColumnType::Text)?,
        access_token: member(account, "access_token", ColumnType::Text)?,
        expires_at: member(account, "expires_at", ColumnType::Integer)?,
        refresh_token: member(account, "refresh_token", ColumnType::Text)?,
        account_id: member(account, "account_id", ColumnType::Text)?,
        account_email: member(account, "account_email", ColumnType::Text)?,
    })
}

/// A member of a document, null where it is missing.
pub(crate) fn member<T: ColumnValue>(
    document: &RawDocument,
    name: &'static str,
    column_type: ColumnType,
) -> Result<T, DecodeError> {
    let value = document.get(name).ok().flatten().unwrap_or(RawBsonRef::Null);
    let wrong = || DecodeError::new(name, column_type.to_string(), describe(value));
    let value = from_bson(value, column_type).ok_or_else(wrong)?;
    T::from_value(value).map_err(|error| error.at(name))
}

/// A user's accounts as its first one makes them.
pub(crate) fn array_of(account: Document) -> Bson {
    Bson::Array(vec![Bson::Document(account)])
}
