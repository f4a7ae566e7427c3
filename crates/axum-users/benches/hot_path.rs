//! Micro-benchmarks of what every request, or every login, goes through: `cargo bench -p axum-users`.

#![allow(missing_docs, clippy::unwrap_used, reason = "no part of the library")]

use std::hint::black_box;

use axum::{
    Router,
    body::Body,
    extract::FromRequestParts,
    http::{Request, header::AUTHORIZATION, request::Parts},
};
use axum_users::{
    Argon2Parameters, Bearer, CurrentUser, Flags, Jwt, MemoryDatabase, PasswordHasher, Random, RequestInfo,
    User, UserCreate, UserModel, Users,
    schema::{ColumnType, DecodeError, RowReader, Value},
};
use criterion::{Criterion, criterion_group, criterion_main};
use tokio::runtime::{Builder, Runtime};
use tower::ServiceExt;

const PASSWORD: &str = "a horse in the rain";

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// Users in memory, and the head of a request of one of them.
async fn signed_in() -> (Users<User>, Parts) {
    let users = Users::<User>::builder(MemoryDatabase::default(), "a secret of more than thirty-two bytes")
        .argon2(Argon2Parameters::least())
        .backend("jwt", Bearer::default(), Jwt::lasting_seconds(3600))
        .build()
        .unwrap();
    let new = UserCreate::new("ada@example.org", PASSWORD);
    let user = users.create(new, Flags::Ignored, &RequestInfo::default()).await.unwrap();
    let answer = users.login("jwt", &user, &RequestInfo::default()).await.unwrap();
    let body = axum::body::to_bytes(answer.into_body(), usize::MAX).await.unwrap();
    let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
    let bearer = format!("Bearer {}", body["access_token"].as_str().unwrap());
    let (parts, ()) = Request::get("/").header(AUTHORIZATION, bearer).body(()).unwrap().into_parts();
    (users, parts)
}

/// A row as an adapter gives it.
struct Row;

impl RowReader for Row {
    fn value(&mut self, index: usize, _: ColumnType) -> Result<Value, DecodeError> {
        Ok(match index {
            0 => Value::Uuid(uuid::Uuid::nil()),
            1 => Value::Text("ada@example.org".to_owned()),
            2 => Value::Text("$argon2id$v=19$m=65536,t=3,p=4$c2FsdHNhbHRzYWx0c2FsdA$aGFzaA".to_owned()),
            index => Value::Bool(index == 3),
        })
    }
}

fn requests(criterion: &mut Criterion) {
    let runtime = runtime();
    let (users, parts) = runtime.block_on(signed_in());
    criterion.bench_function("JWT to user in memory", |bencher| {
        bencher.iter(|| runtime.block_on(users.authenticate_request(black_box(&parts.headers))).unwrap());
    });
    criterion.bench_function("CurrentUser", |bencher| {
        bencher.iter(|| {
            let mut parts = parts.clone();
            runtime.block_on(CurrentUser::<User>::from_request_parts(&mut parts, &users)).unwrap()
        });
    });
    let schema = User::schema();
    criterion.bench_function("row to user", |bencher| {
        bencher.iter(|| User::from_row(black_box(&schema), &mut Row).unwrap());
    });
    let router: Router = Router::from(users.register_router());
    criterion.bench_function("422 of register", |bencher| {
        bencher.iter(|| {
            let body = Body::from(r#"{"email": "nobody", "is_active": "perhaps"}"#);
            let request = Request::post("/auth/register").header("content-type", "application/json");
            let answer = runtime.block_on(router.clone().oneshot(request.body(body).unwrap())).unwrap();
            assert_eq!(answer.status(), 422);
        });
    });
}

fn passwords(criterion: &mut Criterion) {
    let runtime = runtime();
    let alone = PasswordHasher::new(Argon2Parameters::default(), Random::system()).threads(1);
    let spread = PasswordHasher::new(Argon2Parameters::default(), Random::system());
    let stored = runtime.block_on(alone.hash(&PASSWORD.into())).unwrap();
    let mut group = criterion.benchmark_group("Argon2id of the original's parameters");
    group.sample_size(10);
    for (name, hasher) in [("one thread", alone), ("lanes on idle cores", spread)] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| runtime.block_on(hasher.verify(&PASSWORD.into(), &stored)).unwrap());
        });
    }
    group.finish();
}

criterion_group!(hot_path, requests, passwords);
criterion_main!(hot_path);
