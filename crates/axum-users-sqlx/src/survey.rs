//! Looking through what FastAPI Users left behind, row by row where that has to be; and ending its traces.

use axum_users::{
    AdoptionPlan, DatabaseError, HashCounts, HashKind, OwnColumn, Survey, hash_access_token,
    schema::{BASE_COLUMNS, ColumnType, RowReader, Schema, Value},
};

use crate::{
    SqlxDatabase,
    dialect::Dialect,
    engine::{Call, Reader, Row, Work},
    error::{database_error, is_taken},
    inspect::{FoundTables, database_cause, named, user_tables},
    migrate::{
        ACCESS_TOKEN_COLUMNS, OAUTH_ACCOUNT_COLUMNS,
        found::{FoundColumn, Objects, find},
        look_ahead, repeated_accounts,
    },
    sessions::SESSION_TABLE,
    statements::{Tables, sql},
};

/// Rows that are read at a time.
const BATCH: usize = 10_000;

/// Tokens that are rewritten between two looks at the table.
const TOKENS: usize = 1000;

/// Providers that are told.
const PROVIDERS: usize = 50;

/// Passes when nobody wants to see how far it is.
pub(crate) type Progress<'a> = &'a mut (dyn FnMut(u64) + Send);

impl SqlxDatabase {
    /// The tables of users that the database has, under whatever name: those that
    /// [`recognise`](Self::recognise) finds, else all that have the six columns of FastAPI Users.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn user_tables(&self) -> Result<Vec<FoundTables>, DatabaseError> {
        if let Some(found) = self.recognise().await? {
            let mut work = self.connections.begin_reading().await.map_err(database_error)?;
            let beside = tables_beside(&mut work, found).await;
            let _ = work.rollback().await;
            return Ok(vec![beside?]);
        }
        let mut work = self.connections.begin_reading().await.map_err(database_error)?;
        let found = every_user_table(&mut work).await;
        let _ = work.rollback().await;
        found
    }

    /// Looks through these tables. `progress` is told how many users were looked at, again and again. Nothing is
    /// changed, and nothing is kept of hashes but how many there are of each kind.
    ///
    /// # Errors
    /// The database cannot be read, or an id is of another type than the table's others.
    pub async fn survey(
        &self,
        tables: &FoundTables,
        progress: Progress<'_>,
    ) -> Result<Survey, DatabaseError> {
        let mut work = self.connections.begin_reading().await.map_err(database_error)?;
        let survey = look(&mut work, tables, progress).await;
        let _ = work.rollback().await;
        survey
    }

    /// What [`migrate`](axum_users::UserDatabase::migrate) would do for users of this schema, and all that stands in
    /// its way. Nothing is changed.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn look_ahead(&self, schema: &Schema) -> Result<AdoptionPlan, DatabaseError> {
        let tables = Tables::new(&self.options, schema.table());
        look_ahead(&self.connections, schema, &tables, self.options.side_by_side)
            .await
            .map_err(database_cause)
    }

    /// Accounts of OAuth providers that stand in several rows, as Python allows, with the statements that leave each
    /// one row; `None` where there are none. They keep the unique index from being made.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn repeated_accounts(&self) -> Result<Option<String>, DatabaseError> {
        repeated_accounts(&self.connections, &self.tables()).await.map_err(database_cause)
    }

    /// How many access tokens are stored in clear, as Python stores them.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn clear_access_tokens(&self) -> Result<u64, DatabaseError> {
        let mut count = 0;
        self.each_clear_token(async |_, _| {
            count += 1;
            Ok(())
        })
        .await?;
        Ok(count)
    }

    /// Stores every access token as a hash that is still stored in clear, and answers how many those were. Sessions go
    /// on. A FastAPI Users application does not know them any more.
    ///
    /// # Errors
    /// The database failed. What was rewritten stays rewritten.
    pub async fn hash_access_tokens(&self) -> Result<u64, DatabaseError> {
        let mut count = 0;
        self.each_clear_token(async |table, (clear, hash)| {
            match self.try_write(self.rewritten(table, &clear, &hash)).await? {
                // A request was faster, which used the session.
                Err(error) if is_taken(&error) => {}
                done => count += done.map_err(database_error)?,
            }
            Ok(())
        })
        .await?;
        Ok(count)
    }

    /// Does something with every token in clear and its hash, told the table that it stands in.
    async fn each_clear_token(
        &self,
        mut act: impl AsyncFnMut(&str, (String, String)) -> Result<(), DatabaseError>,
    ) -> Result<(), DatabaseError> {
        let mut work = self.connections.begin_reading().await.map_err(database_error)?;
        let objects = Objects::read(&mut work).await;
        let _ = work.rollback().await;
        let (objects, tables) = (objects.map_err(database_cause)?, self.tables());
        for table in [tables.access_token.as_str(), SESSION_TABLE] {
            if !objects.names_table(table) {
                continue;
            }
            let mut last = None;
            loop {
                let page = self.read(self.tokens_after(table, last.as_deref())).await?;
                let tokens = page.iter().map(|row| row.get(0)).collect::<Result<Vec<String>, _>>()?;
                for token in &tokens {
                    if let Some(hash) = hash_access_token(token) {
                        act(table, (token.clone(), hash)).await?;
                    }
                }
                if tokens.len() < TOKENS {
                    break;
                }
                last = tokens.into_iter().next_back();
            }
        }
        Ok(())
    }

    fn rewritten(&self, table: &str, clear: &str, hash: &str) -> Call {
        let dialect = self.pool().dialect();
        let [new, old] = [1, 2].map(|number| dialect.argument(number));
        // An old MySQL sets the first TIMESTAMP of a table to the present, unless told otherwise.
        let update = format!(
            "UPDATE {} SET token = {new}, created_at = created_at WHERE token = {old}",
            dialect.quote(table)
        );
        match dialect {
            // Once for the index, once for what is exactly the same.
            Dialect::MySql => {
                let update = sql(format!("{update} AND {}", dialect.is_exactly("token", 3)));
                Call::new(&update).text(hash).text(clear).text(clear)
            }
            _ => Call::new(&sql(update)).text(hash).text(clear),
        }
    }

    fn tokens_after(&self, table: &str, last: Option<&str>) -> Call {
        let dialect = self.pool().dialect();
        let after = match last {
            Some(_) => format!("token > {}", dialect.argument(1)),
            None => "token IS NOT NULL".to_owned(),
        };
        let select = sql(format!(
            "SELECT token FROM {} WHERE {after} ORDER BY token LIMIT {TOKENS}",
            dialect.quote(table)
        ));
        last.into_iter().fold(Call::new(&select), Call::text)
    }
}

