//! `/users/me/sessions`, and `/users/{id}/sessions` for superusers.

use axum::{
    Json,
    extract::{FromRequestParts, Path, Request, State},
    http::{Method, StatusCode, request::Parts},
    routing::{delete, get},
};
use serde::Serialize;
use serde_json::Value;

use super::{RouteList, strict};
use crate::{
    AuditEvent, AuditRecord, Authenticated, UserSession, Users,
    error::ApiError,
    extract::Rights,
    schema::{ColumnValue, Timestamp},
    user::{UserId, UserModel},
};

/// A session as routes show it.
#[derive(Serialize)]
struct SessionAnswer {
    id: String,
    backend: Option<String>,
    created_at: Value,
    last_used_at: Value,
    expires_at: Value,
    user_agent: Option<String>,
    address: Option<String>,
    is_current: bool,
}

impl From<UserSession> for SessionAnswer {
    fn from(session: UserSession) -> Self {
        let moment = |at: Option<Timestamp>| {
            at.map_or(Value::Null, |at| serde_json::to_value(at.into_value()).unwrap_or(Value::Null))
        };
        Self {
            id: session.id,
            backend: session.backend,
            created_at: moment(Some(session.created_at)),
            last_used_at: moment(session.last_used_at),
            expires_at: moment(session.expires_at),
            user_agent: session.user_agent,
            address: session.address,
            is_current: session.is_current,
        }
    }
}

pub(super) fn routes<U: UserModel>() -> RouteList<U> {
    let own = get(list_own::<U>).delete(end_own_others::<U>);
    let of_user = get(list_of_user::<U>).delete(end_all_of_user::<U>);
    vec![
        ("/me/sessions", strict(&Method::GET, own)),
        ("/me/sessions/{session_id}", strict(&Method::DELETE, delete(end_own::<U>))),
        ("/{id}/sessions", strict(&Method::GET, of_user)),
        ("/{id}/sessions/{session_id}", strict(&Method::DELETE, delete(end_of_user::<U>))),
    ]
}

async fn current<U: UserModel>(users: &Users<U>, parts: &Parts) -> Result<Authenticated<U>, ApiError> {
    users.authorize(&parts.method, &parts.headers, users.rights(Rights::ACTIVE)).await
}

async fn list_own<U: UserModel>(
    State(users): State<Users<U>>,
    request: Request,
) -> Result<Json<Vec<SessionAnswer>>, ApiError> {
    let (parts, _) = request.into_parts();
    let own = current(&users, &parts).await?;
    let sessions = users.sessions(own.user.id(), Some(&own)).await?;
    Ok(Json(sessions.into_iter().map(Into::into).collect()))
}

async fn end_own<U: UserModel>(
    State(users): State<Users<U>>,
    request: Request,
) -> Result<StatusCode, ApiError> {
    let (mut parts, _) = request.into_parts();
    let own = current(&users, &parts).await?;
    let id = Path::<String>::from_request_parts(&mut parts, &()).await.map_err(|_| ApiError::NotFound)?;
    if users.end_session(own.user.id(), &id).await? {
        note(&users, AuditEvent::SessionEnded, &own, &own.user, &parts);
        return Ok(StatusCode::NO_CONTENT);
    }
    Err(ApiError::NotFound)
}

async fn end_own_others<U: UserModel>(
    State(users): State<Users<U>>,
    request: Request,
) -> Result<StatusCode, ApiError> {
    let (parts, _) = request.into_parts();
    let own = current(&users, &parts).await?;
    users.end_all_sessions(own.user.id(), Some(&own)).await?;
    note(&users, AuditEvent::SessionsEnded, &own, &own.user, &parts);
    Ok(StatusCode::NO_CONTENT)
}

async fn list_of_user<U: UserModel>(
    State(users): State<Users<U>>,
    request: Request,
) -> Result<Json<Vec<SessionAnswer>>, ApiError> {
    let (mut parts, _) = request.into_parts();
    let superuser = superuser(&users, &parts).await?;
    let id = Path::<String>::from_request_parts(&mut parts, &()).await.map_err(|_| ApiError::NotFound)?;
    let user = target(&users, &id).await?;
    let sessions = users.sessions(user.id(), own(&superuser, &user)).await?;
    Ok(Json(sessions.into_iter().map(Into::into).collect()))
}

async fn end_of_user<U: UserModel>(
    State(users): State<Users<U>>,
    request: Request,
) -> Result<StatusCode, ApiError> {
    let (mut parts, _) = request.into_parts();
    let superuser = superuser(&users, &parts).await?;
    let path = Path::<(String, String)>::from_request_parts(&mut parts, &()).await;
    let Path((id, session_id)) = path.map_err(|_| ApiError::NotFound)?;
    let user = target(&users, &id).await?;
    if users.end_session(user.id(), &session_id).await? {
        note(&users, AuditEvent::SessionEnded, &superuser, &user, &parts);
        return Ok(StatusCode::NO_CONTENT);
    }
    Err(ApiError::NotFound)
}

/// All of them; a superuser's own present one goes on.
async fn end_all_of_user<U: UserModel>(
    State(users): State<Users<U>>,
    request: Request,
) -> Result<StatusCode, ApiError> {
    let (mut parts, _) = request.into_parts();
    let superuser = superuser(&users, &parts).await?;
    let id = Path::<String>::from_request_parts(&mut parts, &()).await.map_err(|_| ApiError::NotFound)?;
    let user = target(&users, &id).await?;
    users.end_all_sessions(user.id(), own(&superuser, &user)).await?;
    note(&users, AuditEvent::SessionsEnded, &superuser, &user, &parts);
    Ok(StatusCode::NO_CONTENT)
}

async fn superuser<U: UserModel>(users: &Users<U>, parts: &Parts) -> Result<Authenticated<U>, ApiError> {
    users.authorize(&parts.method, &parts.headers, users.rights(Rights::SUPERUSER)).await
}

async fn target<U: UserModel>(users: &Users<U>, id: &str) -> Result<U, ApiError> {
    let id = U::Id::parse(id, users.schema().id_type()).ok_or(ApiError::NotFound)?;
    users.get(&id).await?.ok_or(ApiError::NotFound)
}

fn own<'a, U: UserModel>(asking: &'a Authenticated<U>, user: &U) -> Option<&'a Authenticated<U>> {
    (asking.user.id() == user.id()).then_some(asking)
}

/// Who ended whose sessions is noted.
fn note<U: UserModel>(
    users: &Users<U>,
    event: AuditEvent,
    asking: &Authenticated<U>,
    user: &U,
    parts: &Parts,
) {
    let request = users.request_info(parts).by(asking.user.id());
    users.audit(AuditRecord::new(event, &request).user(user.id()));
}
