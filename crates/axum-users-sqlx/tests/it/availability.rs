#[cfg(any(feature = "postgres", feature = "mysql"))]
mod servers;

use std::{error::Error as _, path::Path, time::Duration};

use axum_users::{
    DatabaseError, MigrateError, User, UserDatabase, UserModel,
    schema::{Record, Schema, Value},
};
use axum_users_sqlx::{
    ConnectError, Pool, SqlxDatabase, SqlxOptions,
    sqlx::{
        ConnectOptions, Connection, SqlitePool, raw_sql,
        sqlite::{SqliteConnectOptions, SqliteLockingMode, SqlitePoolOptions},
    },
};

use crate::{
    configure, fresh, id,
    place::{Engine, execute, rows},
    record, users,
};

fn url(path: &Path) -> String {
    format!("sqlite://{}?mode=rwc", path.display())
}

async fn open(path: &Path, options: SqlxOptions, schema: Schema) -> SqlxDatabase {
    let database = configured(path, options, schema).await;
    users::<User>(&database).migrate().await.unwrap();
    database
}

async fn configured(path: &Path, options: SqlxOptions, schema: Schema) -> SqlxDatabase {
    let mut database = options.connect(&url(path)).await.unwrap();
    configure(&mut database, schema);
    database
}

fn sqlite(database: &SqlxDatabase) -> &SqlitePool {
    match database.pool() {
        Pool::Sqlite(pool) => pool,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_cannot_be_opened_is_said_in_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    std::fs::write(at("text"), "this is no database, whatever its name may say, and long enough to tell")
        .unwrap();
    open(Path::new(&at("good")), SqlxOptions::new(), User::schema()).await;
    for (url, message) in [
        (
            "data.db".to_owned(),
            "a database is named by a URL, for example `sqlite://data.db?mode=rwc`".to_owned(),
        ),
        (
            "/var/lib/data.db".to_owned(),
            "a database is named by a URL, for example `sqlite://data.db?mode=rwc`".to_owned(),
        ),
        (
            "sqlite://".to_owned(),
            "a database is named by a URL, for example `sqlite://data.db?mode=rwc`".to_owned(),
        ),
        (
            "oracle://me:secret@host/db".to_owned(),
            "`oracle:` is no database that this build knows; it knows `sqlite:`, `postgres:`, `mysql:`"
                .to_owned(),
        ),
        ("sqlite://x.db?mode=fast".to_owned(), "the database URL is wrong".to_owned()),
        (
            format!("sqlite://{}?mode=rwc", at("no/where.db")),
            format!("the folder `{}` of the database does not exist", at("no")),
        ),
        (
            format!("sqlite://{}", at("none.db")),
            format!(
                "the database `{}` does not exist; `?mode=rwc` at the end of its URL makes it",
                at("none.db")
            ),
        ),
        (
            format!("sqlite://{}", at("text")),
            format!("the file `{}` is no SQLite database, or a damaged one", at("text")),
        ),
        (
            format!("sqlite://{}", at("")),
            format!("the file `{}` is no SQLite database, or a damaged one", at("")),
        ),
        (
            format!("sqlite://{}?mode=ro", at("good")),
            format!("the database `{}` can only be read; users have to be written too", at("good")),
        ),
    ] {
        let Err(error) = SqlxDatabase::connect(&url).await else { panic!("{url} was opened") };
        assert_eq!(error.to_string(), message, "{url} {:?}", error.source());
    }
    assert!(!Path::new(&at("none.db")).exists());
    assert_eq!(
        std::fs::read(at("text")).unwrap(),
        b"this is no database, whatever its name may say, and long enough to tell"
    );
}

#[cfg(all(feature = "postgres", feature = "mysql"))]
#[tokio::test]
async fn a_slip_in_a_servers_url_is_said_without_the_password() {
    let unclear = "the database URL has an `@` or a `#` where none belongs";
    for (url, message) in [
        ("postgres://ada:sec/ret@h/db", unclear),
        ("postgres://ada:1?sec@h/db", unclear),
        ("mysql://ada:12/sec@h/db", unclear),
        ("mysql://ada:1#sec@h/db", unclear),
        ("postgres://ada:sec@ret/@h/db", unclear),
        (
            "postgres://ada:sec@h/db?ssl_mode=require",
            "the database URL has the parameter `ssl_mode`, which is",
        ),
        (
            "mysql://ada:sec@h/db?sslmod=REQUIRED",
            "the database URL has the parameter `sslmod`, which is none",
        ),
        ("postgres://ada:sec@h/db?sslmode=always", "the database URL is wrong"),
        ("mysql://ada:sec@h", "the database URL names no database"),
    ] {
        let Err(error) = SqlxDatabase::connect(url).await else { panic!("{url} was opened") };
        assert!(error.to_string().starts_with(message), "{url}: {error}");
        let all = format!("{error} {error:?} {:?}", error.source().map(ToString::to_string));
        assert!(!all.contains("sec"), "{url}: {all}");
    }
}

#[tokio::test]
async fn connections_are_set_up_for_many_readers_and_writers() {
    let (_place, database) = fresh(Engine::Sqlite).await;
    for (pragma, expected) in
        [("journal_mode", "wal"), ("foreign_keys", "1"), ("synchronous", "1"), ("busy_timeout", "5000")]
    {
        assert_eq!(rows(&database, &format!("PRAGMA {pragma}")).await, [expected], "{pragma}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_new_database_is_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let (place, _database) = fresh(Engine::Sqlite).await;
    for name in ["data.db", "data.db-wal", "data.db-shm"] {
        let mode = std::fs::metadata(place.path().with_file_name(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

fn is_unavailable<T>(result: &Result<T, DatabaseError>) -> bool {
    matches!(result, Err(DatabaseError::Unavailable(_)))
}

#[tokio::test]
async fn while_another_process_locks_the_file_writes_are_unavailable_and_reads_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data.db");
    let options = SqlxOptions::new().busy_timeout(Duration::from_millis(50)).pool_size(2);
    let database = open(&path, options, User::schema()).await;
    let users = users::<User>(&database);
    users.create(record(1, "ada@example.org")).await.unwrap();

    let other = SqlxOptions::new().connect(&url(&path)).await.unwrap();
    let lock = sqlite(&other).begin_with("BEGIN IMMEDIATE").await.unwrap();
    let change = Record::new().with("is_active", Value::Bool(false));
    for number in 0..4 {
        assert!(is_unavailable(&users.create(record(2, "bob@example.org")).await));
        assert!(is_unavailable(&users.update(&id(1), &Record::new(), &change).await));
        assert!(is_unavailable(&users.delete(&id(1)).await));
        assert!(is_unavailable(&users.use_once("verify", "a", crate::at(9), crate::at(0)).await));
        assert!(users.get(&id(1)).await.unwrap().unwrap().is_active, "{number}");
        users.ping().await.unwrap();
    }
    // A second process starts meanwhile.
    let starting =
        SqlxOptions::new().busy_timeout(Duration::from_millis(50)).connect(&url(&path)).await.unwrap();
    assert_eq!(rows(&starting, "SELECT count(*) FROM user").await, ["1"]);

    lock.rollback().await.unwrap();
    users.create(record(2, "bob@example.org")).await.unwrap();
    assert!(users.delete(&id(1)).await.unwrap());
}

#[tokio::test]
async fn a_file_that_another_process_keeps_to_itself_is_said_to_be_locked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data.db");
    let options = SqliteConnectOptions::new().filename(&path).create_if_missing(true);
    let mut other = options.locking_mode(SqliteLockingMode::Exclusive).connect().await.unwrap();
    raw_sql("CREATE TABLE other (id)").execute(&mut other).await.unwrap();
    let refused = SqlxOptions::new().busy_timeout(Duration::from_millis(50)).connect(&url(&path)).await;
    assert!(matches!(refused, Err(ConnectError::Locked(locked)) if locked == path));

    other.close().await.unwrap();
    SqlxOptions::new().connect(&url(&path)).await.unwrap();
}

#[tokio::test]
async fn a_migration_of_a_locked_file_is_unavailable_and_works_later() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data.db");
    let options = SqlxOptions::new().busy_timeout(Duration::from_millis(50));
    let database = configured(&path, options, User::schema()).await;
    let other = SqlxOptions::new().connect(&url(&path)).await.unwrap();
    let lock = sqlite(&other).begin_with("BEGIN IMMEDIATE").await.unwrap();
    let error = users::<User>(&database).migrate().await.unwrap_err();
    assert!(matches!(error, MigrateError::Database(DatabaseError::Unavailable(_))), "{error:?}");
    lock.rollback().await.unwrap();
    users::<User>(&database).migrate().await.unwrap();
}

#[tokio::test]
async fn a_pool_that_can_only_read_answers_reads_and_refuses_writes() {
    let (place, database) = fresh(Engine::Sqlite).await;
    users::<User>(&database).create(record(1, "ada@example.org")).await.unwrap();
    let options = SqliteConnectOptions::new().filename(place.path()).read_only(true);
    let mut reading = SqlxDatabase::with_pool(SqlitePool::connect_lazy_with(options));
    configure(&mut reading, User::schema());
    let users = users::<User>(&reading);
    users.migrate().await.unwrap();
    assert!(users.get_by_email("ada@example.org").await.unwrap().is_some());
    assert!(is_unavailable(&users.create(record(2, "bob@example.org")).await));
    assert!(is_unavailable(&users.delete(&id(1)).await));
}

#[tokio::test]
async fn a_pool_without_a_database_behind_it_is_unavailable() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("text");
    std::fs::write(&text, "this is no database, whatever its name may say, and long enough to tell").unwrap();
    for path in [text, folder.path().join("missing")] {
        let options = SqliteConnectOptions::new().filename(&path);
        let pool =
            SqlitePoolOptions::new().acquire_timeout(Duration::from_millis(100)).connect_lazy_with(options);
        let mut database = SqlxDatabase::with_pool(pool);
        configure(&mut database, User::schema());
        let users = users::<User>(&database);
        assert!(is_unavailable(&users.ping().await), "{path:?}");
        assert!(is_unavailable(&users.get(&id(1)).await), "{path:?}");
        assert!(is_unavailable(&users.create(record(1, "ada@example.org")).await), "{path:?}");
        let migrated = users.migrate().await;
        assert!(
            matches!(migrated, Err(MigrateError::Database(DatabaseError::Unavailable(_)))),
            "{migrated:?}"
        );
    }
}

#[tokio::test]
async fn without_a_schema_every_call_is_an_error() {
    let database = SqlxDatabase::connect("sqlite::memory:").await.unwrap();
    let users = users::<User>(&database);
    assert!(matches!(users.get(&id(1)).await, Err(DatabaseError::Other(_))));
    assert!(matches!(users.migrate().await, Err(MigrateError::Database(DatabaseError::Other(_)))));
}

const FULL_DISK: &str = "AXUM_USERS_SQLX_TEST_FULL_DISK";

/// Runs this test again in a process whose files may not grow beyond a limit, as on a full disk.
#[cfg(unix)]
#[tokio::test]
async fn on_a_full_disk_no_user_is_promised_that_is_not_kept_and_reads_go_on() {
    if let Ok(path) = std::env::var(FULL_DISK) {
        println!("promised: {}", fill(Path::new(&path)).await);
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data.db");
    open(&path, SqlxOptions::new(), User::schema()).await.pool().close().await;
    // dash counts blocks of 512 bytes, bash of 1024: 200 KB or 400. Writing beyond is to be an error, no signal.
    let script = "trap '' XFSZ; ulimit -f 400; exec \"$0\" --exact \"$1\" --nocapture";
    let name = "availability::on_a_full_disk_no_user_is_promised_that_is_not_kept_and_reads_go_on";
    let output = std::process::Command::new("sh")
        .args(["-c", script])
        .arg(std::env::current_exe().unwrap())
        .arg(name)
        .env(FULL_DISK, &path)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    let (_, promised) = text.split_once("promised: ").unwrap();
    let promised = promised.lines().next().unwrap();
    assert_ne!(promised, "0");

    let database = open(&path, SqlxOptions::new(), User::schema()).await;
    assert_eq!(rows(&database, "SELECT count(*) FROM user").await, [promised]);
    assert_eq!(rows(&database, "PRAGMA integrity_check").await, ["ok"]);
    users::<User>(&database).create(record(0, "later@example.org")).await.unwrap();
}

/// Creates users until the file may not grow any more, and answers how many there are.
async fn fill(path: &Path) -> u128 {
    let database = configured(path, SqlxOptions::new(), User::schema()).await;
    let users = users::<User>(&database);
    for number in 1..10_000 {
        match users.create(record(number, &format!("{number}@example.org"))).await {
            Ok(_) => {}
            Err(error) => {
                assert!(matches!(error, DatabaseError::Unavailable(_)), "{error:?}");
                assert!(users.get(&id(1)).await.unwrap().is_some());
                assert!(is_unavailable(&users.delete(&id(1)).await));
                return number - 1;
            }
        }
    }
    panic!("the disk never filled");
}

#[tokio::test]
async fn debug_output_shows_no_data() {
    let (_place, database) = fresh(Engine::Sqlite).await;
    execute(&database, "SELECT 1").await;
    assert!(format!("{database:?}").starts_with("SqlxDatabase { options: SqlxOptions {"));
}
