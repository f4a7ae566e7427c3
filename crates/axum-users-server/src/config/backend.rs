//! `[[backend]]`: a transport, a strategy, and the routes under `/auth/{name}`.

#[cfg(test)]
mod tests;

use axum_users::{Algorithm, KeyPair, RedisTokens, SameSite, Secrets};

use url::Url;

use super::{
    keys::{self, KEY_KEYS},
    oauth::is_loopback,
    read_secret,
    section::{Section, alternatives},
};

/// An authentication backend.
#[derive(Clone, Debug)]
pub struct BackendConfig {
    /// The name in the routes: `/auth/{name}/login`.
    pub name: String,
    /// How the token travels.
    pub transport: TransportConfig,
    /// How the token is made and read.
    pub strategy: StrategyConfig,
    /// How long a token is good, in seconds; `None` is for ever.
    pub lifetime_seconds: Option<u64>,
    /// For how long after the login a session can be refreshed, in seconds; `None` is without refresh tokens.
    pub refresh_lifetime_seconds: Option<u64>,
    /// How long after a refresh the token before is still answered, in seconds.
    pub refresh_grace_seconds: u64,
    /// After how many seconds without use a session ends; `None` is never.
    pub inactivity_seconds: Option<u64>,
}

/// How a token travels.
#[derive(Clone, Debug)]
pub enum TransportConfig {
    /// In the `Authorization` header.
    Bearer,
    /// In a cookie.
    Cookie(CookieConfig),
}

/// A cookie's attributes (RFC 6265bis).
#[derive(Clone, Debug)]
pub struct CookieConfig {
    /// The cookie's name.
    pub name: String,
    /// Max-Age in seconds; `None` lets the cookie end with the browser.
    pub max_age: Option<u64>,
    /// Path.
    pub path: String,
    /// Domain; `None` is this host alone.
    pub domain: Option<String>,
    /// Secure: sent over https alone.
    pub secure: bool,
    /// HttpOnly: out of reach for scripts.
    pub http_only: bool,
    /// SameSite.
    pub same_site: SameSite,
}

/// How a token is made and read.
#[derive(Clone, Debug)]
pub enum StrategyConfig {
    /// A signed token (JWT) that is stored nowhere.
    Jwt {
        /// What signs it.
        algorithm: Algorithm,
        /// Signs in place of the server's `secret`, for HMAC algorithms.
        secret: Option<Secrets>,
        /// The keys, for all other algorithms; the first signs.
        keys: Option<Vec<KeyPair>>,
        /// Refuses tokens without an expiry, however well signed.
        refuses_endless_tokens: bool,
    },
    /// A random token with a row in the database.
    Database,
    /// A random token with a key in Redis.
    Redis {
        /// What the key begins with.
        key_prefix: String,
    },
}

impl Default for CookieConfig {
    fn default() -> Self {
        Self {
            name: "fastapiusersauth".to_owned(),
            max_age: None,
            path: "/".to_owned(),
            domain: None,
            secure: true,
            http_only: true,
            same_site: SameSite::Lax,
        }
    }
}

/// The lifetime of a backend that does not say otherwise, in seconds.
const DEFAULT_LIFETIME_SECONDS: u64 = 3600;

/// How long the refresh token before is answered, in seconds.
const DEFAULT_GRACE_SECONDS: u64 = 10;

/// Ten years: what lasts longer is a mistake.
const LONGEST_REFRESH_SECONDS: u64 = 315_360_000;

