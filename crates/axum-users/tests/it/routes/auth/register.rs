use serde_json::{Value as Json, json};

use crate::support::{App, PASSWORD};

#[tokio::test]
async fn a_registration_answers_the_user_in_the_originals_words() {
    let app = App::new();

    let answer = app.register("ada@example.com", PASSWORD).await;

    assert_eq!((answer.status.as_u16(), answer.header("content-type")), (201, "application/json"));
    let id = answer.json()["id"].as_str().unwrap().to_owned();
    let expected = format!(
        r#"{{"id":"{id}","email":"ada@example.com","is_active":true,"is_superuser":false,"is_verified":false}}"#
    );
    assert_eq!(answer.body, expected);
    assert_eq!(uuid::Uuid::parse_str(&id).unwrap().get_version_num(), 4);
    assert_eq!(
        app.events.take(),
        ["on_before_register ada@example.com", "on_after_register ada@example.com"]
    );
    assert_eq!(app.login("ada@example.com", PASSWORD).await.status, 200);
}

#[tokio::test]
async fn in_01_what_a_visitor_may_not_set_is_ignored() {
    let app = App::new();
    let body = json!({
        "email": "ada@example.com", "password": PASSWORD, "id": crate::support::NOBODY,
        "is_active": false, "is_superuser": true, "is_verified": true,
        "hashed_password": "x", "oauth_accounts": [{ "id": 1 }], "unknown": {}
    });
    let answer = app.post("/auth/register").json(body).await;
    let user = answer.json();
    assert_eq!(answer.status, 201);
    assert_ne!(user["id"], crate::support::NOBODY);
    assert_eq!(
        (&user["is_active"], &user["is_superuser"], &user["is_verified"]),
        (&json!(true), &json!(false), &json!(false))
    );
    assert_eq!(user.as_object().unwrap().len(), 5);
    assert_eq!(app.login("ada@example.com", PASSWORD).await.status, 200, "hashed_password was not taken");
}

#[tokio::test]
async fn in_08_an_address_is_taken_in_any_case() {
    let app = App::new();
    app.has("Ada@example.com").await;
    for email in ["Ada@example.com", "ada@example.com", "ADA@EXAMPLE.COM", " Ada <ada@example.com> "] {
        let answer = app.register(email, PASSWORD).await;
        assert_eq!(answer.error(), (400, json!("REGISTER_USER_ALREADY_EXISTS")), "{email}");
    }
    // Two letters that look alike are two addresses.
    assert_eq!(app.register("\u{430}da@example.com", PASSWORD).await.status, 201);
}

#[tokio::test]
async fn the_address_is_shown_in_its_normal_form() {
    let app = App::new();
    for (given, shown) in [
        (" Foo@X.COM ", "Foo@x.com"),
        ("Ada Lovelace <ada@EXAMPLE.com>", "ada@example.com"),
        ("IDN@MÜNCHEN.DE", "IDN@münchen.de"),
        ("a@xn--mnchen-3ya.de", "a@münchen.de"),
        ("ju\u{308}rgen@example.com", "j\u{fc}rgen@example.com"),
    ] {
        let answer = app.register(given, PASSWORD).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["email"]), (201, &json!(shown)), "{given}");
    }
}

fn refused(reason: &str) -> (u16, Json) {
    (400, json!({ "code": "REGISTER_INVALID_PASSWORD", "reason": reason }))
}

#[tokio::test]
async fn pw_05_pw_06_pw_07_a_bad_password_is_refused_with_a_reason() {
    let app = App::new();
    let too_long = "é".repeat(2049);
    for (password, reason) in [
        ("", "Password should be at least 8 characters"),
        ("abcde", "Password should be at least 8 characters"),
        ("ééééééé", "Password should be at least 8 characters"),
        ("password", "Password should not be a common password"),
        ("PASSWORD", "Password should not be a common password"),
        ("12345678", "Password should not be a common password"),
        ("qwertyuiop", "Password should not be a common password"),
        ("ada@example.com", "Password should not be the e-mail address"),
        ("Ada@Example.com", "Password should not be the e-mail address"),
        (&*too_long, "Password should be at most 4096 bytes"),
    ] {
        assert_eq!(app.register("ada@example.com", password).await.error(), refused(reason), "{password}");
    }
    assert_eq!(app.users.get_by_email("ada@example.com").await.unwrap(), None);
    assert!(app.events.take().is_empty(), "no hook is told");
}

#[tokio::test]
async fn the_password_is_looked_at_before_the_address() {
    let app = App::new();
    app.has("ada@example.com").await;
    let answer = app.register("ada@example.com", "short").await;
    assert_eq!(answer.error(), refused("Password should be at least 8 characters"));
}

