//! Users who come by an OAuth provider, and the accounts that are linked to them.

use reqwest_oauth::{Identity, OAuth2Token, OAuthClient};
use secrecy::SecretString;
use sha2::{Digest, Sha256};

use super::from_internal;
use crate::{
    AuditEvent, AuditRecord, Context, Flags, RequestInfo, Users,
    database::{DatabaseError, NewOAuthAccount, OAuthAccount, UserState},
    email::normalize_email,
    error::{InternalError, error_chain},
    hooks::{NewUser, Refusal},
    oauth::OAuthProvider,
    schema::{DecodeError, Record, Value},
    spans,
    user::{UserId, UserModel},
};

/// How often a callback begins anew when another one changed what it had found. Each time the other has won,
/// so that the next try finds what it did.
const TRIES: usize = 4;

/// Why an account at a provider does not lead to a user.
///
/// ```
/// # use axum_users::{OAuthError, RequestInfo, User, Users};
/// # async fn example(users: Users<User>, user: User) -> Result<(), OAuthError> {
/// match users.unlink_oauth_account(&user, "google", "people/1815", &RequestInfo::default()).await {
///     Err(OAuthError::LastWayIn) => println!("set a password first"),
///     other => drop(other?),
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OAuthError {
    /// The provider tells no e-mail address, or none that is one.
    #[error("the provider tells no e-mail address")]
    NotAvailableEmail,
    /// A user has this e-mail, and accounts are not linked by e-mail; or the account is another user's.
    #[error("a user with this e-mail exists, or the account is linked to another user")]
    UserAlreadyExists,
    /// The profile or a hook was refused.
    #[error("{0}")]
    Refused(String),
    /// It is the last way in: the user has no other account there, and nobody knows the password.
    #[error("this account is the only way in: set a password first")]
    LastWayIn,
    /// Not the caller's fault.
    #[error(transparent)]
    Internal(#[from] InternalError),
}

from_internal!(OAuthError);

/// Why there is no access token of a provider.
///
/// ```
/// # use axum_users::{OAuthTokenError, User, Users};
/// # async fn example(users: Users<User>, user: User) -> Result<(), OAuthTokenError> {
/// match users.oauth_access_token(&user, "google").await {
///     Err(OAuthTokenError::NotLinked | OAuthTokenError::Expired) => println!("go to Google again"),
///     other => drop(other?),
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OAuthTokenError {
    /// No provider has this name.
    #[error("there is no OAuth provider of this name")]
    UnknownProvider,
    /// The user has no account there.
    #[error("the user has no account at this provider")]
    NotLinked,
    /// The token has expired and cannot be renewed without the user: the user has to log in there again.
    #[error("the provider's token has expired, and cannot be renewed without the user")]
    Expired,
    /// The provider refused or failed.
    #[error("the provider did not renew the token")]
    Provider(#[source] reqwest_oauth::OAuthError),
    /// Not the caller's fault.
    #[error(transparent)]
    Internal(#[from] InternalError),
}

from_internal!(OAuthTokenError);

/// What became of one try.
enum Outcome<U> {
    Done(U),
    /// Another request changed what was found: look again.
    Again,
}

impl<U: UserModel> Users<U> {
    /// The user of an account at a provider: known, linked by e-mail, or new.
    pub(crate) async fn oauth_callback(
        &self,
        provider: &OAuthProvider<U>,
        token: &OAuth2Token,
        identity: &Identity,
        request: &RequestInfo,
    ) -> Result<U, OAuthError> {
        let account = self.new_account(provider, token, identity)?;
        for _ in 0..TRIES {
            if let Some(user) = self.known_user(&account).await? {
                self.note_account(AuditEvent::OAuthLoggedIn, &user, &account.oauth_name, request);
                return Ok(user);
            }
            match self.unknown_account(provider, identity, &account, request).await? {
                Outcome::Done(user) => {
                    self.note_account(AuditEvent::OAuthLoggedIn, &user, &account.oauth_name, request);
                    return Ok(user);
                }
                Outcome::Again => {}
            }
        }
        Err(InternalError::Overloaded.into())
    }

    /// Links an account to a user who is logged in. An account that is this user's already gets the new tokens.
    pub(crate) async fn oauth_associate_callback(
        &self,
        provider: &OAuthProvider<U>,
        user: U,
        token: &OAuth2Token,
        identity: &Identity,
        request: &RequestInfo,
    ) -> Result<U, OAuthError> {
        if identity.email.is_none() && provider.options.placeholder_email_domain.is_none() {
            return Err(OAuthError::NotAvailableEmail);
        }
        let account = self.new_account(provider, token, identity)?;
        let database = &self.inner.database;
        for _ in 0..TRIES {
            match database.user_by_oauth_account(&account.oauth_name, &account.account_id).await? {
                Some(owner) if owner.id() != user.id() => return Err(OAuthError::UserAlreadyExists),
                Some(_) => {
                    if !database.update_oauth_account(user.id(), &account).await? {
                        continue;
                    }
                }
                None => match self.link(&user, &account).await {
                    Err(OAuthError::Internal(InternalError::Database(DatabaseError::OAuthAccountTaken))) => {
                        continue;
                    }
                    other => other?,
                },
            }
            self.note_account(AuditEvent::OAuthLinked, &user, &account.oauth_name, request);
            self.linked(&user, request).await?;
            return Ok(user);
        }
        Err(InternalError::Overloaded.into())
    }

    fn new_account(
        &self,
        provider: &OAuthProvider<U>,
        token: &OAuth2Token,
        identity: &Identity,
    ) -> Result<NewOAuthAccount, OAuthError> {
        let refresh_token = token.refresh_token.as_ref().map(|token| self.at_rest(token));
        Ok(NewOAuthAccount {
            oauth_name: provider.name().to_owned(),
            access_token: self.at_rest(&token.access_token)?,
            expires_at: token.expires_at,
            refresh_token: refresh_token.transpose()?,
            account_id: identity.id.clone(),
            account_email: identity.email.clone().unwrap_or_default(),
        })
    }

    /// A provider's token as it is stored.
    fn at_rest(&self, token: &str) -> Result<String, InternalError> {
        match &self.inner.oauth.encryption {
            None => Ok(token.to_owned()),
            Some(encryption) => encryption
                .encrypt(token)
                .ok_or_else(|| InternalError::Token("a provider's token could not be encrypted".into())),
        }
    }

    /// A provider's token as the provider gave it; `None` when no secret of ours decrypts it.
    fn in_clear(&self, stored: &str) -> Option<String> {
        match &self.inner.oauth.encryption {
            None => Some(stored.to_owned()),
            Some(encryption) => encryption.decrypt(stored),
        }
    }

    /// The user to whom the account is linked, who gets its new tokens.
    async fn known_user(&self, account: &NewOAuthAccount) -> Result<Option<U>, OAuthError> {
        let database = &self.inner.database;
        let user = database.user_by_oauth_account(&account.oauth_name, &account.account_id).await?;
        let Some(user) = user else { return Ok(None) };
        // Unlinked at this moment: not known after all.
        Ok(database.update_oauth_account(user.id(), account).await?.then_some(user))
    }

    async fn unknown_account(
        &self,
        provider: &OAuthProvider<U>,
        identity: &Identity,
        account: &NewOAuthAccount,
        request: &RequestInfo,
    ) -> Result<Outcome<U>, OAuthError> {
        let email = address_of(provider, identity).ok_or(OAuthError::NotAvailableEmail)?;
        let database = &self.inner.database;
        let done = match database.get_by_email(&email).await? {
            Some(user) => {
                let owner = database.user_by_oauth_account(&account.oauth_name, &account.account_id).await?;
                match owner {
                    // Another callback of this account made or linked the user a moment ago.
                    Some(_) => return Ok(Outcome::Again),
                    None if may_associate(provider, identity) => self.associate(user, account, request).await,
                    None => return Err(OAuthError::UserAlreadyExists),
                }
            }
            None => self.create_by_oauth(provider, identity, &email, account, request).await,
        };
        match done {
            Ok(outcome) => Ok(outcome),
            Err(OAuthError::Internal(InternalError::Database(
                DatabaseError::EmailTaken | DatabaseError::OAuthAccountTaken,
            ))) => Ok(Outcome::Again),
            Err(error) => Err(error),
        }
    }

    /// Links an account to the user of the same e-mail.
    async fn associate(
        &self,
        user: U,
        account: &NewOAuthAccount,
        request: &RequestInfo,
    ) -> Result<Outcome<U>, OAuthError> {
        let was_verified = user.is_verified();
        let user = if was_verified {
            user
        } else {
            match self.evict_squatter(user).await? {
                Some(user) => user,
                None => return Ok(Outcome::Again),
            }
        };
        self.link(&user, account).await?;
        let record =
            AuditRecord::new(AuditEvent::OAuthLinked, request).user(user.id()).via(&account.oauth_name);
        self.audit(if was_verified { record } else { record.detail("squatter_evicted") });
        self.linked(&user, request).await?;
        Ok(Outcome::Done(user))
    }

    /// Nobody ever proved that this address is the user's: a stranger may have registered it and wait for the
    /// owner. The password, every session and every account that the stranger linked end before the owner comes
    /// in: each of them would be a way back.
    async fn evict_squatter(&self, user: U) -> Result<Option<U>, OAuthError> {
        let database = &self.inner.database;
        let expected = Record::new()
            .with("email", Value::Text(user.email().to_owned()))
            .with("is_verified", Value::Bool(false))
            .with("hashed_password", Value::Text(user.hashed_password().to_owned()));
        let changes = Record::new().with("hashed_password", Value::Text(self.generated_hash().await?));
        let Some(user) = database.update(user.id(), &expected, &changes).await? else { return Ok(None) };
        let state = UserState { not_before: Some(self.inner.clock.now()), password_is_generated: true };
        database.set_user_state(user.id(), state).await?;
        self.end_sessions(user.id(), None).await?;
        for account in database.oauth_accounts(user.id()).await? {
            database.delete_oauth_account(user.id(), &account.oauth_name, &account.account_id).await?;
        }
        Ok(Some(user))
    }

    async fn link(&self, user: &U, account: &NewOAuthAccount) -> Result<(), OAuthError> {
        let row_id = U::Id::generate(&self.inner.random, self.inner.schema.id_type());
        Ok(self.inner.database.add_oauth_account(user.id(), row_id.as_ref(), account).await?)
    }

    fn note_account(&self, event: AuditEvent, user: &U, oauth_name: &str, request: &RequestInfo) {
        self.audit(AuditRecord::new(event, request).user(user.id()).via(oauth_name));
    }

    async fn linked(&self, user: &U, request: &RequestInfo) -> Result<(), InternalError> {
        let mut context = Context::new(self, request);
        let hooks = &self.inner.hooks;
        hooks.on_after_update(user, &Record::new(), &mut context).await.map_err(InternalError::Hook)
    }

    /// The hash of a password that nobody knows.
    async fn generated_hash(&self) -> Result<String, InternalError> {
        let password = SecretString::from(self.inner.random.token());
        Ok(self.inner.hasher.hash(&password).await?)
    }

    async fn create_by_oauth(
        &self,
        provider: &OAuthProvider<U>,
        identity: &Identity,
        email: &str,
        account: &NewOAuthAccount,
        request: &RequestInfo,
    ) -> Result<Outcome<U>, OAuthError> {
        let mut given = match &provider.options.profile {
            Some(map) => map(identity).map_err(|error| OAuthError::Refused(error.to_string()))?,
            None => Record::new(),
        };
        let is_verified = provider.options.is_verified_by_default && is_trusted(provider, identity);
        given.set("is_verified", Value::Bool(is_verified));
        let mut record = self.new_row(email, given, Flags::Applied);
        let mut context = Context::new(self, request);
        self.inner.hooks.on_before_register(&NewUser::new(&record), &mut context).await.map_err(
            |refusal| match refusal {
                Refusal::Reason(reason) => OAuthError::Refused(reason),
                Refusal::Failed(error) => InternalError::Hook(error).into(),
            },
        )?;
        record.set("hashed_password", Value::Text(self.generated_hash().await?));
        let database = &self.inner.database;
        let row_id = U::Id::generate(&self.inner.random, self.inner.schema.id_type());
        let user = database.create_with_oauth_account(record, row_id.as_ref(), account).await?;
        let state = UserState { not_before: None, password_is_generated: true };
        database.set_user_state(user.id(), state).await?;
        self.registered(&user, request).await?;
        Ok(Outcome::Done(user))
    }

    /// The accounts that are linked to a user, with the provider tokens as the providers gave them.
    ///
    /// # Errors
    /// The database's own.
    pub async fn oauth_accounts(&self, user: &U) -> Result<Vec<OAuthAccount<U::Id>>, DatabaseError> {
        let mut accounts = self.inner.database.oauth_accounts(user.id()).await?;
        for account in &mut accounts {
            account.access_token = self.in_clear(&account.access_token).unwrap_or_default();
            let refresh_token = account.refresh_token.take();
            account.refresh_token = refresh_token.and_then(|token| self.in_clear(&token));
        }
        Ok(accounts)
    }

    /// Unlinks an account; answers whether it was linked.
    ///
    /// # Errors
    /// It is the last way in, or the database failed.
    pub async fn unlink_oauth_account(
        &self,
        user: &U,
        oauth_name: &str,
        account_id: &str,
        request: &RequestInfo,
    ) -> Result<bool, OAuthError> {
        let database = &self.inner.database;
        // Of two that unlink the last two accounts at once, one has to see that the other is gone.
        let turn = self.inner.oauth.renewals.turn(&format!("unlink {}", user.id()));
        let _mine = turn.lock().await;
        let accounts = database.oauth_accounts(user.id()).await?;
        let is_it = |account: &OAuthAccount<U::Id>| {
            account.oauth_name == oauth_name && account.account_id == account_id
        };
        if !accounts.iter().any(is_it) {
            return Ok(false);
        }
        let state = database.get_with_state(user.id()).await?.map(|(_, state)| state).unwrap_or_default();
        if state.password_is_generated && accounts.iter().all(is_it) {
            return Err(OAuthError::LastWayIn);
        }
        let unlinked = database.delete_oauth_account(user.id(), oauth_name, account_id).await?;
        self.note_account(AuditEvent::OAuthUnlinked, user, oauth_name, request);
        self.linked(user, request).await?;
        Ok(unlinked)
    }

    /// An access token of a provider that is good now, renewed if need be. However many ask at a time, the
    /// provider is asked once.
    ///
    /// # Errors
    /// See [`OAuthTokenError`].
    pub async fn oauth_access_token(
        &self,
        user: &U,
        oauth_name: &str,
    ) -> Result<SecretString, OAuthTokenError> {
        let provider = self.oauth_provider(oauth_name).ok_or(OAuthTokenError::UnknownProvider)?;
        let key = format!("{} {oauth_name}", user.id());
        let turn = self.inner.oauth.renewals.turn(&key);
        let _mine = turn.lock().await;
        let account = self.account_of(user, oauth_name).await?.ok_or(OAuthTokenError::NotLinked)?;
        let now = self.inner.clock.unix_seconds();
        // A token that ends within the minute may end on its way.
        if account.expires_at.is_none_or(|at| at > now + 60) {
            return Ok(account.access_token.into());
        }
        let refresh_token = account.refresh_token.as_deref().ok_or(OAuthTokenError::Expired)?;
        let asked = provider.client.refresh_token(refresh_token);
        let fresh = match spans::ask_provider("refresh_token", oauth_name, asked).await {
            Ok(fresh) => fresh,
            Err(error) => {
                tracing::warn!(provider = oauth_name, cause = %error_chain(&error), "no token was renewed");
                return Err(OAuthTokenError::Provider(error));
            }
        };
        let fresh_refresh_token = fresh.refresh_token.as_deref().unwrap_or(refresh_token);
        let renewed = NewOAuthAccount {
            oauth_name: account.oauth_name,
            access_token: self.at_rest(&fresh.access_token)?,
            expires_at: fresh.expires_at,
            refresh_token: Some(self.at_rest(fresh_refresh_token)?),
            account_id: account.account_id,
            account_email: account.account_email,
        };
        self.inner.database.update_oauth_account(user.id(), &renewed).await?;
        Ok(fresh.access_token.into())
    }

    async fn account_of(
        &self,
        user: &U,
        oauth_name: &str,
    ) -> Result<Option<OAuthAccount<U::Id>>, DatabaseError> {
        let accounts = self.oauth_accounts(user).await?;
        Ok(accounts.into_iter().find(|account| account.oauth_name == oauth_name))
    }

    pub(crate) fn oauth_provider(&self, name: &str) -> Option<&OAuthProvider<U>> {
        self.inner.oauth.providers.iter().find(|provider| provider.name() == name)
    }

    /// A user's own password is known again: a change or reset set it.
    pub(crate) async fn password_is_known(&self, id: &U::Id) -> Result<(), InternalError> {
        let database = &self.inner.database;
        if !database.capabilities().user_states {
            return Ok(());
        }
        match database.get_with_state(id).await? {
            Some((_, state)) if state.password_is_generated => {
                let known = UserState { password_is_generated: false, ..state };
                Ok(database.set_user_state(id, known).await?)
            }
            _ => Ok(()),
        }
    }
}

/// Whether the provider's word on the address counts. An address that the
/// provider calls unverified never counts; where it says nothing, the operator's explicit setting does, save
/// for providers that are known to hand out unverified addresses.
fn is_trusted<U: UserModel>(provider: &OAuthProvider<U>, identity: &Identity) -> bool {
    match identity.email_verified {
        Some(verified) => verified && identity.email.is_some(),
        None => identity.email.is_some() && !provider.client.may_hand_out_unverified_emails(),
    }
}

fn may_associate<U: UserModel>(provider: &OAuthProvider<U>, identity: &Identity) -> bool {
    provider.options.associate_by_email && is_trusted(provider, identity)
}

/// The address of a new user: the provider's, normalised, or a placeholder where the application wants one.
fn address_of<U: UserModel>(provider: &OAuthProvider<U>, identity: &Identity) -> Option<String> {
    if let Some(email) = &identity.email {
        return normalize_email(email).ok();
    }
    let domain = provider.options.placeholder_email_domain.as_deref()?;
    normalize_email(&format!("{}-{}@{domain}", provider.name(), placeholder(&identity.id))).ok()
}

/// An account's id as a part of an address: the id itself where it fits, else its hash. Addresses are compared
/// without case, and their local part has 64 bytes at most.
fn placeholder(account_id: &str) -> String {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_');
    if account_id.len() <= 32 && account_id.bytes().all(fits) {
        return account_id.to_owned();
    }
    let hash = Sha256::digest(account_id.as_bytes());
    hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}
