//! Authentication: by password, and by the token that a request carries.

use axum::{http::HeaderMap, response::Response};
use secrecy::{ExposeSecret, SecretString};

use super::from_internal;
use crate::{
    AuditEvent, AuditRecord, Context, RequestInfo, Users,
    auth::{Backend, ResolvedUser},
    database::DatabaseError,
    error::{InternalError, error_chain},
    hooks::{Presented, Refusal},
    password::Verification,
    schema::{DecodeError, Record, Timestamp, Value},
    user::UserModel,
    user_cache::UserCache,
};

/// A user who was recognised by a token, and what is known of the token.
///
/// As an extractor it lets inactive users pass: most handlers want [`CurrentUser`](crate::CurrentUser).
///
/// ```
/// use axum_users::{Authenticated, User};
///
/// async fn whoami(session: Authenticated<User>) -> String {
///     format!("{} by {}", session.user.email, session.backend)
/// }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Authenticated<U: UserModel> {
    /// The user.
    pub user: U,
    /// The name of the backend whose token it was.
    pub backend: String,
    /// The token, as the request carried it.
    pub token: SecretString,
    /// The session's public name, where the strategy keeps sessions.
    pub session_id: Option<String>,
    /// When the token was made, where the strategy knows.
    pub issued_at: Option<Timestamp>,
}

impl<U: UserModel> Authenticated<U> {
    pub(crate) fn presented(&self) -> Presented {
        Presented { token: self.token.clone(), session_id: self.session_id.clone() }
    }
}

