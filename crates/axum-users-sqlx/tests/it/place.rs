//! Databases of the tests' own making, on every engine.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use axum_users::{Random, User, UserDatabase, schema::Schema};
use axum_users_sqlx::{
    Pool, SqlxDatabase, SqlxOptions,
    sqlx::{self, AssertSqlSafe, Row},
};
use tempfile::TempDir;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Engine {
    Sqlite,
    #[cfg(feature = "postgres")]
    Postgres,
    #[cfg(feature = "mysql")]
    MySql,
}

impl Engine {
    /// The server's URL, with whatever database it names.
    fn server(self) -> String {
        let [variable, default] = self.pick(
            ["", ""],
            ["POSTGRES_URL", "postgres://postgres@127.0.0.1:5432/postgres"],
            ["MYSQL_URL", "mysql://root@127.0.0.1:3306/test"],
        );
        if variable.is_empty() {
            return String::new();
        }
        std::env::var(variable).unwrap_or_else(|_| default.to_owned())
    }

    /// A boolean as `rows` shows it.
    pub(crate) fn boolean(self, value: bool) -> &'static str {
        let [yes, no] = self.pick(["1", "0"], ["t", "f"], ["1", "0"]);
        if value { yes } else { no }
    }

    /// Something that the engine calls by another name.
    pub(crate) fn pick<T>(self, sqlite: T, postgres: T, mysql: T) -> T {
        let place = match self {
            Self::Sqlite => 0,
            #[cfg(feature = "postgres")]
            Self::Postgres => 1,
            #[cfg(feature = "mysql")]
            Self::MySql => 2,
        };
        [sqlite, postgres, mysql].into_iter().nth(place).unwrap()
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
pub(crate) struct Place {
    pub(crate) engine: Engine,
    name: String,
    folder: TempDir,
    /// A user of the server who may read and write this database, and no more.
    has_guest: bool,
}

/// The password of a place's guest.
pub(crate) const GUEST_PASSWORD: &str = "guests-own-password";

impl Place {
    pub(crate) async fn new(engine: Engine) -> Self {
        let name = format!("axum_users_test_{}", Random::system().uuid().simple());
        let place = Self { engine, name, folder: tempfile::tempdir().unwrap(), has_guest: false };
        if engine != Engine::Sqlite {
            let create = engine.pick(
                "",
                "CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'",
                "CREATE DATABASE {} CHARACTER SET utf8mb4",
            );
            on_server(engine, &create.replace("{}", &place.name)).await;
        }
        place
    }

    /// A SQLite database that has this file's content.
    pub(crate) async fn copy_of(original: &Path) -> Self {
        let place = Self::new(Engine::Sqlite).await;
        std::fs::copy(original, place.path()).unwrap();
        place
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("data.db")
    }

    pub(crate) fn url(&self) -> String {
        if self.engine == Engine::Sqlite {
            return format!("sqlite://{}?mode=rwc", self.path().display());
        }
        with_database(&self.engine.server(), &self.name)
    }

    /// Makes a user of the server who may use the tables that are there, and open so many connections. Answers
    /// the URL with its name and password.
    pub(crate) async fn guest(&mut self, connections: u32) -> String {
        let database = self.connect(SqlxOptions::new().pool_size(1)).await;
        let name = self.guest_name();
        let make = self.engine.pick(
            "",
            "CREATE ROLE {} LOGIN PASSWORD '{p}' CONNECTION LIMIT {n};
             GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {};",
            "CREATE USER {}@'%' IDENTIFIED BY '{p}' WITH MAX_USER_CONNECTIONS {n};
             GRANT SELECT, INSERT, UPDATE, DELETE ON {d}.* TO {}@'%';",
        );
        let make = make.replace("{n}", &connections.to_string()).replace("{p}", GUEST_PASSWORD);
        execute(&database, &make.replace("{d}", &self.name).replace("{}", &name)).await;
        self.has_guest = true;
        let url = self.url();
        let (scheme, rest) = url.split_once("://").unwrap();
        let rest = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest);
        format!("{scheme}://{name}:{GUEST_PASSWORD}@{rest}")
    }

    /// MySQL's names of users are short.
    fn guest_name(&self) -> String {
        format!("guest_{}", &self.name[self.name.len() - 20..])
    }

    /// The server's host and port.
    pub(crate) fn address(&self) -> Option<String> {
        let server = self.engine.server();
        let (_, rest) = server.split_once("://")?;
        let authority = rest.split(['/', '?']).next()?;
        Some(authority.rsplit_once('@').map_or(authority, |(_, address)| address).to_owned())
    }

    /// The URL, by way of another address.
    pub(crate) fn url_through(&self, address: SocketAddr) -> String {
        self.url().replace(&self.address().unwrap(), &address.to_string())
    }

    /// Connects, and no more.
    pub(crate) async fn connect(&self, options: SqlxOptions) -> SqlxDatabase {
        options.connect(&self.url()).await.unwrap()
    }

    /// Connects, and tells the adapter the schema.
    pub(crate) async fn configured(&self, options: SqlxOptions, schema: Schema) -> SqlxDatabase {
        let mut database = self.connect(options).await;
        UserDatabase::<User>::configure(&mut database, &Arc::new(schema)).unwrap();
        database
    }

    /// Connects, tells the adapter the schema, migrates.
    pub(crate) async fn open(&self, options: SqlxOptions, schema: Schema) -> SqlxDatabase {
        let database = self.configured(options, schema).await;
        UserDatabase::<User>::migrate(&database).await.unwrap();
        database
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let (engine, name, has_guest, guest) =
            (self.engine, self.name.clone(), self.has_guest, self.guest_name());
        if engine == Engine::Sqlite {
            return;
        }
        // The test's runtime may be at its end.
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let drop =
                engine.pick("", "DROP DATABASE IF EXISTS {} WITH (FORCE)", "DROP DATABASE IF EXISTS {}");
            runtime.block_on(on_server(engine, &drop.replace("{}", &name)));
            if has_guest {
                let drop = engine.pick("", "DROP ROLE {}", "DROP USER {}@'%'");
                runtime.block_on(on_server(engine, &drop.replace("{}", &guest)));
            }
        });
        let _ = dropping.join();
    }
}

