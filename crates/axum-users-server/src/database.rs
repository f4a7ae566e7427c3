//! The configured database, whichever its URL names.

use std::time::Duration;

use anyhow::Context;
use axum_users::{BuildError, DatabaseError, Hooks, Secrets, Users};
use axum_users_mongodb::{MongoDatabase, MongoOptions};
use axum_users_sqlx::{PoolState, SqlxDatabase, SqlxOptions};

use crate::{
    config::{Config, DatabaseConfig, Engine},
    server_user::ServerUser,
    setup::build_users,
};

/// A database that was opened; clones share its connections.
#[derive(Clone, Debug)]
pub(crate) enum Database {
    Sqlx(SqlxDatabase),
    MongoDb(MongoDatabase),
}

/// The connections of a database at a moment, as far as the driver tells.
pub(crate) struct Connections {
    pub(crate) used: u32,
    pub(crate) idle: u32,
    /// How many there may be.
    pub(crate) most: Option<u32>,
    /// How many operations wait for one.
    pub(crate) waiting: Option<u32>,
}

impl Database {
    /// Opens the configured database, whose tables may be missing still. Also answers the configuration with what
    /// it leaves to the database: what ids are, and what the tables are called.
    pub(crate) async fn open(config: &Config) -> anyhow::Result<(Self, Config)> {
        let mut config = config.clone();
        let database = if config.database.engine() == Engine::MongoDb {
            let database = Self::connect_mongodb(&config).await.context("the database cannot be opened")?;
            recognise_collections(&database, &mut config).await.context("the database cannot be read")?;
            Self::MongoDb(mongo_options(&config).with_connections_of(&database))
        } else {
            create_private(&config.database);
            let options = sqlx_options(&config);
            let database =
                options.connect(&config.database.url).await.context("the database cannot be opened")?;
            Self::Sqlx(with_tables(database, &mut config).await.context("the database cannot be read")?)
        };
        Ok((database, config))
    }

    async fn connect_mongodb(config: &Config) -> Result<MongoDatabase, axum_users_mongodb::ConnectError> {
        mongo_options(config).connect(&config.database.url).await
    }

    /// The users of a configuration in this database; see [`build_users`].
    pub(crate) fn users(
        &self,
        config: &Config,
        public_url: &str,
        secrets: Secrets,
        hooks: impl Hooks<ServerUser>,
    ) -> Result<Users<ServerUser>, BuildError> {
        match self.clone() {
            Self::Sqlx(database) => build_users(config, public_url, database, secrets, hooks),
            Self::MongoDb(database) => build_users(config, public_url, database, secrets, hooks),
        }
    }

    /// What is there, in a sentence for people.
    pub(crate) async fn inspect(&self) -> Result<String, DatabaseError> {
        Ok(match self {
            Self::Sqlx(database) => database.inspect().await?.to_string(),
            Self::MongoDb(database) => database.inspect().await?.to_string(),
        })
    }

    /// The connections at this moment, where the driver tells.
    pub(crate) fn connections(&self) -> Option<Connections> {
        match self {
            Self::Sqlx(database) => {
                let PoolState { open, idle, most, .. } = database.pool().state();
                Some(Connections { used: open - idle, idle, most: Some(most), waiting: None })
            }
            Self::MongoDb(database) => database.pool_state().map(|pool| Connections {
                used: pool.used,
                idle: pool.open - pool.used,
                most: None,
                waiting: Some(pool.waiting),
            }),
        }
    }

    /// Closes every connection, waiting for those in use.
    pub(crate) async fn close(self) {
        match self {
            Self::Sqlx(database) => database.close().await,
            Self::MongoDb(database) => database.database().client().clone().shutdown().await,
        }
    }
}

fn sqlx_options(config: &Config) -> SqlxOptions {
    let database = &config.database;
    let mut options = SqlxOptions::new()
        .side_by_side(config.side_by_side)
        .busy_timeout(Duration::from_secs(database.busy_timeout_seconds));
    if let Some(connections) = database.max_connections {
        options = options.pool_size(connections);
    }
    if let Some(seconds) = database.timeout_seconds {
        options = options.timeout(Duration::from_secs(seconds));
    }
    if let Some(name) = &database.user_table {
        options = options.user_table(name);
    }
    if let Some(name) = &database.oauth_account_table {
        options = options.oauth_account_table(name);
    }
    if let Some(name) = &database.access_token_table {
        options = options.access_token_table(name);
    }
    options
}

fn mongo_options(config: &Config) -> MongoOptions {
    let database = &config.database;
    let mut options = MongoOptions::new().side_by_side(config.side_by_side);
    if let Some(connections) = database.max_connections {
        options = options.pool_size(connections);
    }
    if let Some(seconds) = database.timeout_seconds {
        options = options.operation_timeout(Duration::from_secs(seconds));
    }
    if let Some(name) = &database.user_table {
        options = options.user_collection(name);
    }
    if let Some(name) = &database.access_token_table {
        options = options.access_token_collection(name);
    }
    options
}

/// Fills in what the configuration leaves out, where its user table is the one that is there.
async fn with_tables(database: SqlxDatabase, config: &mut Config) -> Result<SqlxDatabase, DatabaseError> {
    let Some(found) = database.recognise().await? else { return Ok(database) };
    let names = &mut config.database;
    if names.user_table.as_ref().is_some_and(|name| *name != found.user) {
        return Ok(database);
    }
    config.id_type.get_or_insert(found.id_type);
    let user = names.user_table.get_or_insert(found.user);
    let oauth_account = names.oauth_account_table.get_or_insert(found.oauth_account);
    let access_token = names.access_token_table.get_or_insert(found.access_token);
    Ok(database.with_tables(&*user, &*oauth_account, &*access_token))
}

/// The same for MongoDB.
async fn recognise_collections(database: &MongoDatabase, config: &mut Config) -> Result<(), DatabaseError> {
    let Some(found) = database.recognise().await? else { return Ok(()) };
    let names = &mut config.database;
    if names.user_table.as_ref().is_some_and(|name| *name != found.users) {
        return Ok(());
    }
    names.user_table.get_or_insert(found.users);
    names.access_token_table.get_or_insert(found.access_tokens);
    config.id_type.get_or_insert(found.id_type);
    Ok(())
}

/// Makes a missing database file for its owner alone, since it will hold password hashes; SQLite would make it
/// as readable as any other file. What stands in the way is told when the file is opened.
fn create_private(database: &DatabaseConfig) {
    let may_create = database
        .url
        .split_once('?')
        .is_some_and(|(_, query)| query.split('&').any(|pair| pair == "mode=rwc"));
    if let Some(file) = database.file().filter(|file| may_create && !file.exists()) {
        let _ = crate::files::create_private(&file);
    }
}
