use axum_users::{
    Date, DatabaseError, Timestamp, UserDatabase, UserModel, UserFields,
    schema::{Record, Value},
};
use axum_users_sqlx::SqlxOptions;
use uuid::Uuid;

use crate::{execute, id, open, record, rows, users};

/// A field of every type, each also as one that may be absent.
#[derive(Clone, axum_users::UserModel)]
struct Wide {
    id: Uuid,
    email: String,
    hashed_password: String,
    is_active: bool,
    is_superuser: bool,
    is_verified: bool,
    flag: bool,
    number: i64,
    share: f64,
    name: String,
    key: Uuid,
    birthdate: Date,
    seen_at: Timestamp,
    settings: axum_users_sqlx_json::Json,
    maybe_flag: Option<bool>,
    maybe_number: Option<i64>,
    maybe_share: Option<f64>,
    maybe_name: Option<String>,
    maybe_key: Option<Uuid>,
    maybe_birthdate: Option<Date>,
    maybe_seen_at: Option<Timestamp>,
    maybe_settings: Option<axum_users_sqlx_json::Json>,
}
