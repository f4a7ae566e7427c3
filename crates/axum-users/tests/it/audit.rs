//! The audit trail: who did what, when, from where.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum_users::{
    AuditEntry, AuditFilter, AuditRecord, Bearer, BuildError, Capabilities, DatabaseError, DatabaseTokens,
    Flags, Limit, Limits, MemoryDatabase, RefreshTokens, RequestInfo, Sessions, User, UserCreate,
    UserDatabase, Users, UsersBuilder,
    schema::{Record, Schema},
};
use serde_json::json;
use uuid::Uuid;

use crate::support::{App, PASSWORD, builder, with_backends};

fn app(change: impl FnOnce(UsersBuilder<User>) -> UsersBuilder<User>) -> App {
    App::with(|builder| change(builder.keeps_audit_trail()))
}

/// What was noted since the last time, the oldest first.
struct Reader {
    last: Option<AuditEntry>,
}

impl Reader {
    fn new() -> Self {
        Self { last: None }
    }

    async fn entries(&mut self, users: &Users<User>) -> Vec<AuditEntry> {
        users.finish_background_work().await;
        let mut entries = users.audit_trail(&AuditFilter::default()).await.unwrap();
        entries.reverse();
        let known = self.last.take();
        entries.retain(|entry| known.as_ref().is_none_or(|known| entry.id > known.id));
        self.last = entries.last().cloned().or(known);
        entries
    }

    /// The same as `event detail via`.
    async fn lines(&mut self, users: &Users<User>) -> Vec<String> {
        let entries = self.entries(users).await;
        let line = |entry: &AuditEntry| {
            let more = [entry.detail.clone(), entry.via.clone()].into_iter().flatten();
            std::iter::once(entry.event.to_string()).chain(more).collect::<Vec<_>>().join(" ")
        };
        entries.iter().map(line).collect()
    }
}

#[tokio::test]
async fn a_life_of_an_account_is_noted_in_order() {
    let app = app(|builder| builder);
    let mut reader = Reader::new();
    assert_eq!(app.register("ada@example.com", PASSWORD).await.status, 201);
    app.register("Ada@example.com", PASSWORD).await;
    assert_eq!(reader.lines(&app.users).await, ["registered", "register_failed taken"]);

    let token = app.verification_token("ada@example.com").await;
    app.verify(&token).await;
    app.verify("garbage").await;
    assert_eq!(
        reader.lines(&app.users).await,
        ["verification_requested", "verified", "verification_failed bad_token"]
    );

    app.login("ada@example.com", "wrong").await;
    app.login("nobody@example.com", "wrong").await;
    let bearer = app.token("ada@example.com").await;
    let session = app.session("ada@example.com").await;
    app.post("/auth/cookie/logout").cookie("fastapiusersauth", &session).await;
    assert_eq!(
        reader.lines(&app.users).await,
        [
            "login_failed wrong_password jwt",
            "login_failed unknown_user jwt",
            "logged_in jwt",
            "logged_in cookie",
            "logged_out cookie"
        ]
    );

    let body = json!({ "email": "countess@example.com", "password": "another horse in the rain" });
    app.patch("/users/me").bearer(&bearer).json(body).await;
    let reset = app.reset_token("countess@example.com").await;
    app.reset_password(&reset, PASSWORD).await;
    app.reset_password(&reset, PASSWORD).await;
    assert_eq!(
        reader.lines(&app.users).await,
        [
            "password_changed",
            "email_changed",
            "password_reset_requested",
            "password_reset",
            "password_reset_failed bad_token"
        ]
    );
}

