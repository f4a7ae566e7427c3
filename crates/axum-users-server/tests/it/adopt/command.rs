//! `axum-users adopt` and `adopt --finish`, on files that FastAPI Users left behind.

use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::support::SECRET;
use crate::support::command::{Said, run};

const PASSWORD: &str = "analytical engine";

impl LeftBehind {
    fn url(&self) -> String {
        format!("sqlite://{}", self.file.display())
    }

    /// `adopt` on the file, told the secret.
    fn adopt(&self, further: &[&str]) -> Said {
        let url = self.url();
        let arguments = [&["adopt", "--database", &url, "--secret-stdin"][..], further].concat();
        run(self.folder.path(), &[], &arguments, SECRET)
    }

    fn finish(&self, further: &[&str]) -> Said {
        run(self.folder.path(), &[], &[&["adopt", "--finish"][..], further].concat(), "")
    }

    fn written(&self) -> PathBuf {
        self.folder.path().join("axum-users.toml")
    }

    /// The server with the configuration that was written.
    async fn serve(&self) -> Server {
        Launch::new(&self.written(), self.folder.path()).start().await
    }

    async fn execute(&self, statements: &[&str]) {
        for statement in statements {
            self.database().execute(statement, &[]).await;
        }
    }
}

fn succeeded(said: Said) -> String {
    assert_eq!(said.code, Some(0), "{said:?}");
    said.output
}

fn refused(said: Said) -> String {
    assert!(matches!(said.code, Some(1 | 2)), "{said:?}");
    said.error
}

async fn me_by_session(server: &Server, token: &str) -> Response {
    server.send(&me().header("cookie", &format!("fastapiusersauth={token}"))).await
}