async fn every_user_table(work: &mut Work) -> Result<Vec<FoundTables>, DatabaseError> {
    let objects = Objects::read(work).await.map_err(database_cause)?;
    let mut all = Vec::new();
    for name in objects.tables() {
        let usual = named(&name, "oauth_account", "accesstoken");
        if let Some(found) = user_tables(work, usual).await.map_err(database_cause)? {
            all.push(tables_beside(work, found).await?);
        }
    }
    Ok(all)
}

/// The tables with a name of the application's own that go with a user table, where there is no doubt which.
async fn tables_beside(work: &mut Work, mut found: FoundTables) -> Result<FoundTables, DatabaseError> {
    let objects = Objects::read(work).await.map_err(database_cause)?;
    if !objects.names_table(&found.oauth_account)
        && let [name] = tables_with(work, &objects, &OAUTH_ACCOUNT_COLUMNS, usize::MAX).await?.as_slice()
    {
        found.oauth_account.clone_from(name);
    }
    // The application may have other tokens, with more columns, which are none of ours to rewrite and to purge.
    let no_more = ACCESS_TOKEN_COLUMNS.len();
    if !objects.names_table(&found.access_token)
        && let [name] = tables_with(work, &objects, &ACCESS_TOKEN_COLUMNS, no_more).await?.as_slice()
    {
        found.access_token.clone_from(name);
    }
    Ok(found)
}

