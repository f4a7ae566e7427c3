//! The documentation pages: Swagger UI at `/docs`, from the binary, without the network.

use std::{
    io::{Cursor, Read},
    sync::LazyLock,
};

use axum::{
    Router,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use bytes::Bytes;
use utoipa_swagger_ui_vendored::SWAGGER_UI_VENDORED;
use zip::{ZipArchive, result::ZipError};

use crate::error::ApiError;

const HTML: &str = "text/html; charset=utf-8";
const JAVASCRIPT: &str = "text/javascript; charset=utf-8";

const DOCS: &str = include_str!("swagger/docs.html");
const OAUTH2_REDIRECT: &str = include_str!("swagger/oauth2-redirect.html");
const REDOC: &str = include_str!("swagger/redoc.html");
const INITIALIZER: &str = include_str!("swagger/swagger-initializer.js");

/// The files of Swagger UI that the pages load, and their types.
const ASSETS: [(&str, &str); 4] = [
    ("swagger-ui-bundle.js", JAVASCRIPT),
    ("swagger-ui.css", "text/css; charset=utf-8"),
    ("oauth2-redirect.js", JAVASCRIPT),
    ("favicon-32x32.png", "image/png"),
];

/// What the pages may do: load their own files, call their own server. Nothing inline, no third party, no
/// foreign frame (Swagger UI draws its icons from `data:` addresses).
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// GET and HEAD of `/openapi.json`, `/docs` with its files, `/docs/oauth2-redirect`, and `/redoc`, which in the
/// original is another view of the same document and here a page that points to `/docs`.
///
/// The pages refer to each other and to the document by relative addresses, so the router can be nested
/// anywhere.
///
/// ```
/// let document = serde_json::json!({ "openapi": "3.1.0", "info": { "title": "Shop", "version": "1" } });
/// let app: axum::Router = axum_users::docs_router(document.to_string());
/// ```
pub fn docs_router<S>(openapi_json: impl Into<Bytes>) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    let document: Bytes = openapi_json.into();
    let mut router = Router::new()
        .route("/openapi.json", get(async move || content("application/json", document)))
        .route("/docs", get(async || page(DOCS)))
        .route("/docs/oauth2-redirect", get(async || page(OAUTH2_REDIRECT)))
        .route("/docs/swagger-initializer.js", get(async || content(JAVASCRIPT, INITIALIZER)))
        .route("/redoc", get(async || page(REDOC)));
    for (name, content_type) in ASSETS {
        let path = format!("/docs/{name}");
        router =
            router.route(&path, get(async move |headers: HeaderMap| asset(name, content_type, &headers)));
    }
    router
}

fn content(content_type: &'static str, body: impl Into<Bytes>) -> Response {
    let headers = [(header::CONTENT_TYPE, content_type), (header::X_CONTENT_TYPE_OPTIONS, "nosniff")];
    (headers, body.into()).into_response()
}

fn page(html: &'static str) -> Response {
    const HEADERS: [(HeaderName, HeaderValue); 3] = [
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONTENT_SECURITY_POLICY)),
        (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    ];
    (HEADERS, content(HTML, html)).into_response()
}

/// One of Swagger UI's files, or 304 when the client has it (RFC 9110 section 13.1.2).
fn asset(name: &str, content_type: &'static str, headers: &HeaderMap) -> Response {
    static FILES: LazyLock<Vec<Asset>> = LazyLock::new(|| {
        unpack().unwrap_or_else(|error| {
            tracing::error!(%error, "Swagger UI cannot be unpacked");
            Vec::new()
        })
    });
    let Some(file) = FILES.iter().find(|file| file.name == name) else {
        return ApiError::NotFound.into_response();
    };
    let known = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let mut known = known.flat_map(|list| list.split(',')).map(|tag| tag.trim().trim_start_matches("W/"));
    let caching = [(header::ETAG, file.etag.as_str()), (header::CACHE_CONTROL, "public, max-age=3600")];
    if known.any(|tag| tag == "*" || tag == file.etag) {
        return (StatusCode::NOT_MODIFIED, caching).into_response();
    }
    (caching, content(content_type, file.bytes.clone())).into_response()
}

struct Asset {
    name: &'static str,
    bytes: Bytes,
    etag: String,
}

