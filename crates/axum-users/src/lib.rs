#![doc = include_str!("docs/guide.md")]

mod audit;
mod auth;
mod background;
mod body;
mod clock;
mod csrf;
mod database;
mod email;
mod error;
mod extract;
mod hooks;
mod keys;
mod limits;
mod manager;
mod metrics;
#[cfg(feature = "oauth")]
mod oauth;
#[cfg(feature = "oauth")]
mod oauth_settings;
mod openapi;
mod password;
mod progress;
mod random;
mod reader;
mod refusals;
mod router;
pub mod schema;
mod sessions;
mod spans;
mod survey;
#[cfg(feature = "swagger-ui")]
mod swagger;
#[cfg(feature = "testing")]
pub mod testing;
mod token;
mod transaction;
mod user;
mod user_cache;
mod users;

pub use axum_users_macros::{ColumnValue, UserModel};
/// A text that its `Debug` output does not show; make one with `"…".into()`.
pub use secrecy::{ExposeSecret, SecretString};

#[cfg(feature = "metrics")]
pub use self::metrics::describe_metrics;
#[cfg(feature = "swagger-ui")]
pub use self::swagger::docs_router;
pub use self::{
    audit::{AuditEntry, AuditEvent, AuditFilter, AuditRecord},
    auth::{
        AccessTokensAtRest, Bearer, Cookie, DatabaseTokens, IssueContext, Issued, IssuedRefresh, Jwt,
        KeptAccessTokens, Resolved, ResolvedUser, SameSite, Strategy, StrategySetup, Transport,
        hash_access_token,
    },
    clock::Clock,
    database::{
        AccessToken, Capabilities, Database, DatabaseError, MemoryDatabase, MigrateError, NewOAuthAccount,
        OAuthAccount, RefreshFamily, Session, UserDatabase, UserState,
    },
    email::{EmailError, normalize_email},
    error::{ApiError, BoxError, FieldError, InternalError, Location, code},
    extract::{AnyUser, CurrentUser, Superuser, UsersState, VerifiedSuperuser, VerifiedUser},
    hooks::{Context, Hooks, NewUser, Refusal, RequestInfo},
    keys::{KeyError, KeyPair},
    limits::{Limit, LimitCount, LimitStore, Limits},
    manager::{
        Authenticated, CreateError, DeleteError, Flags, ForgotPasswordError, LoginError, RefreshError,
        RequestVerifyError, ResetPasswordError, UpdateError, UserSession, VerifyError,
    },
    openapi::{TransportDescription, merge_openapi},
    password::{
        AnyPassword, Argon2Parameters, Argon2ParametersError, DefaultPasswordPolicy, HashError, HashKind,
        PasswordHasher, PasswordPolicy, Verification,
    },
    progress::with_progress,
    random::Random,
    router::Routes,
    schema::{ColumnValue, Date, ObjectId, Timestamp},
    sessions::{RefreshTokens, Sessions},
    survey::{AdoptionPlan, HashCounts, OwnColumn, Survey},
    token::{Algorithm, MIN_SECRET_BYTES, Secrets},
    transaction::PendingHooks,
    user::{User, UserCreate, UserFields, UserId, UserModel, UserRead, UserUpdate},
    users::{BuildError, Users, UsersBuilder},
};
#[cfg(feature = "redis")]
pub use self::{
    auth::{RedisError, RedisTokens},
    limits::RedisLimits,
};
#[cfg(feature = "oauth")]
pub use self::{
    manager::{OAuthError, OAuthTokenError},
    oauth::{OAuthOptions, ProfileError},
};
/// The OAuth2 and OpenID Connect clients.
#[cfg(feature = "oauth")]
pub use reqwest_oauth;

/// What the derive's output needs; no part of the API.
#[doc(hidden)]
pub mod __private {
    pub use {secrecy, serde};
}

/// The book's pages: their programs are compiled with the documentation's tests.
#[cfg(doctest)]
mod book {
    #[doc = include_str!("../../../docs/audit.md")]
    struct Audit;
    #[doc = include_str!("../../../docs/backends.md")]
    struct Backends;
    #[doc = include_str!("../../../docs/custom-fields.md")]
    struct CustomFields;
    #[doc = include_str!("../../../docs/hardening.md")]
    struct Hardening;
    #[doc = include_str!("../../../docs/hooks.md")]
    struct Hooks;
    #[doc = include_str!("../../../docs/keys.md")]
    struct Keys;
    #[doc = include_str!("../../../docs/behind-a-proxy.md")]
    struct BehindAProxy;
    #[doc = include_str!("../../../docs/first-superuser.md")]
    struct FirstSuperuser;
    #[cfg(feature = "oauth")]
    #[doc = include_str!("../../../docs/oauth.md")]
    struct OAuth;
    #[cfg(feature = "oauth")]
    #[doc = include_str!("../../../docs/own-provider.md")]
    struct OwnProvider;
    #[cfg(feature = "testing")]
    #[doc = include_str!("../../../docs/own-strategy.md")]
    struct OwnStrategy;
    #[doc = include_str!("../../../docs/passwords.md")]
    struct Passwords;
    #[cfg(feature = "testing")]
    #[doc = include_str!("../../../docs/testing.md")]
    struct Testing;
    #[doc = include_str!("../../../docs/refresh-tokens.md")]
    struct RefreshTokens;
    #[doc = include_str!("../../../docs/sessions.md")]
    struct Sessions;
    #[doc = include_str!("../../../docs/single-page-application.md")]
    struct SinglePageApplication;
    #[doc = include_str!("../../../docs/why-so.md")]
    struct WhySo;
}
