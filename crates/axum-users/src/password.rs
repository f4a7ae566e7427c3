//! Passwords: hashes, the threads that compute them, and the rules for new ones.
//!
//! New hashes are Argon2id with FastAPI Users' parameters. Hashes that pwdlib or passlib made are verified
//! too: Argon2id, Argon2i and Argon2d of any parameters, and bcrypt; they are replaced at the next login.

mod common;
mod kind;
mod lanes;
mod policy;
mod pool;
mod stored;
#[cfg(test)]
mod tests;

use std::{fmt, hint::black_box, sync::Arc, thread};

use argon2::{Algorithm, Argon2, Params, Version};
use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use secrecy::{ExposeSecret, SecretString};

pub use kind::HashKind;
pub(crate) use policy::ErasedPasswordPolicy;
pub use policy::{AnyPassword, DefaultPasswordPolicy, PasswordPolicy};
use pool::{Memory, Pool, Size};
use stored::{StoredHash, fill_argon2};

use crate::random::Random;

const SALT_BYTES: usize = 16;
const HASH_BYTES: usize = 32;
/// Callers who may wait, for each thread: about two seconds' work at the default parameters.
const WAITING_PER_THREAD: usize = 16;
/// Memory in KiB times iterations up to which a fingerprint is cheap: well under a millisecond.
const CHEAP_WORK: u64 = 256;
/// Fingerprints that may wait: some milliseconds' work.
const WAITING_FINGERPRINTS: usize = 1024;

/// How much work a new Argon2id hash is.
///
/// The default is what FastAPI Users (pwdlib, argon2-cffi) uses: 65536 KiB (64 MiB), 3 iterations, 4 lanes.
/// OWASP's least is 19456 KiB, 2 iterations, 1 lane.
///
/// ```
/// use axum_users::Argon2Parameters;
///
/// let parameters = Argon2Parameters::new(19_456, 2, 1)?; // 19 MiB
/// assert_eq!(parameters.iterations(), 2);
/// # Ok::<(), axum_users::Argon2ParametersError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Argon2Parameters {
    params: Params,
}

/// Why [`Argon2Parameters::new`] refused.
///
/// ```
/// use axum_users::{Argon2Parameters, Argon2ParametersError};
///
/// assert!(matches!(Argon2Parameters::new(65_536, 0, 4), Err(Argon2ParametersError::Iterations)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Argon2ParametersError {
    /// There must be an iteration.
    #[error("Argon2 needs at least 1 iteration")]
    Iterations,
    /// There must be a lane, and at most 2^24 - 1.
    #[error("Argon2's parallelism must be from 1 to 16777215")]
    Parallelism,
    /// Every lane needs 8 KiB.
    #[error(
        "Argon2 needs at least 8 KiB of memory for each of its lanes: with a parallelism of {parallelism}, {least} KiB"
    )]
    TooLittleMemory {
        /// The lanes that were asked for.
        parallelism: u32,
        /// The least memory for them, in KiB.
        least: u64,
    },
    /// A hash would take more memory or time than the library ever spends on one.
    #[error(
        "a password hash may take at most {} KiB of memory, and memory in KiB times iterations may be at most {}",
        Argon2Parameters::MOST_MEMORY_KIB,
        Argon2Parameters::MOST_WORK
    )]
    TooMuchWork,
}

impl Argon2Parameters {
    /// 1 GiB. Beyond it a stored hash counts as damaged.
    const MOST_MEMORY_KIB: u32 = 1 << 20;
    /// 32 passes over 1 GiB, some 25 seconds. Beyond it a stored hash counts as damaged.
    const MOST_WORK: u64 = 32 << 20;

    /// Memory in KiB (8 for each lane to 1048576, which is 1 GiB), iterations (at least 1) and lanes (1 to
    /// 2^24 - 1).
    ///
    /// # Errors
    /// A number is out of its range, or memory times iterations is over 33554432.
    pub fn new(memory_kib: u32, iterations: u32, parallelism: u32) -> Result<Self, Argon2ParametersError> {
        if iterations < Params::MIN_T_COST {
            return Err(Argon2ParametersError::Iterations);
        }
        if Self::asks_too_much(memory_kib, iterations) {
            return Err(Argon2ParametersError::TooMuchWork);
        }
        let least = u64::from(parallelism) * 8;
        Params::new(memory_kib, iterations, parallelism, Some(HASH_BYTES))
            .map(|params| Self { params })
            .map_err(|error| match error {
                argon2::Error::MemoryTooLittle if parallelism > 0 => {
                    Argon2ParametersError::TooLittleMemory { parallelism, least }
                }
                _ => Argon2ParametersError::Parallelism,
            })
    }

