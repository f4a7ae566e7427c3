use std::path::Path;

use super::*;
use crate::config::{Config, ConfigError};

fn read(text: &str) -> Result<Config, ConfigError> {
    Config::from_parts(Some((Path::new("axum-users.toml"), text)), &[])
}

fn with_url(url: &str) -> Result<Config, ConfigError> {
    read(&format!("[database]\nurl = \"{url}\""))
}

fn named(url: &str) -> DatabaseConfig {
    DatabaseConfig { url: url.to_owned(), ..DatabaseConfig::default() }
}

#[test]
fn the_scheme_decides_on_the_engine() {
    for (url, engine) in [
        ("sqlite://data.db", Engine::Sqlite),
        ("sqlite::memory:", Engine::Sqlite),
        ("sqlite://?mode=memory", Engine::Sqlite),
        ("postgres://u:p@h/d", Engine::Postgres),
        ("postgresql://h/d?sslmode=verify-full", Engine::Postgres),
        ("postgres://h?dbname=d", Engine::Postgres),
        ("mysql://u@h:3306/d", Engine::MySql),
        ("mariadb://h/d", Engine::MySql),
        ("mongodb://a:1,b:2/d?replicaSet=r", Engine::MongoDb),
        ("mongodb+srv://u:p@h/d", Engine::MongoDb),
        // The adapter says what is wrong with it, and where.
        ("mongodb://u:p/w@h", Engine::MongoDb),
    ] {
        assert_eq!(with_url(url).unwrap().database.engine(), engine, "{url}");
    }
}

#[test]
fn cr_04_a_lock_is_waited_for_less_than_ten_seconds_unless_that_is_changed() {
    assert!(read("").unwrap().database.busy_timeout_seconds < 10);
}

#[test]
fn a_wrong_url_is_told_with_the_right_spelling() {
    let no_name = "the URL names no database; put its name behind the server, as in ";
    let no_file = "the URL names no file; write \"sqlite://data.db?mode=rwc\", or \"sqlite::memory:\" for a \
                   database that is forgotten at the end";
    let postgres = "\"postgres://user:password@host:5432/database\"";
    let mysql = "\"mysql://user:password@host:3306/database\"";
    let file = "\"sqlite://data.db?mode=rwc\", a relative path with two slashes before it";
    let driver = |scheme: &str, right: &str| {
        format!("\"{scheme}:\" names a Python driver; write this database as {right}")
    };
    let one_of = "expected a URL such as \"sqlite://data.db?mode=rwc\", \"postgres://user:password@host/database\", \
                  \"mysql://user:password@host/database\" or \"mongodb://host/database\"";
    for (url, message) in [
        ("data.db", format!("{one_of}, with the scheme in front")),
        ("c:/data.db", format!("{one_of}, with the scheme in front")),
        ("oracle://hunter2@h/d", format!("{one_of}; \"oracle:\" is no database that is known here")),
        ("postgres:hunter2", format!("expected a URL such as {postgres}")),
        ("postgres://u:hunter2@h", format!("{no_name}{postgres}")),
        ("postgresql://u:hunter2@h:5432/?sslmode=require", format!("{no_name}{postgres}")),
        ("mysql://u:hunter2@h/", format!("{no_name}{mysql}")),
        ("mongodb://h:27017", format!("{no_name}\"mongodb://user:password@host:27017/database\"")),
        ("sqlite:", no_file.to_owned()),
        ("sqlite://", no_file.to_owned()),
        ("sqlite://?mode=rwc", no_file.to_owned()),
        ("sqlite:///", no_file.to_owned()),
        (
            "sqlite:///./test.db",
            "three slashes begin an absolute path here; SQLAlchemy's \"sqlite:///./data.db\" is \
             \"sqlite://./data.db?mode=rwc\""
                .to_owned(),
        ),
        ("sqlite+aiosqlite:///./test.db", driver("sqlite+aiosqlite", file)),
        ("postgresql+asyncpg://u:hunter2@h/d", driver("postgresql+asyncpg", postgres)),
        ("asyncpg://u:hunter2@h/d", driver("asyncpg", postgres)),
        ("mysql+aiomysql://u:hunter2@h/d", driver("mysql+aiomysql", mysql)),
    ] {
        let told = with_url(url).unwrap_err().to_string();
        assert_eq!(told, format!("axum-users.toml:2: `database.url`: {message}"), "{url}");
        assert!(!told.contains("hunter2"), "{told}");
    }
}

