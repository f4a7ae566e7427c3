//! The JWT strategy: nothing is stored, and a token is good until it expires.

use std::{borrow::Cow, fmt};

use secrecy::SecretString;
use serde_json::Value as Json;

use super::{IssueContext, Issued, Resolved, Strategy, StrategySetup};
use crate::{
    Clock, Database, KeyError, KeyPair, Secrets,
    error::InternalError,
    keys,
    refusals::check_token_lifetime,
    schema::{ColumnType, Timestamp},
    token::{AUDIENCE_ACCESS, AccessClaims, Algorithm, ReadClaims, TokenSigner},
    user::{UserId, UserModel},
    users::check_secret,
};

/// Makes signed tokens that the database knows nothing of.
///
/// The claims are the original's: `sub` (the id as text), `aud` (a list of one), `exp`. Logout ends nothing
/// but the client's own copy, as in the original.
///
/// ```
/// use axum_users::{Algorithm, Jwt};
/// let hour = Jwt::lasting_seconds(3600);
/// let own_secret = Jwt::lasting_seconds(900).secret("another-secret-of-at-least-32-bytes").algorithm(Algorithm::HS512);
/// ```
pub struct Jwt {
    lifetime_seconds: Option<u64>,
    audience: Cow<'static, str>,
    algorithm: Algorithm,
    secrets: Option<Secrets>,
    keys: Option<Vec<KeyPair>>,
    json_web_keys: Vec<Json>,
    wants_expiry: bool,
    ready: Option<Ready>,
}

/// What the strategy knows once it is configured.
struct Ready {
    signer: TokenSigner,
    id_type: ColumnType,
    clock: Clock,
    ends_early: bool,
}

impl Jwt {
    /// Tokens that are good for so many seconds; 0 is for ever, as in the original.
    #[must_use]
    pub fn lasting_seconds(seconds: u64) -> Self {
        Self { lifetime_seconds: (seconds != 0).then_some(seconds), ..Self::lasting_for_ever() }
    }

    /// Tokens without an expiry. Nothing but a change of the secret ends them.
    #[must_use]
    pub fn lasting_for_ever() -> Self {
        Self {
            lifetime_seconds: None,
            audience: Cow::Borrowed(AUDIENCE_ACCESS),
            algorithm: Algorithm::HS256,
            secrets: None,
            keys: None,
            json_web_keys: Vec::new(),
            wants_expiry: false,
            ready: None,
        }
    }

    /// An audience other than `fastapi-users:auth`; a second user model in one application needs its own.
    #[must_use]
    pub fn audience(mut self, audience: impl Into<Cow<'static, str>>) -> Self {
        self.audience = audience.into();
        self
    }

    /// Refuses tokens without an expiry, however well signed; the original reads them.
    #[must_use]
    pub fn refuse_tokens_without_expiry(mut self) -> Self {
        self.wants_expiry = true;
        self
    }

    /// HS256, HS384 or HS512. Key pairs name their algorithm in [`keys`](Self::keys).
    #[must_use]
    pub fn algorithm(mut self, algorithm: Algorithm) -> Self {
        self.algorithm = algorithm;
        self
    }

    /// Secrets of its own, in place of the builder's.
    #[must_use]
    pub fn secret(mut self, secrets: impl Into<Secrets>) -> Self {
        self.secrets = Some(secrets.into());
        self
    }

    /// Signs with a private key and verifies with its public key, both in PEM.
    #[must_use]
    pub fn key_pair(
        self,
        algorithm: Algorithm,
        private_key: impl Into<SecretString>,
        public_key: impl Into<String>,
    ) -> Self {
        self.keys(algorithm, vec![KeyPair::new(private_key).with_public_key(public_key)])
    }

    /// Signs with the first of these key pairs and verifies with all of them, so that a key can be replaced
    /// without logging anybody out.
    #[must_use]
    pub fn keys(mut self, algorithm: Algorithm, keys: Vec<KeyPair>) -> Self {
        self.algorithm = algorithm;
        self.keys = Some(keys);
        self
    }

