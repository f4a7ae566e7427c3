//! Work behind an answer: a bounded queue, so that an answer's time tells nothing and a flood is refused.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError};

use crate::{
    error::InternalError,
    metrics::{self, Counted},
};

/// How many jobs may wait or run; one more is refused.
const PENDING: u32 = 1024;
/// How many jobs run at a time.
const RUNNING: usize = 16;

/// A place in the queue.
#[derive(Debug)]
pub(crate) struct Place {
    place: OwnedSemaphorePermit,
    counted: Counted,
    running: Arc<Semaphore>,
}

impl Place {
    /// Runs a job in this place.
    pub(crate) fn run(self, job: impl Future<Output = ()> + Send + 'static) {
        let Self { place, counted, running } = self;
        tokio::spawn(async move {
            let _turn = running.acquire_owned().await;
            job.await;
            drop((place, counted));
        });
    }
}

/// Runs jobs after the answer that asked for them was sent.
#[derive(Clone, Debug)]
pub(crate) struct Background {
    pending: Arc<Semaphore>,
    running: Arc<Semaphore>,
}

impl Background {
    pub(crate) fn new() -> Self {
        Self {
            pending: Arc::new(Semaphore::new(PENDING as usize)),
            running: Arc::new(Semaphore::new(RUNNING)),
        }
    }

    /// Puts a job into the queue; refused when it is full.
    pub(crate) fn spawn(&self, job: impl Future<Output = ()> + Send + 'static) -> Result<(), InternalError> {
        self.reserve()?.run(job);
        Ok(())
    }

    /// Takes a place in the queue for a job that is yet to be known; refused when it is full.
    pub(crate) fn reserve(&self) -> Result<Place, InternalError> {
        let place = Arc::clone(&self.pending).try_acquire_owned().map_err(|error| match error {
            TryAcquireError::NoPermits | TryAcquireError::Closed => {
                metrics::background_refused();
                InternalError::Overloaded
            }
        })?;
        let counted = Counted::in_gauge(metrics::BACKGROUND_JOBS);
        Ok(Place { place, counted, running: Arc::clone(&self.running) })
    }

    /// Waits until every job that was put into the queue is done.
    pub(crate) async fn drain(&self) {
        // All places at once are only to be had when none is taken.
        let _all = self.pending.acquire_many(PENDING).await;
    }
}
