use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use super::*;
use crate::{
    Clock,
    error::{ApiError, BoxError},
};

fn limiter() -> (Limiter, Clock) {
    let clock = Clock::stopped_at_unix_seconds(1_800_000_000);
    (Limiter::new(Limits::default(), clock.clone()), clock)
}

fn address(text: &str) -> Option<IpAddr> {
    Some(text.parse().unwrap())
}

/// How many of `count` tries are let through.
async fn judged(count: usize, attempt: impl AsyncFn(usize) -> Result<Try, ApiError>) -> usize {
    let mut judged = 0;
    for index in 0..count {
        judged += usize::from(attempt(index).await.is_ok());
    }
    judged
}

#[tokio::test]
async fn li_01_guesses_on_one_account_from_one_address_end_before_the_hundredth() {
    let (limiter, clock) = limiter();
    let here = address("192.0.2.1");
    assert_eq!(judged(100, async |_| limiter.login("ada@example.com", here).await).await, 20);
    let Err(ApiError::TooManyRequests { retry_after }) = limiter.login("ADA@example.com", here).await else {
        panic!("a guess was let through");
    };
    assert_eq!(retry_after, 45);
    clock.advance_seconds(45);
    assert!(limiter.login("ada@example.com", here).await.is_ok());
}

#[tokio::test]
async fn li_03_guesses_from_many_addresses_end_too() {
    let (limiter, _) = limiter();
    let from = |index: usize| address(&format!("192.0.2.{}", index % 40));
    assert_eq!(judged(120, async |index| limiter.login("ada@example.com", from(index)).await).await, 100);
}

#[tokio::test]
async fn li_04_many_accounts_from_one_address_end_too() {
    let (limiter, _) = limiter();
    let here = address("192.0.2.1");
    assert_eq!(
        judged(150, async |index| limiter.login(&format!("user{index}@example.com"), here).await).await,
        100
    );
}

#[tokio::test]
async fn li_05_a_stranger_does_not_lock_the_owner_out() {
    let (limiter, _) = limiter();
    judged(60, async |_| limiter.login("ada@example.com", address("192.0.2.1")).await).await;
    assert!(limiter.login("ada@example.com", address("198.51.100.1")).await.is_ok());
}

#[tokio::test]
async fn li_05_many_strangers_do_not_lock_out_an_owner_who_came_in_from_there_before() {
    let (limiter, _) = limiter();
    let home = address("198.51.100.1");
    let taken = limiter.login("ada@example.com", home).await.unwrap();
    limiter.login_succeeded("ada@example.com", home, &taken).await;
    judged(500, async |index| {
        limiter.login("ada@example.com", address(&format!("192.0.2.{}", index % 250))).await
    })
    .await;
    assert!(limiter.login("ada@example.com", home).await.is_ok());
    assert!(limiter.login("ada@example.com", address("203.0.113.1")).await.is_err());
}

#[tokio::test]
async fn li_01_whoever_goes_on_guessing_waits_longer_and_longer() {
    let (limiter, clock) = limiter();
    let here = address("192.0.2.1");
    let mut waits = Vec::new();
    for _ in 0..120 {
        while let Err(ApiError::TooManyRequests { retry_after }) =
            limiter.login("ada@example.com", here).await
        {
            waits.push(retry_after);
            clock.advance_seconds(i64::try_from(retry_after).unwrap());
        }
    }
    assert!(waits.is_sorted_by_key(|wait| wait / 60), "{waits:?}");
    assert_eq!((waits.first(), waits.last()), (Some(&45), Some(&960)), "{waits:?}");
}

#[tokio::test]
async fn li_05_what_strangers_ask_for_keeps_no_mail_from_the_owner() {
    let (limiter, _) = limiter();
    let home = address("198.51.100.1");
    let taken = limiter.login("ada@example.com", home).await.unwrap();
    limiter.login_succeeded("ada@example.com", home, &taken).await;
    let stranger = |index: usize| address(&format!("192.0.2.{index}"));
    let ask = async |mail, from| limiter.mail(mail, "ada@example.com", from).await;
    assert_eq!(judged(40, async |index| ask(Mail::Verification, stranger(index)).await).await, 4);
    assert!(ask(Mail::Reset, stranger(1)).await.is_ok(), "of the one kind, those of the other are left");
    assert_eq!(judged(40, async |index| ask(Mail::Reset, stranger(index)).await).await, 3);
    assert_eq!(judged(40, async |_| ask(Mail::Reset, home).await).await, 4, "the owner's own");
}

