//! The Redis strategy: a random token, and a key for each session.
//!
//! Every command names one key, so that all of it works on a cluster, where two keys may be on two machines.
//!
//! | key | value | lives as long as |
//! | --- | --- | --- |
//! | `<prefix>~<hash>`, or `<prefix><token>` in clear | the user's id as text | the session |
//! | `axum_users:not_before:<prefix><user id>` | a moment, and the session that it spares | see below |
//! | `axum_users:later:<prefix>~<hash>` | the moment before that session | the session |
//!
//! Redis has no index of a user's sessions. So what ends them all is a moment, the user's *not-before*, in
//! microseconds of Redis's own clock. A session is good
//! - when its user has no not-before, which costs one look;
//! - when it is the one that the not-before spares: that of the browser in which the password was changed;
//! - when its `later` key names this very not-before: whoever logs in writes down the one that is there. This is
//!   exact: no clock is asked, and a changed lifetime does not matter;
//! - when its key is in clear, so that Python may have made it, and it began after the not-before: its beginning
//!   is Redis's time less what it has lived of its lifetime. Without a lifetime nothing tells, and it has ended.
//!
//! The not-before has to outlive every session before it. It lives 400 days, or the lifetime if that is longer;
//! for ever where sessions do.

pub(crate) mod connection;

use std::{borrow::Cow, fmt, sync::Arc};

use redis::cmd;
use subtle::ConstantTimeEq;

pub use self::connection::RedisError;
use self::connection::{Connection, in_time};
use super::{
    AccessTokensAtRest, IssueContext, Issued, Resolved, Strategy, StrategySetup,
    database::{forms_by, hashed, is_idle, stored_forms},
};
use crate::{
    Clock, Database, Random,
    error::{InternalError, error_chain},
    schema::ColumnType,
    user::{UserId, UserModel},
};

/// The least life of a not-before: as long as browsers keep a cookie at most (RFC 6265bis §5.6.2).
const NOT_BEFORE_SECONDS: u64 = 400 * 24 * 3600;

/// What Redis says of the life of a key that has no end, and of one that is not there.
const NO_END: i64 = -1;
const NO_SUCH_KEY: i64 = -2;

/// A thousand years; Redis refuses what its clock cannot count.
const MOST_SECONDS: u64 = 31_557_600_000;

/// Keeps a key for each session in Redis, with the original's layout and lifetime.
///
/// Redis makes sessions expire. Logout deletes the key, and reading does not prolong a session. While Redis is
/// down, requests with such a token are answered 503; all other backends go on, and nothing has to be restarted
/// when it is back.
///
/// ```
/// # fn main() -> Result<(), axum_users::RedisError> {
/// use axum_users::RedisTokens;
/// let week = RedisTokens::new("redis://127.0.0.1:6379")?.lasting_seconds(7 * 24 * 3600);
/// # Ok(()) }
/// ```
///
/// URLs: `redis://user:password@host:port/number`, `rediss://…` with TLS, `redis+unix:///path`, and, with the
/// feature `redis-cluster`, `redis-cluster://host:port?node=host:port` or `rediss-cluster://…`.
///
/// A clone shares the connection. Backends that share a Redis and have different lifetimes want a
/// [`key_prefix`](Self::key_prefix) each.
#[derive(Clone)]
pub struct RedisTokens {
    connection: Arc<Connection>,
    lifetime_seconds: Option<u64>,
    key_prefix: Cow<'static, str>,
    random: Random,
    at_rest: AccessTokensAtRest,
    id_type: ColumnType,
    clock: Clock,
    inactivity_seconds: Option<u64>,
}

impl fmt::Debug for RedisTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisTokens")
            .field("lifetime_seconds", &self.lifetime_seconds)
            .field("key_prefix", &self.key_prefix)
            .field("at_rest", &self.at_rest)
            .finish_non_exhaustive()
    }
}

/// A user's not-before.
struct NotBefore {
    /// Microseconds since 1970, as text.
    moment: String,
    /// The hash of the session that goes on.
    spared: Option<String>,
}

impl RedisTokens {
    /// What the original's keys begin with.
    pub const DEFAULT_KEY_PREFIX: &'static str = "fastapi_users_token:";

