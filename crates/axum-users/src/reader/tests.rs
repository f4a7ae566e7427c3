//! The answers in these tables are those of FastAPI 0.165 with Pydantic 2.14.

mod columns;

use secrecy::ExposeSecret;

use super::*;
use crate::schema::ColumnType;

/// A model with one own column, `x`.
fn with(column: Column) -> Schema {
    Schema::new(ColumnType::Uuid).with(column)
}

fn body(text: &str) -> JsonBody {
    JsonBody::Json(serde_json::from_str(text).unwrap())
}

/// The record as JSON, or the answer's `detail`.
fn create(schema: &Schema, text: &str) -> Result<Json, Json> {
    shown(read_create(schema, body(text)))
}

fn update(schema: &Schema, text: &str) -> Result<Json, Json> {
    shown(read_update(schema, body(text)))
}

fn shown(result: Result<Record, Vec<FieldError>>) -> Result<Json, Json> {
    let to_json = |record: Record| {
        record.iter().map(|(name, value)| (name.to_string(), json!(value))).collect::<Map<_, _>>().into()
    };
    result.map(to_json).map_err(|errors| json!(errors))
}

fn missing(field: &str, input: &Json) -> Json {
    json!({"type": "missing", "loc": ["body", field], "msg": "Field required", "input": input})
}

fn no_text(field: &str, input: &Json) -> Json {
    json!({"type": "string_type", "loc": ["body", field], "msg": "Input should be a valid string", "input": input})
}

#[test]
fn a_registration_is_read_in_the_order_of_the_schema() {
    let schema = with(Column::new("first_name", ColumnType::Text))
        .with(Column::new("age", ColumnType::Integer).nullable())
        .with(Column::new("color", ColumnType::Text).default_value(Value::Text("red".to_owned())))
        .with(Column::new("plan", ColumnType::Text).nullable().readonly());
    let text = r#"{"age": "7", "plan": "gold", "first_name": "Ada", "is_active": "no", "is_superuser": null,
        "password": "p", "email": " Ada@EXAMPLE.com ", "id": 1, "hashed_password": "x"}"#;
    let expected =
        r#"{"email":"Ada@example.com","password":"p","is_active":false,"first_name":"Ada","age":7}"#;
    assert_eq!(create(&schema, text).unwrap().to_string(), expected);
}

#[test]
fn every_bad_field_of_a_registration_is_in_one_answer() {
    let schema =
        with(Column::new("first_name", ColumnType::Text)).with(Column::new("age", ColumnType::Integer));
    let text = r#"{"age":"x","is_verified":2,"is_active":[],"email":"ada"}"#;
    let whole: Json = serde_json::from_str(text).unwrap();
    let expected = json!([
        {
            "type": "value_error", "loc": ["body", "email"], "input": "ada",
            "msg": "value is not a valid email address: An email address must have an @-sign.",
            "ctx": {"reason": "An email address must have an @-sign."},
        },
        missing("password", &whole),
        {"type": "bool_type", "loc": ["body", "is_active"], "msg": "Input should be a valid boolean", "input": []},
        {
            "type": "bool_parsing", "loc": ["body", "is_verified"], "input": 2,
            "msg": "Input should be a valid boolean, unable to interpret input",
        },
        missing("first_name", &whole),
        {
            "type": "int_parsing", "loc": ["body", "age"], "input": "x",
            "msg": "Input should be a valid integer, unable to parse string as an integer",
        },
    ]);
    assert_eq!(create(&schema, text), Err(expected));
}

#[test]
fn a_body_that_is_no_object_is_refused_as_a_whole() {
    let schema = Schema::new(ColumnType::Uuid);
    let msg = "Input should be a valid dictionary or object to extract fields from";
    let refused =
        |input| json!([{"type": "model_attributes_type", "loc": ["body"], "msg": msg, "input": input}]);
    for input in [json!(null), json!([1]), json!("a"), json!(1)] {
        for result in
            [read_create, read_update].map(|read| shown(read(&schema, JsonBody::Json(input.clone()))))
        {
            assert_eq!(result, Err(refused(input.clone())));
        }
    }
    assert_eq!(shown(read_create(&schema, JsonBody::Text("{}".to_owned()))), Err(refused(json!("{}"))));
    let expected = json!([{"type": "missing", "loc": ["body"], "msg": "Field required", "input": null}]);
    assert_eq!(shown(read_update(&schema, JsonBody::Empty)), Err(expected));
}

