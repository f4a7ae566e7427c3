//! Limits on what strangers may try: guesses of passwords and tokens, registrations, mails.
//!
//! Each limit is a bucket of so many tries that fills up again over a period. A try takes its place before the
//! work is done, so that many at the same instant cannot outrun the count; a success gives it back. Nobody can
//! lock somebody else out: guesses are counted for each account and address together, and where the guesses of
//! many addresses empty an account's bucket, an address from which its owner came in before still gets in.

mod buckets;

use std::{fmt, net::IpAddr, time::Duration};

pub(crate) use self::buckets::Buckets;
use crate::{Clock, error::ApiError};

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

/// The limits of the routers. They hold for one process; addresses are the peers' own, IPv6 by /64.
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

/// Counts tries.
pub(crate) struct Limiter {
    limits: Limits,
    buckets: Buckets,
    clock: Clock,
}

impl fmt::Debug for Limiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Limiter").field("limits", &self.limits).finish_non_exhaustive()
    }
}

/// The places that a try has taken, to be given back when it succeeds.
#[derive(Debug)]
pub(crate) struct Try(Vec<Key>);

impl Limiter {
    pub(crate) fn new(limits: Limits, clock: Clock) -> Self {
        Self { limits, buckets: Buckets::new(), clock }
    }

    /// A login is about to be judged.
    pub(crate) fn login(&self, account: &str, address: Option<IpAddr>) -> Result<Try, ApiError> {
        let account = digest(account);
        let limits = &self.limits;
        let mut wanted = Vec::with_capacity(3);
        if address.is_some() {
            wanted.push((Kind::LoginByAddress, 0, address, limits.login_per_address));
            wanted.push((
                Kind::LoginByAccountAndAddress,
                account,
                address,
                limits.login_per_account_and_address,
            ));
        }
        if !self.buckets.is_known(&key(Kind::KnownAddress, account, address)) {
            wanted.push((Kind::LoginByAccount, account, None, limits.login_per_account));
        }
        self.take(&wanted)
    }

    /// A login was right.
    pub(crate) fn login_succeeded(&self, account: &str, address: Option<IpAddr>, taken: &Try) {
        self.succeeded(taken);
        if address.is_some() {
            self.buckets
                .remember(key(Kind::KnownAddress, digest(account), address), self.clock.unix_seconds());
        }
    }

    /// A registration is about to be made.
    pub(crate) fn register(&self, address: Option<IpAddr>) -> Result<Try, ApiError> {
        self.by_address(Kind::RegisterByAddress, address, self.limits.register_per_address)
    }

    /// A mail is asked for.
    pub(crate) fn mail(&self, account: &str, address: Option<IpAddr>) -> Result<Try, ApiError> {
        let mut wanted = vec![(Kind::MailByAccount, digest(account), None, self.limits.mail_per_account)];
        if address.is_some() {
            wanted.push((Kind::MailByAddress, 0, address, self.limits.mail_per_address));
        }
        self.take(&wanted)
    }

    /// A mail is about to tell somebody of a change of the account.
    pub(crate) fn notice(&self, account: &str) -> Result<Try, ApiError> {
        self.take(&[(Kind::NoticeByAccount, digest(account), None, self.limits.mail_per_account)])
    }

    /// A mailed token is about to be read.
    pub(crate) fn token(&self, address: Option<IpAddr>) -> Result<Try, ApiError> {
        self.by_address(Kind::TokenByAddress, address, self.limits.token_per_address)
    }

    /// A try succeeded: its places are free again.
    pub(crate) fn succeeded(&self, taken: &Try) {
        for key in &taken.0 {
            self.buckets.give_back(key);
        }
    }

    fn by_address(&self, kind: Kind, address: Option<IpAddr>, limit: Limit) -> Result<Try, ApiError> {
        match address {
            Some(_) => self.take(&[(kind, 0, address, limit)]),
            None => Ok(Try(Vec::new())),
        }
    }

    /// Takes a place in every bucket, or in none.
    fn take(&self, wanted: &[(Kind, u64, Option<IpAddr>, Limit)]) -> Result<Try, ApiError> {
        let now = self.clock.now();
        let mut taken = Try(Vec::with_capacity(wanted.len()));
        for &(kind, account, address, limit) in wanted {
            let key = key(kind, account, address);
            match self.buckets.take(key, limit, now) {
                Ok(()) => taken.0.push(key),
                Err(wait) => {
                    self.succeeded(&taken);
                    tracing::warn!(limit = ?kind, "answered 429");
                    return Err(ApiError::TooManyRequests { retry_after: wait });
                }
            }
        }
        Ok(taken)
    }
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
mod tests {
    use super::*;

