//! `/users/me`, and `/users/{id}` for superusers.

use axum::{
    Json,
    extract::{FromRequestParts, Path, Request, State},
    http::{Method, StatusCode, request::Parts},
    routing::get,
};
use secrecy::SecretString;

use super::{RouteList, UserAnswer, read_json, strict};
use crate::{
    AuditEvent, AuditRecord, Authenticated, DeleteError, Flags, RequestInfo, UpdateError, Users,
    body::JsonBody,
    database::DatabaseError,
    error::{ApiError, FieldError, code},
    extract::Rights,
    limits::Mail,
    reader::read_update,
    schema::Value,
    user::{UserFields, UserId, UserModel},
};

pub(super) fn routes<U: UserModel>() -> RouteList<U> {
    let me = get(read_me::<U>).patch(update_me::<U>).delete(delete_me::<U>);
    let by_id = get(read_user::<U>).patch(update_user::<U>).delete(delete_user::<U>);
    vec![("/me", strict(&Method::GET, me)), ("/{id}", strict(&Method::GET, by_id))]
}

async fn read_me<U: UserModel>(
    State(users): State<Users<U>>,
    request: Request,
) -> Result<Json<UserAnswer<U>>, ApiError> {
    let rights = users.rights(Rights::ACTIVE);
    let authenticated = users.authorize(request.method(), request.headers(), rights).await?;
    Ok(Json(users.answer(authenticated.user).await?))
}

async fn update_me<U: UserModel>(
    State(users): State<Users<U>>,
    request: Request,
) -> Result<Json<UserAnswer<U>>, ApiError> {
    let (parts, body) = read_json(request).await?;
    let authenticated = users.authorize(&parts.method, &parts.headers, users.rights(Rights::ACTIVE)).await?;
    let info = users.request_info(&parts).by(authenticated.user.id());
    let info = info.with_presented(&authenticated);
    if users.inner.hardening.wants_current_password {
        check_current_password(&users, &authenticated.user, &body, &info).await?;
    }
    if users.inner.hardening.hides_taken_emails {
        return update_quietly(&users, &authenticated.user, body, &info).await;
    }
    update(&users, &authenticated.user, body, Flags::Ignored, &info).await
}

/// A new address is only asked for, and a mail to it counts whether it is free or not.
async fn update_quietly<U: UserModel>(
    users: &Users<U>,
    user: &U,
    body: JsonBody,
    request: &RequestInfo,
) -> Result<Json<UserAnswer<U>>, ApiError> {
    let record = read_update(users.schema(), body).map_err(ApiError::Invalid)?;
    if let Some(email) = record.get("email").and_then(Value::as_text).filter(|email| *email != user.email()) {
        users
            .limit("mail", request, |limiter| {
                limiter.mail(Mail::Verification, email, request.client_address())
            })
            .await?;
    }
    let changes = U::Update::from_record(record).map_err(DatabaseError::from)?;
    let user = users.update_quietly(user, changes, request).await?;
    Ok(Json(users.answer(user).await?))
}

/// A session that somebody else got hold of is not enough to take an account over.
async fn check_current_password<U: UserModel>(
    users: &Users<U>,
    user: &U,
    body: &JsonBody,
    request: &RequestInfo,
) -> Result<(), ApiError> {
    let JsonBody::Json(body) = body else { return Ok(()) };
    let changes = |field: &str| body.get(field).is_some_and(|value| !value.is_null());
    if !changes("password") && !changes("email") {
        return Ok(());
    }
    let tried = users
        .limit("login", request, |limiter| limiter.login(user.email(), request.client_address()))
        .await?;
    let given = SecretString::from(body["current_password"].as_str().unwrap_or_default());
    if users.verify_password(user, &given).await? {
        if let Some((limiter, taken)) = tried {
            limiter.succeeded(&taken).await;
        }
        return Ok(());
    }
    users.audit(AuditRecord::new(AuditEvent::CurrentPasswordWrong, request).user(user.id()));
    Err(ApiError::Code(code::UPDATE_USER_BAD_CURRENT_PASSWORD))
}

