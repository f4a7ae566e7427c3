//! No operation of a login or a request looks through a whole collection.

use std::sync::{Arc, Mutex};

use axum_users::{
    AccessToken, User, UserDatabase, UserState,
    schema::{Record, Value},
};
use axum_users_mongodb::{
    MongoOptions,
    mongodb::{
        Client,
        bson::{Bson, DateTime, Document, Uuid as BsonUuid, doc},
        event::{EventHandler, command::CommandEvent},
        options::ClientOptions,
    },
};
use time::macros::datetime;
use uuid::Uuid;

use crate::{oauth::google, oauth::user_record, on_a_database, open, server, user_document, users};

const USERS: u128 = 10_000;

/// What the driver adds to a command for itself.
const OF_THE_DRIVER: [&str; 6] = ["lsid", "$db", "$clusterTime", "$readPreference", "txnNumber", "$tenant"];

/// The commands that a client sends, save inserts and its own talk with the server.
#[derive(Clone, Default)]
struct Commands(Arc<Mutex<Vec<Document>>>);

impl Commands {
    async fn client(&self) -> Client {
        let mut options = ClientOptions::parse(server::url()).await.unwrap();
        let commands = self.clone();
        options.command_event_handler = Some(EventHandler::callback(move |event| {
            if let CommandEvent::Started(event) = event
                && ["find", "aggregate", "findAndModify", "update", "delete"]
                    .contains(&event.command_name.as_str())
            {
                let mut command = event.command;
                for name in OF_THE_DRIVER {
                    command.remove(name);
                }
                commands.0.lock().unwrap().push(command);
            }
        }));
        Client::with_options(options).unwrap()
    }

    fn take(&self) -> Vec<Document> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

#[test]
fn every_operation_of_a_login_and_of_a_request_uses_an_index() {
    on_a_database(async |database| {
        let commands = Commands::default();
        let watched = commands.client().await.database(database.name());
        let adapter = open::<User>(&watched, MongoOptions::new()).await;
        let adapter = users::<User>(&adapter);
        fill(&database).await;
        commands.take();

        let (id, row) = (Uuid::from_u128(77), Uuid::from_u128(1));
        let (forms, at) = (["~7".to_owned(), "7".to_owned()], datetime!(2026-11-23 10:00 UTC));
        adapter.get(&id).await.unwrap().unwrap();
        adapter.get_by_email("77@Example.org").await.unwrap().unwrap();
        adapter.list(Some(&id), 10).await.unwrap();
        let expected = Record::new().with("email", Value::Text("77@example.org".into()));
        let changes = Record::new().with("hashed_password", Value::Text("new".into()));
        adapter.update(&id, &expected, &changes).await.unwrap().unwrap();
        adapter
            .create_access_token(&AccessToken { token: "t".into(), user_id: id, created_at: at })
            .await
            .unwrap();
        adapter.user_by_access_token(&forms, Some(at)).await.unwrap();
        adapter.user_by_access_token(&["8".to_owned()], None).await.unwrap().unwrap();
        adapter.rewrite_access_token("7", "~7").await.unwrap();
        adapter.delete_access_token(&forms).await.unwrap();
        adapter.delete_access_tokens_of(&id, &forms).await.unwrap();
        adapter.purge_access_tokens(at).await.unwrap();
        adapter.use_once("verify", "digest", at, at).await.unwrap();
        adapter.user_by_oauth_account("google", "78").await.unwrap().unwrap();
        adapter.oauth_accounts(&id).await.unwrap();
        adapter.add_oauth_account(&id, Some(&row), &google("new")).await.unwrap();
        adapter.update_oauth_account(&id, &google("new")).await.unwrap();
        adapter.delete_oauth_account(&id, "google", "new").await.unwrap();
        let new = user_record(USERS + 1, "new@example.org");
        adapter.create_with_oauth_account(new, Some(&row), &google("newer")).await.unwrap();
        adapter
            .set_user_state(&id, UserState { not_before: Some(at), password_is_generated: true })
            .await
            .unwrap();
        adapter.get_with_state(&id).await.unwrap().unwrap();
        adapter.delete(&id).await.unwrap();

        let commands = commands.take();
        assert!(commands.len() >= 25, "{} commands were seen", commands.len());
        let mut scans = Vec::new();
        for command in commands {
            let explained = as_a_find(&command);
            let plan = database.run_command(doc! { "explain": explained, "verbosity": "queryPlanner" });
            let plan = plan.await.unwrap_or_else(|error| panic!("{command}: {error}"));
            let mut stages = Vec::new();
            find_stages(&Bson::Document(plan.clone()), &mut stages);
            let is_scan = |stage: &String| stage == "COLLSCAN" || stage == "NestedLoopJoin";
            let is_index = |stage: &String| {
                ["IXSCAN", "IDHACK"].contains(&stage.as_str()) || stage.starts_with("EXPRESS")
            };
            if stages.iter().any(is_scan) || !stages.iter().any(is_index) {
                scans.push(format!("{command}: {stages:?}"));
            }
        }
        assert!(scans.is_empty(), "{}", scans.join("\n"));
    });
}

/// An update or a delete as the look-up that it begins with: not every server explains the whole.
fn as_a_find(command: &Document) -> Document {
    let (name, collection) = command.iter().next().unwrap();
    let write = match name.as_str() {
        "update" => &command.get_array("updates").unwrap()[0],
        "delete" => &command.get_array("deletes").unwrap()[0],
        _ => return command.clone(),
    };
    let write = write.as_document().unwrap();
    let mut find = doc! { "find": collection, "filter": write.get("q") };
    if let Some(hint) = write.get("hint") {
        find.insert("hint", hint);
    }
    find
}

/// Users with a session and an account each.
async fn fill(database: &axum_users_mongodb::mongodb::Database) {
    let id = |number: u128| BsonUuid::from_bytes(Uuid::from_u128(number).into_bytes());
    let user = |number: u128| {
        let accounts = [doc! {
            "id": id(number),
            "oauth_name": "google",
            "access_token": "access",
            "account_id": number.to_string(),
            "account_email": "",
        }];
        user_document(&format!("{number}@example.org"), doc! { "id": id(number), "oauth_accounts": accounts })
    };
    let session = |number: u128| {
        doc! { "token": number.to_string(), "user_id": id(number), "created_at": DateTime::from_millis(0) }
    };
    for numbers in [0..USERS / 2, USERS / 2..USERS] {
        let (users, sessions) = (numbers.clone().map(user), numbers.map(session));
        database.collection::<Document>("users").insert_many(users).await.unwrap();
        database.collection::<Document>("access_tokens").insert_many(sessions).await.unwrap();
    }
}

/// The stages and strategies anywhere in a plan.
fn find_stages(plan: &Bson, stages: &mut Vec<String>) {
    match plan {
        Bson::Document(document) => {
            for (name, value) in document {
                match value {
                    Bson::String(stage) if ["stage", "strategy"].contains(&name.as_str()) => {
                        stages.push(stage.clone());
                    }
                    // What the planner thought of and did not choose.
                    _ if name == "rejectedPlans" => {}
                    value => find_stages(value, stages),
                }
            }
        }
        Bson::Array(items) => items.iter().for_each(|item| find_stages(item, stages)),
        _ => {}
    }
}
