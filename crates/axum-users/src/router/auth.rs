//! `POST /auth/{backend}/login`, `/logout` and `/refresh`.

use axum::{
    extract::Request,
    http::{Method, header::CONTENT_TYPE},
    response::Response,
    routing::post,
};

use super::{RouteList, named, read_bytes, refresh::refresh, strict};
use crate::{
    AuditEvent, AuditRecord, LoginError, Users,
    body::{Form, LoginForm},
    error::{ApiError, code},
    extract::Rights,
    manager::Judgement,
    user::UserModel,
};

pub(super) fn routes<U: UserModel>(backend: &str, refreshes: bool) -> RouteList<U> {
    let mut routes = vec![
        ("/login", strict(&Method::POST, post(named(backend, login::<U>)))),
        ("/logout", strict(&Method::POST, post(named(backend, logout::<U>)))),
    ];
    if refreshes {
        routes.push(("/refresh", strict(&Method::POST, post(named(backend, refresh::<U>)))));
    }
    routes
}

async fn login<U: UserModel>(
    users: Users<U>,
    backend: String,
    request: Request,
) -> Result<Response, ApiError> {
    users.refuse_forgery(&backend, request.method(), request.headers())?;
    let (parts, bytes) = read_bytes(request).await?;
    let form = Form::parse(parts.headers.get(CONTENT_TYPE), &bytes)?;
    let LoginForm { username, password } = LoginForm::read(form).map_err(ApiError::Invalid)?;
    let info = users.request_info(&parts);
    let address = info.client_address();
    let tried = users.limit("login", &info, |limiter| limiter.login(&username, address)).await?;
    let judged = users.judge(&username, &password).await;
    if let (Err(_), Some((limiter, taken))) = (&judged, &tried) {
        // A guess that nobody could judge is none: a database that is down must not lock people out.
        limiter.succeeded(taken).await;
    }
    let refused = |why: &str, user: Option<&U>| {
        let record = AuditRecord::new(AuditEvent::LoginFailed, &info).via(&backend).detail(why);
        users.audit(match user {
            Some(user) => record.user(user.id()),
            None => record.email(&username),
        });
        Err(ApiError::Code(code::LOGIN_BAD_CREDENTIALS))
    };
    // Where taken addresses are hidden, an unverified user is nobody: whoever registered must not learn by a login
    // whether that came about. The guess counts as one, too.
    let hides = users.inner.hardening.hides_taken_emails;
    let user = match judged? {
        Judgement::Unknown => return refused("unknown_user", None),
        Judgement::Wrong(user) => return refused("wrong_password", Some(&user)),
        Judgement::Right(user) if !user.is_active() => return refused("inactive", Some(&user)),
        Judgement::Right(user) if hides && !user.is_verified() => {
            return refused("not_verified", Some(&user));
        }
        Judgement::Right(user) => user,
    };
    if let Some((limiter, taken)) = tried {
        limiter.login_succeeded(&username, address, &taken).await;
    }
    if users.inner.requires_verification && !user.is_verified() {
        // The password was right: only the answer differs.
        let _: Result<Response, ApiError> = refused("not_verified", Some(&user));
        return Err(ApiError::Code(code::LOGIN_USER_NOT_VERIFIED));
    }
    Ok(users.login(&backend, &user, &info).await?)
}

async fn logout<U: UserModel>(
    users: Users<U>,
    backend: String,
    request: Request,
) -> Result<Response, ApiError> {
    let (parts, _) = request.into_parts();
    let rights = users.rights(Rights::ACTIVE);
    let authenticated = users.authorize(&parts.method, &parts.headers, rights).await?;
    let info = users.request_info(&parts).by(authenticated.user.id());
    Ok(users.logout(&backend, &authenticated, &info).await?)
}

impl<U: UserModel> Users<U> {
    /// These rights, and a verified address where the builder asked for it.
    pub(super) fn rights(&self, rights: Rights) -> Rights {
        Rights { verified: rights.verified || self.inner.requires_verification, ..rights }
    }
}

impl From<LoginError> for ApiError {
    fn from(error: LoginError) -> Self {
        match error {
            LoginError::UnknownBackend => Self::NotFound,
            LoginError::Gone => Self::Code(code::LOGIN_BAD_CREDENTIALS),
            LoginError::Refused(reason) => Self::CodeWithReason(code::LOGIN_REFUSED, reason),
            LoginError::Internal(error) => Self::Internal(error),
        }
    }
}
