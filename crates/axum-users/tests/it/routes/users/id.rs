use axum_users::{UsersBuilder, schema::Value};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use crate::support::{Answer, App, NOBODY, PASSWORD};

/// What is no id, written so that it can stand in a path.
const MALFORMED: [&str; 14] = [
    "1",
    "-1",
    "99999999999999999999999999999999999999999999",
    "%00",
    "%ff",
    "%c3%a9",
    "..%2fme",
    "me%00",
    "null",
    "undefined",
    "*",
    "0x1",
    "'%20OR%201=1",
    "00000000-0000-4000-8000-00000000000",
];

async fn patch(app: &App, token: &str, id: Uuid, body: Json) -> Answer {
    app.patch(&format!("/users/{id}")).bearer(token).json(body).await
}

#[tokio::test]
async fn en_09_in_07_only_superusers_are_told_who_there_is() {
    let app = App::new();
    let other = app.has("other@example.com").await;
    app.has("ada@example.com").await;
    let token = app.token("ada@example.com").await;
    for method in ["GET", "PATCH", "DELETE"] {
        for id in [&*other.id.to_string(), NOBODY, "malformed"] {
            let call =
                || app.call(method.parse().unwrap(), &format!("/users/{id}")).json(json!({ "email": 1 }));
            let answer = call().await;
            assert_eq!(
                (answer.status.as_u16(), &*answer.body),
                (401, r#"{"detail":"Unauthorized"}"#),
                "{method} {id}"
            );
            let answer = call().bearer(&token).await;
            assert_eq!(
                (answer.status.as_u16(), &*answer.body),
                (403, r#"{"detail":"Forbidden"}"#),
                "{method} {id}"
            );
        }
    }
    assert_eq!(app.stored(other.id).await, other);
}

#[tokio::test]
async fn in_06_what_is_no_id_is_nobodys() {
    let app = App::new();
    let token = app.superuser().await;
    for id in MALFORMED.into_iter().chain([NOBODY]) {
        for method in ["GET", "PATCH", "DELETE"] {
            // The user of the path comes before the fields of the body.
            let call = app.call(method.parse().unwrap(), &format!("/users/{id}"));
            let answer = call.bearer(&token).json(json!({ "email": 1 })).await;
            assert_eq!(answer.error(), (404, json!("Not Found")), "{method} {id}");
        }
    }
}

#[tokio::test]
async fn an_id_is_read_in_every_spelling_that_python_reads() {
    let app = App::new();
    let user = app.has("ada@example.com").await;
    let token = app.superuser().await;
    let id = user.id.to_string();
    for spelling in
        [id.to_uppercase(), user.id.simple().to_string(), format!("%7B{id}%7D"), format!("urn:uuid:{id}")]
    {
        let answer = app.get(&format!("/users/{spelling}")).bearer(&token).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["id"]), (200, &json!(id)), "{spelling}");
    }
}

#[tokio::test]
async fn a_superuser_reads_changes_and_deletes() {
    let app = App::new();
    let user = app.has("ada@example.com").await;
    let token = app.superuser().await;
    let path = format!("/users/{}", user.id);
    app.events.forget();

    let answer = app.get(&path).bearer(&token).await;
    let shown = json!({
        "id": user.id, "email": "ada@example.com", "is_active": true, "is_superuser": false, "is_verified": false
    });
    assert_eq!((answer.status.as_u16(), answer.body), (200, shown.to_string()));

    let body = json!({
        "email": "new@example.com", "password": "a horse in the snow",
        "is_active": true, "is_superuser": true, "is_verified": true
    });
    let answer = patch(&app, &token, user.id, body).await;
    let shown = json!({
        "id": user.id, "email": "new@example.com", "is_active": true, "is_superuser": true, "is_verified": true
    });
    assert_eq!((answer.status.as_u16(), answer.body), (200, shown.to_string()));
    assert_eq!(
        app.events.take(),
        ["on_after_update new@example.com password email is_active is_superuser is_verified"]
    );
    assert_eq!(app.login("new@example.com", "a horse in the snow").await.status, 200);

    app.events.forget();
    let answer = app.delete(&path).bearer(&token).await;
    assert_eq!((answer.status.as_u16(), answer.header("content-type"), &*answer.body), (204, "", ""));
    assert_eq!(app.events.take(), ["on_before_delete new@example.com", "on_after_delete new@example.com"]);
    assert_eq!(app.delete(&path).bearer(&token).await.status, 404);
    assert_eq!(app.register("new@example.com", PASSWORD).await.status, 201, "the address is free at once");
}