#[tokio::test]
async fn every_bad_field_is_named_in_the_order_of_the_schema() {
    let app = App::new();
    let body =
        json!({ "is_verified": "maybe", "is_superuser": [], "is_active": 2, "password": 1, "email": "no" });
    let answer = app.post("/auth/register").json(body).await;
    let reason = "An email address must have an @-sign.";
    assert_eq!(
        answer.error(),
        (
            422,
            json!([
                {
                    "type": "value_error", "loc": ["body", "email"],
                    "msg": format!("value is not a valid email address: {reason}"),
                    "input": "no", "ctx": { "reason": reason }
                },
                { "type": "string_type", "loc": ["body", "password"], "msg": "Input should be a valid string", "input": 1 },
                {
                    "type": "bool_parsing", "loc": ["body", "is_active"],
                    "msg": "Input should be a valid boolean, unable to interpret input", "input": 2
                },
                { "type": "bool_type", "loc": ["body", "is_superuser"], "msg": "Input should be a valid boolean", "input": [] },
                {
                    "type": "bool_parsing", "loc": ["body", "is_verified"],
                    "msg": "Input should be a valid boolean, unable to interpret input", "input": "maybe"
                }
            ])
        )
    );
}

#[tokio::test]
async fn a_missing_field_is_shown_with_the_body_it_is_missing_from() {
    let app = App::new();
    let missing = |field: &str, input: &Json| json!({ "type": "missing", "loc": ["body", field], "msg": "Field required", "input": input });
    let (empty, half) = (json!({}), json!({ "email": "ada@example.com" }));
    let answer = app.post("/auth/register").json(empty.clone()).await;
    assert_eq!(answer.error(), (422, json!([missing("email", &empty), missing("password", &empty)])));
    let answer = app.post("/auth/register").json(half.clone()).await;
    assert_eq!(answer.error(), (422, json!([missing("password", &half)])));
    let answer = app.post("/auth/register").await;
    assert_eq!(
        answer.error(),
        (422, json!([{ "type": "missing", "loc": ["body"], "msg": "Field required", "input": null }]))
    );
}

#[tokio::test]
async fn only_an_object_is_a_registration() {
    let app = App::new();
    let text = r#"{"email":"ada@example.com"}"#;
    for (content_type, body, input) in [
        ("application/json", "null", Json::Null),
        ("application/json", "[1]", json!([1])),
        ("application/json", "\"text\"", json!("text")),
        ("application/json", "7", json!(7)),
        // A body that does not call itself JSON is a text.
        ("text/plain", text, json!(text)),
        ("application/x-www-form-urlencoded", "email=a", json!("email=a")),
    ] {
        let answer = app.post("/auth/register").body(content_type, body).await;
        assert_eq!(
            answer.error(),
            (
                422,
                json!([{
                    "type": "model_attributes_type", "loc": ["body"],
                    "msg": "Input should be a valid dictionary or object to extract fields from",
                    "input": input
                }])
            ),
            "{body}"
        );
    }
}

#[tokio::test]
async fn in_16_of_equal_keys_the_last_is_checked_and_stored() {
    let app = App::new();
    let text = format!(
        r#"{{"email":"first@example.com","password":"short","password":"{PASSWORD}","email":"last@example.com"}}"#
    );
    let answer = app.post("/auth/register").body("application/json", text).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["email"]), (201, &json!("last@example.com")));
    assert_eq!(app.login("last@example.com", PASSWORD).await.status, 200);

    let text = format!(r#"{{"email":"second@example.com","password":"{PASSWORD}","password":"short"}}"#);
    let answer = app.post("/auth/register").body("application/json", text).await;
    assert_eq!(answer.error(), refused("Password should be at least 8 characters"));
}

#[tokio::test]
async fn flags_may_be_null_and_are_read_leniently() {
    let app = App::new();
    for (index, flag) in
        [json!(null), json!("YES"), json!("off"), json!(0), json!(1.0)].into_iter().enumerate()
    {
        let body = json!({
            "email": format!("user{index}@example.com"), "password": PASSWORD, "is_active": flag
        });
        let answer = app.post("/auth/register").json(body).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["is_active"]), (201, &json!(true)), "{flag}");
    }
}

#[tokio::test]
async fn other_methods_are_refused() {
    let app = App::new();
    for method in ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"] {
        let answer = app.call(method.parse().unwrap(), "/auth/register").await;
        assert_eq!((answer.status.as_u16(), answer.header("allow")), (405, "POST"), "{method}");
    }
}