    /// The cheapest that Argon2 allows (8 KiB, 1 iteration, 1 lane), for tests and for what cannot be
    /// guessed. Never for passwords.
    #[must_use]
    pub const fn least() -> Self {
        const LEAST: Argon2Parameters =
            Argon2Parameters::constant(Params::MIN_M_COST, Params::MIN_T_COST, Params::MIN_P_COST);
        LEAST
    }

    #[allow(clippy::panic, reason = "only constants are made of it, so the compiler would meet the panic")]
    const fn constant(memory_kib: u32, iterations: u32, parallelism: u32) -> Self {
        match Params::new(memory_kib, iterations, parallelism, Some(HASH_BYTES)) {
            Ok(params) => Self { params },
            Err(_) => panic!("Argon2 has no such parameters"),
        }
    }

    /// The memory of one hash, in KiB.
    #[must_use]
    pub fn memory_kib(&self) -> u32 {
        self.params.m_cost()
    }

    /// How often the memory is gone over.
    #[must_use]
    pub fn iterations(&self) -> u32 {
        self.params.t_cost()
    }

    /// The number of lanes, which is part of the result. As many threads compute a hash at most, where cores are
    /// idle.
    #[must_use]
    pub fn parallelism(&self) -> u32 {
        self.params.p_cost()
    }

    fn asks_too_much(memory_kib: u32, iterations: u32) -> bool {
        memory_kib > Self::MOST_MEMORY_KIB || work(memory_kib, iterations) > Self::MOST_WORK
    }

    fn argon2id(&self) -> Argon2<'static> {
        Argon2::new(Algorithm::Argon2id, Version::V0x13, self.params.clone())
    }

    /// The hash as PHC text: `$argon2id$v=19$m=65536,t=3,p=4$salt$hash`.
    fn hash(
        &self,
        password: &[u8],
        salt: [u8; SALT_BYTES],
        memory: &mut Memory,
    ) -> Result<String, HashError> {
        let mut hash = [0; HASH_BYTES];
        fill_argon2(&self.argon2id(), password, &salt, &mut hash, memory)?;
        let (memory_kib, iterations, parallelism) =
            (self.memory_kib(), self.iterations(), self.parallelism());
        let (salt, hash) = (STANDARD_NO_PAD.encode(salt), STANDARD_NO_PAD.encode(hash));
        Ok(format!("$argon2id$v=19$m={memory_kib},t={iterations},p={parallelism}${salt}${hash}"))
    }
}

impl Default for Argon2Parameters {
    fn default() -> Self {
        const ORIGINAL: Argon2Parameters = Argon2Parameters::constant(65536, 3, 4);
        ORIGINAL
    }
}

impl fmt::Debug for Argon2Parameters {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Argon2Parameters")
            .field("memory_kib", &self.memory_kib())
            .field("iterations", &self.iterations())
            .field("parallelism", &self.parallelism())
            .finish()
    }
}

fn work(memory_kib: u32, iterations: u32) -> u64 {
    u64::from(memory_kib) * u64::from(iterations)
}

/// Why a password was neither hashed nor verified.
///
/// ```
/// use axum_users::{HashError, InternalError};
///
/// let answered_503 = InternalError::from(HashError::Overloaded);
/// assert!(answered_503.is_temporary());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HashError {
    /// Too many callers wait for a hash, or the machine has no thread or memory left for one. Trying again
    /// later helps; a server answers 503.
    #[error("too many passwords are being hashed")]
    Overloaded,
}

