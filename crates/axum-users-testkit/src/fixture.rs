//! What an adapter brings to the suite.

use std::time::Duration;

use axum_users::{UserDatabase, UserModel, schema::Schema};

/// A database of one test's own making, and the adapter on it.
///
/// Three items are enough; the others switch on further tests. A fixture that is generic over the user model
/// runs the suite once for each of [`Profile`](crate::Profile), [`NumberedProfile`](crate::NumberedProfile) and
/// [`ObjectIdProfile`](crate::ObjectIdProfile); an adapter that is bound to a model of its own brings that one.
///
/// ```
/// use axum_users::{MemoryDatabase, User};
/// use axum_users_testkit::Fixture;
///
/// struct Memory;
///
/// impl Fixture for Memory {
///     type User = User;
///     type Database = MemoryDatabase;
///
///     async fn start() -> Self {
///         Self
///     }
///
///     async fn connect(&self) -> Self::Database {
///         MemoryDatabase::default()
///     }
/// }
/// ```
pub trait Fixture: Sized + Send + Sync + 'static {
    /// The user model. Whatever own fields its schema has are tested, save private ones, whose values nobody
    /// can see; floats have to be `f64`.
    type User: UserModel;
    /// The adapter.
    type Database: UserDatabase<Self::User>;

    /// Makes an empty database that no other test uses. It may panic.
    fn start() -> impl Future<Output = Self>;

    /// The adapter on that database, as an application would give it to `Users::builder`. The suite configures
    /// and migrates it.
    fn connect(&self) -> impl Future<Output = Self::Database>;

    /// A second adapter on the same database, as another process would have it. Races are then run between
    /// both, so that only what the database itself decides can pass.
    fn connect_again(&self) -> impl Future<Output = Option<Self::Database>> {
        async { None }
    }

    /// The schema to serve; the model's own without.
    fn schema(&self) -> Schema {
        Self::User::schema()
    }

    /// Where the database cannot do as the others do.
    fn exceptions(&self) -> Exceptions {
        Exceptions::default()
    }

    /// Adds a nullable text column (or field) `testkit_note` to the user table, as another program would, and
    /// fills it with `kept` for every user there is; answers whether it did.
    fn add_unknown_column(&self) -> impl Future<Output = bool> {
        async { false }
    }

    /// What `testkit_note` holds, in the order of the users' e-mails.
    fn unknown_column(&self) -> impl Future<Output = Vec<Option<String>>> {
        async { Vec::new() }
    }

    /// Cuts the adapter off from its database; answers whether it did. [`Line`](crate::Line) does it for servers
    /// that are reached by TCP.
    fn cut(&self) -> impl Future<Output = bool> {
        async { false }
    }

    /// Ends what [`cut`](Self::cut) began.
    fn heal(&self) -> impl Future<Output = ()> {
        async {}
    }

    /// Removes the database; called after the test, whether it passed or failed.
    fn end(self) -> impl Future<Output = ()> {
        async {}
    }
}

/// Where a database cannot do as the others do, and what the suite then accepts.
///
/// ```
/// use std::time::Duration;
///
/// use axum_users_testkit::Exceptions;
///
/// // A database whose collation ignores accents, and whose times have milliseconds.
/// let exceptions = Exceptions::default().looser_unique_indexes().timestamp_step(Duration::from_millis(1));
/// # let _ = exceptions;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exceptions {
    pub(crate) looser_unique_indexes: bool,
    pub(crate) timestamp_step: Duration,
}

impl Default for Exceptions {
    /// None.
    fn default() -> Self {
        Self { looser_unique_indexes: false, timestamp_step: Duration::from_micros(1) }
    }
}

impl Exceptions {
    /// The unique indexes follow a collation, as on MySQL, MariaDB and MongoDB: they may refuse an e-mail or an
    /// account's id that differs from a taken one by more than ASCII case. Look-ups still may not confuse them.
    #[must_use]
    pub fn looser_unique_indexes(mut self) -> Self {
        self.looser_unique_indexes = true;
        self
    }

    /// Timestamps are kept in steps of this length: a millisecond for MongoDB.
    ///
    /// # Panics
    /// If the step is zero or longer than a second.
    #[must_use]
    pub fn timestamp_step(mut self, step: Duration) -> Self {
        assert!(!step.is_zero() && step <= Duration::from_secs(1), "no step for timestamps: {step:?}");
        self.timestamp_step = step;
        self
    }
}
