//! What is measured: how each target is started, and what its requests look like.

use std::{
    path::{Path, PathBuf},
    process::Command,
    rc::Rc,
    time::Instant,
};

use crate::{
    http::{self, Answer, Connection},
    load::Make,
    process::Process,
    seed::{EMAIL, PASSWORD, SESSION, USER_ID},
};

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
}

impl Target {
    pub const ALL: [Self; 8] = [
        Self::Limit,
        Self::Library,
        Self::Cached,
        Self::Server,
        Self::FastApi(1),
        Self::FastApi(2),
        Self::BetterAuth,
        Self::AxumLogin,
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
        }
    }

    /// The file whose size is the program's, where it is one file.
    pub fn binary(self, root: &Path) -> Option<PathBuf> {
        match self {
            Self::Limit => Some(root.join("target/bench/release/limit")),
            Self::Library | Self::Cached => Some(root.join("target/bench/release/library")),
            Self::Server => Some(root.join("target/release/axum-users")),
            Self::AxumLogin => Some(root.join("target/bench/release/axum-login-peer")),
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
            Self::Server | Self::BetterAuth | Self::AxumLogin => database == Database::Sqlite,
        }
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
            (Self::FastApi(_), Database::Postgres) => place.url.replacen("postgres:", "postgresql+asyncpg:", 1),
            _ => place.url.to_owned(),
        };
        let url = match self {
            // SQLAlchemy wants a third slash before an absolute path's own.
            Self::FastApi(_) => url.replacen("aiosqlite://", "aiosqlite:///", 1),
            _ => url,
        };
        command.env("DATABASE_URL", url).env("PORT", port.to_string()).env("SECRET", SECRET);
        command.env("REDIS_URL", place.redis).env("NODE_ENV", "production");
        if self == Self::Cached {
            command.env("USER_CACHE", "10000");
        }
        command
    }

    /// Starts it; answers the time to its first good answer where `token` is an access token.
    pub fn start(self, place: &Place<'_>, port: u16) -> Result<(Process, Instant), String> {
        if self == Self::Server {
            let config = server_config(place, port);
            std::fs::write(place.folder.join("axum-users.toml"), config).map_err(|error| error.to_string())?;
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

/// What is asked of a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    Me,
    MeBare,
    MeInPlace,
    Session,
    Redis,
    Login,
    Register,
}

impl Work {
    pub fn name(self) -> &'static str {
        match self {
            Self::Me => "me",
            Self::MeBare => "me-without-database",
            Self::MeInPlace => "me-in-place",
            Self::Session => "database-session",
            Self::Redis => "redis-session",
            Self::Login => "login",
            Self::Register => "register",
        }
    }

    /// Whether it hashes a password.
    pub fn hashes(self) -> bool {
        matches!(self, Self::Login | Self::Register)
    }
}

/// A running target, ready to be asked.
pub struct Running {
    pub target: Target,
    pub process: Process,
    /// Headers of a signed-in request, by the way of signing in.
    jwt: Option<String>,
    session: Option<String>,
    redis: Option<String>,
}

impl Running {
    /// Signs in every way that the target has.
    pub async fn sign_in(target: Target, process: Process) -> Result<Self, String> {
        let mut it = Self { target, process, jwt: None, session: None, redis: None };
        match target {
            Target::BetterAuth => {
                it.ask(&sign_up_better_auth(EMAIL)).await?;
                let answer = it.ask(&login_request(target, "jwt")).await?;
                it.session = Some(cookies(&answer));
            }
            Target::AxumLogin => {
                let answer = it.ask(&login_request(target, "jwt")).await?;
                it.session = Some(cookies(&answer));
            }
            Target::Limit => {
                it.jwt = Some(bearer(&it.ask(&login_request(target, "jwt")).await?)?);
                it.session = Some(format!("authorization: Bearer {SESSION}\r\n"));
                it.redis = it.session.clone();
            }
            _ => {
                it.jwt = Some(bearer(&it.ask(&login_request(target, "jwt")).await?)?);
                it.session = Some(bearer(&it.ask(&login_request(target, "session")).await?)?);
                it.redis = Some(bearer(&it.ask(&login_request(target, "redis")).await?)?);
            }
        }
        Ok(it)
    }