#[tokio::test]
async fn adopt_tells_what_is_there_and_writes_a_configuration_that_serves_it() {
    let left = LeftBehind::new();
    let before = contents(&left.database()).await;
    let said = succeeded(left.adopt(&[]));
    let name = left.file.display();
    let found = format!(
        "{name}: FastAPI Users with SQLAlchemy and UUIDs\n\n  \
         users           20 in `user`\n  \
         passwords       17 argon2id, 3 bcrypt\n  \
         OAuth accounts  4 in `oauth_account`, of corp, github, google\n  \
         access tokens   6 in `accesstoken`\n\n\
         Nothing was changed. `axum-users migrate`, or the first start, adds\n\n  \
         CREATE UNIQUE INDEX \"axum_users_user_email_lower\" ON \"user\" (lower(email))\n"
    );
    assert!(said.starts_with(&found), "{said}");
    assert!(said.contains("\n  CREATE TABLE \"axum_users_session\"\n"), "{said}");
    assert!(said.contains("axum-users.toml is written, for its owner alone."), "{said}");
    assert!(said.contains("axum-users adopt --finish "), "{said}");
    assert!(!said.contains(SECRET), "{said}");
    assert_eq!(fs::metadata(left.written()).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(contents(&left.database()).await, before);

    let server = left.serve().await;
    assert_eq!(login(&server, "alice@example.com", "wonderland").await.status, 200);
    let session = &fixtures("access_tokens")[0];
    assert_eq!(me_by_session(&server, text(session, "token")).await.status, 200);
    assert!(server.log().contains("compat.side_by_side is on"), "{}", server.log());
    assert_eq!(contents(&left.database()).await, before, "side by side, sessions stay as Python reads them");
}

#[tokio::test]
async fn a_dry_run_shows_the_configuration_without_the_secret_and_writes_none() {
    let left = LeftBehind::new();
    let before = fs::read_dir(left.folder.path()).unwrap().count();
    let said = succeeded(left.adopt(&["--dry-run"]));
    assert!(said.contains("axum-users.toml would be:\n"), "{said}");
    assert!(said.contains("\nsecret = \"…\"\n") && said.contains("\nside_by_side = true\n"), "{said}");
    assert!(!said.contains(SECRET), "{said}");
    assert_eq!(fs::read_dir(left.folder.path()).unwrap().count(), before);
}

#[tokio::test]
async fn urls_of_sqlalchemy_are_understood() {
    let left = LeftBehind::new();
    let relative = "sqlite+aiosqlite:///./users.sqlite".to_owned();
    let absolute = format!("sqlite+aiosqlite:///{}", left.file.display());
    for (url, written) in [
        (relative, "url = \"sqlite://./users.sqlite\"".to_owned()),
        (absolute, format!("url = \"sqlite://{}\"", left.file.display())),
    ] {
        let said = run(left.folder.path(), &[], &["adopt", "--force", "--database", &url], "");
        assert!(succeeded(said).contains("20 in `user`"));
        let text = fs::read_to_string(left.written()).unwrap();
        assert!(text.contains(&written), "{text}");
    }
}

#[tokio::test]
async fn without_a_secret_the_server_says_what_to_write_down_and_does_not_start() {
    let left = LeftBehind::new();
    let said = run(left.folder.path(), &[], &["adopt", "--database", &left.url()], "");
    assert!(succeeded(said).contains("has no secret yet: write down there what Python signs with"));
    let launch = Launch::new(&left.written(), left.folder.path());
    let (status, log) = launch.refused();
    assert_eq!(status.code(), Some(2));
    assert!(log.contains("`secret`: the secret is empty: write down what Python signs with"), "{log}");

    let server = launch.set("SECRET", SECRET).start().await;
    let token = fixtures("tokens").into_iter().find(|token| token["name"] == "access-2100").unwrap();
    assert_eq!(server.send(&me().bearer(text(&token, "token"))).await.status, 200);
}

#[tokio::test]
async fn a_secret_of_the_environment_stays_there_and_a_short_one_is_let_through_for_a_while() {
    let left = LeftBehind::new();
    let variables = [("AXUM_USERS__SECRET", "SECRET")];
    let said = run(left.folder.path(), &variables, &["adopt", "--database", &left.url()], "");
    succeeded(said);
    let text = fs::read_to_string(left.written()).unwrap();
    assert!(text.contains("AXUM_USERS__SECRET has it.\nsecret = \"\"\n"), "{text}");
    assert!(text.contains("\nallow_short_secret_until_python_leaves = true\n"), "{text}");
    let launch = Launch::new(&left.written(), left.folder.path()).set("SECRET", "SECRET");
    let server = launch.start().await;
    assert_eq!(login(&server, "alice@example.com", "wonderland").await.status, 200);
    drop(server);
    let said = run(left.folder.path(), &variables, &["adopt", "--finish"], "");
    assert!(succeeded(said).contains("put a new secret before the old one, secret = [\"new\", \"old\"]"));
}

const WITH_OWN_COLUMNS: &[&str] = &[
    "ALTER TABLE user ADD COLUMN first_name VARCHAR(64)",
    "ALTER TABLE user ADD COLUMN credits INTEGER NOT NULL DEFAULT 5",
    "ALTER TABLE user ADD COLUMN joined_at DATETIME NOT NULL DEFAULT '2020-01-01 00:00:00'",
    "ALTER TABLE user ADD COLUMN picture BLOB",
    "UPDATE user SET first_name = 'Alice' WHERE email = 'alice@example.com'",
];

#[tokio::test]
async fn own_columns_become_fields_that_nobody_sees_or_sets_before_the_operator_says_so() {
    let left = LeftBehind::new();
    left.execute(WITH_OWN_COLUMNS).await;
    let said = succeeded(left.adopt(&[]));
    for line in [
        "own columns     `first_name` VARCHAR(64): text, readonly, private\n",
        "`credits` INTEGER NOT NULL: integer, default = 5, readonly, private\n",
        "`joined_at` DATETIME NOT NULL: left out: its default cannot be written here\n",
        "`picture` BLOB: left out: no type of field holds its values\n",
    ] {
        assert!(said.contains(line), "{said}");
    }
    let text = fs::read_to_string(left.written()).unwrap();
    let fields = "[[user.field]]\nname = \"first_name\"\ntype = \"text\"\nreadonly = true\nprivate = true\n\n\
                  [[user.field]]\nname = \"credits\"\ntype = \"integer\"\ndefault = 5\nreadonly = true\nprivate = true\n";
    assert!(text.contains(fields), "{text}");

    let server = left.serve().await;
    let body =
        json!({"email": "new@example.com", "password": PASSWORD, "credits": 1000, "first_name": "Eve"});
    let registered = server.send(&Request::new("POST", "/auth/register").json(&body)).await;
    assert_eq!(registered.status, 201, "{}", registered.text());
    assert!(registered.json().get("credits").is_none(), "{}", registered.text());
    let rows =
        left.database().rows("SELECT credits, first_name FROM user WHERE email = 'new@example.com'").await;
    assert_eq!(json!(rows), json!([{"credits": 5, "first_name": null}]));
    let alice = left.database().rows("SELECT first_name FROM user WHERE email = 'alice@example.com'").await;
    assert_eq!(json!(alice), json!([{"first_name": "Alice"}]));
}

#[tokio::test]
async fn a_column_that_every_user_needs_is_asked_for_at_registration() {
    let left = LeftBehind::new();
    left.execute(&[
        "DELETE FROM user",
        "CREATE TABLE members (id CHAR(36) PRIMARY KEY, email VARCHAR(320) NOT NULL, hashed_password VARCHAR(1024) \
         NOT NULL, is_active BOOLEAN NOT NULL, is_superuser BOOLEAN NOT NULL, is_verified BOOLEAN NOT NULL, \
         first_name TEXT NOT NULL)",
        "CREATE TABLE social (id CHAR(36) PRIMARY KEY, user_id CHAR(36), oauth_name TEXT, access_token TEXT, \
         expires_at INTEGER, refresh_token TEXT, account_id TEXT, account_email TEXT)",
        "DROP TABLE user",
        "DROP TABLE oauth_account",
    ])
    .await;
    let said = succeeded(left.adopt(&[]));
    assert!(said.contains("0 in `members`") && said.contains("0 in `social`"), "{said}");
    let written = fs::read_to_string(left.written()).unwrap();
    assert!(
        written.contains("[database.tables]\nuser = \"members\"\noauth_account = \"social\"\n"),
        "{written}"
    );
    assert!(
        written.contains("name = \"first_name\"\ntype = \"text\"\nrequired = true\nprivate = true\n"),
        "{written}"
    );

    let server = left.serve().await;
    let address = &server.address;
    let register =
        async |body: Value| send(address, &Request::new("POST", "/auth/register").json(&body)).await.status;
    assert_eq!(register(json!({"email": "ada@example.com", "password": PASSWORD})).await, 422);
    let whole = json!({"email": "ada@example.com", "password": PASSWORD, "first_name": "Ada"});
    assert_eq!(register(whole).await, 201);
    assert_eq!(left.database().rows("SELECT 1 FROM members WHERE first_name = 'Ada'").await.len(), 1);
}

const SHARED_EMAIL: &str = "INSERT INTO user VALUES ('00000000-0000-4000-8000-0000000000aa', 'ALICE@example.com', \
                            '$pbkdf2-sha256$29000$N2YMIWQsBWBMae09x1jrPQ$1t8iyB2A', 1, 0, 0)";
const SHARED_ACCOUNT: &str = "INSERT INTO oauth_account VALUES ('00000000-0000-4000-8000-0000000000bb', \
                              '00000000-0000-4000-8000-000000000001', 'corp', 't', NULL, NULL, 'corp-15', 'a@b.example')";

/// The statements that a message offers.
fn offered(text: &str) -> Vec<&str> {
    let lines = text.lines().map(str::trim);
    lines.filter(|line| line.starts_with("UPDATE") || line.starts_with("DELETE")).collect()
}

#[tokio::test]
async fn all_that_stands_in_the_way_is_told_at_once_with_what_mends_it() {
    let left = LeftBehind::new();
    left.execute(&[SHARED_EMAIL, SHARED_ACCOUNT]).await;
    let before = contents(&left.database()).await;
    let said = left.adopt(&[]);
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.output.contains("17 argon2id, 3 bcrypt, 1 unreadable (pbkdf2-sha256)"), "{said:?}");
    assert!(said.output.contains("1 users have a password hash that cannot be verified here"), "{said:?}");
    let error = &said.error;
    let begins = "error: 2 things stand in the way; nothing was changed, and no configuration was written:\n";
    assert!(error.starts_with(begins), "{error}");
    assert!(error.contains("1 e-mail addresses in `user` belong to several users"), "{error}");
    assert!(error.contains("1 accounts of providers in `oauth_account` belong to several users"), "{error}");
    assert!(!left.written().exists());
    assert_eq!(contents(&left.database()).await, before);

    let statements = offered(error);
    assert_eq!(statements.len(), 2, "{error}");
    left.execute(&statements).await;
    succeeded(left.adopt(&[]));
    assert!(left.written().exists());
}

