//! The configuration: a TOML file, environment variables over it, and a default for every key.
//!
//! A mistake is a sentence with its place: file and line, or the variable. All mistakes are found at once.

mod audit;
mod backend;
mod database;
mod field;
mod hardening;
mod keys;
mod limits;
pub(crate) mod oauth;
pub(crate) mod opentelemetry;
mod parts;
mod redis;
#[cfg(test)]
mod reference;
mod section;
mod sessions;
#[cfg(test)]
mod tests;
mod tree;

use std::{
    fmt,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use axum_users::{
    Argon2Parameters, Secrets,
    schema::{Column, ColumnType},
};
use lettre::message::Mailbox;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

pub use self::{
    audit::AuditConfig,
    backend::{BackendConfig, CookieConfig, StrategyConfig, TransportConfig},
    database::{DatabaseConfig, Engine},
    field::parse_value,
    hardening::HardeningConfig,
    limits::{LimitPlace, LimitsConfig},
    oauth::{CsrfCookieConfig, OAuthConfig, ProfileSource},
    opentelemetry::OpenTelemetryConfig,
    sessions::SessionsConfig,
};
pub(crate) use self::{
    database::parse_url as parse_database_url,
    field::{is_name as is_field_name, type_name as field_type_name},
};
use self::{
    section::{Problems, Section},
    tree::Origin,
};

/// The file that is read when no other is named and it exists.
pub const DEFAULT_FILE: &str = "axum-users.toml";

/// The least length of a secret, in bytes (RFC 7518 §3.2).
const MIN_SECRET_BYTES: usize = axum_users::MIN_SECRET_BYTES;

/// Everything the server can be told. `Config::default()` is what it does when told nothing.
#[derive(Clone, Debug)]
pub struct Config {
    /// The address and port to listen on; port 0 takes any free one.
    pub listen: SocketAddr,
    /// What browsers call this server, without a trailing slash; absent, it follows from `listen`.
    pub public_url: Option<Url>,
    /// Signs access, reset and verification tokens; absent, one is generated and kept in a file.
    pub secret: Option<Secrets>,
    /// Signs reset tokens in place of `secret`.
    pub reset_secret: Option<Secrets>,
    /// Signs verification tokens in place of `secret`.
    pub verification_secret: Option<Secrets>,
    /// Signs OAuth states in place of `secret`.
    pub oauth_state_secret: Option<Secrets>,
    /// Lets secrets be shorter than 32 bytes while Python still signs with them.
    pub allow_short_secret: bool,
    /// Whether login, users and logout want verified users.
    pub requires_verification: bool,
    /// `[database]`.
    pub database: DatabaseConfig,
    /// `[[backend]]`; absent, there are two: see [`BackendConfig::defaults`].
    pub backends: Option<Vec<BackendConfig>>,
    /// `[[oauth]]`: the providers to log in with.
    pub oauth: Vec<OAuthConfig>,
    /// `[oauth_accounts] in_user`: whether answers show a user's linked accounts.
    pub oauth_accounts_in_user: bool,
    /// `[oauth_accounts] encrypt_tokens_secret`: encrypts providers' tokens in the database.
    pub encrypt_tokens_secret: Option<Secrets>,
    /// `[redis] url`: where sessions of backends with `strategy = "redis"` are kept, and limits are counted.
    pub redis_url: Option<SecretString>,
    /// `[mail]`.
    pub mail: MailConfig,
    /// `[password]`.
    pub password: PasswordConfig,
    /// `[http]`.
    pub http: HttpConfig,
    /// `[limits]`.
    pub limits: LimitsConfig,
    /// `[audit]`.
    pub audit: AuditConfig,
    /// `[hardening]`.
    pub hardening: HardeningConfig,
    /// `[sessions]`.
    pub sessions: SessionsConfig,
    /// `[tokens]`.
    pub tokens: TokensConfig,
    /// `[access_tokens] at_rest`: whether session tokens are stored as they are.
    pub access_tokens_in_clear: bool,
    /// `[compat] side_by_side`: a Python application serves the same database.
    pub side_by_side: bool,
    /// `[log]`.
    pub log: LogConfig,
    /// `[metrics] listen`: where Prometheus asks; absent, there are no metrics.
    pub metrics_listen: Option<SocketAddr>,
    /// `[opentelemetry]`: the collector that is told of requests; absent, none is.
    pub opentelemetry: Option<OpenTelemetryConfig>,
    /// `[user] id`: what primary keys are; absent, they are what the database has, and UUIDs in a new one.
    pub id_type: Option<ColumnType>,
    /// `[[user.field]]`: the installation's own columns.
    pub fields: Vec<Column>,
}

/// `[mail]`: how mails leave.
#[derive(Clone, Debug)]
pub struct MailConfig {
    /// `smtp://`, `smtps://` or `smtp+starttls://`, with credentials; absent, each mail is a file.
    pub smtp_url: Option<SecretString>,
    /// The sender.
    pub from: Mailbox,
    /// The page that verifies, with `{token}` in its address.
    pub verify_url: Option<String>,
    /// The page that sets a new password, with `{token}` in its address.
    pub reset_url: Option<String>,
    /// Whether owners are told of a changed password or address.
    pub notify_changes: bool,
}

/// `[password]`: which passwords are accepted, and how they are hashed.
#[derive(Clone, Debug)]
pub struct PasswordConfig {
    /// Characters at least.
    pub min_length: usize,
    /// Bytes at most.
    pub max_bytes: usize,
    /// Whether the most common passwords are refused.
    pub forbid_common: bool,
    /// `[password.argon2]`: what a new hash costs.
    pub argon2: Argon2Parameters,
}

/// `[http]`: limits of requests, and whose pages may make them.
#[derive(Clone, Debug)]
pub struct HttpConfig {
    /// A request body's bytes at most.
    pub body_limit_bytes: usize,
    /// A request's seconds at most, its body included.
    pub request_timeout_seconds: u64,
    /// The seconds that a request's head may take, and an idle connection is kept.
    pub header_timeout_seconds: u64,
    /// Connections at the same time.
    pub max_connections: usize,
    /// Origins whose pages may act for a user, as browsers write them.
    pub trusted_origins: Vec<String>,
}

/// `[tokens]`: how long mailed tokens live, in seconds.
#[derive(Clone, Debug)]
pub struct TokensConfig {
    /// Reset tokens.
    pub reset_lifetime_seconds: u64,
    /// Verification tokens.
    pub verification_lifetime_seconds: u64,
}

/// `[log]`: what is logged, and how.
#[derive(Clone, Debug)]
pub struct LogConfig {
    /// One JSON object a line in place of text.
    pub json: bool,
    /// A level such as `info`, or directives such as `info,axum_users=debug`.
    pub level: String,
}

/// A mistake in the configuration: where, which key, what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    origin: Origin,
    key: String,
    message: String,
}

