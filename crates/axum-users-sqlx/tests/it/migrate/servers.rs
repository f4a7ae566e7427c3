//! Migrations on servers: the original's tables, what departs from them, and what is added later.

use axum_users::{
    User, UserDatabase, UserModel,
    schema::{Column, ColumnType, Value},
};
use axum_users_sqlx::{SqlxDatabase, SqlxOptions};

use super::migrate_error;
use crate::{
    fresh, id,
    place::{Engine, Place, execute, rows},
    record, users,
};

on_every_server![
    an_empty_database_gets_the_originals_tables_but_for_what_is_too_narrow,
    migrating_again_changes_nothing,
    versions_that_a_newer_program_added_are_left_alone,
    own_columns_added_later_are_added_to_the_table,
    a_required_column_can_be_added_to_an_empty_table_only,
    a_required_field_over_stored_nulls_is_refused_with_the_sql_that_mends_it,
    cr_10_a_migration_that_fails_midway_goes_on_when_what_was_in_the_way_is_gone,
    tables_that_are_no_users_are_refused_in_a_sentence,
    inspect_tells_what_is_there_before_anything_is_changed,
];

/// The original's own definitions.
pub(crate) const ORIGINAL: [&str; 2] =
    [include_str!("../../data/ddl-postgresql.sql"), include_str!("../../data/ddl-mysql.sql")];

const POSTGRES_CATALOG: &str = "
    SELECT table_name || '.' || column_name || ' ' || udt_name
        || coalesce('(' || character_maximum_length || ')', '') || ' null ' || is_nullable
        || coalesce(' default ' || column_default, '') || coalesce(' ' || identity_generation, '')
        FROM information_schema.columns WHERE table_schema = 'public'
    UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'
    UNION ALL SELECT conrelid::regclass || ' ' || pg_get_constraintdef(oid)
        FROM pg_constraint WHERE connamespace = 'public'::regnamespace";

const MYSQL_CATALOG: &str = "
    SELECT CONCAT(table_name, '.', column_name, ' ', column_type, ' null ', is_nullable,
        coalesce(concat(' default ', column_default), ''), ' ', extra)
        FROM information_schema.columns WHERE table_schema = DATABASE()
    UNION ALL SELECT CONCAT(if(non_unique, 'INDEX ', 'UNIQUE INDEX '), index_name, ' ON ', table_name, ' (',
        group_concat(column_name ORDER BY seq_in_index), ')')
        FROM information_schema.statistics WHERE table_schema = DATABASE()
        GROUP BY table_name, index_name, non_unique
    UNION ALL SELECT CONCAT(k.table_name, '.', k.column_name, ' REFERENCES ', k.referenced_table_name, '.',
        k.referenced_column_name, ' ON DELETE ', r.delete_rule)
        FROM information_schema.key_column_usage k JOIN information_schema.referential_constraints r
        ON r.constraint_schema = k.constraint_schema AND r.constraint_name = k.constraint_name
        WHERE k.table_schema = DATABASE()";

/// Every column, index and constraint, but for those of the side tables and the indexes that are ours.
pub(crate) async fn catalog(database: &SqlxDatabase, engine: Engine) -> Vec<String> {
    let mut all = rows(database, engine.pick("", POSTGRES_CATALOG, MYSQL_CATALOG)).await;
    all.retain(|line| !line.contains("axum_users_"));
    all.iter_mut().for_each(|line| *line = line.trim().to_owned());
    all.sort();
    all
}

fn less(all: &[String], without: &[String]) -> Vec<String> {
    all.iter().filter(|line| !without.contains(line)).cloned().collect()
}

