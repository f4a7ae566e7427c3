//! What a user is.

use axum_users::{ObjectId, UserModel};

/// A document of the collection `User`, as Beanie makes it: the id is an ObjectId in `_id`, and accounts at Google are
/// in the document's list `oauth_accounts`.
#[derive(Clone, Debug, UserModel)]
pub(crate) struct User {
    pub(crate) id: ObjectId,
    pub(crate) email: String,
    pub(crate) hashed_password: String,
    pub(crate) is_active: bool,
    pub(crate) is_superuser: bool,
    pub(crate) is_verified: bool,
    /// Google tells it; who registers with a password may give one.
    pub(crate) name: Option<String>,
}
