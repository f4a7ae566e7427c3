//! `axum-users adopt`: from a database of FastAPI Users to a configuration that serves it beside Python, and to the
//! end of that.

mod edit;
mod file;
mod finish;
mod report;
mod secret;
mod source;

use std::{
    io::{self, IsTerminal, Write},
    path::Path,
};

use anyhow::{Context, bail};

use self::{report::Report, secret::PythonSecret, source::Source};
use crate::{
    cli::AdoptArguments,
    commands::{in_runtime, user::say},
    config::{self, Config, DatabaseConfig, Engine},
    database::Database,
    files,
};

pub(super) fn run(config: Option<&Path>, arguments: &AdoptArguments) -> anyhow::Result<()> {
    if arguments.finish {
        return finish::run(config, arguments);
    }
    let output = &arguments.output;
    if output.exists() && !arguments.force && !arguments.dry_run {
        bail!(
            "{} is there already: name another file with --output, or write over it with --force",
            output.display()
        );
    }
    let settings = settings(arguments.database.as_deref())?;
    see_that_it_is_there(&settings.database)?;
    let secret = PythonSecret::ask(arguments)?;
    in_runtime(async {
        let (database, settings) = Database::open(&settings).await?;
        let adopted = adopt(&database, &settings, arguments, &secret).await;
        database.close().await;
        adopted
    })
}

/// The defaults and the environment, with the database that is to be adopted.
fn settings(url: Option<&str>) -> anyhow::Result<Config> {
    let mut variables = config::variables();
    // It is checked where it is used: Python's may be a short one.
    variables.retain(|(name, _)| name != secret::VARIABLE);
    if let Some(url) = url {
        let written = DatabaseConfig::url_of_python(url).unwrap_or_else(|| url.to_owned());
        let written =
            config::parse_database_url(&written).map_err(anyhow::Error::msg).context("--database")?;
        variables.retain(|(name, _)| name != "AXUM_USERS__DATABASE__URL");
        variables.push(("AXUM_USERS__DATABASE__URL".to_owned(), written));
    } else if !variables.iter().any(|(name, _)| name == "AXUM_USERS__DATABASE__URL") {
        bail!(
            "which database? Name it with --database, such as postgres://user:password@host/database, or in the \
             environment variable AXUM_USERS__DATABASE__URL, which nobody sees in the list of processes"
        );
    }
    let mut settings = Config::from_parts(None, &variables)?;
    settings.side_by_side = true;
    Ok(settings)
}

/// A file that is missing is not made: there would be nothing to adopt in it.
fn see_that_it_is_there(database: &DatabaseConfig) -> anyhow::Result<()> {
    let Some(file) = database.file() else {
        if database.engine() == Engine::Sqlite {
            bail!("a database in memory is empty: name the file that the Python application uses");
        }
        return Ok(());
    };
    if file.exists() {
        return Ok(());
    }
    let relative = file.strip_prefix("/").ok().filter(|relative| relative.exists());
    match relative {
        Some(relative) => bail!(
            "there is no file {}; for {relative} in this folder write sqlite://{relative}: here, three slashes begin \
             an absolute path",
            file.display(),
            relative = relative.display()
        ),
        None => bail!("there is no file {}", file.display()),
    }
}

async fn adopt(
    database: &Database,
    settings: &Config,
    arguments: &AdoptArguments,
    secret: &PythonSecret,
) -> anyhow::Result<()> {
    let source = Source::find(database, settings).await?;
    let survey = source.survey(database).await?;
    let text = file::render(&settings.database.url, &source, &survey, secret);
    let config = file::check(&text, &arguments.output, secret)?;
    let plan = source.look_ahead(database, &config).await?;
    let report = Report { database: settings.database.name(), source: &source, survey: &survey, plan: &plan };
    say(&report.render())?;
    if !plan.obstacles.is_empty() {
        let count = plan.obstacles.len();
        let things = if count == 1 { "something stands".to_owned() } else { format!("{count} things stand") };
        bail!(
            "{things} in the way; nothing was changed, and no configuration was written:\n{}",
            plan.obstacles.join("\n")
        );
    }
    if arguments.dry_run {
        let shown = file::render(&shown_url(&settings.database), &source, &survey, &secret.hidden());
        return say(&format!("{} would be:\n\n{shown}", arguments.output.display()));
    }
    let output = &arguments.output;
    files::write_private(output, &text, arguments.force)
        .with_context(|| format!("{} cannot be written", output.display()))?;
    say(&report::next_steps(output, secret))
}

/// The URL for the eyes of whoever stands behind: a password is not in it.
fn shown_url(database: &DatabaseConfig) -> String {
    match url::Url::parse(&database.url) {
        Ok(mut url) if url.password().is_some() => {
            // A URL with a password has a place for one.
            let _ = url.set_password(Some("PASSWORD"));
            url.into()
        }
        Ok(_) => database.url.clone(),
        Err(_) => database.name(),
    }
}

/// Says on a terminal how far something is, in a line that is gone at the end.
fn on_terminal(what: &'static str) -> impl FnMut(u64) + Send {
    let is_terminal = io::stderr().is_terminal();
    move |count| {
        if is_terminal {
            // Nobody misses it where it cannot be written.
            let _ = write!(io::stderr(), "\r{count} {what} …");
        }
    }
}

/// Takes the line of [`on_terminal`] away.
fn end_line() {
    if io::stderr().is_terminal() {
        let _ = write!(io::stderr(), "\r\u{1b}[K");
    }
}
