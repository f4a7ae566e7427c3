//! Tables that FastAPI Users made are served: widened where they are narrow, refused where they cannot be served, and
//! left to Python where it writes too.

use axum_users::{AccessToken, NewOAuthAccount, UserModel, Users};
use axum_users_seaorm::{UserEntity, transaction};
use sea_orm::{DatabaseConnection, EntityTrait};
use time::macros::datetime;
use uuid::Uuid;

use crate::{
    migrate::{entities, in_the_way, users_of},
    place::{Engine, Place, execute, rows},
};

pub const ADA: &str = "10000000-0000-4000-8000-000000000001";
const BOB: &str = "10000000-0000-4000-8000-000000000002";

/// Makes a test of each generic function on each engine, with the entity for the original's tables there.
macro_rules! with_the_originals_entity {
    ($($name:ident),* $(,)?) => {
        mod on_sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $name() {
                super::$name::<super::entities::plain::Entity>(super::Engine::Sqlite).await;
            })*
        }
        #[cfg(feature = "postgres")]
        mod on_postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $name() {
                super::$name::<super::entities::native::Entity>(super::Engine::Postgres).await;
            })*
        }
        #[cfg(feature = "mysql")]
        mod on_mysql {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $name() {
                super::$name::<super::entities::plain::Entity>(super::Engine::MySql).await;
            })*
        }
    };
}

with_the_originals_entity![
    the_originals_tables_are_served_and_keep_long_tokens_and_late_expiries,
    what_a_table_left_narrow_cannot_hold_is_stored_as_empty_and_nobody_is_refused,
    beside_python_accounts_get_no_unique_index_until_it_has_left,
    emails_that_differ_by_case_alone_stop_it_and_the_offered_sql_mends_them,
    an_account_that_two_users_have_stops_it_and_the_offered_sql_mends_it,
    columns_that_cannot_hold_the_fields_are_refused_by_name,
];

/// An empty database of the original's.
async fn original(engine: Engine) -> (Place, DatabaseConnection) {
    let place = Place::new(engine).await;
    let connection = place.connect().await;
    let tables = engine.pick(
        include_str!("../../../axum-users-sqlx/tests/data/ddl-sqlite.sql"),
        include_str!("../../../axum-users-sqlx/tests/data/ddl-postgresql.sql"),
        include_str!("../../../axum-users-sqlx/tests/data/ddl-mysql.sql"),
    );
    execute(
        &connection,
        &tables.replace("TABLE user ", "TABLE \"user\" ").replace("ON user ", "ON \"user\" "),
    )
    .await;
    (place, connection)
}

/// A user as Python inserts one.
pub async fn insert_user(connection: &DatabaseConnection, id: &str, email: &str) {
    let sql = format!(
        "INSERT INTO \"user\" (id, email, hashed_password, is_active, is_superuser, is_verified) \
         VALUES ('{id}', '{email}', 'hash', true, false, true)"
    );
    execute(connection, &sql).await;
}

/// An account as Python inserts one.
async fn insert_account(connection: &DatabaseConnection, id: u128, user_id: &str) {
    let sql = format!(
        "INSERT INTO oauth_account (id, user_id, oauth_name, access_token, account_id, account_email) \
         VALUES ('{}', '{user_id}', 'google', 'token', '1', 'ada@gmail.com')",
        Uuid::from_u128(id)
    );
    execute(connection, &sql).await;
}

fn long_account() -> NewOAuthAccount {
    NewOAuthAccount {
        oauth_name: "microsoft".into(),
        access_token: "t".repeat(5_000),
        expires_at: Some(4_102_444_800),
        refresh_token: Some("r".repeat(3_000)),
        account_id: "7".into(),
        account_email: "ada@example.org".into(),
    }
}

fn id<E: UserEntity>(text: &str) -> <E::Model as UserModel>::Id
where
    <E::Model as UserModel>::Id: From<Uuid>,
{
    text.parse::<Uuid>().unwrap().into()
}

pub async fn refusal<U: UserModel>(users: &Users<U>) -> String {
    in_the_way(users.migrate().await)
}

/// The SQL that a refusal offers.
fn offered_sql(text: &str) -> String {
    let lines = text.lines().map(str::trim);
    let sql: Vec<_> = lines.filter(|line| line.starts_with("UPDATE") || line.starts_with("DELETE")).collect();
    sql.join("\n").replace('`', "\"")
}

