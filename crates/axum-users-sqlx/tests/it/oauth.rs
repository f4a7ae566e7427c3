use axum_users::{DatabaseError, NewOAuthAccount, OAuthAccount, User, UserDatabase, UserModel, UserState};
use axum_users_sqlx::SqlxOptions;
use uuid::Uuid;

use crate::{
    at, fresh, id,
    place::{Engine, Place, execute, rows},
    record, users,
    users::Numbered,
};

on_every_engine![
    a_user_and_its_account_are_made_together_or_neither,
    an_account_is_found_by_its_exact_name_and_id,
    an_account_is_linked_once_to_whomever,
    a_new_login_overwrites_tokens_and_address_of_every_row_that_python_left,
    integer_models_have_integer_accounts_whose_ids_the_database_makes,
    a_state_is_kept_replaced_and_gone_with_its_user,
];

fn account(oauth_name: &str, account_id: &str) -> NewOAuthAccount {
    NewOAuthAccount {
        oauth_name: oauth_name.into(),
        access_token: "access".into(),
        expires_at: Some(4_102_444_800),
        refresh_token: None,
        account_id: account_id.into(),
        account_email: "ada@provider.test".into(),
    }
}

fn is_account_taken<T>(result: &Result<T, DatabaseError>) -> bool {
    matches!(result, Err(DatabaseError::OAuthAccountTaken))
}

fn named(accounts: &[OAuthAccount<Uuid>]) -> Vec<(&str, &str)> {
    accounts.iter().map(|account| (account.oauth_name.as_str(), account.account_id.as_str())).collect()
}

async fn a_user_and_its_account_are_made_together_or_neither(engine: Engine) {
    let (_place, database) = fresh(engine).await;
    let users = users::<User>(&database);
    let google = account("google", "1");
    let ada =
        users.create_with_oauth_account(record(1, "ada@example.org"), Some(&id(11)), &google).await.unwrap();
    assert_eq!(users.user_by_oauth_account("google", "1").await.unwrap(), Some(ada.clone()));
    assert_eq!(
        users.oauth_accounts(&ada.id).await.unwrap(),
        [google.clone().into_account(id(11), id(1))],
        "an expiry after 2038 included"
    );

    let other = account("google", "2");
    let taken = users.create_with_oauth_account(record(2, "ADA@example.org"), Some(&id(12)), &other).await;
    assert!(matches!(taken, Err(DatabaseError::EmailTaken)), "{taken:?}");
    let taken = users.create_with_oauth_account(record(2, "bob@example.org"), Some(&id(12)), &google).await;
    assert!(is_account_taken(&taken), "{taken:?}");
    assert_eq!(users.get_by_email("bob@example.org").await.unwrap(), None);
    assert_eq!(users.user_by_oauth_account("google", "2").await.unwrap(), None);
}

async fn an_account_is_found_by_its_exact_name_and_id(engine: Engine) {
    let (_place, database) = fresh(engine).await;
    let users = users::<User>(&database);
    for number in [1, 2] {
        users.create(record(number, &format!("{number}@example.org"))).await.unwrap();
    }
    users.add_oauth_account(&id(1), Some(&id(11)), &account("github", "AbÉ")).await.unwrap();
    users.add_oauth_account(&id(2), Some(&id(12)), &account("github", "abÉ")).await.unwrap();
    for (oauth_name, account_id, expected) in [
        ("github", "AbÉ", Some(1)),
        ("github", "abÉ", Some(2)),
        ("github", "abE", None),
        ("github", "abÉ ", None),
        ("Github", "AbÉ", None),
        ("google", "AbÉ", None),
        ("github", "", None),
    ] {
        let found = users.user_by_oauth_account(oauth_name, account_id).await.unwrap();
        assert_eq!(found.map(|user| user.id), expected.map(id), "{oauth_name} {account_id:?}");
    }
    assert!(!users.update_oauth_account(&id(1), &account("github", "ABÉ")).await.unwrap());
    assert!(!users.delete_oauth_account(&id(1), "github", "abÉ").await.unwrap());
    assert!(users.delete_oauth_account(&id(1), "github", "AbÉ").await.unwrap());
    assert_eq!(named(&users.oauth_accounts(&id(2)).await.unwrap()), [("github", "abÉ")]);
}

