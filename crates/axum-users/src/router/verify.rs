//! `POST /auth/request-verify-token` and `/auth/verify`.

use axum::{
    Json,
    extract::{Request, State},
    http::{Method, StatusCode},
    routing::post,
};
use serde_json::Value;

use super::{RouteList, UserAnswer, read_json, send_behind_the_answer, strict};
use crate::{
    RequestInfo, RequestVerifyError, Users, VerifyError,
    error::{ApiError, code},
    limits::Mail,
    reader::read_token,
    user::UserModel,
};

pub(super) fn routes<U: UserModel>() -> RouteList<U> {
    vec![
        ("/request-verify-token", strict(&Method::POST, post(request_verify_token::<U>))),
        ("/verify", strict(&Method::POST, post(verify::<U>))),
    ]
}

async fn request_verify_token<U: UserModel>(
    State(users): State<Users<U>>,
    request: Request,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    send_behind_the_answer(
        users,
        Mail::Verification,
        request,
        async |users: Users<U>, user: U, info: RequestInfo| match users.request_verify(&user, &info).await {
            Ok(()) | Err(RequestVerifyError::Inactive | RequestVerifyError::AlreadyVerified) => Ok(()),
            Err(RequestVerifyError::Internal(error)) => Err(error),
        },
    )
    .await
}

async fn verify<U: UserModel>(
    State(users): State<Users<U>>,
    request: Request,
) -> Result<Json<UserAnswer<U>>, ApiError> {
    let (parts, body) = read_json(request).await?;
    let token = read_token(body).map_err(ApiError::Invalid)?;
    let info = users.request_info(&parts);
    let tried = users.limit("token", &info, |limiter| limiter.token(info.client_address())).await?;
    let verified = users.verify(&token, &info).await;
    if let (Some((limiter, taken)), false) = (tried, matches!(verified, Err(VerifyError::BadToken))) {
        limiter.succeeded(&taken).await;
    }
    let user = verified?;
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
