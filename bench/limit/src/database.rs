//! One statement for each job, prepared once a connection by the driver.

use std::sync::Mutex;

use rusqlite::{Connection, OpenFlags};
use serde::Serialize;
use sqlx::{
    PgPool, Row, SqlitePool,
    postgres::{PgPoolOptions, PgRow},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteRow, SqliteSynchronous},
};
use uuid::Uuid;

#[derive(Serialize)]
pub struct User {
    pub id: Uuid,
    pub email: String,
    pub is_active: bool,
    pub is_superuser: bool,
    pub is_verified: bool,
}

/// The tables that its statements name, where they are missing.
const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS \"user\" (id UUID PRIMARY KEY, email VARCHAR(320) NOT NULL UNIQUE,
        hashed_password VARCHAR(1024) NOT NULL, is_active BOOLEAN NOT NULL, is_superuser BOOLEAN NOT NULL,
        is_verified BOOLEAN NOT NULL);
    CREATE TABLE IF NOT EXISTS accesstoken (user_id UUID NOT NULL, token VARCHAR(43) PRIMARY KEY);
    CREATE TABLE IF NOT EXISTS bench_refresh (id UUID PRIMARY KEY, secret UUID NOT NULL, user_id UUID NOT NULL);
    CREATE TABLE IF NOT EXISTS bench_account (account_id VARCHAR(320) PRIMARY KEY, user_id UUID NOT NULL,
        access_token VARCHAR(1024) NOT NULL);
";

pub enum Database {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

impl Database {
    pub async fn open(url: &str) -> Self {
        if url.starts_with("sqlite") {
            let options: SqliteConnectOptions = url.parse().expect("a URL");
            let options = options.journal_mode(SqliteJournalMode::Wal).synchronous(SqliteSynchronous::Normal);
            let pool = SqlitePoolOptions::new().max_connections(4).test_before_acquire(false);
            let pool = pool.connect_with(options).await.expect("a database");
            sqlx::raw_sql(TABLES).execute(&pool).await.expect("tables");
            return Self::Sqlite(pool);
        }
        let pool = PgPoolOptions::new().max_connections(4).test_before_acquire(false);
        let pool = pool.connect(url).await.expect("a database");
        sqlx::raw_sql(TABLES).execute(&pool).await.expect("tables");
        Self::Postgres(pool)
    }

    pub async fn begin_refreshing(&self, id: Uuid, secret: Uuid, user_id: Uuid) {
        const SQL: &str = "INSERT INTO bench_refresh (id, secret, user_id) VALUES ($1, $2, $3)";
        match self {
            Self::Sqlite(pool) => {
                let insert = sqlx::query(SQL).bind(id.to_string()).bind(secret.to_string());
                insert.bind(user_id.to_string()).execute(pool).await.expect("a write");
            }
            Self::Postgres(pool) => {
                sqlx::query(SQL).bind(id).bind(secret).bind(user_id).execute(pool).await.expect("a write");
            }
        }
    }

    /// Whose refresh token it was; from now on the next one counts.
    pub async fn refresh(&self, id: Uuid, secret: Uuid, next: Uuid) -> Option<Uuid> {
        const SQL: &str =
            "UPDATE bench_refresh SET secret = $1 WHERE id = $2 AND secret = $3 RETURNING user_id";
        match self {
            Self::Sqlite(pool) => {
                let update =
                    sqlx::query(SQL).bind(next.to_string()).bind(id.to_string()).bind(secret.to_string());
                let row = update.fetch_optional(pool).await.expect("a write")?;
                Some(row.get::<&str, _>(0).parse().expect("an id"))
            }
            Self::Postgres(pool) => {
                let update = sqlx::query(SQL).bind(next).bind(id).bind(secret);
                update.fetch_optional(pool).await.expect("a write").map(|row| row.get(0))
            }
        }
    }

    /// Whose account it is, whose token at the provider is kept; a new account is the given user's.
    pub async fn user_of_account(&self, account: &str, token: &str, new: Uuid) -> Uuid {
        const SQL: &str = "INSERT INTO bench_account (account_id, user_id, access_token) VALUES ($1, $2, $3) \
                           ON CONFLICT (account_id) DO UPDATE SET access_token = excluded.access_token \
                           RETURNING user_id";
        match self {
            Self::Sqlite(pool) => {
                let keep = sqlx::query(SQL).bind(account).bind(new.to_string()).bind(token);
                let row = keep.fetch_one(pool).await.expect("a write");
                row.get::<&str, _>(0).parse().expect("an id")
            }
            Self::Postgres(pool) => {
                let keep = sqlx::query(SQL).bind(account).bind(new).bind(token);
                keep.fetch_one(pool).await.expect("a write").get(0)
            }
        }
    }

