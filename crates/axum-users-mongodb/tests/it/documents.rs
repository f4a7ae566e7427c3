//! What new documents look like: as the original's, with BSON's own types for own fields.

use std::sync::Arc;

use axum_users::{
    AccessToken, Date, Timestamp, User, UserDatabase, UserModel, UserState,
    schema::{Column, ColumnType, Record, Schema, Value},
};
use axum_users_mongodb::{
    MongoDatabase, MongoOptions,
    mongodb::bson::{Bson, DateTime, Document, Uuid as BsonUuid, doc, oid::ObjectId},
};
use serde_json::{Value as Json, json};
use time::macros::{date, datetime};
use uuid::{Uuid, uuid};

use crate::{
    BeanieUser, configured, documents, oauth::google, oauth::user_record, on_a_database, open, record, users,
};

#[derive(Clone, UserModel)]
struct Member {
    id: Uuid,
    email: String,
    hashed_password: String,
    is_active: bool,
    is_superuser: bool,
    is_verified: bool,
    points: i64,
    rating: f64,
    team: Uuid,
    birthdate: Date,
    seen_at: Timestamp,
    settings: Json,
    note: Option<String>,
}

async fn one(database: &axum_users_mongodb::mongodb::Database, collection: &str) -> Document {
    let mut all = documents(&database.collection(collection)).await;
    assert_eq!(all.len(), 1, "{collection}");
    all.remove(0)
}

#[test]
fn a_new_user_is_motors_document() {
    on_a_database(async |database| {
        let adapter = open::<User>(&database, MongoOptions::new()).await;
        let id = uuid!("1e35ed81-0000-4000-8000-00000000000f");
        let new = record("Ada@example.org").with("id", Value::Uuid(id));
        users::<User>(&adapter).create_with_oauth_account(new, Some(&id), &google("1")).await.unwrap();
        let mut stored = one(&database, "users").await;
        assert!(matches!(stored.remove("_id"), Some(Bson::ObjectId(_))));
        let id = BsonUuid::from_bytes(id.into_bytes());
        assert_eq!(
            stored,
            doc! {
                "email": "Ada@example.org",
                "hashed_password": "hash",
                "is_active": true,
                "is_superuser": false,
                "is_verified": false,
                "id": id,
                "oauth_accounts": [{
                    "id": id,
                    "oauth_name": "google",
                    "access_token": "access",
                    "expires_at": 1_900_000_000_i64,
                    "refresh_token": null,
                    "account_id": "1",
                    "account_email": "ada@gmail.example",
                }],
            }
        );
    });
}

#[test]
fn a_new_user_is_beanies_document() {
    on_a_database(async |database| {
        let adapter = open::<BeanieUser>(&database, MongoOptions::new()).await;
        let adapter = users::<BeanieUser>(&adapter);
        let user = adapter.create(record("ada@example.org")).await.unwrap();
        adapter.add_oauth_account(&user.id, None, &google("1")).await.unwrap();
        let mut stored = one(&database, "User").await;
        assert_eq!(stored.remove("_id"), Some(Bson::ObjectId(ObjectId::from_bytes(user.id.0))));
        let accounts = stored.get_array_mut("oauth_accounts").unwrap();
        let account = accounts[0].as_document_mut().unwrap();
        assert!(matches!(account.remove("id"), Some(Bson::ObjectId(_))));
        assert_eq!(accounts.len(), 1);
        stored.remove("oauth_accounts");
        assert_eq!(
            stored,
            doc! {
                "email": "ada@example.org",
                "hashed_password": "hash",
                "is_active": true,
                "is_superuser": false,
                "is_verified": false,
            }
        );
    });
}

#[test]
fn own_fields_have_bsons_own_types() {
    on_a_database(async |database| {
        let adapter = open::<Member>(&database, MongoOptions::new()).await;
        let team = Uuid::from_u128(7);
        let new = user_record(1, "ada@example.org")
            .with("points", Value::Integer(7))
            .with("rating", Value::Float(2.0))
            .with("team", Value::Uuid(team))
            .with("birthdate", Value::Date(date!(1912 - 06 - 23)))
            .with("seen_at", Value::Timestamp(datetime!(2026-11-23 12:00:00.000999 +02:00)))
            .with("settings", Value::Json(json!({ "theme": { "dark": true }, "sizes": [1, 1.5] })))
            .with("note", Value::Null);
        users::<Member>(&adapter).create(new).await.unwrap();
        let stored = one(&database, "users").await;
        for (name, expected) in [
            ("points", Bson::Int64(7)),
            ("rating", Bson::Double(2.0)),
            ("team", BsonUuid::from_bytes(team.into_bytes()).into()),
            ("birthdate", Bson::String("1912-06-23".to_owned())),
            ("seen_at", Bson::DateTime(DateTime::from_millis(1_795_428_000_000))),
            ("settings", doc! { "theme": { "dark": true }, "sizes": [1_i64, 1.5] }.into()),
            ("note", Bson::Null),
        ] {
            assert_eq!(stored.get(name), Some(&expected), "{name}");
        }
    });
}

