//! An OpenID provider on this machine that speaks real HTTP: honest unless a test has it lie or break.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard},
};

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use axum::{
    Json as JsonAnswer, Router,
    extract::State as FromState,
    http::{HeaderMap, StatusCode, header::LOCATION},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use axum_users::{
    Clock,
    reqwest_oauth::{OAuth2, OAuth2Endpoints, OpenId},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;

use super::flow::{Flow, Parameters, last};
use crate::support::BEGINNING;

pub const CLIENT_ID: &str = "client-of-the-tests";
pub const CLIENT_SECRET: &str = "client-secret-of-the-tests";

/// Somebody with an account at the provider.
#[derive(Clone, Debug)]
pub struct Person {
    pub sub: String,
    pub claims: Json,
}

impl Person {
    /// With an address that the provider has verified.
    pub fn new(sub: &str, email: &str) -> Self {
        Self { sub: sub.to_owned(), claims: json!({ "sub": sub, "email": email, "email_verified": true }) }
    }

    /// With another claim.
    pub fn with(mut self, claim: &str, value: impl Into<Json>) -> Self {
        self.claims[claim] = value.into();
        self
    }

    pub fn without(mut self, claim: &str) -> Self {
        self.claims.as_object_mut().unwrap().remove(claim);
        self
    }

    /// The provider says that it never checked the address.
    pub fn unverified(self) -> Self {
        self.with("email_verified", false)
    }
}

/// How an endpoint breaks.
#[derive(Clone, Debug)]
pub enum Fault {
    /// This status and body.
    Answer(u16, &'static str),
    /// This status, to be asked elsewhere.
    Redirect(u16, String),
}

/// Whose signature an ID token has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Signature {
    #[default]
    Own,
    /// `alg` is `none`, and there is none.
    None,
    /// HMAC with the client secret.
    ClientSecret,
    /// A key that the provider does not publish, under the name of one that it does.
    ForeignKey,
    /// A key that the provider does not publish, under its own name.
    UnknownKey,
}

/// What the provider does that an honest one does not.
#[derive(Clone, Debug, Default)]
pub struct Script {
    /// Members of the discovery document that are set; null takes one away.
    pub document: Vec<(&'static str, Json)>,
    /// Claims of ID tokens that are set; null takes one away.
    pub id_token: Vec<(&'static str, Json)>,
    pub signature: Signature,
    /// Whether token answers have no ID token.
    pub no_id_token: bool,
    /// Members of token answers that are set.
    pub token_answer: Vec<(&'static str, Json)>,
    /// Members of the userinfo that are set.
    pub userinfo: Vec<(&'static str, Json)>,
    /// How endpoints break, by path.
    pub faults: HashMap<&'static str, Fault>,
}

/// A request that the provider got.
#[derive(Clone, Debug)]
pub struct Sent {
    pub path: String,
    pub form: Parameters,
}

impl Sent {
    pub fn field(&self, name: &str) -> &str {
        last(&self.form, name)
    }
}

struct Grant {
    person: Person,
    redirect_uri: String,
    code_challenge: String,
    nonce: String,
}

#[derive(Default)]
struct Books {
    script: Script,
    grants: HashMap<String, Grant>,
    /// Access and refresh tokens, and whose they are.
    tokens: HashMap<String, Person>,
    sent: Vec<Sent>,
    issued: u32,
}

struct Inner {
    url: String,
    clock: Clock,
    own_key: Key,
    foreign_key: Key,
    books: Mutex<Books>,
}

struct Key {
    signing: EncodingKey,
    jwk: Json,
}

impl Key {
    fn new() -> Self {
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let der = EcdsaKeyPair::generate_pkcs8(algorithm, &SystemRandom::new()).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(algorithm, der.as_ref()).unwrap();
        let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
        let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
        let jwk = json!({
            "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": "own", "x": x, "y": y
        });
        Self { signing: EncodingKey::from_ec_der(der.as_ref()), jwk }
    }
}

/// The provider; it ends with the test.
#[derive(Clone)]
pub struct Provider {
    inner: Arc<Inner>,
}

impl Provider {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let inner = Arc::new(Inner {
            url: format!("http://{}", listener.local_addr().unwrap()),
            clock: Clock::stopped_at_unix_seconds(BEGINNING),
            own_key: Key::new(),
            foreign_key: Key::new(),
            books: Mutex::default(),
        });
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(discovery))
            .route("/jwks", get(jwks))
            .route("/token", post(token))
            .route("/userinfo", get(userinfo))
            .route("/elsewhere", post(elsewhere))
            .with_state(Arc::clone(&inner));
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { inner }
    }

    pub fn url(&self) -> &str {
        &self.inner.url
    }

    /// The time that provider, client and application share.
    pub fn clock(&self) -> &Clock {
        &self.inner.clock
    }

    /// An OpenID client of it, named `corp`.
    pub fn client(&self) -> OpenId {
        let clock = self.inner.clock.clone();
        let document = format!("{}/.well-known/openid-configuration", self.inner.url);
        OpenId::new(CLIENT_ID, CLIENT_SECRET, document)
            .name("corp")
            .scopes(["openid", "email"])
            .clock(move || clock.unix_seconds())
    }

    /// An OAuth2 client of it, named `plain`: no discovery, no ID tokens.
    pub fn plain_client(&self) -> OAuth2 {
        let clock = self.inner.clock.clone();
        let endpoints = OAuth2Endpoints {
            authorize_endpoint: format!("{}/authorize", self.inner.url),
            access_token_endpoint: format!("{}/token", self.inner.url),
            profile_endpoint: Some(format!("{}/userinfo", self.inner.url)),
            ..OAuth2Endpoints::default()
        };
        OAuth2::new(CLIENT_ID, CLIENT_SECRET, endpoints)
            .unwrap()
            .name("plain")
            .clock(move || clock.unix_seconds())
    }

    /// Changes what the provider does from now on.
    pub fn script(&self, change: impl FnOnce(&mut Script)) {
        change(&mut self.inner.books().script);
    }

    pub fn breaks(&self, path: &'static str, fault: Fault) {
        self.script(|script| drop(script.faults.insert(path, fault)));
    }

    /// The person agrees on the page that the authorization URL leads to: what the browser brings back.
    pub fn consent(&self, flow: &Flow, person: &Person) -> Parameters {
        let mut books = self.inner.books();
        books.issued += 1;
        let code = format!("code-{}", books.issued);
        let grant = Grant {
            person: person.clone(),
            redirect_uri: flow.parameter("redirect_uri"),
            code_challenge: flow.parameter("code_challenge"),
            nonce: flow.parameter("nonce"),
        };
        books.grants.insert(code.clone(), grant);
        let state = flow.parameter("state");
        vec![("code".into(), code), ("state".into(), state), ("iss".into(), self.inner.url.clone())]
    }

    /// The requests since the last call, to one path.
    pub fn requests(&self, path: &str) -> Vec<Sent> {
        let mut books = self.inner.books();
        let (wanted, rest) = std::mem::take(&mut books.sent).into_iter().partition(|sent| sent.path == path);
        books.sent = rest;
        wanted
    }
}

impl Inner {
    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap()
    }

    fn id_token(&self, script: &Script, person: &Person, nonce: &str, access_token: &str) -> String {
        let now = self.clock.unix_seconds();
        let mut claims = json!({
            "iss": self.url, "aud": CLIENT_ID, "sub": person.sub, "iat": now, "exp": now + 600, "nonce": nonce,
            "at_hash": URL_SAFE_NO_PAD.encode(&Sha256::digest(access_token)[..16]),
        });
        set_all(&mut claims, &script.id_token);
        let header = |algorithm: Algorithm, key: &str| {
            let mut header = Header::new(algorithm);
            header.kid = Some(key.to_owned());
            header
        };
        let sign = |header: &Header, key: &EncodingKey| jsonwebtoken::encode(header, &claims, key).unwrap();
        match script.signature {
            Signature::Own => sign(&header(Algorithm::ES256, "own"), &self.own_key.signing),
            Signature::ForeignKey => sign(&header(Algorithm::ES256, "own"), &self.foreign_key.signing),
            Signature::UnknownKey => sign(&header(Algorithm::ES256, "other"), &self.foreign_key.signing),
            Signature::ClientSecret => {
                let key = EncodingKey::from_secret(CLIENT_SECRET.as_bytes());
                sign(&header(Algorithm::HS256, "own"), &key)
            }
            Signature::None => {
                let part = |json: &Json| URL_SAFE_NO_PAD.encode(json.to_string());
                format!("{}.{}.", part(&json!({ "alg": "none" })), part(&claims))
            }
        }
    }
}

/// Sets members of an object; null takes one away.
fn set_all(object: &mut Json, members: &[(&'static str, Json)]) {
    for (name, value) in members {
        match value {
            Json::Null => drop(object.as_object_mut().unwrap().remove(*name)),
            value => object[*name] = value.clone(),
        }
    }
}

type State = FromState<Arc<Inner>>;

/// Notes a request; the answer of an endpoint that breaks.
fn note(inner: &Inner, path: &str, body: &str) -> Option<Response> {
    let mut books = inner.books();
    let form = form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    books.sent.push(Sent { path: path.to_owned(), form });
    let status = |status: &u16| StatusCode::from_u16(*status).unwrap();
    Some(match books.script.faults.get(path)? {
        Fault::Answer(code, body) => (status(code), *body).into_response(),
        Fault::Redirect(code, url) => (status(code), [(LOCATION, url.clone())]).into_response(),
    })
}

async fn discovery(FromState(inner): State) -> Response {
    if let Some(fault) = note(&inner, "/.well-known/openid-configuration", "") {
        return fault;
    }
    let url = &inner.url;
    let mut document = json!({
        "issuer": url,
        "authorization_endpoint": format!("{url}/authorize"),
        "token_endpoint": format!("{url}/token"),
        "userinfo_endpoint": format!("{url}/userinfo"),
        "jwks_uri": format!("{url}/jwks"),
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "id_token_signing_alg_values_supported": ["ES256"],
        "token_endpoint_auth_methods_supported": ["client_secret_post"],
        "authorization_response_iss_parameter_supported": true,
    });
    set_all(&mut document, &inner.books().script.document);
    JsonAnswer(document).into_response()
}

async fn jwks(FromState(inner): State) -> Response {
    let fault = note(&inner, "/jwks", "");
    fault.unwrap_or_else(|| JsonAnswer(json!({ "keys": [inner.own_key.jwk] })).into_response())
}

async fn elsewhere(FromState(inner): State, body: String) -> Response {
    note(&inner, "/elsewhere", &body).unwrap_or_else(|| StatusCode::OK.into_response())
}

/// RFC 6749 section 5.2.
fn refused(error: &str) -> Response {
    (StatusCode::BAD_REQUEST, JsonAnswer(json!({ "error": error }))).into_response()
}

async fn token(FromState(inner): State, body: String) -> Response {
    if let Some(fault) = note(&inner, "/token", &body) {
        return fault;
    }
    let form: HashMap<String, String> = form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    let field = |name: &str| form.get(name).map_or("", String::as_str);
    if (field("client_id"), field("client_secret")) != (CLIENT_ID, CLIENT_SECRET) {
        return refused("invalid_client");
    }
    let mut books = inner.books();
    let (person, nonce) = match field("grant_type") {
        "authorization_code" => match books.grants.remove(field("code")) {
            Some(grant) if is_met(&grant, field("redirect_uri"), field("code_verifier")) => {
                (grant.person, grant.nonce)
            }
            _ => return refused("invalid_grant"),
        },
        "refresh_token" => match books.tokens.remove(field("refresh_token")) {
            Some(person) => (person, String::new()),
            None => return refused("invalid_grant"),
        },
        _ => return refused("unsupported_grant_type"),
    };
    books.issued += 1;
    let number = books.issued;
    let (access_token, refresh_token) = (format!("access-{number}"), format!("refresh-{number}"));
    let mut answer = json!({
        "access_token": access_token, "refresh_token": refresh_token, "token_type": "Bearer", "expires_in": 3600
    });
    if !books.script.no_id_token {
        answer["id_token"] = inner.id_token(&books.script, &person, &nonce, &access_token).into();
    }
    set_all(&mut answer, &books.script.token_answer);
    books.tokens.insert(access_token, person.clone());
    books.tokens.insert(refresh_token, person);
    JsonAnswer(answer).into_response()
}

/// RFC 6749 section 4.1.3 and RFC 7636 section 4.6.
fn is_met(grant: &Grant, redirect_uri: &str, verifier: &str) -> bool {
    let challenge = match verifier {
        "" => String::new(),
        verifier => URL_SAFE_NO_PAD.encode(Sha256::digest(verifier)),
    };
    grant.redirect_uri == redirect_uri && grant.code_challenge == challenge
}

async fn userinfo(FromState(inner): State, headers: HeaderMap) -> Response {
    if let Some(fault) = note(&inner, "/userinfo", "") {
        return fault;
    }
    let books = inner.books();
    let token = headers.get("authorization").and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    let Some(person) = token.and_then(|token| books.tokens.get(token)) else {
        return StatusCode::UNAUTHORIZED.into_response();
    };
    let mut claims = person.claims.clone();
    set_all(&mut claims, &books.script.userinfo);
    JsonAnswer(claims).into_response()
}
