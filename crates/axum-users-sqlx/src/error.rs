//! What the databases' error codes mean to a caller.

use axum_users::{DatabaseError, schema::Schema};

/// SQLite's primary result codes, <https://www.sqlite.org/rescode.html>.
#[cfg(feature = "sqlite")]
pub(crate) mod sqlite_code {
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

/// SQLite's primary result code, when SQLite itself answered.
#[cfg(feature = "sqlite")]
pub(crate) fn sqlite_code(error: &sqlx::Error) -> Option<u32> {
    let answer = error.as_database_error()?.try_downcast_ref::<sqlx::sqlite::SqliteError>()?;
    let extended: u32 = sqlx::error::DatabaseError::code(answer)?.parse().ok()?;
    Some(extended & 0xff)
}

/// PostgreSQL's code, <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
#[cfg(feature = "postgres")]
pub(crate) fn postgres_code(error: &sqlx::Error) -> Option<&str> {
    error
        .as_database_error()?
        .try_downcast_ref::<sqlx::postgres::PgDatabaseError>()
        .map(sqlx::postgres::PgDatabaseError::code)
}

/// MySQL's and MariaDB's number, <https://mariadb.com/kb/en/mariadb-error-codes/>.
#[cfg(feature = "mysql")]
pub(crate) fn mysql_number(error: &sqlx::Error) -> Option<u16> {
    error
        .as_database_error()?
        .try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>()
        .map(sqlx::mysql::MySqlDatabaseError::number)
}

/// An error that has nothing to do with who has which e-mail.
pub(crate) fn database_error(error: sqlx::Error) -> DatabaseError {
    if is_unavailable(&error) {
        DatabaseError::Unavailable(error.into())
    } else {
        DatabaseError::Other(error.into())
    }
}

fn is_unavailable(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => return true,
        _ => {}
    }
    #[cfg(feature = "sqlite")]
    if let Some(code) = sqlite_code(error) {
        use sqlite_code::{
            BUSY, CANNOT_OPEN, CORRUPT, FULL, IO, LOCKED, NOT_A_DATABASE, OUT_OF_MEMORY, PROTOCOL, READ_ONLY,
        };
        return matches!(
            code,
            BUSY | LOCKED
                | OUT_OF_MEMORY
                | READ_ONLY
                | IO
                | CORRUPT
                | FULL
                | CANNOT_OPEN
                | PROTOCOL
                | NOT_A_DATABASE
        );
    }
    #[cfg(feature = "postgres")]
    if let Some(code) = postgres_code(error) {
        // Connection lost, login refused, no such database, deadlock, out of room or connections, not ready or
        // locked, shut down or cancelled, the system's fault; 25006 is a standby that takes over.
        let classes = ["08", "28", "3D", "40", "53", "55", "57", "58"];
        return code == "25006"
            || is_stale_plan(error)
            || classes.iter().any(|class| code.starts_with(class));
    }
    #[cfg(feature = "mysql")]
    if let Some(number) = mysql_number(error) {
        return MYSQL_UNAVAILABLE.contains(&number);
    }
    false
}

/// Out of room, memory or connections; login refused, no such database; shut down, killed or interrupted; lock
/// waited for too long, deadlock; a replica that can only be read.
#[cfg(feature = "mysql")]
const MYSQL_UNAVAILABLE: [u16; 41] = [
    1020, 1021, 1030, 1037, 1038, 1040, 1041, 1042, 1043, 1044, 1045, 1049, 1053, 1077, 1079, 1080, 1105,
    1114, 1129, 1135, 1152, 1158, 1159, 1160, 1161, 1184, 1203, 1205, 1213, 1226, 1290, 1317, 1698, 1792,
    1836, 1862, 1927, 1969, 3024, 3118, 4151,
];

/// Whether PostgreSQL prepared the statement before a column that it reads was given another type. Prepared anew, by
/// another connection, it is good.
#[cfg(feature = "postgres")]
pub(crate) fn is_stale_plan(error: &sqlx::Error) -> bool {
    let answer = error.as_database_error().and_then(|answer| answer.try_downcast_ref());
    let routine = answer.and_then(sqlx::postgres::PgDatabaseError::routine);
    routine == Some("RevalidateCachedQuery")
}

