//! `migrate`: the indexes, and what stands in the way.

use axum_users::{
    MigrateError, User, UserDatabase, UserModel,
    schema::{Column, ColumnType, Value},
};
use axum_users_mongodb::{
    MongoOptions,
    mongodb::{
        Database, IndexModel,
        bson::{Bson, DateTime, Document, Uuid as BsonUuid, doc, oid::ObjectId},
        options::IndexOptions,
    },
};
use axum_users_testkit::NumberedProfile;

use crate::{
    BeanieUser, configured, documents, index_names, oauth::google, on_a_database, open, record,
    user_document, users,
};

fn uuid(number: u8) -> BsonUuid {
    BsonUuid::from_bytes([number; 16])
}

/// What `migrate` says stands in its way; it has to have changed nothing.
async fn refusal<U: UserModel>(database: &Database, options: MongoOptions) -> String {
    refusal_with::<U>(database, options, U::schema()).await
}

async fn refusal_with<U: UserModel>(
    database: &Database,
    options: MongoOptions,
    schema: axum_users::schema::Schema,
) -> String {
    let state = async || {
        let mut names = database.list_collection_names().await.unwrap();
        names.sort_unstable();
        let mut state = Vec::new();
        for name in names {
            let documents = documents(&database.collection(&name)).await;
            state.push((index_names(database, &name).await, documents, name));
        }
        state
    };
    let before = state().await;
    let adapter = configured::<U>(database, options, schema);
    let refused = match users::<U>(&adapter).migrate().await {
        Err(MigrateError::InTheWay(text)) => text,
        Err(error) => panic!("{error:?}"),
        Ok(()) => panic!("nothing stood in the way"),
    };
    assert_eq!(state().await, before, "something was changed");
    refused
}

async fn insert(database: &Database, collection: &str, documents: Vec<Document>) {
    database.collection::<Document>(collection).insert_many(documents).await.unwrap();
}

#[test]
fn a_new_database_gets_the_originals_indexes_and_ours() {
    on_a_database(async |database| {
        open::<User>(&database, MongoOptions::new()).await;
        open::<BeanieUser>(&database, MongoOptions::new()).await;
        for (collection, expected) in [
            ("users", ["axum_users_email", "axum_users_oauth_account", "email_1", "id_1"].as_slice()),
            ("access_tokens", &["axum_users_created_at", "axum_users_user_id", "token_1"]),
            ("User", &["axum_users_oauth_account", "case_insensitive_email_index"]),
            ("AccessToken", &["axum_users_created_at", "axum_users_user_id", "token_1"]),
        ] {
            assert_eq!(index_names(&database, collection).await, expected, "{collection}");
        }
    });
}

#[test]
fn two_processes_may_migrate_at_once() {
    on_a_database(async |database| {
        let options = MongoOptions::new;
        let adapters: Vec<_> = (0..6)
            .map(|_| configured::<NumberedProfile>(&database, options(), NumberedProfile::schema()))
            .collect();
        let migrating = adapters
            .into_iter()
            .map(|adapter| tokio::spawn(async move { users::<NumberedProfile>(&adapter).migrate().await }));
        for migration in migrating.collect::<Vec<_>>() {
            migration.await.unwrap().unwrap();
        }
        let expected = ["axum_users_email", "axum_users_oauth_account", "email_1", "id_1"];
        assert_eq!(index_names(&database, "users").await, expected);
        assert_eq!(documents(&database.collection("axum_users_migration")).await.len(), 1);
    });
}

#[test]
fn emails_that_differ_by_case_alone_are_named() {
    on_a_database(async |database| {
        let verified = |id, email: &str, is_verified| {
            let mut user = user_document(email, doc! { "id": uuid(id) });
            user.insert("is_verified", is_verified);
            user
        };
        insert(
            &database,
            "users",
            vec![
                verified(1, "ada@example.org", false),
                verified(2, "Ada@example.org", true),
                verified(3, "bob@example.org", true),
            ],
        )
        .await;
        let text = refusal::<User>(&database, MongoOptions::new()).await;
        assert!(text.starts_with("1 e-mail addresses in `users` belong to several users"), "{text}");
        let (one, two) = (uuid(1), uuid(2));
        assert!(text.contains(&format!("// \"Ada@example.org\", id UUID(\"{two}\"), keeps")), "{text}");
        let mends = format!(
            "db.getCollection(\"users\").updateOne({{ id: UUID(\"{one}\") }}, {{ $set: {{ email: \
             \"ada@example.org.{one}.invalid\" }} }})"
        );
        assert!(text.contains(&mends), "{text}");
        assert!(!text.contains("bob@"), "{text}");
        // Done as it says, nothing is in the way any more.
        let email = format!("ada@example.org.{one}.invalid");
        let users = database.collection::<Document>("users");
        users.update_one(doc! { "id": one }, doc! { "$set": { "email": email } }).await.unwrap();
        open::<User>(&database, MongoOptions::new()).await;
    });
}