impl BackendConfig {
    /// The backends of a server that was not told of any: `jwt` for programs and `cookie` for browsers.
    ///
    /// The cookie is `Secure` where `public_url` is https; over plain http no browser would send it back.
    #[must_use]
    pub fn defaults(https: bool) -> Vec<Self> {
        let lifetime_seconds = Some(DEFAULT_LIFETIME_SECONDS);
        vec![
            Self {
                name: "jwt".to_owned(),
                transport: TransportConfig::Bearer,
                strategy: StrategyConfig::Jwt {
                    algorithm: Algorithm::default(),
                    secret: None,
                    keys: None,
                    refuses_endless_tokens: false,
                },
                lifetime_seconds,
                refresh_lifetime_seconds: None,
                refresh_grace_seconds: DEFAULT_GRACE_SECONDS,
                inactivity_seconds: None,
            },
            Self {
                name: "cookie".to_owned(),
                transport: TransportConfig::Cookie(CookieConfig { secure: https, ..CookieConfig::default() }),
                strategy: StrategyConfig::Database,
                lifetime_seconds,
                refresh_lifetime_seconds: None,
                refresh_grace_seconds: DEFAULT_GRACE_SECONDS,
                inactivity_seconds: None,
            },
        ]
    }
}

/// What the rest of the configuration says that matters here.
#[derive(Clone, Copy)]
pub(super) struct Surroundings<'a> {
    pub(super) allow_short_secret: bool,
    pub(super) public_url: Option<&'a Url>,
}

pub(super) fn read(root: &mut Section<'_>, around: Surroundings<'_>) -> Option<Vec<BackendConfig>> {
    let sections = root.sections("backend")?;
    if sections.is_empty() {
        root.problem("backend", "the list is empty: nobody could log in");
    }
    let mut backends: Vec<BackendConfig> = Vec::with_capacity(sections.len());
    for section in sections {
        backends.extend(read_backend(section, &backends, around));
    }
    Some(backends)
}

fn read_backend(
    mut section: Section<'_>,
    others: &[BackendConfig],
    around: Surroundings<'_>,
) -> Option<BackendConfig> {
    let name = section.parse("name", parse_name);
    match &name {
        None => section.missing("name", "the part of the routes that tells backends apart, such as \"jwt\""),
        Some(name) if others.iter().any(|other| other.name == *name) => {
            section.problem("name", format!("two backends are called \"{name}\""));
        }
        Some(_) => {}
    }
    let transport = section.choice("transport", &[("bearer", false), ("cookie", true)]);
    if transport.is_none() {
        section.missing("transport", "\"bearer\" or \"cookie\"");
    }
    let strategy = section.choice("strategy", &STRATEGIES);
    if strategy.is_none() {
        section.missing("strategy", &alternatives(&STRATEGIES.map(|(name, _)| name)));
    }
    let lifetime = section.integer("lifetime_seconds", 0..=3_153_600_000).unwrap_or(DEFAULT_LIFETIME_SECONDS);
    let transport = read_transport(&mut section, transport, around.public_url);
    let strategy = read_strategy(&mut section, strategy, around.allow_short_secret);
    let lifetime_seconds = (lifetime > 0).then_some(lifetime);
    if let Some(StrategyConfig::Jwt { refuses_endless_tokens: true, .. }) = &strategy
        && lifetime_seconds.is_none()
    {
        section.problem(REFUSE_ENDLESS, "this backend's own tokens are endless: give lifetime_seconds");
    }
    if let Some(StrategyConfig::Redis { key_prefix }) = &strategy {
        check_prefix(&section, key_prefix, lifetime_seconds, others);
    }
    let (refresh_lifetime_seconds, refresh_grace_seconds) = read_refresh(&mut section, lifetime_seconds);
    let inactivity_seconds = section.integer("inactivity_seconds", 300..=LONGEST_REFRESH_SECONDS);
    if inactivity_seconds.is_some()
        && refresh_lifetime_seconds.is_none()
        && matches!(strategy, Some(StrategyConfig::Jwt { .. }))
    {
        section.problem(
            "inactivity_seconds",
            "a JWT is kept nowhere, so its use is not either: give refresh_lifetime_seconds, too",
        );
    }
    section.finish();
    Some(BackendConfig {
        name: name?,
        transport: transport?,
        strategy: strategy?,
        lifetime_seconds,
        refresh_lifetime_seconds,
        refresh_grace_seconds,
        inactivity_seconds,
    })
}