impl Problem {
    fn new(origin: Origin, key: &str, message: impl Into<String>) -> Self {
        Self { origin, key: key.to_owned(), message: message.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { origin, key, message } = self;
        if key.is_empty() {
            write!(f, "{origin}: {message}")
        } else {
            write!(f, "{origin}: `{key}`: {message}")
        }
    }
}

/// Why a configuration cannot be used: every mistake in it, a line each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    problems: Vec<Problem>,
}

impl ConfigError {
    fn new(mut problems: Vec<Problem>) -> Self {
        problems.sort_by(|one, other| one.origin.cmp(&other.origin));
        Self { problems }
    }

    fn of_file(path: &Path, message: impl Into<String>) -> Self {
        let file = path.display().to_string().into();
        Self::new(vec![Problem::new(Origin::File(file, 0), "", message)])
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8000)),
            public_url: None,
            secret: None,
            reset_secret: None,
            verification_secret: None,
            oauth_state_secret: None,
            allow_short_secret: false,
            requires_verification: false,
            database: DatabaseConfig::default(),
            backends: None,
            oauth: Vec::new(),
            oauth_accounts_in_user: false,
            encrypt_tokens_secret: None,
            redis_url: None,
            mail: MailConfig {
                smtp_url: None,
                from: Mailbox::new(Some("Accounts".to_owned()), local_sender()),
                verify_url: None,
                reset_url: None,
                notify_changes: true,
            },
            password: PasswordConfig {
                min_length: 8,
                max_bytes: 4096,
                forbid_common: true,
                argon2: Argon2Parameters::default(),
            },
            http: HttpConfig {
                body_limit_bytes: 2 * 1024 * 1024,
                request_timeout_seconds: 30,
                header_timeout_seconds: 30,
                max_connections: 900,
                trusted_origins: Vec::new(),
            },
            limits: LimitsConfig::default(),
            audit: AuditConfig::default(),
            hardening: HardeningConfig::default(),
            sessions: SessionsConfig::default(),
            tokens: TokensConfig { reset_lifetime_seconds: 3600, verification_lifetime_seconds: 3600 },
            access_tokens_in_clear: false,
            side_by_side: false,
            log: LogConfig { json: false, level: "info".to_owned() },
            metrics_listen: None,
            opentelemetry: None,
            id_type: None,
            fields: Vec::new(),
        }
    }
}

