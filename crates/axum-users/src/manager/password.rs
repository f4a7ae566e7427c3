//! Forgotten passwords: the token that is mailed, and the new password.

use secrecy::{ExposeSecret, SecretString};

use super::from_internal;
use crate::{
    AuditEvent, AuditRecord, Context, RequestInfo, Users,
    database::DatabaseError,
    error::InternalError,
    schema::{DecodeError, Record, Value},
    token::{ResetClaims, keyed_fingerprints},
    user::{UserId, UserModel},
};

/// Why no reset token was made.
///
/// ```
/// # use axum_users::{ForgotPasswordError, RequestInfo, User, Users};
/// # async fn example(users: Users<User>, user: User) -> Result<(), ForgotPasswordError> {
/// match users.forgot_password(&user, &RequestInfo::default()).await {
///     Err(ForgotPasswordError::Inactive) => println!("activate them first"),
///     other => other?,
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ForgotPasswordError {
    /// The user is not active.
    #[error("the user is not active")]
    Inactive,
    /// Not the caller's fault.
    #[error(transparent)]
    Internal(#[from] InternalError),
}

/// Why a password was not reset.
///
/// ```
/// # use axum_users::{RequestInfo, ResetPasswordError, SecretString, User, Users};
/// # async fn example(users: Users<User>, token: &str, new: SecretString) -> Result<(), ResetPasswordError> {
/// match users.reset_password(token, &new, &RequestInfo::default()).await {
///     Err(ResetPasswordError::InvalidPassword(reason)) => println!("another one, please: {reason}"),
///     other => drop(other?),
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ResetPasswordError {
    /// The token is bad in any way, or its user is unknown or inactive.
    #[error("the token is bad or has expired")]
    BadToken,
    /// The password policy refused; the token stays usable.
    #[error("{0}")]
    InvalidPassword(String),
    /// Not the caller's fault.
    #[error(transparent)]
    Internal(#[from] InternalError),
}

from_internal!(ForgotPasswordError, ResetPasswordError);

impl<U: UserModel> Users<U> {
    /// Makes a token with which the user can set a new password, and hands it to
    /// [`on_after_forgot_password`](crate::Hooks::on_after_forgot_password), which sends it.
    ///
    /// The token dies with the stored hash, and with the e-mail address.
    ///
    /// # Errors
    /// The user is not active, or something failed.
    pub async fn forgot_password(&self, user: &U, request: &RequestInfo) -> Result<(), ForgotPasswordError> {
        if !user.is_active() {
            return Err(ForgotPasswordError::Inactive);
        }
        let kind = &self.inner.reset;
        let password_fgpt =
            self.inner.hasher.fingerprint(user.hashed_password()).await.map_err(InternalError::from)?;
        let email_fgpt = keyed_fingerprints(&kind.secrets, user.email());
        let token = kind.signer.sign(&ResetClaims {
            sub: &user.id().to_string(),
            password_fgpt: &password_fgpt,
            email_fgpt: email_fgpt.first().map(String::as_str),
            aud: kind.signer.audience(),
            exp: kind.signer.expires_at(Some(kind.lifetime_seconds)),
        })?;
        self.audit(AuditRecord::new(AuditEvent::PasswordResetRequested, request).user(user.id()));
        let mut context = Context::new(self, request);
        let hooks = &self.inner.hooks;
        Ok(hooks.on_after_forgot_password(user, &token, &mut context).await.map_err(InternalError::Hook)?)
    }

    /// Sets a new password by a mailed token, and ends the user's sessions.
    ///
    /// # Errors
    /// See [`ResetPasswordError`]; the token is looked at before the password.
    pub async fn reset_password(
        &self,
        token: &str,
        password: &SecretString,
        request: &RequestInfo,
    ) -> Result<U, ResetPasswordError> {
        let done = self.try_reset(token, password).await;
        if let Err(ResetPasswordError::BadToken) = &done {
            self.audit(AuditRecord::new(AuditEvent::PasswordResetFailed, request).detail("bad_token"));
        }
        let user = done?;
        self.audit(AuditRecord::new(AuditEvent::PasswordReset, request).user(user.id()));
        let hooks = &self.inner.hooks;
        let done = hooks.on_after_reset_password(&user, &mut Context::new(self, request)).await;
        let told = hooks.on_after_password_change(&user, &mut Context::new(self, request)).await;
        done.and(told).map_err(InternalError::Hook)?;
        Ok(user)
    }

    async fn try_reset(&self, token: &str, password: &SecretString) -> Result<U, ResetPasswordError> {
        let user = self.user_of_reset_token(token).await?.ok_or(ResetPasswordError::BadToken)?;
        let verdict = self.inner.policy.check(password.expose_secret(), user.email()).await;
        verdict.map_err(ResetPasswordError::InvalidPassword)?;
        let hash = self.inner.hasher.hash(password).await.map_err(InternalError::from)?;
        // Before the change too: where sessions cannot be ended, the token stays good for another attempt.
        self.end_sessions(user.id(), None).await?;
        // Of several that use a token at once, the one that finds the hash unchanged wins.
        let expected = Record::new().with("hashed_password", Value::Text(user.hashed_password().to_owned()));
        let changes = Record::new().with("hashed_password", Value::Text(hash));
        let user = self.inner.database.update(user.id(), &expected, &changes).await?;
        let user = user.ok_or(ResetPasswordError::BadToken)?;
        #[cfg(feature = "oauth")]
        self.password_is_known(user.id()).await?;
        self.end_sessions(user.id(), None).await?;
        Ok(user)
    }

    async fn user_of_reset_token(&self, token: &str) -> Result<Option<U>, InternalError> {
        let Some(claims) = self.inner.reset.signer.read(token) else { return Ok(None) };
        let id = claims.subject().and_then(|subject| U::Id::parse(subject, self.inner.schema.id_type()));
        let (Some(id), Some(fingerprint)) = (id, claims.password_fingerprint()) else { return Ok(None) };
        let Some(user) = self.inner.database.get(&id).await? else { return Ok(None) };
        let unchanged = self.inner.hasher.verify_fingerprint(user.hashed_password(), fingerprint).await?;
        Ok((unchanged && user.is_active() && claims.is_for_address(&self.inner.reset.secrets, user.email()))
            .then_some(user))
    }
}
