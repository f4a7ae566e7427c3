//! Extractors in an application of their own, a state of its own, and a transport and a strategy of its own.

use std::{borrow::Cow, collections::HashMap};

use axum::{
    Json, Router,
    extract::FromRef,
    http::{HeaderMap, StatusCode},
    middleware::from_extractor_with_state,
    response::{IntoResponse, Response},
    routing::get,
};
use axum_users::{
    AnyUser, Authenticated, Bearer, CurrentUser, Database, ExposeSecret, InternalError, IssueContext, Issued,
    Jwt, Resolved, Strategy, Superuser, Timestamp, Transport, TransportDescription, User, Users,
    VerifiedSuperuser, VerifiedUser, schema::Value,
};
use serde_json::json;

use crate::support::{App, Client, Shared};

fn name(user: Option<User>) -> String {
    user.map_or_else(|| "nobody".to_owned(), |user| user.email)
}

/// An application with a route for each extractor and for its `Option`.
fn probes(users: &Users<User>) -> Client {
    let router = Router::new()
        .route("/any", get(async |AnyUser(user): AnyUser<User>| name(Some(user))))
        .route("/current", get(async |CurrentUser(user): CurrentUser<User>| name(Some(user))))
        .route("/verified", get(async |VerifiedUser(user): VerifiedUser<User>| name(Some(user))))
        .route("/superuser", get(async |Superuser(user): Superuser<User>| name(Some(user))))
        .route("/both", get(async |VerifiedSuperuser(user): VerifiedSuperuser<User>| name(Some(user))))
        .route("/token", get(async |it: Authenticated<User>| name(Some(it.user))))
        .route("/optional/any", get(async |it: Option<AnyUser<User>>| name(it.map(|it| it.0))))
        .route("/optional/current", get(async |it: Option<CurrentUser<User>>| name(it.map(|it| it.0))))
        .route("/optional/verified", get(async |it: Option<VerifiedUser<User>>| name(it.map(|it| it.0))))
        .route("/optional/superuser", get(async |it: Option<Superuser<User>>| name(it.map(|it| it.0))))
        .route("/optional/both", get(async |it: Option<VerifiedSuperuser<User>>| name(it.map(|it| it.0))))
        .route("/optional/token", get(async |it: Option<Authenticated<User>>| name(it.map(|it| it.user))));
    Client::of(router.with_state(users.clone()))
}

#[tokio::test]
async fn each_extractor_lets_through_whom_it_names() {
    let app = App::new();
    let client = probes(&app.users);
    let user = app.has("ada@example.com").await;
    let token = app.token("ada@example.com").await;
    let kinds = ["any", "current", "verified", "superuser", "both", "token"];
    // Active, verified, superuser; what each of the six says.
    for (flags, statuses) in [
        ([false, false, false], [200, 401, 401, 401, 401, 200]),
        ([false, true, true], [200, 401, 401, 401, 401, 200]),
        ([true, false, false], [200, 200, 403, 403, 403, 200]),
        ([true, true, false], [200, 200, 200, 403, 403, 200]),
        ([true, false, true], [200, 200, 403, 200, 403, 200]),
        ([true, true, true], [200, 200, 200, 200, 200, 200]),
    ] {
        for (column, flag) in ["is_active", "is_verified", "is_superuser"].into_iter().zip(flags) {
            app.set(&user, column, Value::Bool(flag)).await;
        }
        for (kind, status) in kinds.into_iter().zip(statuses) {
            let answer = client.get(&format!("/{kind}")).bearer(&token).await;
            assert_eq!(answer.status.as_u16(), status, "{kind} {flags:?}");
            let optional = client.get(&format!("/optional/{kind}")).bearer(&token).await;
            let expected = if status == 200 { "ada@example.com" } else { "nobody" };
            assert_eq!((optional.status.as_u16(), &*optional.body), (200, expected), "{kind} {flags:?}");
            match status {
                200 => assert_eq!(answer.body, "ada@example.com"),
                401 => assert_eq!(answer.body, r#"{"detail":"Unauthorized"}"#),
                _ => assert_eq!(answer.body, r#"{"detail":"Forbidden"}"#),
            }
        }
    }
    for kind in kinds {
        assert_eq!(client.get(&format!("/{kind}")).await.error(), (401, json!("Unauthorized")), "{kind}");
        assert_eq!(client.get(&format!("/optional/{kind}")).await.body, "nobody", "{kind}");
    }
}

#[tokio::test]
async fn the_token_that_was_used_is_told_with_its_backend() {
    let app = App::new();
    app.has("ada@example.com").await;
    let handler = async |it: Authenticated<User>| {
        let since = it.issued_at.map(Timestamp::unix_timestamp);
        Json(json!({ "backend": it.backend, "token": it.token.expose_secret(), "issued_at": since }))
    };
    let client = Client::of(Router::new().route("/", get(handler)).with_state(app.users.clone()));
    let (jwt, session) = (app.token("ada@example.com").await, app.session("ada@example.com").await);
    assert_eq!(
        client.get("/").bearer(&jwt).await.json(),
        json!({ "backend": "jwt", "token": jwt, "issued_at": null })
    );
    assert_eq!(
        client.get("/").cookie("fastapiusersauth", &session).await.json(),
        json!({ "backend": "cookie", "token": session, "issued_at": app.clock.unix_seconds() })
    );
}

#[tokio::test]
async fn one_line_guards_a_whole_tree() {
    let app = App::new();
    app.has("ada@example.com").await;
    let (user, root) = (app.token("ada@example.com").await, app.superuser().await);
    let admin = Router::new()
        .route("/report", get(async || "numbers"))
        .route("/log", get(async || "lines"))
        .route_layer(from_extractor_with_state::<Superuser<User>, _>(app.users.clone()));
    let client = Client::of(Router::new().nest("/admin", admin).route("/open", get(async || "open")));
    for path in ["/admin/report", "/admin/log"] {
        assert_eq!(client.get(path).await.status, 401, "{path}");
        assert_eq!(client.get(path).bearer(&user).await.status, 403, "{path}");
        assert_eq!(client.get(path).bearer(&root).await.status, 200, "{path}");
    }
    assert_eq!(client.get("/admin/unknown").await.status, 404);
    assert_eq!(client.get("/open").await.status, 200);
}

#[derive(Clone, FromRef)]
struct Shop {
    users: Users<User>,
    greeting: String,
}

#[tokio::test]
async fn users_are_found_in_an_applications_own_state() {
    use axum::extract::State;

    let app = App::new();
    app.has("ada@example.com").await;
    let hello = async |State(greeting): State<String>, CurrentUser(user): CurrentUser<User>| {
        format!("{greeting} {}!", user.email)
    };
    let shop = Shop { users: app.users.clone(), greeting: "Good day".into() };
    let router = Router::new().route("/", get(hello)).merge(app.users.router()).with_state(shop);
    let client = Client::of(router);
    let token = app.token("ada@example.com").await;
    assert_eq!(client.get("/").bearer(&token).await.body, "Good day ada@example.com!");
    assert_eq!(client.get("/users/me").bearer(&token).await.status, 200);
}

/// A token in a header of its own.
struct ApiKey;

impl Transport for ApiKey {
    fn token<'a>(&self, headers: &'a HeaderMap) -> Option<Cow<'a, str>> {
        headers.get("x-api-key")?.to_str().ok().map(Cow::Borrowed)
    }

    fn login_response(&self, issued: &Issued) -> Response {
        let key = issued.access_token.expose_secret();
        Json(json!({ "key": key, "expires_in": issued.expires_in })).into_response()
    }

    fn logout_response(&self) -> Response {
        StatusCode::RESET_CONTENT.into_response()
    }

    fn description(&self, token_url: &str) -> TransportDescription {
        let scheme =
            json!({ "type": "apiKey", "in": "header", "name": "x-api-key", "description": token_url });
        let responses = json!({ "200": { "description": "The key" } });
        TransportDescription::new("ApiKey", scheme).with_responses(responses, json!({}))
    }
}

