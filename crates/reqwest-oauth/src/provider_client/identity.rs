//! How a client learns who logged in.

use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use serde_json::{Map, Value};

use super::{Detail, Inner, protocol::Wrap};
use crate::{
    client::Identity,
    encoding::Parameters,
    error::{FailureCause, IdTokenError, OAuthError, RequestFailure},
    http::{Answer, Request},
    provider::{Api, EmailVerified, Fields, Profile, ProfileRequest, TokenPlace, text},
    token::OAuth2Token,
};

impl Inner {
    pub(super) async fn profile(&self, access_token: &str) -> Result<Value, OAuthError> {
        let Profile::Request(shape) = self.data().profile else {
            return Err(OAuthError::ProfileNotSupported);
        };
        let endpoints = self.endpoints().await?;
        let url = endpoints.profile.as_deref().ok_or(OAuthError::ProfileNotSupported)?;
        self.ask(&shape, url, access_token, OAuthError::GetProfile).await
    }

    pub(super) async fn identity(
        &self,
        token: &OAuth2Token,
        nonce: Option<&str>,
        detail: Detail,
    ) -> Result<Identity, OAuthError> {
        let endpoints = self.endpoints().await?;
        let claims = match &token.id_token {
            Some(id_token) if self.data().is_openid() => {
                Some(self.id_token_claims(&endpoints, id_token, &token.access_token, nonce).await?)
            }
            None if self.needs_id_token && detail == Detail::All => {
                return Err(OAuthError::IdToken(IdTokenError::Missing));
            }
            _ => None,
        };
        let profile = match (self.data().profile, &endpoints.profile) {
            (Profile::Request(shape), Some(url)) => {
                self.ask(&shape, url, &token.access_token, OAuthError::GetIdEmail).await?
            }
            (Profile::TokenAnswer, _) => Value::Object(token.extra.clone()),
            (Profile::IdToken, _) if claims.is_none() => {
                return Err(OAuthError::IdToken(IdTokenError::Missing));
            }
            _ => claims.clone().map(Value::Object).ok_or(OAuthError::ProfileNotSupported)?,
        };
        let api = Api { client: self, token, detail };
        let mut identity = self.provider.identity(&api, profile).await?;
        if let Some(claims) = claims {
            compare(&mut identity, claims, self.calls_no_email_verified())?;
        }
        Ok(identity)
    }

    fn calls_no_email_verified(&self) -> bool {
        match &self.fields {
            Some(fields) => fields.email_verified == EmailVerified::Never,
            None => self.data().fields.email_verified == EmailVerified::Never,
        }
    }

    /// Asks for a profile or a part of it.
    pub(crate) async fn ask(
        &self,
        shape: &ProfileRequest,
        url: &str,
        access_token: &str,
        wrap: Wrap,
    ) -> Result<Value, OAuthError> {
        let answer = self.send_with_token(shape, url, access_token).await.map_err(wrap)?;
        let answer = if shape.only_status_200 { answer.with_status(200) } else { answer.successful() };
        let answer = answer.map_err(wrap)?;
        let mut profile = answer.json().map_err(wrap)?;
        if shape.root.is_empty() {
            return Ok(profile);
        }
        let missing = || wrap(answer.failure(FailureCause::Missing(shape.root.to_owned())));
        profile.get_mut(shape.root).map(Value::take).filter(Value::is_object).ok_or_else(missing)
    }

    /// Sends a request that carries an access token, in the place where the provider wants it.
    pub(super) async fn send_with_token(
        &self,
        shape: &ProfileRequest,
        url: &str,
        access_token: &str,
    ) -> Result<Answer, Box<RequestFailure>> {
        let wrong =
            |what: &str| Box::new(RequestFailure::new(FailureCause::Missing(format!("usable {what}")), url));
        let insert = |headers: &mut HeaderMap, name: &str, value: String| {
            let name = HeaderName::try_from(name).map_err(|_| wrong(name))?;
            let mut value = HeaderValue::try_from(value).map_err(|_| wrong(name.as_str()))?;
            value.set_sensitive(true);
            headers.insert(name, value);
            Ok::<_, Box<RequestFailure>>(())
        };
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, HeaderValue::from_static(shape.accept));
        for &(name, value) in shape.headers {
            insert(&mut headers, name, self.fill(value).map_err(|_| wrong(name))?)?;
        }
        if shape.json_body.is_some() {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        let mut asked = url.to_owned();
        let mut body = shape.is_post.then(|| shape.json_body.unwrap_or_default().to_owned());
        match shape.token {
            TokenPlace::Bearer => insert(&mut headers, "authorization", format!("Bearer {access_token}"))?,
            TokenPlace::Scheme(scheme) => {
                insert(&mut headers, "authorization", format!("{scheme} {access_token}"))?;
            }
            TokenPlace::Header(name) => insert(&mut headers, name, access_token.to_owned())?,
            TokenPlace::Query(name) => {
                let mut query = Parameters::new();
                query.push(name, access_token);
                asked.push(if asked.contains('?') { '&' } else { '?' });
                asked.push_str(&query.encode());
            }
            TokenPlace::Form(name) => {
                let mut form = Parameters::new();
                form.push("client_id", self.client_id());
                form.push(name, access_token);
                let content_type = HeaderValue::from_static("application/x-www-form-urlencoded");
                headers.insert(header::CONTENT_TYPE, content_type);
                body = Some(form.encode());
            }
        }
        let method = if shape.is_post { Method::POST } else { Method::GET };
        self.http.send(Request { method, url: asked, headers, body }).await
    }
}

/// Compares a profile with the claims of the ID token, and fills up from them what it does not tell.
fn compare(
    identity: &mut Identity,
    claims: Map<String, Value>,
    no_email_verified: bool,
) -> Result<(), OAuthError> {
    let mut claims =
        Fields::OPENID.read(Value::Object(claims)).map_err(|_| OAuthError::IdToken(IdTokenError::Subject))?;
    if no_email_verified {
        claims.email_verified = claims.email.is_some().then_some(false);
    }
    // OpenID Connect Core section 5.3.2: the profile is about the same subject or is not to be used.
    if text(&identity.profile, "sub").is_some_and(|subject| subject != claims.id) {
        return Err(OAuthError::IdToken(IdTokenError::OtherSubject));
    }
    if identity.email.is_none() {
        identity.email = claims.email;
        identity.email_verified = claims.email_verified;
    } else if identity.email == claims.email {
        identity.email_verified = identity.email_verified.or(claims.email_verified);
    }
    identity.name = identity.name.take().or(claims.name);
    identity.picture = identity.picture.take().or(claims.picture);
    identity.locale = identity.locale.take().or(claims.locale);
    Ok(())
}