    fn limiter() -> (Limiter, Clock) {
        let clock = Clock::stopped_at_unix_seconds(1_800_000_000);
        (Limiter::new(Limits::default(), clock.clone()), clock)
    }

    fn address(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    /// How many of `count` tries are let through.
    fn judged(count: usize, mut attempt: impl FnMut(usize) -> Result<Try, ApiError>) -> usize {
        (0..count).filter(|&index| attempt(index).is_ok()).count()
    }

    #[test]
    fn li_01_guesses_on_one_account_from_one_address_end_before_the_hundredth() {
        let (limiter, clock) = limiter();
        let here = address("192.0.2.1");
        assert_eq!(judged(100, |_| limiter.login("ada@example.com", here)), 20);
        let Err(ApiError::TooManyRequests { retry_after }) = limiter.login("ADA@example.com", here) else {
            panic!("a guess was let through");
        };
        assert_eq!(retry_after, 45);
        clock.advance_seconds(45);
        assert!(limiter.login("ada@example.com", here).is_ok());
    }

    #[test]
    fn li_03_guesses_from_many_addresses_end_too() {
        let (limiter, _) = limiter();
        let from = |index: usize| address(&format!("192.0.2.{}", index % 40));
        assert_eq!(judged(120, |index| limiter.login("ada@example.com", from(index))), 100);
    }

    #[test]
    fn li_04_many_accounts_from_one_address_end_too() {
        let (limiter, _) = limiter();
        let here = address("192.0.2.1");
        assert_eq!(judged(150, |index| limiter.login(&format!("user{index}@example.com"), here)), 100);
    }

    #[test]
    fn li_05_a_stranger_does_not_lock_the_owner_out() {
        let (limiter, _) = limiter();
        judged(60, |_| limiter.login("ada@example.com", address("192.0.2.1")));
        assert!(limiter.login("ada@example.com", address("198.51.100.1")).is_ok());
    }

    #[test]
    fn li_05_many_strangers_do_not_lock_out_an_owner_who_came_in_from_there_before() {
        let (limiter, _) = limiter();
        let home = address("198.51.100.1");
        let taken = limiter.login("ada@example.com", home).unwrap();
        limiter.login_succeeded("ada@example.com", home, &taken);
        judged(500, |index| limiter.login("ada@example.com", address(&format!("192.0.2.{}", index % 250))));
        assert!(limiter.login("ada@example.com", home).is_ok());
        assert!(limiter.login("ada@example.com", address("203.0.113.1")).is_err());
    }

    #[test]
    fn right_passwords_use_nothing_up() {
        let (limiter, _) = limiter();
        let here = address("192.0.2.1");
        for _ in 0..1000 {
            let taken = limiter.login("ada@example.com", here).unwrap();
            limiter.login_succeeded("ada@example.com", here, &taken);
        }
    }

    #[test]
    fn li_06_mails_to_one_account_are_few() {
        let (limiter, _) = limiter();
        let from = |index: usize| address(&format!("192.0.2.{index}"));
        assert_eq!(judged(40, |index| limiter.mail("ada@example.com", from(index))), 5);
    }

    #[test]
    fn li_07_registrations_from_one_address_end() {
        let (limiter, _) = limiter();
        assert_eq!(judged(120, |_| limiter.register(address("192.0.2.1"))), 60);
    }

    #[test]
    fn li_09_bad_tokens_from_one_address_end() {
        let (limiter, _) = limiter();
        assert_eq!(judged(200, |_| limiter.token(address("192.0.2.1"))), 50);
    }

    #[test]
    fn li_21_a_network_of_ipv6_and_other_spellings_count_together() {
        let (limiter, _) = limiter();
        let from = |index: usize| address(&format!("2001:db8:0:1::{index:x}"));
        assert_eq!(judged(200, |index| limiter.token(from(index))), 50);
        assert!(limiter.token(address("2001:db8:0:2::1")).is_ok());
        assert_eq!(judged(50, |_| limiter.token(address("192.0.2.7"))), 50);
        assert!(limiter.token(address("::ffff:192.0.2.7")).is_err());
    }

    #[test]
    fn a_try_that_one_limit_refuses_takes_no_place_in_another() {
        let (limiter, _) = limiter();
        let here = address("192.0.2.1");
        judged(100, |_| limiter.login("ada@example.com", here));
        // 20 of the address's 100 places are taken, and no more.
        assert_eq!(judged(150, |index| limiter.login(&format!("user{index}@example.com"), here)), 80);
    }
}
