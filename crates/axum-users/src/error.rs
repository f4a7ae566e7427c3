//! What a route answers instead of what was asked: error codes, validation errors, and their bodies.

use std::borrow::Cow;

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use serde_json::{Value as JsonValue, json};

use crate::{database::DatabaseError, password::HashError};

/// Any error, boxed.
///
/// ```
/// use axum_users::BoxError;
///
/// fn read() -> Result<String, BoxError> {
///     Ok(std::fs::read_to_string("greeting.txt")?)
/// }
/// # let _ = read();
/// ```
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The error codes of the original, as the `detail` of a 400 answer.
pub mod code {
    /// Login: unknown user, wrong password, or inactive user.
    pub const LOGIN_BAD_CREDENTIALS: &str = "LOGIN_BAD_CREDENTIALS";
    /// Login where verified users are wanted: the password is right, the user is not verified.
    pub const LOGIN_USER_NOT_VERIFIED: &str = "LOGIN_USER_NOT_VERIFIED";
    /// Login: a hook refused, with a reason. Not in the original.
    pub const LOGIN_REFUSED: &str = "LOGIN_REFUSED";
    /// Register: the e-mail is taken, in any case.
    pub const REGISTER_USER_ALREADY_EXISTS: &str = "REGISTER_USER_ALREADY_EXISTS";
    /// Register: the password policy refused, with a reason.
    pub const REGISTER_INVALID_PASSWORD: &str = "REGISTER_INVALID_PASSWORD";
    /// Register: a hook refused, with a reason. Not in the original.
    pub const REGISTER_REFUSED: &str = "REGISTER_REFUSED";
    /// Reset: the token is bad in any way, or its user is unknown or inactive.
    pub const RESET_PASSWORD_BAD_TOKEN: &str = "RESET_PASSWORD_BAD_TOKEN";
    /// Reset: the password policy refused, with a reason; the token stays usable.
    pub const RESET_PASSWORD_INVALID_PASSWORD: &str = "RESET_PASSWORD_INVALID_PASSWORD";
    /// Verify: the token is bad, or not this user's, or was used.
    pub const VERIFY_USER_BAD_TOKEN: &str = "VERIFY_USER_BAD_TOKEN";
    /// Verify: the user is verified already.
    pub const VERIFY_USER_ALREADY_VERIFIED: &str = "VERIFY_USER_ALREADY_VERIFIED";
    /// PATCH: the e-mail is taken, in any case.
    pub const UPDATE_USER_EMAIL_ALREADY_EXISTS: &str = "UPDATE_USER_EMAIL_ALREADY_EXISTS";
    /// PATCH: the password policy refused, with a reason.
    pub const UPDATE_USER_INVALID_PASSWORD: &str = "UPDATE_USER_INVALID_PASSWORD";
    /// PATCH of one's own password or e-mail where the present password is wanted: it is missing or wrong. Not
    /// in the original.
    pub const UPDATE_USER_BAD_CURRENT_PASSWORD: &str = "UPDATE_USER_BAD_CURRENT_PASSWORD";
    /// OAuth callback: the state is not this browser's, was used before, or the answer is another provider's.
    pub const OAUTH_INVALID_STATE: &str = "OAUTH_INVALID_STATE";
    /// OAuth callback: the provider tells no e-mail.
    pub const OAUTH_NOT_AVAILABLE_EMAIL: &str = "OAUTH_NOT_AVAILABLE_EMAIL";
    /// OAuth callback: a user has this e-mail and accounts are not linked by e-mail, or the account is another
    /// user's.
    pub const OAUTH_USER_ALREADY_EXISTS: &str = "OAUTH_USER_ALREADY_EXISTS";
    /// Unlinking an OAuth account: it is the last way in. Not in the original.
    pub const OAUTH_LAST_WAY_IN: &str = "OAUTH_LAST_WAY_IN";
    /// OAuth callback: the state is missing, cannot be read, or belongs to another provider or purpose.
    pub const ACCESS_TOKEN_DECODE_ERROR: &str = "ACCESS_TOKEN_DECODE_ERROR";
    /// OAuth callback: the state has expired.
    pub const ACCESS_TOKEN_ALREADY_EXPIRED: &str = "ACCESS_TOKEN_ALREADY_EXPIRED";
    /// Refresh: the refresh token is bad, has expired, or was used before; or its session has ended. Not in the
    /// original.
    pub const REFRESH_BAD_TOKEN: &str = "REFRESH_BAD_TOKEN";
    /// Exchange: the one-time code is bad, has expired, or was used. Not in the original.
    pub const EXCHANGE_BAD_CODE: &str = "EXCHANGE_BAD_CODE";
}

