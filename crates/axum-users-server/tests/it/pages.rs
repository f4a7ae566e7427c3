//! The pages that the server shows to people, and the document that it shows to programs.

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::database::Database;
use crate::support::http::Request;
use crate::support::server::{Launch, Server};
use crate::support::{SECRET, data, login, register};

const PAGES: [&str; 4] = ["/", "/docs", "/docs/oauth2-redirect", "/redoc"];

/// What pages may be given by whoever makes a link to them.
const PARAMETERS: [&str; 11] = [
    "next",
    "redirect",
    "return_to",
    "callbackURL",
    "url",
    "configUrl",
    "token",
    "code",
    "state",
    "error",
    "email",
];

async fn start() -> (Server, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let launch = Launch::new(&data("mail.toml"), folder.path()).database(&folder.path().join("users.sqlite"));
    (launch.start().await, folder)
}

fn page(path: &str) -> Request {
    Request::new("GET", path).header("accept", "text/html,*/*;q=0.8")
}

/// Whatever goes wrong, at the database too: neither what the server is made of, nor where it stands.
#[tokio::test]
async fn hd_04_no_error_tells_of_the_inside() {
    let (server, folder) = start().await;
    let user = register(&server, "ada@example.com", "analytical engine").await;
    assert_eq!(user.status, 201);
    let token = login(&server, "ada@example.com", "analytical engine").await.json()["access_token"].clone();
    let me = Request::new("GET", "/users/me").bearer(token.as_str().unwrap());
    let inside = [
        "axum",
        "hyper",
        "sqlx",
        "sqlite",
        "select ",
        "no such table",
        "panic",
        ".rs",
        "backtrace",
        env!("CARGO_PKG_VERSION"),
        folder.path().to_str().unwrap(),
    ];
    let mut requests = vec![
        (404, Request::new("GET", "/nowhere")),
        (405, Request::new("PUT", "/users/me")),
        (401, Request::new("GET", "/users/me").bearer("x.y.z")),
        (422, Request::new("POST", "/auth/register").json(&json!({ "email": 1 }))),
        (400, Request::new("POST", "/auth/verify").json(&json!({ "token": "' OR 1=1" }))),
        (400, Request::new("POST", "/auth/jwt/login").form(&[("username", "a"), ("password", "b")])),
        (403, Request::new("GET", "/users/1").bearer(token.as_str().unwrap())),
    ];
    for broken in [false, true] {
        for (status, request) in std::mem::take(&mut requests) {
            let answer = server.send(&request).await;
            assert_eq!(answer.status, status, "{request:?} {}", answer.text());
            let told = format!("{:?} {}", answer.headers, answer.text()).to_lowercase();
            for word in inside {
                assert!(!told.contains(word), "{request:?} is answered with {word}: {told}");
            }
        }
        if !broken {
            Database::new(&folder.path().join("users.sqlite")).execute("DROP TABLE user", &[]).await;
            let login = [("username", "ada@example.com"), ("password", "analytical engine")];
            requests = vec![
                (500, me.clone()),
                (500, Request::new("POST", "/auth/jwt/login").form(&login)),
                (
                    500,
                    Request::new("POST", "/auth/register")
                        .json(&json!({ "email": "b@example.com", "password": "analytical engine" })),
                ),
            ];
        }
    }
    assert!(server.log().contains("no such table"), "the operator is told: {}", server.log());
}

#[tokio::test]
async fn hd_01_hd_02_every_page_forbids_frames_inline_scripts_and_third_parties() {
    let (server, _folder) = start().await;
    for path in PAGES {
        let answer = server.send(&page(path)).await;
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"), "{path}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"), "{path}");
        assert_eq!(answer.header("x-frame-options"), Some("DENY"), "{path}");
        let policy = answer.header("content-security-policy").unwrap();
        for rule in ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"] {
            assert!(policy.contains(rule), "{path}: {policy}");
        }
        for loophole in ["unsafe", "http:", "https:", "*"] {
            assert!(!policy.contains(loophole), "{path}: {policy}");
        }
        let html = answer.text();
        let sources = html.split("src=\"").skip(1).chain(html.split("href=\"").skip(1));
        for source in sources.filter_map(|rest| rest.split('"').next()) {
            assert!(!source.contains("//"), "{path} loads {source}");
        }
        for script in html.split("<script").skip(1) {
            let (attributes, rest) = script.split_once('>').unwrap();
            assert!(
                attributes.contains("src=") && rest.starts_with("</script>"),
                "{path} has a script inline"
            );
        }
    }
}

#[tokio::test]
async fn hd_03_no_parameter_reaches_a_page() {
    let (server, _folder) = start().await;
    for path in PAGES {
        let plain = server.send(&page(path)).await.text();
        for value in ["%22%3E%3Cscript%3Ealert(1)%3C/script%3E", "javascript:alert(1)"] {
            for parameter in PARAMETERS {
                let answer = server.send(&page(&format!("{path}?{parameter}={value}"))).await;
                assert_eq!((answer.status, answer.text()), (200, plain.clone()), "{path} {parameter}");
            }
        }
    }
    let answer = server.send(&page("/%3Cscript%3Ealert(1)%3C/script%3E")).await;
    assert_eq!((answer.status, answer.header("content-type")), (404, Some("application/json")));
    assert!(!answer.text().contains("script"), "{}", answer.text());
}

#[tokio::test]
async fn hd_05_every_error_is_json_that_no_browser_takes_for_a_page() {
    let (server, _folder) = start().await;
    let post = |path: &str, body: Value| Request::new("POST", path).json(&body);
    let markup = "<script>alert(1)</script>";
    let form = [("username", "nobody@example.com"), ("password", markup)];
    let unreadable = Request { body: markup.into(), ..post("/auth/register", json!(null)) };
    let too_large = Request { body: vec![b' '; 2 * 1024 * 1024 + 1], ..post("/auth/register", json!(null)) };
    let mut requests = vec![
        (404, page("/nowhere")),
        (404, page(&format!("/nowhere/{}", markup.replace('<', "%3C").replace('>', "%3E")))),
        (405, page("/auth/jwt/login")),
        (401, page("/users/me").bearer(markup)),
        (422, post("/auth/register", json!({"email": markup, "password": markup}))),
        (422, unreadable),
        (413, too_large),
        (400, post("/auth/verify", json!({"token": markup}))),
        (400, post("/auth/reset-password", json!({"token": markup, "password": markup}))),
    ];
    let guess = || Request::new("POST", "/auth/jwt/login").form(&form);
    requests.extend((0..20).map(|_| (400, guess())).chain([(429, guess())]));
    for (status, request) in requests {
        let answer = server.send(&request).await;
        let seen = (answer.status, answer.header("content-type"), answer.header("x-content-type-options"));
        assert_eq!(seen, (status, Some("application/json"), Some("nosniff")), "{}", request.target);
        assert_ne!(answer.json()["detail"], Value::Null, "{}", answer.text());
    }
}

#[tokio::test]
async fn hd_09_the_document_shows_neither_secret_nor_hash() {
    let (server, _folder) = start().await;
    let document = server.send(&Request::new("GET", "/openapi.json")).await.text();
    for hidden in [SECRET, "hashed_password", "$argon2", "no-reply@example.com", "users.sqlite"] {
        assert!(!document.contains(hidden), "{hidden}");
    }
}
