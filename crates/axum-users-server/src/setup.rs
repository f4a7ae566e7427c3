//! From a configuration to running parts: database, secret, mailer, users.

use std::{
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    path::PathBuf,
};

use anyhow::Context;
use axum_users::{
    AccessTokensAtRest, Bearer, BuildError, Cookie, DatabaseTokens, DefaultPasswordPolicy, Hooks, Jwt,
    Random, RedisError, RedisLimits, RedisTokens, RefreshTokens, Secrets, Sessions, Transport, UserDatabase,
    Users, UsersBuilder, schema::ColumnType,
};
use secrecy::ExposeSecret;
use url::Url;

use crate::{
    config::{
        BackendConfig, Config, CookieConfig, HardeningConfig, LimitPlace, StrategyConfig, TransportConfig,
    },
    oauth::add_provider,
    secret,
    server_user::{ServerUser, schema},
};

/// A secret, and whether and where it was generated.
pub(crate) struct ServerSecret {
    pub(crate) secrets: Secrets,
    /// The file of a generated secret.
    pub(crate) file: Option<(PathBuf, secret::Found)>,
}

/// The configured secret; without one, that of the file beside the database, which is generated once.
pub(crate) fn read_secret(config: &Config, random: &Random) -> anyhow::Result<ServerSecret> {
    if let Some(secrets) = &config.secret {
        return Ok(ServerSecret { secrets: secrets.clone(), file: None });
    }
    let file = config.database.folder().join(secret::FILE);
    let (secret, found) = secret::read_or_generate(&file, random)
        .with_context(|| format!("the secret in {} cannot be used", file.display()))?;
    Ok(ServerSecret { secrets: Secrets::from(secret), file: Some((file, found)) })
}

/// A secret that is thrown away, for commands that sign nothing.
pub(crate) fn throwaway_secret(config: &Config) -> Secrets {
    config.secret.clone().unwrap_or_else(|| Secrets::from(Random::system().token()))
}

/// Whether browsers reach the server over https.
pub(crate) fn is_https(config: &Config) -> bool {
    config.public_url.as_ref().is_some_and(|url| url.scheme() == "https")
}

/// The configured backends, or the two of a server that was told of none.
pub(crate) fn backends(config: &Config) -> Vec<BackendConfig> {
    config.backends.clone().unwrap_or_else(|| BackendConfig::defaults(is_https(config)))
}

/// What browsers call a server that listens here, without a slash at the end.
pub(crate) fn public_url(config: &Config, mut address: SocketAddr) -> String {
    if let Some(url) = &config.public_url {
        return url.as_str().trim_end_matches('/').to_owned();
    }
    if address.ip().is_unspecified() {
        // Listening everywhere says nothing about a name; this one works on the machine itself.
        address.set_ip(match address.is_ipv4() {
            true => Ipv4Addr::LOCALHOST.into(),
            false => Ipv6Addr::LOCALHOST.into(),
        });
    }
    format!("http://{address}")
}

/// The users of a configuration on a database. `public_url` is what browsers call the server.
///
/// # Errors
/// See [`BuildError`]: a key that cannot be read, a secret that is too short.
pub fn build_users(
    config: &Config,
    public_url: &str,
    database: impl UserDatabase<ServerUser>,
    secrets: Secrets,
    hooks: impl Hooks<ServerUser>,
) -> Result<Users<ServerUser>, BuildError> {
    let password = &config.password;
    let policy = DefaultPasswordPolicy::default()
        .min_length(password.min_length)
        .max_bytes(password.max_bytes)
        .forbid_common(password.forbid_common);
    let clear = config.access_tokens_in_clear || config.side_by_side;
    let table = config.database.user_table.as_deref().unwrap_or("user");
    let builder = Users::<ServerUser>::builder(database, secrets)
        .schema(schema(config.id_type.unwrap_or(ColumnType::Uuid), table, &config.fields))
        .hooks(hooks)
        .password_policy(policy)
        .argon2(password.argon2.clone())
        .user_cache(config.database.user_cache)
        .reset_lifetime_seconds(config.tokens.reset_lifetime_seconds)
        .verification_lifetime_seconds(config.tokens.verification_lifetime_seconds)
        .access_tokens_at_rest(if clear { AccessTokensAtRest::Clear } else { AccessTokensAtRest::Hashed })
        .trusted_proxies(config.limits.trusted_proxies)
        .trusted_origins(config.http.trusted_origins.iter().cloned())
        .public_url(public_url);
    let builder = with_sessions(with_switches(builder, config), config);
    let builder = with_hardening(builder, &config.hardening);
    let mut builder = config.oauth.iter().fold(builder, add_provider);
    let redis = config.redis_url.as_ref().map(|url| RedisTokens::new(url.expose_secret()));
    builder = match (&config.limits.place, &config.redis_url) {
        (LimitPlace::Database, _) => builder.limits_in_database(),
        (LimitPlace::Redis { key_prefix }, Some(url)) => {
            builder.limit_store(limits_in(url.expose_secret(), key_prefix)?)
        }
        _ => builder,
    };
    for backend in backends(config) {
        builder = add_backend(builder, backend, redis.as_ref())?;
    }
    builder.build()
}

