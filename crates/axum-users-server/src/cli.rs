//! The command line.

use std::path::PathBuf;

use axum_users::Algorithm;
use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;

const EXAMPLES: &str = "\
Examples:
  axum-users                                      serve with defaults, or with ./axum-users.toml
  axum-users --config /etc/axum-users.toml        serve with another file
  AXUM_USERS__LISTEN=0.0.0.0:80 axum-users        set any key by its environment variable
  axum-users user create --email ada@example.com --superuser --verified
  axum-users config check                         find every mistake before a restart does

docs/configuration.md lists every key.";

const KEY_EXAMPLES: &str = "\
Examples:
  axum-users key generate
  axum-users key generate --algorithm RS256 --output /etc/axum-users/2026-11.pem

docs/keys.md says how keys are replaced.";

const ADOPT_EXAMPLES: &str = "\
Examples:
  axum-users adopt --database postgres://app@db/app --dry-run
  axum-users adopt --database sqlite+aiosqlite:///./app.db --output /etc/axum-users.toml
  axum-users adopt --database mongodb://db/app --secret-stdin < secret.txt
  axum-users --config /etc/axum-users.toml adopt --finish

docs/the-move.md goes through the whole move.";

const AUDIT_EXAMPLES: &str = "\
Examples:
  axum-users audit list --since 24h
  axum-users audit list --user ada@example.com --limit 1000 --json
  axum-users audit list --event login_failed --since 2026-11-23";

const CREATE_EXAMPLES: &str = "\
Examples:
  axum-users user create --email ada@example.com
  axum-users user create --email ada@example.com --superuser --verified --password-stdin < password.txt
  axum-users user create --email ada@example.com --set first_name=Ada --set birthdate=1815-12-10";

/// User accounts over HTTP: register, log in, verify, reset, manage.
#[derive(Debug, Parser)]
#[command(name = "axum-users", version, after_help = EXAMPLES, max_term_width = 100)]
pub struct Cli {
    /// The config file; ./axum-users.toml where it exists, if not given
    #[arg(long, global = true, value_name = "FILE", env = "AXUM_USERS_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// What to do; `serve` when nothing is said.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Answer requests until it is stopped (the default)
    Serve,
    /// Make or adopt the tables; serve does this too, at its start
    Migrate,
    /// Move from FastAPI Users: write the configuration that serves its database beside it
    #[command(after_help = ADOPT_EXAMPLES)]
    Adopt(AdoptArguments),
    /// Manage users
    #[command(subcommand)]
    User(UserCommand),
    /// Ask the running server whether it is ready: exit code 0, or 1 and the reason
    Health,
    /// Make keys that sign access tokens
    #[command(subcommand)]
    Key(KeyCommand),
    /// Read the audit trail
    #[command(subcommand)]
    Audit(AuditCommand),
    /// See and end users' sessions
    #[command(subcommand)]
    Session(SessionCommand),
    /// Print the OpenAPI document of this configuration
    Openapi,
    /// Look at the configuration
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Print a completion script for a shell
    #[command(
        after_help = "Example:\n  axum-users completions bash > ~/.local/share/bash-completion/completions/axum-users"
    )]
    Completions {
        /// The shell
        shell: Shell,
    },
}

/// What `adopt` does, and with what.
#[derive(Args)]
pub(crate) struct AdoptArguments {
    /// The Python application's database, as a URL of axum-users or of SQLAlchemy; others on this machine may see a
    /// password in it in the list of processes: AXUM_USERS__DATABASE__URL is read, too
    #[arg(long, value_name = "URL", conflicts_with = "finish")]
    pub(crate) database: Option<String>,
    /// Say what would be done, and do nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// The config file to write
    #[arg(long, value_name = "FILE", default_value = crate::config::DEFAULT_FILE, conflicts_with = "finish")]
    pub(crate) output: PathBuf,
    /// Write over that file where it exists
    #[arg(long, conflicts_with = "finish")]
    pub(crate) force: bool,
    /// Read what Python signs with from the first line of standard input; asked for on a terminal, if not given
    #[arg(long, conflicts_with = "finish")]
    pub(crate) secret_stdin: bool,
    /// Python has gone: end side_by_side in the config file, and make what was left out for Python's sake
    #[arg(long)]
    pub(crate) finish: bool,
    /// With --finish: store access tokens in clear as hashes now, not each at its next use
    #[arg(long, requires = "finish")]
    pub(crate) hash_tokens: bool,
}

