//! The audit trail: who did what, when, from where.
//!
//! Every entry is a line of the log with the target `axum_users::audit`. Where the builder asked for it, it is kept
//! in the database, too: written behind the answer from a bounded queue, so that a database that is down fails no
//! request.

mod trail;

use std::{borrow::Cow, fmt};

use axum::http::header::USER_AGENT;
use serde::Serialize;

pub(crate) use self::trail::Trail;
use crate::{RequestInfo, schema::Timestamp, token::keyed_fingerprints};

/// The most bytes of a text in an entry.
const LONGEST: usize = 200;

macro_rules! events {
    ($($(#[$doc:meta])* $event:ident = $name:literal;)*) => {
        /// What happened.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum AuditEvent {
            $($(#[$doc])* $event,)*
        }

        impl AuditEvent {
            /// Every event, for messages and documents.
            pub const ALL: &[Self] = &[$(Self::$event),*];

            /// The name in log, table and command line.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$event => $name,)*
                }
            }
        }
    };
}

events! {
    /// A user was registered, or created by a program.
    Registered = "registered";
    /// A registration was refused: `taken`, `refused` (by a hook).
    RegisterFailed = "register_failed";
    /// A user was logged in.
    LoggedIn = "logged_in";
    /// A login was refused: `unknown_user`, `wrong_password`, `inactive`, `not_verified`, `refused` (by a hook).
    LoginFailed = "login_failed";
    /// A user was logged out.
    LoggedOut = "logged_out";
    /// The present password, which a change asked for, was missing or wrong.
    CurrentPasswordWrong = "current_password_wrong";
    /// A reset token was mailed.
    PasswordResetRequested = "password_reset_requested";
    /// A password was reset by a token.
    PasswordReset = "password_reset";
    /// A password was not reset: `bad_token`.
    PasswordResetFailed = "password_reset_failed";
    /// A password was changed.
    PasswordChanged = "password_changed";
    /// A token was mailed to a new address.
    EmailChangeRequested = "email_change_requested";
    /// An e-mail address was changed.
    EmailChanged = "email_changed";
    /// A verification token was mailed.
    VerificationRequested = "verification_requested";
    /// An e-mail address was verified.
    Verified = "verified";
    /// An e-mail address was not verified: `bad_token`.
    VerificationFailed = "verification_failed";
    /// A superuser or a program changed a user: the names of the fields.
    UserUpdated = "user_updated";
    /// A user was deleted.
    UserDeleted = "user_deleted";
    /// A user came by an OAuth provider.
    OAuthLoggedIn = "oauth_logged_in";
    /// An account at a provider was linked; `squatter_evicted` where the password of somebody who never proved the
    /// address ended by it.
    OAuthLinked = "oauth_linked";
    /// An account at a provider was unlinked.
    OAuthUnlinked = "oauth_unlinked";
    /// A session was ended by its user or a superuser.
    SessionEnded = "session_ended";
    /// Several sessions were ended by their user or a superuser.
    SessionsEnded = "sessions_ended";
    /// A refresh token was used again after it had been replaced; its family ended.
    RefreshReused = "refresh_reused";
    /// A limit was hit: which.
    LimitHit = "limit_hit";
    /// A page of another site tried to use a cookie: its origin.
    ForgeryRefused = "forgery_refused";
}

impl AuditEvent {
    /// Whether strangers can cause it as often as they like.
    fn is_failure(self) -> bool {
        matches!(
            self,
            Self::RegisterFailed
                | Self::LoginFailed
                | Self::CurrentPasswordWrong
                | Self::PasswordResetFailed
                | Self::VerificationFailed
                | Self::LimitHit
                | Self::ForgeryRefused
        )
    }
}

impl fmt::Display for AuditEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One entry of the trail. It holds no secret, and no e-mail address.
///
/// ```
/// # use axum_users::{AuditFilter, DatabaseError, User, Users};
/// # async fn example(users: Users<User>) -> Result<(), DatabaseError> {
/// for entry in users.audit_trail(&AuditFilter::default()).await? {
///     println!("{} {} {:?}", entry.at, entry.event, entry.address);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AuditEntry {
    /// 32 hexadecimal digits that sort as the entries happened; see [`first_id_at`](Self::first_id_at).
    pub id: String,
    /// When.
    #[serde(serialize_with = "rfc_3339")]
    pub at: Timestamp,
    /// What: the name of an [`AuditEvent`], or an application's own.
    pub event: Cow<'static, str>,
    /// More of what: why it failed, which fields.
    pub detail: Option<String>,
    /// Whose account it is about, where there is one.
    pub user_id: Option<String>,
    /// Who did it, where the request was of a user who is logged in.
    pub actor_id: Option<String>,
    /// The backend or the OAuth provider.
    pub via: Option<String>,
    /// A keyed fingerprint of the e-mail address that was given, where no user has it: equal ones belong together.
    pub account: Option<String>,
    /// The client's address, where it is known; absent when a program did it.
    pub address: Option<String>,
    /// The client's `User-Agent`.
    pub agent: Option<String>,
}

fn rfc_3339<S: serde::Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    let text = at.format(&time::format_description::well_known::Rfc3339);
    serializer.serialize_str(&text.map_err(serde::ser::Error::custom)?)
}

impl AuditEntry {
    /// The least id of an entry at this moment or later: what happened before has a lesser one.
    #[must_use]
    pub fn first_id_at(at: Timestamp) -> String {
        format!("{:016x}{:016x}", microseconds(at), 0)
    }