#[test]
fn keys_that_do_not_belong_to_the_engine_are_refused() {
    let server = "[database]\nurl = \"postgres://h/d\"\n";
    let mongodb = "[database]\nurl = \"mongodb://h/d\"\n";
    for (text, message) in [
        (
            "[database]\ntimeout_seconds = 3".to_owned(),
            "axum-users.toml:2: `database.timeout_seconds`: a file answers at once; busy_timeout_seconds is for its \
             locks",
        ),
        (
            format!("{server}busy_timeout_seconds = 3"),
            "axum-users.toml:3: `database.busy_timeout_seconds`: it is for SQLite files; servers have timeout_seconds",
        ),
        (
            format!("{mongodb}[database.tables]\noauth_account = \"accounts\""),
            "axum-users.toml:4: `database.tables.oauth_account`: MongoDB keeps accounts within users, so there is \
             nothing to name",
        ),
        (
            format!("{server}[user]\nid = \"object_id\""),
            "axum-users.toml:4: `user.id`: only MongoDB has ObjectIds, and database.url names PostgreSQL",
        ),
        (
            "[database.tables]\naccess_token = \"user\"".to_owned(),
            "axum-users.toml:1: `database.tables`: two tables have one name",
        ),
    ] {
        assert_eq!(read(&text).unwrap_err().to_string(), message);
    }
    let text = format!("{mongodb}max_connections = 5\ntimeout_seconds = 2\n[user]\nid = \"object_id\"");
    let config = read(&text).unwrap();
    assert_eq!((config.database.max_connections, config.database.timeout_seconds), (Some(5), Some(2)));
}

#[test]
fn databases_in_memory_and_on_servers_have_no_file() {
    for url in
        ["sqlite::memory:", "sqlite://:memory:", "sqlite://x?mode=memory", "postgres://h/d", "mongodb://h/d"]
    {
        let database = named(url);
        assert_eq!(database.file(), None, "{url}");
        assert_eq!(database.folder(), PathBuf::new(), "{url}");
    }
    assert_eq!(named("sqlite://my%20data.db?mode=rwc").file(), Some(PathBuf::from("my data.db")));
}

#[test]
fn the_name_of_a_database_is_for_people_and_has_no_password_in_it() {
    for (url, name) in [
        ("sqlite:///var/lib/users.db?mode=rwc", "/var/lib/users.db"),
        ("sqlite::memory:", "in memory"),
        (
            "postgres://u:hunter2@db.example.com:5433/users?sslmode=require",
            "PostgreSQL database users at db.example.com:5433",
        ),
        ("postgres:///users?host=/run/postgresql", "PostgreSQL database users at this machine"),
        ("mariadb://u:hunter2@h/users", "MySQL or MariaDB database users at h"),
        ("mongodb://u:hunter2@a:1,b:2/users?replicaSet=r", "MongoDB database users at a:1,b:2"),
        ("postgres://u:p/hunter2@h/users", "PostgreSQL database"),
        ("postgres://u:1?hunter2@h/users", "PostgreSQL database"),
        ("mysql://u:1#hunter2@h/users", "MySQL or MariaDB database"),
        ("postgres://h?dbname=users", "PostgreSQL database"),
    ] {
        assert_eq!(named(url).name(), name);
        assert!(!format!("{:?}", named(url)).contains("hunter2"));
    }
}

#[test]
fn urls_of_python_are_written_as_they_are_here() {
    for (python, here) in [
        ("postgresql+asyncpg://ada:p%40ss@db:5432/app", Some("postgres://ada:p%40ss@db:5432/app")),
        ("postgresql+asyncpg://db/app?ssl=require", Some("postgres://db/app?sslmode=require")),
        ("asyncpg://db/app", Some("postgres://db/app")),
        ("mysql+aiomysql://db/app", Some("mysql://db/app")),
        ("mariadb+asyncmy://db/app", Some("mysql://db/app")),
        ("sqlite+aiosqlite:///./app.db", Some("sqlite://./app.db")),
        ("sqlite+aiosqlite:////srv/app.db", Some("sqlite:///srv/app.db")),
        ("sqlite+aiosqlite://", None),
        ("postgres://db/app", None),
        ("sqlite://app.db", None),
        ("mongodb://db/app", None),
        ("no URL at all", None),
    ] {
        assert_eq!(DatabaseConfig::url_of_python(python).as_deref(), here, "{python}");
    }
}
