//! What is kept beside users: access tokens, OAuth accounts, and what the user table has no column for.

use std::fmt;

use crate::schema::Timestamp;

/// A session of the database strategy: one row of the original's `accesstoken` table.
///
/// ```
/// use axum_users::AccessToken;
///
/// fn is_of<Id: PartialEq>(row: &AccessToken<Id>, user_id: &Id) -> bool {
///     row.user_id == *user_id
/// }
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct AccessToken<Id> {
    /// The token's stored form: `~` and a hash, or the token itself where Python made the row.
    pub token: String,
    /// Whose session it is.
    pub user_id: Id,
    /// When the session began.
    pub created_at: Timestamp,
}

impl<Id: fmt::Debug> fmt::Debug for AccessToken<Id> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessToken")
            .field("user_id", &self.user_id)
            .field("created_at", &self.created_at)
            .finish_non_exhaustive()
    }
}

/// An account at an OAuth provider that is linked to a user: one row of the original's `oauth_account` table.
///
/// Its `Debug` output hides the tokens.
///
/// ```
/// # use axum_users::{DatabaseError, User, Users};
/// # async fn example(users: Users<User>, user: User) -> Result<(), DatabaseError> {
/// for account in users.oauth_accounts(&user).await? {
///     println!("{} as {}", account.oauth_name, account.account_email);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct OAuthAccount<Id> {
    /// The row's own id, of the same kind as users' ids.
    pub id: Id,
    /// Whose account it is.
    pub user_id: Id,
    /// The provider's name: `google`.
    pub oauth_name: String,
    /// The provider's access token; empty where it was too long for an old table.
    pub access_token: String,
    /// When the access token expires, in Unix seconds; `None` when the provider does not say.
    pub expires_at: Option<i64>,
    /// The provider's refresh token.
    pub refresh_token: Option<String>,
    /// The account's id at the provider.
    pub account_id: String,
    /// The e-mail address that the provider tells; empty when it tells none.
    pub account_email: String,
}

impl<Id: fmt::Debug> fmt::Debug for OAuthAccount<Id> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OAuthAccount")
            .field("id", &self.id)
            .field("user_id", &self.user_id)
            .field("oauth_name", &self.oauth_name)
            .field("expires_at", &self.expires_at)
            .field("account_id", &self.account_id)
            .finish_non_exhaustive()
    }
}

/// An OAuth account that is about to be linked, or what a new login says of one.
///
/// ```
/// use axum_users::{NewOAuthAccount, OAuthAccount};
///
/// /// What an adapter does with it, when it has drawn an id.
/// fn linked(account: NewOAuthAccount, id: i64, user_id: i64) -> OAuthAccount<i64> {
///     account.into_account(id, user_id)
/// }
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct NewOAuthAccount {
    /// See [`OAuthAccount::oauth_name`].
    pub oauth_name: String,
    /// See [`OAuthAccount::access_token`].
    pub access_token: String,
    /// See [`OAuthAccount::expires_at`].
    pub expires_at: Option<i64>,
    /// See [`OAuthAccount::refresh_token`].
    pub refresh_token: Option<String>,
    /// See [`OAuthAccount::account_id`].
    pub account_id: String,
    /// See [`OAuthAccount::account_email`].
    pub account_email: String,
}

impl NewOAuthAccount {
    /// The row that links this account to a user.
    #[must_use]
    pub fn into_account<Id>(self, id: Id, user_id: Id) -> OAuthAccount<Id> {
        let Self { oauth_name, access_token, expires_at, refresh_token, account_id, account_email } = self;
        OAuthAccount {
            id,
            user_id,
            oauth_name,
            access_token,
            expires_at,
            refresh_token,
            account_id,
            account_email,
        }
    }
}

impl fmt::Debug for NewOAuthAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewOAuthAccount")
            .field("oauth_name", &self.oauth_name)
            .field("expires_at", &self.expires_at)
            .field("account_id", &self.account_id)
            .finish_non_exhaustive()
    }
}

/// What is kept of a user beside the original's tables, which get no column of ours. A user whom Python made
/// has the default.
///
/// ```
/// use axum_users::UserState;
///
/// let state = UserState::default();
/// assert!(state.not_before.is_none() && !state.password_is_generated);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UserState {
    /// Tokens that were made before this moment are no longer good, wherever their strategy can tell.
    pub not_before: Option<Timestamp>,
    /// Nobody knows the password: it was generated when the user came by OAuth.
    pub password_is_generated: bool,
}
