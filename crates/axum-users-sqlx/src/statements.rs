//! Every statement's text, made once for a schema.

use std::{
    borrow::Cow,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU32, Ordering},
    },
};

use axum_users::{
    Timestamp,
    schema::{ColumnType, Record, Schema, Value},
};
use sqlx::{AssertSqlSafe, SqlSafeStr, SqlStr};

use crate::{
    connect::SqlxOptions,
    dialect::Dialect,
    engine::Call,
    limits::LimitStatements,
    migrate::OAUTH_ACCOUNT_COLUMNS,
    sessions::{SESSION_TABLE, SessionStatements},
};

/// Expired one-time records that one statement forgets at most, and access tokens likewise.
pub(crate) const BATCH: u32 = 1000;

/// When to forget what expired: not with every row that is added, which would double the work, but in time for no more
/// to be left than one statement forgets.
#[derive(Default)]
pub(crate) struct Housekeeping {
    rows: AtomicU32,
    /// Of the last time, in seconds since 1970.
    at: AtomicI64,
}

impl Housekeeping {
    /// Rows that are added between two times.
    const ROWS: u32 = 200;
    const SECONDS: u64 = 60;

    /// Counts one more row.
    pub(crate) fn is_due(&self) -> bool {
        self.rows.fetch_add(1, Ordering::Relaxed) % Self::ROWS == Self::ROWS - 1
    }

    /// The same for rows that may come rarely: a minute after the last time it is due as well.
    pub(crate) fn is_due_at(&self, now: Timestamp) -> bool {
        let now = now.unix_timestamp();
        if now.abs_diff(self.at.load(Ordering::Relaxed)) >= Self::SECONDS {
            self.at.store(now, Ordering::Relaxed);
            return true;
        }
        self.is_due()
    }
}

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

/// The statements of one schema. Values are always arguments; names that an application chose are quoted.
pub(crate) struct Statements {
    pub(crate) dialect: Dialect,
    pub(crate) schema: Arc<Schema>,
    pub(crate) tables: Tables,
    pub(crate) get: SqlStr,
    pub(crate) get_by_email: SqlStr,
    insert: SqlStr,
    insert_without_id: SqlStr,
    pub(crate) list: SqlStr,
    pub(crate) list_after: SqlStr,
    /// The id's text is its argument.
    pub(crate) delete_state: SqlStr,
    /// In this order, in one transaction; the last one's count tells whether there was a user.
    pub(crate) delete: [SqlStr; 3],
    /// Before them, where the database would give the user's id again. Its argument is the id.
    pub(crate) retire_id: Option<SqlStr>,
    /// After that: of the retired ids the greatest tells enough.
    pub(crate) forget_retired_ids: SqlStr,
    pub(crate) insert_token: SqlStr,
    /// For one form of a token, and for two.
    user_by_token: [SqlStr; 2],
    pub(crate) purge_tokens: SqlStr,
    pub(crate) use_once: SqlStr,
    pub(crate) forget_used: SqlStr,
    pub(crate) used: Housekeeping,
    pub(crate) user_by_account: SqlStr,
    pub(crate) accounts_of: SqlStr,
    pub(crate) linked_accounts: SqlStr,
    pub(crate) insert_account: SqlStr,
    pub(crate) insert_account_without_id: SqlStr,
    pub(crate) update_account: SqlStr,
    pub(crate) delete_account: SqlStr,
    pub(crate) get_with_state: SqlStr,
    pub(crate) set_state: SqlStr,
    pub(crate) sessions: SessionStatements,
    pub(crate) limits: LimitStatements,
}

