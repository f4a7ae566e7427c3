//! The original's tables, as SQLAlchemy makes them, with the model's own columns, and the side tables.
//!
//! PostgreSQL and MySQL depart from them in widths: times of expiry end in 2038 in the original, providers'
//! tokens after 1,024 characters, and MySQL's session times have whole seconds.

use axum_users::{
    Clock,
    schema::{Column, ColumnType, Schema, Value},
};

use super::{
    VERSION_TABLE,
    found::{FoundColumn, find},
};
use crate::{
    audit::{AUDIT_COLUMNS, AUDIT_TABLE},
    dialect::Dialect,
    engine::Work,
    limits::LIMIT_TABLE,
    sessions::{SESSION_COLUMNS, SESSION_TABLE},
    statements::Tables,
};

/// The columns of an OAuth account that have to be there.
pub(crate) const OAUTH_ACCOUNT_COLUMNS: [&str; 8] = [
    "id",
    "user_id",
    "oauth_name",
    "access_token",
    "expires_at",
    "refresh_token",
    "account_id",
    "account_email",
];

/// The columns of an access token that have to be there.
pub(crate) const ACCESS_TOKEN_COLUMNS: [&str; 3] = ["user_id", "token", "created_at"];

/// The side tables with their columns, a version each. Versions are only ever added.
pub(super) const SIDE_TABLES: [(&str, &[&str]); 5] = [
    // 1: what may be used once.
    ("axum_users_one_time", &["purpose", "digest", "expires_at"]),
    // 2: what is kept of a user beside the user table.
    ("axum_users_user_state", &["user_id", "not_before", "password_is_generated"]),
    // 3: the audit trail.
    (AUDIT_TABLE, &AUDIT_COLUMNS),
    // 4: what is known of sessions.
    (SESSION_TABLE, &SESSION_COLUMNS),
    // 5: counts of tries.
    (LIMIT_TABLE, &["name", "full_at"]),
];

/// Ignores case, and knows characters beyond the first 65,536; MySQL and MariaDB both have it.
pub(super) const MYSQL_COLLATION: &str = "utf8mb4_unicode_520_ci";

/// What follows a table's definition; its collation is [`MYSQL_COLLATION`].
const MYSQL_TABLE: &str = " ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_520_ci";

/// What an account or a token is called has to be compared exactly.
const MYSQL_EXACT: &str = " CHARACTER SET utf8mb4 COLLATE utf8mb4_bin";

/// One statement of a migration.
pub(super) struct Step {
    sql: String,
    /// Whether the database serves without it, if it is refused.
    is_optional: bool,
}

impl Step {
    pub(super) fn new(sql: String) -> Self {
        Self { sql, is_optional: false }
    }

    fn optional(sql: String) -> Self {
        Self { sql, is_optional: true }
    }

    /// The statement's beginning: what is made or changed, without its columns.
    pub(super) fn in_short(&self) -> &str {
        self.sql.split(['(', '\n']).next().unwrap_or_default().trim_end()
    }

    /// The statement.
    pub(super) fn sql(&self) -> &str {
        &self.sql
    }

    pub(super) async fn carry_out(self, work: &mut Work) -> Result<(), sqlx::Error> {
        if !self.is_optional {
            return work.run(self.sql).await;
        }
        // After an error, PostgreSQL goes on from a savepoint only.
        let has_savepoint = work.dialect().has_transactional_ddl();
        if has_savepoint {
            work.run("SAVEPOINT optional".to_owned()).await?;
        }
        if let Err(error) = work.run(self.sql).await {
            if error.as_database_error().is_none() {
                return Err(error);
            }
            tracing::warn!(%error, "a column stays as narrow as it is");
            if has_savepoint {
                work.run("ROLLBACK TO SAVEPOINT optional".to_owned()).await?;
            }
        }
        Ok(())
    }
}

/// The definitions for one model.
pub(super) struct Ddl<'a> {
    dialect: Dialect,
    schema: &'a Schema,
    tables: &'a Tables,
    /// The type of columns that refer to users.
    user_id: String,
}

