use axum_users::{
    DatabaseError, User, UserDatabase, UserModel,
    schema::{Column, ColumnType, Record, Schema, Value},
};
use axum_users_sqlx::SqlxOptions;

use crate::{
    fresh, id,
    place::{Engine, Place, execute, rows},
    record, users,
};

on_every_engine![
    a_created_user_is_found_by_id_and_by_email_in_any_case,
    the_pool_tells_how_many_connections_it_has,
    in_10_an_email_that_differs_by_more_than_ascii_case_is_another,
    an_email_is_taken_in_any_case_at_create_and_at_update,
    a_taken_id_is_no_taken_email,
    update_sets_only_what_changes_and_only_when_the_row_is_as_expected,
    update_without_changes_answers_the_user,
    update_refuses_columns_that_the_schema_does_not_have,
    null_can_be_expected_and_set,
    delete_takes_accounts_and_tokens_along_with_and_without_foreign_keys,
    users_are_listed_page_by_page_in_the_order_of_ids,
    the_database_makes_integer_ids,
    jw_17_the_integer_id_of_a_deleted_user_is_never_given_to_another,
    tables_can_have_other_names_even_odd_ones,
    the_schema_names_the_table_unless_the_options_do,
    schemas_that_the_database_cannot_keep_are_refused_with_a_reason,
];

async fn the_pool_tells_how_many_connections_it_has(engine: Engine) {
    let (_place, database) = fresh(engine).await;
    users::<User>(&database).create(record(1, "ada@example.org")).await.unwrap();
    let state = database.pool().state();
    assert!(state.idle <= state.open && (1..=state.most).contains(&state.open), "{state:?}");
}

async fn a_created_user_is_found_by_id_and_by_email_in_any_case(engine: Engine) {
    let (_place, database) = fresh(engine).await;
    let users = users::<User>(&database);
    let made = users.create(record(1, "Ada@Example.org")).await.unwrap();
    assert_eq!((made.id, made.email.as_str(), made.is_active), (id(1), "Ada@Example.org", true));
    assert_eq!(users.get(&id(1)).await.unwrap(), Some(made.clone()));
    assert_eq!(users.get(&id(2)).await.unwrap(), None);
    for email in ["Ada@Example.org", "ada@example.org", "ADA@EXAMPLE.ORG"] {
        assert_eq!(users.get_by_email(email).await.unwrap(), Some(made.clone()), "{email}");
    }
}

async fn in_10_an_email_that_differs_by_more_than_ascii_case_is_another(engine: Engine) {
    let (_place, database) = fresh(engine).await;
    let users = users::<User>(&database);
    users.create(record(1, "ärger@example.org")).await.unwrap();
    for other in
        ["Ärger@example.org", "arger@example.org", "ärger@example.org ", " ärger@example.org", "ärger%"]
    {
        assert_eq!(users.get_by_email(other).await.unwrap(), None, "{other:?}");
    }
    // MySQL's collations know more letters than ASCII's.
    let other = users.create(record(2, "Ärger@example.org")).await;
    assert_eq!(other.is_ok(), engine.pick(true, true, false), "{other:?}");
    let similar = users.create(record(3, "arger@example.org")).await;
    assert_eq!(similar.is_ok(), engine.pick(true, true, false), "{similar:?}");
    assert_eq!(
        users.get_by_email("ÄRGER@example.org").await.unwrap().map(|user| user.id),
        other.ok().map(|_| id(2))
    );
}

async fn an_email_is_taken_in_any_case_at_create_and_at_update(engine: Engine) {
    let (_place, database) = fresh(engine).await;
    let users = users::<User>(&database);
    users.create(record(1, "ada@example.org")).await.unwrap();
    users.create(record(2, "bob@example.org")).await.unwrap();
    for email in ["ada@example.org", "ADA@example.org"] {
        let error = users.create(record(3, email)).await.unwrap_err();
        assert!(matches!(error, DatabaseError::EmailTaken), "{email} {error:?}");
        let changes = Record::new().with("email", Value::Text(email.into()));
        let error = users.update(&id(2), &Record::new(), &changes).await.unwrap_err();
        assert!(matches!(error, DatabaseError::EmailTaken), "{email} {error:?}");
    }
    assert_eq!(
        rows(&database, "SELECT email FROM \"user\" ORDER BY id").await,
        ["ada@example.org", "bob@example.org"]
    );
}