/// Lifetime and grace of refresh tokens.
fn read_refresh(section: &mut Section<'_>, lifetime_seconds: Option<u64>) -> (Option<u64>, u64) {
    let lifetime = section.integer("refresh_lifetime_seconds", 1..=LONGEST_REFRESH_SECONDS);
    let grace = section.integer("refresh_grace_seconds", 0..=300);
    if lifetime.is_none() && section.has("refresh_grace_seconds") {
        section
            .problem("refresh_grace_seconds", "there are no refresh tokens without refresh_lifetime_seconds");
    }
    if let Some(refresh) = lifetime
        && lifetime_seconds.is_none_or(|access| access > refresh)
    {
        section.problem(
            "refresh_lifetime_seconds",
            "the access tokens last longer than what is to renew them: give a shorter lifetime_seconds",
        );
    }
    (lifetime, grace.unwrap_or(DEFAULT_GRACE_SECONDS))
}

/// When a session in Redis began follows from its remaining lifetime, so that one prefix has one lifetime.
fn check_prefix(section: &Section<'_>, prefix: &str, lifetime: Option<u64>, others: &[BackendConfig]) {
    let clash = others.iter().find(|other| {
        let same = matches!(&other.strategy, StrategyConfig::Redis { key_prefix } if key_prefix == prefix);
        same && other.lifetime_seconds != lifetime
    });
    if let Some(BackendConfig { name, .. }) = clash {
        section.problem(
            "key_prefix",
            format!("the backend \"{name}\" keeps sessions of another lifetime under \"{prefix}\""),
        );
    }
}

pub(super) fn parse_name(text: &str) -> Result<String, String> {
    if !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')) {
        return Ok(text.to_owned());
    }
    Err(format!("expected letters, digits, - and _, since it is part of an address, found \"{text}\""))
}

pub(super) const SAME_SITES: [(&str, SameSite); 3] =
    [("lax", SameSite::Lax), ("strict", SameSite::Strict), ("none", SameSite::None)];

const COOKIE_KEYS: [&str; 7] = [
    "cookie_name",
    "cookie_max_age",
    "cookie_path",
    "cookie_domain",
    "cookie_secure",
    "cookie_httponly",
    "cookie_samesite",
];

fn read_transport(
    section: &mut Section<'_>,
    is_cookie: Option<bool>,
    public_url: Option<&Url>,
) -> Option<TransportConfig> {
    if is_cookie == Some(false) {
        section.forbid(&COOKIE_KEYS, "only a backend with transport = \"cookie\" has this key");
        return Some(TransportConfig::Bearer);
    }
    let default = CookieConfig::default();
    let cookie = CookieConfig {
        name: section.parse("cookie_name", parse_cookie_name).unwrap_or(default.name),
        // Browsers cap it at 400 days (RFC 6265bis §5.6.2).
        max_age: section.integer("cookie_max_age", 1..=34_560_000),
        path: section.parse("cookie_path", parse_cookie_path).unwrap_or(default.path),
        domain: section.parse("cookie_domain", parse_cookie_domain),
        secure: section.boolean("cookie_secure").unwrap_or(default.secure),
        http_only: section.boolean("cookie_httponly").unwrap_or(default.http_only),
        same_site: section.choice("cookie_samesite", &SAME_SITES).unwrap_or(default.same_site),
    };
    if cookie.same_site == SameSite::None && !cookie.secure {
        section.problem(
            "cookie_samesite",
            "\"none\" wants cookie_secure = true: browsers drop the cookie otherwise",
        );
    }
    if cookie.name.starts_with("__Secure-") && !cookie.secure {
        section.problem("cookie_name", "a __Secure- cookie wants cookie_secure = true");
    }
    if let Some(url) = public_url.filter(|_| is_cookie == Some(true)) {
        check_secure(section, cookie.secure, url);
    }
    if cookie.name.starts_with("__Host-") && (!cookie.secure || cookie.path != "/" || cookie.domain.is_some())
    {
        section.problem(
            "cookie_name",
            "a __Host- cookie wants cookie_secure = true, cookie_path = \"/\" and no cookie_domain",
        );
    }
    is_cookie.map(|_| TransportConfig::Cookie(cookie))
}

