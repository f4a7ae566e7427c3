//! Every statement's text, made once for a schema.

use std::{borrow::Cow, sync::Arc};

use axum_users::schema::{ColumnType, Record, Schema, Value};
use sqlx::{AssertSqlSafe, SqlSafeStr, SqlStr};

use crate::{
    connect::SqlxOptions,
    migrate::OAUTH_ACCOUNT_COLUMNS,
    sqlite::{Query, bind, quote},
};

/// Expired one-time records that one statement forgets at most, and access tokens likewise.
pub(crate) const BATCH: u32 = 1000;

/// The tables' names, not quoted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tables {
    pub(crate) user: String,
    pub(crate) oauth_account: String,
    pub(crate) access_token: String,
}

impl Tables {
    pub(crate) fn new(options: &SqlxOptions, of_schema: &str) -> Self {
        Self {
            user: options.user_table.clone().unwrap_or_else(|| of_schema.to_owned()),
            oauth_account: options.oauth_account_table.clone(),
            access_token: options.access_token_table.clone(),
        }
    }
}

/// The statements of one schema. Values are always arguments; names are quoted.
pub(crate) struct Statements {
    pub(crate) schema: Arc<Schema>,
    pub(crate) tables: Tables,
    pub(crate) get: SqlStr,
    pub(crate) get_by_email: SqlStr,
    pub(crate) insert: SqlStr,
    pub(crate) insert_without_id: SqlStr,
    pub(crate) list: SqlStr,
    pub(crate) list_after: SqlStr,
    /// In this order, in one transaction; the last one's count tells whether there was a user.
    pub(crate) delete: [SqlStr; 3],
    /// Its argument is the id's text.
    pub(crate) delete_state: SqlStr,
    pub(crate) insert_token: SqlStr,
    /// For one form of a token, and for two.
    user_by_token: [SqlStr; 2],
    pub(crate) rewrite_token: SqlStr,
    pub(crate) purge_tokens: SqlStr,
    pub(crate) use_once: SqlStr,
    pub(crate) forget_used: SqlStr,
    pub(crate) user_by_account: SqlStr,
    pub(crate) accounts_of: SqlStr,
    pub(crate) account_is_linked: SqlStr,
    pub(crate) insert_account: SqlStr,
    pub(crate) insert_account_without_id: SqlStr,
    pub(crate) update_account: SqlStr,
    pub(crate) delete_account: SqlStr,
    pub(crate) get_with_state: SqlStr,
    pub(crate) set_state: SqlStr,
    /// `"id", "email", …` behind RETURNING.
    columns: String,
}

