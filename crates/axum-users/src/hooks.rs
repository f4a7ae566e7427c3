//! What an application does around user management: mails, refusals, records of its own.

use std::{fmt, net::IpAddr};

use axum::{
    extract::ConnectInfo,
    http::{HeaderMap, request::Parts},
};

use secrecy::SecretString;

use crate::{Authenticated, Users, database::BoxFuture, error::BoxError, schema::Record, user::UserModel};

/// What is known of the request behind an operation; nothing when a program calls by itself.
///
/// `RequestInfo::default()` says that there was no request.
///
/// ```
/// use axum::http::request::Parts;
/// use axum_users::RequestInfo;
///
/// fn of_a_request(parts: &Parts) -> RequestInfo {
///     RequestInfo::of(parts).behind_proxies(1)
/// }
/// # assert!(RequestInfo::default().client_address().is_none());
/// ```
#[derive(Clone, Default)]
pub struct RequestInfo {
    headers: HeaderMap,
    client_address: Option<IpAddr>,
    /// The session that made the request, which a change of password leaves alive.
    presented: Option<Presented>,
    /// The id of the user who makes the request.
    actor: Option<String>,
}

/// By what a request was recognised.
#[derive(Clone)]
pub(crate) struct Presented {
    pub(crate) token: SecretString,
    /// The session's public name, where the token says it.
    pub(crate) session_id: Option<String>,
}

/// Headers carry tokens and cookies, so their names are all that is shown.
impl fmt::Debug for RequestInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestInfo")
            .field("headers", &self.headers.keys().collect::<Vec<_>>())
            .field("client_address", &self.client_address)
            .field("actor", &self.actor)
            .finish_non_exhaustive()
    }
}

impl RequestInfo {
    /// The request's headers and, where the application serves with connect info, its peer's address.
    #[must_use]
    pub fn of(parts: &Parts) -> Self {
        let address = parts.extensions.get::<ConnectInfo<std::net::SocketAddr>>();
        Self {
            headers: parts.headers.clone(),
            client_address: address.map(|ConnectInfo(address)| address.ip()),
            presented: None,
            actor: None,
        }
    }

    /// The same behind so many proxies that add to `X-Forwarded-For`: the address is that many from the right.
    #[must_use]
    pub fn behind_proxies(mut self, count: usize) -> Self {
        if count > 0 {
            let entries =
                self.headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
            let addresses: Vec<&str> = entries.flat_map(|value| value.split(',')).map(str::trim).collect();
            let client = addresses.len().checked_sub(count).and_then(|index| addresses.get(index));
            if let Some(address) = client.and_then(|text| text.parse().ok()) {
                self.client_address = Some(address);
            }
        }
        self
    }

    /// The same, made by the user with this id: who the [audit trail](crate::Users::audit) says did it.
    #[must_use]
    pub fn by(mut self, id: &impl ToString) -> Self {
        self.actor = Some(id.to_string());
        self
    }

    pub(crate) fn actor(&self) -> Option<&str> {
        self.actor.as_deref()
    }

    pub(crate) fn with_presented<U: UserModel>(mut self, authenticated: &Authenticated<U>) -> Self {
        self.presented = Some(authenticated.presented());
        self
    }

    pub(crate) fn presented(&self) -> Option<&Presented> {
        self.presented.as_ref()
    }

    /// The request's headers; empty without a request.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The peer's address, where it is known.
    #[must_use]
    pub fn client_address(&self) -> Option<IpAddr> {
        self.client_address
    }
}

/// What surrounds a hook: the users it belongs to, the request that led to it, and at login the answer.
///
/// ```
/// use axum_users::{BoxError, Context, Hooks, User};
///
/// struct Newcomers;
///
/// impl Hooks<User> for Newcomers {
///     async fn on_after_register(&self, user: &User, context: &mut Context<'_, User>) -> Result<(), BoxError> {
///         println!("{} came from {:?}", user.id, context.client_address());
///         Ok(())
///     }
/// }
/// ```
pub struct Context<'a, U: UserModel> {
    users: &'a Users<U>,
    request: &'a RequestInfo,
    response_headers: HeaderMap,
}

impl<U: UserModel> fmt::Debug for Context<'_, U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("users", self.users)
            .field("request", self.request)
            .finish_non_exhaustive()
    }
}

