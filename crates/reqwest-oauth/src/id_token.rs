//! ID tokens: checked as OpenID Connect Core section 3.1.3.7 says, with the provider's published keys.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{HeaderMap, Method};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, jwk::Jwk};
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256, Sha384, Sha512};
use subtle::ConstantTimeEq;

use crate::{
    auth::Credentials,
    error::{FailureCause, IdTokenError, OAuthError, RequestFailure},
    http::{Answer, Request},
    provider_client::{Endpoints, Inner},
};

/// Every algorithm with a public key. `none` and HMAC are not among them: with HMAC, whoever knows the client
/// secret (or takes the public key for one) could sign.
pub(crate) const ASYMMETRIC: [Algorithm; 9] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];

/// How far the provider's clock may be off, in seconds.
const LEEWAY_SECONDS: i64 = 60;

/// The longest subject (OpenID Connect Core section 2).
const MAX_SUBJECT_CHARACTERS: usize = 255;

/// The keys that an issuer publishes, as far as this crate can use them.
pub(crate) type KeySet = Vec<Jwk>;

impl Inner {
    /// The claims of an ID token, after every check.
    pub(crate) async fn id_token_claims(
        &self,
        endpoints: &Endpoints,
        id_token: &str,
        access_token: &str,
        nonce: Option<&str>,
    ) -> Result<Map<String, Value>, OAuthError> {
        let head = Head::read(id_token).map_err(OAuthError::IdToken)?;
        let claims = self.signed_claims(endpoints, id_token, &head).await?;
        let expected = Expected {
            issuer: endpoints.issuer.as_deref().unwrap_or_default(),
            client_id: self.client_id(),
            nonce,
            access_token,
            now: self.system.now(),
        };
        expected.check(&claims, head.algorithm).map_err(OAuthError::IdToken)?;
        Ok(claims)
    }

    /// The claims, when the signature is one of the issuer's.
    async fn signed_claims(
        &self,
        endpoints: &Endpoints,
        id_token: &str,
        head: &Head,
    ) -> Result<Map<String, Value>, OAuthError> {
        let is_signed_with_secret = self.data().id_token.is_some_and(|data| data.is_signed_with_secret);
        if let Some(algorithm) = self.hmac.or(is_signed_with_secret.then_some(Algorithm::HS256)) {
            let Credentials::Secret(secret) = self.credentials() else {
                return Err(OAuthError::IdToken(IdTokenError::UnknownKey));
            };
            if head.algorithm != algorithm {
                return Err(OAuthError::IdToken(IdTokenError::Algorithm));
            }
            let key = DecodingKey::from_secret(secret.expose_secret().as_bytes());
            return verify(id_token, head.algorithm, &key).map_err(OAuthError::IdToken);
        }
        if !endpoints.algorithms.contains(&head.algorithm) {
            return Err(OAuthError::IdToken(IdTokenError::Algorithm));
        }
        let now = self.system.now();
        let known = self.keys.get(now, || self.fetch_keys(endpoints)).await?;
        match head.verify(id_token, &known) {
            // The provider may have new keys since. A signature by a key that is known stays wrong.
            Err(IdTokenError::UnknownKey) => {}
            result => return result.map_err(OAuthError::IdToken),
        }
        let newer = self.keys.newer_than(&known, now, || self.fetch_keys(endpoints)).await;
        let keys = newer.ok_or(OAuthError::IdToken(IdTokenError::UnknownKey))?;
        head.verify(id_token, &keys).map_err(OAuthError::IdToken)
    }

    async fn fetch_keys(&self, endpoints: &Endpoints) -> Result<KeySet, OAuthError> {
        let Some(url) = &endpoints.jwks_uri else {
            let failure = RequestFailure::new(FailureCause::Missing("jwks_uri".to_owned()), "");
            return Err(OAuthError::OpenIdConfiguration(Box::new(failure)));
        };
        let request =
            Request { method: Method::GET, url: url.clone(), headers: HeaderMap::new(), body: None };
        let answer = self.http.send(request).await.and_then(Answer::successful);
        let answer = answer.map_err(OAuthError::OpenIdConfiguration)?;
        let document = answer.json().map_err(OAuthError::OpenIdConfiguration)?;
        let Some(Value::Array(keys)) = document.get("keys") else {
            let failure = answer.failure(FailureCause::Missing("keys".to_owned()));
            return Err(OAuthError::OpenIdConfiguration(failure));
        };
        // Keys of unknown kinds are to be ignored (RFC 7517 section 5).
        Ok(keys
            .iter()
            .filter(|key| key["use"] != "enc")
            .filter_map(|key| Jwk::deserialize(key).ok())
            .collect())
    }
}

/// What the header of an ID token says about its signature.
struct Head {
    algorithm: Algorithm,
    key_id: Option<String>,
}

impl Head {
    fn read(id_token: &str) -> Result<Self, IdTokenError> {
        let encoded = id_token.split('.').next().unwrap_or_default();
        let bytes = URL_SAFE_NO_PAD.decode(encoded).map_err(|_| IdTokenError::Malformed)?;
        let header: Value = serde_json::from_slice(&bytes).map_err(|_| IdTokenError::Malformed)?;
        // An extension that has to be understood, and none is (RFC 7515 section 4.1.11).
        if !header["crit"].is_null() {
            return Err(IdTokenError::Malformed);
        }
        let algorithm = header["alg"].as_str().and_then(|name| name.parse().ok());
        let key_id = header["kid"].as_str().map(str::to_owned);
        Ok(Self { algorithm: algorithm.ok_or(IdTokenError::Algorithm)?, key_id })
    }

