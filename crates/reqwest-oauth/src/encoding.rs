//! Queries and forms as Python writes them, and the challenge of PKCE.

use std::borrow::Cow;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::{Digest, Sha256};

/// All but the unreserved characters of RFC 3986 section 2.3.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// One value, percent-encoded: what stands between slashes, or in Basic authentication.
pub(crate) fn percent_encode(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

/// One name or value of a query or form: as above, but a space is `+`.
fn form_encode(text: &str) -> String {
    percent_encode(text).replace("%20", "+")
}

/// The names and values of a query or a form, in order.
///
/// [`Provider`](crate::Provider)s that differ from the standard change one before it is sent.
///
/// ```
/// use reqwest_oauth::Parameters;
///
/// let mut form = Parameters::new();
/// form.push("grant_type", "refresh_token");
/// form.push("scope", "a b");
/// assert_eq!(form.encode(), "grant_type=refresh_token&scope=a+b");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parameters(Vec<(Cow<'static, str>, String)>);

impl Parameters {
    /// No parameters.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Adds one at the end.
    pub fn push(&mut self, name: impl Into<Cow<'static, str>>, value: impl Into<String>) {
        self.0.push((name.into(), value.into()));
    }

    /// Gives `name` this value: in its place where it is there, else at the end.
    pub fn set(&mut self, name: impl Into<Cow<'static, str>>, value: impl Into<String>) {
        let name = name.into();
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = value.into(),
            None => self.0.push((name, value.into())),
        }
    }

    /// The value of `name`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Takes `name` out, and gives its value.
    pub fn remove(&mut self, name: &str) -> Option<String> {
        let index = self.0.iter().position(|(known, _)| known == name)?;
        Some(self.0.remove(index).1)
    }

    /// Gives `name` another name; its value and place stay.
    pub fn rename(&mut self, name: &str, new_name: &'static str) {
        if let Some((known, _)) = self.0.iter_mut().find(|(known, _)| known == name) {
            *known = Cow::Borrowed(new_name);
        }
    }

    /// Names and values, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_ref(), value.as_str()))
    }

    /// As `application/x-www-form-urlencoded`.
    #[must_use]
    pub fn encode(&self) -> String {
        let pairs: Vec<_> = self
            .iter()
            .map(|(name, value)| format!("{}={}", form_encode(name), form_encode(value)))
            .collect();
        pairs.join("&")
    }
}

/// The PKCE code challenge of a verifier, method S256 (RFC 7636 section 4.2).
///
/// ```
/// let challenge = reqwest_oauth::code_challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
/// assert_eq!(challenge, "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
/// ```
#[must_use]
pub fn code_challenge(code_verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(code_verifier))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_written_as_python_s_urlencode_does() {
        let mut parameters = Parameters::new();
        parameters.push("state", "S T&A=TE*~é");
        parameters.push("scope", "");

        assert_eq!(parameters.encode(), "state=S+T%26A%3DTE%2A~%C3%A9&scope=");
    }

    #[test]
    fn setting_replaces_in_place_and_renaming_keeps_the_place() {
        let mut parameters = Parameters::new();
        parameters.push("client_id", "a");
        parameters.push("scope", "b");
        parameters.set("client_id", "c");
        parameters.rename("client_id", "client_key");

        assert_eq!(parameters.encode(), "client_key=c&scope=b");
        assert_eq!(parameters.remove("scope").as_deref(), Some("b"));
        assert_eq!(parameters.get("scope"), None);
    }
}
