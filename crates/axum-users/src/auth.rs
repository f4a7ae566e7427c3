//! Authentication backends: a transport carries a token, a strategy makes and reads it.

mod bearer;
mod cookie;
mod database;
mod jwt;
#[cfg(feature = "redis")]
pub(crate) mod redis;

use std::{borrow::Cow, fmt, sync::Arc};

use axum::{http::HeaderMap, response::Response};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value as Json;

pub(crate) use self::database::{hashed, is_idle};
#[cfg(feature = "redis")]
pub use self::redis::{RedisError, RedisTokens};
pub use self::{
    bearer::Bearer,
    cookie::{Cookie, SameSite},
    database::{AccessTokensAtRest, DatabaseTokens, hash_access_token},
    jwt::Jwt,
};
use crate::{
    Clock, Database, Random, RequestInfo, Secrets,
    database::{BoxFuture, Capabilities},
    error::InternalError,
    openapi::TransportDescription,
    schema::{Schema, Timestamp},
    sessions::Refreshing,
    user::UserModel,
};

/// What a login gives: an access token, and what is known of it.
///
/// ```
/// use axum_users::Issued;
///
/// let issued = Issued::new("a random token", Some(900));
/// assert_eq!(issued.expires_in, Some(900));
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Issued {
    /// The token that the transport carries to the client.
    pub access_token: SecretString,
    /// For how many seconds it is good; `None` for ever.
    pub expires_in: Option<u64>,
    /// The refresh token that goes with it, where the backend has them.
    pub refresh: Option<IssuedRefresh>,
}

/// A refresh token on its way to the client.
///
/// ```
/// use axum_users::{ExposeSecret, Issued};
///
/// fn refresh_token(issued: &Issued) -> Option<&str> {
///     issued.refresh.as_ref().map(|refresh| refresh.token.expose_secret())
/// }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct IssuedRefresh {
    /// The token.
    pub token: SecretString,
    /// For how many seconds the session can still be refreshed.
    pub expires_in: u64,
    /// The path of the route that takes it, `/auth/{backend}/refresh`.
    pub path: String,
}

impl IssuedRefresh {
    pub(crate) fn new(token: SecretString, expires_in: u64, path: String) -> Self {
        Self { token, expires_in, path }
    }
}

impl Issued {
    /// A token that is good for so many seconds, or for ever.
    pub fn new(access_token: impl Into<SecretString>, expires_in: Option<u64>) -> Self {
        Self { access_token: access_token.into(), expires_in, refresh: None }
    }

    pub(crate) fn token(&self) -> &str {
        self.access_token.expose_secret()
    }
}

/// Whose token it is, and what is known of the session behind it.
///
/// ```
/// use axum_users::{Resolved, User, UserModel};
///
/// fn of(id: <User as UserModel>::Id) -> Resolved<User> {
///     Resolved::id(id).session_id(Some("a name to show".into()))
/// }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Resolved<U: UserModel> {
    /// The user, or the id under which to look for one.
    pub user: ResolvedUser<U>,
    /// The session's public name, where the strategy keeps sessions.
    pub session_id: Option<String>,
    /// When the token was made, where the strategy knows.
    pub issued_at: Option<Timestamp>,
}

impl<U: UserModel> Resolved<U> {
    /// A token whose user is still to be read.
    pub fn id(id: U::Id) -> Self {
        Self { user: ResolvedUser::Id(id), session_id: None, issued_at: None }
    }

    /// A token that was read together with its user.
    pub fn user(user: U) -> Self {
        Self { user: ResolvedUser::User(user), session_id: None, issued_at: None }
    }

    /// The same with the time at which the token was made.
    #[must_use]
    pub fn issued_at(mut self, at: Timestamp) -> Self {
        self.issued_at = Some(at);
        self
    }

    /// The same with the session's public name, where the token says it.
    #[must_use]
    pub fn session_id(mut self, id: Option<String>) -> Self {
        self.session_id = id;
        self
    }
}

/// See [`Resolved`].
///
/// ```
/// use axum_users::{Resolved, ResolvedUser, User};
///
/// let resolved = Resolved::<User>::id(uuid::Uuid::nil());
/// assert!(matches!(resolved.user, ResolvedUser::Id(id) if id.is_nil()));
/// ```
#[derive(Clone, Debug)]
pub enum ResolvedUser<U: UserModel> {
    /// The user was read together with the token.
    User(U),
    /// The user is still to be read.
    Id(U::Id),
}