    pub async fn user(&self, id: Uuid) -> Option<User> {
        const SQL: &str =
            "SELECT id, email, is_active, is_superuser, is_verified FROM \"user\" WHERE id = $1";
        match self {
            Self::Sqlite(pool) => {
                let row = sqlx::query(SQL).bind(id.to_string()).fetch_optional(pool).await.expect("a read");
                row.map(|row| sqlite_user(&row))
            }
            Self::Postgres(pool) => {
                let row = sqlx::query(SQL).bind(id).fetch_optional(pool).await.expect("a read");
                row.map(|row| postgres_user(&row))
            }
        }
    }

    pub async fn user_of_session(&self, token: &str) -> Option<User> {
        const SQL: &str = "SELECT u.id, u.email, u.is_active, u.is_superuser, u.is_verified \
                           FROM accesstoken t JOIN \"user\" u ON u.id = t.user_id WHERE t.token = $1";
        match self {
            Self::Sqlite(pool) => {
                let row = sqlx::query(SQL).bind(token).fetch_optional(pool).await.expect("a read");
                row.map(|row| sqlite_user(&row))
            }
            Self::Postgres(pool) => {
                let row = sqlx::query(SQL).bind(token).fetch_optional(pool).await.expect("a read");
                row.map(|row| postgres_user(&row))
            }
        }
    }

    pub async fn hash_of(&self, email: &str) -> Option<(Uuid, String)> {
        const SQL: &str = "SELECT id, hashed_password FROM \"user\" WHERE email = $1";
        match self {
            Self::Sqlite(pool) => {
                let row = sqlx::query(SQL).bind(email).fetch_optional(pool).await.expect("a read")?;
                Some((row.get::<&str, _>(0).parse().expect("an id"), row.get(1)))
            }
            Self::Postgres(pool) => {
                let row = sqlx::query(SQL).bind(email).fetch_optional(pool).await.expect("a read")?;
                Some((row.get(0), row.get(1)))
            }
        }
    }

    pub async fn insert(&self, user: &User, hash: &str) -> Result<(), sqlx::Error> {
        const SQL: &str = "INSERT INTO \"user\" (id, email, hashed_password, is_active, is_superuser, is_verified) \
                           VALUES ($1, $2, $3, true, false, false)";
        match self {
            Self::Sqlite(pool) => {
                let insert = sqlx::query(SQL).bind(user.id.to_string()).bind(&user.email).bind(hash);
                insert.execute(pool).await.map(|_| ())
            }
            Self::Postgres(pool) => {
                sqlx::query(SQL).bind(user.id).bind(&user.email).bind(hash).execute(pool).await.map(|_| ())
            }
        }
    }
}

fn sqlite_user(row: &SqliteRow) -> User {
    User {
        id: row.get::<&str, _>(0).parse().expect("an id"),
        email: row.get(1),
        is_active: row.get(2),
        is_superuser: row.get(3),
        is_verified: row.get(4),
    }
}

fn postgres_user(row: &PgRow) -> User {
    User {
        id: row.get(0),
        email: row.get(1),
        is_active: row.get(2),
        is_superuser: row.get(3),
        is_verified: row.get(4),
    }
}

/// SQLite read by whoever asks, without a thread between.
pub struct InPlace {
    path: String,
    free: Mutex<Vec<Connection>>,
}

impl InPlace {
    pub fn open(path: &str) -> Self {
        Self { path: path.to_owned(), free: Mutex::default() }
    }

    pub fn user(&self, id: Uuid) -> Option<User> {
        const SQL: &str = "SELECT id, email, is_active, is_superuser, is_verified FROM user WHERE id = ?1";
        let free = self.free.lock().expect("connections").pop();
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection =
            free.unwrap_or_else(|| Connection::open_with_flags(&self.path, flags).expect("a database"));
        let user = {
            let mut statement = connection.prepare_cached(SQL).expect("a statement");
            let mut rows = statement.query([id.to_string()]).expect("a read");
            rows.next().expect("a row").map(|row| User {
                id: row.get_ref(0).expect("a cell").as_str().expect("text").parse().expect("an id"),
                email: row.get(1).expect("text"),
                is_active: row.get(2).expect("a flag"),
                is_superuser: row.get(3).expect("a flag"),
                is_verified: row.get(4).expect("a flag"),
            })
        };
        self.free.lock().expect("connections").push(connection);
        user
    }
}
