//! Accounts at OAuth providers that are linked to users.

use axum_users::{
    DatabaseError, NewOAuthAccount, OAuthAccount, UserModel,
    schema::{Record, Value},
};

use crate::{
    Fixture,
    bench::{Bench, assert_account_taken, assert_email_taken, skip},
};

pub(crate) fn account(oauth_name: &str, account_id: &str) -> NewOAuthAccount {
    NewOAuthAccount {
        oauth_name: oauth_name.to_owned(),
        access_token: format!("access token of {account_id}"),
        expires_at: Some(1_800_000_000),
        refresh_token: Some("refresh token".to_owned()),
        account_id: account_id.to_owned(),
        account_email: "ada@provider.example".to_owned(),
    }
}

fn has_them<F: Fixture>(bench: &Bench<'_, F>) -> bool {
    let has = bench.database().capabilities().oauth_accounts;
    if !has {
        skip("the adapter has no OAuth accounts");
    }
    has
}

async fn link<F: Fixture>(
    bench: &Bench<'_, F>,
    user: &F::User,
    account: &NewOAuthAccount,
) -> Result<(), DatabaseError> {
    bench.database().add_oauth_account(user.id(), bench.row_id().as_ref(), account).await
}

async fn create_with<F: Fixture>(
    bench: &Bench<'_, F>,
    email: &str,
    account: &NewOAuthAccount,
) -> Result<F::User, DatabaseError> {
    let record = bench.record(email);
    bench.database().create_with_oauth_account(record, bench.row_id().as_ref(), account).await
}

/// The e-mail of the user to whom the account is linked.
async fn owner<F: Fixture>(bench: &Bench<'_, F>, oauth_name: &str, account_id: &str) -> Option<String> {
    let found = bench.database().user_by_oauth_account(oauth_name, account_id).await.unwrap();
    found.map(|user| user.email().to_owned())
}

/// Fails unless exactly these accounts are linked to the user, in any order.
async fn assert_linked<F: Fixture>(bench: &Bench<'_, F>, user: &F::User, accounts: &[&NewOAuthAccount]) {
    let mut linked = bench.database().oauth_accounts(user.id()).await.unwrap();
    assert_eq!(linked.len(), accounts.len());
    for account in accounts {
        let position = linked
            .iter()
            .position(|row| row.oauth_name == account.oauth_name && row.account_id == account.account_id);
        let row = linked.remove(position.expect("the account is linked"));
        let expected: OAuthAccount<_> = (*account).clone().into_account(row.id.clone(), user.id().clone());
        // Not `assert_eq`: the output would not show the tokens.
        assert!(row == expected, "{:?} {:?} instead of {account:?}", row.access_token, row.refresh_token);
    }
}

/// Every field as it was given.
pub(crate) async fn a_linked_account_is_kept_and_finds_its_user<F: Fixture>(bench: &Bench<'_, F>) {
    if !has_them(bench) {
        return;
    }
    let (ada, bob) = (bench.add("ada@example.org").await, bench.add("bob@example.org").await);
    let full = account("google", "1234567890");
    let bare = NewOAuthAccount {
        expires_at: None,
        refresh_token: None,
        account_email: String::new(),
        access_token: String::new(),
        ..account("github", "1234567890")
    };
    let odd = NewOAuthAccount {
        access_token: "o'hara \"x\" 😀 ".repeat(300),
        refresh_token: Some("y".repeat(5_000)),
        // Beyond 2038, and what some providers say for ever.
        expires_at: Some(253_402_300_799),
        ..account("openid connect", "o'hara|😀/{\"$gt\": 1}")
    };
    for linked in [&full, &bare, &odd] {
        link(bench, &ada, linked).await.unwrap();
    }
    assert_linked(bench, &ada, &[&full, &bare, &odd]).await;
    assert_linked(bench, &bob, &[]).await;
    for linked in [&full, &bare, &odd] {
        let user = bench.database().user_by_oauth_account(&linked.oauth_name, &linked.account_id).await;
        bench.assert_same(&user.unwrap().expect("found by the account"), &ada);
    }
    bench.assert_unchanged(&ada).await;
}

