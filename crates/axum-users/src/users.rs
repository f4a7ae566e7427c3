//! [`Users`], the facade that an application holds, and its builder.

use std::{
    borrow::Cow,
    collections::HashSet,
    fmt,
    ops::Deref,
    sync::{Arc, Mutex},
};

use serde_json::Value as Json;

use crate::{
    Clock, Random,
    audit::{AuditEntry, Trail},
    auth::{AccessTokensAtRest, Backend, KeptAccessTokens, Strategy, StrategySetup, Transport},
    background::Background,
    csrf::TrustedOrigins,
    database::{Capabilities, Database, DatabaseError, MigrateError, UserDatabase},
    hooks::{ErasedHooks, Hooks},
    limits::{ErasedLimitStore, LimitStore, Limiter, Limits},
    openapi::MountedRouter,
    password::{
        Argon2Parameters, DefaultPasswordPolicy, ErasedPasswordPolicy, PasswordHasher, PasswordPolicy,
    },
    refusals,
    schema::Schema,
    sessions::{self, KeptSessions, RefreshTokens, Sessions},
    token::{AUDIENCE_RESET, AUDIENCE_VERIFY, Algorithm, MIN_SECRET_BYTES, Secrets, TokenSigner},
    user::UserModel,
    user_cache::UserCache,
};
#[cfg(feature = "oauth")]
use crate::{
    oauth::OAuth,
    oauth_settings::{OAuthSettings, OAuthSetup},
};

/// The users of an application: its database, hooks and backends, and every operation on them.
///
/// Cheap to clone; put it into the router's state, and the extractors and routers find it there.
pub struct Users<U: UserModel> {
    pub(crate) inner: Arc<Inner<U>>,
}

/// What differs within a transaction of the application, and the settings, which do not.
pub(crate) struct Inner<U: UserModel> {
    pub(crate) database: Database<U>,
    pub(crate) hooks: Arc<dyn ErasedHooks<U>>,
    pub(crate) background: Background,
    /// Entries of the audit trail that wait for the commit of the application's transaction.
    pub(crate) held_back: Option<Arc<Mutex<Vec<AuditEntry>>>>,
    pub(crate) user_cache: Option<UserCache<U>>,
    pub(crate) settings: Arc<Settings<U>>,
}

impl<U: UserModel> Deref for Inner<U> {
    type Target = Settings<U>;

    fn deref(&self) -> &Settings<U> {
        &self.settings
    }
}

/// What the builder was told.
pub(crate) struct Settings<U: UserModel> {
    pub(crate) schema: Arc<Schema>,
    pub(crate) backends: Vec<Backend<U>>,
    /// The public keys of all backends.
    pub(crate) json_web_keys: Vec<Json>,
    pub(crate) hasher: PasswordHasher,
    pub(crate) policy: Box<dyn ErasedPasswordPolicy>,
    pub(crate) reset: TokenKind,
    pub(crate) verification: TokenKind,
    /// Tokens that move a user to a new address, with the secrets and the lifetime of verification.
    pub(crate) new_address: TokenKind,
    pub(crate) requires_verification: bool,
    pub(crate) hardening: Hardening,
    pub(crate) sessions: Option<KeptSessions>,
    pub(crate) clock: Clock,
    pub(crate) random: Random,
    pub(crate) mount: String,
    pub(crate) trusted_origins: TrustedOrigins,
    pub(crate) limiter: Option<Limiter>,
    pub(crate) trail: Trail,
    pub(crate) trusted_proxies: usize,
    /// What was mounted so far, for the OpenAPI document.
    pub(crate) mounted: Mutex<Vec<MountedRouter>>,
    pub(crate) document_title: Cow<'static, str>,
    pub(crate) document_version: Cow<'static, str>,
    #[cfg(feature = "oauth")]
    pub(crate) oauth: OAuth<U>,
}

/// What an application may ask for beyond the original's contract.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Hardening {
    /// A change of password ends signed tokens, too.
    pub(crate) ends_signed_tokens: bool,
    /// A login ends the session that the request presented.
    pub(crate) login_ends_presented_session: bool,
    /// A user's own change of password or e-mail wants the present password.
    pub(crate) wants_current_password: bool,
    /// No answer tells whether an address is taken.
    pub(crate) hides_taken_emails: bool,
}

/// Tokens that are mailed: reset or verification.
pub(crate) struct TokenKind {
    pub(crate) signer: TokenSigner,
    pub(crate) secrets: Secrets,
    pub(crate) lifetime_seconds: u64,
}

