//! Key pairs: reading them from PEM, naming them (RFC 7638), and showing their public halves (RFC 7517).

use std::fmt;

use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der},
    rsa::KeySize,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
        KeyPair as _, RsaKeyPair,
    },
};
use base64::{Engine, engine::general_purpose::STANDARD};
use jsonwebtoken::{
    DecodingKey, EncodingKey,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, PublicKeyUse, ThumbprintHash},
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value as Json;

use crate::token::Algorithm;

/// The least length of an RSA modulus, in bytes (RFC 7518 §3.3: 2048 bits).
const MIN_RSA_BYTES: usize = 256;

/// The most bytes of a key's name; it stands in every token.
const MAX_KEY_ID_BYTES: usize = 128;

/// A key pair, or the public half of one: it signs and verifies, or verifies only.
///
/// Its name (`kid`) stands in the tokens that it signs and in the key set that others verify by
/// ([`Users::jwks`](crate::Users::jwks)). Without one of its own it is called by its thumbprint (RFC 7638).
///
/// ```
/// use axum_users::{Algorithm, Jwt, KeyPair};
/// # fn strategy(new_pem: String, old_public_pem: String) -> Jwt {
/// // The first signs, all verify.
/// Jwt::lasting_seconds(900).keys(
///     Algorithm::ES256,
///     vec![KeyPair::new(new_pem).kid("2026-11"), KeyPair::verifying_only(old_public_pem)],
/// )
/// # }
/// ```
#[derive(Clone)]
pub struct KeyPair {
    private_key: Option<SecretString>,
    public_key: Option<String>,
    kid: Option<String>,
}

/// Why keys cannot be used. The text names no secret.
///
/// ```
/// use axum_users::{Algorithm, KeyError, KeyPair};
///
/// let refused = KeyPair::generate(Algorithm::HS256);
/// assert!(matches!(refused, Err(KeyError::Symmetric(Algorithm::HS256))));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// A key is not what its algorithm wants.
    #[error("the {part} for {algorithm} cannot be read: expected {expected} in PEM{hint}")]
    Unreadable {
        /// The public or the private key.
        part: &'static str,
        /// What it was to be used for.
        algorithm: Algorithm,
        /// The kind of key that was expected.
        expected: &'static str,
        /// What may be the matter, and what to do.
        hint: &'static str,
    },
    /// The two halves are of different pairs.
    #[error("the public key for {0} does not belong to the private key: give both of one pair")]
    NoPair(Algorithm),
    /// An RSA key is too short to be safe (RFC 7518 §3.3).
    #[error("the {0} key has {1} bits, but 2048 are the least that is safe: make a new one")]
    TooShort(Algorithm, usize),
    /// A name cannot stand in a token.
    #[error("the kid \"{0}\" cannot be used: give 1 to 128 printable ASCII characters")]
    KeyId(String),
    /// The algorithm signs with a secret.
    #[error("{0} signs with a secret and has no key pair: use RS256, ES256 or EdDSA")]
    Symmetric(Algorithm),
    /// The first key, which signs, has no private half.
    #[error("the first key signs, and has no private key: put one that has before it")]
    CannotSign,
    /// There is no key.
    #[error("there is no key: give at least one, the first of which signs")]
    Empty,
    /// Two keys have one name.
    #[error("two keys are called \"{0}\": give each a kid of its own, or remove the one that is there twice")]
    Twice(String),
    /// The system gave no randomness.
    #[error("a key could not be made: the system gave no randomness")]
    Generate,
}

impl KeyPair {
    /// A private key in PEM (PKCS #8; for RSA also PKCS #1). Its public half follows from it.
    pub fn new(private_key: impl Into<SecretString>) -> Self {
        Self { private_key: Some(private_key.into()), public_key: None, kid: None }
    }

    /// A public key in PEM, for tokens whose private key is kept elsewhere or was destroyed.
    pub fn verifying_only(public_key: impl Into<String>) -> Self {
        Self { private_key: None, public_key: Some(public_key.into()), kid: None }
    }

    /// The public half in PEM, to be checked against the private one.
    #[must_use]
    pub fn with_public_key(mut self, public_key: impl Into<String>) -> Self {
        self.public_key = Some(public_key.into());
        self
    }

    /// A name in place of the thumbprint.
    #[must_use]
    pub fn kid(mut self, kid: impl Into<String>) -> Self {
        self.kid = Some(kid.into());
        self
    }

