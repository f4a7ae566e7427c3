//! Sessions as data: made at login, listed, ended.

use std::collections::{HashMap, HashSet};

use axum::http::header::USER_AGENT;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

use crate::{
    Authenticated, RequestInfo, Users,
    auth::{Backend, IssueContext, Issued, IssuedRefresh, KeptAccessTokens, hashed, is_idle},
    database::{AccessToken, RefreshFamily, Session},
    error::{InternalError, error_chain},
    hooks::Presented,
    schema::Timestamp,
    user::UserModel,
};

/// Sessions of one user that are looked at, at most.
const MOST: u32 = 1000;

/// Bytes of a `User-Agent` that are kept.
const LONGEST_USER_AGENT: usize = 255;

/// A session as its user sees it.
///
/// ```
/// # use axum_users::{InternalError, User, Users};
/// # async fn example(users: Users<User>, user: User) -> Result<(), InternalError> {
/// for session in users.sessions(&user.id, None).await? {
///     println!("{} since {}", session.user_agent.unwrap_or_default(), session.created_at);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct UserSession {
    /// The public name, by which it is ended.
    pub id: String,
    /// The backend that logged in; `None` where Python may have, and several backends could read its token.
    pub backend: Option<String>,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was last used, to the minute; `None` where nobody noted it.
    pub last_used_at: Option<Timestamp>,
    /// When it ends in any case.
    pub expires_at: Option<Timestamp>,
    /// The device that logged in, as its `User-Agent` said; `None` where it is not known.
    pub user_agent: Option<String>,
    /// The address from which the login came; `None` where it is not known.
    pub address: Option<String>,
    /// Whether it is the session that asks.
    pub is_current: bool,
    /// How its access token is stored.
    form: Option<SecretString>,
}

/// The parts of a session's first refresh token.
struct FirstRefreshToken {
    handle: String,
    secret: String,
}

impl<U: UserModel> Users<U> {
    /// Whether anything is kept of sessions.
    pub(crate) fn keeps_sessions(&self) -> bool {
        self.inner.sessions.is_some() || self.inner.backends.iter().any(|backend| backend.refresh.is_some())
    }

    /// The sessions of a user, the last used first. `asking` is who asks, whose session is marked.
    ///
    /// # Errors
    /// The database failed, or its adapter keeps no sessions.
    pub async fn sessions(
        &self,
        user_id: &U::Id,
        asking: Option<&Authenticated<U>>,
    ) -> Result<Vec<UserSession>, InternalError> {
        let database = &self.inner.database;
        let tokens = match self.keeps_access_tokens() {
            true => database.access_tokens_of(user_id, MOST).await?,
            false => Vec::new(),
        };
        let rows = database.sessions_of(user_id, MOST).await?;
        // However either is stored.
        let by_hash: HashMap<_, _> = tokens.iter().map(|token| (as_hash(&token.token), token)).collect();
        let mut known = HashSet::new();
        let mut sessions = Vec::with_capacity(rows.len());
        for row in rows {
            let token = row.token.as_deref().and_then(|form| by_hash.get(&as_hash(form)).copied());
            known.extend(token.map(|token| token.token.as_str()));
            if self.is_alive(&row, token) {
                sessions.push(UserSession::of(row));
            }
        }
        let strangers = tokens.iter().filter(|token| !known.contains(token.token.as_str()));
        sessions.extend(strangers.filter_map(|token| self.stranger(token)));
        if let Some(asking) = asking {
            self.mark_current(&mut sessions, asking);
        }
        sessions.sort_by_key(|session| {
            std::cmp::Reverse((session.last_used_at.unwrap_or(session.created_at), session.created_at))
        });
        Ok(sessions)
    }

    /// Ends the session of a user that has this public name; answers whether there was one.
    ///
    /// # Errors
    /// The database or another place of sessions failed.
    pub async fn end_session(&self, user_id: &U::Id, id: &str) -> Result<bool, InternalError> {
        let sessions = self.sessions(user_id, None).await?;
        let Some(session) = sessions.iter().find(|session| session.id == id) else { return Ok(false) };
        self.end(user_id, session).await?;
        Ok(true)
    }