impl<'a> Ddl<'a> {
    pub(super) fn new(dialect: Dialect, schema: &'a Schema, tables: &'a Tables) -> Self {
        Self { dialect, schema, tables, user_id: dialect.declared_type(schema.id_type()).to_owned() }
    }

    /// Columns that refer to a user table that is there have its type, without which MySQL refuses.
    pub(super) fn refer_to(&mut self, id: Option<&FoundColumn>) {
        if let Some(found) = id.filter(|_| self.dialect == Dialect::MySql) {
            self.user_id.clone_from(&found.declared);
            if let Some((charset, collation)) = &found.collation {
                self.user_id.push_str(&format!(" CHARACTER SET {charset} COLLATE {collation}"));
            }
        }
    }

    /// The statements that make the user table.
    pub(super) fn user_table(&self) -> Vec<Step> {
        let boolean = self.dialect.declared_type(ColumnType::Bool);
        // Without this, SQLite gives the id of a deleted user to the next one, whose tokens then lead there.
        let counts = self.dialect == Dialect::Sqlite && self.schema.id_type() == ColumnType::Integer;
        let mut lines = vec![
            if counts { "id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT".to_owned() } else { self.own_id() },
            "email VARCHAR(320) NOT NULL".to_owned(),
            "hashed_password VARCHAR(1024) NOT NULL".to_owned(),
            format!("is_active {boolean} NOT NULL"),
            format!("is_superuser {boolean} NOT NULL"),
            format!("is_verified {boolean} NOT NULL"),
        ];
        lines.extend(self.schema.own_columns().iter().map(|column| own_column(self.dialect, column)));
        if !counts {
            lines.push("PRIMARY KEY (id)".to_owned());
        }
        self.table(&self.tables.user, lines, &[("UNIQUE ", "email")])
    }

    /// The statements that make the table of OAuth accounts.
    pub(super) fn oauth_account_table(&self) -> Vec<Step> {
        let (token, expiry) = match self.dialect {
            Dialect::Sqlite => ("VARCHAR(1024)", "INTEGER"),
            _ => ("TEXT", "BIGINT"),
        };
        let lines = vec![
            self.own_id(),
            format!("user_id {} NOT NULL", self.user_id),
            format!("oauth_name VARCHAR(100){} NOT NULL", self.exact()),
            format!("access_token {token} NOT NULL"),
            format!("expires_at {expiry}"),
            format!("refresh_token {token}"),
            format!("account_id VARCHAR(320){} NOT NULL", self.exact()),
            "account_email VARCHAR(320) NOT NULL".to_owned(),
            "PRIMARY KEY (id)".to_owned(),
            self.foreign_key(),
        ];
        self.table(&self.tables.oauth_account, lines, &[("", "account_id"), ("", "oauth_name")])
    }

    /// The statements that make the table of access tokens.
    pub(super) fn access_token_table(&self) -> Vec<Step> {
        let lines = vec![
            format!("user_id {} NOT NULL", self.user_id),
            format!("token VARCHAR(43){} NOT NULL", self.exact()),
            format!("created_at {} NOT NULL", self.dialect.declared_type(ColumnType::Timestamp)),
            "PRIMARY KEY (token)".to_owned(),
            self.foreign_key(),
        ];
        self.table(&self.tables.access_token, lines, &[("", "created_at")])
    }

    /// Widens what is narrow in a table of OAuth accounts that is there. SQLite has no widths.
    pub(super) fn widen_oauth_accounts(&self, found: &[FoundColumn]) -> Vec<Step> {
        let is = |column: &str, narrow: &[&str]| {
            find(self.dialect, found, column)
                .is_some_and(|found| narrow.iter().any(|narrow| found.declared.starts_with(narrow)))
        };
        let table = &self.tables.oauth_account;
        let mut steps = Vec::new();
        for (column, narrow, wide, null) in [
            ("access_token", &["VARCHAR", "CHARACTER VARYING("][..], "TEXT", " NOT NULL"),
            ("refresh_token", &["VARCHAR", "CHARACTER VARYING("], "TEXT", ""),
            ("expires_at", &["INT", "MEDIUMINT", "SMALLINT"], "BIGINT", ""),
        ] {
            if self.dialect != Dialect::Sqlite && is(column, narrow) {
                steps.push(Step::optional(self.retype(table, column, wide, null)));
            }
        }
        steps
    }

