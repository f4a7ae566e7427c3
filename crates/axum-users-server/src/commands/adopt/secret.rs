//! What the Python application signs with: asked for, read from standard input, or left to be written down.

use std::io::{self, BufRead, IsTerminal};

use anyhow::{Context, bail};
use axum_users::MIN_SECRET_BYTES;
use secrecy::{ExposeSecret, SecretString};

use crate::cli::AdoptArguments;

/// The environment variable that has the secret of the configuration.
pub(super) const VARIABLE: &str = "AXUM_USERS__SECRET";

/// Where the secret comes from.
#[derive(Debug)]
pub(super) enum PythonSecret {
    /// It was given, and goes into the file.
    Given(SecretString),
    /// It stays in the environment.
    InEnvironment(SecretString),
    /// It was given, and is not to be seen.
    Hidden {
        /// Whether it is shorter than a secret may be.
        is_short: bool,
    },
    /// Nobody gave it.
    Missing,
}

impl PythonSecret {
    /// Reads it from standard input where that is asked for, else finds it in the environment, else asks on a terminal.
    pub(super) fn ask(arguments: &AdoptArguments) -> anyhow::Result<Self> {
        if arguments.secret_stdin {
            let mut line = String::new();
            io::stdin()
                .lock()
                .read_line(&mut line)
                .context("the secret cannot be read from standard input")?;
            let secret = line.trim_end_matches(['\n', '\r']);
            if secret.is_empty() {
                bail!("standard input held no secret");
            }
            return Ok(Self::Given(secret.into()));
        }
        if let Some(secret) = std::env::var(VARIABLE).ok().filter(|secret| !secret.is_empty()) {
            return Ok(Self::InEnvironment(secret.into()));
        }
        if arguments.dry_run || !io::stdin().is_terminal() {
            return Ok(Self::Missing);
        }
        let secret =
            rpassword::prompt_password("SECRET of the Python application (Enter to write it down later): ")?;
        Ok(if secret.is_empty() { Self::Missing } else { Self::Given(secret.into()) })
    }

    /// What goes into the file.
    pub(super) fn written(&self) -> &str {
        match self {
            Self::Given(secret) => secret.expose_secret(),
            Self::Hidden { .. } => "…",
            Self::InEnvironment(_) | Self::Missing => "",
        }
    }

    /// Whether it is shorter than secrets that are not Python's may be.
    pub(super) fn is_short(&self) -> bool {
        match self {
            Self::Given(secret) | Self::InEnvironment(secret) => {
                secret.expose_secret().len() < MIN_SECRET_BYTES
            }
            Self::Hidden { is_short } => *is_short,
            Self::Missing => false,
        }
    }

    /// The same for the eyes of whoever stands behind.
    pub(super) fn hidden(&self) -> Self {
        match self {
            Self::Given(_) => Self::Hidden { is_short: self.is_short() },
            Self::InEnvironment(secret) => Self::InEnvironment(secret.clone()),
            Self::Hidden { is_short } => Self::Hidden { is_short: *is_short },
            Self::Missing => Self::Missing,
        }
    }
}
