//! What is narrow in the original's tables on PostgreSQL and MySQL: times of expiry end in 2038 there, providers'
//! tokens after 1,024 characters, and MySQL's session times have whole seconds. SQLite has no widths.

use axum_users::MigrateError;
use sea_orm::{ConnectionTrait, DbBackend, TransactionTrait};

use super::{Migration, column::FoundColumn};
use crate::{
    error::{is_answer, migrate_error},
    layout::UserEntity,
};

impl<E: UserEntity> Migration<'_, E> {
    pub(super) async fn widen_oauth_accounts(
        &self,
        name: &str,
        found: &[FoundColumn],
    ) -> Result<(), MigrateError> {
        if self.backend == DbBackend::Sqlite {
            return Ok(());
        }
        const TEXTS: &[&str] = &["VARCHAR", "CHARACTER VARYING("];
        for (column, narrow, wide, null) in [
            ("access_token", TEXTS, "TEXT", " NOT NULL"),
            ("refresh_token", TEXTS, "TEXT", ""),
            ("expires_at", &["INT", "MEDIUMINT", "SMALLINT"], "BIGINT", ""),
        ] {
            let is_narrow = |found: &&FoundColumn| {
                found.name.eq_ignore_ascii_case(column)
                    && narrow.iter().any(|narrow| found.declared.starts_with(narrow))
            };
            if found.iter().any(|found| is_narrow(&found)) {
                self.run_if_possible(&self.retype(name, column, wide, null)).await?;
            }
        }
        Ok(())
    }

    /// Gives MySQL's session times their fractions.
    pub(super) async fn widen_access_tokens(
        &self,
        name: &str,
        found: &[FoundColumn],
    ) -> Result<(), MigrateError> {
        let is_narrow = |column: &FoundColumn| {
            column.name.eq_ignore_ascii_case("created_at") && column.declared != "DATETIME(6)"
        };
        if self.backend != DbBackend::MySql || !found.iter().any(is_narrow) {
            return Ok(());
        }
        // A TIMESTAMP shows itself in the session's time zone. Python wrote UTC's digits into it in the server's,
        // so in that zone they come out as they went in.
        self.run("SET time_zone = @@global.time_zone").await?;
        let done = self.run_if_possible(&self.retype(name, "created_at", "DATETIME(6)", " NOT NULL")).await;
        self.run("SET time_zone = '+00:00'").await?;
        done
    }

    fn retype(&self, name: &str, column: &str, wide: &str, null: &str) -> String {
        let table = self.quote(name);
        match self.backend {
            DbBackend::MySql => format!("ALTER TABLE {table} MODIFY COLUMN {column} {wide}{null}"),
            _ => format!("ALTER TABLE {table} ALTER COLUMN {column} TYPE {wide}"),
        }
    }

    /// The database serves without it, too: what does not fit is then cut by the adapter. It is tried in a savepoint,
    /// since PostgreSQL does not go on after an error otherwise; MySQL ends a transaction by a definition, and goes on
    /// after anything.
    async fn run_if_possible(&self, sql: &str) -> Result<(), MigrateError> {
        let done = match self.backend {
            DbBackend::Postgres => {
                let attempt = self.work.begin().await.map_err(migrate_error)?;
                match attempt.execute_unprepared(sql).await {
                    Ok(_) => attempt.commit().await,
                    Err(error) => attempt.rollback().await.and(Err(error)),
                }
            }
            _ => self.work.execute_unprepared(sql).await.map(|_| ()),
        };
        match done {
            Err(error) if is_answer(&error) => {
                tracing::warn!(%error, "a column stays as narrow as it is");
                Ok(())
            }
            done => done.map_err(migrate_error),
        }
    }
}
