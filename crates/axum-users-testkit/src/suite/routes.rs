//! The application's own fields from end to end: from the JSON of a request through the routes into the database,
//! and back into the JSON of an answer.

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{Method, Request, header},
};
use axum_users::{
    Argon2Parameters, Bearer, Jwt, Users,
    schema::{Column, ColumnType, Record, Schema, Value},
};
use serde_json::{Map, Value as Json, json};
use tower::ServiceExt;

use super::own_fields::extremes;
use crate::{
    Fixture,
    bench::{Bench, sample, skip},
};

const PASSWORD: &str = "a horse in the rain";

/// An application on an adapter of its own to the fixture's database.
struct App<'b, F: Fixture> {
    bench: &'b Bench<'b, F>,
    users: Users<F::User>,
    router: Router,
    /// What requests may set and answers show.
    fields: Vec<Column>,
}

impl<'b, F: Fixture> App<'b, F> {
    /// `None` where the model has no field to look at.
    async fn start(bench: &'b Bench<'_, F>) -> Option<Self> {
        let schema = without_rules(bench.schema());
        let fields: Vec<_> = schema.settable_columns().filter(|column| !column.private).cloned().collect();
        if fields.is_empty() {
            skip("the model has no own fields that requests set");
            return None;
        }
        let database = bench.fixture.connect().await;
        let users = Users::<F::User>::builder(database, "a-secret-for-tests-of-more-than-32-bytes")
            .schema(schema)
            .argon2(Argon2Parameters::least())
            .hashing_threads(1)
            .backend("jwt", Bearer::default(), Jwt::lasting_seconds(3600))
            .build()
            .unwrap();
        users.migrate().await.unwrap();
        let router = Router::new().merge(users.router()).with_state(users.clone());
        Some(Self { bench, users, router, fields })
    }

    async fn send(&self, method: Method, path: &str, token: &str, body: &Json) -> (u16, Json) {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::AUTHORIZATION, format!("Bearer {token}"))
            .header(header::CONTENT_TYPE, "application/json");
        self.answer(request.body(Body::from(body.to_string())).unwrap()).await
    }

    async fn answer(&self, request: Request<Body>) -> (u16, Json) {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (status, serde_json::from_slice(&body).unwrap_or_default())
    }

    async fn register(&self, email: &str, own: Map<String, Json>) -> (u16, Json) {
        let mut body = json!({ "email": email, "password": PASSWORD });
        body.as_object_mut().unwrap().extend(own);
        self.send(Method::POST, "/auth/register", "", &body).await
    }

    /// Registers with what a registration has to have, and logs in.
    async fn registered(&self, email: &str) -> String {
        let (status, answer) = self.register(email, self.required()).await;
        assert_eq!(status, 201, "{answer}");
        self.log_in(email).await
    }

    async fn log_in(&self, email: &str) -> String {
        let form = format!("username={email}&password={}", PASSWORD.replace(' ', "+"));
        let request = Request::post("/auth/jwt/login")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(form))
            .unwrap();
        let (status, answer) = self.answer(request).await;
        assert_eq!(status, 200, "{answer}");
        answer["access_token"].as_str().unwrap().to_owned()
    }

    async fn me(&self, token: &str) -> Json {
        let (status, user) = self.send(Method::GET, "/users/me", token, &Json::Null).await;
        assert_eq!(status, 200, "{user}");
        user
    }

    /// Changes a user, who is shown with the change now and afterwards.
    async fn patch(&self, token: &str, body: Json) -> Json {
        let (status, user) = self.send(Method::PATCH, "/users/me", token, &body).await;
        assert_eq!(status, 200, "{body}: {user}");
        assert_eq!(self.me(token).await, user);
        user
    }

    /// A value for every field that has no default.
    fn required(&self) -> Map<String, Json> {
        let required = self.users.schema().settable_columns().filter(|column| column.is_required());
        required.map(|column| (column.name.to_string(), as_json(&sample(column)))).collect()
    }

    /// The values of a turn: every field at one of its limits.
    fn turn(&self, turn: usize) -> Record {
        let value = |column: &Column| {
            let values = extremes(self.bench, column);
            (column.name.clone(), values[turn % values.len()].clone())
        };
        self.fields.iter().map(value).collect()
    }

    fn turns(&self) -> usize {
        self.fields.iter().map(|column| extremes(self.bench, column).len()).max().unwrap_or(0)
    }
}

