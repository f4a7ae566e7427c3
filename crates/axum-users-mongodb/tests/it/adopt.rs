//! The documents that FastAPI Users wrote, with Motor and with Beanie, are found, read and used.

use axum_users::{
    ColumnValue, Timestamp, User, UserDatabase, UserModel,
    schema::{ColumnType, Record, Value},
};
use axum_users_mongodb::{
    Flavour, Found, MongoDatabase, MongoOptions,
    mongodb::{
        Database, IndexModel,
        bson::{Binary, Bson, DateTime, Document, doc, oid::ObjectId, spec::BinarySubtype},
        options::{Collation, CollationStrength, IndexOptions},
    },
};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::Value as Json;

use crate::{BeanieUser, configured, documents, oauth::google, on_a_database, users};

/// One of the two layouts of `mongodb-documents.json`.
struct Layout {
    flavour: Flavour,
    id_type: ColumnType,
    key: &'static str,
    users: &'static str,
    access_tokens: &'static str,
    id: &'static str,
}

const MOTOR: Layout = Layout {
    flavour: Flavour::Motor,
    id_type: ColumnType::Uuid,
    key: "motor",
    users: "users",
    access_tokens: "access_tokens",
    id: "id",
};
const BEANIE: Layout = Layout {
    flavour: Flavour::Beanie,
    id_type: ColumnType::ObjectId,
    key: "beanie",
    users: "User",
    access_tokens: "AccessToken",
    id: "_id",
};

impl Layout {
    /// Loads the documents and makes the indexes, as the original left them.
    async fn load(&self, database: &Database) {
        let all: Json = serde_json::from_str(include_str!("../data/mongodb-documents.json")).unwrap();
        for name in [self.users, self.access_tokens] {
            let part = &all[self.key][name];
            let documents = part["documents"].as_array().unwrap().iter().map(|json| match bson(json) {
                Bson::Document(document) => document,
                other => panic!("{other} is no document"),
            });
            let collection = database.collection::<Document>(name);
            collection.create_indexes(self.indexes(part)).await.unwrap();
            collection.insert_many(documents).await.unwrap();
        }
    }

    fn indexes(&self, part: &Json) -> Vec<IndexModel> {
        let indexes = part["indexes"].as_array().unwrap().iter();
        indexes
            .map(|index| {
                let key = index["keys"].as_str().map_or_else(
                    || index["keys"].as_object().unwrap().keys().next().unwrap().clone(),
                    str::to_owned,
                );
                let mut options = IndexOptions::default();
                options.unique = index["unique"].as_bool();
                options.name = index["name"].as_str().map(str::to_owned);
                options.collation = index["collation"].is_object().then(|| {
                    Collation::builder().locale("en").strength(CollationStrength::Secondary).build()
                });
                IndexModel::builder().keys(doc! { key: 1 }).options(options).build()
            })
            .collect()
    }

    async fn stored(&self, database: &Database) -> [Vec<Document>; 2] {
        let users = documents(&database.collection(self.users)).await;
        [users, documents(&database.collection(self.access_tokens)).await]
    }

    /// The id of a user's document as the model has it.
    fn id_of<U: UserModel>(&self, user: &Document) -> U::Id {
        id(user.get(self.id).unwrap())
    }
}

fn id<Id: ColumnValue>(bson: &Bson) -> Id {
    let value = match bson {
        Bson::Binary(binary) => Value::Uuid(uuid::Uuid::from_slice(&binary.bytes).unwrap()),
        Bson::ObjectId(id) => Value::ObjectId(axum_users::ObjectId(id.bytes())),
        other => panic!("{other} is no id"),
    };
    Id::from_value(value).unwrap()
}

/// Canonical extended JSON, as far as the file goes.
fn bson(json: &Json) -> Bson {
    let number = |json: &Json| json.as_str().unwrap().parse::<i64>().unwrap();
    match json {
        Json::Null => Bson::Null,
        Json::Bool(value) => Bson::Boolean(*value),
        Json::String(text) => Bson::String(text.clone()),
        Json::Array(items) => Bson::Array(items.iter().map(bson).collect()),
        Json::Object(fields) => match fields.iter().next().map(|(name, value)| (name.as_str(), value)) {
            Some(("$oid", id)) => Bson::ObjectId(ObjectId::parse_str(id.as_str().unwrap()).unwrap()),
            Some(("$numberInt", value)) => Bson::Int32(i32::try_from(number(value)).unwrap()),
            Some(("$numberLong", value)) => Bson::Int64(number(value)),
            Some(("$date", at)) => Bson::DateTime(DateTime::from_millis(number(&at["$numberLong"]))),
            Some(("$binary", binary)) => {
                assert_eq!(binary["subType"], "04");
                let bytes = BASE64_STANDARD.decode(binary["base64"].as_str().unwrap()).unwrap();
                Bson::Binary(Binary { subtype: BinarySubtype::Uuid, bytes })
            }
            _ => Bson::Document(fields.iter().map(|(name, value)| (name.clone(), bson(value))).collect()),
        },
        Json::Number(number) => panic!("{number} is not canonical"),
    }
}

