use axum_users::{
    DatabaseError, Date, ObjectId, Timestamp, User, UserDatabase, UserModel,
    schema::{Column, ColumnType, Record, Value},
};
use axum_users_sqlx::SqlxOptions;
use serde_json::{Value as Json, json};
use time::macros::{date, datetime};
use uuid::{Uuid, uuid};

use crate::{
    id,
    place::{Engine, Place, execute, rows},
    record, users,
};

on_every_engine![
    every_type_is_stored_as_the_original_stores_it_and_read_back,
    optional_columns_take_values_and_lose_them_by_update,
    json_that_looks_like_a_number_stays_what_it_is,
    a_column_that_the_record_does_not_name_gets_its_default_or_null,
];

/// A field of every type, each also as one that may be absent.
#[derive(Clone, UserModel)]
struct Wide {
    id: Uuid,
    email: String,
    hashed_password: String,
    is_active: bool,
    is_superuser: bool,
    is_verified: bool,
    flag: bool,
    number: i64,
    share: f64,
    name: String,
    key: Uuid,
    birthdate: Date,
    seen_at: Timestamp,
    settings: Json,
    object: ObjectId,
    maybe_flag: Option<bool>,
    maybe_number: Option<i64>,
    maybe_share: Option<f64>,
    maybe_name: Option<String>,
    maybe_key: Option<Uuid>,
    maybe_birthdate: Option<Date>,
    maybe_seen_at: Option<Timestamp>,
    maybe_settings: Option<Json>,
    maybe_object: Option<ObjectId>,
}

const TYPES: [&str; 9] =
    ["flag", "number", "share", "name", "key", "birthdate", "seen_at", "settings", "object"];

async fn wide(engine: Engine) -> (Place, axum_users_sqlx::SqlxDatabase) {
    let place = Place::new(engine).await;
    let database = place.open(SqlxOptions::new(), Wide::schema()).await;
    (place, database)
}

fn values() -> [Value; 9] {
    [
        Value::Bool(true),
        Value::Integer(i64::MIN),
        Value::Float(2.0),
        Value::Text("Zoë 'x' \"y\" \u{1F600}".into()),
        Value::Uuid(uuid!("ABCDEF00-0000-4000-8000-00000000000F")),
        Value::Date(date!(1912 - 06 - 23)),
        Value::Timestamp(datetime!(2026-11-23 12:00:00.5 +02:00)),
        Value::Json(json!({"a": [1.0, null, "b"]})),
        Value::ObjectId(ObjectId([0xAB; 12])),
    ]
}

fn wide_record(number: u128) -> Record {
    let record = record(number, &format!("{number}@example.org"));
    TYPES.iter().zip(values()).fold(record, |record, (&name, value)| record.with(name, value))
}