    async fn ask(&self, request: &[u8]) -> Result<Answer, String> {
        let answer = Connection::new(self.process.port).send(request).await;
        let answer = answer.map_err(|error| format!("{}: {error}", self.target.name()))?;
        if answer.status >= 300 {
            let body = String::from_utf8_lossy(&answer.body).into_owned();
            return Err(format!("{}: signing in was answered {} {body}", self.target.name(), answer.status));
        }
        Ok(answer)
    }

    /// The request of a work; `None` where the target has no such thing.
    pub fn make(&self, work: Work, round: usize) -> Option<Make> {
        let limit = self.target == Target::Limit;
        let fixed = |path: &str, headers: &Option<String>| {
            let request = http::get(path, headers.as_deref()?);
            Some(Rc::new(move |_| request.clone()) as Make)
        };
        match work {
            Work::Me if self.target == Target::BetterAuth => None,
            Work::Me => fixed("/users/me", &self.jwt),
            Work::MeBare if limit => fixed("/bare/me", &self.jwt),
            Work::MeInPlace if limit => fixed("/in-place/me", &self.jwt),
            Work::MeBare | Work::MeInPlace => None,
            Work::Session => {
                let path = match self.target {
                    Target::Limit => "/session/me",
                    Target::BetterAuth => "/api/auth/get-session",
                    _ => "/users/me",
                };
                fixed(path, &self.session)
            }
            Work::Redis => fixed(if limit { "/redis/me" } else { "/users/me" }, &self.redis),
            Work::Login => {
                let request = login_request(self.target, "jwt");
                Some(Rc::new(move |_| request.clone()))
            }
            Work::Register if self.target == Target::AxumLogin => None,
            Work::Register => {
                let (target, port) = (self.target, self.process.port);
                Some(Rc::new(move |number| register_request(target, port, round, number)))
            }
        }
    }

    /// A signed-in request, for the time to a first answer.
    pub fn first_request(&self) -> Vec<u8> {
        let (path, headers) = match self.target {
            Target::BetterAuth => ("/api/auth/get-session", &self.session),
            Target::AxumLogin => ("/users/me", &self.session),
            _ => ("/users/me", &self.jwt),
        };
        http::get(path, headers.as_deref().unwrap_or_default())
    }
}

fn login_request(target: Target, backend: &str) -> Vec<u8> {
    let form = format!("username={}&password={}", EMAIL.replace('@', "%40"), PASSWORD.replace(' ', "+"));
    let path = format!("/auth/{backend}/login");
    match target {
        Target::BetterAuth => {
            let body = format!("{{\"email\":\"{EMAIL}\",\"password\":\"{PASSWORD}\"}}");
            http::post("/api/auth/sign-in/email", "application/json", "", &body)
        }
        Target::AxumLogin => http::post("/login", "application/x-www-form-urlencoded", "", &form),
        _ => http::post(&path, "application/x-www-form-urlencoded", "", &form),
    }
}

fn register_request(target: Target, port: u16, round: usize, number: u64) -> Vec<u8> {
    let email = format!("new-{port}-{round}-{number}-{}@example.com", std::process::id());
    match target {
        Target::BetterAuth => sign_up_better_auth(&email),
        _ => {
            let body = format!("{{\"email\":\"{email}\",\"password\":\"{PASSWORD}\"}}");
            http::post("/auth/register", "application/json", "", &body)
        }
    }
}

fn sign_up_better_auth(email: &str) -> Vec<u8> {
    let body = format!("{{\"name\":\"Bench\",\"email\":\"{email}\",\"password\":\"{PASSWORD}\"}}");
    http::post("/api/auth/sign-up/email", "application/json", "", &body)
}

fn bearer(answer: &Answer) -> Result<String, String> {
    let body: serde_json::Value = serde_json::from_slice(&answer.body).map_err(|error| error.to_string())?;
    let token = body["access_token"].as_str().ok_or("the login's answer has no access token")?;
    Ok(format!("authorization: Bearer {token}\r\n"))
}

fn cookies(answer: &Answer) -> String {
    let set = answer.head.lines().filter_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("set-cookie").then(|| value.trim().split(';').next().unwrap_or_default())
    });
    format!("cookie: {}\r\n", set.collect::<Vec<_>>().join("; "))
}

/// The key under which the limit finds its session in Redis, and what it finds there.
pub fn redis_session() -> (String, &'static str) {
    (format!("fastapi_users_token:{SESSION}"), USER_ID)
}
