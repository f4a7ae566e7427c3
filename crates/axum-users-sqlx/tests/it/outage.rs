//! Servers that are killed or paused under the adapter's hands, and come back.

use std::time::Duration;

use axum_users::{
    DatabaseError, MigrateError, User, UserDatabase, UserModel,
    schema::{Record, Value},
};
use axum_users_sqlx::{SqlxDatabase, SqlxOptions};
use tokio::time::{sleep, timeout};

use crate::{
    at, configure, id,
    place::{Engine, rows},
    record,
    throwaway::{Kind, Throwaway},
    users,
};

on_every_server![cr_20_a_killed_or_paused_server_is_unavailable_and_back_without_a_restart];

/// What somebody waits for at most, for an answer as for its return.
const PATIENCE: Duration = Duration::from_secs(5);

impl Engine {
    pub(crate) fn throwaway(self) -> Kind {
        match self {
            Self::Sqlite => unreachable!("it has no server"),
            Self::Postgres => Kind::PostgreSql,
            Self::MySql => Kind::MariaDb,
        }
    }
}

async fn cr_20_a_killed_or_paused_server_is_unavailable_and_back_without_a_restart(engine: Engine) {
    let mut server = Throwaway::start(engine.throwaway());
    let options = SqlxOptions::new().timeout(Duration::from_secs(1));
    let mut database = options.connect(&server.url("test")).await.unwrap();
    configure(&mut database, User::schema());
    users::<User>(&database).migrate().await.unwrap();
    users::<User>(&database).create(record(1, "ada@example.org")).await.unwrap();

    everybody_is_served(&database).await;
    server.kill();
    nobody_is_served(&database).await;
    server.start_again();
    it_is_back(&database).await;
    everybody_is_served(&database).await;
    server.pause();
    nobody_is_served(&database).await;
    server.resume();
    it_is_back(&database).await;
    everybody_is_served(&database).await;
    assert_eq!(rows(&database, "SELECT count(*) FROM \"user\"").await, ["1"]);
}

/// More at once than the pool has connections.
async fn everybody_is_served(database: &SqlxDatabase) {
    let tasks: Vec<_> = (0..40)
        .map(|_| {
            let database = database.clone();
            tokio::spawn(async move { users::<User>(&database).get(&id(1)).await })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.unwrap().unwrap().unwrap().email, "ada@example.org");
    }
}

async fn nobody_is_served(database: &SqlxDatabase) {
    let users = users::<User>(database);
    let (ada, nobody, forms) = (id(1), id(9), ["t".to_owned()]);
    let (all, change) = (Record::new(), Record::new().with("is_active", Value::Bool(true)));
    tokio::join!(
        unavailable("get", users.get(&ada)),
        unavailable("get_by_email", users.get_by_email("ada@example.org")),
        unavailable("user_by_access_token", users.user_by_access_token(&forms, None)),
        unavailable("update", users.update(&ada, &all, &change)),
        unavailable("delete", users.delete(&nobody)),
        // An address that is taken, since a paused server may do later what it was asked.
        unavailable("create", users.create(record(2, "ADA@example.org"))),
        unavailable("use_once", users.use_once("verify", "digest", at(0), at(1))),
        unavailable("ping", users.ping()),
    );
    let crowd: Vec<_> = (0..40)
        .map(|_| {
            let database = database.clone();
            tokio::spawn(
                async move { unavailable("crowd", crate::users::<User>(&database).get(&id(1))).await },
            )
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

async fn it_is_back(database: &SqlxDatabase) {
    let back = async {
        while users::<User>(database).ping().await.is_err() {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, back).await.unwrap();
    match users::<User>(database).migrate().await {
        Ok(()) => {}
        Err(MigrateError::Database(error)) => panic!("{error:?}"),
        Err(other) => panic!("{other:?}"),
    }
}
