//! URLs, and sentences for what can be wrong with them.

use std::{error::Error as _, time::Duration};

use axum_users::{User, UserDatabase, UserModel};
use axum_users_mongodb::{ConnectError, MongoDatabase, MongoOptions, mongodb::Database};

use crate::{on_a_database, server, users};

#[tokio::test]
async fn a_wrong_url_is_explained() {
    for (url, expected) in [
        ("", "a database is named by a URL, for example `mongodb://127.0.0.1:27017/app`"),
        ("app.db", "a database is named by a URL, for example `mongodb://127.0.0.1:27017/app`"),
        (
            "postgres://127.0.0.1/app",
            "`postgres:` is not MongoDB's scheme, which is `mongodb:` or `mongodb+srv:`",
        ),
        ("mongodb://127.0.0.1", "the database URL names no database; its path does"),
        ("mongodb://127.0.0.1/?tls=true", "the database URL names no database; its path does"),
        ("mongodb://127.0.0.1/app?w=0", "the database URL has `w=0`"),
        ("mongodb://127.0.0.1/app?noSuchOption=1", "the database URL is wrong"),
        ("mongodb://127.0.0.1:port/app", "the database URL is wrong"),
    ] {
        let error = MongoDatabase::connect(url).await.unwrap_err();
        assert!(error.to_string().starts_with(expected), "{url}: {error}");
    }
}

#[tokio::test]
async fn no_explanation_has_the_password_in_it() {
    for url in [
        "mongodb://ada:sec:ret@127.0.0.1/app",
        "mongodb://ada:sec/ret@127.0.0.1/app",
        "mongodb://ada:secret%@127.0.0.1/app",
        "mongodb://ada:secret@127.0.0.1:port/app",
        "mongodb://ada:secret@127.0.0.1/app?secret=1",
        "mongodb://ada:secret@127.0.0.1:1/app?serverSelectionTimeoutMS=50",
    ] {
        let error = MongoDatabase::connect(url).await.unwrap_err();
        let mut text = format!("{error} {error:?}");
        let mut source = error.source();
        while let Some(error) = source {
            text.push_str(&error.to_string());
            source = error.source();
        }
        assert!(!text.contains("sec"), "{url}: {text}");
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_said_to_be_unreachable() {
    let url = "mongodb://127.0.0.1:1/app?serverSelectionTimeoutMS=200";
    let error = MongoDatabase::connect(url).await.unwrap_err();
    assert!(matches!(error, ConnectError::Unreachable(_)), "{error:?}");
}

/// The URL of a database on the tests' server.
fn url_of(database: &Database) -> String {
    let url = server::url();
    let (server, query) =
        url.split_once('?').map_or((url, String::new()), |(server, query)| (server, format!("?{query}")));
    let (scheme, host) = server.split_once("://").unwrap();
    let host = host.split('/').next().unwrap();
    format!("{scheme}://{host}/{}{query}", database.name())
}

#[test]
fn the_connections_that_were_made_here_are_counted() {
    on_a_database(async |database| {
        let adapter = MongoDatabase::connect(&url_of(&database)).await.unwrap();
        UserDatabase::<User>::ping(&adapter).await.unwrap();
        let is_idle = async {
            loop {
                let state = adapter.pool_state().unwrap();
                if state.open > 0 && (state.used, state.waiting) == (0, 0) {
                    return state;
                }
                tokio::task::yield_now().await;
            }
        };
        let state = tokio::time::timeout(Duration::from_secs(30), is_idle).await.unwrap();
        let renamed = MongoOptions::new().user_collection("people").with_connections_of(&adapter);
        assert_eq!(renamed.pool_state(), Some(state));
        assert_eq!(MongoDatabase::with_database(database).pool_state(), None, "they are the application's");
    });
}

#[test]
fn the_url_names_the_database() {
    on_a_database(async |database| {
        let mut adapter = MongoDatabase::connect(&url_of(&database)).await.unwrap();
        assert_eq!(adapter.database().name(), database.name());
        UserDatabase::<User>::configure(&mut adapter, &std::sync::Arc::new(User::schema())).unwrap();
        users::<User>(&adapter).migrate().await.unwrap();
        assert!(!database.list_collection_names().await.unwrap().is_empty());
    });
}
