use axum_users::{UsersBuilder, schema::Value};
use serde_json::{Value as Json, json};

use crate::support::{Answer, App, PASSWORD};

async fn patch(app: &App, token: &str, body: Json) -> Answer {
    app.patch("/users/me").bearer(token).json(body).await
}

#[tokio::test]
async fn the_user_is_shown_in_the_originals_words() {
    let app = App::new();
    let user = app.has("Ada@example.com").await;
    let answer = app.get("/users/me").bearer(&app.token("ada@example.com").await).await;
    let expected = format!(
        r#"{{"id":"{}","email":"Ada@example.com","is_active":true,"is_superuser":false,"is_verified":false}}"#,
        user.id
    );
    assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, "application/json"));
    assert_eq!(answer.body, expected);
}

#[tokio::test]
async fn jw_15_a_token_counts_only_where_its_transport_looks() {
    let app = App::new();
    app.has("ada@example.com").await;
    let token = app.token("ada@example.com").await;
    let session = app.session("ada@example.com").await;
    let me = || app.get("/users/me");
    let basic = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, format!("ada:{token}"));
    let calls = [
        me(),
        app.get(&format!("/users/me?access_token={token}&token={token}&jwt={token}")),
        me().cookie("access_token", &token),
        me().cookie("fastapiusersauth", &token),
        me().header("x-access-token", &token),
        me().header("x-authorization", &format!("Bearer {token}")),
        me().header("proxy-authorization", &format!("Bearer {token}")),
        me().header("authorization", &format!("Basic {basic}")),
        me().header("authorization", &format!("Token {token}")),
        me().bearer(&session),
        me().header("x-session", &session),
        app.get(&format!("/users/me?fastapiusersauth={session}")),
    ];
    for (index, call) in calls.into_iter().enumerate() {
        let answer = call.await;
        assert_eq!(answer.error(), (401, json!("Unauthorized")), "case {index}");
        assert_eq!(answer.header("www-authenticate"), "", "as in the original");
    }
}

#[tokio::test]
async fn jw_16_the_scheme_is_read_in_any_case_and_malformed_headers_are_401() {
    let app = App::new();
    app.has("ada@example.com").await;
    let token = app.token("ada@example.com").await;
    let status =
        async |header: &str| app.get("/users/me").header("authorization", header).await.status.as_u16();
    for good in [format!("Bearer {token}"), format!("bearer {token}"), format!("BEARER   {token}")] {
        assert_eq!(status(&good).await, 200, "{good}");
    }
    for bad in [
        "",
        " ",
        "Bearer",
        "Bearer ",
        &token,
        &format!("Bearer{token}"),
        &format!("Bearer: {token}"),
        &format!("Bearer {token} {token}"),
        &format!("Bearer {token} x"),
        &format!("Bearer \"{token}\""),
        &format!("Bearer {token},Bearer {token}"),
        &format!("Bearer\t{token}"),
        &format!("Bearer é{token}"),
        &format!("Bearer {}", "a".repeat(100_000)),
    ] {
        assert_eq!(status(bad).await, 401, "{bad}");
    }
}

#[tokio::test]
async fn se_14_odd_cookies_are_nobodys() {
    let app = App::new();
    app.has("ada@example.com").await;
    let session = app.session("ada@example.com").await;
    let status = async |cookie: &str| app.get("/users/me").header("cookie", cookie).await.status.as_u16();
    for good in [
        format!("fastapiusersauth={session}"),
        format!("a=b;fastapiusersauth={session};c=d"),
        format!("fastapiusersauth=\"{session}\""),
        // Of equal names the last counts.
        format!("fastapiusersauth=x; fastapiusersauth={session}"),
    ] {
        assert_eq!(status(&good).await, 200, "{good}");
    }
    for bad in [
        "",
        ";",
        "=",
        "fastapiusersauth",
        "fastapiusersauth=",
        "fastapiusersauth=\"\"",
        "fastapiusersauth=\"",
        &format!("FastApiUsersAuth={session}"),
        &format!("xfastapiusersauth={session}"),
        &format!("fastapiusersauth={}", session.to_lowercase()),
        &format!("fastapiusersauth={session}x"),
        &format!("fastapiusersauth={session}; fastapiusersauth=x"),
        &format!("fastapiusersauth={}", "a".repeat(5_000)),
        "fastapiusersauth=é",
        "fastapiusersauth=' OR 1=1 --",
    ] {
        assert_eq!(status(bad).await, 401, "{bad}");
    }
}

