use std::{
    cell::RefCell,
    io,
    sync::{
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
};

use rayon_core::ThreadPoolBuilder;

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
    assert_eq!(gate.pool.shared.lock().started, 3);

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
async fn a_hash_of_one_lane_stays_on_its_thread_though_cores_are_idle() {
    let pool = Pool::with(size(4, 4), REST, |_| true);

    let name = pool.run(|_| thread::current().name().map(str::to_owned)).await.unwrap();

    assert_eq!(name.as_deref(), Some("password-hash-1"));
}

#[tokio::test]
async fn where_no_thread_can_be_had_callers_are_refused() {
    let mut pool = Pool::new(size(2, 2));
    Arc::get_mut(&mut pool.shared).unwrap().start = |_, _| no_thread();

    assert!(matches!(pool.begin(|_| ()), Err(HashError::Overloaded)));
}

#[tokio::test]
async fn where_no_further_thread_can_be_had_those_that_run_serve_all() {
    let mut pool = Pool::new(size(2, 2));
    Arc::get_mut(&mut pool.shared).unwrap().start = |name, work| match name.as_str() {
        "password-hash-1" => start_thread(name, work),
        _ => no_thread(),
    };
    let gate = Gate::of(pool);
    let held = [gate.hold().await, gate.hold().await];

    for (release, job) in held {
        release.send(()).unwrap();
        job.await.unwrap().unwrap();
    }

    assert_eq!(gate.most.load(Ordering::SeqCst), 1);
}

fn no_thread() -> Result<(), ThreadPoolBuildError> {
    let refused = |_| Err(io::Error::other("this machine has no more threads"));
    ThreadPoolBuilder::new().num_threads(1).spawn_handler(refused).build().map(drop)
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
    // None of them would end by resting.
    let pool = Pool::with(size(2, 2), Duration::from_secs(3600), |_| false);
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
    let place = |memory: &mut Memory, count| memory.with(count, |blocks| blocks.as_ptr() as usize).unwrap();

    let (small, whole) = pool.run(move |memory| (place(memory, 8), place(memory, 64))).await.unwrap();
    let (larger, kept) = pool.run(move |memory| (place(memory, 65), memory.blocks.capacity())).await.unwrap();
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
