//! What every test of the suite stands on.

use std::{
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::Arc,
};

use axum_users::{
    ColumnValue, Database, DatabaseError, ObjectId, Random, Timestamp, UserDatabase, UserId, UserModel,
    Users,
    schema::{Column, ColumnType, Record, Schema, Value},
};
use serde_json::{Map, Value as Json, json};
use time::macros::{date, datetime};
use tokio::sync::Barrier;
use uuid::uuid;

use crate::Fixture;

pub(crate) type Id<F> = <<F as Fixture>::User as UserModel>::Id;

/// Runs one test on a database of its own, and removes that whether the test passes or fails.
pub(crate) fn run<F: Fixture>(test: impl AsyncFnOnce(&Bench<'_, F>)) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build().unwrap();
    let fixture = runtime.block_on(F::start());
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        runtime.block_on(async { test(&Bench::open(&fixture).await).await });
    }));
    runtime.block_on(fixture.end());
    if let Err(panic) = outcome {
        resume_unwind(panic);
    }
}

/// A migrated database, and what makes users for it.
pub(crate) struct Bench<'f, F: Fixture> {
    pub(crate) fixture: &'f F,
    pub(crate) users: Users<F::User>,
    second: Option<Users<F::User>>,
    random: Random,
}

impl<'f, F: Fixture> Bench<'f, F> {
    async fn open(fixture: &'f F) -> Self {
        let users = users(fixture, fixture.connect().await).await;
        let second = match fixture.connect_again().await {
            Some(database) => Some(self::users(fixture, database).await),
            None => None,
        };
        Self { fixture, users, second, random: Random::system() }
    }

    pub(crate) fn database(&self) -> &Database<F::User> {
        self.users.database()
    }

    pub(crate) fn schema(&self) -> &Schema {
        self.users.schema()
    }

    /// An id as the library gives one to a new row; `None` where the database makes it.
    pub(crate) fn row_id(&self) -> Option<Id<F>> {
        Id::<F>::generate(&self.random, self.schema().id_type())
    }

    /// A new user, with every column, the nullable ones NULL.
    pub(crate) fn record(&self, email: &str) -> Record {
        let mut record = Record::new();
        if let Some(id) = self.row_id() {
            record.set("id", id.into_value());
        }
        record.set("email", Value::Text(email.to_owned()));
        record.set("hashed_password", Value::Text("$argon2id$hash".to_owned()));
        for (name, value) in [("is_active", true), ("is_superuser", false), ("is_verified", false)] {
            record.set(name, Value::Bool(value));
        }
        for column in self.schema().own_columns() {
            record.set(column.name.clone(), if column.nullable { Value::Null } else { sample(column) });
        }
        record
    }

    /// Makes a user.
    pub(crate) async fn add(&self, email: &str) -> F::User {
        self.database().create(self.record(email)).await.unwrap()
    }

    /// The id of a user who was deleted. Call it after the last user was made: some databases give an id again.
    pub(crate) async fn deleted_id(&self) -> Id<F> {
        let user = self.add("deleted@example.org").await;
        assert!(self.database().delete(user.id()).await.unwrap());
        user.id().clone()
    }

    pub(crate) async fn get(&self, id: &Id<F>) -> F::User {
        self.database().get(id).await.unwrap().expect("the user was there")
    }

    /// Everything that can be seen of a user.
    pub(crate) fn seen(&self, user: &F::User) -> Map<String, Json> {
        let shown = serde_json::to_value(user.clone().into_read(self.schema())).unwrap();
        let Json::Object(mut seen) = shown else { panic!("a user is shown as {shown}") };
        // The getters are what the library itself goes by.
        seen.insert("id".to_owned(), serde_json::to_value(user.id().clone().into_value()).unwrap());
        seen.insert("email".to_owned(), json!(user.email()));
        seen.insert("hashed_password".to_owned(), json!(user.hashed_password()));
        seen.insert("is_active".to_owned(), json!(user.is_active()));
        seen.insert("is_superuser".to_owned(), json!(user.is_superuser()));
        seen.insert("is_verified".to_owned(), json!(user.is_verified()));
        seen
    }

    /// Fails unless the user has every value of the record.
    #[track_caller]
    pub(crate) fn assert_has(&self, user: &F::User, record: &Record) {
        let seen = self.seen(user);
        for (name, value) in record.iter() {
            let is_private = self.schema().column(name).is_some_and(|column| column.private);
            if !is_private {
                assert_eq!(seen.get(name.as_ref()), Some(&serde_json::to_value(value).unwrap()), "{name}");
            }
        }
    }

