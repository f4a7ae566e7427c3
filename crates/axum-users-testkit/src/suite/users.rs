//! The required methods, listing, and what an adapter does not have.

use std::collections::HashSet;

use axum_users::{
    AccessToken, AuditFilter, ColumnValue, DatabaseError, LimitCount, UserModel, UserState,
    schema::{Record, Value},
};

use super::oauth_accounts::account;
use crate::{
    Fixture,
    bench::{Bench, only, skip, text},
};

/// What `create` answers, and what `get` finds, is what the record says.
pub(crate) async fn a_created_user_is_what_the_record_says<F: Fixture>(bench: &Bench<'_, F>) {
    for (is_active, is_superuser, is_verified) in
        [(true, false, false), (false, true, true), (false, false, false), (true, true, true)]
    {
        let mut record = bench.record(&format!("{is_active}.{is_superuser}.{is_verified}@Example.org"));
        record.set("is_active", Value::Bool(is_active));
        record.set("is_superuser", Value::Bool(is_superuser));
        record.set("is_verified", Value::Bool(is_verified));
        let made = bench.database().create(record.clone()).await.unwrap();
        bench.assert_has(&made, &record);
        bench.assert_unchanged(&made).await;
    }
}

/// As wide as the original's columns, and with characters that statements are made of.
pub(crate) async fn long_and_odd_texts_are_kept<F: Fixture>(bench: &Bench<'_, F>) {
    let long = format!("{}@{}.example.org", "a".repeat(64), "b".repeat(63));
    for email in [long.as_str(), "o'hara\"`$1?:x%s{}[]@example.org", "zoë.😀@bücher.example"] {
        let record =
            bench.record(email).with("hashed_password", Value::Text(format!("{email}'\"").repeat(6)));
        let made = bench.database().create(record.clone()).await.unwrap();
        bench.assert_has(&made, &record);
        bench.assert_unchanged(&made).await;
        let found = bench.database().get_by_email(email).await.unwrap().expect("found by e-mail");
        bench.assert_same(&found, &made);
    }
}

/// Nobody is found by an id that is not there.
pub(crate) async fn an_id_finds_its_user_and_no_other<F: Fixture>(bench: &Bench<'_, F>) {
    let ada = bench.add("ada@example.org").await;
    let bob = bench.add("bob@example.org").await;
    assert!(ada.id() != bob.id());
    bench.assert_unchanged(&ada).await;
    bench.assert_unchanged(&bob).await;
    let deleted = bench.deleted_id().await;
    assert!(bench.database().get(&deleted).await.unwrap().is_none());
}

/// The primary key decides, and what it says is not about the e-mail.
pub(crate) async fn a_taken_id_is_refused_and_is_no_taken_email<F: Fixture>(bench: &Bench<'_, F>) {
    let ada = bench.add("ada@example.org").await;
    if bench.row_id().is_none() {
        return skip("the database makes the ids");
    }
    let twin = bench.record("bob@example.org").with("id", ada.id().clone().into_value());
    let answer = bench.database().create(twin).await;
    assert!(matches!(answer, Err(ref error) if !matches!(error, DatabaseError::EmailTaken)));
    bench.assert_unchanged(&ada).await;
    assert!(bench.database().get_by_email("bob@example.org").await.unwrap().is_none());
}

/// The answer is the user as it is then; other columns and other users stay.
pub(crate) async fn update_sets_what_changes_and_nothing_else<F: Fixture>(bench: &Bench<'_, F>) {
    let ada = bench.add("ada@example.org").await;
    let bob = bench.add("bob@example.org").await;
    let mut record = bench.record("ada@example.org");
    record.remove("id");
    for (name, value) in [
        ("email", text("countess@example.org")),
        ("hashed_password", text("another hash")),
        ("is_active", Value::Bool(false)),
        ("is_superuser", Value::Bool(true)),
        ("is_verified", Value::Bool(true)),
    ] {
        record.set(name, value.clone());
        let changes = only(name, value);
        let updated = bench.database().update(ada.id(), &Record::new(), &changes).await.unwrap();
        let updated = updated.expect("nothing was expected of the user");
        assert!(updated.id() == ada.id());
        bench.assert_has(&updated, &record);
        bench.assert_unchanged(&updated).await;
    }
    bench.assert_unchanged(&bob).await;
    assert!(bench.database().get_by_email("ada@example.org").await.unwrap().is_none());
    assert!(bench.database().get_by_email("countess@example.org").await.unwrap().is_some());
}