/// The schema without the application's rules, which may refuse what the suite sends.
fn without_rules(schema: &Schema) -> Schema {
    let bare =
        Schema::new(schema.id_type()).named(schema.name().to_owned()).in_table(schema.table().to_owned());
    schema.own_columns().iter().fold(bare, |bare, column| {
        let mut column = column.clone();
        column.validate = None;
        bare.with(column)
    })
}

fn as_json(value: &Value) -> Json {
    serde_json::to_value(value).unwrap()
}

fn as_object(record: &Record) -> Map<String, Json> {
    record.iter().map(|(name, value)| (name.to_string(), as_json(value))).collect()
}

#[track_caller]
fn assert_shows(user: &Json, record: &Record) {
    for (name, value) in record.iter() {
        assert_eq!(user[name.as_ref()], as_json(value), "{name}");
    }
}

/// What a registration or a change says is stored and shown, at every field's limits.
pub(crate) async fn own_fields_are_taken_stored_and_shown<F: Fixture>(bench: &Bench<'_, F>) {
    let Some(app) = App::start(bench).await else { return };
    let changed = app.registered("changed@example.org").await;
    for turn in 0..app.turns() {
        let (values, email) = (app.turn(turn), format!("{turn}@example.org"));
        let mut own = app.required();
        own.extend(as_object(&values));
        let (status, shown) = app.register(&email, own).await;
        assert_eq!(status, 201, "{shown}");
        assert_shows(&shown, &values);
        let stored = app.users.get_by_email(&email).await.unwrap().unwrap();
        bench.assert_has(&stored, &values);
        assert_eq!(app.me(&app.log_in(&email).await).await, shown);

        let shown = app.patch(&changed, Json::Object(as_object(&values))).await;
        assert_shows(&shown, &values);
        let stored = app.users.get_by_email("changed@example.org").await.unwrap().unwrap();
        bench.assert_has(&stored, &values);
    }
}

/// A change that names a field changes that one; null empties it, where it may be empty, and is refused elsewhere.
pub(crate) async fn a_patch_tells_null_from_absent<F: Fixture>(bench: &Bench<'_, F>) {
    let Some(app) = App::start(bench).await else { return };
    let token = app.registered("ada@example.org").await;
    for column in &app.fields {
        let name = column.name.as_ref();
        let mut expected = app.me(&token).await;
        let value = as_json(extremes(bench, column).last().unwrap());
        expected[name] = value.clone();
        assert_eq!(app.patch(&token, json!({ name: value })).await, expected, "{name} and nothing else");
        assert_eq!(app.patch(&token, json!({})).await, expected, "{name} is absent");
        let body = json!({ name: null });
        if column.nullable {
            expected[name] = Json::Null;
            assert_eq!(app.patch(&token, body).await, expected, "{name} is null");
            let stored = app.users.get_by_email("ada@example.org").await.unwrap().unwrap();
            bench.assert_has(&stored, &Record::new().with(column.name.clone(), Value::Null));
        } else if column.column_type != ColumnType::Json {
            let (status, answer) = app.send(Method::PATCH, "/users/me", &token, &body).await;
            assert_eq!((status, places(&answer)), (422, vec![name.to_owned()]));
            assert_eq!(app.me(&token).await, expected, "{name} may not be null");
        }
    }
}

