//! Signed tokens: keys, audiences, lifetimes, and the checks of a reader.
//!
//! The checks are PyJWT's, which the original reads with: only the configured algorithm, no leeway, `aud`
//! required as text or list, `exp`, `nbf` and `iat` as whole numbers where they are present (`exp` also as
//! such a number in a text), `sub` as text. Fractions are refused, where PyJWT cuts them.

use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use jsonwebtoken::{DecodingKey, EncodingKey, Header, Validation, jwk::EllipticCurve};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value as Json;
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::{
    Clock,
    error::InternalError,
    keys::{Family, KeyError, ReadKey},
};

/// The least length of a secret, in bytes (RFC 7518 §3.2: as long as the hash).
pub const MIN_SECRET_BYTES: usize = 32;

/// The most bytes of a token; ours have some hundred. What is longer is not even decoded.
const MAX_TOKEN_BYTES: usize = 4096;

/// The audience of access tokens.
pub(crate) const AUDIENCE_ACCESS: &str = "fastapi-users:auth";
/// The audience of password reset tokens.
pub(crate) const AUDIENCE_RESET: &str = "fastapi-users:reset";
/// The audience of e-mail verification tokens.
pub(crate) const AUDIENCE_VERIFY: &str = "fastapi-users:verify";
/// The audience of OAuth states.
#[cfg(feature = "oauth")]
pub(crate) const AUDIENCE_OAUTH_STATE: &str = "fastapi-users:oauth-state";
/// The audience of one-time codes that a front end exchanges for a login.
#[cfg(feature = "oauth")]
pub(crate) const AUDIENCE_EXCHANGE: &str = "axum-users:exchange";

/// Secrets for signing: the first signs, all of them verify, so that a secret can be replaced without logging
/// anybody out.
///
/// ```
/// use axum_users::Secrets;
/// let one = Secrets::from("at-least-32-bytes-of-randomness-here");
/// let rotating = Secrets::from(vec!["the-new-one-at-least-32-bytes-long", "the-old-one-at-least-32-bytes-long"]);
/// # let _ = (one, rotating);
/// ```
#[derive(Clone)]
pub struct Secrets(Vec<SecretString>);

impl Secrets {
    /// The length of the shortest, in bytes; 0 when there is none.
    #[must_use]
    pub fn shortest(&self) -> usize {
        self.0.iter().map(|secret| secret.expose_secret().len()).min().unwrap_or(0)
    }

    fn signing(&self) -> &[u8] {
        self.0.first().map_or(&[], |secret| secret.expose_secret().as_bytes())
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &[u8]> {
        self.0.iter().map(|secret| secret.expose_secret().as_bytes())
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secrets({} of them, [REDACTED])", self.0.len())
    }
}

macro_rules! one_secret {
    ($($type:ty),*) => {$(
        impl From<$type> for Secrets {
            fn from(secret: $type) -> Self {
                Self(vec![secret.into()])
            }
        }
    )*};
}

one_secret!(&str, String, SecretString);

impl<T: Into<SecretString>> From<Vec<T>> for Secrets {
    fn from(secrets: Vec<T>) -> Self {
        Self(secrets.into_iter().map(Into::into).collect())
    }
}

/// The algorithms that tokens are signed with (RFC 7518 §3.1, RFC 8037).
///
/// Names with `HS` sign with a secret, all others with a [key pair](crate::KeyPair).
///
/// ```
/// use axum_users::{Algorithm, Jwt};
///
/// assert!(Algorithm::HS384.is_symmetric());
/// let strategy = Jwt::lasting_seconds(900).algorithm(Algorithm::HS384);
/// # let _ = strategy;
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Algorithm {
    /// HMAC with SHA-256; the default.
    #[default]
    HS256,
    /// HMAC with SHA-384.
    HS384,
    /// HMAC with SHA-512.
    HS512,
    /// RSA PKCS#1 v1.5 with SHA-256.
    RS256,
    /// RSA PKCS#1 v1.5 with SHA-384.
    RS384,
    /// RSA PKCS#1 v1.5 with SHA-512.
    RS512,
    /// RSA PSS with SHA-256.
    PS256,
    /// RSA PSS with SHA-384.
    PS384,
    /// RSA PSS with SHA-512.
    PS512,
    /// ECDSA on P-256 with SHA-256.
    ES256,
    /// ECDSA on P-384 with SHA-384.
    ES384,
    /// Ed25519.
    EdDSA,
}

impl Algorithm {
    /// Every algorithm, for messages and config files.
    pub const ALL: [Self; 12] = [
        Self::HS256,
        Self::HS384,
        Self::HS512,
        Self::RS256,
        Self::RS384,
        Self::RS512,
        Self::PS256,
        Self::PS384,
        Self::PS512,
        Self::ES256,
        Self::ES384,
        Self::EdDSA,
    ];