async fn every_type_is_stored_as_the_original_stores_it_and_read_back(engine: Engine) {
    let (_place, database) = wide(engine).await;
    let users = users::<Wide>(&database);
    let made = users.create(wide_record(1)).await.unwrap();
    let stored = [
        engine.pick("integer|1", "boolean|true", "|1"),
        engine.pick("integer|-9223372036854775808", "bigint|-9223372036854775808", "|-9223372036854775808"),
        engine.pick("real|2.0", "double precision|2", "|2"),
        engine.pick(
            "text|Zoë 'x' \"y\" \u{1F600}",
            "text|Zoë 'x' \"y\" \u{1F600}",
            "|Zoë 'x' \"y\" \u{1F600}",
        ),
        engine.pick(
            "text|abcdef00-0000-4000-8000-00000000000f",
            "uuid|abcdef00-0000-4000-8000-00000000000f",
            "|abcdef00-0000-4000-8000-00000000000f",
        ),
        engine.pick("text|1912-06-23", "date|1912-06-23", "|1912-06-23"),
        engine.pick(
            "text|2026-11-23 10:00:00.500000",
            "timestamp with time zone|2026-11-23 10:00:00.5+00",
            "|2026-11-23 10:00:00.500000",
        ),
        engine.pick(
            "text|{\"a\":[1.0,null,\"b\"]}",
            "jsonb|{\"a\": [1.0, null, \"b\"]}",
            "|{\"a\":[1.0,null,\"b\"]}",
        ),
        engine.pick(
            "text|abababababababababababab",
            "character|abababababababababababab",
            "|abababababababababababab",
        ),
    ];
    for (name, stored) in TYPES.iter().zip(stored) {
        let shown = engine.pick(
            format!("typeof(\"{name}\"), \"{name}\" || ''"),
            format!("pg_typeof(\"{name}\"), \"{name}\"::text"),
            format!("'', CAST(\"{name}\" AS CHAR)"),
        );
        assert_eq!(rows(&database, &format!("SELECT {shown} FROM \"user\"")).await, [stored]);
        assert_eq!(rows(&database, &format!("SELECT maybe_{name} FROM \"user\"")).await, ["NULL"]);
    }
    let (yes, no) = (engine.boolean(true), engine.boolean(false));
    assert_eq!(
        rows(&database, "SELECT id, is_active, is_verified FROM \"user\"").await,
        [format!("00000000-0000-0000-0000-000000000001|{yes}|{no}")]
    );
    for user in [made, users.get(&id(1)).await.unwrap().unwrap()] {
        assert!(user.flag);
        assert_eq!((user.number, user.share), (i64::MIN, 2.0));
        assert_eq!(user.name, "Zoë 'x' \"y\" \u{1F600}");
        assert_eq!(user.key, uuid!("abcdef00-0000-4000-8000-00000000000f"));
        assert_eq!(user.birthdate, date!(1912 - 06 - 23));
        assert_eq!(user.seen_at, datetime!(2026-11-23 10:00:00.5 UTC));
        assert_eq!(user.settings, json!({"a": [1.0, null, "b"]}));
        assert_eq!(user.object, ObjectId([0xAB; 12]));
        assert!(user.maybe_flag.is_none() && user.maybe_number.is_none() && user.maybe_share.is_none());
        assert!(user.maybe_name.is_none() && user.maybe_key.is_none() && user.maybe_birthdate.is_none());
        assert!(user.maybe_seen_at.is_none() && user.maybe_settings.is_none() && user.maybe_object.is_none());
    }
}

async fn optional_columns_take_values_and_lose_them_by_update(engine: Engine) {
    let (_place, database) = wide(engine).await;
    let users = users::<Wide>(&database);
    users.create(wide_record(1)).await.unwrap();
    let optional = || TYPES.iter().map(|name| format!("maybe_{name}"));
    let given: Record = optional().map(Into::into).zip(values()).collect();
    let user = users.update(&id(1), &Record::new(), &given).await.unwrap().unwrap();
    assert_eq!(
        (user.maybe_flag, user.maybe_number, user.maybe_share),
        (Some(true), Some(i64::MIN), Some(2.0))
    );
    assert_eq!(user.maybe_seen_at, Some(datetime!(2026-11-23 10:00:00.5 UTC)));
    assert_eq!(user.maybe_settings, Some(json!({"a": [1.0, null, "b"]})));
    let taken: Record = optional().map(|name| (name.into(), Value::Null)).collect();
    let user = users.update(&id(1), &given, &taken).await.unwrap().unwrap();
    assert!(user.maybe_key.is_none() && user.maybe_birthdate.is_none() && user.maybe_object.is_none());
}

async fn json_that_looks_like_a_number_stays_what_it_is(engine: Engine) {
    let (_place, database) = wide(engine).await;
    let users = users::<Wide>(&database);
    for (number, json) in (1..).zip([json!(1.0), json!("007"), json!(null), json!(true), json!(1e300)]) {
        let user =
            users.create(wide_record(number).with("settings", Value::Json(json.clone()))).await.unwrap();
        assert_eq!(user.settings, json);
    }
}