impl<'a, U: UserModel> Context<'a, U> {
    pub(crate) fn new(users: &'a Users<U>, request: &'a RequestInfo) -> Self {
        Self { users, request, response_headers: HeaderMap::new() }
    }

    /// The users, to read or change them from within a hook.
    #[must_use]
    pub fn users(&self) -> &'a Users<U> {
        self.users
    }

    /// The request's headers; empty when a program called by itself.
    #[must_use]
    pub fn headers(&self) -> &'a HeaderMap {
        self.request.headers()
    }

    /// The peer's address, where it is known.
    #[must_use]
    pub fn client_address(&self) -> Option<IpAddr> {
        self.request.client_address()
    }

    /// Whether a mail that tells of a change may go to this address now, where the builder set
    /// [`Limits`](crate::Limits): as many as [`mail_per_account`](crate::Limits::mail_per_account) says, counted apart
    /// from reset and verification mails, so that asking for those keeps no warning from its reader. Call it once a mail.
    #[must_use]
    pub async fn may_notify(&self, email: &str) -> bool {
        match &self.users.inner.limiter {
            Some(limiter) => limiter.notice(email).await.is_ok(),
            None => true,
        }
    }

    /// Headers that are added to the answer; only [`Hooks::on_after_login`] and
    /// [`Hooks::on_after_logout`] have an answer to add to.
    pub fn response_headers_mut(&mut self) -> &mut HeaderMap {
        &mut self.response_headers
    }

    pub(crate) fn request(&self) -> &'a RequestInfo {
        self.request
    }

    pub(crate) fn into_response_headers(self) -> HeaderMap {
        self.response_headers
    }
}

/// Why a hook says no.
///
/// `Refusal::because("…")` is shown to the user as the `reason` of a 400 answer. Any error that is turned
/// into a refusal by `?` is a failure instead: logged, and answered by 500.
///
/// ```
/// use axum_users::{Context, Hooks, Refusal, User};
///
/// struct OfficeHours;
///
/// impl Hooks<User> for OfficeHours {
///     async fn on_before_login(&self, _: &User, _: &mut Context<'_, User>) -> Result<(), Refusal> {
///         let is_open: bool = std::fs::read_to_string("open")?.trim().parse()?; // a failure: 500
///         if is_open { Ok(()) } else { Err(Refusal::because("Come back tomorrow.")) } // 400
///     }
/// }
/// ```
#[derive(Debug)]
pub enum Refusal {
    /// The user may not, and may know why.
    Reason(String),
    /// The hook itself failed.
    Failed(BoxError),
}

impl Refusal {
    /// A refusal that the user may read.
    pub fn because(reason: impl Into<String>) -> Self {
        Self::Reason(reason.into())
    }
}

