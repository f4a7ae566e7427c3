//! The server of axum-users: the library's routes behind a config file, a command line, databases and mail.
//! The binary is `axum-users`; this library is what it and its tests are made of.

mod cli;
mod commands;
pub mod config;
mod database;
mod files;
mod log;
mod mail;
mod oauth;
mod report;
mod secret;
mod serve;
mod server_user;
mod setup;
#[cfg(feature = "opentelemetry")]
mod telemetry;

use std::process::ExitCode;

use axum_users::BuildError;
use clap::Parser;

pub use self::{
    cli::Cli,
    config::{Config, ConfigError},
    mail::Mailer,
    server_user::{AnyId, ServerUser, ServerUserFields, ServerUserRead, schema},
    setup::build_users,
};

/// Everything the binary does. 0 is success, 1 a failure, 2 a mistake in the command line or the configuration.
#[must_use]
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    // Mail over TLS asks for the process's provider. A second call would find one installed, which is as good.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    match commands::run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            tell(&error);
            let is_mistake = error.is::<ConfigError>() || error.is::<BuildError>();
            if is_mistake { ExitCode::from(2) } else { ExitCode::FAILURE }
        }
    }
}

/// Whether the reader of the output has gone, as `head` does when it has seen enough.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}

fn tell(error: &anyhow::Error) {
    use std::io::Write;
    // Nothing is left to do where nobody reads standard error.
    let _ = writeln!(std::io::stderr(), "error: {}", report::chain(error.as_ref()));
}
