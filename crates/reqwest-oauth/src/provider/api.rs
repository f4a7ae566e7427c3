//! What a provider's own code has at hand.

use serde_json::{Map, Value};

use super::{Profile, ProfileRequest};
use crate::{
    client::Identity,
    error::{FailureCause, OAuthError, RequestFailure},
    provider_client::{Detail, Inner},
    token::OAuth2Token,
};

/// The provider's API, asked with the access token of the user who logs in.
///
/// ```
/// use reqwest_oauth::{Api, Identity, OAuthError};
///
/// async fn identity(api: Api<'_>) -> Result<Identity, OAuthError> {
///     let profile = api.get("https://api.example.com/v1/me").await?;
///     if profile["id"].is_null() { Err(api.missing("id")) } else { api.read(profile) }
/// }
/// ```
#[derive(Debug)]
pub struct Api<'a> {
    pub(crate) client: &'a Inner,
    pub(crate) token: &'a OAuth2Token,
    pub(crate) detail: Detail,
}

impl Api<'_> {
    /// `GET url`, with token and headers as in the provider's profile request. The URL may have variables.
    ///
    /// # Errors
    /// [`OAuthError::GetIdEmail`] for anything but an answer of success in JSON.
    pub async fn get(&self, url: &'static str) -> Result<Value, OAuthError> {
        let shape = match self.client.data().profile {
            Profile::Request(shape) => {
                ProfileRequest { is_post: false, url, root: "", json_body: None, ..shape }
            }
            _ => ProfileRequest::get(url),
        };
        self.ask(&shape).await
    }

    /// Sends a request of any shape.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub async fn ask(&self, shape: &ProfileRequest) -> Result<Value, OAuthError> {
        let url = self.client.expand(shape.url)?;
        self.client.ask(shape, &url, &self.token.access_token, OAuthError::GetIdEmail).await
    }

    /// Reads a profile by the provider's [`Fields`](super::Fields).
    ///
    /// # Errors
    /// [`OAuthError::GetIdEmail`] when there is no id, or something required is missing.
    pub fn read(&self, profile: Value) -> Result<Identity, OAuthError> {
        self.client.read(profile).map_err(|missing| self.missing(&missing))
    }

    /// The error of an answer that lacks something.
    #[must_use]
    pub fn missing(&self, what: &str) -> OAuthError {
        let url = match self.client.data().profile {
            Profile::Request(shape) => self.client.expand(shape.url).unwrap_or_default(),
            _ => String::new(),
        };
        OAuthError::GetIdEmail(Box::new(RequestFailure::new(FailureCause::Missing(what.to_owned()), &url)))
    }

    /// Whether more than id and e-mail is wanted, so that a further request may be worth its time.
    #[must_use]
    pub fn wants_all(&self) -> bool {
        self.detail == Detail::All
    }

    /// What the token answer had beyond the standard's members.
    #[must_use]
    pub fn token_extra(&self) -> &Map<String, Value> {
        &self.token.extra
    }
}