    /// Makes a new pair by the system's randomness: RSA of 2048 bits, P-256, P-384 or Ed25519.
    ///
    /// # Errors
    /// The algorithm has no key pairs, or the system gave no randomness.
    pub fn generate(algorithm: Algorithm) -> Result<Self, KeyError> {
        let failed = |_| KeyError::Generate;
        let private = |der: &[u8]| pem("PRIVATE KEY", der);
        let (private, public) = match algorithm.family() {
            Family::Secret => return Err(KeyError::Symmetric(algorithm)),
            Family::Rsa => {
                let pair = RsaKeyPair::generate(KeySize::Rsa2048).map_err(failed)?;
                let der: Pkcs8V1Der<'_> = pair.as_der().map_err(failed)?;
                (private(der.as_ref()), pair.public_key().as_der())
            }
            Family::Ec(curve) => {
                let signing = match curve {
                    EllipticCurve::P384 => &ECDSA_P384_SHA384_FIXED_SIGNING,
                    _ => &ECDSA_P256_SHA256_FIXED_SIGNING,
                };
                let pair = EcdsaKeyPair::generate(signing).map_err(failed)?;
                (private(pair.to_pkcs8v1().map_err(failed)?.as_ref()), pair.public_key().as_der())
            }
            Family::Ed => {
                let pair = Ed25519KeyPair::generate().map_err(failed)?;
                (private(pair.to_pkcs8v1().map_err(failed)?.as_ref()), pair.public_key().as_der())
            }
        };
        let public: PublicKeyX509Der<'_> = public.map_err(failed)?;
        Ok(Self::new(private).with_public_key(pem("PUBLIC KEY", public.as_ref())))
    }

    /// The private key in PEM, where there is one.
    #[must_use]
    pub fn private_key_pem(&self) -> Option<&SecretString> {
        self.private_key.as_ref()
    }

    /// The public key in PEM, where it was given or generated.
    #[must_use]
    pub fn public_key_pem(&self) -> Option<&str> {
        self.public_key.as_deref()
    }

    /// The public half as others get it: a JSON Web Key (RFC 7517 §4).
    ///
    /// # Errors
    /// The key cannot be used with this algorithm.
    pub fn json_web_key(&self, algorithm: Algorithm) -> Result<Json, KeyError> {
        Ok(self.read(algorithm)?.json_web_key)
    }

    /// Reads the keys, and refuses what could not sign or verify.
    pub(crate) fn read(&self, algorithm: Algorithm) -> Result<ReadKey, KeyError> {
        let reading = Reading { algorithm };
        let signing = match &self.private_key {
            Some(pem) => Some(reading.private(pem.expose_secret().as_bytes())?),
            None => None,
        };
        let verifying = match (&signing, &self.public_key) {
            (_, Some(pem)) => reading.public(pem.as_bytes())?,
            (Some(signing), None) => reading.public_half(signing)?,
            (None, None) => return Err(KeyError::Empty),
        };
        if let Some(signing) = &signing
            && !algorithm.is_one_pair(signing, &verifying)
        {
            return Err(KeyError::NoPair(algorithm));
        }
        let mut jwk = reading.json_web_key(&verifying)?;
        let kid = match &self.kid {
            Some(kid) => check_key_id(kid)?,
            None => {
                jwk.thumbprint(ThumbprintHash::SHA256).map_err(|_| reading.unreadable("public key", ""))?
            }
        };
        jwk.common.key_id = Some(kid.clone());
        let json_web_key = serde_json::to_value(&jwk).map_err(|_| reading.unreadable("public key", ""))?;
        Ok(ReadKey { kid, signing, verifying, json_web_key })
    }
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyPair")
            .field("signs", &self.private_key.is_some())
            .field("kid", &self.kid)
            .finish_non_exhaustive()
    }
}

/// A key that was read.
pub(crate) struct ReadKey {
    pub(crate) kid: String,
    pub(crate) signing: Option<EncodingKey>,
    pub(crate) verifying: DecodingKey,
    pub(crate) json_web_key: Json,
}

/// Reads keys: the first signs, all verify, and no two have one name.
pub(crate) fn read_all(algorithm: Algorithm, keys: &[KeyPair]) -> Result<Vec<ReadKey>, KeyError> {
    let mut all: Vec<ReadKey> = Vec::with_capacity(keys.len());
    for key in keys {
        let key = key.read(algorithm)?;
        if all.iter().any(|other| other.kid == key.kid) {
            return Err(KeyError::Twice(key.kid));
        }
        all.push(key);
    }
    match all.first() {
        None => Err(KeyError::Empty),
        Some(ReadKey { signing: None, .. }) => Err(KeyError::CannotSign),
        Some(_) => Ok(all),
    }
}

/// What kind of keys an algorithm has.
pub(crate) enum Family {
    Secret,
    Rsa,
    Ec(EllipticCurve),
    Ed,
}

/// Reads the keys of one algorithm.
struct Reading {
    algorithm: Algorithm,
}