#[tokio::test]
async fn cr_23_a_clock_that_is_set_back_empties_no_bucket() {
    let clock = Clock::stopped_at_unix_seconds(1_800_000_000);
    let alone = Limiter::new(Limits::default(), clock.clone());
    let shared = Limiter::new(Limits::default(), clock.clone()).shared_by(Some(Box::new(Flaky::default())));
    let here = address("192.0.2.1");
    for limiter in [&alone, &shared] {
        let guess = async |_| limiter.login("ada@example.com", here).await;
        assert_eq!(judged(5, guess).await, 5);
        for set_back in [1, 60, 899, 3600] {
            clock.advance_seconds(-set_back);
            assert_eq!(judged(3, guess).await, 3, "by {set_back} s");
        }
        assert_eq!(judged(10, guess).await, 3, "and it fills none");
        clock.advance_seconds(90);
        assert_eq!(judged(10, guess).await, 2, "what comes back comes in time");
    }
}

#[tokio::test]
async fn right_passwords_use_nothing_up() {
    let (limiter, _) = limiter();
    let here = address("192.0.2.1");
    for _ in 0..1000 {
        let taken = limiter.login("ada@example.com", here).await.unwrap();
        limiter.login_succeeded("ada@example.com", here, &taken).await;
    }
}

#[tokio::test]
async fn li_06_mails_to_one_account_are_few() {
    let (limiter, _) = limiter();
    let from = |index: usize| address(&format!("192.0.2.{index}"));
    assert_eq!(
        judged(40, async |index| limiter.mail(Mail::Reset, "ada@example.com", from(index)).await).await,
        4
    );
}

#[tokio::test]
async fn li_07_registrations_from_one_address_end() {
    let (limiter, _) = limiter();
    assert_eq!(judged(120, async |_| limiter.register(address("192.0.2.1")).await).await, 60);
}

#[tokio::test]
async fn li_09_bad_tokens_from_one_address_end() {
    let (limiter, _) = limiter();
    assert_eq!(judged(200, async |_| limiter.token(address("192.0.2.1")).await).await, 50);
}

#[tokio::test]
async fn li_21_a_network_of_ipv6_and_other_spellings_count_together() {
    let (limiter, _) = limiter();
    let from = |index: usize| address(&format!("2001:db8:0:1::{index:x}"));
    assert_eq!(judged(200, async |index| limiter.token(from(index)).await).await, 50);
    assert!(limiter.token(address("2001:db8:0:2::1")).await.is_ok());
    assert_eq!(judged(50, async |_| limiter.token(address("192.0.2.7")).await).await, 50);
    assert!(limiter.token(address("::ffff:192.0.2.7")).await.is_err());
}

#[tokio::test]
async fn a_try_that_one_limit_refuses_takes_no_place_in_another() {
    let (limiter, _) = limiter();
    let here = address("192.0.2.1");
    judged(100, async |_| limiter.login("ada@example.com", here).await).await;
    // 20 of the address's 100 places are taken, and no more.
    assert_eq!(
        judged(150, async |index| limiter.login(&format!("user{index}@example.com"), here).await).await,
        80
    );
}

/// Fails when it is told to, and counts what it is asked.
#[derive(Default)]
struct Flaky {
    database: crate::MemoryDatabase,
    is_down: Arc<AtomicBool>,
    asked: Arc<AtomicUsize>,
}

impl Flaky {
    fn database(&self) -> Result<&dyn crate::database::ErasedDatabase<crate::User>, BoxError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        match self.is_down.load(Ordering::SeqCst) {
            true => Err("the store is down".into()),
            false => Ok(&self.database),
        }
    }
}

impl LimitStore for Flaky {
    async fn take(&self, count: &LimitCount<'_>) -> Result<Option<i64>, BoxError> {
        Ok(self.database()?.take_limit(count).await?)
    }

