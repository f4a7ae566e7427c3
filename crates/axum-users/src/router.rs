//! The routers: each mountable alone and at any prefix, and all together.

mod auth;
#[cfg(feature = "oauth")]
mod exchange;
mod jwks;
#[cfg(feature = "oauth")]
mod oauth;
#[cfg(feature = "oauth")]
mod oauth_associate;
mod refresh;
mod register;
mod reset_password;
mod sessions;
mod users;
mod verify;

use axum::{
    Router,
    body::Bytes,
    extract::{FromRequest, Request, State},
    http::{
        HeaderValue, Method, StatusCode,
        header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS},
        request::Parts,
    },
    middleware::map_response,
    response::{IntoResponse, Response},
    routing::MethodRouter,
};
use serde_json::Value as Json;

use crate::{
    AuditEvent, AuditRecord, RequestInfo, Users,
    body::JsonBody,
    error::{ApiError, InternalError, detail, error_chain},
    limits::{Limiter, Mail, Try},
    openapi::{self, BackendDescription, DocumentInfo, MountedRouter, RouterKind},
    reader::read_email,
    user::UserModel,
};

/// Routes that are ready to be merged into an application's router.
///
/// ```
/// # use axum::Router;
/// # use axum_users::{User, Users};
/// # fn app(users: Users<User>) -> Router {
/// Router::new()
///     .merge(users.auth_router("jwt"))             // POST /auth/jwt/login, /auth/jwt/logout
///     .merge(users.register_router())              // POST /auth/register
///     .merge(users.users_router().at("/people"))   // GET /people/me, …
///     .with_state(users)
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "merge it into a router"]
pub struct Routes<U: UserModel> {
    users: Users<U>,
    routers: Vec<MountedRouter>,
}

impl<U: UserModel> Routes<U> {
    /// Another prefix: in place of the usual one for a single router, before the usual ones for all together.
    pub fn at(mut self, prefix: &str) -> Self {
        let prefix = prefix.trim_end_matches('/');
        if let [router] = &mut self.routers[..] {
            prefix.clone_into(&mut router.prefix);
        } else {
            for router in &mut self.routers {
                router.prefix.insert_str(0, prefix);
            }
        }
        self
    }
}

impl<U: UserModel, S: Clone + Send + Sync + 'static> From<Routes<U>> for Router<S> {
    fn from(routes: Routes<U>) -> Self {
        let Routes { users, routers } = routes;
        let mut all = Router::new();
        for router in &routers {
            let routes = match &router.kind {
                RouterKind::Auth { backend } => auth::routes::<U>(backend, users.refreshes(backend)),
                RouterKind::Register => register::routes::<U>(),
                RouterKind::ResetPassword => reset_password::routes::<U>(),
                RouterKind::Verify => verify::routes::<U>(),
                RouterKind::Users => users::routes::<U>(),
                RouterKind::Jwks => jwks::routes::<U>(),
                RouterKind::Sessions => sessions::routes::<U>(),
                #[cfg(feature = "oauth")]
                RouterKind::OAuth { provider, .. } => oauth::routes::<U>(provider),
                #[cfg(feature = "oauth")]
                RouterKind::OAuthAssociate { provider } => oauth_associate::routes::<U>(provider),
                #[cfg(feature = "oauth")]
                RouterKind::Exchange { backend } => exchange::routes::<U>(backend),
            };
            all = routes
                .into_iter()
                .fold(all, |all, (path, route)| all.route(&format!("{}{path}", router.prefix), route));
        }
        users.note_mounted(routers);
        all.layer(map_response(harden)).with_state(users)
    }
}