    /// Sessions in the Redis of this URL, good for an hour. It is connected to when it is first needed, so that
    /// an application starts whether Redis is there or not.
    ///
    /// # Errors
    /// The URL cannot be used.
    pub fn new(url: &str) -> Result<Self, RedisError> {
        Ok(Self {
            connection: Arc::new(Connection::to(url)?),
            lifetime_seconds: Some(3600),
            key_prefix: Cow::Borrowed(Self::DEFAULT_KEY_PREFIX),
            random: Random::system(),
            at_rest: AccessTokensAtRest::default(),
            id_type: ColumnType::Uuid,
            clock: Clock::system(),
            inactivity_seconds: None,
        })
    }

    /// The same, but connects at once.
    ///
    /// # Errors
    /// The URL cannot be used, or Redis does not answer within 1.5 s.
    pub async fn connect(url: &str) -> Result<Self, RedisError> {
        let tokens = Self::new(url)?;
        tokens.ping().await?;
        Ok(tokens)
    }

    /// Sessions that are good for so many seconds; 0 is for ever, as in the other strategies.
    #[must_use]
    pub fn lasting_seconds(mut self, seconds: u64) -> Self {
        self.lifetime_seconds = (seconds != 0).then_some(seconds.min(MOST_SECONDS));
        self
    }

    /// Sessions that end at logout only.
    #[must_use]
    pub fn lasting_for_ever(mut self) -> Self {
        self.lifetime_seconds = None;
        self
    }

    /// What keys begin with, in place of [`DEFAULT_KEY_PREFIX`](Self::DEFAULT_KEY_PREFIX).
    #[must_use]
    pub fn key_prefix(mut self, prefix: impl Into<Cow<'static, str>>) -> Self {
        self.key_prefix = prefix.into();
        self
    }

    /// Whether Redis answers.
    ///
    /// # Errors
    /// It does not within 1.5 s.
    pub async fn ping(&self) -> Result<(), RedisError> {
        in_time(self.connection.send(&cmd("PING"))).await
    }

    fn session_key(&self, form: &str) -> String {
        format!("{}{form}", self.key_prefix)
    }

    fn later_key(&self, hash: &str) -> String {
        format!("axum_users:later:{}{hash}", self.key_prefix)
    }

    fn not_before_key(&self, user_id: &str) -> String {
        format!("axum_users:not_before:{}{user_id}", self.key_prefix)
    }

