//! A guard on speed that no clock decides: what a signed-in request allocates.

use axum::{
    Router,
    body::Body,
    http::{Request, StatusCode, header::AUTHORIZATION},
};
use axum_users::{
    Argon2Parameters, Bearer, DatabaseTokens, Flags, Jwt, RequestInfo, User, UserCreate, Users,
};
use axum_users_sqlx::SqlxDatabase;
use tempfile::TempDir;
use tower::ServiceExt;

/// What `GET /users/me` may take, little more than it took when this was written. More wants a reason.
const BY_JWT: u64 = 72;
const BY_SESSION: u64 = 72;

struct App {
    router: Router,
    authorization: String,
    _folder: TempDir,
}

impl App {
    async fn new(backend: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let url = format!("sqlite://{}?mode=rwc", folder.path().join("users.db").display());
        let users = Users::<User>::builder(
            SqlxDatabase::connect(&url).await.unwrap(),
            "a secret of more than thirty-two bytes",
        )
        .argon2(Argon2Parameters::least())
        .backend("jwt", Bearer::default(), Jwt::lasting_seconds(3600))
        .backend("session", Bearer::default(), DatabaseTokens::lasting_seconds(3600))
        .build()
        .unwrap();
        users.migrate().await.unwrap();
        let new = UserCreate::new("ada@example.org", "a horse in the rain");
        let user = users.create(new, Flags::Ignored, &RequestInfo::default()).await.unwrap();
        let answer = users.login(backend, &user, &RequestInfo::default()).await.unwrap();
        let body = axum::body::to_bytes(answer.into_body(), usize::MAX).await.unwrap();
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        let authorization = format!("Bearer {}", body["access_token"].as_str().unwrap());
        Self { router: Router::from(users.router()), authorization, _folder: folder }
    }

    async fn ask(&self) -> StatusCode {
        let request = Request::get("/users/me").header(AUTHORIZATION, &self.authorization);
        let request = request.body(Body::empty()).unwrap();
        self.router.clone().oneshot(request).await.unwrap().status()
    }
}

/// Allocations of one request on the thread that answers it: SQLite is read there too.
fn allocations(backend: &str) -> u64 {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let app = runtime.block_on(App::new(backend));
    // What is made once is made now.
    for _ in 0..3 {
        assert_eq!(runtime.block_on(app.ask()), StatusCode::OK);
    }
    let counted = allocation_counter::measure(|| {
        assert_eq!(runtime.block_on(app.ask()), StatusCode::OK);
    });
    counted.count_total
}

#[test]
fn a_request_with_a_jwt_allocates_no_more_than_it_did() {
    let count = allocations("jwt");
    assert!(count <= BY_JWT, "{count}");
}

#[test]
fn a_request_with_a_session_allocates_no_more_than_it_did() {
    let count = allocations("session");
    assert!(count <= BY_SESSION, "{count}");
}
