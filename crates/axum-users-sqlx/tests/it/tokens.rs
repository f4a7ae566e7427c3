use axum_users::{AccessToken, Capabilities, LimitCount, User, UserDatabase};
use axum_users_sqlx::SqlxDatabase;
use uuid::Uuid;

use crate::{
    at, fresh, id,
    place::{Engine, Place, execute, rows},
    record, users,
};

on_every_engine![
    everything_is_supported,
    a_token_is_found_with_its_user_in_any_of_its_forms,
    a_token_is_good_from_its_own_moment_on_however_it_is_written,
    tokens_are_stored_as_the_original_stores_them,
    rewriting_changes_the_stored_form_and_nothing_else,
    sessions_end_one_by_one_or_all_but_the_kept,
    purging_takes_every_old_session_and_counts_them,
    something_is_used_once_and_forgotten_when_it_expired,
    a_token_of_nobody_is_refused,
    counts_whose_time_is_over_are_forgotten_in_time,
];

fn token(text: &str, user: u128, unix_seconds: i64) -> AccessToken<Uuid> {
    AccessToken { token: text.to_owned(), user_id: id(user), created_at: at(unix_seconds) }
}

fn forms<const N: usize>(texts: [&str; N]) -> Vec<String> {
    texts.map(str::to_owned).to_vec()
}

async fn with_two_users(engine: Engine) -> (Place, SqlxDatabase) {
    let (place, database) = fresh(engine).await;
    for number in [1, 2] {
        users::<User>(&database).create(record(number, &format!("{number}@example.org"))).await.unwrap();
    }
    (place, database)
}

async fn everything_is_supported(engine: Engine) {
    let (_place, database) = fresh(engine).await;
    assert_eq!(users::<User>(&database).capabilities(), Capabilities::all());
    users::<User>(&database).ping().await.unwrap();
}

async fn a_token_is_found_with_its_user_in_any_of_its_forms(engine: Engine) {
    let (_place, database) = with_two_users(engine).await;
    let users = users::<User>(&database);
    users.create_access_token(&token("~hashed", 1, 1_000)).await.unwrap();
    users.create_access_token(&token("clear", 2, 1_000)).await.unwrap();
    for (texts, expected) in [
        (forms(["~hashed"]), Some(1)),
        (forms(["~hashed", "other"]), Some(1)),
        (forms(["~other", "clear"]), Some(2)),
        (forms(["~other", "another", "clear"]), Some(2)),
        (forms(["HASHED"]), None),
        (forms(["~other", "other"]), None),
        (forms([]), None),
    ] {
        let found = users.user_by_access_token(&texts, None).await.unwrap();
        let ids = found.map(|(user, token)| (user.id, token.user_id, token.created_at));
        assert_eq!(ids, expected.map(|number| (id(number), id(number), at(1_000))), "{texts:?}");
    }
}

async fn a_token_is_good_from_its_own_moment_on_however_it_is_written(engine: Engine) {
    let (_place, database) = with_two_users(engine).await;
    let users = users::<User>(&database);
    let texts = ["2026-01-01 12:00:00.000000", "2026-01-01 12:00:00", "2026-01-01 12:00:00.000000+00:00"];
    let texts = &texts[..engine.pick(3, 3, 2)];
    for text in texts {
        execute(&database, "DELETE FROM accesstoken").await;
        execute(
            &database,
            &format!(
                "INSERT INTO accesstoken (user_id, token, created_at) VALUES ('{}', 'x', '{text}')",
                id(1)
            ),
        )
        .await;
        let began = at(1_767_268_800);
        for (not_before, expected) in [
            (began, true),
            (began - std::time::Duration::from_micros(1), true),
            (began + std::time::Duration::from_micros(1), false),
        ] {
            let found = users.user_by_access_token(&forms(["x"]), Some(not_before)).await.unwrap();
            assert_eq!(found.is_some(), expected, "{text} {not_before}");
        }
        assert_eq!(users.purge_access_tokens(began).await.unwrap(), 0, "{text}");
        assert_eq!(
            users.purge_access_tokens(began + std::time::Duration::from_micros(1)).await.unwrap(),
            1,
            "{text}"
        );
    }
}

