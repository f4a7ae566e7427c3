//! A database server for one test, which may be killed, paused and started again.

use std::{
    fs::{self, File},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use tempfile::TempDir;

/// The user as whom servers run that refuse to run as root: `nobody`.
const NOBODY: &str = "65534";

/// The kernel has few of its own asynchronous reads and writes to give, and several servers want them.
const WITHOUT_AIO: &str = "--innodb-use-native-aio=0";

/// How long a server may take to come up or to end, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(90);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    PostgreSql,
    MariaDb,
    /// The server that stands in for MongoDB's own.
    MongoDb,
}

/// A server on a port of its own; it is gone with the test, and so are its files.
pub(crate) struct Throwaway {
    kind: Kind,
    pub(crate) port: u16,
    settings: Vec<String>,
    running: Option<Child>,
    folder: TempDir,
}

impl Throwaway {
    pub(crate) fn start(kind: Kind) -> Self {
        Self::start_with(kind, |_| Vec::new())
    }

    /// Starts with further arguments, which may name files in the folder that is given.
    pub(crate) fn start_with(kind: Kind, settings: impl FnOnce(&Path) -> Vec<String>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        give_away(folder.path());
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let settings = settings(folder.path());
        let mut server = Self { kind, port, settings, running: None, folder };
        let data = server.data().display().to_string();
        let mut set_up = match kind {
            Kind::PostgreSql => unprivileged(
                &postgresql("initdb"),
                &["-D", &data, "-A", "trust", "-U", "postgres", "--no-sync"],
            ),
            Kind::MariaDb => unprivileged(
                "mariadb-install-db",
                &[
                    "--no-defaults",
                    &format!("--datadir={data}"),
                    "--auth-root-authentication-method=normal",
                    "--skip-test-db",
                    WITHOUT_AIO,
                ],
            ),
            Kind::MongoDb => unprivileged("mkdir", &[&data]),
        };
        let done = set_up.output().unwrap();
        assert!(done.status.success(), "{set_up:?}: {done:?}; `cargo xtask test` installs what is missing");
        server.start_again();
        server
    }

    /// The URL of the database `name` there; the server has one called `test`.
    pub(crate) fn url(&self, name: &str) -> String {
        let authority = match self.kind {
            Kind::PostgreSql => "postgres://postgres",
            Kind::MariaDb => "mysql://root",
            Kind::MongoDb => return format!("mongodb://127.0.0.1:{}/{name}", self.port),
        };
        format!("{authority}@127.0.0.1:{}/{name}", self.port)
    }

    /// Starts the server that was killed, and waits until it answers.
    pub(crate) fn start_again(&mut self) {
        assert!(self.running.is_none());
        let (data, port) = (self.data().display().to_string(), self.port.to_string());
        let mut command = match self.kind {
            Kind::PostgreSql => {
                let sockets = format!("unix_socket_directories={data}");
                let arguments =
                    ["-D", &data, "-p", &port, "-c", "listen_addresses=127.0.0.1", "-c", &sockets];
                unprivileged(&postgresql("postgres"), &arguments)
            }
            Kind::MariaDb => {
                let arguments = [
                    "--no-defaults".to_owned(),
                    format!("--datadir={data}"),
                    format!("--port={port}"),
                    format!("--socket={data}/server.sock"),
                    format!("--pid-file={data}/server.pid"),
                    "--bind-address=127.0.0.1".to_owned(),
                    WITHOUT_AIO.to_owned(),
                ];
                unprivileged("mariadbd", &arguments.each_ref().map(String::as_str))
            }
            Kind::MongoDb => {
                let program =
                    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/tools/mongodb/bin/secantusd-py");
                let mut command = Command::new(program);
                // What was acknowledged outlives a kill only then; MongoDB's own server does it anyway.
                let arguments = [
                    "--host",
                    "127.0.0.1",
                    "--log-level",
                    "ERROR",
                    "--sync-on-commit",
                    "--cache-size",
                    "128M",
                ];
                command.args(arguments).args(["--port", &port, "--storage-path", &data]);
                command
            }
        };
        let log = File::options().append(true).create(true).open(self.folder.path().join("log")).unwrap();
        command.args(&self.settings).stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        self.running = Some(command.spawn().unwrap());
        self.wait_until(|server| server.answers().then_some(()));
    }

