use serde_json::{Value, json};

use super::*;
use crate::schema::{Column, ColumnType, Value as ColumnContent};

/// The document of a real FastAPI Users application.
fn recorded() -> Value {
    serde_json::from_str(include_str!("../../tests/data/openapi-fastapi-users.json")).unwrap()
}

fn mounted(kind: RouterKind, prefix: &str) -> MountedRouter {
    MountedRouter { kind, prefix: prefix.into() }
}

fn auth(backend: &str, prefix: &str) -> MountedRouter {
    mounted(RouterKind::Auth { backend: backend.into() }, prefix)
}

fn described(name: &str, transport: TransportDescription) -> BackendDescription {
    BackendDescription { name: name.into(), transport, refreshes: false, refresh_token_in_body: false }
}

fn bearer(name: &str, token_url: &str) -> BackendDescription {
    described(name, TransportDescription::bearer(token_url))
}

fn cookie(name: &str, cookie_name: &str) -> BackendDescription {
    described(name, TransportDescription::cookie(cookie_name))
}

fn document_of(schema: &Schema, mounted: &[MountedRouter], backends: &[BackendDescription]) -> Value {
    document(schema, DocumentInfo { title: "FastAPI", version: "0.1.0" }, mounted, backends)
}

fn users_document(schema: &Schema) -> Value {
    let routers = [mounted(RouterKind::Register, "/auth"), mounted(RouterKind::Users, "/users")];
    document_of(schema, &routers, &[bearer("jwt", "auth/jwt/login")])
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().map(|members| members.keys().map(String::as_str).collect()).unwrap_or_default()
}

#[test]
fn the_document_is_the_originals_without_its_oauth_routers() {
    let routers = [
        auth("jwt", "/auth/jwt"),
        auth("cookie", "/auth/cookie"),
        auth("redis", "/auth/redis"),
        mounted(RouterKind::Register, "/auth"),
        mounted(RouterKind::ResetPassword, "/auth"),
        mounted(RouterKind::Verify, "/auth"),
        mounted(RouterKind::Users, "/users"),
    ];
    let backends = [
        bearer("jwt", "auth/jwt/login"),
        cookie("cookie", "fastapiusersauth"),
        bearer("redis", "auth/redis/login"),
    ];
    let mut ours = document_of(&Schema::new(ColumnType::Uuid), &routers, &backends);
    // What the original answers and leaves out of its document.
    for (path, status) in [
        ("/auth/forgot-password", "400"),
        ("/auth/request-verify-token", "400"),
        ("/auth/jwt/logout", "204"),
        ("/auth/redis/logout", "204"),
    ] {
        let responses = ours["paths"][path]["post"]["responses"].as_object_mut().unwrap();
        assert!(responses.shift_remove(status).is_some(), "{path} {status}");
    }

    let mut expected = recorded();
    expected["paths"].as_object_mut().unwrap().retain(|path, _| !path.contains("/corp/"));
    expected["components"]["schemas"].as_object_mut().unwrap().shift_remove("OAuth2AuthorizeResponse");
    for path in keys(&expected["paths"]) {
        assert_eq!(ours["paths"][path], expected["paths"][path], "{path}");
    }
    for name in keys(&expected["components"]["schemas"]) {
        assert_eq!(ours["components"]["schemas"][name], expected["components"]["schemas"][name], "{name}");
    }
    assert_eq!(ours, expected);
    assert_eq!(keys(&ours["paths"]), keys(&expected["paths"]), "the order of paths");
    assert_eq!(
        keys(&ours["components"]["schemas"]),
        keys(&expected["components"]["schemas"]),
        "the order of schemas"
    );
}

#[test]
fn operation_ids_follow_prefix_and_backend_name() {
    let backends = [bearer("my-jwt", "x"), bearer("db.x", "x")];
    let routers = [
        auth("my-jwt", "/api/auth/my-jwt"),
        auth("db.x", "/api/auth/db.x"),
        mounted(RouterKind::Users, "/api/users"),
    ];
    let ours = document_of(&Schema::new(ColumnType::Uuid), &routers, &backends);
    // As FastAPI names them.
    let table = [
        (
            "/api/auth/my-jwt/login",
            "post",
            "auth_my_jwt_login_api_auth_my_jwt_login_post",
            "Auth:My-Jwt.Login",
        ),
        ("/api/auth/db.x/logout", "post", "auth_db_x_logout_api_auth_db_x_logout_post", "Auth:Db.X.Logout"),
        ("/api/users/{id}", "delete", "users_delete_user_api_users__id__delete", "Users:Delete User"),
    ];
    for (path, method, id, summary) in table {
        assert_eq!(ours["paths"][path][method]["operationId"], id);
        assert_eq!(ours["paths"][path][method]["summary"], summary);
    }
    assert!(ours["components"]["schemas"]["Body_auth_db_x_login_api_auth_db_x_login_post"].is_object());
}