    /// Gives MySQL's session times their fractions.
    pub(super) fn widen_access_tokens(&self, found: &[FoundColumn]) -> Vec<Step> {
        let created_at = find(self.dialect, found, "created_at").map(|found| found.declared.as_str());
        if self.dialect != Dialect::MySql || created_at.is_none_or(|declared| declared == "DATETIME(6)") {
            return Vec::new();
        }
        let retype = self.retype(&self.tables.access_token, "created_at", "DATETIME(6)", " NOT NULL");
        // A TIMESTAMP shows itself in the session's time zone. Python wrote UTC's digits into it in the server's,
        // so in that zone they come out as they went in.
        vec![
            Step::new("SET time_zone = @@global.time_zone".to_owned()),
            Step::optional(retype),
            Step::new("SET time_zone = '+00:00'".to_owned()),
        ]
    }

    fn retype(&self, table: &str, column: &str, wide: &str, null: &str) -> String {
        let table = self.dialect.quote(table);
        match self.dialect {
            Dialect::MySql => format!("ALTER TABLE {table} MODIFY COLUMN {column} {wide}{null}"),
            _ => format!("ALTER TABLE {table} ALTER COLUMN {column} TYPE {wide}"),
        }
    }

    pub(super) fn version_table(&self) -> Step {
        let (number, moment) = match self.dialect {
            Dialect::Sqlite => ("INTEGER", "TIMESTAMP"),
            _ => ("BIGINT", self.dialect.declared_type(ColumnType::Timestamp)),
        };
        Step::new(format!(
            "CREATE TABLE {VERSION_TABLE} (version {number} NOT NULL PRIMARY KEY, applied_at {moment} NOT NULL)"
        ))
    }

    pub(super) fn note_version(&self, version: i64) -> Step {
        let now = self.dialect.literal(&Value::Timestamp(Clock::system().now()));
        Step::new(format!("INSERT INTO {VERSION_TABLE} (version, applied_at) VALUES ({version}, {now})"))
    }

    /// The statements that make a side table.
    pub(super) fn side_table(&self, version: i64) -> Vec<Step> {
        let text = match self.dialect {
            // As bytes: to MySQL's other types, blanks at the end make no difference.
            Dialect::MySql => "VARBINARY(255)",
            _ => "TEXT",
        };
        let moment = self.dialect.declared_type(ColumnType::Timestamp);
        let boolean = self.dialect.declared_type(ColumnType::Bool);
        if version == 1 {
            let lines = vec![
                format!("purpose {text} NOT NULL"),
                format!("digest {text} NOT NULL"),
                format!("expires_at {moment} NOT NULL"),
                "PRIMARY KEY (purpose, digest)".to_owned(),
            ];
            return self.table("axum_users_one_time", lines, &[("", "expires_at")]);
        }
        if version == 3 {
            return self.audit_table();
        }
        if version == 4 {
            return self.session_table(moment);
        }
        if version == 5 {
            let integer = self.dialect.declared_type(ColumnType::Integer);
            let lines = vec![
                format!("name {text} NOT NULL"),
                format!("full_at {integer} NOT NULL"),
                "PRIMARY KEY (name)".to_owned(),
            ];
            return self.table(LIMIT_TABLE, lines, &[("", "full_at")]);
        }
        let lines = vec![
            format!("user_id {text} NOT NULL"),
            format!("not_before {moment}"),
            format!("password_is_generated {boolean} NOT NULL"),
            "PRIMARY KEY (user_id)".to_owned(),
        ];
        self.table("axum_users_user_state", lines, &[])
    }

