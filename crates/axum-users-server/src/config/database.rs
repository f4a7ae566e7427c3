//! `[database]`: which database, by its URL alone, and what its tables are called.

#[cfg(test)]
mod tests;

use std::{
    fmt,
    path::{Path, PathBuf},
};

use super::{parts::parse_table_name, section::Section};

/// `[database]`: where users are kept.
#[derive(Clone)]
pub struct DatabaseConfig {
    /// May carry a password, and is left out of `Debug`.
    pub url: String,
    /// Connections at most; the adapter knows how many where it is absent.
    pub max_connections: Option<u32>,
    /// How long a server may take to answer, in seconds; the adapter knows where it is absent.
    pub timeout_seconds: Option<u64>,
    /// How long a statement waits for a SQLite file that another process locks, in seconds.
    pub busy_timeout_seconds: u64,
    /// Users of so many tokens are remembered for a second; 0 for none.
    pub user_cache: usize,
    /// The name of the user table or collection; absent, it is what the database has.
    pub user_table: Option<String>,
    /// The name of the table of OAuth accounts; absent, it is what the database has.
    pub oauth_account_table: Option<String>,
    /// The name of the table or collection of access tokens; absent, it is what the database has.
    pub access_token_table: Option<String>,
}

impl fmt::Debug for DatabaseConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DatabaseConfig")
            .field("engine", &self.engine())
            .field("max_connections", &self.max_connections)
            .field("user_table", &self.user_table)
            .finish_non_exhaustive()
    }
}

impl Default for DatabaseConfig {
    fn default() -> Self {
        Self {
            url: "sqlite://data.db?mode=rwc".to_owned(),
            max_connections: None,
            timeout_seconds: None,
            busy_timeout_seconds: 5,
            user_cache: 0,
            user_table: None,
            oauth_account_table: None,
            access_token_table: None,
        }
    }
}

/// The kinds of databases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// A SQLite file.
    Sqlite,
    /// A PostgreSQL server.
    Postgres,
    /// A MySQL or MariaDB server.
    MySql,
    /// A server that speaks MongoDB's protocol.
    MongoDb,
}

impl Engine {
    /// By a URL's scheme.
    fn of_scheme(scheme: &str) -> Option<Self> {
        Some(match scheme {
            "sqlite" => Self::Sqlite,
            "postgres" | "postgresql" => Self::Postgres,
            "mysql" | "mariadb" => Self::MySql,
            "mongodb" | "mongodb+srv" => Self::MongoDb,
            _ => return None,
        })
    }

    /// A URL such as one should be.
    fn example(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite://data.db?mode=rwc",
            Self::Postgres => "postgres://user:password@host:5432/database",
            Self::MySql => "mysql://user:password@host:3306/database",
            Self::MongoDb => "mongodb://user:password@host:27017/database",
        }
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
            Self::MySql => "MySQL or MariaDB",
            Self::MongoDb => "MongoDB",
        })
    }
}

impl DatabaseConfig {
    /// What kind of database the URL names.
    #[must_use]
    pub fn engine(&self) -> Engine {
        // A URL that was read has one of the schemes.
        self.url.split_once(':').and_then(|(scheme, _)| Engine::of_scheme(scheme)).unwrap_or(Engine::Sqlite)
    }

    /// A URL of SQLAlchemy or Tortoise ORM as it is written here; `None` where there is nothing to change.
    /// `postgresql+asyncpg://host/app` is `postgresql://host/app`, and `sqlite+aiosqlite:///./app.db` is
    /// `sqlite://./app.db`: SQLAlchemy's third slash is none of the path's.
    #[must_use]
    pub fn url_of_python(url: &str) -> Option<String> {
        let (scheme, rest) = url.split_once("://")?;
        let engine = engine_of_python(scheme)?;
        if engine == Engine::Sqlite {
            let path = rest.strip_prefix('/').filter(|path| !path.is_empty())?;
            return Some(format!("sqlite://{path}"));
        }
        if engine == Engine::Postgres {
            // asyncpg's name for it.
            let rest = rest.replace("?ssl=", "?sslmode=").replace("&ssl=", "&sslmode=");
            return Some(format!("postgres://{rest}"));
        }
        Some(format!("mysql://{rest}"))
    }

