//! [`MongoDatabase`] and its collections.

use std::{
    borrow::Cow,
    fmt,
    sync::{Arc, atomic::AtomicU32},
    time::Duration,
};

use axum_users::{
    ColumnValue, DatabaseError, UserModel,
    schema::{ColumnType, Schema, Value},
};
use mongodb::{
    Collection, Cursor, Database,
    bson::{Bson, Document, RawDocument, RawDocumentBuf, doc, oid::ObjectId},
    error::Error,
    options::{CollectionOptions, Hint, ReadPreference, ReturnDocument, SelectionCriteria},
};

use crate::{
    connect::{ConnectError, MongoOptions},
    error::{code, database_error, has_code},
    inspect::{Found, FoundCollections, inspect, recognise},
    pool::PoolState,
    values::{self, Row},
};

/// Documents as they come from the wire.
pub(crate) type Raw = Collection<RawDocumentBuf>;

/// What is good once, and has been used.
const ONE_TIME: &str = "axum_users_one_time";
/// Counts of tries.
const LIMIT: &str = "axum_users_limit";
/// What is kept of a user beside its document.
pub(crate) const USER_STATE: &str = "axum_users_user_state";
/// Who did what, when, from where.
const AUDIT: &str = "axum_users_audit";
/// What is known of sessions.
pub(crate) const SESSION: &str = "axum_users_session";
/// Who is linking which account just now.
const CLAIM: &str = "axum_users_oauth_claim";
/// The last integer ids.
const SEQUENCE: &str = "axum_users_sequence";
/// What a migration of ours has seen.
pub(crate) const MIGRATION: &str = "axum_users_migration";

/// How often a write is tried that another one of the same document can get in the way of.
const UPSERT_ATTEMPTS: usize = 5;

/// Users in MongoDB. Clones share one client.
///
/// ```
/// use axum_users::{Bearer, Jwt, User, Users};
/// use axum_users_mongodb::MongoDatabase;
///
/// # async fn start() -> Result<(), Box<dyn std::error::Error>> {
/// let database = MongoDatabase::connect("mongodb://127.0.0.1:27017/app").await?;
/// let users = Users::<User>::builder(database, std::env::var("SECRET")?)
///     .backend("jwt", Bearer::default(), Jwt::lasting_seconds(3600))
///     .build()?;
/// users.migrate().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct MongoDatabase {
    database: Database,
    pub(crate) options: MongoOptions,
    layout: Option<Arc<Layout>>,
}

impl fmt::Debug for MongoDatabase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MongoDatabase")
            .field("database", &self.database.name())
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

impl MongoDatabase {
    /// Connects to the server at `url` with the default [`MongoOptions`]; the URL names the database, for example
    /// `mongodb://127.0.0.1:27017/app`.
    ///
    /// # Errors
    /// See [`ConnectError`].
    pub async fn connect(url: &str) -> Result<Self, ConnectError> {
        MongoOptions::new().connect(url).await
    }

    /// Uses a database whose client the application has, with the default [`MongoOptions`]; see
    /// [`MongoOptions::with_database`].
    #[must_use]
    pub fn with_database(database: Database) -> Self {
        MongoOptions::new().with_database(database)
    }

    pub(crate) fn new(database: Database, options: MongoOptions) -> Self {
        Self { database, options, layout: None }
    }

    /// How busy the connections are; `None` where the client is the application's own.
    #[must_use]
    pub fn pool_state(&self) -> Option<PoolState> {
        self.options.pool_state()
    }

