//! Making the tables, or adopting those that are there.
//!
//! The user table is the entity's. The tables beside it are those of FastAPI Users, wide enough for long tokens and
//! late expiries, and the side tables of the library. SQLite and PostgreSQL carry all of it out in one
//! transaction; MySQL commits each definition by itself, so there a migration that ended early goes on where it
//! ended.

mod adopt;
mod column;
mod found;
mod widen;

use axum_users::{Clock, MigrateError, schema::ColumnType as Kind, with_progress};
use sea_orm::{
    ConnectionTrait, DatabaseTransaction, DbBackend, IdenStatic, Iterable, PrimaryKeyTrait,
    Schema as Definitions, Statement,
    sea_query::{ColumnDef, ColumnType, Table, TableCreateStatement},
};

use self::found::Found;
use crate::{
    accounts::OAUTH_ACCOUNT_COLUMNS,
    audit::{AUDIT_COLUMNS, AUDIT_TABLE},
    connection::Connection,
    database::Tables,
    error::migrate_error,
    layout::{Layout, UserEntity, quote},
    sessions::{SESSION_COLUMNS, SESSION_TABLE},
    value::moment,
};

/// The table that says which versions of the side tables there are.
const VERSION_TABLE: &str = "axum_users_migration";

/// Ignores case, and knows characters beyond the first 65,536; MySQL and MariaDB both have it.
const MYSQL_COLLATION: &str = "utf8mb4_unicode_520_ci";

/// What an account or a token is called has to be compared exactly.
const MYSQL_EXACT: &str = " CHARACTER SET utf8mb4 COLLATE utf8mb4_bin";

/// The key of PostgreSQL's advisory lock: `axum_usr`.
const POSTGRES_LOCK: i64 = 0x6178_756d_5f75_7372;

/// The lock of a MySQL server, where one name is one lock for all databases.
const MYSQL_LOCK: &str = "CONCAT('axum_users_', MD5(DATABASE()))";

/// Brings the database to where the model wants it.
pub(crate) async fn migrate<E: UserEntity>(
    connection: &Connection,
    layout: &Layout<E>,
    tables: &Tables,
) -> Result<(), MigrateError> {
    let work = connection.begin().await?;
    let migration =
        Migration { backend: connection.backend(), found: Found::new(&work), work: &work, layout, tables };
    let done = migration.carry_out().await;
    match done {
        Ok(()) => work.commit().await.map_err(migrate_error),
        Err(error) => {
            // The error that matters is the first one.
            let _: Result<(), _> = work.rollback().await;
            Err(error)
        }
    }
}

struct Migration<'a, E: UserEntity> {
    backend: DbBackend,
    found: Found<'a>,
    work: &'a DatabaseTransaction,
    layout: &'a Layout<E>,
    tables: &'a Tables,
}

