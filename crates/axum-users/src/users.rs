//! [`Users`], the facade that an application holds.

mod builder;
mod checks;
mod settings;

use std::{
    borrow::Cow,
    fmt,
    ops::Deref,
    sync::{Arc, Mutex},
};

use serde_json::Value as Json;

#[cfg(feature = "oauth")]
pub(crate) use self::checks::can_stand_in_path;
pub(crate) use self::checks::check_secret;
pub use self::{builder::UsersBuilder, checks::BuildError};
#[cfg(feature = "oauth")]
use crate::oauth::OAuth;
use crate::{
    Clock, Random,
    audit::{AuditEntry, Trail},
    auth::{Backend, KeptAccessTokens},
    background::Background,
    csrf::TrustedOrigins,
    database::{Database, DatabaseError, MigrateError},
    hooks::ErasedHooks,
    limits::Limiter,
    openapi::MountedRouter,
    password::{ErasedPasswordPolicy, PasswordHasher},
    schema::Schema,
    sessions::KeptSessions,
    token::{Secrets, TokenSigner},
    user::UserModel,
    user_cache::UserCache,
};

/// The users of an application: its database, hooks and backends, and every operation on them.
///
/// Cheap to clone; put it into the router's state, and the extractors and routers find it there.
///
/// ```
/// use axum::{Router, routing::get};
/// use axum_users::{Bearer, CurrentUser, Jwt, MemoryDatabase, User, Users};
///
/// let users = Users::<User>::builder(MemoryDatabase::default(), "at-least-32-bytes-of-randomness-here")
///     .backend("jwt", Bearer::default(), Jwt::lasting_seconds(900))
///     .build()?;
/// let app: Router = Router::new()
///     .route("/hello", get(async |CurrentUser(user): CurrentUser<User>| format!("Hello {}!", user.email)))
///     .merge(users.router())
///     .with_state(users);
/// # let _ = app;
/// # Ok::<(), axum_users::BuildError>(())
/// ```
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

impl<U: UserModel> Users<U> {
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
