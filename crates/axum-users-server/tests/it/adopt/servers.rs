//! What FastAPI Users left on database servers, in each of its layouts, served by the URL alone.

use std::fs;
use std::path::Path;

use axum_users_mongodb::mongodb::{Client, bson::Document};
use serde_json::{Map, Value};

use super::{fixtures, me, text};
use crate::support::command::command;
use crate::support::database::Database;
use crate::support::place::{Engine, Place};
use crate::support::{data, login};

/// Tables of the original on an SQL server.
struct Layout {
    engine: Engine,
    ddl: &'static str,
    tables: [&'static str; 3],
    adapter: &'static str,
}

const SQLALCHEMY: [&str; 3] = ["user", "oauth_account", "accesstoken"];
const TORTOISE: [&str; 3] = ["usermodel", "oauthaccountmodel", "accesstokenmodel"];

impl Layout {
    /// A database with these tables and the rows of the fixtures.
    async fn left_behind(&self) -> Place {
        let place = Place::new(self.engine).await;
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../axum-users-sqlx/tests/data");
        let ddl = fs::read_to_string(folder.join(self.ddl)).unwrap();
        // MariaDB takes no empty statement.
        let mut statements = ddl.trim_end().trim_end_matches(';').to_owned();
        let stored = Database::new(&data("fastapi-users.sqlite"));
        for (from, to) in SQLALCHEMY.iter().zip(self.tables) {
            // SQLite kept the rows of a user who is gone; these servers never had such.
            let of_users = if *from == "user" { "" } else { "WHERE user_id IN (SELECT id FROM \"user\")" };
            for row in stored.rows(&format!("SELECT * FROM \"{from}\" {of_users}")).await {
                statements += &self.insert(to, &row);
            }
        }
        place.execute(&statements).await;
        place
    }

