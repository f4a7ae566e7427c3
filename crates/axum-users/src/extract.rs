//! Extractors: who makes the request.
//!
//! They find [`Users`] through `FromRef` in the router's state, so that a state without them is a compile
//! error. To guard a whole tree of routes in one line, use one as a layer:
//!
//! ```
//! # use axum::{Router, middleware::from_extractor_with_state, routing::get};
//! # use axum_users::{Superuser, User, Users};
//! # fn app(users: Users<User>) -> Router {
//! Router::new()
//!     .route("/admin/report", get(|| async { "numbers" }))
//!     .route_layer(from_extractor_with_state::<Superuser<User>, _>(users.clone()))
//!     .with_state(users)
//! # }
//! ```

use axum::{
    extract::{FromRef, FromRequestParts, OptionalFromRequestParts},
    http::{HeaderMap, Method, header::ORIGIN, request::Parts},
};

use crate::{AuditEvent, AuditRecord, Authenticated, RequestInfo, Users, error::ApiError, user::UserModel};

/// The active user who makes the request; 401 without one.
///
/// `Option<CurrentUser<U>>` is `None` instead.
///
/// ```
/// use axum_users::{User, CurrentUser};
///
/// async fn handler(CurrentUser(user): CurrentUser<User>) -> String {
///     format!("Hello {}!", user.email)
/// }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct CurrentUser<U>(pub U);

/// An active and verified user; 401 without a user, 403 for the unverified.
///
/// `Option<VerifiedUser<U>>` is `None` instead, for the unverified too.
///
/// ```
/// use axum_users::{User, VerifiedUser};
///
/// async fn handler(VerifiedUser(user): VerifiedUser<User>) -> String {
///     format!("{} is theirs", user.email)
/// }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct VerifiedUser<U>(pub U);

/// An active superuser; 401 without a user, 403 for the others.
///
/// `Option<Superuser<U>>` is `None` instead, for the others too.
///
/// ```
/// use axum_users::{User, Superuser};
///
/// async fn handler(Superuser(user): Superuser<User>) -> String {
///     format!("{} may manage others", user.email)
/// }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Superuser<U>(pub U);

/// An active and verified superuser; 401 without a user, 403 for the others.
///
/// `Option<VerifiedSuperuser<U>>` is `None` instead, for the others too.
///
/// ```
/// use axum_users::{User, VerifiedSuperuser};
///
/// async fn handler(VerifiedSuperuser(user): VerifiedSuperuser<User>) -> String {
///     format!("{} may manage others", user.email)
/// }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct VerifiedSuperuser<U>(pub U);

/// Any user who makes the request, inactive ones included; 401 without one.
///
/// `Option<AnyUser<U>>` is `None` instead.
///
/// ```
/// use axum_users::{User, AnyUser};
///
/// async fn handler(AnyUser(user): AnyUser<User>) -> String {
///     format!("{} may be inactive", user.email)
/// }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct AnyUser<U>(pub U);

/// A router's state that has the [`Users`] of a model: every state from which they can be taken by [`FromRef`].
///
/// Implemented for all of them; put `Users<U>` into the state, or derive `FromRef` for a state with such a field.
///
/// ```
/// use axum::extract::FromRef;
/// use axum_users::{User, Users, UsersState};
///
/// #[derive(Clone, FromRef)]
/// struct AppState {
///     users: Users<User>,
///     name: String,
/// }
///
/// fn works_with<S: UsersState<User>>() {}
/// works_with::<AppState>();
/// ```
#[diagnostic::on_unimplemented(
    message = "the router's state `{Self}` has no `Users<{U}>`",
    label = "no `Users<{U}>` in this state",
    note = "use `Users<{U}>` as the state, or add it as a field to a state that derives `axum::extract::FromRef`"
)]
pub trait UsersState<U: UserModel> {
    /// The users, cheaply cloned.
    fn users(&self) -> Users<U>;
}

#[diagnostic::do_not_recommend]
impl<S, U: UserModel> UsersState<U> for S
where
    Users<U>: FromRef<S>,
{
    fn users(&self) -> Users<U> {
        Users::from_ref(self)
    }
}

