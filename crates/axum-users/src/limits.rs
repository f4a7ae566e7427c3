//! Limits on what strangers may try: guesses of passwords and tokens, registrations, mails.
//!
//! Each limit is a bucket of so many tries that fills up again over a period. A try takes its place before the
//! work is done, so that many at the same instant cannot outrun the count; a success gives it back. Nobody can
//! lock somebody else out: guesses are counted for each account and address together, and where the guesses of
//! many addresses empty an account's bucket, an address from which its owner came in before still gets in. The same
//! holds for mails.
//!
//! One process counts in its memory. Several count in a [`LimitStore`]: Redis, or the database. While that fails, each
//! counts in its memory again.

mod buckets;
mod clock;
mod count;
mod key;
mod limiter;
#[cfg(feature = "redis")]
mod redis;
mod store;

use std::time::Duration;

#[cfg(feature = "redis")]
pub use self::redis::RedisLimits;
pub use self::{count::LimitCount, store::LimitStore};
pub(crate) use self::{
    limiter::{Limiter, Mail, Try},
    store::ErasedLimitStore,
};

/// So many tries in a period. They come back one by one, evenly over the period.
///
/// ```
/// use axum_users::{Limit, Limits};
///
/// let limits = Limits { login_per_address: Limit::new(50, 900), ..Limits::default() };
/// # let _ = limits;
/// ```
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
    /// The same over a long time, so that whoever goes on guessing waits longer and longer.
    pub login_per_account_and_address_daily: Limit,
    /// Wrong passwords for one account, from wherever its owner did not come in before.
    pub login_per_account: Limit,
    /// Wrong passwords from one address, for whichever account.
    pub login_per_address: Limit,
    /// Registrations from one address.
    pub register_per_address: Limit,
    /// Reset mails to one e-mail address, and as many verification mails. An address from which the account's owner
    /// came in before has as many of its own.
    pub mail_per_account: Limit,
    /// Reset and verification mails asked for from one address.
    pub mail_per_address: Limit,
    /// Bad reset, verification and refresh tokens from one address.
    pub token_per_address: Limit,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            login_per_account_and_address: Limit::new(20, 900),
            login_per_account_and_address_daily: Limit::new(90, 24 * 3600),
            login_per_account: Limit::new(100, 3600),
            login_per_address: Limit::new(100, 900),
            register_per_address: Limit::new(60, 3600),
            mail_per_account: Limit::new(4, 3600),
            mail_per_address: Limit::new(60, 3600),
            token_per_address: Limit::new(50, 900),
        }
    }
}

#[cfg(test)]
mod tests;