#[test]
fn an_update_takes_what_is_there() {
    let schema = with(Column::new("first_name", ColumnType::Text))
        .with(Column::new("age", ColumnType::Integer).nullable())
        .with(Column::new("plan", ColumnType::Text).readonly());
    let cases = [
        ("{}", "{}"),
        (r#"{"email":null,"password":null,"is_active":null,"is_superuser":null,"is_verified":null}"#, "{}"),
        (r#"{"age":null,"plan":"gold"}"#, r#"{"age":null}"#),
        (
            r#"{"first_name":"B","is_active":0,"email":"b@x.com","password":"p"}"#,
            r#"{"password":"p","email":"b@x.com","is_active":false,"first_name":"B"}"#,
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(update(&schema, text).unwrap().to_string(), expected, "{text}");
    }
    let expected = json!([
        no_text("password", &json!(1)),
        no_text("email", &json!({})),
        no_text("first_name", &json!(null))
    ]);
    assert_eq!(update(&schema, r#"{"first_name":null,"email":{},"password":1}"#), Err(expected));
}

#[test]
fn of_equal_keys_the_one_that_is_checked_is_the_one_that_is_kept() {
    let schema = Schema::new(ColumnType::Uuid);
    let record = update(&schema, r#"{"email":"bad","email":"a@x.com"}"#);
    assert_eq!(record, Ok(json!({"email": "a@x.com"})));
    assert!(update(&schema, r#"{"email":"a@x.com","email":"bad"}"#).is_err());
}

#[test]
fn text_fields_take_nothing_but_text() {
    let schema = with(Column::new("first_name", ColumnType::Text));
    for input in [
        json!({"$ne": null}),
        json!({"$gt": ""}),
        json!(["a"]),
        json!(true),
        json!(1),
        json!(1.5),
        json!(null),
    ] {
        let text = json!({"email": input, "password": input, "first_name": input, "token": input});
        let expected = json!(["email", "password", "first_name"].map(|field| no_text(field, &input)));
        assert_eq!(create(&schema, &text.to_string()), Err(expected));
        let result = read_token_and_password(JsonBody::Json(text.clone()));
        let expected = json!(["token", "password"].map(|field| no_text(field, &input)));
        assert_eq!(json!(result.unwrap_err()), expected);
        let errors = read_email(JsonBody::Json(text)).unwrap_err();
        assert_eq!(json!(errors), json!([no_text("email", &input)]));
    }
}

#[test]
fn small_bodies_are_read() {
    let (token, password) = read_token_and_password(body(r#"{"token":"t","password":"","x":1}"#)).unwrap();
    assert_eq!((&*token, password.expose_secret()), ("t", ""));
    assert_eq!(read_token(body(r#"{"token":"a","token":"b"}"#)).unwrap(), "b");
    assert_eq!(read_email(body(r#"{"email":"A@X.com"}"#)).unwrap(), "A@x.com");
}

#[test]
fn small_bodies_miss_their_fields_without_showing_the_body() {
    let expected = json!([missing("token", &Json::Null), missing("password", &Json::Null)]);
    let bodies = [
        JsonBody::Empty,
        JsonBody::Text(r#"{"token":"t"}"#.to_owned()),
        body("null"),
        body("[]"),
        body(r#"{"x":1}"#),
    ];
    for body in bodies {
        let result = read_token_and_password(body);
        assert_eq!(json!(result.unwrap_err()), expected);
    }
    let errors = read_token_and_password(body(r#"{"token":1}"#)).unwrap_err();
    assert_eq!(json!(errors), json!([no_text("token", &json!(1)), missing("password", &Json::Null)]));
}
