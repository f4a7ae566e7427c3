//! Where randomness comes from.
//!
//! Everything that draws randomness takes a [`Random`], and nothing else in the library asks the operating
//! system (clippy's `disallowed-methods` sees to it). So a test can fix every token, id and salt.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use uuid::Uuid;

/// A source of random bytes. Cheap to clone; clones share one source.
///
/// ```
/// use axum_users::Random;
///
/// let random = Random::system();
/// assert_eq!(random.token().len(), 43);
/// assert_ne!(random.token(), random.token());
/// ```
#[derive(Clone)]
pub struct Random {
    source: Source,
}

#[derive(Clone)]
enum Source {
    System,
    Seeded(Arc<Mutex<SplitMix64>>),
}

impl Random {
    /// The operating system's generator, fit for secrets.
    #[must_use]
    pub fn system() -> Self {
        Self { source: Source::System }
    }

    /// A generator that gives the same bytes for the same seed: **for tests only**. Whoever has seen some of
    /// its output can compute the rest.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self { source: Source::Seeded(Arc::new(Mutex::new(SplitMix64 { state: seed }))) }
    }

    /// Fills `bytes`.
    ///
    /// # Panics
    /// If the operating system has no randomness to give. No secret can be made then, so nothing sensible is
    /// left to do.
    pub fn fill(&self, bytes: &mut [u8]) {
        match &self.source {
            Source::System => fill_from_system(bytes),
            Source::Seeded(generator) => {
                generator.lock().unwrap_or_else(PoisonError::into_inner).fill(bytes);
            }
        }
    }

    /// 32 random bytes as 43 characters of URL-safe base64 without padding, as Python's
    /// `secrets.token_urlsafe()` makes them.
    #[must_use]
    pub fn token(&self) -> String {
        let mut bytes = [0; 32];
        self.fill(&mut bytes);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// A random UUID, version 4 (RFC 9562 section 5.4).
    #[must_use]
    pub fn uuid(&self) -> Uuid {
        let mut bytes = [0; 16];
        self.fill(&mut bytes);
        uuid::Builder::from_random_bytes(bytes).into_uuid()
    }
}

impl Default for Random {
    /// The same as [`Random::system`].
    fn default() -> Self {
        Self::system()
    }
}

impl fmt::Debug for Random {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self.source {
            Source::System => "Random(system)",
            Source::Seeded(_) => "Random(seeded)",
        })
    }
}

#[allow(clippy::disallowed_methods, reason = "the one place that asks the operating system")]
#[allow(
    clippy::panic,
    reason = "without randomness no secret can be made, and a guessable one must never be"
)]
fn fill_from_system(bytes: &mut [u8]) {
    if let Err(error) = getrandom::fill(bytes) {
        panic!("the operating system gives no random bytes: {error}");
    }
}

/// Sebastiano Vigna's SplitMix64: a small public-domain generator with one 64-bit word of state.
struct SplitMix64 {
    state: u64,
}

impl SplitMix64 {
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.state;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&self.next().to_le_bytes()[..chunk.len()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_generator_gives_the_published_first_words_of_seed_1234567() {
        let mut generator = SplitMix64 { state: 1_234_567 };

        let words = [generator.next(), generator.next(), generator.next()];

        assert_eq!(words, [6457827717110365317, 3203168211198807973, 9817491932198370423]);
    }

    #[test]
    fn one_seed_gives_one_sequence_and_another_seed_another() {
        let sequence = |seed| {
            let random = Random::seeded(seed);
            (random.token(), random.uuid(), random.token())
        };

        assert_eq!(sequence(7), sequence(7));
        assert_ne!(sequence(7), sequence(8));
    }

    #[test]
    fn clones_go_on_where_the_other_stopped() {
        let random = Random::seeded(7);

        assert_ne!(random.token(), random.clone().token());
    }

    #[test]
    fn se_10_tokens_are_43_url_safe_characters_and_never_repeat() {
        let random = Random::system();

        let tokens: HashSet<_> = (0..1000).map(|_| random.token()).collect();

        assert_eq!(tokens.len(), 1000);
        let url_safe = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        for token in tokens {
            assert!(token.len() == 43 && token.chars().all(url_safe), "{token}");
        }
    }

    #[test]
    fn uuids_are_random_version_4() {
        let uuid = Random::system().uuid();

        assert_eq!(uuid.get_version(), Some(uuid::Version::Random));
        assert_eq!(uuid.get_variant(), uuid::Variant::RFC4122);
        assert_ne!(uuid, Random::system().uuid());
    }

    #[test]
    fn lengths_that_are_no_multiple_of_a_word_are_filled_to_the_end() {
        let mut bytes = [0; 13];
        Random::seeded(1).fill(&mut bytes);

        assert_ne!(bytes[8..], [0; 5]);
    }

    #[test]
    fn hd_20_debug_shows_no_state() {
        assert_eq!(
            format!("{:?} {:?}", Random::system(), Random::seeded(42)),
            "Random(system) Random(seeded)"
        );
    }
}
