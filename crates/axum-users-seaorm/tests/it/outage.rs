//! Servers that are killed or paused under the adapter's hands, and come back.

use std::time::Duration;

use axum_users::{
    DatabaseError, Users,
    schema::{Record, Value},
};
use axum_users_seaorm::SeaOrmDatabase;
use time::macros::datetime;
use tokio::time::{sleep, timeout};
use uuid::Uuid;

use crate::{
    migrate::entities::plain::{Entity, Model},
    place::Engine,
    throwaway::{Kind, Throwaway},
};

on_every_server![cr_20_a_killed_or_paused_server_is_unavailable_and_back_without_a_restart];

/// What somebody waits for at most, for an answer as for its return; it only keeps a test from hanging.
const PATIENCE: Duration = Duration::from_secs(60);

fn throwaway(engine: Engine) -> Throwaway {
    Throwaway::start(match engine {
        Engine::Sqlite => unreachable!("it has no server"),
        #[cfg(feature = "postgres")]
        Engine::Postgres => Kind::PostgreSql,
        #[cfg(feature = "mysql")]
        Engine::MySql => Kind::MariaDb,
        #[allow(unreachable_patterns, reason = "an engine whose feature is off has no tests")]
        _ => unreachable!("its feature is off"),
    })
}

async fn cr_20_a_killed_or_paused_server_is_unavailable_and_back_without_a_restart(engine: Engine) {
    let mut server = throwaway(engine);
    let database = SeaOrmDatabase::<Entity>::connect(&server.url("test")).await.unwrap();
    let database = database.timeout(Duration::from_secs(1));
    let users = Users::builder(database, "a secret of more than thirty-two bytes").build().unwrap();
    users.migrate().await.unwrap();
    users.database().create(record(1, "ada@example.org")).await.unwrap();

    everybody_is_served(&users).await;
    server.kill();
    nobody_is_served(&users).await;
    server.start_again();
    it_is_back(&users).await;
    everybody_is_served(&users).await;
    server.pause();
    nobody_is_served(&users).await;
    server.resume();
    it_is_back(&users).await;
    everybody_is_served(&users).await;
    assert_eq!(users.list(None, 10).await.unwrap().len(), 1);
}

fn id(number: u128) -> axum_users_seaorm::UuidText {
    Uuid::from_u128(number).into()
}

fn record(number: u128, email: &str) -> Record {
    Record::new()
        .with("id", Value::Uuid(Uuid::from_u128(number)))
        .with("email", Value::Text(email.into()))
        .with("hashed_password", Value::Text("hash".into()))
        .with("is_active", Value::Bool(true))
        .with("is_superuser", Value::Bool(false))
        .with("is_verified", Value::Bool(false))
}

/// More at once than the pool has connections.
async fn everybody_is_served(users: &Users<Model>) {
    let tasks: Vec<_> = (0..40)
        .map(|_| {
            let users = users.clone();
            tokio::spawn(async move { users.get(&id(1)).await })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.unwrap().unwrap().unwrap().email, "ada@example.org");
    }
}

async fn nobody_is_served(users: &Users<Model>) {
    let database = users.database();
    let (ada, nobody, forms) = (id(1), id(9), ["t".to_owned()]);
    let (all, change) = (Record::new(), Record::new().with("is_active", Value::Bool(true)));
    let at = datetime!(2026-11-23 10:00 UTC);
    tokio::join!(
        unavailable("get", database.get(&ada)),
        unavailable("get_by_email", database.get_by_email("ada@example.org")),
        unavailable("user_by_access_token", database.user_by_access_token(&forms, None)),
        unavailable("user_by_oauth_account", database.user_by_oauth_account("google", "1")),
        unavailable("get_with_state", database.get_with_state(&ada)),
        unavailable("update", database.update(&ada, &all, &change)),
        unavailable("delete", database.delete(&nobody)),
        // An address that is taken, since a paused server may do later what it was asked.
        unavailable("create", database.create(record(2, "ADA@example.org"))),
        unavailable("use_once", database.use_once("verify", "digest", at, at)),
        unavailable("ping", database.ping()),
    );
    let crowd: Vec<_> = (0..40)
        .map(|_| {
            let users = users.clone();
            tokio::spawn(async move { unavailable("crowd", users.database().get(&id(1))).await })
        })
        .collect();
    for one in crowd {
        one.await.unwrap();
    }
}

async fn unavailable<T>(what: &str, call: impl Future<Output = Result<T, DatabaseError>>) {
    match timeout(PATIENCE, Box::pin(call)).await {
        Ok(Err(DatabaseError::Unavailable(_))) => {}
        Ok(Err(other)) => panic!("{what}: {other:?}"),
        Ok(Ok(_)) => panic!("{what} was answered"),
        Err(_) => panic!("{what} was not answered"),
    }
}

async fn it_is_back(users: &Users<Model>) {
    let back = async {
        while users.database().ping().await.is_err() {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, back).await.unwrap();
    users.migrate().await.unwrap();
}
