//! Limits on what strangers may try: guesses of passwords and tokens, registrations, mails.
//!
//! Each limit is a bucket of so many tries that fills up again over a period. A try takes its place before the
//! work is done, so that many at the same instant cannot outrun the count; a success gives it back. Nobody can
//! lock somebody else out: guesses are counted for each account and address together, and where the guesses of
//! many addresses empty an account's bucket, an address from which its owner came in before still gets in.
//!
//! One process counts in its memory. Several count in a [`LimitStore`]: Redis, or the database. While that fails, each
//! counts in its memory again.

mod buckets;
#[cfg(feature = "redis")]
mod redis;
mod store;

use std::{fmt, net::IpAddr, time::Duration};

#[cfg(feature = "redis")]
pub use self::redis::RedisLimits;
use self::store::Outage;
pub use self::store::{LimitCount, LimitStore};
pub(crate) use self::{buckets::Buckets, store::ErasedLimitStore};
use crate::{
    Clock,
    error::{ApiError, BoxError},
    schema::Timestamp,
};

/// So many tries in a period. They come back one by one, evenly over the period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// How many tries there are at once.
    pub tries: u32,
    /// In how much time an empty bucket is full again.
    pub period: Duration,
}

impl Limit {
    /// So many tries in so many seconds.
    #[must_use]
    pub const fn new(tries: u32, period_seconds: u64) -> Self {
        Self { tries, period: Duration::from_secs(period_seconds) }
    }
}

/// The limits of the routers. They hold for one process, or for all that share a [`LimitStore`]; addresses are the
/// peers' own, IPv6 by /64.
///
/// ```
/// use axum_users::{Limit, Limits};
/// let limits = Limits { login_per_address: Limit::new(1000, 900), ..Limits::default() };
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Wrong passwords for one account from one address.
    pub login_per_account_and_address: Limit,
    /// Wrong passwords for one account, from wherever.
    pub login_per_account: Limit,
    /// Wrong passwords from one address, for whichever account.
    pub login_per_address: Limit,
    /// Registrations from one address.
    pub register_per_address: Limit,
    /// Reset and verification mails to one e-mail address.
    pub mail_per_account: Limit,
    /// Reset and verification mails asked for from one address.
    pub mail_per_address: Limit,
    /// Bad reset and verification tokens from one address.
    pub token_per_address: Limit,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            login_per_account_and_address: Limit::new(20, 900),
            login_per_account: Limit::new(100, 3600),
            login_per_address: Limit::new(100, 900),
            register_per_address: Limit::new(60, 3600),
            mail_per_account: Limit::new(5, 3600),
            mail_per_address: Limit::new(60, 3600),
            token_per_address: Limit::new(50, 900),
        }
    }
}

/// What a try is about; with whose it is, the key of a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    LoginByAccountAndAddress,
    LoginByAccount,
    LoginByAddress,
    RegisterByAddress,
    MailByAccount,
    MailByAddress,
    NoticeByAccount,
    TokenByAddress,
    /// Not a limit: the owner of an account came in from an address.
    KnownAddress,
}

/// Whose bucket it is. Accounts are kept as a digest: a bucket needs no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    kind: Kind,
    account: u64,
    address: Option<IpAddr>,
}

impl Kind {
    /// What shared counts call it: the same in every version.
    fn name(self) -> &'static str {
        match self {
            Self::LoginByAccountAndAddress => "login-account-address",
            Self::LoginByAccount => "login-account",
            Self::LoginByAddress => "login-address",
            Self::RegisterByAddress => "register-address",
            Self::MailByAccount => "mail-account",
            Self::MailByAddress => "mail-address",
            Self::NoticeByAccount => "notice-account",
            Self::TokenByAddress => "token-address",
            Self::KnownAddress => "known-address",
        }
    }
}

impl Key {
    /// What shared counts call it.
    fn name(&self) -> String {
        let Self { kind, account, address } = self;
        let address = address.map_or_else(String::new, |address| address.to_string());
        format!("{}:{account:016x}:{address}", kind.name())
    }
}

/// How long a shared count remembers from where an account's owner came in.
const KNOWN_FOR: Duration = Duration::from_secs(90 * 24 * 3600);

