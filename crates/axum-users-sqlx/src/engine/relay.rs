//! Connections that go from one statement straight to the next.

use std::{
    collections::VecDeque,
    future::poll_fn,
    pin::pin,
    sync::{Mutex, MutexGuard, PoisonError},
    task::Poll,
};

use sqlx::{Database, Pool, pool::PoolConnection};
use tokio::sync::oneshot;

/// Statements that a connection has before it returns to the pool, where others may wait for it, and where it is
/// replaced when it is too old.
const TURNS: u32 = 32;

/// The row of statements that wait for a connection.
///
/// The pool tries each connection that comes back to it, by a round trip as long as that of a short statement. A
/// connection whose last answer was read to its end needs no trial to answer the next statement, so it goes to whoever
/// waits. Where nobody does, the pool has the time.
pub(super) struct Relay<DB: Database> {
    waiting: Mutex<VecDeque<oneshot::Sender<Turn<DB>>>>,
}

/// A connection, and how many statements it has had since it left the pool.
type Turn<DB> = (PoolConnection<DB>, u32);

impl<DB: Database> Default for Relay<DB> {
    fn default() -> Self {
        Self { waiting: Mutex::default() }
    }
}

impl<DB: Database> Relay<DB> {
    /// The next connection that is free, be it from another statement or from the pool.
    pub(super) async fn take(&self, pool: &Pool<DB>) -> Result<Turn<DB>, sqlx::Error> {
        // A pool that may still grow shall, and not be told at each attempt that it is not needed any more.
        let may_grow = pool.size() < pool.options().get_max_connections();
        let mut acquired = pin!(pool.acquire());
        if let Poll::Ready(connection) = poll_fn(|context| Poll::Ready(acquired.as_mut().poll(context))).await
        {
            return Ok((connection?, 0));
        }
        if may_grow {
            return Ok((acquired.await?, 0));
        }
        let handed = self.wait();
        tokio::select! {
            biased;
            Ok(turn) = handed => Ok(turn),
            connection = &mut acquired => Ok((connection?, 0)),
        }
    }

    /// Hands a connection to the first that waits, or back to the pool.
    pub(super) fn give(&self, connection: PoolConnection<DB>, turns: u32) {
        let mut turn = (connection, turns + 1);
        while turn.1 < TURNS
            && let Some(first) = self.next()
        {
            match first.send(turn) {
                Ok(()) => return,
                // It had one from the pool, or was given up.
                Err(back) => turn = back,
            }
        }
    }

    fn wait(&self) -> oneshot::Receiver<Turn<DB>> {
        let (giver, handed) = oneshot::channel();
        let mut waiting = self.waiting();
        // While a database hangs nothing is handed on, and those who gave up would add up.
        while waiting.front().is_some_and(oneshot::Sender::is_closed) {
            waiting.pop_front();
        }
        waiting.push_back(giver);
        handed
    }

    fn next(&self) -> Option<oneshot::Sender<Turn<DB>>> {
        self.waiting().pop_front()
    }

    fn waiting(&self) -> MutexGuard<'_, VecDeque<oneshot::Sender<Turn<DB>>>> {
        // No code that can panic runs under this lock.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(all(test, feature = "postgres"))]
mod tests {
    use super::*;

    #[test]
    fn those_who_gave_up_do_not_add_up_while_nothing_is_handed_on() {
        let relay = Relay::<sqlx::Postgres>::default();
        let waits = relay.wait();
        for _ in 0..1000 {
            drop(relay.wait());
        }
        drop(waits);
        drop(relay.wait());
        assert_eq!(relay.waiting().len(), 1);
    }
}