impl<U: UserModel> Clone for Users<U> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner) }
    }
}

impl<U: UserModel> fmt::Debug for Users<U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Users")
            .field("schema", &self.inner.schema.name())
            .field("backends", &self.inner.backends)
            .finish_non_exhaustive()
    }
}

/// Why [`UsersBuilder::build`] refused. Each text says what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A secret has fewer than 32 bytes.
    #[error("the secret for {0} {1}")]
    Secret(&'static str, Cow<'static, str>),
    /// Two backends have one name.
    #[error("two backends are called `{0}`: give each a name of its own, since its routes are /auth/{0}/…")]
    DuplicateBackend(String),
    /// A backend's name cannot stand in a path.
    #[error("the backend's name `{0}` cannot stand in a path: use letters, digits, `-` and `_`")]
    BackendName(String),
    /// A backend cannot work as it is configured.
    #[error("the backend `{name}` cannot be used: {reason}")]
    Backend {
        /// The backend's name.
        name: String,
        /// Why, and what to do.
        reason: Cow<'static, str>,
    },
    /// OAuth cannot work as it is configured.
    #[cfg(feature = "oauth")]
    #[error("the OAuth provider `{name}` cannot be used: {reason}")]
    OAuth {
        /// The provider's name.
        name: String,
        /// Why, and what to do.
        reason: Cow<'static, str>,
    },
    /// Hidden addresses would show at the login.
    #[error(
        "hide_taken_emails needs requires_verification: else a login with the password of a registration tells \
         whether it was made"
    )]
    HiddenEmailsShow,
    /// The path of `mount` is none.
    #[error("routers cannot be mounted at `{0}`: write a path as in \"/api\", without wildcards")]
    Mount(String),
    /// The public URL cannot be what browsers call the application.
    #[cfg(feature = "oauth")]
    #[error("the public URL `{url}` cannot be used: {reason}")]
    PublicUrl {
        /// The URL as it was given.
        url: String,
        /// Why, and what to do.
        reason: Cow<'static, str>,
    },
    /// No browser ever sends such an origin.
    #[error("the trusted origin `{origin}` cannot be used: {reason}")]
    TrustedOrigin {
        /// The origin as it was given.
        origin: String,
        /// Why, and what to do.
        reason: &'static str,
    },
    /// Tokens would end before they are used, or never.
    #[error("{what} would last {seconds} seconds: give at least 1 and at most a hundred years")]
    Lifetime {
        /// Which tokens.
        what: &'static str,
        /// How long they would last.
        seconds: u64,
    },
    /// Tokens of one purpose would pass for those of another.
    #[error(
        "reset and verification tokens both have the audience `{0}`, and would pass for each other: give one another"
    )]
    SameAudience(String),
    /// A limit lets nobody through, or everybody.
    #[error("the limit `{0}` has no tries or no period: give it at least one of each, or leave out `limits`")]
    Limit(&'static str),
    /// An own field has the name of another.
    #[error(
        "the field `{0}` is there already: rename it, since every user has the base fields and `password`"
    )]
    DuplicateField(String),
    /// Limits cannot be counted where they are to be.
    #[error("limits cannot be counted so: {0}")]
    Limits(Cow<'static, str>),
    /// The database adapter cannot keep this user model.
    #[error("the database adapter cannot keep this user model: {0}")]
    Schema(Cow<'static, str>),
}

/// Collects the settings of [`Users`]; see [`Users::builder`].
#[must_use = "call `build`"]
pub struct UsersBuilder<U: UserModel> {
    database: Database<U>,
    schema: Schema,
    hooks: Arc<dyn ErasedHooks<U>>,
    backends: Vec<Backend<U>>,
    hasher: HasherSettings,
    policy: Box<dyn ErasedPasswordPolicy>,
    secrets: Secrets,
    reset: TokenSettings,
    verification: TokenSettings,
    requires_verification: bool,
    hardening: Hardening,
    sessions: Option<Sessions>,
    refresh: Vec<(String, RefreshTokens)>,
    allow_short_secret: bool,
    at_rest: AccessTokensAtRest,
    clock: Clock,
    random: Random,
    mount: String,
    trusted_origins: TrustedOrigins,
    limits: Option<Limits>,
    keeps_audit_trail: bool,
    limit_place: LimitPlace,
    trusted_proxies: usize,
    user_cache: usize,
    document_title: Cow<'static, str>,
    document_version: Cow<'static, str>,
    #[cfg(feature = "oauth")]
    oauth: OAuthSettings<U>,
}

#[derive(Default)]
struct HasherSettings {
    parameters: Argon2Parameters,
    threads: Option<usize>,
    queue: Option<usize>,
}

struct TokenSettings {
    secrets: Option<Secrets>,
    audience: Cow<'static, str>,
    lifetime_seconds: u64,
}

impl TokenSettings {
    fn new(audience: &'static str) -> Self {
        Self { secrets: None, audience: Cow::Borrowed(audience), lifetime_seconds: 3600 }
    }

    /// The same for tokens of another purpose, which are told apart by their audience.
    fn for_new_addresses(&self) -> Self {
        let audience = Cow::Owned(format!("{}:new-address", self.audience));
        Self { secrets: self.secrets.clone(), audience, lifetime_seconds: self.lifetime_seconds }
    }

    fn build(
        self,
        shared: &Secrets,
        clock: &Clock,
        name: &'static str,
        allow_short: bool,
    ) -> Result<TokenKind, BuildError> {
        let secrets = self.secrets.unwrap_or_else(|| shared.clone());
        check_secret(&secrets, allow_short).map_err(|reason| BuildError::Secret(name, reason))?;
        let signer = TokenSigner::with_secrets(Algorithm::HS256, &secrets, self.audience, clock.clone());
        Ok(TokenKind { signer, secrets, lifetime_seconds: self.lifetime_seconds })
    }
}

impl<U: UserModel> fmt::Debug for UsersBuilder<U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UsersBuilder")
            .field("schema", &self.schema.name())
            .field("backends", &self.backends)
            .finish_non_exhaustive()
    }
}

