//! What a user is.

use std::fmt;

use axum_users::UserModel;
use axum_users_seaorm::UuidText;
use sea_orm::entity::prelude::*;

/// A row of the table `user`.
#[derive(Clone, PartialEq, DeriveEntityModel, UserModel)]
#[sea_orm(table_name = "user")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: UuidText,
    pub email: String,
    pub hashed_password: String,
    pub is_active: bool,
    pub is_superuser: bool,
    pub is_verified: bool,
    /// Google tells it; who registers with a password may give one.
    pub name: Option<String>,
}

/// SeaORM wants one, and the hash of a password is nobody's business.
impl fmt::Debug for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User").field("id", &self.id).finish_non_exhaustive()
    }
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    #[sea_orm(has_many = "super::note::Entity")]
    Note,
}

impl Related<super::note::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::Note.def()
    }
}

impl ActiveModelBehavior for ActiveModel {}