async fn tokens_are_stored_as_the_original_stores_them(engine: Engine) {
    let (_place, database) = with_two_users(engine).await;
    users::<User>(&database).create_access_token(&token("abc", 1, 1_767_268_800)).await.unwrap();
    let created_at =
        engine.pick("2026-01-01 12:00:00.000000", "2026-01-01 12:00:00+00", "2026-01-01 12:00:00.000000");
    let row = format!("{}|abc|{created_at}", id(1));
    assert_eq!(rows(&database, "SELECT user_id, token, created_at FROM accesstoken").await, [row]);
    if engine == Engine::Sqlite {
        assert_eq!(rows(&database, "SELECT typeof(created_at) FROM accesstoken").await, ["text"]);
    }
}

async fn rewriting_changes_the_stored_form_and_nothing_else(engine: Engine) {
    let (_place, database) = with_two_users(engine).await;
    let users = users::<User>(&database);
    users.create_access_token(&token("clear", 1, 1_000)).await.unwrap();
    users.rewrite_access_token("clear", "~hashed").await.unwrap();
    users.rewrite_access_token("clear", "~hashed").await.unwrap();
    let (_, found) = users.user_by_access_token(&forms(["~hashed"]), None).await.unwrap().unwrap();
    assert_eq!((found.user_id, found.created_at), (id(1), at(1_000)));
    assert_eq!(rows(&database, "SELECT count(*) FROM accesstoken").await, ["1"]);
}

async fn sessions_end_one_by_one_or_all_but_the_kept(engine: Engine) {
    let (_place, database) = with_two_users(engine).await;
    let users = users::<User>(&database);
    for (text, user) in [("a", 1), ("b", 1), ("c", 1), ("d", 2)] {
        users.create_access_token(&token(text, user, 1_000)).await.unwrap();
    }
    let left = async || rows(&database, "SELECT token FROM accesstoken ORDER BY token").await;
    users.delete_access_token(&forms(["~a", "a"])).await.unwrap();
    users.delete_access_token(&forms(["unknown"])).await.unwrap();
    assert_eq!(left().await, ["b", "c", "d"]);
    users.delete_access_tokens_of(&id(1), &forms(["~c", "c"])).await.unwrap();
    assert_eq!(left().await, ["c", "d"]);
    users.delete_access_tokens_of(&id(1), &[]).await.unwrap();
    assert_eq!(left().await, ["d"]);
}

async fn purging_takes_every_old_session_and_counts_them(engine: Engine) {
    let (_place, database) = with_two_users(engine).await;
    let users = users::<User>(&database);
    let rows_of = |from: u32| {
        let row = |i| format!("('{}', 'old{i}', '2020-01-01 00:00:00.000000')", id(1));
        (from..from + 500).map(row).collect::<Vec<_>>().join(", ")
    };
    for from in (0..2500).step_by(500) {
        let insert = format!("INSERT INTO accesstoken (user_id, token, created_at) VALUES {}", rows_of(from));
        execute(&database, &insert).await;
    }
    users.create_access_token(&token("new", 1, 1_767_268_800)).await.unwrap();
    assert_eq!(users.purge_access_tokens(at(1_767_268_800)).await.unwrap(), 2500);
    assert_eq!(rows(&database, "SELECT token FROM accesstoken").await, ["new"]);
}

async fn something_is_used_once_and_forgotten_when_it_expired(engine: Engine) {
    let (_place, database) = fresh(engine).await;
    let users = users::<User>(&database);
    assert!(users.use_once("verify", "a", at(100), at(0)).await.unwrap());
    assert!(!users.use_once("verify", "a", at(100), at(0)).await.unwrap());
    assert!(users.use_once("reset", "a", at(300), at(0)).await.unwrap());
    assert!(users.use_once("verify", "b", at(300), at(200)).await.unwrap());
    assert_eq!(
        rows(&database, "SELECT purpose, digest FROM axum_users_one_time ORDER BY 1").await,
        ["reset|a", "verify|b"]
    );
}

async fn counts_whose_time_is_over_are_forgotten_in_time(engine: Engine) {
    let (_place, database) = fresh(engine).await;
    let users = users::<User>(&database);
    users.note_limit("over", 1_000).await.unwrap();
    users.note_limit("holds", 3_000).await.unwrap();
    for _ in 0..200 {
        users.take_limit(&LimitCount::new("count", 10, 20_000, 2_000)).await.unwrap();
    }
    assert_eq!(rows(&database, "SELECT name FROM axum_users_limit ORDER BY 1").await, ["count", "holds"]);
}

async fn a_token_of_nobody_is_refused(engine: Engine) {
    let (_place, database) = fresh(engine).await;
    assert!(users::<User>(&database).create_access_token(&token("abc", 7, 0)).await.is_err());
    assert_eq!(rows(&database, "SELECT count(*) FROM accesstoken").await, ["0"]);
}