/// The tables that have all of these columns, and so many at most, but for our own.
async fn tables_with(
    work: &mut Work,
    objects: &Objects,
    columns: &[&str],
    most: usize,
) -> Result<Vec<String>, DatabaseError> {
    let mut with = Vec::new();
    for name in objects.tables().into_iter().filter(|name| !name.starts_with("axum_users_")) {
        let there = FoundColumn::read(work, &name).await.map_err(database_cause)?;
        let has = |column: &&str| find(work.dialect(), &there, column).is_some();
        if there.len() <= most && columns.iter().all(has) {
            with.push(name);
        }
    }
    Ok(with)
}

async fn look(
    work: &mut Work,
    tables: &FoundTables,
    progress: Progress<'_>,
) -> Result<Survey, DatabaseError> {
    let objects = Objects::read(work).await.map_err(database_cause)?;
    let (users, hashes) = look_at_users(work, tables, progress).await?;
    let mut counts = [None; 2];
    for (count, table) in counts.iter_mut().zip([&tables.oauth_account, &tables.access_token]) {
        if objects.names_table(table) {
            *count = Some(count_rows(work, table).await?);
        }
    }
    let [oauth_accounts, access_tokens] = counts;
    let providers = match oauth_accounts {
        Some(1..) => providers(work, &tables.oauth_account).await?,
        _ => Vec::new(),
    };
    let own_columns = own_columns(work, &tables.user).await?;
    Ok(Survey { users, oauth_accounts, access_tokens, providers, hashes, own_columns })
}

/// Counts users and the kinds of their hashes, a batch at a time.
async fn look_at_users(
    work: &mut Work,
    tables: &FoundTables,
    progress: Progress<'_>,
) -> Result<(u64, HashCounts), DatabaseError> {
    let (dialect, id_type) = (work.dialect(), tables.id_type);
    let select = format!("SELECT id, hashed_password FROM {}", dialect.quote(&tables.user));
    let first = sql(format!("{select} ORDER BY id LIMIT {BATCH}"));
    let next = sql(format!("{select} WHERE id > {} ORDER BY id LIMIT {BATCH}", dialect.argument(1)));
    let (mut users, mut hashes, mut last) = (0, HashCounts::default(), None);
    loop {
        let call = match last.take() {
            None => Call::new(&first),
            Some(id) => Call::new(&next).value(id, id_type),
        };
        let rows = work.fetch(call).await.map_err(database_error)?;
        for row in &rows {
            let hash: Option<String> = row.get(1)?;
            hashes.add(HashKind::of(&hash.unwrap_or_default()));
        }
        users += rows.len() as u64;
        progress(users);
        match rows.last() {
            Some(row) if rows.len() == BATCH => last = Some(id_of(row, id_type)?),
            _ => return Ok((users, hashes)),
        }
    }
}

fn id_of(row: &Row, id_type: ColumnType) -> Result<Value, DatabaseError> {
    Ok(Reader(row).value(0, id_type)?)
}

async fn count_rows(work: &mut Work, table: &str) -> Result<u64, DatabaseError> {
    let count = sql(format!("SELECT count(*) FROM {}", work.dialect().quote(table)));
    let rows = work.fetch(Call::new(&count)).await.map_err(database_error)?;
    let count: i64 = rows.first().map_or(Ok(0), |row| row.get(0))?;
    Ok(u64::try_from(count).unwrap_or(0))
}

async fn providers(work: &mut Work, table: &str) -> Result<Vec<String>, DatabaseError> {
    let select = sql(format!(
        "SELECT DISTINCT oauth_name FROM {} ORDER BY oauth_name LIMIT {PROVIDERS}",
        work.dialect().quote(table)
    ));
    let rows = work.fetch(Call::new(&select)).await.map_err(database_error)?;
    rows.iter().map(|row| Ok(row.get(0)?)).collect()
}

async fn own_columns(work: &mut Work, table: &str) -> Result<Vec<OwnColumn>, DatabaseError> {
    let dialect = work.dialect();
    let columns = FoundColumn::read(work, table).await.map_err(database_cause)?;
    let is_base = |column: &&FoundColumn| {
        BASE_COLUMNS.iter().any(|name| match dialect.folds_column_names() {
            true => column.name.eq_ignore_ascii_case(name),
            false => column.name == *name,
        })
    };
    Ok(columns.iter().filter(|column| !is_base(column)).map(FoundColumn::as_own).collect())
}
