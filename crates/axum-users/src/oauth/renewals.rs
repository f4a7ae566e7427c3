//! One change of a user's provider tokens or links at a time, however many ask.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
};

/// Hands out one lock for each key; a lock is forgotten when nobody holds it.
#[derive(Debug, Default)]
pub(crate) struct Renewals(Mutex<HashMap<String, Weak<tokio::sync::Mutex<()>>>>);

impl Renewals {
    /// The lock for this key.
    pub(crate) fn turn(&self, key: &str) -> Arc<tokio::sync::Mutex<()>> {
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(turn) = turns.get(key).and_then(Weak::upgrade) {
            return turn;
        }
        turns.retain(|_, turn| turn.strong_count() > 0);
        let turn = Arc::new(tokio::sync::Mutex::new(()));
        turns.insert(key.to_owned(), Arc::downgrade(&turn));
        turn
    }
}
