use serde_json::json;

use crate::support::{App, BEGINNING, PASSWORD, claims, header};

#[tokio::test]
async fn en_03_known_unknown_and_inactive_get_one_answer() {
    let app = App::new();
    app.has("ada@example.com").await;
    app.has_inactive("ivan@example.com").await;
    let ask = async |email: &str| app.post("/auth/forgot-password").json(json!({ "email": email })).await;

    let unknown = ask("nobody@example.com").await;

    assert_eq!((unknown.status.as_u16(), &*unknown.body), (202, "null"));
    assert_eq!(unknown.header("content-type"), "application/json");
    for email in ["ada@example.com", "ivan@example.com"] {
        let answer = ask(email).await;
        assert_eq!(
            (answer.status, &answer.headers, &answer.body),
            (unknown.status, &unknown.headers, &unknown.body),
            "{email}"
        );
    }
}

#[tokio::test]
async fn en_08_only_the_active_get_a_mail_and_it_goes_to_the_address_as_stored() {
    let app = App::new();
    app.has("Ada@example.com").await;
    app.has_inactive("ivan@example.com").await;
    for (email, mails) in
        [("nobody@example.com", 0), ("ivan@example.com", 0), ("ADA@example.com", 1), (" ada@EXAMPLE.com ", 1)]
    {
        let answer = app.post("/auth/forgot-password").json(json!({ "email": email })).await;
        assert_eq!(answer.status, 202);
        app.users.finish_background_work().await;
        let events = app.events.take();
        assert_eq!(events.len(), mails, "{email}: {events:?}");
        assert!(events.iter().all(|event| event.starts_with("on_after_forgot_password Ada@example.com ")));
    }
}

/// Letters that look like the owner's, or fold to them, and are others by Unicode's normal form.
#[tokio::test]
async fn in_10_who_asks_for_a_look_alike_address_causes_no_mail_and_gets_none() {
    let app = App::new();
    for owner in ["sam@example.com", "ian@example.com", "ada@example.com", "kelvin@example.com"] {
        app.has(owner).await;
    }
    let ask = async |email: &str| {
        let answer = app.post("/auth/forgot-password").json(json!({ "email": email })).await;
        assert_eq!(answer.status, 202, "{email}");
        app.users.finish_background_work().await;
        app.events.take()
    };
    for look_alike in ["\u{17f}am@example.com", "\u{131}an@example.com", "\u{430}da@example.com"] {
        assert_eq!(ask(look_alike).await, [""; 0], "{look_alike}");
        assert_eq!(app.login(look_alike, PASSWORD).await.status, 400, "{look_alike}");
    }
    // The Kelvin sign is K by its normal form, so this is the owner's address, and the mail goes to the owner.
    let [mail] = &ask("\u{212a}elvin@example.com").await[..] else { panic!("one mail") };
    assert!(mail.starts_with("on_after_forgot_password kelvin@example.com "), "{mail}");
}

#[tokio::test]
async fn tk_14_the_token_tells_neither_the_address_nor_the_stored_hash() {
    let app = App::new();
    let user = app.has("ada@example.com").await;

    let token = app.reset_token("ada@example.com").await;

    assert_eq!(header(&token).to_string(), r#"{"typ":"JWT","alg":"HS256"}"#);
    let claims = claims(&token);
    let names: Vec<_> = claims.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(names, ["sub", "password_fgpt", "email_fgpt", "aud", "exp"]);
    assert_eq!(claims["sub"], json!(user.id));
    assert_eq!(claims["aud"], "fastapi-users:reset");
    assert_eq!(claims["exp"], BEGINNING + 3600);
    let text = claims.to_string();
    let hash = user.hashed_password.rsplit('$').next().unwrap();
    assert!(!text.contains("ada") && !text.contains("example") && !text.contains(hash), "{text}");
    assert!(claims["password_fgpt"].as_str().unwrap().starts_with("$argon2id$v=19$"), "as Python reads it");
}

#[tokio::test]
async fn tk_12_headers_of_the_request_have_no_part_in_the_token() {
    let app = App::new();
    app.has("ada@example.com").await;
    let call = app.post("/auth/forgot-password").json(json!({ "email": "ada@example.com" }));
    let call = ["host", "x-forwarded-host", "x-forwarded-proto", "origin", "referer"]
        .into_iter()
        .fold(call, |call, name| call.header(name, "evil.example"))
        .header("forwarded", "host=evil.example");
    assert_eq!(call.await.status, 202);
    app.users.finish_background_work().await;
    let events = app.events.take();
    let token = events[0].rsplit(' ').next().unwrap();
    assert_eq!(events[0], format!("on_after_forgot_password ada@example.com {token}"));
    assert!(!claims(token).to_string().contains("evil"));
    assert_eq!(app.reset_password(token, "a horse in the snow").await.status, 200);
}

#[tokio::test]
async fn tk_13_one_address_is_taken_and_no_list_of_them() {
    let app = App::new();
    app.has("ada@example.com").await;
    for email in [
        json!(["ada@example.com", "evil@example.com"]),
        json!({ "address": "ada@example.com" }),
        json!("ada@example.com,evil@example.com"),
        json!("ada@example.com;evil@example.com"),
        json!("ada@example.com evil@example.com"),
        json!("ada@example.com\nevil@example.com"),
        json!("ada@example.com\r\nBcc: evil@example.com"),
        json!("ada@example.com\0"),
        json!("ada@example.com>,<evil@example.com"),
        json!(null),
        json!(1),
        json!(""),
    ] {
        for path in ["/auth/forgot-password", "/auth/request-verify-token"] {
            let answer = app.post(path).json(json!({ "email": email })).await;
            let (status, fields) = answer.bad_fields();
            assert_eq!((status, fields.len()), (422, 1), "{path} {email}");
            assert!(fields[0].ends_with(" body.email"), "{fields:?}");
        }
    }
    app.users.finish_background_work().await;
    assert!(app.events.take().is_empty(), "no mail at all");
}

#[tokio::test]
async fn a_missing_address_is_reported_without_the_body() {
    let app = App::new();
    let missing =
        json!([{ "type": "missing", "loc": ["body", "email"], "msg": "Field required", "input": null }]);
    for path in ["/auth/forgot-password", "/auth/request-verify-token"] {
        for (content_type, body) in [
            ("application/json", ""),
            ("application/json", "{}"),
            ("application/json", "[]"),
            ("application/json", "null"),
            ("application/json", "\"ada@example.com\""),
            ("text/plain", r#"{"email":"ada@example.com"}"#),
        ] {
            let answer = app.post(path).body(content_type, body).await;
            assert_eq!(answer.error(), (422, missing.clone()), "{path} {body}");
        }
    }
}