    /// Ends all sessions of a user, but for that of `except`.
    ///
    /// # Errors
    /// The database or another place of sessions failed.
    pub async fn end_all_sessions(
        &self,
        user_id: &U::Id,
        except: Option<&Authenticated<U>>,
    ) -> Result<(), InternalError> {
        self.end_sessions(user_id, except.map(Authenticated::presented).as_ref()).await
    }

    async fn end(&self, user_id: &U::Id, session: &UserSession) -> Result<(), InternalError> {
        // First what a refresh under way looks at.
        self.inner.database.delete_session(user_id, &session.id).await?;
        let Some(form) = &session.form else { return Ok(()) };
        for backend in &self.inner.backends {
            let is_its = session.backend.as_ref().is_none_or(|name| *name == backend.name);
            if is_its && backend.strategy.keeps_sessions() {
                let _note = self.inner.database.changes.note_at_end();
                backend.strategy.revoke_stored(form.expose_secret(), &self.inner.database).await?;
            }
        }
        Ok(())
    }

    /// Ends a session that expired or was abused.
    pub(super) async fn end_row(&self, session: Session<U::Id>) -> Result<(), InternalError> {
        let user_id = session.user_id.clone();
        self.end(&user_id, &UserSession::of(session)).await
    }

    /// Makes the tokens of a login, and keeps what is known of its session.
    pub(super) async fn issue(
        &self,
        backend: &Backend<U>,
        user: &U,
        request: &RequestInfo,
    ) -> Result<Issued, InternalError> {
        let mut context = IssueContext::new(user, request, &self.inner.database);
        if !self.keeps_sessions() || (backend.refresh.is_none() && !backend.strategy.keeps_sessions()) {
            return backend.strategy.issue(context).await;
        }
        let id = self.inner.random.uuid().simple().to_string();
        context.session_id = backend.refresh.is_some().then_some(id.as_str());
        let mut issued = backend.strategy.issue(context).await?;
        let form = backend.strategy.stored_forms(issued.token()).and_then(|forms| forms.into_iter().next());
        let first = backend.refresh.as_ref().map(|_| FirstRefreshToken {
            handle: self.inner.random.token(),
            secret: self.inner.random.token(),
        });
        let mut session = self.session(backend, user.id(), request, issued.expires_in);
        session.id = form.as_deref().map_or(id, public_id);
        session.token = form;
        if let (Some(first), Some(refreshing)) = (&first, &backend.refresh) {
            session.expires_at = session.created_at.checked_add(refreshing.lifetime);
            session.refresh = Some(RefreshFamily {
                handle: hashed(&first.handle),
                current: hashed(&first.secret),
                previous: None,
                rotated_at: session.created_at,
            });
            let token = SecretString::from(format!("{}.{}", first.handle, first.secret));
            let seconds = refreshing.lifetime.whole_seconds().unsigned_abs();
            issued.refresh = Some(IssuedRefresh::new(token, seconds, self.refresh_path(&backend.name)));
        }
        self.inner.database.create_session(&session).await?;
        self.end_surplus(user.id(), &session.id).await?;
        Ok(issued)
    }

    /// What is known of a session that begins now.
    fn session(
        &self,
        backend: &Backend<U>,
        user_id: &U::Id,
        request: &RequestInfo,
        expires_in: Option<u64>,
    ) -> Session<U::Id> {
        let now = self.inner.clock.now();
        let lifetime =
            expires_in.and_then(|seconds| i64::try_from(seconds).ok()).map(time::Duration::seconds);
        let user_agent = request.headers().get(USER_AGENT);
        Session {
            id: String::new(),
            token: None,
            user_id: user_id.clone(),
            backend: backend.name.clone(),
            created_at: now,
            last_used_at: now,
            expires_at: lifetime.and_then(|lifetime| now.checked_add(lifetime)),
            user_agent: user_agent.map(|agent| shortened(&String::from_utf8_lossy(agent.as_bytes()))),
            address: request.client_address().map(|address| address.to_canonical().to_string()),
            refresh: None,
        }
    }