#[tokio::test]
async fn every_mistake_is_told_in_a_sentence() {
    let left = LeftBehind::new();
    let folder = left.folder.path();
    fs::write(folder.join("notes.txt"), "no database, but long enough to be taken for one: ".repeat(40))
        .unwrap();
    fs::write(folder.join("empty.db"), "").unwrap();
    fs::write(folder.join("there.toml"), "").unwrap();
    let good = left.url();
    for (arguments, sentence) in [
        (&["--database", "sqlite://gone.db"] as &[&str], "there is no file gone.db"),
        (&["--database", "sqlite://gone.db?mode=rwc"], "there is no file gone.db"),
        (
            &["--database", "sqlite:///users.sqlite"],
            "for users.sqlite in this folder write sqlite://users.sqlite",
        ),
        (&["--database", "sqlite::memory:"], "a database in memory is empty"),
        (&["--database", "sqlite://notes.txt"], "is no SQLite database"),
        (&["--database", "sqlite://empty.db"], "has no users of FastAPI Users, which have id, email,"),
        (&["--database", "app.db"], "--database: expected a URL such as"),
        (&["--database", "oracle://ada:hunter2@db/app"], "\"oracle:\" is no database that is known here"),
        (&["--database", "postgres://ada:hunter2@127.0.0.1:1/app"], "cannot be reached"),
        (&["--database", "postgresql+asyncpg://ada:hunter2@127.0.0.1:1/app"], "cannot be reached"),
        (&["--database", "mysql+aiomysql://ada:hunter2@127.0.0.1:1/app"], "cannot be reached"),
        (&["--database", "mongodb://ada:hunter2@127.0.0.1:1/app"], "cannot be reached"),
        (&[], "which database? Name it with --database"),
        (&["--database", &good, "--output", "there.toml"], "there.toml is there already"),
        (
            &["--database", &good, "--output", "gone/there.toml"],
            "gone/there.toml cannot be written: No such file",
        ),
        (&["--database", &good, "--secret-stdin"], "standard input held no secret"),
        (&["--finish", "--database", &good], "cannot be used with"),
        (&["--finish"], "there is no axum-users.toml in this folder"),
        (&["--hash-tokens"], "--finish"),
    ] {
        let said = run(folder, &[], &[&["adopt"][..], arguments].concat(), "");
        assert!(!format!("{said:?}").contains("hunter2"), "{arguments:?}: {said:?}");
        let error = refused(said);
        assert!(error.contains(sentence), "{arguments:?}: {error}");
    }
    assert!(!folder.join("gone.db").exists());
    assert_eq!(fs::read_to_string(folder.join("there.toml")).unwrap(), "");

    left.execute(&[
        "CREATE TABLE usr AS SELECT * FROM user",
        "CREATE TABLE usr2 AS SELECT * FROM user",
        "DROP TABLE user",
    ])
    .await;
    let error = refused(left.adopt(&[]));
    assert!(error.contains("has users in several places: `usr`, `usr2`. Say which they are"), "{error}");
}