    /// The name as in a token's header.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::HS256 => "HS256",
            Self::HS384 => "HS384",
            Self::HS512 => "HS512",
            Self::RS256 => "RS256",
            Self::RS384 => "RS384",
            Self::RS512 => "RS512",
            Self::PS256 => "PS256",
            Self::PS384 => "PS384",
            Self::PS512 => "PS512",
            Self::ES256 => "ES256",
            Self::ES384 => "ES384",
            Self::EdDSA => "EdDSA",
        }
    }

    /// Whether it signs with a shared secret, and not with a key pair.
    #[must_use]
    pub fn is_symmetric(self) -> bool {
        matches!(self, Self::HS256 | Self::HS384 | Self::HS512)
    }

    /// What its keys are.
    pub(crate) fn family(self) -> Family {
        match self {
            Self::HS256 | Self::HS384 | Self::HS512 => Family::Secret,
            Self::RS256 | Self::RS384 | Self::RS512 | Self::PS256 | Self::PS384 | Self::PS512 => Family::Rsa,
            Self::ES256 => Family::Ec(EllipticCurve::P256),
            Self::ES384 => Family::Ec(EllipticCurve::P384),
            Self::EdDSA => Family::Ed,
        }
    }

    /// Whether a private key signs with it: its curve and length show only when it is used.
    pub(crate) fn can_sign(self, key: &EncodingKey) -> bool {
        jsonwebtoken::encode(&Header::new(self.implementation()), &serde_json::Map::new(), key).is_ok()
    }

    /// Whether what the one key signs is good by the other.
    pub(crate) fn is_one_pair(self, signing: &EncodingKey, verifying: &DecodingKey) -> bool {
        let header = Header::new(self.implementation());
        jsonwebtoken::encode(&header, &serde_json::Map::new(), signing)
            .and_then(|token| jsonwebtoken::decode::<Json>(token, verifying, &lenient(self)))
            .is_ok()
    }

    pub(crate) fn implementation(self) -> jsonwebtoken::Algorithm {
        match self {
            Self::HS256 => jsonwebtoken::Algorithm::HS256,
            Self::HS384 => jsonwebtoken::Algorithm::HS384,
            Self::HS512 => jsonwebtoken::Algorithm::HS512,
            Self::RS256 => jsonwebtoken::Algorithm::RS256,
            Self::RS384 => jsonwebtoken::Algorithm::RS384,
            Self::RS512 => jsonwebtoken::Algorithm::RS512,
            Self::PS256 => jsonwebtoken::Algorithm::PS256,
            Self::PS384 => jsonwebtoken::Algorithm::PS384,
            Self::PS512 => jsonwebtoken::Algorithm::PS512,
            Self::ES256 => jsonwebtoken::Algorithm::ES256,
            Self::ES384 => jsonwebtoken::Algorithm::ES384,
            Self::EdDSA => jsonwebtoken::Algorithm::EdDSA,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A validation that leaves the claims to [`ReadClaims`]: PyJWT's rules, and our clock.
fn lenient(algorithm: Algorithm) -> Validation {
    let mut validation = Validation::new(algorithm.implementation());
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation
}

/// Signs and reads tokens of one algorithm and one audience.
pub(crate) struct TokenSigner {
    header: Header,
    signing_key: EncodingKey,
    verifying_keys: Vec<VerifyingKey>,
    validation: Validation,
    audience: String,
    clock: Clock,
}

/// A key that tokens are checked with; secrets have no name.
struct VerifyingKey {
    kid: Option<String>,
    key: DecodingKey,
}

impl TokenSigner {
    /// A signer with shared secrets.
    pub(crate) fn with_secrets(
        algorithm: Algorithm,
        secrets: &Secrets,
        audience: impl Into<String>,
        clock: Clock,
    ) -> Self {
        let verifying_keys = secrets
            .all()
            .map(|secret| VerifyingKey { kid: None, key: DecodingKey::from_secret(secret) })
            .collect();
        Self {
            header: Header::new(algorithm.implementation()),
            signing_key: EncodingKey::from_secret(secrets.signing()),
            verifying_keys,
            validation: lenient(algorithm),
            audience: audience.into(),
            clock,
        }
    }

    /// A signer with key pairs, the first of which signs.
    pub(crate) fn with_keys(
        algorithm: Algorithm,
        keys: Vec<ReadKey>,
        audience: impl Into<String>,
        clock: Clock,
    ) -> Result<Self, KeyError> {
        let mut header = Header::new(algorithm.implementation());
        let first = keys.first().ok_or(KeyError::Empty)?;
        header.kid = Some(first.kid.clone());
        let signing_key = first.signing.clone().ok_or(KeyError::CannotSign)?;
        let verifying_keys =
            keys.into_iter().map(|key| VerifyingKey { kid: Some(key.kid), key: key.verifying }).collect();
        let (audience, validation) = (audience.into(), lenient(algorithm));
        Ok(Self { header, signing_key, verifying_keys, validation, audience, clock })
    }

    /// The audience of tokens signed here.
    pub(crate) fn audience(&self) -> &str {
        &self.audience
    }

    /// The `exp` of a token signed now: `None` for a lifetime without end.
    pub(crate) fn expires_at(&self, lifetime_seconds: Option<u64>) -> Option<i64> {
        let seconds = i64::try_from(lifetime_seconds?).unwrap_or(i64::MAX);
        Some(self.clock.unix_seconds().saturating_add(seconds))
    }

    /// Signs claims, which serialize in the order of their fields.
    pub(crate) fn sign(&self, claims: &impl Serialize) -> Result<String, InternalError> {
        jsonwebtoken::encode(&self.header, claims, &self.signing_key)
            .map_err(|error| InternalError::Token(error.into()))
    }

    /// The claims of a good token: right algorithm, signature, audience and time. `None` for any other text.
    pub(crate) fn read(&self, token: &str) -> Option<ReadClaims> {
        let claims = self.decode(token)?;
        let now = self.clock.unix_seconds();
        (claims.is_well_formed(&self.audience, now) && !claims.has_expired(now)).then_some(claims)
    }

    /// As [`read`](Self::read), for callers that tell an expired token from a bad one.
    #[cfg(feature = "oauth")]
    pub(crate) fn read_even_expired(&self, token: &str) -> Option<ReadClaims> {
        let claims = self.decode(token)?;
        claims.is_well_formed(&self.audience, self.clock.unix_seconds()).then_some(claims)
    }

    /// Whether `exp` is past, or is no time.
    #[cfg(feature = "oauth")]
    pub(crate) fn has_expired(&self, claims: &ReadClaims) -> bool {
        claims.has_expired(self.clock.unix_seconds())
    }

    /// The claims of a token of the right algorithm and signature.
    fn decode(&self, token: &str) -> Option<ReadClaims> {
        if token.len() > MAX_TOKEN_BYTES {
            return None;
        }
        match &self.verifying_keys[..] {
            [only] => self.decode_by(token, only),
            keys => {
                let named = jsonwebtoken::decode_header(token).ok()?.kid;
                // A name only chooses among our own keys. One that none of them has says nothing, as no name does:
                // Python gives its tokens none, and a key may have been called something else before.
                let chosen = keys.iter().find(|key| key.kid.is_some() && key.kid == named);
                match chosen {
                    Some(key) => self.decode_by(token, key),
                    None => keys.iter().find_map(|key| self.decode_by(token, key)),
                }
            }
        }
    }

    fn decode_by(&self, token: &str, key: &VerifyingKey) -> Option<ReadClaims> {
        let data = jsonwebtoken::decode::<ReadClaims>(token, &key.key, &self.validation).ok()?;
        // RFC 7515 §4.1.11: an extension that must be understood, and no extension is.
        data.header.crit.is_none().then_some(data.claims)
    }
}

impl fmt::Debug for TokenSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenSigner")
            .field("algorithm", &self.header.alg)
            .field("audience", &self.audience)
            .finish_non_exhaustive()
    }
}