/// Whether two transactions waited for each other and this one lost, or a statement was prepared for a table that
/// changed since: it is as if it had not begun.
pub(crate) fn is_passing(error: &DatabaseError) -> bool {
    let DatabaseError::Unavailable(source) = error else { return false };
    let Some(error) = source.downcast_ref::<sqlx::Error>() else { return false };
    #[cfg(feature = "postgres")]
    if let Some(code) = postgres_code(error) {
        return code.starts_with("40") || is_stale_plan(error);
    }
    // 1020: MariaDB says that the row changed since the transaction first read.
    #[cfg(feature = "mysql")]
    if let Some(number) = mysql_number(error) {
        return matches!(number, 1020 | 1213);
    }
    let _ = error;
    false
}

/// Whether a value was too long or too large for its column.
pub(crate) fn is_too_wide(error: &DatabaseError) -> bool {
    let DatabaseError::Other(source) = error else { return false };
    let Some(error) = source.downcast_ref::<sqlx::Error>() else { return false };
    #[cfg(feature = "postgres")]
    if let Some(code) = postgres_code(error) {
        return matches!(code, "22001" | "22003");
    }
    #[cfg(feature = "mysql")]
    if let Some(number) = mysql_number(error) {
        return matches!(number, 1264 | 1406);
    }
    let _ = error;
    false
}

/// Whether a unique constraint refused.
pub(crate) fn is_taken(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(sqlx::error::DatabaseError::is_unique_violation)
}

/// An error of an insert or update of a user.
pub(crate) fn user_error(error: sqlx::Error, schema: &Schema) -> DatabaseError {
    let own_columns = || schema.own_columns().iter().map(|column| column.name.as_ref());
    match violated(&error) {
        Some(violated) if violated.names("email", own_columns()) => DatabaseError::EmailTaken,
        _ => database_error(error),
    }
}

/// An error of an insert of an OAuth account.
pub(crate) fn account_error(error: sqlx::Error) -> DatabaseError {
    match violated(&error) {
        Some(violated) if violated.names("account_id", [].into_iter()) || violated.is_account_index() => {
            DatabaseError::OAuthAccountTaken
        }
        _ => database_error(error),
    }
}

/// What a unique violation says of the columns.
#[derive(Debug, PartialEq)]
enum Violated {
    /// Names of columns, perhaps within an expression.
    Columns(String),
    /// The index's name, which follows from the columns' by custom only.
    Index(String),
}

fn violated(error: &sqlx::Error) -> Option<Violated> {
    let answer = error.as_database_error().filter(|answer| answer.is_unique_violation())?;
    #[cfg(feature = "postgres")]
    if let Some(answer) = answer.try_downcast_ref::<sqlx::postgres::PgDatabaseError>() {
        let columns = answer.detail().and_then(columns_of_detail).map(Violated::Columns);
        return columns
            .or_else(|| answer.constraint().map(|name| Violated::Index(name.to_ascii_lowercase())));
    }
    #[cfg(feature = "mysql")]
    if let Some(answer) = answer.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>() {
        return index_of_message(answer.message()).map(Violated::Index);
    }
    columns_of_message(answer.message())
}

impl Violated {
    /// `others` are columns whose indexes may have a name that ends in the same way.
    fn names<'a>(&self, column: &str, mut others: impl Iterator<Item = &'a str>) -> bool {
        match self {
            Self::Columns(columns) => {
                columns.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == column)
            }
            Self::Index(name) => {
                let stem = name.strip_suffix("_lower").or_else(|| name.strip_suffix("_key")).unwrap_or(name);
                // MySQL numbers a second index on the same column.
                let stem = stem.trim_end_matches(|c: char| c.is_ascii_digit() || c == '_');
                let is_other = |other: &str| other != column && stem.ends_with(&other.to_ascii_lowercase());
                (stem == column
                    || stem.ends_with(&format!("_{column}"))
                    || stem.contains(&format!("_{column}_")))
                    && !others.any(is_other)
            }
        }
    }

    fn is_account_index(&self) -> bool {
        matches!(self, Self::Index(name) if name.ends_with("_account"))
    }
}

/// PostgreSQL's detail, in whatever language: `Key (email)=(ada@example.org) already exists.`
#[cfg(feature = "postgres")]
fn columns_of_detail(detail: &str) -> Option<String> {
    let (_, rest) = detail.split_once('(')?;
    let (columns, _) = rest.split_once(")=(")?;
    Some(columns.to_ascii_lowercase())
}

