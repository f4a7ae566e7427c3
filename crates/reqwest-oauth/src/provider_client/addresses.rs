//! The addresses of a provider: variables filled in, base URL in front; and what can be checked beforehand.

use std::sync::Arc;

use super::Inner;
use crate::{
    auth::{AuthMethod, Credentials},
    encoding::percent_encode,
    error::{FailureCause, OAuthError},
    provider::VariableKind,
};

impl Inner {
    pub(super) fn check(&self) -> Result<(), OAuthError> {
        if self.client.id.is_empty() {
            return Err(OAuthError::Settings(format!("{}: the client id is empty", self.shown_name())));
        }
        self.check_credentials()?;
        let known = |name: &str| self.data().variables.iter().any(|variable| variable.name == name);
        if let Some(unknown) = self.variables.keys().find(|name| !known(name)) {
            return Err(self.wrong_setting(unknown, "is not known"));
        }
        for variable in self.data().variables {
            self.variable_value(variable.name)?;
        }
        if let Some(url) = self.discovery_url()? {
            return self.check_url(&url);
        }
        let endpoints = match &self.own_endpoints {
            Some(endpoints) => Arc::clone(endpoints),
            None => Arc::new(self.fixed_endpoints()?),
        };
        let optional = [&endpoints.refresh, &endpoints.revoke, &endpoints.profile];
        [&endpoints.authorize, &endpoints.token]
            .into_iter()
            .chain(optional.into_iter().flatten())
            .try_for_each(|url| self.check_url(url))
    }

    fn check_credentials(&self) -> Result<(), OAuthError> {
        use AuthMethod::{ClientSecretBasic, ClientSecretPost, PrivateKeyJwt};
        let fits = match (self.auth_method, &self.client.credentials) {
            (None | Some(AuthMethod::None), _) => true,
            (Some(PrivateKeyJwt), credentials) => matches!(credentials, Credentials::PrivateKey(_)),
            (Some(ClientSecretBasic | ClientSecretPost), credentials) => {
                matches!(credentials, Credentials::Secret(_) | Credentials::Apple { .. })
            }
        };
        let method = self.auth_method.unwrap_or_default();
        if fits { Ok(()) } else { Err(OAuthError::NotSupportedAuthMethod(method.as_str().to_owned())) }
    }

    pub(super) fn check_url(&self, url: &str) -> Result<(), OAuthError> {
        self.http.checked_url(url).map(drop).map_err(|failure| {
            let reason = match failure.cause {
                FailureCause::InsecureUrl => "is neither https nor on this machine",
                _ => "is no URL",
            };
            OAuthError::Settings(format!("{}: {url} {reason}", self.shown_name()))
        })
    }

    fn wrong_setting(&self, name: &str, reason: &str) -> OAuthError {
        OAuthError::Settings(format!("{}: `{name}` {reason}", self.shown_name()))
    }

    /// Fills the variables of an address, and puts the base URL in front.
    pub(crate) fn expand(&self, template: &str) -> Result<String, OAuthError> {
        Ok(self.rebase(self.fill(template)?))
    }

    /// Puts the base URL in the place of scheme and host.
    pub(super) fn rebase(&self, url: String) -> String {
        let Some(base) = self.base_url.as_deref().filter(|_| !url.is_empty()) else { return url };
        let after_scheme = url.find("://").map_or(0, |index| index + 3);
        let path = url[after_scheme..].find('/').map_or("", |index| &url[after_scheme + index..]);
        format!("{}{path}", base.trim_end_matches('/'))
    }

    /// Fills the variables of a text.
    pub(super) fn fill(&self, template: &str) -> Result<String, OAuthError> {
        let mut filled = String::new();
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('{') {
            let Some((name, after)) = after.split_once('}') else { break };
            filled.push_str(before);
            filled.push_str(&self.variable_value(name)?);
            rest = after;
        }
        filled.push_str(rest);
        Ok(filled)
    }

    /// The value of a variable, checked, as it goes into an address.
    fn variable_value(&self, name: &str) -> Result<String, OAuthError> {
        if name == "client_id" {
            return Ok(percent_encode(&self.client.id));
        }
        let Some(variable) = self.data().variables.iter().find(|variable| variable.name == name) else {
            return Err(self.wrong_setting(name, "is not known"));
        };
        let Some(value) = self.variables.get(name).map(String::as_str).or(variable.default) else {
            return Err(self.wrong_setting(name, "is missing"));
        };
        match variable.kind {
            VariableKind::Text => Ok(percent_encode(value)),
            VariableKind::Host if is_host(value) => Ok(value.to_owned()),
            VariableKind::Host => Err(self.wrong_setting(name, "is no host name")),
            VariableKind::BaseUrl => {
                self.check_url(value)?;
                if value.contains(['?', '#', '@']) {
                    return Err(self.wrong_setting(name, "is no base URL"));
                }
                Ok(value.trim_end_matches('/').to_owned())
            }
        }
    }
}

/// Whether a text can be a host name, a part of one, or either with a port, and nothing else of a URL.
fn is_host(text: &str) -> bool {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':');
    !text.is_empty() && text.chars().all(is_allowed)
}