/// The sender of mails that never leave this machine.
fn local_sender() -> lettre::Address {
    #[expect(clippy::unwrap_used, reason = "a constant that the tests read")]
    lettre::Address::new("no-reply", "localhost").unwrap()
}

impl Config {
    /// Reads the file at `path`, or [`DEFAULT_FILE`] where it exists and no other is named, and lays the
    /// process's environment over it. Also answers which file was read.
    ///
    /// # Errors
    /// Every mistake in file and environment.
    pub fn load(path: Option<&Path>) -> Result<(Self, Option<PathBuf>), ConfigError> {
        let path = match path {
            Some(path) => Some(path),
            None => Some(Path::new(DEFAULT_FILE)).filter(|path| path.exists()),
        };
        let text = match path {
            Some(path) => Some(read_file(path)?),
            None => None,
        };
        let config = Self::from_parts(path.zip(text.as_deref()), &variables())?;
        Ok((config, path.map(Path::to_path_buf)))
    }

    /// Reads a file's text, and lays variables over it.
    ///
    /// # Errors
    /// Every mistake in both.
    pub fn from_parts(
        file: Option<(&Path, &str)>,
        variables: &[(String, String)],
    ) -> Result<Self, ConfigError> {
        let root = tree::read(file, variables)?;
        let problems = Problems::default();
        let config = read_root(Section::new("", root, &problems), variables);
        let problems = problems.into_inner();
        if problems.is_empty() { Ok(config) } else { Err(ConfigError::new(problems)) }
    }
}

/// The process's environment.
pub(crate) fn variables() -> Vec<(String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
        .map(|(name, value)| (name, value.to_string_lossy().into_owned()))
        .collect()
}

fn read_file(path: &Path) -> Result<String, ConfigError> {
    let bytes = std::fs::read(path)
        .map_err(|error| ConfigError::of_file(path, format!("the file cannot be read: {error}")))?;
    String::from_utf8(bytes).map_err(|_| ConfigError::of_file(path, "the file is not UTF-8 text"))
}

