//! Entities of the tables beside the user table.

/// Writes the entity of OAuth accounts into the module in which it stands, related to the user entity in the module
/// that it names. The user entity can then be joined with it by `find_also_related` or `find_with_related`, in both
/// directions.
///
/// ```text
/// // models/oauth_account.rs
/// axum_users_seaorm::oauth_account_entity!(super::user);
/// ```
///
/// The table is `oauth_account`; another one is the second argument, and is named in
/// [`SeaOrmDatabase::oauth_account_table`](crate::SeaOrmDatabase::oauth_account_table) as well. The model's
/// `Debug` output hides the provider's tokens.
#[macro_export]
macro_rules! oauth_account_entity {
    ($($user:ident)::+) => {
        $crate::oauth_account_entity!($($user)::+, "oauth_account");
    };
    ($($user:ident)::+, $table:tt) => {
        /// The entity of accounts at OAuth providers that are linked to users.
        #[doc(inline)]
        pub use self::axum_users_entity::{ActiveModel, Column, Entity, Model, PrimaryKey, Relation};

        use $($user)::+ as axum_users_user;

        #[allow(missing_docs, unreachable_pub, reason = "the derive writes without")]
        mod axum_users_entity {
            use sea_orm::entity::prelude::*;

            use super::axum_users_user as user;

            type Id = <user::Model as $crate::UserModel>::Id;

            /// An account at an OAuth provider that is linked to a user.
            #[derive(Clone, PartialEq, DeriveEntityModel)]
            #[sea_orm(table_name = $table)]
            pub struct Model {
                /// The row's own id.
                #[sea_orm(primary_key)]
                pub id: Id,
                /// Whose account it is.
                pub user_id: Id,
                /// The provider's name: `google`.
                pub oauth_name: String,
                /// The provider's access token.
                pub access_token: String,
                /// When the access token expires, in Unix seconds.
                pub expires_at: Option<i64>,
                /// The provider's refresh token.
                pub refresh_token: Option<String>,
                /// The account's id at the provider.
                pub account_id: String,
                /// The e-mail address that the provider tells.
                pub account_email: String,
            }

            $crate::__related_entity!(user, "OAuthAccount", [id, user_id, oauth_name, expires_at, account_id]);
        }
    };
}

/// Writes the entity of access tokens, the sessions of the database strategy, into the module in which it stands,
/// related to the user entity in the module that it names.
///
/// ```text
/// // models/access_token.rs
/// axum_users_seaorm::access_token_entity!(super::user);
/// ```
///
/// The table is `accesstoken`; another one is the second argument, and is named in
/// [`SeaOrmDatabase::access_token_table`](crate::SeaOrmDatabase::access_token_table) as well. Tokens are stored as
/// hashes, and the model's `Debug` output hides even those.
#[macro_export]
macro_rules! access_token_entity {
    ($($user:ident)::+) => {
        $crate::access_token_entity!($($user)::+, "accesstoken");
    };
    ($($user:ident)::+, $table:tt) => {
        /// The entity of sessions.
        #[doc(inline)]
        pub use self::axum_users_entity::{ActiveModel, Column, Entity, Model, PrimaryKey, Relation};

        use $($user)::+ as axum_users_user;

        #[allow(missing_docs, unreachable_pub, reason = "the derive writes without")]
        mod axum_users_entity {
            use sea_orm::entity::prelude::*;

            use super::axum_users_user as user;

            type Id = <user::Model as $crate::UserModel>::Id;

            /// A session of the database strategy.
            #[derive(Clone, PartialEq, DeriveEntityModel)]
            #[sea_orm(table_name = $table)]
            pub struct Model {
                /// The token as it is stored: `~` and a hash, or the token itself where Python made the row.
                #[sea_orm(primary_key, auto_increment = false)]
                pub token: String,
                /// Whose session it is.
                pub user_id: Id,
                /// When the session began.
                pub created_at: TimeDateTimeWithTimeZone,
            }

            $crate::__related_entity!(user, "AccessToken", [user_id, created_at]);
        }
    };
}

/// What both entities have.
#[doc(hidden)]
#[macro_export]
macro_rules! __related_entity {
    ($user:ident, $name:literal, [$($shown:ident),*]) => {
        impl ::core::fmt::Debug for Model {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                f.debug_struct($name)$(.field(stringify!($shown), &self.$shown))*.finish_non_exhaustive()
            }
        }

        /// What the entity is related to.
        #[derive(Clone, Copy, Debug, EnumIter)]
        pub enum Relation {
            /// The user whose it is.
            User,
        }

        impl RelationTrait for Relation {
            fn def(&self) -> RelationDef {
                Entity::belongs_to($user::Entity)
                    .from(Column::UserId)
                    .to($user::Column::Id)
                    .on_delete(sea_orm::sea_query::ForeignKeyAction::Cascade)
                    .into()
            }
        }

        impl Related<$user::Entity> for Entity {
            fn to() -> RelationDef {
                Relation::User.def()
            }
        }

        impl Related<Entity> for $user::Entity {
            fn to() -> RelationDef {
                Relation::User.def().rev()
            }
        }

        impl ActiveModelBehavior for ActiveModel {}
    };
}
