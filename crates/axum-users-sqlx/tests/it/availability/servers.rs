//! Servers that are locked, full or refuse, and what is said of one that cannot be connected to.

use std::{error::Error as _, time::Duration};

use axum_users::{
    NewOAuthAccount, User, UserDatabase, UserModel,
    schema::{Record, Value},
};
use axum_users_sqlx::{ConnectError, SqlxDatabase, SqlxOptions};
use tokio::{
    io::AsyncWriteExt,
    net::TcpListener,
    time::{sleep, timeout},
};

use super::is_unavailable;
use crate::{
    at, configure, fresh, id,
    place::{Engine, GUEST_PASSWORD, Place, execute, rows},
    record, users,
};

on_every_server![
    cr_20_while_a_row_is_locked_writes_of_it_are_unavailable_and_the_rest_goes_on,
    cr_20_while_the_server_has_no_connection_left_it_is_unavailable_and_then_serves,
    a_login_that_is_taken_away_is_unavailable_and_good_again_when_it_is_given_back,
    what_cannot_be_connected_to_is_said_in_a_sentence_without_the_password,
    the_applications_own_queries_have_their_turn_of_a_pool_that_is_never_idle,
    accounts_are_listed_after_a_column_was_widened_under_every_connection,
];

const SECRET: &str = "s3cret-Pa55word";

