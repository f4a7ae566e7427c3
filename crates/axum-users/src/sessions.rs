//! The settings of sessions as data, and of refresh tokens.

use std::{
    borrow::Cow,
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    sync::{Mutex, PoisonError},
};

use crate::{BuildError, Secrets, auth::Backend, refusals::check_token_lifetime, user::UserModel};

/// How often the last use of a session is written down at most, in seconds.
const USE_STEP_SECONDS: i64 = 60;

/// The least inactivity limit, in seconds, for which steps of a minute are fine enough.
const MIN_INACTIVITY_SECONDS: u64 = 300;

/// How many sessions one process remembers the last use of.
const REMEMBERED: usize = 65_536;

/// Sessions as data: the list of them, a cap, and an end without use.
///
/// Each login of a backend that keeps sessions (database, Redis, or any with refresh tokens) gets a row in the side
/// table `axum_users_session`: device, address, beginning and last use. The last use is written once a minute at
/// most. Signed tokens without refresh tokens cannot be ended, and are not listed.
///
/// ```
/// use axum_users::Sessions;
/// let sessions = Sessions::new().max_per_user(10).inactivity_seconds("cookie", 3600);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Sessions {
    max_per_user: Option<u32>,
    /// Backends' names and seconds.
    inactivity: Vec<(String, u64)>,
    without_routes: bool,
}

impl Sessions {
    /// Without a cap and without an end by inactivity.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many sessions a user may have at once; one more ends the oldest.
    #[must_use]
    pub fn max_per_user(mut self, count: u32) -> Self {
        self.max_per_user = Some(count.max(1));
        self
    }

    /// Ends the sessions of this backend that were not used for so many seconds, 300 at least. The session that
    /// has refresh tokens is used by refreshing it.
    #[must_use]
    pub fn inactivity_seconds(mut self, backend: &str, seconds: u64) -> Self {
        self.inactivity.push((backend.to_owned(), seconds));
        self
    }

    /// Leaves the routes out of [`Users::router`](crate::Users::router); they can be mounted by
    /// [`Users::sessions_router`](crate::Users::sessions_router).
    #[must_use]
    pub fn without_routes(mut self) -> Self {
        self.without_routes = true;
        self
    }
}

/// Refresh tokens for a backend: a login lasts long while its access tokens are short.
///
/// A refresh token is good once. The next one comes with the next access token, and the old one presented again
/// ends the session, since one of two has stolen it. For a few seconds after a refresh the old one still gets the
/// very answer that the first request got: browsers' tabs may refresh at the same moment.
///
/// ```
/// use axum_users::RefreshTokens;
/// let month = RefreshTokens::lasting_seconds(30 * 24 * 3600).grace_seconds(5);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct RefreshTokens {
    lifetime_seconds: u64,
    grace_seconds: u64,
}

impl RefreshTokens {
    /// Sessions that can be refreshed for so many seconds after the login; refreshing does not prolong them.
    #[must_use]
    pub fn lasting_seconds(seconds: u64) -> Self {
        Self { lifetime_seconds: seconds, grace_seconds: 10 }
    }

    /// How long after a refresh the token before is still answered, in seconds; 10 without, and 0 is not at all.
    #[must_use]
    pub fn grace_seconds(mut self, seconds: u64) -> Self {
        self.grace_seconds = seconds;
        self
    }

    /// Whether anybody could ever refresh by them.
    pub(crate) fn check(&self) -> Result<(), Cow<'static, str>> {
        match self.lifetime_seconds {
            0 => Err(Cow::Borrowed("its refresh tokens last 0 seconds: give more, or leave `refresh` out")),
            seconds => check_token_lifetime(Some(seconds)),
        }
    }
}

/// Gives the backends what is said of their sessions, and refuses what cannot work.
pub(crate) fn configure<U: UserModel>(
    backends: &mut [Backend<U>],
    sessions: Option<&Sessions>,
    refresh: &[(String, RefreshTokens)],
    secrets: &Secrets,
) -> Result<(), BuildError> {
    for (name, tokens) in refresh {
        find(backends, name, "refresh")?.refresh = Some(Refreshing::new(*tokens, secrets.clone()));
    }
    for (name, seconds) in sessions.iter().flat_map(|sessions| &sessions.inactivity) {
        let backend = find(backends, name, "inactivity_seconds")?;
        let refused = |reason: String| BuildError::Backend { name: name.clone(), reason: reason.into() };
        if *seconds < MIN_INACTIVITY_SECONDS {
            return Err(refused(format!(
                "its inactivity limit is {seconds} s, and {MIN_INACTIVITY_SECONDS} s are the least: the last use is \
                 noted once a minute"
            )));
        }
        if !backend.strategy.keeps_sessions() && backend.refresh.is_none() {
            let reason =
                "it has an inactivity limit, but its tokens are kept nowhere: give it refresh tokens";
            return Err(refused(reason.to_owned()));
        }
        backend.inactivity_seconds = Some(*seconds);
    }
    Ok(())
}

fn find<'a, U: UserModel>(
    backends: &'a mut [Backend<U>],
    name: &str,
    setting: &str,
) -> Result<&'a mut Backend<U>, BuildError> {
    backends.iter_mut().find(|backend| backend.name == name).ok_or_else(|| BuildError::Backend {
        name: name.to_owned(),
        reason: format!("there is none of this name, which `{setting}` is said of").into(),
    })
}

/// What a backend with refresh tokens knows.
pub(crate) struct Refreshing {
    pub(crate) lifetime: time::Duration,
    pub(crate) grace: time::Duration,
    /// What the next token is made with.
    pub(crate) secrets: Secrets,
}

impl Refreshing {
    pub(crate) fn new(tokens: RefreshTokens, secrets: Secrets) -> Self {
        let duration =
            |seconds: u64| time::Duration::seconds(i64::from(u32::try_from(seconds).unwrap_or(u32::MAX)));
        Self { lifetime: duration(tokens.lifetime_seconds), grace: duration(tokens.grace_seconds), secrets }
    }
}

/// The settings, and which sessions were used a moment ago.
pub(crate) struct KeptSessions {
    pub(crate) max_per_user: Option<u32>,
    pub(crate) has_routes: bool,
    used: Mutex<HashMap<u64, i64>>,
    hasher: RandomState,
}

impl KeptSessions {
    pub(crate) fn new(sessions: &Sessions) -> Self {
        Self {
            max_per_user: sessions.max_per_user,
            has_routes: !sessions.without_routes,
            used: Mutex::default(),
            hasher: RandomState::new(),
        }
    }

    /// Whether the use of a token at this second is to be written down: the first in a minute.
    pub(crate) fn is_due(&self, token: &str, now: i64) -> bool {
        let key = self.hasher.hash_one(token);
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        if used.get(&key).is_some_and(|at| now - at < USE_STEP_SECONDS) {
            return false;
        }
        if used.len() >= REMEMBERED {
            used.retain(|_, at| now - *at < USE_STEP_SECONDS);
        }
        if used.len() >= REMEMBERED {
            // More in a minute than are remembered: some are written down twice.
            used.clear();
        }
        used.insert(key, now);
        true
    }

    /// The use could not be written down.
    pub(crate) fn forget(&self, token: &str) {
        let key = self.hasher.hash_one(token);
        self.used.lock().unwrap_or_else(PoisonError::into_inner).remove(&key);
    }
}
