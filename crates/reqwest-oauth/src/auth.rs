//! How a client proves to a provider that it is itself.

use std::{fmt, str::FromStr, sync::Arc};

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderValue, header};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use crate::{
    encoding::{Parameters, percent_encode},
    error::OAuthError,
    system::System,
};

/// How long a signed assertion is good, in seconds.
const ASSERTION_SECONDS: i64 = 120;

/// How a client logs in at the token endpoint.
///
/// ```
/// use reqwest_oauth::AuthMethod;
///
/// assert_eq!(AuthMethod::ClientSecretBasic.as_str(), "client_secret_basic");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AuthMethod {
    /// Client id and secret in the `Authorization` header (RFC 6749 section 2.3.1).
    ClientSecretBasic,
    /// Client id and secret in the form.
    #[default]
    ClientSecretPost,
    /// An assertion signed with the client's private key (RFC 7523 section 2.2).
    PrivateKeyJwt,
    /// Client id in the form and no secret: a public client, for which PKCE is everything.
    None,
}

impl AuthMethod {
    /// The name in the registry of OAuth parameters.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ClientSecretBasic => "client_secret_basic",
            Self::ClientSecretPost => "client_secret_post",
            Self::PrivateKeyJwt => "private_key_jwt",
            Self::None => "none",
        }
    }
}

impl FromStr for AuthMethod {
    type Err = OAuthError;

    fn from_str(text: &str) -> Result<Self, OAuthError> {
        [Self::ClientSecretBasic, Self::ClientSecretPost, Self::PrivateKeyJwt, Self::None]
            .into_iter()
            .find(|method| method.as_str() == text)
            .ok_or_else(|| OAuthError::NotSupportedAuthMethod(text.to_owned()))
    }
}

/// A private key that signs. `Debug` shows the algorithm and the key's name.
///
/// ```
/// use reqwest_oauth::{Credentials, OAuthError, PrivateKey, SecretString};
///
/// fn credentials(pem: &SecretString) -> Result<Credentials, OAuthError> {
///     Ok(Credentials::PrivateKey(PrivateKey::from_pem("ES256", Some("2026-11"), pem)?))
/// }
/// ```
#[derive(Clone)]
pub struct PrivateKey {
    algorithm: Algorithm,
    key_id: Option<String>,
    key: Arc<EncodingKey>,
}

impl PrivateKey {
    /// Reads a key in PEM: `RS256` … `PS512`, `ES256`, `ES384` or `EdDSA`.
    ///
    /// # Errors
    /// [`OAuthError::Settings`] when the algorithm is none of these, or the text is no key for it.
    pub fn from_pem(algorithm: &str, key_id: Option<&str>, pem: &SecretString) -> Result<Self, OAuthError> {
        let wrong = |what: &str| OAuthError::Settings(format!("The private key {what}"));
        let bytes = pem.expose_secret().as_bytes();
        let algorithm = Algorithm::from_str(algorithm).map_err(|_| wrong("has an unknown algorithm"))?;
        let key = match algorithm {
            Algorithm::ES256 | Algorithm::ES384 => EncodingKey::from_ec_pem(bytes),
            Algorithm::EdDSA => EncodingKey::from_ed_pem(bytes),
            Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512 => {
                return Err(wrong("needs an asymmetric algorithm"));
            }
            _ => EncodingKey::from_rsa_pem(bytes),
        };
        let key = key.map_err(|_| wrong("is no PEM of this algorithm"))?;
        Ok(Self { algorithm, key_id: key_id.map(str::to_owned), key: Arc::new(key) })
    }

    fn sign(&self, claims: &serde_json::Value) -> Result<String, OAuthError> {
        let mut header = Header::new(self.algorithm);
        header.kid.clone_from(&self.key_id);
        jsonwebtoken::encode(&header, claims, &self.key)
            .map_err(|_| OAuthError::Settings("The private key does not sign".to_owned()))
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey({:?}, {:?})", self.algorithm, self.key_id)
    }
}

/// What a client proves itself with. A text is a client secret.
///
/// ```
/// use reqwest_oauth::{Credentials, providers::{GitHubOAuth2, VkOAuth2}};
///
/// let github = GitHubOAuth2::new("id", "secret"); // a text is a secret
/// let vk = VkOAuth2::new("id", Credentials::None);
/// # let _ = (github, vk);
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Credentials {
    /// A secret that the provider gave out.
    Secret(SecretString),
    /// The client's own key: each request carries an assertion signed with it (`private_key_jwt`).
    PrivateKey(PrivateKey),
    /// Apple's: a secret that the client makes itself, a token signed with the key from the developer account
    /// (<https://developer.apple.com/documentation/accountorganizationaldatasharing/creating-a-client-secret>).
    Apple {
        /// The ten characters of the developer team.
        team_id: String,
        /// The key, ES256, with its key id.
        key: PrivateKey,
    },
    /// None: a public client.
    None,
}

impl Credentials {
    /// Apple's, from the text of the `.p8` file.
    ///
    /// # Errors
    /// [`OAuthError::Settings`] when the text is no such key.
    pub fn apple(team_id: &str, key_id: &str, p8: &SecretString) -> Result<Self, OAuthError> {
        let key = PrivateKey::from_pem("ES256", Some(key_id), p8)?;
        Ok(Self::Apple { team_id: team_id.to_owned(), key })
    }

