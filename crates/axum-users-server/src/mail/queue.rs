//! The bounded queue between hooks and the mail server.

use std::{sync::Arc, time::Duration};

use tokio::sync::{Semaphore, watch};
use tracing::Instrument;

use super::{Deliver, DeliveryError, Mail, Purpose};
use crate::log::TRACE_TARGET;

/// Mails that may wait at a time; one more is dropped, with a line in the log.
const CAPACITY: u32 = 1000;

/// Mails that are on their way to the server at a time.
const AT_ONCE: usize = 4;

/// How long to wait before each further try: about twenty minutes in all, well within a token's life.
const PAUSES: [Duration; 9] = [
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(5),
    Duration::from_secs(15),
    Duration::from_secs(30),
    Duration::from_secs(60),
    Duration::from_secs(120),
    Duration::from_secs(300),
    Duration::from_secs(600),
];

/// Delivers mails in tasks of their own, with retries. Cheap to clone.
#[derive(Clone)]
pub(super) struct Queue {
    /// A permit for every mail that may wait.
    places: Arc<Semaphore>,
    shared: Arc<Shared>,
}

struct Shared {
    deliver: Box<dyn Deliver>,
    /// A permit for every mail that may be on its way.
    lanes: Semaphore,
    /// Whether the server stops: no more pauses.
    stopping: watch::Sender<bool>,
}

impl Queue {
    pub(super) fn new(deliver: impl Deliver) -> Self {
        let shared = Shared {
            deliver: Box::new(deliver),
            lanes: Semaphore::new(AT_ONCE),
            stopping: watch::Sender::new(false),
        };
        Self { places: Arc::new(Semaphore::new(CAPACITY as usize)), shared: Arc::new(shared) }
    }

    /// Takes a mail and returns at once.
    pub(super) fn push(&self, mail: Mail) {
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            let Mail { user_id, purpose, .. } = &mail;
            tracing::error!(%user_id, purpose = purpose.name(), "mail dropped: {CAPACITY} mails are waiting already");
            count(*purpose, "dropped");
            return;
        };
        let shared = Arc::clone(&self.shared);
        tokio::spawn(async move {
            shared.deliver(&mail).await;
            drop(place);
        });
    }

    pub(super) async fn finish(&self) {
        self.shared.stopping.send_replace(true);
        // Every place is free again when every mail has left.
        let _all = self.places.acquire_many(CAPACITY).await;
    }

    pub(super) fn waiting(&self) -> usize {
        CAPACITY as usize - self.places.available_permits()
    }
}

impl Shared {
    async fn deliver(&self, mail: &Mail) {
        let (user_id, purpose) = (&mail.user_id, mail.purpose.name());
        let mut stopping = self.stopping.subscribe();
        for attempt in 0..=PAUSES.len() {
            let DeliveryError { permanent, cause } = match self.try_once(mail).await {
                Ok(()) => return count(mail.purpose, "sent"),
                Err(error) => error,
            };
            let cause = crate::report::chain(cause.as_ref());
            match PAUSES.get(attempt) {
                Some(pause) if !permanent && !*stopping.borrow() => {
                    let seconds = pause.as_secs();
                    tracing::warn!(%user_id, purpose, %cause, "mail not sent; trying again in {seconds} s");
                    count(mail.purpose, "retried");
                    // At a stop the pause ends, and one more try is made.
                    let _ = tokio::time::timeout(*pause, stopping.wait_for(|stopping| *stopping)).await;
                }
                _ => {
                    tracing::error!(%user_id, purpose, %cause, "mail given up");
                    return count(mail.purpose, "given_up");
                }
            }
        }
    }

    async fn try_once(&self, mail: &Mail) -> Result<(), DeliveryError> {
        let _lane = self.lanes.acquire().await.map_err(DeliveryError::permanent)?;
        // By itself: the request that asked for the mail is over.
        let span = tracing::info_span!(
            target: TRACE_TARGET,
            parent: None,
            "mail",
            otel.name = format_args!("mail {}", mail.purpose.name()),
            otel.kind = "client",
            otel.status_code = tracing::field::Empty,
            axum_users.mail = mail.purpose.name(),
        );
        let delivered = self.deliver.deliver(mail).instrument(span.clone()).await;
        if delivered.is_err() {
            span.record("otel.status_code", "ERROR");
        }
        delivered
    }
}

/// Counts what became of a mail or of a try, where there are metrics.
fn count(purpose: Purpose, outcome: &'static str) {
    let labels = [("purpose", purpose.name()), ("outcome", outcome)];
    metrics::counter!("axum_users_mails_total", &labels).increment(1);
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    };

    use super::{super::Delivery, *};

    /// Refuses the first tries, then takes every mail.
    #[derive(Clone)]
    struct Server {
        refusals: Arc<AtomicUsize>,
        permanent: bool,
        taken: Arc<Mutex<Vec<String>>>,
    }

    impl Server {
        fn refusing(refusals: usize) -> Self {
            Self { refusals: Arc::new(AtomicUsize::new(refusals)), permanent: false, taken: Arc::default() }
        }

        fn taken(&self) -> Vec<String> {
            self.taken.lock().unwrap().clone()
        }
    }

    impl Deliver for Server {
        fn deliver<'a>(&'a self, mail: &'a Mail) -> Delivery<'a> {
            Box::pin(async {
                let left = self.refusals.load(Ordering::SeqCst);
                if left > 0 {
                    self.refusals.store(left - 1, Ordering::SeqCst);
                    return Err(DeliveryError { permanent: self.permanent, cause: "refused".into() });
                }
                self.taken.lock().unwrap().push(mail.user_id.clone());
                Ok(())
            })
        }
    }

    fn mail_of(user_id: &str) -> Mail {
        Mail {
            purpose: Purpose::Reset,
            user_id: user_id.to_owned(),
            to: "a@example.com".parse().unwrap(),
            subject: "",
            text: String::new(),
            html: String::new(),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn cr_06_a_mail_is_tried_again_until_the_server_takes_it() {
        let server = Server::refusing(3);
        let queue = Queue::new(server.clone());
        queue.push(mail_of("1"));
        // 1 + 2 + 5 seconds of pauses, on a paused clock.
        tokio::time::sleep(Duration::from_secs(9)).await;
        assert_eq!(server.taken(), ["1"]);
        assert_eq!(queue.waiting(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stop_ends_the_pauses_and_tries_once_more() {
        let server = Server::refusing(1);
        let queue = Queue::new(server.clone());
        queue.push(mail_of("1"));
        tokio::task::yield_now().await;
        let begun = tokio::time::Instant::now();
        queue.finish().await;
        assert_eq!(server.taken(), ["1"]);
        assert!(begun.elapsed() < Duration::from_secs(1), "it waited for the pause to end");
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_for_good_is_not_tried_again() {
        let server = Server { permanent: true, ..Server::refusing(1) };
        let queue = Queue::new(server.clone());
        queue.push(mail_of("1"));
        tokio::time::sleep(Duration::from_secs(10_000)).await;
        assert_eq!(server.taken(), [""; 0]);
        assert_eq!(queue.waiting(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_queue_drops_the_mail_instead_of_waiting() {
        let server = Server::refusing(usize::MAX);
        let queue = Queue::new(server);
        for number in 0..=CAPACITY {
            queue.push(mail_of(&number.to_string()));
        }
        assert_eq!(queue.waiting(), CAPACITY as usize);
    }
}