    fn audit_table(&self) -> Vec<Step> {
        let text = match self.dialect {
            Dialect::MySql => format!("VARCHAR(255){MYSQL_EXACT}"),
            _ => "TEXT".to_owned(),
        };
        let mut lines: Vec<String> = AUDIT_COLUMNS.iter().map(|name| format!("{name} {text}")).collect();
        lines[0] = format!("id {text} NOT NULL");
        lines[1] = format!("happened_at {} NOT NULL", self.dialect.declared_type(ColumnType::Timestamp));
        lines[2] = format!("event {text} NOT NULL");
        lines.push("PRIMARY KEY (id)".to_owned());
        self.table(AUDIT_TABLE, lines, &[("", "user_id")])
    }

    fn session_table(&self, moment: &str) -> Vec<Step> {
        let text = match self.dialect {
            Dialect::MySql => format!("VARCHAR(255){MYSQL_EXACT}"),
            _ => "TEXT".to_owned(),
        };
        let lines = SESSION_COLUMNS.map(|column| match column {
            "id" | "user_id" | "backend" => format!("{column} {text} NOT NULL"),
            "created_at" | "last_used_at" => format!("{column} {moment} NOT NULL"),
            "expires_at" | "refresh_rotated_at" => format!("{column} {moment}"),
            _ => format!("{column} {text}"),
        });
        let mut lines = lines.to_vec();
        lines.push("PRIMARY KEY (id)".to_owned());
        let indexes =
            [("UNIQUE ", "token"), ("UNIQUE ", "refresh_handle"), ("", "user_id"), ("", "expires_at")];
        self.table(SESSION_TABLE, lines, &indexes)
    }

    fn own_id(&self) -> String {
        let declared = self.dialect.declared_type(self.schema.id_type());
        let makes_itself = match (self.schema.id_type(), self.dialect) {
            (ColumnType::Integer, Dialect::Postgres) => " GENERATED BY DEFAULT AS IDENTITY",
            (ColumnType::Integer, Dialect::MySql) => " AUTO_INCREMENT",
            _ => "",
        };
        format!("id {declared} NOT NULL{makes_itself}")
    }

    fn exact(&self) -> &'static str {
        if self.dialect == Dialect::MySql { MYSQL_EXACT } else { "" }
    }

    fn foreign_key(&self) -> String {
        format!(
            "FOREIGN KEY(user_id) REFERENCES {} (id) ON DELETE cascade",
            self.dialect.quote(&self.tables.user)
        )
    }

    /// A table with indexes, each on one column. In MySQL they are one statement, so that a table is made whole.
    fn table(&self, name: &str, mut lines: Vec<String>, indexes: &[(&str, &str)]) -> Vec<Step> {
        let (quoted, in_table) = (self.dialect.quote(name), self.dialect == Dialect::MySql);
        let mut steps = Vec::new();
        for (unique, column) in indexes {
            let index = match name.strip_prefix("axum_users_") {
                Some(_) => format!("{name}_{column}"),
                None => format!("ix_{name}_{column}"),
            };
            let index = self.dialect.quote(&index);
            if in_table {
                lines.push(format!("{unique}KEY {index} ({column})"));
            } else {
                steps.push(Step::new(format!("CREATE {unique}INDEX {index} ON {quoted} ({column})")));
            }
        }
        let options = if in_table { MYSQL_TABLE } else { "" };
        let create = format!("CREATE TABLE {quoted} (\n    {}\n){options}", lines.join(",\n    "));
        steps.insert(0, Step::new(create));
        steps
    }
}

/// A column of the application's own. Its default is in the table too, for rows that Python inserts.
pub(super) fn own_column(dialect: Dialect, column: &Column) -> String {
    let declared = dialect.declared_type(column.column_type);
    let mut definition = format!("{} {declared}", dialect.quote(&column.name));
    if !column.nullable {
        definition.push_str(" NOT NULL");
    }
    if let Some(default) = &column.default {
        definition.push_str(" DEFAULT ");
        definition.push_str(&dialect.default(default));
    }
    definition
}