#[tokio::test]
async fn it_says_who_did_it_and_from_where() {
    let app = app(|builder| builder);
    let root = app.superuser().await;
    let ada = app.has("ada@example.com").await;
    let mut reader = Reader::new();
    reader.entries(&app.users).await;
    let path = format!("/users/{}", ada.id);
    let body = json!({ "is_active": false, "is_superuser": true });
    app.patch(&path).bearer(&root).header("user-agent", "Firefox\t1").json(body).await;
    app.login("ada@example.com", PASSWORD).await;
    app.delete(&path).bearer(&root).await;
    let entries = reader.entries(&app.users).await;
    let [updated, login, deleted] = &entries[..] else { panic!("{entries:?}") };
    let root_id = app.users.get_by_email("root@example.com").await.unwrap().unwrap().id.to_string();
    assert_eq!(
        (updated.event.as_ref(), updated.detail.as_deref()),
        ("user_updated", Some("is_active is_superuser"))
    );
    assert_eq!(updated.user_id, Some(ada.id.to_string()));
    assert_eq!(updated.actor_id.as_ref(), Some(&root_id));
    assert_eq!(updated.agent.as_deref(), Some("Firefox 1"));
    assert_eq!(updated.at, app.clock.now());
    assert_eq!((login.event.as_ref(), login.detail.as_deref()), ("login_failed", Some("inactive")));
    assert_eq!((&login.user_id, &login.actor_id), (&Some(ada.id.to_string()), &None));
    assert_eq!((deleted.event.as_ref(), deleted.actor_id.as_ref()), ("user_deleted", Some(&root_id)));

    let from = RequestInfo::default().by(&"cron");
    let new = UserCreate::new("bob@example.com", PASSWORD);
    app.users.create(new, Flags::Applied, &from).await.unwrap();
    let entries = reader.entries(&app.users).await;
    assert_eq!((entries[0].actor_id.as_deref(), &entries[0].address), (Some("cron"), &None));
}

#[tokio::test]
async fn limits_forgeries_and_wrong_present_passwords_are_noted() {
    let few = Limits { login_per_account: Limit::new(1, 60), ..Limits::default() };
    let app = app(|builder| builder.limits(few).change_wants_current_password());
    app.has("ada@example.com").await;
    let session = app.session("ada@example.com").await;
    let bearer = app.token("ada@example.com").await;
    let mut reader = Reader::new();
    reader.entries(&app.users).await;
    let forged =
        app.patch("/users/me").cookie("fastapiusersauth", &session).header("host", "app.example.com");
    assert_eq!(forged.header("origin", "https://evil.example").json(json!({})).await.status, 403);
    app.patch("/users/me").bearer(&bearer).json(json!({ "email": "eve@example.com" })).await;
    assert_eq!(app.login("ada@example.com", "wrong").await.status, 429);
    assert_eq!(
        reader.lines(&app.users).await,
        ["forgery_refused https://evil.example cookie", "current_password_wrong", "limit_hit login"]
    );
}

