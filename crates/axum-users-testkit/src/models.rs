//! User models with own fields of every type.

use axum_users::{ColumnValue, Date, ObjectId, Timestamp, UserModel};
use serde_json::Value as Json;
use uuid::Uuid;

/// An enum that is stored as text.
///
/// ```
/// use axum_users::ColumnValue;
/// use axum_users_testkit::Plan;
///
/// assert_eq!(Plan::Important.into_value().as_text(), Some("vip"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, ColumnValue)]
pub enum Plan {
    /// `free`.
    Free,
    /// `paid_yearly`.
    PaidYearly,
    /// `vip`, which is not its name.
    #[column(rename = "vip")]
    Important,
}

macro_rules! profiles {
    ($($(#[$doc:meta])* $name:ident, $id:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, UserModel)]
        pub struct $name {
            /// The primary key.
            pub id: $id,
            /// The e-mail address.
            pub email: String,
            /// The password's hash.
            pub hashed_password: String,
            /// Whether the user may log in.
            pub is_active: bool,
            /// Whether the user may manage other users.
            pub is_superuser: bool,
            /// Whether the e-mail address was verified.
            pub is_verified: bool,
            /// A boolean.
            pub newsletter: bool,
            /// A boolean or NULL.
            pub newsletter_maybe: Option<bool>,
            /// An integer of 64 bits.
            pub points: i64,
            /// An integer of 64 bits or NULL.
            pub points_maybe: Option<i64>,
            /// An integer of 16 bits.
            pub level: i16,
            /// A number.
            pub rating: f64,
            /// A number or NULL.
            pub rating_maybe: Option<f64>,
            /// Text.
            pub first_name: String,
            /// Text or NULL.
            pub first_name_maybe: Option<String>,
            /// A UUID.
            pub team: Uuid,
            /// A UUID or NULL.
            pub team_maybe: Option<Uuid>,
            /// A date.
            pub birthdate: Date,
            /// A date or NULL.
            pub birthdate_maybe: Option<Date>,
            /// A point in time.
            pub seen_at: Timestamp,
            /// A point in time or NULL.
            pub seen_at_maybe: Option<Timestamp>,
            /// A JSON value.
            pub settings: Json,
            /// A JSON value or NULL.
            pub settings_maybe: Option<Json>,
            /// An ObjectId.
            pub document: ObjectId,
            /// An ObjectId or NULL.
            pub document_maybe: Option<ObjectId>,
            /// An enum.
            pub plan: Plan,
            /// An enum or NULL.
            pub plan_maybe: Option<Plan>,
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($name)).field("id", &self.id).finish_non_exhaustive()
            }
        }
    )*};
}

profiles! {
    /// A user with a UUID as the original's, made by the library, and own fields of every type.
    Profile, Uuid;
    /// A user with an integer id that the database makes, and own fields of every type.
    NumberedProfile, i64;
    /// A user with an ObjectId that the database makes, and own fields of every type.
    ObjectIdProfile, ObjectId;
}
