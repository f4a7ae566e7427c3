//! Entries on their way into the database: numbered, bounded, written in the order in which they happened.

use std::{
    collections::VecDeque,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::sync::watch;

use super::{AuditEntry, AuditRecord, microseconds};
use crate::{
    Clock, Random, Secrets, Users, database::DatabaseError, error::error_chain, metrics, user::UserModel,
};

/// Entries that may wait for the database; one more is lost.
const WAITING: usize = 10_000;

/// Entries that are written at a time.
const BATCH: usize = 100;

/// How long to wait before each further try to write a batch.
const PAUSES: [Duration; 6] = [
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(5),
    Duration::from_secs(10),
    Duration::from_secs(20),
    Duration::from_secs(30),
];

/// Failures that are noted in a minute: strangers must not fill the disk. Successes are not limited.
const FAILURES_A_MINUTE: u32 = 600;

/// See the module.
pub(crate) struct Trail {
    /// Whether entries are kept in the database.
    is_kept: bool,
    waiting: Mutex<Waiting>,
    failures: Mutex<Failures>,
    sequence: AtomicU32,
    lost: AtomicU64,
    /// Whether a writer is at work.
    busy: watch::Sender<bool>,
    /// Whether somebody waits for the end: no more pauses.
    hurried: watch::Sender<bool>,
}

#[derive(Default)]
struct Waiting {
    entries: VecDeque<AuditEntry>,
    /// How many did not fit since this was last said.
    dropped: u64,
}

#[derive(Default)]
struct Failures {
    minute: i64,
    noted: u32,
    left_out: u64,
}

impl Trail {
    pub(crate) fn new(is_kept: bool) -> Self {
        Self {
            is_kept,
            waiting: Mutex::default(),
            failures: Mutex::default(),
            sequence: AtomicU32::new(0),
            lost: AtomicU64::new(0),
            busy: watch::Sender::new(false),
            hurried: watch::Sender::new(false),
        }
    }

    /// The entry of a record; `None` when there were too many failures this minute.
    pub(super) fn entry(
        &self,
        record: AuditRecord<'_>,
        clock: &Clock,
        random: &Random,
        secrets: &Secrets,
    ) -> Option<AuditEntry> {
        let at = clock.now();
        if record.is_failure && !self.has_room_for_failure(at.unix_timestamp()) {
            return None;
        }
        // Entries of one moment sort by the sequence; the rest tells processes apart.
        let sequence = self.sequence.fetch_add(1, Ordering::Relaxed);
        let rest = if self.is_kept { random.uuid().as_u64_pair().0 } else { 0 };
        let id = format!("{:016x}{sequence:08x}{:08x}", microseconds(at), rest >> 32);
        Some(record.into_entry(id, at, secrets))
    }

    fn has_room_for_failure(&self, now: i64) -> bool {
        let mut failures = lock(&self.failures);
        let minute = now.div_euclid(60);
        if failures.minute != minute {
            let left_out = failures.left_out;
            *failures = Failures { minute, ..Failures::default() };
            if left_out > 0 {
                tracing::warn!(
                    left_out,
                    "failures were left out of the audit trail: there were too many in a minute"
                );
            }
        }
        if failures.noted >= FAILURES_A_MINUTE {
            failures.left_out += 1;
            return false;
        }
        failures.noted += 1;
        true
    }

    /// Lets an entry wait; answers whether a writer has to be sent.
    fn push(&self, entry: AuditEntry) -> bool {
        let mut waiting = lock(&self.waiting);
        if waiting.entries.len() >= WAITING {
            waiting.dropped += 1;
            self.lose(1);
            return false;
        }
        waiting.entries.push_back(entry);
        metrics::set(metrics::AUDIT_WAITING, waiting.entries.len());
        !self.busy.send_replace(true)
    }

    /// The next entries to be written; `None` ends the writer.
    fn next(&self) -> Option<Vec<AuditEntry>> {
        let mut waiting = lock(&self.waiting);
        let dropped = std::mem::take(&mut waiting.dropped);
        if dropped > 0 {
            tracing::error!(
                dropped,
                "entries of the audit trail were lost: too many waited for the database"
            );
        }
        let count = waiting.entries.len().min(BATCH);
        if count == 0 {
            self.busy.send_replace(false);
            return None;
        }
        let next = waiting.entries.drain(..count).collect();
        metrics::set(metrics::AUDIT_WAITING, waiting.entries.len());
        Some(next)
    }

    /// Counts entries that the database will never have.
    fn lose(&self, count: u64) {
        self.lost.fetch_add(count, Ordering::Relaxed);
        metrics::audit_entries_lost(count);
    }

    /// Waits for a moment, or until somebody is in a hurry.
    async fn pause(&self, pause: Duration) {
        let mut hurried = self.hurried.subscribe();
        let _ = tokio::time::timeout(pause, hurried.wait_for(|hurried| *hurried)).await;
    }

    /// Waits until every entry was written or given up.
    pub(crate) async fn drain(&self) {
        let mut busy = self.busy.subscribe();
        self.hurried.send_replace(true);
        let _ = busy.wait_for(|busy| !*busy).await;
        self.hurried.send_replace(false);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<U: UserModel> Users<U> {
    /// Notes something in the audit trail: in the log, and in the database where the builder
    /// [asked for it](crate::UsersBuilder::keeps_audit_trail). It never fails, and the writing is behind the answer.
    ///
    /// The library notes its own events; this is for an application's, and for routes of its own.
    ///
    /// ```
    /// # use axum_users::{AuditRecord, RequestInfo, User, Users};
    /// # fn plan_changed(users: &Users<User>, user: &User, request: &RequestInfo) {
    /// users.audit(AuditRecord::named("plan_changed", request).user(&user.id).detail("paid"));
    /// # }
    /// ```
    pub fn audit(&self, record: AuditRecord<'_>) {
        #[cfg(feature = "metrics")]
        record.count();
        let inner = &self.inner;
        let Some(entry) = inner.trail.entry(record, &inner.clock, &inner.random, &inner.verification.secrets)
        else {
            return;
        };
        match &inner.held_back {
            // What a transaction did counts when it is committed.
            Some(held_back) => lock(held_back).push(entry),
            None => self.note(entry),
        }
    }

    /// Writes an entry down.
    pub(crate) fn note(&self, entry: AuditEntry) {
        entry.log();
        let trail = &self.inner.trail;
        if !trail.is_kept || !trail.push(entry) {
            return;
        }
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn(write(self.clone()))),
            // It waits for the next entry that is noted from within one.
            Err(_) => drop(trail.busy.send_replace(false)),
        }
    }

    /// How many entries of the audit trail were lost since the start, because the database did not take them.
    #[must_use]
    pub fn lost_audit_entries(&self) -> u64 {
        self.inner.trail.lost.load(Ordering::Relaxed)
    }

    /// The entries of the audit trail that a filter wants, the newest first.
    ///
    /// # Errors
    /// The database's own.
    pub async fn audit_trail(&self, filter: &super::AuditFilter) -> Result<Vec<AuditEntry>, DatabaseError> {
        self.inner.database.audit_entries(filter).await
    }

    /// Forgets entries of the audit trail that are older than so many days; answers how many. Call it now and then.
    ///
    /// # Errors
    /// The database's own.
    pub async fn purge_audit_trail(&self, days: u32) -> Result<u64, DatabaseError> {
        let before = self.inner.clock.now().checked_sub(time::Duration::days(i64::from(days)));
        match before {
            Some(before) => self.inner.database.purge_audit_entries(before).await,
            None => Ok(0),
        }
    }
}

/// Writes what waits, and ends when nothing does.
async fn write<U: UserModel>(users: Users<U>) {
    let trail = &users.inner.trail;
    while let Some(entries) = trail.next() {
        let mut pauses = PAUSES.iter();
        while let Err(error) = users.inner.database.append_audit_entries(&entries).await {
            let cause = error_chain(&error);
            let retry = matches!(error, DatabaseError::Unavailable(_)) && !*trail.hurried.borrow();
            match pauses.next().filter(|_| retry) {
                Some(pause) => {
                    tracing::warn!(%cause, "the audit trail waits for the database");
                    trail.pause(*pause).await;
                }
                None => {
                    let lost = u64::try_from(entries.len()).unwrap_or(u64::MAX);
                    trail.lose(lost);
                    tracing::error!(%cause, lost, "entries of the audit trail were lost");
                    break;
                }
            }
        }
    }
}