    async fn get(&self, key: &str) -> Result<Option<String>, RedisError> {
        let bytes: Option<Vec<u8>> = self.connection.send(cmd("GET").arg(key)).await?;
        Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// Value and lifetime in one command, so that no key stays without its end.
    async fn set(&self, key: &str, value: &str, seconds: Option<u64>) -> Result<(), RedisError> {
        let mut command = cmd("SET");
        command.arg(key).arg(value);
        if let Some(seconds) = seconds {
            command.arg("EX").arg(seconds);
        }
        self.connection.send(&command).await
    }

    /// How many keys were deleted: one or none.
    async fn delete(&self, key: &str) -> Result<u64, RedisError> {
        self.connection.send(cmd("DEL").arg(key)).await
    }

    /// What is left of a key's life in milliseconds; [`NO_END`] or [`NO_SUCH_KEY`].
    async fn remaining_milliseconds(&self, key: &str) -> Result<i64, RedisError> {
        self.connection.send(cmd("PTTL").arg(key)).await
    }

    /// Redis's clock in microseconds since 1970.
    async fn now(&self) -> Result<i64, RedisError> {
        let (seconds, microseconds): (i64, i64) = self.connection.send(&cmd("TIME")).await?;
        Ok(seconds.saturating_mul(1_000_000).saturating_add(microseconds))
    }

    async fn not_before(&self, user_id: &str) -> Result<Option<NotBefore>, RedisError> {
        let text = self.get(&self.not_before_key(user_id)).await?;
        Ok(text.map(|text| match text.split_once(' ') {
            Some((moment, spared)) => {
                NotBefore { moment: moment.to_owned(), spared: Some(spared.to_owned()) }
            }
            None => NotBefore { moment: text, spared: None },
        }))
    }

    async fn begin(&self, token: &str, user_id: &str) -> Result<(), RedisError> {
        let hash = hashed(token);
        if let Some(NotBefore { moment, .. }) = self.not_before(user_id).await? {
            self.set(&self.later_key(&hash), &moment, self.lifetime_seconds).await?;
        }
        let form = match self.at_rest {
            AccessTokensAtRest::Hashed => &hash,
            AccessTokensAtRest::Clear => token,
        };
        self.set(&self.session_key(form), user_id, self.lifetime_seconds).await
    }

    /// Whose session it is.
    async fn find<Id: UserId>(&self, token: &str) -> Result<Option<Id>, RedisError> {
        let Some([hash, clear]) = stored_forms(token) else { return Ok(None) };
        let Some((user_id, is_clear)) = self.look_up(&hash, &clear).await? else { return Ok(None) };
        let Some(id) = Id::parse(&user_id, self.id_type) else { return Ok(None) };
        // As we write it, however it is written there.
        let user_id = id.to_string();
        let not_before = self.not_before(&user_id).await?;
        if let Some(not_before) = &not_before {
            let clear_key = is_clear.then(|| self.session_key(&clear));
            if !self.is_later(&hash, clear_key.as_deref(), not_before).await? {
                return Ok(None);
            }
        }
        let goes_on = !is_clear
            || self.at_rest == AccessTokensAtRest::Clear
            || match self.rewrite(&hash, &clear, &user_id, not_before.as_ref()).await {
                Ok(goes_on) => goes_on,
                Err(error) => {
                    tracing::warn!(cause = %error_chain(&error), "a session stays in clear in Redis");
                    true
                }
            };
        Ok(goes_on.then_some(id))
    }

    /// The value of a session's key, and whether that key is in clear.
    async fn look_up(&self, hash: &str, clear: &str) -> Result<Option<(String, bool)>, RedisError> {
        let forms: &[&str] = match self.at_rest {
            // The hash once more, since another request may be hashing the key right now.
            AccessTokensAtRest::Hashed => &[hash, clear, hash],
            AccessTokensAtRest::Clear => &[clear, hash],
        };
        for form in forms {
            if let Some(user_id) = self.get(&self.session_key(form)).await? {
                return Ok(Some((user_id, *form == clear)));
            }
        }
        Ok(None)
    }

    /// Whether a session goes on although its user has a not-before. `clear_key` is its key, if in clear.
    async fn is_later(
        &self,
        hash: &str,
        clear_key: Option<&str>,
        not_before: &NotBefore,
    ) -> Result<bool, RedisError> {
        let NotBefore { moment, spared } = not_before;
        if spared.as_ref().is_some_and(|spared| spared.as_bytes().ct_eq(hash.as_bytes()).into())
            || self.get(&self.later_key(hash)).await?.as_ref() == Some(moment)
        {
            return Ok(true);
        }
        let (Some(key), Some(lifetime), Ok(moment)) =
            (clear_key, self.lifetime_seconds, moment.parse::<i64>())
        else {
            return Ok(false);
        };
        // In this order what passes between the two makes the session look older, never younger.
        let now = self.now().await?;
        let remaining = self.remaining_milliseconds(key).await?;
        if remaining == NO_SUCH_KEY {
            // Another request has just hashed it, and has found it good.
            return Ok(self.get(&self.later_key(hash)).await? == Some(moment.to_string()));
        }
        let lived =
            i64::try_from(lifetime).unwrap_or(i64::MAX).saturating_mul(1000).saturating_sub(remaining);
        // One that has more than a lifetime left was made with another, so that its beginning is unknown.
        Ok(remaining >= 0 && lived >= 0 && now.saturating_sub(lived.saturating_mul(1000)) > moment)
    }

    /// Stores a session that Python wrote in clear as a hash, with the life that it has left. False when it ended
    /// meanwhile.
    ///
    /// Two keys cannot be changed at once on a cluster. So the hash comes first, and who deletes the key in clear
    /// decides: when somebody else has, the hash goes too.
    async fn rewrite(
        &self,
        hash: &str,
        clear: &str,
        user_id: &str,
        not_before: Option<&NotBefore>,
    ) -> Result<bool, RedisError> {
        let (key, clear_key) = (self.session_key(hash), self.session_key(clear));
        let remaining = self.remaining_milliseconds(&clear_key).await?;
        if remaining == NO_SUCH_KEY {
            return Ok(self.get(&key).await?.is_some());
        }
        let copy = |key: &str, value: &str| {
            let mut command = cmd("SET");
            command.arg(key).arg(value).arg("NX");
            if remaining >= 0 {
                command.arg("PX").arg(remaining.max(1));
            }
            command
        };
        if let Some(NotBefore { moment, .. }) = not_before {
            let _: Option<String> = self.connection.send(&copy(&self.later_key(hash), moment)).await?;
        }
        let written: Option<String> = self.connection.send(&copy(&key, user_id)).await?;
        if written.is_none() {
            // Another request is doing the same.
            return Ok(true);
        }
        if self.delete(&clear_key).await? == 0 {
            self.delete(&key).await?;
            return Ok(false);
        }
        Ok(true)
    }

    async fn end(&self, token: &str) -> Result<(), RedisError> {
        let Some([hash, clear]) = stored_forms(token) else { return Ok(()) };
        for key in [self.session_key(&clear), self.session_key(&hash), self.later_key(&hash)] {
            self.delete(&key).await?;
        }
        Ok(())
    }

    /// Ends a session by the form in which it is stored.
    async fn end_stored(&self, form: &str) -> Result<(), RedisError> {
        self.delete(&self.session_key(form)).await?;
        let hash = if form.starts_with('~') { form.to_owned() } else { hashed(form) };
        self.delete(&self.session_key(&hash)).await?;
        self.delete(&self.later_key(&hash)).await?;
        Ok(())
    }

    async fn end_all(&self, user_id: &str, except: Option<&str>) -> Result<(), RedisError> {
        let key = self.not_before_key(user_id);
        let mut value = self.now().await?.to_string();
        if let Some([hash, _]) = except.and_then(stored_forms) {
            value = format!("{value} {hash}");
        }
        // Where another backend with this prefix keeps sessions for ever, the not-before stays for ever too.
        let for_ever = self.remaining_milliseconds(&key).await? == NO_END;
        let seconds = self.lifetime_seconds.filter(|_| !for_ever);
        self.set(&key, &value, seconds.map(|seconds| seconds.max(NOT_BEFORE_SECONDS))).await
    }
}

impl<U: UserModel> Strategy<U> for RedisTokens {
    fn configure(&mut self, setup: &StrategySetup) -> Result<(), Cow<'static, str>> {
        self.random = setup.random.clone();
        self.at_rest = setup.access_tokens_at_rest;
        self.id_type = setup.schema.id_type();
        self.clock = setup.clock.clone();
        self.inactivity_seconds = setup.inactivity_seconds;
        Ok(())
    }

