//! Databases to begin with: the original's tables, one user to log in as, and as many others as are asked for.

use std::path::Path;

use argon2::{Algorithm, Argon2, Params, Version, password_hash::PasswordHasher};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, SqliteConnection, sqlite::SqliteConnectOptions};

pub const EMAIL: &str = "bench@example.com";
pub const PASSWORD: &str = "a horse in the rain";
pub const USER_ID: &str = "11111111-2222-4333-8444-555555555555";
/// A session that is in the tables from the beginning.
pub const SESSION: &str = "bench_session_token_of_forty_three_letters_";

/// The hash that the user logs in with, of the parameters that every target but Better Auth has.
pub fn password_hash() -> Result<String, String> {
    let params = Params::new(65536, 3, 4, Some(32)).map_err(|error| error.to_string())?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let hash: argon2::password_hash::phc::PasswordHash =
        argon2.hash_password(PASSWORD.as_bytes()).map_err(|error| error.to_string())?;
    Ok(hash.to_string())
}

/// Makes a SQLite file with so many users.
pub async fn sqlite(path: &Path, users: u64, hash: &str) -> Result<(), sqlx::Error> {
    let options = SqliteConnectOptions::new().filename(path).create_if_missing(true);
    let mut connection = SqliteConnection::connect_with(&options).await?;
    let statements = format!(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; BEGIN;
         CREATE TABLE user (id CHAR(36) NOT NULL, email VARCHAR(320) NOT NULL, hashed_password VARCHAR(1024) NOT NULL,
           is_active BOOLEAN NOT NULL, is_superuser BOOLEAN NOT NULL, is_verified BOOLEAN NOT NULL, PRIMARY KEY (id));
         CREATE UNIQUE INDEX ix_user_email ON user (email);
         CREATE TABLE accesstoken (user_id CHAR(36) NOT NULL, token VARCHAR(43) NOT NULL, created_at TIMESTAMP NOT NULL,
           PRIMARY KEY (token), FOREIGN KEY(user_id) REFERENCES user (id) ON DELETE cascade);
         CREATE INDEX ix_accesstoken_created_at ON accesstoken (created_at);
         INSERT INTO user VALUES ('{USER_ID}', '{EMAIL}', '{hash}', 1, 0, 1);
         INSERT INTO accesstoken VALUES ('{USER_ID}', '{SESSION}', strftime('%Y-%m-%d %H:%M:%f000', 'now'));
         WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < {users})
           INSERT INTO user SELECT lower(substr(h, 1, 8) || '-' || substr(h, 9, 4) || '-4' || substr(h, 14, 3) || '-8'
             || substr(h, 18, 3) || '-' || substr(h, 21, 12)), 'user' || i || '@example.com', '{hash}', 1, 0, 1
           FROM (SELECT i, hex(randomblob(16)) AS h FROM n) WHERE i <= {users};
         COMMIT; PRAGMA wal_checkpoint(TRUNCATE);"
    );
    connection.execute(sqlx::raw_sql(AssertSqlSafe(statements))).await?;
    connection.close().await
}

/// Makes a PostgreSQL database of this name with so many users; answers its URL.
pub async fn postgres(server: &str, name: &str, users: u64, hash: &str) -> Result<String, sqlx::Error> {
    let mut admin = PgConnection::connect(server).await?;
    for statement in [format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"), format!("CREATE DATABASE {name}")] {
        admin.execute(sqlx::raw_sql(AssertSqlSafe(statement))).await?;
    }
    admin.close().await?;
    let url = beside(server, name);
    let mut connection = PgConnection::connect(&url).await?;
    let statements = format!(
        "CREATE TABLE \"user\" (id UUID NOT NULL, email VARCHAR(320) NOT NULL, hashed_password VARCHAR(1024) NOT NULL,
           is_active BOOLEAN NOT NULL, is_superuser BOOLEAN NOT NULL, is_verified BOOLEAN NOT NULL, PRIMARY KEY (id));
         CREATE UNIQUE INDEX ix_user_email ON \"user\" (email);
         CREATE TABLE accesstoken (user_id UUID NOT NULL, token VARCHAR(43) NOT NULL,
           created_at TIMESTAMP WITH TIME ZONE NOT NULL, PRIMARY KEY (token),
           FOREIGN KEY(user_id) REFERENCES \"user\" (id) ON DELETE cascade);
         CREATE INDEX ix_accesstoken_created_at ON accesstoken (created_at);
         INSERT INTO \"user\" VALUES ('{USER_ID}', '{EMAIL}', '{hash}', true, false, true);
         INSERT INTO accesstoken VALUES ('{USER_ID}', '{SESSION}', now());
         INSERT INTO \"user\" SELECT gen_random_uuid(), 'user' || i || '@example.com', '{hash}', true, false, true
           FROM generate_series(2, {users}) i;
         ANALYZE;"
    );
    connection.execute(sqlx::raw_sql(AssertSqlSafe(statements))).await?;
    connection.close().await?;
    Ok(url)
}

/// Drops what [`postgres`] made.
pub async fn drop_postgres(server: &str, name: &str) -> Result<(), sqlx::Error> {
    let mut admin = PgConnection::connect(server).await?;
    let statement = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
    admin.execute(sqlx::raw_sql(AssertSqlSafe(statement))).await?;
    admin.close().await
}

/// The URL of another database on the same server.
fn beside(server: &str, name: &str) -> String {
    let (before, query) = server.split_once('?').map_or((server, String::new()), |(a, b)| (a, format!("?{b}")));
    let (server, _) = before.rsplit_once('/').unwrap_or((before, ""));
    format!("{server}/{name}{query}")
}
