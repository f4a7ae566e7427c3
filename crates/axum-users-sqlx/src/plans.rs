//! How each database would run each statement, with 10,000 users.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may panic wherever it stands")]

use std::sync::Arc;

use axum_users::{
    LimitCount, Timestamp, User, UserModel,
    schema::{ColumnType, Record, Schema, Value},
};
use uuid::Uuid;

use crate::{
    SqlxDatabase, SqlxOptions,
    dialect::Dialect,
    engine::Call,
    place::{Engine, Place, execute},
    statements::Statements,
};

const USERS: u32 = 10_000;

on_every_engine![no_statement_reads_a_whole_table];

async fn no_statement_reads_a_whole_table(engine: Engine) {
    let place = Place::new(engine).await;
    let database = place.open(SqlxOptions::new(), User::schema()).await;
    fill(engine, &database).await;
    let statements =
        Statements::new(database.pool().dialect(), Arc::new(User::schema()), &SqlxOptions::new()).unwrap();
    for call in calls(&statements) {
        let text = call.sql().to_owned();
        let is_list = text.contains("ORDER BY id LIMIT");
        for step in plan(engine, &database, call).await {
            assert!(!reads_a_whole_table(engine, &step, is_list), "{step}\n{text}");
        }
    }
}

#[tokio::test]
async fn nor_do_those_that_keep_integer_ids_from_being_given_again() {
    let place = Place::new(Engine::Sqlite).await;
    let schema = Schema::new(ColumnType::Integer);
    let database = place.open(SqlxOptions::new(), schema.clone()).await;
    let statements = Statements::new(Dialect::Sqlite, Arc::new(schema), &SqlxOptions::new()).unwrap();
    for call in [
        statements.create(&Record::new().with("email", Value::Text("ada@example.org".into()))),
        Call::new(statements.retire_id.as_ref().unwrap()).integer(7),
        Call::new(&statements.forget_retired_ids),
    ] {
        let text = call.sql().to_owned();
        for step in plan(Engine::Sqlite, &database, call).await {
            // The list of tables is short, and one row that a subquery made is no table.
            let is_short = ["SCAN sqlite_master", "SCAN (subquery", "SCAN CONSTANT ROW"];
            let reads_all = step.starts_with("SCAN") && !is_short.iter().any(|short| step.starts_with(short));
            assert!(!reads_all, "{step}\n{text}");
        }
    }
}

/// Whether a step of a plan does; a list is read in the order of an index, and no further than its limit.
fn reads_a_whole_table(engine: Engine, step: &str, is_list: bool) -> bool {
    engine.pick(
        step.starts_with("SCAN") && !(is_list && step.contains("USING INDEX")),
        step.contains("Seq Scan"),
        step.contains("|ALL|") || (step.contains("|index|") && !is_list),
    )
}

async fn plan(engine: Engine, database: &SqlxDatabase, call: Call) -> Vec<String> {
    let explain = call.after(engine.pick("EXPLAIN QUERY PLAN", "EXPLAIN", "EXPLAIN"));
    let rows = database.read(explain).await.unwrap();
    let text = |row: &crate::engine::Row| match engine.pick(0, 1, 2) {
        0 => row.get(3).unwrap(),
        1 => row.get(0).unwrap(),
        _ => {
            let [kind, table, how, key] =
                [1, 2, 3, 5].map(|column| row.get::<Option<String>>(column).unwrap().unwrap_or_default());
            // Where an insert goes has no way to be read.
            if kind == "INSERT" { String::new() } else { format!("{table}|{how}|{key}") }
        }
    };
    rows.iter().map(text).collect()
}