/// MySQL's message, in whatever language: `Duplicate entry 'ada@example.org' for key 'user.ix_user_email'`.
#[cfg(feature = "mysql")]
fn index_of_message(message: &str) -> Option<String> {
    let (rest, _) = message.rsplit_once('\'')?;
    let (_, name) = rest.rsplit_once('\'')?;
    let name = name.rsplit_once('.').map_or(name, |(_, name)| name);
    Some(name.to_ascii_lowercase())
}

/// SQLite names the columns, `UNIQUE constraint failed: user.email`, or the index when it is on an expression,
/// `UNIQUE constraint failed: index 'axum_users_user_email_lower'`.
fn columns_of_message(message: &str) -> Option<Violated> {
    let message = message.to_ascii_lowercase();
    let (_, what) = message.split_once("constraint failed: ")?;
    if let Some(name) = what.strip_prefix("index ") {
        return Some(Violated::Index(name.trim_matches('\'').to_owned()));
    }
    let columns = what.split(", ").map(|column| column.rsplit_once('.').map_or(column, |(_, name)| name));
    Some(Violated::Columns(columns.collect::<Vec<_>>().join(" ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_email(violated: &Violated) -> bool {
        violated.names("email", ["nickname", "backup_email", "plan"].into_iter())
    }

    #[test]
    fn only_the_email_makes_an_email_taken_in_sqlite() {
        for (message, expected) in [
            ("UNIQUE constraint failed: user.email", true),
            ("UNIQUE constraint failed: usermodel.Email", true),
            ("UNIQUE constraint failed: index 'axum_users_user_email_lower'", true),
            ("UNIQUE constraint failed: index 'ix_username_lower'", false),
            ("UNIQUE constraint failed: user.id", false),
            ("UNIQUE constraint failed: user.backup_email", false),
            ("something else", false),
        ] {
            assert_eq!(columns_of_message(message).as_ref().is_some_and(is_email), expected, "{message}");
        }
    }

    #[test]
    fn only_the_account_makes_an_account_taken_in_sqlite() {
        for (message, expected) in [
            ("UNIQUE constraint failed: oauth_account.oauth_name, oauth_account.account_id", true),
            ("UNIQUE constraint failed: oauth_account.id", false),
            ("UNIQUE constraint failed: oauth_account.user_id, oauth_account.oauth_name", false),
        ] {
            let violated = columns_of_message(message).unwrap();
            assert_eq!(violated.names("account_id", [].into_iter()), expected, "{message}");
        }
    }

    #[cfg(feature = "postgres")]
    #[test]
    fn only_the_email_makes_an_email_taken_in_postgresql() {
        for (detail, expected) in [
            ("Key (email)=(ada@example.org) already exists.", Some(true)),
            ("Schlüssel »(lower(email::text COLLATE \"C\"))=(ada@b.org)« existiert bereits.", Some(true)),
            ("Key (id)=(email) already exists.", Some(false)),
            ("Key (backup_email)=((email)=(x)) already exists.", Some(false)),
            ("nothing", None),
        ] {
            let columns = columns_of_detail(detail).map(Violated::Columns);
            assert_eq!(columns.as_ref().map(is_email), expected, "{detail}");
        }
    }

    #[cfg(feature = "mysql")]
    #[test]
    fn only_the_email_makes_an_email_taken_in_mysql() {
        for (message, expected) in [
            ("Duplicate entry 'ada@example.org' for key 'ix_user_email'", true),
            ("Duplicate entry 'it''s.email' for key 'user.ix_user_email'", true),
            ("Doppelter Eintrag 'ada@example.org' für Schlüssel 'email'", true),
            ("Duplicate entry 'ada@example.org' for key 'email_2'", true),
            ("Duplicate entry 'ada@example.org' for key 'axum_users_user_email_lower'", true),
            ("Duplicate entry 'ada@example.org' for key 'uid_usermodel_email_7287ba'", true),
            ("Duplicate entry 'email' for key 'PRIMARY'", false),
            ("Duplicate entry 'x' for key 'user.ix_user_backup_email'", false),
            ("Duplicate entry 'x' for key 'nickname'", false),
            ("nothing", false),
        ] {
            let violated = index_of_message(message).map(Violated::Index);
            assert_eq!(violated.as_ref().is_some_and(is_email), expected, "{message}");
        }
    }
}
