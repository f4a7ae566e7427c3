//! What holds for the body of every route that takes JSON.

use serde_json::{Value as Json, json};

use crate::support::{App, Call, PASSWORD};

/// Every route that takes JSON, with a body that is in order.
fn routes(id: uuid::Uuid) -> Vec<(&'static str, String, Json)> {
    let update = json!({
        "email": "new@example.com", "password": PASSWORD,
        "is_active": true, "is_superuser": true, "is_verified": true
    });
    vec![
        ("POST", "/auth/register".into(), update.clone()),
        ("POST", "/auth/forgot-password".into(), json!({ "email": "ada@example.com" })),
        ("POST", "/auth/reset-password".into(), json!({ "token": "x", "password": PASSWORD })),
        ("POST", "/auth/request-verify-token".into(), json!({ "email": "ada@example.com" })),
        ("POST", "/auth/verify".into(), json!({ "token": "x" })),
        ("PATCH", "/users/me".into(), update.clone()),
        ("PATCH", format!("/users/{id}"), update),
    ]
}

fn call(app: &App, method: &str, path: &str) -> Call {
    app.call(method.parse().unwrap(), path)
}

/// What JavaScript and MongoDB would make of these is no text and no flag here.
#[tokio::test]
async fn in_03_a_field_of_another_type_is_refused_by_name() {
    let app = App::new();
    let token = app.superuser().await;
    let user = app.has("ada@example.com").await;
    let odd = [
        json!({ "$ne": null }),
        json!({ "$gt": "" }),
        json!({ "$regex": ".*" }),
        json!([]),
        json!(["ada@example.com"]),
        json!(7),
        json!(1.5),
        json!(true),
        json!(null),
    ];
    for (method, path, body) in routes(user.id) {
        for field in body.as_object().unwrap().keys() {
            let is_flag = field.starts_with("is_");
            for value in &odd {
                let fits = match value {
                    Json::Bool(_) => is_flag,
                    // Flags may be null everywhere, and every field of a PATCH.
                    Json::Null => is_flag || method == "PATCH",
                    _ => false,
                };
                if fits {
                    continue;
                }
                let mut body = body.clone();
                body[field] = value.clone();
                let answer = call(&app, method, &path).bearer(&token).json(body).await;
                let (status, fields) = answer.bad_fields();
                assert_eq!((status, fields.len()), (422, 1), "{path} {field} {value}");
                let kind = fields[0].strip_suffix(&format!(" body.{field}")).unwrap_or_default();
                let known = ["string_type", "bool_type", "bool_parsing"];
                assert!(known.contains(&kind), "{path} {field} {value}: {fields:?}");
            }
        }
    }
    assert_eq!(app.stored(user.id).await, user, "nothing was changed");
}

