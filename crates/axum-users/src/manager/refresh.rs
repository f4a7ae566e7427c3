//! Refresh tokens: each is good once, and makes the next.
//!
//! A refresh token is a handle, which all tokens of a session share, and a secret: `<handle>.<secret>`. Only hashes
//! of both are stored, in the session's row, so that whatever ends the session ends its refresh tokens. Whoever has
//! the handle has seen a token of the session; so a secret that is neither the current one nor, for a moment, the
//! one before is an old token, presented again, and ends the session.
//!
//! The next secret follows from the present token by HMAC with the application's secret. So the tabs of one browser
//! that refresh at once, with one token, are all given the same next one: the row changes once, nothing forks, and
//! a client that lost the answer may ask again. Neither who reads the database nor who knows the application's
//! secret can tell the next token without having the present one.

use axum::response::Response;
use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;

use super::from_internal;
use crate::{
    AuditEvent, AuditRecord, RequestInfo, Users,
    auth::{Backend, IssueContext, Issued, IssuedRefresh, hashed, is_idle},
    database::{DatabaseError, RefreshFamily, Session},
    error::InternalError,
    schema::{DecodeError, Timestamp},
    sessions::Refreshing,
    token::successors,
    user::UserModel,
};

/// How many characters each of the two parts has: 32 bytes in URL-safe base64.
const PART_LENGTH: usize = 43;

/// Why a session was not refreshed.
///
/// ```
/// # use axum_users::{RefreshError, RequestInfo, SecretString, User, Users};
/// # async fn example(users: Users<User>, token: SecretString) -> Result<(), RefreshError> {
/// match users.refresh("jwt", &token, &RequestInfo::default()).await {
///     Err(RefreshError::BadToken) => println!("log in again"),
///     other => drop(other?),
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RefreshError {
    /// No backend has this name, or it has no refresh tokens.
    #[error("there is no backend of this name with refresh tokens")]
    UnknownBackend,
    /// The token is bad, has expired, or was used before; or its session has ended, or its user is not active.
    #[error("the refresh token is bad, has expired, or was used before")]
    BadToken,
    /// Only verified users may log in, and this one is not.
    #[error("the user is not verified")]
    NotVerified,
    /// Not the caller's fault.
    #[error(transparent)]
    Internal(#[from] InternalError),
}

from_internal!(RefreshError);

/// A token that a client presents.
struct Presented<'a> {
    whole: &'a str,
    handle: &'a str,
    secret: &'a str,
}

impl<'a> Presented<'a> {
    /// `None` for a text that is no refresh token by its form.
    fn read(whole: &'a str) -> Option<Self> {
        let (handle, secret) = whole.split_once('.')?;
        let fits = |part: &str| {
            let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
            part.len() == PART_LENGTH && part.bytes().all(is_letter)
        };
        (fits(handle) && fits(secret)).then_some(Self { whole, handle, secret })
    }
}

/// What a presented token is to its session.
enum Verdict {
    /// The one that is good.
    Current,
    /// The one before, while its answer may still be asked for; with the secret that followed it.
    JustReplaced(String),
    /// The one before, but what followed it was made with another of the application's secrets.
    Unanswerable,
    /// An old one.
    Reused,
}

fn judge(
    presented: &Presented<'_>,
    family: &RefreshFamily,
    settings: &Refreshing,
    now: Timestamp,
) -> Verdict {
    let form = hashed(presented.secret);
    if same(&form, &family.current) {
        return Verdict::Current;
    }
    let is_previous = family.previous.as_ref().is_some_and(|previous| same(&form, previous));
    if !is_previous || now - family.rotated_at >= settings.grace {
        return Verdict::Reused;
    }
    let mut next = successors(&settings.secrets, b"axum-users:refresh-token", presented.whole).into_iter();
    next.find(|secret| same(&hashed(secret), &family.current))
        .map_or(Verdict::Unanswerable, Verdict::JustReplaced)
}

fn same(one: &str, other: &str) -> bool {
    one.as_bytes().ct_eq(other.as_bytes()).into()
}

fn next_of(settings: &Refreshing, purpose: &[u8], presented: &Presented<'_>) -> Result<String, RefreshError> {
    let missing = || InternalError::Token("there is no secret to make a token with".into());
    Ok(successors(&settings.secrets, purpose, presented.whole).into_iter().next().ok_or_else(missing)?)
}

