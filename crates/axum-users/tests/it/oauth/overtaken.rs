//! Requests that others overtake between a look at the database and what follows from it.

use std::{
    borrow::Cow,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use axum_users::{
    AccessToken, Bearer, Capabilities, DatabaseError, Jwt, MemoryDatabase, NewOAuthAccount, OAuthAccount,
    OAuthOptions, RequestInfo, Timestamp, User, UserDatabase, UserState,
    schema::{Record, Schema, Value},
};
use uuid::Uuid;

use super::{
    flow::offer,
    provider::{Person, Provider},
};
use crate::support::App;

/// A database whose callers take turns; and in which somebody else's callback makes the user just before the first
/// look for an address, unless that is over.
#[derive(Default)]
struct Overtaking {
    inner: MemoryDatabase,
    is_over: AtomicBool,
}

impl Overtaking {
    async fn overtake(&self, email: &str) {
        let text = |text: &str| Value::Text(text.to_owned());
        let record = Record::new()
            .with("id", Value::Uuid(Uuid::from_u128(7)))
            .with("email", text(email))
            .with("hashed_password", text("!"))
            .with("is_active", Value::Bool(true))
            .with("is_superuser", Value::Bool(false))
            .with("is_verified", Value::Bool(false));
        let account = NewOAuthAccount {
            oauth_name: "corp".into(),
            access_token: "of the other".into(),
            expires_at: None,
            refresh_token: None,
            account_id: "1".into(),
            account_email: email.into(),
        };
        let row_id = Uuid::from_u128(8);
        let made: User = self.inner.create_with_oauth_account(record, Some(&row_id), &account).await.unwrap();
        assert_eq!(made.email, email);
    }
}

impl UserDatabase<User> for Overtaking {
    fn configure(&mut self, schema: &Arc<Schema>) -> Result<(), Cow<'static, str>> {
        UserDatabase::<User>::configure(&mut self.inner, schema)
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::all()
    }

    async fn get(&self, id: &Uuid) -> Result<Option<User>, DatabaseError> {
        self.inner.get(id).await
    }

    async fn get_by_email(&self, email: &str) -> Result<Option<User>, DatabaseError> {
        if !self.is_over.swap(true, Ordering::SeqCst) {
            self.overtake(email).await;
        }
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

    async fn create_access_token(&self, row: &AccessToken<Uuid>) -> Result<(), DatabaseError> {
        UserDatabase::<User>::create_access_token(&self.inner, row).await
    }

    async fn use_once(
        &self,
        purpose: &str,
        digest: &str,
        expires_at: Timestamp,
        now: Timestamp,
    ) -> Result<bool, DatabaseError> {
        UserDatabase::<User>::use_once(&self.inner, purpose, digest, expires_at, now).await
    }

    async fn user_by_oauth_account(&self, name: &str, id: &str) -> Result<Option<User>, DatabaseError> {
        self.inner.user_by_oauth_account(name, id).await
    }

    async fn create_with_oauth_account(
        &self,
        record: Record,
        row_id: Option<&Uuid>,
        account: &NewOAuthAccount,
    ) -> Result<User, DatabaseError> {
        self.inner.create_with_oauth_account(record, row_id, account).await
    }

    async fn add_oauth_account(
        &self,
        user_id: &Uuid,
        row_id: Option<&Uuid>,
        account: &NewOAuthAccount,
    ) -> Result<(), DatabaseError> {
        UserDatabase::<User>::add_oauth_account(&self.inner, user_id, row_id, account).await
    }

    async fn delete_oauth_account(
        &self,
        user_id: &Uuid,
        name: &str,
        account_id: &str,
    ) -> Result<bool, DatabaseError> {
        UserDatabase::<User>::delete_oauth_account(&self.inner, user_id, name, account_id).await
    }

    async fn set_user_state(&self, id: &Uuid, state: UserState) -> Result<(), DatabaseError> {
        UserDatabase::<User>::set_user_state(&self.inner, id, state).await
    }

    async fn oauth_accounts(&self, user_id: &Uuid) -> Result<Vec<OAuthAccount<Uuid>>, DatabaseError> {
        tokio::task::yield_now().await;
        UserDatabase::<User>::oauth_accounts(&self.inner, user_id).await
    }

    async fn update_oauth_account(
        &self,
        user_id: &Uuid,
        account: &NewOAuthAccount,
    ) -> Result<bool, DatabaseError> {
        UserDatabase::<User>::update_oauth_account(&self.inner, user_id, account).await
    }

    async fn get_with_state(&self, id: &Uuid) -> Result<Option<(User, UserState)>, DatabaseError> {
        tokio::task::yield_now().await;
        self.inner.get_with_state(id).await
    }
}

type Change = fn(OAuthOptions<User>) -> OAuthOptions<User>;

fn app_on(database: Overtaking, provider: &Provider, change: Change) -> App {
    App::on(database, |builder| {
        let builder = builder.backend("jwt", Bearer::default(), Jwt::lasting_seconds(3600));
        offer(builder, provider, change(OAuthOptions::backend("jwt")))
    })
}

#[tokio::test]
async fn oa_33_a_callback_that_is_overtaken_by_one_of_the_same_account_finds_its_user() {
    let table: [(&str, Change); 2] =
        [("refusing", |options| options), ("associating", OAuthOptions::associate_by_email)];
    for (name, change) in table {
        let provider = Provider::start().await;
        let app = app_on(Overtaking::default(), &provider, change);

        let token = app.token_by(&provider, &Person::new("1", "alice@example.com")).await;

        let user = app.me(&token).await;
        assert_eq!(user["id"], Uuid::from_u128(7).to_string(), "{name}");
        // The other's password was not replaced, nor the sessions ended.
        assert_eq!(app.stored(Uuid::from_u128(7)).await.hashed_password, "!", "{name}");
    }
}

#[tokio::test]
async fn of_two_that_unlink_the_last_two_accounts_at_once_one_is_refused() {
    let provider = Provider::start().await;
    let database = Overtaking { is_over: AtomicBool::new(true), ..Overtaking::default() };
    let app = app_on(database, &provider, |options| options);
    let token = app.token_by(&provider, &Person::new("1", "alice@example.com")).await;
    app.link_by(&provider, &token, &Person::new("2", "a@example.net")).await;
    let user = app.stored(app.me(&token).await["id"].as_str().unwrap().parse().unwrap()).await;

    let request = RequestInfo::default();
    let unlink = |id| app.users.unlink_oauth_account(&user, "corp", id, &request);
    let (one, two) = tokio::join!(unlink("1"), unlink("2"));

    assert_eq!([one.is_ok(), two.is_ok()].iter().filter(|ok| **ok).count(), 1, "{one:?} {two:?}");
    assert_eq!(app.users.oauth_accounts(&user).await.unwrap().len(), 1);
}
