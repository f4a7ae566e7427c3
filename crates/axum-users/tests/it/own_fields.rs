//! A model with fields of its own, from the body of a request to the answer and the document.

use axum_users::{
    Bearer, ColumnValue, DatabaseTokens, Date, Flags, Jwt, RequestInfo, Timestamp, UserModel, schema,
};
use serde_json::{Value as Json, json};
use time::macros::{date, datetime};

use crate::support::{Answer, App, PASSWORD};

#[derive(Clone, Copy, Debug, PartialEq, ColumnValue)]
enum Plan {
    Free,
    Paid,
}

fn two_letters(name: &str) -> Result<(), &'static str> {
    if name.chars().count() < 2 { Err("a name has two letters") } else { Ok(()) }
}

#[derive(Clone, Debug, UserModel)]
#[user(name = "Member")]
struct Member {
    id: i64,
    email: String,
    hashed_password: String,
    is_active: bool,
    is_superuser: bool,
    is_verified: bool,
    #[user(validate = two_letters)]
    first_name: String,
    age: Option<u8>,
    birthdate: Option<Date>,
    seen: Option<Timestamp>,
    height: Option<f64>,
    #[user(default = Plan::Free)]
    plan: Plan,
    #[user(default = true)]
    newsletter: bool,
    extra: Option<Json>,
    #[user(readonly)]
    badge: Option<String>,
    #[user(private)]
    recovery: Option<String>,
    #[user(readonly, private)]
    notes: Option<String>,
}

fn members() -> App<Member> {
    App::bare(|builder| {
        builder.backend("jwt", Bearer::default(), Jwt::lasting_seconds(3600)).backend(
            "opaque",
            Bearer::default(),
            DatabaseTokens::lasting_seconds(3600),
        )
    })
}

async fn register(app: &App<Member>, fields: Json) -> Answer {
    let mut body = json!({ "email": "ada@example.com", "password": PASSWORD });
    body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    app.post("/auth/register").json(body).await
}

/// A registered user and a token.
async fn registered(fields: Json) -> (App<Member>, String) {
    let app = members();
    assert_eq!(register(&app, fields).await.status, 201);
    let token = app.token("ada@example.com").await;
    (app, token)
}

#[tokio::test]
async fn own_fields_are_taken_stored_and_shown_in_their_order() {
    let app = members();
    let answer = register(
        &app,
        json!({
            "extra": { "b": [1, null], "a": "ä" }, "plan": "paid", "newsletter": "no", "height": "1.75",
            "seen": "2026-11-23T12:00:00+02:00", "birthdate": "1815-12-10", "age": "36", "first_name": "Ada",
            "recovery": "secret code"
        }),
    )
    .await;
    let expected = concat!(
        r#"{"id":1,"email":"ada@example.com","is_active":true,"is_superuser":false,"is_verified":false,"#,
        r#""first_name":"Ada","age":36,"birthdate":"1815-12-10","seen":"2026-11-23T10:00:00Z","height":1.75,"#,
        r#""plan":"paid","newsletter":false,"extra":{"b":[1,null],"a":"ä"},"badge":null}"#
    );
    assert_eq!((answer.status.as_u16(), &*answer.body), (201, expected));

    let stored = app.users.get_by_email("ada@example.com").await.unwrap().unwrap();
    assert_eq!(
        (stored.plan, stored.birthdate, stored.recovery.as_deref()),
        (Plan::Paid, Some(date!(1815 - 12 - 10)), Some("secret code"))
    );
    assert_eq!(stored.seen, Some(datetime!(2026-11-23 10:00 UTC)));
    let token = app.token("ada@example.com").await;
    assert_eq!(app.get("/users/me").bearer(&token).await.body, expected);
}

#[tokio::test]
async fn absent_fields_get_their_default_or_null() {
    let (app, token) = registered(json!({ "first_name": "Ada" })).await;
    let shown = app.get("/users/me").bearer(&token).await.json();
    for (field, value) in [
        ("age", json!(null)),
        ("birthdate", json!(null)),
        ("plan", json!("free")),
        ("newsletter", json!(true)),
        ("extra", json!(null)),
    ] {
        assert_eq!(shown[field], value, "{field}");
    }
}