/// The same server's URL with another database.
fn with_database(url: &str, name: &str) -> String {
    let (url, query) =
        url.split_once('?').map_or((url, String::new()), |(url, query)| (url, format!("?{query}")));
    let (scheme, rest) = url.split_once("://").unwrap();
    let server = rest.split('/').next().unwrap();
    format!("{scheme}://{server}/{name}{query}")
}

/// Runs a statement on the server's own database.
pub(crate) async fn on_server(engine: Engine, sql: &str) {
    let url = engine.server();
    let connected = SqlxOptions::new().pool_size(1).connect(&url).await;
    let Ok(database) = connected else {
        panic!(
            "{engine:?} does not answer at {url} ({connected:?}): `cargo xtask test` starts what is missing"
        );
    };
    execute(&database, sql).await;
    database.pool().close().await;
}

/// Runs statements, in which identifiers are quoted by `"`.
pub(crate) async fn execute(database: &SqlxDatabase, sql: &str) {
    try_execute(database, sql).await.unwrap();
}

pub(crate) async fn try_execute(database: &SqlxDatabase, sql: &str) -> Result<(), sqlx::Error> {
    let sql = AssertSqlSafe(spoken(database, sql));
    match database.pool() {
        Pool::Sqlite(pool) => sqlx::raw_sql(sql).execute(pool).await.map(|_| ()),
        #[cfg(feature = "postgres")]
        Pool::Postgres(pool) => sqlx::raw_sql(sql).execute(pool).await.map(|_| ()),
        #[cfg(feature = "mysql")]
        Pool::MySql(pool) => sqlx::raw_sql(sql).execute(pool).await.map(|_| ()),
        #[allow(unreachable_patterns, reason = "the tests in `tests` see more databases to come")]
        _ => unreachable!(),
    }
}

/// Each row's columns as text, joined by `|`; NULL is `NULL`.
pub(crate) async fn rows(database: &SqlxDatabase, sql: &str) -> Vec<String> {
    macro_rules! texts {
        ($pool:expr) => {{
            let rows = sqlx::raw_sql(AssertSqlSafe(spoken(database, sql))).fetch_all($pool).await.unwrap();
            let texts = |row: &_| -> Vec<String> {
                (0..Row::len(row))
                    .map(|i| Row::try_get_unchecked::<Option<String>, _>(row, i).unwrap())
                    .map(|text| text.unwrap_or_else(|| "NULL".to_owned()))
                    .collect()
            };
            rows.iter().map(|row| texts(row).join("|")).collect()
        }};
    }
    match database.pool() {
        Pool::Sqlite(pool) => texts!(pool),
        #[cfg(feature = "postgres")]
        Pool::Postgres(pool) => texts!(pool),
        #[cfg(feature = "mysql")]
        Pool::MySql(pool) => texts!(pool),
        #[allow(unreachable_patterns, reason = "the tests in `tests` see more databases to come")]
        _ => unreachable!(),
    }
}

fn spoken(database: &SqlxDatabase, sql: &str) -> String {
    match database.pool() {
        #[cfg(feature = "mysql")]
        Pool::MySql(_) => sql.replace('"', "`"),
        _ => sql.to_owned(),
    }
}
