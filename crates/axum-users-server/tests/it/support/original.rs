//! FastAPI Users itself, in a process of its own.

use std::path::Path;
use std::process::Command;

use super::process::{Process, python};
use super::{SECRET, data};

/// A running application of the original.
#[derive(Debug)]
pub(crate) struct Original {
    /// `127.0.0.1:PORT`.
    pub(crate) address: String,
    _process: Process,
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
        let mut command = Command::new(python());
        command.arg(data("original/app.py")).args(["--app", app, "--secret", SECRET]);
        command.arg("--database").arg(database).args(["--smtp-port", &smtp_port.to_string()]);
        command.args(["--discovery", discovery]).args(further);
        let mut process = Process::start(&mut command, &database.with_extension("original.log"));
        let port = process.wait_for_port();
        Self { address: format!("127.0.0.1:{port}"), _process: process }
    }
}
