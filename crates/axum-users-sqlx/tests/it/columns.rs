use axum_users::{
    DatabaseError, Date, ObjectId, Timestamp, User, UserDatabase, UserModel,
    schema::{Column, ColumnType, Record, Value},
};
use axum_users_sqlx::SqlxOptions;
use serde_json::{Value as Json, json};
use time::macros::{date, datetime};
use uuid::{Uuid, uuid};

use crate::{execute, id, open, record, rows, users};

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

async fn wide() -> (tempfile::TempDir, axum_users_sqlx::SqlxDatabase) {
    let folder = tempfile::tempdir().unwrap();
    let database = open(&folder.path().join("data.db"), SqlxOptions::new(), Wide::schema()).await;
    (folder, database)
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

#[tokio::test]
async fn every_type_is_stored_as_the_original_stores_it_and_read_back() {
    let (_folder, database) = wide().await;
    let users = users::<Wide>(&database);
    let made = users.create(wide_record(1)).await.unwrap();
    let stored = [
        "integer|1",
        "integer|-9223372036854775808",
        "real|2.0",
        "text|Zoë 'x' \"y\" \u{1F600}",
        "text|abcdef00-0000-4000-8000-00000000000f",
        "text|1912-06-23",
        "text|2026-11-23 10:00:00.500000",
        "text|{\"a\":[1.0,null,\"b\"]}",
        "text|abababababababababababab",
    ];
    for (name, stored) in TYPES.iter().zip(stored) {
        assert_eq!(
            rows(&database, &format!("SELECT typeof({name}), {name} || '' FROM user")).await,
            [stored]
        );
        assert_eq!(rows(&database, &format!("SELECT maybe_{name} FROM user")).await, ["NULL"]);
    }
    let base = "SELECT id, typeof(id), is_active, typeof(is_active), is_verified FROM user";
    assert_eq!(rows(&database, base).await, ["00000000-0000-0000-0000-000000000001|text|1|integer|0"]);
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

#[tokio::test]
async fn optional_columns_take_values_and_lose_them_by_update() {
    let (_folder, database) = wide().await;
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

#[tokio::test]
async fn json_that_looks_like_a_number_stays_what_it_is() {
    let (_folder, database) = wide().await;
    let users = users::<Wide>(&database);
    for (number, json) in (1..).zip([json!(1.0), json!("007"), json!(null), json!(true), json!(1e300)]) {
        let user =
            users.create(wide_record(number).with("settings", Value::Json(json.clone()))).await.unwrap();
        assert_eq!(user.settings, json);
    }
}

#[tokio::test]
async fn what_python_may_have_written_differently_is_read_all_the_same() {
    let (_folder, database) = wide().await;
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
async fn a_value_that_does_not_fit_is_an_error_that_names_the_column_and_not_the_value() {
    let (_folder, database) = wide().await;
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

#[tokio::test]
async fn a_column_that_the_record_does_not_name_gets_its_default_or_null() {
    let folder = tempfile::tempdir().unwrap();
    let text = |name: &'static str| Column::new(name, ColumnType::Text);
    let schema = User::schema()
        .with(text("plan").default_value(Value::Text("free".into())))
        .with(text("note").nullable());
    let database = open(&folder.path().join("data.db"), SqlxOptions::new(), schema).await;
    users::<User>(&database).create(record(1, "ada@example.org")).await.unwrap();
    assert_eq!(rows(&database, "SELECT plan, note FROM user").await, ["free|NULL"]);
}