/// What a password is to a stored hash.
///
/// ```
/// use axum_users::Verification;
///
/// fn may_enter(verification: &Verification) -> bool {
///     !matches!(verification, Verification::Wrong)
/// }
/// assert!(may_enter(&Verification::RightButOutdated));
/// ```
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verification {
    /// It is another password, or the stored text is no hash that can be verified.
    Wrong,
    /// It is the password.
    Right,
    /// It is the password, and a fresh hash should replace the stored one: that is bcrypt, or it is not
    /// Argon2id version 19 with exactly the parameters and lengths of new hashes (stronger ones too, as in
    /// FastAPI Users).
    RightButOutdated,
}

/// Hashes and verifies passwords, on threads of its own. Cheap to clone; clones share the threads.
///
/// At most [`threads`](Self::threads) hashes are computed at a time and at most [`queue`](Self::queue)
/// callers wait; all others get [`HashError::Overloaded`] at once, and so does who would wait for more than two
/// seconds if hashes go on as of late. Each thread keeps the memory of one hash until it had no work for five
/// seconds. A stored hash with larger parameters takes more for its time, 1 GiB at most. Threads start when they
/// are needed and end when they rested, or with the last clone.
///
/// While a hash has the other threads to itself, and Linux says that cores are idle, its lanes are computed at
/// the same time, which nearly halves a login's time on two cores.
///
/// ```
/// use axum_users::{Argon2Parameters, PasswordHasher, Random, Verification};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), axum_users::HashError> {
/// let hasher = PasswordHasher::new(Argon2Parameters::default(), Random::system());
///
/// let stored = hasher.hash(&"a horse in the rain".into()).await?;
///
/// assert_eq!(hasher.verify(&"a horse in the rain".into(), &stored).await?, Verification::Right);
/// assert_eq!(hasher.verify(&"a horse in the sun".into(), &stored).await?, Verification::Wrong);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct PasswordHasher {
    inner: Arc<Inner>,
}

struct Inner {
    parameters: Argon2Parameters,
    random: Random,
    threads: usize,
    queue: Option<usize>,
    pool: Pool,
    /// For what is cheap, so that it never waits for what is not.
    fingerprints: Pool,
}

impl PasswordHasher {
    /// With as many threads as the machine has cores. `random` makes the salts.
    #[must_use]
    pub fn new(parameters: Argon2Parameters, random: Random) -> Self {
        let threads = thread::available_parallelism().map_or(1, usize::from);
        Self::build(parameters, random, threads, None)
    }

    /// Sets how many hashes are computed at a time, at least one; a single hash takes no more threads than that. The
    /// result has threads of its own.
    #[must_use]
    pub fn threads(self, threads: usize) -> Self {
        let Inner { parameters, random, queue, .. } = &*self.inner;
        Self::build(parameters.clone(), random.clone(), threads.max(1), *queue)
    }

    /// Sets how many callers may wait while all threads are busy; 16 for each thread without. The result has
    /// threads of its own.
    #[must_use]
    pub fn queue(self, callers: usize) -> Self {
        let Inner { parameters, random, threads, .. } = &*self.inner;
        Self::build(parameters.clone(), random.clone(), *threads, Some(callers))
    }

    fn build(parameters: Argon2Parameters, random: Random, threads: usize, queue: Option<usize>) -> Self {
        let waiting = queue.unwrap_or(threads.saturating_mul(WAITING_PER_THREAD));
        let lanes = usize::try_from(parameters.parallelism()).unwrap_or(usize::MAX).min(threads);
        let pool = Pool::new(Size { threads, waiting, blocks: parameters.params.block_count(), lanes });
        let blocks = Argon2Parameters::least().params.block_count();
        let fingerprints = Pool::new(Size { threads: 1, waiting: WAITING_FINGERPRINTS, blocks, lanes: 1 });
        Self { inner: Arc::new(Inner { parameters, random, threads, queue, pool, fingerprints }) }
    }

    /// The parameters of new hashes.
    #[must_use]
    pub fn parameters(&self) -> &Argon2Parameters {
        &self.inner.parameters
    }

    /// A fresh Argon2id hash as PHC text: 16 bytes of salt, 32 of hash, base64 without padding.
    ///
    /// # Errors
    /// [`HashError::Overloaded`].
    pub async fn hash(&self, password: &SecretString) -> Result<String, HashError> {
        let (parameters, password, salt) = (self.inner.parameters.clone(), password.clone(), self.salt());
        let hash =
            move |memory: &mut Memory| parameters.hash(password.expose_secret().as_bytes(), salt, memory);
        self.inner.pool.run(hash).await?
    }

