//! Databases to begin with: the original's tables, one user to log in as, and as many others as are asked for.

use std::path::Path;

use argon2::{Algorithm, Argon2, Params, Version, password_hash::PasswordHasher};
use sqlx::{
    AssertSqlSafe, Connection, Executor, PgConnection, Row, SqliteConnection, sqlite::SqliteConnectOptions,
};

pub const EMAIL: &str = "bench@example.com";
pub const PASSWORD: &str = "a horse in the rain";
pub const USER_ID: &str = "11111111-2222-4333-8444-555555555555";
/// A session that is in the tables from the beginning.
pub const SESSION: &str = "bench_session_token_of_forty_three_letters_";
/// How many of the other users, who are all signed in from the beginning, are asked for.
const ASKED: u64 = 500;

/// The hash that the user logs in with, of the parameters that every target but Better Auth has.
pub fn password_hash() -> Result<String, String> {
    let params = Params::new(65536, 3, 4, Some(32)).map_err(|error| error.to_string())?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let hash: argon2::password_hash::phc::PasswordHash =
        argon2.hash_password(PASSWORD.as_bytes()).map_err(|error| error.to_string())?;
    Ok(hash.to_string())
}

/// A user who is asked for, evenly among all: id and token.
pub struct SignedIn {
    pub id: String,
    pub token: String,
}

/// A condition that those fulfil who are asked for, of so many users.
fn is_asked(users: u64) -> String {
    let step = (users / ASKED).max(1);
    let emails =
        (0..ASKED).map(|n| 2 + n * step).filter(|n| *n <= users).map(|n| format!("'user{n}@example.com'"));
    format!("email IN ({})", emails.collect::<Vec<_>>().join(", "))
}

/// The statement that signs all users in but the first. `last_20` is the database's way to the last 20 characters of a text, `now` its
/// word for that.
fn sign_in(last_20: impl Fn(&str) -> String, now: &str) -> String {
    let end = last_20("'00000000000000000000' || replace(replace(email, '@', '_'), '.', '_')");
    format!(
        "INSERT INTO accesstoken (user_id, token, created_at)
           SELECT id, 'bench_session_token_of_' || {end}, {now} FROM \"user\" WHERE email <> '{EMAIL}';"
    )
}

/// Makes a SQLite file with so many users. Those beside the first are inserted in the order of their ids, and indexes
/// made afterwards: so a million take seconds.
pub async fn sqlite(path: &Path, users: u64, hash: &str) -> Result<(), sqlx::Error> {
    let options = SqliteConnectOptions::new().filename(path).create_if_missing(true);
    let mut connection = SqliteConnection::connect_with(&options).await?;
    let now = "strftime('%Y-%m-%d %H:%M:%f000', 'now')";
    let sign_in = sign_in(|text| format!("substr({text}, -20)"), now);
    let statements = format!(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; PRAGMA cache_size = -500000; BEGIN;
         CREATE TABLE user (id CHAR(36) NOT NULL, email VARCHAR(320) NOT NULL, hashed_password VARCHAR(1024) NOT NULL,
           is_active BOOLEAN NOT NULL, is_superuser BOOLEAN NOT NULL, is_verified BOOLEAN NOT NULL, PRIMARY KEY (id));
         CREATE TABLE oauth_account (id CHAR(36) NOT NULL, user_id CHAR(36) NOT NULL, oauth_name VARCHAR(100) NOT NULL,
           access_token VARCHAR(1024) NOT NULL, expires_at INTEGER, refresh_token VARCHAR(1024),
           account_id VARCHAR(320) NOT NULL, account_email VARCHAR(320) NOT NULL, PRIMARY KEY (id),
           FOREIGN KEY(user_id) REFERENCES user (id) ON DELETE cascade);
         CREATE INDEX ix_oauth_account_oauth_name ON oauth_account (oauth_name);
         CREATE INDEX ix_oauth_account_account_id ON oauth_account (account_id);
         CREATE TABLE accesstoken (user_id CHAR(36) NOT NULL, token VARCHAR(43) NOT NULL, created_at TIMESTAMP NOT NULL,
           PRIMARY KEY (token), FOREIGN KEY(user_id) REFERENCES user (id) ON DELETE cascade);
         CREATE INDEX ix_accesstoken_created_at ON accesstoken (created_at);
         INSERT INTO user VALUES ('{USER_ID}', '{EMAIL}', '{hash}', 1, 0, 1);
         INSERT INTO accesstoken VALUES ('{USER_ID}', '{SESSION}', {now});
         WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < {users}),
           ids(i, h) AS MATERIALIZED (SELECT i, lower(hex(randomblob(16))) FROM n WHERE i <= {users})
           INSERT INTO user SELECT substr(h, 1, 8) || '-' || substr(h, 9, 4) || '-4' || substr(h, 14, 3) || '-8'
             || substr(h, 18, 3) || '-' || substr(h, 21, 12), 'user' || i || '@example.com', '{hash}', 1, 0, 1
           FROM ids ORDER BY h;
         CREATE UNIQUE INDEX ix_user_email ON user (email);
         {sign_in}
         COMMIT; PRAGMA wal_checkpoint(TRUNCATE);"
    );
    connection.execute(sqlx::raw_sql(AssertSqlSafe(statements))).await?;
    connection.close().await
}

