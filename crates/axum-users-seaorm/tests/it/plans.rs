//! No operation of a login or a request looks through a whole table, with 10,000 users.

use std::sync::{Arc, Mutex};

use axum_users::{
    AccessToken, NewOAuthAccount, UserState, Users,
    schema::{Record, Value},
};
use axum_users_seaorm::{SeaOrmDatabase, UserEntity};
use sea_orm::{ConnectionTrait, DatabaseConnection, Statement};
use time::macros::datetime;
use uuid::Uuid;

use crate::{
    migrate::entities::{native, plain},
    place::{Engine, Place, execute},
};

const USERS: u128 = 10_000;

#[tokio::test]
async fn no_statement_reads_a_whole_table_in_sqlite() {
    no_statement_reads_a_whole_table::<plain::Entity>(Engine::Sqlite).await;
}

#[cfg(feature = "postgres")]
#[tokio::test]
async fn no_statement_reads_a_whole_table_in_postgresql() {
    no_statement_reads_a_whole_table::<native::Entity>(Engine::Postgres).await;
}

#[cfg(feature = "mysql")]
#[tokio::test]
async fn no_statement_reads_a_whole_table_in_mariadb() {
    no_statement_reads_a_whole_table::<plain::Entity>(Engine::MySql).await;
}

async fn no_statement_reads_a_whole_table<E: UserEntity>(engine: Engine)
where
    <E::Model as axum_users::UserModel>::Id: From<Uuid>,
{
    let place = Place::new(engine).await;
    let mut watched = place.connect().await;
    let seen: Arc<Mutex<Vec<Statement>>> = Arc::default();
    let sink = Arc::clone(&seen);
    watched.set_metric_callback(move |info| sink.lock().unwrap().push(info.statement.clone()));
    let database = SeaOrmDatabase::<E>::new(watched);
    let users = Users::builder(database, "a secret of more than thirty-two bytes").build().unwrap();
    users.migrate().await.unwrap();
    let connection = place.connect().await;
    fill(engine, &connection).await;
    seen.lock().unwrap().clear();
    use_everything(&users).await;

    let statements = std::mem::take(&mut *seen.lock().unwrap());
    let mut explained = 0;
    for statement in statements {
        // Where an insert of given values goes has no way to be read.
        let is_explained = ["SELECT", "UPDATE", "DELETE"].iter().any(|verb| statement.sql.starts_with(verb))
            || statement.sql.contains("FROM");
        if !is_explained {
            continue;
        }
        explained += 1;
        let is_list = statement.sql.contains("LIMIT");
        for step in plan(engine, &connection, &statement).await {
            assert!(!reads_a_whole_table(engine, &step, is_list), "{step}\n{}", statement.sql);
        }
    }
    assert!(explained >= 22, "{explained} statements were explained");
}

/// Each operation of the adapter once, on what is there.
async fn use_everything<U: axum_users::UserModel>(users: &Users<U>)
where
    U::Id: From<Uuid>,
{
    let database = users.database();
    let (id, at) = (U::Id::from(user_id(77)), datetime!(2026-11-23 10:00 UTC));
    let account = |id: &str| NewOAuthAccount {
        oauth_name: "google".into(),
        access_token: "t".into(),
        expires_at: None,
        refresh_token: None,
        account_id: id.into(),
        account_email: "e".into(),
    };
    database.get(&id).await.unwrap().unwrap();
    database.get_by_email("USER77@example.org").await.unwrap().unwrap();
    assert_eq!(database.list(Some(&id), 10).await.unwrap().len(), 10);
    let expected = Record::new().with("email", Value::Text("User77@example.org".into()));
    let changes = Record::new().with("hashed_password", Value::Text("new".into()));
    database.update(&id, &expected, &changes).await.unwrap().unwrap();
    let token = AccessToken { token: "new".into(), user_id: id.clone(), created_at: at };
    database.create_access_token(&token).await.unwrap();
    let forms = ["~77".to_owned(), "token77".to_owned()];
    database.user_by_access_token(&forms, Some(at)).await.unwrap().unwrap();
    database.rewrite_access_token("token77", "~77").await.unwrap();
    database.delete_access_token(&forms).await.unwrap();
    database.delete_access_tokens_of(&id, &forms).await.unwrap();
    database.purge_access_tokens(datetime!(1970-01-01 0:00 UTC)).await.unwrap();
    database.use_once("verify", "new", at, datetime!(1970-01-01 0:00 UTC)).await.unwrap();
    database.user_by_oauth_account("google", "account78").await.unwrap().unwrap();
    database.oauth_accounts(&id).await.unwrap();
    database.add_oauth_account(&id, Some(&user_id(USERS + 1).into()), &account("other")).await.unwrap();
    assert!(database.update_oauth_account(&id, &account("other")).await.unwrap());
    assert!(database.delete_oauth_account(&id, "google", "other").await.unwrap());
    let state = UserState { not_before: Some(at), password_is_generated: true };
    database.set_user_state(&id, state).await.unwrap();
    database.get_with_state(&id).await.unwrap().unwrap();
    assert!(database.delete(&id).await.unwrap());
}

