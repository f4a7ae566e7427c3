//! Own threads for hashing, so that a hash never takes one that answers requests.
//!
//! There are at most as many threads as configured, each with one block of working memory that it keeps, and
//! a bounded number of callers who wait, none of them for seconds. Whoever comes beyond that is refused at once.
//! Threads start when they are needed, and end, with their memory, when they had nothing to do for a while or
//! the pool is dropped.

use std::{
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use argon2::Block;
use rayon_core::ThreadPoolBuildError;
use tokio::sync::oneshot;

use super::{
    HashError,
    lanes::{are_cores_idle, spread, start_thread},
};
use crate::{
    metrics::{WaitingHash, hash_refused},
    spans,
};

/// Whoever would wait for longer than this before the work begins is refused at once.
const PATIENCE: Duration = Duration::from_secs(2);
/// A thread without work for so long ends, since its memory is of use to others.
const REST: Duration = Duration::from_secs(5);

pub(super) struct Pool {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    /// Told of every new job, and of the end.
    news: Condvar,
    size: Size,
    rest: Duration,
    /// Whether so many cores have nothing to do.
    are_idle: fn(usize) -> bool,
    /// Starts a thread of this name; a machine that has no more of them refuses.
    start: fn(String, Box<dyn FnOnce() + Send>) -> Result<(), ThreadPoolBuildError>,
}

/// How much a pool may take.
pub(super) struct Size {
    /// Jobs that run at once, at least one.
    pub(super) threads: usize,
    /// Callers who wait besides.
    pub(super) waiting: usize,
    /// Argon2's memory that each thread keeps.
    pub(super) blocks: usize,
    /// Threads that a single hash may take while the others have nothing to do.
    pub(super) lanes: usize,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Box<dyn Job>>,
    started: usize,
    running: usize,
    closed: bool,
    /// How long a job takes of late.
    typical: Duration,
    /// How much was ever accepted: what tests of equal work count.
    #[cfg(test)]
    accepted: usize,
}

impl Pool {
    pub(super) fn new(size: Size) -> Self {
        Self::with(size, REST, are_cores_idle)
    }

    fn with(size: Size, rest: Duration, are_idle: fn(usize) -> bool) -> Self {
        let (state, news) = (Mutex::default(), Condvar::new());
        Self { shared: Arc::new(Shared { state, news, size, rest, are_idle, start: start_thread }) }
    }

    /// Runs `work` on a hashing thread. When the returned future is dropped first, work that has not begun is
    /// skipped.
    pub(super) async fn run<T, W>(&self, work: W) -> Result<T, HashError>
    where
        T: Send + 'static,
        W: FnOnce(&mut Memory) -> T + Send + 'static,
    {
        let waiting = WaitingHash::new();
        let work = move |memory: &mut Memory| {
            let _running = waiting.begins();
            work(memory)
        };
        let answer = self.begin(work).inspect_err(|_| hash_refused())?;
        spans::hash(finished(answer)).await
    }

    /// The same for what is no password: metrics and traces do not tell of it.
    pub(super) async fn run_untold<T, W>(&self, work: W) -> Result<T, HashError>
    where
        T: Send + 'static,
        W: FnOnce(&mut Memory) -> T + Send + 'static,
    {
        finished(self.begin(work)?).await
    }

    fn begin<T, W>(&self, work: W) -> Result<oneshot::Receiver<T>, HashError>
    where
        T: Send + 'static,
        W: FnOnce(&mut Memory) -> T + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        self.submit(Box::new(Task { work, reply }))?;
        Ok(answer)
    }

    fn submit(&self, job: Box<dyn Job>) -> Result<(), HashError> {
        let shared = &self.shared;
        let mut state = shared.lock();
        if shared.is_full(&state) {
            state.queue.retain(|job| !job.is_abandoned());
            if shared.is_full(&state) {
                return Err(HashError::Overloaded);
            }
        }
        let free = state.started - state.running;
        if free <= state.queue.len() && state.started < shared.size.threads {
            Self::start_one(shared, &mut state)?;
        }
        state.queue.push_back(job);
        #[cfg(test)]
        {
            state.accepted += 1;
        }
        drop(state);
        shared.news.notify_one();
        Ok(())
    }

    #[cfg(test)]
    pub(super) fn accepted(&self) -> usize {
        self.shared.lock().accepted
    }

    fn start_one(shared: &Arc<Shared>, state: &mut State) -> Result<(), HashError> {
        let worker = Arc::clone(shared);
        let name = format!("password-hash-{}", state.started + 1);
        match (shared.start)(name, Box::new(move || worker.work())) {
            Ok(()) => state.started += 1,
            Err(error) => {
                tracing::error!(%error, "cannot start a thread for password hashing");
                // Those that run already will do.
                if state.started == 0 {
                    return Err(HashError::Overloaded);
                }
            }
        }
        Ok(())
    }
}