impl<U: UserModel> UsersBuilder<U> {
    /// Your application's [`Hooks`]; the last ones given win.
    pub fn hooks(mut self, hooks: impl Hooks<U>) -> Self {
        self.hooks = Arc::new(hooks);
        self
    }

    /// Puts hooks around those that were set.
    #[cfg(feature = "testing")]
    pub(crate) fn wrap_hooks<H: Hooks<U>>(mut self, wrap: impl FnOnce(Arc<dyn ErasedHooks<U>>) -> H) -> Self {
        self.hooks = Arc::new(wrap(self.hooks));
        self
    }

    /// Adds a way to log in, with routes under `/auth/{name}`. A request's token is tried with each backend in
    /// the order in which they were added; the first that yields a user wins.
    pub fn backend(mut self, name: &str, transport: impl Transport, strategy: impl Strategy<U>) -> Self {
        let (transport, strategy) = (Box::new(transport), Box::new(strategy));
        let name = name.to_owned();
        self.backends.push(Backend { name, transport, strategy, refresh: None, inactivity_seconds: None });
        self
    }

    /// Keeps sessions as data: who logged in with which device, from where, and when it was last used. Adds the
    /// routes `/users/me/sessions` and, for superusers, `/users/{id}/sessions`; see [`Sessions`].
    pub fn sessions(mut self, sessions: Sessions) -> Self {
        self.sessions = Some(sessions);
        self
    }

    /// Gives the backend of this name refresh tokens: its login answers one, and `POST /auth/{name}/refresh`
    /// takes it; see [`RefreshTokens`].
    pub fn refresh(mut self, backend: &str, tokens: RefreshTokens) -> Self {
        self.refresh.push((backend.to_owned(), tokens));
        self
    }

    /// The rule for new passwords; [`DefaultPasswordPolicy`] without.
    pub fn password_policy(mut self, policy: impl PasswordPolicy) -> Self {
        self.policy = Box::new(policy);
        self
    }

    /// The parameters of new hashes; the original's (64 MiB, 3 iterations, 4 lanes) without.
    pub fn argon2(mut self, parameters: Argon2Parameters) -> Self {
        self.hasher.parameters = parameters;
        self
    }

    /// How many passwords are hashed at a time; as many as there are cores without. Each takes the memory
    /// that the parameters say.
    pub fn hashing_threads(mut self, threads: usize) -> Self {
        self.hasher.threads = Some(threads);
        self
    }

    /// How many callers may wait for a hash; one more is answered 503.
    pub fn hashing_queue(mut self, callers: usize) -> Self {
        self.hasher.queue = Some(callers);
        self
    }