impl<U: UserModel> Users<U> {
    /// Every router at its usual path: `/auth/{backend}` for each backend, `/auth`, and `/users`; and
    /// `/.well-known/jwks.json` where a backend signs with key pairs.
    pub fn router(&self) -> Routes<U> {
        let mut routers: Vec<_> = self.backend_names().map(auth_router).collect();
        for (kind, prefix) in [
            (RouterKind::Register, "/auth"),
            (RouterKind::ResetPassword, "/auth"),
            (RouterKind::Verify, "/auth"),
            (RouterKind::Users, "/users"),
        ] {
            routers.push(MountedRouter { kind, prefix: prefix.to_owned() });
        }
        if self.inner.sessions.as_ref().is_some_and(|sessions| sessions.has_routes) {
            routers.extend(self.sessions_router().routers);
        }
        #[cfg(feature = "oauth")]
        routers.extend(self.oauth_routers());
        if !self.inner.json_web_keys.is_empty() {
            routers.extend(self.jwks_router().routers);
        }
        Routes { users: self.clone(), routers }
    }

    /// `POST /auth/{backend}/login` and `/logout`, and `/refresh` where the backend has refresh tokens.
    ///
    /// # Panics
    /// No backend has this name; a program's mistake that shows at its start.
    pub fn auth_router(&self, backend: &str) -> Routes<U> {
        assert!(
            self.backend_names().any(|name| name == backend),
            "there is no backend called `{backend}`; add it with `.backend(\"{backend}\", …)` before `.build()`"
        );
        Routes { users: self.clone(), routers: vec![auth_router(backend)] }
    }

    /// `POST /auth/register`.
    pub fn register_router(&self) -> Routes<U> {
        self.single(RouterKind::Register, "/auth")
    }

    /// `POST /auth/forgot-password` and `/auth/reset-password`.
    pub fn reset_password_router(&self) -> Routes<U> {
        self.single(RouterKind::ResetPassword, "/auth")
    }

    /// `POST /auth/request-verify-token` and `/auth/verify`.
    pub fn verify_router(&self) -> Routes<U> {
        self.single(RouterKind::Verify, "/auth")
    }

    /// `GET` and `PATCH /users/me`; `GET`, `PATCH` and `DELETE /users/{id}` for superusers.
    pub fn users_router(&self) -> Routes<U> {
        self.single(RouterKind::Users, "/users")
    }

    /// `GET /.well-known/jwks.json`: the public keys by which others verify access tokens.
    pub fn jwks_router(&self) -> Routes<U> {
        self.single(RouterKind::Jwks, "/.well-known")
    }

    /// `GET` and `DELETE /users/me/sessions`, `DELETE /users/me/sessions/{session_id}`; the same under
    /// `/users/{id}/sessions` for superusers.
    ///
    /// # Panics
    /// The builder was not told to keep sessions; a program's mistake that shows at its start.
    pub fn sessions_router(&self) -> Routes<U> {
        assert!(
            self.inner.sessions.is_some(),
            "sessions are not kept; add `.sessions(Sessions::new())` before `.build()`"
        );
        self.single(RouterKind::Sessions, "/users")
    }

    /// `GET /auth/{provider}/authorize` and `/callback`.
    ///
    /// # Panics
    /// No provider has this name; a program's mistake that shows at its start.
    #[cfg(feature = "oauth")]
    pub fn oauth_router(&self, provider: &str) -> Routes<U> {
        let backend = self.backend_of_provider(provider);
        self.single(
            RouterKind::OAuth { provider: provider.to_owned(), backend },
            &format!("/auth/{provider}"),
        )
    }

    /// `GET /auth/associate/{provider}/authorize` and `/callback`, and `DELETE
    /// /auth/associate/{provider}/{account_id}`.
    ///
    /// # Panics
    /// No provider has this name; a program's mistake that shows at its start.
    #[cfg(feature = "oauth")]
    pub fn oauth_associate_router(&self, provider: &str) -> Routes<U> {
        self.backend_of_provider(provider);
        let kind = RouterKind::OAuthAssociate { provider: provider.to_owned() };
        self.single(kind, &format!("/auth/associate/{provider}"))
    }

    /// `POST /auth/{backend}/exchange`, for front ends to which a callback redirects with a one-time code.
    #[cfg(feature = "oauth")]
    pub fn exchange_router(&self, backend: &str) -> Routes<U> {
        self.single(RouterKind::Exchange { backend: backend.to_owned() }, &format!("/auth/{backend}"))
    }

