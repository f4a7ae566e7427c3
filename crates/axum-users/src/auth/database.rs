//! The database strategy: a random token, and a row for each session.

use std::borrow::Cow;

use sha2::{Digest, Sha256};

use super::{IssueContext, Issued, KeptAccessTokens, Resolved, Strategy, StrategySetup};
use crate::{
    Clock, Database, Random,
    database::{AccessToken, Capabilities},
    error::InternalError,
    refusals::check_token_lifetime,
    schema::Timestamp,
    token::base64_url,
    user::UserModel,
};

/// How many characters a token has: 32 random bytes in URL-safe base64.
const TOKEN_LENGTH: usize = 43;

/// How the tokens of sessions are stored.
///
/// ```
/// use axum_users::{AccessTokensAtRest, Cookie, DatabaseTokens, MemoryDatabase, User, Users};
///
/// let users = Users::<User>::builder(MemoryDatabase::default(), "at-least-32-bytes-of-randomness-here")
///     .backend("cookie", Cookie::default(), DatabaseTokens::lasting_seconds(3600))
///     .access_tokens_at_rest(AccessTokensAtRest::Clear) // while Python reads them
///     .build()?;
/// # Ok::<(), axum_users::BuildError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AccessTokensAtRest {
    /// As `~` and a hash, so that who reads the database can open no session. Rows that Python wrote in
    /// clear are read, and rewritten at first use. The default.
    #[default]
    Hashed,
    /// As they are, so that a FastAPI Users application on the same table can read them.
    Clear,
}

/// Keeps a row for each session in the original's `accesstoken` table.
///
/// Logout deletes the row. Reading does not prolong a session.
///
/// ```
/// use axum_users::DatabaseTokens;
/// let week = DatabaseTokens::lasting_seconds(7 * 24 * 3600);
/// ```
#[derive(Clone, Debug)]
pub struct DatabaseTokens {
    lifetime_seconds: Option<u64>,
    clock: Clock,
    random: Random,
    at_rest: AccessTokensAtRest,
    inactivity_seconds: Option<u64>,
}

impl DatabaseTokens {
    /// Sessions that are good for so many seconds; 0 is for ever, as in the original.
    #[must_use]
    pub fn lasting_seconds(seconds: u64) -> Self {
        Self { lifetime_seconds: (seconds != 0).then_some(seconds), ..Self::lasting_for_ever() }
    }

    /// Sessions that end at logout only.
    #[must_use]
    pub fn lasting_for_ever() -> Self {
        Self {
            lifetime_seconds: None,
            clock: Clock::system(),
            random: Random::system(),
            at_rest: AccessTokensAtRest::default(),
            inactivity_seconds: None,
        }
    }

    /// The session, unless it was not used for too long; then it is over.
    async fn find_used<U: UserModel>(
        &self,
        forms: &[String],
        database: &Database<U>,
    ) -> Result<Option<(U, AccessToken<U::Id>)>, InternalError> {
        let found = database.user_by_used_access_token(forms, self.not_before()).await?;
        let Some((user, row, last_used_at)) = found else { return Ok(None) };
        if is_idle(self.inactivity_seconds, last_used_at.unwrap_or(row.created_at), self.clock.now()) {
            database.delete_session_by_token(forms).await?;
            database.delete_access_token(forms).await?;
            return Ok(None);
        }
        Ok(Some((user, row)))
    }

    /// The moment before which a session has expired.
    fn not_before(&self) -> Option<Timestamp> {
        let seconds = i64::try_from(self.lifetime_seconds?).unwrap_or(i64::MAX);
        self.clock.now().checked_sub(time::Duration::seconds(seconds))
    }
}

/// [`stored_forms`], that of new tokens first.
pub(super) fn forms_by(at_rest: AccessTokensAtRest, token: &str) -> Option<Vec<String>> {
    let mut forms = stored_forms(token)?;
    if at_rest == AccessTokensAtRest::Clear {
        forms.reverse();
    }
    Some(forms.into())
}

/// Whether a session was not used for longer than it may be. Until its first use it counts from its beginning.
pub(crate) fn is_idle(limit_seconds: Option<u64>, last_used_at: Timestamp, now: Timestamp) -> bool {
    let limit = limit_seconds.and_then(|seconds| i64::try_from(seconds).ok());
    limit.is_some_and(|seconds| now - last_used_at >= time::Duration::seconds(seconds))
}