impl<E: UserEntity> Migration<'_, E> {
    async fn carry_out(&self) -> Result<(), MigrateError> {
        match self.backend {
            // The write lock of SQLite is taken already.
            DbBackend::Sqlite => self.all().await,
            DbBackend::Postgres => {
                self.run(&format!("SELECT pg_advisory_xact_lock({POSTGRES_LOCK})")).await?;
                self.all().await
            }
            _ => {
                self.run(&format!("DO GET_LOCK({MYSQL_LOCK}, 60)")).await?;
                let done = self.all().await;
                let released = self.run(&format!("DO RELEASE_LOCK({MYSQL_LOCK})")).await;
                done.and(released)
            }
        }
    }

    async fn all(&self) -> Result<(), MigrateError> {
        let first_time = !self.found.has_table(VERSION_TABLE).await?;
        self.user_table(first_time).await?;
        let id = self.declared_id().await?;
        self.oauth_account_table(&id).await?;
        self.access_token_table(&id).await?;
        self.unique_accounts(first_time).await?;
        self.side_tables().await
    }

    async fn user_table(&self, first_time: bool) -> Result<(), MigrateError> {
        let (name, table) = (E::default().table_name(), self.user_table_name());
        let columns = self.found.columns(&table).await?;
        if columns.is_empty() {
            self.create_user_table().await?;
        } else {
            self.adopt_user_table(&table, &columns, first_time).await?;
        }
        let index = index_name(name, "email_lower");
        if self.found.has_index(&index, name).await? {
            return Ok(());
        }
        let email = self.layout.email();
        if self.backend == DbBackend::MySql && self.found.is_unique(name, email.as_str()).await? {
            return Ok(());
        }
        let folded = self.layout.folded_email();
        self.refuse_shared_emails(&table, &folded).await?;
        self.unique_index(&index, &table, &folded).await
    }

    async fn create_user_table(&self) -> Result<(), MigrateError> {
        let definitions = Definitions::new(self.backend);
        for kind in definitions.create_enum_from_entity(E::default()) {
            let kind = self.backend.build(&kind);
            // Another table may have brought the type.
            let create =
                format!("DO $body$ BEGIN {kind}; EXCEPTION WHEN duplicate_object THEN NULL; END $body$");
            self.run(&create).await?;
        }
        let from_entity: TableCreateStatement = definitions.create_table_from_entity(E::default());
        let mut table = Table::create();
        table.table(E::default().table_ref());
        for column in E::Column::iter() {
            table.col(self.definition(column));
        }
        for key in from_entity.get_foreign_key_create_stmts() {
            table.foreign_key(&mut key.clone());
        }
        if self.backend == DbBackend::MySql && !self.found.is_fit_by_default().await? {
            table.engine("InnoDB").character_set("utf8mb4").collate(MYSQL_COLLATION);
        }
        self.work.execute(&table).await.map_err(migrate_error)?;
        for index in definitions.create_index_from_entity(E::default()) {
            self.work.execute(&index).await.map_err(migrate_error)?;
        }
        Ok(())
    }

    /// A column as the entity says it, save that MySQL keeps the fractions of moments, long texts and deep JSON.
    fn definition(&self, column: E::Column) -> ColumnDef {
        let mut definition = Definitions::new(self.backend).get_column_def::<E>(column);
        if self.backend == DbBackend::MySql {
            match definition.get_column_type() {
                Some(ColumnType::DateTime | ColumnType::Timestamp | ColumnType::TimestampWithTimeZone) => {
                    definition.custom("datetime(6)");
                }
                // As MariaDB's JSON is, but for its check, which refuses what is nested more than 32 levels deep.
                Some(ColumnType::Json | ColumnType::JsonBinary) => {
                    definition.custom("longtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin");
                }
                // One of 255 characters could not have the hash of a password and an index besides.
                Some(ColumnType::Text) => {
                    definition.custom("longtext");
                }
                _ => {}
            }
        }
        definition
    }

    /// The type of a column that refers to users, which has to be that of their `id`.
    async fn declared_id(&self) -> Result<String, MigrateError> {
        let id = self.layout.id();
        if self.backend == DbBackend::MySql {
            return self.found.mysql_type(E::default().table_name(), id.as_str()).await;
        }
        let is_number = self.layout.schema.id_type() == Kind::Integer;
        Ok(match (self.layout.id_type(), self.backend) {
            (ColumnType::Uuid, DbBackend::Postgres) => "UUID",
            (ColumnType::Uuid, _) => "UUID_TEXT",
            (_, DbBackend::Postgres) if is_number => "BIGINT",
            _ if is_number => "INTEGER",
            _ => "VARCHAR(36)",
        }
        .to_owned())
    }

    async fn oauth_account_table(&self, id: &str) -> Result<(), MigrateError> {
        let name = &self.tables.oauth_account;
        if self.found.has_table(&self.quote(name)).await? {
            let columns = self.expect_columns(name, &OAUTH_ACCOUNT_COLUMNS).await?;
            self.widen_oauth_accounts(name, &columns).await?;
        } else {
            let counts = E::PrimaryKey::auto_increment() && self.layout.schema.id_type() == Kind::Integer;
            let makes_itself = match self.backend {
                DbBackend::Postgres if counts => " GENERATED BY DEFAULT AS IDENTITY",
                DbBackend::MySql if counts => " AUTO_INCREMENT",
                _ => "",
            };
            let (token, exact) = match self.backend {
                DbBackend::MySql => ("LONGTEXT", MYSQL_EXACT),
                _ => ("TEXT", ""),
            };
            self.create(
                name,
                &[
                    format!("id {id} NOT NULL{makes_itself}"),
                    format!("user_id {id} NOT NULL"),
                    format!("oauth_name VARCHAR(100){exact} NOT NULL"),
                    format!("access_token {token} NOT NULL"),
                    "expires_at BIGINT".to_owned(),
                    format!("refresh_token {token}"),
                    format!("account_id VARCHAR(320){exact} NOT NULL"),
                    "account_email VARCHAR(320) NOT NULL".to_owned(),
                    "PRIMARY KEY (id)".to_owned(),
                    self.foreign_key(),
                ],
            )
            .await?;
            self.index(&format!("ix_{name}_account_id"), name, "account_id").await?;
        }
        self.index(&index_name(name, "user_id"), name, "user_id, id").await
    }

    async fn access_token_table(&self, id: &str) -> Result<(), MigrateError> {
        let name = &self.tables.access_token;
        if self.found.has_table(&self.quote(name)).await? {
            let columns = self.expect_columns(name, &["user_id", "token", "created_at"]).await?;
            self.widen_access_tokens(name, &columns).await?;
        } else {
            let exact = if self.backend == DbBackend::MySql { MYSQL_EXACT } else { "" };
            self.create(
                name,
                &[
                    format!("user_id {id} NOT NULL"),
                    format!("token VARCHAR(43){exact} NOT NULL"),
                    format!("created_at {} NOT NULL", self.moment()),
                    "PRIMARY KEY (token)".to_owned(),
                    self.foreign_key(),
                ],
            )
            .await?;
            self.index(&format!("ix_{name}_created_at"), name, "created_at").await?;
        }
        self.index(&index_name(name, "user_id"), name, "user_id, token").await
    }

    /// One account of a provider is one user's. Several rows of one account for one user, which Python makes, are
    /// tolerated, without the index; so is what Python may write while it serves too.
    async fn unique_accounts(&self, first_time: bool) -> Result<(), MigrateError> {
        let name = &self.tables.oauth_account;
        let (table, index) = (self.quote(name), index_name(name, "account"));
        let wants_index = !self.tables.side_by_side && !self.found.has_index(&index, name).await?;
        if !first_time && !wants_index {
            return Ok(());
        }
        self.refuse_shared_accounts(&table).await?;
        if !wants_index || self.has_repeated_accounts(&table).await? {
            return Ok(());
        }
        self.unique_index(&index, &table, "oauth_name, account_id").await
    }

    async fn side_tables(&self) -> Result<(), MigrateError> {
        let text = match self.backend {
            // As bytes: to MySQL's other types, blanks at the end make no difference.
            DbBackend::MySql => "VARBINARY(255)",
            _ => "TEXT",
        };
        let moment = self.moment();
        let boolean = if self.backend == DbBackend::MySql { "BOOL" } else { "BOOLEAN" };
        if !self.found.has_table(VERSION_TABLE).await? {
            let version = if self.backend == DbBackend::Sqlite { "INTEGER" } else { "BIGINT" };
            let lines =
                [format!("version {version} NOT NULL PRIMARY KEY"), format!("applied_at {moment} NOT NULL")];
            self.create(VERSION_TABLE, &lines).await?;
        }
        let once = "axum_users_one_time";
        if !self.found.has_table(once).await? {
            let lines = [
                format!("purpose {text} NOT NULL"),
                format!("digest {text} NOT NULL"),
                format!("expires_at {moment} NOT NULL"),
                "PRIMARY KEY (purpose, digest)".to_owned(),
            ];
            self.create(once, &lines).await?;
            self.index("axum_users_one_time_expires_at", once, "expires_at").await?;
        }
        self.note_version(1).await?;
        let state = "axum_users_user_state";
        if !self.found.has_table(state).await? {
            let lines = [
                format!("user_id {text} NOT NULL"),
                format!("not_before {moment}"),
                format!("password_is_generated {boolean} NOT NULL"),
                "PRIMARY KEY (user_id)".to_owned(),
            ];
            self.create(state, &lines).await?;
        }
        self.note_version(2).await?;
        self.audit_table().await?;
        self.note_version(3).await?;
        self.session_table(moment).await?;
        self.note_version(4).await
    }

    async fn audit_table(&self) -> Result<(), MigrateError> {
        if self.found.has_table(AUDIT_TABLE).await? {
            return Ok(());
        }
        let text = match self.backend {
            DbBackend::MySql => format!("VARCHAR(255){MYSQL_EXACT}"),
            _ => "TEXT".to_owned(),
        };
        let mut lines: Vec<String> = AUDIT_COLUMNS.iter().map(|name| format!("{name} {text}")).collect();
        lines[0] = format!("id {text} NOT NULL");
        lines[1] = format!("happened_at {} NOT NULL", self.moment());
        lines[2] = format!("event {text} NOT NULL");
        lines.push("PRIMARY KEY (id)".to_owned());
        self.create(AUDIT_TABLE, &lines).await?;
        self.index("axum_users_audit_user_id", AUDIT_TABLE, "user_id").await
    }

    async fn session_table(&self, moment: &str) -> Result<(), MigrateError> {
        let name = SESSION_TABLE;
        if !self.found.has_table(name).await? {
            let text = match self.backend {
                DbBackend::MySql => format!("VARCHAR(255){MYSQL_EXACT}"),
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
            self.create(name, &lines).await?;
        }
        for column in ["token", "refresh_handle"] {
            let index = format!("{name}_{column}");
            if !self.found.has_index(&index, name).await? {
                self.unique_index(&index, &self.quote(name), column).await?;
            }
        }
        self.index(&format!("{name}_user_id"), name, "user_id").await?;
        self.index(&format!("{name}_expires_at"), name, "expires_at").await
    }

    async fn note_version(&self, version: i64) -> Result<(), MigrateError> {
        let known = format!("SELECT 'known' FROM {VERSION_TABLE} WHERE version = {version}");
        if !self.found.texts(&known, 1).await?.is_empty() {
            return Ok(());
        }
        let place = if self.backend == DbBackend::Postgres { "$1" } else { "?" };
        let sql = format!("INSERT INTO {VERSION_TABLE} (version, applied_at) VALUES ({version}, {place})");
        let now = moment(Clock::system().now(), self.backend);
        let insert = Statement::from_sql_and_values(self.backend, sql, [now]);
        self.work.execute_raw(insert).await.map(|_| ()).map_err(migrate_error)
    }

    async fn create(&self, name: &str, lines: &[String]) -> Result<(), MigrateError> {
        let options = match self.backend {
            DbBackend::MySql => {
                format!(" ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE {MYSQL_COLLATION}")
            }
            _ => String::new(),
        };
        self.run(&format!("CREATE TABLE {} ({}){options}", self.quote(name), lines.join(", "))).await
    }

    async fn index(&self, index: &str, name: &str, columns: &str) -> Result<(), MigrateError> {
        if self.found.has_index(index, name).await? {
            return Ok(());
        }
        let (index, table) = (self.quote(index), self.quote(name));
        self.run(&format!("CREATE INDEX {index} ON {table} ({columns})")).await
    }

    async fn unique_index(&self, index: &str, table: &str, columns: &str) -> Result<(), MigrateError> {
        let index = self.quote(index);
        self.run(&format!("CREATE UNIQUE INDEX {index} ON {table} ({columns})")).await
    }

    async fn run(&self, sql: &str) -> Result<(), MigrateError> {
        let in_short = sql.split(['(', '\n']).next().unwrap_or_default().trim_end();
        let done = self.work.execute_unprepared(sql);
        with_progress(format!("migration: {in_short}"), done).await.map(|_| ()).map_err(migrate_error)
    }

    fn foreign_key(&self) -> String {
        let id = self.quote(self.layout.id().as_str());
        format!("FOREIGN KEY (user_id) REFERENCES {} ({id}) ON DELETE CASCADE", self.user_table_name())
    }

    fn moment(&self) -> &'static str {
        match self.backend {
            DbBackend::Sqlite => "TIMESTAMP",
            DbBackend::Postgres => "TIMESTAMP WITH TIME ZONE",
            _ => "DATETIME(6)",
        }
    }

    /// The entity's table, quoted, in its schema where it names one.
    fn user_table_name(&self) -> String {
        let entity = E::default();
        let table = self.quote(entity.table_name());
        match entity.schema_name() {
            Some(schema) => format!("{}.{table}", self.quote(schema)),
            None => table,
        }
    }

    fn quote(&self, name: &str) -> String {
        quote(self.backend, name)
    }
}

/// The name of an index on a table, no longer than PostgreSQL and MySQL allow.
fn index_name(table: &str, what: &str) -> String {
    const LONGEST: usize = 60;
    let room = LONGEST.saturating_sub("axum_users__".len() + what.len());
    let mut end = table.len().min(room);
    while !table.is_char_boundary(end) {
        end -= 1;
    }
    format!("axum_users_{}_{what}", &table[..end])
}

fn in_the_way(text: String) -> MigrateError {
    MigrateError::InTheWay(text)
}
