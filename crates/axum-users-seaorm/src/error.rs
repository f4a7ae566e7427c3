//! What SeaORM's errors mean to the library.

use axum_users::{DatabaseError, MigrateError, schema::Schema};
use sea_orm::{DbErr, RuntimeErr, SqlErr, sqlx};

/// Codes after which trying again later may help: SQLite's (busy, locked, out of memory, read-only, input and
/// output, corrupt, full, cannot open, protocol, no database), see <https://www.sqlite.org/rescode.html>.
#[cfg(feature = "sqlite")]
const SQLITE_UNAVAILABLE: [u32; 10] = [5, 6, 7, 8, 10, 11, 13, 14, 15, 26];

/// PostgreSQL's classes: connection lost, login refused, no such database, deadlock, out of room, not ready, shut
/// down, the system's fault; see <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
#[cfg(feature = "postgres")]
const POSTGRES_UNAVAILABLE: [&str; 8] = ["08", "28", "3D", "40", "53", "55", "57", "58"];

/// MySQL's and MariaDB's numbers: out of room, memory or connections; login refused, no such database; shut down,
/// killed or interrupted; lock waited for too long, deadlock, row changed since it was read; a replica.
#[cfg(feature = "mysql")]
const MYSQL_UNAVAILABLE: [u16; 26] = [
    1020, 1021, 1030, 1037, 1038, 1040, 1041, 1044, 1045, 1049, 1053, 1077, 1080, 1114, 1129, 1152, 1158,
    1160, 1203, 1205, 1213, 1226, 1290, 1317, 1836, 1927,
];

/// An error that has nothing to do with who has which e-mail.
pub(crate) fn database_error(error: DbErr) -> DatabaseError {
    if is_unavailable(&error) {
        DatabaseError::Unavailable(error.into())
    } else {
        DatabaseError::Other(error.into())
    }
}

pub(crate) fn migrate_error(error: DbErr) -> MigrateError {
    MigrateError::Database(database_error(error))
}

/// An error of an insert or update of a user.
pub(crate) fn user_error(error: DbErr, schema: &Schema) -> DatabaseError {
    let own = schema.own_columns().iter().map(|column| column.name.as_ref());
    match violated(&error) {
        Some(violated) if violated.names("email", own) => DatabaseError::EmailTaken,
        _ => database_error(error),
    }
}

/// An error of an insert of an OAuth account.
pub(crate) fn account_error(error: DbErr) -> DatabaseError {
    match violated(&error) {
        Some(violated) if violated.names("account_id", [].into_iter()) || violated.is_account_index() => {
            DatabaseError::OAuthAccountTaken
        }
        _ => database_error(error),
    }
}

/// Whether a unique constraint refused.
pub(crate) fn is_unique_violation(error: &DbErr) -> bool {
    matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_)))
}

/// Whether two transactions waited for each other and this one lost: it is as if it had not begun.
pub(crate) fn is_deadlock(error: &DatabaseError) -> bool {
    let DatabaseError::Unavailable(source) = error else { return false };
    let Some(error) = source.downcast_ref::<DbErr>().and_then(sqlx_error) else { return false };
    #[cfg(feature = "postgres")]
    if let Some(code) = postgres_code(error) {
        return code.starts_with("40");
    }
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
    let Some(error) = source.downcast_ref::<DbErr>().and_then(sqlx_error) else { return false };
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

/// Whether the database answered, and refused.
pub(crate) fn is_answer(error: &DbErr) -> bool {
    sqlx_error(error).is_some_and(|error| error.as_database_error().is_some())
}

fn is_unavailable(error: &DbErr) -> bool {
    if matches!(error, DbErr::ConnectionAcquire(_)) {
        return true;
    }
    let Some(error) = sqlx_error(error) else { return matches!(error, DbErr::Conn(_)) };
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
        return SQLITE_UNAVAILABLE.contains(&code);
    }
    #[cfg(feature = "postgres")]
    if let Some(code) = postgres_code(error) {
        // 25006 is a standby that takes over.
        return code == "25006" || POSTGRES_UNAVAILABLE.iter().any(|class| code.starts_with(class));
    }
    #[cfg(feature = "mysql")]
    if let Some(number) = mysql_number(error) {
        return MYSQL_UNAVAILABLE.contains(&number);
    }
    false
}

fn sqlx_error(error: &DbErr) -> Option<&sqlx::Error> {
    match error {
        DbErr::Conn(RuntimeErr::SqlxError(error))
        | DbErr::Exec(RuntimeErr::SqlxError(error))
        | DbErr::Query(RuntimeErr::SqlxError(error)) => Some(error),
        _ => None,
    }
}

