//! `GET /auth/{provider}/authorize` and `/callback`: logging in with an account at a provider.

use axum::{
    Json,
    extract::Request,
    http::{HeaderValue, Method, StatusCode, header::LOCATION, request::Parts},
    response::{IntoResponse, Response},
    routing::{MethodRouter, get},
};
use reqwest_oauth::{AuthorizationRequest, CodeExchange, FailureCause, Identity, OAuth2Token, OAuthClient};
use serde::Serialize;

use super::{RouteList, named, strict};
use crate::{
    OAuthError, Users,
    auth::Cookie,
    error::{ApiError, code, error_chain},
    metrics,
    oauth::{
        OAuthProvider,
        state::{Purpose, STATE_LIFETIME_SECONDS, StateError, code_challenge, state_digest},
    },
    schema::Timestamp,
    spans,
    user::UserModel,
};

pub(super) fn routes<U: UserModel>(provider: &str) -> RouteList<U> {
    vec![
        ("/authorize", strict(&Method::GET, get(named(provider, authorize::<U>)))),
        ("/callback", callback_route::<U>(provider, get(named(provider, callback::<U>)))),
    ]
}

/// A callback's methods. Providers that post their answer (Apple) are sent on to the GET.
pub(super) fn callback_route<U: UserModel>(
    provider: &str,
    route: MethodRouter<Users<U>>,
) -> MethodRouter<Users<U>> {
    strict(&Method::GET, route.post(named(provider, posted::<U>)))
}

async fn posted<U: UserModel>(users: Users<U>, name: String, request: Request) -> Result<Response, ApiError> {
    match users.oauth_provider(&name) {
        Some(provider) if provider.client.callback_is_posted() => see_get(request).await,
        _ => Ok(super::method_not_allowed(&HeaderValue::from_static("GET"))),
    }
}

/// 303 to the same path with the posted form as its query. The reference is relative, since the application may
/// be nested, or behind a proxy that cuts paths.
async fn see_get(request: Request) -> Result<Response, ApiError> {
    let (_, bytes) = super::read_bytes(request).await?;
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, value) in form_urlencoded::parse(&bytes) {
        if matches!(&*name, "code" | "state" | "error" | "iss" | "user") {
            query.append_pair(&name, &value);
        }
    }
    let location = format!("?{}", query.finish());
    let location = HeaderValue::try_from(location).map_err(|_| ApiError::BadRequest("Bad Request".into()))?;
    Ok((StatusCode::SEE_OTHER, [(LOCATION, location)]).into_response())
}

/// The original's answer to authorize.
#[derive(Serialize)]
struct AuthorizationUrl {
    authorization_url: String,
}

async fn authorize<U: UserModel>(
    users: Users<U>,
    name: String,
    request: Request,
) -> Result<Response, ApiError> {
    let provider = users.oauth_provider(&name).ok_or(ApiError::NotFound)?;
    begin(&users, provider, Purpose::Login, None, &Query::of(request.uri().query())).await
}

/// Begins a flow: the URL of the provider's page, and the cookie that binds the flow to this browser.
pub(super) async fn begin<U: UserModel>(
    users: &Users<U>,
    provider: &OAuthProvider<U>,
    purpose: Purpose,
    subject: Option<&str>,
    query: &Query,
) -> Result<Response, ApiError> {
    let redirect_to = query.last("redirect_to");
    if let Some(target) = redirect_to
        && !provider.options.allows_redirect_to(target)
    {
        return Err(ApiError::BadRequest("redirect_to is not one of the allowed targets".into()));
    }
    let states = &users.inner.oauth.states;
    let csrf_token = users.inner.random.token();
    let state = states.issue(&csrf_token, provider.name(), purpose, subject, redirect_to)?;
    let scopes = query.scopes().or_else(|| provider.options.scopes.clone());
    let flow = users.secrets_of_flow(provider, &csrf_token);
    let challenge = flow.code_verifier.as_deref().map(code_challenge);
    let redirect_uri = users.redirect_uri(provider, purpose);
    let mut authorization = AuthorizationRequest::new(&redirect_uri).state(&state);
    authorization.scopes = scopes.as_deref();
    authorization.code_challenge = challenge.as_deref();
    authorization.nonce = flow.nonce.as_deref();
    let authorization_url =
        provider.client.authorization_url(&authorization).await.map_err(provider_failed)?;
    let mut response = Json(AuthorizationUrl { authorization_url }).into_response();
    let cookie = csrf_cookie(provider).max_age_seconds(STATE_LIFETIME_SECONDS);
    cookie.set(response.headers_mut(), &csrf_token);
    Ok(response)
}

