//! Claims: what a process that died while it linked an account leaves behind.

use std::{
    task::{Context, Waker},
    time::Duration,
};

use axum_users::{
    Clock, ColumnValue, DatabaseError, NewOAuthAccount, User, UserDatabase,
    schema::{Record, Value},
};
use axum_users_mongodb::{
    MongoOptions,
    mongodb::bson::{DateTime, Document, doc},
};
use tokio::time::timeout;
use uuid::Uuid;

use crate::{documents, on_a_database, open, record, users};

pub(crate) fn google(account_id: &str) -> NewOAuthAccount {
    NewOAuthAccount {
        oauth_name: "google".to_owned(),
        access_token: "access".to_owned(),
        expires_at: Some(1_900_000_000),
        refresh_token: None,
        account_id: account_id.to_owned(),
        account_email: "ada@gmail.example".to_owned(),
    }
}

pub(crate) fn user_record(number: u128, email: &str) -> Record {
    record(email).with("id", Value::Uuid(Uuid::from_u128(number)))
}

#[test]
fn a_claim_that_was_left_behind_ends_by_itself() {
    on_a_database(async |database| {
        let adapter = open::<User>(&database, MongoOptions::new()).await;
        let adapter = users::<User>(&adapter);
        let ada = adapter.create(user_record(1, "ada@example.org")).await.unwrap();
        let claims = database.collection::<Document>("axum_users_oauth_claim");
        let now = Clock::system().now().unix_timestamp();
        for (until, is_free) in [(now + 3_600, false), (now - 1, true)] {
            let claim = doc! {
                "_id": { "oauth_name": "google", "account_id": "1" },
                "holder": "gone",
                "until": DateTime::from_millis(until * 1_000),
            };
            claims.delete_many(doc! {}).await.unwrap();
            claims.insert_one(claim).await.unwrap();
            let answer = adapter.add_oauth_account(&ada.id, Some(&Uuid::from_u128(2)), &google("1")).await;
            match answer {
                Ok(()) => assert!(is_free),
                Err(DatabaseError::OAuthAccountTaken) => assert!(!is_free),
                Err(error) => panic!("{error:?}"),
            }
        }
        assert!(documents(&claims).await.is_empty(), "the claim is given up");
    });
}

#[test]
fn a_refused_link_leaves_no_claim() {
    on_a_database(async |database| {
        let adapter = open::<User>(&database, MongoOptions::new()).await;
        let adapter = users::<User>(&adapter);
        let row = Uuid::from_u128(9);
        adapter
            .create_with_oauth_account(user_record(1, "ada@example.org"), Some(&row), &google("1"))
            .await
            .unwrap();
        let again = adapter
            .create_with_oauth_account(user_record(2, "ADA@example.org"), Some(&row), &google("2"))
            .await;
        assert!(matches!(again, Err(DatabaseError::EmailTaken)));
        let nobody = adapter.add_oauth_account(&Uuid::from_u128(3), Some(&row), &google("2")).await;
        assert!(matches!(nobody, Err(DatabaseError::Other(_))));
        let taken = adapter
            .create_with_oauth_account(user_record(2, "bob@example.org"), Some(&row), &google("1"))
            .await;
        assert!(matches!(taken, Err(DatabaseError::OAuthAccountTaken)));
        assert!(documents(&database.collection("axum_users_oauth_claim")).await.is_empty());
        adapter
            .create_with_oauth_account(user_record(2, "bob@example.org"), Some(&row), &google("2"))
            .await
            .unwrap();
    });
}

/// Somebody closes the browser: the request's future is dropped, and the account can be linked at once.
#[test]
fn a_request_that_is_given_up_leaves_no_claim() {
    on_a_database(async |database| {
        let adapter = open::<User>(&database, MongoOptions::new()).await;
        let adapter = users::<User>(&adapter);
        let (row, google) = (Uuid::from_u128(9), google("1"));
        let claims = database.collection::<Document>("axum_users_oauth_claim");
        let mut creating = Box::pin(adapter.create_with_oauth_account(
            user_record(1, "ada@example.org"),
            Some(&row),
            &google,
        ));
        // Begun, and dropped at its first wait.
        let begun = creating.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert!(begun.is_pending());
        drop(creating);
        let done = async {
            while adapter.get_by_email("ada@example.org").await.unwrap().is_none()
                || !documents(&claims).await.is_empty()
            {
                tokio::task::yield_now().await;
            }
        };
        timeout(Duration::from_secs(60), done).await.expect("what was begun is done, and its claim given up");
        let owner = adapter.user_by_oauth_account("google", "1").await.unwrap().unwrap();
        assert_eq!(owner.id.into_value(), Value::Uuid(Uuid::from_u128(1)));
    });
}
