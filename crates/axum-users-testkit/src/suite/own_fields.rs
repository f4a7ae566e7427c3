//! The application's own columns, whatever their names: every type at its extremes, and NULL.

use axum_users::{
    Date, ObjectId, UserModel,
    schema::{Column, ColumnType, Record, Value},
};
use serde_json::{Value as Json, json};
use time::macros::{date, datetime};
use uuid::Uuid;

use crate::{
    Fixture,
    bench::{Bench, only, sample, skip},
};

fn texts() -> Vec<String> {
    let mut texts: Vec<String> = [
        "",
        " ",
        " spaces around ",
        "line\r\nline\ttab",
        "o'hara \"x\" `y` \\ \\' ''",
        "Zoë 😀 e\u{301} \u{FEFF}",
        "$1 ? ?1 :name @p %s {}",
        "%_*",
        "{\"$gt\": \"\"}",
        "'; DROP TABLE user; --",
        "NULL",
        "null",
        "true",
        "007",
        "1.0",
        "2026-11-23",
        "7477656c7665206279746573",
        "1e35ed81-0000-4000-8000-00000000000f",
    ]
    .map(str::to_owned)
    .to_vec();
    texts.extend(["x".repeat(10_000), "😀".repeat(2_500)]);
    texts
}

fn jsons() -> Vec<Json> {
    let mut deep = json!("bottom");
    for _ in 0..30 {
        deep = json!([{ "down": deep }]);
    }
    vec![
        json!(null),
        json!(true),
        json!(0),
        json!(1.0),
        json!(0.1),
        json!(1e300),
        json!(i64::MIN),
        json!(i64::MAX),
        json!(""),
        json!("text"),
        json!("007"),
        json!("null"),
        json!("o'hara \"x\" \\ 😀"),
        json!([]),
        json!({}),
        json!([null, [], {}, 1, "1"]),
        json!({ "$set": { "is_superuser": true }, "a.b": 1, "": "no name", "é": null }),
        json!({ "id": 1, "email": "x", "_id": "y" }),
        deep,
    ]
}

fn dates() -> [Date; 4] {
    [date!(0001 - 01 - 01), date!(9999 - 12 - 31), date!(2000 - 02 - 29), date!(1912 - 06 - 23)]
}

/// Values at the limits of what the column can hold.
pub(super) fn extremes<F: Fixture>(bench: &Bench<'_, F>, column: &Column) -> Vec<Value> {
    let (least, greatest) = column.range;
    match column.column_type {
        ColumnType::Bool => vec![Value::Bool(false), Value::Bool(true)],
        ColumnType::Integer => {
            let values = [least, greatest, 0, -1, i64::from(i32::MAX) + 1, 9_007_199_254_740_993];
            values
                .into_iter()
                .filter(|value| (least..=greatest).contains(value))
                .map(Value::Integer)
                .collect()
        }
        ColumnType::Float => {
            let values =
                [0.0, -1.5, 2.0, 0.1, f64::MAX, f64::MIN, f64::MIN_POSITIVE, f64::EPSILON, 1e300, 1e15 + 0.3];
            values.map(Value::Float).to_vec()
        }
        ColumnType::Text if column.choices.is_empty() => texts().into_iter().map(Value::Text).collect(),
        ColumnType::Text => column.choices.iter().map(|choice| Value::Text(choice.to_string())).collect(),
        ColumnType::Uuid => [Uuid::nil(), Uuid::max(), Uuid::from_u128(0xA)].map(Value::Uuid).to_vec(),
        ColumnType::Date => dates().map(Value::Date).to_vec(),
        ColumnType::Timestamp => [
            datetime!(0001-01-01 00:00 UTC),
            datetime!(9999-12-31 23:59:59.999999 UTC),
            datetime!(1969-12-31 23:59:59.500001 UTC),
            datetime!(2026-11-23 12:00:00.000001 +02:00),
            datetime!(2026-03-29 02:30 UTC),
            datetime!(2026-01-01 00:30 +14:00),
            datetime!(2026-12-31 23:30 -12:00),
        ]
        .map(|at| Value::Timestamp(bench.kept(at)))
        .to_vec(),
        ColumnType::Json => jsons().into_iter().map(Value::Json).collect(),
        ColumnType::ObjectId => {
            [[0; 12], [0xFF; 12], *b"twelve bytes"].map(ObjectId).map(Value::ObjectId).to_vec()
        }
        other => panic!("the suite does not know a column that holds {other}"),
    }
}

/// The columns that can be looked at; says so where there are none.
fn own_columns<F: Fixture>(bench: &Bench<'_, F>) -> Vec<Column> {
    let columns: Vec<_> = bench.schema().shown_columns().cloned().collect();
    if columns.is_empty() {
        skip("the model has no own fields");
    }
    columns
}

