//! What is fuzzed: everything that reads bytes of strangers, by the public names that applications use. Each function
//! takes any bytes, and panics where something is wrong.
//!
//! `cargo fuzz run TARGET` looks for such bytes; a test of the server replays the corpus on stable Rust.

use std::{
    cell::RefCell,
    path::Path,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Body,
    http::{HeaderValue, Request, StatusCode},
};
use axum_users::{
    Argon2Parameters, Bearer, Cookie, DatabaseTokens, Jwt, MemoryDatabase, OAuthOptions, User, Users,
    normalize_email,
    reqwest_oauth::{
        CodeExchange, HttpError, HttpRequest, HttpResponse, HttpTransport, OAuthClient, OpenId,
        providers::GitHubOAuth2,
    },
};
use axum_users_server::Config;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use tower::ServiceExt;

/// A target.
pub type Target = fn(&[u8]);

/// Every target with its name, which is also that of its corpus and of its file in `fuzz_targets`.
pub const TARGETS: [(&str, Target); 7] = [
    ("config", config),
    ("cookie", cookie),
    ("email", email),
    ("jwt", jwt),
    ("login_form", login_form),
    ("oauth_state", oauth_state),
    ("provider", provider),
];

const SECRET: &str = "a-secret-of-the-fuzzer-and-no-other-0123456789";
const DISCOVERY: &str = r#"{"issuer": "https://id.example.com",
    "authorization_endpoint": "https://id.example.com/authorize",
    "token_endpoint": "https://id.example.com/token",
    "userinfo_endpoint": "https://id.example.com/userinfo",
    "jwks_uri": "https://id.example.com/keys"}"#;

/// A configuration file and environment variables, with a zero byte between each: read, or refused with a sentence.
pub fn config(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut parts = text.split('\0');
    let file = parts.next().unwrap_or_default();
    let variables: Vec<(String, String)> = parts
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (format!("AXUM_USERS__{name}"), value.to_owned()))
        .collect();
    if let Err(error) = Config::from_parts(Some((Path::new("axum-users.toml"), file)), &variables) {
        assert!(!error.to_string().is_empty());
    }
}

/// An e-mail address: its normal form is normal, and can stand in a mail's head.
pub fn email(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match normalize_email(text) {
        Ok(normal) => {
            assert_eq!(normalize_email(&normal).as_ref(), Ok(&normal), "of {text:?}");
            assert!(
                !normal.chars().any(|letter| letter.is_control() || letter.is_whitespace()),
                "{normal:?}"
            );
            assert!(!normal.contains(['<', '>', ',', ';']) && normal.len() <= 1024, "{normal:?}");
        }
        Err(error) => assert!(!error.reason().is_empty()),
    }
}

/// A `Cookie` header: nobody's.
pub fn cookie(data: &[u8]) {
    let Ok(value) = HeaderValue::from_bytes(data) else { return };
    let request = Request::get("/users/me").header("cookie", value);
    assert_eq!(status(request, Body::empty()), StatusCode::UNAUTHORIZED);
}

/// A bearer token, raw or signed: nobody's, since there are no users.
pub fn jwt(data: &[u8]) {
    let Some(token) = token(data) else { return };
    let Ok(value) = HeaderValue::from_bytes(&[b"Bearer ", &token[..]].concat()) else { return };
    let request = Request::get("/users/me").header("authorization", value);
    assert_eq!(status(request, Body::empty()), StatusCode::UNAUTHORIZED);
}

/// The body of a login or a registration, of the kind that the first byte says: taken or refused.
pub fn login_form(data: &[u8]) {
    let Some((kind, body)) = data.split_first() else { return };
    let content_type = match kind % 4 {
        0 => "application/x-www-form-urlencoded",
        1 => "multipart/form-data; boundary=b",
        2 => "multipart/form-data; boundary=\"a b\"",
        _ => "application/json",
    };
    let path = if content_type == "application/json" { "/auth/register" } else { "/auth/jwt/login" };
    let request = Request::post(path).header("content-type", content_type);
    let status = status(request, Body::from(body.to_vec()));
    assert!(status.is_success() || status.is_client_error(), "{status}");
}

/// The state of an OAuth callback, raw or signed, with a cookie that may belong to it: never a login, since the code
/// is no good.
pub fn oauth_state(data: &[u8]) {
    let Some(token) = token(data) else { return };
    let query: String = form_urlencoded::byte_serialize(&token).collect();
    for path in ["/auth/corp/callback", "/auth/associate/corp/callback"] {
        let request = Request::get(format!("{path}?code=c&state={query}"))
            .header("cookie", "fastapiusersoauthcsrf=the-browser-of-the-fuzzer");
        assert!(status(request, Body::empty()).is_client_error(), "{path}");
    }
}

