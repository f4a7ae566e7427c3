//! Verification of e-mail addresses: the token that is mailed, and its use.

use sha2::{Digest, Sha256};

use super::from_internal;
use crate::{
    AuditEvent, AuditRecord, Context, RequestInfo, Users,
    database::DatabaseError,
    error::InternalError,
    schema::{DecodeError, Record, Timestamp, Value},
    token::{ReadClaims, VerifyClaims, base64_url},
    user::{UserId, UserModel},
};

/// Why no verification token was made.
///
/// ```
/// # use axum_users::{RequestInfo, RequestVerifyError, User, Users};
/// # async fn example(users: Users<User>, user: User) -> Result<(), RequestVerifyError> {
/// match users.request_verify(&user, &RequestInfo::default()).await {
///     Err(RequestVerifyError::AlreadyVerified) => Ok(()),
///     other => other,
/// }
/// # }
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RequestVerifyError {
    /// The user is not active.
    #[error("the user is not active")]
    Inactive,
    /// The user is verified already.
    #[error("the user is verified already")]
    AlreadyVerified,
    /// Not the caller's fault.
    #[error(transparent)]
    Internal(#[from] InternalError),
}

/// Why an address was not verified.
///
/// ```
/// # use axum_users::{RequestInfo, User, Users, VerifyError};
/// # async fn example(users: Users<User>, token: &str) -> Result<(), VerifyError> {
/// match users.verify(token, &RequestInfo::default()).await {
///     Ok(user) => println!("{} is theirs", user.email),
///     Err(VerifyError::BadToken) => println!("the link is too old, or was used"),
///     Err(error) => return Err(error),
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// The token is bad in any way, was used before, or is about another address or user.
    #[error("the token is bad or has expired")]
    BadToken,
    /// The user is verified already.
    #[error("the user is verified already")]
    AlreadyVerified,
    /// Not the caller's fault.
    #[error(transparent)]
    Internal(#[from] InternalError),
}

from_internal!(RequestVerifyError, VerifyError);

impl<U: UserModel> Users<U> {
    /// Makes a token with which the user can verify the e-mail address, and hands it to
    /// [`on_after_request_verify`](crate::Hooks::on_after_request_verify), which sends it.
    ///
    /// # Errors
    /// The user is not active or verified already, or something failed.
    pub async fn request_verify(&self, user: &U, request: &RequestInfo) -> Result<(), RequestVerifyError> {
        if !user.is_active() {
            return Err(RequestVerifyError::Inactive);
        }
        if user.is_verified() {
            return Err(RequestVerifyError::AlreadyVerified);
        }
        let kind = &self.inner.verification;
        let token = kind.signer.sign(&VerifyClaims {
            sub: &user.id().to_string(),
            email: user.email(),
            aud: kind.signer.audience(),
            exp: kind.signer.expires_at(Some(kind.lifetime_seconds)),
        })?;
        self.audit(AuditRecord::new(AuditEvent::VerificationRequested, request).user(user.id()));
        let mut context = Context::new(self, request);
        let hooks = &self.inner.hooks;
        Ok(hooks.on_after_request_verify(user, &token, &mut context).await.map_err(InternalError::Hook)?)
    }

    /// Verifies an e-mail address by a mailed token, which is good once. Inactive users can be verified, as in
    /// the original. Where [taken addresses are hidden](crate::UsersBuilder::hide_taken_emails), a token that was
    /// mailed to a new address moves the user there.
    ///
    /// # Errors
    /// See [`VerifyError`].
    pub async fn verify(&self, token: &str, request: &RequestInfo) -> Result<U, VerifyError> {
        let verified = self.try_verify(token, request).await;
        if let Err(VerifyError::BadToken) = &verified {
            self.audit(AuditRecord::new(AuditEvent::VerificationFailed, request).detail("bad_token"));
        }
        verified
    }

    async fn try_verify(&self, token: &str, request: &RequestInfo) -> Result<U, VerifyError> {
        let Some(claims) = self.inner.verification.signer.read(token) else {
            let claims = self.inner.new_address.signer.read(token).ok_or(VerifyError::BadToken)?;
            return self.move_to_new_address(token, &claims, request).await;
        };
        let user = self.user_of_verification_token(&claims).await?.ok_or(VerifyError::BadToken)?;
        if user.is_verified() {
            return Err(VerifyError::AlreadyVerified);
        }
        if !self.is_first_use(token, &claims).await? {
            return Err(VerifyError::BadToken);
        }
        // An address that changes at this moment is not the one that the token is about.
        let expected = Record::new()
            .with("email", Value::Text(user.email().to_owned()))
            .with("is_verified", Value::Bool(false));
        let changes = Record::new().with("is_verified", Value::Bool(true));
        let user = self.inner.database.update(user.id(), &expected, &changes).await?;
        let user = user.ok_or(VerifyError::BadToken)?;
        self.audit(AuditRecord::new(AuditEvent::Verified, request).user(user.id()));
        let mut context = Context::new(self, request);
        self.inner.hooks.on_after_verify(&user, &mut context).await.map_err(InternalError::Hook)?;
        Ok(user)
    }

    async fn user_of_verification_token(&self, claims: &ReadClaims) -> Result<Option<U>, InternalError> {
        let id = claims.subject().and_then(|subject| U::Id::parse(subject, self.inner.schema.id_type()));
        let (Some(id), Some(email)) = (id, claims.email()) else { return Ok(None) };
        let user = self.inner.database.get_by_email(email).await?;
        Ok(user.filter(|user| *user.id() == id))
    }

    /// Notes the token as used. An adapter that keeps no such notes leaves a link usable again when its
    /// address changes and returns.
    pub(super) async fn is_first_use(&self, token: &str, claims: &ReadClaims) -> Result<bool, InternalError> {
        let database = &self.inner.database;
        if !database.capabilities().one_time_records {
            return Ok(true);
        }
        let now = self.inner.clock.now();
        let expires_at = claims
            .expires_at()
            .and_then(|seconds| Timestamp::from_unix_timestamp(seconds).ok())
            .unwrap_or(time::macros::datetime!(9999-12-31 23:59:59 UTC));
        let digest = base64_url(&Sha256::digest(token.as_bytes()));
        Ok(database.use_once("verify", &digest, expires_at, now).await?)
    }
}
