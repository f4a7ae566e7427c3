//! What the commands do.

mod adopt;
mod audit;
mod health;
mod key;
mod session;
mod user;

use std::io::{self, Write};

use anyhow::Context;
use axum_users::{MemoryDatabase, MigrateError, Users};
use clap::CommandFactory;

use crate::{
    cli::{Cli, Command, ConfigCommand},
    config::{Config, Engine},
    database::Database,
    log, serve,
    server_user::ServerUser,
    setup::{backends, build_users, public_url, throwaway_secret},
};

pub(crate) fn run(cli: Cli) -> anyhow::Result<()> {
    let Cli { config, command } = cli;
    let command = command.unwrap_or(Command::Serve);
    if let Command::Completions { shell } = command {
        // Not straight to standard output: it panics when the reader has gone.
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut Cli::command(), "axum-users", &mut script);
        return Ok(io::stdout().write_all(&script)?);
    }
    if let Command::Key(command) = command {
        return key::run(command);
    }
    if let Command::Adopt(arguments) = command {
        return adopt::run(config.as_deref(), &arguments);
    }
    let (config, file) = Config::load(config.as_deref())?;
    match command {
        Command::Serve => serve::run(&config, file.as_deref()),
        Command::Config(ConfigCommand::Check) => check(&config, file.as_deref()),
        Command::Health => health::run(&config),
        Command::Openapi => openapi(&config),
        Command::Migrate => in_runtime(with_users(&config, async |_| migrated(&config))),
        Command::Audit(command) => {
            in_runtime(with_users(&config, async |users| audit::run(users, command).await))
        }
        Command::User(command) => {
            in_runtime(with_users(&config, async |users| user::run(users, &config.fields, command).await))
        }
        Command::Session(command) => {
            in_runtime(with_users(&config, async |users| session::run(users, command).await))
        }
        Command::Completions { .. } | Command::Key(_) | Command::Adopt(_) => Ok(()),
    }
}

/// Runs a command that is over soon.
fn in_runtime(command: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    log::start_for_command();
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(command)
}

/// Opens the configured database, makes or adopts its tables, does something, and closes it in order.
async fn with_users(
    config: &Config,
    work: impl AsyncFnOnce(&Users<ServerUser>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let (database, config) = Database::open(config).await?;
    let public_url = public_url(&config, config.listen);
    let users = database.users(&config, &public_url, throwaway_secret(&config), ())?;
    let done = match users.migrate().await {
        Ok(()) => work(&users).await,
        Err(error) => Err(explain_migration(error)),
    };
    users.finish_background_work().await;
    database.close().await;
    done
}

/// A migration's error in the words for somebody who reads no code.
pub(crate) fn explain_migration(error: MigrateError) -> anyhow::Error {
    let context = match &error {
        MigrateError::InTheWay(_) => "the tables were left as they are",
        _ => "the tables cannot be made or adopted",
    };
    anyhow::Error::new(error).context(context)
}

fn migrated(config: &Config) -> anyhow::Result<()> {
    Ok(writeln!(io::stdout(), "{} is up to date.", config.database.name())?)
}

fn check(config: &Config, file: Option<&std::path::Path>) -> anyhow::Result<()> {
    // Keys and backends are read for good before the database is looked at.
    let public_url = public_url(config, config.listen);
    build_users(config, &public_url, MemoryDatabase::default(), throwaway_secret(config), ())?;
    let name = file.map_or_else(|| "The default configuration".to_owned(), |file| file.display().to_string());
    let backends: Vec<String> = backends(config).into_iter().map(|backend| backend.name).collect();
    writeln!(
        io::stdout(),
        "{name} is fine: database {}, backends {}, {} own fields.",
        config.database.name(),
        backends.join(", "),
        config.fields.len()
    )?;
    in_runtime(async {
        let found = look_into_database(config).await?;
        Ok(writeln!(io::stdout(), "The database: {found}.")?)
    })
}

/// What is in the database; nothing is made there.
async fn look_into_database(config: &Config) -> anyhow::Result<String> {
    match config.database.file() {
        Some(file) if !file.exists() => {
            return Ok("there is no file yet; serve or migrate makes it".to_owned());
        }
        None if config.database.engine() == Engine::Sqlite => {
            return Ok("in memory, and new at each start".to_owned());
        }
        _ => {}
    }
    let (database, _) = Database::open(config).await?;
    let found = database.inspect().await.context("the database cannot be read");
    database.close().await;
    found
}

fn openapi(config: &Config) -> anyhow::Result<()> {
    let public_url = public_url(config, config.listen);
    let users = build_users(config, &public_url, MemoryDatabase::default(), throwaway_secret(config), ())?;
    // A document describes what is mounted.
    let _: axum::Router = users.router().into();
    let document =
        serde_json::to_string_pretty(&users.openapi()).context("the document cannot be written")?;
    Ok(writeln!(io::stdout(), "{document}")?)
}