/// Compare and set: as expected, to the letter, or not at all.
pub(crate) async fn update_of_a_user_who_is_not_as_expected_changes_nothing<F: Fixture>(
    bench: &Bench<'_, F>,
) {
    let ada = bench.add("ada@example.org").await;
    let changes = only("is_verified", Value::Bool(true)).with("hashed_password", text("another hash"));
    for (name, value) in [
        ("email", text("bob@example.org")),
        ("email", text("Ada@example.org")),
        ("email", text("ada@example.org ")),
        ("email", text("ad%@example.org")),
        ("email", text("adá@example.org")),
        ("hashed_password", text("$argon2id$HASH")),
        ("hashed_password", text("$argon2id$hash ")),
        ("hashed_password", text("$argon2id$h_sh")),
        ("hashed_password", text("")),
        ("is_active", Value::Bool(false)),
        ("is_superuser", Value::Bool(true)),
        ("is_verified", Value::Bool(true)),
    ] {
        let expected = only(name, value.clone());
        let answer = bench.database().update(ada.id(), &expected, &changes).await.unwrap();
        assert!(answer.is_none(), "{name} was taken for {value:?}");
        let mut expected = bench.record("ada@example.org");
        expected.remove("id");
        expected.set(name, value);
        let answer = bench.database().update(ada.id(), &expected, &changes).await.unwrap();
        assert!(answer.is_none(), "one expectation of many was overlooked: {name}");
    }
    bench.assert_unchanged(&ada).await;

    let mut expected = bench.record("ada@example.org");
    expected.retain(|name| ["email", "hashed_password", "is_active", "is_verified"].contains(&name));
    let updated = bench.database().update(ada.id(), &expected, &changes).await.unwrap();
    bench.assert_has(&updated.expect("the user is as expected"), &changes);
}

/// A user who is found is answered, whether or not anything had to be written.
pub(crate) async fn update_to_what_is_there_already_answers_the_user<F: Fixture>(bench: &Bench<'_, F>) {
    let ada = bench.add("ada@example.org").await;
    let mut same = bench.record("ada@example.org");
    same.remove("id");
    for changes in [same, only("is_active", Value::Bool(true)), Record::new()] {
        for expected in [Record::new(), only("email", text("ada@example.org"))] {
            let answer = bench.database().update(ada.id(), &expected, &changes).await.unwrap();
            bench.assert_same(&answer.expect("the user is there, and as expected"), &ada);
        }
        let expected = only("is_active", Value::Bool(false));
        assert!(bench.database().update(ada.id(), &expected, &changes).await.unwrap().is_none());
    }
}

/// And nobody comes back by it.
pub(crate) async fn update_of_a_deleted_user_answers_none<F: Fixture>(bench: &Bench<'_, F>) {
    let ada = bench.add("ada@example.org").await;
    let deleted = bench.deleted_id().await;
    for changes in [only("is_active", Value::Bool(false)), only("email", text("new@example.org"))] {
        for expected in [Record::new(), only("email", text("deleted@example.org"))] {
            assert!(bench.database().update(&deleted, &expected, &changes).await.unwrap().is_none());
        }
    }
    assert!(bench.database().get(&deleted).await.unwrap().is_none());
    assert!(bench.database().get_by_email("new@example.org").await.unwrap().is_none());
    bench.assert_unchanged(&ada).await;
}

/// Once; the others stay, and the e-mail is free again.
pub(crate) async fn delete_takes_one_user_and_says_whether_there_was_one<F: Fixture>(bench: &Bench<'_, F>) {
    let ada = bench.add("ada@example.org").await;
    let bob = bench.add("bob@example.org").await;
    assert!(bench.database().delete(ada.id()).await.unwrap());
    assert!(!bench.database().delete(ada.id()).await.unwrap());
    assert!(bench.database().get(ada.id()).await.unwrap().is_none());
    assert!(bench.database().get_by_email("ada@example.org").await.unwrap().is_none());
    bench.assert_unchanged(&bob).await;
    bench.add("ADA@example.org").await;
}