    /// Compares a password with a stored hash, in constant time.
    ///
    /// Argon2id, Argon2i and Argon2d (versions 16 and 19) are known, and bcrypt as `$2a$`, `$2b$`, `$2x$` and
    /// `$2y$`. Any other text, a damaged one, and one that asks for too much (over 1 GiB, 25 seconds or
    /// bcrypt's cost 18) is [`Verification::Wrong`], with a warning in the log and after as much work as a
    /// new hash is. With bcrypt a password over 72 bytes or with a NUL in it is wrong: it cannot tell such a
    /// one from others.
    ///
    /// # Errors
    /// [`HashError::Overloaded`].
    pub async fn verify(&self, password: &SecretString, stored: &str) -> Result<Verification, HashError> {
        let stored = match StoredHash::parse(stored) {
            Ok(stored) => stored,
            Err(reason) => {
                tracing::warn!("a stored password hash cannot be verified: {reason}");
                self.verify_unknown(password).await?;
                return Ok(Verification::Wrong);
            }
        };
        let is_current = stored.is_current(&self.inner.parameters);
        let password = password.clone();
        let verify = move |memory: &mut Memory| stored.verify(password.expose_secret().as_bytes(), memory);
        Ok(match self.inner.pool.run(verify).await?? {
            false => Verification::Wrong,
            true if is_current => Verification::Right,
            true => Verification::RightButOutdated,
        })
    }

    /// As much work as verifying a hash of the present parameters: for users that do not exist, so that the
    /// time of an answer does not tell.
    ///
    /// # Errors
    /// [`HashError::Overloaded`].
    pub async fn verify_unknown(&self, password: &SecretString) -> Result<(), HashError> {
        let (parameters, password) = (self.inner.parameters.clone(), password.clone());
        let work = move |memory: &mut Memory| {
            parameters.hash(password.expose_secret().as_bytes(), [0; SALT_BYTES], memory).map(black_box)
        };
        self.inner.pool.run(work).await?.map(|_| ())
    }

    /// A fingerprint of a stored hash, for password reset tokens: the Argon2id text of it.
    ///
    /// FastAPI Users puts the same into `password_fgpt` and verifies it with whatever parameters it has.
    /// Since a stored hash cannot be guessed, the least will do, and this is cheap.
    ///
    /// # Errors
    /// [`HashError::Overloaded`].
    pub async fn fingerprint(&self, stored: &str) -> Result<String, HashError> {
        let (stored, salt) = (SecretString::from(stored), self.salt());
        let hash = move |memory: &mut Memory| {
            Argon2Parameters::least().hash(stored.expose_secret().as_bytes(), salt, memory)
        };
        self.inner.fingerprints.run_untold(hash).await?
    }

    /// Whether `fingerprint` was made of this stored hash, here or by FastAPI Users (whose own costs as much
    /// as a password). A text that is no fingerprint is not.
    ///
    /// # Errors
    /// [`HashError::Overloaded`].
    pub async fn verify_fingerprint(&self, stored: &str, fingerprint: &str) -> Result<bool, HashError> {
        let Ok(fingerprint) = StoredHash::parse(fingerprint) else { return Ok(false) };
        let is_cheap = fingerprint.work() <= CHEAP_WORK;
        let stored = SecretString::from(stored);
        let verify = move |memory: &mut Memory| fingerprint.verify(stored.expose_secret().as_bytes(), memory);
        match is_cheap {
            true => self.inner.fingerprints.run_untold(verify).await?,
            false => self.inner.pool.run(verify).await?,
        }
    }

    /// How many hashes were computed, or begun.
    #[cfg(test)]
    pub(crate) fn hashes(&self) -> usize {
        self.inner.pool.accepted()
    }

    fn salt(&self) -> [u8; SALT_BYTES] {
        let mut salt = [0; SALT_BYTES];
        self.inner.random.fill(&mut salt);
        salt
    }
}

impl fmt::Debug for PasswordHasher {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("PasswordHasher")
            .field("parameters", &self.inner.parameters)
            .field("threads", &self.inner.threads)
            .finish_non_exhaustive()
    }
}