    #[track_caller]
    pub(crate) fn assert_same(&self, one: &F::User, other: &F::User) {
        assert_eq!(self.seen(one), self.seen(other));
    }

    /// Fails unless the stored user is still this one.
    pub(crate) async fn assert_unchanged(&self, user: &F::User) {
        self.assert_same(&self.get(user.id()).await, user);
    }

    /// Runs as many tasks at once, on every adapter there is in turn, and answers what each did.
    pub(crate) async fn at_once<T, Task>(
        &self,
        count: usize,
        task: impl Fn(Users<F::User>, usize) -> Task,
    ) -> Vec<T>
    where
        T: Send + 'static,
        Task: Future<Output = T> + Send + 'static,
    {
        let start = Arc::new(Barrier::new(count));
        let mut tasks = Vec::with_capacity(count);
        for number in 0..count {
            let users = self.second.as_ref().filter(|_| number % 2 == 1).unwrap_or(&self.users);
            let (start, task) = (Arc::clone(&start), task(users.clone(), number));
            tasks.push(tokio::spawn(async move {
                start.wait().await;
                task.await
            }));
        }
        let mut answers = Vec::with_capacity(count);
        for task in tasks {
            answers.push(task.await.unwrap());
        }
        answers
    }

    /// A moment so many of the database's steps after 2026-11-23 10:00 UTC.
    pub(crate) fn moment(&self, steps: i32) -> Timestamp {
        let step = time::Duration::try_from(self.fixture.exceptions().timestamp_step).unwrap();
        datetime!(2026-11-23 10:00 UTC) + step * steps
    }

    /// The moment, without what the database does not keep of it.
    pub(crate) fn kept(&self, at: Timestamp) -> Timestamp {
        let step = i128::try_from(self.fixture.exceptions().timestamp_step.as_nanos()).unwrap();
        let nanoseconds = at.unix_timestamp_nanos();
        let kept = Timestamp::from_unix_timestamp_nanos(nanoseconds - nanoseconds.rem_euclid(step)).unwrap();
        kept.to_offset(at.offset())
    }
}

async fn users<F: Fixture>(fixture: &F, database: impl UserDatabase<F::User>) -> Users<F::User> {
    let builder = Users::<F::User>::builder(database, "a-secret-for-tests-of-more-than-32-bytes");
    let users = builder.schema(fixture.schema()).hashing_threads(1).build().unwrap();
    users.migrate().await.unwrap();
    users
}

/// A value that fits the column.
pub(crate) fn sample(column: &Column) -> Value {
    match column.column_type {
        ColumnType::Bool => Value::Bool(true),
        ColumnType::Integer => Value::Integer(7.clamp(column.range.0, column.range.1)),
        ColumnType::Float => Value::Float(0.5),
        ColumnType::Text => {
            Value::Text(column.choices.first().map_or("text", |choice| choice.as_ref()).to_owned())
        }
        ColumnType::Uuid => Value::Uuid(uuid!("1e35ed81-0000-4000-8000-00000000000f")),
        ColumnType::Date => Value::Date(date!(1912 - 06 - 23)),
        ColumnType::Timestamp => Value::Timestamp(datetime!(2026-11-23 10:00 UTC)),
        ColumnType::Json => Value::Json(json!({ "a": [1, null, "b"] })),
        ColumnType::ObjectId => Value::ObjectId(ObjectId(*b"twelve bytes")),
        other => panic!("the suite does not know a column that holds {other}"),
    }
}

/// A record of one column.
pub(crate) fn only(name: &str, value: Value) -> Record {
    Record::new().with(name.to_owned(), value)
}

pub(crate) fn text(value: &str) -> Value {
    Value::Text(value.to_owned())
}

#[track_caller]
pub(crate) fn assert_email_taken<T>(answer: Result<T, DatabaseError>, what: &str) {
    match answer {
        Err(DatabaseError::EmailTaken) => {}
        Err(error) => panic!("{what}: {error:?} instead of EmailTaken"),
        Ok(_) => panic!("{what}: the e-mail was given twice"),
    }
}

#[track_caller]
pub(crate) fn assert_account_taken<T>(answer: Result<T, DatabaseError>, what: &str) {
    match answer {
        Err(DatabaseError::OAuthAccountTaken) => {}
        Err(error) => panic!("{what}: {error:?} instead of OAuthAccountTaken"),
        Ok(_) => panic!("{what}: the account was linked twice"),
    }
}

/// Says why a test has nothing to do; seen with `--nocapture`.
#[expect(clippy::print_stderr, reason = "this is for whoever runs the tests")]
pub(crate) fn skip(why: &str) {
    eprintln!("skipped: {why}");
}