    /// Lets only verified users log in and use the users routes.
    pub fn requires_verification(mut self) -> Self {
        self.requires_verification = true;
        self
    }

    /// Ends a user's signed tokens, too, when the password changes or is reset: the one that made the change as
    /// well, so that its client logs in anew. In the original JWTs live on. Each request looks at the user's
    /// state for it.
    pub fn password_change_ends_signed_tokens(mut self) -> Self {
        self.hardening.ends_signed_tokens = true;
        self
    }

    /// Ends the session that a login's request presented, in the backend that logs in. In the original both
    /// live on.
    pub fn login_ends_presented_session(mut self) -> Self {
        self.hardening.login_ends_presented_session = true;
        self
    }

    /// Wants `current_password` in a user's own change of password or e-mail; without it, or with a wrong one,
    /// `PATCH /users/me` answers 400 `UPDATE_USER_BAD_CURRENT_PASSWORD`. The original asks for none.
    pub fn change_wants_current_password(mut self) -> Self {
        self.hardening.wants_current_password = true;
        self
    }

    /// Lets no answer of register and `PATCH /users/me` tell that an e-mail address is taken; wants
    /// [`requires_verification`](Self::requires_verification).
    ///
    /// `POST /auth/register` answers 202 `null` for a taken address as for a free one, after the same work; the owner
    /// of a taken one is told by [`Hooks::on_after_taken_email`]. A user's own address changes when the token of
    /// [`Hooks::on_after_request_email_change`], which is mailed to the new address, comes to `POST /auth/verify`; until
    /// then `PATCH /users/me` answers the user as it was. A login of an unverified user is `LOGIN_BAD_CREDENTIALS`.
    /// [`Hooks::on_after_register`] runs behind the answer. The original tells whether an address is taken.
    pub fn hide_taken_emails(mut self) -> Self {
        self.hardening.hides_taken_emails = true;
        self
    }

    /// Remembers the users of so many tokens for a second each, so that their next requests ask no database; 0, the
    /// default, remembers none. What this process changes counts at once, what another one changes within a second,
    /// and a token may outlive its expiry by as much.
    pub fn user_cache(mut self, tokens: usize) -> Self {
        self.user_cache = tokens;
        self
    }

    /// A secret of its own for password reset tokens.
    pub fn reset_secret(mut self, secrets: impl Into<Secrets>) -> Self {
        self.reset.secrets = Some(secrets.into());
        self
    }

    /// How long a password reset token is good, in seconds; 3600 without.
    pub fn reset_lifetime_seconds(mut self, seconds: u64) -> Self {
        self.reset.lifetime_seconds = seconds;
        self
    }

    /// An audience other than `fastapi-users:reset`.
    pub fn reset_audience(mut self, audience: impl Into<Cow<'static, str>>) -> Self {
        self.reset.audience = audience.into();
        self
    }

    /// A secret of its own for verification tokens.
    pub fn verification_secret(mut self, secrets: impl Into<Secrets>) -> Self {
        self.verification.secrets = Some(secrets.into());
        self
    }

    /// How long a verification token is good, in seconds; 3600 without.
    pub fn verification_lifetime_seconds(mut self, seconds: u64) -> Self {
        self.verification.lifetime_seconds = seconds;
        self
    }

    /// An audience other than `fastapi-users:verify`.
    pub fn verification_audience(mut self, audience: impl Into<Cow<'static, str>>) -> Self {
        self.verification.audience = audience.into();
        self
    }

    /// Lets secrets under 32 bytes through, for the time in which a Python application shares them.
    pub fn allow_short_secret_until_python_leaves(mut self) -> Self {
        self.allow_short_secret = true;
        self
    }

    /// How the tokens of the database strategy are stored.
    pub fn access_tokens_at_rest(mut self, at_rest: AccessTokensAtRest) -> Self {
        self.at_rest = at_rest;
        self
    }

    /// A schema made at run time, for models whose fields are not known before; see [`UserModel::schema`].
    pub fn schema(mut self, schema: Schema) -> Self {
        self.schema = schema;
        self
    }

    /// The path under which the application nests all routers, such as `/api`; it is added to every path.
    pub fn mount(mut self, path: &str) -> Self {
        path.trim_end_matches('/').clone_into(&mut self.mount);
        self
    }

