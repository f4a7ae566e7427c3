//! The connection to Redis: made when it is first needed, and again when it breaks.

use std::{borrow::Cow, fmt, sync::OnceLock, time::Duration};

use redis::{
    Client, Cmd, FromRedisValue,
    aio::{ConnectionManager, ConnectionManagerConfig},
};
#[cfg(feature = "redis-cluster")]
use redis::{
    cluster::{ClusterClient, ClusterConfig},
    cluster_async::ClusterConnection,
};
use url::Url;

use crate::{
    error::{BoxError, InternalError},
    spans,
};

/// How long everything that a request wants of Redis may take.
const ANSWER_WITHIN: Duration = Duration::from_millis(1500);

/// How long one command, or making the connection, may take.
const ONE_STEP_WITHIN: Duration = Duration::from_secs(1);

const EXPECTED: &str = "expected redis://host:6379, with rediss: for TLS, redis-cluster: or rediss-cluster: for a \
                        cluster, or redis+unix:///path for a socket";

/// Why Redis cannot be used. The text shows neither the URL nor a password.
///
/// ```
/// use axum_users::{RedisError, RedisTokens};
///
/// assert!(matches!(RedisTokens::new("http://localhost"), Err(RedisError::Url(_))));
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RedisError {
    /// The URL cannot be used; the text says what is expected.
    #[error("{0}")]
    Url(Cow<'static, str>),
    /// Redis cannot be reached, does not answer in time, or refuses.
    #[error("Redis is not available")]
    Unavailable(#[source] BoxError),
}

impl From<redis::RedisError> for RedisError {
    fn from(error: redis::RedisError) -> Self {
        Self::Unavailable(error.into())
    }
}

impl From<RedisError> for InternalError {
    fn from(error: RedisError) -> Self {
        Self::Backend(error.into())
    }
}

/// One Redis, or a cluster of them.
pub(crate) struct Connection {
    server: Server,
    /// Made at the first command, since it belongs to the runtime that runs then.
    link: OnceLock<Link>,
}

enum Server {
    One(Box<Client>),
    #[cfg(feature = "redis-cluster")]
    Cluster(Box<ClusterClient>),
}

#[derive(Clone)]
enum Link {
    One(ConnectionManager),
    #[cfg(feature = "redis-cluster")]
    Cluster(ClusterConnection),
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("connected", &self.link.get().is_some()).finish_non_exhaustive()
    }
}

impl Connection {
    /// Reads a URL; nothing is connected yet.
    pub(crate) fn to(url: &str) -> Result<Self, RedisError> {
        let unreadable = || RedisError::Url(EXPECTED.into());
        let url = Url::parse(url).map_err(|_| unreadable())?;
        if url.fragment().is_some() {
            let reason = "nothing may stand behind a `#`: certificates are always checked";
            return Err(RedisError::Url(reason.into()));
        }
        let server = match url.scheme() {
            "redis-cluster" | "rediss-cluster" => cluster(&url)?,
            _ => Server::One(Box::new(Client::open(url).map_err(|_| unreadable())?)),
        };
        Ok(Self { server, link: OnceLock::new() })
    }

    /// Sends a command and reads its answer. One that met a broken connection is sent again on a new one: each
    /// of ours may run twice.
    pub(crate) async fn send<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, RedisError> {
        let link = self.link()?;
        let answered = async {
            match link {
                Link::One(mut link) => match command.query_async(&mut link).await {
                    Err(error) if error.is_io_error() && !error.is_timeout() => {
                        command.query_async(&mut link).await
                    }
                    answer => answer,
                },
                #[cfg(feature = "redis-cluster")]
                Link::Cluster(mut link) => command.query_async(&mut link).await,
            }
        };
        Ok(spans::redis(command, answered).await?)
    }

    fn link(&self) -> Result<Link, RedisError> {
        if let Some(link) = self.link.get() {
            return Ok(link.clone());
        }
        use_a_crypto_provider();
        let link = match &self.server {
            Server::One(client) => {
                // No retries: who asks is told at once, and the next to ask makes the next attempt.
                let config = ConnectionManagerConfig::new()
                    .set_number_of_retries(0)
                    .set_connection_timeout(Some(ONE_STEP_WITHIN))
                    .set_response_timeout(Some(ONE_STEP_WITHIN));
                Link::One(ConnectionManager::new_lazy_with_config(Client::clone(client), config)?)
            }
            #[cfg(feature = "redis-cluster")]
            Server::Cluster(client) => {
                let config = ClusterConfig::new()
                    .set_connection_timeout(ONE_STEP_WITHIN)
                    .set_response_timeout(ONE_STEP_WITHIN);
                Link::Cluster(client.get_pending_async_connection_with_config(config))
            }
        };
        Ok(self.link.get_or_init(|| link).clone())
    }
}

/// Without a provider of cryptography, making a TLS connection would panic. One that the application has
/// chosen stays.
fn use_a_crypto_provider() {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // Another thread may have been faster, which is as good.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    }
}

/// Bounds what a request waits for Redis.
pub(crate) async fn in_time<T>(work: impl Future<Output = Result<T, RedisError>>) -> Result<T, RedisError> {
    match tokio::time::timeout(ANSWER_WITHIN, work).await {
        Ok(done) => done,
        Err(elapsed) => Err(RedisError::Unavailable(elapsed.into())),
    }
}

#[cfg(not(feature = "redis-cluster"))]
fn cluster(_: &Url) -> Result<Server, RedisError> {
    Err(RedisError::Url("clusters want the feature `redis-cluster` of axum-users".into()))
}

/// `redis-cluster://user:password@host:port?node=host:port&node=…`: any of the nodes tells of all others.
#[cfg(feature = "redis-cluster")]
fn cluster(url: &Url) -> Result<Server, RedisError> {
    let unreadable = || RedisError::Url("expected redis-cluster://host:6379?node=host:6379".into());
    let scheme = if url.scheme() == "rediss-cluster" { "rediss" } else { "redis" };
    let mut first = url.clone();
    first.set_query(None);
    first.set_scheme(scheme).map_err(|()| unreadable())?;
    let mut nodes = vec![first.clone()];
    for (name, value) in url.query_pairs() {
        let node = Url::parse(&format!("{scheme}://{value}")).map_err(|_| unreadable())?;
        if name != "node" || !node.has_host() {
            return Err(unreadable());
        }
        let mut other = first.clone();
        other.set_host(node.host_str()).map_err(|_| unreadable())?;
        other.set_port(node.port()).map_err(|()| unreadable())?;
        nodes.push(other);
    }
    let client = ClusterClient::builder(nodes).overall_response_timeout(Some(ONE_STEP_WITHIN)).build();
    Ok(Server::Cluster(Box::new(client.map_err(|_| unreadable())?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(url: &str) -> String {
        Connection::to(url).map_or_else(|error| error.to_string(), |_| "good".to_owned())
    }

    #[test]
    fn urls_of_every_kind_are_read_and_others_explained_without_showing_them() {
        for url in [
            "redis://127.0.0.1",
            "redis://user:hunter2@example.com:6380/3",
            "rediss://example.com",
            "redis+unix:///run/redis.sock",
        ] {
            assert_eq!(reason(url), "good", "{url}");
        }
        for url in ["", "127.0.0.1:6379", "http://example.com", "redis://h/hunter2", "redis:"] {
            assert!(reason(url).starts_with("expected redis://host:6379"), "{url}: {}", reason(url));
        }
        assert_eq!(
            reason("rediss://:hunter2@example.com/#insecure"),
            "nothing may stand behind a `#`: certificates are always checked"
        );
        let connection = Connection::to("redis://:hunter2@example.com").map(|it| format!("{it:?}"));
        assert_eq!(connection.ok().as_deref(), Some("Connection { connected: false, .. }"));
    }

    #[test]
    #[cfg(feature = "redis-cluster")]
    fn clusters_are_named_by_some_of_their_nodes() {
        let good = "redis-cluster://user:hunter2@one:7000?node=two:7001&node=[::1]:7002";
        for url in [good, "rediss-cluster://one", "redis-cluster://one?node=two"] {
            assert_eq!(reason(url), "good", "{url}");
        }
        for url in [
            "redis-cluster:",
            "redis-cluster://one?knot=two",
            "redis-cluster://one?node=",
            "redis-cluster://one/x",
        ] {
            assert_eq!(reason(url), "expected redis-cluster://host:6379?node=host:6379", "{url}");
        }
    }

    #[test]
    #[cfg(not(feature = "redis-cluster"))]
    fn clusters_want_their_feature() {
        assert_eq!(
            reason("redis-cluster://one:7000"),
            "clusters want the feature `redis-cluster` of axum-users"
        );
    }
}
