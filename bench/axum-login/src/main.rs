//! axum-login as its documentation sets it up: a user table, sessions in SQLite, Argon2 on a blocking thread.

use argon2::{
    Argon2,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use axum::{
    Form, Json, Router,
    http::StatusCode,
    routing::{get, post},
};
use axum_login::{
    AuthManagerLayerBuilder, AuthSession, AuthUser, AuthnBackend, UserId,
    tower_sessions::{Expiry, SessionManagerLayer},
};
use serde::{Deserialize, Serialize};
use sqlx::{
    Row, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteRow, SqliteSynchronous},
};
use tower_sessions_sqlx_store::SqliteStore;

#[derive(Clone, Debug)]
struct User {
    id: i64,
    email: String,
    hash: String,
}

#[derive(Serialize)]
struct Shown {
    id: i64,
    email: String,
}

impl AuthUser for User {
    type Id = i64;

    fn id(&self) -> i64 {
        self.id
    }

    fn session_auth_hash(&self) -> &[u8] {
        self.hash.as_bytes()
    }
}

#[derive(Clone, Deserialize)]
struct Login {
    username: String,
    password: String,
}

#[derive(Clone)]
struct Backend {
    pool: SqlitePool,
}

fn user(row: &SqliteRow) -> User {
    User { id: row.get(0), email: row.get(1), hash: row.get(2) }
}

fn parameters() -> Argon2<'static> {
    let params = argon2::Params::new(65536, 3, 4, Some(32)).expect("parameters");
    Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params)
}

impl AuthnBackend for Backend {
    type User = User;
    type Credentials = Login;
    type Error = sqlx::Error;

    async fn authenticate(&self, login: Login) -> Result<Option<User>, sqlx::Error> {
        let found = sqlx::query("SELECT id, email, hash FROM users WHERE email = ?").bind(&login.username);
        let user = found.fetch_optional(&self.pool).await?.as_ref().map(user);
        let verify = move || {
            let user = user?;
            let hash = PasswordHash::new(&user.hash).ok()?;
            parameters().verify_password(login.password.as_bytes(), &hash).ok()?;
            Some(user)
        };
        Ok(tokio::task::spawn_blocking(verify).await.expect("hashing"))
    }

    async fn get_user(&self, id: &UserId<Self>) -> Result<Option<User>, sqlx::Error> {
        let found = sqlx::query("SELECT id, email, hash FROM users WHERE id = ?").bind(id);
        Ok(found.fetch_optional(&self.pool).await?.as_ref().map(user))
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::var("DATABASE_URL")?;
    let options: SqliteConnectOptions = url.parse()?;
    let options = options
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Normal);
    let pool = SqlitePool::connect_with(options).await?;
    sqlx::query("CREATE TABLE IF NOT EXISTS users (id INTEGER PRIMARY KEY, email TEXT UNIQUE, hash TEXT)")
        .execute(&pool)
        .await?;
    // Only once: a start is measured, too.
    if sqlx::query("SELECT 1 FROM users").fetch_optional(&pool).await?.is_none() {
        let hash: PasswordHash = parameters().hash_password(b"a horse in the rain").expect("hashing");
        sqlx::query("INSERT INTO users (email, hash) VALUES ('bench@example.com', ?)")
            .bind(hash.to_string())
            .execute(&pool)
            .await?;
    }
    let store = SqliteStore::new(pool.clone());
    store.migrate().await?;
    let hour = Expiry::OnInactivity(time::Duration::hours(1));
    let sessions = SessionManagerLayer::new(store).with_secure(false).with_expiry(hour);
    let app = Router::new()
        .route("/users/me", get(me))
        .route("/login", post(login))
        .layer(AuthManagerLayerBuilder::new(Backend { pool }, sessions).build());
    // As many may wait to be accepted as the load has, as with the others.
    let socket = tokio::net::TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(format!("127.0.0.1:{}", std::env::var("PORT")?).parse()?)?;
    Ok(axum::serve(socket.listen(1024)?, app).await?)
}

async fn me(session: AuthSession<Backend>) -> Result<Json<Shown>, StatusCode> {
    let user = session.user.ok_or(StatusCode::UNAUTHORIZED)?;
    Ok(Json(Shown { id: user.id, email: user.email }))
}

async fn login(
    mut session: AuthSession<Backend>,
    Form(login): Form<Login>,
) -> Result<StatusCode, StatusCode> {
    let failed = |_| StatusCode::INTERNAL_SERVER_ERROR;
    let user = session.authenticate(login).await.map_err(failed)?.ok_or(StatusCode::UNAUTHORIZED)?;
    session.login(&user).await.map_err(failed)?;
    Ok(StatusCode::NO_CONTENT)
}