impl Statements {
    /// Fails with a sentence when the database cannot keep the schema.
    pub(crate) fn new(
        dialect: Dialect,
        schema: Arc<Schema>,
        options: &SqlxOptions,
    ) -> Result<Self, Cow<'static, str>> {
        let tables = Tables::new(options, schema.table());
        check(dialect, &schema, &tables)?;
        let [user, account, token] =
            [&tables.user, &tables.oauth_account, &tables.access_token].map(|name| dialect.quote(name));
        let select = format!("SELECT {} FROM {user}", column_list(dialect, &schema, ""));
        let of_user = column_list(dialect, &schema, "u.");
        let [a1, a2] = [1, 2].map(|number| dialect.argument(number));
        Ok(Self {
            get: sql(format!("{select} WHERE id = {a1}")),
            get_by_email: sql(format!("{select} WHERE {} = {a1}", dialect.folded_email())),
            insert: sql(insert(dialect, &schema, &user, 0)),
            insert_without_id: sql(match may_repeat_ids(dialect, &schema) {
                true => insert_with_next_id(&schema, &user),
                false => insert(dialect, &schema, &user, 1),
            }),
            list: sql(format!("{select} ORDER BY id LIMIT {a1}")),
            list_after: sql(format!("{select} WHERE id > {a1} ORDER BY id LIMIT {a2}")),
            delete_state: sql(format!("DELETE FROM axum_users_user_state WHERE user_id = {a1}")),
            // The tables may have been made without cascades.
            delete: [
                sql(format!("DELETE FROM {token} WHERE user_id = {a1}")),
                sql(format!("DELETE FROM {account} WHERE user_id = {a1}")),
                sql(format!("DELETE FROM {user} WHERE id = {a1}")),
            ],
            retire_id: may_repeat_ids(dialect, &schema).then(|| sql(retire_id(&user, &tables.user))),
            forget_retired_ids: sql(format!(
                "DELETE FROM axum_users_one_time WHERE purpose = 'user_id' \
                 AND CAST(digest AS INTEGER) < ({LAST_RETIRED_ID})"
            )),
            insert_token: sql(format!(
                "INSERT INTO {token} (token, user_id, created_at) VALUES ({})",
                dialect.arguments(1, 3)
            )),
            user_by_token: [1, 2].map(|forms| sql(user_by_token(dialect, &schema, &user, &token, forms))),
            purge_tokens: sql(dialect.delete_batch(&token, "created_at", BATCH)),
            use_once: sql(use_once(dialect)),
            forget_used: sql(dialect.delete_batch("axum_users_one_time", "expires_at", BATCH)),
            used: Housekeeping::default(),
            user_by_account: sql(format!(
                "SELECT {of_user}, a.oauth_name, a.account_id FROM {account} a JOIN {user} u ON u.id = a.user_id \
                 WHERE a.account_id = {a1} AND a.oauth_name = {a2}"
            )),
            accounts_of: sql(accounts_of(dialect, &account)),
            linked_accounts: sql(format!(
                "SELECT oauth_name, account_id FROM {account} WHERE account_id = {a1} AND oauth_name = {a2}"
            )),
            insert_account: sql(insert_account(dialect, &account, &OAUTH_ACCOUNT_COLUMNS)),
            insert_account_without_id: sql(insert_account(dialect, &account, &OAUTH_ACCOUNT_COLUMNS[1..])),
            update_account: sql(update_account(dialect, &account)),
            delete_account: sql(format!(
                "DELETE FROM {account} WHERE user_id = {a1} AND {} AND {}",
                dialect.is_exactly("oauth_name", 2),
                dialect.is_exactly("account_id", 3)
            )),
            get_with_state: sql(format!(
                "SELECT {of_user}, s.not_before, s.password_is_generated FROM {user} u \
                 LEFT JOIN axum_users_user_state s ON s.user_id = {a1} WHERE u.id = {a2}"
            )),
            set_state: sql(set_state(dialect, &user)),
            sessions: SessionStatements::new(dialect, &user, &token),
            limits: LimitStatements::new(dialect),
            dialect,
            schema,
            tables,
        })
    }

    /// The user of a token that may be stored in any of so many forms.
    pub(crate) fn user_by_token(&self, forms: usize) -> SqlStr {
        match forms {
            1 | 2 => self.user_by_token[forms - 1].clone(),
            _ => {
                let (user, token) = (self.quote(&self.tables.user), self.quote(&self.tables.access_token));
                sql(user_by_token(self.dialect, &self.schema, &user, &token, forms))
            }
        }
    }

    /// The same with the last use of the session whose token is one of `session`, the places of the arguments before
    /// the token's own.
    pub(crate) fn user_by_token_with(&self, forms: usize, session: &str) -> SqlStr {
        let (user, token) = (self.quote(&self.tables.user), self.quote(&self.tables.access_token));
        sql(format!(
            "SELECT {}, t.token, t.created_at, s.last_used_at FROM {token} t JOIN {user} u ON u.id = t.user_id \
             LEFT JOIN {SESSION_TABLE} s ON s.token IN ({session}) WHERE t.token IN ({})",
            column_list(self.dialect, &self.schema, "u."),
            self.dialect.arguments(forms + 1, forms)
        ))
    }

    /// The deletion of a token in any of its forms, with its arguments.
    pub(crate) fn delete_token(&self, forms: &[String]) -> Call {
        let (table, is_it) = (self.quote(&self.tables.access_token), self.is_token(1, forms.len()));
        self.with_forms(Call::new(&sql(format!("DELETE FROM {table} WHERE {is_it}"))), forms)
    }

    /// The replacement of a token, with its arguments.
    pub(crate) fn rewrite_token(&self, from: &str, to: &str) -> Call {
        let (table, is_it) = (self.quote(&self.tables.access_token), self.is_token(2, 1));
        // An old MySQL sets the first TIMESTAMP of a table to the present, unless told otherwise.
        let and_no_more = if self.dialect == Dialect::MySql { ", created_at = created_at" } else { "" };
        let new = self.dialect.argument(1);
        let update = sql(format!("UPDATE {table} SET token = {new}{and_no_more} WHERE {is_it}"));
        self.with_forms(Call::new(&update).text(to), &[from.to_owned()])
    }

    /// A condition that holds when the token is one of so many. For MySQL it says so twice: once for the index, once
    /// for what is exactly the same.
    fn is_token(&self, first: usize, count: usize) -> String {
        let found = format!("token IN ({})", self.dialect.arguments(first, count));
        match self.dialect {
            Dialect::MySql => {
                let (token, exact) = (self.dialect.exactly("token"), self.dialect.exact_arguments(0, count));
                format!("{found} AND {token} IN ({exact})")
            }
            _ => found,
        }
    }

    /// The arguments of [`is_token`](Self::is_token).
    fn with_forms(&self, call: Call, forms: &[String]) -> Call {
        match self.dialect {
            Dialect::MySql => call.texts(forms).texts(forms),
            _ => call.texts(forms),
        }
    }

    pub(crate) fn delete_tokens_of(&self, except: usize) -> SqlStr {
        let table = self.quote(&self.tables.access_token);
        let delete = format!("DELETE FROM {table} WHERE user_id = {}", self.dialect.argument(1));
        if except == 0 {
            return sql(delete);
        }
        let (token, kept) = (self.dialect.exactly("token"), self.dialect.exact_arguments(2, except));
        sql(format!("{delete} AND {token} NOT IN ({kept})"))
    }

    /// The insert of a user, with its arguments.
    pub(crate) fn create(&self, record: &Record) -> Call {
        let makes_id = matches!(record.get("id"), None | Some(Value::Null));
        let (sql, skip) = if makes_id { (&self.insert_without_id, 1) } else { (&self.insert, 0) };
        self.schema.columns().iter().skip(skip).fold(Call::new(sql), |call, column| {
            let value = record.get(&column.name).or(column.default.as_ref());
            call.value(value.cloned().unwrap_or(Value::Null), column.column_type)
        })
    }

    /// The update of a user, but for the id, which is its last argument.
    pub(crate) fn update(&self, expected: &Record, changes: &Record) -> Result<Call, String> {
        let type_of = |name: &str| match self.schema.column(name) {
            Some(column) => Ok(column.column_type),
            None => Err(format!("the schema has no column `{name}`")),
        };
        let (mut set, mut conditions, mut arguments) = (Vec::new(), Vec::new(), Vec::new());
        for (name, value) in changes.iter() {
            arguments.push((value.clone(), type_of(name)?));
            set.push(format!("{} = {}", self.quote(name), self.dialect.argument(arguments.len())));
        }
        if set.is_empty() {
            set.push("id = id".to_owned());
        }
        for (name, value) in expected.iter() {
            let (column, column_type) = (self.quote(name), type_of(name)?);
            if *value == Value::Null {
                conditions.push(format!("{column} IS NULL"));
                continue;
            }
            conditions.push(self.dialect.is_as_expected(&column, column_type, arguments.len() + 1));
            arguments.push((value.clone(), column_type));
        }
        conditions.push(format!("id = {}", self.dialect.argument(arguments.len() + 1)));
        let (user, set, conditions) =
            (self.quote(&self.tables.user), set.join(", "), conditions.join(" AND "));
        let returning = returning(self.dialect, &self.schema);
        let text = sql(format!("UPDATE {user} SET {set} WHERE {conditions}{returning}"));
        Ok(arguments.into_iter().fold(Call::new(&text), |call, (value, of)| call.value(value, of)))
    }

    fn quote(&self, name: &str) -> String {
        self.dialect.quote(name)
    }
}

