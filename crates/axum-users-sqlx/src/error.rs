//! What SQLite's error codes mean to a caller.

use axum_users::DatabaseError;

/// SQLite's primary result codes, <https://www.sqlite.org/rescode.html>.
pub(crate) mod code {
    pub(crate) const BUSY: u32 = 5;
    pub(crate) const LOCKED: u32 = 6;
    pub(crate) const OUT_OF_MEMORY: u32 = 7;
    pub(crate) const READ_ONLY: u32 = 8;
    pub(crate) const IO: u32 = 10;
    pub(crate) const CORRUPT: u32 = 11;
    pub(crate) const FULL: u32 = 13;
    pub(crate) const CANNOT_OPEN: u32 = 14;
    pub(crate) const PROTOCOL: u32 = 15;
    pub(crate) const NOT_A_DATABASE: u32 = 26;
}

/// The primary result code, when SQLite itself answered.
pub(crate) fn primary_code(error: &sqlx::Error) -> Option<u32> {
    let extended: u32 = error.as_database_error()?.code()?.parse().ok()?;
    Some(extended & 0xff)
}

/// Whether another connection's lock is the reason.
pub(crate) fn is_locked(error: &sqlx::Error) -> bool {
    matches!(primary_code(error), Some(code::BUSY | code::LOCKED))
}

/// An error that has nothing to do with who has which e-mail.
pub(crate) fn database_error(error: sqlx::Error) -> DatabaseError {
    use code::{
        BUSY, CANNOT_OPEN, CORRUPT, FULL, IO, LOCKED, NOT_A_DATABASE, OUT_OF_MEMORY, PROTOCOL, READ_ONLY,
    };
    let unavailable = match &error {
        sqlx::Error::Io(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => true,
        _ => matches!(
            primary_code(&error),
            Some(
                BUSY | LOCKED
                    | OUT_OF_MEMORY
                    | READ_ONLY
                    | IO
                    | CORRUPT
                    | FULL
                    | CANNOT_OPEN
                    | PROTOCOL
                    | NOT_A_DATABASE
            )
        ),
    };
    if unavailable { DatabaseError::Unavailable(error.into()) } else { DatabaseError::Other(error.into()) }
}

/// An error of an insert or update of a user.
pub(crate) fn user_error(error: sqlx::Error) -> DatabaseError {
    let taken = error
        .as_database_error()
        .is_some_and(|error| error.is_unique_violation() && names_email(error.message()));
    if taken { DatabaseError::EmailTaken } else { database_error(error) }
}

/// An error of an insert of an OAuth account.
pub(crate) fn account_error(error: sqlx::Error) -> DatabaseError {
    let taken = error
        .as_database_error()
        .is_some_and(|error| error.is_unique_violation() && names_account(error.message()));
    if taken { DatabaseError::OAuthAccountTaken } else { database_error(error) }
}

/// The unique index may be ours, or the application's own on the same columns.
fn names_account(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    message.split_once("constraint failed: ").is_some_and(|(_, what)| what.contains(".account_id"))
}

/// SQLite names the columns, `UNIQUE constraint failed: user.email`, or the index when it is on an expression,
/// `UNIQUE constraint failed: index 'axum_users_user_email_lower'`. An application's unique columns of its own
/// are not the e-mail.
fn names_email(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    let Some((_, what)) = message.split_once("constraint failed: ") else { return false };
    if what.starts_with("index ") {
        return what.contains("email");
    }
    what.split(", ").any(|column| column.ends_with(".email"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_account_makes_an_account_taken() {
        for (message, expected) in [
            ("UNIQUE constraint failed: oauth_account.oauth_name, oauth_account.account_id", true),
            ("UNIQUE constraint failed: oauth_account.id", false),
            ("UNIQUE constraint failed: oauth_account.user_id, oauth_account.oauth_name", false),
        ] {
            assert_eq!(names_account(message), expected, "{message}");
        }
    }

    #[test]
    fn only_the_email_makes_an_email_taken() {
        for (message, expected) in [
            ("UNIQUE constraint failed: user.email", true),
            ("UNIQUE constraint failed: usermodel.Email", true),
            ("UNIQUE constraint failed: index 'axum_users_user_email_lower'", true),
            ("UNIQUE constraint failed: index 'ix_username_lower'", false),
            ("UNIQUE constraint failed: user.id", false),
            ("UNIQUE constraint failed: user.backup_email", false),
            ("NOT NULL constraint failed: user.email", true),
            ("something else", false),
        ] {
            assert_eq!(names_email(message), expected, "{message}");
        }
    }
}
