//! A value that is fetched when it is first wanted and kept for a while.

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::sync::Mutex;

use crate::error::OAuthError;

/// How long a fetched value is fresh, in seconds.
const FRESH_SECONDS: i64 = 3600;

/// The least time between two fetches that somebody asked for although the value was fresh, in seconds.
const FORCED_SECONDS: i64 = 60;

/// A cached value with one fetch at a time. Whoever waited for a fetch shares its result, so that a provider
/// that is down costs each caller one deadline at most.
#[derive(Debug)]
pub(crate) struct Cached<T> {
    state: Mutex<State<T>>,
    /// How many fetches are over.
    fetches: AtomicU64,
}

#[derive(Debug)]
struct State<T> {
    value: Option<Arc<T>>,
    fetched_at: i64,
    forced_at: Option<i64>,
    /// Why the latest fetch failed, if it did.
    failure: Option<OAuthError>,
}

impl<T> Default for Cached<T> {
    fn default() -> Self {
        let state = State { value: None, fetched_at: 0, forced_at: None, failure: None };
        Self { state: Mutex::new(state), fetches: AtomicU64::new(0) }
    }
}

impl<T> Cached<T> {
    /// The value, fetched when there is none or it is old. When a fetch fails, an old value goes on serving.
    pub(crate) async fn get<F>(&self, now: i64, fetch: impl FnOnce() -> F) -> Result<Arc<T>, OAuthError>
    where
        F: Future<Output = Result<T, OAuthError>>,
    {
        let seen = self.fetches.load(Ordering::SeqCst);
        let mut state = self.state.lock().await;
        let is_fresh = now.saturating_sub(state.fetched_at) < FRESH_SECONDS;
        if let Some(value) = state.value.as_ref().filter(|_| is_fresh) {
            return Ok(Arc::clone(value));
        }
        let somebody_fetched_meanwhile = seen != self.fetches.load(Ordering::SeqCst);
        if somebody_fetched_meanwhile && let Some(failure) = &state.failure {
            return state.value.clone().ok_or_else(|| failure.clone());
        }
        self.fetch(&mut state, now, fetch).await
    }

    /// A newer value than `known`, if one can be had: the provider is asked once a minute at most.
    pub(crate) async fn newer_than<F>(
        &self,
        known: &Arc<T>,
        now: i64,
        fetch: impl FnOnce() -> F,
    ) -> Option<Arc<T>>
    where
        F: Future<Output = Result<T, OAuthError>>,
    {
        let mut state = self.state.lock().await;
        let is_newer = |value: &&Arc<T>| !Arc::ptr_eq(value, known);
        if let Some(value) = state.value.as_ref().filter(is_newer) {
            return Some(Arc::clone(value));
        }
        let is_too_early = |forced_at: i64| (0..FORCED_SECONDS).contains(&now.saturating_sub(forced_at));
        if state.forced_at.is_some_and(is_too_early) {
            return None;
        }
        state.forced_at = Some(now);
        self.fetch(&mut state, now, fetch).await.ok().filter(|value| !Arc::ptr_eq(value, known))
    }

    async fn fetch<F>(
        &self,
        state: &mut State<T>,
        now: i64,
        fetch: impl FnOnce() -> F,
    ) -> Result<Arc<T>, OAuthError>
    where
        F: Future<Output = Result<T, OAuthError>>,
    {
        let fetched = fetch().await;
        self.fetches.fetch_add(1, Ordering::SeqCst);
        match fetched {
            Ok(value) => {
                let value = Arc::new(value);
                state.value = Some(Arc::clone(&value));
                state.fetched_at = now;
                state.failure = None;
                Ok(value)
            }
            Err(failure) => {
                state.failure = Some(failure.clone());
                state.value.clone().ok_or(failure)
            }
        }
    }
}