async fn an_empty_database_gets_the_originals_tables_but_for_what_is_too_narrow(engine: Engine) {
    let theirs = Place::new(engine).await;
    let original = theirs.connect(SqlxOptions::new()).await;
    execute(&original, engine.pick("", ORIGINAL[0], ORIGINAL[1])).await;
    let (_ours, database) = fresh(engine).await;
    let (theirs, ours) = (catalog(&original, engine).await, catalog(&database, engine).await);
    assert_eq!(
        less(&theirs, &ours),
        engine.pick(
            vec![],
            vec![
                "oauth_account.access_token varchar(1024) null NO",
                "oauth_account.expires_at int4 null YES",
                "oauth_account.refresh_token varchar(1024) null YES",
            ],
            vec![
                // MySQL makes these for foreign keys, and drops them for our unique ones on the same column.
                "INDEX user_id ON accesstoken (user_id)",
                "INDEX user_id ON oauth_account (user_id)",
                "accesstoken.created_at timestamp null NO",
                "oauth_account.access_token varchar(1024) null NO",
                "oauth_account.expires_at int(11) null YES default NULL",
                "oauth_account.refresh_token varchar(1024) null YES default NULL",
            ],
        )
    );
    assert_eq!(
        less(&ours, &theirs),
        engine.pick(
            vec![],
            vec![
                "oauth_account.access_token text null NO",
                "oauth_account.expires_at int8 null YES",
                "oauth_account.refresh_token text null YES",
            ],
            vec![
                "accesstoken.created_at datetime(6) null NO",
                "oauth_account.access_token text null NO",
                "oauth_account.expires_at bigint(20) null YES default NULL",
                "oauth_account.refresh_token text null YES default NULL",
            ],
        )
    );
}

#[cfg(feature = "mysql")]
#[tokio::test]
async fn mysqls_collations_tell_apart_what_has_to_be() {
    let (_place, database) = fresh(Engine::MySql).await;
    let collations = "SELECT CONCAT(table_name, '.', column_name, ' ', collation_name)
        FROM information_schema.columns WHERE table_schema = DATABASE()
        AND column_name IN ('email', 'oauth_name', 'account_id', 'token') ORDER BY 1";
    let expected = [
        "accesstoken.token utf8mb4_bin",
        "axum_users_session.token utf8mb4_bin",
        "oauth_account.account_id utf8mb4_bin",
        "oauth_account.oauth_name utf8mb4_bin",
        "user.email utf8mb4_unicode_520_ci",
    ];
    assert_eq!(rows(&database, collations).await, expected);
}

async fn migrating_again_changes_nothing(engine: Engine) {
    let (_place, database) = fresh(engine).await;
    let applied = "SELECT version, applied_at FROM axum_users_migration ORDER BY 1";
    let before = (catalog(&database, engine).await, rows(&database, applied).await);
    users::<User>(&database).migrate().await.unwrap();
    assert_eq!((catalog(&database, engine).await, rows(&database, applied).await), before);
}

async fn versions_that_a_newer_program_added_are_left_alone(engine: Engine) {
    let (_place, database) = fresh(engine).await;
    execute(&database, "INSERT INTO axum_users_migration VALUES (99, '2030-01-01 00:00:00')").await;
    users::<User>(&database).migrate().await.unwrap();
    assert_eq!(rows(&database, "SELECT max(version) FROM axum_users_migration").await, ["99"]);
}

async fn own_columns_added_later_are_added_to_the_table(engine: Engine) {
    let (place, database) = fresh(engine).await;
    users::<User>(&database).create(record(1, "ada@example.org")).await.unwrap();
    let schema = User::schema()
        .with(Column::new("plan", ColumnType::Text).default_value(Value::Text("it's \\free".into())))
        .with(Column::new("seen_at", ColumnType::Timestamp).default_value(Value::Timestamp(crate::at(0))))
        .with(Column::new("notes", ColumnType::Json).nullable());
    let database = place.open(SqlxOptions::new(), schema.clone()).await;
    let seen_at = engine.pick("", "1970-01-01 00:00:00+00", "1970-01-01 00:00:00.000000");
    let stored = "SELECT plan, seen_at, notes FROM \"user\"";
    assert_eq!(rows(&database, stored).await, [format!("it's \\free|{seen_at}|NULL")]);
    // Rows of a program that does not know them, such as Python's.
    let row =
        "INSERT INTO \"user\" (id, email, hashed_password, is_active, is_superuser, is_verified) VALUES";
    let (yes, no) = engine.pick(("", ""), ("true", "false"), ("1", "0"));
    execute(&database, &format!("{row} ('{}', 'bob@example.org', 'h', {yes}, {no}, {no})", id(2))).await;
    assert_eq!(rows(&database, &format!("{stored} WHERE email = 'bob@example.org'")).await.len(), 1);
    place.open(SqlxOptions::new(), schema).await;
    // A program of an older model goes on.
    let older = place.open(SqlxOptions::new(), User::schema()).await;
    users::<User>(&older).create(record(3, "eve@example.org")).await.unwrap();
}