impl Statements {
    /// Fails with a sentence when SQLite cannot keep the schema.
    pub(crate) fn new(schema: Arc<Schema>, options: &SqlxOptions) -> Result<Self, Cow<'static, str>> {
        let tables = Tables::new(options, schema.table());
        check(&schema, &tables)?;
        let columns = column_list(&schema, "");
        let (user, account, token) =
            (quote(&tables.user), quote(&tables.oauth_account), quote(&tables.access_token));
        let select = format!("SELECT {columns} FROM {user}");
        let of_user = column_list(&schema, "u.");
        Ok(Self {
            get: sql(format!("{select} WHERE \"id\" = $1")),
            // SQLite's `lower` folds ASCII and nothing else.
            get_by_email: sql(format!("{select} WHERE lower(\"email\") = lower($1)")),
            insert: sql(insert(&schema, &user, 0)),
            insert_without_id: sql(insert(&schema, &user, 1)),
            list: sql(format!("{select} ORDER BY \"id\" LIMIT $1")),
            list_after: sql(format!("{select} WHERE \"id\" > $2 ORDER BY \"id\" LIMIT $1")),
            // The tables may have been made without cascades.
            delete: [
                sql(format!("DELETE FROM {token} WHERE \"user_id\" = $1")),
                sql(format!("DELETE FROM {account} WHERE \"user_id\" = $1")),
                sql(format!("DELETE FROM {user} WHERE \"id\" = $1")),
            ],
            delete_state: sql("DELETE FROM axum_users_user_state WHERE user_id = $1".to_owned()),
            insert_token: sql(format!(
                "INSERT INTO {token} (\"token\", \"user_id\", \"created_at\") VALUES ($1, $2, $3)"
            )),
            user_by_token: [1, 2].map(|forms| sql(user_by_token(&schema, &user, &token, forms))),
            rewrite_token: sql(format!("UPDATE OR IGNORE {token} SET \"token\" = $2 WHERE \"token\" = $1")),
            purge_tokens: sql(format!(
                "DELETE FROM {token} WHERE \"token\" IN \
                 (SELECT \"token\" FROM {token} WHERE \"created_at\" < $1 LIMIT {BATCH})"
            )),
            use_once: sql(
                "INSERT INTO axum_users_one_time (purpose, digest, expires_at) VALUES ($1, $2, $3) \
                 ON CONFLICT DO NOTHING"
                    .to_owned(),
            ),
            forget_used: sql(format!(
                "DELETE FROM axum_users_one_time WHERE rowid IN \
                 (SELECT rowid FROM axum_users_one_time WHERE expires_at < $1 LIMIT {BATCH})"
            )),
            user_by_account: sql(format!(
                "SELECT {of_user}, a.\"oauth_name\", a.\"account_id\" FROM {account} AS a \
                 JOIN {user} AS u ON u.\"id\" = a.\"user_id\" WHERE a.\"account_id\" = $1 AND a.\"oauth_name\" = $2"
            )),
            // In the order in which they were linked, as Python lists them.
            accounts_of: sql(format!(
                "SELECT {} FROM {account} WHERE \"user_id\" = $1 ORDER BY rowid",
                quoted(&OAUTH_ACCOUNT_COLUMNS)
            )),
            account_is_linked: sql(format!(
                "SELECT \"oauth_name\", \"account_id\" FROM {account} WHERE \"account_id\" = $1 AND \"oauth_name\" = $2"
            )),
            insert_account: sql(insert_account(&account, &OAUTH_ACCOUNT_COLUMNS)),
            insert_account_without_id: sql(insert_account(&account, &OAUTH_ACCOUNT_COLUMNS[1..])),
            update_account: sql(format!(
                "UPDATE {account} SET \"access_token\" = $1, \"expires_at\" = $2, \"refresh_token\" = $3, \
                 \"account_email\" = $4 WHERE \"user_id\" = $5 AND \"oauth_name\" = $6 AND \"account_id\" = $7"
            )),
            delete_account: sql(format!(
                "DELETE FROM {account} WHERE \"user_id\" = $1 AND \"oauth_name\" = $2 AND \"account_id\" = $3"
            )),
            get_with_state: sql(format!(
                "SELECT {of_user}, s.not_before, s.password_is_generated FROM {user} AS u \
                 LEFT JOIN axum_users_user_state AS s ON s.user_id = $1 WHERE u.\"id\" = $2"
            )),
            // Nothing is kept of users who are gone: their ids may come again.
            set_state: sql(format!(
                "INSERT INTO axum_users_user_state (user_id, not_before, password_is_generated) \
                 SELECT $1, $2, $3 FROM {user} WHERE \"id\" = $4 ON CONFLICT (user_id) DO UPDATE SET \
                 not_before = excluded.not_before, password_is_generated = excluded.password_is_generated"
            )),
            columns,
            schema,
            tables,
        })
    }

    /// The user of a token that may be stored in any of so many forms.
    pub(crate) fn user_by_token(&self, forms: usize) -> SqlStr {
        match forms {
            1 | 2 => self.user_by_token[forms - 1].clone(),
            _ => {
                let (user, token) = (quote(&self.tables.user), quote(&self.tables.access_token));
                sql(user_by_token(&self.schema, &user, &token, forms))
            }
        }
    }

    pub(crate) fn delete_token(&self, forms: usize) -> SqlStr {
        let table = quote(&self.tables.access_token);
        sql(format!("DELETE FROM {table} WHERE \"token\" IN ({})", arguments(1, forms)))
    }

    pub(crate) fn delete_tokens_of(&self, except: usize) -> SqlStr {
        let table = quote(&self.tables.access_token);
        let kept = arguments(2, except);
        sql(format!("DELETE FROM {table} WHERE \"user_id\" = $1 AND \"token\" NOT IN ({kept})"))
    }

    /// The insert of a user, with its arguments.
    pub(crate) fn create(&self, record: &Record) -> Query<'static> {
        let makes_id = matches!(record.get("id"), None | Some(Value::Null));
        let (sql, skip) = if makes_id { (&self.insert_without_id, 1) } else { (&self.insert, 0) };
        self.schema.columns().iter().skip(skip).fold(sqlx::query(sql.clone()), |query, column| {
            let value = record.get(&column.name).or(column.default.as_ref());
            bind(query, value.unwrap_or(&Value::Null))
        })
    }

    /// Its arguments are the id, the values of `expected`, the values of `changes`.
    pub(crate) fn update(&self, expected: &Record, changes: &Record) -> Result<SqlStr, String> {
        let known = |name: &Cow<'static, str>| match self.schema.column(name) {
            Some(_) => Ok(quote(name)),
            None => Err(format!("the schema has no column `{name}`")),
        };
        let mut number = 1;
        let mut condition = "\"id\" = $1".to_owned();
        for (name, _) in expected.iter() {
            number += 1;
            // `IS` and not `=`: NULL may be expected.
            condition.push_str(&format!(" AND {} IS ${number}", known(name)?));
        }
        let mut set = Vec::with_capacity(changes.len());
        for (name, _) in changes.iter() {
            number += 1;
            set.push(format!("{} = ${number}", known(name)?));
        }
        if set.is_empty() {
            set.push("\"id\" = \"id\"".to_owned());
        }
        let (user, set, columns) = (quote(&self.tables.user), set.join(", "), &self.columns);
        Ok(sql(format!("UPDATE {user} SET {set} WHERE {condition} RETURNING {columns}")))
    }
}