/// Counts tries.
pub(crate) struct Limiter {
    limits: Limits,
    buckets: Buckets,
    clock: Clock,
    shared: Option<Shared>,
}

/// The place that several processes share, and whether it answers.
struct Shared {
    store: Box<dyn ErasedLimitStore>,
    outage: Outage,
}

impl fmt::Debug for Limiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Limiter").field("limits", &self.limits).finish_non_exhaustive()
    }
}

/// The places that a try has taken, to be given back when it succeeds.
#[derive(Debug)]
pub(crate) struct Try {
    taken: Vec<(Key, Limit)>,
    is_shared: bool,
}

/// A place that a try wants.
type Wanted = (Key, Limit);

impl Limiter {
    pub(crate) fn new(limits: Limits, clock: Clock) -> Self {
        Self { limits, buckets: Buckets::new(), clock, shared: None }
    }

    /// Counts together with other processes.
    pub(crate) fn shared_by(mut self, store: Option<Box<dyn ErasedLimitStore>>) -> Self {
        self.shared = store.map(|store| Shared { store, outage: Outage::default() });
        self
    }

    /// A login is about to be judged.
    pub(crate) async fn login(&self, account: &str, address: Option<IpAddr>) -> Result<Try, ApiError> {
        let account = digest(account);
        let limits = &self.limits;
        let mut wanted = Vec::with_capacity(3);
        if address.is_some() {
            wanted.push((key(Kind::LoginByAddress, 0, address), limits.login_per_address));
            let both = key(Kind::LoginByAccountAndAddress, account, address);
            wanted.push((both, limits.login_per_account_and_address));
        }
        if !self.is_known(&key(Kind::KnownAddress, account, address)).await {
            wanted.push((key(Kind::LoginByAccount, account, None), limits.login_per_account));
        }
        self.take(wanted).await
    }

    /// A login was right.
    pub(crate) async fn login_succeeded(&self, account: &str, address: Option<IpAddr>, taken: &Try) {
        self.succeeded(taken).await;
        if address.is_some() {
            self.remember(key(Kind::KnownAddress, digest(account), address)).await;
        }
    }

    /// A registration is about to be made.
    pub(crate) async fn register(&self, address: Option<IpAddr>) -> Result<Try, ApiError> {
        self.by_address(Kind::RegisterByAddress, address, self.limits.register_per_address).await
    }

    /// A mail is asked for.
    pub(crate) async fn mail(&self, account: &str, address: Option<IpAddr>) -> Result<Try, ApiError> {
        let mut wanted =
            vec![(key(Kind::MailByAccount, digest(account), None), self.limits.mail_per_account)];
        if address.is_some() {
            wanted.push((key(Kind::MailByAddress, 0, address), self.limits.mail_per_address));
        }
        self.take(wanted).await
    }

    /// A mail is about to tell somebody of a change of the account.
    pub(crate) async fn notice(&self, account: &str) -> Result<Try, ApiError> {
        let key = key(Kind::NoticeByAccount, digest(account), None);
        self.take(vec![(key, self.limits.mail_per_account)]).await
    }

    /// A mailed token is about to be read.
    pub(crate) async fn token(&self, address: Option<IpAddr>) -> Result<Try, ApiError> {
        self.by_address(Kind::TokenByAddress, address, self.limits.token_per_address).await
    }

    /// A try succeeded: its places are free again.
    pub(crate) async fn succeeded(&self, tried: &Try) {
        match &self.shared {
            Some(shared) if tried.is_shared => {
                let now = microseconds(self.clock.now());
                for (key, limit) in &tried.taken {
                    if let Err(error) = shared.store.give_back(&count(&key.name(), *limit, now)).await {
                        // What was not given back comes back by itself.
                        return shared.outage.failed(&error);
                    }
                }
            }
            _ => tried.taken.iter().for_each(|(key, _)| self.buckets.give_back(key)),
        }
    }

    async fn by_address(&self, kind: Kind, address: Option<IpAddr>, limit: Limit) -> Result<Try, ApiError> {
        match address {
            Some(_) => self.take(vec![(key(kind, 0, address), limit)]).await,
            None => Ok(Try { taken: Vec::new(), is_shared: false }),
        }
    }