#[tokio::test]
async fn finishing_ends_side_by_side_and_leaves_the_rest_of_the_file_as_it_was() {
    let left = LeftBehind::new();
    succeeded(left.adopt(&[]));
    let text = fs::read_to_string(left.written()).unwrap();
    let text = text.replace("side_by_side = true", "# until the tenth\nside_by_side = true # Python");
    fs::write(left.written(), &text).unwrap();
    fs::set_permissions(left.written(), fs::Permissions::from_mode(0o640)).unwrap();
    drop(left.serve().await);

    let tried = succeeded(left.finish(&["--dry-run"]));
    assert!(tried.contains("compat.side_by_side would be false."), "{tried}");
    assert!(
        tried.contains("Would be added: CREATE UNIQUE INDEX \"axum_users_oauth_account_account\""),
        "{tried}"
    );
    assert!(tried.contains("6 access tokens stand in clear."), "{tried}");
    assert_eq!(fs::read_to_string(left.written()).unwrap(), text);
    let indexes = "SELECT 1 FROM sqlite_master WHERE name = 'axum_users_oauth_account_account'";
    assert!(left.database().rows(indexes).await.is_empty());

    let said = succeeded(left.finish(&[]));
    assert!(said.contains("compat.side_by_side is false now."), "{said}");
    assert!(said.contains("Added: CREATE UNIQUE INDEX \"axum_users_oauth_account_account\""), "{said}");
    assert!(said.ends_with("Restart the server: until then it goes on as if Python were there.\n"), "{said}");
    let expected = text.replace("side_by_side = true # Python", "side_by_side = false # Python");
    assert_eq!(fs::read_to_string(left.written()).unwrap(), expected);
    assert_eq!(fs::metadata(left.written()).unwrap().permissions().mode() & 0o777, 0o640);
    assert_eq!(left.database().rows(indexes).await.len(), 1);

    let again = succeeded(left.finish(&[]));
    assert!(again.contains("compat.side_by_side is off already."), "{again}");
    let server = left.serve().await;
    assert!(!server.log().contains("side_by_side"), "{}", server.log());
    assert_eq!(login(&server, "alice@example.com", "wonderland").await.status, 200);
}