fn read_root(mut root: Section<'_>, variables: &[(String, String)]) -> Config {
    let default = Config::default();
    let listen = root.parse("listen", parts::parse_listen).unwrap_or(default.listen);
    let public_url = root.parse("public_url", parts::parse_public_url);
    let key = "allow_short_secret_until_python_leaves";
    let allow_short_secret = root.boolean(key).unwrap_or(default.allow_short_secret);
    let secret = read_secret(&mut root, "secret", allow_short_secret);
    let requires_verification =
        root.boolean("requires_verification").unwrap_or(default.requires_verification);

    let mut secrets = root.section("secrets");
    let reset_secret = read_secret(&mut secrets, "reset", allow_short_secret);
    let verification_secret = read_secret(&mut secrets, "verification", allow_short_secret);
    let oauth_state_secret = read_secret(&mut secrets, "oauth_state", allow_short_secret);
    secrets.finish();

    let mut access_tokens = root.section("access_tokens");
    let at_rest = access_tokens.choice("at_rest", &[("hashed", false), ("clear", true)]);
    access_tokens.finish();

    let mut compat = root.section("compat");
    let side_by_side = compat.boolean("side_by_side").unwrap_or(default.side_by_side);
    compat.finish();

    let mut accounts = root.section("oauth_accounts");
    let oauth_accounts_in_user = accounts.boolean("in_user").unwrap_or(default.oauth_accounts_in_user);
    let encrypt_tokens_secret = read_secret(&mut accounts, "encrypt_tokens_secret", false);
    if side_by_side && encrypt_tokens_secret.is_some() {
        let problem = "Python cannot read encrypted tokens: encrypt them when compat.side_by_side has ended";
        accounts.problem("encrypt_tokens_secret", problem);
    }
    accounts.finish();

    let database = database::read(root.section("database"));
    let (id_type, fields) = field::read(root.section("user"), database.engine());
    let backends = backend::read(
        &mut root,
        backend::Surroundings { allow_short_secret, public_url: public_url.as_ref() },
    );
    let redis_url = redis::read(root.section("redis"), backends.as_deref());
    let public = public_url.as_ref();
    let known = backends.clone().unwrap_or_else(|| BackendConfig::defaults(false));
    let around = oauth::Surroundings { backends: &known, public_url: public, columns: &fields };
    let oauth = oauth::read(&mut root, &around);
    let mut metrics = root.section("metrics");
    let metrics_listen = metrics.parse("listen", parts::parse_listen);
    if metrics_listen.is_some_and(|address| address == listen && address.port() != 0) {
        metrics.problem("listen", "the server itself listens there: metrics are for nobody outside");
    }
    metrics.finish();
    let limits = limits::read(root.section("limits"), redis_url.is_some());
    let config = Config {
        listen,
        public_url,
        secret,
        reset_secret,
        verification_secret,
        oauth_state_secret,
        allow_short_secret,
        requires_verification,
        database,
        backends,
        oauth,
        oauth_accounts_in_user,
        encrypt_tokens_secret,
        redis_url,
        mail: parts::read_mail(root.section("mail"), default.mail),
        password: parts::read_password(root.section("password"), default.password),
        http: parts::read_http(root.section("http"), &default.http),
        audit: audit::read(root.section("audit")),
        limits,
        hardening: hardening::read(root.section("hardening"), requires_verification),
        sessions: sessions::read(root.section("sessions")),
        tokens: parts::read_tokens(root.section("tokens"), &default.tokens),
        access_tokens_in_clear: at_rest.unwrap_or(default.access_tokens_in_clear),
        side_by_side,
        log: parts::read_log(root.section("log"), default.log),
        metrics_listen,
        opentelemetry: opentelemetry::read(root.section("opentelemetry"), variables),
        id_type,
        fields,
    };
    let keys: Vec<&str> = root.keys().collect();
    for name in variables.iter().filter_map(|(name, _)| name.strip_prefix(tree::NEAR_PREFIX)) {
        if let Some(meant) = tree::key_meant_by(name, &keys) {
            let origin = Origin::Variable(format!("{}{name}", tree::NEAR_PREFIX));
            root.problem_at(
                origin,
                "",
                format!("a variable of this name is not read; did you mean {meant}?"),
            );
        }
    }
    root.finish();
    config
}

/// One secret or a list; each is long enough, unless Python still needs a short one.
fn read_secret(section: &mut Section<'_>, key: &'static str, allow_short: bool) -> Option<Secrets> {
    let secrets = section.secrets(key)?;
    let shortest = secrets.iter().map(|secret| secret.expose_secret().len()).min().unwrap_or(0);
    if shortest == 0 {
        let what_to_do = "write down what Python signs with, or make one with `openssl rand -base64 48`";
        section.problem(key, format!("the secret is empty: {what_to_do}"));
    } else if shortest < MIN_SECRET_BYTES && !allow_short {
        section.problem(
            key,
            format!(
                "the secret is {shortest} bytes long, expected at least {MIN_SECRET_BYTES}: make one with \
                 `openssl rand -base64 48`, or set allow_short_secret_until_python_leaves = true while a \
                 Python application signs with it"
            ),
        );
    }
    Some(Secrets::from(secrets))
}