/// In pages, each user once: numbers as numbers, all else as bytes.
pub(crate) async fn users_are_listed_in_the_order_of_their_ids<F: Fixture>(bench: &Bench<'_, F>) {
    let database = bench.database();
    if matches!(database.list(None, 5).await, Err(DatabaseError::Unsupported(_))) {
        return skip("the adapter does not list users");
    }
    assert!(database.list(None, 5).await.unwrap().is_empty());
    let mut made = Vec::new();
    for number in 0..12 {
        made.push(bench.add(&format!("{number}@example.org")).await);
    }
    made.sort_by_key(|user| order(user.id().clone().into_value()));
    let mut listed = Vec::new();
    for limit in [1, 4, 5, 100] {
        let page = database.list(listed.last().map(UserModel::id), limit).await.unwrap();
        assert_eq!(page.len(), (limit as usize).min(12 - listed.len()));
        listed.extend(page);
    }
    assert_eq!(listed.len(), 12);
    for (listed, made) in listed.iter().zip(&made) {
        bench.assert_same(listed, made);
    }
    assert!(database.list(Some(made[11].id()), 5).await.unwrap().is_empty());
    assert!(database.list(None, 0).await.unwrap().is_empty());
    assert_eq!(database.list(None, u32::MAX).await.unwrap().len(), 12);
    // A page begins behind an id, whether or not its user is still there.
    database.delete(made[4].id()).await.unwrap();
    let page = database.list(Some(made[4].id()), 2).await.unwrap();
    assert!(page.iter().map(UserModel::id).eq([made[5].id(), made[6].id()]));
}

fn order(id: Value) -> (i64, Vec<u8>) {
    match id {
        Value::Integer(number) => (number, Vec::new()),
        Value::Uuid(id) => (0, id.as_bytes().to_vec()),
        Value::ObjectId(id) => (0, id.0.to_vec()),
        Value::Text(text) => (0, text.into_bytes()),
        other => panic!("the suite does not know ids like {other:?}"),
    }
}

/// The database answers.
pub(crate) async fn ping_answers<F: Fixture>(bench: &Bench<'_, F>) {
    bench.users.ping().await.unwrap();
}

/// The tables are made once.
pub(crate) async fn migrating_again_changes_nothing<F: Fixture>(bench: &Bench<'_, F>) {
    let ada = bench.add("ada@example.org").await;
    bench.users.migrate().await.unwrap();
    bench.assert_unchanged(&ada).await;
    bench.add("bob@example.org").await;
    bench.users.migrate().await.unwrap();
    bench.assert_unchanged(&ada).await;
}

/// Ids are never given twice while their users are there.
pub(crate) async fn every_user_has_an_id_of_its_own<F: Fixture>(bench: &Bench<'_, F>) {
    let mut ids = HashSet::new();
    for number in 0..20 {
        assert!(ids.insert(bench.add(&format!("{number}@example.org")).await.id().clone()));
    }
}

macro_rules! assert_unsupported {
    ($($answer:expr),* $(,)?) => {$(
        let answer = $answer.await;
        assert!(
            matches!(answer, Err(DatabaseError::Unsupported(_))),
            "`capabilities` leaves it out, but there is an answer to {}",
            stringify!($answer),
        );
    )*};
}

/// Whatever `capabilities` leaves out answers `Unsupported`.
pub(crate) async fn what_is_left_out_of_the_capabilities_says_so<F: Fixture>(bench: &Bench<'_, F>) {
    let (database, has) = (bench.database(), bench.database().capabilities());
    let (ada, at, forms) = (bench.add("ada@example.org").await, bench.moment(0), ["token".to_owned()]);
    if !has.access_tokens {
        let token = AccessToken { token: "token".to_owned(), user_id: ada.id().clone(), created_at: at };
        assert_unsupported!(
            database.create_access_token(&token),
            database.user_by_access_token(&forms, None),
            database.rewrite_access_token("token", "other"),
            database.delete_access_token(&forms),
            database.delete_access_tokens_of(ada.id(), &forms),
            database.purge_access_tokens(at),
        );
    }
    if !has.one_time_records {
        assert_unsupported!(database.use_once("purpose", "digest", at, at));
    }
    if !has.oauth_accounts {
        let (account, record) = (account("google", "1"), bench.record("bob@example.org"));
        assert_unsupported!(
            database.user_by_oauth_account("google", "1"),
            database.oauth_accounts(ada.id()),
            database.create_with_oauth_account(record.clone(), None, &account),
            database.add_oauth_account(ada.id(), None, &account),
            database.update_oauth_account(ada.id(), &account),
            database.delete_oauth_account(ada.id(), "google", "1"),
        );
    }
    if !has.audit_trail {
        assert_unsupported!(
            database.append_audit_entries(&[]),
            database.audit_entries(&AuditFilter::default()),
            database.purge_audit_entries(at),
        );
    }
    if !has.user_states {
        assert_unsupported!(
            database.get_with_state(ada.id()),
            database.set_user_state(ada.id(), UserState::default()),
        );
    }
    if !has.limits {
        assert_unsupported!(
            database.take_limit(&LimitCount::new("count", 1, 2, 3)),
            database.give_limits_back(&[LimitCount::new("count", 1, 2, 3)]),
            database.note_limit("note", 2),
            database.limit_holds("note", 1),
        );
    }
}