    fn signer(&mut self, setup: &StrategySetup) -> Result<TokenSigner, Cow<'static, str>> {
        let (algorithm, clock) = (self.algorithm, setup.clock.clone());
        match (&self.keys, algorithm.is_symmetric()) {
            (None, true) => {
                let secrets = self.secrets.as_ref().unwrap_or(&setup.secrets);
                check_secret(secrets, setup.allow_short_secret)
                    .map_err(|reason| format!("its secret {reason}"))?;
                Ok(TokenSigner::with_secrets(algorithm, secrets, self.audience.clone(), clock))
            }
            (Some(keys), false) => {
                let told = |error: KeyError| Cow::Owned(error.to_string());
                let keys = keys::read_all(algorithm, keys).map_err(told)?;
                self.json_web_keys = keys.iter().map(|key| key.json_web_key.clone()).collect();
                TokenSigner::with_keys(algorithm, keys, self.audience.clone(), clock).map_err(told)
            }
            (None, false) => Err(Cow::Owned(format!(
                "{algorithm} signs with a key pair: give the private and the public key in PEM"
            ))),
            (Some(_), true) => Err(Cow::Owned(format!(
                "{algorithm} signs with a secret, but a key pair was given: use RS256, ES256 or EdDSA"
            ))),
        }
    }

    fn ready(&self) -> Result<&Ready, InternalError> {
        self.ready.as_ref().ok_or_else(|| InternalError::Token("the strategy was not configured".into()))
    }
}

impl fmt::Debug for Jwt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Jwt")
            .field("algorithm", &self.algorithm)
            .field("lifetime_seconds", &self.lifetime_seconds)
            .field("audience", &self.audience)
            .finish_non_exhaustive()
    }
}

impl Jwt {
    /// When a token was made, in microseconds: as it says, or as its expiry and our lifetime tell. The latter is
    /// to the second, and the earliest it can have been.
    fn issued_at_microseconds(&self, claims: &ReadClaims) -> Option<i64> {
        let by_expiry = || {
            let lifetime = i64::try_from(self.lifetime_seconds?).ok()?;
            claims.expires_at()?.checked_sub(lifetime)?.checked_mul(1_000_000)
        };
        claims.issued_at_microseconds().or_else(by_expiry)
    }
}

/// A moment in microseconds since 1970.
fn microseconds(at: Timestamp) -> i64 {
    i64::try_from(at.unix_timestamp_nanos() / 1_000).unwrap_or(i64::MAX)
}

impl<U: UserModel> Strategy<U> for Jwt {
    fn configure(&mut self, setup: &StrategySetup) -> Result<(), Cow<'static, str>> {
        check_token_lifetime(self.lifetime_seconds)?;
        self.ready = Some(Ready {
            signer: self.signer(setup)?,
            id_type: setup.schema.id_type(),
            clock: setup.clock.clone(),
            ends_early: setup.signed_tokens_end_early,
        });
        Ok(())
    }

    fn json_web_keys(&self) -> Vec<Json> {
        self.json_web_keys.clone()
    }

    async fn issue(&self, context: IssueContext<'_, U>) -> Result<Issued, InternalError> {
        let Ready { signer, clock, ends_early, .. } = self.ready()?;
        let token = signer.sign(&AccessClaims {
            sub: &context.user.id().to_string(),
            aud: [signer.audience()],
            exp: signer.expires_at(self.lifetime_seconds),
            issued_us: ends_early.then(|| microseconds(clock.now())),
            sid: context.session_id,
        })?;
        Ok(Issued::new(token, self.lifetime_seconds))
    }

    async fn resolve(
        &self,
        token: &str,
        database: &Database<U>,
    ) -> Result<Option<Resolved<U>>, InternalError> {
        let Ready { signer, id_type, ends_early, .. } = self.ready()?;
        let Some(claims) = signer.read(token) else { return Ok(None) };
        if self.wants_expiry && claims.expires_at().is_none() {
            return Ok(None);
        }
        let Some(id) = claims.subject().and_then(|subject| U::Id::parse(subject, *id_type)) else {
            return Ok(None);
        };
        let session_id = claims.session_id().map(str::to_owned);
        if !ends_early {
            return Ok(Some(Resolved::id(id).session_id(session_id)));
        }
        let Some((user, state)) = database.get_with_state(&id).await? else { return Ok(None) };
        let good = state.not_before.is_none_or(|not_before| {
            self.issued_at_microseconds(&claims).is_some_and(|at| at >= microseconds(not_before))
        });
        Ok(good.then(|| Resolved::user(user).session_id(session_id)))
    }
}
