//! Connecting to a server: options, and sentences for what can be wrong with it.

use std::{sync::Arc, time::Duration};

use axum_users::BoxError;
use mongodb::{
    Client, Database,
    error::{Error, ErrorKind},
    options::{Acknowledgment, ClientOptions},
};

use crate::{
    MongoDatabase,
    pool::{Counts, PoolState},
};

/// How long to look for a server that takes the operation, unless the URL says otherwise.
const SERVER_SELECTION_TIMEOUT: Duration = Duration::from_secs(4);
/// How long to wait for a new connection, unless the URL says otherwise.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// How many connections may be made at once, unless the URL says otherwise. With the driver's 2, a server that hung for
/// a while is used again only when all attempts of that while have timed out, two by two.
const MAX_CONNECTING: u32 = 10;
/// How often to look after the servers, unless the URL says otherwise: after an outage, a server is not used before
/// the next look, and the driver's own 10 seconds are long to wait.
const HEARTBEAT: Duration = Duration::from_secs(2);

/// What the collections are called, and how long to wait.
///
/// ```
/// # async fn example() -> Result<(), axum_users_mongodb::ConnectError> {
/// use axum_users_mongodb::MongoOptions;
///
/// let options = MongoOptions::new().user_collection("people");
/// let database = options.connect("mongodb://127.0.0.1:27017/app").await?;
/// # let _ = database;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct MongoOptions {
    pub(crate) user_collection: Option<String>,
    pub(crate) access_token_collection: Option<String>,
    pub(crate) side_by_side: bool,
    pub(crate) operation_timeout: Duration,
    pool_size: Option<u32>,
    /// How busy the connections are, where they were made here.
    counts: Option<Arc<Counts>>,
}

impl Default for MongoOptions {
    fn default() -> Self {
        Self {
            user_collection: None,
            access_token_collection: None,
            side_by_side: false,
            operation_timeout: Duration::from_secs(4),
            pool_size: None,
            counts: None,
        }
    }
}

impl MongoOptions {
    /// The defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The name of the user collection. Without it, it is the schema's table where that was named, else `User`
    /// for ids that are ObjectIds and `users` for all others.
    #[must_use]
    pub fn user_collection(mut self, name: impl Into<String>) -> Self {
        self.user_collection = Some(name.into());
        self
    }

    /// The name of the collection of access tokens: `AccessToken` for ids that are ObjectIds, `access_tokens` for
    /// all others.
    #[must_use]
    pub fn access_token_collection(mut self, name: impl Into<String>) -> Self {
        self.access_token_collection = Some(name.into());
        self
    }

    /// Whether FastAPI Users writes to the same database meanwhile. It may then link an account to two users, which
    /// [`migrate`](axum_users::UserDatabase::migrate) looks for anew once this is off again. Off by default.
    #[must_use]
    pub fn side_by_side(mut self, side_by_side: bool) -> Self {
        self.side_by_side = side_by_side;
        self
    }

    /// How long one operation may take in all, 4 seconds by default. Afterwards the answer is
    /// [`DatabaseError::Unavailable`](axum_users::DatabaseError::Unavailable). It matters when a server neither
    /// answers nor hangs up; one that cannot be reached is noticed earlier. Purging old sessions may take thirty times as
    /// long.
    #[must_use]
    pub fn operation_timeout(mut self, timeout: Duration) -> Self {
        self.operation_timeout = timeout;
        self
    }

    /// How many connections to a server may be open, whatever `maxPoolSize` in the URL says; without either it is
    /// the driver's 10. A client that the application has keeps its own number.
    #[must_use]
    pub fn pool_size(mut self, connections: u32) -> Self {
        self.pool_size = Some(connections.max(1));
        self
    }

    /// Connects to the server at `url`, for example `mongodb://127.0.0.1:27017/app`, and sees that it answers.
    ///
    /// The URL names the database, and carries everything else that MongoDB's connection strings have:
    /// credentials, several hosts, `tls=true&tlsCAFile=…`, `maxPoolSize`. Without `serverSelectionTimeoutMS` or
    /// `connectTimeoutMS` these are 4 seconds. `mongodb+srv://` is looked up in DNS, and uses TLS.
    ///
    /// # Errors
    /// See [`ConnectError`].
    pub async fn connect(mut self, url: &str) -> Result<MongoDatabase, ConnectError> {
        let counts = Arc::<Counts>::default();
        let (client, name) = client(url, self.pool_size, &counts).await?;
        self.counts = Some(counts);
        let database = self.with_database(client.database(&name));
        database.answer().await.map_err(explain)?;
        Ok(database)
    }