/// Numbered keys, kept in memory.
#[derive(Default)]
struct Keys(Shared<HashMap<String, uuid::Uuid>>);

impl Strategy<User> for Keys {
    async fn issue(&self, context: IssueContext<'_, User>) -> Result<Issued, InternalError> {
        let mut keys = self.0.lock().unwrap();
        let key = format!("key-{}", keys.len());
        keys.insert(key.clone(), context.user.id);
        Ok(Issued::new(key, Some(7)))
    }

    async fn resolve(
        &self,
        token: &str,
        _: &Database<User>,
    ) -> Result<Option<Resolved<User>>, InternalError> {
        Ok(self.0.lock().unwrap().get(token).map(|&id| Resolved::id(id)))
    }

    async fn revoke(&self, token: &str, _: &Database<User>) -> Result<(), InternalError> {
        self.0.lock().unwrap().remove(token);
        Ok(())
    }

    async fn revoke_all(
        &self,
        user_id: &uuid::Uuid,
        except: Option<&str>,
        _: &Database<User>,
    ) -> Result<(), InternalError> {
        self.0.lock().unwrap().retain(|key, owner| owner != user_id || Some(&**key) == except);
        Ok(())
    }
}

#[tokio::test]
async fn a_transport_and_a_strategy_of_ones_own_work_everywhere() {
    let app = App::with(|builder| builder.backend("keys", ApiKey, Keys::default()));
    app.has("ada@example.com").await;
    let first = app.login_at("keys", "ada@example.com", crate::support::PASSWORD).await;
    assert_eq!(first.json(), json!({ "key": "key-0", "expires_in": 7 }));
    app.login_at("keys", "ada@example.com", crate::support::PASSWORD).await;
    let status = async |key: &str| app.get("/users/me").header("x-api-key", key).await.status.as_u16();
    assert_eq!((status("key-0").await, status("key-1").await, status("key-2").await), (200, 200, 401));

    let call = app.patch("/users/me").header("x-api-key", "key-1");
    assert_eq!(call.json(json!({ "password": "a horse in the snow" })).await.status, 200);
    assert_eq!((status("key-0").await, status("key-1").await), (401, 200), "se_03 holds for it too");

    let answer = app.post("/auth/keys/logout").header("x-api-key", "key-1").await;
    assert_eq!((answer.status.as_u16(), status("key-1").await), (205, 401));

    let document = app.users.openapi();
    assert_eq!(
        document["components"]["securitySchemes"]["ApiKey"],
        json!({ "type": "apiKey", "in": "header", "name": "x-api-key", "description": "auth/keys/login" })
    );
    let login = &document["paths"]["/auth/keys/login"]["post"]["responses"];
    assert_eq!(login["200"]["description"], "The key");
}

/// With a strategy of the library, too.
#[tokio::test]
async fn a_transport_of_ones_own_carries_jwts() {
    let app = App::bare(|builder| {
        builder.backend("key", ApiKey, Jwt::lasting_seconds(60)).backend(
            "jwt",
            Bearer::default(),
            Jwt::lasting_seconds(60),
        )
    });
    app.has("ada@example.com").await;
    let token = app.token("ada@example.com").await;
    assert_eq!(app.get("/users/me").header("x-api-key", &token).await.status, 200);
}