    /// The method that these credentials ask for, where they leave no choice.
    pub(crate) const fn only_method(&self) -> Option<AuthMethod> {
        match self {
            Self::Secret(_) => None,
            Self::PrivateKey(_) => Some(AuthMethod::PrivateKeyJwt),
            Self::Apple { .. } => Some(AuthMethod::ClientSecretPost),
            Self::None => Some(AuthMethod::None),
        }
    }
}

impl From<&str> for Credentials {
    fn from(secret: &str) -> Self {
        Self::Secret(secret.into())
    }
}

impl From<String> for Credentials {
    fn from(secret: String) -> Self {
        Self::Secret(secret.into())
    }
}

impl From<SecretString> for Credentials {
    fn from(secret: SecretString) -> Self {
        Self::Secret(secret)
    }
}

impl From<PrivateKey> for Credentials {
    fn from(key: PrivateKey) -> Self {
        Self::PrivateKey(key)
    }
}

/// A client id with its credentials.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    pub(crate) id: String,
    pub(crate) credentials: Credentials,
    /// Basic authentication without percent-encoding.
    pub(crate) verbatim_basic: bool,
}

impl Client {
    /// Puts the proof into a request to `endpoint`.
    pub(crate) fn authenticate(
        &self,
        method: AuthMethod,
        endpoint: &str,
        system: &System,
        headers: &mut HeaderMap,
        form: &mut Parameters,
    ) -> Result<(), OAuthError> {
        match method {
            AuthMethod::ClientSecretBasic => {
                headers.insert(header::AUTHORIZATION, self.basic(system)?);
            }
            AuthMethod::ClientSecretPost => {
                form.push("client_id", &self.id);
                form.push("client_secret", self.secret(system)?.expose_secret());
            }
            AuthMethod::PrivateKeyJwt => {
                let Credentials::PrivateKey(key) = &self.credentials else {
                    return Err(OAuthError::NotSupportedAuthMethod(method.as_str().to_owned()));
                };
                form.push("client_id", &self.id);
                form.push("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
                form.push("client_assertion", self.assertion(key, endpoint, system)?);
            }
            AuthMethod::None => form.push("client_id", &self.id),
        }
        Ok(())
    }

    /// `Basic`, with id and secret percent-encoded (RFC 6749 section 2.3.1). The unreserved characters stay,
    /// so that nearly all credentials look as HTTPX OAuth sends them, which never encodes.
    fn basic(&self, system: &System) -> Result<HeaderValue, OAuthError> {
        let secret = self.secret(system)?;
        let encode = |text: &str| if self.verbatim_basic { text.to_owned() } else { percent_encode(text) };
        let pair = format!("{}:{}", encode(&self.id), encode(secret.expose_secret()));
        let mut value = HeaderValue::try_from(format!("Basic {}", STANDARD.encode(pair)))
            .map_err(|_| OAuthError::Settings("The client secret cannot be sent".to_owned()))?;
        value.set_sensitive(true);
        Ok(value)
    }

    fn secret(&self, system: &System) -> Result<SecretString, OAuthError> {
        match &self.credentials {
            Credentials::Secret(secret) => Ok(secret.clone()),
            Credentials::Apple { team_id, key } => {
                let now = system.now();
                let claims = json!({
                    "iss": team_id,
                    "iat": now,
                    "exp": now.saturating_add(ASSERTION_SECONDS),
                    "aud": "https://appleid.apple.com",
                    "sub": self.id,
                });
                key.sign(&claims).map(SecretString::from)
            }
            Credentials::PrivateKey(_) | Credentials::None => {
                Err(OAuthError::Settings("The client has no secret".to_owned()))
            }
        }
    }

    /// RFC 7523 section 3: good for one request at one endpoint.
    fn assertion(&self, key: &PrivateKey, endpoint: &str, system: &System) -> Result<String, OAuthError> {
        let now = system.now();
        key.sign(&json!({
            "iss": self.id,
            "sub": self.id,
            "aud": endpoint,
            "jti": system.random_token(),
            "iat": now,
            "exp": now.saturating_add(ASSERTION_SECONDS),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn basic(id: &str, secret: &str, verbatim_basic: bool) -> String {
        let client = Client { id: id.to_owned(), credentials: secret.into(), verbatim_basic };
        let header = client.basic(&System::default()).unwrap();
        let encoded = header.to_str().unwrap().strip_prefix("Basic ").unwrap().to_owned();
        String::from_utf8(STANDARD.decode(encoded).unwrap()).unwrap()
    }

    #[test]
    fn basic_authentication_encodes_what_rfc_6749_says_and_leaves_ordinary_characters() {
        assert_eq!(basic("CLIENT_ID", "GOCSPX-a.b_c~9", false), "CLIENT_ID:GOCSPX-a.b_c~9");
        assert_eq!(basic("id:é", "s%cret /+", false), "id%3A%C3%A9:s%25cret%20%2F%2B");
    }

    #[test]
    fn basic_authentication_can_be_sent_as_httpx_oauth_does() {
        assert_eq!(basic("id:é", "s%cret /+", true), "id:é:s%cret /+");
    }

    #[test]
    fn hd_20_debug_shows_no_secret() {
        let client = Client { id: "id".into(), credentials: "SECRET".into(), verbatim_basic: false };

        assert!(!format!("{client:?}").contains("SECRET"));
    }

    #[test]
    fn a_method_is_known_by_its_registered_name() {
        assert_eq!("client_secret_basic".parse(), Ok(AuthMethod::ClientSecretBasic));
        let error = "client_secret_jwt".parse::<AuthMethod>().unwrap_err();
        assert_eq!(error.message(), "Auth method client_secret_jwt is not supported.");
    }
}
