//! What a database server stores, brought into the original's tables for SQLite, so that one query fits all.

use axum_users_mongodb::mongodb::{
    Client, Collection,
    bson::{Binary, Bson, Document, doc, spec::BinarySubtype},
};
use axum_users_sqlx::sqlx::{MySqlConnection, PgConnection};
use sqlx::{AssertSqlSafe, Connection, Row, SqliteConnection};
use uuid::Uuid;

use crate::support::place::Engine;

/// The original's tables with the columns that are asked for, in the words of PostgreSQL and of MySQL.
const TABLES: [(&str, &[&str]); 3] = [
    ("user", &["id", "email", "hashed_password", "is_active", "is_superuser", "is_verified"]),
    (
        "oauth_account",
        &[
            "id",
            "user_id",
            "oauth_name",
            "access_token",
            "expires_at",
            "refresh_token",
            "account_id",
            "account_email",
        ],
    ),
    ("accesstoken", &["user_id", "token", "created_at"]),
];

/// Columns that SQLite keeps as numbers.
const NUMBERS: [&str; 4] = ["is_active", "is_superuser", "is_verified", "expires_at"];

/// A database on a server.
#[derive(Clone, Debug)]
pub(super) struct OnServer {
    pub(super) engine: Engine,
    pub(super) url: String,
}

type Cells = Vec<Option<String>>;

impl OnServer {
    /// A SQLite database in memory with all that is stored.
    pub(super) async fn copy(&self) -> SqliteConnection {
        let mut copy = SqliteConnection::connect("sqlite::memory:").await.unwrap();
        for (table, columns) in TABLES {
            let kind = |name: &&str| if NUMBERS.contains(name) { "INTEGER" } else { "TEXT" };
            let declared: Vec<_> = columns.iter().map(|name| format!("{name} {}", kind(name))).collect();
            let create = format!("CREATE TABLE \"{table}\" ({})", declared.join(", "));
            sqlx::raw_sql(AssertSqlSafe(create)).execute(&mut copy).await.unwrap();
            let places = vec!["?"; columns.len()].join(", ");
            let insert = format!("INSERT INTO \"{table}\" VALUES ({places})");
            let rows = match self.engine {
                Engine::MongoDb => self.documents(table, columns).await,
                _ => self.sql_rows(table, columns).await,
            };
            for row in rows {
                let mut query = sqlx::query(AssertSqlSafe(insert.as_str()));
                for cell in row {
                    query = query.bind(cell);
                }
                query.execute(&mut copy).await.unwrap();
            }
        }
        copy
    }

    async fn sql_rows(&self, table: &str, columns: &[&str]) -> Vec<Cells> {
        let is_postgres = self.engine == Engine::Postgres;
        let cast = |name: &&str| match *name {
            "created_at" if is_postgres => {
                "to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')".to_owned()
            }
            "created_at" => "CAST(DATE_FORMAT(created_at, '%Y-%m-%d %H:%i:%s.%f') AS CHAR)".to_owned(),
            flag if is_postgres && flag.starts_with("is_") => format!("CAST(CAST({flag} AS int) AS text)"),
            name if is_postgres => format!("CAST({name} AS text)"),
            name => format!("CAST({name} AS CHAR)"),
        };
        let selected: Vec<_> = columns.iter().map(cast).collect();
        let quote = if is_postgres { '"' } else { '`' };
        let select = AssertSqlSafe(format!("SELECT {} FROM {quote}{table}{quote}", selected.join(", ")));
        macro_rules! fetch {
            ($connection:ty) => {{
                let mut connection = <$connection>::connect(&self.url).await.unwrap();
                let rows = sqlx::query(select).fetch_all(&mut connection).await.unwrap();
                connection.close().await.unwrap();
                rows.iter().map(|row| (0..columns.len()).map(|index| row.get(index)).collect()).collect()
            }};
        }
        if is_postgres { fetch!(PgConnection) } else { fetch!(MySqlConnection) }
    }