#[tokio::test]
async fn the_inactive_are_401_and_the_unverified_403_where_verification_is_required() {
    let app = App::with(UsersBuilder::requires_verification);
    let user = app.has_verified("ada@example.com").await;
    let token = app.token("ada@example.com").await;
    let statuses = async || {
        let patch = patch(&app, &token, json!({})).await;
        (app.status_of(&token).await, patch.status.as_u16())
    };
    assert_eq!(statuses().await, (200, 200));
    app.set(&user, "is_verified", Value::Bool(false)).await;
    assert_eq!(statuses().await, (403, 403));
    app.set(&user, "is_active", Value::Bool(false)).await;
    assert_eq!(statuses().await, (401, 401), "401 comes before 403");
}

#[tokio::test]
async fn absent_and_null_fields_change_nothing() {
    let app = App::new();
    let user = app.has_verified("ada@example.com").await;
    let token = app.token("ada@example.com").await;
    app.events.forget();
    let null = json!({
        "email": null, "password": null, "is_active": null, "is_superuser": null, "is_verified": null
    });
    for body in [json!({}), null, json!({ "unknown": 1 }), json!({ "email": "ada@EXAMPLE.com" })] {
        let answer = patch(&app, &token, body.clone()).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["is_verified"]), (200, &json!(true)), "{body}");
    }
    assert_eq!(app.stored(user.id).await, user);
}

#[tokio::test]
async fn in_02_what_only_a_superuser_may_set_is_checked_and_ignored() {
    let app = App::new();
    let user = app.has("ada@example.com").await;
    let token = app.token("ada@example.com").await;
    let body = json!({
        "id": crate::support::NOBODY, "hashed_password": "x", "oauth_accounts": [],
        "is_active": false, "is_superuser": true, "is_verified": true
    });
    let answer = patch(&app, &token, body).await;
    assert_eq!(answer.status, 200);
    assert_eq!(app.stored(user.id).await, user);
    let answer = patch(&app, &token, json!({ "is_superuser": "maybe" })).await;
    assert_eq!(answer.bad_fields(), (422, vec!["bool_parsing body.is_superuser".into()]));
}

#[tokio::test]
async fn a_new_address_is_unverified_and_logs_in_and_the_old_one_does_not() {
    let app = App::new();
    app.has_verified("ada@example.com").await;
    let token = app.token("ada@example.com").await;
    app.events.forget();

    let answer = patch(&app, &token, json!({ "email": " New@EXAMPLE.com " })).await;

    assert_eq!(answer.status, 200);
    assert_eq!(
        (&answer.json()["email"], &answer.json()["is_verified"]),
        (&json!("New@example.com"), &json!(false))
    );
    assert_eq!(app.events.take(), ["on_after_update New@example.com email"]);
    assert_eq!(app.login("ada@example.com", PASSWORD).await.status, 400);
    assert_eq!(app.login("new@example.com", PASSWORD).await.status, 200);
}

/// The user's own row counts, as in the original.
#[tokio::test]
async fn a_taken_address_is_refused_in_any_case_the_users_own_too() {
    let app = App::new();
    let user = app.has_verified("ada@example.com").await;
    app.has("bob@example.com").await;
    let token = app.token("ada@example.com").await;
    for email in ["bob@example.com", "BOB@example.com", "Ada@example.com"] {
        let answer = patch(&app, &token, json!({ "email": email })).await;
        assert_eq!(answer.error(), (400, json!("UPDATE_USER_EMAIL_ALREADY_EXISTS")), "{email}");
    }
    assert_eq!(app.stored(user.id).await, user);
}

#[tokio::test]
async fn pw_05_a_bad_password_is_refused_before_a_taken_address_and_leaves_all_unchanged() {
    let app = App::new();
    let user = app.has("ada@example.com").await;
    app.has("bob@example.com").await;
    let token = app.token("ada@example.com").await;
    for (body, reason) in [
        (
            json!({ "password": "short", "email": "bob@example.com" }),
            "Password should be at least 8 characters",
        ),
        (
            json!({ "password": "password1", "email": "free@example.com" }),
            "Password should not be a common password",
        ),
        (json!({ "password": "ada@example.com" }), "Password should not be the e-mail address"),
        (
            json!({ "password": "new@example.com", "email": "new@example.com" }),
            "Password should not be the e-mail address",
        ),
    ] {
        let answer = patch(&app, &token, body.clone()).await;
        let refused = json!({ "code": "UPDATE_USER_INVALID_PASSWORD", "reason": reason });
        assert_eq!(answer.error(), (400, refused), "{body}");
    }
    let answer =
        patch(&app, &token, json!({ "password": "a horse in the snow", "email": "bob@example.com" })).await;
    assert_eq!(answer.error(), (400, json!("UPDATE_USER_EMAIL_ALREADY_EXISTS")));
    assert_eq!(app.stored(user.id).await, user);
}