/// Loads a layout and adopts it; nothing in the original's collections changes by that.
async fn adopted<U: UserModel>(layout: &Layout, database: &Database) -> MongoDatabase {
    layout.load(database).await;
    let before = layout.stored(database).await;
    let adapter = configured::<U>(database, MongoOptions::new(), U::schema());
    match adapter.inspect().await.unwrap() {
        Found::FastApiUsers { flavour, id_type, user_collection, counts } => {
            assert_eq!((flavour, id_type), (layout.flavour, layout.id_type));
            assert_eq!(user_collection, layout.users);
            assert_eq!(counts.to_string(), "20 users, 4 OAuth accounts, 6 access tokens");
        }
        found => panic!("{found}"),
    }
    users::<U>(&adapter).migrate().await.unwrap();
    assert_eq!(layout.stored(database).await, before);
    match adapter.inspect().await.unwrap() {
        Found::Own(counts) => {
            assert_eq!(counts.to_string(), "20 users, 4 OAuth accounts, 6 access tokens");
        }
        found => panic!("{found}"),
    }
    adapter
}

async fn every_user_is_found<U: UserModel>(layout: &Layout, database: &Database) {
    let adapter = adopted::<U>(layout, database).await;
    let adapter = users::<U>(&adapter);
    let stored = layout.stored(database).await[0].clone();
    assert_eq!(stored.len(), 20);
    for document in stored {
        let (id, email) = (layout.id_of::<U>(&document), document.get_str("email").unwrap());
        let by_id = adapter.get(&id).await.unwrap().unwrap();
        let by_email = adapter.get_by_email(&email.to_ascii_uppercase()).await.unwrap().unwrap();
        for user in [by_id, by_email] {
            assert!(*user.id() == id);
            assert_eq!(user.email(), email);
            assert_eq!(user.hashed_password(), document.get_str("hashed_password").unwrap());
            assert_eq!(
                [user.is_active(), user.is_superuser(), user.is_verified()],
                ["is_active", "is_superuser", "is_verified"].map(|flag| document.get_bool(flag).unwrap()),
                "{email}"
            );
        }
        let accounts = adapter.oauth_accounts(&id).await.unwrap();
        let expected = document.get_array("oauth_accounts").unwrap();
        assert_eq!(accounts.len(), expected.len(), "{email}");
        for (account, expected) in accounts.iter().zip(expected) {
            let expected = expected.as_document().unwrap();
            assert!(account.id == self::id(expected.get("id").unwrap()));
            assert_eq!(account.access_token, expected.get_str("access_token").unwrap());
            assert_eq!(account.refresh_token.as_deref(), expected.get_str("refresh_token").ok());
            let expires_at = expected.get("expires_at").unwrap();
            assert_eq!(account.expires_at, expires_at.as_i32().map(i64::from).or(expires_at.as_i64()));
            assert_eq!(account.account_email, expected.get_str("account_email").unwrap());
            let owner =
                adapter.user_by_oauth_account(&account.oauth_name, &account.account_id).await.unwrap();
            assert!(*owner.unwrap().id() == id);
        }
    }
}

async fn every_session_is_read<U: UserModel>(layout: &Layout, database: &Database) {
    let adapter = adopted::<U>(layout, database).await;
    let adapter = users::<U>(&adapter);
    let stored = layout.stored(database).await[1].clone();
    assert_eq!(stored.len(), 6);
    for document in stored {
        let token = document.get_str("token").unwrap().to_owned();
        let began = document.get_datetime("created_at").unwrap().timestamp_millis();
        let began = Timestamp::from_unix_timestamp_nanos(i128::from(began) * 1_000_000).unwrap();
        let forms = ["~no such form".to_owned(), token.clone()];
        let user_id = id::<U::Id>(document.get("user_id").unwrap());
        if adapter.get(&user_id).await.unwrap().is_none() {
            // The original left a session of a user who is gone.
            assert!(adapter.user_by_access_token(&forms, None).await.unwrap().is_none());
            continue;
        }
        for not_before in [None, Some(began)] {
            let (user, session) = adapter.user_by_access_token(&forms, not_before).await.unwrap().unwrap();
            assert!(*user.id() == user_id);
            assert_eq!((session.token, session.created_at), (token.clone(), began));
        }
        let later = Some(began + std::time::Duration::from_millis(1));
        assert!(adapter.user_by_access_token(&forms, later).await.unwrap().is_none());
    }
}