impl Reading {
    fn private(&self, pem: &[u8]) -> Result<EncodingKey, KeyError> {
        let key = match self.algorithm.family() {
            Family::Secret => return Err(KeyError::Symmetric(self.algorithm)),
            Family::Rsa => EncodingKey::from_rsa_pem(pem),
            Family::Ec(_) => EncodingKey::from_ec_pem(pem),
            Family::Ed => EncodingKey::from_ed_pem(pem),
        };
        let key = key.ok().filter(|key| self.algorithm.can_sign(key));
        key.ok_or_else(|| self.unreadable("private key", hint(pem)))
    }

    fn public(&self, pem: &[u8]) -> Result<DecodingKey, KeyError> {
        let key = match self.algorithm.family() {
            Family::Secret => return Err(KeyError::Symmetric(self.algorithm)),
            Family::Rsa => DecodingKey::from_rsa_pem(pem),
            Family::Ec(_) => DecodingKey::from_ec_pem(pem),
            Family::Ed => DecodingKey::from_ed_pem(pem),
        };
        key.map_err(|_| self.unreadable("public key", hint(pem)))
    }

    /// The public half of a private key.
    fn public_half(&self, private: &EncodingKey) -> Result<DecodingKey, KeyError> {
        if let Family::Ed = self.algorithm.family() {
            let pair = Ed25519KeyPair::from_pkcs8(private.as_bytes());
            let pair = pair.map_err(|_| self.unreadable("private key", ""))?;
            return Ok(DecodingKey::from_ed_der(pair.public_key().as_ref()));
        }
        Jwk::from_encoding_key(private, self.algorithm.implementation())
            .and_then(|jwk| DecodingKey::from_jwk(&jwk))
            .map_err(|_| self.unreadable("private key", ""))
    }

    fn json_web_key(&self, key: &DecodingKey) -> Result<Jwk, KeyError> {
        let mut jwk = Jwk::from_decoding_key(key, Some(self.algorithm.implementation()))
            .map_err(|_| self.unreadable("public key", ""))?;
        match (self.algorithm.family(), &jwk.algorithm) {
            (Family::Ec(expected), AlgorithmParameters::EllipticCurve(found)) if found.curve != expected => {
                return Err(self.unreadable("public key", ""));
            }
            (Family::Rsa, AlgorithmParameters::RSA(found)) => {
                // Four characters of base64 are three bytes.
                let bytes = found.n.len() * 3 / 4;
                if bytes < MIN_RSA_BYTES {
                    return Err(KeyError::TooShort(self.algorithm, bytes * 8));
                }
            }
            _ => {}
        }
        jwk.common.public_key_use = Some(PublicKeyUse::Signature);
        Ok(jwk)
    }

    fn unreadable(&self, part: &'static str, hint: &'static str) -> KeyError {
        let expected = match self.algorithm.family() {
            Family::Rsa => "an RSA key",
            Family::Ec(EllipticCurve::P384) => "a P-384 key",
            Family::Ec(_) => "a P-256 key",
            Family::Ed | Family::Secret => "an Ed25519 key",
        };
        KeyError::Unreadable { part, algorithm: self.algorithm, expected, hint }
    }
}

/// What is often the matter with a PEM text.
fn hint(pem: &[u8]) -> &'static str {
    let has = |label: &[u8]| pem.windows(label.len()).any(|window| window == label);
    if has(b"BEGIN EC PRIVATE KEY") {
        "; this one is in SEC 1 form: `openssl pkcs8 -topk8 -nocrypt` makes PKCS #8 of it"
    } else if has(b"BEGIN ENCRYPTED PRIVATE KEY") || has(b"Proc-Type: 4,ENCRYPTED") {
        "; this one is under a passphrase: `openssl pkcs8 -topk8 -nocrypt` takes it away"
    } else if has(b"BEGIN OPENSSH PRIVATE KEY") {
        "; this one is OpenSSH's own form: `axum-users key generate` makes a fitting one"
    } else {
        ""
    }
}

fn check_key_id(kid: &str) -> Result<String, KeyError> {
    let fits = !kid.is_empty()
        && kid.len() <= MAX_KEY_ID_BYTES
        && kid.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
    if fits { Ok(kid.to_owned()) } else { Err(KeyError::KeyId(kid.escape_debug().to_string())) }
}

/// A PEM text (RFC 7468).
fn pem(label: &str, der: &[u8]) -> String {
    let encoded = STANDARD.encode(der);
    let mut text = format!("-----BEGIN {label}-----\n");
    let mut rest = encoded.as_str();
    while !rest.is_empty() {
        let (line, left) = rest.split_at(rest.len().min(64));
        text.push_str(line);
        text.push('\n');
        rest = left;
    }
    text.push_str(&format!("-----END {label}-----\n"));
    text
}

#[cfg(test)]
mod tests;