    /// Ends it at once, as a crash of the machine would.
    pub(crate) fn kill(&mut self) {
        let workers = self.workers();
        if let Some(mut child) = self.running.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
        // A PostgreSQL that is started again waits until the old one's workers have noticed.
        signal("KILL", &workers);
    }

    /// Stops it in the middle of whatever it does: it answers nothing, and says nothing of that.
    pub(crate) fn pause(&self) {
        let all = [vec![self.id()], self.workers()].concat();
        signal("STOP", &all);
        // A thread may have been about to answer.
        let begun = Instant::now();
        while !all.iter().all(|id| is_stopped(*id)) {
            assert!(begun.elapsed() < PATIENCE, "{:?} goes on", self.kind);
            sleep(Duration::from_millis(5));
        }
    }

    pub(crate) fn resume(&self) {
        signal("CONT", &[self.workers(), vec![self.id()]].concat());
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn id(&self) -> u32 {
        self.running.as_ref().unwrap().id()
    }

    /// The processes of PostgreSQL's connections; MariaDB has one process.
    fn workers(&self) -> Vec<u32> {
        let Some(id) = self.running.as_ref().map(Child::id) else { return Vec::new() };
        let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap_or_default();
        children.split_whitespace().map(|id| id.parse().unwrap()).collect()
    }

    fn answers(&self) -> bool {
        let port = self.port.to_string();
        match self.kind {
            Kind::PostgreSql => {
                let server = ["-h", "127.0.0.1", "-p", &port, "-U", "postgres"];
                let is_there = ["-c", "SELECT 1", "test"];
                succeeds(Command::new(postgresql("psql")).args(server).args(is_there))
                    || succeeds(Command::new(postgresql("createdb")).args(server).arg("test"))
            }
            Kind::MariaDb => {
                let server =
                    ["--no-defaults", "--protocol=tcp", "-h", "127.0.0.1", "-P", &port, "-u", "root"];
                let create = ["-e", "CREATE DATABASE IF NOT EXISTS test"];
                succeeds(Command::new("mariadb").args(server).args(create))
            }
            Kind::MongoDb => TcpStream::connect(("127.0.0.1", self.port)).is_ok(),
        }
    }

    fn wait_until(&mut self, mut is_so: impl FnMut(&mut Self) -> Option<()>) {
        let begun = Instant::now();
        while is_so(self).is_none() {
            let ended = self.running.as_mut().and_then(|child| child.try_wait().unwrap());
            let log = || fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
            assert!(ended.is_none() && begun.elapsed() < PATIENCE, "{:?}: {}", self.kind, log());
            sleep(Duration::from_millis(100));
        }
    }
}

impl Drop for Throwaway {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A command that runs as nobody where we are root.
fn unprivileged(name: &str, arguments: &[&str]) -> Command {
    let mut command = if is_root() {
        let mut command = Command::new("setpriv");
        command.args(["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups", name]);
        command
    } else {
        Command::new(name)
    };
    command.args(arguments).current_dir("/");
    command
}

/// Makes the server's user the owner of a file or folder.
pub(crate) fn give_away(path: &Path) {
    if is_root() {
        assert!(succeeds(Command::new("chown").arg(format!("{NOBODY}:{NOBODY}")).arg(path)));
    }
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.starts_with(b"0\n"))
}

fn succeeds(command: &mut Command) -> bool {
    command.output().is_ok_and(|output| output.status.success())
}

/// Whether every thread of the process has stopped, or it is gone.
fn is_stopped(id: u32) -> bool {
    let threads = fs::read_dir(format!("/proc/{id}/task")).into_iter().flatten().flatten();
    let states = threads.filter_map(|thread| fs::read_to_string(thread.path().join("stat")).ok());
    // Behind the name, which is in parentheses.
    let mut states =
        states.filter_map(|stat| stat.rsplit_once(") ").map(|(_, rest)| rest.starts_with(['T', 'Z'])));
    states.all(|is_stopped| is_stopped)
}

fn signal(name: &str, processes: &[u32]) {
    if processes.is_empty() {
        return;
    }
    // One that ended meanwhile is no harm.
    let _ = Command::new("kill").arg(format!("-{name}")).args(processes.iter().map(u32::to_string)).output();
}

/// A program of the newest PostgreSQL; Debian keeps its servers off the path.
fn postgresql(program: &str) -> String {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<_> = versions.map(|version| version.path().join("bin").join(program)).collect();
    found.retain(|path| path.exists());
    found.sort();
    found.pop().map_or_else(|| program.to_owned(), |path| path.display().to_string())
}
