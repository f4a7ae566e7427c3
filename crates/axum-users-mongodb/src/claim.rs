//! Who links an account: one at a time.
//!
//! An account is embedded in its user's document, and a unique index on two fields of an array's elements is not
//! the same thing on every server that speaks MongoDB's protocol. So whoever links an account first inserts a claim
//! for it into a collection of ours, where `_id` decides; sees that nobody has the account; links it; and gives the
//! claim up. The embedded accounts are the only truth about who has what, also those that Python wrote.
//!
//! A process that dies in between leaves its claim. It holds for a minute, in which this one account cannot be
//! linked, and whoever comes later takes it away.

use std::time::Duration;

use axum_users::{Clock, DatabaseError, NewOAuthAccount};
use mongodb::{
    bson::{Document, doc, oid::ObjectId},
    error::Error,
};

use crate::{
    MongoDatabase,
    error::{code, has_code},
    store::{Layout, index},
    values::date_time,
};

/// How long a claim holds that nobody gives up.
const LEASE: Duration = Duration::from_secs(60);
/// How long linking may take: much less, so that nobody links by a claim that was taken away.
const PATIENCE: Duration = Duration::from_secs(25);

impl MongoDatabase {
    /// Links an account that nobody has by `link`, while nobody else can.
    pub(crate) async fn claimed<T: Send + 'static>(
        &self,
        account: &NewOAuthAccount,
        link: impl Future<Output = Result<T, DatabaseError>> + Send + 'static,
    ) -> Result<T, DatabaseError> {
        let (database, account) = (self.clone(), account.clone());
        // A task of its own, since a request may be given up halfway, and its claim would stay.
        let linking = tokio::spawn(async move {
            let layout = database.layout()?;
            let claim = doc! { "oauth_name": &account.oauth_name, "account_id": &account.account_id };
            let holder = ObjectId::new();
            if !database.run(claim_for(layout, &claim, holder)).await? {
                return Err(DatabaseError::OAuthAccountTaken);
            }
            let linking = async {
                let having =
                    database.documents_with_account(&account.oauth_name, &account.account_id).await?;
                if having.is_empty() { link.await } else { Err(DatabaseError::OAuthAccountTaken) }
            };
            let late = |_| DatabaseError::Unavailable("the MongoDB server did not answer in time".into());
            let answer = tokio::time::timeout(PATIENCE, linking).await.map_err(late).flatten();
            // A server that did not answer may yet do it, so the claim holds for as long as it can.
            if !matches!(answer, Err(DatabaseError::Unavailable(_))) {
                let own = doc! { "_id": claim, "holder": holder };
                // Where this fails, the claim ends by itself.
                let _ = database.run(layout.claims.delete_one(own).hint(index(&["_id"]))).await;
            }
            answer
        });
        linking.await.map_err(|error| DatabaseError::Other(error.into()))?
    }
}

/// Claims an account; `false` when another one has claimed it.
async fn claim_for(layout: &Layout, claim: &Document, holder: ObjectId) -> Result<bool, Error> {
    let now = Clock::system().now();
    let claims = layout.claims.clone_with_type::<Document>();
    let document = doc! { "_id": claim, "holder": holder, "until": date_time(now + LEASE) };
    let insert = async || match claims.insert_one(&document).await {
        Ok(_) => Ok(true),
        Err(error) if has_code(&error, code::DUPLICATE_KEY) => Ok(false),
        Err(error) => Err(error),
    };
    if insert().await? {
        return Ok(true);
    }
    let left_behind = doc! { "_id": claim, "until": { "$lt": date_time(now) } };
    let taken_away = layout.claims.delete_one(left_behind).hint(index(&["_id"])).await?;
    Ok(taken_away.deleted_count > 0 && insert().await?)
}
