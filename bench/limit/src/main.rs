//! The least that the measured work needs, written by hand for this one job: what the machine, axum, the driver and
//! the hash cost. It checks nothing that is not asked of it, so it is a yardstick and no example.

mod database;
mod oauth;
mod password;

use std::sync::Arc;

use axum::{
    Form, Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::{get, post},
};
use jsonwebtoken::{DecodingKey, EncodingKey, Header, Validation, decode, encode};
use redis::{AsyncCommands, aio::ConnectionManager};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    database::{Database, InPlace, User},
    oauth::Provider,
    password::Passwords,
};

const AUDIENCE: &str = "fastapi-users:auth";

struct App {
    database: Database,
    in_place: Option<InPlace>,
    redis: Option<ConnectionManager>,
    passwords: Passwords,
    provider: Provider,
    validation: Validation,
    decoding: DecodingKey,
    encoding: EncodingKey,
}

type Shared = State<Arc<App>>;
type Answer<T> = Result<Json<T>, StatusCode>;

#[derive(Serialize, Deserialize)]
struct Claims {
    sub: Uuid,
    aud: Vec<String>,
    exp: u64,
}

#[derive(Deserialize)]
struct Login {
    username: String,
    password: String,
}

#[derive(Serialize)]
struct Token {
    access_token: String,
    token_type: &'static str,
}

#[derive(Deserialize)]
struct Register {
    email: String,
    password: String,
}

#[tokio::main]
async fn main() {
    let variable = |name| std::env::var(name).ok();
    let secret = variable("SECRET").expect("SECRET");
    let url = variable("DATABASE_URL").expect("DATABASE_URL");
    let redis = match variable("REDIS_URL") {
        Some(url) => {
            let client = redis::Client::open(url).expect("REDIS_URL");
            Some(client.get_connection_manager().await.expect("Redis"))
        }
        None => None,
    };
    let mut validation = Validation::default();
    validation.set_audience(&[AUDIENCE]);
    let app = Arc::new(App {
        database: Database::open(&url).await,
        in_place: url.strip_prefix("sqlite://").map(InPlace::open),
        redis,
        passwords: Passwords::new(),
        provider: Provider::new(variable("OAUTH_PROVIDER").unwrap_or_default()),
        validation,
        decoding: DecodingKey::from_secret(secret.as_bytes()),
        encoding: EncodingKey::from_secret(secret.as_bytes()),
    });
    let router = Router::new()
        .route("/users/me", get(me))
        .route("/in-place/me", get(me_in_place))
        .route("/bare/me", get(me_bare))
        .route("/session/me", get(me_by_session))
        .route("/redis/me", get(me_by_redis))
        .route("/auth/jwt/login", post(login))
        .route("/auth/register", post(register))
        .route("/refresh/start", post(begin_refreshing))
        .route("/refresh", post(refresh))
        .route("/auth/bench/authorize", get(oauth::authorize))
        .route("/auth/bench/callback", get(oauth::callback))
        .with_state(app);
    let address = format!("127.0.0.1:{}", variable("PORT").expect("PORT"));
    // As many as the load has; `TcpListener::bind` lets 128 wait, and the 129th of a crowd tries again after a second.
    let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
    socket.set_reuseaddr(true).expect("an option of sockets");
    socket.bind(address.parse().expect("an address")).expect("a free port");
    let listener = socket.listen(1024).expect("listening");
    axum::serve(listener, router).await.expect("serving");
}

fn bearer(headers: &HeaderMap) -> Result<&str, StatusCode> {
    let header = headers.get("authorization").and_then(|value| value.to_str().ok());
    header.and_then(|value| value.strip_prefix("Bearer ")).ok_or(StatusCode::UNAUTHORIZED)
}

impl App {
    fn claims(&self, headers: &HeaderMap) -> Result<Claims, StatusCode> {
        let claims = decode(bearer(headers)?, &self.decoding, &self.validation);
        claims.map(|data| data.claims).map_err(|_| StatusCode::UNAUTHORIZED)
    }

    fn access_token(&self, id: Uuid) -> String {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
        let claims = Claims { sub: id, aud: vec![AUDIENCE.to_owned()], exp: now.as_secs() + 3600 };
        encode(&Header::default(), &claims, &self.encoding).expect("signing")
    }
}

