//! `GET /auth/associate/{provider}/authorize` and `/callback`: linking an account to the user who is logged in.
//! `DELETE /auth/associate/{provider}/{account_id}` unlinks it again.

use axum::{
    Json,
    extract::{FromRequestParts, Path, Request},
    http::{Method, StatusCode},
    response::{IntoResponse, Response},
    routing::{delete, get},
};

use super::{
    RouteList, named,
    oauth::{Query, begin, callback_route, clear_csrf_cookie, finish},
    strict,
};
use crate::{
    Users,
    error::ApiError,
    extract::Rights,
    metrics,
    oauth::{OAuthProvider, state::Purpose},
    user::UserModel,
};

pub(super) fn routes<U: UserModel>(provider: &str) -> RouteList<U> {
    vec![
        ("/authorize", strict(&Method::GET, get(named(provider, authorize::<U>)))),
        ("/callback", callback_route::<U>(provider, get(named(provider, callback::<U>)))),
        ("/{account_id}", strict(&Method::DELETE, delete(named(provider, unlink::<U>)))),
    ]
}

async fn authorize<U: UserModel>(
    users: Users<U>,
    name: String,
    request: Request,
) -> Result<Response, ApiError> {
    let provider = users.oauth_provider(&name).ok_or(ApiError::NotFound)?;
    let user = users.authorize(request.method(), request.headers(), users.rights(Rights::ACTIVE)).await?.user;
    let subject = user.id().to_string();
    begin(&users, provider, Purpose::Associate, Some(&subject), &Query::of(request.uri().query())).await
}

async fn callback<U: UserModel>(
    users: Users<U>,
    name: String,
    request: Request,
) -> Result<Response, ApiError> {
    let provider = users.oauth_provider(&name).ok_or(ApiError::NotFound)?;
    let answered = link(&users, provider, request).await;
    metrics::oauth_callback(provider.name(), "associate", answered.as_ref().err());
    answered
}

async fn link<U: UserModel>(
    users: &Users<U>,
    provider: &OAuthProvider<U>,
    request: Request,
) -> Result<Response, ApiError> {
    let (parts, _) = request.into_parts();
    let user = users.authorize(&parts.method, &parts.headers, users.rights(Rights::ACTIVE)).await?.user;
    let subject = user.id().to_string();
    let query = Query::of(parts.uri.query());
    let answer = finish(users, provider, Purpose::Associate, Some(&subject), &parts, &query).await?;
    // The provider took its time: the session may have ended meanwhile, and links nothing then.
    let user = users.authorize(&parts.method, &parts.headers, users.rights(Rights::ACTIVE)).await?.user;
    let info = users.request_info(&parts).by(user.id());
    let user = users.oauth_associate_callback(provider, user, &answer.token, &answer.identity, &info).await?;
    let mut response = match &answer.redirect_to {
        None => Json(users.answer(user).await?).into_response(),
        Some(target) => super::redirect(target)?,
    };
    clear_csrf_cookie(&mut response, provider);
    Ok(response)
}

async fn unlink<U: UserModel>(
    users: Users<U>,
    name: String,
    request: Request,
) -> Result<StatusCode, ApiError> {
    let (mut parts, _) = request.into_parts();
    let user = users.authorize(&parts.method, &parts.headers, users.rights(Rights::ACTIVE)).await?.user;
    let account_id =
        Path::<String>::from_request_parts(&mut parts, &()).await.map_err(|_| ApiError::NotFound)?;
    match users
        .unlink_oauth_account(&user, &name, &account_id, &users.request_info(&parts).by(user.id()))
        .await?
    {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(ApiError::NotFound),
    }
}