    /// Whether the owner of an account came in from an address before.
    async fn is_known(&self, key: &Key) -> bool {
        if key.address.is_none() {
            return false;
        }
        if let Some(shared) = self.shared.as_ref().filter(|shared| shared.outage.may_ask()) {
            match shared.store.holds(&key.name(), microseconds(self.clock.now())).await {
                Ok(holds) => {
                    shared.outage.answered();
                    return holds;
                }
                Err(error) => shared.outage.failed(&error),
            }
        }
        self.buckets.is_known(key)
    }

    async fn remember(&self, key: Key) {
        // Here too: so nobody is a stranger while the shared place fails.
        self.buckets.remember(key, self.clock.unix_seconds());
        if let Some(shared) = self.shared.as_ref().filter(|shared| shared.outage.may_ask()) {
            let now = self.clock.now();
            let until = now.saturating_add(KNOWN_FOR.try_into().unwrap_or(time::Duration::ZERO));
            let noted = shared.store.note(&key.name(), microseconds(now), microseconds(until)).await;
            if let Err(error) = noted {
                shared.outage.failed(&error);
            }
        }
    }

    /// Takes a place in every bucket, or in none.
    async fn take(&self, wanted: Vec<Wanted>) -> Result<Try, ApiError> {
        if let Some(shared) = self.shared.as_ref().filter(|shared| shared.outage.may_ask()) {
            match self.take_shared(shared, &wanted).await {
                Ok(done) => {
                    shared.outage.answered();
                    return done;
                }
                Err(error) => shared.outage.failed(&error),
            }
        }
        let mut tried = Try { taken: Vec::with_capacity(wanted.len()), is_shared: false };
        let now = microseconds(self.clock.now());
        for (key, limit) in wanted {
            match self.buckets.take(key, &count("", limit, now)) {
                Ok(()) => tried.taken.push((key, limit)),
                Err(wait) => {
                    self.succeeded(&tried).await;
                    return Err(refused(key, wait));
                }
            }
        }
        Ok(tried)
    }

    async fn take_shared(
        &self,
        shared: &Shared,
        wanted: &[Wanted],
    ) -> Result<Result<Try, ApiError>, BoxError> {
        let now = microseconds(self.clock.now());
        let mut tried = Try { taken: Vec::with_capacity(wanted.len()), is_shared: true };
        for &(key, limit) in wanted {
            let name = key.name();
            match shared.store.take(&count(&name, limit, now)).await? {
                None => tried.taken.push((key, limit)),
                Some(wait) => {
                    self.succeeded(&tried).await;
                    return Ok(Err(refused(key, seconds(wait))));
                }
            }
        }
        Ok(Ok(tried))
    }
}

fn refused(key: Key, retry_after: u64) -> ApiError {
    tracing::warn!(limit = ?key.kind, "answered 429");
    ApiError::TooManyRequests { retry_after }
}

/// A limit as shared counts see it.
fn count(name: &str, limit: Limit, now: i64) -> LimitCount<'_> {
    let period = i64::try_from(limit.period.as_micros()).unwrap_or(i64::MAX / 4).max(1);
    let step = (period / i64::from(limit.tries.max(1))).max(1);
    LimitCount::new(name, step, period, now)
}

/// Microseconds as whole seconds, rounded up.
fn seconds(microseconds: i64) -> u64 {
    microseconds.max(1).unsigned_abs().div_ceil(1_000_000)
}

/// A moment in microseconds since 1970.
fn microseconds(at: Timestamp) -> i64 {
    i64::try_from(at.unix_timestamp_nanos() / 1_000).unwrap_or(i64::MAX / 4)
}

fn key(kind: Kind, account: u64, address: Option<IpAddr>) -> Key {
    Key { kind, account, address: address.map(network) }
}

/// An address as it counts: an IPv6 customer has a whole /64, and an IPv4 address may be spelled as IPv6.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6((u128::from(address) & !u128::from(u64::MAX)).into()),
    }
}

/// Accounts are told apart as look-ups by e-mail do: ASCII case does not count.
fn digest(account: &str) -> u64 {
    use sha2::{Digest, Sha256};
    let digest = Sha256::digest(account.trim().to_ascii_lowercase().as_bytes());
    digest.first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes))
}

#[cfg(test)]
mod tests;
