//! Every operation on users: create, update, delete, authenticate, verify, reset, log in and out.

mod hidden;
mod login;
#[cfg(feature = "oauth")]
mod oauth;
mod password;
mod refresh;
mod sessions;
mod verify;

pub(crate) use self::login::Judgement;
#[cfg(feature = "oauth")]
pub use self::oauth::{OAuthError, OAuthTokenError};
pub use self::{
    login::{Authenticated, LoginError},
    password::{ForgotPasswordError, ResetPasswordError},
    refresh::RefreshError,
    sessions::UserSession,
    verify::{RequestVerifyError, VerifyError},
};
use crate::{
    AuditEvent, AuditRecord, Context, RequestInfo, SecretString, Users,
    database::{DatabaseError, UserState},
    email::{EmailError, normalize_email},
    error::InternalError,
    hooks::{NewUser, Presented, Refusal},
    schema::{DecodeError, Record, Value},
    user::{UserFields, UserId, UserModel},
};
use secrecy::ExposeSecret;

/// What becomes of `is_active`, `is_superuser` and `is_verified` in a request's fields.
///
/// ```
/// # use axum_users::{Flags, RequestInfo, User, UserCreate, Users};
/// # async fn example(users: Users<User>) -> Result<(), axum_users::CreateError> {
/// let root = UserCreate { is_superuser: true, ..UserCreate::new("root@example.com", "correct horse") };
/// let root = users.create(root, Flags::Applied, &RequestInfo::default()).await?;
/// assert!(root.is_superuser);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flags {
    /// They are ignored: what a visitor sends (the original's `safe=True`).
    Ignored,
    /// They are applied: what a superuser or a program says.
    Applied,
}

