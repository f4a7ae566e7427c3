//! Where tries are counted when several processes count as one.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::LimitCount;
use crate::{
    Database,
    database::BoxFuture,
    error::{BoxError, error_chain},
    user::UserModel,
};

/// Counts tries in a place that several processes share.
///
/// Each method is one atomic step, so that many tries at the same instant cannot outrun the count. While the store
/// fails, each process counts for itself.
///
/// ```
/// use std::{collections::HashMap, sync::{Mutex, MutexGuard, PoisonError}};
///
/// use axum_users::{BoxError, LimitCount, LimitStore};
///
/// /// In one process's memory: when each count has all of its tries again, and until when each note holds.
/// #[derive(Default)]
/// struct InMemory(Mutex<HashMap<String, i64>>);
///
/// impl InMemory {
///     fn moments(&self) -> MutexGuard<'_, HashMap<String, i64>> {
///         self.0.lock().unwrap_or_else(PoisonError::into_inner)
///     }
/// }
///
/// impl LimitStore for InMemory {
///     async fn take(&self, count: &LimitCount<'_>) -> Result<Option<i64>, BoxError> {
///         let mut moments = self.moments();
///         match count.take(moments.get(count.name).copied()) {
///             Ok(full_at) => Ok(moments.insert(count.name.to_owned(), full_at).and(None)),
///             Err(microseconds) => Ok(Some(microseconds)),
///         }
///     }
///
///     async fn give_back(&self, counts: &[LimitCount<'_>]) -> Result<(), BoxError> {
///         let mut moments = self.moments();
///         for count in counts {
///             moments.entry(count.name.to_owned()).and_modify(|full_at| *full_at -= count.step);
///         }
///         Ok(())
///     }
///
///     async fn note(&self, name: &str, _: i64, until: i64) -> Result<(), BoxError> {
///         self.moments().insert(name.to_owned(), until);
///         Ok(())
///     }
///
///     async fn holds(&self, name: &str, now: i64) -> Result<bool, BoxError> {
///         Ok(self.moments().get(name).is_some_and(|until| *until > now))
///     }
/// }
/// ```
pub trait LimitStore: Send + Sync + 'static {
    /// Takes one try: `None`, or in how many microseconds there will be one; see [`LimitCount::take`].
    fn take(&self, count: &LimitCount<'_>) -> impl Future<Output = Result<Option<i64>, BoxError>> + Send;

    /// Gives one try of each count back.
    fn give_back(&self, counts: &[LimitCount<'_>]) -> impl Future<Output = Result<(), BoxError>> + Send;

    /// Notes that something holds from now until a moment, both in microseconds since 1970.
    fn note(&self, name: &str, now: i64, until: i64) -> impl Future<Output = Result<(), BoxError>> + Send;

    /// Whether a note holds at this moment, in microseconds since 1970.
    fn holds(&self, name: &str, now: i64) -> impl Future<Output = Result<bool, BoxError>> + Send;
}

/// [`LimitStore`] behind a pointer.
pub(crate) trait ErasedLimitStore: Send + Sync {
    fn take<'a>(&'a self, count: &'a LimitCount<'a>) -> BoxFuture<'a, Result<Option<i64>, BoxError>>;
    fn give_back<'a>(&'a self, counts: &'a [LimitCount<'a>]) -> BoxFuture<'a, Result<(), BoxError>>;
    fn note<'a>(&'a self, name: &'a str, now: i64, until: i64) -> BoxFuture<'a, Result<(), BoxError>>;
    fn holds<'a>(&'a self, name: &'a str, now: i64) -> BoxFuture<'a, Result<bool, BoxError>>;
}

impl<T: LimitStore> ErasedLimitStore for T {
    fn take<'a>(&'a self, count: &'a LimitCount<'a>) -> BoxFuture<'a, Result<Option<i64>, BoxError>> {
        Box::pin(LimitStore::take(self, count))
    }

    fn give_back<'a>(&'a self, counts: &'a [LimitCount<'a>]) -> BoxFuture<'a, Result<(), BoxError>> {
        Box::pin(LimitStore::give_back(self, counts))
    }

    fn note<'a>(&'a self, name: &'a str, now: i64, until: i64) -> BoxFuture<'a, Result<(), BoxError>> {
        Box::pin(LimitStore::note(self, name, now, until))
    }

    fn holds<'a>(&'a self, name: &'a str, now: i64) -> BoxFuture<'a, Result<bool, BoxError>> {
        Box::pin(LimitStore::holds(self, name, now))
    }
}

/// The database as the place: its adapter has [`Capabilities::limits`](crate::Capabilities::limits).
impl<U: UserModel> LimitStore for Database<U> {
    async fn take(&self, count: &LimitCount<'_>) -> Result<Option<i64>, BoxError> {
        Ok(self.take_limit(count).await?)
    }

    async fn give_back(&self, counts: &[LimitCount<'_>]) -> Result<(), BoxError> {
        Ok(self.give_limits_back(counts).await?)
    }

    async fn note(&self, name: &str, _now: i64, until: i64) -> Result<(), BoxError> {
        Ok(self.note_limit(name, until).await?)
    }

    async fn holds(&self, name: &str, now: i64) -> Result<bool, BoxError> {
        Ok(self.limit_holds(name, now).await?)
    }
}

/// After a failure the shared place is left alone for so long, so that not every request waits for it.
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(2);

/// The place that several processes share, and since when it fails.
pub(super) struct Shared {
    store: Box<dyn ErasedLimitStore>,
    outage: Mutex<Option<Instant>>,
}

impl Shared {
    pub(super) fn new(store: Box<dyn ErasedLimitStore>) -> Self {
        Self { store, outage: Mutex::default() }
    }

    pub(super) fn store(&self) -> &dyn ErasedLimitStore {
        self.store.as_ref()
    }

    /// Asks the store; `None` while it fails. The log is told when that begins and ends.
    pub(super) async fn ask<'a, T, Asking>(
        &'a self,
        ask: impl FnOnce(&'a dyn ErasedLimitStore) -> Asking,
    ) -> Option<T>
    where
        Asking: Future<Output = Result<T, BoxError>>,
    {
        if !self.may_ask() {
            return None;
        }
        let answer = ask(self.store());
        match answer.await {
            Ok(answer) => {
                if self.outage(Option::take).is_some() {
                    tracing::info!("shared limits are counted again");
                }
                Some(answer)
            }
            Err(error) => {
                if self.outage(|since| since.replace(Instant::now())).is_none() {
                    let cause = error_chain(error.as_ref());
                    tracing::warn!(
                        %cause,
                        "shared limits cannot be counted: this process counts for itself until they can"
                    );
                }
                None
            }
        }
    }

    /// Whether to ask the store. While it fails one request does, now and then.
    fn may_ask(&self) -> bool {
        self.outage(|since| match since {
            None => true,
            Some(failed) if failed.elapsed() >= ASK_AGAIN_AFTER => {
                *failed = Instant::now();
                true
            }
            Some(_) => false,
        })
    }

    fn outage<T>(&self, look: impl FnOnce(&mut Option<Instant>) -> T) -> T {
        look(&mut self.outage.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
