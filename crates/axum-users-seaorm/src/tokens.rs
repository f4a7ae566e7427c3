//! Access tokens, and what may be used once.

use axum_users::{AccessToken, DatabaseError, Timestamp, UserModel};
use sea_orm::{
    ConnectionTrait, DbBackend, FromQueryResult, IdenStatic, QuerySelect, QueryTrait,
    sea_query::{Alias, DeleteStatement, Expr, ExprTrait, OnConflict, Query, UpdateStatement},
};

use crate::{
    SeaOrmDatabase,
    connection::on,
    error::{database_error, is_unique_violation},
    layout::{Id, UserEntity, misbuilt},
    value::moment,
};

impl<E: UserEntity> SeaOrmDatabase<E> {
    fn token_table(&self) -> Alias {
        Alias::new(self.tables.access_token.as_ref())
    }

    pub(crate) async fn insert_token(&self, token: &AccessToken<Id<E>>) -> Result<(), DatabaseError> {
        let user_id = self.layout()?.id_value(&token.user_id);
        let created_at = moment(token.created_at, self.backend());
        let mut insert = Query::insert();
        insert.into_table(self.token_table()).columns(["user_id", "token", "created_at"]);
        let values = [Expr::val(user_id), Expr::val(token.token.as_str()), Expr::val(created_at)];
        insert.values(values).map_err(misbuilt)?;
        let _turn = self.connection.turn().await;
        let done = on!(&self.connection, connection => connection.execute(&insert).await);
        done.map(|_| ()).map_err(database_error)
    }

    pub(crate) async fn user_by_token(
        &self,
        forms: &[String],
        not_before: Option<Timestamp>,
    ) -> Result<Option<(E::Model, AccessToken<Id<E>>)>, DatabaseError> {
        let (layout, table) = (self.layout()?, self.token_table());
        let column = |name| Expr::col((table.clone(), Alias::new(name)));
        let mut find = E::find();
        let id = Expr::col((E::default(), Alias::new(layout.id().as_str())));
        QuerySelect::query(&mut find)
            .expr_as(column("token"), "axum_users_token")
            .expr_as(column("created_at"), "axum_users_created_at")
            .inner_join(table.clone(), column("user_id").eq(id))
            .and_where(column("token").is_in(forms.iter().map(String::as_str)));
        let find = find.into_query();
        let rows = on!(&self.connection, connection => connection.query_all(&find).await);
        for row in rows.map_err(database_error)? {
            let token: String = row.try_get("", "axum_users_token").map_err(database_error)?;
            let created_at: Timestamp = row.try_get("", "axum_users_created_at").map_err(database_error)?;
            // MySQL's collation may find others, too.
            if forms.contains(&token) && not_before.is_none_or(|not_before| created_at >= not_before) {
                let user = E::Model::from_query_result(&row, "").map_err(database_error)?;
                let user_id = user.id().clone();
                return Ok(Some((user, AccessToken { token, user_id, created_at })));
            }
        }
        Ok(None)
    }

    pub(crate) async fn rewrite_token(&self, from: &str, to: &str) -> Result<(), DatabaseError> {
        let mut update: UpdateStatement = Query::update();
        update.table(self.token_table()).value("token", to).and_where(self.is_exactly("token", from));
        if self.backend() == DbBackend::MySql {
            // An old MySQL sets the first TIMESTAMP of a table to the present, unless told otherwise.
            update.value("created_at", Expr::col("created_at"));
        }
        let _turn = self.connection.turn().await;
        let done = on!(&self.connection, connection => connection.execute(&update).await);
        done.map(|_| ()).map_err(database_error)
    }

    pub(crate) async fn delete_token(&self, forms: &[String]) -> Result<(), DatabaseError> {
        for form in forms {
            self.delete_tokens(self.is_exactly("token", form)).await?;
        }
        Ok(())
    }

    pub(crate) async fn delete_tokens_of(
        &self,
        user_id: &Id<E>,
        except: &[String],
    ) -> Result<(), DatabaseError> {
        let mut condition = Expr::col("user_id").eq(self.layout()?.id_value(user_id));
        for kept in except {
            condition = condition.and(self.is_exactly("token", kept).not());
        }
        self.delete_tokens(condition).await.map(|_| ())
    }

    pub(crate) async fn purge_tokens(&self, before: Timestamp) -> Result<u64, DatabaseError> {
        self.delete_tokens(Expr::col("created_at").lt(moment(before, self.backend()))).await
    }

    async fn delete_tokens(&self, condition: Expr) -> Result<u64, DatabaseError> {
        let mut delete: DeleteStatement = Query::delete();
        delete.from_table(self.token_table()).and_where(condition);
        let _turn = self.connection.turn().await;
        let done = on!(&self.connection, connection => connection.execute(&delete).await);
        done.map(|done| done.rows_affected()).map_err(database_error)
    }

    /// The insert decides. Records that expired are forgotten before.
    pub(crate) async fn note_use(
        &self,
        purpose: &str,
        digest: &str,
        expires_at: Timestamp,
        now: Timestamp,
    ) -> Result<bool, DatabaseError> {
        let (table, backend) = ("axum_users_one_time", self.backend());
        let mut forget: DeleteStatement = Query::delete();
        forget.from_table(table).and_where(Expr::col("expires_at").lt(moment(now, backend)));
        let mut insert = Query::insert();
        insert.into_table(table).columns(["purpose", "digest", "expires_at"]);
        let values = [Expr::val(purpose), Expr::val(digest), Expr::val(moment(expires_at, backend))];
        insert.values(values).map_err(misbuilt)?;
        if backend != DbBackend::MySql {
            insert.on_conflict(OnConflict::new().do_nothing().to_owned());
        }
        let _turn = self.connection.turn().await;
        let forgotten = on!(&self.connection, connection => connection.execute(&forget).await);
        forgotten.map_err(database_error)?;
        match on!(&self.connection, connection => connection.execute(&insert).await) {
            Ok(done) => Ok(done.rows_affected() > 0),
            // MySQL says that there is a row already by an error: the ways around it would hide other errors too.
            Err(error) if is_unique_violation(&error) => Ok(false),
            Err(error) => Err(database_error(error)),
        }
    }
}
