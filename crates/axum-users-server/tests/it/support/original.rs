//! FastAPI Users itself, in a process of its own.

use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::process::{Process, python};
use super::{SECRET, data};

/// A running application of the original.
#[derive(Debug)]
pub(crate) struct Original {
    /// `127.0.0.1:PORT`.
    pub(crate) address: String,
    /// The file of what it says.
    pub(crate) log: PathBuf,
    process: Process,
}

impl Original {
    /// Starts `original/app.py` on a database file, which it makes if it is missing. The discovery document of its
    /// OpenID provider is read at once.
    pub(crate) fn start(app: &str, database: &Path, smtp_port: u16, discovery: &str) -> Self {
        Self::start_with(app, database, smtp_port, discovery, &[])
    }

    /// The same with a Redis; without, a dictionary stands in for it.
    pub(crate) fn start_with_redis(
        app: &str,
        database: &Path,
        smtp_port: u16,
        discovery: &str,
        url: &str,
    ) -> Self {
        Self::start_with(app, database, smtp_port, discovery, &["--redis", url])
    }

    fn start_with(app: &str, database: &Path, smtp_port: u16, discovery: &str, further: &[&str]) -> Self {
        let database = database.to_string_lossy();
        Self::run(app, &database, Path::new(&*database), smtp_port, discovery, further)
    }

    /// The same on a database of PostgreSQL, by its URL without the scheme. Its log is in a folder.
    pub(crate) fn start_on_postgresql(url: &str, folder: &Path, smtp_port: u16, discovery: &str) -> Self {
        let (_, rest) = url.split_once("://").unwrap();
        let url = format!("postgresql+asyncpg://{rest}");
        Self::run("default", &url, &folder.join("original"), smtp_port, discovery, &[])
    }

    fn run(app: &str, database: &str, log: &Path, smtp_port: u16, discovery: &str, further: &[&str]) -> Self {
        let mut command = Command::new(python());
        command.arg(data("original/app.py")).args(["--app", app, "--secret", SECRET]);
        command.arg("--database").arg(database).args(["--smtp-port", &smtp_port.to_string()]);
        command.args(["--discovery", discovery]).args(further);
        let log = log.with_extension("original.log");
        let mut process = Process::start(&mut command, &log);
        let port = process.wait_for_port();
        Self { address: format!("127.0.0.1:{port}"), log, process }
    }

    /// Asks it to stop, and waits until it has.
    pub(crate) fn stop(mut self) {
        self.process.terminate();
        let status = self.process.wait();
        // uvicorn ends in order, and then by the signal that it got.
        assert!(status.success() || status.signal() == Some(15), "{status}: {}", self.process.log());
    }
}
