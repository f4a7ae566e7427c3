//! Tables that are there already: those of FastAPI Users, and those that a model has outgrown.

use std::path::Path;

use axum_users::{MigrateError, UserModel, Users};
use axum_users_seaorm::{SeaOrmDatabase, UserEntity};
use sea_orm::{ConnectionTrait, EntityTrait, PaginatorTrait};

use crate::place::{Engine, Place};

/// The user table of FastAPI Users, and what an application adds to it.
mod entities {
    pub mod plain {
        use axum_users::UserModel;
        use axum_users_seaorm::UuidText;
        use sea_orm::entity::prelude::*;

        #[derive(Clone, Debug, PartialEq, DeriveEntityModel, UserModel)]
        #[sea_orm(table_name = "user")]
        pub struct Model {
            #[sea_orm(primary_key, auto_increment = false)]
            pub id: UuidText,
            pub email: String,
            pub hashed_password: String,
            pub is_active: bool,
            pub is_superuser: bool,
            pub is_verified: bool,
        }

        #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
        pub enum Relation {}

        impl ActiveModelBehavior for ActiveModel {}
    }

    macro_rules! grown {
        ($name:ident, $(#[$attribute:meta])* $field:ident: $type:ty) => {
            pub mod $name {
                use axum_users::UserModel;
                use axum_users_seaorm::UuidText;
                use sea_orm::entity::prelude::*;

                #[derive(Clone, Debug, PartialEq, DeriveEntityModel, UserModel)]
                #[sea_orm(table_name = "user")]
                pub struct Model {
                    #[sea_orm(primary_key, auto_increment = false)]
                    pub id: UuidText,
                    pub email: String,
                    pub hashed_password: String,
                    pub is_active: bool,
                    pub is_superuser: bool,
                    pub is_verified: bool,
                    $(#[$attribute])*
                    pub $field: $type,
                }

                #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
                pub enum Relation {}

                impl ActiveModelBehavior for ActiveModel {}
            }
        };
    }

    grown!(with_default, #[user(default = 7)] points: i64);
    grown!(with_required, points: i64);

    pub mod oauth_account {
        axum_users_seaorm::oauth_account_entity!(super::plain);
    }
    pub mod access_token {
        axum_users_seaorm::access_token_entity!(super::plain);
    }
}

/// A copy of the database that FastAPI Users wrote.
async fn original() -> Place {
    let place = Place::new(Engine::Sqlite).await;
    let data =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../axum-users-sqlx/tests/data/fastapi-users.sqlite");
    let target = place.url.trim_start_matches("sqlite://").trim_end_matches("?mode=rwc");
    std::fs::copy(data, target).unwrap();
    place
}

async fn users_of<E: UserEntity>(place: &Place) -> (Users<E::Model>, sea_orm::DatabaseConnection) {
    let database: SeaOrmDatabase<E> = place.open().await;
    let connection = database.connection().unwrap().clone();
    let users = Users::builder(database, "a secret of more than thirty-two bytes").build().unwrap();
    (users, connection)
}

fn in_the_way(result: Result<(), MigrateError>) -> String {
    match result {
        Err(MigrateError::InTheWay(text)) => text,
        other => panic!("{other:?} instead of InTheWay"),
    }
}

#[tokio::test]
async fn the_originals_database_is_adopted_and_read_by_entities() {
    use entities::{access_token, oauth_account, plain};

    let place = original().await;
    let (users, connection) = users_of::<plain::Entity>(&place).await;
    for _ in 0..2 {
        users.migrate().await.unwrap();
    }
    let found = users.database().get_by_email("MIXED.case@example.com").await.unwrap().unwrap();
    assert_eq!(found.email, "Mixed.Case@example.com");
    assert_eq!(plain::Entity::find().count(&connection).await.unwrap(), 20);
    let by_account = users.database().user_by_oauth_account("corp", "corp-15").await.unwrap().unwrap();
    assert_eq!(by_account.email, "oauth-one@example.com");
    let accounts = users.database().oauth_accounts(by_account.id()).await.unwrap();
    assert_eq!(accounts[0].expires_at, Some(4_102_444_800));
    let related =
        oauth_account::Entity::find().find_also_related(plain::Entity).all(&connection).await.unwrap();
    assert_eq!(related.len(), 4);
    let sessions = access_token::Entity::find().all(&connection).await.unwrap();
    assert!(sessions.iter().any(|session| session.created_at.microsecond() == 123_456));
}

#[tokio::test]
async fn a_column_with_a_default_is_added_and_one_without_is_refused_by_name() {
    let place = original().await;
    let (users, _) = users_of::<entities::with_required::Entity>(&place).await;
    let text = in_the_way(users.migrate().await);
    assert!(text.contains("`points`") && text.contains("user(default"), "{text}");

    let (users, connection) = users_of::<entities::with_default::Entity>(&place).await;
    users.migrate().await.unwrap();
    let all = entities::with_default::Entity::find().all(&connection).await.unwrap();
    assert_eq!((all.len(), all.iter().all(|user| user.points == 7)), (20, true));
}

#[tokio::test]
async fn what_several_users_share_is_refused_and_nothing_is_changed() {
    for (sql, shown) in [
        (
            "INSERT INTO user SELECT '00000000-0000-4000-8000-0000000000aa', 'ALICE@example.com', hashed_password, \
             1, 0, 0 FROM user WHERE email = 'alice@example.com'",
            "alice@example.com",
        ),
        (
            "INSERT INTO oauth_account SELECT '00000000-0000-4000-8000-0000000000aa', \
             '00000000-0000-4000-8000-000000000001', oauth_name, access_token, expires_at, refresh_token, \
             account_id, account_email FROM oauth_account WHERE account_id = 'corp-15'",
            "corp corp-15",
        ),
    ] {
        let place = original().await;
        let (users, connection) = users_of::<entities::plain::Entity>(&place).await;
        connection.execute_unprepared(sql).await.unwrap();
        let text = in_the_way(users.migrate().await);
        assert!(text.contains(shown), "{text}");
        let made = "SELECT name FROM sqlite_master WHERE name LIKE 'axum_users%'";
        let made = sea_orm::Statement::from_string(sea_orm::DbBackend::Sqlite, made);
        assert!(connection.query_all_raw(made).await.unwrap().is_empty());
    }
}
