//! Adapters: the least there can be, those that fail, and the one in memory.

use std::{
    borrow::Cow,
    sync::{Arc, Mutex},
};

use axum_users::{
    AccessToken, Bearer, Capabilities, Cookie, DatabaseError, DatabaseTokens, Jwt, MemoryDatabase, User,
    UserDatabase, UserModel, Users,
    schema::{DecodeError, Record, Schema, Value},
};
use serde_json::json;
use uuid::Uuid;

use crate::support::{App, PASSWORD, SECRET};

/// The five methods, over a list.
#[derive(Default)]
struct FiveMethods(Mutex<Vec<Record>>);

fn read(record: &Record) -> Result<User, DatabaseError> {
    let schema = User::schema();
    Ok(User::from_row(&schema, &mut record.reader(&schema))?)
}

fn has_id(record: &Record, id: &Uuid) -> bool {
    record.get("id") == Some(&Value::Uuid(*id))
}

fn has_email(record: &Record, email: &str) -> bool {
    record.get("email").and_then(Value::as_text).is_some_and(|stored| stored.eq_ignore_ascii_case(email))
}

impl UserDatabase<User> for FiveMethods {
    async fn get(&self, id: &Uuid) -> Result<Option<User>, DatabaseError> {
        self.0.lock().unwrap().iter().find(|record| has_id(record, id)).map(read).transpose()
    }

    async fn get_by_email(&self, email: &str) -> Result<Option<User>, DatabaseError> {
        self.0.lock().unwrap().iter().find(|record| has_email(record, email)).map(read).transpose()
    }

    async fn create(&self, record: Record) -> Result<User, DatabaseError> {
        let mut records = self.0.lock().unwrap();
        let email = record.get("email").and_then(Value::as_text).unwrap_or_default();
        if records.iter().any(|known| has_email(known, email)) {
            return Err(DatabaseError::EmailTaken);
        }
        let user = read(&record)?;
        records.push(record);
        Ok(user)
    }

    async fn update(
        &self,
        id: &Uuid,
        expected: &Record,
        changes: &Record,
    ) -> Result<Option<User>, DatabaseError> {
        let mut records = self.0.lock().unwrap();
        let email = changes.get("email").and_then(Value::as_text);
        let is_other = |record: &&Record| !has_id(record, id);
        if email.is_some_and(|email| records.iter().filter(is_other).any(|record| has_email(record, email))) {
            return Err(DatabaseError::EmailTaken);
        }
        let matches = |record: &&mut Record| {
            has_id(record, id) && expected.iter().all(|(name, value)| record.get(name) == Some(value))
        };
        let Some(record) = records.iter_mut().find(matches) else { return Ok(None) };
        record.merge(changes);
        read(record).map(Some)
    }

    async fn delete(&self, id: &Uuid) -> Result<bool, DatabaseError> {
        let mut records = self.0.lock().unwrap();
        let count = records.len();
        records.retain(|record| !has_id(record, id));
        Ok(records.len() < count)
    }
}

#[tokio::test]
async fn five_methods_are_enough_for_everything_with_jwts() {
    let app = App::on(FiveMethods::default(), |builder| {
        builder.backend("jwt", Bearer::default(), Jwt::lasting_seconds(3600))
    });
    app.users.migrate().await.unwrap();
    app.users.ping().await.unwrap();
    assert_eq!(app.register("ada@example.com", PASSWORD).await.status, 201);
    let taken = app.register("ADA@example.com", PASSWORD).await;
    assert_eq!(taken.error(), (400, json!("REGISTER_USER_ALREADY_EXISTS")));
    let token = app.token("ada@example.com").await;
    let verification = app.verification_token("ada@example.com").await;
    assert_eq!(app.verify(&verification).await.status, 200);
    let moved = app.patch("/users/me").bearer(&token).json(json!({ "email": "new@example.com" })).await;
    assert_eq!((moved.status.as_u16(), &moved.json()["is_verified"]), (200, &json!(false)));
    let reset = app.reset_token("new@example.com").await;
    assert_eq!(app.reset_password(&reset, "a horse in the snow").await.status, 200);
    assert_eq!(app.reset_password(&reset, PASSWORD).await.status, 400);
    assert_eq!(app.post("/auth/jwt/logout").bearer(&token).await.status, 204);
    assert_eq!(app.users.purge_expired_sessions().await.unwrap(), 0);
    let root = app.superuser().await;
    let id = app.get("/users/me").bearer(&token).await.json()["id"].clone();
    let path = format!("/users/{}", id.as_str().unwrap());
    assert_eq!(app.delete(&path).bearer(&root).await.status, 204);
    assert_eq!(app.status_of(&token).await, 401);
    let error = app.users.list(None, 10).await.unwrap_err();
    assert_eq!(error.to_string(), "this database adapter does not support listing users");
}