/// What a stored row may hold for a presented token: its hash, and the token itself. None when no token of
/// this strategy looks like it, so that a stored hash can never be presented as a token.
pub(super) fn stored_forms(token: &str) -> Option<[String; 2]> {
    let fits = token.len() == TOKEN_LENGTH
        && token.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    fits.then(|| [hashed(token), token.to_owned()])
}

/// What is stored of an access token by [`AccessTokensAtRest::Hashed`]; `None` where the text is no token of the
/// database strategy, or is stored like that already. For adapters that rewrite what Python stored in clear.
///
/// ```
/// let token = "WefgsrEk0yYyozQmNEsSlzmdAVZCBLLk3Sk2kAfKy2Q";
/// let stored = axum_users::hash_access_token(token).unwrap();
/// assert!(stored.starts_with('~') && stored.len() == token.len());
/// assert_eq!(axum_users::hash_access_token(&stored), None);
/// ```
#[must_use]
pub fn hash_access_token(token: &str) -> Option<String> {
    stored_forms(token).map(|[hash, _]| hash)
}

/// `~` and 42 characters of the token's SHA-256: it fits the original's column of 43.
pub(crate) fn hashed(token: &str) -> String {
    let mut form = base64_url(&Sha256::digest(token.as_bytes()));
    form.truncate(TOKEN_LENGTH - 1);
    form.insert(0, '~');
    form
}

impl<U: UserModel> Strategy<U> for DatabaseTokens {
    fn configure(&mut self, setup: &StrategySetup) -> Result<(), Cow<'static, str>> {
        check_token_lifetime(self.lifetime_seconds)?;
        self.clock = setup.clock.clone();
        self.random = setup.random.clone();
        self.at_rest = setup.access_tokens_at_rest;
        self.inactivity_seconds = setup.inactivity_seconds;
        Ok(())
    }

    fn needs(&self) -> Capabilities {
        Capabilities { access_tokens: true, ..Capabilities::default() }
    }

    async fn issue(&self, context: IssueContext<'_, U>) -> Result<Issued, InternalError> {
        let token = context.token.map_or_else(|| self.random.token(), str::to_owned);
        let stored = match self.at_rest {
            AccessTokensAtRest::Hashed => hashed(&token),
            AccessTokensAtRest::Clear => token.clone(),
        };
        let row =
            AccessToken { token: stored, user_id: context.user.id().clone(), created_at: self.clock.now() };
        let created = context.database.create_access_token(&row).await;
        if created.is_err() && context.token.is_some() {
            // Of two requests that refresh a session at once, both are given one token.
            let forms = stored_forms(&token).unwrap_or_default();
            if context.database.user_by_access_token(&forms, None).await?.is_some() {
                return Ok(Issued::new(token, self.lifetime_seconds));
            }
        }
        created?;
        Ok(Issued::new(token, self.lifetime_seconds))
    }

    async fn resolve(
        &self,
        token: &str,
        database: &Database<U>,
    ) -> Result<Option<Resolved<U>>, InternalError> {
        let Some(forms) = stored_forms(token) else { return Ok(None) };
        let found = match self.inactivity_seconds {
            None => database.user_by_access_token(&forms, self.not_before()).await?,
            Some(_) => self.find_used(&forms, database).await?,
        };
        let Some((user, row)) = found else { return Ok(None) };
        let [hash, clear] = &forms;
        if self.at_rest == AccessTokensAtRest::Hashed && row.token == *clear {
            database.rewrite_access_token(clear, hash).await?;
        }
        Ok(Some(Resolved::user(user).issued_at(row.created_at)))
    }

    async fn revoke(&self, token: &str, database: &Database<U>) -> Result<(), InternalError> {
        let Some(forms) = stored_forms(token) else { return Ok(()) };
        Ok(database.delete_access_token(&forms).await?)
    }

    async fn revoke_all(
        &self,
        user_id: &U::Id,
        except: Option<&str>,
        database: &Database<U>,
    ) -> Result<(), InternalError> {
        let except = except.and_then(stored_forms);
        let except = except.as_ref().map_or(&[][..], |forms| &forms[..]);
        Ok(database.delete_access_tokens_of(user_id, except).await?)
    }

    fn stored_forms(&self, token: &str) -> Option<Vec<String>> {
        forms_by(self.at_rest, token)
    }

    async fn revoke_stored(&self, form: &str, database: &Database<U>) -> Result<(), InternalError> {
        Ok(database.delete_access_token(&[form.to_owned()]).await?)
    }

    fn keeps_sessions(&self) -> bool {
        true
    }

    fn kept_access_tokens(&self) -> KeptAccessTokens {
        self.not_before().map_or(KeptAccessTokens::All, KeptAccessTokens::Since)
    }
}
