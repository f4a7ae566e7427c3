//! What a client sends to the authorization and token endpoints.

use std::sync::Arc;

use http::{HeaderMap, HeaderValue, Method, header};
use serde_json::{Map, Value};

use super::{Endpoints, Inner};
use crate::{
    auth::AuthMethod,
    client::{AuthorizationRequest, CodeExchange},
    encoding::Parameters,
    error::{FailureCause, OAuthError, RequestFailure},
    http::{Answer, Request},
    provider::{Pkce, Profile, ProfileRequest, Revocation, TokenBody},
    token::OAuth2Token,
};

/// Makes an operation's error of a failed request.
pub(crate) type Wrap = fn(Box<RequestFailure>) -> OAuthError;

impl Inner {
    /// The URL of the discovery document, where there is one.
    pub(super) fn discovery_url(&self) -> Result<Option<String>, OAuthError> {
        if self.own_endpoints.is_some() {
            return Ok(None);
        }
        match (&self.configuration_endpoint, self.data().configuration_endpoint) {
            (Some(url), _) => Ok(Some(self.rebase(url.clone()))),
            (None, Some(template)) => self.expand(template).map(Some),
            (None, None) => Ok(None),
        }
    }

    pub(crate) async fn endpoints(&self) -> Result<Arc<Endpoints>, OAuthError> {
        if let Some(endpoints) = &self.own_endpoints {
            return Ok(Arc::clone(endpoints));
        }
        match self.discovery_url()? {
            Some(url) => self.discovery.get(self.system.now(), || self.discover(&url)).await,
            None => self.fixed_endpoints().map(Arc::new),
        }
    }

    pub(super) fn fixed_endpoints(&self) -> Result<Endpoints, OAuthError> {
        let data = self.data();
        let token = self.expand(data.token_endpoint)?;
        let profile = match data.profile {
            Profile::Request(request) => Some(self.expand(request.url)?),
            _ => None,
        };
        Ok(Endpoints {
            authorize: self.expand(data.authorize_endpoint)?,
            refresh: data.has_refresh_tokens.then(|| token.clone()),
            revoke: data.revoke_endpoint.map(|url| self.expand(url)).transpose()?,
            profile,
            auth_method: data.auth_method,
            issuer: data.id_token.map(|data| self.fill(data.issuer)).transpose()?,
            promises_iss: false,
            jwks_uri: data.id_token.map(|data| self.expand(data.jwks_uri)).transpose()?,
            algorithms: crate::id_token::ASYMMETRIC.to_vec(),
            token,
        })
    }

    pub(super) async fn authorization_url(
        &self,
        request: &AuthorizationRequest<'_>,
    ) -> Result<String, OAuthError> {
        let endpoints = self.endpoints().await?;
        self.check_url(&endpoints.authorize)?;
        let mut query = Parameters::new();
        query.push("response_type", "code");
        query.push("client_id", &self.client.id);
        query.push("redirect_uri", request.redirect_uri);
        if let Some(state) = request.state {
            query.push("state", state);
        }
        if let Some(scope) = self.scope(request.scopes) {
            query.push("scope", scope);
        }
        if let Some(challenge) = request.code_challenge.filter(|_| self.pkce() != Pkce::Never) {
            query.push("code_challenge", challenge);
            query.push("code_challenge_method", "S256");
        }
        self.add_extras(&mut query, request);
        self.provider.authorization_query(&mut query);
        let separator = if endpoints.authorize.contains('?') { '&' } else { '?' };
        Ok(format!("{}{separator}{}", endpoints.authorize, query.encode()))
    }

    /// The value of `scope`: the request's, else the client's, else the provider's.
    fn scope(&self, requested: Option<&[String]>) -> Option<String> {
        let separator = self.data().scope_separator;
        let requested = requested.filter(|scopes| !scopes.is_empty()).or(self.scopes.as_deref());
        match requested {
            Some(scopes) => Some(scopes.join(separator)),
            None => self.data().scopes.map(|scopes| scopes.join(separator)),
        }
    }

    fn add_extras(&self, query: &mut Parameters, request: &AuthorizationRequest<'_>) {
        for (name, value) in self.authorize_parameters.iter() {
            query.set(name.to_owned(), value);
        }
        for (name, value) in request.extras {
            query.set(name.clone(), value);
        }
        for &(name, value) in self.data().authorize_parameters {
            if query.get(name).is_none() {
                query.push(name, value);
            }
        }
        if query.get("nonce").is_some() {
            return;
        }
        match request.nonce {
            Some(nonce) if self.data().is_openid() || self.data().needs_nonce => query.push("nonce", nonce),
            _ if self.data().needs_nonce => query.push("nonce", self.system.random_token()),
            _ => {}
        }
    }

