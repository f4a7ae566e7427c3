//! An issuer's keys, made for these tests, and what it signs with them.

use jsonwebtoken::{Algorithm, EncodingKey, Header, jwk::Jwk};
use serde_json::{Value, json};

use crate::support::Canned;

/// A key of an issuer: kid and algorithm.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Key {
    pub(crate) id: &'static str,
    pub(crate) algorithm: Algorithm,
    pub(crate) pem: &'static str,
}

pub(crate) const RSA: Key =
    Key { id: "rsa-1", algorithm: Algorithm::RS256, pem: include_str!("../data/keys/issuer-rsa.pem") };
pub(crate) const ES256: Key =
    Key { id: "es-1", algorithm: Algorithm::ES256, pem: include_str!("../data/keys/issuer-es256.pem") };
pub(crate) const ED25519: Key =
    Key { id: "ed-1", algorithm: Algorithm::EdDSA, pem: include_str!("../data/keys/issuer-ed25519.pem") };
/// A key that no issuer publishes.
pub(crate) const STRANGER: Key =
    Key { id: "stranger", algorithm: Algorithm::RS256, pem: include_str!("../data/keys/stranger-rsa.pem") };

impl Key {
    pub(crate) fn encoding_key(&self) -> EncodingKey {
        let pem = self.pem.as_bytes();
        match self.algorithm {
            Algorithm::ES256 => EncodingKey::from_ec_pem(pem).unwrap(),
            Algorithm::EdDSA => EncodingKey::from_ed_pem(pem).unwrap(),
            _ => EncodingKey::from_rsa_pem(pem).unwrap(),
        }
    }

    pub(crate) fn public(&self) -> Value {
        let jwk = Jwk::from_encoding_key(&self.encoding_key(), self.algorithm).unwrap();
        let mut jwk = serde_json::to_value(jwk).unwrap();
        jwk["kid"] = json!(self.id);
        jwk["use"] = json!("sig");
        jwk
    }

    pub(crate) fn sign(&self, claims: &Value) -> String {
        let mut header = Header::new(self.algorithm);
        header.kid = Some(self.id.to_owned());
        jsonwebtoken::encode(&header, claims, &self.encoding_key()).unwrap()
    }
}

/// A token by HMAC with the client secret.
pub(crate) fn sign_with_secret(secret: &str, claims: &Value) -> String {
    let key = EncodingKey::from_secret(secret.as_bytes());
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), claims, &key).unwrap()
}

/// A key set, as an issuer publishes it.
pub(crate) fn key_set(keys: &[Key]) -> Canned {
    let keys: Vec<_> = keys.iter().map(Key::public).collect();
    Canned::json(200, &json!({ "keys": keys }))
}
