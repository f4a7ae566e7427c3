//! A database of a test's own making.

use std::{net::SocketAddr, time::Duration};

use axum_users_seaorm::{SeaOrmDatabase, UserEntity};
use sea_orm::{ConnectionTrait, Database, DatabaseConnection, DbErr, Statement};
use tempfile::TempDir;

/// Where it is made; a server's engine needs its feature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    Sqlite,
    Postgres,
    MySql,
}

impl Engine {
    /// Something that the engine calls by another name.
    pub fn pick<T>(self, sqlite: T, postgres: T, mysql: T) -> T {
        match self {
            Self::Sqlite => sqlite,
            Self::Postgres => postgres,
            Self::MySql => mysql,
        }
    }

    /// The server's URL, with whatever database it names.
    fn server(self) -> String {
        let (variable, usual) = match self {
            Self::MySql => ("MYSQL_URL", "mysql://root@127.0.0.1:3306/test"),
            _ => ("POSTGRES_URL", "postgres://postgres@127.0.0.1:5432/postgres"),
        };
        std::env::var(variable).unwrap_or_else(|_| usual.to_owned())
    }
}

/// Makes a test of each function on each engine.
macro_rules! on_every_engine {
    ($($name:ident),* $(,)?) => {
        mod on_sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $name() {
                super::$name($crate::place::Engine::Sqlite).await;
            })*
        }
        on_every_server!($($name),*);
    };
}

/// Makes a test of each function on each engine that is a server.
macro_rules! on_every_server {
    ($($name:ident),* $(,)?) => {
        #[cfg(feature = "postgres")]
        mod on_postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $name() {
                super::$name($crate::place::Engine::Postgres).await;
            })*
        }
        #[cfg(feature = "mysql")]
        mod on_mysql {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $name() {
                super::$name($crate::place::Engine::MySql).await;
            })*
        }
    };
}

/// An empty database, gone when this is dropped.
pub struct Place {
    pub url: String,
    pub engine: Engine,
    name: String,
    _folder: Option<TempDir>,
}

impl Place {
    pub async fn new(engine: Engine) -> Self {
        let name = format!("seaorm_{}", axum_users::Random::system().uuid().simple());
        if engine == Engine::Sqlite {
            let folder = tempfile::tempdir().unwrap();
            let url = format!("sqlite://{}?mode=rwc", folder.path().join("data.db").display());
            return Self { url, engine, name, _folder: Some(folder) };
        }
        let create = engine.pick(
            "",
            "CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'",
            "CREATE DATABASE {} CHARACTER SET utf8mb4",
        );
        let server = engine.server();
        on_server(&server, &create.replace("{}", &name)).await;
        let (front, _) = server.rsplit_once('/').unwrap();
        Self { url: format!("{front}/{name}"), engine, name, _folder: None }
    }

    pub async fn open<E: UserEntity>(&self) -> SeaOrmDatabase<E> {
        patient(&self.url).await
    }

    /// A connection, as an application has one.
    pub async fn connect(&self) -> DatabaseConnection {
        Database::connect(&self.url).await.unwrap()
    }

    /// The server's host and port.
    pub fn address(&self) -> Option<String> {
        let (_, rest) = self.url.split_once("://").filter(|_| self.engine != Engine::Sqlite)?;
        let authority = rest.split(['/', '?']).next()?;
        Some(authority.rsplit_once('@').map_or(authority, |(_, address)| address).to_owned())
    }

    /// The URL, by way of another address.
    pub fn url_through(&self, address: SocketAddr) -> String {
        self.url.replace(&self.address().unwrap(), &address.to_string())
    }
}

/// A busy machine is no fault of the adapter.
pub async fn patient<E: UserEntity>(url: &str) -> SeaOrmDatabase<E> {
    SeaOrmDatabase::connect(url).await.unwrap().timeout(Duration::from_secs(30))
}

impl Drop for Place {
    fn drop(&mut self) {
        let drop = self.engine.pick("", "DROP DATABASE {} WITH (FORCE)", "DROP DATABASE {}");
        let (server, drop) = (self.engine.server(), drop.replace("{}", &self.name));
        if drop.is_empty() {
            return;
        }
        // The test's runtime may be at its end.
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(on_server(&server, &drop));
        });
        let _ = dropping.join();
    }
}

/// Runs a statement on the server's own database.
async fn on_server(server: &str, sql: &str) {
    let Ok(connection) = Database::connect(server).await else {
        panic!("nobody answers at {server}: `cargo xtask test` starts what is missing");
    };
    connection.execute_unprepared(sql).await.unwrap();
    connection.close().await.unwrap();
}

/// Runs statements, separated by semicolons, in which identifiers are quoted by `"`.
pub async fn execute(connection: &DatabaseConnection, sql: &str) {
    for statement in sql.split(';').filter(|statement| !statement.trim().is_empty()) {
        connection
            .execute_unprepared(&spoken(connection, statement))
            .await
            .unwrap_or_else(|error| panic!("{statement}: {error}"));
    }
}

/// Each row's columns as text, joined by `|`; NULL is `NULL`. The columns have to be texts.
pub async fn rows(connection: &DatabaseConnection, sql: &str, width: usize) -> Vec<String> {
    let statement = Statement::from_string(connection.get_database_backend(), spoken(connection, sql));
    let rows = connection.query_all_raw(statement).await.unwrap();
    let text = |row: &sea_orm::QueryResult| -> Result<String, DbErr> {
        let texts: Vec<String> = (0..width)
            .map(|index| Ok(row.try_get_by_index::<Option<String>>(index)?.unwrap_or_else(|| "NULL".into())))
            .collect::<Result<_, DbErr>>()?;
        Ok(texts.join("|"))
    };
    rows.iter().map(|row| text(row).unwrap()).collect()
}

fn spoken(connection: &DatabaseConnection, sql: &str) -> String {
    match connection.get_database_backend() {
        sea_orm::DbBackend::MySql => sql.replace('"', "`"),
        _ => sql.to_owned(),
    }
}