    pub(super) async fn access_token(&self, exchange: &CodeExchange<'_>) -> Result<OAuth2Token, OAuthError> {
        let endpoints = self.endpoints().await?;
        let mut form = Parameters::new();
        form.push("grant_type", "authorization_code");
        form.push("code", exchange.code);
        form.push("redirect_uri", exchange.redirect_uri);
        if let Some(verifier) = exchange.code_verifier {
            form.push("code_verifier", verifier);
        }
        let last_word = |form: &mut Parameters| self.provider.code_form(form, exchange);
        let post = Post { url: &endpoints.token, form, method: endpoints.auth_method };
        let answer = self.post(post, last_word, OAuthError::GetAccessToken).await?;
        self.read_token(&answer, Some(exchange)).map_err(OAuthError::GetAccessToken)
    }

    pub(super) async fn refresh_token(&self, refresh_token: &str) -> Result<OAuth2Token, OAuthError> {
        let endpoints = self.endpoints().await?;
        let url = endpoints.refresh.as_deref().ok_or(OAuthError::RefreshTokenNotSupported)?;
        let mut form = Parameters::new();
        form.push("grant_type", "refresh_token");
        form.push("refresh_token", refresh_token);
        let last_word = |form: &mut Parameters| self.provider.refresh_form(form);
        let post = Post { url, form, method: endpoints.auth_method };
        let answer = self.post(post, last_word, OAuthError::RefreshToken).await?;
        let mut token = self.read_token(&answer, None).map_err(OAuthError::RefreshToken)?;
        token.refresh_token.get_or_insert_with(|| refresh_token.to_owned());
        Ok(token)
    }

    pub(super) async fn revoke_token(&self, token: &str, hint: Option<&str>) -> Result<(), OAuthError> {
        let endpoints = self.endpoints().await?;
        let url = endpoints.revoke.as_deref().ok_or(OAuthError::RevokeTokenNotSupported)?;
        if self.data().revocation == Revocation::Bearer {
            let shape = ProfileRequest::post("");
            let answer = self.send_with_token(&shape, url, token).await.map_err(OAuthError::RevokeToken)?;
            return answer.successful().map(drop).map_err(OAuthError::RevokeToken);
        }
        let mut form = Parameters::new();
        form.push("token", token);
        if let Some(hint) = hint {
            form.push("token_type_hint", hint);
        }
        let last_word = |form: &mut Parameters| self.provider.revoke_form(form);
        let post = Post { url, form, method: endpoints.auth_method };
        self.post(post, last_word, OAuthError::RevokeToken).await.map(drop)
    }

    /// Exchanges a token in the provider's own way: this form to the token endpoint.
    pub(crate) async fn exchange(&self, form: Parameters, wrap: Wrap) -> Result<OAuth2Token, OAuthError> {
        let endpoints = self.endpoints().await?;
        let post = Post { url: &endpoints.token, form, method: endpoints.auth_method };
        let answer = self.post(post, |_| {}, wrap).await?;
        self.read_token(&answer, None).map_err(wrap)
    }

    /// Posts a form with the client's authentication; gives an answer of success.
    async fn post(
        &self,
        mut post: Post<'_>,
        last_word: impl FnOnce(&mut Parameters),
        wrap: Wrap,
    ) -> Result<Answer, OAuthError> {
        let mut headers = HeaderMap::new();
        let method = self.wanted_auth_method().unwrap_or(post.method);
        self.client.authenticate(method, post.url, &self.system, &mut headers, &mut post.form)?;
        last_word(&mut post.form);
        let (content_type, body) = match self.data().token_body {
            TokenBody::Form => ("application/x-www-form-urlencoded", post.form.encode()),
            TokenBody::Json => ("application/json", json_object(&post.form)),
        };
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        let request = Request { method: Method::POST, url: post.url.to_owned(), headers, body: Some(body) };
        self.http.send(request).await.and_then(Answer::successful).map_err(wrap)
    }

    /// Reads a token answer. An `error` is one whatever the status says.
    fn read_token(
        &self,
        answer: &Answer,
        exchange: Option<&CodeExchange<'_>>,
    ) -> Result<OAuth2Token, Box<RequestFailure>> {
        let mut members = answer.json_object()?;
        self.provider.token_answer(&mut members, exchange);
        let is_error = match members.get("error") {
            None | Some(Value::Null | Value::Bool(false)) => false,
            Some(Value::String(text)) => !text.is_empty(),
            Some(_) => !members.contains_key("access_token"),
        };
        if is_error {
            let failure = *answer.failure(FailureCause::Refused);
            return Err(Box::new(failure.with_provider_error(&Value::Object(members))));
        }
        OAuth2Token::from_answer(members, self.system.now())
            .ok_or_else(|| answer.failure(FailureCause::Missing("access_token".to_owned())))
    }
}

/// A form on its way to an endpoint that wants to know the client.
struct Post<'a> {
    url: &'a str,
    form: Parameters,
    method: AuthMethod,
}

fn json_object(form: &Parameters) -> String {
    let member = |(name, value): (&str, &str)| (name.to_owned(), Value::String(value.to_owned()));
    Value::Object(form.iter().map(member).collect::<Map<_, _>>()).to_string()
}
