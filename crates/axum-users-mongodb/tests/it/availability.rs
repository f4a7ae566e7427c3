//! A server that is killed, or stops answering, is `Unavailable` soon, and the adapter heals without a restart.

use std::time::Duration;

use axum_users::{DatabaseError, User, UserDatabase, UserModel};
use axum_users_mongodb::{
    MongoDatabase, MongoOptions,
    mongodb::{Client, options::ClientOptions},
};
use tokio::time::{sleep, timeout};
use uuid::Uuid;

use crate::{configured, oauth::user_record, server::OwnServer, users};

/// It only keeps a hanging adapter from hanging the tests.
const PATIENCE: Duration = Duration::from_secs(60);

async fn connect(server: &OwnServer) -> MongoDatabase {
    let mut options = ClientOptions::parse(server.url("app")).await.unwrap();
    options.server_selection_timeout = Some(Duration::from_millis(500));
    let database = Client::with_options(options).unwrap().database("app");
    let options = MongoOptions::new().operation_timeout(Duration::from_secs(2));
    let adapter = configured::<User>(&database, options, User::schema());
    users::<User>(&adapter).migrate().await.unwrap();
    adapter
}

async fn assert_unavailable<T>(what: &str, call: impl Future<Output = Result<T, DatabaseError>>) {
    match timeout(PATIENCE, call).await {
        Ok(Err(DatabaseError::Unavailable(_))) => {}
        Ok(Err(error)) => panic!("{what}: {error:?} instead of Unavailable"),
        Ok(Ok(_)) => panic!("{what}: an answer without a server"),
        Err(_) => panic!("{what}: no answer in {PATIENCE:?}"),
    }
}

async fn assert_all_unavailable(adapter: &impl UserDatabase<User>) {
    let id = Uuid::from_u128(1);
    assert_unavailable("ping", adapter.ping()).await;
    assert_unavailable("get", adapter.get(&id)).await;
    assert_unavailable("get_by_email", adapter.get_by_email("ada@example.org")).await;
    assert_unavailable("create", adapter.create(user_record(2, "bob@example.org"))).await;
    assert_unavailable("user_by_access_token", adapter.user_by_access_token(&["t".to_owned()], None)).await;
    assert_unavailable("get_with_state", adapter.get_with_state(&id)).await;
}

async fn heals(adapter: &impl UserDatabase<User>) {
    let healing = async {
        loop {
            match adapter.get(&Uuid::from_u128(1)).await {
                Err(DatabaseError::Unavailable(_)) => sleep(Duration::from_millis(50)).await,
                answer => return answer.unwrap(),
            }
        }
    };
    let user = timeout(PATIENCE, healing).await.expect("the adapter heals without a restart");
    assert_eq!(user.expect("what was stored is still there").email(), "ada@example.org");
}

#[tokio::test(flavor = "multi_thread")]
async fn cr_20_a_killed_server_is_unavailable_until_it_is_started_again() {
    let mut server = OwnServer::start();
    let adapter = connect(&server).await;
    let adapter = users::<User>(&adapter);
    adapter.create(user_record(1, "ada@example.org")).await.unwrap();
    server.signal("KILL");
    assert_all_unavailable(adapter).await;
    server.start_again();
    heals(adapter).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cr_20_a_server_that_stops_answering_is_unavailable_until_it_goes_on() {
    let server = OwnServer::start();
    let adapter = connect(&server).await;
    let adapter = users::<User>(&adapter);
    adapter.create(user_record(1, "ada@example.org")).await.unwrap();
    server.signal("STOP");
    assert_all_unavailable(adapter).await;
    server.signal("CONT");
    heals(adapter).await;
}