/// Every field that is missing or bad is named in the one answer, and nothing is stored.
pub(crate) async fn missing_and_bad_own_fields_are_all_named<F: Fixture>(bench: &Bench<'_, F>) {
    let Some(app) = App::start(bench).await else { return };
    let names =
        |columns: Vec<&Column>| columns.iter().map(|column| column.name.to_string()).collect::<Vec<_>>();
    let schema = app.users.schema();
    let required = names(schema.settable_columns().filter(|column| column.is_required()).collect());
    if !required.is_empty() {
        let (status, answer) = app.register("ada@example.org", Map::new()).await;
        assert_eq!((status, places(&answer)), (422, required));
    }
    let bad: Map<String, Json> =
        app.fields.iter().map(|column| (column.name.to_string(), nothing_of_this_type(column))).collect();
    let mut own = app.required();
    own.extend(bad.clone());
    let (status, answer) = app.register("ada@example.org", own).await;
    let all = names(app.fields.iter().collect());
    assert_eq!((status, places(&answer)), (422, all.clone()));
    assert!(app.users.get_by_email("ada@example.org").await.unwrap().is_none());

    let token = app.registered("ada@example.org").await;
    let before = app.me(&token).await;
    for column in app.fields.iter().filter(|column| !app.required().contains_key(column.name.as_ref())) {
        let default = column.default.as_ref().map_or(Json::Null, as_json);
        assert_eq!(before[column.name.as_ref()], default, "{} has its default", column.name);
    }
    let (status, answer) = app.send(Method::PATCH, "/users/me", &token, &Json::Object(bad)).await;
    assert_eq!((status, places(&answer)), (422, all));
    assert_eq!(app.me(&token).await, before);
}

/// The names in the places of a 422.
fn places(answer: &Json) -> Vec<String> {
    let entries = answer["detail"].as_array().cloned().unwrap_or_default();
    entries.iter().map(|entry| entry["loc"][1].as_str().unwrap_or("?").to_owned()).collect()
}

/// JSON that no reading, however lenient, makes a value of the column.
fn nothing_of_this_type(column: &Column) -> Json {
    match column.column_type {
        ColumnType::Text => json!(["no", "text"]),
        ColumnType::Json => json!({ "a": ["no \0 is kept"] }),
        _ => json!("nothing of this type"),
    }
}

/// The document tells clients of every field, what it holds, and whether it is required.
pub(crate) async fn the_openapi_document_has_the_own_fields<F: Fixture>(bench: &Bench<'_, F>) {
    let Some(app) = App::start(bench).await else { return };
    let (document, name) = (app.users.openapi(), app.users.schema().name());
    let schema = |kind: &str| &document["components"]["schemas"][format!("{name}{kind}")];
    for column in &app.fields {
        let field = column.name.as_ref();
        for (kind, may_be_null) in [("Read", column.nullable), ("Create", column.nullable), ("Update", true)]
        {
            let shown = &schema(kind)["properties"][field];
            assert!(shown.is_object(), "{name}{kind} has no {field}");
            let expected = described(column);
            let held = if may_be_null { &shown["anyOf"][0] } else { shown };
            for (key, value) in expected.as_object().unwrap() {
                assert_eq!(&held[key], value, "{name}{kind}.{field}: {shown}");
            }
            assert_eq!(may_be_null, shown["anyOf"][1] == json!({ "type": "null" }), "{name}{kind}.{field}");
            let required = schema(kind)["required"].as_array().cloned().unwrap_or_default();
            let is_required = kind != "Update" && column.is_required();
            assert_eq!(required.contains(&json!(field)), is_required, "{name}{kind}.{field}");
        }
    }
}

/// What JSON Schema says of a column's values.
fn described(column: &Column) -> Json {
    match column.column_type {
        ColumnType::Bool => json!({ "type": "boolean" }),
        ColumnType::Integer => json!({ "type": "integer" }),
        ColumnType::Float => json!({ "type": "number" }),
        ColumnType::Text if !column.choices.is_empty() => json!({ "type": "string", "enum": column.choices }),
        ColumnType::Text => json!({ "type": "string" }),
        ColumnType::Uuid => json!({ "type": "string", "format": "uuid" }),
        ColumnType::Date => json!({ "type": "string", "format": "date" }),
        ColumnType::Timestamp => json!({ "type": "string", "format": "date-time" }),
        ColumnType::Json => json!({}),
        ColumnType::ObjectId => json!({ "type": "string", "pattern": "^[0-9a-f]{24}$" }),
        other => panic!("the suite does not know a column that holds {other}"),
    }
}
