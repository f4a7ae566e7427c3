//! The application's transaction: a user and the application's own rows together, or neither.

use std::sync::{Arc, Mutex};

use axum_users::{
    Bearer, BoxError, Context, CreateError, DatabaseError, DatabaseTokens, Flags, Hooks, RequestInfo, Users,
    schema::{Record, Value},
};
use axum_users_seaorm::{SeaOrmDatabase, TransactionError, UuidText, transaction};
use sea_orm::{ActiveModelTrait, ConnectionTrait, DatabaseConnection, EntityTrait, PaginatorTrait, Set};
use uuid::Uuid;

use crate::{
    entities::text::{order, user},
    place::{Engine, Place, execute},
    relations::{account, new_user},
};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Hooks<user::Model> for Log {
    async fn on_after_register(
        &self,
        user: &user::Model,
        context: &mut Context<'_, user::Model>,
    ) -> Result<(), BoxError> {
        let is_kept = context.users().get(&user.id).await?.is_some();
        self.0.lock().unwrap().push(format!("{} {is_kept}", user.email));
        if user.email.starts_with("bob") { Err("no mail today".into()) } else { Ok(()) }
    }
}

on_every_engine![
    a_user_and_the_applications_rows_are_kept_together_and_hooks_fire_then,
    a_rollback_or_a_drop_keeps_neither_and_fires_no_hook,
    what_the_database_refuses_leaves_the_transaction_whole,
    an_account_that_is_taken_leaves_the_transaction_whole,
    a_clone_of_the_users_that_is_still_held_refuses_the_commit,
    a_hook_that_fails_is_told_after_everything_was_kept,
];

struct App {
    users: Users<user::Model>,
    connection: DatabaseConnection,
    log: Log,
    _place: Place,
}

impl App {
    async fn start(engine: Engine) -> Self {
        let place = Place::new(engine).await;
        if engine == Engine::MySql {
            // As an application's own migration of today would have it: foreign keys want one collation.
            let alter = "ALTER DATABASE CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci";
            execute(&place.connect().await, alter).await;
        }
        let database: SeaOrmDatabase<user::Entity> = place.open().await;
        let connection = database.connection().unwrap().clone();
        let log = Log::default();
        let users = Users::builder(database, "a secret of more than thirty-two bytes")
            .backend("bearer", Bearer::default(), DatabaseTokens::lasting_seconds(60))
            .hooks(log.clone())
            .build()
            .unwrap();
        users.migrate().await.unwrap();
        let definitions = sea_orm::Schema::new(connection.get_database_backend());
        let create = definitions.create_table_from_entity(order::Entity);
        connection.execute(&create).await.unwrap();
        Self { users, connection, log, _place: place }
    }

    async fn counts(&self) -> (u64, u64) {
        let users = user::Entity::find().count(&self.connection).await.unwrap();
        (users, order::Entity::find().count(&self.connection).await.unwrap())
    }

    fn hooks(&self) -> Vec<String> {
        self.log.0.lock().unwrap().clone()
    }
}

async fn create(users: &Users<user::Model>, email: &str) -> Result<user::Model, CreateError> {
    users.create(new_user!(user, email), Flags::Ignored, &RequestInfo::default()).await
}

fn order_of(user: &user::Model) -> order::ActiveModel {
    order::ActiveModel { user_id: Set(user.id), article: Set("tea".to_owned()), ..Default::default() }
}

async fn a_user_and_the_applications_rows_are_kept_together_and_hooks_fire_then(engine: Engine) {
    let app = App::start(engine).await;
    let transaction = transaction::<user::Entity>(&app.users, &app.connection).await.unwrap();
    let ada = create(transaction.users(), "ada@example.org").await.unwrap();
    order_of(&ada).insert(&*transaction).await.unwrap();
    assert_eq!((app.counts().await, app.hooks()), ((0, 0), vec![]), "nothing is seen before the commit");
    transaction.commit().await.unwrap();
    assert_eq!(app.counts().await, (1, 1));
    assert_eq!(app.hooks(), ["ada@example.org true"]);
}

