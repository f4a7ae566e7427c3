//! The server binary, started as its users start it.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

use super::http::{Request, Response, send};
use super::process::{Process, poll};

/// A running server; it ends with the test.
#[derive(Debug)]
pub(crate) struct Server {
    /// `127.0.0.1:PORT`.
    pub(crate) address: String,
    process: Process,
}

/// How a server is to be started.
#[derive(Clone, Debug)]
pub(crate) struct Launch {
    config: Option<PathBuf>,
    folder: PathBuf,
    variables: Vec<(String, String)>,
    wrapper: Vec<String>,
    log: PathBuf,
}

impl Launch {
    /// With a config file, and `folder` as the current folder and the place of its log.
    pub(crate) fn new(config: &Path, folder: &Path) -> Self {
        Self { config: Some(config.into()), ..Self::without_config(folder) }
    }

    /// With no config file but the folder's own `axum-users.toml`, if it has one.
    pub(crate) fn without_config(folder: &Path) -> Self {
        Self {
            config: None,
            folder: folder.into(),
            variables: Vec::new(),
            wrapper: Vec::new(),
            log: folder.join("server.log"),
        }
    }

    /// Sets a key by its environment variable: `("DATABASE__URL", …)` for `database.url`.
    pub(crate) fn set(self, key: &str, value: &str) -> Self {
        self.variable(&format!("AXUM_USERS__{key}"), value)
    }

    /// Sets an environment variable by its whole name.
    pub(crate) fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.into(), value.into()));
        self
    }

    /// Puts the database into a file.
    pub(crate) fn database(self, file: &Path) -> Self {
        self.set("DATABASE__URL", &format!("sqlite://{}?mode=rwc", file.display()))
    }

    /// Starts the server by way of another program, which gets the server's command line as arguments.
    pub(crate) fn through(mut self, program: &[&str]) -> Self {
        self.wrapper = program.iter().map(|&part| part.into()).collect();
        self
    }

    /// Puts the log into another folder.
    pub(crate) fn logging_to(mut self, folder: &Path) -> Self {
        self.log = folder.join("server.log");
        self
    }

    /// The command line, for a test that wants the process to itself.
    pub(crate) fn command(&self) -> Command {
        let mut words = self.wrapper.iter().map(String::as_str).chain([env!("CARGO_BIN_EXE_axum-users")]);
        let mut command = Command::new(words.next().unwrap_or_default());
        command.args(words).arg("serve").current_dir(&self.folder);
        if let Some(config) = &self.config {
            command.arg("--config").arg(config);
        }
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("AXUM_USERS__")) {
            command.env_remove(name);
        }
        command.env("AXUM_USERS__LISTEN", "127.0.0.1:0");
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    fn process(&self) -> Process {
        Process::start(&mut self.command(), &self.log)
    }

    /// Starts the server and waits until it says where it listens and is alive.
    pub(crate) async fn start(&self) -> Server {
        let mut process = self.process();
        let address = poll(|| match (listening(&process.log()), process.ended()) {
            (None, Some(status)) => panic!("the server ended with {status}:\n{}", process.log()),
            (address, _) => address,
        });
        let address = address.unwrap_or_else(|| panic!("it does not listen:\n{}", process.log()));
        assert_eq!(send(&address, &Request::new("GET", "/healthz")).await.status, 200);
        Server { address, process }
    }

    /// Starts a server that is to refuse: its exit status and what it said.
    pub(crate) fn refused(&self) -> (ExitStatus, String) {
        let mut process = self.process();
        let status = process.wait();
        (status, process.log())
    }
}

/// The address in the log's line about listening.
pub(crate) fn listening(log: &str) -> Option<String> {
    let (_, rest) = log.split_once(" listening address=")?;
    rest.split_once(' ').map(|(address, _)| address.to_owned())
}

impl Server {
    pub(crate) async fn send(&self, request: &Request) -> Response {
        send(&self.address, request).await
    }

    /// The bytes of memory that the process has in use.
    pub(crate) fn resident_bytes(&self) -> u64 {
        self.bytes_of("VmRSS:")
    }

    /// The most bytes of memory that the process has ever had in use.
    pub(crate) fn most_resident_bytes(&self) -> u64 {
        self.bytes_of("VmHWM:")
    }

    fn bytes_of(&self, name: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
    }

    pub(crate) fn log(&self) -> String {
        self.process.log()
    }

    /// Asks it to stop, and waits until it has.
    pub(crate) fn stop(&mut self) {
        self.process.terminate();
        assert!(self.process.wait().success(), "{}", self.process.log());
    }
}