/// The price of an adapter without one-time records, and no more than that.
#[tokio::test]
async fn without_one_time_records_a_used_link_lives_again_when_the_address_returns() {
    let app = App::on(FiveMethods::default(), |builder| {
        builder.backend("jwt", Bearer::default(), Jwt::lasting_seconds(3600))
    });
    app.has("a@example.com").await;
    let token = app.token("a@example.com").await;
    let link = app.verification_token("a@example.com").await;
    assert_eq!(app.verify(&link).await.status, 200);
    assert_eq!(app.verify(&link).await.error(), (400, json!("VERIFY_USER_ALREADY_VERIFIED")));
    for (email, status) in [("b@example.com", 400), ("a@example.com", 200)] {
        app.patch("/users/me").bearer(&token).json(json!({ "email": email })).await;
        assert_eq!(app.verify(&link).await.status, status, "{email}");
    }
}

#[test]
fn sessions_need_an_adapter_that_keeps_them() {
    let builder = Users::<User>::builder(FiveMethods::default(), SECRET)
        .backend("jwt", Bearer::default(), Jwt::lasting_seconds(60))
        .backend("web", Cookie::default(), DatabaseTokens::lasting_seconds(60));
    assert_eq!(
        builder.build().unwrap_err().to_string(),
        "the backend `web` cannot be used: it keeps access tokens, and the database adapter does not: \
         use the JWT strategy, or implement the adapter's access token methods"
    );
}

/// Fails at every question, as it is told.
struct Failing(fn() -> DatabaseError);

impl UserDatabase<User> for Failing {
    async fn get(&self, _: &Uuid) -> Result<Option<User>, DatabaseError> {
        Err(self.0())
    }

    async fn get_by_email(&self, _: &str) -> Result<Option<User>, DatabaseError> {
        Err(self.0())
    }

    async fn create(&self, _: Record) -> Result<User, DatabaseError> {
        Err(self.0())
    }

    async fn update(&self, _: &Uuid, _: &Record, _: &Record) -> Result<Option<User>, DatabaseError> {
        Err(self.0())
    }

    async fn delete(&self, _: &Uuid) -> Result<bool, DatabaseError> {
        Err(self.0())
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::all()
    }

    async fn user_by_access_token(
        &self,
        _: &[String],
        _: Option<time::OffsetDateTime>,
    ) -> Result<Option<(User, AccessToken<Uuid>)>, DatabaseError> {
        Err(self.0())
    }
}