/// Whether a step of a plan does; a list is read in the order of an index, and no further than its limit.
fn reads_a_whole_table(engine: Engine, step: &str, is_list: bool) -> bool {
    engine.pick(
        step.starts_with("SCAN") && !(is_list && step.contains("USING INDEX")),
        step.contains("Seq Scan"),
        step.contains("|ALL|") || (step.contains("|index|") && !is_list),
    )
}

async fn plan(engine: Engine, connection: &DatabaseConnection, statement: &Statement) -> Vec<String> {
    let explain = engine.pick("EXPLAIN QUERY PLAN", "EXPLAIN", "EXPLAIN");
    let mut explained = statement.clone();
    explained.sql = format!("{explain} {}", statement.sql);
    let rows =
        connection.query_all_raw(explained).await.unwrap_or_else(|error| panic!("{statement}: {error}"));
    let text = |row: &sea_orm::QueryResult| match engine {
        Engine::Sqlite => row.try_get_by_index(3).unwrap(),
        Engine::Postgres => row.try_get_by_index(0).unwrap(),
        Engine::MySql => {
            let [kind, table, how, key] = [1, 2, 3, 5]
                .map(|column| row.try_get_by_index::<Option<String>>(column).unwrap().unwrap_or_default());
            // Where an insert goes has no way to be read.
            if kind == "INSERT" { String::new() } else { format!("{table}|{how}|{key}") }
        }
    };
    rows.iter().map(text).collect()
}

/// Users with a session, an account, a state and a record each.
async fn fill(engine: Engine, connection: &DatabaseConnection) {
    for first in (0..USERS).step_by(500) {
        let rows = |row: &dyn Fn(u128, Uuid) -> String| {
            (first..first + 500).map(|number| row(number, user_id(number))).collect::<Vec<_>>().join(", ")
        };
        for (table, values) in [
            (
                "\"user\" (id, email, hashed_password, is_active, is_superuser, is_verified)",
                rows(&|number, id| format!("('{id}', 'User{number}@example.org', 'h', true, false, true)")),
            ),
            (
                "accesstoken (user_id, token, created_at)",
                rows(&|number, id| format!("('{id}', 'token{number}', '2026-11-23 10:00:00')")),
            ),
            (
                "oauth_account (id, user_id, oauth_name, access_token, account_id, account_email)",
                rows(&|number, id| format!("('{id}', '{id}', 'google', 't', 'account{number}', 'e')")),
            ),
            (
                "axum_users_one_time (purpose, digest, expires_at)",
                rows(&|number, _| format!("('verify', 'digest{number}', '2026-11-23 10:00:00')")),
            ),
            (
                "axum_users_user_state (user_id, not_before, password_is_generated)",
                rows(&|_, id| format!("('{id}', NULL, false)")),
            ),
        ] {
            execute(connection, &format!("INSERT INTO {table} VALUES {values}")).await;
        }
    }
    for table in ["\"user\"", "accesstoken", "oauth_account", "axum_users_one_time", "axum_users_user_state"]
    {
        execute(connection, &format!("{} {table}", engine.pick("ANALYZE", "ANALYZE", "ANALYZE TABLE"))).await;
    }
}

fn user_id(number: u128) -> Uuid {
    Uuid::from_u128(number + 1)
}