/// The names of what is ours in the database.
async fn own_tables(connection: &DatabaseConnection, engine: Engine) -> Vec<String> {
    let sql = engine.pick(
        "SELECT name FROM sqlite_master WHERE name LIKE 'axum_users%'",
        "SELECT relname::text FROM pg_class WHERE relname LIKE 'axum_users%'",
        "SELECT CAST(table_name AS CHAR) FROM information_schema.tables WHERE table_schema = DATABASE() \
         AND table_name LIKE 'axum_users%'",
    );
    rows(connection, sql, 1).await
}

async fn the_originals_tables_are_served_and_keep_long_tokens_and_late_expiries<E: UserEntity>(engine: Engine)
where
    <E::Model as UserModel>::Id: From<Uuid>,
{
    let (place, connection) = original(engine).await;
    insert_user(&connection, ADA, "Ada@example.org").await;
    insert_account(&connection, 1, ADA).await;
    let session = format!(
        "INSERT INTO accesstoken (user_id, token, created_at) VALUES ('{ADA}', 'theirs', '2026-11-23 10:00:00{}')",
        engine.pick("", "+00", "")
    );
    execute(&connection, &session).await;

    let (users, _) = users_of::<E>(&place).await;
    for _ in 0..2 {
        users.migrate().await.unwrap();
    }
    let database = users.database();
    let ada = database.get_by_email("ADA@example.org").await.unwrap().unwrap();
    assert_eq!((ada.email(), ada.is_active(), ada.is_verified()), ("Ada@example.org", true, true));
    assert_eq!(database.oauth_accounts(ada.id()).await.unwrap()[0].access_token, "token");
    let theirs = database.user_by_access_token(&["theirs".to_owned()], None).await.unwrap().unwrap().1;
    assert_eq!(theirs.created_at, datetime!(2026-11-23 10:00 UTC));

    database.add_oauth_account(ada.id(), Some(&Uuid::from_u128(2).into()), &long_account()).await.unwrap();
    let kept = database.oauth_accounts(ada.id()).await.unwrap();
    let kept = kept.iter().find(|account| account.oauth_name == "microsoft").unwrap();
    let LongFields { access_token, expires_at, refresh_token } = LongFields::of(&long_account());
    assert_eq!((&kept.access_token, kept.expires_at), (&access_token, expires_at));
    assert_eq!(kept.refresh_token, refresh_token);
    match engine {
        Engine::Postgres => {
            let all = entities::native_account::Entity::find().all(&connection).await.unwrap();
            assert!(all.iter().any(|account| account.expires_at == Some(4_102_444_800)));
        }
        _ => {
            let all = entities::oauth_account::Entity::find().all(&connection).await.unwrap();
            assert!(all.iter().any(|account| account.expires_at == Some(4_102_444_800)));
        }
    }

    let created_at = datetime!(2026-11-23 10:00:00.123456 UTC);
    let ours = AccessToken { token: "ours".into(), user_id: ada.id().clone(), created_at };
    database.create_access_token(&ours).await.unwrap();
    let found = database.user_by_access_token(&["ours".to_owned()], None).await.unwrap().unwrap().1;
    assert_eq!(found.created_at, created_at);
}

/// What is long in an account.
struct LongFields {
    access_token: String,
    expires_at: Option<i64>,
    refresh_token: Option<String>,
}

impl LongFields {
    fn of(account: &NewOAuthAccount) -> Self {
        let NewOAuthAccount { access_token, expires_at, refresh_token, .. } = account.clone();
        Self { access_token, expires_at, refresh_token }
    }
}