#[tokio::test]
async fn a_patch_tells_null_from_absent() {
    let (app, token) =
        registered(json!({ "first_name": "Ada", "age": 36, "plan": "paid", "extra": 1 })).await;
    let patch = async |body: Json| app.patch("/users/me").bearer(&token).json(body).await;

    let shown = patch(json!({ "birthdate": "1815-12-10" })).await.json();
    assert_eq!(
        (&shown["age"], &shown["birthdate"]),
        (&json!(36), &json!("1815-12-10")),
        "absent is unchanged"
    );
    let shown = patch(json!({ "age": null, "extra": null })).await.json();
    assert_eq!(
        (&shown["age"], &shown["extra"], &shown["plan"]),
        (&json!(null), &json!(null), &json!("paid"))
    );

    // Where the column has no room for null, it is a mistake.
    let answer = patch(json!({ "first_name": null, "plan": null, "newsletter": null })).await;
    let expected = ["string_type body.first_name", "enum body.plan", "bool_type body.newsletter"];
    assert_eq!(answer.bad_fields(), (422, expected.map(String::from).to_vec()));
    assert_eq!(app.get("/users/me").bearer(&token).await.json()["first_name"], "Ada");
}

#[tokio::test]
async fn in_01_in_02_readonly_fields_are_never_taken_and_private_ones_never_shown() {
    let fields =
        json!({ "first_name": "Ada", "badge": "gold", "notes": "x", "recovery": "secret code", "id": 99 });
    let (app, token) = registered(fields.clone()).await;
    let patched = app.patch("/users/me").bearer(&token).json(fields).await;
    assert_eq!(patched.status, 200);
    for private in ["recovery", "notes", "secret code"] {
        assert!(!patched.body.contains(private), "{}", patched.body);
    }
    let stored = app.users.get(&1).await.unwrap().unwrap();
    assert_eq!((stored.badge, stored.notes), (None, None));
    assert_eq!(stored.recovery.as_deref(), Some("secret code"));

    // They are the program's to set.
    let changes = MemberUpdate { badge: Some(Some("gold".into())), ..MemberUpdate::default() };
    let user = app.users.get(&1).await.unwrap().unwrap();
    app.users.update(&user, changes, Flags::Applied, &RequestInfo::default()).await.unwrap();
    assert_eq!(app.get("/users/me").bearer(&token).await.json()["badge"], "gold");
}

#[tokio::test]
async fn every_bad_field_is_named_base_fields_first() {
    let app = members();
    let body = json!({
        "extra": {}, "newsletter": "maybe", "plan": "gold", "height": "tall", "seen": "now",
        "birthdate": "1815-13-10", "age": 256, "first_name": "A", "email": "ada", "is_active": "x"
    });
    let answer = app.post("/auth/register").json(body.clone()).await;
    let expected = [
        "value_error body.email",
        "missing body.password",
        "bool_parsing body.is_active",
        "value_error body.first_name",
        "less_than_equal body.age",
        "date_from_datetime_parsing body.birthdate",
        "datetime_from_date_parsing body.seen",
        "float_parsing body.height",
        "enum body.plan",
        "bool_parsing body.newsletter",
    ];
    assert_eq!(answer.bad_fields(), (422, expected.map(String::from).to_vec()));
    assert_eq!(
        answer.json()["detail"][3],
        json!({
            "type": "value_error", "loc": ["body", "first_name"], "msg": "Value error, a name has two letters",
            "input": "A", "ctx": { "error": {} }
        })
    );
    assert_eq!(
        answer.json()["detail"][8],
        json!({
            "type": "enum", "loc": ["body", "plan"], "msg": "Input should be 'free' or 'paid'", "input": "gold",
            "ctx": { "expected": "'free' or 'paid'" }
        })
    );

    let missing = register(&app, json!({})).await;
    assert_eq!(missing.bad_fields(), (422, vec!["missing body.first_name".into()]));
    // What a program hands over is checked by its types alone.
    let (app, token) = registered(json!({ "first_name": "Ada" })).await;
    let answer = app.patch("/users/me").bearer(&token).json(json!({ "first_name": "A", "age": -1 })).await;
    let expected = ["value_error body.first_name", "greater_than_equal body.age"];
    assert_eq!(answer.bad_fields(), (422, expected.map(String::from).to_vec()));
}