    async fn documents(&self, table: &str, columns: &[&str]) -> Vec<Cells> {
        let name = if table == "accesstoken" { "access_tokens" } else { "users" };
        let mut rows = Vec::new();
        let mut cursor = self.collection(name).await.find(doc! {}).await.unwrap();
        while cursor.advance().await.unwrap() {
            let document = cursor.deserialize_current().unwrap();
            let accounts = document.get_array("oauth_accounts").cloned().unwrap_or_default();
            let row_of = |document: &Document| columns.iter().map(|name| text(document.get(name))).collect();
            if table != "oauth_account" {
                rows.push(row_of(&document));
            }
            for account in accounts.iter().filter(|_| table == "oauth_account") {
                let mut account = account.as_document().unwrap().clone();
                account.insert("user_id", document.get("id").unwrap());
                rows.push(row_of(&account));
            }
        }
        rows
    }

    async fn collection(&self, name: &str) -> Collection<Document> {
        Client::with_uri_str(&self.url).await.unwrap().default_database().unwrap().collection(name)
    }

    /// Runs one statement, and gives the number of rows it touched.
    async fn execute(&self, statement: String) -> u64 {
        let statement = AssertSqlSafe(statement);
        if self.engine == Engine::Postgres {
            let mut connection = PgConnection::connect(&self.url).await.unwrap();
            sqlx::raw_sql(statement).execute(&mut connection).await.unwrap().rows_affected()
        } else {
            let mut connection = MySqlConnection::connect(&self.url).await.unwrap();
            sqlx::raw_sql(statement).execute(&mut connection).await.unwrap().rows_affected()
        }
    }

    pub(super) async fn set_user(&self, email: &str, column: &str, value: &str) -> u64 {
        let is_flag = column.starts_with("is_");
        if self.engine == Engine::MongoDb {
            let value = match Uuid::parse_str(value) {
                _ if is_flag => Bson::Boolean(value == "1"),
                Ok(id) => uuid(id),
                Err(_) => Bson::String(value.to_owned()),
            };
            let users = self.collection("users").await;
            let done = users.update_one(doc! { "email": email }, doc! { "$set": { column: value } }).await;
            return done.unwrap().matched_count;
        }
        let value = match is_flag {
            true => (value == "1").to_string(),
            false => format!("'{value}'"),
        };
        let table = if self.engine == Engine::Postgres { "\"user\"" } else { "`user`" };
        self.execute(format!("UPDATE {table} SET {column} = {value} WHERE email = '{email}'")).await
    }

    pub(super) async fn age_access_tokens(&self, seconds: i64) {
        let older = match self.engine {
            Engine::Postgres => format!("created_at - interval '{seconds} seconds'"),
            Engine::MySql => format!("created_at - INTERVAL {seconds} SECOND"),
            _ => {
                let created_at = doc! { "$subtract": ["$created_at", seconds * 1000] };
                let tokens = self.collection("access_tokens").await;
                tokens
                    .update_many(doc! {}, vec![doc! { "$set": { "created_at": created_at } }])
                    .await
                    .unwrap();
                return;
            }
        };
        self.execute(format!("UPDATE accesstoken SET created_at = {older}")).await;
    }
}

fn uuid(id: Uuid) -> Bson {
    Bson::Binary(Binary { subtype: BinarySubtype::Uuid, bytes: id.as_bytes().to_vec() })
}

/// A value as SQLite's text or number would be written.
fn text(value: Option<&Bson>) -> Option<String> {
    Some(match value? {
        Bson::Null => return None,
        Bson::String(text) => text.clone(),
        Bson::Boolean(flag) => i32::from(*flag).to_string(),
        Bson::Int32(number) => number.to_string(),
        Bson::Int64(number) => number.to_string(),
        Bson::Binary(binary) => Uuid::from_slice(&binary.bytes).unwrap().to_string(),
        Bson::DateTime(moment) => {
            let text = moment.try_to_rfc3339_string().unwrap();
            let (date, time) = text.split_once('T').unwrap();
            let (time, fraction) = time.trim_end_matches('Z').split_once('.').unwrap_or((time, ""));
            format!("{date} {}.{fraction:0<6}", time.trim_end_matches('Z'))
        }
        other => panic!("{other:?} is stored"),
    })
}
