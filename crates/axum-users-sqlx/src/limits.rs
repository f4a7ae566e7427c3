//! Counts of tries, for processes that share the database.

use axum_users::{DatabaseError, LimitCount};
use sqlx::SqlStr;

use crate::{
    SqlxDatabase,
    database::unless_deadlocked,
    dialect::Dialect,
    engine::Call,
    error::{database_error, is_deadlock, is_taken},
    statements::{BATCH, sql},
};

/// The side table: a count's name, and the moment at which it has all its tries again.
pub(crate) const LIMIT_TABLE: &str = "axum_users_limit";

/// Times that a count may be made and forgotten under our hands.
const ATTEMPTS: usize = 5;

/// The statements; see [`Statements`](crate::statements::Statements).
pub(crate) struct LimitStatements {
    take: SqlStr,
    insert: SqlStr,
    select: SqlStr,
    lower: SqlStr,
    give_back: SqlStr,
    set: SqlStr,
    forget: SqlStr,
}

impl LimitStatements {
    pub(crate) fn new(dialect: Dialect) -> Self {
        let [a1, a2, a3, a4, a5] = [1, 2, 3, 4, 5].map(|number| dialect.argument(number));
        let table = LIMIT_TABLE;
        // MySQL says that there is a row already by an error: the ways around it would hide other errors too.
        let or_nothing = if dialect == Dialect::MySql { "" } else { " ON CONFLICT DO NOTHING" };
        Self {
            // Compares and sets in one statement, so that tries at the same instant take turns.
            take: sql(format!(
                "UPDATE {table} SET full_at = (CASE WHEN full_at > {a1} THEN full_at ELSE {a2} END) + {a3} \
                 WHERE name = {a4} AND full_at <= {a5}"
            )),
            insert: sql(format!("INSERT INTO {table} (name, full_at) VALUES ({a1}, {a2}){or_nothing}")),
            select: sql(format!("SELECT full_at FROM {table} WHERE name = {a1}")),
            lower: sql(format!("UPDATE {table} SET full_at = {a1} WHERE name = {a2} AND full_at > {a3}")),
            give_back: sql(format!("UPDATE {table} SET full_at = full_at - {a1} WHERE name = {a2}")),
            set: sql(format!("UPDATE {table} SET full_at = {a1} WHERE name = {a2}")),
            forget: sql(dialect.delete_batch(table, "full_at", BATCH)),
        }
    }
}

impl SqlxDatabase {
    fn limits(&self) -> Result<&LimitStatements, DatabaseError> {
        Ok(&self.statements()?.limits)
    }

    pub(crate) async fn take_try(&self, count: &LimitCount<'_>) -> Result<Option<i64>, DatabaseError> {
        let LimitStatements { take, select, lower, .. } = self.limits()?;
        for _ in 0..ATTEMPTS {
            let step = Call::new(take).integer(count.now).integer(count.now).integer(count.step);
            if self.write(step.text(count.name).integer(count.latest())).await? > 0 {
                return Ok(None);
            }
            if self.insert_count(count.name, count.now.saturating_add(count.step), count.now).await? {
                return Ok(None);
            }
            let rows = self.read(Call::new(select).text(count.name)).await?;
            let Some(row) = rows.first() else { continue };
            let full_at: i64 = row.get(0)?;
            // Somebody's clock was ahead: nobody has to wait until ours is there.
            let most = count.now.saturating_add(count.period);
            if full_at > most {
                self.write(Call::new(lower).integer(most).text(count.name).integer(most)).await?;
            }
            if full_at > count.latest() {
                return Ok(Some(count.wait(full_at)));
            }
        }
        Ok(Some(count.step))
    }

    pub(crate) async fn give_try_back(&self, count: &LimitCount<'_>) -> Result<(), DatabaseError> {
        let give_back = Call::new(&self.limits()?.give_back).integer(count.step).text(count.name);
        self.write(give_back).await.map(|_| ())
    }

    pub(crate) async fn note(&self, name: &str, now: i64, until: i64) -> Result<(), DatabaseError> {
        let set = Call::new(&self.limits()?.set).integer(until).text(name);
        if self.write(set).await? == 0 {
            self.insert_count(name, until, now).await?;
        }
        Ok(())
    }

    pub(crate) async fn note_holds(&self, name: &str, now: i64) -> Result<bool, DatabaseError> {
        let rows = self.read(Call::new(&self.limits()?.select).text(name)).await?;
        let until: Option<i64> = rows.first().map(|row| row.get(0)).transpose()?;
        Ok(until.is_some_and(|until| until > now))
    }

    async fn try_insert(&self, insert: Call) -> Result<bool, DatabaseError> {
        match self.try_write(insert).await? {
            Err(error) if is_taken(&error) => Ok(false),
            done => Ok(done.map_err(database_error)? == 1),
        }
    }

    /// Whether the row was not there. Each new one has some forgotten whose time is over.
    async fn insert_count(&self, name: &str, full_at: i64, now: i64) -> Result<bool, DatabaseError> {
        let LimitStatements { insert, forget, .. } = self.limits()?;
        let is_new = unless_deadlocked!(self.try_insert(Call::new(insert).text(name).integer(full_at)))?;
        if is_new {
            // What was counted stays counted, whether or not others could be forgotten.
            let _ = self.write(Call::new(forget).integer(now)).await;
        }
        Ok(is_new)
    }
}
