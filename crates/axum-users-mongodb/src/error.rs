//! What the driver's errors mean to a caller.

use axum_users::DatabaseError;
use mongodb::error::{Error, ErrorKind, WriteFailure};

/// The server's codes, from `src/mongo/base/error_codes.yml` of MongoDB.
pub(crate) mod code {
    pub(crate) const NAMESPACE_NOT_FOUND: i32 = 26;
    pub(crate) const CANNOT_CREATE_INDEX: i32 = 67;
    pub(crate) const INDEX_OPTIONS_CONFLICT: i32 = 85;
    pub(crate) const INDEX_KEY_SPECS_CONFLICT: i32 = 86;
    pub(crate) const DUPLICATE_KEY: i32 = 11000;

    /// The server cannot do it now: it shuts down, steps down, waits for a lock or is out of room.
    pub(crate) const UNAVAILABLE: [i32; 19] = [
        6,     // HostUnreachable
        7,     // HostNotFound
        24,    // LockTimeout
        50,    // MaxTimeMSExpired
        64,    // WriteConcernFailed
        89,    // NetworkTimeout
        91,    // ShutdownInProgress
        112,   // WriteConflict
        189,   // PrimarySteppedDown
        262,   // ExceededTimeLimit
        9001,  // SocketException
        10107, // NotWritablePrimary
        11600, // InterruptedAtShutdown
        11602, // InterruptedDueToReplStateChange
        13388, // StaleConfig
        13435, // NotPrimaryNoSecondaryOk
        13436, // NotPrimaryOrSecondary
        14031, // OutOfDiskSpace
        100,   // UnsatisfiableWriteConcern
    ];
}

/// The server's code and sentence, when it was the server that refused.
pub(crate) fn refusal(error: &Error) -> Option<(i32, &str)> {
    match error.kind.as_ref() {
        ErrorKind::Command(error) => Some((error.code, &error.message)),
        ErrorKind::Write(WriteFailure::WriteError(error)) => Some((error.code, &error.message)),
        ErrorKind::Write(WriteFailure::WriteConcernError(error)) => Some((error.code, &error.message)),
        _ => None,
    }
}

/// Whether the server refused with this code.
pub(crate) fn has_code(error: &Error, code: i32) -> bool {
    refusal(error).is_some_and(|(found, _)| found == code)
}

/// An error as the library knows it.
pub(crate) fn database_error(error: Error) -> DatabaseError {
    if let Some((code::DUPLICATE_KEY, message)) = refusal(&error) {
        match taken(message) {
            Some(Taken::Email) => return DatabaseError::EmailTaken,
            Some(Taken::Account) => return DatabaseError::OAuthAccountTaken,
            None => {}
        }
    }
    if is_unavailable(&error) {
        DatabaseError::Unavailable(error.into())
    } else {
        DatabaseError::Other(error.into())
    }
}

fn is_unavailable(error: &Error) -> bool {
    match error.kind.as_ref() {
        ErrorKind::Io(_)
        | ErrorKind::ServerSelection { .. }
        | ErrorKind::ConnectionPoolCleared { .. }
        | ErrorKind::DnsResolve { .. }
        | ErrorKind::Shutdown => true,
        _ => {
            let by_label = ["RetryableWriteError", "TransientTransactionError", "NetworkError"]
                .into_iter()
                .any(|label| error.contains_label(label));
            by_label || refusal(error).is_some_and(|(code, _)| code::UNAVAILABLE.contains(&code))
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Taken {
    Email,
    Account,
}

/// What a unique index says is taken. The server's sentence names the index and the first key:
/// `E11000 duplicate key error collection: app.users index: email_1 dup key: { email: "…" }`. The index may be
/// ours, the original's or the application's own on the same key. What stands behind the key's name is what a
/// user sent, and is not looked at.
fn taken(message: &str) -> Option<Taken> {
    let (_, key) = message.split_once(" dup key: { ")?;
    let (name, _) = key.split_once(':')?;
    match name {
        "email" => Some(Taken::Email),
        "oauth_accounts.account_id" | "oauth_accounts.oauth_name" => Some(Taken::Account),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_key_of_a_duplicate_says_what_is_taken() {
        for (message, expected) in [
            (r#"E11000 … index: email_1 dup key: { email: "a@x" }"#, Some(Taken::Email)),
            (
                r#"Plan executor error … :: E11000 … index: axum_users_email collation: { locale: "en" } dup key: { email: "0x29" }"#,
                Some(Taken::Email),
            ),
            (
                r#"… index: x dup key: { oauth_accounts.account_id: "1", oauth_accounts.oauth_name: "google" }"#,
                Some(Taken::Account),
            ),
            (r#"… index: id_1 dup key: { id: " dup key: { email: " }"#, None),
            (r#"… index: backup_email_1 dup key: { backup_email: "a@x" }"#, None),
            (r#"… index: token_1 dup key: { token: "email: " }"#, None),
            ("something else", None),
        ] {
            assert_eq!(taken(message), expected, "{message}");
        }
    }
}
