//! Where tries are counted when several processes count as one.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::{
    Database,
    database::BoxFuture,
    error::{BoxError, error_chain},
    user::UserModel,
};

/// One limit's count for one account, address, or both, and the moment at which it is looked at.
///
/// All that is kept of a count is one number: the moment at which the limit has all its tries again. A try moves
/// it on by `step`, and is refused where that would be more than a `period` from now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LimitCount<'a> {
    /// What is counted, and for whom: at most 100 ASCII characters. Accounts stand in it as digests.
    pub name: &'a str,
    /// In how many microseconds one try comes back.
    pub step: i64,
    /// In how many microseconds all tries come back.
    pub period: i64,
    /// The present, in microseconds since 1970.
    pub now: i64,
}

impl<'a> LimitCount<'a> {
    /// A count of this name; see the fields.
    #[must_use]
    pub fn new(name: &'a str, step: i64, period: i64, now: i64) -> Self {
        Self { name, step, period, now }
    }

    /// The latest moment from which a try may still be taken.
    #[must_use]
    pub fn latest(&self) -> i64 {
        self.now.saturating_add(self.period).saturating_sub(self.step)
    }

    /// In how many microseconds there is a try, for a count that is full at a moment.
    #[must_use]
    pub fn wait(&self, full_at: i64) -> i64 {
        full_at.saturating_sub(self.latest()).clamp(1, self.step.max(1))
    }
}

/// Counts tries in a place that several processes share.
///
/// Each method is one atomic step, so that many tries at the same instant cannot outrun the count. While the store
/// fails, each process counts for itself.
pub trait LimitStore: Send + Sync + 'static {
    /// Takes one try: `None`, or in how many microseconds there will be one. A count that lies further ahead than
    /// its period, as after a jump of somebody's clock, is taken as being a period ahead.
    fn take(&self, count: &LimitCount<'_>) -> impl Future<Output = Result<Option<i64>, BoxError>> + Send;

    /// Gives one try back.
    fn give_back(&self, count: &LimitCount<'_>) -> impl Future<Output = Result<(), BoxError>> + Send;

    /// Notes that something holds from now until a moment, both in microseconds since 1970.
    fn note(&self, name: &str, now: i64, until: i64) -> impl Future<Output = Result<(), BoxError>> + Send;

    /// Whether a note holds at this moment, in microseconds since 1970.
    fn holds(&self, name: &str, now: i64) -> impl Future<Output = Result<bool, BoxError>> + Send;
}

/// [`LimitStore`] behind a pointer.
pub(crate) trait ErasedLimitStore: Send + Sync {
    fn take<'a>(&'a self, count: &'a LimitCount<'a>) -> BoxFuture<'a, Result<Option<i64>, BoxError>>;
    fn give_back<'a>(&'a self, count: &'a LimitCount<'a>) -> BoxFuture<'a, Result<(), BoxError>>;
    fn note<'a>(&'a self, name: &'a str, now: i64, until: i64) -> BoxFuture<'a, Result<(), BoxError>>;
    fn holds<'a>(&'a self, name: &'a str, now: i64) -> BoxFuture<'a, Result<bool, BoxError>>;
}

impl<T: LimitStore> ErasedLimitStore for T {
    fn take<'a>(&'a self, count: &'a LimitCount<'a>) -> BoxFuture<'a, Result<Option<i64>, BoxError>> {
        Box::pin(LimitStore::take(self, count))
    }

    fn give_back<'a>(&'a self, count: &'a LimitCount<'a>) -> BoxFuture<'a, Result<(), BoxError>> {
        Box::pin(LimitStore::give_back(self, count))
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

    async fn give_back(&self, count: &LimitCount<'_>) -> Result<(), BoxError> {
        Ok(self.give_limit_back(count).await?)
    }

    async fn note(&self, name: &str, now: i64, until: i64) -> Result<(), BoxError> {
        Ok(self.note_limit(name, now, until).await?)
    }

    async fn holds(&self, name: &str, now: i64) -> Result<bool, BoxError> {
        Ok(self.limit_holds(name, now).await?)
    }
}

/// After a failure the shared place is left alone for so long, so that not every request waits for it.
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(2);

/// Whether the shared place failed, and when; said once in the log, and once when it is over.
#[derive(Debug, Default)]
pub(super) struct Outage(Mutex<Option<Instant>>);

impl Outage {
    /// Whether to ask the shared place. During an outage one request does, now and then.
    pub(super) fn may_ask(&self) -> bool {
        let mut since = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match *since {
            None => true,
            Some(failed) if failed.elapsed() >= ASK_AGAIN_AFTER => {
                *since = Some(Instant::now());
                true
            }
            Some(_) => false,
        }
    }

    pub(super) fn failed(&self, error: &BoxError) {
        let mut since = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if since.replace(Instant::now()).is_none() {
            let cause = error_chain(error.as_ref());
            tracing::warn!(%cause, "shared limits cannot be counted: this process counts for itself until they can");
        }
    }

    pub(super) fn answered(&self) {
        let mut since = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if since.take().is_some() {
            tracing::info!("shared limits are counted again");
        }
    }
}