async fn a_taken_id_is_no_taken_email(engine: Engine) {
    let (_place, database) = fresh(engine).await;
    let users = users::<User>(&database);
    users.create(record(1, "ada@example.org")).await.unwrap();
    let error = users.create(record(1, "bob@example.org")).await.unwrap_err();
    assert!(matches!(error, DatabaseError::Other(_)), "{error:?}");
}

async fn update_sets_only_what_changes_and_only_when_the_row_is_as_expected(engine: Engine) {
    let (_place, database) = fresh(engine).await;
    let users = users::<User>(&database);
    users.create(record(1, "ada@example.org")).await.unwrap();
    let changes = Record::new().with("is_verified", Value::Bool(true));
    let stale = Record::new().with("email", Value::Text("old@example.org".into()));
    assert_eq!(users.update(&id(1), &stale, &changes).await.unwrap(), None);
    assert!(!users.get(&id(1)).await.unwrap().unwrap().is_verified);

    let expected = Record::new()
        .with("email", Value::Text("ada@example.org".into()))
        .with("is_verified", Value::Bool(false));
    let updated = users.update(&id(1), &expected, &changes).await.unwrap().unwrap();
    assert!(updated.is_verified && updated.is_active);
    assert_eq!(users.get(&id(1)).await.unwrap(), Some(updated));
    assert_eq!(users.update(&id(9), &Record::new(), &changes).await.unwrap(), None);
}

async fn update_without_changes_answers_the_user(engine: Engine) {
    let (_place, database) = fresh(engine).await;
    let users = users::<User>(&database);
    let made = users.create(record(1, "ada@example.org")).await.unwrap();
    assert_eq!(users.update(&id(1), &Record::new(), &Record::new()).await.unwrap(), Some(made));
}

async fn update_refuses_columns_that_the_schema_does_not_have(engine: Engine) {
    let (_place, database) = fresh(engine).await;
    let users = users::<User>(&database);
    users.create(record(1, "ada@example.org")).await.unwrap();
    let unknown = Record::new().with("nickname", Value::Text("ada".into()));
    let known = Record::new().with("is_active", Value::Bool(false));
    for (expected, changes) in [(&unknown, &known), (&Record::new(), &unknown)] {
        let error = users.update(&id(1), expected, changes).await.unwrap_err();
        assert!(matches!(error, DatabaseError::Other(_)), "{error:?}");
    }
    assert!(users.get(&id(1)).await.unwrap().unwrap().is_active);
}

async fn null_can_be_expected_and_set(engine: Engine) {
    let place = Place::new(engine).await;
    let schema = User::schema().with(Column::new("plan", ColumnType::Text).nullable());
    let database = place.open(SqlxOptions::new(), schema).await;
    let users = users::<User>(&database);
    users.create(record(1, "ada@example.org")).await.unwrap();
    let (null, pro) =
        (Record::new().with("plan", Value::Null), Record::new().with("plan", Value::Text("pro".into())));
    assert!(users.update(&id(1), &pro, &null).await.unwrap().is_none());
    assert!(users.update(&id(1), &null, &pro).await.unwrap().is_some());
    assert_eq!(rows(&database, "SELECT plan FROM \"user\"").await, ["pro"]);
    assert!(users.update(&id(1), &pro, &null).await.unwrap().is_some());
    assert_eq!(rows(&database, "SELECT plan FROM \"user\"").await, ["NULL"]);
}

