//! `MongoDatabase` against a server that speaks MongoDB's protocol, seen through the adapter trait and through
//! the documents.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)] // a test may panic wherever it stands

mod adopt;
mod availability;
mod conformance;
mod connect;
mod documents;
mod migrate;
mod oauth;
mod plans;
mod server;

use std::{
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::Arc,
};

use axum_users::{
    ObjectId, Random, UserDatabase, UserModel,
    schema::{Record, Schema, Value},
};
use axum_users_mongodb::{
    MongoDatabase, MongoOptions,
    mongodb::{
        Client, Collection, Database,
        bson::{Document, doc},
    },
};

/// The user of an application that adds no fields to Beanie's.
#[derive(Clone, UserModel)]
struct BeanieUser {
    id: ObjectId,
    email: String,
    hashed_password: String,
    is_active: bool,
    is_superuser: bool,
    is_verified: bool,
}

/// Runs a test on a database of its own, and drops that whether the test passes or fails.
fn on_a_database(test: impl AsyncFnOnce(Database)) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let database =
        runtime.block_on(async { Client::with_uri_str(server::url()).await.unwrap().database(&new_name()) });
    let outcome = catch_unwind(AssertUnwindSafe(|| runtime.block_on(test(database.clone()))));
    runtime.block_on(async { database.drop().await.unwrap() });
    if let Err(panic) = outcome {
        resume_unwind(panic);
    }
}

fn new_name() -> String {
    format!("axum_users_test_{}", Random::system().uuid().simple())
}

/// The adapter as the library sees it.
fn users<U: UserModel>(database: &MongoDatabase) -> &impl UserDatabase<U> {
    database
}

/// Tells an adapter on the database the model's schema, and migrates.
async fn open<U: UserModel>(database: &Database, options: MongoOptions) -> MongoDatabase {
    let database = configured::<U>(database, options, U::schema());
    users::<U>(&database).migrate().await.unwrap();
    database
}

fn configured<U: UserModel>(database: &Database, options: MongoOptions, schema: Schema) -> MongoDatabase {
    let mut adapter = options.with_database(database.clone());
    UserDatabase::<U>::configure(&mut adapter, &Arc::new(schema)).unwrap();
    adapter
}

/// A new user without an id.
fn record(email: &str) -> Record {
    Record::new()
        .with("email", Value::Text(email.into()))
        .with("hashed_password", Value::Text("hash".into()))
        .with("is_active", Value::Bool(true))
        .with("is_superuser", Value::Bool(false))
        .with("is_verified", Value::Bool(false))
}

/// A user as another program stores it; `own` goes before the rest.
fn user_document(email: &str, own: Document) -> Document {
    let mut document = own;
    document.extend(doc! {
        "email": email,
        "hashed_password": "hash",
        "is_active": true,
        "is_superuser": false,
        "is_verified": false,
    });
    document
}

/// All documents, in the order of their `_id`.
async fn documents(collection: &Collection<Document>) -> Vec<Document> {
    let mut cursor = collection.find(doc! {}).sort(doc! { "_id": 1 }).await.unwrap();
    let mut documents = Vec::new();
    while cursor.advance().await.unwrap() {
        documents.push(cursor.deserialize_current().unwrap());
    }
    documents
}

/// The indexes' names but `_id_`, sorted.
async fn index_names(database: &Database, collection: &str) -> Vec<String> {
    let mut names = database.collection::<Document>(collection).list_index_names().await.unwrap_or_default();
    names.retain(|name| name != "_id_");
    names.sort_unstable();
    names
}
