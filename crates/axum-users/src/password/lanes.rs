//! The lanes of one Argon2 hash, computed at the same time where cores are idle.
//!
//! The `argon2` crate hands lanes to the rayon pool that the computing thread belongs to. From a thread that belongs to
//! none it would start rayon's global pool, whose threads are the application's. So each thread that hashes is a pool
//! of one, where lanes follow one another, and a hash that has idle cores gets a larger pool for its time.

use std::{fs, thread, time::Duration};

use rayon_core::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};

/// How often it is looked whether cores are idle: within a millisecond, a hundredth of a hash.
const LOOKS: u32 = 4;
const BETWEEN_LOOKS: Duration = Duration::from_micros(250);

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
    if wanted >= cores {
        return false;
    }
    for _ in 0..LOOKS {
        let Some(running) = fs::read_to_string("/proc/loadavg").ok().as_deref().and_then(running_threads)
        else {
            return false;
        };
        if running + wanted <= cores {
            return true;
        }
        // The thread that handed the work over is about to rest.
        thread::sleep(BETWEEN_LOOKS);
    }
    false
}

/// `0.20 0.18 0.12 1/80 11206` has one that runs, of 80.
fn running_threads(loadavg: &str) -> Option<usize> {
    loadavg.split_whitespace().nth(3)?.split('/').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{
        super::{Argon2Parameters, pool::Memory},
        *,
    };

    #[test]
    fn a_hash_is_the_referees_whether_or_not_its_lanes_are_spread() {
        let expected =
            "$argon2id$v=19$m=256,t=2,p=4$MDEyMzQ1Njc4OWFiY2RlZg$3IOKEz0evDjufmrtGGNgNufbduVIZHKjxzAPDwxI0l4";

        for threads in [1, 2, 4] {
            let hash = spread(threads, || {
                let parameters = Argon2Parameters::new(256, 2, 4).unwrap();
                parameters.hash(b"correct horse", *b"0123456789abcdef", &mut Memory::new(256))
            });
            assert_eq!(hash.unwrap(), expected, "{threads} threads");
        }
    }

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
