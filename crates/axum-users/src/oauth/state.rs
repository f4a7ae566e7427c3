//! The state that travels through the provider and back (RFC 6749 §10.12), and what is derived from it.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use serde::Serialize;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::{
    error::InternalError,
    token::{ReadClaims, Secrets, TokenSigner, base64_url},
};

/// How long a flow may take from its beginning to its callback, in seconds; the original's.
pub(crate) const STATE_LIFETIME_SECONDS: u64 = 3600;

/// What a flow is for. A state of one is no good for the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    Login,
    Associate,
}

impl Purpose {
    fn name(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Associate => "associate",
        }
    }
}

/// What a new state says, in the original's order; `provider`, `purpose` and `redirect_to` are ours.
#[derive(Serialize)]
struct StateClaims<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    sub: Option<&'a str>,
    csrftoken: &'a str,
    provider: &'a str,
    purpose: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    redirect_to: Option<&'a str>,
    aud: &'a str,
    exp: Option<i64>,
}

/// Why a state is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StateError {
    /// It cannot be read, is badly signed, or belongs to another provider or purpose.
    Bad,
    /// It has expired.
    Expired,
    /// It was not begun by this browser.
    ForeignBrowser,
    /// It was begun by another user.
    ForeignUser,
}

/// A state that was checked.
pub(crate) struct State {
    pub(crate) csrf_token: String,
    /// Where the browser goes after the callback.
    pub(crate) redirect_to: Option<String>,
}

/// Without the token: PKCE's verifier and the nonce are derived from it.
impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State").field("redirect_to", &self.redirect_to).finish_non_exhaustive()
    }
}

/// Makes and checks states.
pub(crate) struct States {
    pub(crate) signer: TokenSigner,
    pub(crate) secrets: Secrets,
    /// Whether states that Python minted are read; they name neither provider nor purpose.
    pub(crate) side_by_side: bool,
}

impl States {
    /// A state for a flow that begins now.
    pub(crate) fn issue(
        &self,
        csrf_token: &str,
        provider: &str,
        purpose: Purpose,
        subject: Option<&str>,
        redirect_to: Option<&str>,
    ) -> Result<String, InternalError> {
        self.signer.sign(&StateClaims {
            sub: subject,
            csrftoken: csrf_token,
            provider,
            purpose: purpose.name(),
            redirect_to,
            aud: self.signer.audience(),
            exp: self.signer.expires_at(Some(STATE_LIFETIME_SECONDS)),
        })
    }

    /// Checks a state against the provider and purpose of its callback, the browser's cookie, and the user who
    /// associates.
    pub(crate) fn check(
        &self,
        state: &str,
        provider: &str,
        purpose: Purpose,
        cookie: Option<&str>,
        subject: Option<&str>,
    ) -> Result<State, StateError> {
        let claims = self.signer.read_even_expired(state).ok_or(StateError::Bad)?;
        if self.signer.has_expired(&claims) {
            return Err(StateError::Expired);
        }
        let csrf_token = claims.csrf_token().unwrap_or_default();
        let same_browser = cookie.is_some_and(|cookie| {
            !csrf_token.is_empty() && bool::from(cookie.as_bytes().ct_eq(csrf_token.as_bytes()))
        });
        if !same_browser {
            return Err(StateError::ForeignBrowser);
        }
        if !self.is_of_flow(&claims, provider, purpose) {
            return Err(StateError::Bad);
        }
        if purpose == Purpose::Associate && claims.subject() != subject {
            return Err(StateError::ForeignUser);
        }
        let redirect_to = claims.redirect_to().map(str::to_owned);
        Ok(State { csrf_token: csrf_token.to_owned(), redirect_to })
    }

    fn is_of_flow(&self, claims: &ReadClaims, provider: &str, purpose: Purpose) -> bool {
        match (claims.provider(), claims.purpose()) {
            (Some(named), Some(purposed)) => named == provider && purposed == purpose.name(),
            // Python's: only its associate states have a subject.
            (None, None) => {
                self.side_by_side && claims.subject().is_some() == (purpose == Purpose::Associate)
            }
            _ => false,
        }
    }

    /// The PKCE code verifier of a flow (RFC 7636 §4.1). Nothing is stored: it is derived from the state.
    pub(crate) fn code_verifier(&self, csrf_token: &str) -> Option<String> {
        self.derive("pkce", csrf_token)
    }

    /// The OpenID nonce of a flow (OpenID Connect Core §3.1.2.1), derived likewise.
    pub(crate) fn nonce(&self, csrf_token: &str) -> Option<String> {
        self.derive("nonce", csrf_token)
    }

    /// With the oldest secret, which a rotation takes away last: a flow that began before a new secret came
    /// ends well after it.
    fn derive(&self, purpose: &str, csrf_token: &str) -> Option<String> {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.secrets.all().last()?).ok()?;
        for part in ["axum-users:oauth", purpose, csrf_token] {
            mac.update(part.as_bytes());
            mac.update(&[0]);
        }
        Some(base64_url(&mac.finalize().into_bytes()))
    }
}

/// The S256 code challenge of a verifier (RFC 7636 §4.2).
pub(crate) fn code_challenge(verifier: &str) -> String {
    base64_url(&Sha256::digest(verifier.as_bytes()))
}

/// Under which name a used state is remembered.
pub(crate) fn state_digest(csrf_token: &str) -> String {
    base64_url(&Sha256::digest(csrf_token.as_bytes()))
}
