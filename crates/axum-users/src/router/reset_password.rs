//! `POST /auth/forgot-password` and `/auth/reset-password`.

use axum::{
    Json,
    extract::{Request, State},
    http::{Method, StatusCode},
    routing::post,
};
use serde_json::Value;

use super::{RouteList, read_json, send_behind_the_answer, strict};
use crate::{
    ForgotPasswordError, RequestInfo, ResetPasswordError, Users,
    error::{ApiError, code},
    limits::Mail,
    reader::read_token_and_password,
    user::UserModel,
};

pub(super) fn routes<U: UserModel>() -> RouteList<U> {
    vec![
        ("/forgot-password", strict(&Method::POST, post(forgot_password::<U>))),
        ("/reset-password", strict(&Method::POST, post(reset_password::<U>))),
    ]
}

async fn forgot_password<U: UserModel>(
    State(users): State<Users<U>>,
    request: Request,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    send_behind_the_answer(
        users,
        Mail::Reset,
        request,
        async |users: Users<U>, user: U, info: RequestInfo| match users.forgot_password(&user, &info).await {
            Ok(()) | Err(ForgotPasswordError::Inactive) => Ok(()),
            Err(ForgotPasswordError::Internal(error)) => Err(error),
        },
    )
    .await
}

async fn reset_password<U: UserModel>(
    State(users): State<Users<U>>,
    request: Request,
) -> Result<Json<Value>, ApiError> {
    let (parts, body) = read_json(request).await?;
    let (token, password) = read_token_and_password(body).map_err(ApiError::Invalid)?;
    let info = users.request_info(&parts);
    let tried = users.limit("token", &info, |limiter| limiter.token(info.client_address())).await?;
    let reset = users.reset_password(&token, &password, &info).await;
    if let (Some((limiter, taken)), false) = (tried, matches!(reset, Err(ResetPasswordError::BadToken))) {
        limiter.succeeded(&taken).await;
    }
    reset?;
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
