//! Password hashes as they stand in the database.

use argon2::{Algorithm, Argon2, Params, Version};
use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use bcrypt::HashParts;
use subtle::ConstantTimeEq;

use super::{Argon2Parameters, HashError, SALT_BYTES, pool::Memory, work};

/// bcrypt reads no further.
const BCRYPT_BYTES: usize = 72;
/// Takes some 15 seconds. Hashes in the wild cost 10 to 14.
const BCRYPT_MOST_COST: u32 = 18;
const BCRYPT_LEAST_COST: u32 = 4;

/// A hash that can be verified.
pub(super) enum StoredHash {
    Argon2(Argon2Hash),
    Bcrypt(String),
}

pub(super) struct Argon2Hash {
    pub(super) algorithm: Algorithm,
    pub(super) version: Version,
    pub(super) params: Params,
    pub(super) salt: Vec<u8>,
    pub(super) hash: Vec<u8>,
}

/// Why a text is no hash that can be verified. It never quotes the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unreadable {
    #[error("it is neither Argon2 nor bcrypt")]
    UnknownFormat,
    #[error("it is damaged")]
    Damaged,
    #[error("it asks for more memory or time than is allowed")]
    TooMuchWork,
}

impl StoredHash {
    /// Reads Argon2's PHC text and bcrypt's modular crypt text as pwdlib recognises them.
    pub(super) fn parse(text: &str) -> Result<Self, Unreadable> {
        if text.starts_with("$argon2") {
            Argon2Hash::parse(text).map(Self::Argon2)
        } else if ["$2a$", "$2b$", "$2x$", "$2y$"].iter().any(|prefix| text.starts_with(prefix)) {
            check_bcrypt(text)?;
            Ok(Self::Bcrypt(text.to_owned()))
        } else {
            Err(Unreadable::UnknownFormat)
        }
    }

    /// Whether a new hash of the same password would have the same algorithm, version, parameters and
    /// lengths.
    pub(super) fn is_current(&self, parameters: &Argon2Parameters) -> bool {
        match self {
            Self::Argon2(stored) => {
                stored.algorithm == Algorithm::Argon2id
                    && stored.version == Version::V0x13
                    && stored.params == parameters.params
                    && stored.salt.len() == SALT_BYTES
            }
            Self::Bcrypt(_) => false,
        }
    }

    /// Memory in KiB times iterations; of bcrypt, which is never cheap, the most.
    pub(super) fn work(&self) -> u64 {
        match self {
            Self::Argon2(stored) => work(stored.params.m_cost(), stored.params.t_cost()),
            Self::Bcrypt(_) => u64::MAX,
        }
    }

    pub(super) fn verify(&self, password: &[u8], memory: &mut Memory) -> Result<bool, HashError> {
        match self {
            Self::Argon2(stored) => stored.verify(password, memory),
            Self::Bcrypt(stored) => Ok(verify_bcrypt(password, stored)),
        }
    }
}

impl Argon2Hash {
    /// `$argon2id$v=19$m=65536,t=3,p=4$salt$hash`; a missing version is 16, as in the reference
    /// implementation.
    fn parse(text: &str) -> Result<Self, Unreadable> {
        let fields: Vec<&str> = text.split('$').collect();
        let (algorithm, version, parameters, salt, hash) = match fields[..] {
            ["", algorithm, version, parameters, salt, hash] => (algorithm, version, parameters, salt, hash),
            ["", algorithm, parameters, salt, hash] => (algorithm, "v=16", parameters, salt, hash),
            _ => return Err(Unreadable::Damaged),
        };
        let algorithm = match algorithm {
            "argon2id" => Algorithm::Argon2id,
            "argon2i" => Algorithm::Argon2i,
            "argon2d" => Algorithm::Argon2d,
            _ => return Err(Unreadable::UnknownFormat),
        };
        let version = match version {
            "v=16" => Version::V0x10,
            "v=19" => Version::V0x13,
            _ => return Err(Unreadable::Damaged),
        };
        let salt = STANDARD_NO_PAD.decode(salt).map_err(|_| Unreadable::Damaged)?;
        let hash = STANDARD_NO_PAD.decode(hash).map_err(|_| Unreadable::Damaged)?;
        if salt.len() < argon2::MIN_SALT_LEN {
            return Err(Unreadable::Damaged);
        }
        let params = read_parameters(parameters, hash.len())?;
        Ok(Self { algorithm, version, params, salt, hash })
    }

