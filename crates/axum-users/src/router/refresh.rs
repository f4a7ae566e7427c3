//! `POST /auth/{backend}/refresh`.

use axum::{extract::Request, response::Response};
use secrecy::SecretString;

use super::read_json;
use crate::{
    RefreshError, Users,
    error::{ApiError, code},
    reader::read_refresh_token,
    user::UserModel,
};

pub(super) async fn refresh<U: UserModel>(
    users: Users<U>,
    backend: String,
    request: Request,
) -> Result<Response, ApiError> {
    users.refuse_forgery(&backend, request.method(), request.headers())?;
    let transport = users.inner.backends.iter().find(|known| known.name == backend);
    let transport = &transport.ok_or(ApiError::NotFound)?.transport;
    let (parts, token) = if transport.sets_cookie() {
        let (parts, _) = request.into_parts();
        let token = transport.refresh_token(&parts.headers).map(|token| SecretString::from(token.as_ref()));
        (parts, token.ok_or(ApiError::Code(code::REFRESH_BAD_TOKEN))?)
    } else {
        let (parts, body) = read_json(request).await?;
        (parts, read_refresh_token(body).map_err(ApiError::Invalid)?)
    };
    let info = users.request_info(&parts);
    let tried = users.limit("refresh token", &info, |limiter| limiter.token(info.client_address())).await?;
    let refreshed = users.refresh(&backend, &token, &info).await;
    if let (Ok(_) | Err(RefreshError::Internal(_) | RefreshError::NotVerified), Some((limiter, taken))) =
        (&refreshed, &tried)
    {
        limiter.succeeded(taken).await;
    }
    Ok(refreshed?)
}

impl From<RefreshError> for ApiError {
    fn from(error: RefreshError) -> Self {
        match error {
            RefreshError::UnknownBackend => Self::NotFound,
            RefreshError::BadToken => Self::Code(code::REFRESH_BAD_TOKEN),
            RefreshError::NotVerified => Self::Code(code::LOGIN_USER_NOT_VERIFIED),
            RefreshError::Internal(error) => Self::Internal(error),
        }
    }
}
