//! The entities: users, what belongs to them, and their accounts at Google.

pub(crate) mod note;
pub(crate) mod user;

/// Accounts at providers, as an entity to query.
pub(crate) mod oauth_account {
    axum_users_seaorm::oauth_account_entity!(super::user);
}