    /// The database, for the application's own queries.
    #[must_use]
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// Says what is in the database, before anything is changed there.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn inspect(&self) -> Result<Found, DatabaseError> {
        self.run(inspect(&self.database, &self.names())).await
    }

    /// The collections of users that the database has: those of the options, else those that FastAPI Users makes
    /// with Motor or with Beanie; `None` where there is no user collection. For programs that learn only when they
    /// run what users' ids are.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn recognise(&self) -> Result<Option<FoundCollections>, DatabaseError> {
        self.run(recognise(&self.database, &self.names())).await
    }

    pub(crate) fn names(&self) -> Names {
        match &self.layout {
            Some(layout) => layout.names.clone(),
            None => Names::new(&Schema::new(ColumnType::Uuid), &self.options),
        }
    }

    pub(crate) async fn answer(&self) -> Result<(), Error> {
        self.database.run_command(doc! { "ping": 1 }).await.map(|_| ())
    }

    pub(crate) fn layout(&self) -> Result<&Layout, DatabaseError> {
        let missing = || DatabaseError::Other("the database was not given a schema".into());
        self.layout.as_deref().ok_or_else(missing)
    }

    pub(crate) fn set_layout(&mut self, schema: &Arc<Schema>) -> Result<(), Cow<'static, str>> {
        self.layout = Some(Arc::new(Layout::new(Arc::clone(schema), &self.database, &self.options)?));
        Ok(())
    }

    /// Runs an operation, for as long as one may take.
    pub(crate) async fn run<T>(
        &self,
        operation: impl IntoFuture<Output = Result<T, Error>>,
    ) -> Result<T, DatabaseError> {
        Self::run_within(self.options.operation_timeout, operation).await
    }

    /// Runs an operation that touches many documents.
    pub(crate) async fn run_long<T>(
        &self,
        operation: impl IntoFuture<Output = Result<T, Error>>,
    ) -> Result<T, DatabaseError> {
        Self::run_within(self.options.operation_timeout * 30, operation).await
    }

    async fn run_within<T>(
        time: Duration,
        operation: impl IntoFuture<Output = Result<T, Error>>,
    ) -> Result<T, DatabaseError> {
        match tokio::time::timeout(time, operation.into_future()).await {
            Ok(answer) => answer.map_err(database_error),
            Err(_) => Err(DatabaseError::Unavailable("the MongoDB server did not answer in time".into())),
        }
    }

    /// Updates the one document with this `_id`, or makes it.
    pub(crate) async fn upsert(
        &self,
        collection: &Raw,
        id: Bson,
        update: Document,
    ) -> Result<(), DatabaseError> {
        let upsert = || collection.update_one(doc! { "_id": id.clone() }, update.clone()).upsert(true);
        self.run(again_on_duplicates(upsert)).await.map(|_| ())
    }

    /// The next integer of a sequence.
    pub(crate) async fn next_integer(&self, sequence: &str) -> Result<i64, DatabaseError> {
        let layout = self.layout()?;
        let increment = doc! { "$inc": { "last": 1_i64 } };
        let next = layout.sequences.find_one_and_update(doc! { "_id": sequence }, increment);
        let document = self.run(next.return_document(ReturnDocument::After)).await?;
        let last = document.and_then(|document| document.get_i64("last").ok());
        last.ok_or_else(|| DatabaseError::Other("there is no sequence of ids; `migrate` makes it".into()))
    }

    /// An id for a new document that was given none; `None` for kinds of ids that the library makes.
    pub(crate) async fn new_id(&self, sequence: &str) -> Result<Option<Value>, DatabaseError> {
        Ok(match self.layout()?.schema.id_type() {
            ColumnType::ObjectId => Some(Value::ObjectId(axum_users::ObjectId(ObjectId::new().bytes()))),
            ColumnType::Integer => Some(Value::Integer(self.next_integer(sequence).await?)),
            _ => None,
        })
    }
}

/// Two writes that both find no document may both try to make it; one of them has to look again.
async fn again_on_duplicates<T, Write>(write: impl Fn() -> Write) -> Result<T, Error>
where
    Write: IntoFuture<Output = Result<T, Error>>,
{
    for _ in 1..UPSERT_ATTEMPTS {
        match write().await {
            Err(error) if has_code(&error, code::DUPLICATE_KEY) => {}
            answer => return answer,
        }
    }
    write().await
}

/// All documents of a cursor.
pub(crate) async fn collect<T>(mut cursor: Cursor<T>) -> Result<Vec<RawDocumentBuf>, Error> {
    let mut documents = Vec::new();
    while cursor.advance().await? {
        documents.push(cursor.current().to_owned());
    }
    Ok(documents)
}

/// Whether a field holds this text.
pub(crate) fn has_text(document: &RawDocument, field: &str, text: &str) -> bool {
    document.get_str(field).is_ok_and(|found| found == text)
}

/// What the original's collections are called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Names {
    pub(crate) users: String,
    pub(crate) access_tokens: String,
}

impl Names {
    pub(crate) fn motor() -> Self {
        Self { users: "users".to_owned(), access_tokens: "access_tokens".to_owned() }
    }

    pub(crate) fn beanie() -> Self {
        Self { users: "User".to_owned(), access_tokens: "AccessToken".to_owned() }
    }