#[tokio::test]
async fn hd_06_no_entry_holds_a_secret_or_an_address() {
    let app = app(|builder| builder);
    app.register("ada@example.com", PASSWORD).await;
    app.login("ada@example.com", "a wrong guess").await;
    app.login("a password in the wrong field", PASSWORD).await;
    let bearer = app.token("ada@example.com").await;
    let reset = app.reset_token("ada@example.com").await;
    app.reset_password(&reset, "another horse in the rain").await;
    let body = json!({ "email": "countess@example.com", "password": PASSWORD });
    app.patch("/users/me").bearer(&bearer).json(body).await;
    app.users.finish_background_work().await;
    let entries = app.users.audit_trail(&AuditFilter::default()).await.unwrap();
    assert_eq!(entries.len(), 8);
    let text = serde_json::to_string(&entries).unwrap();
    for secret in ["horse", "guess", "wrong field", "example.com", "argon2", bearer.as_str(), reset.as_str()]
    {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
}

#[tokio::test]
async fn entries_are_found_by_user_event_and_time_and_forgotten_when_they_are_old() {
    let app = app(|builder| builder);
    let ada = app.has("ada@example.com").await;
    app.clock.advance_seconds(86_400);
    let yesterday_was = app.clock.now();
    app.has("bob@example.com").await;
    for _ in 0..5 {
        app.login("ada@example.com", "wrong").await;
    }
    app.users.finish_background_work().await;
    let find = async |filter: AuditFilter| app.users.audit_trail(&filter).await.unwrap();
    let of_ada = AuditFilter { user_id: Some(ada.id.to_string()), ..AuditFilter::default() };
    assert_eq!(find(of_ada.clone()).await.len(), 6);
    assert_eq!(find(AuditFilter { since: Some(yesterday_was), ..of_ada.clone() }).await.len(), 5);
    let registered = AuditFilter { event: Some("registered".into()), ..AuditFilter::default() };
    assert_eq!(find(registered).await.len(), 2);
    let page = find(AuditFilter { limit: 2, ..of_ada.clone() }).await;
    let next = find(AuditFilter { before: Some(page[1].id.clone()), ..of_ada.clone() }).await;
    assert_eq!((page.len(), next.len(), next.last().unwrap().event.as_ref()), (2, 4, "registered"));

    app.clock.advance_seconds(86_400);
    assert_eq!(app.users.purge_audit_trail(2).await.unwrap(), 0);
    assert_eq!(app.users.purge_audit_trail(1).await.unwrap(), 1);
    assert_eq!(find(of_ada).await.len(), 5);
}

#[tokio::test]
async fn who_ended_sessions_is_noted_and_so_is_a_refresh_token_that_was_used_before() {
    let app = app(|builder| {
        let builder = builder.backend("opaque", Bearer::default(), DatabaseTokens::lasting_seconds(900));
        builder.sessions(Sessions::new()).refresh("opaque", RefreshTokens::lasting_seconds(86_400))
    });
    let ada = app.has("ada@example.com").await;
    app.session("ada@example.com").await;
    let (root, token) = (app.superuser().await, app.token("ada@example.com").await);
    let mut reader = Reader::new();
    reader.entries(&app.users).await;
    let end = async |path: &str, bearer: &str| app.delete(path).bearer(bearer).await.status.as_u16();

    let sessions = app.get("/users/me/sessions").bearer(&token).await.json();
    let id = sessions[0]["id"].as_str().unwrap();
    assert_eq!(end(&format!("/users/me/sessions/{id}"), &token).await, 204);
    assert_eq!(end(&format!("/users/me/sessions/{id}"), &token).await, 404, "ended before");
    assert_eq!(end(&format!("/users/{}/sessions", ada.id), &root).await, 204);
    let entries = reader.entries(&app.users).await;
    let [one, all] = &entries[..] else { panic!("{entries:?}") };
    let ada_id = Some(ada.id.to_string());
    assert_eq!((one.event.as_ref(), &one.user_id, &one.actor_id), ("session_ended", &ada_id, &ada_id));
    assert_eq!((all.event.as_ref(), &all.user_id), ("sessions_ended", &ada_id));
    assert!(all.actor_id.is_some() && all.actor_id != ada_id, "the superuser did it");

    let login = app.login_at("opaque", "ada@example.com", PASSWORD).await.json();
    let refresh = async || {
        app.post("/auth/opaque/refresh").json(json!({ "refresh_token": login["refresh_token"] })).await
    };
    assert_eq!(refresh().await.status, 200);
    app.clock.advance_seconds(3600);
    assert_eq!(refresh().await.status, 400);
    assert_eq!(reader.lines(&app.users).await, ["logged_in opaque", "refresh_reused opaque"]);
}

#[tokio::test]
async fn an_application_notes_its_own_events() {
    let app = app(|builder| builder);
    let request = RequestInfo::default();
    app.users.audit(AuditRecord::named("plan_changed", &request).user(&7).detail("paid"));
    assert_eq!(Reader::new().lines(&app.users).await, ["plan_changed paid"]);
}

#[tokio::test]
async fn what_a_transaction_did_is_noted_when_it_is_committed() {
    let app = app(|builder| builder);
    let mut reader = Reader::new();
    for commits in [false, true] {
        let (inside, pending) = app.users.with_database(MemoryDatabase::default()).unwrap();
        let new = UserCreate::new("ada@example.com", PASSWORD);
        inside.create(new, Flags::Applied, &RequestInfo::default()).await.unwrap();
        assert!(reader.lines(&app.users).await.is_empty());
        if commits {
            pending.fire().await.unwrap();
        }
    }
    assert_eq!(reader.lines(&app.users).await, ["registered"]);
}

#[test]
fn a_database_that_keeps_no_trail_is_refused_by_the_builder() {
    let refused = Users::<User>::builder(Flaky::without_trail(), crate::support::SECRET).keeps_audit_trail();
    let BuildError::Schema(reason) = refused.build().unwrap_err() else { panic!("another reason") };
    assert!(reason.contains("keeps_audit_trail"), "{reason}");
    with_backends(builder()).build().expect("without being asked for, it needs nothing");
}

/// A [`MemoryDatabase`] whose audit trail can be away.
struct Flaky {
    inner: MemoryDatabase,
    away: Arc<AtomicBool>,
    keeps: bool,
}

impl Flaky {
    fn new(away: &Arc<AtomicBool>) -> Self {
        Self { inner: MemoryDatabase::default(), away: Arc::clone(away), keeps: true }
    }

    fn without_trail() -> Self {
        Self { keeps: false, ..Self::new(&Arc::default()) }
    }
}

impl UserDatabase<User> for Flaky {
    fn configure(&mut self, schema: &Arc<Schema>) -> Result<(), std::borrow::Cow<'static, str>> {
        UserDatabase::<User>::configure(&mut self.inner, schema)
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::default();
        capabilities.audit_trail = self.keeps;
        capabilities
    }

    async fn get(&self, id: &Uuid) -> Result<Option<User>, DatabaseError> {
        self.inner.get(id).await
    }

    async fn get_by_email(&self, email: &str) -> Result<Option<User>, DatabaseError> {
        self.inner.get_by_email(email).await
    }

    async fn create(&self, record: Record) -> Result<User, DatabaseError> {
        self.inner.create(record).await
    }

    async fn update(
        &self,
        id: &Uuid,
        expected: &Record,
        changes: &Record,
    ) -> Result<Option<User>, DatabaseError> {
        self.inner.update(id, expected, changes).await
    }

    async fn delete(&self, id: &Uuid) -> Result<bool, DatabaseError> {
        UserDatabase::<User>::delete(&self.inner, id).await
    }

    async fn append_audit_entries(&self, entries: &[AuditEntry]) -> Result<(), DatabaseError> {
        if self.away.load(Ordering::SeqCst) {
            return Err(DatabaseError::Unavailable("it is away".into()));
        }
        UserDatabase::<User>::append_audit_entries(&self.inner, entries).await
    }

    async fn audit_entries(&self, filter: &AuditFilter) -> Result<Vec<AuditEntry>, DatabaseError> {
        UserDatabase::<User>::audit_entries(&self.inner, filter).await
    }
}