/// An answer is only missing when the work panicked, which was logged.
async fn finished<T>(answer: oneshot::Receiver<T>) -> Result<T, HashError> {
    answer.await.map_err(|_| HashError::Overloaded)
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.news.notify_all();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // No code that can panic runs under this lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether one more would find no room, or wait for too long if hashes go on as of late.
    fn is_full(&self, state: &State) -> bool {
        let Size { threads, waiting, .. } = self.size;
        let jobs_before_it = u32::try_from(state.queue.len() / threads).unwrap_or(u32::MAX);
        state.queue.len() + state.running >= threads.saturating_add(waiting)
            || state.typical.saturating_mul(jobs_before_it) > PATIENCE
    }

    fn work(&self) {
        let mut memory = Memory::new(self.size.blocks);
        while let Some((job, has_room)) = self.next_job() {
            let lanes = self.size.lanes;
            let begun = Instant::now();
            let done = catch_unwind(AssertUnwindSafe(|| match has_room && (self.are_idle)(lanes - 1) {
                true => spread(lanes, || job.run(&mut memory)),
                false => job.run(&mut memory),
            }));
            if done.is_err() {
                tracing::error!("password hashing panicked");
            }
            let mut state = self.lock();
            state.running -= 1;
            state.typical = (state.typical * 3 + begun.elapsed()) / 4;
        }
    }

    /// The next job that somebody waits for, and whether there are threads for its lanes as well: where every
    /// thread has a hash of its own, lanes would only get into each other's way. `None` when the thread shall end.
    fn next_job(&self) -> Option<(Box<dyn Job>, bool)> {
        let mut state = self.lock();
        loop {
            while let Some(job) = state.queue.pop_front() {
                if job.is_abandoned() {
                    continue;
                }
                state.running += 1;
                let lanes = self.size.lanes;
                let is_free = state.queue.is_empty() && state.running * lanes <= self.size.threads;
                return Some((job, lanes > 1 && is_free));
            }
            if state.closed {
                return None;
            }
            let has_no_news = |state: &mut State| state.queue.is_empty() && !state.closed;
            let (after, rested) = self
                .news
                .wait_timeout_while(state, self.rest, has_no_news)
                .unwrap_or_else(PoisonError::into_inner);
            state = after;
            if rested.timed_out() {
                state.started -= 1;
                return None;
            }
        }
    }
}

trait Job: Send {
    /// Whether nobody waits for the answer any more.
    fn is_abandoned(&self) -> bool;
    fn run(self: Box<Self>, memory: &mut Memory);
}

struct Task<T, W> {
    work: W,
    reply: oneshot::Sender<T>,
}

impl<T, W> Job for Task<T, W>
where
    T: Send,
    W: FnOnce(&mut Memory) -> T + Send,
{
    fn is_abandoned(&self) -> bool {
        self.reply.is_closed()
    }

    fn run(self: Box<Self>, memory: &mut Memory) {
        // A caller who left meanwhile does not want the answer.
        let _ = self.reply.send((self.work)(memory));
    }
}

/// Argon2's working memory of one thread, in blocks of 1 KiB.
pub(super) struct Memory {
    blocks: Vec<Block>,
    kept: usize,
}

impl Memory {
    /// Will keep `kept` blocks from the first use on.
    pub(super) fn new(kept: usize) -> Self {
        Self { blocks: Vec::new(), kept }
    }

    /// Hands `count` blocks to `work`: the kept ones where they suffice, else some that are freed afterwards.
    /// Their content is left over from other work.
    pub(super) fn with<T>(
        &mut self,
        count: usize,
        work: impl FnOnce(&mut [Block]) -> T,
    ) -> Result<T, HashError> {
        if count > self.kept {
            let mut blocks = Vec::new();
            grow(&mut blocks, count)?;
            return Ok(work(&mut blocks));
        }
        grow(&mut self.blocks, self.kept)?;
        Ok(work(&mut self.blocks[..count]))
    }
}

fn grow(blocks: &mut Vec<Block>, count: usize) -> Result<(), HashError> {
    if blocks.try_reserve_exact(count - blocks.len()).is_err() {
        tracing::error!(kib = count, "no memory for password hashing");
        return Err(HashError::Overloaded);
    }
    blocks.resize(count, Block::new());
    Ok(())
}

#[cfg(test)]
mod tests;