    fn new(schema: &Schema, options: &MongoOptions) -> Self {
        let usual = if schema.id_type() == ColumnType::ObjectId { Self::beanie() } else { Self::motor() };
        // `user` is what a schema's table is called that nobody named.
        let named = Some(schema.table()).filter(|&name| name != "user").map(str::to_owned);
        Self {
            users: options.user_collection.clone().or(named).unwrap_or(usual.users),
            access_tokens: options.access_token_collection.clone().unwrap_or(usual.access_tokens),
        }
    }
}

/// The collections, and how documents are read.
pub(crate) struct Layout {
    pub(crate) schema: Arc<Schema>,
    /// `_id` in Beanie's documents, `id` in Motor's.
    pub(crate) id_field: &'static str,
    pub(crate) names: Names,
    pub(crate) users: Raw,
    pub(crate) access_tokens: Raw,
    pub(crate) one_time: Raw,
    pub(crate) limits: Raw,
    /// How many tries were counted, for forgetting old counts now and then.
    pub(crate) tries: AtomicU32,
    pub(crate) user_states: Raw,
    pub(crate) audit_trail: Raw,
    pub(crate) sessions: Raw,
    pub(crate) migrations: Raw,
    pub(crate) claims: Raw,
    pub(crate) sequences: Raw,
}

impl Layout {
    fn new(
        schema: Arc<Schema>,
        database: &Database,
        options: &MongoOptions,
    ) -> Result<Self, Cow<'static, str>> {
        for column in schema.own_columns() {
            check_name(&column.name)?;
        }
        let names = Names::new(&schema, options);
        // A secondary may not know yet of a session that has ended.
        let primary = SelectionCriteria::ReadPreference(ReadPreference::Primary);
        let primary = CollectionOptions::builder().selection_criteria(primary).build();
        let collection = |name: &str| database.collection_with_options(name, primary.clone());
        Ok(Self {
            id_field: if schema.id_type() == ColumnType::ObjectId { "_id" } else { "id" },
            users: collection(&names.users),
            access_tokens: collection(&names.access_tokens),
            one_time: collection(ONE_TIME),
            limits: collection(LIMIT),
            tries: AtomicU32::new(0),
            user_states: collection(USER_STATE),
            audit_trail: collection(AUDIT),
            sessions: collection(SESSION),
            migrations: collection(MIGRATION),
            claims: collection(CLAIM),
            sequences: collection(SEQUENCE),
            names,
            schema,
        })
    }

    /// The field that keeps a column.
    pub(crate) fn field<'a>(&self, column: &'a str) -> &'a str {
        if column == "id" { self.id_field } else { column }
    }

    /// Finds the user with this id.
    pub(crate) fn by_id<Id: ColumnValue>(&self, id: &Id) -> Result<Document, DatabaseError> {
        Ok(doc! { self.id_field: id_bson(id)? })
    }

    /// The index on users' ids, for operations whose filter names more than the id. Planners differ in whether they
    /// see that the id is enough.
    pub(crate) fn id_index(&self) -> Hint {
        index(&[self.id_field])
    }

    pub(crate) fn user<U: UserModel>(&self, document: &RawDocument) -> Result<U, DatabaseError> {
        let mut row = Row::new(&self.schema, self.id_field, document)?;
        Ok(U::from_row(&self.schema, &mut row)?)
    }

    /// The sequence of integer ids of users.
    pub(crate) fn user_sequence(&self) -> &str {
        &self.names.users
    }

    /// The sequence of integer ids of embedded accounts.
    pub(crate) fn account_sequence(&self) -> String {
        format!("{}.oauth_accounts", self.names.users)
    }
}

/// The index with these keys, which `migrate` made.
pub(crate) fn index(keys: &[&str]) -> Hint {
    Hint::Keys(keys.iter().map(|&key| (key.to_owned(), Bson::Int32(1))).collect())
}

pub(crate) fn id_bson<Id: ColumnValue>(id: &Id) -> Result<Bson, DatabaseError> {
    values::to_bson(&id.clone().into_value())
}

/// Own fields are named in updates, where a dot is a path and a dollar an operator.
fn check_name(name: &str) -> Result<(), Cow<'static, str>> {
    if ["_id", "oauth_accounts"].contains(&name) {
        return Err(
            format!("the field `{name}` has a meaning of its own in the documents of FastAPI Users").into()
        );
    }
    if name.is_empty() || name.starts_with('$') || name.contains(['.', '\0']) {
        return Err(format!("a field of a MongoDB document cannot be called `{name}`").into());
    }
    Ok(())
}
