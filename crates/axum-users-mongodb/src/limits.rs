//! Counts of tries, for processes that share the database: a document each, with the moment at which the count has
//! all its tries again.

use axum_users::{DatabaseError, LimitCount};
use mongodb::bson::{Document, RawBsonRef, doc};

use crate::{
    MongoDatabase,
    error::{code, has_code},
};

/// Times that a count may be made and forgotten under our hands.
const ATTEMPTS: usize = 5;

impl MongoDatabase {
    /// Each step compares and sets one document, so that tries at the same instant take turns.
    pub(crate) async fn take_try(&self, count: &LimitCount<'_>) -> Result<Option<i64>, DatabaseError> {
        let limits = &self.layout()?.limits;
        for _ in 0..ATTEMPTS {
            let (busy, step) =
                (doc! { "$gt": count.now, "$lte": count.latest() }, doc! { "full_at": count.step });
            let next = limits.update_one(doc! { "_id": count.name, "full_at": busy }, doc! { "$inc": step });
            if self.run(next).await?.matched_count > 0 {
                return Ok(None);
            }
            let full = doc! { "_id": count.name, "full_at": { "$lte": count.now } };
            let begun = doc! { "$set": { "full_at": count.now.saturating_add(count.step) } };
            if self.run(limits.update_one(full, begun)).await?.matched_count > 0 {
                return Ok(None);
            }
            let new = doc! { "_id": count.name, "full_at": count.now.saturating_add(count.step) };
            let insert = async {
                match limits.clone_with_type::<Document>().insert_one(new).await {
                    Ok(_) => Ok(true),
                    Err(error) if has_code(&error, code::DUPLICATE_KEY) => Ok(false),
                    Err(error) => Err(error),
                }
            };
            if self.run(insert).await? {
                return Ok(None);
            }
            let Some(full_at) = self.full_at(count.name).await? else { continue };
            // Somebody's clock was ahead: nobody has to wait until ours is there.
            let most = count.now.saturating_add(count.period);
            if full_at > most {
                let ahead = doc! { "_id": count.name, "full_at": { "$gt": most } };
                self.run(limits.update_one(ahead, doc! { "$set": { "full_at": most } })).await?;
            }
            if full_at > count.latest() {
                return Ok(Some(count.wait(full_at)));
            }
        }
        Ok(Some(count.step))
    }

    /// The moment that is kept under a name.
    pub(crate) async fn full_at(&self, name: &str) -> Result<Option<i64>, DatabaseError> {
        let limits = &self.layout()?.limits;
        let found = self.run(limits.find_one(doc! { "_id": name })).await?;
        Ok(found.and_then(|document| match document.get("full_at") {
            Ok(Some(RawBsonRef::Int64(full_at))) => Some(full_at),
            Ok(Some(RawBsonRef::Int32(full_at))) => Some(full_at.into()),
            _ => None,
        }))
    }
}