/// What a user has to be. The 401s come before the 403s, as in the original.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Rights {
    pub(crate) active: bool,
    pub(crate) verified: bool,
    pub(crate) superuser: bool,
}

impl Rights {
    pub(crate) const ANY: Self = Self { active: false, verified: false, superuser: false };
    pub(crate) const ACTIVE: Self = Self { active: true, ..Self::ANY };
    pub(crate) const VERIFIED: Self = Self { verified: true, ..Self::ACTIVE };
    pub(crate) const SUPERUSER: Self = Self { superuser: true, ..Self::ACTIVE };
    pub(crate) const VERIFIED_SUPERUSER: Self = Self { superuser: true, ..Self::VERIFIED };

    fn check<U: UserModel>(self, user: &U) -> Result<(), ApiError> {
        if self.active && !user.is_active() {
            return Err(ApiError::Unauthorized);
        }
        if (self.verified && !user.is_verified()) || (self.superuser && !user.is_superuser()) {
            return Err(ApiError::Forbidden);
        }
        Ok(())
    }
}

impl<U: UserModel> Users<U> {
    /// The user who makes a request, if the user has these rights. A foreign site's page is refused by 403.
    pub(crate) async fn authorize(
        &self,
        method: &Method,
        headers: &HeaderMap,
        rights: Rights,
    ) -> Result<Authenticated<U>, ApiError> {
        let authenticated = self.authenticate_request(headers).await?.ok_or(ApiError::Unauthorized)?;
        self.refuse_forgery(&authenticated.backend, method, headers)?;
        rights.check(&authenticated.user)?;
        Ok(authenticated)
    }
}

impl<U: UserModel> Users<U> {
    /// 403 to a foreign site's page that uses a cookie of this backend, or wants to set one.
    pub(crate) fn refuse_forgery(
        &self,
        backend: &str,
        method: &Method,
        headers: &HeaderMap,
    ) -> Result<(), ApiError> {
        let by_cookie =
            self.inner.backends.iter().any(|known| known.name == backend && known.transport.sets_cookie());
        if by_cookie && self.inner.trusted_origins.is_forged(method, headers) {
            // The address is that of the user whose browser was made to ask; the origin tells more.
            let origin = headers.get(ORIGIN).map_or("none", |origin| origin.to_str().unwrap_or("unreadable"));
            let request = RequestInfo::default();
            self.audit(AuditRecord::new(AuditEvent::ForgeryRefused, &request).via(backend).detail(origin));
            return Err(ApiError::Forbidden);
        }
        Ok(())
    }
}

/// `None` in place of a rejection that is about the user; failures stay failures.
fn optional<T>(result: Result<T, ApiError>) -> Result<Option<T>, ApiError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(ApiError::Unauthorized | ApiError::Forbidden) => Ok(None),
        Err(error) => Err(error),
    }
}

macro_rules! extractor {
    ($name:ident, $rights:ident, $authenticated:ident => $value:expr) => {
        impl<S, U> FromRequestParts<S> for $name<U>
        where
            S: UsersState<U> + Send + Sync,
            U: UserModel,
        {
            type Rejection = ApiError;

            async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
                let users = state.users();
                let $authenticated = users.authorize(&parts.method, &parts.headers, Rights::$rights).await?;
                Ok($value)
            }
        }

        impl<S, U> OptionalFromRequestParts<S> for $name<U>
        where
            S: UsersState<U> + Send + Sync,
            U: UserModel,
        {
            type Rejection = ApiError;

            async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Option<Self>, ApiError> {
                optional(<Self as FromRequestParts<S>>::from_request_parts(parts, state).await)
            }
        }
    };
}

extractor!(AnyUser, ANY, it => Self(it.user));
extractor!(CurrentUser, ACTIVE, it => Self(it.user));
extractor!(VerifiedUser, VERIFIED, it => Self(it.user));
extractor!(Superuser, SUPERUSER, it => Self(it.user));
extractor!(VerifiedSuperuser, VERIFIED_SUPERUSER, it => Self(it.user));
extractor!(Authenticated, ANY, it => it);
