//! The suite that every adapter runs, with a second client as another process has it.

use std::{marker::PhantomData, time::Duration};

use axum_users::{UserModel, schema::ColumnType};
use axum_users_mongodb::{
    MongoDatabase, MongoOptions,
    mongodb::{
        Client, Collection,
        bson::{Document, doc},
        options::{ClientOptions, ServerAddress},
    },
};
use axum_users_testkit::{Exceptions, Fixture, Line, NumberedProfile, ObjectIdProfile, Profile};

use crate::{documents, new_name, server};

struct Mongo<U> {
    name: String,
    line: Line,
    model: PhantomData<fn() -> U>,
}

/// A busy machine is no fault of the adapter.
fn patient() -> MongoOptions {
    MongoOptions::new().operation_timeout(Duration::from_secs(30))
}

async fn options() -> ClientOptions {
    ClientOptions::parse(server::url()).await.unwrap()
}

impl<U: UserModel> Mongo<U> {
    async fn users(&self) -> Collection<Document> {
        let name = if U::schema().id_type() == ColumnType::ObjectId { "User" } else { "users" };
        Client::with_options(options().await).unwrap().database(&self.name).collection(name)
    }
}

impl<U: UserModel> Fixture for Mongo<U> {
    type User = U;
    type Database = MongoDatabase;

    async fn start() -> Self {
        let options = options().await;
        let ServerAddress::Tcp { host, port } = options.hosts[0].clone() else {
            panic!("MONGODB_URL names no host");
        };
        let line = Line::to((host, port.unwrap_or(27017))).await.unwrap();
        Self { name: new_name(), line, model: PhantomData }
    }

    async fn connect(&self) -> MongoDatabase {
        let mut options = options().await;
        let address = self.line.address();
        options.hosts =
            vec![ServerAddress::Tcp { host: address.ip().to_string(), port: Some(address.port()) }];
        // Or the driver would ask the server where it is, and go around the line.
        options.direct_connection = Some(true);
        options.repl_set_name = None;
        options.server_selection_timeout = Some(Duration::from_millis(700));
        patient().with_database(Client::with_options(options).unwrap().database(&self.name))
    }

    async fn connect_again(&self) -> Option<MongoDatabase> {
        let client = Client::with_options(options().await).unwrap();
        Some(patient().with_database(client.database(&self.name)))
    }

    fn exceptions(&self) -> Exceptions {
        Exceptions::default().looser_unique_indexes().timestamp_step(Duration::from_millis(1))
    }

    async fn add_unknown_column(&self) -> bool {
        let note = doc! { "$set": { "testkit_note": "kept" } };
        self.users().await.update_many(doc! {}, note).await.unwrap();
        true
    }

    async fn unknown_column(&self) -> Vec<Option<String>> {
        let mut users = documents(&self.users().await).await;
        users.sort_by_key(|user| user.get_str("email").unwrap().to_owned());
        users.iter().map(|user| user.get_str("testkit_note").ok().map(str::to_owned)).collect()
    }

    async fn cut(&self) -> bool {
        self.line.cut();
        true
    }

    async fn heal(&self) {
        self.line.heal();
    }

    async fn end(self) {
        Client::with_options(options().await).unwrap().database(&self.name).drop().await.unwrap();
    }
}

mod with_uuids {
    axum_users_testkit::conformance!(super::Mongo<super::Profile>);
}
mod with_object_ids {
    axum_users_testkit::conformance!(super::Mongo<super::ObjectIdProfile>);
}
mod with_numbers {
    axum_users_testkit::conformance!(super::Mongo<super::NumberedProfile>);
}
