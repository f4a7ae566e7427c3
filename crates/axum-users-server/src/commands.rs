//! What the commands do.

mod health;
mod key;
mod user;

use std::io::{self, Write};

use anyhow::Context;
use axum_users::{MemoryDatabase, MigrateError, Users};
use clap::CommandFactory;

use crate::{
    cli::{Cli, Command, ConfigCommand},
    config::Config,
    log, serve,
    server_user::ServerUser,
    setup::{backends, build_users, open_database, public_url, throwaway_secret},
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
    let (config, file) = Config::load(config.as_deref())?;
    match command {
        Command::Serve => serve::run(&config, file.as_deref()),
        Command::Config(ConfigCommand::Check) => check(&config, file.as_deref()),
        Command::Health => health::run(&config),
        Command::Openapi => openapi(&config),
        Command::Migrate => in_runtime(with_users(&config, async |_| migrated(&config))),
        Command::User(command) => {
            in_runtime(with_users(&config, async |users| user::run(users, &config.fields, command).await))
        }
        Command::Completions { .. } | Command::Key(_) => Ok(()),
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
    let database = open_database(config).await?;
    let pool = database.pool().clone();
    let public_url = public_url(config, config.listen);
    let users = build_users(config, &public_url, database, throwaway_secret(config), ())?;
    let done = match users.migrate().await {
        Ok(()) => work(&users).await,
        Err(error) => Err(explain_migration(error)),
    };
    pool.close().await;
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
    Ok(writeln!(io::stdout(), "{} is up to date.", database_name(config))?)
}

fn check(config: &Config, file: Option<&std::path::Path>) -> anyhow::Result<()> {
    // Keys and backends are read for good; the database is left alone.
    let public_url = public_url(config, config.listen);
    build_users(config, &public_url, MemoryDatabase::default(), throwaway_secret(config), ())?;
    let name = file.map_or_else(|| "The default configuration".to_owned(), |file| file.display().to_string());
    let backends: Vec<String> = backends(config).into_iter().map(|backend| backend.name).collect();
    Ok(writeln!(
        io::stdout(),
        "{name} is fine: database {}, backends {}, {} own fields.",
        database_name(config),
        backends.join(", "),
        config.fields.len()
    )?)
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

/// What to call the database: its file, and never its URL, which may hold a password.
pub(crate) fn database_name(config: &Config) -> String {
    config.database.file().map_or_else(|| "in memory".to_owned(), |file| file.display().to_string())
}
