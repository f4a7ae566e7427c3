//! Equal work for known and unknown users, shown by counting hashes.

use axum::{
    Router,
    body::Body,
    http::{Request, header::CONTENT_TYPE},
};
use tower::ServiceExt;

use super::*;
use crate::{Argon2Parameters, Bearer, Jwt, MemoryDatabase, User, UserCreate, UsersBuilder};

const PASSWORD: &str = "a horse in the rain";
const BCRYPT: &str = "$2b$04$abcdefghijklmnopqrstuum174eFeoTj0DHmtuueFaS3Wde4P7wHG";

fn builder() -> UsersBuilder<User> {
    Users::<User>::builder(MemoryDatabase::default(), "at-least-32-bytes-of-randomness-here")
        .backend("jwt", Bearer, Jwt::lasting_seconds(60))
        .argon2(Argon2Parameters::least())
}

async fn users() -> Users<User> {
    filled(builder()).await
}

async fn filled(builder: UsersBuilder<User>) -> Users<User> {
    let users = builder.build().unwrap();
    for (name, hash) in [("ada", None), ("damaged", Some("!")), ("bcrypt", Some(BCRYPT))] {
        let user = has(&users, &format!("{name}@example.com"), true).await;
        if let Some(hash) = hash {
            let changes = Record::new().with("hashed_password", Value::Text(hash.to_owned()));
            users.database().update(&user.id, &Record::new(), &changes).await.unwrap();
        }
    }
    has(&users, "inactive@example.com", false).await;
    users
}

async fn has(users: &Users<User>, email: &str, is_active: bool) -> User {
    let new = UserCreate { is_active, ..UserCreate::new(email, PASSWORD) };
    users.create(new, Flags::Applied, &RequestInfo::default()).await.unwrap()
}

/// Posts, and answers how many hashes that took, with all that it left behind the answer.
async fn hashes_of(users: &Users<User>, path: &str, content_type: &str, body: String) -> usize {
    let before = users.inner.hasher.hashes();
    let request = Request::post(path).header(CONTENT_TYPE, content_type).body(Body::from(body)).unwrap();
    let router = Router::new().merge(users.router()).with_state(users.clone());
    let response = router.oneshot(request).await.unwrap();
    assert!(!response.status().is_server_error());
    users.finish_background_work().await;
    users.inner.hasher.hashes() - before
}

async fn hashes_of_login(users: &Users<User>, name: &str, password: &str) -> usize {
    let body = format!("username={name}%40example.com&password={password}");
    hashes_of(users, "/auth/jwt/login", "application/x-www-form-urlencoded", body).await
}

#[tokio::test]
async fn en_02_a_login_that_fails_takes_one_hash_whoever_it_is_about() {
    let users = users().await;
    for name in ["ada", "nobody", "inactive", "damaged", "bcrypt"] {
        assert_eq!(hashes_of_login(&users, name, "wrong+password").await, 1, "{name}");
    }
    assert_eq!(hashes_of_login(&users, "ada", "a+horse+in+the+rain").await, 1);
    assert_eq!(hashes_of_login(&users, "inactive", "a+horse+in+the+rain").await, 1);
    // A second one makes the fresh hash, which a failed login never does.
    assert_eq!(hashes_of_login(&users, "bcrypt", "p%C3%A4ssword").await, 2);
    assert_eq!(hashes_of_login(&users, "bcrypt", "p%C3%A4ssword").await, 1);
}

#[tokio::test]
async fn pw_01_a_password_over_the_limit_takes_no_hash_whoever_it_is_about() {
    let users = users().await;
    for name in ["ada", "nobody"] {
        assert_eq!(hashes_of_login(&users, name, &"a".repeat(4097)).await, 0, "{name}");
        assert_eq!(hashes_of_login(&users, name, &"a".repeat(4096)).await, 1, "{name}");
    }
}

#[tokio::test]
async fn pw_21_a_password_that_bcrypt_does_not_read_whole_takes_one_hash_whoever_it_is_about() {
    let users = users().await;
    for name in ["bcrypt", "ada", "nobody"] {
        assert_eq!(hashes_of_login(&users, name, &"y".repeat(73)).await, 1, "{name}");
    }
}

#[tokio::test]
async fn en_04_en_06_asking_for_a_mail_takes_no_hash_whoever_asks() {
    let users = users().await;
    for path in ["/auth/forgot-password", "/auth/request-verify-token"] {
        for name in ["ada", "nobody", "inactive"] {
            let body = format!(r#"{{"email":"{name}@example.com"}}"#);
            assert_eq!(hashes_of(&users, path, "application/json", body).await, 0, "{path} {name}");
        }
    }
}

#[tokio::test]
async fn en_07_a_registration_takes_one_hash_whether_the_address_is_taken_or_not() {
    let users = filled(builder().requires_verification().hide_taken_emails()).await;
    for name in ["ada", "inactive", "new"] {
        let body = format!(r#"{{"email":"{name}@example.com","password":"{PASSWORD}"}}"#);
        assert_eq!(hashes_of(&users, "/auth/register", "application/json", body).await, 1, "{name}");
    }
}

#[tokio::test]
async fn what_is_refused_is_refused_before_the_hash() {
    let users = users().await;
    let register = |email: &str, password: &str| format!(r#"{{"email":"{email}","password":"{password}"}}"#);
    for (body, hashes) in [
        (register("ada", PASSWORD), 0),
        (register("new@example.com", "short"), 0),
        (register("ada@example.com", PASSWORD), 0),
        (register("new@example.com", PASSWORD), 1),
    ] {
        let what = body.clone();
        assert_eq!(hashes_of(&users, "/auth/register", "application/json", body).await, hashes, "{what}");
    }
    let reset = r#"{"token":"garbage","password":"a horse in the snow"}"#.to_owned();
    assert_eq!(hashes_of(&users, "/auth/reset-password", "application/json", reset).await, 0);
}

#[tokio::test]
async fn hd_20_debug_of_what_a_strategy_is_given_shows_no_token() {
    let users = users().await;
    let user = users.get_by_email("ada@example.com").await.unwrap().unwrap();
    let request = RequestInfo::default();
    let mut context = crate::IssueContext::new(&user, &request, &users.inner.database);
    context.token = Some("the-token-to-issue");
    let shown = format!("{context:?} {context:#?}");
    assert!(shown.contains("session_id") && !shown.contains("the-token-to-issue"), "{shown}");
}
