//! The configuration: a TOML file, environment variables over it, and a default for every key.
//!
//! A mistake is a sentence with its place: file and line, or the variable. All mistakes are found at once.

mod backend;
mod field;
mod section;
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
    backend::{BackendConfig, CookieConfig, KeyPair, StrategyConfig, TransportConfig},
    field::parse_value,
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
    /// Lets secrets be shorter than 32 bytes while Python still signs with them.
    pub allow_short_secret: bool,
    /// Whether login, users and logout want verified users.
    pub requires_verification: bool,
    /// `[database]`.
    pub database: DatabaseConfig,
    /// `[[backend]]`; absent, there are two: see [`BackendConfig::defaults`].
    pub backends: Option<Vec<BackendConfig>>,
    /// `[mail]`.
    pub mail: MailConfig,
    /// `[password]`.
    pub password: PasswordConfig,
    /// `[http]`.
    pub http: HttpConfig,
    /// `[tokens]`.
    pub tokens: TokensConfig,
    /// `[access_tokens] at_rest`: whether session tokens are stored as they are.
    pub access_tokens_in_clear: bool,
    /// `[compat] side_by_side`: a Python application serves the same database.
    pub side_by_side: bool,
    /// `[log]`.
    pub log: LogConfig,
    /// `[user] id`: what primary keys are.
    pub id_type: ColumnType,
    /// `[[user.field]]`: the installation's own columns.
    pub fields: Vec<Column>,
}

/// `[database]`: where users are kept.
#[derive(Clone)]
pub struct DatabaseConfig {
    /// `sqlite://…`; may carry a password, and is left out of `Debug`.
    pub url: String,
    /// Connections at most; the adapter knows how many where it is absent.
    pub max_connections: Option<u32>,
    /// How long a statement waits for a locked database, in seconds.
    pub busy_timeout_seconds: u64,
    /// The user table's name.
    pub user_table: String,
    /// The OAuth account table's name.
    pub oauth_account_table: String,
    /// The access token table's name.
    pub access_token_table: String,
}

impl fmt::Debug for DatabaseConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DatabaseConfig")
            .field("max_connections", &self.max_connections)
            .field("busy_timeout_seconds", &self.busy_timeout_seconds)
            .field("user_table", &self.user_table)
            .finish_non_exhaustive()
    }
}

impl DatabaseConfig {
    /// The database's file; `None` for one in memory.
    #[must_use]
    pub fn file(&self) -> Option<PathBuf> {
        let rest = self.url.strip_prefix("sqlite:")?;
        let path = rest.strip_prefix("//").unwrap_or(rest);
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        if path.is_empty() || path == ":memory:" || query.split('&').any(|pair| pair == "mode=memory") {
            return None;
        }
        Some(PathBuf::from(percent_encoding::percent_decode_str(path).decode_utf8_lossy().into_owned()))
    }

    /// The folder beside which generated files are kept: the database's own, or the current one.
    #[must_use]
    pub fn folder(&self) -> PathBuf {
        let file = self.file();
        let folder = file.as_deref().and_then(Path::parent).filter(|folder| *folder != Path::new(""));
        folder.map_or_else(|| PathBuf::from("."), Path::to_path_buf)
    }
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

/// `[http]`: limits of requests.
#[derive(Clone, Debug)]
pub struct HttpConfig {
    /// A request body's bytes at most.
    pub body_limit_bytes: usize,
    /// A request's seconds at most, its body included.
    pub request_timeout_seconds: u64,
    /// Connections at the same time.
    pub max_connections: usize,
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
            allow_short_secret: false,
            requires_verification: false,
            database: DatabaseConfig {
                url: "sqlite://data.db?mode=rwc".to_owned(),
                max_connections: None,
                busy_timeout_seconds: 5,
                user_table: "user".to_owned(),
                oauth_account_table: "oauth_account".to_owned(),
                access_token_table: "accesstoken".to_owned(),
            },
            backends: None,
            mail: MailConfig {
                smtp_url: None,
                from: Mailbox::new(Some("Accounts".to_owned()), local_sender()),
                verify_url: None,
                reset_url: None,
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
                max_connections: 900,
            },
            tokens: TokensConfig { reset_lifetime_seconds: 3600, verification_lifetime_seconds: 3600 },
            access_tokens_in_clear: false,
            side_by_side: false,
            log: LogConfig { json: false, level: "info".to_owned() },
            id_type: ColumnType::Uuid,
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
        let variables: Vec<(String, String)> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
            .map(|(name, value)| (name, value.to_string_lossy().into_owned()))
            .collect();
        let config = Self::from_parts(path.zip(text.as_deref()), &variables)?;
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
        let config = read_root(Section::new("", root, &problems));
        let problems = problems.into_inner();
        if problems.is_empty() { Ok(config) } else { Err(ConfigError::new(problems)) }
    }
}