/// Unpacks the files that the pages load, once; the archive holds Swagger UI's whole source tree.
fn unpack() -> Result<Vec<Asset>, ZipError> {
    let mut archive = ZipArchive::new(Cursor::new(SWAGGER_UI_VENDORED))?;
    let first = archive.name_for_index(0).transpose()?.unwrap_or_default();
    // The top folder is named after the version.
    let top = first.split('/').next().unwrap_or_default().to_owned();
    ASSETS
        .into_iter()
        .map(|(name, _)| {
            let mut file = archive.by_name(&format!("{top}/dist/{name}"))?;
            let etag = format!("\"{:08x}\"", file.crc32());
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes)?;
            Ok(Asset { name, bytes: bytes.into(), etag })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use axum::{body::Body, http::Request};
    use http_body_util::BodyExt;
    use tower::ServiceExt;

    use super::*;

    async fn send(
        router: Router,
        method: &str,
        path: &str,
        if_none_match: Option<&str>,
    ) -> (Response<()>, Bytes) {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(etag) = if_none_match {
            request = request.header(header::IF_NONE_MATCH, etag);
        }
        let response = router.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        (Response::from_parts(parts, ()), body.collect().await.unwrap().to_bytes())
    }

    async fn get_path(path: &str) -> (Response<()>, Bytes) {
        send(docs_router(r#"{"openapi":"3.1.0"}"#), "GET", path, None).await
    }

    #[tokio::test]
    async fn every_page_and_file_is_served_with_its_type() {
        let table = [
            ("/openapi.json", "application/json", r#"{"openapi":"3.1.0"}"#),
            ("/docs", HTML, "docs/swagger-ui-bundle.js"),
            ("/docs/oauth2-redirect", HTML, "oauth2-redirect.js"),
            ("/redoc", HTML, r#"<a href="docs">"#),
            ("/docs/swagger-initializer.js", JAVASCRIPT, "SwaggerUIBundle({"),
            ("/docs/swagger-ui-bundle.js", JAVASCRIPT, "SwaggerUIBundle"),
            ("/docs/swagger-ui.css", "text/css; charset=utf-8", ".swagger-ui"),
            ("/docs/oauth2-redirect.js", JAVASCRIPT, "swaggerUIRedirectOauth2"),
            ("/docs/favicon-32x32.png", "image/png", "PNG"),
        ];
        for (path, content_type, part) in table {
            let (response, body) = get_path(path).await;
            assert_eq!(response.status(), StatusCode::OK, "{path}");
            assert_eq!(response.headers()[header::CONTENT_TYPE], content_type, "{path}");
            assert_eq!(response.headers()[header::X_CONTENT_TYPE_OPTIONS], "nosniff", "{path}");
            assert!(String::from_utf8_lossy(&body).contains(part), "{path}");

            let (head, nothing) = send(docs_router(r#"{"openapi":"3.1.0"}"#), "HEAD", path, None).await;
            assert_eq!(head.status(), StatusCode::OK, "HEAD {path}");
            assert_eq!(
                head.headers()[header::CONTENT_LENGTH],
                body.len().to_string().as_str(),
                "HEAD {path}"
            );
            assert!(nothing.is_empty(), "HEAD {path}");
        }
    }

    #[tokio::test]
    async fn pages_forbid_inline_scripts_third_parties_and_foreign_frames() {
        for path in ["/docs", "/docs/oauth2-redirect", "/redoc"] {
            let (response, body) = get_path(path).await;
            let policy = response.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
            assert!(
                policy.contains("frame-ancestors 'none'") && policy.contains("script-src 'self';"),
                "{path}"
            );
            assert!(!policy.contains("unsafe"), "{path}");
            assert_eq!(response.headers()[header::REFERRER_POLICY], "no-referrer", "{path}");
            let html = std::str::from_utf8(&body).unwrap();
            assert!(
                !html.contains("<style") && !html.contains("http:") && !html.contains("https:"),
                "{path}"
            );
            assert!(html.split("<script").skip(1).all(|script| script.starts_with(" src=")), "{path}");
        }
    }

    #[tokio::test]
    async fn a_file_that_the_client_has_is_not_sent_again() {
        let path = "/docs/swagger-ui.css";
        let (response, _) = get_path(path).await;
        let etag = response.headers()[header::ETAG].to_str().unwrap().to_owned();
        for known in [etag.clone(), format!("\"other\", W/{etag}"), "*".to_owned()] {
            let (response, body) = send(docs_router("{}"), "GET", path, Some(&known)).await;
            assert_eq!(response.status(), StatusCode::NOT_MODIFIED, "{known}");
            assert_eq!(response.headers()[header::ETAG], etag.as_str(), "{known}");
            assert!(body.is_empty(), "{known}");
        }
        let (response, _) = send(docs_router("{}"), "GET", path, Some("\"other\"")).await;
        assert_eq!(response.status(), StatusCode::OK);
    }

    #[tokio::test]
    async fn the_pages_work_under_a_mount() {
        let router = Router::new().nest("/api", docs_router("{}"));
        for path in ["/api/docs", "/api/docs/swagger-ui.css", "/api/openapi.json"] {
            assert_eq!(send(router.clone(), "GET", path, None).await.0.status(), StatusCode::OK, "{path}");
        }
    }
}