#[tokio::test]
async fn a_database_that_is_away_is_a_503_and_one_that_fails_a_500_that_tells_nothing() {
    let table: [(fn() -> DatabaseError, u16, &str, &str); 4] = [
        (
            || DatabaseError::Unavailable("secret host".into()),
            503,
            r#"{"detail":"Service Unavailable"}"#,
            "1",
        ),
        (|| DatabaseError::Other("SELECT secret".into()), 500, "Internal Server Error", ""),
        (|| DatabaseError::Unsupported("secret"), 500, "Internal Server Error", ""),
        (|| DecodeError::new("secret", "text", "null").into(), 500, "Internal Server Error", ""),
    ];
    for (error, status, body, retry_after) in table {
        let app = App::on(Failing(error), crate::support::with_backends);
        let user = User {
            id: Uuid::nil(),
            email: "ada@example.com".into(),
            hashed_password: String::new(),
            is_active: true,
            is_superuser: true,
            is_verified: true,
        };
        let token = crate::support::Forged::access(&user).token();
        let session = "A".repeat(43);
        let verification = crate::support::Forged::new(&crate::support::Forged::verification(&user)).token();
        for answer in [
            app.register("ada@example.com", PASSWORD).await,
            app.login("ada@example.com", PASSWORD).await,
            app.get("/users/me").bearer(&token).await,
            app.get("/users/me").cookie("fastapiusersauth", &session).await,
            app.delete(&format!("/users/{}", user.id)).bearer(&token).await,
            app.verify(&verification).await,
        ] {
            assert_eq!((answer.status.as_u16(), &*answer.body), (status, body));
            assert_eq!(answer.header("retry-after"), retry_after);
        }
        // What happens behind the answer does not show in it.
        let answer = app.post("/auth/forgot-password").json(json!({ "email": "ada@example.com" })).await;
        assert_eq!(answer.status, 202);
        app.users.finish_background_work().await;
    }
}

/// Keeps no schema at all.
struct Choosy;

impl UserDatabase<User> for Choosy {
    fn configure(&mut self, schema: &Arc<Schema>) -> Result<(), Cow<'static, str>> {
        Err(format!("the table `{}` would need a name of at most three letters", schema.table()).into())
    }

    async fn get(&self, _: &Uuid) -> Result<Option<User>, DatabaseError> {
        Ok(None)
    }

    async fn get_by_email(&self, _: &str) -> Result<Option<User>, DatabaseError> {
        Ok(None)
    }

    async fn create(&self, _: Record) -> Result<User, DatabaseError> {
        Err(DatabaseError::EmailTaken)
    }

    async fn update(&self, _: &Uuid, _: &Record, _: &Record) -> Result<Option<User>, DatabaseError> {
        Ok(None)
    }

    async fn delete(&self, _: &Uuid) -> Result<bool, DatabaseError> {
        Ok(false)
    }
}

#[test]
fn an_adapter_may_refuse_a_model() {
    assert_eq!(
        Users::<User>::builder(Choosy, SECRET).build().unwrap_err().to_string(),
        "the database adapter cannot keep this user model: \
         the table `user` would need a name of at most three letters"
    );
}

#[tokio::test]
async fn the_database_in_memory_keeps_the_rules_of_all_adapters() {
    let app = App::new();
    let database = app.users.database();
    assert_eq!(database.capabilities(), Capabilities::all());
    let (ada, bob) = (app.has("Ada@example.com").await, app.has("bob@example.com").await);
    let email = |email: &str| Record::new().with("email", Value::Text(email.into()));

    let taken = database.update(&bob.id, &Record::new(), &email("ADA@example.com")).await;
    assert!(matches!(taken, Err(DatabaseError::EmailTaken)));
    let renamed = database.update(&ada.id, &Record::new(), &email("ADA@example.com")).await.unwrap();
    assert_eq!(renamed.unwrap().email, "ADA@example.com", "one's own address is not taken");

    let stale = database.update(&bob.id, &email("other@example.com"), &email("new@example.com")).await;
    assert_eq!(stale.unwrap(), None);
    assert_eq!(app.stored(bob.id).await, bob);

    assert!(database.delete(&bob.id).await.unwrap());
    assert!(!database.delete(&bob.id).await.unwrap());
    let gone = database.update(&bob.id, &Record::new(), &email("new@example.com")).await;
    assert_eq!(gone.unwrap(), None);
}

#[tokio::test]
async fn the_database_in_memory_is_none_before_it_is_given_to_users() {
    let database = MemoryDatabase::default();
    let error = UserDatabase::<User>::create(&database, Record::new()).await.unwrap_err();
    assert_eq!(error.to_string(), "this database adapter does not support use without `Users::builder`");
}