    /// Tries the keys that fit: the one named, or, when none is named, all of the right kind.
    fn verify(&self, id_token: &str, keys: &KeySet) -> Result<Map<String, Value>, IdTokenError> {
        let mut result = Err(IdTokenError::UnknownKey);
        for key in keys.iter().filter(|key| self.fits(key)) {
            let Ok(key) = DecodingKey::from_jwk(key) else { continue };
            if key.family() != self.algorithm.family() {
                continue;
            }
            result = verify(id_token, self.algorithm, &key);
            if result.is_ok() {
                break;
            }
        }
        result
    }

    fn fits(&self, key: &Jwk) -> bool {
        let is_named = self.key_id.is_none() || key.common.key_id == self.key_id;
        let is_for_algorithm = key
            .common
            .key_algorithm
            .is_none_or(|algorithm| algorithm.to_string() == format!("{:?}", self.algorithm));
        is_named && is_for_algorithm
    }
}

/// Checks a signature. The claims are checked by [`Expected`], with the client's own clock.
fn verify(
    id_token: &str,
    algorithm: Algorithm,
    key: &DecodingKey,
) -> Result<Map<String, Value>, IdTokenError> {
    let mut validation = Validation::new(algorithm);
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    let decoded = jsonwebtoken::decode::<Map<String, Value>>(id_token, key, &validation);
    decoded.map(|token| token.claims).map_err(|_| IdTokenError::Signature)
}

/// What the claims of an ID token have to be.
struct Expected<'a> {
    issuer: &'a str,
    client_id: &'a str,
    nonce: Option<&'a str>,
    access_token: &'a str,
    /// Unix seconds.
    now: i64,
}

impl Expected<'_> {
    fn check(&self, claims: &Map<String, Value>, algorithm: Algorithm) -> Result<(), IdTokenError> {
        let text = |name: &str| claims.get(name).and_then(Value::as_str);
        if self.issuer.is_empty() || text("iss") != Some(self.issuer) {
            return Err(IdTokenError::Issuer);
        }
        self.check_audience(claims)?;
        self.check_times(claims)?;
        let is_subject =
            |subject: &str| !subject.is_empty() && subject.chars().count() <= MAX_SUBJECT_CHARACTERS;
        if !text("sub").is_some_and(is_subject) {
            return Err(IdTokenError::Subject);
        }
        let is_same = |given: &str, wanted: &str| bool::from(given.as_bytes().ct_eq(wanted.as_bytes()));
        if self.nonce.is_some_and(|wanted| !text("nonce").is_some_and(|given| is_same(given, wanted))) {
            return Err(IdTokenError::Nonce);
        }
        // Optional in the code flow (section 3.1.3.6), but a wrong one is a token that was swapped.
        let hash = claims.get("at_hash").filter(|hash| !hash.is_null());
        let is_hash = |hash: &Value| hash.as_str() == Some(&access_token_hash(self.access_token, algorithm));
        if hash.is_some_and(|hash| !is_hash(hash)) {
            return Err(IdTokenError::AccessTokenHash);
        }
        Ok(())
    }

    fn check_audience(&self, claims: &Map<String, Value>) -> Result<(), IdTokenError> {
        let is_us = |audience: &Value| audience == self.client_id;
        let (names_us, is_alone) = match claims.get("aud") {
            Some(Value::Array(audiences)) => (audiences.iter().any(is_us), audiences.len() == 1),
            Some(audience) => (is_us(audience), true),
            None => (false, true),
        };
        if !names_us {
            return Err(IdTokenError::Audience);
        }
        match claims.get("azp").filter(|party| !party.is_null()) {
            Some(party) if !is_us(party) => Err(IdTokenError::AuthorizedParty),
            None if !is_alone => Err(IdTokenError::AuthorizedParty),
            _ => Ok(()),
        }
    }

    fn check_times(&self, claims: &Map<String, Value>) -> Result<(), IdTokenError> {
        let seconds = |name: &str| claims.get(name).and_then(Value::as_f64);
        #[expect(clippy::cast_precision_loss, reason = "exact until the year 285 million")]
        let (earliest, latest) = ((self.now - LEEWAY_SECONDS) as f64, (self.now + LEEWAY_SECONDS) as f64);
        if !seconds("exp").is_some_and(|end| end > earliest) {
            return Err(IdTokenError::Expired);
        }
        if !seconds("iat").is_some_and(|issued| issued <= latest) {
            return Err(IdTokenError::NotYetValid);
        }
        match claims.get("nbf") {
            Some(start) if !start.as_f64().is_some_and(|start| start <= latest) => {
                Err(IdTokenError::NotYetValid)
            }
            _ => Ok(()),
        }
    }
}

/// The left half of the access token's hash (section 3.1.3.6); the hash is the one of the signature.
fn access_token_hash(access_token: &str, algorithm: Algorithm) -> String {
    use Algorithm::{ES384, EdDSA, HS384, HS512, PS384, PS512, RS384, RS512};
    match algorithm {
        RS384 | PS384 | ES384 | HS384 => URL_SAFE_NO_PAD.encode(&Sha384::digest(access_token)[..24]),
        RS512 | PS512 | HS512 | EdDSA => URL_SAFE_NO_PAD.encode(&Sha512::digest(access_token)[..32]),
        _ => URL_SAFE_NO_PAD.encode(&Sha256::digest(access_token)[..16]),
    }
}