/// The claims that some token or other carries, of any JSON type until they are asked for.
#[derive(Deserialize)]
pub(crate) struct ReadClaims {
    #[serde(default, deserialize_with = "present")]
    sub: Option<Json>,
    #[serde(default, deserialize_with = "present")]
    aud: Option<Json>,
    #[serde(default, deserialize_with = "present")]
    exp: Option<Json>,
    #[serde(default, deserialize_with = "present")]
    nbf: Option<Json>,
    #[serde(default, deserialize_with = "present")]
    iat: Option<Json>,
    email: Option<Json>,
    password_fgpt: Option<Json>,
    email_fgpt: Option<Json>,
    issued_us: Option<Json>,
    sid: Option<Json>,
    #[cfg(feature = "oauth")]
    csrftoken: Option<Json>,
    #[cfg(feature = "oauth")]
    provider: Option<Json>,
    #[cfg(feature = "oauth")]
    purpose: Option<Json>,
    #[cfg(feature = "oauth")]
    redirect_to: Option<Json>,
}

/// A claim of `null` is there, and wrong; it is not absent.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Json>, D::Error> {
    Json::deserialize(deserializer).map(Some)
}

impl ReadClaims {
    /// Whose token it is (`sub`).
    pub(crate) fn subject(&self) -> Option<&str> {
        self.sub.as_ref()?.as_str()
    }