/// The text is made of quoted names and numbers only.
pub(crate) fn sql(text: String) -> SqlStr {
    AssertSqlSafe(Arc::<str>::from(text)).into_sql_str()
}

fn column_list(dialect: Dialect, schema: &Schema, prefix: &str) -> String {
    let names = schema.columns().iter().map(|column| format!("{prefix}{}", dialect.quote(&column.name)));
    names.collect::<Vec<_>>().join(", ")
}

fn returning(dialect: Dialect, schema: &Schema) -> String {
    if !dialect.has_returning() {
        return String::new();
    }
    format!(" RETURNING {}", column_list(dialect, schema, ""))
}

fn insert(dialect: Dialect, schema: &Schema, user: &str, skip: usize) -> String {
    let names: Vec<_> =
        schema.columns().iter().skip(skip).map(|column| dialect.quote(&column.name)).collect();
    let values = dialect.arguments(1, names.len());
    format!("INSERT INTO {user} ({}) VALUES ({values}){}", names.join(", "), returning(dialect, schema))
}

/// SQLite gives the greatest id again when its row is gone, save in tables with AUTOINCREMENT, which Python's have
/// not.
fn may_repeat_ids(dialect: Dialect, schema: &Schema) -> bool {
    dialect == Dialect::Sqlite && schema.id_type() == ColumnType::Integer
}

