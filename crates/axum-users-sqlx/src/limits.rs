//! Counts of tries, for processes that share the database.

use axum_users::{DatabaseError, LimitCount};
use sqlx::SqlStr;

use crate::{
    SqlxDatabase,
    database::unless_passing,
    dialect::Dialect,
    engine::Call,
    error::{database_error, is_passing, is_taken},
    statements::{BATCH, Housekeeping, sql},
};

/// The side table: a count's name, and the moment at which it has all its tries again.
pub(crate) const LIMIT_TABLE: &str = "axum_users_limit";

/// Times that a count may be made and forgotten under our hands.
const ATTEMPTS: usize = 5;

/// How many counts are given back by one statement.
const TOGETHER: usize = 4;

/// The statements; see [`Statements`](crate::statements::Statements).
pub(crate) struct LimitStatements {
    pub(crate) take: SqlStr,
    pub(crate) select: SqlStr,
    pub(crate) give_back: SqlStr,
    pub(crate) set: SqlStr,
    pub(crate) forget: SqlStr,
    insert: SqlStr,
    dialect: Dialect,
    taken: Housekeeping,
}

impl LimitStatements {
    pub(crate) fn new(dialect: Dialect) -> Self {
        let table = LIMIT_TABLE;
        let [a1, a2] = [1, 2].map(|number| dialect.argument(number));
        // MySQL says that there is a row already by an error: the ways around it would hide other errors too.
        let or_nothing = if dialect == Dialect::MySql { "" } else { " ON CONFLICT DO NOTHING" };
        let give_back = (0..TOGETHER).map(|slot| {
            format!("WHEN {} THEN {}", dialect.argument(2 * slot + 1), dialect.argument(2 * slot + 2))
        });
        Self {
            take: sql(take(dialect)),
            select: sql(format!("SELECT full_at FROM {table} WHERE name = {a1}")),
            give_back: sql(format!(
                "UPDATE {table} SET full_at = full_at - (CASE name {} ELSE 0 END) WHERE name IN ({})",
                give_back.collect::<Vec<_>>().join(" "),
                dialect.arguments(2 * TOGETHER + 1, TOGETHER)
            )),
            set: sql(format!("UPDATE {table} SET full_at = {a1} WHERE name = {a2}")),
            forget: sql(dialect.delete_batch(table, "full_at", BATCH)),
            insert: sql(format!("INSERT INTO {table} (name, full_at) VALUES ({a1}, {a2}){or_nothing}")),
            dialect,
            taken: Housekeeping::default(),
        }
    }

    /// Takes a try, as [`LimitCount::take`] says.
    pub(crate) fn take(&self, count: &LimitCount<'_>) -> Call {
        let fresh = count.now.saturating_add(count.step);
        let call = match self.dialect {
            Dialect::MySql => Call::new(&self.take),
            _ => Call::new(&self.take).text(count.name).integer(fresh),
        };
        let (latest, farthest) = (count.latest(), count.farthest());
        let call = call.integer(count.now).integer(farthest).integer(count.now).integer(count.step);
        match self.dialect {
            Dialect::MySql => call.text(count.name).integer(latest).integer(farthest),
            _ => call.integer(latest).integer(farthest),
        }
    }

    /// Gives back one try of each, at most [`TOGETHER`].
    pub(crate) fn give_back(&self, counts: &[LimitCount<'_>]) -> Call {
        // What is left over names counts again, of which the first mention holds.
        let slots = || counts.iter().cycle().take(TOGETHER);
        let steps =
            slots().fold(Call::new(&self.give_back), |call, count| call.text(count.name).integer(count.step));
        slots().fold(steps, |call, count| call.text(count.name))
    }
}

/// Compares and sets in one statement, so that tries at the same instant take turns. MySQL's has to find the count:
/// it does not tell whether it made one or left one alone.
fn take(dialect: Dialect) -> String {
    let (table, first) = (LIMIT_TABLE, if dialect == Dialect::MySql { 1 } else { 3 });
    let [now, farthest, from_now, step] = [0, 1, 2, 3].map(|number| dialect.argument(first + number));
    let is_old = if dialect == Dialect::MySql { "full_at" } else { "axum_users_limit.full_at" };
    let next = format!(
        "(CASE WHEN {is_old} > {now} AND {is_old} <= {farthest} THEN {is_old} ELSE {from_now} END) + {step}"
    );
    if dialect == Dialect::MySql {
        return format!(
            "UPDATE {table} SET full_at = {next} WHERE name = ? AND (full_at <= ? OR full_at > ?)"
        );
    }
    format!(
        "INSERT INTO {table} (name, full_at) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET full_at = {next} \
         WHERE {is_old} <= $7 OR {is_old} > $8"
    )
}

impl SqlxDatabase {
    fn limits(&self) -> Result<&LimitStatements, DatabaseError> {
        Ok(&self.statements()?.limits)
    }

    pub(crate) async fn take_try(&self, count: &LimitCount<'_>) -> Result<Option<i64>, DatabaseError> {
        let limits = self.limits()?;
        if limits.taken.is_due() {
            // Whether or not that succeeds, the try counts.
            let _ = self.write(Call::new(&limits.forget).integer(count.now)).await;
        }
        for _ in 0..ATTEMPTS {
            if unless_passing!(self.write(limits.take(count)))? > 0 {
                return Ok(None);
            }
            let Some(full_at) = self.full_at(count.name).await? else {
                if self.insert_count(count.name, count.now.saturating_add(count.step)).await? {
                    return Ok(None);
                }
                continue;
            };
            // One may have come back in between.
            if let Err(wait) = count.take(Some(full_at)) {
                return Ok(Some(wait));
            }
        }
        Ok(Some(count.step))
    }

    pub(crate) async fn give_tries_back(&self, counts: &[LimitCount<'_>]) -> Result<(), DatabaseError> {
        let limits = self.limits()?;
        for together in counts.chunks(TOGETHER) {
            unless_passing!(self.write(limits.give_back(together)))?;
        }
        Ok(())
    }

    pub(crate) async fn note(&self, name: &str, until: i64) -> Result<(), DatabaseError> {
        let set = Call::new(&self.limits()?.set).integer(until).text(name);
        if self.write(set).await? == 0 {
            self.insert_count(name, until).await?;
        }
        Ok(())
    }

    pub(crate) async fn note_holds(&self, name: &str, now: i64) -> Result<bool, DatabaseError> {
        Ok(self.full_at(name).await?.is_some_and(|until| until > now))
    }

    async fn full_at(&self, name: &str) -> Result<Option<i64>, DatabaseError> {
        let select = Call::new(&self.limits()?.select).text(name);
        self.find(select, |row| Ok(Some(row.get(0)?))).await
    }

    /// Whether the row was not there.
    async fn insert_count(&self, name: &str, full_at: i64) -> Result<bool, DatabaseError> {
        let insert = &self.limits()?.insert;
        unless_passing!(self.try_insert(Call::new(insert).text(name).integer(full_at)))
    }

    async fn try_insert(&self, insert: Call) -> Result<bool, DatabaseError> {
        match self.try_write(insert).await? {
            Err(error) if is_taken(&error) => Ok(false),
            done => Ok(done.map_err(database_error)? == 1),
        }
    }
}