/// One step of a [`FieldError`]'s place: a field's name, or a position in the text.
///
/// ```
/// use axum_users::{FieldError, Location};
///
/// let error = FieldError::in_body("email", "missing", "Field required", serde_json::json!({}));
/// assert_eq!(error.loc, [Location::Field("body".into()), Location::Field("email".into())]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Location {
    /// A member of an object.
    Field(Cow<'static, str>),
    /// A character offset or an array index.
    Offset(usize),
}

/// One entry of a 422 body, in FastAPI's shape: `{"type", "loc", "msg", "input", "ctx"?}`.
///
/// ```
/// use axum_users::FieldError;
///
/// let error = FieldError::in_body("age", "value_error", "Value error, nobody is that old", 900.into());
/// assert_eq!(error.loc.len(), 2);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FieldError {
    /// What is wrong, as Pydantic names it: `missing`, `string_type`, …
    #[serde(rename = "type")]
    pub kind: Cow<'static, str>,
    /// Where: `["body", "email"]`.
    pub loc: Vec<Location>,
    /// The same for people.
    pub msg: Cow<'static, str>,
    /// What was sent there. The value of a password field is left out of logs by being here only.
    pub input: JsonValue,
    /// Details that `msg` was made from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ctx: Option<JsonValue>,
}

impl FieldError {
    /// An error about one member of the body.
    pub fn in_body(
        field: impl Into<Cow<'static, str>>,
        kind: impl Into<Cow<'static, str>>,
        msg: impl Into<Cow<'static, str>>,
        input: JsonValue,
    ) -> Self {
        let loc = vec![Location::Field("body".into()), Location::Field(field.into())];
        Self { kind: kind.into(), loc, msg: msg.into(), input, ctx: None }
    }

    /// An error about the body as a whole.
    pub fn of_body(
        kind: impl Into<Cow<'static, str>>,
        msg: impl Into<Cow<'static, str>>,
        input: JsonValue,
    ) -> Self {
        Self {
            kind: kind.into(),
            loc: vec![Location::Field("body".into())],
            msg: msg.into(),
            input,
            ctx: None,
        }
    }

    /// A member that is no e-mail address, as Pydantic says it.
    pub(crate) fn bad_email(error: &crate::email::EmailError) -> Self {
        let reason = error.reason();
        let msg = format!("value is not a valid email address: {reason}");
        Self::in_body("email", "value_error", msg, JsonValue::Null).with_ctx(json!({ "reason": reason }))
    }

    /// The same error with details.
    #[must_use]
    pub fn with_ctx(mut self, ctx: JsonValue) -> Self {
        self.ctx = Some(ctx);
        self
    }
}