async fn a_required_column_can_be_added_to_an_empty_table_only(engine: Engine) {
    let (place, database) = fresh(engine).await;
    let required = |name: &'static str| User::schema().with(Column::new(name, ColumnType::Text));
    place.open(SqlxOptions::new(), required("first_name")).await;
    execute(&database, "ALTER TABLE \"user\" DROP COLUMN first_name").await;
    users::<User>(&database).create(record(1, "ada@example.org")).await.unwrap();
    let before = catalog(&database, engine).await;
    let database = place.configured(SqlxOptions::new(), required("first_name")).await;
    assert_eq!(
        migrate_error(&database).await,
        "the field `first_name` has no value for the rows that the table `user` has already; give it a default \
         (`#[user(default = …)]`) or let it be absent (`Option<…>`)"
    );
    assert_eq!(catalog(&database, engine).await, before);
}

async fn a_required_field_over_stored_nulls_is_refused_with_the_sql_that_mends_it(engine: Engine) {
    let place = Place::new(engine).await;
    let schema = User::schema().with(Column::new("plan", ColumnType::Text));
    let database = place.configured(SqlxOptions::new(), schema).await;
    let original = engine.pick("", ORIGINAL[0], ORIGINAL[1]);
    execute(&database, original).await;
    execute(&database, "ALTER TABLE \"user\" ADD COLUMN plan VARCHAR(20)").await;
    let yes = engine.pick("", "true", "1");
    let row = format!(
        "INSERT INTO \"user\" VALUES ('{}', 'ada@example.org', 'h', {yes}, {yes}, {yes}, NULL)",
        id(1)
    );
    execute(&database, &row).await;
    let message = migrate_error(&database).await;
    assert!(message.starts_with("1 rows of the table `user` have NULL for `plan`"), "{message}");
    let mend = message.lines().last().unwrap().replace('…', "'free'");
    execute(&database, &mend).await;
    users::<User>(&database).migrate().await.unwrap();
}

/// PostgreSQL takes everything back; MySQL keeps the tables that were whole, and the next migration goes on there.
async fn cr_10_a_migration_that_fails_midway_goes_on_when_what_was_in_the_way_is_gone(engine: Engine) {
    let place = Place::new(engine).await;
    let database = place.configured(SqlxOptions::new(), User::schema()).await;
    // The names of an index and of a constraint that a migration wants, in the way of it.
    let (obstacle, removal) = engine.pick(
        ("", ""),
        ("CREATE SEQUENCE ix_accesstoken_created_at", "DROP SEQUENCE ix_accesstoken_created_at"),
        (
            "CREATE TABLE obstacle (id INT PRIMARY KEY, parent INT,
             CONSTRAINT accesstoken_ibfk_1 FOREIGN KEY (parent) REFERENCES obstacle (id))",
            "DROP TABLE obstacle",
        ),
    );
    execute(&database, obstacle).await;
    users::<User>(&database).migrate().await.unwrap_err();
    let tables = engine.pick(
        "",
        "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'",
        "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name <> 'obstacle' ORDER BY 1",
    );
    assert_eq!(rows(&database, tables).await, engine.pick(vec![], vec![], vec!["oauth_account", "user"]));
    execute(&database, removal).await;
    users::<User>(&database).migrate().await.unwrap();
    let (_place, whole) = fresh(engine).await;
    assert_eq!(catalog(&database, engine).await, catalog(&whole, engine).await);
}