async fn delete_takes_accounts_and_tokens_along_with_and_without_foreign_keys(engine: Engine) {
    let key = engine.pick("CHAR(36)", "UUID", "CHAR(36) COLLATE utf8mb4_unicode_520_ci");
    let moment = engine.pick("TIMESTAMP", "TIMESTAMPTZ", "DATETIME(6)");
    for declared in [
        "FOREIGN KEY (user_id) REFERENCES \"user\" (id) ON DELETE CASCADE",
        "FOREIGN KEY (user_id) REFERENCES \"user\" (id)",
        "CHECK (1 = 1)",
    ] {
        let (_place, database) = fresh(engine).await;
        for statement in [
            "DROP TABLE oauth_account".to_owned(),
            "DROP TABLE accesstoken".to_owned(),
            format!(
                "CREATE TABLE oauth_account (id {key} PRIMARY KEY, user_id {key}, oauth_name VARCHAR(100),
                 access_token TEXT, expires_at INTEGER, refresh_token TEXT, account_id VARCHAR(320),
                 account_email TEXT, {declared})"
            ),
            format!(
                "CREATE TABLE accesstoken (token VARCHAR(43) PRIMARY KEY, user_id {key}, created_at {moment}, {declared})"
            ),
        ] {
            execute(&database, &statement).await;
        }
        let users = users::<User>(&database);
        for number in [1, 2] {
            users.create(record(number, &format!("{number}@example.org"))).await.unwrap();
            let user = id(number);
            execute(
                &database,
                &format!(
                    "INSERT INTO oauth_account VALUES ('{user}', '{user}', 'github', 't', NULL, NULL, '{number}', 'e')"
                ),
            )
            .await;
            let token = format!(
                "INSERT INTO accesstoken VALUES ('t{number}', '{user}', '2026-01-01 00:00:00.000000')"
            );
            execute(&database, &token).await;
        }
        assert!(users.delete(&id(1)).await.unwrap());
        assert!(!users.delete(&id(1)).await.unwrap());
        let left = "SELECT id FROM \"user\" UNION ALL SELECT user_id FROM oauth_account UNION ALL SELECT user_id FROM accesstoken";
        let second = id(2).to_string();
        assert_eq!(rows(&database, left).await, [second.as_str(); 3], "{declared}");
    }
}

async fn users_are_listed_page_by_page_in_the_order_of_ids(engine: Engine) {
    let (_place, database) = fresh(engine).await;
    let users = users::<User>(&database);
    for number in [3, 1, 2] {
        users.create(record(number, &format!("{number}@example.org"))).await.unwrap();
    }
    let ids = |page: Vec<User>| page.iter().map(|user| user.id.as_u128()).collect::<Vec<_>>();
    assert_eq!(ids(users.list(None, 2).await.unwrap()), [1, 2]);
    assert_eq!(ids(users.list(Some(&id(2)), 2).await.unwrap()), [3]);
    assert_eq!(ids(users.list(Some(&id(3)), 2).await.unwrap()), [0_u128; 0]);
}

#[derive(Clone, axum_users::UserModel)]
pub(crate) struct Numbered {
    pub(crate) id: i64,
    pub(crate) email: String,
    pub(crate) hashed_password: String,
    pub(crate) is_active: bool,
    pub(crate) is_superuser: bool,
    pub(crate) is_verified: bool,
}

async fn the_database_makes_integer_ids(engine: Engine) {
    let place = Place::new(engine).await;
    let database = place.open(SqlxOptions::new(), Numbered::schema()).await;
    let users = users::<Numbered>(&database);
    for (number, email) in [(1, "ada@example.org"), (2, "bob@example.org")] {
        let mut new = record(0, email);
        new.remove("id");
        assert_eq!(users.create(new).await.unwrap().id, number);
        assert_eq!(users.get(&number).await.unwrap().unwrap().email, email);
    }
    assert!(users.delete(&1).await.unwrap());
    assert_eq!(users.list(None, 9).await.unwrap().len(), 1);
}

/// A JWT names its user by the id alone, and lives on when the user is gone.
async fn jw_17_the_integer_id_of_a_deleted_user_is_never_given_to_another(engine: Engine) {
    let of_sqlalchemy = "id INTEGER NOT NULL, email VARCHAR(320) NOT NULL, hashed_password VARCHAR(1024) NOT NULL,
        is_active BOOLEAN NOT NULL, is_superuser BOOLEAN NOT NULL, is_verified BOOLEAN NOT NULL, PRIMARY KEY (id)";
    let made_elsewhere = engine.pick(
        of_sqlalchemy.to_owned(),
        of_sqlalchemy.replace("id INTEGER NOT NULL", "id SERIAL NOT NULL"),
        of_sqlalchemy.replace("id INTEGER NOT NULL", "id INTEGER NOT NULL AUTO_INCREMENT"),
    );
    for table in ["", &made_elsewhere] {
        let place = Place::new(engine).await;
        if !table.is_empty() {
            execute(&place.connect(SqlxOptions::new()).await, &format!("CREATE TABLE \"user\" ({table})"))
                .await;
        }
        let mut given = Vec::new();
        for round in 0..4 {
            // A process that starts anew has nothing in its memory.
            let database = place.open(SqlxOptions::new(), Numbered::schema()).await;
            let users = users::<Numbered>(&database);
            for number in 0..3 {
                let mut new = record(0, &format!("{round}.{number}@example.org"));
                new.remove("id");
                let id = users.create(new).await.unwrap().id;
                assert!(!given.contains(&id), "{id} among {given:?}");
                given.push(id);
            }
            // The newest, then all, then the newest of all, then one in between.
            let gone: Vec<i64> = match round {
                0 => given[2..].to_vec(),
                1 => given.iter().rev().copied().collect(),
                2 => given[8..].to_vec(),
                _ => given[10..11].to_vec(),
            };
            for id in gone {
                users.delete(&id).await.unwrap();
            }
            database.pool().close().await;
        }
        assert!(given.is_sorted(), "{given:?}");
        let kept = place.connect(SqlxOptions::new()).await;
        let retired = rows(&kept, "SELECT count(*) FROM axum_users_one_time").await;
        assert_eq!(retired, [if engine.pick(!table.is_empty(), false, false) { "1" } else { "0" }]);
    }
}

