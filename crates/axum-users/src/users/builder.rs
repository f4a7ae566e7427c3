//! [`UsersBuilder`]: every setting, and how `build` makes [`Users`] of them.

use std::{
    borrow::Cow,
    fmt,
    sync::{Arc, Mutex},
};

use super::{
    BuildError, Hardening, Inner, Settings, Users,
    checks::{check_capabilities, check_names, collect_keys},
    settings::{HasherSettings, LimitPlace, TokenSettings},
};
#[cfg(feature = "oauth")]
use crate::oauth_settings::{OAuthSettings, OAuthSetup};
use crate::{
    Clock, Random,
    audit::Trail,
    auth::{AccessTokensAtRest, Backend, Strategy, StrategySetup, Transport},
    background::Background,
    csrf::TrustedOrigins,
    database::{Database, UserDatabase},
    hooks::{ErasedHooks, Hooks},
    limits::{LimitStore, Limiter, Limits},
    password::{Argon2Parameters, DefaultPasswordPolicy, ErasedPasswordPolicy, PasswordPolicy},
    refusals,
    schema::Schema,
    sessions::{self, KeptSessions, RefreshTokens, Sessions},
    token::{AUDIENCE_RESET, AUDIENCE_VERIFY, Secrets},
    user::UserModel,
    user_cache::UserCache,
};

/// Collects the settings of [`Users`]; see [`Users::builder`].
///
/// ```
/// use axum_users::{BuildError, Cookie, DatabaseTokens, Limits, MemoryDatabase, User, Users, UsersBuilder};
///
/// fn builder() -> UsersBuilder<User> {
///     Users::builder(MemoryDatabase::default(), "at-least-32-bytes-of-randomness-here")
///         .backend("cookie", Cookie::default(), DatabaseTokens::lasting_seconds(3600))
///         .limits(Limits::default())
/// }
/// let users = builder().build()?;
/// # let _ = users;
/// # Ok::<(), BuildError>(())
/// ```
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
            let setup = OAuthSetup { clock, random: &self.random, secrets, allow_short: short };
            self.oauth.build(&schema, &self.backends, capabilities, &setup)?
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
        if let Some(mistake) = self.policy.mistake() {
            return Err(BuildError::PasswordPolicy(mistake));
        }
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
}
