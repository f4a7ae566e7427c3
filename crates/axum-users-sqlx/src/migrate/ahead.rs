//! What a migration would do, told before it is done.

use std::collections::BTreeMap;

use axum_users::{AdoptionPlan, MigrateError, schema::Schema};

use super::{Objects, Wanted, adopt, failed, get, plan};
use crate::{
    dialect::Dialect,
    engine::{Call, Connections, Work},
    statements::{Tables, sql},
};

/// The steps of a migration, or all that stands in its way. Nothing is changed.
pub(crate) async fn look_ahead(
    connections: &Connections,
    schema: &Schema,
    tables: &Tables,
    side_by_side: bool,
) -> Result<AdoptionPlan, MigrateError> {
    let mut work = connections.begin_reading().await.map_err(failed)?;
    let wanted = Wanted { schema, tables, side_by_side };
    let seen = look(&mut work, &wanted).await;
    work.rollback().await.map_err(failed)?;
    seen
}

async fn look(work: &mut Work, wanted: &Wanted<'_>) -> Result<AdoptionPlan, MigrateError> {
    let mut ahead = AdoptionPlan::default();
    match plan(work, wanted).await {
        Ok(steps) => ahead.steps.extend(steps.iter().map(|step| step.sql().to_owned())),
        other => note(&mut ahead, other.map(|_| ()))?,
    }
    // A plan ends at the first thing that stands in its way. Whoever has to mend rows wants to know of all.
    let Tables { user, oauth_account, .. } = wanted.tables;
    let objects = Objects::read(work).await?;
    if !ahead.obstacles.is_empty() {
        if objects.names_table(user) {
            let folded = work.dialect().folded_email();
            note(&mut ahead, adopt::refuse_shared_emails(work, user, folded).await)?;
        }
        if objects.names_table(oauth_account) {
            note(&mut ahead, adopt::refuse_shared_accounts(work, oauth_account).await)?;
        }
    }
    if work.dialect() == Dialect::Postgres && !ahead.steps.is_empty() {
        ahead.obstacles.extend(missing_rights(work, &objects, wanted.tables).await?);
    }
    Ok(ahead)
}

/// Keeps what stands in the way, once.
fn note(ahead: &mut AdoptionPlan, checked: Result<(), MigrateError>) -> Result<(), MigrateError> {
    match checked {
        Err(MigrateError::InTheWay(text)) => {
            if !ahead.obstacles.contains(&text) {
                ahead.obstacles.push(text);
            }
            Ok(())
        }
        other => other,
    }
}

/// What this role of PostgreSQL may not do and has to: make tables, and indexes on tables of others.
async fn missing_rights(
    work: &mut Work,
    objects: &Objects,
    tables: &Tables,
) -> Result<Vec<String>, MigrateError> {
    let text = "SELECT current_user::text, current_schema()::text, \
                coalesce(has_schema_privilege(current_schema(), 'CREATE'), false)";
    let rows = work.fetch(Call::new(&sql(text.to_owned()))).await.map_err(failed)?;
    let Some(row) = rows.first() else { return Ok(Vec::new()) };
    let (role, schema): (String, Option<String>) = (get(row, 0)?, get(row, 1)?);
    let (quoted_role, mut missing) = (Dialect::Postgres.quote(&role), Vec::new());
    if !get::<bool>(row, 2)? {
        let schema = schema.unwrap_or_else(|| "public".to_owned());
        missing.push(format!(
            "the role `{role}` may make no tables in the schema `{schema}`, and axum-users has some of its own. Its \
             owner can allow it:\n  GRANT CREATE ON SCHEMA {} TO {quoted_role};",
            Dialect::Postgres.quote(&schema)
        ));
    }
    for (owner, tables) in tables_of_others(work, objects, tables).await? {
        missing.push(format!(
            "the role `{role}` does not own {}, so that it can make no indexes there; `{owner}` does. Use that role, or \
             allow it:\n  GRANT {} TO {quoted_role};",
            tables.join(", "),
            Dialect::Postgres.quote(&owner)
        ));
    }
    Ok(missing)
}

/// The tables whose owner this role of PostgreSQL is not, nor a member of, by owner.
async fn tables_of_others(
    work: &mut Work,
    objects: &Objects,
    tables: &Tables,
) -> Result<BTreeMap<String, Vec<String>>, MigrateError> {
    let owner = sql("SELECT pg_get_userbyid(c.relowner)::text, pg_has_role(c.relowner, 'USAGE') \
                     FROM pg_catalog.pg_class c WHERE c.oid = to_regclass($1)"
        .to_owned());
    let mut of_others: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for table in [&tables.user, &tables.oauth_account, &tables.access_token] {
        if !objects.names_table(table) {
            continue;
        }
        let call = Call::new(&owner).text(Dialect::Postgres.quote(table));
        let rows = work.fetch(call).await.map_err(failed)?;
        let Some(row) = rows.first() else { continue };
        if !get::<bool>(row, 1)? {
            of_others.entry(get(row, 0)?).or_default().push(format!("`{table}`"));
        }
    }
    Ok(of_others)
}

/// Accounts that stand in several rows, with what mends them; `None` where there are none.
pub(crate) async fn repeated_accounts(
    connections: &Connections,
    tables: &Tables,
) -> Result<Option<String>, MigrateError> {
    let mut work = connections.begin_reading().await.map_err(failed)?;
    let seen = async {
        let has_accounts = Objects::read(&mut work).await?.names_table(&tables.oauth_account);
        let mut ahead = AdoptionPlan::default();
        if has_accounts {
            note(&mut ahead, adopt::refuse_repeated_accounts(&mut work, &tables.oauth_account).await)?;
        }
        Ok(ahead.obstacles.pop())
    }
    .await;
    work.rollback().await.map_err(failed)?;
    seen
}