    #[cfg(feature = "oauth")]
    fn backend_of_provider(&self, name: &str) -> String {
        let provider = self.oauth_provider(name);
        assert!(
            provider.is_some(),
            "there is no OAuth provider called `{name}`; add it with `.oauth(…)` before `.build()`"
        );
        provider.map(|provider| provider.options.backend.clone().into_owned()).unwrap_or_default()
    }

    /// The routers of every provider, and of the backends to which a front end exchanges codes.
    #[cfg(feature = "oauth")]
    fn oauth_routers(&self) -> Vec<MountedRouter> {
        let mut routers = Vec::new();
        let providers = &self.inner.oauth.providers;
        for provider in providers {
            routers.extend(self.oauth_router(provider.name()).routers);
            routers.extend(self.oauth_associate_router(provider.name()).routers);
        }
        for backend in &self.inner.backends {
            let exchanges = providers.iter().any(|provider| {
                provider.options.backend == backend.name.as_str()
                    && !provider.options.redirect_targets.is_empty()
            });
            if exchanges && !backend.transport.sets_cookie() {
                routers.extend(self.exchange_router(&backend.name).routers);
            }
        }
        routers
    }

    /// The whole path of a provider's routes: where they were mounted, or would be.
    #[cfg(feature = "oauth")]
    pub(crate) fn oauth_path(&self, name: &str, purpose: crate::oauth::state::Purpose) -> String {
        use crate::oauth::state::Purpose;
        let mounted = self.inner.mounted.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let found = mounted.iter().find(|router| match (&router.kind, purpose) {
            (RouterKind::OAuth { provider, .. }, Purpose::Login) => provider == name,
            (RouterKind::OAuthAssociate { provider }, Purpose::Associate) => provider == name,
            _ => false,
        });
        match (found, purpose) {
            (Some(router), _) => router.prefix.clone(),
            (None, Purpose::Login) => format!("{}/auth/{name}", self.inner.mount),
            (None, Purpose::Associate) => format!("{}/auth/associate/{name}", self.inner.mount),
        }
    }

    /// Whether a backend has refresh tokens.
    fn refreshes(&self, name: &str) -> bool {
        self.inner.backends.iter().any(|backend| backend.name == name && backend.refresh.is_some())
    }

    /// The whole path of a backend's refresh route: where it was mounted, or would be.
    pub(crate) fn refresh_path(&self, name: &str) -> String {
        let mounted = self.inner.mounted.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let found = mounted
            .iter()
            .find(|router| matches!(&router.kind, RouterKind::Auth { backend } if backend == name));
        match found {
            Some(router) => format!("{}/refresh", router.prefix),
            None => format!("{}/auth/{name}/refresh", self.inner.mount),
        }
    }

    fn single(&self, kind: RouterKind, prefix: &str) -> Routes<U> {
        Routes { users: self.clone(), routers: vec![MountedRouter { kind, prefix: prefix.to_owned() }] }
    }

    fn note_mounted(&self, routers: Vec<MountedRouter>) {
        let mut mounted = self.inner.mounted.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        for mut router in routers {
            router.prefix.insert_str(0, &self.inner.mount);
            if !mounted.contains(&router) {
                mounted.push(router);
            }
        }
    }

    /// The OpenAPI document (3.1.0) of every router that was mounted so far, own fields included; for the
    /// recorded original's routes it is the original's document.
    #[must_use]
    pub fn openapi(&self) -> Json {
        let inner = &self.inner;
        let mounted = inner.mounted.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
        let descriptions: Vec<_> = inner
            .backends
            .iter()
            .map(|backend| {
                let path = mounted.iter().find_map(|router| match &router.kind {
                    RouterKind::Auth { backend: name } if *name == backend.name => {
                        Some(router.prefix.as_str())
                    }
                    _ => None,
                });
                let token_url = openapi::relative_token_url(&inner.mount, path.unwrap_or_default());
                BackendDescription {
                    name: backend.name.clone(),
                    refreshes: backend.refresh.is_some(),
                    refresh_token_in_body: !backend.transport.sets_cookie(),
                    transport: backend.transport.description(&token_url),
                }
            })
            .collect();
        let info = DocumentInfo { title: &inner.document_title, version: &inner.document_version };
        let mut document = openapi::document(&inner.schema, info, &mounted, &descriptions);
        if inner.hardening.hides_taken_emails {
            openapi::hide_taken_emails(&mut document);
        }
        #[cfg(feature = "oauth")]
        if inner.oauth.in_user {
            openapi::show_oauth_accounts(&mut document, &inner.schema);
        }
        document
    }
}