/// Where a token travels: a header, a cookie, or a place of your own.
///
/// ```
/// use std::borrow::Cow;
///
/// use axum::{Json, http::{HeaderMap, StatusCode}, response::{IntoResponse, Response}};
/// use axum_users::{ExposeSecret, Issued, Transport, TransportDescription};
/// use serde_json::json;
///
/// struct ApiKey;
///
/// impl Transport for ApiKey {
///     fn token<'a>(&self, headers: &'a HeaderMap) -> Option<Cow<'a, str>> {
///         headers.get("x-api-key")?.to_str().ok().map(Cow::Borrowed)
///     }
///
///     fn login_response(&self, issued: &Issued) -> Response {
///         Json(json!({ "api_key": issued.access_token.expose_secret() })).into_response()
///     }
///
///     fn logout_response(&self) -> Response {
///         StatusCode::NO_CONTENT.into_response()
///     }
///
///     fn description(&self, _: &str) -> TransportDescription {
///         let scheme = json!({ "type": "apiKey", "in": "header", "name": "X-Api-Key" });
///         TransportDescription::new("ApiKey", scheme)
///     }
/// }
/// ```
pub trait Transport: Send + Sync + 'static {
    /// The token that a request carries here, if any.
    fn token<'a>(&self, headers: &'a HeaderMap) -> Option<Cow<'a, str>>;

    /// The answer that hands a new token to the client.
    fn login_response(&self, issued: &Issued) -> Response;

    /// The answer to a logout.
    fn logout_response(&self) -> Response;

    /// Whether the login's answer sets a cookie, so that a browser is logged in by it whatever it shows next.
    fn sets_cookie(&self) -> bool {
        false
    }

    /// The refresh token that a request carries here, if any. Not asked of transports that set no cookie: their
    /// clients send it in the body.
    fn refresh_token<'a>(&self, headers: &'a HeaderMap) -> Option<Cow<'a, str>> {
        let _ = headers;
        None
    }

    /// Adds to the answer to a logout what makes the client forget the refresh token of this path.
    fn forget_refresh_token(&self, headers: &mut HeaderMap, path: &str) {
        let _ = (headers, path);
    }

    /// Refuses settings by which no browser would send the token back, with what to do about them. `public_url` is where
    /// browsers reach the application, where the builder was told.
    ///
    /// # Errors
    /// A sentence for the developer.
    fn check(&self, public_url: Option<&str>) -> Result<(), Cow<'static, str>> {
        let _ = public_url;
        Ok(())
    }

    /// What the OpenAPI document says of it; `token_url` is the login's path without the leading slash.
    fn description(&self, token_url: &str) -> TransportDescription;
}

/// What a strategy is given when [`Users`](crate::Users) are built.
///
/// ```
/// use std::borrow::Cow;
///
/// use axum_users::{Clock, StrategySetup};
///
/// /// What `Strategy::configure` does with it.
/// fn configure(clock: &mut Clock, setup: &StrategySetup) -> Result<(), Cow<'static, str>> {
///     *clock = setup.clock.clone();
///     Ok(())
/// }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct StrategySetup {
    /// The secrets of the builder, for a strategy that has none of its own.
    pub secrets: Secrets,
    /// Where the time comes from.
    pub clock: Clock,
    /// Where randomness comes from.
    pub random: Random,
    /// The user table.
    pub schema: Arc<Schema>,
    /// How access tokens are stored.
    pub access_tokens_at_rest: AccessTokensAtRest,
    /// Whether secrets under 32 bytes are let through.
    pub allow_short_secret: bool,
    /// Whether signed tokens have to end when a user's [`UserState::not_before`](crate::UserState::not_before)
    /// says so, which costs their strategy a look at that state.
    pub signed_tokens_end_early: bool,
    /// After how many seconds without use a session of this backend ends; `None` for never.
    pub inactivity_seconds: Option<u64>,
}

/// What a strategy is given when it makes a token.
///
/// ```
/// use axum_users::{IssueContext, Issued, Random, User};
///
/// /// What `Strategy::issue` does with it.
/// fn issue(context: &IssueContext<'_, User>, random: &Random) -> Issued {
///     Issued::new(format!("{}.{}", context.user.id, random.token()), Some(900))
/// }
/// ```
#[non_exhaustive]
pub struct IssueContext<'a, U: UserModel> {
    /// Who logs in.
    pub user: &'a U,
    /// The request that logs in.
    pub request: &'a RequestInfo,
    /// The database.
    pub database: &'a Database<U>,
    /// The public name of the session, for strategies whose tokens can say it.
    pub session_id: Option<&'a str>,
    /// The token to issue, for strategies that draw a random one; another request may have issued it already.
    pub token: Option<&'a str>,
}