#[tokio::test]
async fn se_03_a_new_password_ends_the_other_sessions_and_not_this_one() {
    let app = App::new();
    app.has("ada@example.com").await;
    app.has("bob@example.com").await;
    let (this, other) = (app.session("ada@example.com").await, app.session("ada@example.com").await);
    let bobs = app.session("bob@example.com").await;

    let call = app.patch("/users/me").cookie("fastapiusersauth", &this);
    let answer = call.json(json!({ "password": "a horse in the snow" })).await;

    assert_eq!(answer.status, 200);
    assert_eq!(app.status_of_session(&this).await, 200);
    assert_eq!(app.status_of_session(&other).await, 401);
    assert_eq!(app.status_of_session(&bobs).await, 200);
    assert_eq!(app.login("ada@example.com", PASSWORD).await.status, 400);
    assert_eq!(app.login("ada@example.com", "a horse in the snow").await.status, 200);
}

#[tokio::test]
async fn se_03_a_change_without_a_password_ends_no_session() {
    let app = App::new();
    app.has("ada@example.com").await;
    let (this, other) = (app.session("ada@example.com").await, app.session("ada@example.com").await);
    let call = app.patch("/users/me").cookie("fastapiusersauth", &this);
    assert_eq!(call.json(json!({ "email": "new@example.com", "password": null })).await.status, 200);
    assert_eq!(app.status_of_session(&other).await, 200);
}

#[tokio::test]
async fn bad_fields_are_listed_password_first() {
    let app = App::new();
    app.has("ada@example.com").await;
    let token = app.token("ada@example.com").await;
    let body = json!({ "email": 1, "password": [], "is_verified": {}, "is_active": "x" });
    let expected = [
        "string_type body.password",
        "string_type body.email",
        "bool_parsing body.is_active",
        "bool_type body.is_verified",
    ];
    assert_eq!(patch(&app, &token, body).await.bad_fields(), (422, expected.map(String::from).to_vec()));

    for (content_type, body, expected) in [
        ("application/json", "", "missing body"),
        ("application/json", "[]", "model_attributes_type body"),
        ("text/plain", "{}", "model_attributes_type body"),
    ] {
        let answer = app.patch("/users/me").bearer(&token).body(content_type, body).await;
        assert_eq!(answer.bad_fields(), (422, vec![expected.to_owned()]), "{body}");
    }
}

/// Syntax, then who asks, then the fields, then what they ask for.
#[tokio::test]
async fn checks_come_in_the_originals_order() {
    let app = App::new();
    app.has("ada@example.com").await;
    let token = app.token("ada@example.com").await;
    let me = || app.patch("/users/me");
    assert_eq!(me().body("application/json", "{").await.status, 422, "syntax before authentication");
    assert_eq!(me().json(json!({ "email": 1 })).await.status, 401, "authentication before fields");
    let answer = me().bearer(&token).json(json!({ "email": 1, "password": "short" })).await;
    assert_eq!(
        answer.bad_fields(),
        (422, vec!["string_type body.email".into()]),
        "fields before the operation"
    );
}

#[tokio::test]
async fn deleting_oneself_by_this_path_is_deleting_nobody() {
    let app = App::new();
    app.has("ada@example.com").await;
    let (user, root) = (app.token("ada@example.com").await, app.superuser().await);
    assert_eq!(app.delete("/users/me").await.error(), (401, json!("Unauthorized")));
    assert_eq!(app.delete("/users/me").bearer(&user).await.error(), (403, json!("Forbidden")));
    assert_eq!(app.delete("/users/me").bearer(&root).await.error(), (404, json!("Not Found")));
}

#[tokio::test]
async fn other_methods_name_the_first_route_only() {
    let app = App::new();
    for method in ["HEAD", "OPTIONS", "POST", "PUT"] {
        let answer = app.call(method.parse().unwrap(), "/users/me").await;
        assert_eq!((answer.status.as_u16(), answer.header("allow")), (405, "GET"), "{method}");
        let body = if method == "HEAD" { "" } else { r#"{"detail":"Method Not Allowed"}"# };
        assert_eq!(answer.body, body, "{method}");
    }
    for path in ["/users", "/users/", "//users/me", "/Users/me", "/users/me/"] {
        assert_eq!(app.get(path).await.status, 404, "{path}");
    }
}