#[test]
fn a_new_session_is_the_originals_document() {
    on_a_database(async |database| {
        let adapter = open::<User>(&database, MongoOptions::new()).await;
        let adapter = users::<User>(&adapter);
        let user = adapter.create(user_record(1, "ada@example.org")).await.unwrap();
        let created_at = datetime!(2026-11-23 10:00:00.5 UTC);
        let token = AccessToken { token: "token".to_owned(), user_id: user.id, created_at };
        adapter.create_access_token(&token).await.unwrap();
        let mut stored = one(&database, "access_tokens").await;
        stored.remove("_id");
        let user_id = BsonUuid::from_bytes(user.id.into_bytes());
        let created_at = DateTime::from_millis(1_795_428_000_500);
        assert_eq!(stored, doc! { "token": "token", "user_id": user_id, "created_at": created_at });
    });
}

/// A document holds what the user deleted with it; side collections hold the rest.
#[test]
fn a_deleted_user_leaves_nothing_behind() {
    on_a_database(async |database| {
        let adapter = open::<User>(&database, MongoOptions::new()).await;
        let adapter = users::<User>(&adapter);
        let user = adapter.create(user_record(1, "ada@example.org")).await.unwrap();
        let created_at = datetime!(2026-11-23 10:00 UTC);
        let token = AccessToken { token: "token".to_owned(), user_id: user.id, created_at };
        adapter.create_access_token(&token).await.unwrap();
        let state = UserState { not_before: Some(created_at), password_is_generated: true };
        adapter.set_user_state(&user.id, state).await.unwrap();
        assert!(adapter.delete(&user.id).await.unwrap());
        adapter.set_user_state(&user.id, state).await.unwrap();
        for collection in ["users", "access_tokens", "axum_users_user_state"] {
            assert!(documents(&database.collection(collection)).await.is_empty(), "{collection}");
        }
    });
}

/// A moment of the same millisecond may be earlier.
#[test]
fn a_users_not_before_is_kept_to_the_microsecond() {
    on_a_database(async |database| {
        let adapter = open::<User>(&database, MongoOptions::new()).await;
        let adapter = users::<User>(&adapter);
        let user = adapter.create(user_record(1, "ada@example.org")).await.unwrap();
        let not_before = Some(datetime!(2026-11-23 10:00:00.123456 UTC));
        adapter
            .set_user_state(&user.id, UserState { not_before, password_is_generated: false })
            .await
            .unwrap();
        let (_, state) = adapter.get_with_state(&user.id).await.unwrap().unwrap();
        assert_eq!(state.not_before, not_before);
    });
}

#[test]
fn the_collections_names_can_be_set() {
    on_a_database(async |database| {
        let options = MongoOptions::new().user_collection("people").access_token_collection("sessions");
        let adapter = open::<User>(&database, options).await;
        let adapter = users::<User>(&adapter);
        let user = adapter.create(user_record(1, "ada@example.org")).await.unwrap();
        let created_at = datetime!(2026-11-23 10:00 UTC);
        let token = AccessToken { token: "token".to_owned(), user_id: user.id, created_at };
        adapter.create_access_token(&token).await.unwrap();
        assert!(adapter.user_by_access_token(&["token".to_owned()], None).await.unwrap().is_some());
        one(&database, "people").await;
        one(&database, "sessions").await;
        let named = configured::<User>(&database, MongoOptions::new(), User::schema().in_table("people"));
        assert!(users::<User>(&named).get(&user.id).await.unwrap().is_some());
    });
}

/// What a document lacks is the field's default, as the application that wrote it meant it.
#[test]
fn a_missing_field_is_its_default() {
    on_a_database(async |database| {
        let mut plan = Column::new("plan", ColumnType::Text);
        plan.default = Some(Value::Text("free".to_owned()));
        let schema = User::schema().with(plan);
        let adapter = open::<User>(&database, MongoOptions::new()).await;
        let id = users::<User>(&adapter).create(user_record(1, "ada@example.org")).await.unwrap().id;
        let adapter = configured::<User>(&database, MongoOptions::new(), schema);
        let adapter = users::<User>(&adapter);
        let changes = |plan: &str| Record::new().with("plan", Value::Text(plan.to_owned()));
        assert!(adapter.update(&id, &changes("paid"), &changes("x")).await.unwrap().is_none());
        assert!(adapter.update(&id, &changes("free"), &changes("paid")).await.unwrap().is_some());
        assert!(adapter.update(&id, &changes("free"), &changes("x")).await.unwrap().is_none());
        assert_eq!(one(&database, "users").await.get_str("plan").unwrap(), "paid");
    });
}

#[test]
fn fields_with_names_of_mongodbs_own_are_refused() {
    on_a_database(async |database| {
        for name in ["_id", "oauth_accounts", "$set", "a.b", ""] {
            let schema = Schema::new(ColumnType::Uuid).with(Column::new(name, ColumnType::Text));
            let mut adapter = MongoDatabase::with_database(database.clone());
            let refused = UserDatabase::<User>::configure(&mut adapter, &Arc::new(schema));
            assert!(refused.unwrap_err().contains(&format!("`{name}`")));
        }
    });
}
