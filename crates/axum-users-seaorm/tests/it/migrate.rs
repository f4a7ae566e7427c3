//! Tables that are there already: those of FastAPI Users, and those that a model has outgrown.

use std::path::Path;

use axum_users::{MigrateError, UserModel, Users};
use axum_users_seaorm::{SeaOrmDatabase, UserEntity};
use sea_orm::{EntityTrait, PaginatorTrait};

use crate::{
    adopt::{ADA, insert_user, refusal},
    place::{Engine, Place, execute},
};

/// The user table of FastAPI Users, and what an application adds to it.
pub mod entities {
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

    pub mod native {
        use axum_users::UserModel;
        use sea_orm::entity::prelude::*;

        #[derive(Clone, Debug, PartialEq, DeriveEntityModel, UserModel)]
        #[sea_orm(table_name = "user")]
        pub struct Model {
            #[sea_orm(primary_key, auto_increment = false)]
            pub id: Uuid,
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
    pub mod native_account {
        axum_users_seaorm::oauth_account_entity!(super::native);
    }
}

/// A copy of the database that FastAPI Users wrote.
pub async fn original() -> Place {
    let place = Place::new(Engine::Sqlite).await;
    let data =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../axum-users-sqlx/tests/data/fastapi-users.sqlite");
    let target = place.url.trim_start_matches("sqlite://").trim_end_matches("?mode=rwc");
    std::fs::copy(data, target).unwrap();
    place
}

pub async fn users_of<E: UserEntity>(place: &Place) -> (Users<E::Model>, sea_orm::DatabaseConnection) {
    let database: SeaOrmDatabase<E> = place.open().await;
    let connection = database.connection().unwrap().clone();
    let users = Users::builder(database, "a secret of more than thirty-two bytes").build().unwrap();
    (users, connection)
}

pub fn in_the_way(result: Result<(), MigrateError>) -> String {
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

on_every_engine![own_columns_of_other_types_or_with_null_are_refused_by_name];

async fn own_columns_of_other_types_or_with_null_are_refused_by_name(engine: Engine) {
    let number = engine.pick("INTEGER", "BIGINT", "BIGINT");
    for (definition, value, expected) in [
        ("VARCHAR(20)".to_owned(), "'x'", "is VARCHAR(20), which cannot hold an integer"),
        (number.to_owned(), "NULL", "1 rows of the table"),
    ] {
        let place = Place::new(engine).await;
        let connection = place.connect().await;
        {
            let (users, _) = users_of::<entities::plain::Entity>(&place).await;
            users.migrate().await.unwrap();
        }
        execute(
            &connection,
            &format!(
                "DROP TABLE axum_users_migration; DROP TABLE axum_users_one_time; DROP TABLE axum_users_user_state; \
                 ALTER TABLE \"user\" ADD COLUMN points {definition}"
            ),
        )
        .await;
        insert_user(&connection, ADA, "ada@example.org").await;
        execute(&connection, &format!("UPDATE \"user\" SET points = {value}")).await;
        let (users, _) = users_of::<entities::with_required::Entity>(&place).await;
        let text = refusal(&users).await.replace("CHARACTER VARYING", "VARCHAR");
        assert!(text.contains(expected) && text.contains("`points`"), "{text}");
    }
}