fn limits_in(redis: &str, key_prefix: &str) -> Result<RedisLimits, BuildError> {
    let refused = |error: RedisError| BuildError::Limits(error.to_string().into());
    Ok(RedisLimits::new(redis).map_err(refused)?.key_prefix(key_prefix.to_owned()))
}

/// The settings that a configuration may leave out.
fn with_switches(mut builder: UsersBuilder<ServerUser>, config: &Config) -> UsersBuilder<ServerUser> {
    if config.limits.enabled {
        builder = builder.limits(config.limits.limits);
    }
    if config.audit.enabled {
        builder = builder.keeps_audit_trail();
    }
    if config.requires_verification {
        builder = builder.requires_verification();
    }
    if config.allow_short_secret {
        builder = builder.allow_short_secret_until_python_leaves();
    }
    if let Some(secrets) = &config.reset_secret {
        builder = builder.reset_secret(secrets.clone());
    }
    if let Some(secrets) = &config.verification_secret {
        builder = builder.verification_secret(secrets.clone());
    }
    if let Some(secrets) = &config.oauth_state_secret {
        builder = builder.oauth_state_secret(secrets.clone());
    }
    if let Some(secrets) = &config.encrypt_tokens_secret {
        builder = builder.encrypt_oauth_tokens(secrets.clone());
    }
    if config.oauth_accounts_in_user {
        builder = builder.oauth_accounts_in_user();
    }
    if config.side_by_side {
        builder = builder.oauth_side_by_side_until_python_leaves();
    }
    builder
}

/// Sessions as data, and refresh tokens. Without routes, a cap and an end by inactivity nothing is kept.
fn with_sessions(mut builder: UsersBuilder<ServerUser>, config: &Config) -> UsersBuilder<ServerUser> {
    let backends = backends(config);
    let mut sessions = Sessions::new();
    if let Some(count) = config.sessions.max_per_user {
        sessions = sessions.max_per_user(count);
    }
    if !config.sessions.routes {
        sessions = sessions.without_routes();
    }
    for backend in &backends {
        if let Some(seconds) = backend.inactivity_seconds {
            sessions = sessions.inactivity_seconds(&backend.name, seconds);
        }
        if let Some(seconds) = backend.refresh_lifetime_seconds {
            let tokens = RefreshTokens::lasting_seconds(seconds).grace_seconds(backend.refresh_grace_seconds);
            builder = builder.refresh(&backend.name, tokens);
        }
    }
    let are_wanted = config.sessions.routes
        || config.sessions.max_per_user.is_some()
        || backends.iter().any(|backend| backend.inactivity_seconds.is_some());
    if are_wanted { builder.sessions(sessions) } else { builder }
}

/// What goes beyond the original's contract.
fn with_hardening(
    mut builder: UsersBuilder<ServerUser>,
    hardening: &HardeningConfig,
) -> UsersBuilder<ServerUser> {
    if hardening.password_change_ends_signed_tokens {
        builder = builder.password_change_ends_signed_tokens();
    }
    if hardening.login_ends_presented_session {
        builder = builder.login_ends_presented_session();
    }
    if hardening.change_wants_current_password {
        builder = builder.change_wants_current_password();
    }
    if hardening.hide_taken_emails {
        builder = builder.hide_taken_emails();
    }
    builder
}