    fn insert(&self, table: &str, row: &Map<String, Value>) -> String {
        let is_postgres = self.engine == Engine::Postgres;
        let quote = if is_postgres { '"' } else { '`' };
        let names: Vec<&str> = row.keys().map(String::as_str).collect();
        let value = |(name, value): (&String, &Value)| match value {
            Value::Null => "NULL".to_owned(),
            Value::Number(flag) if name.starts_with("is_") => (flag.as_i64() == Some(1)).to_string(),
            // SQLAlchemy's `expires_at` is an INTEGER, which ends in 2038 on these servers.
            Value::Number(number) => number.as_i64().unwrap().min(i32::MAX.into()).to_string(),
            Value::String(text) if name == "created_at" && is_postgres => format!("'{text}+00'"),
            // The type that SQLAlchemy takes in MySQL ends in 2038.
            Value::String(text) if name == "created_at" => format!("'{}'", text.replace("2099", "2037")),
            Value::String(text) => format!("'{}'", text.replace('\'', "''")),
            other => panic!("{other} is stored"),
        };
        let values: Vec<String> = row.iter().map(value).collect();
        format!(";\nINSERT INTO {quote}{table}{quote} ({}) VALUES ({})", names.join(", "), values.join(", "))
    }
}

/// What `config check` says of the database before anything is changed there.
fn found(place: &Place) -> String {
    let said = command(&place.url(), place.folder(), &["config", "check"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    said.output.lines().nth(1).unwrap_or_default().to_owned()
}

/// Every user logs in with the password of before, the first session goes on, and new users are made.
async fn everybody_is_served(place: &Place, ids_are_kept: bool) {
    let server = place.launch(&data("adopt.toml")).start().await;
    for user in &fixtures("users") {
        let (email, Some(password)) = (text(user, "email"), user["password"].as_str()) else { continue };
        let answer = login(&server, email, password).await;
        if user["is_active"] == false {
            assert_eq!(answer.status, 400, "{email}");
            continue;
        }
        assert_eq!(answer.status, 200, "{email}: {}", answer.text());
        let seen = server.send(&me().bearer(text(&answer.json(), "access_token"))).await.json();
        let shown = ["id", "email", "is_active", "is_superuser", "is_verified"];
        for key in shown.into_iter().filter(|key| *key != "id" || ids_are_kept) {
            assert_eq!(seen[key], user[key], "{key} of {email}");
        }
    }
    let session = &fixtures("access_tokens")[0];
    let cookie = format!("fastapiusersauth={}", text(session, "token"));
    let seen = server.send(&me().header("cookie", &cookie)).await;
    assert_eq!((seen.status, &seen.json()["email"]), (200, &"alice@example.com".into()));
    let taken = crate::support::http::Request::new("POST", "/auth/register");
    let body = |email: &str| serde_json::json!({"email": email, "password": "analytical engine"});
    assert_eq!(server.send(&taken.clone().json(&body("ALICE@example.com"))).await.status, 400);
    assert_eq!(server.send(&taken.json(&body("new@example.com"))).await.status, 201);
    assert_eq!(login(&server, "new@example.com", "analytical engine").await.status, 200);
}

async fn is_adopted(layout: Layout) {
    let place = layout.left_behind().await;
    let Layout { adapter, tables: [users, ..], .. } = layout;
    let before = format!(
        "The database: tables of FastAPI Users with {adapter} and UUIDs, users in `{users}`: 20 users, \
         4 OAuth accounts, 5 access tokens."
    );
    assert_eq!(found(&place), before);
    let left_alone = users != "user" || {
        let rows = async || place.database().rows("SELECT * FROM user ORDER BY id").await;
        let stored = rows().await;
        let said = command(&place.url(), place.folder(), &["migrate"]);
        assert_eq!(said.code, Some(0), "{said:?}");
        rows().await == stored
    };
    assert!(left_alone, "a row of the original was changed");
    everybody_is_served(&place, true).await;
    assert!(found(&place).starts_with("The database: tables of axum-users: 21 users, 4 OAuth accounts, "));
}

#[tokio::test]
async fn tables_of_sqlalchemy_on_postgresql_are_served_as_they_are() {
    let ddl = "ddl-postgresql.sql";
    let engine = Engine::Postgres;
    is_adopted(Layout { engine, ddl, tables: SQLALCHEMY, adapter: "SQLAlchemy" }).await;
}

#[tokio::test]
async fn tables_of_tortoise_on_postgresql_are_served_as_they_are() {
    let ddl = "ddl-tortoise-postgresql.sql";
    let engine = Engine::Postgres;
    is_adopted(Layout { engine, ddl, tables: TORTOISE, adapter: "Tortoise ORM" }).await;
}

#[tokio::test]
async fn tables_of_sqlalchemy_on_mariadb_are_served_as_they_are() {
    let ddl = "ddl-mysql.sql";
    let engine = Engine::MySql;
    is_adopted(Layout { engine, ddl, tables: SQLALCHEMY, adapter: "SQLAlchemy" }).await;
}

#[tokio::test]
async fn tables_of_tortoise_on_mariadb_are_served_as_they_are() {
    let ddl = "ddl-tortoise-mysql.sql";
    let engine = Engine::MySql;
    is_adopted(Layout { engine, ddl, tables: TORTOISE, adapter: "Tortoise ORM" }).await;
}

#[tokio::test]
async fn documents_of_motor_and_of_beanie_are_served_as_they_are() {
    let file =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../axum-users-mongodb/tests/data/mongodb-documents.json");
    let all: Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    for (layout, adapter, users) in
        [("motor", "Motor and UUIDs", "users"), ("beanie", "Beanie and ObjectIds", "User")]
    {
        let place = Place::new(Engine::MongoDb).await;
        let database = Client::with_uri_str(place.url()).await.unwrap().default_database().unwrap();
        for (name, collection) in all[layout].as_object().unwrap() {
            let documents: Vec<Document> = serde_json::from_value(collection["documents"].clone()).unwrap();
            database.collection(name).insert_many(documents).await.unwrap();
        }
        assert_eq!(
            found(&place),
            format!(
                "The database: collections of FastAPI Users with {adapter}, users in `{users}`: 20 users, \
                 4 OAuth accounts, 6 access tokens."
            )
        );
        everybody_is_served(&place, layout == "motor").await;
        assert!(found(&place).starts_with("The database: collections of axum-users: 21 users, "));
    }
}
