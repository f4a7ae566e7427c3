//! `[limits]` and `[http] trusted_origins`: what strangers may try, and which pages may act for a user.

use std::time::Duration;

use axum_users::{Limits, RedisLimits};
use url::Url;

use super::section::Section;

/// `[limits]`: how many guesses, registrations, mails and tokens are let through.
#[derive(Clone, Debug)]
pub struct LimitsConfig {
    /// Whether there are limits.
    pub enabled: bool,
    /// Where tries are counted.
    pub place: LimitPlace,
    /// How many proxies stand in front, each of which adds an address to `X-Forwarded-For`.
    pub trusted_proxies: usize,
    /// The limits themselves.
    pub limits: Limits,
}

/// Where tries are counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LimitPlace {
    /// In this process's memory.
    Memory,
    /// In the Redis of `[redis]`, with all processes that use it with the same prefix of keys.
    Redis {
        /// What keys begin with.
        key_prefix: String,
    },
    /// In the database, with all processes that use it.
    Database,
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self { enabled: true, place: LimitPlace::Memory, trusted_proxies: 0, limits: Limits::default() }
    }
}

/// Shared by Redis where there is one, unless told otherwise.
pub(super) fn read(mut section: Section<'_>, has_redis: bool) -> LimitsConfig {
    let default = LimitsConfig::default();
    let enabled = section.boolean("enabled").unwrap_or(default.enabled);
    let place = read_place(&mut section, has_redis);
    let trusted_proxies = section.small_integer("trusted_proxies", 0..=100).unwrap_or(0);
    let mut limits = default.limits;
    for (key, limit) in [
        ("login_per_account_and_address", &mut limits.login_per_account_and_address),
        ("login_per_account_and_address_daily", &mut limits.login_per_account_and_address_daily),
        ("login_per_account", &mut limits.login_per_account),
        ("login_per_address", &mut limits.login_per_address),
        ("register_per_address", &mut limits.register_per_address),
        ("mail_per_account", &mut limits.mail_per_account),
        ("mail_per_address", &mut limits.mail_per_address),
        ("token_per_address", &mut limits.token_per_address),
    ] {
        let mut table = section.section(key);
        if let Some(tries) = table.small_integer("tries", 1..=1_000_000) {
            limit.tries = tries;
        }
        if let Some(seconds) = table.integer("period_seconds", 1..=31_536_000) {
            limit.period = Duration::from_secs(seconds);
        }
        table.finish();
    }
    section.finish();
    LimitsConfig { enabled, place, trusted_proxies: trusted_proxies as usize, limits }
}

fn read_place(section: &mut Section<'_>, has_redis: bool) -> LimitPlace {
    let store = section.choice("store", &["memory", "redis", "database"].map(|store| (store, store)));
    if store == Some("redis") && !has_redis {
        section.problem("store", "\"redis\" wants redis.url, which says where it is");
    }
    let key_prefix = section.text("redis_key_prefix");
    let in_redis = store.map_or(has_redis, |store| store == "redis");
    if key_prefix.is_some() && !in_redis {
        section.problem("redis_key_prefix", "nothing is counted in Redis: it wants store = \"redis\"");
    }
    match store {
        Some("database") => LimitPlace::Database,
        _ if in_redis => {
            let key_prefix = key_prefix.unwrap_or_else(|| RedisLimits::DEFAULT_KEY_PREFIX.to_owned());
            LimitPlace::Redis { key_prefix }
        }
        _ => LimitPlace::Memory,
    }
}

/// An origin as browsers write it: scheme, host, and the port where it is not the scheme's own.
pub(super) fn parse_origin(text: &str) -> Result<String, String> {
    let expected = "expected an origin such as \"https://app.example.com\"";
    if text == "*" {
        return Err(format!("{expected}: any origin at all could act for every user who is logged in"));
    }
    let url = Url::parse(text).map_err(|_| format!("{expected}, found \"{text}\""))?;
    let is_origin = matches!(url.scheme(), "http" | "https")
        && url.path() == "/"
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    if !is_origin {
        return Err(format!("{expected}, without a path, found \"{text}\""));
    }
    Ok(url.origin().ascii_serialization())
}