/// The rows' ids are the library's where it makes them, and no two are the same.
pub(crate) async fn every_account_has_an_id_of_its_own<F: Fixture>(bench: &Bench<'_, F>) {
    if !has_them(bench) {
        return;
    }
    let ada = bench.add("ada@example.org").await;
    for number in 0..5 {
        let row_id = bench.row_id();
        let new = account("google", &number.to_string());
        bench.database().add_oauth_account(ada.id(), row_id.as_ref(), &new).await.unwrap();
        let rows = bench.database().oauth_accounts(ada.id()).await.unwrap();
        let row = rows.iter().find(|row| row.account_id == new.account_id).expect("the account is linked");
        assert!(row_id.is_none_or(|id| id == row.id));
        assert_eq!(rows.iter().filter(|other| other.id == row.id).count(), 1);
    }
    let ids = async || {
        let rows = bench.database().oauth_accounts(ada.id()).await.unwrap();
        rows.into_iter().map(|row| row.id).collect::<Vec<_>>()
    };
    let before = ids().await;
    let renewed = NewOAuthAccount { access_token: "renewed".to_owned(), ..account("google", "2") };
    assert!(bench.database().update_oauth_account(ada.id(), &renewed).await.unwrap());
    assert!(ids().await == before, "the order is stable");
}

/// Names and ids count to the letter.
pub(crate) async fn an_account_that_only_looks_alike_is_another<F: Fixture>(bench: &Bench<'_, F>) {
    if !has_them(bench) {
        return;
    }
    let ada = bench.add("ada@example.org").await;
    link(bench, &ada, &account("google", "Abc_k")).await.unwrap();
    let others = [
        ("google", "abc_k"),
        ("google", "ABC_K"),
        ("google", "Abc_k "),
        ("google", " Abc_k"),
        ("google", "Abc%"),
        ("google", "Abcxk"),
        ("google", "\u{C1}bc_k"),
        ("google", "Abc_\u{212A}"),
        ("google", ""),
        ("google", "Abc_k\0"),
        ("Google", "Abc_k"),
        ("google ", "Abc_k"),
        ("github", "Abc_k"),
        ("", "Abc_k"),
        ("%", "Abc_k"),
    ];
    for (name, id) in others {
        assert_eq!(owner(bench, name, id).await, None, "{name:?} {id:?}");
        if id.contains('\0') {
            continue;
        }
        assert!(!bench.database().update_oauth_account(ada.id(), &account(name, id)).await.unwrap());
        assert!(!bench.database().delete_oauth_account(ada.id(), name, id).await.unwrap());
    }
    assert_linked(bench, &ada, &[&account("google", "Abc_k")]).await;
    for (number, (name, id)) in others.into_iter().filter(|(_, id)| !id.contains('\0')).enumerate() {
        let email = format!("{number}@example.org");
        match create_with(bench, &email, &account(name, id)).await {
            Ok(_) => assert_eq!(owner(bench, name, id).await, Some(email)),
            Err(DatabaseError::OAuthAccountTaken) if bench.fixture.exceptions().looser_unique_indexes => {}
            Err(error) => panic!("{name:?} {id:?}: {error:?}"),
        }
    }
    assert_eq!(owner(bench, "google", "Abc_k").await.as_deref(), Some("ada@example.org"));
}

/// To whomever; nothing changes hands.
pub(crate) async fn an_account_is_linked_once<F: Fixture>(bench: &Bench<'_, F>) {
    if !has_them(bench) {
        return;
    }
    let (ada, bob) = (bench.add("ada@example.org").await, bench.add("bob@example.org").await);
    let first = account("google", "1");
    link(bench, &ada, &first).await.unwrap();
    let second = NewOAuthAccount { access_token: "stolen".to_owned(), ..first.clone() };
    assert_account_taken(link(bench, &bob, &second).await, "another user");
    assert_account_taken(link(bench, &ada, &second).await, "the same user");
    assert_linked(bench, &ada, &[&first]).await;
    assert_linked(bench, &bob, &[]).await;
    link(bench, &bob, &account("google", "2")).await.unwrap();
    link(bench, &bob, &account("github", "1")).await.unwrap();
}

/// A user and its account, with every field.
pub(crate) async fn a_user_is_created_together_with_an_account<F: Fixture>(bench: &Bench<'_, F>) {
    if !has_them(bench) {
        return;
    }
    let (record, row_id, google) = (bench.record("Ada@example.org"), bench.row_id(), account("google", "1"));
    let made = bench.database().create_with_oauth_account(record.clone(), row_id.as_ref(), &google).await;
    let made = made.unwrap();
    bench.assert_has(&made, &record);
    bench.assert_unchanged(&made).await;
    assert_linked(bench, &made, &[&google]).await;
    let rows = bench.database().oauth_accounts(made.id()).await.unwrap();
    assert!(row_id.is_none_or(|id| id == rows[0].id));
    assert_eq!(owner(bench, "google", "1").await.as_deref(), Some("Ada@example.org"));
}

