//! How busy the connections are, counted from what the driver tells of them.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use mongodb::event::{EventHandler, cmap::CmapEvent};

/// The connections to the servers at a moment.
///
/// ```
/// # fn look(database: &axum_users_mongodb::MongoDatabase) {
/// if let Some(state) = database.pool_state() {
///     println!("{} operations wait for one of {} connections", state.waiting, state.open);
/// }
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PoolState {
    /// How many are open, in use or idle.
    pub open: u32,
    /// How many of these are in use.
    pub used: u32,
    /// How many operations wait for one.
    pub waiting: u32,
}

/// What was counted so far.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    open: AtomicU32,
    used: AtomicU32,
    waiting: AtomicU32,
}

impl Counts {
    /// Hands the driver's events to these counts.
    pub(crate) fn handler(self: &Arc<Self>) -> EventHandler<CmapEvent> {
        let counts = Arc::clone(self);
        EventHandler::callback(move |event| counts.note(&event))
    }

    fn note(&self, event: &CmapEvent) {
        match event {
            CmapEvent::ConnectionCreated(_) => more(&self.open),
            CmapEvent::ConnectionClosed(_) => fewer(&self.open),
            CmapEvent::ConnectionCheckoutStarted(_) => more(&self.waiting),
            CmapEvent::ConnectionCheckoutFailed(_) => fewer(&self.waiting),
            CmapEvent::ConnectionCheckedOut(_) => {
                fewer(&self.waiting);
                more(&self.used);
            }
            CmapEvent::ConnectionCheckedIn(_) => fewer(&self.used),
            _ => {}
        }
    }

    pub(crate) fn state(&self) -> PoolState {
        let [open, used, waiting] =
            [&self.open, &self.used, &self.waiting].map(|count| count.load(Ordering::Relaxed));
        PoolState { open, used: used.min(open), waiting }
    }
}

fn more(count: &AtomicU32) {
    count.fetch_add(1, Ordering::Relaxed);
}

/// Events of two threads may overtake each other: nothing is less than none.
fn fewer(count: &AtomicU32) {
    let _ = count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| Some(count.saturating_sub(1)));
}