async fn an_account_is_linked_once_to_whomever(engine: Engine) {
    let (_place, database) = fresh(engine).await;
    let users = users::<User>(&database);
    for number in [1, 2] {
        users.create(record(number, &format!("{number}@example.org"))).await.unwrap();
    }
    users.add_oauth_account(&id(1), Some(&id(11)), &account("google", "1")).await.unwrap();
    for owner in [1, 2] {
        let again = users.add_oauth_account(&id(owner), Some(&id(12)), &account("google", "1")).await;
        assert!(is_account_taken(&again), "{again:?}");
    }
    users.add_oauth_account(&id(1), Some(&id(13)), &account("google", "2")).await.unwrap();
    users.add_oauth_account(&id(1), Some(&id(14)), &account("github", "1")).await.unwrap();
    assert_eq!(
        named(&users.oauth_accounts(&id(1)).await.unwrap()),
        [("google", "1"), ("google", "2"), ("github", "1")]
    );
    assert_eq!(users.oauth_accounts(&id(2)).await.unwrap(), []);
}

async fn a_new_login_overwrites_tokens_and_address_of_every_row_that_python_left(engine: Engine) {
    let (_place, database) = fresh(engine).await;
    let users = users::<User>(&database);
    users.create(record(1, "ada@example.org")).await.unwrap();
    let on = engine.pick("", "", " ON oauth_account");
    execute(&database, &format!("DROP INDEX axum_users_oauth_account_account{on}")).await;
    for row in [11, 12] {
        let insert = format!(
            "INSERT INTO oauth_account (id, user_id, oauth_name, access_token, expires_at, refresh_token, account_id,
             account_email) VALUES ('{}', '{}', 'google', 'old', 1, 'old', '1', 'old@b.org')",
            id(row),
            id(1)
        );
        execute(&database, &insert).await;
    }
    let new = NewOAuthAccount { expires_at: None, ..account("google", "1") };
    assert!(users.update_oauth_account(&id(1), &new).await.unwrap());
    let expected = [11, 12].map(|row| new.clone().into_account(id(row), id(1)));
    assert_eq!(users.oauth_accounts(&id(1)).await.unwrap(), expected);
    assert_eq!(users.user_by_oauth_account("google", "1").await.unwrap().unwrap().id, id(1));
    // The unique index is missing, and the account is taken all the same.
    assert!(is_account_taken(&users.add_oauth_account(&id(1), Some(&id(13)), &new).await));

    assert!(!users.update_oauth_account(&id(2), &new).await.unwrap());
    assert!(users.delete_oauth_account(&id(1), "google", "1").await.unwrap());
    assert!(!users.delete_oauth_account(&id(1), "google", "1").await.unwrap());
    assert_eq!(rows(&database, "SELECT count(*) FROM oauth_account").await, ["0"]);
}

async fn integer_models_have_integer_accounts_whose_ids_the_database_makes(engine: Engine) {
    let place = Place::new(engine).await;
    let database = place.open(SqlxOptions::new(), Numbered::schema()).await;
    let users = users::<Numbered>(&database);
    let mut new = record(0, "ada@example.org");
    new.remove("id");
    let ada = users.create_with_oauth_account(new, None, &account("google", "1")).await.unwrap();
    users.add_oauth_account(&ada.id, None, &account("github", "1")).await.unwrap();
    let accounts = users.oauth_accounts(&ada.id).await.unwrap();
    let ids: Vec<_> = accounts.iter().map(|account| (account.id, account.user_id)).collect();
    assert_eq!(ids, [(1, ada.id), (2, ada.id)]);
    let state = UserState { not_before: Some(at(1_000)), password_is_generated: true };
    users.set_user_state(&ada.id, state).await.unwrap();
    assert_eq!(users.get_with_state(&ada.id).await.unwrap().unwrap().1, state);
}

async fn a_state_is_kept_replaced_and_gone_with_its_user(engine: Engine) {
    let (_place, database) = fresh(engine).await;
    let users = users::<User>(&database);
    let ada = users.create(record(1, "ada@example.org")).await.unwrap();
    users.create(record(2, "bob@example.org")).await.unwrap();
    assert_eq!(users.get_with_state(&id(1)).await.unwrap(), Some((ada.clone(), UserState::default())));
    let moment = at(1_767_268_800) + std::time::Duration::from_micros(123_456);
    for state in [
        UserState { not_before: Some(moment), password_is_generated: true },
        UserState { not_before: None, password_is_generated: true },
        UserState { not_before: Some(at(-1_000)), password_is_generated: false },
    ] {
        users.set_user_state(&id(1), state).await.unwrap();
        assert_eq!(users.get_with_state(&id(1)).await.unwrap(), Some((ada.clone(), state)));
        assert_eq!(users.get_with_state(&id(2)).await.unwrap().unwrap().1, UserState::default());
    }
    assert!(users.delete(&id(1)).await.unwrap());
    assert_eq!(users.get_with_state(&id(1)).await.unwrap(), None);
    // Of users who are gone nothing is kept.
    users.set_user_state(&id(1), UserState::default()).await.unwrap();
    assert_eq!(rows(&database, "SELECT count(*) FROM axum_users_user_state").await, ["0"]);
}
