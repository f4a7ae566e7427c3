//! What `#[derive(UserModel)]` and `#[derive(ColumnValue)]` make, as an application sees it.

use axum_users::{
    ColumnValue, SecretString, UserFields, UserModel,
    schema::{
        BASE_COLUMNS, Column, ColumnType, Date, DecodeError, ObjectId, Record, RowReader, Schema, Timestamp,
        Value,
    },
};
use serde_json::{Value as Json, json};
use time::macros::{date, datetime};
use uuid::Uuid;

const ID: Uuid = Uuid::from_u128(0x1e35_ed81_0000_4000_8000_0000_0000_0001);

#[derive(Clone, Copy, Debug, PartialEq, ColumnValue)]
enum Stage {
    Draft,
    InReview,
    #[column(rename = "live")]
    Published,
}

/// Own fields of every type; the base fields in no particular order, and not together.
#[derive(Clone, Debug, PartialEq, UserModel)]
#[user(table = "people")]
struct Person {
    is_verified: bool,
    flag: bool,
    flag_or_none: Option<bool>,
    small: u8,
    small_or_none: Option<i16>,
    big: i64,
    big_or_none: Option<i64>,
    narrow: f32,
    narrow_or_none: Option<f32>,
    wide: f64,
    wide_or_none: Option<f64>,
    hashed_password: String,
    text: String,
    text_or_none: Option<String>,
    uuid: Uuid,
    uuid_or_none: Option<Uuid>,
    date: Date,
    date_or_none: Option<Date>,
    moment: Timestamp,
    moment_or_none: Option<Timestamp>,
    email: std::string::String,
    json: Json,
    json_or_none: Option<Json>,
    object_id: ObjectId,
    object_id_or_none: Option<ObjectId>,
    stage: Stage,
    stage_or_none: Option<Stage>,
    r#type: String,
    is_active: bool,
    is_superuser: bool,
    id: Uuid,
}

/// Each own column of [`Person`] with a value, and the JSON that shows it.
fn own_values() -> Vec<(&'static str, Value, Json)> {
    let (moment, fraction) = (datetime!(2026-11-23 10:00 UTC), datetime!(2026-11-23 12:00:00.5 +2));
    vec![
        ("flag", Value::Bool(true), json!(true)),
        ("flag_or_none", Value::Bool(false), json!(false)),
        ("small", Value::Integer(255), json!(255)),
        ("small_or_none", Value::Integer(-32768), json!(-32768)),
        ("big", Value::Integer(i64::MAX), json!(i64::MAX)),
        ("big_or_none", Value::Integer(i64::MIN), json!(i64::MIN)),
        ("narrow", Value::Float(0.5), json!(0.5)),
        ("narrow_or_none", Value::Float(-1.5), json!(-1.5)),
        ("wide", Value::Float(0.1), json!(0.1)),
        ("wide_or_none", Value::Float(1e300), json!(1e300)),
        ("text", Value::Text("ä".into()), json!("ä")),
        ("text_or_none", Value::Text(String::new()), json!("")),
        ("uuid", Value::Uuid(Uuid::nil()), json!("00000000-0000-0000-0000-000000000000")),
        ("uuid_or_none", Value::Uuid(Uuid::max()), json!("ffffffff-ffff-ffff-ffff-ffffffffffff")),
        ("date", Value::Date(date!(2000 - 02 - 29)), json!("2000-02-29")),
        ("date_or_none", Value::Date(date!(0001 - 01 - 01)), json!("0001-01-01")),
        ("moment", Value::Timestamp(moment), json!("2026-11-23T10:00:00Z")),
        ("moment_or_none", Value::Timestamp(fraction), json!("2026-11-23T10:00:00.500000Z")),
        ("json", Value::Json(json!({ "b": [1, null], "a": {} })), json!({ "b": [1, null], "a": {} })),
        ("json_or_none", Value::Json(json!("text")), json!("text")),
        ("object_id", Value::ObjectId(ObjectId(*b"twelve bytes")), json!("7477656c7665206279746573")),
        ("object_id_or_none", Value::ObjectId(ObjectId([0xff; 12])), json!("ffffffffffffffffffffffff")),
        ("stage", Value::Text("in_review".into()), json!("in_review")),
        ("stage_or_none", Value::Text("live".into()), json!("live")),
        ("type", Value::Text("staff".into()), json!("staff")),
    ]
}

/// The columns with the values of [`own_values`], NULL where the column may be.
fn own_values_or_null() -> Vec<(&'static str, Value, Json)> {
    let empty = |name: &str| name.ends_with("_or_none");
    own_values()
        .into_iter()
        .map(
            |(name, value, json)| {
                if empty(name) { (name, Value::Null, Json::Null) } else { (name, value, json) }
            },
        )
        .collect()
}

