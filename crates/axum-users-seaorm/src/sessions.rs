//! Sessions as data, in a side table of their own.

use axum_users::{AccessToken, DatabaseError, RefreshFamily, Session, Timestamp, UserId, schema::ColumnType};
use sea_orm::{
    ConnectionTrait, DbErr, QueryResult,
    sea_query::{Alias, DeleteStatement, Expr, ExprTrait, Order, Query, SelectStatement, UpdateStatement},
};

use crate::{
    SeaOrmDatabase,
    connection::on,
    error::database_error,
    layout::{Id, UserEntity, misbuilt},
    value::{moment, moment_or_null},
};

/// The table.
pub(crate) const SESSION_TABLE: &str = "axum_users_session";

/// Its columns, in the order in which they are written.
pub(crate) const SESSION_COLUMNS: [&str; 13] = [
    "id",
    "token",
    "user_id",
    "backend",
    "created_at",
    "last_used_at",
    "expires_at",
    "user_agent",
    "address",
    "refresh_handle",
    "refresh_current",
    "refresh_previous",
    "refresh_rotated_at",
];

impl<E: UserEntity> SeaOrmDatabase<E> {
    pub(crate) async fn tokens_of(
        &self,
        user_id: &Id<E>,
        limit: u32,
    ) -> Result<Vec<AccessToken<Id<E>>>, DatabaseError> {
        let mut select = Query::select();
        select
            .columns(["token", "created_at"])
            .from(Alias::new(self.tables.access_token.as_ref()))
            .and_where(Expr::col("user_id").eq(self.layout()?.id_value(user_id)))
            .order_by("created_at", Order::Desc)
            .limit(u64::from(limit));
        let rows = on!(&self.connection, connection => connection.query_all(&select).await);
        let token = |row: QueryResult| -> Result<_, DbErr> {
            let (token, created_at) = (row.try_get("", "token")?, row.try_get("", "created_at")?);
            Ok(AccessToken { token, user_id: user_id.clone(), created_at })
        };
        rows.and_then(|rows| rows.into_iter().map(token).collect()).map_err(database_error)
    }

    /// Nothing is kept of users who are gone: their ids may come again.
    pub(crate) async fn insert_session(&self, session: &Session<Id<E>>) -> Result<(), DatabaseError> {
        let backend = self.backend();
        let family = session.refresh.as_ref();
        let text = |text: Option<&String>| Expr::val(text.cloned());
        let mut row = Query::select();
        row.exprs([
            Expr::val(session.id.as_str()),
            text(session.token.as_ref()),
            Expr::val(session.user_id.to_string()),
            Expr::val(session.backend.as_str()),
            Expr::val(moment(session.created_at, backend)),
            Expr::val(moment(session.last_used_at, backend)),
            Expr::val(moment_or_null(session.expires_at, backend)),
            text(session.user_agent.as_ref()),
            text(session.address.as_ref()),
            text(family.map(|family| &family.handle)),
            text(family.map(|family| &family.current)),
            text(family.and_then(|family| family.previous.as_ref())),
            Expr::val(moment_or_null(family.map(|family| family.rotated_at), backend)),
        ]);
        row.from(E::default()).and_where(self.layout()?.has_id(&session.user_id));
        let mut insert = Query::insert();
        insert.into_table(SESSION_TABLE).columns(SESSION_COLUMNS).select_from(row).map_err(misbuilt)?;
        let _turn = self.connection.turn().await;
        let done = on!(&self.connection, connection => connection.execute(&insert).await);
        match done.map_err(database_error)?.rows_affected() {
            0 => Err(DatabaseError::Other("there is no such user".into())),
            _ => Ok(()),
        }
    }

    pub(crate) async fn sessions_of_user(
        &self,
        user_id: &Id<E>,
        limit: u32,
    ) -> Result<Vec<Session<Id<E>>>, DatabaseError> {
        let mut select = sessions();
        select.and_where(Expr::col("user_id").eq(user_id.to_string()));
        select.order_by("created_at", Order::Desc).limit(u64::from(limit));
        self.read_sessions(&select).await
    }

    pub(crate) async fn session_by_handle(
        &self,
        handle: &str,
    ) -> Result<Option<Session<Id<E>>>, DatabaseError> {
        let mut select = sessions();
        select.and_where(self.is_exactly("refresh_handle", handle));
        Ok(self.read_sessions(&select).await?.pop())
    }

    async fn read_sessions(&self, select: &SelectStatement) -> Result<Vec<Session<Id<E>>>, DatabaseError> {
        let rows = on!(&self.connection, connection => connection.query_all(select).await);
        let id_type = self.layout()?.schema.id_type();
        let session = |row: &QueryResult| session_from_row(row, id_type);
        rows.and_then(|rows| rows.iter().map(session).collect()).map_err(database_error)
    }

