//! A database in memory whose writers can be stopped, so that a race runs the way a test wants it.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use axum_users::{
    AccessToken, Capabilities, DatabaseError, MemoryDatabase, Timestamp, User, UserDatabase,
    schema::{Record, Schema},
};
use tokio::sync::Semaphore;
use uuid::Uuid;

/// Stops writers before they write.
#[derive(Clone, Default)]
pub struct Gate(Arc<Inner>);

struct Inner {
    to_stop: AtomicUsize,
    arrived: Semaphore,
    open: Semaphore,
}

impl Default for Inner {
    fn default() -> Self {
        Self { to_stop: AtomicUsize::new(0), arrived: Semaphore::new(0), open: Semaphore::new(0) }
    }
}

impl Gate {
    /// Stops the next `writers`; those who come after them pass.
    pub fn stop(&self, writers: usize) {
        self.0.to_stop.store(writers, Ordering::SeqCst);
    }

    /// Waits until so many writers stand at the gate.
    pub async fn wait_for(&self, writers: usize) {
        let all = self.0.arrived.acquire_many(u32::try_from(writers).unwrap());
        let waiting = tokio::time::timeout(std::time::Duration::from_secs(30), all);
        waiting.await.expect("so many writers never came").unwrap().forget();
    }

    /// Lets `writers` go, all at once.
    pub fn open(&self, writers: usize) {
        self.0.open.add_permits(writers);
    }

    async fn pass(&self) {
        let stops =
            self.0.to_stop.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |count| count.checked_sub(1));
        if stops.is_ok() {
            self.0.arrived.add_permits(1);
            self.0.open.acquire().await.unwrap().forget();
        }
        tokio::task::yield_now().await;
    }
}

/// A [`MemoryDatabase`] behind a [`Gate`].
#[derive(Default)]
pub struct Gated {
    pub gate: Gate,
    inner: MemoryDatabase,
}

impl UserDatabase<User> for Gated {
    fn configure(&mut self, schema: &Arc<Schema>) -> Result<(), std::borrow::Cow<'static, str>> {
        UserDatabase::<User>::configure(&mut self.inner, schema)
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::default();
        (capabilities.access_tokens, capabilities.one_time_records) = (true, true);
        capabilities
    }

    async fn get(&self, id: &Uuid) -> Result<Option<User>, DatabaseError> {
        tokio::task::yield_now().await;
        self.inner.get(id).await
    }

    async fn get_by_email(&self, email: &str) -> Result<Option<User>, DatabaseError> {
        tokio::task::yield_now().await;
        self.inner.get_by_email(email).await
    }

    async fn create(&self, record: Record) -> Result<User, DatabaseError> {
        self.gate.pass().await;
        self.inner.create(record).await
    }

    async fn update(
        &self,
        id: &Uuid,
        expected: &Record,
        changes: &Record,
    ) -> Result<Option<User>, DatabaseError> {
        self.gate.pass().await;
        self.inner.update(id, expected, changes).await
    }

    async fn delete(&self, id: &Uuid) -> Result<bool, DatabaseError> {
        tokio::task::yield_now().await;
        UserDatabase::<User>::delete(&self.inner, id).await
    }

    async fn create_access_token(&self, row: &AccessToken<Uuid>) -> Result<(), DatabaseError> {
        self.gate.pass().await;
        UserDatabase::<User>::create_access_token(&self.inner, row).await
    }

    async fn user_by_access_token(
        &self,
        forms: &[String],
        not_before: Option<Timestamp>,
    ) -> Result<Option<(User, AccessToken<Uuid>)>, DatabaseError> {
        tokio::task::yield_now().await;
        self.inner.user_by_access_token(forms, not_before).await
    }

    async fn delete_access_token(&self, forms: &[String]) -> Result<(), DatabaseError> {
        UserDatabase::<User>::delete_access_token(&self.inner, forms).await
    }

    async fn delete_access_tokens_of(&self, id: &Uuid, except: &[String]) -> Result<(), DatabaseError> {
        UserDatabase::<User>::delete_access_tokens_of(&self.inner, id, except).await
    }

    async fn use_once(
        &self,
        purpose: &str,
        digest: &str,
        expires_at: Timestamp,
        now: Timestamp,
    ) -> Result<bool, DatabaseError> {
        tokio::task::yield_now().await;
        UserDatabase::<User>::use_once(&self.inner, purpose, digest, expires_at, now).await
    }
}
