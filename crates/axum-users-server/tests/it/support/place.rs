//! Databases of the tests' own making, on every engine that the server takes.
//!
//! The servers are those of `POSTGRES_URL`, `MYSQL_URL` and `MONGODB_URL`.

use std::path::{Path, PathBuf};

use axum_users::Random;
use axum_users_mongodb::mongodb::Client;
use axum_users_sqlx::sqlx::{AssertSqlSafe, Connection, MySqlConnection, PgConnection, raw_sql};
use tempfile::TempDir;

use super::database::Database;
use super::server::Launch;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Engine {
    Sqlite,
    Postgres,
    MySql,
    MongoDb,
}

impl Engine {
    /// The server's URL, with whatever database it names.
    fn server(self) -> String {
        let [variable, default] = match self {
            Self::Sqlite => return String::new(),
            Self::Postgres => ["POSTGRES_URL", "postgres://postgres@127.0.0.1:5432/postgres"],
            Self::MySql => ["MYSQL_URL", "mysql://root@127.0.0.1:3306/test"],
            Self::MongoDb => ["MONGODB_URL", "mongodb://127.0.0.1:27017"],
        };
        std::env::var(variable).unwrap_or_else(|_| default.to_owned())
    }

    /// Something that an SQL server calls by another name.
    fn pick<T>(self, postgres: T, mysql: T) -> Option<T> {
        match self {
            Self::Postgres => Some(postgres),
            Self::MySql => Some(mysql),
            Self::Sqlite | Self::MongoDb => None,
        }
    }
}

/// Makes a test of each function on each engine.
macro_rules! on_every_engine {
    ($($name:ident),* $(,)?) => {
        mod on_sqlite {
            $(#[tokio::test]
            async fn $name() {
                super::$name($crate::support::place::Engine::Sqlite).await;
            })*
        }
        on_every_server!($($name),*);
    };
}

/// Makes a test of each function on each engine that is a server.
macro_rules! on_every_server {
    ($($name:ident),* $(,)?) => {
        mod on_postgresql {
            $(#[tokio::test]
            async fn $name() {
                super::$name($crate::support::place::Engine::Postgres).await;
            })*
        }
        mod on_mariadb {
            $(#[tokio::test]
            async fn $name() {
                super::$name($crate::support::place::Engine::MySql).await;
            })*
        }
        mod on_mongodb {
            $(#[tokio::test]
            async fn $name() {
                super::$name($crate::support::place::Engine::MongoDb).await;
            })*
        }
    };
}

/// An empty database and a folder, both gone when this is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) engine: Engine,
    name: String,
    folder: TempDir,
}

impl Place {
    pub(crate) async fn new(engine: Engine) -> Self {
        let name = format!("axum_users_test_{}", Random::system().uuid().simple());
        let place = Self { engine, name, folder: tempfile::tempdir().unwrap() };
        let create = engine.pick(
            "CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'",
            "CREATE DATABASE {} CHARACTER SET utf8mb4",
        );
        if let Some(create) = create {
            execute(engine, &engine.server(), &create.replace("{}", &place.name)).await;
        }
        place
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The file of a SQLite database.
    pub(crate) fn file(&self) -> PathBuf {
        self.folder().join("users.sqlite")
    }

    pub(crate) fn url(&self) -> String {
        if self.engine == Engine::Sqlite {
            return format!("sqlite://{}?mode=rwc", self.file().display());
        }
        with_database(&self.engine.server(), &self.name)
    }

    /// What is stored, seen and changed behind the server's back.
    pub(crate) fn database(&self) -> Database {
        match self.engine {
            Engine::Sqlite => Database::new(&self.file()),
            engine => Database::on_server(engine, &self.url()),
        }
    }

    /// The server on this database, with a config file.
    pub(crate) fn launch(&self, config: &Path) -> Launch {
        Launch::new(config, self.folder()).set("DATABASE__URL", &self.url())
    }

    /// Runs SQL statements on a server's database.
    pub(crate) async fn execute(&self, sql: &str) {
        execute(self.engine, &self.url(), sql).await;
    }

    /// The server on this database, with a configuration that is written for it.
    pub(crate) fn launch_with(&self, config: &str) -> Launch {
        let file = self.folder().join("config.toml");
        std::fs::write(&file, config).unwrap();
        self.launch(&file)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let (engine, name, url) = (self.engine, self.name.clone(), self.url());
        if engine == Engine::Sqlite {
            return;
        }
        // The test's runtime may be at its end.
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let drop =
                    engine.pick("DROP DATABASE IF EXISTS {} WITH (FORCE)", "DROP DATABASE IF EXISTS {}");
                match drop {
                    Some(drop) => execute(engine, &engine.server(), &drop.replace("{}", &name)).await,
                    None => Client::with_uri_str(url).await.unwrap().database(&name).drop().await.unwrap(),
                }
            });
        });
        let _ = dropping.join();
    }
}

/// The same server's URL with another database.
pub(crate) fn with_database(url: &str, name: &str) -> String {
    let (url, query) =
        url.split_once('?').map_or((url, String::new()), |(url, query)| (url, format!("?{query}")));
    let (scheme, rest) = url.split_once("://").unwrap();
    let server = rest.split('/').next().unwrap();
    format!("{scheme}://{server}/{name}{query}")
}

async fn execute(engine: Engine, url: &str, sql: &str) {
    let sql = AssertSqlSafe(sql);
    let hint = "`cargo xtask test` starts what is missing";
    if engine == Engine::Postgres {
        let connection = PgConnection::connect(url).await;
        let mut connection = connection
            .unwrap_or_else(|error| panic!("PostgreSQL does not answer at {url} ({error}): {hint}"));
        raw_sql(sql).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    } else {
        let connection = MySqlConnection::connect(url).await;
        let mut connection =
            connection.unwrap_or_else(|error| panic!("MariaDB does not answer at {url} ({error}): {hint}"));
        raw_sql(sql).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    }
}