async fn cr_20_while_a_row_is_locked_writes_of_it_are_unavailable_and_the_rest_goes_on(engine: Engine) {
    let (place, other) = fresh(engine).await;
    let options = SqlxOptions::new().timeout(Duration::from_millis(300)).pool_size(2);
    let database = place.open(options, User::schema()).await;
    let users = users::<User>(&database);
    for number in [1, 2] {
        users.create(record(number, &format!("{number}@example.org"))).await.unwrap();
    }
    other.pool().close().await;
    let other = place.connect(SqlxOptions::new().pool_size(1)).await;
    let lock = format!("BEGIN; UPDATE \"user\" SET hashed_password = 'held' WHERE id = '{}'", id(1));
    execute(&other, &lock).await;

    let change = Record::new().with("hashed_password", Value::Text("new".into()));
    // More often than the pool has connections.
    for _ in 0..5 {
        let (first, unconditionally) = (id(1), Record::new());
        let update = users.update(&first, &unconditionally, &change);
        assert!(is_unavailable(&timeout(Duration::from_secs(5), update).await.unwrap()));
        assert_eq!(users.get(&id(1)).await.unwrap().unwrap().hashed_password, "hash");
        assert!(users.update(&id(2), &Record::new(), &change).await.unwrap().is_some());
    }
    assert!(is_unavailable(&users.delete(&id(1)).await));
    execute(&other, "ROLLBACK").await;
    // What was given up may hold the row for a moment yet.
    let updated = async {
        while !users.update(&id(1), &Record::new(), &change).await.is_ok_and(|user| user.is_some()) {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(Duration::from_secs(10), updated).await.unwrap();
    assert_eq!(users.get(&id(1)).await.unwrap().unwrap().hashed_password, "new");
}

async fn cr_20_while_the_server_has_no_connection_left_it_is_unavailable_and_then_serves(engine: Engine) {
    let (mut place, _database) = fresh(engine).await;
    let url = place.guest(1).await;
    let options = SqlxOptions::new().timeout(Duration::from_millis(500));
    let mut database = options.clone().connect(&url).await.unwrap();
    configure(&mut database, User::schema());
    let taker = connected(&url).await;
    let users = users::<User>(&database);
    for _ in 0..3 {
        assert!(is_unavailable(&users.get(&id(1)).await));
    }
    let error = options.connect(&url).await.unwrap_err();
    assert!(matches!(error, ConnectError::Unusable { .. } | ConnectError::Refused { .. }), "{error:?}");
    taker.pool().close().await;
    serves(&database).await;
}

/// Takes the one connection, as soon as the server has noticed that the last one is closed.
async fn connected(url: &str) -> SqlxDatabase {
    let connecting = async {
        loop {
            let database = SqlxOptions::new().pool_size(1).connect(url).await;
            if let Ok(mut database) = database {
                configure(&mut database, User::schema());
                if users::<User>(&database).ping().await.is_ok() {
                    return database;
                }
            }
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(Duration::from_secs(10), connecting).await.unwrap()
}

async fn serves(database: &SqlxDatabase) {
    let serving = async {
        while users::<User>(database).ping().await.is_err() {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(Duration::from_secs(10), serving).await.unwrap();
}

async fn a_login_that_is_taken_away_is_unavailable_and_good_again_when_it_is_given_back(engine: Engine) {
    let (mut place, owner) = fresh(engine).await;
    let url = place.guest(10).await;
    let name = url.split_once("://").unwrap().1.split_once(':').unwrap().0.to_owned();
    let options = SqlxOptions::new().timeout(Duration::from_millis(500));
    let mut database = options.connect(&url).await.unwrap();
    configure(&mut database, User::schema());
    let users = users::<User>(&database);
    assert_eq!(users.get(&id(1)).await.unwrap(), None);
    let [take, end, give] = engine.pick(
        ["", "", ""],
        [
            "ALTER ROLE {} NOLOGIN",
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{}'",
            "ALTER ROLE {} LOGIN",
        ],
        ["ALTER USER {} ACCOUNT LOCK", "KILL USER {}", "ALTER USER {} ACCOUNT UNLOCK"],
    );
    execute(&owner, &take.replace("{}", &name)).await;
    execute(&owner, &end.replace("{}", &name)).await;
    for _ in 0..3 {
        assert!(is_unavailable(&users.get(&id(1)).await));
        assert!(is_unavailable(&users.use_once("verify", "a", at(9), at(0)).await));
    }
    execute(&owner, &give.replace("{}", &name)).await;
    serves(&database).await;
    assert_eq!(rows(&database, "SELECT count(*) FROM axum_users_one_time").await, ["0"]);
}

async fn what_cannot_be_connected_to_is_said_in_a_sentence_without_the_password(engine: Engine) {
    let mut place = Place::new(engine).await;
    let scheme = engine.pick("", "postgres", "mysql");
    let server = place.address().unwrap();
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent_address = silent.local_addr().unwrap();
    let babbling = babbling().await;
    let guest = place.guest(5).await;
    let known = guest.split_once("://").unwrap().1.split_once(':').unwrap().0.to_owned();
    let wrong = format!("{scheme}://nobody_knows:{SECRET}@{server}/{}", "test");
    let mut cases = vec![
        (
            format!("{scheme}://me:{SECRET}@{nobody}/users"),
            format!("the database server at {nobody} cannot be reached"),
        ),
        (
            format!("{scheme}://me:{SECRET}@{silent_address}/users"),
            format!("the database server at {silent_address} cannot be reached"),
        ),
        (
            format!("{scheme}://me:{SECRET}@{babbling}/users"),
            format!("the database server at {babbling} cannot be {}", engine.pick("", "used", "reached")),
        ),
        (wrong, format!("the database server at {server} does not let `nobody_knows` in")),
        (format!("{scheme}://me:{SECRET}@{server}:x/users"), "the database URL is wrong".to_owned()),
        (
            format!(
                "{scheme}://me:{SECRET}@{server}/users?{}",
                engine.pick("", "sslmode=perhaps", "ssl-mode=perhaps")
            ),
            "the database URL is wrong".to_owned(),
        ),
    ];
    cases.push(engine.pick(
        (String::new(), String::new()),
        (
            guest.replace(place.url().rsplit('/').next().unwrap(), "no_such_database"),
            format!("the database server at {server} has no database `no_such_database`"),
        ),
        (
            format!("mysql://me:{SECRET}@{server}"),
            "the database URL names no database; put one behind the server, for example `mysql://host/users`".to_owned(),
        ),
    ));
    if engine.pick(false, false, true) {
        let url = guest.replace(GUEST_PASSWORD, SECRET);
        cases.push((url, format!("the database server at {server} does not let `{known}` in")));
    }
    for (url, message) in cases {
        let options = SqlxOptions::new().timeout(Duration::from_millis(500));
        let Err(error) = options.connect(&url).await else { panic!("{url} was connected to") };
        assert_eq!(error.to_string(), message, "{url} {:?}", error.source());
        let mut texts = format!("{error} {error:?}");
        let mut source = error.source();
        while let Some(cause) = source {
            texts.push_str(&format!(" {cause} {cause:?}"));
            source = cause.source();
        }
        assert!(!texts.contains(SECRET) && !texts.contains(GUEST_PASSWORD), "{texts}");
    }
}

/// Something that listens and is no database.
async fn babbling() -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n").await;
        }
    });
    address
}

async fn the_applications_own_queries_have_their_turn_of_a_pool_that_is_never_idle(engine: Engine) {
    let (place, _owner) = fresh(engine).await;
    let database = place.open(SqlxOptions::new().pool_size(1), User::schema()).await;
    let mut busy = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let database = database.clone();
        busy.spawn(async move {
            loop {
                assert_eq!(users::<User>(&database).get(&id(1)).await.unwrap(), None);
            }
        });
    }
    for _ in 0..20 {
        // Its pool waits for a connection as long as the database's timeout.
        assert_eq!(rows(&database, "SELECT count(*) FROM oauth_account").await, ["0"]);
    }
    assert!(busy.try_join_next().is_none(), "all go on");
}

async fn accounts_are_listed_after_a_column_was_widened_under_every_connection(engine: Engine) {
    const CONNECTIONS: u32 = 6;
    let (place, owner) = fresh(engine).await;
    let options = SqlxOptions::new().pool_size(CONNECTIONS);
    let database = std::sync::Arc::new(place.open(options, User::schema()).await);
    let account = NewOAuthAccount {
        oauth_name: "google".into(),
        access_token: "access".into(),
        expires_at: None,
        refresh_token: None,
        account_id: "1".into(),
        account_email: "ada@provider.test".into(),
    };
    let (ada, users_of) = (record(1, "ada@example.org"), users::<User>(&database));
    users_of.create_with_oauth_account(ada, Some(&id(11)), &account).await.unwrap();
    let list_by_all = || async {
        let lists = (0..CONNECTIONS * 8).map(|_| {
            let database = std::sync::Arc::clone(&database);
            tokio::spawn(async move { users::<User>(&database).oauth_accounts(&id(1)).await.unwrap().len() })
        });
        for list in lists.collect::<Vec<_>>() {
            assert_eq!(list.await.unwrap(), 1);
        }
    };
    list_by_all().await;
    let widen = engine.pick(
        "",
        "ALTER TABLE oauth_account ALTER COLUMN access_token TYPE TEXT",
        "ALTER TABLE oauth_account MODIFY access_token TEXT NOT NULL",
    );
    execute(&owner, widen).await;
    list_by_all().await;
}