/// An id may be used once, so that is where the last one stands.
const LAST_RETIRED_ID: &str =
    "SELECT max(CAST(digest AS INTEGER)) FROM axum_users_one_time WHERE purpose = 'user_id'";

/// An insert that goes on behind the last retired id; where that is not the greatest, SQLite chooses.
fn insert_with_next_id(schema: &Schema, user: &str) -> String {
    let dialect = Dialect::Sqlite;
    let names: Vec<_> = schema.columns().iter().map(|column| dialect.quote(&column.name)).collect();
    format!(
        "INSERT INTO {user} ({}) VALUES ((SELECT CASE WHEN last >= (SELECT coalesce(max(id), 0) FROM {user}) \
         THEN last + 1 END FROM (SELECT ({LAST_RETIRED_ID}) AS last)), {}){}",
        names.join(", "),
        dialect.arguments(1, names.len() - 1),
        returning(dialect, schema)
    )
}

fn retire_id(user: &str, name: &str) -> String {
    let name = Dialect::Sqlite.text_literal(name);
    format!(
        "INSERT INTO axum_users_one_time (purpose, digest, expires_at) \
         SELECT 'user_id', CAST(id AS TEXT), '9999-12-31 23:59:59.999999' FROM {user} \
         WHERE id = $1 AND id = (SELECT max(id) FROM {user}) AND NOT EXISTS (SELECT 1 FROM sqlite_master \
         WHERE type = 'table' AND lower(name) = lower({name}) AND sql LIKE '%AUTOINCREMENT%') \
         ON CONFLICT DO NOTHING"
    )
}

/// The user's columns, then the token's stored form and when it was made.
fn user_by_token(dialect: Dialect, schema: &Schema, user: &str, token: &str, forms: usize) -> String {
    format!(
        "SELECT {}, t.token, t.created_at FROM {token} t JOIN {user} u ON u.id = t.user_id WHERE t.token IN ({})",
        column_list(dialect, schema, "u."),
        dialect.arguments(1, forms)
    )
}