    /// When the token expires (`exp`), in Unix seconds; `None` when never, and when it is no time.
    pub(crate) fn expires_at(&self) -> Option<i64> {
        match self.exp.as_ref()? {
            Json::String(text) => text.trim().parse().ok(),
            other => whole_number(other),
        }
    }

    /// When an access token was made here, in microseconds, where it says so.
    pub(crate) fn issued_at_microseconds(&self) -> Option<i64> {
        self.issued_us.as_ref()?.as_i64()
    }

    /// The session of an access token that was made here, where it says so.
    pub(crate) fn session_id(&self) -> Option<&str> {
        self.sid.as_ref()?.as_str()
    }

    /// The address that a verification token is about.
    pub(crate) fn email(&self) -> Option<&str> {
        self.email.as_ref()?.as_str()
    }

    /// The Argon2 hash of the stored hash, in a reset token.
    pub(crate) fn password_fingerprint(&self) -> Option<&str> {
        self.password_fgpt.as_ref()?.as_str()
    }

    /// The keyed fingerprint of the address, in a reset token that was made here.
    pub(crate) fn email_fingerprint(&self) -> Option<&str> {
        self.email_fgpt.as_ref()?.as_str()
    }

    /// Whether the token was made when the user had this address. Python's tokens do not say, and are good as before.
    pub(crate) fn is_for_address(&self, secrets: &Secrets, email: &str) -> bool {
        self.email_fingerprint().is_none_or(|fingerprint| {
            keyed_fingerprints(secrets, email)
                .iter()
                .any(|known| bool::from(known.as_bytes().ct_eq(fingerprint.as_bytes())))
        })
    }

    /// The browser's half of an OAuth state.
    #[cfg(feature = "oauth")]
    pub(crate) fn csrf_token(&self) -> Option<&str> {
        self.csrftoken.as_ref()?.as_str()
    }

    /// The provider of an OAuth state that was made here.
    #[cfg(feature = "oauth")]
    pub(crate) fn provider(&self) -> Option<&str> {
        self.provider.as_ref()?.as_str()
    }

    /// The purpose of an OAuth state that was made here.
    #[cfg(feature = "oauth")]
    pub(crate) fn purpose(&self) -> Option<&str> {
        self.purpose.as_ref()?.as_str()
    }

    /// Where the browser goes after an OAuth callback.
    #[cfg(feature = "oauth")]
    pub(crate) fn redirect_to(&self) -> Option<&str> {
        self.redirect_to.as_ref()?.as_str()
    }

    /// Everything but the expiry: the audience is ours, `sub` is text, `nbf` and `iat` are past.
    fn is_well_formed(&self, audience: &str, now: i64) -> bool {
        let past = |claim: &Option<Json>| match claim {
            None => true,
            Some(value) => whole_number(value).is_some_and(|at| at <= now),
        };
        self.sub.as_ref().is_none_or(Json::is_string)
            && self.is_for(audience)
            && past(&self.nbf)
            && past(&self.iat)
    }