    /// Origins of other front ends, such as `https://app.example.com`, whose pages may use a cookie backend.
    ///
    /// A page of any other origin is refused by 403 when it logs in by cookie, or changes something with one.
    /// The application's own origin needs no mention, and bearer tokens are not concerned.
    pub fn trusted_origins<T: Into<String>>(mut self, origins: impl IntoIterator<Item = T>) -> Self {
        self.trusted_origins = TrustedOrigins::new(origins.into_iter().map(Into::into));
        self
    }

    /// Limits guesses, registrations and mails; see [`Limits`]. Without, there is no limit. The router has to be
    /// served with `into_make_service_with_connect_info::<SocketAddr>()`, or addresses are not known.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = Some(limits);
        self
    }

    /// Keeps the [audit trail](crate::AuditEvent) in the database, beside the log: read it by
    /// [`Users::audit_trail`], and forget what is old by [`Users::purge_audit_trail`]. At a stop,
    /// [`Users::finish_background_work`] waits for what is still to be written.
    pub fn keeps_audit_trail(mut self) -> Self {
        self.keeps_audit_trail = true;
        self
    }

    /// Counts tries in a place that several processes share, such as [`RedisLimits`](crate::RedisLimits): together
    /// they let no more through than one would.
    pub fn limit_store(mut self, store: impl LimitStore) -> Self {
        self.limit_place = LimitPlace::Store(Box::new(store));
        self
    }

    /// Counts tries in the database, for several processes without Redis. Each login writes there some times.
    pub fn limits_in_database(mut self) -> Self {
        self.limit_place = LimitPlace::Database;
        self
    }

    /// How many proxies stand before the application and add to `X-Forwarded-For`: the client's address is
    /// that many from the right. Without, the header is not read, since anybody can write it.
    pub fn trusted_proxies(mut self, count: usize) -> Self {
        self.trusted_proxies = count;
        self
    }

    /// Title and version of the OpenAPI document.
    pub fn document_info(
        mut self,
        title: impl Into<Cow<'static, str>>,
        version: impl Into<Cow<'static, str>>,
    ) -> Self {
        (self.document_title, self.document_version) = (title.into(), version.into());
        self
    }

    /// Offers an OAuth provider: `GET /auth/{name}/authorize` and `/callback`, and
    /// `/auth/associate/{name}/authorize` and `/callback` to link its accounts.
    ///
    /// Needs [`public_url`](Self::public_url), or both redirect URLs in the options.
    #[cfg(feature = "oauth")]
    pub fn oauth(mut self, client: impl reqwest_oauth::OAuthClient, options: crate::OAuthOptions<U>) -> Self {
        self.oauth.providers.push(crate::oauth::OAuthProvider::new(client, options));
        self
    }

    /// Where browsers reach the application, such as `https://example.com`: the providers send them back there.
    /// It is never taken from a request.
    #[cfg(feature = "oauth")]
    pub fn public_url(mut self, url: &str) -> Self {
        self.oauth.public_url = Some(url.trim_end_matches('/').to_owned());
        self
    }

    /// A secret of its own for OAuth states.
    #[cfg(feature = "oauth")]
    pub fn oauth_state_secret(mut self, secrets: impl Into<Secrets>) -> Self {
        self.oauth.state_secrets = Some(secrets.into());
        self
    }

    /// Encrypts providers' tokens in the database (AES-256-GCM). Those stored before are read as they are.
    #[cfg(feature = "oauth")]
    pub fn encrypt_oauth_tokens(mut self, secrets: impl Into<Secrets>) -> Self {
        self.oauth.encryption = Some(secrets.into());
        self
    }

    /// Shows the linked accounts in the user JSON, providers' tokens included, as the original does when its
    /// read schema has them.
    #[cfg(feature = "oauth")]
    pub fn oauth_accounts_in_user(mut self) -> Self {
        self.oauth.in_user = true;
        self
    }

    /// Shares OAuth flows with a Python application behind the same address: states of both are read by both,
    /// without PKCE, nonce and binding to a provider.
    #[cfg(feature = "oauth")]
    pub fn oauth_side_by_side_until_python_leaves(mut self) -> Self {
        self.oauth.side_by_side = true;
        self
    }

    /// Where the time comes from; for tests.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Where randomness comes from; for tests.
    pub fn random(mut self, random: Random) -> Self {
        self.random = random;
        self
    }

    /// Puts the parts together, and refuses what cannot work.
    ///
    /// # Errors
    /// See [`BuildError`]; each says what to do.
    pub fn build(mut self) -> Result<Users<U>, BuildError> {
        self.refuse_what_cannot_work()?;
        if self.hardening.hides_taken_emails && !self.requires_verification {
            return Err(BuildError::HiddenEmailsShow);
        }
        if self.sessions.is_some() || !self.refresh.is_empty() {
            if !self.database.capabilities().sessions {
                return Err(BuildError::Schema(Cow::Borrowed(
                    "it keeps no sessions, which `sessions` and `refresh` need",
                )));
            }
            sessions::configure(&mut self.backends, self.sessions.as_ref(), &self.refresh, &self.secrets)?;
        }
        let schema = Arc::new(self.schema);
        self.database.configure(&schema).map_err(BuildError::Schema)?;
        #[cfg(feature = "oauth")]
        let ends_early = self.hardening.ends_signed_tokens || self.oauth.evicts_squatters();
        #[cfg(not(feature = "oauth"))]
        let ends_early = self.hardening.ends_signed_tokens;
        if self.hardening.ends_signed_tokens && !self.database.capabilities().user_states {
            return Err(BuildError::Schema(Cow::Borrowed(
                "it keeps no user states, which `password_change_ends_signed_tokens` needs",
            )));
        }
        if self.keeps_audit_trail && !self.database.capabilities().audit_trail {
            return Err(BuildError::Schema(Cow::Borrowed(
                "it keeps no audit trail, which `keeps_audit_trail` needs",
            )));
        }
        let mut setup = StrategySetup {
            secrets: self.secrets.clone(),
            clock: self.clock.clone(),
            random: self.random.clone(),
            schema: Arc::clone(&schema),
            access_tokens_at_rest: self.at_rest,
            allow_short_secret: self.allow_short_secret,
            signed_tokens_end_early: ends_early,
            inactivity_seconds: None,
        };
        let capabilities = self.database.capabilities();
        for backend in &mut self.backends {
            let refused = |reason| BuildError::Backend { name: backend.name.clone(), reason };
            check_capabilities(backend.strategy.needs(), capabilities).map_err(refused)?;
            setup.inactivity_seconds = backend.inactivity_seconds;
            backend.strategy.configure(&setup).map_err(refused)?;
        }
        let json_web_keys = collect_keys(&self.backends)?;
        let (secrets, clock, short) = (&self.secrets, &self.clock, self.allow_short_secret);
        let reset = self.reset.build(secrets, clock, "reset tokens", short)?;
        let new_address = self.verification.for_new_addresses();
        let new_address = new_address.build(secrets, clock, "verification tokens", short)?;
        let verification = self.verification.build(secrets, clock, "verification tokens", short)?;
        #[cfg(feature = "oauth")]
        let oauth = {
            let known: Vec<&str> = self.backends.iter().map(|backend| backend.name.as_str()).collect();
            let setup = OAuthSetup { clock, random: &self.random, secrets, allow_short: short };
            self.oauth.build(&schema, &known, capabilities, &setup)?
        };
        let store = self.limit_place.store(&self.database)?;
        let limiter = self.limits.map(|limits| Limiter::new(limits, self.clock.clone()).shared_by(store));
        let settings = Settings {
            schema,
            backends: self.backends,
            json_web_keys,
            hasher: self.hasher.build(&self.random),
            policy: self.policy,
            reset,
            verification,
            new_address,
            requires_verification: self.requires_verification,
            hardening: self.hardening,
            sessions: self.sessions.as_ref().map(KeptSessions::new),
            clock: self.clock,
            random: self.random,
            mount: self.mount,
            trusted_origins: self.trusted_origins,
            limiter,
            trail: Trail::new(self.keeps_audit_trail),
            trusted_proxies: self.trusted_proxies,
            mounted: Mutex::default(),
            document_title: self.document_title,
            document_version: self.document_version,
            #[cfg(feature = "oauth")]
            oauth,
        };
        Ok(Users {
            inner: Arc::new(Inner {
                user_cache: (self.user_cache > 0)
                    .then(|| UserCache::new(self.user_cache, self.database.changes.clone())),
                database: self.database,
                hooks: self.hooks,
                background: Background::new(),
                held_back: None,
                settings: Arc::new(settings),
            }),
        })
    }
}