#[tokio::test]
async fn a_new_address_stays_verified_only_when_the_same_request_says_so() {
    let app = App::new();
    let user = app.has_verified("ada@example.com").await;
    let token = app.superuser().await;
    for (body, verified) in [
        (json!({ "email": "b@example.com" }), false),
        (json!({ "email": "c@example.com", "is_verified": true }), true),
        (json!({ "email": "d@example.com", "is_verified": null }), false),
        (json!({ "email": "d@example.com", "is_verified": true }), true),
        (json!({ "email": "d@example.com" }), true),
        (json!({ "email": "e@example.com", "is_verified": false }), false),
    ] {
        let answer = patch(&app, &token, user.id, body.clone()).await;
        assert_eq!(
            (answer.status.as_u16(), &answer.json()["is_verified"]),
            (200, &json!(verified)),
            "{body}"
        );
    }
}

/// Where the original fails with a 500.
#[tokio::test]
async fn null_counts_as_absent() {
    let app = App::new();
    let user = app.has("ada@example.com").await;
    let token = app.superuser().await;
    let body = json!({
        "email": null, "password": null, "is_active": null, "is_superuser": null, "is_verified": null
    });
    assert_eq!(patch(&app, &token, user.id, body).await.status, 200);
    assert_eq!(app.stored(user.id).await, user);
}

#[tokio::test]
async fn errors_are_those_of_ones_own_path() {
    let app = App::new();
    let user = app.has("ada@example.com").await;
    let token = app.superuser().await;
    let answer = patch(&app, &token, user.id, json!({ "email": "ROOT@example.com" })).await;
    assert_eq!(answer.error(), (400, json!("UPDATE_USER_EMAIL_ALREADY_EXISTS")));
    let answer =
        patch(&app, &token, user.id, json!({ "password": "short", "email": "ROOT@example.com" })).await;
    let reason = "Password should be at least 8 characters";
    assert_eq!(answer.error(), (400, json!({ "code": "UPDATE_USER_INVALID_PASSWORD", "reason": reason })));
    let answer = patch(&app, &token, user.id, json!({ "is_active": 7, "email": "x" })).await;
    let expected = ["value_error body.email", "bool_parsing body.is_active"];
    assert_eq!(answer.bad_fields(), (422, expected.map(String::from).to_vec()));
    assert_eq!(app.stored(user.id).await, user);
}

#[tokio::test]
async fn jw_17_se_07_a_deactivated_user_is_out_at_once_and_back_when_active_again() {
    let app = App::new();
    let user = app.has("ada@example.com").await;
    let root = app.superuser().await;
    let (token, session) = (app.token("ada@example.com").await, app.session("ada@example.com").await);
    let statuses = async || (app.status_of(&token).await, app.status_of_session(&session).await);
    assert_eq!(statuses().await, (200, 200));

    patch(&app, &root, user.id, json!({ "is_active": false })).await;
    assert_eq!(statuses().await, (401, 401));
    patch(&app, &root, user.id, json!({ "is_active": true })).await;
    assert_eq!(statuses().await, (200, 200));
    app.delete(&format!("/users/{}", user.id)).bearer(&root).await;
    assert_eq!(statuses().await, (401, 401));
    assert_eq!(app.register("ada@example.com", PASSWORD).await.status, 201);
    assert_eq!(statuses().await, (401, 401), "they open no account of the same address");
}