/// The Redis of the configuration, if it has one.
type Redis<'a> = Option<&'a Result<RedisTokens, RedisError>>;

fn add_backend(
    builder: UsersBuilder<ServerUser>,
    backend: BackendConfig,
    redis: Redis<'_>,
) -> Result<UsersBuilder<ServerUser>, BuildError> {
    match backend.transport.clone() {
        TransportConfig::Bearer => add_strategy(builder, backend, Bearer::default(), redis),
        TransportConfig::Cookie(config) => add_strategy(builder, backend, cookie(config), redis),
    }
}

fn add_strategy(
    builder: UsersBuilder<ServerUser>,
    backend: BackendConfig,
    transport: impl Transport,
    redis: Redis<'_>,
) -> Result<UsersBuilder<ServerUser>, BuildError> {
    let BackendConfig { name, strategy, lifetime_seconds, .. } = backend;
    Ok(match strategy {
        StrategyConfig::Database => builder.backend(&name, transport, database_tokens(lifetime_seconds)),
        StrategyConfig::Redis { key_prefix } => {
            let refused = |reason| BuildError::Backend { name: name.clone(), reason };
            let redis = redis.ok_or_else(|| refused("it needs redis.url".into()))?;
            let tokens = redis.as_ref().map_err(|error| refused(error.to_string().into()))?.clone();
            let tokens = tokens.lasting_seconds(lifetime_seconds.unwrap_or(0)).key_prefix(key_prefix);
            builder.backend(&name, transport, tokens)
        }
        strategy => builder.backend(&name, transport, jwt(strategy, lifetime_seconds)),
    })
}

/// Which Redis is used, for people, and what is wrong with it now; `None` where none is.
pub(crate) async fn look_at_redis(config: &Config) -> Option<(String, Result<(), RedisError>)> {
    let url = config.redis_url.as_ref()?.expose_secret();
    let name = Url::parse(url).ok().map_or_else(String::new, |url| match (url.host_str(), url.port()) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        (Some(host), None) => host.to_owned(),
        (None, _) => url.path().to_owned(),
    });
    let state = async { RedisTokens::new(url)?.ping().await }.await;
    Some((name, state))
}

/// What it means that Redis does not answer.
pub(crate) fn without_redis(config: &Config) -> &'static str {
    let keeps_sessions =
        backends(config).iter().any(|backend| matches!(backend.strategy, StrategyConfig::Redis { .. }));
    let counts = config.limits.enabled && matches!(config.limits.place, LimitPlace::Redis { .. });
    match (keeps_sessions, counts) {
        (true, true) => {
            "its backends answer 503, and limits are counted by this process alone, until it does"
        }
        (true, false) => "its backends answer 503 until it does",
        (false, true) => "limits are counted by this process alone until it does",
        (false, false) => "nothing needs it",
    }
}

fn database_tokens(lifetime_seconds: Option<u64>) -> DatabaseTokens {
    lifetime_seconds.map_or_else(DatabaseTokens::lasting_for_ever, DatabaseTokens::lasting_seconds)
}

fn jwt(strategy: StrategyConfig, lifetime_seconds: Option<u64>) -> Jwt {
    let tokens = lifetime_seconds.map_or_else(Jwt::lasting_for_ever, Jwt::lasting_seconds);
    let StrategyConfig::Jwt { algorithm, secret, keys, refuses_endless_tokens } = strategy else {
        return tokens;
    };
    let tokens = if refuses_endless_tokens { tokens.refuse_tokens_without_expiry() } else { tokens };
    let tokens = match secret {
        Some(secrets) => tokens.secret(secrets),
        None => tokens,
    };
    match keys {
        Some(keys) => tokens.keys(algorithm, keys),
        None => tokens.algorithm(algorithm),
    }
}

fn cookie(config: CookieConfig) -> Cookie {
    let mut cookie = Cookie::named(config.name).path(config.path).same_site(config.same_site);
    if let Some(seconds) = config.max_age {
        cookie = cookie.max_age_seconds(seconds);
    }
    if let Some(domain) = config.domain {
        cookie = cookie.domain(domain);
    }
    if !config.secure {
        cookie = cookie.insecure();
    }
    if !config.http_only {
        cookie = cookie.readable_by_scripts();
    }
    cookie
}
