//! What a migration would do, told before it is done.

use axum_users::{AdoptionPlan, MigrateError};

use super::{Seen, documents, indexes};
use crate::MongoDatabase;

/// The steps of a migration, or all that stands in its way. Nothing is changed.
pub(crate) async fn look_ahead(database: &MongoDatabase) -> Result<AdoptionPlan, MigrateError> {
    let layout = database.layout()?;
    let seen = Seen::read(layout).await?;
    let mut ahead = AdoptionPlan::default();
    note(&mut ahead, documents::check(layout, &seen).await)?;
    note(&mut ahead, documents::refuse_shared_emails(layout).await)?;
    note(&mut ahead, documents::refuse_shared_accounts(layout).await)?;
    let missing = indexes::missing(layout).await?;
    ahead.steps.extend(missing.iter().map(ToString::to_string));
    if seen.first_time {
        ahead.steps.push("a note in the collection `axum_users_migration` that this was done".to_owned());
    }
    Ok(ahead)
}

/// Keeps what stands in the way.
fn note(ahead: &mut AdoptionPlan, checked: Result<(), MigrateError>) -> Result<(), MigrateError> {
    match checked {
        Err(MigrateError::InTheWay(text)) => {
            ahead.obstacles.push(text);
            Ok(())
        }
        other => other,
    }
}