fn auth_router(backend: &str) -> MountedRouter {
    MountedRouter {
        kind: RouterKind::Auth { backend: backend.to_owned() },
        prefix: format!("/auth/{backend}"),
    }
}

/// Routes of one router: the path behind the prefix, and its methods.
type RouteList<U> = Vec<(&'static str, MethodRouter<Users<U>>)>;

/// A handler that is told the name of its backend or provider.
fn named<U, H, Answer>(
    name: &str,
    handle: H,
) -> impl Fn(State<Users<U>>, Request) -> Answer + Clone + Send + Sync + 'static
where
    U: UserModel,
    H: Fn(Users<U>, String, Request) -> Answer + Clone + Send + Sync + 'static,
{
    let name = name.to_owned();
    move |State(users), request| handle(users, name.clone(), request)
}

/// Answers as FastAPI does to methods that a path does not have: 405 that names the first route's method, HEAD
/// and OPTIONS included.
fn strict<U: UserModel>(first: &Method, route: MethodRouter<Users<U>>) -> MethodRouter<Users<U>> {
    let allow = HeaderValue::from_str(first.as_str()).unwrap_or(HeaderValue::from_static("GET"));
    let refuse = move || std::future::ready(method_not_allowed(&allow));
    let route = if first == Method::GET { route.head(refuse.clone()) } else { route };
    route.fallback(refuse)
}

/// FastAPI's 405, which names the first route's method.
fn method_not_allowed(allow: &HeaderValue) -> Response {
    let mut response = detail(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed");
    response.headers_mut().insert(ALLOW, allow.clone());
    response
}

/// 303 to a URL that was checked before.
#[cfg(feature = "oauth")]
fn redirect(url: &str) -> Result<Response, ApiError> {
    let location = HeaderValue::try_from(url).map_err(|_| ApiError::BadRequest("Bad Request".into()))?;
    Ok((StatusCode::SEE_OTHER, [(axum::http::header::LOCATION, location)]).into_response())
}

/// Answers 202 to everybody at once; what it does for a known user happens behind the answer, so that neither
/// the answer nor its time tells who is known.
async fn send_behind_the_answer<U, F, Sending>(
    users: Users<U>,
    mail: Mail,
    request: Request,
    send: F,
) -> Result<(StatusCode, axum::Json<Json>), ApiError>
where
    U: UserModel,
    F: FnOnce(Users<U>, U, RequestInfo) -> Sending + Send + 'static,
    Sending: Future<Output = Result<(), InternalError>> + Send,
{
    let (parts, body) = read_json(request).await?;
    let email = read_email(body).map_err(ApiError::Invalid)?;
    let info = users.request_info(&parts);
    users.limit("mail", &info, |limiter| limiter.mail(mail, &email, info.client_address())).await?;
    let background = users.inner.background.clone();
    background.spawn(async move {
        let sent = match users.get_by_email(&email).await {
            Ok(Some(user)) => send(users, user, info).await,
            Ok(None) => Ok(()),
            Err(error) => Err(error.into()),
        };
        if let Err(error) = sent {
            tracing::error!(cause = %error_chain(&error), "no token was sent");
        }
    })?;
    Ok((StatusCode::ACCEPTED, axum::Json(Json::Null)))
}

/// A user as answers show it, with the linked accounts in front where the builder asked for them.
enum UserAnswer<U: UserModel> {
    Plain(U::Read),
    #[cfg(feature = "oauth")]
    WithAccounts(WithAccounts<U>),
}

#[cfg(feature = "oauth")]
#[derive(serde::Serialize)]
struct WithAccounts<U: UserModel> {
    oauth_accounts: Vec<AccountAnswer>,
    #[serde(flatten)]
    user: U::Read,
}

/// A linked account as the original shows it.
#[cfg(feature = "oauth")]
#[derive(serde::Serialize)]
struct AccountAnswer {
    id: String,
    oauth_name: String,
    access_token: String,
    expires_at: Option<i64>,
    refresh_token: Option<String>,
    account_id: String,
    account_email: String,
}

impl<U: UserModel> serde::Serialize for UserAnswer<U> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Plain(user) => user.serialize(serializer),
            #[cfg(feature = "oauth")]
            Self::WithAccounts(user) => user.serialize(serializer),
        }
    }
}