impl<E: Into<BoxError>> From<E> for Refusal {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// Writes [`Hooks`] with its default methods, the erased twin, and the blanket implementation.
macro_rules! hooks {
    ($($(#[$doc:meta])* fn $name:ident($($argument:ident: &$type:ty),*) -> $error:ty;)*) => {
        /// What your application does around user management. Override what you need, as plain `async fn`.
        ///
        /// They fire in the order of the original, after the change is in the database; a hook that fails is a
        /// 500, and the change stays. The hooks `on_before_…` fire before, and may refuse with a [`Refusal`].
        ///
        /// ```
        /// use axum_users::{BoxError, Context, Hooks, User};
        ///
        /// struct Mailer;
        ///
        /// impl Hooks<User> for Mailer {
        ///     async fn on_after_forgot_password(
        ///         &self,
        ///         user: &User,
        ///         token: &str,
        ///         _: &mut Context<'_, User>,
        ///     ) -> Result<(), BoxError> {
        ///         send_mail(&user.email, &format!("https://example.com/reset?token={token}")).await
        ///     }
        /// }
        /// # async fn send_mail(_: &str, _: &str) -> Result<(), BoxError> { Ok(()) }
        /// ```
        #[allow(unused_variables, reason = "names are documentation here")]
        pub trait Hooks<U: UserModel>: Send + Sync + 'static {
            $(
                $(#[$doc])*
                fn $name(
                    &self,
                    $($argument: &$type,)*
                    context: &mut Context<'_, U>,
                ) -> impl Future<Output = Result<(), $error>> + Send {
                    async { Ok(()) }
                }
            )*
        }

        pub(crate) trait ErasedHooks<U: UserModel>: Send + Sync {
            $(fn $name<'a>(
                &'a self,
                $($argument: &'a $type,)*
                context: &'a mut Context<'_, U>,
            ) -> BoxFuture<'a, Result<(), $error>>;)*
        }

        impl<U: UserModel, T: Hooks<U>> ErasedHooks<U> for T {
            $(fn $name<'a>(
                &'a self,
                $($argument: &'a $type,)*
                context: &'a mut Context<'_, U>,
            ) -> BoxFuture<'a, Result<(), $error>> {
                Box::pin(Hooks::$name(self, $($argument,)* context))
            })*
        }
    };
}

hooks! {
    /// Before a user is created; the e-mail is normalised and the password passed its policy.
    fn on_before_register(new: &NewUser<'_>) -> Refusal;
    /// After a user was created.
    fn on_after_register(user: &U) -> BoxError;
    /// Before a user whose password was right is logged in.
    fn on_before_login(user: &U) -> Refusal;
    /// After a user was logged in and the token was made.
    fn on_after_login(user: &U) -> BoxError;
    /// After a user was logged out. Not in the original.
    fn on_after_logout(user: &U) -> BoxError;
    /// After a reset token was made for a user who forgot the password: send it to `user.email`.
    fn on_after_forgot_password(user: &U, token: &str) -> BoxError;
    /// After a password was reset.
    fn on_after_reset_password(user: &U) -> BoxError;
    /// After a verification token was made: send it to `user.email`.
    fn on_after_request_verify(user: &U, token: &str) -> BoxError;
    /// After an e-mail address was verified.
    fn on_after_verify(user: &U) -> BoxError;
    /// After a user was changed; `changes` are the fields as given, `password` in clear among them.
    fn on_after_update(user: &U, changes: &Record) -> BoxError;
    /// After a password was changed by a change of the user or by a reset, beside [`on_after_update`](Self::on_after_update)
    /// or [`on_after_reset_password`](Self::on_after_reset_password): tell `user.email`. Not in the original.
    fn on_after_password_change(user: &U) -> BoxError;
    /// After an e-mail address was changed: tell `old_email`, too, since whoever reads mails there may not have
    /// made the change. Not in the original.
    fn on_after_email_change(user: &U, old_email: &str) -> BoxError;
    /// Where [taken addresses are hidden](crate::UsersBuilder::hide_taken_emails): somebody tried to register or to
    /// move to the address of this active user. Tell `user.email`, since the answer does not. Not in the original.
    fn on_after_taken_email(user: &U) -> BoxError;
    /// Where [taken addresses are hidden](crate::UsersBuilder::hide_taken_emails): a user wants another address. Send
    /// the token to `new_email`; it goes to `POST /auth/verify`. Not in the original.
    fn on_after_request_email_change(user: &U, new_email: &str, token: &str) -> BoxError;
    /// Before a user is deleted.
    fn on_before_delete(user: &U) -> Refusal;
    /// After a user was deleted.
    fn on_after_delete(user: &U) -> BoxError;
}

/// No hooks.
impl<U: UserModel> Hooks<U> for () {}

/// A user that is about to be created, as [`Hooks::on_before_register`] sees it.
///
/// ```
/// use axum_users::{Context, Hooks, NewUser, Refusal, User};
///
/// struct Company;
///
/// impl Hooks<User> for Company {
///     async fn on_before_register(&self, new: &NewUser<'_>, _: &mut Context<'_, User>) -> Result<(), Refusal> {
///         match new.email().ends_with("@example.com") {
///             true => Ok(()),
///             false => Err(Refusal::because("Please use your address at work.")),
///         }
///     }
/// }
/// ```
pub struct NewUser<'a> {
    record: &'a Record,
}

/// Own fields may be private, so their names are all that is shown.
impl fmt::Debug for NewUser<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns: Vec<_> = self.record.iter().map(|(name, _)| name).collect();
        f.debug_struct("NewUser").field("email", &self.email()).field("columns", &columns).finish()
    }
}

impl<'a> NewUser<'a> {
    pub(crate) fn new(record: &'a Record) -> Self {
        Self { record }
    }

    /// The e-mail address, normalised.
    #[must_use]
    pub fn email(&self) -> &'a str {
        self.record.get("email").and_then(crate::schema::Value::as_text).unwrap_or_default()
    }

    /// Every column that is to be stored but the password's hash.
    #[must_use]
    pub fn record(&self) -> &'a Record {
        self.record
    }
}