    /// The line of the log.
    fn log(&self) {
        let Self { event, detail, user_id, actor_id, via, account, address, agent, .. } = self;
        tracing::info!(
            target: "axum_users::audit",
            event = event.as_ref(),
            detail = detail.as_deref(),
            user_id = user_id.as_deref(),
            actor_id = actor_id.as_deref(),
            via = via.as_deref(),
            account = account.as_deref(),
            address = address.as_deref(),
            agent = agent.as_deref(),
            "audit"
        );
    }
}

fn microseconds(at: Timestamp) -> u64 {
    u64::try_from(at.unix_timestamp_nanos().div_euclid(1000).max(0)).unwrap_or(u64::MAX)
}

/// Which entries are wanted; the newest come first.
///
/// ```
/// use axum_users::AuditFilter;
/// let logins = AuditFilter { event: Some("login_failed".into()), limit: 20, ..AuditFilter::default() };
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditFilter {
    /// About this user alone.
    pub user_id: Option<String>,
    /// Of this name alone.
    pub event: Option<String>,
    /// From this moment on.
    pub since: Option<Timestamp>,
    /// Older than the entry with this id: how to go on after the last one of a page.
    pub before: Option<String>,
    /// How many at most.
    pub limit: u32,
}

impl Default for AuditFilter {
    /// The hundred newest, whatever they are about.
    fn default() -> Self {
        Self { user_id: None, event: None, since: None, before: None, limit: 100 }
    }
}

impl AuditFilter {
    /// Whether an entry is wanted, its place in the order aside.
    pub(crate) fn wants(&self, entry: &AuditEntry) -> bool {
        self.user_id.as_ref().is_none_or(|id| entry.user_id.as_ref() == Some(id))
            && self.event.as_ref().is_none_or(|event| entry.event == **event)
            && self.since.is_none_or(|since| entry.id >= AuditEntry::first_id_at(since))
            && self.before.as_ref().is_none_or(|id| entry.id < *id)
    }
}

/// Something to be noted; see [`Users::audit`](crate::Users::audit).
///
/// ```
/// # use axum_users::{AuditRecord, RequestInfo, User, Users};
/// # fn example(users: Users<User>, user: User, request: RequestInfo) {
/// users.audit(AuditRecord::named("plan_changed", &request).user(&user.id).detail("paid"));
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "give it to `Users::audit`"]
pub struct AuditRecord<'a> {
    event: Cow<'static, str>,
    is_failure: bool,
    request: &'a RequestInfo,
    detail: Option<String>,
    user_id: Option<String>,
    via: Option<String>,
    email: Option<String>,
}

impl<'a> AuditRecord<'a> {
    /// Something that happened in a request, or by a program where there is none.
    pub fn new(event: AuditEvent, request: &'a RequestInfo) -> Self {
        Self { is_failure: event.is_failure(), ..Self::named(event.name(), request) }
    }

    /// An event of the application's own, by its name.
    pub fn named(event: impl Into<Cow<'static, str>>, request: &'a RequestInfo) -> Self {
        Self {
            event: event.into(),
            is_failure: false,
            request,
            detail: None,
            user_id: None,
            via: None,
            email: None,
        }
    }

    /// Whose account it is about.
    pub fn user(mut self, id: &impl ToString) -> Self {
        self.user_id = Some(id.to_string());
        self
    }

    /// More of what: a word or two, and no secret.
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// The backend or provider.
    pub fn via(mut self, name: impl Into<String>) -> Self {
        self.via = Some(name.into());
        self
    }

    /// The e-mail address that was given, of which a keyed fingerprint is kept.
    pub fn email(mut self, email: &str) -> Self {
        self.email = Some(email.trim().to_ascii_lowercase());
        self
    }

    /// Counts it. The labels are of few values each: the names of events and backends, and the library's own words for
    /// what failed.
    #[cfg(feature = "metrics")]
    fn count(&self) {
        // The origin of a foreign page is its own choice, and would be as many labels as it likes.
        let is_ours = self.is_failure && self.event != AuditEvent::ForgeryRefused.name();
        let reason = self.detail.as_deref().filter(|_| is_ours).unwrap_or_default();
        crate::metrics::event(&self.event, reason, self.via.as_deref().unwrap_or_default());
    }

    fn into_entry(self, id: String, at: Timestamp, secrets: &crate::Secrets) -> AuditEntry {
        let Self { event, request, detail, user_id, via, email, .. } = self;
        let agent = request.headers().get(USER_AGENT).map(|agent| String::from_utf8_lossy(agent.as_bytes()));
        let account = email.and_then(|email| keyed_fingerprints(secrets, &email).into_iter().next());
        AuditEntry {
            id,
            at,
            event,
            detail: detail.as_deref().map(plain),
            user_id: user_id.as_deref().map(plain),
            actor_id: request.actor().map(plain),
            via: via.as_deref().map(plain),
            account,
            address: request.client_address().map(|address| address.to_canonical().to_string()),
            agent: agent.as_deref().map(plain),
        }
    }
}

/// A text as an entry holds it: short, and without what moves a terminal's cursor.
fn plain(text: &str) -> String {
    let text = &text[..text.floor_char_boundary(LONGEST)];
    text.chars().map(|character| if character.is_control() { ' ' } else { character }).collect()
}

#[cfg(test)]
mod tests;