/// `/users/{id}` with the id `me`, which is nobody's.
async fn delete_me<U: UserModel>(
    State(users): State<Users<U>>,
    request: Request,
) -> Result<StatusCode, ApiError> {
    users.authorize(request.method(), request.headers(), users.rights(Rights::SUPERUSER)).await?;
    Err(ApiError::NotFound)
}

async fn read_user<U: UserModel>(
    State(users): State<Users<U>>,
    request: Request,
) -> Result<Json<UserAnswer<U>>, ApiError> {
    let (mut parts, _) = request.into_parts();
    let (_, user) = superuser_and_target(&users, &mut parts).await?;
    Ok(Json(users.answer(user).await?))
}

async fn update_user<U: UserModel>(
    State(users): State<Users<U>>,
    request: Request,
) -> Result<Json<UserAnswer<U>>, ApiError> {
    let (mut parts, body) = read_json(request).await?;
    let (superuser, user) = superuser_and_target(&users, &mut parts).await?;
    let mut info = users.request_info(&parts).by(superuser.user.id());
    if superuser.user.id() == user.id() {
        info = info.with_presented(&superuser);
    }
    update(&users, &user, body, Flags::Applied, &info).await
}

async fn delete_user<U: UserModel>(
    State(users): State<Users<U>>,
    request: Request,
) -> Result<StatusCode, ApiError> {
    let (mut parts, _) = request.into_parts();
    let (superuser, user) = superuser_and_target(&users, &mut parts).await?;
    users.delete(&user, &users.request_info(&parts).by(superuser.user.id())).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The superuser who asks (401, 403), then the user of the path (404).
async fn superuser_and_target<U: UserModel>(
    users: &Users<U>,
    parts: &mut Parts,
) -> Result<(Authenticated<U>, U), ApiError> {
    let superuser = users.authorize(&parts.method, &parts.headers, users.rights(Rights::SUPERUSER)).await?;
    // A segment that is no UTF-8 is nobody's id.
    let id = Path::<String>::from_request_parts(parts, &()).await.map_err(|_| ApiError::NotFound)?;
    let id = U::Id::parse(&id, users.schema().id_type()).ok_or(ApiError::NotFound)?;
    let user = users.get(&id).await?.ok_or(ApiError::NotFound)?;
    Ok((superuser, user))
}

async fn update<U: UserModel>(
    users: &Users<U>,
    user: &U,
    body: JsonBody,
    flags: Flags,
    request: &RequestInfo,
) -> Result<Json<UserAnswer<U>>, ApiError> {
    let record = read_update(users.schema(), body).map_err(ApiError::Invalid)?;
    let changes = U::Update::from_record(record).map_err(DatabaseError::from)?;
    let user = users.update(user, changes, flags, request).await?;
    Ok(Json(users.answer(user).await?))
}

impl From<UpdateError> for ApiError {
    fn from(error: UpdateError) -> Self {
        match error {
            UpdateError::EmailTaken => Self::Code(code::UPDATE_USER_EMAIL_ALREADY_EXISTS),
            UpdateError::InvalidPassword(reason) => {
                Self::CodeWithReason(code::UPDATE_USER_INVALID_PASSWORD, reason)
            }
            UpdateError::InvalidEmail(error) => Self::Invalid(vec![FieldError::bad_email(&error)]),
            UpdateError::Gone => Self::NotFound,
            UpdateError::Internal(error) => Self::Internal(error),
        }
    }
}

impl From<DeleteError> for ApiError {
    fn from(error: DeleteError) -> Self {
        match error {
            DeleteError::Refused(reason) => Self::BadRequest(reason.into()),
            DeleteError::Gone => Self::NotFound,
            DeleteError::Internal(error) => Self::Internal(error),
        }
    }
}
