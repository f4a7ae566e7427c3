//! What [`UsersBuilder::build`](crate::UsersBuilder::build) refuses.

use std::{borrow::Cow, collections::HashSet};

use serde_json::Value as Json;

use crate::{
    auth::Backend,
    database::Capabilities,
    token::{MIN_SECRET_BYTES, Secrets},
    user::UserModel,
};

/// Why [`UsersBuilder::build`](crate::UsersBuilder::build) refused. Each text says what to do.
///
/// ```
/// use axum_users::{Bearer, BuildError, Jwt, MemoryDatabase, User, Users};
///
/// let refused = Users::<User>::builder(MemoryDatabase::default(), "at-least-32-bytes-of-randomness-here")
///     .backend("jwt", Bearer::default(), Jwt::lasting_seconds(900))
///     .backend("jwt", Bearer::default(), Jwt::lasting_seconds(3600))
///     .build();
/// assert!(matches!(refused, Err(BuildError::DuplicateBackend(name)) if name == "jwt"));
/// ```
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
    /// The password policy lets no password through.
    #[error("no password could be good: {0}")]
    PasswordPolicy(String),
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

pub(super) fn check_names<U: UserModel>(backends: &[Backend<U>]) -> Result<(), BuildError> {
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
pub(super) fn collect_keys<U: UserModel>(backends: &[Backend<U>]) -> Result<Vec<Json>, BuildError> {
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

pub(super) fn check_capabilities(needs: Capabilities, has: Capabilities) -> Result<(), Cow<'static, str>> {
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