fn read_file(path: &Path) -> Result<String, ConfigError> {
    let bytes = std::fs::read(path)
        .map_err(|error| ConfigError::of_file(path, format!("the file cannot be read: {error}")))?;
    String::from_utf8(bytes).map_err(|_| ConfigError::of_file(path, "the file is not UTF-8 text"))
}

fn read_root(mut root: Section<'_>) -> Config {
    let default = Config::default();
    let listen = root.parse("listen", parse_listen).unwrap_or(default.listen);
    let public_url = root.parse("public_url", parse_public_url);
    let key = "allow_short_secret_until_python_leaves";
    let allow_short_secret = root.boolean(key).unwrap_or(default.allow_short_secret);
    let secret = read_secret(&mut root, "secret", allow_short_secret);
    let requires_verification =
        root.boolean("requires_verification").unwrap_or(default.requires_verification);

    let mut secrets = root.section("secrets");
    let reset_secret = read_secret(&mut secrets, "reset", allow_short_secret);
    let verification_secret = read_secret(&mut secrets, "verification", allow_short_secret);
    secrets.finish();

    let mut access_tokens = root.section("access_tokens");
    let at_rest = access_tokens.choice("at_rest", &[("hashed", false), ("clear", true)]);
    access_tokens.finish();

    let mut compat = root.section("compat");
    let side_by_side = compat.boolean("side_by_side").unwrap_or(default.side_by_side);
    compat.finish();

    let (id_type, fields) = field::read(root.section("user"));
    let config = Config {
        listen,
        public_url,
        secret,
        reset_secret,
        verification_secret,
        allow_short_secret,
        requires_verification,
        database: read_database(root.section("database"), default.database),
        backends: backend::read(&mut root, allow_short_secret),
        mail: read_mail(root.section("mail"), default.mail),
        password: read_password(root.section("password"), default.password),
        http: read_http(root.section("http"), &default.http),
        tokens: read_tokens(root.section("tokens"), &default.tokens),
        access_tokens_in_clear: at_rest.unwrap_or(default.access_tokens_in_clear),
        side_by_side,
        log: read_log(root.section("log"), default.log),
        id_type,
        fields,
    };
    root.finish();
    config
}

