//! What a user is.

use axum_users::UserModel;
use uuid::Uuid;

/// A row of the table `user`. Accounts at Google have a table of their own, `oauth_account`.
#[derive(Clone, Debug, UserModel)]
pub(crate) struct User {
    pub(crate) id: Uuid,
    pub(crate) email: String,
    pub(crate) hashed_password: String,
    pub(crate) is_active: bool,
    pub(crate) is_superuser: bool,
    pub(crate) is_verified: bool,
    /// Google tells it; who registers with a password may give one.
    pub(crate) name: Option<String>,
}