    /// The database's file; `None` for a server, and for a database in memory.
    #[must_use]
    pub fn file(&self) -> Option<PathBuf> {
        let rest = self.url.strip_prefix("sqlite:")?;
        let path = rest.strip_prefix("//").unwrap_or(rest);
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        if path == ":memory:" || query.split('&').any(|pair| pair == "mode=memory") {
            return None;
        }
        Some(PathBuf::from(percent_encoding::percent_decode_str(path).decode_utf8_lossy().into_owned()))
    }

    /// The folder of the database's file, where generated files are kept; empty for the current folder.
    #[must_use]
    pub fn folder(&self) -> PathBuf {
        let file = self.file();
        file.as_deref().and_then(Path::parent).map_or_else(PathBuf::new, Path::to_path_buf)
    }

    /// What to call the database: its file, or its name and where it is; never the URL, which may hold a password.
    #[must_use]
    pub fn name(&self) -> String {
        match (self.engine(), self.file()) {
            (_, Some(file)) => file.display().to_string(),
            (Engine::Sqlite, None) => "in memory".to_owned(),
            (engine, None) => match self.place() {
                Some((server, database)) => format!("{engine} database {database} at {server}"),
                None => format!("{engine} database"),
            },
        }
    }

    /// The server and the database's name, where it is clear which parts of the URL they are.
    fn place(&self) -> Option<(&str, &str)> {
        let parts = Parts::of(&self.url)?;
        let server = if parts.server.is_empty() { "this machine" } else { parts.server };
        (parts.is_clear && !parts.database.is_empty()).then_some((server, parts.database))
    }
}

/// The parts of a server's URL that may be shown.
struct Parts<'a> {
    server: &'a str,
    database: &'a str,
    query: &'a str,
    /// Whether a password with an `@`, `/` or `?` in it cannot have been cut in two.
    is_clear: bool,
}

impl<'a> Parts<'a> {
    fn of(url: &'a str) -> Option<Self> {
        let (_, rest) = url.split_once("://")?;
        let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        let (path_only, query) = path.split_once('?').unwrap_or((path, ""));
        Some(Self {
            server: authority.rsplit_once('@').map_or(authority, |(_, server)| server),
            database: path_only.trim_start_matches('/'),
            query,
            is_clear: !path.contains(['@', '#']),
        })
    }

    /// PostgreSQL's URLs may name the database among the parameters.
    fn names_database(&self) -> bool {
        !self.database.is_empty() || self.query.split('&').any(|pair| pair.starts_with("dbname="))
    }
}

pub(super) fn read(mut section: Section<'_>) -> DatabaseConfig {
    let default = DatabaseConfig::default();
    let mut tables = section.section("tables");
    let [user_table, oauth_account_table, access_token_table] =
        ["user", "oauth_account", "access_token"].map(|key| tables.parse(key, parse_table_name));
    let url = section.parse("url", parse_url).unwrap_or(default.url);
    let database = DatabaseConfig {
        url,
        max_connections: section.small_integer("max_connections", 1..=1000),
        timeout_seconds: section.integer("timeout_seconds", 1..=3600),
        busy_timeout_seconds: section
            .integer("busy_timeout_seconds", 1..=3600)
            .unwrap_or(default.busy_timeout_seconds),
        user_cache: section
            .small_integer("user_cache", 0..=10_000_000)
            .map_or(default.user_cache, |tokens: u32| usize::try_from(tokens).unwrap_or(usize::MAX)),
        user_table,
        oauth_account_table,
        access_token_table,
    };
    let engine = database.engine();
    check_table_names(&database, &tables);
    if engine == Engine::MongoDb && tables.has("oauth_account") {
        tables.problem("oauth_account", "MongoDB keeps accounts within users, so there is nothing to name");
    }
    tables.finish();
    if engine == Engine::Sqlite && section.has("timeout_seconds") {
        section.problem("timeout_seconds", "a file answers at once; busy_timeout_seconds is for its locks");
    }
    if engine != Engine::Sqlite && section.has("busy_timeout_seconds") {
        section.problem("busy_timeout_seconds", "it is for SQLite files; servers have timeout_seconds");
    }
    section.finish();
    database
}

