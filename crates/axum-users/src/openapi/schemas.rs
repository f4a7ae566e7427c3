//! The component schemas, as Pydantic 2 writes them.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::title;
use crate::schema::{Column, ColumnType, Schema};

const REFERENCE: &str = "#/components/schemas/";

/// A reference to the component schema of this name.
pub(super) fn reference(name: &str) -> Value {
    json!({ "$ref": format!("{REFERENCE}{name}") })
}

/// Every schema that a router may refer to, by name.
pub(super) fn catalogue(schema: &Schema) -> BTreeMap<String, Value> {
    let model = schema.name();
    let named = [
        ("BearerResponse".to_owned(), bearer_response()),
        ("BearerRefreshResponse".to_owned(), bearer_refresh_response()),
        ("SessionRead".to_owned(), session_read()),
        #[cfg(feature = "oauth")]
        ("OAuth2AuthorizeResponse".to_owned(), authorization_url()),
        ("ErrorModel".to_owned(), error_model()),
        ("HTTPValidationError".to_owned(), http_validation_error()),
        ("ValidationError".to_owned(), validation_error()),
        (format!("{model}Create"), user_create(schema)),
        (format!("{model}Read"), user_read(schema)),
        (format!("{model}Update"), user_update(schema)),
    ];
    named
        .into_iter()
        .map(|(name, schema)| {
            let schema = with_title(schema, &name);
            (name, schema)
        })
        .collect()
}

/// The schemas that `paths` refer to, directly or through other schemas, in the order of their names.
pub(super) fn used(mut catalogue: BTreeMap<String, Value>, paths: &Value) -> Map<String, Value> {
    let mut used = BTreeMap::new();
    let mut waiting = Vec::new();
    collect_references(paths, &mut waiting);
    while let Some(name) = waiting.pop() {
        if let Some((name, schema)) = catalogue.remove_entry(&name) {
            collect_references(&schema, &mut waiting);
            used.insert(name, schema);
        }
    }
    used.into_iter().collect()
}

fn collect_references(value: &Value, names: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (key, value) in members {
                match value.as_str().and_then(|text| text.strip_prefix(REFERENCE)) {
                    Some(name) if key == "$ref" => names.push(name.to_owned()),
                    _ => collect_references(value, names),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect_references(item, names)),
        _ => {}
    }
}

/// A text field of this name.
pub(super) fn text(name: &str) -> Value {
    json!({ "type": "string", "title": title(name) })
}

/// A text that may be absent.
#[cfg(feature = "oauth")]
pub(super) fn optional_text(name: &str) -> Value {
    json!({ "anyOf": [{ "type": "string" }, { "type": "null" }], "title": title(name) })
}

/// The field `email`.
pub(super) fn email() -> Value {
    json!({ "type": "string", "format": "email", "title": "Email" })
}

/// The fields of the login form, OAuth 2.0's password grant (RFC 6749 section 4.3.2).
pub(super) fn login_form() -> Value {
    json!({
        "grant_type": {
            "anyOf": [{ "type": "string", "pattern": "^password$" }, { "type": "null" }],
            "title": "Grant Type",
        },
        "username": text("username"),
        "password": { "type": "string", "format": "password", "title": "Password" },
        "scope": { "type": "string", "title": "Scope", "default": "" },
        "client_id": { "anyOf": [{ "type": "string" }, { "type": "null" }], "title": "Client Id" },
        "client_secret": {
            "anyOf": [{ "type": "string" }, { "type": "null" }],
            "format": "password",
            "title": "Client Secret",
        },
    })
}

fn bearer_response() -> Value {
    json!({
        "properties": { "access_token": text("access_token"), "token_type": text("token_type") },
        "type": "object",
        "required": ["access_token", "token_type"],
    })
}

