//! `POST /auth/register`.

use axum::{
    Json,
    extract::{Request, State},
    http::{Method, StatusCode},
    response::{IntoResponse, Response},
    routing::post,
};
use serde_json::Value;

use super::{RouteList, read_json, strict};
use crate::{
    CreateError, Flags, Users,
    error::{ApiError, FieldError, code},
    reader::read_create,
    user::{UserFields, UserModel},
};

pub(super) fn routes<U: UserModel>() -> RouteList<U> {
    vec![("/register", strict(&Method::POST, post(register::<U>)))]
}

async fn register<U: UserModel>(
    State(users): State<Users<U>>,
    request: Request,
) -> Result<Response, ApiError> {
    let (parts, body) = read_json(request).await?;
    let record = read_create(users.schema(), body).map_err(ApiError::Invalid)?;
    let new = U::Create::from_record(record).map_err(crate::database::DatabaseError::from)?;
    let info = users.request_info(&parts);
    users.limit("register", &info, |limiter| limiter.register(info.client_address())).await?;
    if users.inner.hardening.hides_taken_emails {
        users.register_quietly(new, &info).await?;
        return Ok((StatusCode::ACCEPTED, Json(Value::Null)).into_response());
    }
    let user = users.create(new, Flags::Ignored, &info).await?;
    Ok((StatusCode::CREATED, Json(users.answer(user).await?)).into_response())
}

impl From<CreateError> for ApiError {
    fn from(error: CreateError) -> Self {
        match error {
            CreateError::AlreadyExists => Self::Code(code::REGISTER_USER_ALREADY_EXISTS),
            CreateError::InvalidPassword(reason) => {
                Self::CodeWithReason(code::REGISTER_INVALID_PASSWORD, reason)
            }
            CreateError::Refused(reason) => Self::CodeWithReason(code::REGISTER_REFUSED, reason),
            CreateError::InvalidEmail(error) => Self::Invalid(vec![FieldError::bad_email(&error)]),
            CreateError::Internal(error) => Self::Internal(error),
        }
    }
}