impl<U: UserModel> Users<U> {
    /// Takes a refresh token of a backend, and gives the answer that carries the next one and a new access token.
    /// No hook fires: nobody logs in.
    ///
    /// # Errors
    /// See [`RefreshError`]. A token that was used before ends its session.
    pub async fn refresh(
        &self,
        backend: &str,
        token: &SecretString,
        request: &RequestInfo,
    ) -> Result<Response, RefreshError> {
        let backend = self.backend(backend).ok_or(RefreshError::UnknownBackend)?;
        let settings = backend.refresh.as_ref().ok_or(RefreshError::UnknownBackend)?;
        let presented = Presented::read(token.expose_secret()).ok_or(RefreshError::BadToken)?;
        let Some((session, user)) = self.session_to_refresh(backend, &presented).await? else {
            return Err(RefreshError::BadToken);
        };
        if self.inner.requires_verification && !user.is_verified() {
            return Err(RefreshError::NotVerified);
        }
        let secret = self.next_secret(backend, settings, &presented, &session, request).await?;
        let mut context = IssueContext::new(&user, request, &self.inner.database);
        context.session_id = Some(&session.id);
        let access = next_of(settings, b"axum-users:access-token", &presented)?;
        context.token = Some(&access);
        let mut issued = backend.strategy.issue(context).await?;
        self.take_back_if_ended(backend, &presented, &issued).await?;
        let left = session.expires_at.map_or(time::Duration::ZERO, |at| at - self.inner.clock.now());
        let token = SecretString::from(format!("{}.{secret}", presented.handle));
        let seconds = left.whole_seconds().unsigned_abs();
        issued.refresh = Some(IssuedRefresh::new(token, seconds, self.refresh_path(&backend.name)));
        Ok(backend.transport.login_response(&issued))
    }

    /// The session of a presented token with its user, unless it is over.
    async fn session_to_refresh(
        &self,
        backend: &Backend<U>,
        presented: &Presented<'_>,
    ) -> Result<Option<(Session<U::Id>, U)>, RefreshError> {
        let database = &self.inner.database;
        let session = database.session_by_refresh_handle(&hashed(presented.handle)).await?;
        let Some(session) = session.filter(|session| session.backend == backend.name) else {
            return Ok(None);
        };
        let now = self.inner.clock.now();
        let is_over = session.expires_at.is_none_or(|at| at <= now)
            || is_idle(backend.inactivity_seconds, session.last_used_at, now);
        let user = database.get(&session.user_id).await?.filter(|user| user.is_active() && !is_over);
        let Some(user) = user else {
            self.end_row(session).await?;
            return Ok(None);
        };
        Ok(Some((session, user)))
    }

    /// The secret of the next token, which is the session's current one from now on.
    async fn next_secret(
        &self,
        backend: &Backend<U>,
        settings: &Refreshing,
        presented: &Presented<'_>,
        session: &Session<U::Id>,
        request: &RequestInfo,
    ) -> Result<String, RefreshError> {
        let now = self.inner.clock.now();
        let family = session.refresh.as_ref().ok_or(RefreshError::BadToken)?;
        let mut verdict = judge(presented, family, settings, now);
        if matches!(verdict, Verdict::Current) {
            let next = next_of(settings, b"axum-users:refresh-token", presented)?;
            let access = next_of(settings, b"axum-users:access-token", presented)?;
            let form = backend.strategy.stored_forms(&access).and_then(|forms| forms.into_iter().next());
            let (from, to) = (hashed(presented.secret), hashed(&next));
            let database = &self.inner.database;
            if database.rotate_refresh_token(&session.id, &from, &to, form.as_deref(), now).await? {
                if let Some(old) = session.token.as_deref().filter(|old| Some(*old) != form.as_deref()) {
                    let _note = database.changes.note_at_end();
                    backend.strategy.revoke_stored(old, database).await?;
                }
                return Ok(next);
            }
            // Another request was faster, or the session has just ended.
            let session = database.session_by_refresh_handle(&hashed(presented.handle)).await?;
            let family = session.and_then(|session| session.refresh).ok_or(RefreshError::BadToken)?;
            verdict = judge(presented, &family, settings, now);
        }
        match verdict {
            Verdict::JustReplaced(secret) => Ok(secret),
            Verdict::Reused => {
                tracing::warn!(
                    backend = backend.name,
                    "an old refresh token was presented: its session was ended"
                );
                let record = AuditRecord::new(AuditEvent::RefreshReused, request).user(&session.user_id);
                self.audit(record.via(&backend.name));
                self.end_row(session.clone()).await?;
                Err(RefreshError::BadToken)
            }
            Verdict::Current | Verdict::Unanswerable => Err(RefreshError::BadToken),
        }
    }

    /// A session that was ended while its tokens were made shall leave none behind.
    async fn take_back_if_ended(
        &self,
        backend: &Backend<U>,
        presented: &Presented<'_>,
        issued: &Issued,
    ) -> Result<(), RefreshError> {
        let database = &self.inner.database;
        if database.session_by_refresh_handle(&hashed(presented.handle)).await?.is_some() {
            return Ok(());
        }
        let _note = database.changes.note_at_end();
        backend.strategy.revoke(issued.token(), database).await?;
        Err(RefreshError::BadToken)
    }
}