#[tokio::test]
async fn se_03_a_password_set_by_a_superuser_ends_all_sessions_of_the_user() {
    let app = App::new();
    let user = app.has("ada@example.com").await;
    let root = app.superuser().await;
    let (session, roots) = (app.session("ada@example.com").await, app.session("root@example.com").await);
    patch(&app, &root, user.id, json!({ "password": "a horse in the snow" })).await;
    assert_eq!(app.status_of_session(&session).await, 401);
    assert_eq!(app.status_of_session(&roots).await, 200);

    // One's own, by this path: the session that asks goes on.
    let id = app.users.get_by_email("root@example.com").await.unwrap().unwrap().id;
    let other = app.session("root@example.com").await;
    let call = app.patch(&format!("/users/{id}")).cookie("fastapiusersauth", &roots);
    assert_eq!(call.json(json!({ "password": "a horse in the snow" })).await.status, 200);
    assert_eq!(app.status_of_session(&roots).await, 200);
    assert_eq!(app.status_of_session(&other).await, 401);
}

#[tokio::test]
async fn a_superuser_may_demote_and_delete_itself() {
    let app = App::new();
    let token = app.superuser().await;
    let root = app.users.get_by_email("root@example.com").await.unwrap().unwrap();
    let path = format!("/users/{}", root.id);
    assert_eq!(patch(&app, &token, root.id, json!({ "is_superuser": false })).await.status, 200);
    assert_eq!(app.get(&path).bearer(&token).await.status, 403);
    app.set(&root, "is_superuser", Value::Bool(true)).await;
    assert_eq!(app.delete(&path).bearer(&token).await.status, 204);
    assert_eq!(app.get(&path).bearer(&token).await.status, 401);
}

#[tokio::test]
async fn where_verification_is_required_superusers_are_no_exception() {
    let app = App::with(UsersBuilder::requires_verification);
    let user = app.has("ada@example.com").await;
    let token = app.superuser().await;
    let root = app.users.get_by_email("root@example.com").await.unwrap().unwrap();
    let path = format!("/users/{}", user.id);
    assert_eq!(app.get(&path).bearer(&token).await.status, 200);
    app.set(&root, "is_verified", Value::Bool(false)).await;
    for method in ["GET", "PATCH", "DELETE"] {
        let call = app.call(method.parse().unwrap(), &path).bearer(&token).json(json!({}));
        assert_eq!(call.await.error(), (403, json!("Forbidden")), "{method}");
    }
}

#[tokio::test]
async fn pw_08_no_answer_shows_a_hash() {
    let app = App::new();
    let root = app.superuser().await;
    let registered = app.register("ada@example.com", PASSWORD).await;
    let id: Uuid = registered.json()["id"].as_str().unwrap().parse().unwrap();
    let (token, path) = (app.token("ada@example.com").await, format!("/users/{id}"));
    let verification = app.verification_token("ada@example.com").await;
    let answers = [
        registered,
        app.get("/users/me").bearer(&token).await,
        app.patch("/users/me").bearer(&token).json(json!({ "password": "a horse in the snow" })).await,
        app.verify(&verification).await,
        app.get(&path).bearer(&root).await,
        patch(&app, &root, id, json!({ "is_verified": true })).await,
    ];
    for answer in answers {
        assert!(answer.status.is_success(), "{answer:?}");
        for secret in ["hashed_password", "password", "$argon2", "$2b$"] {
            assert!(!answer.body.contains(secret), "{}", answer.body);
        }
    }
}

#[tokio::test]
async fn other_methods_name_the_first_route_only() {
    let app = App::new();
    for method in ["HEAD", "OPTIONS", "POST", "PUT"] {
        let answer = app.call(method.parse().unwrap(), &format!("/users/{NOBODY}")).await;
        assert_eq!((answer.status.as_u16(), answer.header("allow")), (405, "GET"), "{method}");
    }
}