impl<'a, U: UserModel> IssueContext<'a, U> {
    pub(crate) fn new(user: &'a U, request: &'a RequestInfo, database: &'a Database<U>) -> Self {
        Self { user, request, database, session_id: None, token: None }
    }
}

impl<U: UserModel + fmt::Debug> fmt::Debug for IssueContext<'_, U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IssueContext")
            .field("user", &self.user)
            .field("request", &self.request)
            .field("database", &self.database)
            .field("session_id", &self.session_id)
            .finish_non_exhaustive()
    }
}

/// What a token is: a JWT, a database row, or something of your own.
///
/// Implementations write the methods as plain `async fn`.
///
/// ```
/// use axum_users::{Database, InternalError, IssueContext, Issued, Resolved, Strategy, User};
///
/// /// Everybody is who they say: for a demonstration on one's own machine.
/// struct Trusting;
///
/// impl Strategy<User> for Trusting {
///     async fn issue(&self, context: IssueContext<'_, User>) -> Result<Issued, InternalError> {
///         Ok(Issued::new(context.user.id.to_string(), None))
///     }
///
///     async fn resolve(&self, token: &str, _: &Database<User>) -> Result<Option<Resolved<User>>, InternalError> {
///         Ok(token.parse().ok().map(Resolved::id))
///     }
/// }
/// ```
pub trait Strategy<U: UserModel>: Send + Sync + 'static {
    /// Takes what it needs of the builder's settings; called once, before anything else.
    ///
    /// # Errors
    /// The strategy cannot work so; the text says why, and what to do.
    fn configure(&mut self, setup: &StrategySetup) -> Result<(), Cow<'static, str>> {
        let _ = setup;
        Ok(())
    }

    /// What it needs of the database adapter.
    fn needs(&self) -> Capabilities {
        Capabilities::default()
    }

    /// The public keys by which others can verify its tokens, as JSON Web Keys (RFC 7517 §4). Never a secret:
    /// they are shown to everybody.
    fn json_web_keys(&self) -> Vec<Json> {
        Vec::new()
    }

    /// Makes a token for a user who logs in.
    fn issue(
        &self,
        context: IssueContext<'_, U>,
    ) -> impl Future<Output = Result<Issued, InternalError>> + Send;

    /// Whose token it is; `None` for a token that is none, or no longer good.
    fn resolve(
        &self,
        token: &str,
        database: &Database<U>,
    ) -> impl Future<Output = Result<Option<Resolved<U>>, InternalError>> + Send;

    /// Ends a token. Nothing happens to tokens that are not kept anywhere.
    fn revoke(
        &self,
        token: &str,
        database: &Database<U>,
    ) -> impl Future<Output = Result<(), InternalError>> + Send {
        let _ = (token, database);
        async { Ok(()) }
    }

    /// Ends all tokens of a user but `except`.
    fn revoke_all(
        &self,
        user_id: &U::Id,
        except: Option<&str>,
        database: &Database<U>,
    ) -> impl Future<Output = Result<(), InternalError>> + Send {
        let _ = (user_id, except, database);
        async { Ok(()) }
    }

    /// How a token of this strategy may be stored, the form of new tokens first; `None` for tokens that are stored
    /// nowhere, and for texts that are none.
    fn stored_forms(&self, token: &str) -> Option<Vec<String>> {
        let _ = token;
        None
    }

    /// Ends the token that is stored in this form.
    fn revoke_stored(
        &self,
        form: &str,
        database: &Database<U>,
    ) -> impl Future<Output = Result<(), InternalError>> + Send {
        let _ = (form, database);
        async { Ok(()) }
    }

    /// Whether its tokens are kept somewhere, so that each of them is a session of its own.
    fn keeps_sessions(&self) -> bool {
        false
    }

    /// Which rows of the database's access tokens may still be good. The table is shared by all backends, so
    /// that what one strategy needs no more another may.
    fn kept_access_tokens(&self) -> KeptAccessTokens {
        KeptAccessTokens::None
    }
}

