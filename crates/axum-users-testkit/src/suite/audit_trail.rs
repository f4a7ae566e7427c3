//! Who did what, when, from where.

use axum_users::{AuditEntry, AuditFilter, UserModel};
use time::Duration;

use crate::{
    Fixture,
    bench::{Bench, skip},
};

fn has_it<F: Fixture>(bench: &Bench<'_, F>) -> bool {
    let has = bench.database().capabilities().audit_trail;
    if !has {
        skip("the adapter has no audit trail");
    }
    has
}

/// An entry so many hours after the beginning.
fn entry<F: Fixture>(bench: &Bench<'_, F>, hour: i64, event: &'static str) -> AuditEntry {
    let at = bench.moment(0) + Duration::HOUR * i32::try_from(hour).unwrap();
    AuditEntry {
        id: AuditEntry::first_id_at(at),
        at,
        event: event.into(),
        detail: None,
        user_id: None,
        actor_id: None,
        via: None,
        account: None,
        address: None,
        agent: None,
    }
}

async fn keep<F: Fixture>(bench: &Bench<'_, F>, entries: &[AuditEntry]) {
    bench.database().append_audit_entries(entries).await.unwrap();
}

async fn found<F: Fixture>(bench: &Bench<'_, F>, filter: &AuditFilter) -> Vec<AuditEntry> {
    bench.database().audit_entries(filter).await.unwrap()
}

async fn events<F: Fixture>(bench: &Bench<'_, F>, filter: AuditFilter) -> Vec<String> {
    found(bench, &filter).await.into_iter().map(|entry| entry.event.into_owned()).collect()
}

/// Every field, absent and at its longest.
pub(crate) async fn entries_are_kept_as_they_are_and_found_newest_first<F: Fixture>(bench: &Bench<'_, F>) {
    if !has_it(bench) {
        return;
    }
    let long = |letter: &str| Some(letter.repeat(200 / letter.len()));
    let full = AuditEntry {
        detail: long("d"),
        user_id: Some("00000000-0000-4000-8000-000000000000".into()),
        actor_id: long("a"),
        via: Some("Backend ' \" % $ ".into()),
        account: Some("-_azAZ09".into()),
        address: Some("2001:db8::1".into()),
        agent: long("ä"),
        ..entry(bench, 2, "logged_in")
    };
    let entries = [entry(bench, 1, "registered"), full, entry(bench, 0, "first")];
    keep(bench, &[]).await;
    assert!(found(bench, &AuditFilter::default()).await.is_empty());
    keep(bench, &entries).await;
    let [registered, full, first] = entries;
    assert_eq!(found(bench, &AuditFilter::default()).await, [full, registered, first]);
}

/// Alone and together; the next page begins after the last entry of the one before.
pub(crate) async fn entries_are_found_by_user_event_time_and_page<F: Fixture>(bench: &Bench<'_, F>) {
    if !has_it(bench) {
        return;
    }
    let of = |user: &str, entry| AuditEntry { user_id: Some(user.to_owned()), ..entry };
    let entries = [
        of("1", entry(bench, 0, "a")),
        of("2", entry(bench, 1, "b")),
        of("1", entry(bench, 2, "b")),
        entry(bench, 3, "a"),
        of("1", entry(bench, 4, "c")),
    ];
    keep(bench, &entries).await;
    let filter = AuditFilter::default;
    let (user, two) = (Some("1".to_owned()), bench.moment(0) + Duration::HOUR * 2);
    assert_eq!(events(bench, AuditFilter { user_id: user.clone(), ..filter() }).await, ["c", "b", "a"]);
    assert_eq!(events(bench, AuditFilter { user_id: Some("10".into()), ..filter() }).await, [""; 0]);
    assert_eq!(events(bench, AuditFilter { event: Some("b".into()), ..filter() }).await.len(), 2);
    assert_eq!(events(bench, AuditFilter { event: Some("B".into()), ..filter() }).await.len(), 0);
    assert_eq!(events(bench, AuditFilter { since: Some(two), ..filter() }).await, ["c", "a", "b"]);
    let (since, event) = (Some(two), Some("b".to_owned()));
    let together = AuditFilter { user_id: user, event, since, ..filter() };
    assert_eq!(found(bench, &together).await, [entries[2].clone()]);
    assert_eq!(events(bench, AuditFilter { limit: 2, ..filter() }).await, ["c", "a"]);
    let before = Some(entries[3].id.clone());
    assert_eq!(events(bench, AuditFilter { before, limit: 2, ..filter() }).await, ["b", "b"]);
    assert_eq!(events(bench, AuditFilter { limit: 0, ..filter() }).await, [""; 0]);
}

/// A try before may have come through without an answer.
pub(crate) async fn an_entry_that_is_there_already_is_left_as_it_is<F: Fixture>(bench: &Bench<'_, F>) {
    if !has_it(bench) {
        return;
    }
    keep(bench, &[entry(bench, 0, "first")]).await;
    keep(bench, &[entry(bench, 1, "second"), entry(bench, 0, "again"), entry(bench, 2, "third")]).await;
    assert_eq!(events(bench, AuditFilter::default()).await, ["third", "second", "first"]);
}

/// However many there are.
pub(crate) async fn old_entries_are_purged_and_counted<F: Fixture>(bench: &Bench<'_, F>) {
    if !has_it(bench) {
        return;
    }
    let old: Vec<_> = (0..50).map(|hour| entry(bench, hour, "old")).collect();
    keep(bench, &old).await;
    keep(bench, &[entry(bench, 50, "kept"), entry(bench, 51, "kept")]).await;
    let purge = async |hours: i32| {
        let before = bench.moment(0) + Duration::HOUR * hours;
        bench.database().purge_audit_entries(before).await.unwrap()
    };
    assert_eq!(purge(0).await, 0);
    assert_eq!(purge(50).await, 50);
    assert_eq!(events(bench, AuditFilter::default()).await, ["kept", "kept"]);
}

/// Who was deleted, and by whom, is what one wants to know.
pub(crate) async fn entries_of_a_deleted_user_stay<F: Fixture>(bench: &Bench<'_, F>) {
    if !has_it(bench) {
        return;
    }
    let ada = bench.add("ada@example.org").await;
    let user_id = Some(ada.id().to_string());
    keep(bench, &[AuditEntry { user_id: user_id.clone(), ..entry(bench, 0, "user_deleted") }]).await;
    assert!(bench.database().delete(ada.id()).await.unwrap());
    assert_eq!(events(bench, AuditFilter { user_id, ..AuditFilter::default() }).await, ["user_deleted"]);
}