#[test]
fn accounts_of_several_users_are_named() {
    let account = doc! { "oauth_name": "google", "account_id": "1" };
    on_a_database(async |database| {
        let with = |number, email: &str, accounts: Vec<Document>| {
            let id = ObjectId::from_bytes([number; 12]);
            user_document(email, doc! { "_id": id, "oauth_accounts": accounts })
        };
        let twice = vec![account.clone(), account.clone()];
        insert(
            &database,
            "User",
            vec![
                with(1, "ada@example.org", twice),
                with(2, "bob@example.org", vec![account.clone()]),
                with(3, "carol@example.org", vec![doc! { "oauth_name": "github", "account_id": "1" }]),
            ],
        )
        .await;
        for options in [MongoOptions::new(), MongoOptions::new().side_by_side(true)] {
            let text = refusal::<BeanieUser>(&database, options).await;
            assert!(text.starts_with("1 accounts of providers in `User` belong to several users"), "{text}");
            let one = ObjectId::from_bytes([1; 12]);
            assert!(
                text.contains(&format!("// \"google\" \"1\": _id ObjectId(\"{one}\") keeps it")),
                "{text}"
            );
            let two = ObjectId::from_bytes([2; 12]);
            let mends = format!(
                "db.getCollection(\"User\").updateOne({{ _id: ObjectId(\"{two}\") }}, {{ $pull: {{ oauth_accounts: \
                 {{ oauth_name: \"google\", account_id: \"1\" }} }} }})"
            );
            assert!(text.contains(&mends), "{text}");
        }
        // Of one user alone, an account may stand there twice.
        let users = database.collection::<Document>("User");
        let pull = doc! { "$pull": { "oauth_accounts": account.clone() } };
        users.update_one(doc! { "email": "bob@example.org" }, pull).await.unwrap();
        open::<BeanieUser>(&database, MongoOptions::new()).await;
    });
}

/// While Python writes too, it may link an account twice; afterwards it is looked for.
#[test]
fn accounts_are_looked_at_again_when_python_has_left() {
    on_a_database(async |database| {
        let side_by_side = || MongoOptions::new().side_by_side(true);
        open::<BeanieUser>(&database, side_by_side()).await;
        let account = doc! { "oauth_name": "google", "account_id": "1" };
        for email in ["ada@example.org", "bob@example.org"] {
            let user = user_document(email, doc! { "oauth_accounts": [account.clone()] });
            insert(&database, "User", vec![user]).await;
        }
        open::<BeanieUser>(&database, side_by_side()).await;
        let text = refusal::<BeanieUser>(&database, MongoOptions::new()).await;
        assert!(text.starts_with("1 accounts of providers"), "{text}");
    });
}

#[test]
fn documents_that_do_not_fit_the_model_are_counted() {
    let fits = || user_document("ada@example.org", doc! { "id": uuid(1) });
    let with = |name: &str, value: Bson| {
        let mut user = user_document("bob@example.org", doc! { "id": uuid(2) });
        user.insert(name, value);
        user
    };
    for (name, value, expected) in [
        ("email", Bson::Null, "1 documents of the collection `users` do not hold text in `email`"),
        (
            "id",
            Bson::String("2".to_owned()),
            "1 documents of the collection `users` do not hold a UUID in `id`",
        ),
        (
            "is_active",
            Bson::Int32(1),
            "1 documents of the collection `users` do not hold a boolean in `is_active`",
        ),
        ("first_name", Bson::Int32(1), "2 documents of the collection `users` do not hold text in the field"),
        ("nickname", Bson::Int32(1), "1 documents of the collection `users` hold something else than text"),
        ("plan", Bson::Null, "1 documents of the collection `users` hold something else than text"),
    ] {
        on_a_database(async |database| {
            insert(&database, "users", vec![fits(), with(name, value)]).await;
            let schema = match name {
                "first_name" => User::schema().with(Column::new("first_name", ColumnType::Text)),
                "nickname" => User::schema().with(Column::new("nickname", ColumnType::Text).nullable()),
                _ => {
                    let plan = Column::new("plan", ColumnType::Text);
                    User::schema().with(plan.default_value(Value::Text("free".to_owned())))
                }
            };
            let text = refusal_with::<User>(&database, MongoOptions::new(), schema).await;
            assert!(text.starts_with(expected), "{name}: {text}");
        });
    }
}

