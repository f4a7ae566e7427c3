//! Users of tokens that were just recognised, so that the next request need not ask again.
//!
//! An answer is good for a second. Within it, it ends with the next change of any user or session that goes through
//! this process: every such change begins an epoch, and answers of an earlier one count no more. An answer that was
//! on its way while a change happened belongs to the epoch in which it was asked for.

use std::{
    collections::{HashMap, hash_map::RandomState},
    fmt,
    hash::BuildHasher,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;

use crate::{Authenticated, user::UserModel};

/// How old an answer may become.
const GOOD_FOR: Duration = Duration::from_secs(1);

/// Parts with a lock each, so that threads seldom meet.
const PARTS: usize = 16;

/// Counts the changes of users and sessions that this process made.
#[derive(Clone, Debug, Default)]
pub(crate) struct Changes(Arc<AtomicU64>);

impl Changes {
    /// Something was changed, or may have been.
    pub(crate) fn note(&self) {
        self.0.fetch_add(1, Ordering::AcqRel);
    }

    /// Notes a change when the value is dropped: after the change, and also when nobody waited for its end.
    pub(crate) fn note_at_end(&self) -> NoteAtEnd {
        NoteAtEnd(self.clone())
    }

    fn epoch(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }
}

/// See [`Changes::note_at_end`].
pub(crate) struct NoteAtEnd(Changes);

impl Drop for NoteAtEnd {
    fn drop(&mut self) {
        self.0.note();
    }
}

/// What a request was answered, by its token.
pub(crate) struct UserCache<U: UserModel> {
    changes: Changes,
    hasher: RandomState,
    parts: Vec<Mutex<HashMap<Box<str>, Entry<U>>>>,
    entries_per_part: usize,
}

struct Entry<U: UserModel> {
    authenticated: Authenticated<U>,
    epoch: u64,
    good_until: Instant,
}

impl<U: UserModel> Entry<U> {
    fn is_good(&self, epoch: u64, now: Instant) -> bool {
        self.epoch == epoch && now < self.good_until
    }
}

/// The moment at which a token was looked up in vain, for the answer that will be found elsewhere.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    epoch: u64,
    at: Instant,
}

impl<U: UserModel> UserCache<U> {
    /// Keeps so many users at most.
    pub(crate) fn new(entries: usize, changes: Changes) -> Self {
        let parts = (0..PARTS).map(|_| Mutex::default()).collect();
        Self { changes, hasher: RandomState::new(), parts, entries_per_part: entries.div_ceil(PARTS) }
    }

    /// The user of a token, or what [`keep`](Self::keep) wants to know. A token of one backend is none of another.
    pub(crate) fn find(&self, backend: &str, token: &str) -> Result<Authenticated<U>, Asked> {
        let asked = Asked { epoch: self.changes.epoch(), at: Instant::now() };
        match self.part(token).get(token) {
            Some(entry) if entry.is_good(asked.epoch, asked.at) && entry.authenticated.backend == backend => {
                Ok(entry.authenticated.clone())
            }
            _ => Err(asked),
        }
    }

    /// Keeps the user of a token, as it was found after it had been asked for.
    pub(crate) fn keep(&self, token: &str, authenticated: &Authenticated<U>, asked: Asked) {
        let entry = Entry {
            authenticated: authenticated.clone(),
            epoch: asked.epoch,
            good_until: asked.at + GOOD_FOR,
        };
        let mut part = self.part(token);
        if part.len() >= self.entries_per_part && !part.contains_key(token) {
            part.retain(|_, entry| entry.is_good(asked.epoch, asked.at));
            if part.len() >= self.entries_per_part {
                part.clear();
            }
        }
        part.insert(token.into(), entry);
    }

    fn part(&self, token: &str) -> MutexGuard<'_, HashMap<Box<str>, Entry<U>>> {
        let part = usize::try_from(self.hasher.hash_one(token) % PARTS as u64).unwrap_or(0);
        // No code that can panic runs under this lock.
        self.parts[part].lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.parts.iter().map(|part| part.lock().unwrap().len()).sum()
    }
}

impl<U: UserModel> fmt::Debug for UserCache<U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserCache").field("entries_per_part", &self.entries_per_part).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;

    use super::*;
    use crate::User;

    fn ada() -> Authenticated<User> {
        let user = User {
            id: uuid::Uuid::nil(),
            email: "ada@example.org".into(),
            hashed_password: "h".into(),
            is_active: true,
            is_superuser: false,
            is_verified: false,
        };
        let token = SecretString::from("t");
        Authenticated { user, backend: "jwt".into(), token, session_id: None, issued_at: None }
    }

    fn asked(cache: &UserCache<User>, token: &str) -> Asked {
        cache.find("jwt", token).unwrap_err()
    }

    #[test]
    fn it_never_grows_beyond_its_bound() {
        let cache = UserCache::new(64, Changes::default());
        for number in 0..10_000 {
            let token = number.to_string();
            cache.keep(&token, &ada(), asked(&cache, &token));
            assert!(cache.len() <= 64);
            assert!(cache.find("jwt", &token).is_ok());
        }
    }

    #[test]
    fn a_token_of_one_backend_is_none_of_another() {
        let cache = UserCache::new(64, Changes::default());
        cache.keep("t", &ada(), asked(&cache, "t"));
        assert!(cache.find("jwt", "t").is_ok());
        assert!(cache.find("cookie", "t").is_err());
    }

    #[test]
    fn an_answer_that_was_on_its_way_during_a_change_is_not_good() {
        let changes = Changes::default();
        let cache = UserCache::new(64, changes.clone());
        let on_its_way = asked(&cache, "t");
        changes.note();
        cache.keep("t", &ada(), on_its_way);
        assert!(cache.find("jwt", "t").is_err());
    }
}