/// What a login answers where the backend has refresh tokens (RFC 6749 §5.1).
fn bearer_refresh_response() -> Value {
    let mut response = bearer_response();
    response["properties"]["expires_in"] = json!({ "type": "integer", "title": "Expires In" });
    response["properties"]["refresh_token"] = text("refresh_token");
    response["required"] = json!(["access_token", "token_type", "refresh_token"]);
    response
}

fn session_read() -> Value {
    let or_null =
        |schema: Value, name: &str| json!({ "anyOf": [schema, { "type": "null" }], "title": title(name) });
    let moment = || json!({ "type": "string", "format": "date-time" });
    let plain = || json!({ "type": "string" });
    json!({
        "properties": {
            "id": text("id"),
            "backend": or_null(plain(), "backend"),
            "created_at": { "type": "string", "format": "date-time", "title": "Created At" },
            "last_used_at": or_null(moment(), "last_used_at"),
            "expires_at": or_null(moment(), "expires_at"),
            "user_agent": or_null(plain(), "user_agent"),
            "address": or_null(plain(), "address"),
            "is_current": { "type": "boolean", "title": "Is Current" },
        },
        "type": "object",
        "required": [
            "id", "backend", "created_at", "last_used_at", "expires_at", "user_agent", "address", "is_current",
        ],
    })
}

#[cfg(feature = "oauth")]
fn authorization_url() -> Value {
    json!({
        "properties": { "authorization_url": text("authorization_url") },
        "type": "object",
        "required": ["authorization_url"],
        "title": "OAuth2AuthorizeResponse",
    })
}

/// The linked accounts, as the first field of the user JSON.
#[cfg(feature = "oauth")]
pub(super) fn show_oauth_accounts(document: &mut Value, model: &str) {
    let Some(schemas) = document.pointer_mut("/components/schemas").and_then(Value::as_object_mut) else {
        return;
    };
    let Some(read) = schemas.get_mut(&format!("{model}Read")) else { return };
    let accounts = json!({
        "items": reference("BaseOAuthAccount"),
        "type": "array",
        "title": "Oauth Accounts",
        "default": [],
    });
    let mut properties = serde_json::Map::from_iter([("oauth_accounts".to_owned(), accounts)]);
    if let Some(known) = read["properties"].as_object_mut() {
        properties.append(known);
    }
    read["properties"] = Value::Object(properties);
    let seconds = json!({ "anyOf": [{ "type": "integer" }, { "type": "null" }], "title": "Expires At" });
    schemas.insert(
        "BaseOAuthAccount".to_owned(),
        json!({
            "properties": {
                "id": text("id"),
                "oauth_name": text("oauth_name"),
                "access_token": text("access_token"),
                "expires_at": seconds,
                "refresh_token": optional_text("refresh_token"),
                "account_id": text("account_id"),
                "account_email": text("account_email"),
            },
            "type": "object",
            "required": ["id", "oauth_name", "access_token", "account_id", "account_email"],
            "title": "BaseOAuthAccount",
        }),
    );
}

fn error_model() -> Value {
    let detail = json!({
        "anyOf": [{ "type": "string" }, { "additionalProperties": { "type": "string" }, "type": "object" }],
        "title": "Detail",
    });
    json!({ "properties": { "detail": detail }, "type": "object", "required": ["detail"] })
}

fn http_validation_error() -> Value {
    let detail = json!({ "items": reference("ValidationError"), "type": "array", "title": "Detail" });
    json!({ "properties": { "detail": detail }, "type": "object" })
}

fn validation_error() -> Value {
    json!({
        "properties": {
            "loc": {
                "items": { "anyOf": [{ "type": "string" }, { "type": "integer" }] },
                "type": "array",
                "title": "Location",
            },
            "msg": { "type": "string", "title": "Message" },
            "type": { "type": "string", "title": "Error Type" },
            "input": { "title": "Input" },
            "ctx": { "type": "object", "title": "Context" },
        },
        "type": "object",
        "required": ["loc", "msg", "type"],
    })
}

/// The flags that every user has, and what a registration gives them.
const FLAGS: [(&str, bool); 3] = [("is_active", true), ("is_superuser", false), ("is_verified", false)];

