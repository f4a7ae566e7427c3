//! Own threads for hashing, so that a hash never takes one that answers requests.
//!
//! There are at most as many threads as configured, each with one block of working memory that it keeps, and
//! a bounded number of callers who wait. Whoever comes beyond that is refused at once. Threads start when
//! they are first needed and end when the pool is dropped.

use std::{
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
};

use argon2::Block;
use tokio::sync::oneshot;

use super::HashError;
use crate::{
    metrics::{WaitingHash, hash_refused},
    spans,
};

pub(super) struct Pool {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    /// Told of every new job, and of the end.
    news: Condvar,
    threads: usize,
    waiting: usize,
    blocks: usize,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Box<dyn Job>>,
    started: usize,
    running: usize,
    closed: bool,
    /// How much was ever accepted: what tests of equal work count.
    #[cfg(test)]
    accepted: usize,
}

impl Pool {
    /// `threads` run at once, `waiting` callers wait besides; each thread keeps `blocks` of Argon2's memory.
    pub(super) fn new(threads: usize, waiting: usize, blocks: usize) -> Self {
        let (state, news) = (Mutex::default(), Condvar::new());
        Self { shared: Arc::new(Shared { state, news, threads, waiting, blocks }) }
    }

    /// Runs `work` on a hashing thread. When the returned future is dropped first, work that has not begun is
    /// skipped.
    pub(super) async fn run<T, W>(&self, work: W) -> Result<T, HashError>
    where
        T: Send + 'static,
        W: FnOnce(&mut Memory) -> T + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let waiting = WaitingHash::new();
        let work = move |memory: &mut Memory| {
            let _running = waiting.begins();
            work(memory)
        };
        self.submit(Box::new(Task { work, reply })).inspect_err(|_| hash_refused())?;
        // An answer is only missing when the work panicked, which was logged.
        spans::hash(answer).await.map_err(|_| HashError::Overloaded)
    }

    fn submit(&self, job: Box<dyn Job>) -> Result<(), HashError> {
        let shared = &self.shared;
        let mut state = shared.lock();
        if state.queue.len() + state.running >= shared.threads.saturating_add(shared.waiting) {
            state.queue.retain(|job| !job.is_abandoned());
            if state.queue.len() + state.running >= shared.threads.saturating_add(shared.waiting) {
                return Err(HashError::Overloaded);
            }
        }
        let free = state.started - state.running;
        if free <= state.queue.len() && state.started < shared.threads {
            Self::start_thread(shared, &mut state)?;
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

    fn start_thread(shared: &Arc<Shared>, state: &mut State) -> Result<(), HashError> {
        let thread = thread::Builder::new().name(format!("password-hash-{}", state.started + 1));
        let worker = Arc::clone(shared);
        match thread.spawn(move || worker.work()) {
            Ok(_) => state.started += 1,
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

    fn work(&self) {
        let mut memory = Memory::new(self.blocks);
        while let Some(job) = self.next_job() {
            if !job.is_abandoned() && catch_unwind(AssertUnwindSafe(|| job.run(&mut memory))).is_err() {
                tracing::error!("password hashing panicked");
            }
            self.lock().running -= 1;
        }
    }

    fn next_job(&self) -> Option<Box<dyn Job>> {
        let mut state = self.lock();
        loop {
            if let Some(job) = state.queue.pop_front() {
                state.running += 1;
                return Some(job);
            }
            if state.closed {
                return None;
            }
            state = self.news.wait(state).unwrap_or_else(PoisonError::into_inner);
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
mod tests {
    use std::{
        cell::RefCell,
        sync::{
            atomic::{AtomicUsize, Ordering},
            mpsc,
        },
        time::Duration,
    };

    use super::*;

    /// Jobs that run until the test lets them go, and how many do.
    struct Gate {
        pool: Arc<Pool>,
        entered: (mpsc::Sender<()>, mpsc::Receiver<()>),
        running: Arc<AtomicUsize>,
        most: Arc<AtomicUsize>,
    }

    type Held = (mpsc::Sender<()>, tokio::task::JoinHandle<Result<(), HashError>>);

    impl Gate {
        fn new(threads: usize, waiting: usize) -> Self {
            let pool = Arc::new(Pool::new(threads, waiting, 8));
            Self { pool, entered: mpsc::channel(), running: Arc::default(), most: Arc::default() }
        }

        /// Polls once, so that the job is in the pool.
        async fn hold(&self) -> Held {
            let (release, released) = mpsc::channel();
            let (pool, entered) = (Arc::clone(&self.pool), self.entered.0.clone());
            let (running, most) = (Arc::clone(&self.running), Arc::clone(&self.most));
            let job = tokio::spawn(async move {
                pool.run(move |_: &mut Memory| {
                    most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    entered.send(()).unwrap();
                    let _ = released.recv();
                    running.fetch_sub(1, Ordering::SeqCst);
                })
                .await
            });
            tokio::task::yield_now().await;
            (release, job)
        }

        fn wait_for_entries(&self, count: usize) {
            for _ in 0..count {
                self.entered.1.recv_timeout(Duration::from_secs(30)).unwrap();
            }
        }
    }

    #[tokio::test]
    async fn pw_10_never_more_jobs_run_than_there_are_threads() {
        let gate = Gate::new(3, 100);
        let mut held = Vec::new();
        for _ in 0..20 {
            held.push(gate.hold().await);
        }
        gate.wait_for_entries(3);

        for (release, job) in held {
            release.send(()).unwrap();
            job.await.unwrap().unwrap();
        }

        assert_eq!(gate.most.load(Ordering::SeqCst), 3);
    }

    #[tokio::test]
    async fn pw_11_whoever_finds_the_queue_full_is_refused_and_the_others_are_served() {
        let gate = Gate::new(2, 3);
        let mut held = Vec::new();
        for _ in 0..5 {
            held.push(gate.hold().await);
        }

        assert!(matches!(gate.pool.run(|_| ()).await, Err(HashError::Overloaded)));
        for (release, job) in held {
            release.send(()).unwrap();
            job.await.unwrap().unwrap();
        }
        gate.pool.run(|_| ()).await.unwrap();
    }

    #[tokio::test]
    async fn without_a_queue_a_free_thread_is_still_used() {
        let gate = Gate::new(1, 0);
        let (release, job) = gate.hold().await;

        assert!(gate.pool.run(|_| ()).await.is_err());
        release.send(()).unwrap();
        job.await.unwrap().unwrap();
        // The thread says that it is free just after it has answered.
        while gate.pool.shared.lock().running > 0 {
            thread::yield_now();
        }
        gate.pool.run(|_| ()).await.unwrap();
    }

    #[tokio::test]
    async fn cr_08_callers_who_left_are_skipped_and_leave_their_place_to_others() {
        let gate = Gate::new(1, 1);
        let (release, first) = gate.hold().await;
        gate.wait_for_entries(1);
        let (_, left) = gate.hold().await;
        left.abort();
        assert!(left.await.unwrap_err().is_cancelled());

        let (release_last, last) = gate.hold().await;
        for release in [release, release_last] {
            release.send(()).unwrap();
        }
        first.await.unwrap().unwrap();
        last.await.unwrap().unwrap();

        gate.wait_for_entries(1);
        assert!(gate.entered.1.try_recv().is_err(), "the job nobody waited for has run");
    }

    #[tokio::test]
    async fn threads_start_when_they_are_needed_and_carry_a_name() {
        let gate = Gate::new(4, 4);
        assert_eq!(gate.pool.shared.lock().started, 0);

        let name = gate.pool.run(|_| thread::current().name().map(str::to_owned)).await.unwrap();

        assert_eq!(name.as_deref(), Some("password-hash-1"));
        assert_eq!(gate.pool.shared.lock().started, 1);
    }

    #[tokio::test]
    async fn threads_end_with_the_pool() {
        struct AtEnd(mpsc::Sender<()>);
        impl Drop for AtEnd {
            fn drop(&mut self) {
                let _ = self.0.send(());
            }
        }
        thread_local!(static AT_END: RefCell<Option<AtEnd>> = const { RefCell::new(None) });
        let pool = Pool::new(2, 2, 8);
        let (sender, ended) = mpsc::channel();
        pool.run(move |_| AT_END.set(Some(AtEnd(sender)))).await.unwrap();
        assert!(ended.try_recv().is_err());

        drop(pool);

        ended.recv_timeout(Duration::from_secs(30)).unwrap();
    }

    #[tokio::test]
    async fn a_panic_is_answered_and_the_thread_goes_on() {
        let pool = Pool::new(1, 1, 8);

        let answer = pool.run(|_| -> () { panic!("on purpose") }).await;

        assert!(matches!(answer, Err(HashError::Overloaded)));
        while pool.shared.lock().running > 0 {
            thread::yield_now();
        }
        assert_eq!(pool.run(|_| 7).await.unwrap(), 7);
        assert_eq!(pool.shared.lock().started, 1);
    }

    #[tokio::test]
    async fn pw_10_a_thread_keeps_one_memory_and_frees_what_a_larger_hash_needed() {
        let pool = Pool::new(1, 1, 64);
        let place =
            |memory: &mut Memory, count| memory.with(count, |blocks| blocks.as_ptr() as usize).unwrap();

        let (small, whole) = pool.run(move |memory| (place(memory, 8), place(memory, 64))).await.unwrap();
        let (larger, kept) =
            pool.run(move |memory| (place(memory, 65), memory.blocks.capacity())).await.unwrap();
        let again = pool.run(move |memory| place(memory, 64)).await.unwrap();

        assert_eq!((small, again), (whole, whole));
        assert_ne!(larger, whole);
        assert_eq!(kept, 64);
    }

    #[test]
    fn memory_that_cannot_be_had_is_an_error() {
        let mut memory = Memory::new(8);

        assert!(matches!(memory.with(usize::MAX / 2048, |_| ()), Err(HashError::Overloaded)));
    }
}