fn use_once(dialect: Dialect) -> String {
    // MySQL says that there is a row already by an error: the ways around it would hide other errors too.
    let or_nothing = if dialect == Dialect::MySql { "" } else { " ON CONFLICT DO NOTHING" };
    let values = dialect.arguments(1, 3);
    format!("INSERT INTO axum_users_one_time (purpose, digest, expires_at) VALUES ({values}){or_nothing}")
}

fn accounts_of(dialect: Dialect, account: &str) -> String {
    // In the order in which they were linked, as Python lists them, where that is known.
    let order = if dialect == Dialect::Sqlite { "rowid" } else { "id" };
    let columns = OAUTH_ACCOUNT_COLUMNS.join(", ");
    format!("SELECT {columns} FROM {account} WHERE user_id = {} ORDER BY {order}", dialect.argument(1))
}

fn insert_account(dialect: Dialect, account: &str, columns: &[&str]) -> String {
    let values = dialect.arguments(1, columns.len());
    format!("INSERT INTO {account} ({}) VALUES ({values})", columns.join(", "))
}

fn update_account(dialect: Dialect, account: &str) -> String {
    let [a1, a2, a3, a4, a5] = [1, 2, 3, 4, 5].map(|number| dialect.argument(number));
    let (is_name, is_id) = (dialect.is_exactly("oauth_name", 6), dialect.is_exactly("account_id", 7));
    format!(
        "UPDATE {account} SET access_token = {a1}, expires_at = {a2}, refresh_token = {a3}, account_email = {a4} \
         WHERE user_id = {a5} AND {is_name} AND {is_id}"
    )
}

/// Nothing is kept of users who are gone: their ids may come again.
fn set_state(dialect: Dialect, user: &str) -> String {
    let (values, id) = (dialect.arguments(1, 3), dialect.argument(4));
    let (conflict, new) = match dialect {
        Dialect::MySql => {
            ("ON DUPLICATE KEY UPDATE", ["VALUES(not_before)", "VALUES(password_is_generated)"])
        }
        _ => {
            ("ON CONFLICT (user_id) DO UPDATE SET", ["excluded.not_before", "excluded.password_is_generated"])
        }
    };
    format!(
        "INSERT INTO axum_users_user_state (user_id, not_before, password_is_generated) \
         SELECT {values} FROM {user} WHERE id = {id} \
         {conflict} not_before = {}, password_is_generated = {}",
        new[0], new[1]
    )
}

fn check(dialect: Dialect, schema: &Schema, tables: &Tables) -> Result<(), Cow<'static, str>> {
    match schema.id_type() {
        ColumnType::Uuid | ColumnType::Integer => {}
        // What is equal to MySQL is not always the same text.
        ColumnType::Text if dialect != Dialect::MySql => {}
        ColumnType::ObjectId => {
            return Err(format!("{dialect} makes no ObjectIds; use `Uuid` or `i64` for the id").into());
        }
        other => return Err(format!("{other} cannot be the id of a table in {dialect}").into()),
    }
    let names = [&tables.user, &tables.oauth_account, &tables.access_token];
    if let Some(name) = names.iter().find(|name| name.is_empty() || name.contains('\0')) {
        return Err(format!("{name:?} cannot be the name of a table").into());
    }
    for (index, column) in schema.columns().iter().enumerate() {
        if column.name.is_empty() || column.name.contains('\0') {
            return Err(format!("{:?} cannot be the name of a column", column.name).into());
        }
        let is_twin = |other: &str| match dialect.folds_column_names() {
            true => other.eq_ignore_ascii_case(&column.name),
            false => other == column.name,
        };
        if let Some(twin) = schema.columns()[..index].iter().find(|other| is_twin(&other.name)) {
            return Err(
                format!("{dialect} takes `{}` and `{}` for one column", twin.name, column.name).into()
            );
        }
        if column.default.as_ref().and_then(Value::as_text).is_some_and(|text| text.contains('\0')) {
            return Err(format!("the default of `{}` holds a zero byte", column.name).into());
        }
    }
    Ok(())
}