async fn what_a_table_left_narrow_cannot_hold_is_stored_as_empty_and_nobody_is_refused<E: UserEntity>(
    engine: Engine,
) where
    <E::Model as UserModel>::Id: From<Uuid>,
{
    let (place, connection) = original(engine).await;
    insert_user(&connection, ADA, "ada@example.org").await;
    let (users, pool) = users_of::<E>(&place).await;
    users.migrate().await.unwrap();
    let narrow = engine.pick(
        "",
        "ALTER TABLE oauth_account ALTER access_token TYPE VARCHAR(1024), ALTER refresh_token TYPE VARCHAR(1024), \
         ALTER expires_at TYPE INTEGER",
        "ALTER TABLE oauth_account MODIFY access_token VARCHAR(1024) NOT NULL, MODIFY refresh_token VARCHAR(1024), \
         MODIFY expires_at INTEGER",
    );
    execute(&connection, narrow).await;
    // SQLite has no widths.
    let expected = engine.pick(
        (5_000, Some(4_102_444_800), Some(3_000)),
        (0, Some(i64::from(i32::MAX)), None),
        (0, Some(i64::from(i32::MAX)), None),
    );

    let ada = id::<E>(ADA);
    let seen = async || {
        let accounts = users.database().oauth_accounts(&ada).await.unwrap();
        let account = &accounts[0];
        let refresh_length = account.refresh_token.as_ref().map(String::len);
        (account.access_token.len(), account.expires_at, refresh_length)
    };
    users
        .database()
        .add_oauth_account(&ada, Some(&Uuid::from_u128(2).into()), &long_account())
        .await
        .unwrap();
    assert_eq!(seen().await, expected);
    // The next login, within the application's transaction.
    let transaction = transaction::<E>(&users, &pool).await.unwrap();
    let database = transaction.users().database();
    let account = NewOAuthAccount { access_token: "s".repeat(2_000), ..long_account() };
    assert!(database.update_oauth_account(&ada, &account).await.unwrap());
    assert!(database.get(&ada).await.unwrap().is_some(), "the transaction goes on");
    transaction.commit().await.unwrap();
    assert_eq!(seen().await, (engine.pick(2_000, 0, 0), expected.1, expected.2));
}

async fn beside_python_accounts_get_no_unique_index_until_it_has_left<E: UserEntity>(engine: Engine) {
    let index = engine.pick(
        "SELECT name FROM sqlite_master WHERE name = 'axum_users_oauth_account_account'",
        "SELECT indexname::text FROM pg_indexes WHERE indexname = 'axum_users_oauth_account_account'",
        "SELECT DISTINCT CAST(index_name AS CHAR) FROM information_schema.statistics \
         WHERE table_schema = DATABASE() AND index_name = 'axum_users_oauth_account_account'",
    );
    let (place, connection) = original(engine).await;
    insert_user(&connection, ADA, "ada@example.org").await;
    insert_user(&connection, BOB, "bob@example.org").await;
    let users = async |side_by_side| {
        let database = place.open::<E>().await.side_by_side(side_by_side);
        Users::builder(database, "a secret of more than thirty-two bytes").build().unwrap()
    };
    let beside = users(true).await;
    beside.migrate().await.unwrap();
    assert_eq!(rows(&connection, index, 1).await, [""; 0]);
    // Whatever Python links meanwhile, the next start is not refused.
    insert_account(&connection, 1, ADA).await;
    insert_account(&connection, 2, BOB).await;
    beside.migrate().await.unwrap();
    let alone = users(false).await;
    let text = refusal(&alone).await;
    assert!(text.starts_with("1 accounts of providers"), "{text}");
    execute(&connection, &offered_sql(&text)).await;
    alone.migrate().await.unwrap();
    assert_eq!(rows(&connection, index, 1).await.len(), 1);
}

async fn emails_that_differ_by_case_alone_stop_it_and_the_offered_sql_mends_them<E: UserEntity>(
    engine: Engine,
) {
    let (place, connection) = original(engine).await;
    if engine == Engine::MySql {
        // Its own collation would not have let them in.
        let exact = "email VARCHAR(320) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL";
        execute(&connection, &format!("ALTER TABLE \"user\" MODIFY {exact}")).await;
    }
    insert_user(&connection, ADA, "ada@example.org").await;
    insert_user(&connection, BOB, "Ada@Example.org").await;
    let (users, _) = users_of::<E>(&place).await;
    let text = refusal(&users).await;
    assert!(text.starts_with("1 e-mail addresses in ") && text.contains("Nothing was changed"), "{text}");
    for email in ["\"ada@example.org\", id '10000000", "\"Ada@Example.org\", id '10000000"] {
        assert!(text.contains(email), "{text}");
    }
    assert_eq!(own_tables(&connection, engine).await, [""; 0]);
    execute(&connection, &offered_sql(&text)).await;
    if engine == Engine::MySql {
        let text = refusal(&users).await;
        let (_, alter) = text.split_once("example:\n").unwrap();
        execute(&connection, alter).await;
    }
    users.migrate().await.unwrap();
    let emails = rows(&connection, "SELECT email FROM \"user\" ORDER BY id", 1).await;
    assert_eq!(emails, ["ada@example.org".to_owned(), format!("Ada@Example.org.{BOB}.invalid")]);
}