#[test]
fn only_schemas_and_security_schemes_in_use_appear() {
    let routers = [mounted(RouterKind::Register, "/auth")];
    let ours = document_of(&Schema::new(ColumnType::Uuid), &routers, &[bearer("jwt", "auth/jwt/login")]);
    let expected = ["ErrorModel", "HTTPValidationError", "UserCreate", "UserRead", "ValidationError"];
    assert_eq!(keys(&ours["components"]["schemas"]), expected);
    assert_eq!(keys(&ours["components"]), ["schemas"], "registering needs no login");
    assert_eq!(document_of(&Schema::new(ColumnType::Uuid), &[], &[]).get("components"), None);
}

#[test]
fn backends_are_listed_in_the_order_they_are_tried() {
    let backends = [cookie("web", "sid"), bearer("jwt", "auth/jwt/login")];
    let ours =
        document_of(&Schema::new(ColumnType::Uuid), &[mounted(RouterKind::Users, "/users")], &backends);
    let expected = json!([{ "APIKeyCookie": [] }, { "OAuth2PasswordBearer": [] }]);
    assert_eq!(ours["paths"]["/users/me"]["get"]["security"], expected);
}

#[test]
fn cookies_of_different_names_have_schemes_of_their_own() {
    let backends = [cookie("one", "a"), cookie("two", "b"), cookie("again-two", "b"), bearer("jwt", "t")];
    let ours =
        document_of(&Schema::new(ColumnType::Uuid), &[mounted(RouterKind::Users, "/users")], &backends);
    let schemes = &ours["components"]["securitySchemes"];
    assert_eq!(keys(schemes), ["APIKeyCookie", "APIKeyCookie_two", "OAuth2PasswordBearer"]);
    assert_eq!(schemes["APIKeyCookie"]["name"], "a");
    assert_eq!(schemes["APIKeyCookie_two"]["name"], "b");
    assert_eq!(ours["paths"]["/users/me"]["get"]["security"].as_array().unwrap().len(), 3);
}

#[test]
fn the_token_url_is_the_last_mounted_bearer_logins() {
    let backends =
        [bearer("first", "auth/first/login"), bearer("second", "auth/second/login"), bearer("idle", "login")];
    let token_url = |routers: &[MountedRouter]| {
        let routers = [routers, &[mounted(RouterKind::Users, "/users")]].concat();
        let ours = document_of(&Schema::new(ColumnType::Uuid), &routers, &backends);
        ours["components"]["securitySchemes"]["OAuth2PasswordBearer"]["flows"]["password"]["tokenUrl"].clone()
    };
    assert_eq!(token_url(&[auth("first", "/auth/first")]), "auth/first/login");
    assert_eq!(
        token_url(&[auth("first", "/auth/first"), auth("second", "/auth/second")]),
        "auth/second/login"
    );
}

/// Expectations are Pydantic's output for the same fields.
#[test]
fn own_fields_are_written_as_pydantic_writes_them() {
    let mut size = Column::new("size", ColumnType::Text).nullable();
    size.choices = vec!["s".into(), "m".into()];
    let mut color = Column::new("color", ColumnType::Text).default_value(ColumnContent::Text("red".into()));
    color.choices = vec!["red".into(), "blue".into()];
    let schema = Schema::new(ColumnType::Integer)
        .with(Column::new("first_name", ColumnType::Text))
        .with(Column::new("age", ColumnType::Integer))
        .with(Column::new("height", ColumnType::Float).default_value(ColumnContent::Float(1.5)))
        .with(Column::new("birthdate", ColumnType::Date).nullable())
        .with(Column::new("seen", ColumnType::Timestamp).nullable().default_value(ColumnContent::Null))
        .with(Column::new("ref", ColumnType::Uuid))
        .with(Column::new("meta", ColumnType::Json))
        .with(color)
        .with(size)
        .with(Column::of::<u8>("level"));
    let ours = users_document(&schema);

    let create = &ours["components"]["schemas"]["UserCreate"];
    let table = [
        ("first_name", json!({ "type": "string", "title": "First Name" })),
        ("age", json!({ "type": "integer", "title": "Age" })),
        ("height", json!({ "type": "number", "title": "Height", "default": 1.5 })),
        (
            "birthdate",
            json!({ "anyOf": [{ "type": "string", "format": "date" }, { "type": "null" }], "title": "Birthdate" }),
        ),
        (
            "seen",
            json!({ "anyOf": [{ "type": "string", "format": "date-time" }, { "type": "null" }], "title": "Seen" }),
        ),
        ("ref", json!({ "type": "string", "format": "uuid", "title": "Ref" })),
        ("meta", json!({ "title": "Meta" })),
        ("color", json!({ "type": "string", "enum": ["red", "blue"], "title": "Color", "default": "red" })),
        (
            "size",
            json!({ "anyOf": [{ "type": "string", "enum": ["s", "m"] }, { "type": "null" }], "title": "Size" }),
        ),
        ("level", json!({ "type": "integer", "minimum": 0, "maximum": 255, "title": "Level" })),
    ];
    for (name, expected) in table {
        assert_eq!(create["properties"][name], expected, "{name}");
    }
    assert_eq!(create["required"], json!(["email", "password", "first_name", "age", "ref", "meta", "level"]));

    let read = &ours["components"]["schemas"]["UserRead"];
    assert_eq!(read["properties"]["id"], json!({ "type": "integer", "title": "Id" }));
    assert_eq!(read["required"], json!(["id", "email", "first_name", "age", "ref", "meta", "level"]));

    let update = &ours["components"]["schemas"]["UserUpdate"];
    let age = json!({ "anyOf": [{ "type": "integer" }, { "type": "null" }], "title": "Age" });
    assert_eq!(update["properties"]["age"], age);
    assert_eq!(update["properties"]["meta"], json!({ "anyOf": [{}, { "type": "null" }], "title": "Meta" }));
    let color = json!({ "anyOf": [{ "type": "string", "enum": ["red", "blue"] }, { "type": "null" }], "title": "Color" });
    assert_eq!(update["properties"]["color"], color);
    assert_eq!(update.get("required"), None);
}