/// One secret or a list; each is long enough, unless Python still needs a short one.
fn read_secret(section: &mut Section<'_>, key: &'static str, allow_short: bool) -> Option<Secrets> {
    let secrets = section.secrets(key)?;
    let shortest = secrets.iter().map(|secret| secret.expose_secret().len()).min().unwrap_or(0);
    if shortest == 0 {
        section.problem(key, "the secret is empty");
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

fn read_database(mut section: Section<'_>, default: DatabaseConfig) -> DatabaseConfig {
    let mut tables = section.section("tables");
    let [user_table, oauth_account_table, access_token_table] = [
        ("user", default.user_table),
        ("oauth_account", default.oauth_account_table),
        ("access_token", default.access_token_table),
    ]
    .map(|(key, default)| tables.parse(key, parse_table_name).unwrap_or(default));
    if user_table == access_token_table
        || user_table == oauth_account_table
        || access_token_table == oauth_account_table
    {
        tables.problem("", "two tables have one name");
    }
    tables.finish();
    let database = DatabaseConfig {
        url: section.parse("url", parse_database_url).unwrap_or(default.url),
        max_connections: section.small_integer("max_connections", 1..=1000),
        busy_timeout_seconds: section
            .integer("busy_timeout_seconds", 1..=3600)
            .unwrap_or(default.busy_timeout_seconds),
        user_table,
        oauth_account_table,
        access_token_table,
    };
    section.finish();
    database
}

fn read_mail(mut section: Section<'_>, default: MailConfig) -> MailConfig {
    let smtp_url = section.parse("smtp_url", parse_smtp_url);
    let from = section.parse("from", |text| {
        text.parse::<Mailbox>().map_err(|_| {
            "expected an address such as \"no-reply@example.com\" or \"Accounts <no-reply@example.com>\""
                .to_owned()
        })
    });
    let verify_url = section.parse("verify_url", parse_link);
    let reset_url = section.parse("reset_url", parse_link);
    if smtp_url.is_some() {
        if from.is_none() {
            section.missing("from", "the sender's address, since smtp_url is set");
        }
    }
    section.finish();
    MailConfig { smtp_url, from: from.unwrap_or(default.from), verify_url, reset_url }
}

fn read_password(mut section: Section<'_>, default: PasswordConfig) -> PasswordConfig {
    let mut argon2 = section.section("argon2");
    let memory_kib = argon2.small_integer("memory_kib", 8..=1_048_576).unwrap_or(65_536);
    let iterations = argon2.small_integer("iterations", 1..=4_194_304).unwrap_or(3);
    let parallelism = argon2.small_integer("parallelism", 1..=255).unwrap_or(4);
    let parameters = Argon2Parameters::new(memory_kib, iterations, parallelism);
    if let Err(error) = &parameters {
        argon2.problem("memory_kib", error.to_string());
    }
    argon2.finish();
    let min_length = section.small_integer("min_length", 1..=1024).map_or(default.min_length, |n| n as usize);
    let max_bytes =
        section.small_integer("max_bytes", 1..=16_777_216).map_or(default.max_bytes, |n| n as usize);
    if max_bytes < min_length {
        section.problem("max_bytes", format!("it is less than min_length, {min_length}"));
    }
    let forbid_common = section.boolean("forbid_common").unwrap_or(default.forbid_common);
    section.finish();
    PasswordConfig { min_length, max_bytes, forbid_common, argon2: parameters.unwrap_or(default.argon2) }
}

fn read_http(mut section: Section<'_>, default: &HttpConfig) -> HttpConfig {
    let http = HttpConfig {
        body_limit_bytes: section
            .small_integer("body_limit_bytes", 1..=1_073_741_824)
            .map_or(default.body_limit_bytes, |bytes| bytes as usize),
        request_timeout_seconds: section
            .integer("request_timeout_seconds", 1..=3600)
            .unwrap_or(default.request_timeout_seconds),
        max_connections: section
            .small_integer("max_connections", 1..=1_000_000)
            .map_or(default.max_connections, |count| count as usize),
    };
    section.finish();
    http
}

fn read_tokens(mut section: Section<'_>, default: &TokensConfig) -> TokensConfig {
    // A mailed token that lives for more than a year is a mistake.
    let year = 31_536_000;
    let tokens = TokensConfig {
        reset_lifetime_seconds: section
            .integer("reset_lifetime_seconds", 1..=year)
            .unwrap_or(default.reset_lifetime_seconds),
        verification_lifetime_seconds: section
            .integer("verification_lifetime_seconds", 1..=year)
            .unwrap_or(default.verification_lifetime_seconds),
    };
    section.finish();
    tokens
}

fn read_log(mut section: Section<'_>, default: LogConfig) -> LogConfig {
    let json = section.choice("format", &[("text", false), ("json", true)]).unwrap_or(default.json);
    let level = section.parse("level", |text| match crate::log::parse_level(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(_) => Err(format!(
            "expected a level (error, warn, info, debug, trace, off) or directives such as \
             \"info,axum_users=debug\", found \"{text}\""
        )),
    });
    section.finish();
    LogConfig { json, level: level.unwrap_or(default.level) }
}

fn parse_listen(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| {
        format!(
            "expected an IP address and a port such as \"127.0.0.1:8000\" or \"[::]:8000\", found \"{text}\""
        )
    })
}

fn parse_public_url(text: &str) -> Result<Url, String> {
    let expected = "expected an address such as \"https://accounts.example.com\"";
    let url = Url::parse(text).map_err(|_| format!("{expected}, found \"{text}\""))?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(format!("{expected}, found \"{text}\""));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("the address holds a user name or a password, which everybody would see".to_owned());
    }
    if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
        return Err(format!("{expected} without a path: the routes are at fixed paths"));
    }
    Ok(url)
}

fn parse_database_url(text: &str) -> Result<String, String> {
    let example = "sqlite://data.db?mode=rwc";
    if text.starts_with("sqlite:") {
        return Ok(text.to_owned());
    }
    // The URL may hold a password: only its scheme is shown.
    match text.split_once(':') {
        Some((scheme, _))
            if scheme.chars().all(|c| c.is_ascii_alphanumeric() || c == '+') && scheme.len() > 1 =>
        {
            Err(format!("expected a URL such as \"{example}\"; \"{scheme}:\" is no database of this version"))
        }
        _ => Err(format!("expected a URL such as \"{example}\", with the scheme in front")),
    }
}

fn parse_table_name(text: &str) -> Result<String, String> {
    let first = text.chars().next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    let rest = text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if first && rest && text.len() <= 63 {
        return Ok(text.to_owned());
    }
    Err(format!("expected letters, digits and underscores, 63 at most, found \"{text}\""))
}

fn parse_smtp_url(text: &str) -> Result<SecretString, String> {
    // The URL may hold a password: it is not shown.
    crate::mail::check_smtp_url(text).map(|()| SecretString::from(text))
}

/// A page of the front end: an absolute address with `{token}` in it.
fn parse_link(text: &str) -> Result<String, String> {
    let expected = "expected an address with {token} in it, such as \"https://example.com/verify#{token}\"";
    let with_token = text.replace("{token}", "t");
    let url = Url::parse(&with_token).map_err(|_| format!("{expected}, found \"{text}\""))?;
    if !matches!(url.scheme(), "http" | "https") || !text.contains("{token}") {
        return Err(format!("{expected}, found \"{text}\""));
    }
    Ok(text.to_owned())
}