    async fn give_back(&self, counts: &[LimitCount<'_>]) -> Result<(), BoxError> {
        Ok(self.database()?.give_limits_back(counts).await?)
    }

    async fn note(&self, name: &str, _now: i64, until: i64) -> Result<(), BoxError> {
        Ok(self.database()?.note_limit(name, until).await?)
    }

    async fn holds(&self, name: &str, now: i64) -> Result<bool, BoxError> {
        Ok(self.database()?.limit_holds(name, now).await?)
    }
}

/// Whether an attempt is let through, and how long to wait otherwise.
fn answer(tried: &Result<Try, ApiError>) -> Option<u64> {
    match tried {
        Ok(_) => None,
        Err(ApiError::TooManyRequests { retry_after }) => Some(*retry_after),
        Err(other) => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn li_20_a_shared_count_gives_the_answers_of_one_processs_memory() {
    let clock = Clock::stopped_at_unix_seconds(1_800_000_000);
    let alone = Limiter::new(Limits::default(), clock.clone());
    let shared = Limiter::new(Limits::default(), clock.clone()).shared_by(Some(Box::new(Flaky::default())));
    let random = crate::Random::seeded(20);
    for step in 0..5_000 {
        let dice = u64::from_be_bytes(random.uuid().as_bytes()[..8].try_into().unwrap());
        let from = address(&format!("192.0.2.{}", dice % 7));
        let email = format!("user{}@example.com", dice / 7 % 3);
        clock.advance_seconds(i64::try_from(dice / 21 % 12).unwrap());
        let mut answers = Vec::new();
        for limiter in [&alone, &shared] {
            let tried = match dice / 252 % 4 {
                0 => limiter.mail(Mail::Reset, &email, from).await,
                1 => limiter.token(from).await,
                _ => limiter.login(&email, from).await,
            };
            answers.push(answer(&tried));
            match (dice / 1008 % 16, tried) {
                (0, Ok(taken)) => limiter.login_succeeded(&email, from, &taken).await,
                (1, Ok(taken)) => limiter.succeeded(&taken).await,
                _ => {}
            }
        }
        assert_eq!(answers[0], answers[1], "step {step}");
    }
}

#[tokio::test]
async fn a_shared_place_is_asked_once_for_each_limit_and_once_more_to_give_back() {
    let (store, clock) = (Flaky::default(), Clock::stopped_at_unix_seconds(1_800_000_000));
    let asked = Arc::clone(&store.asked);
    let limiter = Limiter::new(Limits::default(), clock.clone()).shared_by(Some(Box::new(store)));
    let home = address("192.0.2.1");
    let right = async || {
        let taken = limiter.login("ada@example.com", home).await.unwrap();
        limiter.login_succeeded("ada@example.com", home, &taken).await;
        asked.swap(0, Ordering::SeqCst)
    };
    assert_eq!(
        right().await,
        7,
        "four limits, what is given back, and the address: not known yet, and noted"
    );
    assert_eq!(right().await, 4, "three limits, and what is given back");
    assert!(limiter.login("ada@example.com", home).await.is_ok());
    assert_eq!(asked.swap(0, Ordering::SeqCst), 3, "a wrong password gives nothing back");
    clock.advance_seconds(25 * 3600);
    assert_eq!(right().await, 5, "the address is noted anew once a day");
}

#[tokio::test(start_paused = true)]
async fn cr_22_while_the_shared_place_fails_a_process_counts_for_itself_and_shares_again_afterwards() {
    let clock = Clock::stopped_at_unix_seconds(1_800_000_000);
    let store = Flaky::default();
    let is_down = Arc::clone(&store.is_down);
    let limiter = Limiter::new(Limits::default(), clock).shared_by(Some(Box::new(store)));
    let here = address("192.0.2.1");
    let guess = async |_| limiter.login("ada@example.com", here).await;
    assert_eq!(judged(15, guess).await, 15);
    is_down.store(true, Ordering::SeqCst);
    assert_eq!(judged(100, guess).await, 20, "its own count, from the beginning");
    is_down.store(false, Ordering::SeqCst);
    assert_eq!(judged(10, guess).await, 0, "the store is left alone for a while");
    tokio::time::advance(Duration::from_secs(2)).await;
    assert_eq!(judged(100, guess).await, 5, "what was left of the shared count");
}