#[tokio::test]
async fn in_13_what_cannot_be_read_is_a_4xx_on_every_route() {
    let app = App::new();
    let token = app.superuser().await;
    let user = app.has("ada@example.com").await;
    let deep = |open: &str, close: &str, levels: usize| {
        format!(r#"{{"email":{}{}}}"#, open.repeat(levels), close.repeat(levels)).into_bytes()
    };
    let bodies: Vec<(&str, Vec<u8>, Vec<u16>)> = vec![
        ("200 k deep", deep("[", "]", 200_000), vec![400, 422]),
        ("deep and open", "[".repeat(200_000).into_bytes(), vec![400, 422]),
        ("not UTF-8", b"{\"email\":\"\xff\xfe\"}".to_vec(), vec![400]),
        ("byte order mark", b"\xef\xbb\xbf{}".to_vec(), vec![422]),
        ("UTF-16", b"{\0}\0".to_vec(), vec![422]),
        ("lone surrogate", br#"{"email":"\ud800","token":"\ud800","password":"\ud800"}"#.to_vec(), vec![422]),
        ("NaN", br#"{"email":NaN,"token":NaN,"password":NaN}"#.to_vec(), vec![422]),
        ("NUL", b"\0".to_vec(), vec![422]),
        ("cut", br#"{"email":"#.to_vec(), vec![422]),
        ("two values", b"{} {}".to_vec(), vec![422]),
        ("single quotes", b"{'email':'a'}".to_vec(), vec![422]),
    ];
    for (method, path, _) in routes(user.id) {
        for (name, body, statuses) in &bodies {
            let answer =
                call(&app, method, &path).bearer(&token).body("application/json", body.clone()).await;
            assert!(statuses.contains(&answer.status.as_u16()), "{path} {name}: {answer:?}");
            assert_eq!(answer.header("content-type"), "application/json", "{path} {name}");
        }
        // A PATCH of nothing is no mistake; an empty body is.
        let answer = call(&app, method, &path).bearer(&token).body("application/json", "").await;
        assert_eq!(answer.status, 422, "{path}");
    }
    assert_eq!(app.stored(user.id).await, user, "nothing was changed");
}

#[tokio::test]
async fn broken_json_is_said_first_even_to_strangers() {
    let app = App::new();
    let user = app.has("ada@example.com").await;
    for (method, path, _) in routes(user.id) {
        let answer = call(&app, method, &path).body("application/json", r#"{"email": "ä", }"#).await;
        assert_eq!(
            answer.error(),
            (
                422,
                json!([{
                    "type": "json_invalid", "loc": ["body", 15], "msg": "JSON decode error", "input": {},
                    "ctx": { "error": "Expecting property name enclosed in double quotes" }
                }])
            ),
            "{path}"
        );
        let answer = call(&app, method, &path).body("application/json", vec![b'"', 0xff, b'"']).await;
        assert_eq!(answer.error(), (400, json!("There was an error parsing the body")), "{path}");
    }
}

#[tokio::test]
async fn in_11_malformed_addresses_are_refused_wherever_one_is_taken() {
    let app = App::new();
    let token = app.superuser().await;
    let user = app.has("ada@example.com").await;
    app.events.forget();
    let malformed = [
        "",
        "ada",
        "@example.com",
        "ada@",
        "ada@example",
        "ada@@example.com",
        "ada @example.com",
        "ada@exa mple.com",
        "ada@example.com, eve@example.com",
        "ada@example.com;eve@example.com",
        "ada@example.com eve@example.com",
        "ada@example.com\r\nBcc: eve@example.com",
        "ada\n@example.com",
        "ada@example.com\0",
        "ada\0@example.com",
        ".ada@example.com",
        "ada..lovelace@example.com",
        "ada@.example.com",
        "ada@example..com",
        "ada@-example.com",
        "ada@exam_ple.com",
        "ada@[127.0.0.1]",
        "Ada <ada@example.com",
        &format!("{}@example.com", "a".repeat(300)),
        &format!("ada@{}.com", "a".repeat(64)),
        &format!("ada@{}com", "abcdefghij.".repeat(30)),
    ];
    for email in malformed {
        for (method, path, body) in
            routes(user.id).into_iter().filter(|(_, _, body)| body.get("email").is_some())
        {
            let mut body = body;
            body["email"] = json!(email);
            let answer = call(&app, method, &path).bearer(&token).json(body).await;
            assert_eq!(answer.bad_fields(), (422, vec!["value_error body.email".into()]), "{path} {email:?}");
        }
    }
    assert_eq!(app.stored(user.id).await, user);
    assert_eq!(app.events.take(), [""; 0], "nobody was registered, changed or sent a mail");
}

#[tokio::test]
async fn in_05_fragments_of_sql_and_wildcards_are_text_like_any_other() {
    let app = App::new();
    let user = app.has("ada@example.com").await;
    let token = app.superuser().await;
    for text in
        ["' OR '1'='1", "'; DROP TABLE user; --", "\" OR 1=1 --", "ada%", "_da@example.com", "*", "\\'"]
    {
        let statuses = [
            app.login(text, text).await,
            app.register(text, PASSWORD).await,
            app.post("/auth/forgot-password").json(json!({ "email": text })).await,
            app.verify(text).await,
            app.reset_password(text, PASSWORD).await,
            app.patch("/users/me").bearer(&token).json(json!({ "email": text })).await,
        ]
        .map(|answer| answer.status.as_u16());
        // `_` and `'` may begin an address; it is another one.
        let refused = statuses.iter().all(|status| matches!(status, 400 | 422));
        assert!(refused || text == "_da@example.com", "{text}: {statuses:?}");
    }
    assert_eq!(app.stored(user.id).await, user);
    assert_eq!(app.login("ada@example.com", PASSWORD).await.status, 200);
}

#[tokio::test]
async fn in_15_a_multipart_body_is_no_json() {
    let app = App::new();
    let body = "--B\r\ncontent-disposition: form-data; name=\"email\"\r\n\r\nada@example.com\r\n--B--\r\n";
    for (path, field) in
        [("/auth/register", "model_attributes_type body"), ("/auth/verify", "missing body.token")]
    {
        let answer = app.post(path).body("multipart/form-data; boundary=B", body).await;
        assert_eq!(answer.bad_fields(), (422, vec![field.to_owned()]));
    }
}

#[tokio::test]
async fn a_body_over_the_applications_limit_is_413() {
    use axum::{Router, extract::DefaultBodyLimit};
    let app = App::new();
    let router = Router::new().merge(app.users.router()).layer(DefaultBodyLimit::max(100));
    let client = crate::support::Client::of(router.with_state(app.users.clone()));
    let body = json!({ "email": "ada@example.com", "password": "a".repeat(100) });
    let answer = client.post("/auth/register").json(body).await;
    assert_eq!(answer.error(), (413, json!("Request body is too large")));
    let answer = client.post("/auth/jwt/login").form(&[("username", &*"a".repeat(100))]).await;
    assert_eq!(answer.error(), (413, json!("Request body is too large")));
}
