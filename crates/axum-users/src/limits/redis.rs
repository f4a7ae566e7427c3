//! Limits that several processes share by Redis.

use std::{borrow::Cow, fmt, sync::Arc};

use redis::cmd;

use super::{LimitCount, LimitStore};
use crate::{
    auth::redis::connection::{Connection, RedisError, in_time},
    error::BoxError,
};

/// Takes a try, as `LimitCount::take` says. The key holds the moment at which all tries are there again, and expires
/// then.
const TAKE: &str = "\
local step, latest, farthest, now = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local full = tonumber(redis.call('GET', KEYS[1]) or '0') or 0
if full < now or full > farthest then full = now end
if full > latest then return full - latest end
full = full + step
redis.call('SET', KEYS[1], string.format('%.0f', full), 'PX', math.ceil((full - now) / 1000))
return 0";

const GIVE_BACK: &str = "\
local full = (tonumber(redis.call('GET', KEYS[1]) or '0') or 0) - tonumber(ARGV[1])
local left = full - tonumber(ARGV[2])
if left > 0 then
  redis.call('SET', KEYS[1], string.format('%.0f', full), 'PX', math.ceil(left / 1000))
else
  redis.call('DEL', KEYS[1])
end";

const HOLDS: &str = "return tonumber(redis.call('GET', KEYS[1]) or '0') > tonumber(ARGV[1]) and 1 or 0";

/// Counts tries in Redis, so that several processes have one count. Each step is one script with one key, which
/// Redis runs whole or not at all; keys expire by themselves.
///
/// ```
/// # fn main() -> Result<(), axum_users::RedisError> {
/// use axum_users::{Limits, MemoryDatabase, RedisLimits, User, Users};
/// let builder = Users::<User>::builder(MemoryDatabase::default(), "at-least-32-bytes-of-randomness-here")
///     .limits(Limits::default())
///     .limit_store(RedisLimits::new("redis://127.0.0.1:6379")?);
/// # let _ = builder;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct RedisLimits {
    connection: Arc<Connection>,
    key_prefix: Cow<'static, str>,
}

impl RedisLimits {
    /// What keys begin with.
    pub const DEFAULT_KEY_PREFIX: &'static str = "axum_users:limit:";

    /// Counts in the Redis of this URL, which has the forms that [`RedisTokens`](crate::RedisTokens) takes. It is
    /// connected to when it is first needed.
    ///
    /// # Errors
    /// The URL cannot be used.
    pub fn new(url: &str) -> Result<Self, RedisError> {
        let connection = Arc::new(Connection::to(url)?);
        Ok(Self { connection, key_prefix: Cow::Borrowed(Self::DEFAULT_KEY_PREFIX) })
    }

    /// What keys begin with, in place of [`DEFAULT_KEY_PREFIX`](Self::DEFAULT_KEY_PREFIX): for several applications
    /// on one Redis.
    #[must_use]
    pub fn key_prefix(mut self, prefix: impl Into<Cow<'static, str>>) -> Self {
        self.key_prefix = prefix.into();
        self
    }

    fn key(&self, name: &str) -> String {
        format!("{}{name}", self.key_prefix)
    }

    async fn run(&self, script: &str, name: &str, arguments: &[i64]) -> Result<Option<i64>, BoxError> {
        let mut command = cmd("EVAL");
        command.arg(script).arg(1).arg(self.key(name));
        for argument in arguments {
            command.arg(*argument);
        }
        Ok(in_time(self.connection.send(&command)).await?)
    }
}

impl fmt::Debug for RedisLimits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisLimits").field("key_prefix", &self.key_prefix).finish_non_exhaustive()
    }
}

impl LimitStore for RedisLimits {
    async fn take(&self, count: &LimitCount<'_>) -> Result<Option<i64>, BoxError> {
        let arguments = [count.step, count.latest(), count.farthest(), count.now];
        let wait = self.run(TAKE, count.name, &arguments).await?;
        Ok(wait.filter(|wait| *wait > 0))
    }

    async fn give_back(&self, counts: &[LimitCount<'_>]) -> Result<(), BoxError> {
        // One by one: in a cluster, they may be on different servers.
        for count in counts {
            self.run(GIVE_BACK, count.name, &[count.step, count.now]).await?;
        }
        Ok(())
    }

    async fn note(&self, name: &str, now: i64, until: i64) -> Result<(), BoxError> {
        let mut command = cmd("SET");
        command.arg(self.key(name)).arg(until).arg("PX").arg(((until - now) / 1000).max(1));
        in_time(self.connection.send::<()>(&command)).await?;
        Ok(())
    }

    async fn holds(&self, name: &str, now: i64) -> Result<bool, BoxError> {
        Ok(self.run(HOLDS, name, &[now]).await? == Some(1))
    }
}
