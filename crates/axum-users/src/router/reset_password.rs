//! `POST /auth/forgot-password` and `/auth/reset-password`.

use axum::{
    Json,
    extract::{Request, State},
    http::{Method, StatusCode},
    routing::post,
};
use serde_json::Value;

use super::{RouteList, read_json, strict};
use crate::{
    ForgotPasswordError, RequestInfo, ResetPasswordError, Users,
    error::{ApiError, InternalError, code, error_chain},
    reader::{read_email, read_token_and_password},
    user::UserModel,
};

pub(super) fn routes<U: UserModel>() -> RouteList<U> {
    vec![
        ("/forgot-password", strict(&Method::POST, post(forgot_password::<U>))),
        ("/reset-password", strict(&Method::POST, post(reset_password::<U>))),
    ]
}

/// Answers 202 to everybody at once; what it does for a known user happens behind the answer, so that neither
/// the answer nor its time tells who is known.
async fn forgot_password<U: UserModel>(
    State(users): State<Users<U>>,
    request: Request,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let (parts, body) = read_json(request).await?;
    let email = read_email(body).map_err(ApiError::Invalid)?;
    let info = RequestInfo::of(&parts);
    let job = {
        let users = users.clone();
        async move {
            match send_reset_token(&users, &email, &info).await {
                Ok(()) | Err(ForgotPasswordError::Inactive) => {}
                Err(ForgotPasswordError::Internal(error)) => {
                    tracing::error!(cause = %error_chain(&error), "no reset token was sent");
                }
            }
        }
    };
    users.inner.background.spawn(job)?;
    Ok((StatusCode::ACCEPTED, Json(Value::Null)))
}

async fn send_reset_token<U: UserModel>(
    users: &Users<U>,
    email: &str,
    request: &RequestInfo,
) -> Result<(), ForgotPasswordError> {
    match users.get_by_email(email).await.map_err(InternalError::from)? {
        Some(user) => users.forgot_password(&user, request).await,
        None => Ok(()),
    }
}

async fn reset_password<U: UserModel>(
    State(users): State<Users<U>>,
    request: Request,
) -> Result<Json<Value>, ApiError> {
    let (parts, body) = read_json(request).await?;
    let (token, password) = read_token_and_password(body).map_err(ApiError::Invalid)?;
    users.reset_password(&token, &password, &RequestInfo::of(&parts)).await?;
    Ok(Json(Value::Null))
}

impl From<ResetPasswordError> for ApiError {
    fn from(error: ResetPasswordError) -> Self {
        match error {
            ResetPasswordError::BadToken => Self::Code(code::RESET_PASSWORD_BAD_TOKEN),
            ResetPasswordError::InvalidPassword(reason) => {
                Self::CodeWithReason(code::RESET_PASSWORD_INVALID_PASSWORD, reason)
            }
            ResetPasswordError::Internal(error) => Self::Internal(error),
        }
    }
}