impl<U: UserModel> UsersBuilder<U> {
    /// What is wrong whatever the parts make of it.
    fn refuse_what_cannot_work(&self) -> Result<(), BuildError> {
        check_names(&self.backends)?;
        refusals::check_columns(&self.schema)?;
        refusals::check_mount(&self.mount)?;
        self.trusted_origins.iter().try_for_each(refusals::check_origin)?;
        refusals::check_lifetime("reset tokens", self.reset.lifetime_seconds)?;
        refusals::check_lifetime("verification tokens", self.verification.lifetime_seconds)?;
        refusals::check_audiences(&self.reset.audience, &self.verification.audience)?;
        for (backend, tokens) in &self.refresh {
            tokens.check().map_err(|reason| BuildError::Backend { name: backend.clone(), reason })?;
        }
        if let Some(limits) = &self.limits {
            refusals::check_limits(limits)?;
        }
        #[cfg(feature = "oauth")]
        let public_url = self.oauth.public_url.as_deref();
        #[cfg(not(feature = "oauth"))]
        let public_url = None;
        #[cfg(feature = "oauth")]
        refusals::check_public_url(public_url, &self.mount)?;
        for backend in &self.backends {
            let refused = |reason| BuildError::Backend { name: backend.name.clone(), reason };
            backend.transport.check(public_url).map_err(refused)?;
        }
        Ok(())
    }
}