fn base_row() -> Vec<Value> {
    vec![
        Value::Uuid(ID),
        Value::Text("ada@example.com".into()),
        Value::Text("$argon2id$…".into()),
        Value::Bool(true),
        Value::Bool(false),
        Value::Bool(true),
    ]
}

/// A row of values in the table's order, which checks that each is asked for with its column's type.
struct Row {
    schema: Schema,
    values: Vec<Value>,
}

impl RowReader for Row {
    fn value(&mut self, index: usize, column_type: ColumnType) -> Result<Value, DecodeError> {
        assert_eq!(column_type, self.schema.columns()[index].column_type);
        Ok(self.values[index].clone())
    }
}

fn read_row<U: UserModel>(values: Vec<Value>) -> Result<U, DecodeError> {
    let mut row = Row { schema: U::schema(), values };
    U::from_row(&U::schema(), &mut row)
}

fn record_for_create(own: &[(&'static str, Value, Json)]) -> Record {
    let mut record = Record::new()
        .with("email", Value::Text("ada@example.com".into()))
        .with("password", Value::Text("correct horse".into()))
        .with("is_active", Value::Bool(false))
        .with("is_superuser", Value::Bool(true))
        .with("is_verified", Value::Bool(true));
    for (name, value, _) in own {
        record.set(*name, value.clone());
    }
    record
}

#[test]
fn the_schema_has_the_base_columns_first_and_then_the_own_ones_as_declared() {
    let schema = Person::schema();
    let names: Vec<_> = schema.columns().iter().map(|column| column.name.as_ref()).collect();
    let own: Vec<_> = own_values().iter().map(|(name, ..)| *name).collect();
    assert_eq!(names, [BASE_COLUMNS.as_slice(), own.as_slice()].concat());
    assert_eq!((schema.name(), schema.table(), schema.id_type()), ("Person", "people", ColumnType::Uuid));
    for column in schema.own_columns() {
        assert_eq!(column.nullable, column.name.ends_with("_or_none"), "{column:?}");
        assert_eq!(column.is_required(), !column.nullable, "{column:?}");
    }
}

#[test]
fn own_fields_of_every_type_go_from_a_record_to_the_struct_and_back_unchanged() {
    for own in [own_values(), own_values_or_null()] {
        let record = record_for_create(&own);
        let create = PersonCreate::from_record(record.clone()).unwrap();
        assert_eq!(create.into_record(), record);
        let update = PersonUpdate::from_record(record.clone()).unwrap().into_record();
        assert_eq!(update.len(), record.len());
        assert!(record.iter().all(|(name, value)| update.get(name) == Some(value)));
    }
}

#[test]
fn a_row_is_read_by_position_and_shown_as_json_in_the_order_of_the_fields() {
    for own in [own_values(), own_values_or_null()] {
        let row = base_row().into_iter().chain(own.iter().map(|(_, value, _)| value.clone())).collect();
        let person: Person = read_row(row).unwrap();
        assert_eq!(person.hashed_password(), "$argon2id$…");
        assert_eq!((person.id(), person.email()), (&ID, "ada@example.com"));
        assert_eq!((person.is_active(), person.is_superuser(), person.is_verified()), (true, false, true));

        let mut expected = json!({
            "id": ID, "email": "ada@example.com", "is_active": true, "is_superuser": false, "is_verified": true
        });
        for (name, _, json) in own {
            expected[name] = json;
        }
        let shown = serde_json::to_string(&person.into_read(&Person::schema())).unwrap();
        assert_eq!(shown, expected.to_string());
    }
}

#[test]
fn a_stored_value_that_does_not_fit_is_an_error_that_names_the_column_and_hides_the_value() {
    let cases = [
        (
            "small",
            Value::Integer(256),
            "column `small` should hold an integer that fits `u8`, found a larger one",
        ),
        ("text", Value::Null, "column `text` should hold text, found null"),
        ("type", Value::Bool(true), "column `type` should hold text, found a boolean"),
        (
            "stage",
            Value::Text("s3cret".into()),
            "column `stage` should hold one of `draft`, `in_review` and `live`, found another text",
        ),
        ("email", Value::Null, "column `email` should hold text, found null"),
    ];
    for (name, value, sentence) in cases {
        let mut row: Vec<_> =
            base_row().into_iter().chain(own_values().into_iter().map(|own| own.1)).collect();
        let index = Person::schema().columns().iter().position(|column| column.name == name).unwrap();
        row[index] = value.clone();
        assert_eq!(read_row::<Person>(row).unwrap_err().to_string(), sentence);

        let record = record_for_create(&own_values()).with(name, value);
        assert_eq!(PersonCreate::from_record(record).unwrap_err().to_string(), sentence);
    }
}

#[test]
fn an_enum_is_stored_as_one_of_its_texts() {
    assert_eq!(Stage::CHOICES, ["draft", "in_review", "live"]);
    assert_eq!(Stage::TYPE, ColumnType::Text);
    for (stage, text) in [(Stage::Draft, "draft"), (Stage::InReview, "in_review"), (Stage::Published, "live")]
    {
        assert_eq!(stage.into_value(), Value::Text(text.into()));
        assert_eq!(Stage::from_value(Value::Text(text.into())), Ok(stage));
    }
    let column = Person::schema().column("stage_or_none").cloned().unwrap();
    assert_eq!(column.choices, ["draft", "in_review", "live"]);
}

fn at_least_two_letters(name: &str) -> Result<(), &'static str> {
    if name.chars().count() < 2 { Err("a name has two letters") } else { Ok(()) }
}

fn of_age(age: &u8) -> Result<(), String> {
    if *age < 18 { Err(format!("{age} is not of age")) } else { Ok(()) }
}

mod models {
    use super::{ID, Stage, at_least_two_letters, of_age};
    use axum_users::{Date, UserModel};

    /// Own fields with every attribute; its three structs are `Account…`.
    #[derive(Clone, UserModel)]
    #[user(name = "Account")]
    pub(crate) struct Model {
        pub(crate) id: i64,
        pub(crate) email: String,
        pub(crate) hashed_password: String,
        pub(crate) is_active: bool,
        pub(crate) is_superuser: bool,
        pub(crate) is_verified: bool,
        #[user(validate = at_least_two_letters)]
        pub(crate) first_name: String,
        pub(crate) points: u32,
        #[user(validate = of_age)]
        pub(crate) age: Option<u8>,
        #[user(default = "free")]
        pub(crate) plan: String,
        #[user(default = Stage::Published)]
        pub(crate) stage: Stage,
        #[user(default = 7)]
        pub(crate) level: Option<i64>,
        #[user(default = Some(time::macros::date!(2026 - 01 - 01)))]
        pub(crate) since: Option<Date>,
        #[user(readonly, default = ID)]
        pub(crate) tenant: uuid::Uuid,
        #[user(readonly)]
        pub(crate) badge: Option<String>,
        #[user(private)]
        pub(crate) recovery: Option<String>,
        #[user(readonly)]
        #[user(private)]
        pub(crate) notes: Option<String>,
    }

    pub(crate) mod entity {
        use axum_users::UserModel;
        use uuid::Uuid;

        /// As an entity of SeaORM is called: its three structs are `User…`.
        #[derive(Clone, UserModel)]
        pub(crate) struct Model {
            pub(crate) id: Uuid,
            pub(crate) email: String,
            pub(crate) hashed_password: String,
            pub(crate) is_active: bool,
            pub(crate) is_superuser: bool,
            pub(crate) is_verified: bool,
        }
    }
}

use models::{AccountCreate, AccountRead, AccountUpdate};

#[test]
fn the_three_structs_are_named_by_the_attribute_and_after_user_for_a_model() {
    assert_eq!(models::Model::schema().name(), "Account");
    assert_eq!(models::entity::Model::schema().name(), "User");
    let create = models::entity::UserCreate::new("ada@example.com", "correct horse");
    let _: (<models::entity::Model as UserModel>::Create, models::entity::UserUpdate) =
        (create, models::entity::UserUpdate::default());
    assert_eq!(models::entity::Model::schema().table(), "user");
}

#[test]
fn creating_takes_the_required_fields_and_gives_the_others_their_defaults() {
    let new =
        AccountCreate::new("ada@example.com", SecretString::from("correct horse"), "Ada", 3).into_record();
    let expected = [
        ("email", Value::Text("ada@example.com".into())),
        ("password", Value::Text("correct horse".into())),
        ("is_active", Value::Bool(true)),
        ("is_superuser", Value::Bool(false)),
        ("is_verified", Value::Bool(false)),
        ("first_name", Value::Text("Ada".into())),
        ("points", Value::Integer(3)),
        ("age", Value::Null),
        ("plan", Value::Text("free".into())),
        ("stage", Value::Text("live".into())),
        ("level", Value::Integer(7)),
        ("since", Value::Date(date!(2026 - 01 - 01))),
        ("tenant", Value::Uuid(ID)),
        ("badge", Value::Null),
        ("recovery", Value::Null),
        ("notes", Value::Null),
    ];
    assert_eq!(new, expected.map(|(name, value)| (name.into(), value)).into_iter().collect());

    let sent = Record::new()
        .with("email", Value::Text("ada@example.com".into()))
        .with("password", Value::Text("correct horse".into()))
        .with("first_name", Value::Text("Ada".into()))
        .with("points", Value::Integer(3));
    assert_eq!(AccountCreate::from_record(sent.clone()).unwrap().into_record(), new);

    // What is sent holds, NULL where a default stands included.
    let sent = sent.with("plan", Value::Text("paid".into())).with("level", Value::Null);
    let create = AccountCreate::from_record(sent).unwrap();
    assert_eq!((create.plan.as_str(), create.level), ("paid", None));
}

#[test]
fn a_record_without_a_required_field_is_refused() {
    let record = Record::new()
        .with("email", Value::Text("ada@example.com".into()))
        .with("password", Value::Text("correct horse".into()))
        .with("points", Value::Integer(3));
    let error = AccountCreate::from_record(record).unwrap_err();
    assert_eq!(error.to_string(), "column `first_name` should hold text, found null");
}

#[test]
fn the_schema_knows_what_the_attributes_say() {
    let schema = models::Model::schema();
    assert_eq!((schema.table(), schema.id_type()), ("user", ColumnType::Integer));
    let named = |filter: fn(&Column) -> bool| -> Vec<_> {
        schema
            .own_columns()
            .iter()
            .filter(|column| filter(column))
            .map(|column| column.name.to_string())
            .collect()
    };
    assert_eq!(named(|column| column.readonly), ["tenant", "badge", "notes"]);
    assert_eq!(named(|column| column.private), ["recovery", "notes"]);
    assert_eq!(named(Column::is_required), ["first_name", "points"]);
    assert_eq!(named(|column| column.validate.is_some()), ["first_name", "age"]);
    assert_eq!(schema.column("points").map(|column| column.range), Some((0, i64::from(u32::MAX))));
    let defaults = [
        ("plan", Value::Text("free".into())),
        ("stage", Value::Text("live".into())),
        ("level", Value::Integer(7)),
        ("since", Value::Date(date!(2026 - 01 - 01))),
        ("tenant", Value::Uuid(ID)),
    ];
    for (name, value) in defaults {
        assert_eq!(schema.column(name).and_then(|column| column.default.clone()), Some(value), "{name}");
    }
}

#[test]
fn a_rule_of_the_application_is_reached_through_the_schema() {
    let schema = models::Model::schema();
    let cases = [
        ("first_name", Value::Text("Al".into()), Ok(())),
        ("first_name", Value::Text("A".into()), Err("a name has two letters".to_owned())),
        ("age", Value::Integer(18), Ok(())),
        ("age", Value::Integer(17), Err("17 is not of age".to_owned())),
        ("age", Value::Null, Ok(())),
    ];
    for (name, value, outcome) in cases {
        let rule = schema.column(name).and_then(|column| column.validate.clone()).unwrap();
        assert_eq!(rule(&value), outcome, "{name}: {value:?}");
    }
}

#[test]
fn an_update_names_only_what_changes_and_can_set_null() {
    assert!(AccountUpdate::default().into_record().is_empty());

    let update = AccountUpdate {
        password: Some("new password".into()),
        is_active: Some(false),
        age: Some(None),
        level: Some(Some(8)),
        notes: Some(Some("readonly fields are the program's to set".into())),
        ..AccountUpdate::default()
    };
    let record = update.into_record();
    let names: Vec<_> = record.iter().map(|(name, _)| name.as_ref()).collect();
    assert_eq!(names, ["password", "is_active", "age", "level", "notes"]);
    assert_eq!(record.get("age"), Some(&Value::Null));

    let update = AccountUpdate::from_record(record).unwrap();
    assert_eq!(
        (update.age, update.level, update.points, update.email),
        (Some(None), Some(Some(8)), None, None)
    );
}

#[test]
fn private_fields_and_passwords_are_neither_shown_nor_printed() {
    let mut create = AccountCreate::new("ada@example.com", "correct horse", "Ada", 3);
    create.recovery = Some("recovery-code".into());
    let update = AccountUpdate::from_record(create.clone().into_record()).unwrap();
    for text in [
        format!("{create:?}"),
        format!("{update:?}"),
        format!("{:?}", create.clone().into_record().get("email")),
    ] {
        assert!(text.contains("ada@example.com"), "{text}");
        assert!(!text.contains("correct horse") && !text.contains("recovery-code"), "{text}");
    }

    let mut record = create.into_record().with("id", Value::Integer(1));
    record.set("hashed_password", Value::Text("$argon2id$…".into()));
    let schema = models::Model::schema();
    let model = models::Model::from_row(&schema, &mut record.reader(&schema)).unwrap();
    assert_eq!(model.recovery.as_deref(), Some("recovery-code"));
    assert_eq!(model.notes, None);
    let shown = json!(AccountRead::from(model));
    assert_eq!(
        shown,
        json!({
            "id": 1, "email": "ada@example.com", "is_active": true, "is_superuser": false, "is_verified": false,
            "first_name": "Ada", "points": 3, "age": null, "plan": "free", "stage": "live", "level": 7,
            "since": "2026-01-01", "tenant": ID, "badge": null
        })
    );
}