/// Whichever constraint refuses.
pub(crate) async fn a_user_and_an_account_are_created_both_or_neither<F: Fixture>(bench: &Bench<'_, F>) {
    if !has_them(bench) {
        return;
    }
    let ada = create_with(bench, "ada@example.org", &account("google", "1")).await.unwrap();
    for email in ["ada@example.org", "ADA@Example.org"] {
        assert_email_taken(create_with(bench, email, &account("google", "2")).await, email);
    }
    assert_eq!(owner(bench, "google", "2").await, None);
    let answer = create_with(bench, "bob@example.org", &account("google", "1")).await;
    assert_account_taken(answer, "google 1");
    assert!(bench.database().get_by_email("bob@example.org").await.unwrap().is_none());
    assert!(create_with(bench, "ada@example.org", &account("google", "1")).await.is_err());
    assert_linked(bench, &ada, &[&account("google", "1")]).await;
    // Both were free all the time.
    create_with(bench, "bob@example.org", &account("google", "2")).await.unwrap();
}

/// The row's own id and owner stay; what is not said any more is gone.
pub(crate) async fn a_new_login_overwrites_the_tokens_and_the_address<F: Fixture>(bench: &Bench<'_, F>) {
    if !has_them(bench) {
        return;
    }
    let (ada, bob) = (bench.add("ada@example.org").await, bench.add("bob@example.org").await);
    let (google, github) = (account("google", "1"), account("github", "1"));
    link(bench, &ada, &google).await.unwrap();
    link(bench, &ada, &github).await.unwrap();
    let before = bench.database().oauth_accounts(ada.id()).await.unwrap();
    for renewed in [
        NewOAuthAccount {
            access_token: "renewed".to_owned(),
            expires_at: None,
            refresh_token: None,
            account_email: "countess@provider.example".to_owned(),
            ..google.clone()
        },
        google.clone(),
    ] {
        for _ in 0..2 {
            assert!(bench.database().update_oauth_account(ada.id(), &renewed).await.unwrap());
        }
        assert_linked(bench, &ada, &[&renewed, &github]).await;
    }
    let after = bench.database().oauth_accounts(ada.id()).await.unwrap();
    assert!(after == before, "ids and order are as they were");

    let stolen = NewOAuthAccount { access_token: "stolen".to_owned(), ..google.clone() };
    assert!(!bench.database().update_oauth_account(bob.id(), &stolen).await.unwrap());
    assert!(!bench.database().update_oauth_account(ada.id(), &account("google", "2")).await.unwrap());
    assert_linked(bench, &ada, &[&google, &github]).await;
    assert_linked(bench, &bob, &[]).await;
}

/// By its own user only, and it can be linked again.
pub(crate) async fn an_account_is_unlinked_by_its_own_user<F: Fixture>(bench: &Bench<'_, F>) {
    if !has_them(bench) {
        return;
    }
    let (ada, bob) = (bench.add("ada@example.org").await, bench.add("bob@example.org").await);
    let (google, github) = (account("google", "1"), account("github", "1"));
    link(bench, &ada, &google).await.unwrap();
    link(bench, &ada, &github).await.unwrap();
    assert!(!bench.database().delete_oauth_account(bob.id(), "google", "1").await.unwrap());
    assert_linked(bench, &ada, &[&google, &github]).await;
    assert!(bench.database().delete_oauth_account(ada.id(), "google", "1").await.unwrap());
    assert!(!bench.database().delete_oauth_account(ada.id(), "google", "1").await.unwrap());
    assert_linked(bench, &ada, &[&github]).await;
    assert_eq!(owner(bench, "google", "1").await, None);
    link(bench, &bob, &google).await.unwrap();
    assert_eq!(owner(bench, "google", "1").await.as_deref(), Some("bob@example.org"));
}

/// A user's changes leave the accounts, and the accounts' changes leave the user.
pub(crate) async fn changes_of_a_user_leave_its_accounts<F: Fixture>(bench: &Bench<'_, F>) {
    if !has_them(bench) {
        return;
    }
    let google = account("google", "1");
    let ada = create_with(bench, "ada@example.org", &google).await.unwrap();
    let changes = Record::new().with("email", Value::Text("countess@example.org".to_owned()));
    let updated = bench.database().update(ada.id(), &Record::new(), &changes).await.unwrap().unwrap();
    assert_linked(bench, &updated, &[&google]).await;
    link(bench, &updated, &account("github", "1")).await.unwrap();
    bench.database().delete_oauth_account(ada.id(), "google", "1").await.unwrap();
    bench.assert_unchanged(&updated).await;
}