    pub(crate) async fn last_used(&self, forms: &[String]) -> Result<Option<Timestamp>, DatabaseError> {
        let mut select = Query::select();
        select.column("last_used_at").from(SESSION_TABLE).and_where(has_token(forms));
        let row = on!(&self.connection, connection => connection.query_one(&select).await);
        let moment = |row: QueryResult| row.try_get("", "last_used_at");
        row.and_then(|row| row.map(moment).transpose()).map_err(database_error)
    }

    pub(crate) async fn touch(&self, forms: &[String], at: Timestamp) -> Result<bool, DatabaseError> {
        let mut update: UpdateStatement = Query::update();
        update
            .table(SESSION_TABLE)
            .value("last_used_at", moment(at, self.backend()))
            .value("token", forms.first().map_or("", String::as_str))
            .and_where(has_token(forms));
        self.change_sessions(&update).await
    }

    pub(crate) async fn rotate(
        &self,
        id: &str,
        [from, to]: [&str; 2],
        token: Option<&str>,
        at: Timestamp,
    ) -> Result<bool, DatabaseError> {
        let at = moment(at, self.backend());
        let mut update: UpdateStatement = Query::update();
        update
            .table(SESSION_TABLE)
            .value("refresh_current", to)
            .value("refresh_previous", from)
            .value("refresh_rotated_at", at.clone())
            .value("last_used_at", at)
            .value("token", token.map(str::to_owned))
            .and_where(self.is_exactly("id", id))
            .and_where(self.is_exactly("refresh_current", from));
        self.change_sessions(&update).await
    }

    async fn change_sessions(&self, update: &UpdateStatement) -> Result<bool, DatabaseError> {
        let _turn = self.connection.turn().await;
        let done = on!(&self.connection, connection => connection.execute(update).await);
        done.map(|done| done.rows_affected() > 0).map_err(database_error)
    }

    pub(crate) async fn forget_session(&self, user_id: &Id<E>, id: &str) -> Result<bool, DatabaseError> {
        let condition = Expr::col("user_id").eq(user_id.to_string()).and(self.is_exactly("id", id));
        Ok(self.forget_sessions(condition).await? > 0)
    }

    pub(crate) async fn forget_session_by_token(&self, forms: &[String]) -> Result<(), DatabaseError> {
        self.forget_sessions(has_token(forms)).await.map(|_| ())
    }

    pub(crate) async fn forget_sessions_of(
        &self,
        user_id: &Id<E>,
        except: &[String],
        except_id: Option<&str>,
    ) -> Result<(), DatabaseError> {
        let mut condition = Expr::col("user_id").eq(user_id.to_string());
        if !except.is_empty() {
            condition = condition.and(Expr::col("token").is_null().or(has_token(except).not()));
        }
        if let Some(id) = except_id {
            condition = condition.and(self.is_exactly("id", id).not());
        }
        self.forget_sessions(condition).await.map(|_| ())
    }

    pub(crate) async fn forget_expired(&self, before: Timestamp) -> Result<u64, DatabaseError> {
        self.forget_sessions(Expr::col("expires_at").lt(moment(before, self.backend()))).await
    }

    async fn forget_sessions(&self, condition: Expr) -> Result<u64, DatabaseError> {
        let mut delete: DeleteStatement = Query::delete();
        delete.from_table(SESSION_TABLE).and_where(condition);
        let _turn = self.connection.turn().await;
        let done = on!(&self.connection, connection => connection.execute(&delete).await);
        done.map(|done| done.rows_affected()).map_err(database_error)
    }
}

fn sessions() -> SelectStatement {
    let mut select = Query::select();
    select.columns(SESSION_COLUMNS).from(SESSION_TABLE);
    select
}

fn has_token(forms: &[String]) -> Expr {
    Expr::col("token").is_in(forms.iter().map(String::as_str))
}

fn session_from_row<Id: UserId>(row: &QueryResult, id_type: ColumnType) -> Result<Session<Id>, DbErr> {
    let user_id: String = row.try_get("", "user_id")?;
    let user_id = Id::parse(&user_id, id_type);
    let handle: Option<String> = row.try_get("", "refresh_handle")?;
    let current: Option<String> = row.try_get("", "refresh_current")?;
    let refresh = match (handle, current) {
        (Some(handle), Some(current)) => Some(RefreshFamily {
            handle,
            current,
            previous: row.try_get("", "refresh_previous")?,
            rotated_at: row.try_get("", "refresh_rotated_at")?,
        }),
        _ => None,
    };
    Ok(Session {
        id: row.try_get("", "id")?,
        token: row.try_get("", "token")?,
        user_id: user_id.ok_or_else(|| DbErr::Type("the session's user_id is no id".into()))?,
        backend: row.try_get("", "backend")?,
        created_at: row.try_get("", "created_at")?,
        last_used_at: row.try_get("", "last_used_at")?,
        expires_at: row.try_get("", "expires_at")?,
        user_agent: row.try_get("", "user_agent")?,
        address: row.try_get("", "address")?,
        refresh,
    })
}