/// Where tries are counted.
enum LimitPlace {
    Process,
    Database,
    Store(Box<dyn ErasedLimitStore>),
}

impl LimitPlace {
    fn store<U: UserModel>(
        self,
        database: &Database<U>,
    ) -> Result<Option<Box<dyn ErasedLimitStore>>, BuildError> {
        match self {
            Self::Process => Ok(None),
            Self::Store(store) => Ok(Some(store)),
            Self::Database if database.capabilities().limits => Ok(Some(Box::new(database.share()))),
            Self::Database => {
                Err(BuildError::Limits(Cow::Borrowed("the database adapter keeps none; take `limit_store`")))
            }
        }
    }
}

impl HasherSettings {
    fn build(self, random: &Random) -> PasswordHasher {
        let mut hasher = PasswordHasher::new(self.parameters, random.clone());
        if let Some(threads) = self.threads {
            hasher = hasher.threads(threads);
        }
        if let Some(queue) = self.queue {
            hasher = hasher.queue(queue);
        }
        hasher
    }
}

fn check_names<U: UserModel>(backends: &[Backend<U>]) -> Result<(), BuildError> {
    let mut names = HashSet::new();
    for Backend { name, .. } in backends {
        if !can_stand_in_path(name) {
            return Err(BuildError::BackendName(name.clone()));
        }
        if !names.insert(name.as_str()) {
            return Err(BuildError::DuplicateBackend(name.clone()));
        }
    }
    Ok(())
}

/// The public keys of all backends, each once. Verifiers look a key up by its name, so that no two may share one.
fn collect_keys<U: UserModel>(backends: &[Backend<U>]) -> Result<Vec<Json>, BuildError> {
    let mut all: Vec<Json> = Vec::new();
    for backend in backends {
        for key in backend.strategy.json_web_keys() {
            if all.contains(&key) {
                continue;
            }
            if all.iter().any(|other| other["kid"] == key["kid"]) {
                let kid = key["kid"].as_str().unwrap_or_default();
                let reason =
                    format!("another backend has a different key called \"{kid}\": give each its own kid");
                return Err(BuildError::Backend { name: backend.name.clone(), reason: reason.into() });
            }
            all.push(key);
        }
    }
    Ok(all)
}

/// Whether a backend or provider can have this name: it is part of its routes.
pub(crate) fn can_stand_in_path(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    !name.is_empty() && name.bytes().all(fits)
}

fn check_capabilities(needs: Capabilities, has: Capabilities) -> Result<(), Cow<'static, str>> {
    if needs.access_tokens && !has.access_tokens {
        return Err(Cow::Borrowed(
            "it keeps access tokens, and the database adapter does not: use the JWT strategy, or implement the adapter's access token methods",
        ));
    }
    Ok(())
}

/// Refuses a missing secret, and one too short for its use.
pub(crate) fn check_secret(secrets: &Secrets, allow_short: bool) -> Result<(), Cow<'static, str>> {
    match secrets.shortest() {
        0 => Err(Cow::Borrowed("is empty: give at least 32 random bytes")),
        length if length < MIN_SECRET_BYTES && !allow_short => Err(Cow::Owned(format!(
            "has {length} bytes, but {MIN_SECRET_BYTES} are the least that is safe (RFC 7518 §3.2): \
             make one with `openssl rand -base64 32`"
        ))),
        _ => Ok(()),
    }
}