#[tokio::test]
async fn what_python_may_have_written_differently_into_sqlite_is_read_all_the_same() {
    let (_place, database) = wide(Engine::Sqlite).await;
    let users = users::<Wide>(&database);
    users.create(wide_record(1)).await.unwrap();
    execute(
        &database,
        "UPDATE user SET key = 'ABCDEF000000400080000000000000FF', seen_at = '2026-11-23 12:00:00+02:00', share = 3,
            flag = 2, settings = 'null'",
    )
    .await;
    let user = users.get(&id(1)).await.unwrap().unwrap();
    assert_eq!(user.key, uuid!("abcdef00-0000-4000-8000-0000000000ff"));
    assert_eq!(user.seen_at, datetime!(2026-11-23 10:00 UTC));
    assert_eq!((user.share, user.flag, user.settings), (3.0, true, Json::Null));
}

#[tokio::test]
async fn a_value_that_does_not_fit_in_sqlite_is_an_error_that_names_the_column_and_not_the_value() {
    let (_place, database) = wide(Engine::Sqlite).await;
    let users = users::<Wide>(&database);
    users.create(wide_record(1)).await.unwrap();
    for (change, message) in [
        ("key = 'secret'", "column `key` should hold a UUID, found other text"),
        ("birthdate = '2026-02-30'", "column `birthdate` should hold a date, found other text"),
        ("seen_at = 5", "column `seen_at` should hold a timestamp, found an integer"),
        ("settings = '{secret'", "column `settings` should hold a JSON value, found other text"),
        ("flag = 'secret'", "column `flag` should hold a boolean, found text"),
        ("number = 1.5", "column `number` should hold an integer, found a number"),
        ("name = x'ff'", "column `name` should hold text, found bytes"),
        ("name = CAST(x'ff' AS TEXT)", "column `name` should hold text, found text that is not UTF-8"),
    ] {
        execute(&database, &format!("UPDATE user SET {change}")).await;
        let Err(error) = users.get(&id(1)).await else { panic!("{change} was read") };
        assert!(matches!(error, DatabaseError::Decode(_)), "{error:?}");
        assert_eq!(error.to_string(), message, "{change}");
        users.update(&id(1), &Record::new(), &wide_record(1)).await.unwrap();
    }
}

async fn a_column_that_the_record_does_not_name_gets_its_default_or_null(engine: Engine) {
    let place = Place::new(engine).await;
    let text = |name: &'static str| Column::new(name, ColumnType::Text);
    let schema = User::schema()
        .with(text("plan").default_value(Value::Text("free".into())))
        .with(text("note").nullable());
    let database = place.open(SqlxOptions::new(), schema).await;
    users::<User>(&database).create(record(1, "ada@example.org")).await.unwrap();
    assert_eq!(rows(&database, "SELECT plan, note FROM \"user\"").await, ["free|NULL"]);
}

