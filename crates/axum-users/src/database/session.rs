//! Sessions as data: what is kept of each beside the original's tables.

use std::fmt;

use crate::schema::Timestamp;

/// What is known of a session: one row of the side table `axum_users_session`.
///
/// A session of the database strategy that has no such row was made by Python, or before sessions were kept. Its
/// `Debug` output hides what is stored of tokens.
///
/// ```
/// use axum_users::Session;
///
/// fn is_over<Id>(session: &Session<Id>, now: axum_users::Timestamp) -> bool {
///     session.expires_at.is_some_and(|end| end <= now)
/// }
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Session<Id> {
    /// The public name: what a user sees, and ends the session by.
    pub id: String,
    /// The stored form of the access token; `None` for signed tokens, which are stored nowhere.
    pub token: Option<String>,
    /// Whose session it is.
    pub user_id: Id,
    /// The name of the backend that logged in.
    pub backend: String,
    /// When the session began.
    pub created_at: Timestamp,
    /// When it was last used, to the minute.
    pub last_used_at: Timestamp,
    /// When it ends, whatever happens; `None` when it need not.
    pub expires_at: Option<Timestamp>,
    /// The device: the login's `User-Agent`.
    pub user_agent: Option<String>,
    /// The address from which the login came.
    pub address: Option<String>,
    /// The refresh tokens of the session, where its backend has them.
    pub refresh: Option<RefreshFamily>,
}

/// The refresh tokens of one session, each made by the one before it. All of them are stored as hashes.
///
/// ```
/// use axum_users::RefreshFamily;
///
/// fn was_refreshed(family: &RefreshFamily) -> bool {
///     family.previous.is_some()
/// }
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct RefreshFamily {
    /// What all of them begin with, by which the session is found.
    pub handle: String,
    /// The one that is good.
    pub current: String,
    /// The one before, which is good for a moment longer.
    pub previous: Option<String>,
    /// When the present one took its place.
    pub rotated_at: Timestamp,
}

impl<Id: fmt::Debug> fmt::Debug for Session<Id> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("id", &self.id)
            .field("user_id", &self.user_id)
            .field("backend", &self.backend)
            .field("created_at", &self.created_at)
            .field("last_used_at", &self.last_used_at)
            .field("expires_at", &self.expires_at)
            .field("user_agent", &self.user_agent)
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for RefreshFamily {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RefreshFamily").field("rotated_at", &self.rotated_at).finish_non_exhaustive()
    }
}
