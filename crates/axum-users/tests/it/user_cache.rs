//! The user cache: what it spares, and that nothing outlives a change.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::http::{HeaderMap, HeaderValue, header::AUTHORIZATION};
use axum_users::{
    Bearer, DatabaseError, DatabaseTokens, Flags, Jwt, MemoryDatabase, RequestInfo, User, UserCreate,
    UserDatabase, UserModel, UserUpdate, Users,
    schema::{Record, Value},
};
use http_body_util::BodyExt;
use uuid::Uuid;

const SECRET: &str = "a secret of more than thirty-two bytes";

/// Counts how often a user is read by id.
#[derive(Clone)]
struct Counted {
    memory: Arc<MemoryDatabase>,
    reads: Arc<AtomicUsize>,
}

impl UserDatabase<User> for Counted {
    async fn get(&self, id: &Uuid) -> Result<Option<User>, DatabaseError> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        self.memory.get(id).await
    }

    async fn get_by_email(&self, email: &str) -> Result<Option<User>, DatabaseError> {
        self.memory.get_by_email(email).await
    }

    async fn create(&self, record: Record) -> Result<User, DatabaseError> {
        self.memory.create(record).await
    }

    async fn update(
        &self,
        id: &Uuid,
        expected: &Record,
        changes: &Record,
    ) -> Result<Option<User>, DatabaseError> {
        self.memory.update(id, expected, changes).await
    }

    async fn delete(&self, id: &Uuid) -> Result<bool, DatabaseError> {
        UserDatabase::<User>::delete(&*self.memory, id).await
    }
}

struct Place {
    database: Counted,
    users: Users<User>,
    user: User,
    headers: HeaderMap,
}

impl Place {
    async fn new(entries: usize) -> Self {
        let mut memory = MemoryDatabase::default();
        UserDatabase::<User>::configure(&mut memory, &Arc::new(User::schema())).unwrap();
        let database = Counted { memory: Arc::new(memory), reads: Arc::default() };
        let users = Users::<User>::builder(database.clone(), SECRET)
            .backend("jwt", Bearer::default(), Jwt::lasting_seconds(60))
            .user_cache(entries)
            .build()
            .unwrap();
        let user = create(&users, "ada@example.org").await;
        let headers = log_in(&users, "jwt", &user).await;
        Self { database, users, user, headers }
    }

    async fn who(&self) -> Option<User> {
        self.users.authenticate_request(&self.headers).await.unwrap().map(|it| it.user)
    }

    /// Another process changes the address.
    async fn change_elsewhere(&self, email: &str) {
        let changes = Record::new().with("email", Value::Text(email.into()));
        let changed = self.database.memory.update(&self.user.id, &Record::new(), &changes).await;
        let _: Option<User> = changed.unwrap();
    }

    /// How often the database was asked for the user of the next request.
    async fn reads_of_next(&self) -> usize {
        let before = self.database.reads.load(Ordering::SeqCst);
        self.who().await;
        self.database.reads.load(Ordering::SeqCst) - before
    }
}

async fn create(users: &Users<User>, email: &str) -> User {
    let new = UserCreate::new(email, "correct horse battery");
    users.create(new, Flags::Ignored, &RequestInfo::default()).await.unwrap()
}

async fn log_in(users: &Users<User>, backend: &str, user: &User) -> HeaderMap {
    let answer = users.login(backend, user, &RequestInfo::default()).await.unwrap();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
    let value = format!("Bearer {}", body["access_token"].as_str().unwrap());
    HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::try_from(value).unwrap())])
}

#[tokio::test(start_paused = true)]
async fn a_user_is_read_once_a_second() {
    let place = Place::new(100).await;
    assert_eq!(place.reads_of_next().await, 1);
    assert_eq!(place.reads_of_next().await, 0);

    tokio::time::advance(Duration::from_millis(999)).await;
    assert_eq!(place.reads_of_next().await, 0);
    tokio::time::advance(Duration::from_millis(1)).await;
    assert_eq!(place.reads_of_next().await, 1);
}

#[tokio::test(start_paused = true)]
async fn without_the_option_every_request_reads() {
    let place = Place::new(0).await;
    for _ in 0..3 {
        assert_eq!(place.reads_of_next().await, 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_change_through_this_process_is_seen_at_once() {
    let place = Place::new(100).await;
    for number in 0..3 {
        let wanted = format!("ada{number}@example.org");
        place.who().await;
        let changes = UserUpdate { email: Some(wanted.clone()), ..UserUpdate::default() };
        let user = place.users.get(&place.user.id).await.unwrap().unwrap();
        place.users.update(&user, changes, Flags::Applied, &RequestInfo::default()).await.unwrap();
        assert_eq!(place.who().await.unwrap().email, wanted);
    }

    place.users.delete(&place.user, &RequestInfo::default()).await.unwrap();
    assert_eq!(place.who().await, None);
}

#[tokio::test(start_paused = true)]
async fn a_change_of_another_process_is_seen_after_a_second() {
    let place = Place::new(100).await;
    place.who().await;

    place.change_elsewhere("new@example.org").await;

    assert_eq!(place.who().await.unwrap().email, "ada@example.org");
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(place.who().await.unwrap().email, "new@example.org");
}

#[tokio::test(start_paused = true)]
async fn a_logout_ends_a_session_at_once() {
    let users = Users::<User>::builder(MemoryDatabase::default(), SECRET)
        .backend("session", Bearer::default(), DatabaseTokens::lasting_seconds(60))
        .user_cache(100)
        .build()
        .unwrap();
    let user = create(&users, "ada@example.org").await;
    let headers = log_in(&users, "session", &user).await;
    let authenticated = users.authenticate_request(&headers).await.unwrap().unwrap();

    users.logout("session", &authenticated, &RequestInfo::default()).await.unwrap();

    assert!(users.authenticate_request(&headers).await.unwrap().is_none());
}

#[tokio::test(start_paused = true)]
async fn what_a_transaction_changed_is_seen_once_its_hooks_fire_and_never_kept_before() {
    let place = Place::new(100).await;
    let (inside, pending) = place.users.with_database(place.database.clone()).unwrap();
    let changes = UserUpdate { email: Some("new@example.org".into()), ..UserUpdate::default() };
    let user = place.user.clone();
    inside.update(&user, changes, Flags::Applied, &RequestInfo::default()).await.unwrap();
    // As if the commit came after this request had been answered with what was there before.
    place.change_elsewhere("ada@example.org").await;
    place.who().await;
    place.change_elsewhere("new@example.org").await;

    pending.fire().await.unwrap();

    assert_eq!(place.who().await.unwrap().email, "new@example.org");
    let before = place.database.reads.load(Ordering::SeqCst);
    inside.authenticate_request(&place.headers).await.unwrap();
    assert_eq!(place.database.reads.load(Ordering::SeqCst), before + 1, "a transaction reads for itself");
}