/// By `create` and by `update`.
pub(crate) async fn every_own_field_is_kept_at_its_extremes<F: Fixture>(bench: &Bench<'_, F>) {
    let columns = own_columns(bench);
    let longest = columns.iter().map(|column| extremes(bench, column).len()).max().unwrap_or(0);
    let changed = bench.add("changed@example.org").await;
    for turn in 0..longest {
        let values: Record = columns
            .iter()
            .map(|column| {
                let values = extremes(bench, column);
                (column.name.clone(), values[turn % values.len()].clone())
            })
            .collect();
        let mut record = bench.record(&format!("{turn}@example.org"));
        record.merge(&values);
        let made = bench.database().create(record.clone()).await.unwrap();
        bench.assert_has(&made, &record);
        bench.assert_unchanged(&made).await;
        let updated = bench.database().update(changed.id(), &Record::new(), &values).await.unwrap().unwrap();
        bench.assert_has(&updated, &values);
        bench.assert_unchanged(&updated).await;
    }
}

/// One at a time, so that no column is written in place of another.
pub(crate) async fn an_update_of_one_own_field_leaves_the_others<F: Fixture>(bench: &Bench<'_, F>) {
    let mut user = bench.add("ada@example.org").await;
    for column in own_columns(bench) {
        let mut seen = bench.seen(&user);
        for value in extremes(bench, &column).into_iter().rev().take(2) {
            let changes = only(&column.name, value.clone());
            seen.insert(column.name.to_string(), serde_json::to_value(value).unwrap());
            user = bench.database().update(user.id(), &Record::new(), &changes).await.unwrap().unwrap();
            assert_eq!(bench.seen(&user), seen, "{}", column.name);
            bench.assert_unchanged(&user).await;
        }
    }
}

/// A change to NULL empties the field, and a change that does not name the field leaves it.
pub(crate) async fn null_empties_a_field_and_absence_leaves_it<F: Fixture>(bench: &Bench<'_, F>) {
    let ada = bench.add("ada@example.org").await;
    for column in own_columns(bench).iter().filter(|column| column.nullable) {
        let update = async |changes: &Record| {
            let updated = bench.database().update(ada.id(), &Record::new(), changes).await.unwrap().unwrap();
            bench.assert_unchanged(&updated).await;
            bench.seen(&updated)[column.name.as_ref()].clone()
        };
        let value = sample(column);
        let shown = serde_json::to_value(&value).unwrap();
        assert_eq!(update(&only(&column.name, value)).await, shown, "{}", column.name);
        assert_eq!(update(&only("is_active", Value::Bool(false))).await, shown, "{}", column.name);
        assert_eq!(update(&only(&column.name, Value::Null)).await, Json::Null, "{}", column.name);
        assert_eq!(update(&only("is_active", Value::Bool(true))).await, Json::Null, "{}", column.name);
    }
    bench.assert_unchanged(&ada).await;
}

/// An update can expect a value or NULL of any own column.
pub(crate) async fn own_fields_can_be_expected<F: Fixture>(bench: &Bench<'_, F>) {
    let ada = bench.add("ada@example.org").await;
    for column in own_columns(bench) {
        let update = async |expected: Value, changes: Value| {
            let (expected, changes) = (only(&column.name, expected), only(&column.name, changes));
            bench.database().update(ada.id(), &expected, &changes).await.unwrap().is_some()
        };
        let values = extremes(bench, &column);
        let (mut held, name) = (if column.nullable { Value::Null } else { sample(&column) }, &column.name);
        for next in values.iter().cloned().chain(column.nullable.then_some(Value::Null)) {
            for other in values.iter().filter(|other| **other != held && !same_json(other, &held)).take(3) {
                assert!(
                    !update(other.clone(), next.clone()).await,
                    "{name}: {held:?} was taken for {other:?}"
                );
            }
            if held != Value::Null && !same_json(&held, &Value::Null) {
                assert!(!update(Value::Null, next.clone()).await, "{name}: {held:?} was taken for NULL");
            }
            assert!(update(held.clone(), next.clone()).await, "{name}: {held:?} was not what is there");
            held = next;
        }
    }
}

/// JSON's null and SQL's NULL are one in databases that keep documents.
fn same_json(one: &Value, other: &Value) -> bool {
    let is_null = |value: &Value| matches!(value, Value::Null | Value::Json(Json::Null));
    is_null(one) && is_null(other)
}

/// Stored in whatever offset, answered as the same moment.
pub(crate) async fn timestamps_are_moments_whatever_their_offset<F: Fixture>(bench: &Bench<'_, F>) {
    let columns = own_columns(bench);
    for column in columns.iter().filter(|column| column.column_type == ColumnType::Timestamp) {
        let ada = bench.add(&format!("{}@example.org", column.name)).await;
        for (stored, same, shown) in [
            (datetime!(2026-01-01 00:30 +14:00), datetime!(2025-12-31 10:30 UTC), "2025-12-31T10:30:00Z"),
            (datetime!(2026-07-01 10:00 UTC), datetime!(2026-07-01 05:15 -04:45), "2026-07-01T10:00:00Z"),
        ] {
            let changes = only(&column.name, Value::Timestamp(stored));
            let updated = bench.database().update(ada.id(), &Record::new(), &changes).await.unwrap().unwrap();
            assert_eq!(bench.seen(&updated)[column.name.as_ref()], shown);
            let expected = only(&column.name, Value::Timestamp(same));
            let answer = bench.database().update(ada.id(), &expected, &Record::new()).await.unwrap();
            assert!(answer.is_some(), "{stored} and {same} are one moment");
        }
    }
}