/// What fails for reasons that are not the caller's: the database, a hook, the hashing queue.
///
/// ```
/// use axum_users::{DatabaseError, InternalError};
///
/// let error = InternalError::from(DatabaseError::Unavailable("the disk is full".into()));
/// assert!(error.is_temporary());
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InternalError {
    /// The database failed or cannot be reached.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// A hook of the application failed. What was done before it stays done.
    #[error("a hook failed")]
    Hook(#[source] BoxError),
    /// More passwords wait to be hashed than the limit allows, or more background work than its queue holds.
    #[error("too much work is waiting")]
    Overloaded,
    /// What a backend keeps its sessions in cannot be reached (503). Other backends go on.
    #[error("a backend's sessions are not available")]
    Backend(#[source] BoxError),
    /// A token could not be signed.
    #[error("a token could not be signed")]
    Token(#[source] BoxError),
}

impl InternalError {
    /// Whether trying again later may help, so that the answer is 503 and not 500.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        matches!(self, Self::Overloaded | Self::Backend(_) | Self::Database(DatabaseError::Unavailable(_)))
    }
}

/// Everything a route can answer instead of what was asked. Bodies are the original's, to the letter.
///
/// ```
/// use axum::{Json, extract::State};
/// use axum_users::{ApiError, Superuser, User, Users};
///
/// async fn count(_: Superuser<User>, State(users): State<Users<User>>) -> Result<Json<usize>, ApiError> {
///     let some = users.list(None, 1000).await?; // 503 while the database is away
///     if some.is_empty() { Err(ApiError::NotFound) } else { Ok(Json(some.len())) }
/// }
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum ApiError {
    /// 400 `{"detail": "<CODE>"}`; see [`code`].
    Code(&'static str),
    /// 400 `{"detail": {"code": …, "reason": …}}`.
    CodeWithReason(&'static str, String),
    /// 400 with a sentence as `detail`.
    BadRequest(Cow<'static, str>),
    /// 401 `{"detail": "Unauthorized"}`, without `WWW-Authenticate`, as the original.
    Unauthorized,
    /// 403 `{"detail": "Forbidden"}`.
    Forbidden,
    /// 404 `{"detail": "Not Found"}`.
    NotFound,
    /// 413 `{"detail": "Request body is too large"}`.
    PayloadTooLarge,
    /// 422, one entry for each bad field.
    Invalid(Vec<FieldError>),
    /// 400, 502 or 503 `{"detail": …}`: an OAuth provider refused, broke, or cannot be reached.
    Provider(StatusCode, String),
    /// 429 `{"detail": "Too Many Requests"}` with `Retry-After` in seconds: a limit is used up.
    TooManyRequests {
        /// In how many seconds there is a try again.
        retry_after: u64,
    },
    /// 503 with `Retry-After` when trying again may help, otherwise 500. The cause is logged, never shown.
    Internal(InternalError),
}

impl From<InternalError> for ApiError {
    fn from(error: InternalError) -> Self {
        Self::Internal(error)
    }
}

impl From<DatabaseError> for ApiError {
    fn from(error: DatabaseError) -> Self {
        Self::Internal(error.into())
    }
}

impl From<HashError> for InternalError {
    fn from(error: HashError) -> Self {
        match error {
            HashError::Overloaded => Self::Overloaded,
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        match self {
            Self::Code(code) => detail(StatusCode::BAD_REQUEST, code),
            Self::CodeWithReason(code, reason) => {
                detail(StatusCode::BAD_REQUEST, json!({ "code": code, "reason": reason }))
            }
            Self::BadRequest(text) => detail(StatusCode::BAD_REQUEST, text),
            Self::Unauthorized => detail(StatusCode::UNAUTHORIZED, "Unauthorized"),
            Self::Forbidden => detail(StatusCode::FORBIDDEN, "Forbidden"),
            Self::NotFound => detail(StatusCode::NOT_FOUND, "Not Found"),
            Self::PayloadTooLarge => detail(StatusCode::PAYLOAD_TOO_LARGE, "Request body is too large"),
            Self::Invalid(errors) => detail(StatusCode::UNPROCESSABLE_ENTITY, json!(errors)),
            Self::Provider(status, text) => detail(status, text),
            Self::TooManyRequests { retry_after } => {
                let mut response = detail(StatusCode::TOO_MANY_REQUESTS, "Too Many Requests");
                response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(retry_after));
                response
            }
            Self::Internal(error) => internal(&error),
        }
    }
}

/// `{"detail": …}` with a status.
pub(crate) fn detail(status: StatusCode, detail: impl Into<JsonValue>) -> Response {
    (status, Json(json!({ "detail": detail.into() }))).into_response()
}

fn internal(error: &InternalError) -> Response {
    let cause = error_chain(error);
    if error.is_temporary() {
        tracing::warn!(%cause, "answered 503");
        let mut response = detail(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable");
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        return response;
    }
    tracing::error!(%cause, "answered 500");
    // The original's unhandled errors are Starlette's plain text.
    (StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error").into_response()
}

/// An error and its sources in one line.
pub(crate) fn error_chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