/// JWT, one SELECT by primary key, JSON.
async fn me(State(app): Shared, headers: HeaderMap) -> Answer<User> {
    let id = app.claims(&headers)?.sub;
    app.database.user(id).await.map(Json).ok_or(StatusCode::UNAUTHORIZED)
}

/// The same with SQLite read on this thread.
async fn me_in_place(State(app): Shared, headers: HeaderMap) -> Answer<User> {
    let id = app.claims(&headers)?.sub;
    let in_place = app.in_place.as_ref().ok_or(StatusCode::NOT_FOUND)?;
    in_place.user(id).map(Json).ok_or(StatusCode::UNAUTHORIZED)
}

/// JWT and JSON without a database.
async fn me_bare(State(app): Shared, headers: HeaderMap) -> Answer<User> {
    let id = app.claims(&headers)?.sub;
    let email = "bench@example.com".to_owned();
    Ok(Json(User { id, email, is_active: true, is_superuser: false, is_verified: true }))
}

/// A session and its user in one query.
async fn me_by_session(State(app): Shared, headers: HeaderMap) -> Answer<User> {
    let user = app.database.user_of_session(bearer(&headers)?).await;
    user.map(Json).ok_or(StatusCode::UNAUTHORIZED)
}

/// A session in Redis, then its user.
async fn me_by_redis(State(app): Shared, headers: HeaderMap) -> Answer<User> {
    let key = format!("fastapi_users_token:{}", bearer(&headers)?);
    let mut redis = app.redis.clone().ok_or(StatusCode::NOT_FOUND)?;
    let id: Option<String> = redis.get(key).await.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    let id = id.and_then(|id| Uuid::parse_str(&id).ok()).ok_or(StatusCode::UNAUTHORIZED)?;
    app.database.user(id).await.map(Json).ok_or(StatusCode::UNAUTHORIZED)
}

async fn login(State(app): Shared, Form(form): Form<Login>) -> Answer<Token> {
    let (id, hash) = app.database.hash_of(&form.username).await.ok_or(StatusCode::BAD_REQUEST)?;
    if !app.passwords.verify(form.password, hash).await {
        return Err(StatusCode::BAD_REQUEST);
    }
    Ok(Json(Token { access_token: app.access_token(id), token_type: "bearer" }))
}

#[derive(Serialize)]
struct Refreshed {
    access_token: String,
    refresh_token: String,
}

#[derive(Deserialize)]
struct Refresh {
    refresh_token: String,
}

async fn begin_refreshing(State(app): Shared) -> Json<Refreshed> {
    let (id, secret, user_id) = (Uuid::new_v4(), Uuid::new_v4(), Uuid::new_v4());
    app.database.begin_refreshing(id, secret, user_id).await;
    Json(Refreshed { access_token: app.access_token(user_id), refresh_token: format!("{id}.{secret}") })
}

/// The token is checked and replaced by one statement.
async fn refresh(State(app): Shared, Json(body): Json<Refresh>) -> Answer<Refreshed> {
    let (id, secret) = body.refresh_token.split_once('.').ok_or(StatusCode::BAD_REQUEST)?;
    let read = |text| Uuid::parse_str(text).map_err(|_| StatusCode::BAD_REQUEST);
    let (id, secret, next) = (read(id)?, read(secret)?, Uuid::new_v4());
    let user_id = app.database.refresh(id, secret, next).await.ok_or(StatusCode::BAD_REQUEST)?;
    Ok(Json(Refreshed { access_token: app.access_token(user_id), refresh_token: format!("{id}.{next}") }))
}

async fn register(
    State(app): Shared,
    Json(body): Json<Register>,
) -> Result<(StatusCode, Json<User>), StatusCode> {
    let hash = app.passwords.hash(body.password).await;
    let user = User {
        id: Uuid::new_v4(),
        email: body.email,
        is_active: true,
        is_superuser: false,
        is_verified: false,
    };
    app.database.insert(&user, &hash).await.map_err(|_| StatusCode::BAD_REQUEST)?;
    Ok((StatusCode::CREATED, Json(user)))
}