/// Changes what can be changed, and looks at the whole documents afterwards.
async fn the_documents_stay_the_originals<U: UserModel>(layout: &Layout, database: &Database) {
    let adapter = adopted::<U>(layout, database).await;
    let adapter = users::<U>(&adapter);
    let collection = database.collection::<Document>(layout.users);
    let other = doc! { "$set": { "nickname": "Al", "nested": { "deep": [1, { "x": null }] } } };
    collection.update_many(doc! {}, other).await.unwrap();
    let find = async |email: &str| collection.find_one(doc! { "email": email }).await.unwrap().unwrap();
    let mut expected = find("oauth-two@example.com").await;
    let id = layout.id_of::<U>(&expected);

    let changes = Record::new()
        .with("is_verified", Value::Bool(true))
        .with("hashed_password", Value::Text("new".into()));
    let as_read = Record::new().with("email", Value::Text("oauth-two@example.com".into()));
    adapter.update(&id, &as_read, &changes).await.unwrap().unwrap();
    expected.insert("is_verified", true);
    expected.insert("hashed_password", "new");
    assert_eq!(find("oauth-two@example.com").await, expected);

    let known = adapter.oauth_accounts(&id).await.unwrap().remove(0);
    let mut renewed = google(&known.account_id);
    renewed.oauth_name.clone_from(&known.oauth_name);
    assert!(adapter.update_oauth_account(&id, &renewed).await.unwrap());
    let account = expected.get_array_mut("oauth_accounts").unwrap()[0].as_document_mut().unwrap();
    account.insert("access_token", "access");
    account.insert("expires_at", 1_900_000_000_i64);
    account.insert("refresh_token", Bson::Null);
    account.insert("account_email", "ada@gmail.example");
    assert_eq!(find("oauth-two@example.com").await, expected);

    adapter.add_oauth_account(&id, Some(&known.id), &google("new")).await.unwrap();
    assert!(adapter.delete_oauth_account(&id, "google", "new").await.unwrap());
    assert_eq!(find("oauth-two@example.com").await, expected);
    assert!(adapter.delete_oauth_account(&id, &known.oauth_name, &known.account_id).await.unwrap());
    expected.get_array_mut("oauth_accounts").unwrap().remove(0);
    assert_eq!(find("oauth-two@example.com").await, expected);
}

/// The original makes its indexes at each start, which ours may not be in the way of.
async fn python_starts_again<U: UserModel>(layout: &Layout, database: &Database) {
    adopted::<U>(layout, database).await;
    let all: Json = serde_json::from_str(include_str!("../data/mongodb-documents.json")).unwrap();
    for name in [layout.users, layout.access_tokens] {
        let indexes = layout.indexes(&all[layout.key][name]);
        database.collection::<Document>(name).create_indexes(indexes).await.unwrap();
    }
}

#[test]
fn every_user_of_motor_is_found_with_its_accounts() {
    on_a_database(async |database| every_user_is_found::<User>(&MOTOR, &database).await);
}

#[test]
fn every_user_of_beanie_is_found_with_its_accounts() {
    on_a_database(async |database| every_user_is_found::<BeanieUser>(&BEANIE, &database).await);
}

#[test]
fn every_session_of_motor_is_read() {
    on_a_database(async |database| every_session_is_read::<User>(&MOTOR, &database).await);
}

#[test]
fn every_session_of_beanie_is_read() {
    on_a_database(async |database| every_session_is_read::<BeanieUser>(&BEANIE, &database).await);
}

#[test]
fn changes_leave_the_rest_of_motors_documents() {
    on_a_database(async |database| the_documents_stay_the_originals::<User>(&MOTOR, &database).await);
}

#[test]
fn changes_leave_the_rest_of_beanies_documents() {
    on_a_database(async |database| the_documents_stay_the_originals::<BeanieUser>(&BEANIE, &database).await);
}

#[test]
fn motor_and_beanie_can_start_on_our_indexes() {
    on_a_database(async |database| python_starts_again::<User>(&MOTOR, &database).await);
    on_a_database(async |database| python_starts_again::<BeanieUser>(&BEANIE, &database).await);
}
