//! What is said of work that takes long.

use std::{fmt::Display, pin::pin, time::Duration};

use tokio::time::{Instant, timeout};

/// How long nothing is said.
const PATIENCE: Duration = Duration::from_secs(1);

/// The longest that nothing is said after that.
const LONGEST_SILENCE: Duration = Duration::from_secs(30);

/// Does work, and says in the log what is done and for how long already, once it takes over a second; then at growing
/// intervals, and at its end. For adapters, whose migrations may read a table of millions of rows.
///
/// The lines have the target `axum_users::progress` and the level `info`.
///
/// ```
/// # async fn migrate() -> Result<(), std::io::Error> {
/// # async fn run(_: &str) -> Result<(), std::io::Error> { Ok(()) }
/// axum_users::with_progress("step 1 of 2: the index of addresses", run("CREATE UNIQUE INDEX …")).await?;
/// # Ok(())
/// # }
/// ```
pub async fn with_progress<T>(what: impl Display, work: impl Future<Output = T>) -> T {
    tell_while(work, |seconds, is_done| match is_done {
        false => tracing::info!(target: "axum_users::progress", seconds, "at work: {what}"),
        true => tracing::info!(target: "axum_users::progress", seconds, "done: {what}"),
    })
    .await
}

/// Tells after how many seconds work still goes on, or is done after it was told of.
async fn tell_while<T>(work: impl Future<Output = T>, mut tell: impl FnMut(u64, bool)) -> T {
    let mut work = pin!(work);
    let begun = Instant::now();
    let mut silence = PATIENCE;
    loop {
        match timeout(silence, &mut work).await {
            Ok(done) if silence == PATIENCE => return done,
            Ok(done) => {
                tell(begun.elapsed().as_secs(), true);
                return done;
            }
            Err(_) => {
                tell(begun.elapsed().as_secs(), false);
                silence = (silence * 2).min(LONGEST_SILENCE);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::sleep;

    use super::*;

    async fn told_of_work_that_takes(milliseconds: u64) -> Vec<(u64, bool)> {
        let mut told = Vec::new();
        let answer = tell_while(
            async {
                sleep(Duration::from_millis(milliseconds)).await;
                7
            },
            |seconds, is_done| told.push((seconds, is_done)),
        );
        assert_eq!(answer.await, 7);
        told
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_said_of_what_is_done_within_a_second() {
        assert_eq!(told_of_work_that_takes(0).await, []);
        assert_eq!(told_of_work_that_takes(900).await, []);
    }

    #[tokio::test(start_paused = true)]
    async fn long_work_is_told_of_at_growing_intervals_and_at_its_end() {
        let told = told_of_work_that_takes(100_500).await;
        let seconds: Vec<u64> = told.iter().map(|(seconds, _)| *seconds).collect();
        assert_eq!(seconds, [1, 3, 7, 15, 31, 61, 91, 100]);
        assert_eq!(told.iter().filter(|(_, is_done)| *is_done).count(), 1);
        assert_eq!(told.last(), Some(&(100, true)));
    }
}