async fn a_rollback_or_a_drop_keeps_neither_and_fires_no_hook(engine: Engine) {
    let app = App::start(engine).await;
    for drops in [true, false] {
        let transaction = transaction::<user::Entity>(&app.users, &app.connection).await.unwrap();
        let ada = create(transaction.users(), "ada@example.org").await.unwrap();
        order_of(&ada).insert(&*transaction).await.unwrap();
        if drops {
            drop(transaction);
        } else {
            transaction.rollback().await.unwrap();
        }
        assert_eq!((app.counts().await, app.hooks()), ((0, 0), vec![]));
    }
}

async fn what_the_database_refuses_leaves_the_transaction_whole(engine: Engine) {
    let app = App::start(engine).await;
    let transaction = transaction::<user::Entity>(&app.users, &app.connection).await.unwrap();
    let ada = create(transaction.users(), "ada@example.org").await.unwrap();
    let again = create(transaction.users(), "ADA@example.org").await;
    assert!(matches!(again, Err(CreateError::AlreadyExists)), "{again:?}");
    let changes = Record::new().with("is_verified", Value::Bool(true));
    let database = transaction.users().database();
    assert!(database.update(&ada.id, &Record::new(), &changes).await.unwrap().unwrap().is_verified);
    order_of(&ada).insert(&*transaction).await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(app.counts().await, (1, 1));
    assert!(app.users.get(&ada.id).await.unwrap().unwrap().is_verified);
}

async fn an_account_that_is_taken_leaves_the_transaction_whole(engine: Engine) {
    let app = App::start(engine).await;
    let ada = create(&app.users, "ada@example.org").await.unwrap();
    let row_id = |number: u128| Some(UuidText(Uuid::from_u128(number)));
    app.users.database().add_oauth_account(&ada.id, row_id(1).as_ref(), &account("1")).await.unwrap();
    let transaction = transaction::<user::Entity>(&app.users, &app.connection).await.unwrap();
    let eve = create(transaction.users(), "eve@example.org").await.unwrap();
    let database = transaction.users().database();
    let taken = database.add_oauth_account(&eve.id, row_id(2).as_ref(), &account("1")).await;
    assert!(matches!(taken, Err(DatabaseError::OAuthAccountTaken)), "{taken:?}");
    assert!(!database.update_oauth_account(&eve.id, &account("1")).await.unwrap());
    database.add_oauth_account(&eve.id, row_id(2).as_ref(), &account("2")).await.unwrap();
    order_of(&eve).insert(&*transaction).await.unwrap();
    assert_eq!(app.users.database().user_by_oauth_account("google", "2").await.unwrap(), None);
    transaction.commit().await.unwrap();
    let owner = app.users.database().user_by_oauth_account("google", "2").await.unwrap();
    assert_eq!((owner, app.counts().await), (Some(eve), (2, 1)));
}

async fn a_clone_of_the_users_that_is_still_held_refuses_the_commit(engine: Engine) {
    let app = App::start(engine).await;
    let transaction = transaction::<user::Entity>(&app.users, &app.connection).await.unwrap();
    create(transaction.users(), "ada@example.org").await.unwrap();
    let held = transaction.users().clone();
    assert!(matches!(transaction.commit().await, Err(TransactionError::InUse)));
    drop(held);
    assert_eq!((app.counts().await, app.hooks()), ((0, 0), vec![]));
}

async fn a_hook_that_fails_is_told_after_everything_was_kept(engine: Engine) {
    let app = App::start(engine).await;
    let transaction = transaction::<user::Entity>(&app.users, &app.connection).await.unwrap();
    create(transaction.users(), "bob@example.org").await.unwrap();
    create(transaction.users(), "ada@example.org").await.unwrap();
    assert!(matches!(transaction.commit().await, Err(TransactionError::Hook(_))));
    assert_eq!(app.counts().await, (2, 0));
    assert_eq!(app.hooks(), ["bob@example.org true", "ada@example.org true"]);
}
