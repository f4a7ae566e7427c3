//! Load: connections that send one request after the other, and what came of it.

use std::{
    cell::RefCell,
    io,
    rc::Rc,
    time::{Duration, Instant},
};

use tokio::{
    task::LocalSet,
    time::{sleep, sleep_until},
};

use crate::{
    http::{Answer, Connection},
    talk::{Talk, Talks},
};

/// What a load does.
#[derive(Clone)]
pub struct Load {
    pub port: u16,
    pub connections: usize,
    pub talks: Talks,
    /// A pause between an answer and the next request of the same connection.
    pub pause: Duration,
    /// How long after its connections are made it begins.
    pub after: Duration,
}

/// What came of a load within its time.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// How long good pieces of work took, in microseconds.
    pub good: Vec<u32>,
    /// Answers 503: refused early.
    pub refused: u64,
    /// Any other answer, and broken connections.
    pub failed: u64,
    /// Requests that had no answer when the time was up.
    pub unanswered: u64,
    pub seconds: f64,
}

impl Outcome {
    pub fn per_second(&self) -> f64 {
        self.good.len() as f64 / self.seconds
    }

    /// The latency that this share of the good answers kept, in milliseconds.
    pub fn percentile(&self, share: f64) -> f64 {
        let mut sorted = self.good.clone();
        sorted.sort_unstable();
        let at = ((sorted.len() as f64 * share).ceil() as usize).clamp(1, sorted.len().max(1)) - 1;
        sorted.get(at).map_or(f64::NAN, |micros| f64::from(*micros) / 1000.0)
    }
}

/// Runs loads side by side for so long; one outcome each.
pub async fn run(loads: &[Load], duration: Duration) -> Vec<Outcome> {
    let begun = Instant::now();
    let until = begun + duration;
    let set = LocalSet::new();
    let outcomes: Vec<_> = loads.iter().map(|_| Rc::new(RefCell::new(Outcome::default()))).collect();
    for (load, outcome) in loads.iter().zip(&outcomes) {
        let numbers = Rc::new(RefCell::new(0));
        for index in 0..load.connections {
            set.spawn_local(client(load.clone(), index, Rc::clone(&numbers), Rc::clone(outcome), until));
        }
    }
    set.run_until(sleep_until(until.into())).await;
    let seconds = begun.elapsed().as_secs_f64();
    drop(set);
    let finish = |outcome: Rc<RefCell<Outcome>>| Outcome { seconds, ..outcome.borrow().clone() };
    outcomes.into_iter().map(finish).collect()
}

/// Lets each connection do one piece of work, one after the other; the first that fails is told.
pub async fn once(load: &Load) -> Result<(), String> {
    for index in 0..load.connections {
        let mut talk = (load.talks)(index);
        let mut connection = Connection::new(load.port);
        let answer = work(&mut *talk, &mut connection, 0).await.map_err(|error| error.to_string())?;
        if !answer.is_good() {
            return Err(format!("answered {} {}", answer.status, String::from_utf8_lossy(&answer.body)));
        }
    }
    Ok(())
}

/// One piece of work: its last answer, or the first that is not good.
async fn work(talk: &mut dyn Talk, connection: &mut Connection, number: u64) -> io::Result<Answer> {
    let mut request = talk.begin(number);
    loop {
        let answer = connection.send(&request).await?;
        match answer.is_good().then(|| talk.go_on(&answer)).flatten() {
            Some(next) => request = next,
            None => return Ok(answer),
        }
    }
}

async fn client(
    load: Load,
    index: usize,
    numbers: Rc<RefCell<u64>>,
    outcome: Rc<RefCell<Outcome>>,
    until: Instant,
) {
    let mut connection = Connection::new(load.port);
    let mut talk = (load.talks)(index);
    // One that fails now fails with the first request, too.
    let _ = connection.open().await;
    if !load.after.is_zero() {
        sleep(load.after).await;
    }
    loop {
        let number = {
            let mut numbers = numbers.borrow_mut();
            *numbers += 1;
            *numbers
        };
        let begun = Instant::now();
        outcome.borrow_mut().unanswered += 1;
        let answer = work(&mut *talk, &mut connection, number).await;
        if Instant::now() >= until {
            return;
        }
        let mut wait = load.pause;
        {
            let mut outcome = outcome.borrow_mut();
            outcome.unanswered -= 1;
            match answer {
                Ok(answer) if answer.is_good() => {
                    outcome.good.push(u32::try_from(begun.elapsed().as_micros()).unwrap_or(u32::MAX));
                }
                Ok(answer) if answer.status == 503 => {
                    outcome.refused += 1;
                    // As a client should.
                    let seconds = answer.header("retry-after").and_then(|text| text.parse().ok());
                    wait = Duration::from_secs(seconds.unwrap_or(1));
                }
                Ok(_) => outcome.failed += 1,
                Err(_) => {
                    outcome.failed += 1;
                    wait = Duration::from_millis(10);
                }
            }
        }
        if !wait.is_zero() {
            sleep(wait).await;
        }
    }
}