#[test]
fn the_other_flavours_documents_are_no_users() {
    on_a_database(async |database| {
        insert(&database, "User", vec![user_document("ada@example.org", doc! {})]).await;
        let text = refusal::<User>(&database, MongoOptions::new().user_collection("User")).await;
        assert!(text.contains("Beanie's users have ObjectIds, Motor's have UUIDs"), "{text}");
    });
}

#[test]
fn a_field_that_is_added_later_is_looked_at_once() {
    on_a_database(async |database| {
        let adapter = open::<BeanieUser>(&database, MongoOptions::new()).await;
        users::<BeanieUser>(&adapter).create(record("ada@example.org")).await.unwrap();
        let later = || BeanieUser::schema().with(Column::new("seen_at", ColumnType::Timestamp));
        let text = refusal_with::<BeanieUser>(&database, MongoOptions::new(), later()).await;
        assert!(text.contains("do not hold a timestamp in the field `seen_at`"), "{text}");
        assert!(text.contains("`#[user(default = …)]`"), "{text}");
        let collection = database.collection::<Document>("User");
        let now = doc! { "$set": { "seen_at": DateTime::from_millis(0) } };
        collection.update_many(doc! {}, now).await.unwrap();
        let adapter = configured::<BeanieUser>(&database, MongoOptions::new(), later());
        users::<BeanieUser>(&adapter).migrate().await.unwrap();
    });
}

#[test]
fn integer_ids_go_on_after_the_greatest() {
    on_a_database(async |database| {
        #[derive(Clone, UserModel)]
        struct Numbered {
            id: i64,
            email: String,
            hashed_password: String,
            is_active: bool,
            is_superuser: bool,
            is_verified: bool,
        }
        let accounts = doc! { "oauth_accounts": [{ "id": 70, "oauth_name": "google", "account_id": "1" }] };
        let mut ada = doc! { "id": 41 };
        ada.extend(accounts);
        insert(
            &database,
            "users",
            vec![user_document("ada@example.org", ada), user_document("bob@example.org", doc! { "id": 7 })],
        )
        .await;
        let adapter = open::<Numbered>(&database, MongoOptions::new()).await;
        let adapter = users::<Numbered>(&adapter);
        let google = google("2");
        let new =
            adapter.create_with_oauth_account(record("carol@example.org"), None, &google).await.unwrap();
        assert_eq!(new.id, 42);
        assert_eq!(adapter.oauth_accounts(&42).await.unwrap()[0].id, 71);
        assert_eq!(adapter.create(record("dora@example.org")).await.unwrap().id, 43);
    });
}

#[test]
fn an_applications_index_of_the_same_name_is_left_alone() {
    on_a_database(async |database| {
        let collection = database.collection::<Document>("users");
        let mut options = IndexOptions::default();
        options.name = Some("email_1".to_owned());
        let theirs = IndexModel::builder().keys(doc! { "email": 1, "is_active": 1 }).options(options).build();
        collection.create_index(theirs).await.unwrap();
        open::<User>(&database, MongoOptions::new()).await;
        let names = index_names(&database, "users").await;
        for name in ["email_1", "axum_users_email_1", "axum_users_email"] {
            assert!(names.iter().any(|found| found == name), "{name} is not in {names:?}");
        }
        open::<User>(&database, MongoOptions::new()).await;
        assert_eq!(index_names(&database, "users").await, names);
    });
}

#[test]
fn what_is_in_a_database_is_said_in_a_sentence() {
    on_a_database(async |database| {
        let adapter = configured::<User>(&database, MongoOptions::new(), User::schema());
        assert_eq!(adapter.inspect().await.unwrap().to_string(), "an empty database");
        insert(&database, "orders", vec![doc! { "price": 1 }]).await;
        insert(&database, "users", vec![doc! { "name": "Ada" }]).await;
        let found = adapter.inspect().await.unwrap().to_string();
        assert_eq!(found, "collections of something else: orders, users");
        database.collection::<Document>("users").drop().await.unwrap();
        insert(&database, "User", vec![user_document("ada@example.org", doc! {})]).await;
        let found = adapter.inspect().await.unwrap().to_string();
        assert_eq!(
            found,
            "collections of FastAPI Users with Beanie and ObjectIds, users in `User`: 1 users, 0 OAuth accounts, 0 access tokens"
        );
        users::<User>(&adapter).migrate().await.unwrap();
        let found = adapter.inspect().await.unwrap().to_string();
        assert_eq!(found, "collections of axum-users: 0 users, 0 OAuth accounts, 0 access tokens");
    });
}