    async fn issue(&self, context: IssueContext<'_, U>) -> Result<Issued, InternalError> {
        let token = context.token.map_or_else(|| self.random.token(), str::to_owned);
        in_time(self.begin(&token, &context.user.id().to_string())).await?;
        Ok(Issued::new(token, self.lifetime_seconds))
    }

    async fn resolve(
        &self,
        token: &str,
        database: &Database<U>,
    ) -> Result<Option<Resolved<U>>, InternalError> {
        let Some(id) = in_time(self.find(token)).await? else { return Ok(None) };
        if let (Some(_), Some(forms)) = (self.inactivity_seconds, stored_forms(token)) {
            // When it began Redis does not say: one of which nothing is known begins to count at its first use.
            let last_used_at = database.session_last_used(&forms).await?;
            if last_used_at.is_some_and(|at| is_idle(self.inactivity_seconds, at, self.clock.now())) {
                database.delete_session_by_token(&forms).await?;
                in_time(self.end(token)).await?;
                return Ok(None);
            }
        }
        Ok(Some(Resolved::id(id)))
    }

    async fn revoke(&self, token: &str, _: &Database<U>) -> Result<(), InternalError> {
        Ok(in_time(self.end(token)).await?)
    }

    fn stored_forms(&self, token: &str) -> Option<Vec<String>> {
        forms_by(self.at_rest, token)
    }

    async fn revoke_stored(&self, form: &str, _: &Database<U>) -> Result<(), InternalError> {
        Ok(in_time(self.end_stored(form)).await?)
    }

    fn keeps_sessions(&self) -> bool {
        true
    }

    async fn revoke_all(
        &self,
        user_id: &U::Id,
        except: Option<&str>,
        _: &Database<U>,
    ) -> Result<(), InternalError> {
        Ok(in_time(self.end_all(&user_id.to_string(), except)).await?)
    }
}