impl<U: UserModel> Users<U> {
    /// Begins with a database and a secret; the secret signs every kind of token that is given none of its own.
    ///
    /// ```
    /// use axum_users::{Bearer, Jwt, MemoryDatabase, User, Users};
    ///
    /// let users = Users::<User>::builder(MemoryDatabase::default(), "at-least-32-bytes-of-randomness-here")
    ///     .backend("jwt", Bearer::default(), Jwt::lasting_seconds(3600))
    ///     .build()?;
    /// # Ok::<(), axum_users::BuildError>(())
    /// ```
    pub fn builder(database: impl UserDatabase<U>, secret: impl Into<Secrets>) -> UsersBuilder<U> {
        UsersBuilder {
            database: Database::new(database),
            schema: U::schema(),
            hooks: Arc::new(()),
            backends: Vec::new(),
            hasher: HasherSettings::default(),
            policy: Box::new(DefaultPasswordPolicy::default()),
            secrets: secret.into(),
            reset: TokenSettings::new(AUDIENCE_RESET),
            verification: TokenSettings::new(AUDIENCE_VERIFY),
            requires_verification: false,
            hardening: Hardening::default(),
            sessions: None,
            refresh: Vec::new(),
            allow_short_secret: false,
            at_rest: AccessTokensAtRest::default(),
            clock: Clock::system(),
            random: Random::system(),
            mount: String::new(),
            trusted_origins: TrustedOrigins::default(),
            limits: None,
            keeps_audit_trail: false,
            limit_place: LimitPlace::Process,
            trusted_proxies: 0,
            user_cache: 0,
            document_title: Cow::Borrowed("axum-users"),
            document_version: Cow::Borrowed(env!("CARGO_PKG_VERSION")),
            #[cfg(feature = "oauth")]
            oauth: OAuthSettings::default(),
        }
    }

    /// Makes or adopts the tables; does nothing where that is done.
    ///
    /// # Errors
    /// Rows stand in the way (the text names them, and nothing was changed), or the database failed.
    pub async fn migrate(&self) -> Result<(), MigrateError> {
        self.inner.database.migrate().await
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// It does not.
    pub async fn ping(&self) -> Result<(), DatabaseError> {
        self.inner.database.ping().await
    }

    /// The database, for what the operations here do not offer.
    #[must_use]
    pub fn database(&self) -> &Database<U> {
        &self.inner.database
    }

    /// The user table.
    #[must_use]
    pub fn schema(&self) -> &Schema {
        &self.inner.schema
    }

    /// Where the time comes from.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.inner.clock
    }

    /// The backends' names, in the order in which they are tried.
    pub fn backend_names(&self) -> impl Iterator<Item = &str> {
        self.inner.backends.iter().map(|backend| backend.name.as_str())
    }

    /// The public keys of backends that sign with key pairs, as a JSON Web Key Set (RFC 7517 §5): what
    /// [`jwks_router`](Self::jwks_router) answers. Others verify access tokens by it.
    #[must_use]
    pub fn jwks(&self) -> Json {
        serde_json::json!({ "keys": self.inner.json_web_keys })
    }

    /// Waits until the work behind answers is done: tokens made, mails handed over by hooks, the audit trail
    /// written. For a graceful stop, and for tests.
    pub async fn finish_background_work(&self) {
        self.inner.background.drain().await;
        self.inner.trail.drain().await;
    }

    /// Forgets sessions that have expired; answers how many rows were deleted, access tokens and what was kept of
    /// their sessions. Call it now and then.
    ///
    /// # Errors
    /// The database's own.
    pub async fn purge_expired_sessions(&self) -> Result<u64, DatabaseError> {
        let mut purged = 0;
        if self.keeps_sessions() {
            purged += self.inner.database.purge_sessions(self.inner.clock.now()).await?;
        }
        let mut oldest = None;
        for backend in &self.inner.backends {
            match backend.strategy.kept_access_tokens() {
                KeptAccessTokens::None => {}
                KeptAccessTokens::Since(since) => oldest = Some(oldest.map_or(since, |at| since.min(at))),
                KeptAccessTokens::All => return Ok(purged),
            }
        }
        match oldest {
            Some(before) => Ok(purged + self.inner.database.purge_access_tokens(before).await?),
            None => Ok(purged),
        }
    }
}