/// Makes a PostgreSQL database of this name with so many users; answers its URL. The first of a number of users is
/// kept as a template for the others.
pub async fn postgres(server: &str, name: &str, users: u64, hash: &str) -> Result<String, sqlx::Error> {
    let template = template(users);
    let mut admin = PgConnection::connect(server).await?;
    let found = sqlx::query("SELECT 1 FROM pg_database WHERE datname = $1").bind(&template);
    if found.fetch_optional(&mut admin).await?.is_none() {
        admin.execute(sqlx::raw_sql(AssertSqlSafe(format!("CREATE DATABASE {template}")))).await?;
        fill_postgres(&beside(server, &template), users, hash).await?;
    }
    for statement in [
        format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"),
        format!("CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY"),
    ] {
        admin.execute(sqlx::raw_sql(AssertSqlSafe(statement))).await?;
    }
    admin.close().await?;
    // Encryption over loopback is not what is measured, and not every target can do it.
    let url = beside(server, name);
    let separator = if url.contains('?') { '&' } else { '?' };
    Ok(if url.contains("sslmode=") { url } else { format!("{url}{separator}sslmode=disable") })
}

/// The name of the database that others of so many users are copied from. It bears the process, so that one of an
/// earlier version of the bench is not taken for it.
pub fn template(users: u64) -> String {
    format!("bench_template_{}_{users}", std::process::id())
}

async fn fill_postgres(url: &str, users: u64, hash: &str) -> Result<(), sqlx::Error> {
    let mut connection = PgConnection::connect(url).await?;
    let sign_in = sign_in(|text| format!("right({text}, 20)"), "now()");
    let statements = format!(
        "CREATE TABLE \"user\" (id UUID NOT NULL, email VARCHAR(320) NOT NULL, hashed_password VARCHAR(1024) NOT NULL,
           is_active BOOLEAN NOT NULL, is_superuser BOOLEAN NOT NULL, is_verified BOOLEAN NOT NULL);
         INSERT INTO \"user\" VALUES ('{USER_ID}', '{EMAIL}', '{hash}', true, false, true);
         INSERT INTO \"user\" SELECT gen_random_uuid(), 'user' || i || '@example.com', '{hash}', true, false, true
           FROM generate_series(2, {users}) i;
         ALTER TABLE \"user\" ADD PRIMARY KEY (id);
         CREATE UNIQUE INDEX ix_user_email ON \"user\" (email);
         CREATE TABLE oauth_account (id UUID NOT NULL, user_id UUID NOT NULL, oauth_name VARCHAR(100) NOT NULL,
           access_token VARCHAR(1024) NOT NULL, expires_at INTEGER, refresh_token VARCHAR(1024),
           account_id VARCHAR(320) NOT NULL, account_email VARCHAR(320) NOT NULL, PRIMARY KEY (id),
           FOREIGN KEY(user_id) REFERENCES \"user\" (id) ON DELETE cascade);
         CREATE INDEX ix_oauth_account_oauth_name ON oauth_account (oauth_name);
         CREATE INDEX ix_oauth_account_account_id ON oauth_account (account_id);
         CREATE TABLE accesstoken (user_id UUID NOT NULL, token VARCHAR(43) NOT NULL,
           created_at TIMESTAMP WITH TIME ZONE NOT NULL, PRIMARY KEY (token),
           FOREIGN KEY(user_id) REFERENCES \"user\" (id) ON DELETE cascade);
         CREATE INDEX ix_accesstoken_created_at ON accesstoken (created_at);
         INSERT INTO accesstoken VALUES ('{USER_ID}', '{SESSION}', now());
         {sign_in}
         ANALYZE;"
    );
    connection.execute(sqlx::raw_sql(AssertSqlSafe(statements))).await?;
    // So that no target pays for the writing of pages that others changed.
    connection.execute("CHECKPOINT").await?;
    connection.close().await
}

/// Those who are asked for, as a SQLite file has them.
pub async fn signed_in_sqlite(path: &Path, users: u64) -> Result<Vec<SignedIn>, sqlx::Error> {
    let options = SqliteConnectOptions::new().filename(path);
    let mut connection = SqliteConnection::connect_with(&options).await?;
    let asked = is_asked(users);
    let select =
        format!("SELECT user_id, token FROM accesstoken JOIN user ON user.id = user_id WHERE {asked}");
    let rows = sqlx::query(AssertSqlSafe(select)).fetch_all(&mut connection).await?;
    connection.close().await?;
    Ok(rows.iter().map(|row| SignedIn { id: row.get(0), token: row.get(1) }).collect())
}

/// Those who are asked for, as a PostgreSQL database has them.
pub async fn signed_in_postgres(url: &str, users: u64) -> Result<Vec<SignedIn>, sqlx::Error> {
    let mut connection = PgConnection::connect(url).await?;
    let asked = is_asked(users);
    let select = format!(
        "SELECT user_id::text, token FROM accesstoken JOIN \"user\" u ON u.id = user_id WHERE {asked}"
    );
    let rows = sqlx::query(AssertSqlSafe(select)).fetch_all(&mut connection).await?;
    connection.close().await?;
    Ok(rows.iter().map(|row| SignedIn { id: row.get(0), token: row.get(1) }).collect())
}

/// Drops a database that [`postgres`] made.
pub async fn drop_postgres(server: &str, name: &str) -> Result<(), sqlx::Error> {
    let mut admin = PgConnection::connect(server).await?;
    let statement = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
    admin.execute(sqlx::raw_sql(AssertSqlSafe(statement))).await?;
    admin.close().await
}

/// The URL of another database on the same server.
pub fn beside(server: &str, name: &str) -> String {
    let (before, query) =
        server.split_once('?').map_or((server, String::new()), |(a, b)| (a, format!("?{b}")));
    let (server, _) = before.rsplit_once('/').unwrap_or((before, ""));
    format!("{server}/{name}{query}")
}