async fn fill(engine: Engine, database: &SqlxDatabase) {
    let (yes, no) = engine.pick(("1", "0"), ("true", "false"), ("1", "0"));
    for first in (0..USERS).step_by(500) {
        let rows = |row: &dyn Fn(u32, Uuid) -> String| {
            (first..first + 500).map(|i| row(i, id(i))).collect::<Vec<_>>().join(", ")
        };
        for (table, values) in [
            ("\"user\"", rows(&|i, id| format!("('{id}', 'User{i}@example.org', 'h', {yes}, {no}, {yes})"))),
            (
                "accesstoken (user_id, token, created_at)",
                rows(&|i, id| format!("('{id}', 'token{i}', '2026-11-23 10:00:00')")),
            ),
            (
                "oauth_account (id, user_id, oauth_name, access_token, account_id, account_email)",
                rows(&|i, id| format!("('{id}', '{id}', 'google', 't', 'account{i}', 'e')")),
            ),
            ("axum_users_one_time", rows(&|i, _| format!("('verify', 'digest{i}', '2026-11-23 10:00:00')"))),
            ("axum_users_limit", rows(&|i, _| format!("('count{i}', {i})"))),
            ("axum_users_user_state", rows(&|_, id| format!("('{id}', NULL, {no})"))),
            (
                "axum_users_session (id, token, user_id, backend, created_at, last_used_at, expires_at, \
                 refresh_handle, refresh_current)",
                rows(&|i, id| {
                    let now = "'2026-11-23 10:00:00'";
                    format!(
                        "('s{i}', 'token{i}', '{id}', 'b', {now}, {now}, {now}, 'handle{i}', 'current{i}')"
                    )
                }),
            ),
        ] {
            execute(database, &format!("INSERT INTO {table} VALUES {values}")).await;
        }
    }
    for table in [
        "\"user\"",
        "accesstoken",
        "oauth_account",
        "axum_users_one_time",
        "axum_users_user_state",
        "axum_users_session",
        "axum_users_limit",
    ] {
        execute(database, &format!("{} {table}", engine.pick("ANALYZE", "ANALYZE", "ANALYZE TABLE"))).await;
    }
}

fn id(number: u32) -> Uuid {
    Uuid::from_u128(u128::from(number) + 1)
}

/// Every statement that does not only insert, with arguments as they come.
fn calls(statements: &Statements) -> Vec<Call> {
    let (user, long_ago) = (id(5000), Timestamp::UNIX_EPOCH);
    let named = Record::new().with("email", Value::Text("user5000@example.org".into()));
    let forms = |count: usize| vec!["token5000".to_owned(); count];
    let mut calls = vec![
        Call::new(&statements.get).id(&user),
        Call::new(&statements.get_by_email).text("user5000@example.org"),
        Call::new(&statements.list).integer(20),
        Call::new(&statements.list_after).id(&user).integer(20),
        statements.update(&named, &named).unwrap().id(&user),
        statements.rewrite_token("token5000", "new"),
        Call::new(&statements.forget_used).timestamp(long_ago),
        Call::new(&statements.user_by_account).text("account5000").text("google"),
        Call::new(&statements.linked_accounts).text("account5000").text("google"),
        Call::new(&statements.accounts_of).id(&user),
        Call::new(&statements.update_account)
            .text("t")
            .field(&Some(7_i64))
            .field(&None::<String>)
            .text("e")
            .id(&user)
            .text("google")
            .text("account5000"),
        Call::new(&statements.delete_account).id(&user).text("google").text("account5000"),
        Call::new(&statements.get_with_state).text(user.to_string()).id(&user),
        Call::new(&statements.set_state)
            .text(user.to_string())
            .field(&None::<Timestamp>)
            .field(&true)
            .id(&user),
        Call::new(&statements.delete_state).text(user.to_string()),
    ];
    calls.extend(statements.delete.iter().map(|delete| Call::new(delete).id(&user)));
    if statements.dialect == Dialect::Sqlite {
        calls.push(Call::new(&statements.purge_tokens).text("1970-01-01 00:00:00"));
    } else {
        calls.push(Call::new(&statements.purge_tokens).timestamp(long_ago));
    }
    for count in 1..4 {
        calls.push(Call::new(&statements.user_by_token(count)).texts(&forms(count)));
        calls.push(statements.delete_token(&forms(count)));
        calls.push(Call::new(&statements.delete_tokens_of(count)).id(&user).texts(&forms(count)));
    }
    calls.push(Call::new(&statements.delete_tokens_of(0)).id(&user));
    let limits = &statements.limits;
    let count = LimitCount::new("count5000", 10, 50, 20);
    calls.extend([
        limits.take(&count),
        limits.give_back(&[count]),
        Call::new(&limits.select).text("count5000"),
        Call::new(&limits.set).integer(7).text("count5000"),
        Call::new(&limits.forget).integer(7),
    ]);
    calls.extend(calls_about_sessions(statements, &user, &forms(2)));
    calls
}

fn calls_about_sessions(statements: &Statements, user: &Uuid, forms: &[String]) -> Vec<Call> {
    let long_ago = Timestamp::UNIX_EPOCH;
    vec![
        statements.sessions_of(user, 100),
        statements.tokens_of(user, 100),
        statements.session_by_handle("handle5000"),
        statements.session_last_used(forms),
        statements.user_by_used_token(forms),
        statements.touch_session(forms, long_ago),
        statements.rotate("s5000", "current5000", "next", None, long_ago),
        statements.delete_session(user, "s5000"),
        statements.delete_session_by_token(forms),
        statements.delete_sessions_of(user, forms, Some("s5000")),
        statements.delete_sessions_of(user, &[], None),
        statements.purge_sessions(long_ago),
    ]
}
