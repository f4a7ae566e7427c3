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
        Self { shared: Arc::new(Shared { state, news, size, rest, are_idle }) }
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
        match start_thread(format!("password-hash-{}", state.started + 1), move || worker.work()) {
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
            let (after, rested) =
                self.news.wait_timeout(state, self.rest).unwrap_or_else(PoisonError::into_inner);
            state = after;
            if rested.timed_out() && state.queue.is_empty() {
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
mod tests {
    use std::{
        cell::RefCell,
        sync::{
            atomic::{AtomicUsize, Ordering},
            mpsc,
        },
        thread,
    };

    use super::*;

    /// Jobs that run until the test lets them go, and how many do.
    struct Gate {
        pool: Arc<Pool>,
        entered: (mpsc::Sender<()>, mpsc::Receiver<()>),
        running: Arc<AtomicUsize>,
        most: Arc<AtomicUsize>,
    }

    fn size(threads: usize, waiting: usize) -> Size {
        Size { threads, waiting, blocks: 8, lanes: 1 }
    }

    type Held = (mpsc::Sender<()>, tokio::task::JoinHandle<Result<(), HashError>>);

    impl Gate {
        fn new(threads: usize, waiting: usize) -> Self {
            Self::of(Pool::new(size(threads, waiting)))
        }

        fn of(pool: Pool) -> Self {
            let pool = Arc::new(pool);
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

        /// A thread says that it is free just after it has answered.
        fn wait_until_nothing_runs(&self) {
            while self.pool.shared.lock().running > 0 {
                thread::yield_now();
            }
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
    async fn pw_11_whoever_would_wait_for_seconds_is_refused_though_the_queue_has_room() {
        let gate = Gate::new(2, 100);
        let mut held = Vec::new();
        for _ in 0..6 {
            held.push(gate.hold().await);
        }
        gate.wait_for_entries(2);

        // Four wait, two before each thread.
        gate.pool.shared.lock().typical = Duration::from_millis(1001);
        assert!(matches!(gate.pool.run(|_| ()).await, Err(HashError::Overloaded)));
        for just_in_time in [1000, 999] {
            gate.pool.shared.lock().typical = Duration::from_millis(just_in_time);
            let (release, job) = gate.hold().await;
            job.abort();
            drop(release);
            gate.pool.shared.lock().queue.pop_back().expect("it found a place");
        }

        for (release, job) in held {
            release.send(()).unwrap();
            job.await.unwrap().unwrap();
        }
    }

    #[tokio::test]
    async fn where_hashes_take_longer_than_anybody_waits_those_who_find_nobody_before_them_are_served() {
        let gate = Gate::new(1, 100);
        let (release, job) = gate.hold().await;
        gate.wait_for_entries(1);
        gate.pool.shared.lock().typical = PATIENCE * 2;

        let (release_next, next) = gate.hold().await;
        assert!(matches!(gate.pool.run(|_| ()).await, Err(HashError::Overloaded)));

        for release in [release, release_next] {
            release.send(()).unwrap();
        }
        job.await.unwrap().unwrap();
        next.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn how_long_a_job_takes_is_learnt_from_those_that_ran() {
        let gate = Gate::new(1, 1);

        gate.pool.run(|_| ()).await.unwrap();

        gate.wait_until_nothing_runs();
        assert_ne!(gate.pool.shared.lock().typical, Duration::ZERO);
    }

    #[tokio::test]
    async fn a_short_job_makes_the_usual_time_a_quarter_shorter() {
        let gate = Gate::new(1, 1);
        gate.pool.shared.lock().typical = Duration::from_secs(4);

        gate.pool.run(|_| ()).await.unwrap();

        gate.wait_until_nothing_runs();
        let learnt = gate.pool.shared.lock().typical;
        // Three seconds, and a quarter of what this one took, however busy the machine.
        assert!((Duration::from_secs(3)..Duration::from_secs(40)).contains(&learnt), "{learnt:?}");
    }

    #[tokio::test]
    async fn without_a_queue_a_free_thread_is_still_used() {
        let gate = Gate::new(1, 0);
        let (release, job) = gate.hold().await;

        assert!(gate.pool.run(|_| ()).await.is_err());
        release.send(()).unwrap();
        job.await.unwrap().unwrap();
        gate.wait_until_nothing_runs();
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
    async fn lanes_are_spread_while_threads_and_cores_are_idle_and_not_otherwise() {
        let lanes = |_: &mut Memory| rayon_core::current_num_threads();
        let four = || Size { lanes: 4, ..size(4, 4) };
        let busy = Pool::with(four(), REST, |_| false);
        assert_eq!(busy.run(lanes).await.unwrap(), 1);

        let gate = Gate::of(Pool::with(four(), REST, |wanted| wanted == 3));
        assert_eq!(gate.pool.run(lanes).await.unwrap(), 4);

        let (release, job) = gate.hold().await;
        gate.wait_for_entries(1);
        assert_eq!(gate.pool.run(lanes).await.unwrap(), 1);
        release.send(()).unwrap();
        job.await.unwrap().unwrap();
        gate.wait_until_nothing_runs();
        assert_eq!(gate.pool.run(lanes).await.unwrap(), 4);
    }

    #[tokio::test]
    async fn a_panic_among_spread_lanes_is_answered_and_the_thread_goes_on() {
        let gate = Gate::of(Pool::with(Size { lanes: 2, ..size(2, 2) }, REST, |_| true));

        assert!(gate.pool.run(|_| -> () { panic!("on purpose") }).await.is_err());

        gate.wait_until_nothing_runs();
        assert_eq!(gate.pool.run(|_| 7).await.unwrap(), 7);
    }

    /// The thread's own memory is gone with it.
    #[tokio::test]
    async fn pw_10_a_thread_that_has_rested_ends_and_another_one_starts_when_it_is_needed() {
        let pool = Pool::with(size(1, 1), Duration::from_millis(1), |_| false);
        let ended = watch_end_of_thread(&pool).await;

        ended.recv_timeout(Duration::from_secs(30)).unwrap();

        while pool.shared.lock().started > 0 {
            thread::yield_now();
        }
        assert_eq!(pool.run(|_| 7).await.unwrap(), 7);
    }

    #[tokio::test]
    async fn threads_end_with_the_pool() {
        let pool = Pool::new(size(2, 2));
        let ended = watch_end_of_thread(&pool).await;
        assert!(ended.try_recv().is_err());

        drop(pool);

        ended.recv_timeout(Duration::from_secs(30)).unwrap();
    }

    /// Tells of the end of a thread that has done something.
    async fn watch_end_of_thread(pool: &Pool) -> mpsc::Receiver<()> {
        struct AtEnd(mpsc::Sender<()>);
        impl Drop for AtEnd {
            fn drop(&mut self) {
                let _ = self.0.send(());
            }
        }
        thread_local!(static AT_END: RefCell<Option<AtEnd>> = const { RefCell::new(None) });
        let (sender, ended) = mpsc::channel();
        pool.run(move |_| AT_END.set(Some(AtEnd(sender)))).await.unwrap();
        ended
    }

    #[tokio::test]
    async fn a_panic_is_answered_and_the_thread_goes_on() {
        let gate = Gate::new(1, 1);

        let answer = gate.pool.run(|_| -> () { panic!("on purpose") }).await;

        assert!(matches!(answer, Err(HashError::Overloaded)));
        gate.wait_until_nothing_runs();
        assert_eq!(gate.pool.run(|_| 7).await.unwrap(), 7);
        assert_eq!(gate.pool.shared.lock().started, 1);
    }

    #[tokio::test]
    async fn pw_10_a_thread_keeps_one_memory_and_frees_what_a_larger_hash_needed() {
        let pool = Pool::new(Size { blocks: 64, ..size(1, 1) });
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