/// What a provider says: the answer of its token endpoint and the profile, with a zero byte between. The first byte
/// says which provider, and whether the first part is the claims of an ID token.
pub fn provider(data: &[u8]) {
    let Some((kind, rest)) = data.split_first() else { return };
    let mut parts = rest.splitn(2, |byte| *byte == 0);
    let (first, second) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let answer = if kind & 2 == 0 {
        first.to_vec()
    } else {
        let id_token = signed(br#"{"alg":"HS256"}"#, first);
        format!(r#"{{"access_token":"a","token_type":"bearer","id_token":"{id_token}"}}"#).into_bytes()
    };
    let transport = Scripted(Arc::new(Mutex::new((answer, second.to_vec()))));
    if kind & 1 == 0 {
        log_in(&open_id(transport));
    } else {
        log_in(&GitHubOAuth2::new("client", SECRET).transport(transport));
    }
}

fn log_in(client: &impl OAuthClient) {
    block_on(async {
        let exchange = CodeExchange::new("code", "https://app.example.com/callback");
        let Ok(token) = client.access_token(&exchange).await else { return };
        if let Ok(identity) = client.identity(&token, None).await {
            assert!(!identity.id.is_empty(), "an account without an id");
        }
    });
}

/// A token of the kind that the first byte says: raw, signed claims, or a signed header with claims.
fn token(data: &[u8]) -> Option<Vec<u8>> {
    let (kind, rest) = data.split_first()?;
    Some(match kind % 3 {
        0 => rest.to_vec(),
        1 => signed(br#"{"typ":"JWT","alg":"HS256"}"#, rest).into_bytes(),
        _ => {
            let mut parts = rest.splitn(2, |byte| *byte == 0);
            signed(parts.next()?, parts.next()?).into_bytes()
        }
    })
}

fn signed(header: &[u8], claims: &[u8]) -> String {
    let text = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(text.as_bytes());
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
}

/// Answers the token endpoint with the first text and every profile with the second.
struct Scripted(Arc<Mutex<(Vec<u8>, Vec<u8>)>>);

impl HttpTransport for Scripted {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let script = self.0.lock().map_err(|_| HttpError::TooLarge)?;
        let body = match request.url.path() {
            "/.well-known/openid-configuration" => DISCOVERY.as_bytes().to_vec(),
            path if path.contains("token") => script.0.clone(),
            _ => script.1.clone(),
        };
        Ok(HttpResponse { status: 200, body: body.into() })
    }
}

fn open_id(transport: Scripted) -> OpenId {
    OpenId::new("client", SECRET, "https://id.example.com/.well-known/openid-configuration")
        .name("corp")
        .id_tokens_signed_with_secret("HS256")
        .expect("HS256 signs with secrets")
        .transport(transport)
}

/// An application without users.
fn application() -> Router {
    let no_code_is_good = br#"{"error": "invalid_grant"}"#.to_vec();
    let transport = Scripted(Arc::new(Mutex::new((no_code_is_good, Vec::new()))));
    let users = Users::<User>::builder(MemoryDatabase::default(), SECRET)
        .argon2(Argon2Parameters::least())
        .backend("jwt", Bearer::default(), Jwt::lasting_seconds(3600))
        .backend("cookie", Cookie::default(), DatabaseTokens::lasting_seconds(3600))
        .oauth(open_id(transport), OAuthOptions::backend("jwt"))
        .public_url("https://app.example.com")
        .build()
        .expect("an application");
    users.router().into()
}

thread_local! {
    static RUNTIME: tokio::runtime::Runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    /// With how many requests it has answered.
    static APPLICATION: RefCell<(Router, usize)> = RefCell::new((started(), 0));
}

/// After so many requests there is a new application: whoever registers stays in the memory of the old one.
const REQUESTS: usize = 10_000;

fn started() -> Router {
    RUNTIME.with(|runtime| {
        let _entered = runtime.enter();
        application()
    })
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    RUNTIME.with(|runtime| runtime.block_on(work))
}

/// The status of the application's answer.
fn status(request: axum::http::request::Builder, body: Body) -> StatusCode {
    let application = APPLICATION.with_borrow_mut(|(application, requests)| {
        if *requests == REQUESTS {
            (*application, *requests) = (started(), 0);
        }
        *requests += 1;
        application.clone()
    });
    let request = request.body(body).expect("a request");
    let Ok(response) = block_on(application.oneshot(request));
    response.status()
}