async fn tables_that_are_no_users_are_refused_in_a_sentence(engine: Engine) {
    let base = engine.pick(
        "",
        "id UUID PRIMARY KEY, email TEXT, hashed_password TEXT, is_active BOOLEAN, is_superuser BOOLEAN",
        "id CHAR(36) PRIMARY KEY, email VARCHAR(320), hashed_password TEXT, is_active BOOL, is_superuser BOOL",
    );
    let text_key =
        if base.contains("UUID") { base.replace("UUID", "INTEGER") } else { base.replace("CHAR(36)", "INT") };
    let [boolean, number] = [engine.pick("", "TEXT", "TEXT"), engine.pick("", "INTEGER", "INT(11)")];
    for (sql, message) in [
        ("CREATE VIEW \"user\" AS SELECT 1 AS id".to_owned(), "`user` should be a table and is a view".to_owned()),
        (
            format!("CREATE TABLE \"user\" ({base})"),
            "the table `user` has no column `is_verified`, so it is no user table of FastAPI Users; give ours another name".into(),
        ),
        (
            format!("CREATE TABLE \"user\" ({base}, is_verified TEXT)"),
            format!("the column `is_verified` of the table `user` is {boolean}, which cannot hold a boolean"),
        ),
        (
            format!("CREATE TABLE \"user\" ({text_key}, is_verified BOOLEAN)"),
            format!("the column `id` of the table `user` is {number}, which cannot hold a UUID"),
        ),
        (
            format!("CREATE TABLE \"user\" ({base}, is_verified BOOLEAN)").replace(" PRIMARY KEY", ""),
            "the column `id` of the table `user` is not its primary key".into(),
        ),
        (
            format!("CREATE TABLE \"user\" ({base}, is_verified BOOLEAN, plan INTEGER)"),
            format!("the column `plan` of the table `user` is {number}, which cannot hold text"),
        ),
        (
            format!("CREATE TABLE \"user\" ({base}, is_verified BOOLEAN, plan VARCHAR(9) NOT NULL)"),
            "the field `plan` may be absent, but the table `user` has it NOT NULL; make the field required".into(),
        ),
        (
            format!("CREATE TABLE \"user\" ({base}, is_verified BOOLEAN, a INT NOT NULL, b INT NOT NULL DEFAULT 1, c INT, d INT NOT NULL)"),
            "new users could not be inserted: the table `user` has columns that are NOT NULL without a default and that \
             the user model does not have: `a`, `d`; add them to the model".into(),
        ),
        (
            "CREATE TABLE accesstoken (token CHAR(43) PRIMARY KEY, \"user\" TEXT)".to_owned(),
            "the table `accesstoken` has no column `user_id`, so it is none of FastAPI Users; give ours another name".into(),
        ),
    ] {
        let place = Place::new(engine).await;
        let schema = User::schema().with(Column::new("plan", ColumnType::Text).nullable());
        let database = place.configured(SqlxOptions::new(), schema).await;
        execute(&database, &sql).await;
        assert_eq!(migrate_error(&database).await, message);
        let schema = engine.pick("", "'public'", "DATABASE()");
        let tables = format!("SELECT count(*) FROM information_schema.tables WHERE table_schema = {schema}");
        assert_eq!(rows(&database, &tables).await, ["1"], "{sql}");
    }
}

async fn inspect_tells_what_is_there_before_anything_is_changed(engine: Engine) {
    let place = Place::new(engine).await;
    let database = place.configured(SqlxOptions::new(), User::schema()).await;
    assert_eq!(database.inspect().await.unwrap().to_string(), "an empty database");
    execute(&database, "CREATE TABLE posts (id INT); CREATE TABLE comments (id INT)").await;
    assert_eq!(database.inspect().await.unwrap().to_string(), "tables of something else: comments, posts");
    users::<User>(&database).migrate().await.unwrap();
    users::<User>(&database).create(record(1, "ada@example.org")).await.unwrap();
    assert_eq!(
        database.inspect().await.unwrap().to_string(),
        "tables of axum-users: 1 users, 0 OAuth accounts, 0 access tokens"
    );
}