#[tokio::test]
async fn accounts_in_several_rows_keep_python_from_being_finished_until_one_is_left() {
    let left = LeftBehind::new();
    let repeated = SHARED_ACCOUNT.replace("0000-4000-8000-000000000001'", "0000-4000-8000-000000000015'");
    left.execute(&[&repeated]).await;
    succeeded(left.adopt(&[]));
    let text = fs::read_to_string(left.written()).unwrap();
    let error = refused(left.finish(&["--hash-tokens"]));
    assert!(error.starts_with("error: Python's time cannot end yet; nothing was changed:\n"), "{error}");
    assert!(error.contains("1 accounts of providers in `oauth_account` stand in several rows"), "{error}");
    assert_eq!(fs::read_to_string(left.written()).unwrap(), text);
    assert!(left.database().rows("SELECT 1 FROM accesstoken WHERE token LIKE '~%'").await.is_empty());

    let statements = offered(&error);
    assert_eq!(
        statements,
        ["DELETE FROM \"oauth_account\" WHERE \"id\" = '00000000-0000-4000-8000-0000000000bb';"]
    );
    left.execute(&statements).await;
    succeeded(left.finish(&[]));
}

#[tokio::test]
async fn tokens_in_clear_are_hashed_when_that_is_asked_for_and_their_sessions_go_on() {
    let left = LeftBehind::new();
    succeeded(left.adopt(&[]));
    // A session of our own, which is noted beside the table, too.
    let server = left.serve().await;
    let own = session(&server.address, "alice@example.com", "wonderland").await;
    drop(server);
    let said = succeeded(left.finish(&["--hash-tokens"]));
    assert!(said.contains("8 access tokens that stood in clear are stored as hashes."), "{said}");
    for table in ["accesstoken", "axum_users_session"] {
        let clear = format!("SELECT token FROM {table} WHERE token NOT LIKE '~%'");
        assert!(left.database().rows(&clear).await.is_empty(), "{table}");
    }
    let server = left.serve().await;
    for token in [own.as_str(), text(&fixtures("access_tokens")[0], "token")] {
        let seen = me_by_session(&server, token).await;
        assert_eq!((seen.status, &seen.json()["email"]), (200, &json!("alice@example.com")));
    }
}

#[tokio::test]
async fn finishing_says_when_the_environment_holds_on_to_python() {
    let left = LeftBehind::new();
    succeeded(left.adopt(&[]));
    let text = fs::read_to_string(left.written()).unwrap();
    let variables = [("AXUM_USERS__COMPAT__SIDE_BY_SIDE", "true")];
    let error = refused(run(left.folder.path(), &variables, &["adopt", "--finish"], ""));
    assert!(error.contains("AXUM_USERS__COMPAT__SIDE_BY_SIDE says that Python is there"), "{error}");
    assert_eq!(fs::read_to_string(left.written()).unwrap(), text);
}
