//! The audit trail.

use axum_users::{AuditEntry, AuditFilter, DatabaseError, Timestamp};
use sea_orm::{
    ConnectionTrait, DbBackend, DbErr, QueryResult,
    sea_query::{DeleteStatement, Expr, ExprTrait, OnConflict, Order, Query},
};

use crate::{
    SeaOrmDatabase,
    connection::on,
    error::database_error,
    layout::{UserEntity, misbuilt},
    value::moment,
};

/// Where it is kept.
pub(crate) const AUDIT_TABLE: &str = "axum_users_audit";

/// Its columns; ids sort as the entries happened.
pub(crate) const AUDIT_COLUMNS: [&str; 10] =
    ["id", "happened_at", "event", "detail", "user_id", "actor_id", "via", "account", "address", "agent"];

impl<E: UserEntity> SeaOrmDatabase<E> {
    pub(crate) async fn append_audit(&self, entries: &[AuditEntry]) -> Result<(), DatabaseError> {
        if entries.is_empty() {
            return Ok(());
        }
        // One statement, so that all are kept or none.
        let mut insert = Query::insert();
        insert.into_table(AUDIT_TABLE).columns(AUDIT_COLUMNS);
        for entry in entries {
            let AuditEntry { id, at, event, detail, user_id, actor_id, via, account, address, agent } = entry;
            let values =
                [Expr::val(id.as_str()), Expr::val(moment(*at, self.backend())), Expr::val(event.as_ref())];
            let texts = [detail, user_id, actor_id, via, account, address, agent];
            let texts = texts.map(|text| Expr::val(text.clone()));
            insert.values(values.into_iter().chain(texts)).map_err(misbuilt)?;
        }
        let conflict = OnConflict::column("id");
        insert.on_conflict(match self.backend() {
            DbBackend::MySql => conflict.clone().update_column("id").to_owned(),
            _ => conflict.clone().do_nothing().to_owned(),
        });
        let _turn = self.connection.turn().await;
        let done = on!(&self.connection, connection => connection.execute(&insert).await);
        done.map(|_| ()).map_err(database_error)
    }

    pub(crate) async fn audit(&self, filter: &AuditFilter) -> Result<Vec<AuditEntry>, DatabaseError> {
        let mut select = Query::select();
        select.columns(AUDIT_COLUMNS).from(AUDIT_TABLE);
        if let Some(user_id) = &filter.user_id {
            select.and_where(Expr::col("user_id").eq(user_id.as_str()));
        }
        if let Some(event) = &filter.event {
            select.and_where(Expr::col("event").eq(event.as_str()));
        }
        if let Some(since) = filter.since {
            select.and_where(Expr::col("id").gte(AuditEntry::first_id_at(since)));
        }
        if let Some(before) = &filter.before {
            select.and_where(Expr::col("id").lt(before.as_str()));
        }
        select.order_by("id", Order::Desc).limit(u64::from(filter.limit));
        let rows = on!(&self.connection, connection => connection.query_all(&select).await);
        let entries: Result<Vec<_>, _> = rows.map_err(database_error)?.iter().map(entry).collect();
        entries.map_err(database_error)
    }

    pub(crate) async fn purge_audit(&self, before: Timestamp) -> Result<u64, DatabaseError> {
        let mut delete: DeleteStatement = Query::delete();
        delete.from_table(AUDIT_TABLE).and_where(Expr::col("id").lt(AuditEntry::first_id_at(before)));
        let _turn = self.connection.turn().await;
        let done = on!(&self.connection, connection => connection.execute(&delete).await);
        done.map(|done| done.rows_affected()).map_err(database_error)
    }
}

fn entry(row: &QueryResult) -> Result<AuditEntry, DbErr> {
    Ok(AuditEntry {
        id: row.try_get("", "id")?,
        at: row.try_get("", "happened_at")?,
        event: row.try_get::<String>("", "event")?.into(),
        detail: row.try_get("", "detail")?,
        user_id: row.try_get("", "user_id")?,
        actor_id: row.try_get("", "actor_id")?,
        via: row.try_get("", "via")?,
        account: row.try_get("", "account")?,
        address: row.try_get("", "address")?,
        agent: row.try_get("", "agent")?,
    })
}
