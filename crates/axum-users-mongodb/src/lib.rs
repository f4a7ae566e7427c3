//! Keeps the users of [`axum_users`] in MongoDB, in the documents that FastAPI Users makes.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use axum_users_mongodb::MongoDatabase;
//!
//! let database = MongoDatabase::connect("mongodb://127.0.0.1:27017/app").await?;
//! # let _ = database;
//! # Ok(())
//! # }
//! ```
//!
//! An application with a client of its own gives its database to [`MongoDatabase::with_database`]. The
//! collections' names and time limits are [`MongoOptions`]; TLS, credentials and the pool's size are in the URL.
//!
//! # What is stored how
//!
//! A model whose id is an [`ObjectId`](axum_users::ObjectId) has Beanie's documents: the id is `_id`, the
//! collections are `User` and `AccessToken`. Any other model has those of the Motor adapter: the id is the field
//! `id` (a UUID is a binary of subtype 4) beside an `_id` that nobody looks at, the collections are `users` and
//! `access_tokens`. OAuth accounts are embedded in `oauth_accounts`, as the original does it.
//!
//! Own fields have BSON's own types: timestamps are dates (of milliseconds), integers are of 64 bits, UUIDs are
//! binaries, JSON is nested as it is; a calendar date is text like `2026-11-23`. Fields that the model does not
//! know are never touched, and every change is one atomic update of one document.

mod accounts;
mod audit;
mod claim;
mod connect;
mod database;
mod error;
mod filter;
mod inspect;
mod json;
mod limits;
mod migrate;
mod pool;
mod sessions;
mod store;
mod survey;
mod values;

pub use mongodb;

pub use self::{
    connect::{ConnectError, MongoOptions},
    inspect::{Counts, Flavour, Found, FoundCollections},
    pool::PoolState,
    store::MongoDatabase,
};

/// Pages: their programs are compiled with the documentation's tests.
#[cfg(doctest)]
mod book {
    #[doc = include_str!("../../../docs/mongodb.md")]
    struct MongoDb;
}