    /// Ends the oldest sessions of a user who has more than there may be, but never the new one. After the new one
    /// is there, so that two logins at once leave no more either.
    async fn end_surplus(&self, user_id: &U::Id, new: &str) -> Result<(), InternalError> {
        let most = self.inner.sessions.as_ref().and_then(|sessions| sessions.max_per_user);
        let Some(most) = most else { return Ok(()) };
        let mut sessions = self.sessions(user_id, None).await?;
        sessions.sort_by_key(|session| std::cmp::Reverse((session.id == new, session.created_at)));
        for session in sessions.iter().skip(most as usize) {
            self.end(user_id, session).await?;
        }
        Ok(())
    }

    /// Forgets what is known of a user's sessions.
    pub(super) async fn forget_sessions(
        &self,
        user_id: &U::Id,
        except: Option<&Presented>,
    ) -> Result<(), InternalError> {
        if !self.keeps_sessions() {
            return Ok(());
        }
        let forms = except.and_then(|presented| {
            let token = presented.token.expose_secret();
            self.inner.backends.iter().find_map(|backend| backend.strategy.stored_forms(token))
        });
        let id = except.and_then(|presented| presented.session_id.as_deref());
        Ok(self.inner.database.delete_sessions_of(user_id, &forms.unwrap_or_default(), id).await?)
    }

    /// Ends a token, and its session: that of this user and name, where the token is a signed one.
    pub(super) async fn end_token(
        &self,
        backend: &Backend<U>,
        token: &str,
        session: Option<(&U::Id, &str)>,
    ) -> Result<(), InternalError> {
        let database = &self.inner.database;
        let _note = database.changes.note_at_end();
        if self.keeps_sessions() {
            if let Some((user_id, id)) = session {
                database.delete_session(user_id, id).await?;
            }
            if let Some(forms) = backend.strategy.stored_forms(token) {
                database.delete_session_by_token(&forms).await?;
            }
        }
        backend.strategy.revoke(token, database).await
    }

    /// Writes the use of a session down behind the answer, once a minute at most.
    pub(super) fn note_use(&self, backend: &Backend<U>, token: &str, user: &U, began: Option<Timestamp>) {
        let Some(kept) = &self.inner.sessions else { return };
        let now = self.inner.clock.now();
        if !backend.strategy.keeps_sessions() || !kept.is_due(token, now.unix_timestamp()) {
            return;
        }
        let Some(forms) = backend.strategy.stored_forms(token) else { return };
        let (users, backend) = (self.clone(), backend.name.clone());
        let (user_id, key) = (user.id().clone(), SecretString::from(token));
        let noted = self.inner.background.spawn(async move {
            if let Err(error) = users.write_use(&backend, &user_id, &forms, began, now).await {
                tracing::warn!(cause = %error_chain(&error), "the use of a session was not noted");
                if let Some(kept) = &users.inner.sessions {
                    kept.forget(key.expose_secret());
                }
            }
        });
        if noted.is_err() {
            kept.forget(token);
        }
    }