#[cfg(feature = "postgres")]
#[tokio::test]
async fn columns_that_an_application_declared_otherwise_in_postgresql_are_read_and_written() {
    let place = Place::new(Engine::Postgres).await;
    let bare = place.connect(SqlxOptions::new()).await;
    execute(
        &bare,
        "CREATE TYPE word AS ENUM ('Zoë', 'Ada'); CREATE DOMAIN number AS integer;
         CREATE TABLE \"user\" (id UUID PRIMARY KEY, email VARCHAR(320) NOT NULL, hashed_password VARCHAR(1024) NOT NULL,
            is_active BOOLEAN NOT NULL, is_superuser BOOLEAN NOT NULL, is_verified BOOLEAN NOT NULL, flag BOOLEAN,
            number SMALLINT, share REAL, name word, \"key\" UUID, birthdate DATE, seen_at TIMESTAMP, settings JSON,
            object TEXT, maybe_number number, maybe_name VARCHAR(10))",
    )
    .await;
    let database = place.open(SqlxOptions::new(), Wide::schema()).await;
    let users = users::<Wide>(&database);
    let given = wide_record(1)
        .with("number", Value::Integer(7))
        .with("name", Value::Text("Ada".into()))
        .with("maybe_number", Value::Integer(8));
    let user = users.create(given.clone()).await.unwrap();
    assert_eq!((user.number, user.share, user.name.as_str()), (7, 2.0, "Ada"));
    assert_eq!((user.maybe_number, user.seen_at), (Some(8), datetime!(2026-11-23 10:00:00.5 UTC)));
    let change = Record::new()
        .with("name", Value::Text("Zoë".into()))
        .with("maybe_number", Value::Null)
        .with("maybe_name", Value::Text("x".into()));
    let user = users.update(&id(1), &given, &change).await.unwrap().unwrap();
    assert_eq!((user.name.as_str(), user.maybe_number, user.maybe_name.as_deref()), ("Zoë", None, Some("x")));
}

#[cfg(feature = "postgres")]
#[tokio::test]
async fn moments_that_are_none_are_errors() {
    let (_place, database) = wide(Engine::Postgres).await;
    let users = users::<Wide>(&database);
    users.create(wide_record(1)).await.unwrap();
    for (change, message) in [
        ("seen_at = 'infinity'", "column `seen_at` should hold a timestamp, found a timestamp out of range"),
        (
            "seen_at = '20000-01-01'",
            "column `seen_at` should hold a timestamp, found a timestamp out of range",
        ),
        ("birthdate = '-infinity'", "column `birthdate` should hold a date, found a date out of range"),
    ] {
        execute(&database, &format!("UPDATE \"user\" SET {change}")).await;
        let Err(error) = users.get(&id(1)).await else { panic!("{change} was read") };
        assert_eq!(error.to_string(), message, "{change}");
        users.update(&id(1), &Record::new(), &wide_record(1)).await.unwrap();
    }
}

#[cfg(feature = "mysql")]
#[tokio::test]
async fn columns_that_an_application_declared_otherwise_in_mysql_are_read_and_written() {
    let place = Place::new(Engine::MySql).await;
    let bare = place.connect(SqlxOptions::new()).await;
    execute(
        &bare,
        "CREATE TABLE \"user\" (id CHAR(36) PRIMARY KEY, email VARCHAR(320) NOT NULL UNIQUE,
            hashed_password VARCHAR(1024) NOT NULL, is_active BOOL NOT NULL, is_superuser BOOL NOT NULL,
            is_verified BOOL NOT NULL, flag TINYINT, number INT UNSIGNED, share FLOAT,
            name ENUM('Zoë', 'Ada') COLLATE utf8mb4_bin, \"key\" VARCHAR(40) COLLATE utf8mb4_bin, birthdate DATE,
            seen_at TIMESTAMP(3) NULL, settings LONGTEXT, object CHAR(24), maybe_name TINYTEXT) CHARACTER SET utf8mb4",
    )
    .await;
    let database = place.open(SqlxOptions::new(), Wide::schema()).await;
    let users = users::<Wide>(&database);
    let given = wide_record(1).with("number", Value::Integer(7)).with("name", Value::Text("Ada".into()));
    let user = users.create(given.clone()).await.unwrap();
    assert_eq!((user.number, user.share, user.name.as_str()), (7, 2.0, "Ada"));
    assert_eq!(user.seen_at, datetime!(2026-11-23 10:00:00.5 UTC));
    let change =
        Record::new().with("name", Value::Text("Zoë".into())).with("maybe_name", Value::Text("x".into()));
    let user = users.update(&id(1), &given, &change).await.unwrap().unwrap();
    assert_eq!((user.name.as_str(), user.maybe_name.as_deref()), ("Zoë", Some("x")));
}