impl<U: UserModel> Users<U> {
    /// What is known of a request.
    fn request_info(&self, parts: &Parts) -> RequestInfo {
        RequestInfo::of(parts).behind_proxies(self.inner.trusted_proxies)
    }

    /// Takes a try's places, where the builder set limits; `what` is what is tried.
    async fn limit<'a, Taking: Future<Output = Result<Try, ApiError>>>(
        &'a self,
        what: &str,
        request: &RequestInfo,
        take: impl FnOnce(&'a Limiter) -> Taking,
    ) -> Result<Option<(&'a Limiter, Try)>, ApiError> {
        let Some(limiter) = &self.inner.limiter else { return Ok(None) };
        match take(limiter).await {
            Ok(taken) => Ok(Some((limiter, taken))),
            Err(refused) => {
                self.audit(AuditRecord::new(AuditEvent::LimitHit, request).detail(what));
                Err(refused)
            }
        }
    }

    /// What routes answer of a user.
    async fn answer(&self, user: U) -> Result<UserAnswer<U>, ApiError> {
        #[cfg(feature = "oauth")]
        if self.inner.oauth.in_user {
            let accounts = self.oauth_accounts(&user).await?;
            let oauth_accounts = accounts
                .into_iter()
                .map(|account| AccountAnswer {
                    id: account.id.to_string(),
                    oauth_name: account.oauth_name,
                    access_token: account.access_token,
                    expires_at: account.expires_at,
                    refresh_token: account.refresh_token,
                    account_id: account.account_id,
                    account_email: account.account_email,
                })
                .collect();
            return Ok(UserAnswer::WithAccounts(WithAccounts { oauth_accounts, user: self.read(user) }));
        }
        Ok(UserAnswer::Plain(self.read(user)))
    }
}

/// What every answer of these routes carries: nobody may keep it (RFC 6749 §5.1) or guess its type.
async fn harden(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.entry(X_CONTENT_TYPE_OPTIONS).or_insert(HeaderValue::from_static("nosniff"));
    response
}

/// The bytes of a request's body, under the limit of the application's `DefaultBodyLimit`.
async fn read_bytes(request: Request) -> Result<(Parts, Bytes), ApiError> {
    let (parts, body) = request.into_parts();
    // The limit travels in the extensions.
    let mut again = Request::new(body);
    *again.extensions_mut() = parts.extensions.clone();
    let bytes = Bytes::from_request(again, &()).await.map_err(|rejection| {
        match rejection.into_response().status() {
            StatusCode::PAYLOAD_TOO_LARGE => ApiError::PayloadTooLarge,
            _ => ApiError::BadRequest("There was an error parsing the body".into()),
        }
    })?;
    Ok((parts, bytes))
}

/// The JSON of a request's body. Syntax comes before everything else: before authentication, too.
async fn read_json(request: Request) -> Result<(Parts, JsonBody), ApiError> {
    let (parts, bytes) = read_bytes(request).await?;
    let body = JsonBody::parse(parts.headers.get(CONTENT_TYPE), &bytes)?;
    Ok((parts, body))
}