    fn verify(&self, password: &[u8], memory: &mut Memory) -> Result<bool, HashError> {
        let mut hash = vec![0; self.hash.len()];
        let argon2 = Argon2::new(self.algorithm, self.version, self.params.clone());
        fill_argon2(&argon2, password, &self.salt, &mut hash, memory)?;
        Ok(hash.ct_eq(&self.hash).into())
    }
}

/// Reads `m=65536,t=3,p=4`.
fn read_parameters(text: &str, hash_length: usize) -> Result<Params, Unreadable> {
    let mut numbers = [0; 3];
    let fields: Vec<&str> = text.split(',').collect();
    if fields.len() != numbers.len() {
        return Err(Unreadable::Damaged);
    }
    for ((number, field), name) in numbers.iter_mut().zip(fields).zip(["m=", "t=", "p="]) {
        *number = field.strip_prefix(name).and_then(read_number).ok_or(Unreadable::Damaged)?;
    }
    let [memory_kib, iterations, parallelism] = numbers;
    if Argon2Parameters::asks_too_much(memory_kib, iterations) {
        return Err(Unreadable::TooMuchWork);
    }
    Params::new(memory_kib, iterations, parallelism, Some(hash_length)).map_err(|_| Unreadable::Damaged)
}

/// A decimal number as the PHC string format wants it: no sign, no leading zero.
fn read_number(text: &str) -> Option<u32> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    plain.then(|| text.parse().ok()).flatten()
}

/// Computes Argon2 into `hash`, in the memory of this thread.
pub(super) fn fill_argon2(
    argon2: &Argon2<'_>,
    password: &[u8],
    salt: &[u8],
    hash: &mut [u8],
    memory: &mut Memory,
) -> Result<(), HashError> {
    debug_assert!(rayon_core::current_thread_index().is_some(), "see `lanes`: this thread is not ours");
    let count = argon2.params().block_count();
    let done =
        memory.with(count, |blocks| argon2.hash_password_into_with_memory(password, salt, hash, blocks))?;
    done.map_err(|error| {
        // The parameters were checked; what is left is a password of more than 4 GiB.
        tracing::error!(%error, "Argon2 refused to hash a password");
        HashError::Overloaded
    })
}

fn check_bcrypt(text: &str) -> Result<(), Unreadable> {
    let parts: HashParts = text.parse().map_err(|_| Unreadable::Damaged)?;
    let digits = text.bytes().skip(4).take(2).all(|byte| byte.is_ascii_digit());
    match parts.get_cost() {
        cost if !digits || cost < BCRYPT_LEAST_COST => Err(Unreadable::Damaged),
        cost if cost > BCRYPT_MOST_COST => Err(Unreadable::TooMuchWork),
        _ => Ok(()),
    }
}

/// All four prefixes are computed alike, as Python's bcrypt does: a `$2x$` hash that an old PHP made of
/// non-ASCII text with its sign bug verifies in neither.
///
/// What bcrypt cannot tell apart is wrong here, after the same work: more than 72 bytes (it reads no further)
/// and NUL (its key repeats, so `a` and `a\0a` are one).
fn verify_bcrypt(password: &[u8], stored: &str) -> bool {
    let matches = bcrypt::verify(password, stored).unwrap_or(false);
    let exact = password.len() <= BCRYPT_BYTES && !password.contains(&0);
    matches && exact
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bcrypt_hashes_are_taken_up_to_the_cost_that_may_be_asked_for() {
        let of_cost = |cost: u32| {
            let rest = "abcdefghijklmnopqrstuum174eFeoTj0DHmtuueFaS3Wde4P7wHG";
            StoredHash::parse(&format!("$2b${cost:02}${rest}")).map(drop)
        };
        assert_eq!(of_cost(BCRYPT_LEAST_COST - 1), Err(Unreadable::Damaged));
        assert_eq!(of_cost(BCRYPT_LEAST_COST), Ok(()));
        assert_eq!(of_cost(BCRYPT_MOST_COST), Ok(()));
        assert_eq!(of_cost(BCRYPT_MOST_COST + 1), Err(Unreadable::TooMuchWork));
    }
}