/// Why a user whose password was right is not logged in.
///
/// ```
/// # use axum_users::{LoginError, RequestInfo, User, Users};
/// # async fn example(users: Users<User>, user: User) -> Result<axum::response::Response, LoginError> {
/// match users.login("jwt", &user, &RequestInfo::default()).await {
///     Err(LoginError::Refused(reason)) => panic!("a hook says: {reason}"),
///     other => other,
/// }
/// # }
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoginError {
    /// No backend has this name.
    #[error("there is no backend of this name")]
    UnknownBackend,
    /// A hook refused.
    #[error("{0}")]
    Refused(String),
    /// The user was deleted meanwhile.
    #[error("the user does not exist any more")]
    Gone,
    /// Not the caller's fault.
    #[error(transparent)]
    Internal(#[from] InternalError),
}

from_internal!(LoginError);

/// What came of a password and an address; who asks is told a right one alone.
pub(crate) enum Judgement<U> {
    /// The password is this user's, active or not.
    Right(U),
    /// It is not this user's.
    Wrong(U),
    /// Nobody has the address, or nobody can have the password.
    Unknown,
}

impl<U: UserModel> Users<U> {
    /// The user with this e-mail and password, active or not; `None` for an unknown user and for a wrong
    /// password alike, after equal work. An outdated hash is replaced.
    ///
    /// # Errors
    /// The database failed, or too many callers wait for a hash.
    pub async fn authenticate(
        &self,
        email: &str,
        password: &SecretString,
    ) -> Result<Option<U>, InternalError> {
        Ok(match self.judge(email, password).await? {
            Judgement::Right(user) => Some(user),
            Judgement::Wrong(_) | Judgement::Unknown => None,
        })
    }

    /// Whose password it is, after equal work whoever is asked about.
    pub(crate) async fn judge(
        &self,
        email: &str,
        password: &SecretString,
    ) -> Result<Judgement<U>, InternalError> {
        let (database, hasher) = (&self.inner.database, &self.inner.hasher);
        if self.inner.policy.is_too_long(password) {
            return Ok(Judgement::Unknown);
        }
        let Some(user) = database.get_by_email(email).await? else {
            hasher.verify_unknown(password).await?;
            return Ok(Judgement::Unknown);
        };
        match hasher.verify(password, user.hashed_password()).await? {
            Verification::Wrong => Ok(Judgement::Wrong(user)),
            Verification::Right => Ok(Judgement::Right(user)),
            Verification::RightButOutdated => self.upgrade_hash(user, password).await.map(Judgement::Right),
        }
    }

    /// Whether this is a user's password.
    ///
    /// # Errors
    /// Too many callers wait for a hash.
    pub async fn verify_password(&self, user: &U, password: &SecretString) -> Result<bool, InternalError> {
        if self.inner.policy.is_too_long(password) {
            return Ok(false);
        }
        let verdict = self.inner.hasher.verify(password, user.hashed_password()).await?;
        Ok(verdict != Verification::Wrong)
    }

    /// Replaces an outdated hash by a fresh one. Where too many wait for a hash, the next login does it.
    async fn upgrade_hash(&self, user: U, password: &SecretString) -> Result<U, InternalError> {
        let Ok(fresh) = self.inner.hasher.hash(password).await else { return Ok(user) };
        let stored = Value::Text(user.hashed_password().to_owned());
        let expected = Record::new().with("hashed_password", stored);
        let changes = Record::new().with("hashed_password", Value::Text(fresh));
        // A password that was changed meanwhile stays as it is.
        let upgraded = self.inner.database.update(user.id(), &expected, &changes).await?;
        Ok(upgraded.unwrap_or(user))
    }

    /// Logs a user in with the backend of this name, whoever says so, and gives the answer that carries the
    /// token.
    ///
    /// # Errors
    /// No backend has this name, a hook refused, or something failed.
    pub async fn login(
        &self,
        backend: &str,
        user: &U,
        request: &RequestInfo,
    ) -> Result<Response, LoginError> {
        let backend = self.backend(backend).ok_or(LoginError::UnknownBackend)?;
        let mut context = Context::new(self, request);
        self.inner.hooks.on_before_login(user, &mut context).await.map_err(|refusal| match refusal {
            Refusal::Reason(reason) => {
                let record = AuditRecord::new(AuditEvent::LoginFailed, request).user(user.id());
                self.audit(record.via(&backend.name).detail("refused"));
                LoginError::Refused(reason)
            }
            Refusal::Failed(error) => InternalError::Hook(error).into(),
        })?;
        let issued = match self.issue(backend, user, request).await {
            Ok(issued) => issued,
            Err(error) => return Err(self.gone_or_failed(user, error).await),
        };
        if self.inner.hardening.login_ends_presented_session
            && let Some(presented) = backend.transport.token(request.headers())
        {
            self.end_token(backend, &presented, None).await?;
        }
        self.audit(AuditRecord::new(AuditEvent::LoggedIn, request).user(user.id()).via(&backend.name));
        let mut response = backend.transport.login_response(&issued);
        let mut context = Context::new(self, request);
        self.inner.hooks.on_after_login(user, &mut context).await.map_err(InternalError::Hook)?;
        add_headers(&mut response, context.into_response_headers());
        Ok(response)
    }

    /// Why a token could not be made: a session of a user who was deleted meanwhile has no owner.
    async fn gone_or_failed(&self, user: &U, error: InternalError) -> LoginError {
        match self.inner.database.get(user.id()).await {
            Ok(None) => LoginError::Gone,
            _ => error.into(),
        }
    }

    /// Ends a token in the backend of this name, and gives the answer that tells the client so.
    ///
    /// # Errors
    /// No backend has this name, or something failed.
    pub async fn logout(
        &self,
        backend: &str,
        authenticated: &Authenticated<U>,
        request: &RequestInfo,
    ) -> Result<Response, LoginError> {
        let backend = self.backend(backend).ok_or(LoginError::UnknownBackend)?;
        let session = authenticated.session_id.as_deref().filter(|_| authenticated.backend == backend.name);
        let session = session.map(|id| (authenticated.user.id(), id));
        self.end_token(backend, authenticated.token.expose_secret(), session).await?;
        let record = AuditRecord::new(AuditEvent::LoggedOut, request).user(authenticated.user.id());
        self.audit(record.via(&backend.name));
        let mut response = backend.transport.logout_response();
        if backend.refresh.is_some() {
            let path = self.refresh_path(&backend.name);
            backend.transport.forget_refresh_token(response.headers_mut(), &path);
        }
        let mut context = Context::new(self, request);
        let hooks = &self.inner.hooks;
        hooks.on_after_logout(&authenticated.user, &mut context).await.map_err(InternalError::Hook)?;
        add_headers(&mut response, context.into_response_headers());
        Ok(response)
    }

    /// The user whose token a request carries, active or not. Backends are tried in order; the first that
    /// yields a user wins. Neither a bad token of one nor its failure stops the others.
    ///
    /// # Errors
    /// No backend yields a user, and one that was asked failed.
    pub async fn authenticate_request(
        &self,
        headers: &HeaderMap,
    ) -> Result<Option<Authenticated<U>>, InternalError> {
        let mut failure = None;
        for backend in &self.inner.backends {
            let Some(token) = backend.transport.token(headers) else { continue };
            let recognised = match &self.inner.user_cache {
                Some(cache) => self.recognise_or_remember(cache, backend, &token).await,
                None => self.recognise(backend, &token).await,
            };
            match recognised {
                Ok(Some(authenticated)) => return Ok(Some(authenticated)),
                Ok(None) => {}
                Err(error) => {
                    tracing::warn!(backend = backend.name, cause = %error_chain(&error), "a backend failed");
                    failure = failure.or(Some(error));
                }
            }
        }
        failure.map_or(Ok(None), Err)
    }

    async fn recognise_or_remember(
        &self,
        cache: &UserCache<U>,
        backend: &Backend<U>,
        token: &str,
    ) -> Result<Option<Authenticated<U>>, InternalError> {
        let asked = match cache.find(&backend.name, token) {
            Ok(authenticated) => return Ok(Some(authenticated)),
            Err(asked) => asked,
        };
        let recognised = self.recognise(backend, token).await?;
        if let Some(authenticated) = &recognised {
            cache.keep(token, authenticated, asked);
        }
        Ok(recognised)
    }

    async fn recognise(
        &self,
        backend: &Backend<U>,
        token: &str,
    ) -> Result<Option<Authenticated<U>>, InternalError> {
        let database = &self.inner.database;
        let Some(resolved) = backend.strategy.resolve(token, database).await? else { return Ok(None) };
        let user = match resolved.user {
            ResolvedUser::User(user) => Some(user),
            ResolvedUser::Id(id) => database.get(&id).await?,
        };
        if let Some(user) = &user {
            self.note_use(backend, token, user, resolved.issued_at);
        }
        Ok(user.map(|user| Authenticated {
            user,
            backend: backend.name.clone(),
            token: SecretString::from(token),
            session_id: resolved.session_id,
            issued_at: resolved.issued_at,
        }))
    }

    pub(super) fn backend(&self, name: &str) -> Option<&Backend<U>> {
        self.inner.backends.iter().find(|backend| backend.name == name)
    }
}

fn add_headers(response: &mut Response, headers: HeaderMap) {
    let mut last = None;
    for (name, value) in headers {
        // A name is given once for all its values.
        last = name.or(last);
        if let Some(name) = &last {
            response.headers_mut().append(name, value);
        }
    }
}