/// The account is free, and whoever comes next inherits nothing.
pub(crate) async fn a_deleted_users_accounts_are_free<F: Fixture>(bench: &Bench<'_, F>) {
    if !has_them(bench) {
        return;
    }
    let bob = create_with(bench, "bob@example.org", &account("google", "2")).await.unwrap();
    let ada = create_with(bench, "ada@example.org", &account("google", "1")).await.unwrap();
    bench.database().delete(ada.id()).await.unwrap();
    assert_eq!(owner(bench, "google", "1").await, None);
    let next = bench.add("ada@example.org").await;
    assert_linked(bench, &next, &[]).await;
    link(bench, &bob, &account("google", "1")).await.unwrap();
    assert_eq!(owner(bench, "google", "1").await.as_deref(), Some("bob@example.org"));
}

/// A user who was deleted meanwhile takes no account along.
pub(crate) async fn a_deleted_user_gets_no_account<F: Fixture>(bench: &Bench<'_, F>) {
    if !has_them(bench) {
        return;
    }
    let ada = bench.add("ada@example.org").await;
    let deleted = bench.deleted_id().await;
    let google = account("google", "1");
    let answer = bench.database().add_oauth_account(&deleted, bench.row_id().as_ref(), &google).await;
    assert!(answer.is_err(), "an account was linked to nobody");
    assert!(!bench.database().update_oauth_account(&deleted, &google).await.unwrap());
    assert!(!bench.database().delete_oauth_account(&deleted, "google", "1").await.unwrap());
    assert!(bench.database().oauth_accounts(&deleted).await.unwrap().is_empty());
    link(bench, &ada, &google).await.unwrap();
    assert_eq!(owner(bench, "google", "1").await.as_deref(), Some("ada@example.org"));
}

/// Among many users, and among many requests of one.
pub(crate) async fn of_twenty_links_of_one_account_one_wins<F: Fixture>(bench: &Bench<'_, F>) {
    if !has_them(bench) {
        return;
    }
    let mut users = Vec::new();
    for number in 0..10 {
        users.push(bench.add(&format!("{number}@example.org")).await);
    }
    let rows: Vec<_> = (0..20).map(|_| bench.row_id()).collect();
    let answers =
        bench
            .at_once(20, |users_of, number| {
                let (id, row) = (users[number % 10].id().clone(), rows[number].clone());
                async move {
                    users_of.database().add_oauth_account(&id, row.as_ref(), &account("google", "1")).await
                }
            })
            .await;
    let lost = answers.into_iter().filter_map(Result::err).map(Err::<(), _>);
    assert_eq!(lost.map(|answer| assert_account_taken(answer, "one of twenty")).count(), 19);
    let mut linked = 0;
    for user in &users {
        linked += bench.database().oauth_accounts(user.id()).await.unwrap().len();
    }
    assert_eq!(linked, 1);
}

/// With one e-mail and with one account; those who lose leave nothing behind.
pub(crate) async fn of_twenty_creates_with_an_account_one_wins<F: Fixture>(bench: &Bench<'_, F>) {
    if !has_them(bench) {
        return;
    }
    for same_email in [true, false] {
        let email = |number: usize| {
            let number = if same_email { 100 } else { number };
            format!("{number}{}@example.org", if number % 2 == 0 { "x" } else { "X" })
        };
        let account_id = |number: usize| if same_email { number.to_string() } else { "same".to_owned() };
        let records: Vec<_> = (0..20).map(|number| (bench.record(&email(number)), bench.row_id())).collect();
        let answers = bench
            .at_once(20, |users, number| {
                let ((record, row), account) =
                    (records[number].clone(), account("google", &account_id(number)));
                async move { users.database().create_with_oauth_account(record, row.as_ref(), &account).await }
            })
            .await;
        let mut winners = 0;
        for (number, answer) in answers.into_iter().enumerate() {
            match answer {
                Ok(user) => {
                    winners += 1;
                    bench.assert_unchanged(&user).await;
                    let owner = owner(bench, "google", &account_id(number)).await;
                    assert_eq!(owner.as_deref(), Some(user.email()));
                }
                other if same_email => {
                    assert_email_taken(other, "one of twenty");
                    assert_eq!(owner(bench, "google", &account_id(number)).await, None);
                }
                other => {
                    assert_account_taken(other, "one of twenty");
                    assert!(bench.database().get_by_email(&email(number)).await.unwrap().is_none());
                }
            }
        }
        assert_eq!(winners, 1, "one wins");
    }
}