    async fn write_use(
        &self,
        backend: &str,
        user_id: &U::Id,
        forms: &[String],
        began: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<(), InternalError> {
        let database = &self.inner.database;
        let (Some(backend), Some(form)) = (self.backend(backend), forms.first()) else { return Ok(()) };
        if database.touch_session(forms, now).await? {
            return Ok(());
        }
        // Python made it, or it began before sessions were kept: its device stays unknown.
        let mut session = self.session(backend, user_id, &RequestInfo::default(), None);
        session.id = public_id(form);
        session.token = Some(form.clone());
        session.created_at = began.unwrap_or(now);
        Ok(database.create_session(&session).await?)
    }

    fn keeps_access_tokens(&self) -> bool {
        let keeps = |backend: &Backend<U>| backend.strategy.kept_access_tokens() != KeptAccessTokens::None;
        self.inner.backends.iter().any(keeps)
    }

    /// Whether a session can still be used. `token` is its access token's row.
    fn is_alive(&self, session: &Session<U::Id>, token: Option<&AccessToken<U::Id>>) -> bool {
        let now = self.inner.clock.now();
        if session.expires_at.is_some_and(|at| at <= now) {
            return false;
        }
        let Some(backend) = self.backend(&session.backend) else {
            // The backend is gone; others may read its tokens.
            return token.is_some_and(|token| self.reads(token, now));
        };
        if is_idle(backend.inactivity_seconds, session.last_used_at, now) {
            return false;
        }
        if session.refresh.is_some() && backend.refresh.is_some() {
            return true;
        }
        match backend.strategy.kept_access_tokens() {
            KeptAccessTokens::None => session.token.is_some(),
            KeptAccessTokens::All => token.is_some(),
            KeptAccessTokens::Since(since) => token.is_some_and(|token| token.created_at >= since),
        }
    }

    /// Whether one of the backends takes an access token of which nothing else is known.
    fn reads(&self, token: &AccessToken<U::Id>, now: Timestamp) -> bool {
        self.inner.backends.iter().any(|backend| {
            let is_young = match backend.strategy.kept_access_tokens() {
                KeptAccessTokens::None => false,
                KeptAccessTokens::All => true,
                KeptAccessTokens::Since(since) => token.created_at >= since,
            };
            is_young && !is_idle(backend.inactivity_seconds, token.created_at, now)
        })
    }

    /// A session of which nothing but the access token is known.
    fn stranger(&self, token: &AccessToken<U::Id>) -> Option<UserSession> {
        if !self.reads(token, self.inner.clock.now()) {
            return None;
        }
        let mut keeping = self
            .inner
            .backends
            .iter()
            .filter(|backend| backend.strategy.kept_access_tokens() != KeptAccessTokens::None);
        let only = keeping.next().filter(|_| keeping.next().is_none());
        Some(UserSession {
            id: public_id(&token.token),
            backend: only.map(|backend| backend.name.clone()),
            created_at: token.created_at,
            last_used_at: None,
            expires_at: None,
            user_agent: None,
            address: None,
            is_current: false,
            form: Some(SecretString::from(token.token.as_str())),
        })
    }

    fn mark_current(&self, sessions: &mut [UserSession], asking: &Authenticated<U>) {
        let forms = self
            .backend(&asking.backend)
            .and_then(|backend| backend.strategy.stored_forms(asking.token.expose_secret()))
            .unwrap_or_default();
        for session in sessions {
            let has_token = session
                .form
                .as_ref()
                .is_some_and(|form| forms.iter().any(|known| known.as_str() == form.expose_secret()));
            session.is_current = has_token || asking.session_id.as_ref() == Some(&session.id);
        }
    }
}

impl UserSession {
    fn of<Id>(session: Session<Id>) -> Self {
        Self {
            id: session.id,
            backend: Some(session.backend),
            created_at: session.created_at,
            last_used_at: Some(session.last_used_at),
            expires_at: session.expires_at,
            user_agent: session.user_agent,
            address: session.address,
            is_current: false,
            form: session.token.map(SecretString::from),
        }
    }
}

/// The hashed form of a stored token.
fn as_hash(form: &str) -> String {
    if form.starts_with('~') { form.to_owned() } else { hashed(form) }
}

/// What a session is called: it follows from its first access token, and tells nothing of it. In hexadecimal
/// digits, since a name that begins with `-` would be an option on a command line.
fn public_id(form: &str) -> String {
    let hash = Sha256::digest(format!("axum-users:session\0{}", as_hash(form)));
    hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// What is kept of a `User-Agent`: it comes from a stranger, and is shown to people.
fn shortened(agent: &str) -> String {
    let mut text: String = agent.chars().filter(|character| !character.is_control()).collect();
    let mut end = text.len().min(LONGEST_USER_AGENT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    text
}