/// Whether browsers keep the cookie where they reach the server, and keep it from others.
fn check_secure(section: &Section<'_>, is_secure: bool, public_url: &Url) {
    if !is_secure && public_url.scheme() == "https" {
        section.problem(
            "cookie_secure",
            "the cookie would go over plain http, too, although public_url is https: leave this key out",
        );
    }
    if is_secure && public_url.scheme() == "http" && !is_loopback(public_url) {
        section.problem(
            "cookie_secure",
            format!(
                "browsers keep no Secure cookie over http, and they reach the server at {public_url}: make public_url \
                 https, or set cookie_secure = false for development"
            ),
        );
    }
}

/// A token of RFC 9110 §5.6.2.
pub(super) fn parse_cookie_name(text: &str) -> Result<String, String> {
    let good = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if !text.is_empty() && text.chars().all(good) {
        return Ok(text.to_owned());
    }
    Err(format!("expected letters, digits, - and _, found \"{text}\""))
}

fn parse_cookie_path(text: &str) -> Result<String, String> {
    let good = |c: char| c.is_ascii_graphic() && c != ';';
    if text.starts_with('/') && text.chars().all(good) {
        return Ok(text.to_owned());
    }
    Err(format!("expected a path that begins with /, found \"{text}\""))
}

fn parse_cookie_domain(text: &str) -> Result<String, String> {
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
    if !text.is_empty() && text.chars().all(good) {
        return Ok(text.to_owned());
    }
    Err(format!("expected a domain such as \"example.com\", found \"{text}\""))
}

/// The strategies by their names.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Strategy {
    Jwt,
    Database,
    Redis,
}

const STRATEGIES: [(&str, Strategy); 3] =
    [("jwt", Strategy::Jwt), ("database", Strategy::Database), ("redis", Strategy::Redis)];

const REFUSE_ENDLESS: &str = "refuse_tokens_without_expiry";

fn read_strategy(
    section: &mut Section<'_>,
    strategy: Option<Strategy>,
    allow_short_secret: bool,
) -> Option<StrategyConfig> {
    if matches!(strategy, Some(Strategy::Jwt | Strategy::Database)) {
        section.forbid(&["key_prefix"], "only a backend with strategy = \"redis\" has this key");
    }
    if matches!(strategy, Some(Strategy::Database | Strategy::Redis)) {
        let why = "only a backend with strategy = \"jwt\" has this key";
        section.forbid(&["algorithm", "secret", REFUSE_ENDLESS], why);
        section.forbid(&KEY_KEYS, why);
    }
    match strategy {
        Some(Strategy::Jwt) => Some(read_jwt(section, allow_short_secret)),
        Some(Strategy::Database) => Some(StrategyConfig::Database),
        Some(Strategy::Redis) => {
            let key_prefix = section.text("key_prefix");
            let key_prefix = key_prefix.unwrap_or_else(|| RedisTokens::DEFAULT_KEY_PREFIX.to_owned());
            Some(StrategyConfig::Redis { key_prefix })
        }
        None => {
            // Its keys are known, whichever it was to be.
            section.text("key_prefix");
            read_jwt(section, allow_short_secret);
            None
        }
    }
}

fn read_jwt(section: &mut Section<'_>, allow_short_secret: bool) -> StrategyConfig {
    let algorithms = Algorithm::ALL.map(|algorithm| (algorithm.name(), algorithm));
    let algorithm = section.choice("algorithm", &algorithms).unwrap_or_default();
    let (secret, keys) = if algorithm.is_symmetric() {
        section.forbid(
            &KEY_KEYS,
            "keys are for RS256, ES256, EdDSA and their like: this algorithm signs with the secret",
        );
        (read_secret(section, "secret", allow_short_secret), None)
    } else {
        section.forbid(&["secret"], "this algorithm signs with a private key, not with a secret");
        (None, keys::read(section, algorithm))
    };
    let refuses_endless_tokens = section.boolean(REFUSE_ENDLESS).unwrap_or(false);
    StrategyConfig::Jwt { algorithm, secret, keys, refuses_endless_tokens }
}