#[test]
fn readonly_fields_are_not_accepted_and_private_ones_not_shown() {
    let schema = Schema::new(ColumnType::Uuid)
        .named("Member")
        .with(Column::new("plan", ColumnType::Text).nullable().readonly())
        .with(Column::new("pin", ColumnType::Text).private())
        .with(Column::new("notes", ColumnType::Text).nullable().readonly().private());
    let ours = users_document(&schema);
    let own = |name: &str| -> Vec<String> {
        let properties = &ours["components"]["schemas"][name]["properties"];
        let own = ["plan", "pin", "notes", "hashed_password"]
            .into_iter()
            .filter(|field| properties.get(field).is_some());
        own.map(str::to_owned).collect()
    };
    assert_eq!(own("MemberRead"), ["plan"]);
    assert_eq!(own("MemberCreate"), ["pin"]);
    assert_eq!(own("MemberUpdate"), ["pin"]);
    assert!(!ours.to_string().contains("hashed_password"));
}

#[test]
fn the_token_url_is_relative_to_the_documentation_page() {
    let table = [
        ("", "/auth/jwt", "auth/jwt/login"),
        ("/", "/auth/jwt", "auth/jwt/login"),
        ("", "/api/auth/jwt", "api/auth/jwt/login"),
        ("/api", "/api/auth/jwt", "auth/jwt/login"),
        ("/api/", "/api/auth/jwt", "auth/jwt/login"),
        ("/api", "/apiary/jwt", "/apiary/jwt/login"),
    ];
    for (base, prefix, expected) in table {
        assert_eq!(relative_token_url(base, prefix), expected, "{base} {prefix}");
    }
}

#[test]
fn merging_adds_to_the_applications_document_and_changes_nothing_in_it() {
    let mut document = json!({
        "openapi": "3.1.0",
        "info": { "title": "Shop", "version": "2" },
        "paths": {
            "/users/me": { "get": { "operationId": "mine" } },
            "/orders": { "get": { "operationId": "orders" } },
        },
        "components": { "schemas": { "ErrorModel": { "title": "Mine" } } },
    });
    merge_openapi(&mut document, users_document(&Schema::new(ColumnType::Uuid)));
    assert_eq!(document["info"], json!({ "title": "Shop", "version": "2" }));
    assert_eq!(document["paths"]["/orders"]["get"]["operationId"], "orders");
    assert_eq!(document["paths"]["/users/me"]["get"], json!({ "operationId": "mine" }));
    assert_eq!(
        document["paths"]["/users/me"]["patch"]["operationId"],
        "users_patch_current_user_users_me_patch"
    );
    assert_eq!(
        document["paths"]["/auth/register"]["post"]["operationId"],
        "register_register_auth_register_post"
    );
    assert_eq!(document["components"]["schemas"]["ErrorModel"], json!({ "title": "Mine" }));
    assert_eq!(document["components"]["schemas"]["UserRead"]["title"], "UserRead");
    assert_eq!(document["components"]["securitySchemes"]["OAuth2PasswordBearer"]["type"], "oauth2");

    let mut empty = json!({});
    merge_openapi(&mut empty, recorded());
    assert_eq!(empty, recorded());
    let mut nothing = Value::Null;
    merge_openapi(&mut nothing, recorded());
    assert_eq!(nothing, recorded());
}
