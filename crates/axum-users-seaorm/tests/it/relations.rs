//! What the library writes is the application's to query, by its own entity and its relations.

use axum_users::{
    AccessToken, Flags, NewOAuthAccount, RequestInfo, UserDatabase, UserModel, Users,
    schema::{Record, Value},
};
use axum_users_seaorm::SeaOrmDatabase;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, ModelTrait, QueryFilter, Schema, Set,
};
use time::macros::{date, datetime};
use uuid::Uuid;

use crate::{
    entities::Plan,
    place::{Engine, Place},
};

/// What it takes to register a user of one of the entities.
macro_rules! new_user {
    ($user:ident, $email:expr) => {
        $user::UserCreate {
            birthdate_maybe: Some(time::macros::date!(2000 - 02 - 29)),
            plan_maybe: Some(crate::entities::Plan::PaidYearly),
            ..$user::UserCreate::new(
                $email,
                "correct horse battery",
                true,
                7,
                3,
                0.5,
                "Ada",
                axum_users_seaorm::UuidText(uuid::Uuid::from_u128(9)),
                time::macros::date!(1815 - 12 - 10),
                time::macros::datetime!(2026-11-23 10:00 UTC),
                serde_json::json!({"theme": "dark"}),
                crate::entities::Plan::Free,
            )
        }
    };
}
pub(crate) use new_user;

pub(crate) fn account(id: &str) -> NewOAuthAccount {
    NewOAuthAccount {
        oauth_name: "google".into(),
        access_token: "provider's secret".into(),
        expires_at: Some(4_102_444_800),
        refresh_token: None,
        account_id: id.into(),
        account_email: "ada@gmail.com".into(),
    }
}

macro_rules! relations_of {
    ($test:ident, $layout:ident, $engine:ident) => {
        #[tokio::test]
        async fn $test() {
            use crate::entities::$layout::{access_token, oauth_account, order, user};

            let place = Place::new(Engine::$engine).await;
            let database: SeaOrmDatabase<user::Entity> = place.open().await;
            let connection = database.connection().unwrap().clone();
            let users = Users::builder(database, "a secret of more than thirty-two bytes").build().unwrap();
            if Engine::$engine == Engine::MySql {
                // As an application's own migration of today would have it.
                let alter = "ALTER DATABASE CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci";
                connection.execute_unprepared(alter).await.unwrap();
            }
            users.migrate().await.unwrap();
            let definitions = Schema::new(connection.get_database_backend());
            connection.execute(&definitions.create_table_from_entity(order::Entity)).await.unwrap();

            let new = new_user!(user, "Ada@Example.org");
            let ada = users.create(new, Flags::Ignored, &RequestInfo::default()).await.unwrap();
            let row_id = ada.id.clone().row_id();
            users.database().add_oauth_account(&ada.id, row_id.as_ref(), &account("1")).await.unwrap();
            let began = datetime!(2026-11-23 10:00:00.000001 UTC);
            let token = AccessToken { token: "~hash".into(), user_id: ada.id.clone(), created_at: began };
            users.database().create_access_token(&token).await.unwrap();
            let tea =
                order::ActiveModel { user_id: Set(ada.id.clone()), article: Set("tea".into()), ..Default::default() };
            tea.insert(&connection).await.unwrap();

            // By the entity, own fields and all.
            let by_entity = user::Entity::find().filter(user::Column::Plan.eq(Plan::Free));
            let found = by_entity.one(&connection).await.unwrap().unwrap();
            assert_eq!(found, ada);
            assert_eq!(found.email, "Ada@example.org");
            assert_eq!((found.first_name.as_str(), found.birthdate), ("Ada", date!(1815 - 12 - 10)));
            assert_eq!((found.plan_maybe, found.team.0), (Some(Plan::PaidYearly), Uuid::from_u128(9)));

            // By relations, in both directions.
            let orders = ada.find_related(order::Entity).all(&connection).await.unwrap();
            assert_eq!(orders[0].article, "tea");
            let with = user::Entity::find().find_with_related(oauth_account::Entity);
            let with = with.all(&connection).await.unwrap();
            assert_eq!((with[0].0.id.clone(), with[0].1[0].account_id.as_str()), (ada.id.clone(), "1"));
            assert_eq!(with[0].1[0].expires_at, Some(4_102_444_800));
            assert!(!format!("{:?}", with[0].1[0]).contains("secret"));
            let session = access_token::Entity::find().find_also_related(user::Entity);
            let (session, owner) = session.one(&connection).await.unwrap().unwrap();
            assert_eq!((session.created_at, owner.unwrap().id), (began, ada.id.clone()));
            assert!(!format!("{session:?}").contains("hash"));

            // What the application writes by its entity is the library's to read.
            let mut changed: user::ActiveModel = ada.clone().into();
            changed.first_name = Set("Augusta".into());
            changed.update(&connection).await.unwrap();
            assert_eq!(users.get(&ada.id).await.unwrap().unwrap().first_name, "Augusta");

            // A deleted user takes along what belongs to it, the application's rows by its foreign key.
            assert!(users.database().delete(&ada.id).await.unwrap());
            assert!(oauth_account::Entity::find().one(&connection).await.unwrap().is_none());
            assert!(access_token::Entity::find().one(&connection).await.unwrap().is_none());
            assert!(order::Entity::find().one(&connection).await.unwrap().is_none());
        }
    };
}