    fn has_expired(&self, now: i64) -> bool {
        self.exp.is_some() && self.expires_at().is_none_or(|exp| exp <= now)
    }

    fn is_for(&self, audience: &str) -> bool {
        match &self.aud {
            Some(Json::String(one)) => one == audience,
            Some(Json::Array(many)) => {
                many.iter().all(Json::is_string) && many.iter().any(|one| one == audience)
            }
            _ => false,
        }
    }
}

/// A number without a fraction; one beyond 64 bits with a sign is as far away as can be.
fn whole_number(value: &Json) -> Option<i64> {
    value.as_i64().or_else(|| value.as_u64().map(|_| i64::MAX))
}

/// URL-safe base64 without padding (RFC 4648 §5).
pub(crate) fn base64_url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A keyed fingerprint of a text: 128 bits of HMAC-SHA256, as 22 characters of URL-safe base64.
pub(crate) fn keyed_fingerprints(secrets: &Secrets, text: &str) -> Vec<String> {
    secrets
        .all()
        .filter_map(|secret| {
            let mut mac = Hmac::<Sha256>::new_from_slice(secret).ok()?;
            mac.update(b"axum-users:e-mail-fingerprint\0");
            mac.update(text.as_bytes());
            Some(base64_url(&mac.finalize().into_bytes()[..16]))
        })
        .collect()
}

/// What follows from a secret text for a purpose, once for each secret: 43 characters of URL-safe base64.
pub(crate) fn successors(secrets: &Secrets, purpose: &[u8], text: &str) -> Vec<String> {
    let successor = |secret: &[u8]| {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret).ok()?;
        mac.update(purpose);
        mac.update(b"\0");
        mac.update(text.as_bytes());
        Some(base64_url(&mac.finalize().into_bytes()))
    };
    secrets.all().filter_map(successor).collect()
}

/// The claims of an access token, in the original's order.
#[derive(Serialize)]
pub(crate) struct AccessClaims<'a> {
    pub(crate) sub: &'a str,
    pub(crate) aud: [&'a str; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) exp: Option<i64>,
    /// When it was made, in microseconds; ours, and only where tokens may end early.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) issued_us: Option<i64>,
    /// The session's public name; only where the backend has refresh tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sid: Option<&'a str>,
}

/// The claims of a password reset token, in the original's order; `email_fgpt` is ours.
#[derive(Serialize)]
pub(crate) struct ResetClaims<'a> {
    pub(crate) sub: &'a str,
    pub(crate) password_fgpt: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) email_fgpt: Option<&'a str>,
    pub(crate) aud: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) exp: Option<i64>,
}

/// The claims of a token that moves a user to the address to which it was mailed. Ours alone.
#[derive(Serialize)]
pub(crate) struct NewAddressClaims<'a> {
    pub(crate) sub: &'a str,
    /// The new address.
    pub(crate) email: &'a str,
    pub(crate) password_fgpt: &'a str,
    /// The fingerprint of the address that the user has until then.
    pub(crate) email_fgpt: &'a str,
    pub(crate) aud: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) exp: Option<i64>,
}

/// The claims of a verification token, in the original's order.
#[derive(Serialize)]
pub(crate) struct VerifyClaims<'a> {
    pub(crate) sub: &'a str,
    pub(crate) email: &'a str,
    pub(crate) aud: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) exp: Option<i64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hd_20_debug_says_what_signs_and_not_with_what() {
        let secrets =
            Secrets::from(vec!["the-new-one-at-least-32-bytes-long", "the-old-one-at-least-32-bytes-long"]);
        assert_eq!(format!("{secrets:?}"), "Secrets(2 of them, [REDACTED])");
        let clock = Clock::stopped_at_unix_seconds(1_800_000_000);
        let signer = TokenSigner::with_secrets(Algorithm::HS384, &secrets, AUDIENCE_ACCESS, clock);
        assert_eq!(
            format!("{signer:?}"),
            "TokenSigner { algorithm: HS384, audience: \"fastapi-users:auth\", .. }"
        );
    }
}
