//! The audit trail.

use axum_users::{AuditEntry, AuditFilter, DatabaseError, Timestamp, schema::DecodeError};

use crate::{
    SqlxDatabase,
    dialect::Dialect,
    engine::{Call, Row, Work},
    error::database_error,
    statements::{BATCH, sql},
};

/// Where it is kept.
pub(crate) const AUDIT_TABLE: &str = "axum_users_audit";

/// Its columns; ids sort as the entries happened.
pub(crate) const AUDIT_COLUMNS: [&str; 10] =
    ["id", "happened_at", "event", "detail", "user_id", "actor_id", "via", "account", "address", "agent"];

impl SqlxDatabase {
    pub(crate) async fn append_audit(&self, entries: &[AuditEntry]) -> Result<(), DatabaseError> {
        let _turn = self.turn().await?;
        let mut work = self.begin().await?;
        let done = insert_all(&mut work, entries).await.map_err(database_error);
        work.finish(done).await
    }

    pub(crate) async fn audit(&self, filter: &AuditFilter) -> Result<Vec<AuditEntry>, DatabaseError> {
        let rows = self.read(select(self.pool().dialect(), filter)).await?;
        rows.iter().map(|row| entry(row).map_err(DatabaseError::Decode)).collect()
    }

    pub(crate) async fn purge_audit(&self, before: Timestamp) -> Result<u64, DatabaseError> {
        let delete = sql(self.pool().dialect().delete_batch(AUDIT_TABLE, "id", BATCH));
        let first_kept = AuditEntry::first_id_at(before);
        let mut purged = 0;
        // In batches, so that no other write waits for all of them.
        loop {
            let deleted = self.write(Call::new(&delete).text(first_kept.as_str())).await?;
            purged += deleted;
            if deleted < u64::from(BATCH) {
                return Ok(purged);
            }
        }
    }
}

async fn insert_all(work: &mut Work, entries: &[AuditEntry]) -> Result<(), sqlx::Error> {
    let dialect = work.dialect();
    let or_nothing = match dialect {
        Dialect::MySql => "ON DUPLICATE KEY UPDATE id = id",
        _ => "ON CONFLICT (id) DO NOTHING",
    };
    let insert = sql(format!(
        "INSERT INTO {AUDIT_TABLE} ({}) VALUES ({}) {or_nothing}",
        AUDIT_COLUMNS.join(", "),
        dialect.arguments(1, AUDIT_COLUMNS.len())
    ));
    for entry in entries {
        let call = Call::new(&insert).text(entry.id.as_str()).timestamp(entry.at).text(entry.event.as_ref());
        let AuditEntry { detail, user_id, actor_id, via, account, address, agent, .. } = entry;
        let rest = [detail, user_id, actor_id, via, account, address, agent];
        work.execute(rest.into_iter().fold(call, Call::field)).await?;
    }
    Ok(())
}

/// The newest entries that a filter wants.
pub(crate) fn select(dialect: Dialect, filter: &AuditFilter) -> Call {
    let AuditFilter { user_id, event, since, before, limit } = filter;
    let since = since.map(AuditEntry::first_id_at);
    let wanted = [("user_id =", user_id), ("event =", event), ("id >=", &since), ("id <", before)];
    let wanted = wanted.into_iter().filter_map(|(is, text)| Some((is, text.as_deref()?)));
    let (mut conditions, mut arguments) = (Vec::new(), Vec::new());
    for (is, text) in wanted {
        arguments.push(text);
        conditions.push(format!("{is} {}", dialect.argument(arguments.len())));
    }
    let conditions = match conditions[..] {
        [] => String::new(),
        _ => format!(" WHERE {}", conditions.join(" AND ")),
    };
    let columns = AUDIT_COLUMNS.join(", ");
    let select = format!("SELECT {columns} FROM {AUDIT_TABLE}{conditions} ORDER BY id DESC LIMIT {limit}");
    arguments.into_iter().fold(Call::new(&sql(select)), Call::text)
}

fn entry(row: &Row) -> Result<AuditEntry, DecodeError> {
    Ok(AuditEntry {
        id: row.get(0)?,
        at: row.get(1)?,
        event: row.get::<String>(2)?.into(),
        detail: row.get(3)?,
        user_id: row.get(4)?,
        actor_id: row.get(5)?,
        via: row.get(6)?,
        account: row.get(7)?,
        address: row.get(8)?,
        agent: row.get(9)?,
    })
}