/// Shows no URL, which may hold a password.
impl std::fmt::Debug for AdoptArguments {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AdoptArguments")
            .field("output", &self.output)
            .field("dry_run", &self.dry_run)
            .field("finish", &self.finish)
            .finish_non_exhaustive()
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Make a key pair: the private key into a file of mode 0600, the public key beside it
    #[command(after_help = KEY_EXAMPLES)]
    Generate {
        /// What it is to sign with
        #[arg(long, default_value = "ES256", value_parser = parse_algorithm)]
        algorithm: Algorithm,
        /// The private key's file; named after the key in the current folder, if not given
        #[arg(long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
}

fn parse_algorithm(text: &str) -> Result<Algorithm, String> {
    let pairs = Algorithm::ALL.into_iter().filter(|algorithm| !algorithm.is_symmetric());
    let found = pairs.clone().find(|algorithm| algorithm.name().eq_ignore_ascii_case(text));
    found.ok_or_else(|| {
        let names: Vec<&str> = pairs.map(Algorithm::name).collect();
        format!("expected one of {}; secrets are made by `openssl rand -base64 48`", names.join(", "))
    })
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Say every mistake in file and environment, or that there is none
    Check,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// List who did what, when, from where: the newest first
    #[command(after_help = AUDIT_EXAMPLES)]
    List {
        /// About this user alone: the e-mail address or the id
        #[arg(long)]
        user: Option<String>,
        /// Of this event alone, such as login_failed
        #[arg(long)]
        event: Option<String>,
        /// From then on: 2026-11-23T10:00:00Z, 2026-11-23, or how long ago, such as 7d, 24h, 30m
        #[arg(long, value_name = "WHEN")]
        since: Option<String>,
        /// How many at most
        #[arg(long, value_name = "COUNT", default_value_t = 100)]
        limit: u32,
        /// One JSON object a line
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum UserCommand {
    /// Create a user
    #[command(after_help = CREATE_EXAMPLES)]
    Create {
        /// The e-mail address
        #[arg(long)]
        email: String,
        #[command(flatten)]
        password: PasswordArguments,
        /// Let the user manage other users
        #[arg(long)]
        superuser: bool,
        /// Take the e-mail address as verified
        #[arg(long)]
        verified: bool,
        /// A value for one of the configuration's own fields; may be repeated
        #[arg(long, value_name = "NAME=VALUE")]
        set: Vec<String>,
    },
    /// List users in the order of their ids
    List {
        /// How many at most
        #[arg(long, value_name = "COUNT")]
        limit: Option<usize>,
        /// One JSON object a line in place of a table
        #[arg(long)]
        json: bool,
    },
    /// Show a user as JSON
    Show {
        /// The e-mail address or the id
        user: String,
    },
    /// Change a user
    Update {
        /// The e-mail address or the id
        user: String,
        /// A new e-mail address, which counts as unverified unless --verified true is given too
        #[arg(long)]
        email: Option<String>,
        /// Whether the user may log in
        #[arg(long, value_name = "true|false")]
        active: Option<bool>,
        /// Whether the user may manage other users
        #[arg(long, value_name = "true|false")]
        superuser: Option<bool>,
        /// Whether the e-mail address counts as verified
        #[arg(long, value_name = "true|false")]
        verified: Option<bool>,
        /// A value for one of the configuration's own fields, empty for none; may be repeated
        #[arg(long, value_name = "NAME=VALUE")]
        set: Vec<String>,
    },
    /// Delete a user with all that belongs to it
    Delete {
        /// The e-mail address or the id
        user: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Set a user's password, which ends the user's sessions
    SetPassword {
        /// The e-mail address or the id
        user: String,
        #[command(flatten)]
        password: PasswordArguments,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum SessionCommand {
    /// List a user's sessions, the last used first
    List {
        /// The e-mail address or the id
        user: String,
        /// One JSON object a line in place of a table
        #[arg(long)]
        json: bool,
    },
    /// End one session of a user
    End {
        /// The e-mail address or the id
        user: String,
        /// The session's id, as `session list` shows it
        session: String,
    },
    /// End all sessions of a user
    EndAll {
        /// The e-mail address or the id
        user: String,
    },
}

/// Where a password comes from; it is asked for when nothing is said.
#[derive(Args)]
#[group(multiple = false)]
pub(crate) struct PasswordArguments {
    /// The password; others on this machine may see it in the list of processes
    #[arg(long)]
    pub(crate) password: Option<String>,
    /// Read the password from the first line of standard input
    #[arg(long)]
    pub(crate) password_stdin: bool,
}

impl std::fmt::Debug for PasswordArguments {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PasswordArguments")
            .field("password_stdin", &self.password_stdin)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn serving_is_what_happens_without_a_command_and_the_config_may_stand_anywhere() {
        let cli = Cli::try_parse_from(["axum-users"]).unwrap();
        assert!(cli.command.is_none());
        for line in
            [["axum-users", "--config", "x.toml", "serve"], ["axum-users", "serve", "--config", "x.toml"]]
        {
            let cli = Cli::try_parse_from(line).unwrap();
            assert!(matches!(cli.command, Some(Command::Serve)));
            assert_eq!(cli.config, Some(PathBuf::from("x.toml")));
        }
    }

    #[test]
    fn a_password_on_the_command_line_is_not_in_debug_output() {
        let line = ["axum-users", "user", "create", "--email", "a@example.com", "--password", "hunter2"];
        let debug = format!("{:?}", Cli::try_parse_from(line).unwrap());
        assert!(!debug.contains("hunter2"), "{debug}");
    }
}
