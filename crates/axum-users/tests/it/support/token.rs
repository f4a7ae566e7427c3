//! Tokens taken apart, and tokens that somebody else made.

use axum_users::User;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value as Json, json};
use sha2::{Sha256, Sha384, Sha512};

use super::{BEGINNING, SECRET};

/// The header of a JWT.
pub fn header(token: &str) -> Json {
    part(token, 0)
}

/// The claims of a JWT, whoever signed it.
pub fn claims(token: &str) -> Json {
    part(token, 1)
}

fn part(token: &str, index: usize) -> Json {
    let part = token.split('.').nth(index).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

/// A JWT to be signed; its header says HS256, and so it is signed with the application's secret.
#[derive(Clone)]
pub struct Forged {
    header: Json,
    claims: String,
    secret: String,
}

impl Forged {
    pub fn new(claims: &Json) -> Self {
        Self::of_text(claims.to_string())
    }

    /// Claims that need not be JSON.
    pub fn of_text(claims: impl Into<String>) -> Self {
        Self { header: json!({ "alg": "HS256", "typ": "JWT" }), claims: claims.into(), secret: SECRET.into() }
    }

    /// An access token that is good for ten minutes.
    pub fn access(user: &User) -> Self {
        Self::new(&Self::access_claims(user))
    }

    pub fn access_claims(user: &User) -> Json {
        json!({ "sub": user.id, "aud": ["fastapi-users:auth"], "exp": BEGINNING + 600 })
    }

    /// The same access token with a claim set.
    pub fn access_with(user: &User, claim: &str, value: Json) -> Self {
        let mut claims = Self::access_claims(user);
        claims[claim] = value;
        Self::new(&claims)
    }

    /// The same access token without a claim.
    pub fn access_without(user: &User, claim: &str) -> Self {
        let mut claims = Self::access_claims(user);
        claims.as_object_mut().unwrap().remove(claim);
        Self::new(&claims)
    }

    /// A verification token that is good for ten minutes.
    pub fn verification(user: &User) -> Json {
        json!({
            "sub": user.id, "email": user.email, "aud": "fastapi-users:verify", "exp": BEGINNING + 600
        })
    }

    pub fn header(mut self, name: &str, value: impl Into<Json>) -> Self {
        self.header[name] = value.into();
        self
    }

    pub fn secret(mut self, secret: &str) -> Self {
        secret.clone_into(&mut self.secret);
        self
    }

    /// The token, signed with HMAC-SHA256 whatever its header says.
    pub fn token(&self) -> String {
        let (signed, key) = (self.unsigned(), self.secret.as_bytes());
        let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
        mac.update(signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
    }

    /// The token, signed as its header says.
    pub fn token_of_hs384_or_hs512(&self) -> String {
        let (signed, key) = (self.unsigned(), self.secret.as_bytes());
        let signature = if self.header["alg"] == "HS384" {
            let mut mac = Hmac::<Sha384>::new_from_slice(key).unwrap();
            mac.update(signed.as_bytes());
            mac.finalize().into_bytes().to_vec()
        } else {
            let mut mac = Hmac::<Sha512>::new_from_slice(key).unwrap();
            mac.update(signed.as_bytes());
            mac.finalize().into_bytes().to_vec()
        };
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// Header and claims without a signature.
    pub fn unsigned(&self) -> String {
        let header = URL_SAFE_NO_PAD.encode(self.header.to_string());
        format!("{header}.{}", URL_SAFE_NO_PAD.encode(&self.claims))
    }
}
