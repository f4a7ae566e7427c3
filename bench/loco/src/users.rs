//! The user table, and how it is asked.

use async_trait::async_trait;
use loco_rs::model::{Authenticable, ModelError, ModelResult};
use sea_orm::{ActiveValue::Set, entity::prelude::*};

#[derive(Clone, Debug, DeriveEntityModel)]
#[sea_orm(table_name = "users")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    /// What a token bears.
    pub pid: Uuid,
    pub email: String,
    pub password: String,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    pub async fn of_email(db: &DatabaseConnection, email: &str) -> ModelResult<Option<Self>> {
        Ok(Entity::find().filter(Column::Email.eq(email)).one(db).await?)
    }

    pub async fn create(db: &DatabaseConnection, email: &str, hash: &str) -> ModelResult<Self> {
        let user = ActiveModel {
            pid: Set(Uuid::new_v4()),
            email: Set(email.to_owned()),
            password: Set(hash.to_owned()),
            ..Default::default()
        };
        Ok(user.insert(db).await?)
    }
}

#[async_trait]
impl Authenticable for Model {
    async fn find_by_claims_key(db: &DatabaseConnection, pid: &str) -> ModelResult<Self> {
        let pid = Uuid::parse_str(pid).map_err(ModelError::wrap)?;
        Entity::find().filter(Column::Pid.eq(pid)).one(db).await?.ok_or(ModelError::EntityNotFound)
    }

    /// Nobody has such a key here.
    async fn find_by_api_key(_: &DatabaseConnection, _: &str) -> ModelResult<Self> {
        Err(ModelError::EntityNotFound)
    }
}
