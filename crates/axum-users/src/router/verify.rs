//! `POST /auth/request-verify-token` and `/auth/verify`.

use axum::{
    Json,
    extract::{Request, State},
    http::{Method, StatusCode},
    routing::post,
};
use serde_json::Value;

use super::{RouteList, UserAnswer, read_json, strict};
use crate::{
    RequestInfo, RequestVerifyError, Users, VerifyError,
    error::{ApiError, InternalError, code, error_chain},
    reader::{read_email, read_token},
    user::UserModel,
};

pub(super) fn routes<U: UserModel>() -> RouteList<U> {
    vec![
        ("/request-verify-token", strict(&Method::POST, post(request_verify_token::<U>))),
        ("/verify", strict(&Method::POST, post(verify::<U>))),
    ]
}

/// Answers 202 to everybody at once, as `forgot-password` does.
async fn request_verify_token<U: UserModel>(
    State(users): State<Users<U>>,
    request: Request,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let (parts, body) = read_json(request).await?;
    let email = read_email(body).map_err(ApiError::Invalid)?;
    let info = RequestInfo::of(&parts);
    let job = {
        let users = users.clone();
        async move {
            match send_verification_token(&users, &email, &info).await {
                Ok(()) | Err(RequestVerifyError::Inactive | RequestVerifyError::AlreadyVerified) => {}
                Err(RequestVerifyError::Internal(error)) => {
                    tracing::error!(cause = %error_chain(&error), "no verification token was sent");
                }
            }
        }
    };
    users.inner.background.spawn(job)?;
    Ok((StatusCode::ACCEPTED, Json(Value::Null)))
}

async fn send_verification_token<U: UserModel>(
    users: &Users<U>,
    email: &str,
    request: &RequestInfo,
) -> Result<(), RequestVerifyError> {
    match users.get_by_email(email).await.map_err(InternalError::from)? {
        Some(user) => users.request_verify(&user, request).await,
        None => Ok(()),
    }
}

async fn verify<U: UserModel>(
    State(users): State<Users<U>>,
    request: Request,
) -> Result<Json<UserAnswer<U>>, ApiError> {
    let (parts, body) = read_json(request).await?;
    let token = read_token(body).map_err(ApiError::Invalid)?;
    let user = users.verify(&token, &RequestInfo::of(&parts)).await?;
    Ok(Json(users.answer(user).await?))
}

impl From<VerifyError> for ApiError {
    fn from(error: VerifyError) -> Self {
        match error {
            VerifyError::BadToken => Self::Code(code::VERIFY_USER_BAD_TOKEN),
            VerifyError::AlreadyVerified => Self::Code(code::VERIFY_USER_ALREADY_VERIFIED),
            VerifyError::Internal(error) => Self::Internal(error),
        }
    }
}
