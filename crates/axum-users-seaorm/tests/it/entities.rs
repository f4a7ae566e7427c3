//! The application's entities: users with own fields of every type that SeaORM knows, for each kind of id, and
//! orders that belong to them.

use axum_users::ColumnValue;
use sea_orm::entity::prelude::*;

/// An enum that both the library and SeaORM store as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ColumnValue, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(20))", rename_all = "snake_case")]
pub enum Plan {
    Free,
    PaidYearly,
}

macro_rules! entities {
    ($($layout:ident, $id:ty, $counts:literal;)*) => {$(
        pub mod $layout {
            pub mod user {
                use axum_users::UserModel;
                use sea_orm::entity::prelude::*;

                use crate::entities::Plan;

                #[derive(Clone, Debug, PartialEq, DeriveEntityModel, UserModel)]
                #[sea_orm(table_name = "user")]
                pub struct Model {
                    #[sea_orm(primary_key, auto_increment = $counts)]
                    pub id: $id,
                    pub email: String,
                    #[sea_orm(column_type = "Text")]
                    pub hashed_password: String,
                    pub is_active: bool,
                    pub is_superuser: bool,
                    pub is_verified: bool,
                    pub newsletter: bool,
                    pub newsletter_maybe: Option<bool>,
                    pub points: i64,
                    pub points_maybe: Option<i64>,
                    pub level: i16,
                    pub rating: f64,
                    pub rating_maybe: Option<f64>,
                    #[sea_orm(column_type = "Text", column_name = "firstName")]
                    pub first_name: String,
                    #[sea_orm(column_type = "Text", nullable)]
                    pub first_name_maybe: Option<String>,
                    pub team: axum_users_seaorm::UuidText,
                    pub team_maybe: Option<Uuid>,
                    pub birthdate: TimeDate,
                    pub birthdate_maybe: Option<TimeDate>,
                    pub seen_at: TimeDateTimeWithTimeZone,
                    pub seen_at_maybe: Option<TimeDateTimeWithTimeZone>,
                    pub settings: Json,
                    #[sea_orm(column_type = "JsonBinary", nullable)]
                    pub settings_maybe: Option<Json>,
                    pub plan: Plan,
                    pub plan_maybe: Option<Plan>,
                }

                #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
                pub enum Relation {
                    #[sea_orm(has_many = "super::order::Entity")]
                    Order,
                }

                impl Related<super::order::Entity> for Entity {
                    fn to() -> RelationDef {
                        Relation::Order.def()
                    }
                }

                impl ActiveModelBehavior for ActiveModel {}
            }

            pub mod order {
                use sea_orm::entity::prelude::*;

                #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
                #[sea_orm(table_name = "order")]
                pub struct Model {
                    #[sea_orm(primary_key)]
                    pub id: i64,
                    pub user_id: $id,
                    pub article: String,
                }

                #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
                pub enum Relation {
                    #[sea_orm(
                        belongs_to = "super::user::Entity",
                        from = "Column::UserId",
                        to = "super::user::Column::Id",
                        on_delete = "Cascade"
                    )]
                    User,
                }

                impl Related<super::user::Entity> for Entity {
                    fn to() -> RelationDef {
                        Relation::User.def()
                    }
                }

                impl ActiveModelBehavior for ActiveModel {}
            }

            pub mod oauth_account {
                axum_users_seaorm::oauth_account_entity!(super::user);
            }

            pub mod access_token {
                axum_users_seaorm::access_token_entity!(super::user);
            }
        }
    )*};
}

entities! {
    text, axum_users_seaorm::UuidText, false;
    native, Uuid, false;
    numbered, i64, true;
}