/// The text is made of quoted names and numbers only.
fn sql(text: String) -> SqlStr {
    AssertSqlSafe(Arc::<str>::from(text)).into_sql_str()
}

/// `$1, $2, …`: so many, beginning with `first`.
fn arguments(first: usize, count: usize) -> String {
    (first..first + count).map(|number| format!("${number}")).collect::<Vec<_>>().join(", ")
}

fn column_list(schema: &Schema, prefix: &str) -> String {
    let names = schema.columns().iter().map(|column| format!("{prefix}{}", quote(&column.name)));
    names.collect::<Vec<_>>().join(", ")
}

fn insert(schema: &Schema, user: &str, skip: usize) -> String {
    let names: Vec<_> = schema.columns().iter().skip(skip).map(|column| quote(&column.name)).collect();
    let values = arguments(1, names.len());
    format!(
        "INSERT INTO {user} ({}) VALUES ({values}) RETURNING {}",
        names.join(", "),
        column_list(schema, "")
    )
}

fn quoted(names: &[&str]) -> String {
    names.iter().map(|name| quote(name)).collect::<Vec<_>>().join(", ")
}

fn insert_account(account: &str, columns: &[&str]) -> String {
    format!("INSERT INTO {account} ({}) VALUES ({})", quoted(columns), arguments(1, columns.len()))
}

/// The user's columns, then the token's stored form and when it was made.
fn user_by_token(schema: &Schema, user: &str, token: &str, forms: usize) -> String {
    format!(
        "SELECT {}, t.\"token\", t.\"created_at\" FROM {token} AS t JOIN {user} AS u ON u.\"id\" = t.\"user_id\" \
         WHERE t.\"token\" IN ({})",
        column_list(schema, "u."),
        arguments(1, forms)
    )
}

