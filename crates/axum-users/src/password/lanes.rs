//! The lanes of one Argon2 hash, computed at the same time where cores are idle.
//!
//! The `argon2` crate hands lanes to the rayon pool that the computing thread belongs to. A thread that belongs to
//! none would start rayon's global pool, whose threads are the application's. So whoever computes here belongs to a
//! pool of ours: a hashing thread is one by itself, and a hash that has the machine to itself moves to a larger one.

use std::{sync::OnceLock, thread};

use rayon_core::{ThreadPool, ThreadPoolBuilder};

/// Threads for the lanes of one hash at a time; they start when they are first needed.
pub(super) struct Lanes {
    threads: usize,
    /// Whether so many threads more would find cores to run on.
    are_idle: fn(usize) -> bool,
    pool: OnceLock<Option<ThreadPool>>,
}

impl Lanes {
    /// With one thread, or none, nothing is ever spread.
    pub(super) fn new(threads: usize) -> Self {
        Self::when(threads, are_cores_idle)
    }

    /// Lanes that are spread when `are_idle` says that so many cores are.
    pub(super) fn when(threads: usize, are_idle: fn(usize) -> bool) -> Self {
        Self { threads, are_idle, pool: OnceLock::new() }
    }

    /// Whether spreading helps now. The lanes wait for each other twelve times a hash: where other programs keep a
    /// core, the slowest one decides, and one thread alone is faster.
    pub(super) fn can_spread(&self) -> bool {
        self.threads > 1 && (self.are_idle)(self.threads - 1)
    }

    /// Runs `work` with its lanes on several threads, where there are any.
    pub(super) fn spread<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        let start = || (self.threads > 1).then(|| start(self.threads, "password-lane"))?;
        match self.pool.get_or_init(start) {
            Some(pool) => pool.install(work),
            None => work(),
        }
    }
}

/// By what the kernel says runs at this moment, this thread included; where it says nothing, they are.
fn are_cores_idle(wanted: usize) -> bool {
    let Ok(text) = std::fs::read_to_string("/proc/loadavg") else { return true };
    let running = text.split_whitespace().nth(3).and_then(|tasks| tasks.split('/').next()?.parse().ok());
    let running: usize = running.unwrap_or(1);
    running + wanted <= thread::available_parallelism().map_or(1, usize::from)
}

fn start(threads: usize, name: &'static str) -> Option<ThreadPool> {
    let named = ThreadPoolBuilder::new().thread_name(move |index| format!("{name}-{}", index + 1));
    let pool = named.num_threads(threads).build();
    pool.inspect_err(|error| tracing::warn!(%error, "a password is hashed by one thread alone")).ok()
}

/// Makes the present thread a pool by itself, as long as the value is kept: its lanes follow one another.
pub(super) fn keep_to_this_thread() -> Option<ThreadPool> {
    ThreadPoolBuilder::new().num_threads(1).use_current_thread().build().ok()
}

/// Runs `work` in the pool of the present thread, or in a small one where it has none: for fingerprints, which
/// threads of the application compute.
pub(super) fn in_a_pool<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    static SMALL: OnceLock<Option<ThreadPool>> = OnceLock::new();
    if rayon_core::current_thread_index().is_some() {
        return work();
    }
    match SMALL.get_or_init(|| start(1, "password-fingerprint")) {
        Some(pool) => pool.install(work),
        None => work(),
    }
}