/// Names that are given, and the usual ones for those that are not, have to differ.
fn check_table_names(database: &DatabaseConfig, tables: &Section<'_>) {
    let name = |given: &Option<String>, usual: &str| given.clone().unwrap_or_else(|| usual.to_owned());
    let names = [
        name(&database.user_table, "user"),
        name(&database.oauth_account_table, "oauth_account"),
        name(&database.access_token_table, "accesstoken"),
    ];
    if names[0] == names[1] || names[0] == names[2] || names[1] == names[2] {
        tables.problem("", "two tables have one name");
    }
}

/// The URL may hold a password: only its scheme is ever shown.
pub(crate) fn parse_url(text: &str) -> Result<String, String> {
    let one_of = "expected a URL such as \"sqlite://data.db?mode=rwc\", \"postgres://user:password@host/database\", \
                  \"mysql://user:password@host/database\" or \"mongodb://host/database\"";
    let is_scheme = |scheme: &str| {
        scheme.len() > 1 && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
    };
    let Some((scheme, _)) = text.split_once(':').filter(|(scheme, _)| is_scheme(scheme)) else {
        return Err(format!("{one_of}, with the scheme in front"));
    };
    let Some(engine) = Engine::of_scheme(scheme) else {
        return Err(match engine_of_python(scheme) {
            Some(engine) => format!(
                "\"{scheme}:\" names a Python driver; write this database as \"{}\"{}",
                engine.example(),
                if engine == Engine::Sqlite { ", a relative path with two slashes before it" } else { "" }
            ),
            None => format!("{one_of}; \"{scheme}:\" is no database that is known here"),
        });
    };
    if engine == Engine::Sqlite {
        return parse_file(text);
    }
    let example = engine.example();
    match Parts::of(text) {
        None => Err(format!("expected a URL such as \"{example}\"")),
        Some(parts) if parts.is_clear && !parts.names_database() => {
            Err(format!("the URL names no database; put its name behind the server, as in \"{example}\""))
        }
        Some(_) => Ok(text.to_owned()),
    }
}

/// A URL that names a file, or says in words that it means none.
fn parse_file(text: &str) -> Result<String, String> {
    let rest = text.strip_prefix("sqlite:").unwrap_or(text);
    let path = rest.strip_prefix("//").unwrap_or(rest);
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    if path.trim_start_matches('/').is_empty() && !query.split('&').any(|pair| pair == "mode=memory") {
        return Err(
            "the URL names no file; write \"sqlite://data.db?mode=rwc\", or \"sqlite::memory:\" for a \
                    database that is forgotten at the end"
                .to_owned(),
        );
    }
    if path.starts_with("/./") || path.starts_with("/../") {
        return Err("three slashes begin an absolute path here; SQLAlchemy's \"sqlite:///./data.db\" is \
                    \"sqlite://./data.db?mode=rwc\""
            .to_owned());
    }
    Ok(text.to_owned())
}

/// The database of SQLAlchemy's and Tortoise's schemes: `postgresql+asyncpg`, `asyncpg`.
fn engine_of_python(scheme: &str) -> Option<Engine> {
    let dialect = scheme.split_once('+').map_or(scheme, |(dialect, _)| dialect);
    match dialect {
        "asyncpg" | "psycopg" | "psycopg2" => Some(Engine::Postgres),
        "aiomysql" | "asyncmy" | "pymysql" => Some(Engine::MySql),
        "aiosqlite" => Some(Engine::Sqlite),
        _ if scheme.contains('+') => Engine::of_scheme(dialect),
        _ => None,
    }
}
