//! The lanes of one Argon2 hash, computed at the same time where cores are idle.
//!
//! The `argon2` crate hands lanes to the rayon pool that the computing thread belongs to. From a thread that belongs to
//! none it would start rayon's global pool, whose threads are the application's. So each thread that hashes is a pool
//! of one, where lanes follow one another, and a hash that has idle cores gets a larger pool for its time.

use std::{fs, thread};

use rayon_core::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};

/// Starts a thread on which the lanes of a hash follow one another. It ends with `work`.
pub(super) fn start_thread(
    name: String,
    work: impl FnOnce() + Send + 'static,
) -> Result<(), ThreadPoolBuildError> {
    // Dropped at once, a pool still does what it was given.
    start(1, move |_| name.clone()).map(|pool| pool.spawn(work))
}

/// Runs `work` with its lanes on so many threads, which are started for it: that takes a thousandth of the time of
/// a hash. Where none can be had, this thread does it alone.
pub(super) fn spread<T: Send>(threads: usize, work: impl FnOnce() -> T + Send) -> T {
    match start(threads, |index| format!("password-lane-{}", index + 1)) {
        Ok(pool) => pool.install(work),
        Err(error) => {
            tracing::warn!(%error, "a password is hashed by one thread alone");
            work()
        }
    }
}

fn start(
    threads: usize,
    name: impl FnMut(usize) -> String + 'static,
) -> Result<ThreadPool, ThreadPoolBuildError> {
    ThreadPoolBuilder::new().num_threads(threads).thread_name(name).build()
}

/// Whether so many more threads would find cores to run on, by what the kernel says runs at this moment, this thread
/// included. The lanes wait for each other twelve times a hash: where another program keeps a core, the slowest
/// decides, and one thread alone is faster. Where the kernel does not say, no core is idle.
pub(super) fn are_cores_idle(wanted: usize) -> bool {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let Ok(text) = fs::read_to_string("/proc/loadavg") else { return false };
    running_threads(&text).is_some_and(|running| running + wanted <= cores)
}

/// `0.20 0.18 0.12 1/80 11206` has one that runs, of 80.
fn running_threads(loadavg: &str) -> Option<usize> {
    loadavg.split_whitespace().nth(3)?.split('/').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_runs_is_read_from_the_kernels_line() {
        assert_eq!(running_threads("0.20 0.18 0.12 3/80 11206\n"), Some(3));
        for text in ["", "0.20 0.18 0.12", "0.20 0.18 0.12 x/80 1"] {
            assert_eq!(running_threads(text), None, "{text}");
        }
    }

    #[test]
    fn more_cores_than_there_are_are_never_idle() {
        assert!(!are_cores_idle(1 << 20));
    }
}