/// Why a user was not created.
///
/// ```
/// use axum_users::{CreateError, Flags, RequestInfo, User, UserCreate, Users};
///
/// async fn invite(users: &Users<User>, email: &str, password: &str) -> Result<(), CreateError> {
///     let new = UserCreate::new(email, password);
///     match users.create(new, Flags::Ignored, &RequestInfo::default()).await {
///         Ok(_) | Err(CreateError::AlreadyExists) => Ok(()),
///         Err(error) => Err(error),
///     }
/// }
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CreateError {
    /// The e-mail is taken, in any case.
    #[error("a user with this e-mail exists")]
    AlreadyExists,
    /// The e-mail is no e-mail address.
    #[error("value is not a valid email address: {0}")]
    InvalidEmail(#[from] EmailError),
    /// The password policy refused.
    #[error("{0}")]
    InvalidPassword(String),
    /// A hook refused.
    #[error("{0}")]
    Refused(String),
    /// Not the caller's fault.
    #[error(transparent)]
    Internal(#[from] InternalError),
}

/// Why a user was not changed. Nothing was.
///
/// ```
/// # use axum_users::{Flags, RequestInfo, UpdateError, User, UserUpdate, Users};
/// # async fn example(users: Users<User>, user: User) -> Result<(), UpdateError> {
/// let changes = UserUpdate { email: Some("ada@example.org".into()), ..UserUpdate::default() };
/// match users.update(&user, changes, Flags::Ignored, &RequestInfo::default()).await {
///     Err(UpdateError::EmailTaken) => println!("somebody has this address"),
///     other => println!("{}", other?.email),
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UpdateError {
    /// The new e-mail is taken, in any case; the user's own counts.
    #[error("a user with this e-mail exists")]
    EmailTaken,
    /// The new e-mail is no e-mail address.
    #[error("value is not a valid email address: {0}")]
    InvalidEmail(#[from] EmailError),
    /// The password policy refused.
    #[error("{0}")]
    InvalidPassword(String),
    /// The user was deleted meanwhile.
    #[error("the user does not exist any more")]
    Gone,
    /// Not the caller's fault.
    #[error(transparent)]
    Internal(#[from] InternalError),
}

/// Why a user was not deleted.
///
/// ```
/// # use axum_users::{DeleteError, RequestInfo, User, Users};
/// # async fn example(users: Users<User>, user: User) -> Result<(), DeleteError> {
/// match users.delete(&user, &RequestInfo::default()).await {
///     Err(DeleteError::Refused(reason)) => println!("not yet: {reason}"),
///     Err(DeleteError::Gone) => println!("somebody was quicker"),
///     other => other?,
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeleteError {
    /// A hook refused.
    #[error("{0}")]
    Refused(String),
    /// Somebody else deleted the user meanwhile.
    #[error("the user does not exist any more")]
    Gone,
    /// Not the caller's fault.
    #[error(transparent)]
    Internal(#[from] InternalError),
}

macro_rules! from_internal {
    ($($error:ty),*) => {$(
        impl From<DatabaseError> for $error {
            fn from(error: DatabaseError) -> Self {
                Self::Internal(error.into())
            }
        }

        impl From<DecodeError> for $error {
            fn from(error: DecodeError) -> Self {
                DatabaseError::from(error).into()
            }
        }
    )*};
}
pub(crate) use from_internal;

from_internal!(CreateError, UpdateError, DeleteError);

impl<U: UserModel> Users<U> {
    /// The user with this id.
    ///
    /// # Errors
    /// The database's own.
    pub async fn get(&self, id: &U::Id) -> Result<Option<U>, DatabaseError> {
        self.inner.database.get(id).await
    }

    /// The user with this e-mail, in any case.
    ///
    /// # Errors
    /// The database's own.
    pub async fn get_by_email(&self, email: &str) -> Result<Option<U>, DatabaseError> {
        self.inner.database.get_by_email(email).await
    }

    /// Users in the order of their ids, `limit` at most, beginning after `after`.
    ///
    /// # Errors
    /// The database's own.
    pub async fn list(&self, after: Option<&U::Id>, limit: u32) -> Result<Vec<U>, DatabaseError> {
        self.inner.database.list(after, limit).await
    }

    /// What answers show of a user.
    #[must_use]
    pub fn read(&self, user: U) -> U::Read {
        user.into_read(&self.inner.schema)
    }

    /// Creates a user and fires the hooks of a registration.
    ///
    /// A superuser from code:
    /// ```
    /// # use axum_users::{Flags, MemoryDatabase, RequestInfo, User, UserCreate, Users};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let users = Users::<User>::builder(MemoryDatabase::default(), "at-least-32-bytes-of-randomness-here").build()?;
    /// let new = UserCreate { is_superuser: true, is_verified: true, ..UserCreate::new("ada@example.com", "correct horse") };
    /// let ada = users.create(new, Flags::Applied, &RequestInfo::default()).await?;
    /// assert!(ada.is_superuser);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// See [`CreateError`]. The password is looked at before the e-mail, as in the original.
    pub async fn create(
        &self,
        new: U::Create,
        flags: Flags,
        request: &RequestInfo,
    ) -> Result<U, CreateError> {
        self.create_from_record(new.into_record(), flags, request).await
    }

    pub(crate) async fn create_from_record(
        &self,
        record: Record,
        flags: Flags,
        request: &RequestInfo,
    ) -> Result<U, CreateError> {
        let (record, password) = self.prepare_new(record, flags, request).await?;
        let email = record.get("email").and_then(Value::as_text).unwrap_or_default().to_owned();
        // Spares the hash for a taken address; the insert is what decides.
        let created = match self.inner.database.get_by_email(&email).await? {
            Some(_) => Err(CreateError::AlreadyExists),
            None => self.insert_new(record, &password).await,
        };
        match created {
            Ok(user) => self.registered(&user, request).await.map(|()| user).map_err(Into::into),
            Err(CreateError::AlreadyExists) => {
                self.not_registered(&email, "taken", request);
                Err(CreateError::AlreadyExists)
            }
            Err(error) => Err(error),
        }
    }

    fn not_registered(&self, email: &str, why: &str, request: &RequestInfo) {
        self.audit(AuditRecord::new(AuditEvent::RegisterFailed, request).email(email).detail(why));
    }

    /// Everything before a user is stored: the checks, and the hook that may refuse.
    async fn prepare_new(
        &self,
        mut record: Record,
        flags: Flags,
        request: &RequestInfo,
    ) -> Result<(Record, SecretString), CreateError> {
        let email = normalize_email(&record.take::<String>("email")?)?;
        let password = SecretString::from(record.take::<String>("password")?);
        self.check_password(&password, &email).await.map_err(CreateError::InvalidPassword)?;
        let record = self.new_row(&email, record, flags);
        let mut context = Context::new(self, request);
        self.inner.hooks.on_before_register(&NewUser::new(&record), &mut context).await.map_err(
            |refusal| match refusal {
                Refusal::Reason(reason) => {
                    self.not_registered(&email, "refused", request);
                    CreateError::Refused(reason)
                }
                Refusal::Failed(error) => InternalError::Hook(error).into(),
            },
        )?;
        Ok((record, password))
    }

    /// Hashes the password and stores the user; the unique constraint decides.
    async fn insert_new(&self, mut record: Record, password: &SecretString) -> Result<U, CreateError> {
        let hash = self.inner.hasher.hash(password).await.map_err(InternalError::from)?;
        record.set("hashed_password", Value::Text(hash));
        self.inner.database.create(record).await.map_err(|error| match error {
            DatabaseError::EmailTaken => CreateError::AlreadyExists,
            other => other.into(),
        })
    }

    async fn registered(&self, user: &U, request: &RequestInfo) -> Result<(), InternalError> {
        self.audit(AuditRecord::new(AuditEvent::Registered, request).user(user.id()));
        let mut context = Context::new(self, request);
        self.inner.hooks.on_after_register(user, &mut context).await.map_err(InternalError::Hook)
    }

    /// A whole row, in the order of the schema, without the password's hash.
    fn new_row(&self, email: &str, mut given: Record, flags: Flags) -> Record {
        let schema = &self.inner.schema;
        let mut row = Record::new();
        if let Some(id) = U::Id::generate(&self.inner.random, schema.id_type()) {
            row.set("id", crate::schema::ColumnValue::into_value(id));
        }
        row.set("email", Value::Text(email.to_owned()));
        for (name, standard) in [("is_active", true), ("is_superuser", false), ("is_verified", false)] {
            let flag = given.remove(name).and_then(|value| value.as_bool());
            let flag = flag.filter(|_| flags == Flags::Applied).unwrap_or(standard);
            row.set(name, Value::Bool(flag));
        }
        for column in schema.own_columns() {
            let value = given.remove(&column.name).or_else(|| column.default.clone()).unwrap_or(Value::Null);
            row.set(column.name.clone(), value);
        }
        row
    }

    /// Changes a user. A changed e-mail is unverified from then on; a changed password ends the user's other
    /// sessions of the database and Redis strategies; where they cannot be ended, nothing is changed.
    ///
    /// # Errors
    /// See [`UpdateError`]; nothing is changed then.
    pub async fn update(
        &self,
        user: &U,
        changes: U::Update,
        flags: Flags,
        request: &RequestInfo,
    ) -> Result<U, UpdateError> {
        self.update_from_record(user, changes.into_record(), flags, request).await
    }

    pub(crate) async fn update_from_record(
        &self,
        user: &U,
        mut given: Record,
        flags: Flags,
        request: &RequestInfo,
    ) -> Result<U, UpdateError> {
        if flags == Flags::Ignored {
            given.retain(|name| !matches!(name, "is_active" | "is_superuser" | "is_verified"));
        }
        let mut changes = given.clone();
        let password = changes.take_optional::<String>("password")?.map(SecretString::from);
        if let Some(password) = &password {
            let email = changes.get("email").and_then(Value::as_text).unwrap_or(user.email());
            self.check_password(password, email).await.map_err(UpdateError::InvalidPassword)?;
        }
        if let Some(email) = changes.take_optional::<String>("email")? {
            self.change_email(user, &email, &mut changes).await?;
        }
        if let Some(password) = &password {
            let hash = self.inner.hasher.hash(password).await.map_err(InternalError::from)?;
            changes.set("hashed_password", Value::Text(hash));
            // Before the change too: where sessions cannot be ended, the password stays as it is.
            self.end_sessions(user.id(), request.presented()).await?;
        }
        let old_email = changes.get("email").is_some().then(|| user.email().to_owned());
        let user = self.apply(user, &changes).await?;
        if password.is_some() {
            #[cfg(feature = "oauth")]
            self.password_is_known(user.id()).await?;
            self.end_sessions(user.id(), request.presented()).await?;
        }
        let deactivates = changes.get("is_active").and_then(Value::as_bool) == Some(false);
        if deactivates && self.inner.backends.iter().any(|backend| backend.refresh.is_some()) {
            // Otherwise a refresh token would be good again with the user.
            self.end_sessions(user.id(), None).await?;
        }
        self.note_update(&user, &given, old_email.is_some(), flags, request);
        let hooks = &self.inner.hooks;
        let updated = hooks.on_after_update(&user, &given, &mut Context::new(self, request)).await;
        let told = match &password {
            Some(_) => hooks.on_after_password_change(&user, &mut Context::new(self, request)).await,
            None => Ok(()),
        };
        let told_too = match &old_email {
            Some(old) => hooks.on_after_email_change(&user, old, &mut Context::new(self, request)).await,
            None => Ok(()),
        };
        // One that fails keeps none of the others from warning the owner.
        updated.and(told).and(told_too).map_err(InternalError::Hook)?;
        Ok(user)
    }

    /// What a user does to the own profile is nobody's business, save for password and address.
    fn note_update(&self, user: &U, given: &Record, moved: bool, flags: Flags, request: &RequestInfo) {
        let note = |event| AuditRecord::new(event, request).user(user.id());
        if given.get("password").is_some() {
            self.audit(note(AuditEvent::PasswordChanged));
        }
        if moved {
            self.audit(note(AuditEvent::EmailChanged));
        }
        let others = given.iter().map(|(name, _)| name.as_ref());
        let others: Vec<&str> = others.filter(|name| !matches!(*name, "password" | "email")).collect();
        if flags == Flags::Applied && !others.is_empty() {
            self.audit(note(AuditEvent::UserUpdated).detail(others.join(" ")));
        }
    }

    async fn change_email(&self, user: &U, email: &str, changes: &mut Record) -> Result<(), UpdateError> {
        let email = normalize_email(email)?;
        if email == user.email() {
            return Ok(());
        }
        // The user's own row counts, as in the original: an address cannot change in case alone.
        if self.inner.database.get_by_email(&email).await?.is_some() {
            return Err(UpdateError::EmailTaken);
        }
        changes.set("email", Value::Text(email));
        if changes.get("is_verified").is_none() {
            changes.set("is_verified", Value::Bool(false));
        }
        Ok(())
    }

    async fn apply(&self, user: &U, changes: &Record) -> Result<U, UpdateError> {
        let changed = if changes.is_empty() {
            self.inner.database.get(user.id()).await
        } else {
            self.inner.database.update(user.id(), &Record::new(), changes).await
        };
        match changed {
            Ok(Some(user)) => Ok(user),
            Ok(None) => Err(UpdateError::Gone),
            Err(DatabaseError::EmailTaken) => Err(UpdateError::EmailTaken),
            Err(error) => Err(error.into()),
        }
    }

    /// Deletes a user with all that belongs to it: sessions and linked accounts too.
    ///
    /// # Errors
    /// A hook refused, somebody else was faster, or the database failed.
    pub async fn delete(&self, user: &U, request: &RequestInfo) -> Result<(), DeleteError> {
        let mut context = Context::new(self, request);
        self.inner.hooks.on_before_delete(user, &mut context).await.map_err(|refusal| match refusal {
            Refusal::Reason(reason) => DeleteError::Refused(reason),
            Refusal::Failed(error) => InternalError::Hook(error).into(),
        })?;
        self.end_sessions(user.id(), None).await?;
        // Of several at once one deletes, and one alone calls the hook.
        if !self.inner.database.delete(user.id()).await? {
            return Err(DeleteError::Gone);
        }
        self.audit(AuditRecord::new(AuditEvent::UserDeleted, request).user(user.id()));
        let mut context = Context::new(self, request);
        Ok(self.inner.hooks.on_after_delete(user, &mut context).await.map_err(InternalError::Hook)?)
    }

    /// Ends the sessions of a user in every backend that keeps them, but the one of `except`. A backend that
    /// fails stops none of the others.
    pub(crate) async fn end_sessions(
        &self,
        id: &U::Id,
        except: Option<&Presented>,
    ) -> Result<(), InternalError> {
        // Before the tokens: a refresh under way sees that its session is gone, and takes its tokens back.
        self.forget_sessions(id, except).await?;
        let _note = self.inner.database.changes.note_at_end();
        let mut failure = None;
        let token = except.map(|presented| presented.token.expose_secret());
        for backend in &self.inner.backends {
            if let Err(error) = backend.strategy.revoke_all(id, token, &self.inner.database).await {
                failure = failure.or(Some(error));
            }
        }
        if self.inner.hardening.ends_signed_tokens {
            self.end_signed_tokens(id).await?;
        }
        failure.map_or(Ok(()), Err)
    }

    /// Notes that tokens which were made before now are no longer good.
    async fn end_signed_tokens(&self, id: &U::Id) -> Result<(), DatabaseError> {
        let database = &self.inner.database;
        let Some((_, state)) = database.get_with_state(id).await? else { return Ok(()) };
        let not_before = Some(self.inner.clock.now());
        database.set_user_state(id, UserState { not_before, ..state }).await
    }

    /// The password policy's verdict: `Err` is the reason that the user sees.
    async fn check_password(&self, password: &SecretString, email: &str) -> Result<(), String> {
        self.inner.policy.check(password.expose_secret(), email).await
    }
}

#[cfg(test)]
mod tests;
