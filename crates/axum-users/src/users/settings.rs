//! Settings of hashing, mailed tokens and the place of limits, before they are built.

use std::borrow::Cow;

use super::{BuildError, TokenKind, checks::check_secret};
use crate::{
    Clock, Random,
    database::Database,
    limits::ErasedLimitStore,
    password::{Argon2Parameters, PasswordHasher},
    token::{Algorithm, Secrets, TokenSigner},
    user::UserModel,
};

#[derive(Default)]
pub(super) struct HasherSettings {
    pub(super) parameters: Argon2Parameters,
    pub(super) threads: Option<usize>,
    pub(super) queue: Option<usize>,
}

pub(super) struct TokenSettings {
    pub(super) secrets: Option<Secrets>,
    pub(super) audience: Cow<'static, str>,
    pub(super) lifetime_seconds: u64,
}

impl TokenSettings {
    pub(super) fn new(audience: &'static str) -> Self {
        Self { secrets: None, audience: Cow::Borrowed(audience), lifetime_seconds: 3600 }
    }

    /// The same for tokens of another purpose, which are told apart by their audience.
    pub(super) fn for_new_addresses(&self) -> Self {
        let audience = Cow::Owned(format!("{}:new-address", self.audience));
        Self { secrets: self.secrets.clone(), audience, lifetime_seconds: self.lifetime_seconds }
    }

    pub(super) fn build(
        self,
        shared: &Secrets,
        clock: &Clock,
        name: &'static str,
        allow_short: bool,
    ) -> Result<TokenKind, BuildError> {
        let secrets = self.secrets.unwrap_or_else(|| shared.clone());
        check_secret(&secrets, allow_short).map_err(|reason| BuildError::Secret(name, reason))?;
        let signer = TokenSigner::with_secrets(Algorithm::HS256, &secrets, self.audience, clock.clone());
        Ok(TokenKind { signer, secrets, lifetime_seconds: self.lifetime_seconds })
    }
}

/// Where tries are counted.
pub(super) enum LimitPlace {
    Process,
    Database,
    Store(Box<dyn ErasedLimitStore>),
}

impl LimitPlace {
    pub(super) fn store<U: UserModel>(
        self,
        database: &Database<U>,
    ) -> Result<Option<Box<dyn ErasedLimitStore>>, BuildError> {
        match self {
            Self::Process => Ok(None),
            Self::Store(store) => Ok(Some(store)),
            Self::Database if database.capabilities().limits => Ok(Some(Box::new(database.share()))),
            Self::Database => {
                Err(BuildError::Limits(Cow::Borrowed("the database adapter keeps none; take `limit_store`")))
            }
        }
    }
}

impl HasherSettings {
    pub(super) fn build(self, random: &Random) -> PasswordHasher {
        let mut hasher = PasswordHasher::new(self.parameters, random.clone());
        if let Some(threads) = self.threads {
            hasher = hasher.threads(threads);
        }
        if let Some(queue) = self.queue {
            hasher = hasher.queue(queue);
        }
        hasher
    }
}