fn check(schema: &Schema, tables: &Tables) -> Result<(), Cow<'static, str>> {
    match schema.id_type() {
        ColumnType::Uuid | ColumnType::Integer | ColumnType::Text => {}
        ColumnType::ObjectId => {
            return Err("SQLite makes no ObjectIds; use `Uuid` or `i64` for the id".into());
        }
        other => return Err(format!("{other} cannot be the id of a table in SQLite").into()),
    }
    let names = [&tables.user, &tables.oauth_account, &tables.access_token];
    if let Some(name) = names.iter().find(|name| name.is_empty() || name.contains('\0')) {
        return Err(format!("{name:?} cannot be the name of a table").into());
    }
    for (index, column) in schema.columns().iter().enumerate() {
        if column.name.is_empty() || column.name.contains('\0') {
            return Err(format!("{:?} cannot be the name of a column", column.name).into());
        }
        let earlier = &schema.columns()[..index];
        if let Some(twin) = earlier.iter().find(|other| other.name.eq_ignore_ascii_case(&column.name)) {
            return Err(format!("SQLite takes `{}` and `{}` for one column", twin.name, column.name).into());
        }
        if column.default.as_ref().and_then(Value::as_text).is_some_and(|text| text.contains('\0')) {
            return Err(format!("the default of `{}` holds a zero byte", column.name).into());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use axum_users::{User, UserDatabase, UserModel};
    use sqlx::Row;

    use super::*;
    use crate::SqlxDatabase;

    #[tokio::test]
    async fn no_statement_on_the_way_of_a_request_reads_a_whole_table() {
        let schema = Arc::new(User::schema());
        let mut database = SqlxDatabase::connect("sqlite::memory:").await.unwrap();
        UserDatabase::<User>::configure(&mut database, &schema).unwrap();
        UserDatabase::<User>::migrate(&database).await.unwrap();
        let statements = Statements::new(schema, &SqlxOptions::new()).unwrap();
        let named = Record::new().with("email", Value::Text(String::new()));
        let mut all = vec![
            statements.get.clone(),
            statements.get_by_email.clone(),
            statements.insert.clone(),
            statements.list.clone(),
            statements.list_after.clone(),
            statements.update(&named, &named).unwrap(),
            statements.insert_token.clone(),
            statements.rewrite_token.clone(),
            statements.purge_tokens.clone(),
            statements.use_once.clone(),
            statements.forget_used.clone(),
            statements.user_by_account.clone(),
            statements.account_is_linked.clone(),
            statements.insert_account.clone(),
            statements.update_account.clone(),
            statements.delete_account.clone(),
            statements.get_with_state.clone(),
            statements.set_state.clone(),
            statements.delete_state.clone(),
            statements.accounts_of.clone(),
        ];
        all.extend(statements.delete.clone());
        for forms in 1..4 {
            all.push(statements.user_by_token(forms));
            all.push(statements.delete_token(forms));
            all.push(statements.delete_tokens_of(forms));
        }
        for sql in all {
            let explain = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {}", sql.as_str()));
            let plan = sqlx::query(explain).fetch_all(database.pool()).await.unwrap();
            for step in plan.iter().map(|row| row.get::<String, _>("detail")) {
                // The list of users is read in the order of an index, and no further than its limit.
                let by_index = sql.as_str() == statements.list.as_str() && step.contains("USING INDEX");
                assert!(!step.starts_with("SCAN") || by_index, "{step}\n{}", sql.as_str());
                // A user's few accounts are sorted.
                let sorted = sql.as_str() == statements.accounts_of.as_str();
                assert!(sorted || !step.contains("TEMP B-TREE"), "{step}\n{}", sql.as_str());
            }
        }
    }
}