async fn an_account_that_two_users_have_stops_it_and_the_offered_sql_mends_it<E: UserEntity>(engine: Engine) {
    let (place, connection) = original(engine).await;
    for (number, user) in [(1, ADA), (2, BOB)] {
        insert_user(&connection, user, &format!("{number}@example.org")).await;
        insert_account(&connection, number, user).await;
    }
    let (users, _) = users_of::<E>(&place).await;
    let text = refusal(&users).await;
    assert!(text.contains(&format!("\"google 1\": user {BOB} loses it")), "{text}");
    execute(&connection, &offered_sql(&text)).await;
    users.migrate().await.unwrap();
    let owners = format!("SELECT {} FROM oauth_account", engine.pick("user_id", "user_id::text", "user_id"));
    assert_eq!(rows(&connection, &owners, 1).await, [ADA]);
}

async fn columns_that_cannot_hold_the_fields_are_refused_by_name<E: UserEntity>(engine: Engine) {
    let drop_user = "DROP TABLE accesstoken; DROP TABLE oauth_account; DROP TABLE \"user\"";
    let table = |columns: &str| format!("{drop_user}; CREATE TABLE \"user\" ({columns})");
    let (id, boolean) = engine.pick(("CHAR(36)", "BOOLEAN"), ("UUID", "BOOLEAN"), ("CHAR(36)", "BOOL"));
    let rest = format!(
        "hashed_password VARCHAR(1024) NOT NULL, is_active {boolean} NOT NULL, is_superuser {boolean} NOT NULL, \
         is_verified {boolean} NOT NULL"
    );
    let email = "email VARCHAR(320) NOT NULL";
    let mut cases = vec![
        (table("id INTEGER PRIMARY KEY"), "has no column `email`, so it is no user table"),
        (table(&format!("id {id} NOT NULL, {email}, {rest}")), "`id` of the table"),
        (table(&format!("id INTEGER PRIMARY KEY, {email}, {rest}")), "is INT"),
        (
            table(&format!("id {id} PRIMARY KEY, {email}, {rest}, town VARCHAR(20) NOT NULL")),
            "that the entity does not have: `town`; add them to the entity",
        ),
        (
            "DROP TABLE accesstoken; CREATE TABLE accesstoken (token VARCHAR(43))".to_owned(),
            "the table `accesstoken` has no column `user_id`",
        ),
    ];
    match engine {
        Engine::Sqlite => cases.push((
            format!("INSERT INTO \"user\" VALUES (X'{}', 'a@b.org', 'h', 1, 0, 0)", "00".repeat(16)),
            "let the entity's field be a `Uuid`",
        )),
        Engine::Postgres => cases.extend([
            (
                table(&format!("id VARCHAR(36) PRIMARY KEY, {email}, {rest}")),
                "is CHARACTER VARYING(36), which cannot hold a UUID as the entity stores it; let the entity's field \
                 be a `UuidText`",
            ),
            (
                "ALTER TABLE \"user\" ALTER is_active TYPE SMALLINT USING 1".to_owned(),
                "the column `is_active` of the table \"user\" is SMALLINT",
            ),
        ]),
        Engine::MySql => cases.extend([
            (table(&format!("id BINARY(16) PRIMARY KEY, {email}, {rest}")), "let the entity's field be a `Uuid`"),
            (
                "ALTER TABLE \"user\" MODIFY email VARCHAR(320) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL"
                    .to_owned(),
                "tells capitals apart",
            ),
        ]),
    }
    for (sql, expected) in cases {
        let (place, connection) = original(engine).await;
        execute(&connection, &sql).await;
        let (users, _) = users_of::<E>(&place).await;
        let text = refusal(&users).await;
        assert!(text.contains(expected), "{sql}\n{text}");
        assert_eq!(own_tables(&connection, engine).await, [""; 0], "{sql}");
    }
}
