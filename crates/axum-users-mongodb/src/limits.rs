//! Counts of tries, for processes that share the database: a document each, with the moment at which the count has
//! all its tries again.

use std::sync::atomic::Ordering;

use axum_users::{DatabaseError, LimitCount};
use mongodb::bson::{Document, RawBsonRef, doc};

use crate::{
    MongoDatabase,
    error::{code, has_code},
};

/// Times that a count may be made and forgotten under our hands.
const ATTEMPTS: usize = 5;

/// After so many tries, counts whose time is over are forgotten.
const FORGET_AFTER: u32 = 200;

impl MongoDatabase {
    /// As [`LimitCount::take`] says. Each step compares and sets one document, so that tries at the same instant take
    /// turns.
    pub(crate) async fn take_try(&self, count: &LimitCount<'_>) -> Result<Option<i64>, DatabaseError> {
        let layout = self.layout()?;
        let limits = &layout.limits;
        if layout.tries.fetch_add(1, Ordering::Relaxed) % FORGET_AFTER == FORGET_AFTER - 1 {
            // Whether or not that succeeds, the try counts.
            let _ = self.run(limits.delete_many(doc! { "full_at": { "$lt": count.now } })).await;
        }
        let one = count.now.saturating_add(count.step);
        for _ in 0..ATTEMPTS {
            let some_left =
                doc! { "_id": count.name, "full_at": { "$gt": count.now, "$lte": count.latest() } };
            let next = limits.update_one(some_left, doc! { "$inc": { "full_at": count.step } });
            if self.run(next).await?.matched_count > 0 {
                return Ok(None);
            }
            let all =
                [doc! { "full_at": { "$lte": count.now } }, doc! { "full_at": { "$gt": count.farthest() } }];
            let all = doc! { "_id": count.name, "$or": all.as_slice() };
            let next = limits.update_one(all, doc! { "$set": { "full_at": one } });
            if self.run(next).await?.matched_count > 0 {
                return Ok(None);
            }
            let Some(full_at) = self.full_at(count.name).await? else {
                if self.insert_count(doc! { "_id": count.name, "full_at": one }).await? {
                    return Ok(None);
                }
                continue;
            };
            // One may have come back in between.
            if let Err(wait) = count.take(Some(full_at)) {
                return Ok(Some(wait));
            }
        }
        Ok(Some(count.step))
    }

    /// Whether it was not there.
    async fn insert_count(&self, count: Document) -> Result<bool, DatabaseError> {
        let limits = self.layout()?.limits.clone_with_type::<Document>();
        let insert = async {
            match limits.insert_one(count).await {
                Ok(_) => Ok(true),
                Err(error) if has_code(&error, code::DUPLICATE_KEY) => Ok(false),
                Err(error) => Err(error),
            }
        };
        self.run(insert).await
    }

    pub(crate) async fn give_tries_back(&self, counts: &[LimitCount<'_>]) -> Result<(), DatabaseError> {
        let limits = &self.layout()?.limits;
        for count in counts {
            let less = doc! { "$inc": { "full_at": -count.step } };
            self.run(limits.update_one(doc! { "_id": count.name }, less)).await?;
        }
        Ok(())
    }

    pub(crate) async fn note(&self, name: &str, until: i64) -> Result<(), DatabaseError> {
        self.upsert(&self.layout()?.limits, name.into(), doc! { "$set": { "full_at": until } }).await
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