fn user_read(schema: &Schema) -> Value {
    let mut object = Object::default();
    if let Some(id) = schema.columns().first() {
        object.add(&id.name, column_type(id), None, true);
    }
    object.add("email", email(), None, true);
    for (name, default) in FLAGS {
        object.add(name, json!({ "type": "boolean" }), Some(json!(default)), false);
    }
    for column in schema.shown_columns() {
        object.add_column(column);
    }
    object.into_json()
}

fn user_create(schema: &Schema) -> Value {
    let mut object = Object::default();
    object.add("email", email(), None, true);
    object.add("password", json!({ "type": "string" }), None, true);
    for (name, default) in FLAGS {
        object.add(name, nullable(json!({ "type": "boolean" })), Some(json!(default)), false);
    }
    for column in schema.settable_columns() {
        object.add_column(column);
    }
    object.into_json()
}

fn user_update(schema: &Schema) -> Value {
    let mut object = Object::default();
    object.add("password", nullable(json!({ "type": "string" })), None, false);
    object.add("email", nullable(json!({ "type": "string", "format": "email" })), None, false);
    for (name, _) in FLAGS {
        object.add(name, nullable(json!({ "type": "boolean" })), None, false);
    }
    for column in schema.settable_columns() {
        object.add(&column.name, nullable(column_type(column)), None, false);
    }
    object.into_json()
}

/// An object schema in the making.
#[derive(Default)]
struct Object {
    properties: Map<String, Value>,
    required: Vec<Value>,
}

impl Object {
    fn add(&mut self, name: &str, schema: Value, default: Option<Value>, required: bool) {
        let mut property = with_title(schema, &title(name));
        if let Some(default) = default {
            property["default"] = default;
        }
        self.properties.insert(name.to_owned(), property);
        if required {
            self.required.push(Value::from(name));
        }
    }

    fn add_column(&mut self, column: &Column) {
        let schema = column_type(column);
        let schema = if column.nullable { nullable(schema) } else { schema };
        let default = column.default.as_ref().and_then(|value| serde_json::to_value(value).ok());
        // Pydantic leaves out a default that is null.
        let default = default.filter(|value| !value.is_null());
        self.add(&column.name, schema, default, column.is_required());
    }

    fn into_json(self) -> Value {
        let mut object = json!({ "properties": self.properties, "type": "object" });
        if !self.required.is_empty() {
            object["required"] = Value::Array(self.required);
        }
        object
    }
}

fn with_title(mut schema: Value, title: &str) -> Value {
    schema["title"] = Value::from(title);
    schema
}

fn nullable(schema: Value) -> Value {
    let either = vec![schema, json!({ "type": "null" })];
    json!({ "anyOf": either })
}

/// What a column holds, in the words of JSON Schema.
fn column_type(column: &Column) -> Value {
    if !column.choices.is_empty() {
        return json!({ "type": "string", "enum": column.choices });
    }
    match column.column_type {
        ColumnType::Bool => json!({ "type": "boolean" }),
        ColumnType::Integer => integer(column.range),
        ColumnType::Float => json!({ "type": "number" }),
        ColumnType::Text => json!({ "type": "string" }),
        ColumnType::Uuid => json!({ "type": "string", "format": "uuid" }),
        ColumnType::Date => json!({ "type": "string", "format": "date" }),
        ColumnType::Timestamp => json!({ "type": "string", "format": "date-time" }),
        ColumnType::Json => json!({}),
        ColumnType::ObjectId => json!({ "type": "string", "pattern": "^[0-9a-f]{24}$" }),
    }
}

/// Bounds are named where the field's type is narrower than the column.
fn integer((least, greatest): (i64, i64)) -> Value {
    let mut schema = json!({ "type": "integer" });
    if least != i64::MIN {
        schema["minimum"] = Value::from(least);
    }
    if greatest != i64::MAX {
        schema["maximum"] = Value::from(greatest);
    }
    schema
}