/// What a unique violation says that it is about.
enum Violated {
    /// Names of columns, perhaps within an expression.
    Columns(String),
    /// The index's name, which follows from the columns' by custom only.
    Index(String),
}

fn violated(error: &DbErr) -> Option<Violated> {
    if !is_unique_violation(error) {
        return None;
    }
    let answer = sqlx_error(error)?.as_database_error()?;
    #[cfg(feature = "postgres")]
    if let Some(answer) = answer.try_downcast_ref::<sqlx::postgres::PgDatabaseError>() {
        // `Key (lower(email))=(ada@example.org) already exists.`, in whatever language.
        let columns = answer.detail().and_then(|detail| detail.split_once(")=(")).map(|(columns, _)| columns);
        return match columns {
            Some(columns) => Some(Violated::Columns(columns.to_ascii_lowercase())),
            None => answer.constraint().map(|name| Violated::Index(name.to_ascii_lowercase())),
        };
    }
    violated_by_message(&answer.message().to_ascii_lowercase())
}

/// SQLite names the columns, `UNIQUE constraint failed: user.email`, or the index when it is on an expression,
/// `… failed: index 'axum_users_user_email_lower'`; MySQL the index, `… for key 'user.idx-user-email'`.
fn violated_by_message(message: &str) -> Option<Violated> {
    if let Some((_, what)) = message.split_once("constraint failed: ") {
        return Some(match what.strip_prefix("index ") {
            Some(name) => Violated::Index(name.trim_matches('\'').to_owned()),
            None => Violated::Columns(what.to_owned()),
        });
    }
    let (_, name) = message.rsplit_once('\'')?.0.rsplit_once('\'')?;
    let name = name.rsplit_once('.').map_or(name, |(_, name)| name);
    Some(Violated::Index(name.to_owned()))
}

impl Violated {
    fn is_account_index(&self) -> bool {
        matches!(self, Self::Index(name) if name.ends_with("_account"))
    }

    /// `others` are columns whose indexes may have a name that ends in the same way.
    fn names<'a>(&self, column: &str, mut others: impl Iterator<Item = &'a str>) -> bool {
        match self {
            Self::Columns(columns) => {
                columns.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == column)
            }
            Self::Index(name) => {
                let name = name.replace('-', "_");
                let stem = name.strip_suffix("_lower").or_else(|| name.strip_suffix("_key")).unwrap_or(&name);
                // MySQL numbers a second index on the same column.
                let stem = stem.trim_end_matches(|c: char| c.is_ascii_digit() || c == '_');
                let is_about = |column: &str| {
                    stem == column
                        || stem.ends_with(&format!("_{column}"))
                        || stem.contains(&format!("_{column}_"))
                };
                is_about(column) && !others.any(|other| other.len() > column.len() && is_about(other))
            }
        }
    }
}

#[cfg(feature = "sqlite")]
fn sqlite_code(error: &sqlx::Error) -> Option<u32> {
    let answer = error.as_database_error()?.try_downcast_ref::<sqlx::sqlite::SqliteError>()?;
    let extended: u32 = sqlx::error::DatabaseError::code(answer)?.parse().ok()?;
    Some(extended & 0xff)
}

#[cfg(feature = "postgres")]
fn postgres_code(error: &sqlx::Error) -> Option<&str> {
    error
        .as_database_error()?
        .try_downcast_ref::<sqlx::postgres::PgDatabaseError>()
        .map(sqlx::postgres::PgDatabaseError::code)
}

#[cfg(feature = "mysql")]
fn mysql_number(error: &sqlx::Error) -> Option<u16> {
    error
        .as_database_error()?
        .try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>()
        .map(sqlx::mysql::MySqlDatabaseError::number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_email_makes_an_email_taken() {
        for (message, expected) in [
            ("unique constraint failed: user.email", true),
            ("unique constraint failed: index 'axum_users_user_email_lower'", true),
            ("unique constraint failed: user.backup_email", false),
            ("unique constraint failed: user.id", false),
            ("duplicate entry 'ada@example.org' for key 'user.idx-user-email'", true),
            ("duplicate entry 'ada@example.org' for key 'email_2'", true),
            ("duplicate entry 'email' for key 'primary'", false),
            ("duplicate entry 'x' for key 'idx-user-backup_email'", false),
            ("something else", false),
        ] {
            let own = ["backup_email", "plan"];
            let taken = violated_by_message(message).is_some_and(|what| what.names("email", own.into_iter()));
            assert_eq!(taken, expected, "{message}");
        }
    }
}
