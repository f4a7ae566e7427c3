//! Which tries are counted where.

use std::{fmt, net::IpAddr};

use super::{
    LimitCount, Limits,
    buckets::Buckets,
    clock::SteadyClock,
    key::{Key, Kind, digest, key},
    store::{ErasedLimitStore, Shared},
};
use crate::{
    Clock,
    error::{ApiError, BoxError},
    limits::Limit,
};

const DAY: i64 = 24 * 3600 * 1_000_000;

/// How long a shared count remembers from where an account's owner came in, in microseconds.
const KNOWN_FOR: i64 = 90 * DAY;

/// Counts tries.
pub(crate) struct Limiter {
    limits: Limits,
    buckets: Buckets,
    clock: SteadyClock,
    /// The place that several processes share.
    shared: Option<Shared>,
}

impl fmt::Debug for Limiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Limiter").field("limits", &self.limits).finish_non_exhaustive()
    }
}

/// The places that a try has taken, to be given back when it succeeds.
#[derive(Debug, Default)]
pub(crate) struct Try {
    taken: Vec<Wanted>,
    is_shared: bool,
}

/// A place that a try wants.
type Wanted = (Key, Limit);

/// What a mail that strangers can ask for is about. Those of one kind do not use up what there is of the other.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Mail {
    Reset,
    Verification,
}

impl Limiter {
    pub(crate) fn new(limits: Limits, clock: Clock) -> Self {
        Self { limits, buckets: Buckets::default(), clock: SteadyClock::new(clock), shared: None }
    }

    /// Counts together with other processes.
    pub(crate) fn shared_by(mut self, store: Option<Box<dyn ErasedLimitStore>>) -> Self {
        self.shared = store.map(Shared::new);
        self
    }

    /// A login is about to be judged.
    pub(crate) async fn login(&self, account: &str, address: Option<IpAddr>) -> Result<Try, ApiError> {
        let account = digest(account);
        let limits = &self.limits;
        let mut wanted = Vec::with_capacity(4);
        if address.is_some() {
            let of_both = |kind| key(kind, account, address);
            wanted.extend([
                (of_both(Kind::LoginByAccountAndAddress), limits.login_per_account_and_address),
                (of_both(Kind::LoginByAccountAndAddressDaily), limits.login_per_account_and_address_daily),
                (key(Kind::LoginByAddress, 0, address), limits.login_per_address),
            ]);
        }
        if !self.is_known(account, address).await {
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
    pub(crate) async fn mail(
        &self,
        mail: Mail,
        account: &str,
        address: Option<IpAddr>,
    ) -> Result<Try, ApiError> {
        let account = digest(account);
        let kind = match mail {
            Mail::Reset => Kind::ResetMailByAccount,
            Mail::Verification => Kind::VerificationMailByAccount,
        };
        // What strangers ask for uses up nothing of what the owner may, at an address of before.
        let known = if self.is_known(account, address).await { address } else { None };
        let mut wanted = vec![(key(kind, account, known), self.limits.mail_per_account)];
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

    /// A mailed token, or a refresh token, is about to be read.
    pub(crate) async fn token(&self, address: Option<IpAddr>) -> Result<Try, ApiError> {
        self.by_address(Kind::TokenByAddress, address, self.limits.token_per_address).await
    }

    async fn by_address(&self, kind: Kind, address: Option<IpAddr>, limit: Limit) -> Result<Try, ApiError> {
        match address {
            Some(_) => self.take(vec![(key(kind, 0, address), limit)]).await,
            None => Ok(Try::default()),
        }
    }

    /// A try succeeded: its places are free again.
    pub(crate) async fn succeeded(&self, tried: &Try) {
        match &self.shared {
            Some(shared) if tried.is_shared => self.give_back_shared(shared, &tried.taken).await,
            _ => tried.taken.iter().for_each(|(key, _)| self.buckets.give_back(key)),
        }
    }

    /// What is not given back, since the shared place fails, comes back by itself.
    async fn give_back_shared(&self, shared: &Shared, taken: &[Wanted]) {
        let (names, now) = (names(taken), self.clock.now());
        let counts: Vec<_> =
            names.iter().zip(taken).map(|(name, (_, limit))| LimitCount::of(*limit, name, now)).collect();
        if !counts.is_empty() {
            let _ = shared.ask(|store| store.give_back(&counts)).await;
        }
    }

    /// Whether the owner of an account came in from an address before.
    async fn is_known(&self, account: u64, address: Option<IpAddr>) -> bool {
        if address.is_none() {
            return false;
        }
        let key = key(Kind::KnownAddress, account, address);
        if self.buckets.is_known(&key) {
            return true;
        }
        let Some(shared) = &self.shared else { return false };
        let (name, now) = (key.name(), self.clock.now());
        shared.ask(|store| store.holds(&name, now)).await.unwrap_or(false)
    }

    /// In this process too: so that nobody is a stranger while the shared place fails. That is told once a day.
    async fn remember(&self, key: Key) {
        let now = self.clock.now();
        let told = self.buckets.remember(key, now);
        let Some(shared) = &self.shared else { return };
        if told.is_none_or(|told| told < now.saturating_sub(DAY)) {
            let name = key.name();
            if shared.ask(|store| store.note(&name, now, now.saturating_add(KNOWN_FOR))).await.is_some() {
                self.buckets.was_told(&key, now);
            }
        }
    }

    /// Takes a place in every bucket, or in none.
    async fn take(&self, wanted: Vec<Wanted>) -> Result<Try, ApiError> {
        if let Some(shared) = &self.shared
            && let Some(done) = shared.ask(|_| self.take_shared(shared, &wanted)).await
        {
            return done;
        }
        let mut tried = Try { taken: Vec::with_capacity(wanted.len()), is_shared: false };
        let now = self.clock.now();
        for (key, limit) in wanted {
            match self.buckets.take(key, &LimitCount::of(limit, "", now)) {
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
        let now = self.clock.now();
        for (index, ((key, limit), name)) in wanted.iter().zip(names(wanted)).enumerate() {
            if let Some(wait) = shared.store().take(&LimitCount::of(*limit, &name, now)).await? {
                self.give_back_shared(shared, &wanted[..index]).await;
                return Ok(Err(refused(*key, wait)));
            }
        }
        Ok(Ok(Try { taken: wanted.to_vec(), is_shared: true }))
    }
}

fn names(wanted: &[Wanted]) -> Vec<String> {
    wanted.iter().map(|(key, _)| key.name()).collect()
}

/// The wait in microseconds; it is answered in whole seconds, rounded up.
fn refused(key: Key, wait: i64) -> ApiError {
    tracing::warn!(limit = ?key.kind, "answered 429");
    ApiError::TooManyRequests { retry_after: wait.max(1).unsigned_abs().div_ceil(1_000_000) }
}
