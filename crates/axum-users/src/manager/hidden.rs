//! Registrations and changes of address that do not tell whether an address is taken; see
//! [`UsersBuilder::hide_taken_emails`](crate::UsersBuilder::hide_taken_emails).
//!
//! Both do the same work for a taken address and for a free one before the answer, and what differs behind it.

use super::{CreateError, UpdateError, VerifyError};
use crate::{
    AuditEvent, AuditRecord, Context, Flags, RequestInfo, Users,
    database::DatabaseError,
    email::normalize_email,
    error::{InternalError, error_chain},
    schema::{Record, Value},
    token::{NewAddressClaims, ReadClaims, keyed_fingerprints},
    user::{UserFields, UserId, UserModel},
};

impl<U: UserModel> Users<U> {
    /// Creates a user, or lets the owner of the address know; the caller is told neither.
    pub(crate) async fn register_quietly(
        &self,
        new: U::Create,
        request: &RequestInfo,
    ) -> Result<(), CreateError> {
        let place = self.inner.background.reserve()?;
        let (record, password) = self.prepare_new(new.into_record(), Flags::Ignored, request).await?;
        let email = record.get("email").and_then(Value::as_text).unwrap_or_default().to_owned();
        // No look-up before: the hash and the insert are made for a taken address, too.
        let created = match self.insert_new(record, &password).await {
            Ok(user) => Some(user),
            Err(CreateError::AlreadyExists) => None,
            Err(error) => return Err(error),
        };
        let (users, request) = (self.clone(), request.clone());
        place.run(async move {
            let told = match &created {
                Some(user) => users.registered(user, &request).await,
                None => {
                    users.not_registered(&email, "taken", &request);
                    users.tell_owner_of(&email, &request).await
                }
            };
            log_failure(told);
        });
        Ok(())
    }

    /// Changes a user but for the e-mail address, which changes when the token that is mailed to the new one is
    /// used. The caller is not told whether the new address is taken.
    pub(crate) async fn update_quietly(
        &self,
        user: &U,
        changes: U::Update,
        request: &RequestInfo,
    ) -> Result<U, UpdateError> {
        let mut given = changes.into_record();
        let email = given.take_optional::<String>("email")?.as_deref().map(normalize_email).transpose()?;
        let Some(email) = email.filter(|email| email != user.email()) else {
            return self.update_from_record(user, given, Flags::Ignored, request).await;
        };
        if let Some(password) = given.get("password").and_then(Value::as_text) {
            let verdict = self.inner.policy.check(password, &email).await;
            verdict.map_err(UpdateError::InvalidPassword)?;
        }
        let place = self.inner.background.reserve()?;
        let user = self.update_from_record(user, given, Flags::Ignored, request).await?;
        let (users, asking, request) = (self.clone(), user.clone(), request.clone());
        place.run(async move { log_failure(users.offer_address(&asking, &email, &request).await) });
        Ok(user)
    }

    /// Mails a token to an address that is free, and a warning to one that is taken.
    async fn offer_address(&self, user: &U, email: &str, request: &RequestInfo) -> Result<(), InternalError> {
        let owner = self.inner.database.get_by_email(email).await?;
        if owner.is_some_and(|owner| owner.id() != user.id()) {
            return self.tell_owner_of(email, request).await;
        }
        let kind = &self.inner.new_address;
        let password_fgpt = self.inner.hasher.fingerprint(user.hashed_password()).await?;
        let old = keyed_fingerprints(&kind.secrets, user.email());
        let token = kind.signer.sign(&NewAddressClaims {
            sub: &user.id().to_string(),
            email,
            password_fgpt: &password_fgpt,
            email_fgpt: old.first().map_or("", String::as_str),
            aud: kind.signer.audience(),
            exp: kind.signer.expires_at(Some(kind.lifetime_seconds)),
        })?;
        self.audit(AuditRecord::new(AuditEvent::EmailChangeRequested, request).user(user.id()));
        let hooks = &self.inner.hooks;
        let mut context = Context::new(self, request);
        hooks
            .on_after_request_email_change(user, email, &token, &mut context)
            .await
            .map_err(InternalError::Hook)
    }

    async fn tell_owner_of(&self, email: &str, request: &RequestInfo) -> Result<(), InternalError> {
        let Some(owner) = self.inner.database.get_by_email(email).await? else { return Ok(()) };
        if !owner.is_active() {
            return Ok(());
        }
        let mut context = Context::new(self, request);
        self.inner.hooks.on_after_taken_email(&owner, &mut context).await.map_err(InternalError::Hook)
    }

    /// Moves a user to the address to which the token was mailed. A changed password or address kills the token.
    pub(super) async fn move_to_new_address(
        &self,
        token: &str,
        claims: &ReadClaims,
        request: &RequestInfo,
    ) -> Result<U, VerifyError> {
        let bad = || VerifyError::BadToken;
        let user = self.user_of_new_address_token(claims).await?.ok_or_else(bad)?;
        let email = claims.email().ok_or_else(bad)?;
        if !self.is_first_use(token, claims).await? {
            return Err(bad());
        }
        let old = user.email().to_owned();
        let expected = Record::new()
            .with("email", Value::Text(old.clone()))
            .with("hashed_password", Value::Text(user.hashed_password().to_owned()));
        let changes =
            Record::new().with("email", Value::Text(email.to_owned())).with("is_verified", Value::Bool(true));
        let user = match self.inner.database.update(user.id(), &expected, &changes).await {
            Ok(user) => user.ok_or_else(bad)?,
            Err(DatabaseError::EmailTaken) => return Err(bad()),
            Err(error) => return Err(error.into()),
        };
        for event in [AuditEvent::EmailChanged, AuditEvent::Verified] {
            self.audit(AuditRecord::new(event, request).user(user.id()));
        }
        let hooks = &self.inner.hooks;
        let verified = hooks.on_after_verify(&user, &mut Context::new(self, request)).await;
        let told = hooks.on_after_email_change(&user, &old, &mut Context::new(self, request)).await;
        verified.and(told).map_err(InternalError::Hook)?;
        Ok(user)
    }

    async fn user_of_new_address_token(&self, claims: &ReadClaims) -> Result<Option<U>, InternalError> {
        let id = claims.subject().and_then(|subject| U::Id::parse(subject, self.inner.schema.id_type()));
        let (Some(id), Some(fingerprint)) = (id, claims.password_fingerprint()) else { return Ok(None) };
        let Some(user) = self.inner.database.get(&id).await? else { return Ok(None) };
        let secrets = &self.inner.new_address.secrets;
        let fits = claims.email_fingerprint().is_some()
            && claims.is_for_address(secrets, user.email())
            && self.inner.hasher.verify_fingerprint(user.hashed_password(), fingerprint).await?;
        Ok((fits && user.is_active()).then_some(user))
    }
}

/// What fails behind an answer is logged.
fn log_failure(done: Result<(), InternalError>) {
    if let Err(error) = done {
        tracing::error!(cause = %error_chain(&error), "work behind an answer failed");
    }
}
