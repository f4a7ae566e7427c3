//! JWTs made and read by hand: the recorded ones have claims and headers that no library would write.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Map, Value, json};
use sha2::{Sha256, Sha512};

/// A signed token; `none` leaves the signature empty.
pub(crate) fn sign(
    algorithm: &str,
    secret: &str,
    further_headers: &Map<String, Value>,
    claims: &Value,
) -> String {
    let mut header = json!({"alg": algorithm, "typ": "JWT"});
    header.as_object_mut().unwrap().extend(further_headers.clone());
    let signed = format!("{}.{}", encoded(header.to_string()), encoded(claims.to_string()));
    format!("{signed}.{}", encoded(signature(algorithm, secret, &signed)))
}

/// Header and claims of a token that this secret signed with HS256.
pub(crate) fn read(token: &str, secret: &str) -> Result<(Value, Value), String> {
    let parts: Vec<&str> = token.split('.').collect();
    let [header, claims, signature_text] = parts[..] else {
        return Err(format!("{token} has not three parts"));
    };
    let signed = format!("{header}.{claims}");
    if encoded(signature("HS256", secret, &signed)) != signature_text {
        return Err(format!("the signature of {token} is wrong"));
    }
    Ok((decoded(header)?, decoded(claims)?))
}

fn signature(algorithm: &str, secret: &str, signed: &str) -> Vec<u8> {
    match algorithm {
        "HS256" => mac::<Hmac<Sha256>>(secret, signed),
        "HS512" => mac::<Hmac<Sha512>>(secret, signed),
        "none" => Vec::new(),
        other => panic!("no transcript signs with {other}"),
    }
}

fn mac<M: Mac + KeyInit>(secret: &str, signed: &str) -> Vec<u8> {
    let mut mac = <M as KeyInit>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(signed.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn encoded(bytes: impl AsRef<[u8]>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

fn decoded(part: &str) -> Result<Value, String> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(part).map_err(|error| error.to_string())?;
    serde_json::from_slice(&bytes).map_err(|error| error.to_string())
}
