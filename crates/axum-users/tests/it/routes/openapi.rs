use axum_users::{Bearer, Cookie, DatabaseTokens, Jwt, User};
use serde_json::{Value as Json, json};

use crate::support::{App, builder};

/// The document of a real FastAPI Users application.
fn recorded() -> Json {
    serde_json::from_str(include_str!("../../data/openapi-fastapi-users.json")).unwrap()
}

#[test]
fn the_document_of_the_recorded_applications_backends_is_the_recorded_one() {
    let app = App::<User>::bare(|builder| {
        builder
            .backend("jwt", Bearer::default(), Jwt::lasting_seconds(3600))
            .backend("cookie", Cookie::default(), DatabaseTokens::lasting_seconds(3600))
            .backend("redis", Bearer::default(), DatabaseTokens::lasting_seconds(3600))
            .document_info("FastAPI", "0.1.0")
    });

    let mut expected = recorded();
    expected["paths"].as_object_mut().unwrap().retain(|path, _| !path.contains("/corp/"));
    expected["components"]["schemas"].as_object_mut().unwrap().shift_remove("OAuth2AuthorizeResponse");
    let mut document = app.users.openapi();
    // What the original answers and leaves out of its document.
    for (path, status) in [
        ("/auth/forgot-password", "400"),
        ("/auth/request-verify-token", "400"),
        ("/auth/jwt/logout", "204"),
        ("/auth/redis/logout", "204"),
    ] {
        let responses = document["paths"][path]["post"]["responses"].as_object_mut().unwrap();
        assert!(responses.shift_remove(status).is_some(), "{path} {status}");
    }
    assert_eq!(document, expected);
}

#[test]
fn the_document_has_what_was_mounted_and_nothing_else() {
    let users =
        builder::<User>().backend("jwt", Bearer::default(), Jwt::lasting_seconds(60)).build().unwrap();
    assert_eq!(users.openapi()["paths"], json!({}));

    let _: axum::Router<()> = users.register_router().into();
    let _: axum::Router<()> = users.register_router().into();

    let document = users.openapi();
    let paths: Vec<_> = document["paths"].as_object().unwrap().keys().collect();
    assert_eq!(paths, ["/auth/register"], "mounted twice, written once");
    assert_eq!(document["info"], json!({ "title": "axum-users", "version": env!("CARGO_PKG_VERSION") }));
}

#[cfg(feature = "swagger-ui")]
#[tokio::test]
async fn the_pages_and_the_document_are_served_and_answer_head() {
    use crate::support::Client;

    let app = App::new();
    let document = app.users.openapi();
    let docs = Client::of(axum_users::docs_router(document.to_string()));
    let answer = docs.get("/openapi.json").await;
    assert_eq!((answer.status.as_u16(), answer.json()), (200, document));
    for path in ["/openapi.json", "/docs", "/redoc", "/docs/oauth2-redirect"] {
        let answer = docs.call("HEAD".parse().unwrap(), path).await;
        assert_eq!((answer.status.as_u16(), &*answer.body), (200, ""), "{path}");
    }
    let page = docs.get("/docs").await;
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    assert!(page.body.contains("swagger-ui-bundle.js"), "{}", page.body);
}