    /// Uses a database whose client the application has. Give the client a short server selection timeout; the
    /// driver's own is 30 seconds, three times as long as an operation may take.
    #[must_use]
    pub fn with_database(self, database: Database) -> MongoDatabase {
        MongoDatabase::new(database, self)
    }

    /// Uses the connections of another one with these options.
    #[must_use]
    pub fn with_connections_of(mut self, other: &MongoDatabase) -> MongoDatabase {
        self.counts.clone_from(&other.options.counts);
        MongoDatabase::new(other.database().clone(), self)
    }

    pub(crate) fn pool_state(&self) -> Option<PoolState> {
        self.counts.as_ref().map(|counts| counts.state())
    }
}

async fn client(
    url: &str,
    pool_size: Option<u32>,
    counts: &Arc<Counts>,
) -> Result<(Client, String), ConnectError> {
    let (scheme, _) = url.split_once("://").ok_or(ConnectError::NotAUrl)?;
    if !["mongodb", "mongodb+srv"].contains(&scheme) {
        return Err(ConnectError::UnknownScheme(scheme.to_owned()));
    }
    let mut options = match ClientOptions::parse(url).await {
        Ok(options) => options,
        Err(error) if matches!(error.kind.as_ref(), ErrorKind::DnsResolve { .. }) => {
            return Err(ConnectError::Unreachable(error.into()));
        }
        // What the driver complains of may be a piece of the password.
        Err(_) if url.contains('@') => return Err(ConnectError::UrlWithCredentials),
        Err(error) => return Err(ConnectError::Url(error.into())),
    };
    let name = options.default_database.clone().ok_or(ConnectError::NoDatabase)?;
    let acknowledgment = options.write_concern.as_ref().and_then(|concern| concern.w.as_ref());
    if matches!(acknowledgment, Some(Acknowledgment::Nodes(0))) {
        return Err(ConnectError::Unacknowledged);
    }
    options.server_selection_timeout.get_or_insert(SERVER_SELECTION_TIMEOUT);
    options.connect_timeout.get_or_insert(CONNECT_TIMEOUT);
    options.max_connecting.get_or_insert(MAX_CONNECTING);
    options.heartbeat_freq.get_or_insert(HEARTBEAT);
    if let Some(size) = pool_size {
        options.max_pool_size = Some(size);
    }
    options.cmap_event_handler = Some(counts.handler());
    options.app_name.get_or_insert_with(|| "axum-users".to_owned());
    let client = Client::with_options(options).map_err(|error| ConnectError::Url(error.into()))?;
    Ok((client, name))
}

fn explain(error: Error) -> ConnectError {
    match error.kind.as_ref() {
        ErrorKind::Authentication { .. } => ConnectError::Authentication(error.into()),
        ErrorKind::InvalidTlsConfig { .. } => ConnectError::Url(error.into()),
        _ => ConnectError::Unreachable(error.into()),
    }
}

/// Why a server could not be connected to. No text has the URL in it, which may hold a password.
///
/// ```
/// use axum_users_mongodb::{ConnectError, MongoDatabase};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let error = MongoDatabase::connect("mongodb://127.0.0.1:27017").await.unwrap_err();
/// assert!(matches!(error, ConnectError::NoDatabase));
/// # }
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The text does not begin with a scheme.
    #[error("a database is named by a URL, for example `mongodb://127.0.0.1:27017/app`")]
    NotAUrl,
    /// The scheme is not MongoDB's.
    #[error("`{0}:` is not MongoDB's scheme, which is `mongodb:` or `mongodb+srv:`")]
    UnknownScheme(String),
    /// The URL names no database.
    #[error("the database URL names no database; its path does, for example `mongodb://127.0.0.1:27017/app`")]
    NoDatabase,
    /// The URL asks for writes that the server does not answer, so nobody would know whose an e-mail is.
    #[error("the database URL has `w=0`, but users need writes that are acknowledged; leave it out")]
    Unacknowledged,
    /// The URL is wrong, and has a user and a password in it, which an explanation could show.
    #[error(
        "the database URL is wrong; characters like `@ : / %` in the user's name or the password have to be \
         percent-encoded, and options have to be MongoDB's"
    )]
    UrlWithCredentials,
    /// The URL is wrong.
    #[error("the database URL is wrong")]
    Url(#[source] BoxError),
    /// The server does not take the user or the password.
    #[error("the MongoDB server refuses the user or the password (or another `authSource` is needed)")]
    Authentication(#[source] BoxError),
    /// No server answers as it should.
    #[error("the MongoDB server cannot be reached")]
    Unreachable(#[source] BoxError),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cr_20_nobody_waits_for_five_seconds_unless_that_is_changed() {
        assert!(MongoOptions::new().operation_timeout < Duration::from_secs(5));
        assert!(SERVER_SELECTION_TIMEOUT < Duration::from_secs(5));
    }
}