fn burst(users: &Users<User>, count: usize) {
    let request = RequestInfo::default();
    (0..count).for_each(|_| users.audit(AuditRecord::named("burst", &request)));
}

async fn kept(users: &Users<User>) -> usize {
    let filter = AuditFilter { limit: u32::MAX, ..AuditFilter::default() };
    let entries = users.audit_trail(&filter).await.unwrap();
    let unique: HashSet<_> = entries.iter().map(|entry| &entry.id).collect();
    assert_eq!(unique.len(), entries.len());
    entries.len()
}

#[tokio::test(start_paused = true)]
async fn a_trail_that_is_away_is_written_when_it_is_back() {
    let away = Arc::new(AtomicBool::new(true));
    let app = App::on(Flaky::new(&away), UsersBuilder::keeps_audit_trail);
    burst(&app.users, 150);
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(kept(&app.users).await, 0);
    away.store(false, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!((kept(&app.users).await, app.users.lost_audit_entries()), (150, 0));
}

#[tokio::test(start_paused = true)]
async fn entries_that_could_not_be_kept_are_counted() {
    let away = Arc::new(AtomicBool::new(true));
    let app = App::on(Flaky::new(&away), UsersBuilder::keeps_audit_trail);
    burst(&app.users, 3);
    // A stop does not wait for a database that is away.
    app.users.finish_background_work().await;
    assert_eq!(app.users.lost_audit_entries(), 3);
    away.store(false, Ordering::SeqCst);
    burst(&app.users, 1);
    app.users.finish_background_work().await;
    assert_eq!((kept(&app.users).await, app.users.lost_audit_entries()), (1, 3));
}

#[tokio::test]
async fn while_the_trail_is_away_requests_go_on_and_more_than_may_wait_is_lost_and_counted() {
    let away = Arc::new(AtomicBool::new(true));
    let app = App::on(Flaky::new(&away), UsersBuilder::keeps_audit_trail);
    assert_eq!(app.register("ada@example.com", PASSWORD).await.status, 201);
    assert_eq!(app.register("ada@example.com", PASSWORD).await.status, 400);
    // What is being written waits in a batch of its own.
    burst(&app.users, 10_200);
    let lost = app.users.lost_audit_entries();
    assert!((190..=202).contains(&lost), "{lost}");
    away.store(false, Ordering::SeqCst);
    app.users.finish_background_work().await;
    assert_eq!(kept(&app.users).await as u64, 10_202 - app.users.lost_audit_entries());
}