/// See [`Strategy::kept_access_tokens`].
///
/// ```
/// use axum_users::{DatabaseTokens, KeptAccessTokens, Strategy, User};
///
/// let for_ever = DatabaseTokens::lasting_for_ever();
/// assert_eq!(Strategy::<User>::kept_access_tokens(&for_ever), KeptAccessTokens::All);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeptAccessTokens {
    /// The strategy keeps none there.
    None,
    /// Those that were made at this moment or later.
    Since(Timestamp),
    /// All.
    All,
}

/// [`Strategy`] behind a pointer.
pub(crate) trait ErasedStrategy<U: UserModel>: Send + Sync {
    fn configure(&mut self, setup: &StrategySetup) -> Result<(), Cow<'static, str>>;
    fn needs(&self) -> Capabilities;
    fn json_web_keys(&self) -> Vec<Json>;
    fn issue<'a>(&'a self, context: IssueContext<'a, U>) -> BoxFuture<'a, Result<Issued, InternalError>>;
    fn resolve<'a>(
        &'a self,
        token: &'a str,
        database: &'a Database<U>,
    ) -> BoxFuture<'a, Result<Option<Resolved<U>>, InternalError>>;
    fn revoke<'a>(
        &'a self,
        token: &'a str,
        database: &'a Database<U>,
    ) -> BoxFuture<'a, Result<(), InternalError>>;
    fn revoke_all<'a>(
        &'a self,
        user_id: &'a U::Id,
        except: Option<&'a str>,
        database: &'a Database<U>,
    ) -> BoxFuture<'a, Result<(), InternalError>>;
    fn stored_forms(&self, token: &str) -> Option<Vec<String>>;
    fn revoke_stored<'a>(
        &'a self,
        form: &'a str,
        database: &'a Database<U>,
    ) -> BoxFuture<'a, Result<(), InternalError>>;
    fn keeps_sessions(&self) -> bool;
    fn kept_access_tokens(&self) -> KeptAccessTokens;
}

impl<U: UserModel, T: Strategy<U>> ErasedStrategy<U> for T {
    fn configure(&mut self, setup: &StrategySetup) -> Result<(), Cow<'static, str>> {
        Strategy::configure(self, setup)
    }

    fn needs(&self) -> Capabilities {
        Strategy::needs(self)
    }

    fn json_web_keys(&self) -> Vec<Json> {
        Strategy::json_web_keys(self)
    }

    fn issue<'a>(&'a self, context: IssueContext<'a, U>) -> BoxFuture<'a, Result<Issued, InternalError>> {
        Box::pin(Strategy::issue(self, context))
    }

    fn resolve<'a>(
        &'a self,
        token: &'a str,
        database: &'a Database<U>,
    ) -> BoxFuture<'a, Result<Option<Resolved<U>>, InternalError>> {
        Box::pin(Strategy::resolve(self, token, database))
    }

    fn revoke<'a>(
        &'a self,
        token: &'a str,
        database: &'a Database<U>,
    ) -> BoxFuture<'a, Result<(), InternalError>> {
        Box::pin(Strategy::revoke(self, token, database))
    }

    fn revoke_all<'a>(
        &'a self,
        user_id: &'a U::Id,
        except: Option<&'a str>,
        database: &'a Database<U>,
    ) -> BoxFuture<'a, Result<(), InternalError>> {
        Box::pin(Strategy::revoke_all(self, user_id, except, database))
    }

    fn stored_forms(&self, token: &str) -> Option<Vec<String>> {
        Strategy::stored_forms(self, token)
    }

    fn revoke_stored<'a>(
        &'a self,
        form: &'a str,
        database: &'a Database<U>,
    ) -> BoxFuture<'a, Result<(), InternalError>> {
        Box::pin(Strategy::revoke_stored(self, form, database))
    }

    fn keeps_sessions(&self) -> bool {
        Strategy::keeps_sessions(self)
    }

    fn kept_access_tokens(&self) -> KeptAccessTokens {
        Strategy::kept_access_tokens(self)
    }
}

/// A named pair of transport and strategy.
pub(crate) struct Backend<U: UserModel> {
    pub(crate) name: String,
    pub(crate) transport: Box<dyn Transport>,
    pub(crate) strategy: Box<dyn ErasedStrategy<U>>,
    pub(crate) refresh: Option<Refreshing>,
    /// After how many seconds without use a session ends.
    pub(crate) inactivity_seconds: Option<u64>,
}

impl<U: UserModel> fmt::Debug for Backend<U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Backend").field("name", &self.name).finish_non_exhaustive()
    }
}