fn csrf_cookie<U: UserModel>(provider: &OAuthProvider<U>) -> Cookie {
    provider.options.cookie.cookie()
}

async fn callback<U: UserModel>(
    users: Users<U>,
    name: String,
    request: Request,
) -> Result<Response, ApiError> {
    let provider = users.oauth_provider(&name).ok_or(ApiError::NotFound)?;
    let answered = log_in(&users, provider, request).await;
    metrics::oauth_callback(provider.name(), "login", answered.as_ref().err());
    answered
}

async fn log_in<U: UserModel>(
    users: &Users<U>,
    provider: &OAuthProvider<U>,
    request: Request,
) -> Result<Response, ApiError> {
    let (parts, _) = request.into_parts();
    let query = Query::of(parts.uri.query());
    let answer = finish(users, provider, Purpose::Login, None, &parts, &query).await?;
    let info = users.request_info(&parts);
    let user = users.oauth_callback(provider, &answer.token, &answer.identity, &info).await?;
    if !user.is_active() {
        return Err(ApiError::Code(code::LOGIN_BAD_CREDENTIALS));
    }
    if provider.options.requires_verification && !user.is_verified() {
        return Err(ApiError::Code(code::LOGIN_USER_NOT_VERIFIED));
    }
    let backend = &provider.options.backend;
    let mut response = match &answer.redirect_to {
        None => users.login(backend, &user, &info).await?,
        Some(target) => users.login_and_redirect(backend, &user, &info, target).await?,
    };
    clear_csrf_cookie(&mut response, provider);
    Ok(response)
}

/// A used state is no good again, and its cookie goes.
pub(super) fn clear_csrf_cookie<U: UserModel>(response: &mut Response, provider: &OAuthProvider<U>) {
    csrf_cookie(provider).clear(response.headers_mut());
}

/// What a callback gained from the provider.
pub(super) struct ProviderAnswer {
    pub(super) token: OAuth2Token,
    pub(super) identity: Identity,
    pub(super) redirect_to: Option<String>,
}

/// Checks a callback, spends its code, and asks the provider who it is. The state is checked and used up before
/// the code is spent.
pub(super) async fn finish<U: UserModel>(
    users: &Users<U>,
    provider: &OAuthProvider<U>,
    purpose: Purpose,
    subject: Option<&str>,
    parts: &Parts,
    query: &Query,
) -> Result<ProviderAnswer, ApiError> {
    let code = match (query.last("error"), query.last("code")) {
        (Some(error), _) => return Err(ApiError::BadRequest(bounded(error).into())),
        (None, Some(code)) => code,
        (None, None) => return Err(ApiError::BadRequest("Bad Request".into())),
    };
    let states = &users.inner.oauth.states;
    let state = query.last("state").unwrap_or_default();
    let cookie = csrf_cookie(provider).read(&parts.headers);
    let state = states.check(state, provider.name(), purpose, cookie.as_deref(), subject)?;
    provider.client.check_issuer(query.last("iss")).await.map_err(|error| match error {
        // RFC 9207 section 2.4: the answer has to come from the provider that was asked.
        reqwest_oauth::OAuthError::Issuer => ApiError::Code(code::OAUTH_INVALID_STATE),
        error => provider_failed(error),
    })?;
    use_up(users, &state.csrf_token).await?;

    let redirect_uri = users.redirect_uri(provider, purpose);
    let flow = users.secrets_of_flow(provider, &state.csrf_token);
    let mut exchange = CodeExchange::new(code, &redirect_uri).callback(&query.0);
    // Our own verifier wins over the query's, which the original hands on.
    exchange.code_verifier = flow.code_verifier.as_deref().or_else(|| query.last("code_verifier"));
    let asked = provider.client.access_token(&exchange);
    let token = spans::ask_provider("access_token", provider.name(), asked).await.map_err(provider_failed)?;
    let asked = provider.client.identity(&token, flow.nonce.as_deref());
    let identity = spans::ask_provider("identity", provider.name(), asked).await.map_err(provider_failed)?;
    Ok(ProviderAnswer { token, identity, redirect_to: state.redirect_to })
}

/// What a flow sends along so that its answer cannot be used in another.
struct SecretsOfFlow {
    code_verifier: Option<String>,
    nonce: Option<String>,
}

