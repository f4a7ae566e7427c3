//! `axum-users adopt --finish`: Python has gone.

use std::{
    fmt::Write,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use axum_users::{AdoptionPlan, schema::ColumnType};

use super::edit::Edit;
use crate::{
    cli::AdoptArguments,
    commands::{explain_migration, in_runtime, user::say},
    config::Config,
    database::Database,
    server_user::schema,
    setup::{public_url, throwaway_secret},
};

pub(super) fn run(config: Option<&Path>, arguments: &AdoptArguments) -> anyhow::Result<()> {
    let (mut config, file) = Config::load(config)?;
    let Some(file) = file else {
        bail!("there is no axum-users.toml in this folder: name the configuration with --config");
    };
    let edit = Edit::of(&file)?;
    if edit.is_none() && config.side_by_side {
        bail!(
            "the environment variable AXUM_USERS__COMPAT__SIDE_BY_SIDE says that Python is there, and {} does not: \
             take the variable out wherever it is set, then run this again",
            file.display()
        );
    }
    config.side_by_side = false;
    in_runtime(async {
        let (database, config) = Database::open(&config).await?;
        let finishing = Finishing { database: &database, config: &config, file, arguments };
        let finished = finishing.finish(edit).await;
        database.close().await;
        finished
    })
}

struct Finishing<'a> {
    database: &'a Database,
    config: &'a Config,
    file: PathBuf,
    arguments: &'a AdoptArguments,
}

impl Finishing<'_> {
    async fn finish(self, edit: Option<Edit>) -> anyhow::Result<()> {
        let plan = self.look_ahead().await.context("the database cannot be read")?;
        if !plan.obstacles.is_empty() {
            bail!("Python's time cannot end yet; nothing was changed:\n{}", plan.obstacles.join("\n"));
        }
        let clear = self.clear_access_tokens().await.context("the database cannot be read")?;
        let was_on = edit.is_some();
        let mut hashed = 0;
        if !self.arguments.dry_run {
            self.migrate().await?;
            if self.arguments.hash_tokens {
                hashed = self.hash_access_tokens().await.context("the access tokens cannot be rewritten")?;
            }
            if let Some(edit) = edit {
                edit.write()?;
            }
        }
        say(&self.told(&plan, was_on, clear, hashed))
    }

    async fn look_ahead(&self) -> anyhow::Result<AdoptionPlan> {
        let Self { database, config, .. } = self;
        let table = config.database.user_table.as_deref().unwrap_or("user");
        let schema = schema(config.id_type.unwrap_or(ColumnType::Uuid), table, &config.fields);
        Ok(match database {
            Database::Sqlx(database) => {
                let mut plan = database.look_ahead(&schema).await?;
                plan.obstacles.extend(database.repeated_accounts().await?);
                plan
            }
            Database::MongoDb(database) => database.look_ahead(&schema).await?,
        })
    }

    async fn clear_access_tokens(&self) -> anyhow::Result<u64> {
        Ok(match self.database {
            Database::Sqlx(database) => database.clear_access_tokens().await?,
            Database::MongoDb(database) => database.clear_access_tokens().await?,
        })
    }

    async fn hash_access_tokens(&self) -> anyhow::Result<u64> {
        Ok(match self.database {
            Database::Sqlx(database) => database.hash_access_tokens().await?,
            Database::MongoDb(database) => database.hash_access_tokens().await?,
        })
    }

    /// Makes what was left out for Python's sake.
    async fn migrate(&self) -> anyhow::Result<()> {
        let Self { database, config, .. } = self;
        let public_url = public_url(config, config.listen);
        let users = database.users(config, &public_url, throwaway_secret(config), ())?;
        let migrated = users.migrate().await.map_err(explain_migration);
        users.finish_background_work().await;
        migrated
    }

    fn told(&self, plan: &AdoptionPlan, was_on: bool, clear: u64, hashed: u64) -> String {
        let AdoptArguments { dry_run, hash_tokens, .. } = *self.arguments;
        let file = self.file.display();
        let mut text = match (was_on, dry_run) {
            (true, true) => format!("{file}: compat.side_by_side would be false."),
            (true, false) => format!("{file}: compat.side_by_side is false now."),
            (false, _) => format!("{file}: compat.side_by_side is off already."),
        };
        for step in &plan.steps {
            let verb = if dry_run { "Would be added" } else { "Added" };
            // Writing to a string does not fail.
            let _ = write!(text, "\n{verb}: {}", step.split_whitespace().collect::<Vec<_>>().join(" "));
        }
        let _ = match (clear, hash_tokens, dry_run) {
            (0, ..) => Ok(()),
            (_, true, true) => write!(text, "\n{clear} access tokens in clear would be stored as hashes."),
            (_, true, false) => {
                write!(text, "\n{hashed} access tokens that stood in clear are stored as hashes.")
            }
            (_, false, _) => write!(
                text,
                "\n{clear} access tokens stand in clear. Each is stored as a hash from its next use on; --hash-tokens \
                 does it at once."
            ),
        };
        if self.config.access_tokens_in_clear {
            text += "\naccess_tokens.at_rest is \"clear\", so that new access tokens go on being stored in clear: take \
                     it out unless something else reads them.";
        }
        if self.config.allow_short_secret {
            text += "\nallow_short_secret_until_python_leaves is on: put a new secret before the old one, secret = \
                     [\"new\", \"old\"], and when all tokens of the old one have expired take out that one and this key.";
        }
        if !dry_run {
            text += "\nRestart the server: until then it goes on as if Python were there.";
        }
        text
    }
}
