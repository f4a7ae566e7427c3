//! Entries and their order, and the trail while the database is away.

use time::macros::datetime;

use super::*;
use crate::{Clock, Random, Secrets};

fn entry(trail: &Trail, clock: &Clock, event: AuditEvent) -> Option<AuditEntry> {
    let secrets = Secrets::from("at-least-32-bytes-of-randomness-here");
    let request = RequestInfo::default();
    trail.entry(AuditRecord::new(event, &request), clock, &Random::system(), &secrets)
}

#[test]
fn ids_sort_as_the_entries_happened_even_within_a_moment() {
    let (trail, clock) = (Trail::new(true), Clock::stopped_at_unix_seconds(1_800_000_000));
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.extend(
            (0..300).filter_map(|_| entry(&trail, &clock, AuditEvent::LoggedIn)).map(|entry| entry.id),
        );
        clock.advance_seconds(1);
    }
    assert_eq!(ids.len(), 900);
    assert!(ids.is_sorted() && ids.iter().all(|id| id.len() == 32), "{ids:?}");
    let second = datetime!(2027-01-15 08:00:01 UTC);
    assert!(ids[299] < AuditEntry::first_id_at(second) && AuditEntry::first_id_at(second) <= ids[300]);
}

#[test]
fn strangers_fill_no_disk_and_hide_no_success() {
    let (trail, clock) = (Trail::new(true), Clock::stopped_at_unix_seconds(1_800_000_000));
    let noted = |event| (0..1000).filter(|_| entry(&trail, &clock, event).is_some()).count();
    assert_eq!(noted(AuditEvent::LoginFailed), 600);
    assert_eq!(noted(AuditEvent::LimitHit), 0, "the minute is over for all of them");
    assert_eq!(noted(AuditEvent::LoggedIn), 1000);
    clock.advance_seconds(60);
    assert_eq!(noted(AuditEvent::LoginFailed), 600);
}

#[test]
fn texts_are_short_and_move_no_cursor() {
    assert_eq!(plain("curl/8\u{1b}[2J\r\nx"), "curl/8 [2J  x");
    assert_eq!(plain(&"ä".repeat(200)).len(), 200);
    assert_eq!(plain(&format!("a{}", "ä".repeat(200))).len(), 199);
}

#[test]
fn an_unknown_address_is_kept_as_a_keyed_fingerprint_in_any_case_of_its_letters() {
    let request = RequestInfo::default();
    let account = |secret: &str, email: &str| {
        let record = AuditRecord::new(AuditEvent::LoginFailed, &request).email(email);
        let entry = record.into_entry(String::new(), datetime!(2027-01-15 08:00 UTC), &Secrets::from(secret));
        assert!(!format!("{entry:?}").contains("ada"), "{entry:?}");
        entry.account.unwrap()
    };
    let (one, other) = ("at-least-32-bytes-of-randomness-here", "another-32-bytes-of-randomness-there");
    assert_eq!(account(one, "Ada@example.com"), account(one, " ada@EXAMPLE.com"));
    assert_ne!(account(one, "ada@example.com"), account(one, "ada@example.org"));
    assert_ne!(account(one, "ada@example.com"), account(other, "ada@example.com"));
}

#[test]
fn every_event_has_a_name_of_its_own_that_says_itself() {
    let names: std::collections::BTreeSet<_> = AuditEvent::ALL.iter().map(ToString::to_string).collect();
    assert_eq!(names.len(), AuditEvent::ALL.len());
    assert!(names.iter().all(|name| name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')));
}