async fn tables_can_have_other_names_even_odd_ones(engine: Engine) {
    let place = Place::new(engine).await;
    let options = SqlxOptions::new()
        .user_table("the `users`; --")
        .oauth_account_table("select")
        .access_token_table("my tokens");
    let schema = User::schema()
        .with(Column::new("group 'x$1?'", ColumnType::Integer).default_value(Value::Integer(7)));
    let database = place.open(options, schema).await;
    let users = users::<User>(&database);
    users.create(record(1, "ada@example.org")).await.unwrap();
    let change = Record::new().with("group 'x$1?'", Value::Integer(8));
    assert!(users.update(&id(1), &Record::new(), &change).await.unwrap().is_some());
    let name = engine.pick("\"the `users`; --\"", "\"the `users`; --\"", "\"the \"\"users\"\"; --\"");
    assert_eq!(rows(&database, &format!("SELECT \"group 'x$1?'\" FROM {name}")).await, ["8"]);
    assert!(users.delete(&id(1)).await.unwrap());
    users.migrate().await.unwrap();
}

async fn the_schema_names_the_table_unless_the_options_do(engine: Engine) {
    let schema = || User::schema().in_table("members");
    for (options, table) in
        [(SqlxOptions::new(), "members"), (SqlxOptions::new().user_table("people"), "people")]
    {
        let place = Place::new(engine).await;
        let database = place.open(options, schema()).await;
        assert_eq!(rows(&database, &format!("SELECT count(*) FROM {table}")).await, ["0"]);
    }
}

async fn schemas_that_the_database_cannot_keep_are_refused_with_a_reason(engine: Engine) {
    let place = Place::new(engine).await;
    let name = engine.pick("SQLite", "PostgreSQL", "MySQL");
    let text = |name: &'static str| Column::new(name, ColumnType::Text);
    for (schema, reason) in [
        (Schema::new(ColumnType::ObjectId), "{} makes no ObjectIds; use `Uuid` or `i64` for the id"),
        (Schema::new(ColumnType::Json), "a JSON value cannot be the id of a table in {}"),
        (User::schema().with(text("email")), "{} takes `email` and `email` for one column"),
        (User::schema().with(text("")), "\"\" cannot be the name of a column"),
        (User::schema().in_table("a\0b"), "\"a\\0b\" cannot be the name of a table"),
    ] {
        let mut database = place.connect(SqlxOptions::new()).await;
        let error = UserDatabase::<User>::configure(&mut database, &std::sync::Arc::new(schema)).unwrap_err();
        assert_eq!(error, reason.replace("{}", name));
    }
    let mut database = place.connect(SqlxOptions::new()).await;
    let twins = std::sync::Arc::new(User::schema().with(text("Email")));
    let kept = UserDatabase::<User>::configure(&mut database, &twins).is_ok();
    assert_eq!(kept, engine.pick(false, true, false));
}

#[tokio::test]
async fn an_in_memory_database_serves_all_at_once() {
    let mut database = axum_users_sqlx::SqlxDatabase::connect("sqlite::memory:").await.unwrap();
    crate::configure(&mut database, User::schema());
    users::<User>(&database).migrate().await.unwrap();
    let tasks: Vec<_> = (0..20)
        .map(|number| {
            let database = database.clone();
            tokio::spawn(async move {
                users::<User>(&database)
                    .create(record(number, &format!("{number}@example.org")))
                    .await
                    .unwrap();
                users::<User>(&database).get(&id(number)).await.unwrap().unwrap();
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(rows(&database, "SELECT count(*) FROM \"user\"").await, ["20"]);
}