/// An id for a row beside the user's, where the database makes none.
trait RowId: Sized {
    fn row_id(self) -> Option<Self>;
}

impl RowId for Uuid {
    fn row_id(self) -> Option<Self> {
        Some(self)
    }
}

impl RowId for axum_users_seaorm::UuidText {
    fn row_id(self) -> Option<Self> {
        Some(self)
    }
}

impl RowId for i64 {
    fn row_id(self) -> Option<Self> {
        None
    }
}

relations_of!(entities_with_text_uuids_are_the_applications_in_sqlite, text, Sqlite);
relations_of!(entities_with_native_uuids_are_the_applications_in_sqlite, native, Sqlite);
relations_of!(entities_with_numbers_are_the_applications_in_sqlite, numbered, Sqlite);
#[cfg(feature = "postgres")]
relations_of!(entities_with_native_uuids_are_the_applications_in_postgresql, native, Postgres);
#[cfg(feature = "mysql")]
relations_of!(entities_with_text_uuids_are_the_applications_in_mariadb, text, MySql);

#[tokio::test]
async fn an_entity_without_a_field_of_the_schema_is_refused_with_its_name() {
    use crate::entities::text::user;

    let place = Place::new(Engine::Sqlite).await;
    let mut database: SeaOrmDatabase<user::Entity> = place.open().await;
    let column = axum_users::schema::Column::new("nickname", axum_users::schema::ColumnType::Text);
    let schema = std::sync::Arc::new(user::Model::schema().with(column));
    let refused = database.configure(&schema).unwrap_err();
    assert_eq!(refused, "the entity `user` has no column `nickname`");
}

#[tokio::test]
async fn an_integer_that_the_column_cannot_hold_is_refused_and_not_cut() {
    use crate::entities::text::user;

    let place = Place::new(Engine::Sqlite).await;
    let database: SeaOrmDatabase<user::Entity> = place.open().await;
    let users = Users::builder(database, "a secret of more than thirty-two bytes").build().unwrap();
    users.migrate().await.unwrap();
    let new = new_user!(user, "ada@example.org");
    let ada = users.create(new, Flags::Ignored, &RequestInfo::default()).await.unwrap();
    let changes = Record::new().with("level", Value::Integer(70_000));
    assert!(users.database().update(&ada.id, &Record::new(), &changes).await.is_err());
    assert_eq!(users.get(&ada.id).await.unwrap().unwrap().level, 3);
}
