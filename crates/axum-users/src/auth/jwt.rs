//! The JWT strategy: nothing is stored, and a token is good until it expires.

use std::{borrow::Cow, fmt};

use secrecy::SecretString;

use super::{IssueContext, Issued, Resolved, Strategy, StrategySetup};
use crate::{
    Database, Secrets,
    error::InternalError,
    token::{AUDIENCE_ACCESS, AccessClaims, Algorithm, TokenSigner},
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
    key_pair: Option<(SecretString, Vec<String>)>,
    ready: Option<(TokenSigner, crate::schema::ColumnType)>,
}

impl Jwt {
    /// Tokens that are good for so many seconds.
    #[must_use]
    pub fn lasting_seconds(seconds: u64) -> Self {
        Self { lifetime_seconds: Some(seconds), ..Self::lasting_for_ever() }
    }

    /// Tokens without an expiry. Nothing but a change of the secret ends them.
    #[must_use]
    pub fn lasting_for_ever() -> Self {
        Self {
            lifetime_seconds: None,
            audience: Cow::Borrowed(AUDIENCE_ACCESS),
            algorithm: Algorithm::HS256,
            secrets: None,
            key_pair: None,
            ready: None,
        }
    }

    /// An audience other than `fastapi-users:auth`; a second user model in one application needs its own.
    #[must_use]
    pub fn audience(mut self, audience: impl Into<Cow<'static, str>>) -> Self {
        self.audience = audience.into();
        self
    }

    /// HS256, HS384 or HS512. Key pairs name their algorithm in [`key_pair`](Self::key_pair).
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

    /// Signs with a private key and verifies with its public key, both in PEM (RS256, ES256, EdDSA).
    #[must_use]
    pub fn key_pair(
        mut self,
        algorithm: Algorithm,
        private_key: impl Into<SecretString>,
        public_key: impl Into<String>,
    ) -> Self {
        self.algorithm = algorithm;
        self.key_pair = Some((private_key.into(), vec![public_key.into()]));
        self
    }

    fn signer(&self, setup: &StrategySetup) -> Result<TokenSigner, Cow<'static, str>> {
        let clock = setup.clock.clone();
        match (&self.key_pair, self.algorithm.is_symmetric()) {
            (None, true) => {
                let secrets = self.secrets.as_ref().unwrap_or(&setup.secrets);
                check_secret(secrets, setup.allow_short_secret)
                    .map_err(|reason| format!("its secret {reason}"))?;
                Ok(TokenSigner::with_secrets(self.algorithm, secrets, self.audience.clone(), clock))
            }
            (Some((private, public)), false) => {
                TokenSigner::with_key_pair(self.algorithm, private, public, self.audience.clone(), clock)
                    .map_err(|error| Cow::Owned(error.to_string()))
            }
            (None, false) => Err(Cow::Owned(format!(
                "{} signs with a key pair: give the private and the public key in PEM",
                self.algorithm
            ))),
            (Some(_), true) => Err(Cow::Owned(format!(
                "{} signs with a secret, but a key pair was given: use RS256, ES256 or EdDSA",
                self.algorithm
            ))),
        }
    }

    fn ready(&self) -> Result<&(TokenSigner, crate::schema::ColumnType), InternalError> {
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

impl<U: UserModel> Strategy<U> for Jwt {
    fn configure(&mut self, setup: &StrategySetup) -> Result<(), Cow<'static, str>> {
        self.ready = Some((self.signer(setup)?, setup.schema.id_type()));
        Ok(())
    }

    async fn issue(&self, context: IssueContext<'_, U>) -> Result<Issued, InternalError> {
        let (signer, _) = self.ready()?;
        let subject = context.user.id().to_string();
        let exp = signer.expires_at(self.lifetime_seconds);
        let token = signer.sign(&AccessClaims { sub: &subject, aud: [signer.audience()], exp })?;
        Ok(Issued::new(token, self.lifetime_seconds))
    }

    async fn resolve(&self, token: &str, _: &Database<U>) -> Result<Option<Resolved<U>>, InternalError> {
        let (signer, id_type) = self.ready()?;
        let claims = signer.read(token);
        let id = claims.as_ref().and_then(|claims| U::Id::parse(claims.subject()?, *id_type));
        Ok(id.map(Resolved::id))
    }
}
