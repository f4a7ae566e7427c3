//! What is measured, and how each target is started.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use crate::process::Process;

pub const SECRET: &str = "bench-secret-of-more-than-thirty-two-bytes";

/// A program to measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    Limit,
    /// A program of a few lines on the library, as in the quick start.
    Library,
    /// The same with the user cache on.
    Cached,
    /// The binary `axum-users`.
    Server,
    /// FastAPI Users with so many workers.
    FastApi(u8),
    BetterAuth,
    AxumLogin,
    Loco,
}

impl Target {
    pub const ALL: [Self; 9] = [
        Self::Limit,
        Self::Library,
        Self::Cached,
        Self::Server,
        Self::FastApi(1),
        Self::FastApi(2),
        Self::BetterAuth,
        Self::AxumLogin,
        Self::Loco,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Limit => "limit",
            Self::Library => "axum-users",
            Self::Cached => "axum-users-cached",
            Self::Server => "axum-users-server",
            Self::FastApi(1) => "fastapi-users",
            Self::FastApi(_) => "fastapi-users-2",
            Self::BetterAuth => "better-auth",
            Self::AxumLogin => "axum-login",
            Self::Loco => "loco",
        }
    }

    /// The file whose size is the program's, where it is one file.
    pub fn binary(self, root: &Path) -> Option<PathBuf> {
        match self {
            Self::Limit => Some(root.join("target/bench/release/limit")),
            Self::Library | Self::Cached => Some(root.join("target/bench/release/library")),
            Self::Server => Some(root.join("target/release/axum-users")),
            Self::AxumLogin => Some(root.join("target/bench/release/axum-login-peer")),
            Self::Loco => Some(root.join("target/bench/release/loco-peer")),
            Self::FastApi(_) | Self::BetterAuth => None,
        }
    }

    /// Whether what it needs was installed.
    pub fn is_installed(self, root: &Path) -> bool {
        match self {
            Self::FastApi(_) => python(root).exists(),
            Self::BetterAuth => better_auth(root).join("node_modules").exists(),
            other => other.binary(root).is_some_and(|binary| binary.exists()),
        }
    }

    /// Whether it can serve the original's tables in this database.
    pub fn serves(self, database: Database) -> bool {
        match self {
            Self::Limit | Self::Library | Self::Cached | Self::FastApi(_) => true,
            // Their own tables, in SQLite.
            Self::Server | Self::BetterAuth | Self::AxumLogin | Self::Loco => database == Database::Sqlite,
        }
    }

    /// Whether it begins with no database, and makes the tables and the user itself.
    pub fn brings_its_user(self) -> bool {
        matches!(self, Self::BetterAuth | Self::AxumLogin | Self::Loco)
    }

    /// Whether it makes its tables when it starts without any, and has no others to make.
    pub fn makes_tables(self) -> bool {
        matches!(self, Self::Limit | Self::Library | Self::Server)
    }

    fn command(self, place: &Place<'_>, port: u16) -> Command {
        let binary = self.binary(place.root).unwrap_or_default();
        let mut command = match self {
            Self::Server => {
                let mut command = Command::new(binary);
                command.args(["serve", "--config"]).arg(place.folder.join("axum-users.toml"));
                command
            }
            Self::FastApi(workers) => {
                let mut command = Command::new(python(place.root));
                command.args(["-m", "uvicorn", "app:app", "--loop", "uvloop", "--http", "httptools"]);
                command.args(["--no-access-log", "--log-level", "warning", "--port", &port.to_string()]);
                command.args(["--workers", &workers.to_string(), "--app-dir"]);
                command.arg(place.root.join("bench/fastapi-users"));
                command
            }
            Self::BetterAuth => {
                let mut command = Command::new("node");
                command.arg(better_auth(place.root).join("server.mjs"));
                command
            }
            _ => Command::new(binary),
        };
        let url = match (self, place.database) {
            (Self::FastApi(_), Database::Sqlite) => place.url.replacen("sqlite:", "sqlite+aiosqlite:", 1),
            (Self::FastApi(_), Database::Postgres) => {
                place.url.replacen("postgres:", "postgresql+asyncpg:", 1).replacen("sslmode=", "ssl=", 1)
            }
            _ => place.url.to_owned(),
        };
        let url = match self {
            // SQLAlchemy wants a third slash before an absolute path's own.
            Self::FastApi(_) => url.replacen("aiosqlite://", "aiosqlite:///", 1),
            _ => url,
        };
        command.env("DATABASE_URL", url).env("PORT", port.to_string()).env("SECRET", SECRET);
        command
            .env("REDIS_URL", place.redis)
            .env("OAUTH_PROVIDER", place.provider)
            .env("NODE_ENV", "production");
        if self == Self::Cached {
            command.env("USER_CACHE", "10000");
        }
        command
    }

    /// Starts it; answers when it was started, too.
    pub fn start(self, place: &Place<'_>, port: u16) -> Result<(Process, Instant), String> {
        if self == Self::Server {
            let config = server_config(place, port);
            std::fs::write(place.folder.join("axum-users.toml"), config)
                .map_err(|error| error.to_string())?;
        }
        let log = place.folder.join(format!("{}-{port}.log", self.name()));
        let begun = Instant::now();
        Process::start(self.command(place, port), port, &log).map(|process| (process, begun))
    }
}

/// Where a target runs.
pub struct Place<'a> {
    pub root: &'a Path,
    pub folder: &'a Path,
    pub database: Database,
    pub url: &'a str,
    pub redis: &'a str,
    /// The URL of the OAuth provider.
    pub provider: &'a str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Database {
    Sqlite,
    Postgres,
}

impl Database {
    pub fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        }
    }
}

fn python(root: &Path) -> PathBuf {
    root.join("target/tools/bench-python/bin/python")
}

fn better_auth(root: &Path) -> PathBuf {
    root.join("target/tools/bench-better-auth")
}

/// Limits are off, since all requests come from one address; so is the line in the log for each request.
fn server_config(place: &Place<'_>, port: u16) -> String {
    let (url, redis) = (place.url, place.redis);
    format!(
        "listen = \"127.0.0.1:{port}\"\nsecret = \"{SECRET}\"\n\
         [database]\nurl = \"{url}\"\n[redis]\nurl = \"{redis}\"\n[limits]\nenabled = false\n\
         [log]\nlevel = \"warn\"\n\
         [[backend]]\nname = \"jwt\"\ntransport = \"bearer\"\nstrategy = \"jwt\"\n\
         [[backend]]\nname = \"session\"\ntransport = \"bearer\"\nstrategy = \"database\"\n\
         [[backend]]\nname = \"redis\"\ntransport = \"bearer\"\nstrategy = \"redis\"\n"
    )
}