#[tokio::test]
async fn whole_numbers_are_ids_in_paths_and_tokens() {
    let (app, token) = registered(json!({ "first_name": "Ada" })).await;
    assert_eq!(crate::support::claims(&token)["sub"], "1");
    let user = app.users.get(&1).await.unwrap().unwrap();
    let changes = MemberUpdate { is_superuser: Some(true), ..MemberUpdate::default() };
    app.users.update(&user, changes, Flags::Applied, &RequestInfo::default()).await.unwrap();
    for (id, status) in [
        ("1", 200),
        ("2", 404),
        ("0", 404),
        ("-1", 404),
        ("x", 404),
        ("1.0", 404),
        ("99999999999999999999", 404),
        (crate::support::NOBODY, 404),
    ] {
        assert_eq!(app.get(&format!("/users/{id}")).bearer(&token).await.status, status, "{id}");
    }
    let opaque = app.token_at("opaque", "ada@example.com").await;
    assert_eq!(app.status_of(&opaque).await, 200);
}

/// By number and not by text: 10 comes after 9.
#[tokio::test]
async fn users_with_numbers_are_listed_in_their_order() {
    let app = members();
    for index in 1..=11 {
        let body = json!({ "email": format!("user{index}@example.com"), "first_name": "Ada" });
        assert_eq!(register(&app, body).await.status, 201);
    }
    let ids = async |after: Option<&i64>, limit| {
        let users = app.users.list(after, limit).await.unwrap();
        users.into_iter().map(|user| user.id).collect::<Vec<_>>()
    };
    assert_eq!(ids(None, 100).await, (1..=11).collect::<Vec<_>>());
    assert_eq!(ids(Some(&8), 2).await, [9, 10]);
}

#[test]
fn the_document_shows_the_own_fields() {
    let document = members().users.openapi();
    let schemas = &document["components"]["schemas"];
    let names = |schema: &str| -> Vec<String> {
        schemas[schema]["properties"].as_object().unwrap().keys().cloned().collect()
    };
    let own = ["first_name", "age", "birthdate", "seen", "height", "plan", "newsletter", "extra"];
    let flags = ["is_active", "is_superuser", "is_verified"];
    assert_eq!(names("MemberRead"), [&["id", "email"], &flags[..], &own[..], &["badge"]].concat());
    assert_eq!(names("MemberCreate"), [&["email", "password"], &flags[..], &own[..], &["recovery"]].concat());
    assert_eq!(names("MemberUpdate"), [&["password", "email"], &flags[..], &own[..], &["recovery"]].concat());
    assert_eq!(schemas["MemberCreate"]["required"], json!(["email", "password", "first_name"]));
    assert_eq!(
        schemas["MemberCreate"]["properties"]["plan"],
        json!({ "type": "string", "enum": ["free", "paid"], "title": "Plan", "default": "free" })
    );
    assert!(!document.to_string().contains("notes") && !document.to_string().contains("hashed_password"));
}

/// As the server does, whose fields are known only when it has read its configuration.
#[tokio::test]
async fn a_schema_can_be_given_at_run_time() {
    use schema::{Column, ColumnType};

    let app = App::<Member>::bare(|builder| {
        let mut schema = schema::Schema::new(ColumnType::Integer).named("Guest");
        for column in Member::schema().own_columns() {
            let mut column = column.clone();
            column.validate = None;
            schema = schema.with(column);
        }
        builder.schema(schema).backend("jwt", Bearer::default(), Jwt::lasting_seconds(60))
    });
    assert_eq!(app.users.schema().name(), "Guest");
    assert!(app.users.openapi()["components"]["schemas"]["GuestRead"].is_object());
    assert_eq!(register(&app, json!({ "first_name": "A" })).await.status, 201, "the rule is gone");
    let _: &Column = app.users.schema().column("first_name").unwrap();
}