/// A state is good once, however many requests bring it.
async fn use_up<U: UserModel>(users: &Users<U>, csrf_token: &str) -> Result<(), ApiError> {
    let now = users.inner.clock.now();
    let lifetime = time::Duration::seconds(STATE_LIFETIME_SECONDS.cast_signed());
    let expires_at: Timestamp = now.checked_add(lifetime).unwrap_or(now);
    let digest = state_digest(csrf_token);
    if users.inner.database.use_once("oauth_state", &digest, expires_at, now).await? {
        return Ok(());
    }
    Err(ApiError::Code(code::OAUTH_INVALID_STATE))
}

impl<U: UserModel> Users<U> {
    fn secrets_of_flow(&self, provider: &OAuthProvider<U>, csrf_token: &str) -> SecretsOfFlow {
        let states = &self.inner.oauth.states;
        // Python asks for neither, and could not finish a flow that has them.
        let own = |wanted: bool, derived: Option<String>| derived.filter(|_| wanted && !states.side_by_side);
        SecretsOfFlow {
            code_verifier: own(provider.client.supports_pkce(), states.code_verifier(csrf_token)),
            nonce: own(provider.client.uses_nonce(), states.nonce(csrf_token)),
        }
    }

    /// Where the provider sends the browser back: never made from what a request says of its host.
    fn redirect_uri(&self, provider: &OAuthProvider<U>, purpose: Purpose) -> String {
        let fixed = match purpose {
            Purpose::Login => &provider.options.redirect_url,
            Purpose::Associate => &provider.options.associate_redirect_url,
        };
        fixed.clone().unwrap_or_else(|| {
            let public_url = self.inner.oauth.public_url.as_deref().unwrap_or_default();
            format!("{public_url}{}/callback", self.oauth_path(provider.name(), purpose))
        })
    }
}

/// The parameters of a request's query; of equal ones the last counts.
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    pub(super) fn of(query: Option<&str>) -> Self {
        let pairs = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
        Self(pairs.map(|(name, value)| (name.into_owned(), value.into_owned())).collect())
    }

    pub(super) fn last(&self, name: &str) -> Option<&str> {
        self.0.iter().rfind(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// `scopes`, which may be given several times; `None` when it is not.
    fn scopes(&self) -> Option<Vec<String>> {
        let scopes: Vec<_> =
            self.0.iter().filter(|(name, _)| name == "scopes").map(|(_, value)| value.clone()).collect();
        (!scopes.is_empty()).then_some(scopes)
    }
}

/// A provider's error text, cut to a length that an answer may show.
fn bounded(text: &str) -> String {
    text.chars().take(200).collect()
}

/// 400 where the provider refused what the client brought, 502 where it broke, 503 where it cannot be reached.
/// The original answers 500 to all of these.
#[expect(clippy::needless_pass_by_value, reason = "`map_err` hands it over")]
fn provider_failed(error: reqwest_oauth::OAuthError) -> ApiError {
    tracing::warn!(cause = %error_chain(&error), "the OAuth provider did not do its part");
    let refused = match error.failure() {
        Some(failure) => match failure.cause {
            FailureCause::Refused => true,
            FailureCause::Status => failure.status.is_some_and(|status| (400..500).contains(&status)),
            _ => false,
        },
        None => matches!(error, reqwest_oauth::OAuthError::IdToken(_)),
    };
    let status = match () {
        () if refused => StatusCode::BAD_REQUEST,
        () if error.is_temporary() => StatusCode::SERVICE_UNAVAILABLE,
        () => StatusCode::BAD_GATEWAY,
    };
    ApiError::Provider(status, error.message())
}

impl From<StateError> for ApiError {
    fn from(error: StateError) -> Self {
        match error {
            StateError::Bad => Self::Code(code::ACCESS_TOKEN_DECODE_ERROR),
            StateError::Expired => Self::Code(code::ACCESS_TOKEN_ALREADY_EXPIRED),
            StateError::ForeignBrowser => Self::Code(code::OAUTH_INVALID_STATE),
            StateError::ForeignUser => Self::BadRequest("Bad Request".into()),
        }
    }
}

impl From<OAuthError> for ApiError {
    fn from(error: OAuthError) -> Self {
        match error {
            OAuthError::NotAvailableEmail => Self::Code(code::OAUTH_NOT_AVAILABLE_EMAIL),
            OAuthError::UserAlreadyExists => Self::Code(code::OAUTH_USER_ALREADY_EXISTS),
            OAuthError::LastWayIn => Self::Code(code::OAUTH_LAST_WAY_IN),
            OAuthError::Refused(reason) => Self::CodeWithReason(code::REGISTER_REFUSED, reason),
            OAuthError::Internal(error) => Self::Internal(error),
        }
    }
}
