//! Provider tokens encrypted at rest.

use std::fmt;

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    digest::{SHA256, digest},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::{Random, Secrets, token::base64_url};

/// What an encrypted token begins with, so that tokens stored before are told apart.
const PREFIX: &str = "axum-users:1:";

/// Encrypts and decrypts with AES-256-GCM; the first secret encrypts, all of them decrypt.
pub(crate) struct TokenEncryption {
    keys: Vec<LessSafeKey>,
    random: Random,
}

impl TokenEncryption {
    pub(crate) fn new(secrets: &Secrets, random: Random) -> Self {
        let key = |secret: &[u8]| {
            let mut input = b"axum-users:provider-token\0".to_vec();
            input.extend_from_slice(secret);
            UnboundKey::new(&AES_256_GCM, digest(&SHA256, &input).as_ref()).ok().map(LessSafeKey::new)
        };
        Self { keys: secrets.all().filter_map(key).collect(), random }
    }

    /// The token as it is stored; `None` when it cannot be encrypted, which no input leads to.
    pub(crate) fn encrypt(&self, token: &str) -> Option<String> {
        let mut nonce = [0; NONCE_LEN];
        self.random.fill(&mut nonce);
        let mut sealed = token.as_bytes().to_vec();
        let key = self.keys.first()?;
        key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut sealed).ok()?;
        let mut bytes = nonce.to_vec();
        bytes.append(&mut sealed);
        Some(format!("{PREFIX}{}", base64_url(&bytes)))
    }

    /// The token as the provider gave it. A stored text that was never encrypted is the token itself.
    pub(crate) fn decrypt(&self, stored: &str) -> Option<String> {
        let Some(encoded) = stored.strip_prefix(PREFIX) else { return Some(stored.to_owned()) };
        let bytes = URL_SAFE_NO_PAD.decode(encoded).ok()?;
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE_LEN>()?;
        self.keys.iter().find_map(|key| {
            let mut sealed = sealed.to_vec();
            let nonce = Nonce::assume_unique_for_key(*nonce);
            let token = key.open_in_place(nonce, Aad::empty(), &mut sealed).ok()?;
            String::from_utf8(token.to_vec()).ok()
        })
    }
}

impl fmt::Debug for TokenEncryption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenEncryption({} keys, [REDACTED])", self.keys.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encryption(secrets: Vec<&str>) -> TokenEncryption {
        TokenEncryption::new(&Secrets::from(secrets), Random::seeded(1))
    }

    #[test]
    fn an_encrypted_token_comes_back_and_does_not_show() {
        let it = encryption(vec!["one"]);
        let stored = it.encrypt("provider-token").unwrap();
        assert!(!stored.contains("provider-token"));
        assert_eq!(it.decrypt(&stored).as_deref(), Some("provider-token"));
    }

    #[test]
    fn a_token_that_was_stored_in_clear_is_read_as_it_is() {
        assert_eq!(encryption(vec!["one"]).decrypt("plain").as_deref(), Some("plain"));
    }

    #[test]
    fn an_old_secret_still_decrypts_and_a_foreign_one_does_not() {
        let stored = encryption(vec!["old"]).encrypt("provider-token").unwrap();
        assert_eq!(encryption(vec!["new", "old"]).decrypt(&stored).as_deref(), Some("provider-token"));
        assert_eq!(encryption(vec!["new"]).decrypt(&stored), None);
    }
}
