//! What FastAPI Users left on database servers, in each of its layouts, served by the URL alone.

use std::fs;
use std::path::{Path, PathBuf};

use axum_users_mongodb::mongodb::{Client, bson::Document};
use serde_json::{Map, Value};

use super::{fixtures, me, text};
use crate::support::SECRET;
use crate::support::command::{Said, command, run};
use crate::support::database::Database;
use crate::support::place::{Engine, Place};
use crate::support::server::{Launch, Server};
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

/// Runs `adopt`, told the secret.
fn adopt(place: &Place, arguments: &[&str]) -> Said {
    let url = place.url();
    let all = [&["adopt", "--database", &url, "--secret-stdin"][..], arguments].concat();
    run(place.folder(), &[], &all, SECRET)
}

/// Runs `adopt`, which tells what was found and writes the configuration.
fn write_configuration(place: &Place, found: &str) {
    let said = adopt(place, &[]);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.output.contains(found), "{said:?}");
    assert!(said.output.contains("  passwords       17 argon2id, 3 bcrypt\n"), "{said:?}");
    assert!(said.output.contains(", of corp, github, google\n"), "{said:?}");
}

fn written(place: &Place) -> PathBuf {
    place.folder().join("axum-users.toml")
}

async fn has_session(server: &Server) {
    let session = &fixtures("access_tokens")[0];
    let cookie = format!("fastapiusersauth={}", text(session, "token"));
    let seen = server.send(&me().header("cookie", &cookie)).await;
    assert_eq!((seen.status, &seen.json()["email"]), (200, &"alice@example.com".into()));
}

/// Python has gone: the sessions that it stored are hashed, and go on.
async fn python_is_finished(place: &Place) {
    let said = run(place.folder(), &[], &["adopt", "--finish", "--hash-tokens"], "");
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.output.contains("compat.side_by_side is false now."), "{said:?}");
    assert!(said.output.contains(" access tokens that stood in clear are stored as hashes."), "{said:?}");
    let again = run(place.folder(), &[], &["adopt", "--finish"], "");
    assert!(again.output.contains("is off already.\nRestart the server"), "nothing is left to do: {again:?}");
    has_session(&Launch::new(&written(place), place.folder()).start().await).await;
}

/// With the configuration that `adopt` wrote, every user logs in with the password of before, the first session goes on,
/// and new users are made.
async fn everybody_is_served(place: &Place, ids_are_kept: bool) {
    let server = Launch::new(&written(place), place.folder()).start().await;
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
    has_session(&server).await;
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
    write_configuration(&place, &format!("FastAPI Users with {adapter} and UUIDs\n"));
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
    python_is_finished(&place).await;
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
        write_configuration(&place, &format!("FastAPI Users with {adapter}\n"));
        everybody_is_served(&place, layout == "motor").await;
        assert!(found(&place).starts_with("The database: collections of axum-users: 21 users, "));
        python_is_finished(&place).await;
    }
}

#[tokio::test]
async fn what_stands_in_the_way_on_a_server_is_told_with_statements_that_mend_it() {
    for (engine, ddl) in [(Engine::Postgres, "ddl-postgresql.sql"), (Engine::MySql, "ddl-mysql.sql")] {
        let place = Layout { engine, ddl, tables: SQLALCHEMY, adapter: "SQLAlchemy" }.left_behind().await;
        // An account of a second user. Two addresses that differ by case are two on PostgreSQL alone.
        let quote = if engine == Engine::Postgres { '"' } else { '`' };
        let account = "INSERT INTO oauth_account VALUES ('00000000-0000-4000-8000-0000000000bb', \
                       '00000000-0000-4000-8000-000000000001', 'corp', 't', NULL, NULL, 'corp-15', 'a@b.example')";
        let user = format!(
            "INSERT INTO {quote}user{quote} VALUES ('00000000-0000-4000-8000-0000000000aa', 'ALICE@example.com', 'h', \
             true, false, false)"
        );
        let expected = if engine == Engine::Postgres {
            place.execute(&format!("{account}; {user}")).await;
            "error: 2 things stand in the way; nothing was changed"
        } else {
            place.execute(account).await;
            "error: something stands in the way; nothing was changed"
        };
        let said = adopt(&place, &[]);
        assert_eq!(said.code, Some(1), "{said:?}");
        assert!(said.error.starts_with(expected), "{said:?}");
        assert!(!written(&place).exists());
        let offered: String = said
            .error
            .lines()
            .filter(|line| line.starts_with("  UPDATE") || line.starts_with("  DELETE"))
            .collect();
        place.execute(&offered).await;
        assert_eq!(adopt(&place, &[]).code, Some(0), "{offered}");
    }
}

#[tokio::test]
async fn a_role_of_postgresql_that_may_not_make_indexes_is_told_what_to_grant() {
    let layout = Layout {
        engine: Engine::Postgres,
        ddl: "ddl-postgresql.sql",
        tables: SQLALCHEMY,
        adapter: "SQLAlchemy",
    };
    let place = layout.left_behind().await;
    let role = format!("axum_users_test_{}", axum_users::Random::system().uuid().simple());
    let owner = format!("{role}_owner");
    place
        .execute(&format!(
            "CREATE ROLE {role} LOGIN PASSWORD 'hunter2'; CREATE ROLE {owner}; \
             REVOKE CREATE ON SCHEMA public FROM PUBLIC; \
             ALTER TABLE \"user\" OWNER TO {owner}; ALTER TABLE oauth_account OWNER TO {owner}; \
             ALTER TABLE accesstoken OWNER TO {owner}; \
             GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}"
        ))
        .await;
    let url = place.url();
    let (_, server) = url.split_once("://").unwrap();
    let server = server.rsplit_once('@').map_or(server, |(_, server)| server);
    let as_role = format!("postgres://{role}:hunter2@{server}");
    let tried = || run(place.folder(), &[], &["adopt", "--database", &as_role, "--dry-run"], "");
    let refused = tried();
    let granted: Vec<&str> =
        refused.error.lines().map(str::trim).filter(|line| line.starts_with("GRANT ")).collect();
    place.execute(&granted.concat()).await;
    let allowed = tried();
    place
        .execute(&format!(
            "DROP OWNED BY {role}; DROP ROLE {role}; REASSIGN OWNED BY {owner} TO CURRENT_USER; \
             DROP OWNED BY {owner}; DROP ROLE {owner}"
        ))
        .await;
    assert_eq!(refused.code, Some(1), "{refused:?}");
    let expected = [
        format!("GRANT CREATE ON SCHEMA \"public\" TO \"{role}\";"),
        format!("GRANT \"{owner}\" TO \"{role}\";"),
    ];
    assert_eq!(granted, expected, "{refused:?}");
    assert_eq!(allowed.code, Some(0), "{allowed:?}");
    assert!(!format!("{refused:?}{allowed:?}").contains("hunter2"), "{allowed:?}");
}
