//! `POST /auth/{backend}/exchange`: the one-time code of an OAuth callback's redirect, for a login.

use axum::{extract::Request, http::Method, response::Response, routing::post};
use serde::Serialize;

use super::{RouteList, named, read_json, strict};
use crate::{
    LoginError, RequestInfo, Users,
    error::{ApiError, InternalError, code},
    oauth::state::state_digest,
    reader::read_code,
    schema::Timestamp,
    user::{UserId, UserModel},
};

/// How long a code is good, in seconds: the browser is on its way to the front end.
const CODE_LIFETIME_SECONDS: u64 = 60;

/// The claims of a one-time code.
#[derive(Serialize)]
struct CodeClaims<'a> {
    sub: &'a str,
    /// What makes each code another one.
    csrftoken: &'a str,
    /// The backend for which it is good.
    purpose: &'a str,
    aud: &'a str,
    exp: Option<i64>,
}

pub(super) fn routes<U: UserModel>(backend: &str) -> RouteList<U> {
    vec![("/exchange", strict(&Method::POST, post(named(backend, exchange::<U>))))]
}

async fn exchange<U: UserModel>(
    users: Users<U>,
    backend: String,
    request: Request,
) -> Result<Response, ApiError> {
    let (parts, body) = read_json(request).await?;
    let code = read_code(body).map_err(ApiError::Invalid)?;
    let user = users.user_of_code(&backend, &code).await?.ok_or(ApiError::Code(code::EXCHANGE_BAD_CODE))?;
    Ok(users.login(&backend, &user, &users.request_info(&parts)).await?)
}

impl<U: UserModel> Users<U> {
    /// Logs in on the way to a front end: by the backend's cookie, or by a one-time code in the URL. A token is
    /// never in a URL.
    pub(super) async fn login_and_redirect(
        &self,
        backend: &str,
        user: &U,
        request: &RequestInfo,
        target: &str,
    ) -> Result<Response, ApiError> {
        let known = self.inner.backends.iter().find(|known| known.name == backend);
        if known.ok_or(LoginError::UnknownBackend)?.transport.sets_cookie() {
            let login = self.login(backend, user, request).await?;
            let mut response = super::redirect(target)?;
            response.headers_mut().extend(login.headers().clone());
            return Ok(response);
        }
        let code = self.one_time_code(backend, user)?;
        let mut target = url::Url::parse(target).map_err(|_| ApiError::BadRequest("Bad Request".into()))?;
        target.query_pairs_mut().append_pair("code", &code);
        super::redirect(target.as_str())
    }

    fn one_time_code(&self, backend: &str, user: &U) -> Result<String, InternalError> {
        let signer = &self.inner.oauth.exchange;
        signer.sign(&CodeClaims {
            sub: &user.id().to_string(),
            csrftoken: &self.inner.random.token(),
            purpose: backend,
            aud: signer.audience(),
            exp: signer.expires_at(Some(CODE_LIFETIME_SECONDS)),
        })
    }

    async fn user_of_code(&self, backend: &str, code: &str) -> Result<Option<U>, InternalError> {
        let Some(claims) = self.inner.oauth.exchange.read(code) else { return Ok(None) };
        let id = claims.subject().and_then(|subject| U::Id::parse(subject, self.schema().id_type()));
        let (Some(id), true) = (id, claims.purpose() == Some(backend)) else { return Ok(None) };
        let now = self.inner.clock.now();
        let expires_at = claims.expires_at().and_then(|at| Timestamp::from_unix_timestamp(at).ok());
        let database = &self.inner.database;
        let digest = state_digest(code);
        if !database.use_once("exchange", &digest, expires_at.unwrap_or(now), now).await? {
            return Ok(None);
        }
        Ok(database.get(&id).await?.filter(U::is_active))
    }
}
