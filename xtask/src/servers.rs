//! Throw-away database servers for the tests, on free ports of this machine.
//!
//! Where an environment variable names a server, that one is used, and none is started in its place.

use std::{
    fs::{self, File},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use crate::{
    command::{Outcome, program, say},
    tools::{apt, folder},
};

/// The user as whom servers run that refuse to run as root: `nobody`.
const NOBODY: &str = "65534";

/// How long a server may take to answer.
const PATIENCE: Duration = Duration::from_secs(90);

/// The servers that were started; they stop, and their files go, when this is dropped.
pub(crate) struct Servers {
    folder: PathBuf,
    running: Vec<Child>,
    environment: Vec<(&'static str, String)>,
}

impl Servers {
    /// Starts a server for every variable that names none.
    pub(crate) fn start() -> Result<Self, String> {
        let mut servers = Self::start_for_the_bench()?;
        servers.start_unless("MYSQL_URL", Self::mariadb)?;
        servers.start_unless("MONGODB_URL", Self::mongodb)?;
        Ok(servers)
    }

    /// Likewise, of those that the bench measures with.
    pub(crate) fn start_for_the_bench() -> Result<Self, String> {
        let folder = std::env::temp_dir().join(format!("axum-users-servers-{}", std::process::id()));
        fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let mut servers = Self { folder, running: Vec::new(), environment: Vec::new() };
        servers.start_unless("POSTGRES_URL", Self::postgresql)?;
        servers.start_unless("REDIS_URL", Self::redis)?;
        Ok(servers)
    }

    /// What the tests have to be told.
    pub(crate) fn environment(&self) -> &[(&'static str, String)] {
        &self.environment
    }

    fn start_unless(
        &mut self,
        variable: &'static str,
        start: fn(&mut Self) -> Result<String, String>,
    ) -> Outcome {
        if let Ok(url) = std::env::var(variable) {
            say(&format!("{variable} names {url}"));
            return Ok(());
        }
        let url = start(self)
            .map_err(|error| format!("{error}; or set {variable} to a server that the tests may use"))?;
        say(&format!("{variable}={url}"));
        self.environment.push((variable, url));
        Ok(())
    }

    fn postgresql(&mut self) -> Result<String, String> {
        let bin = match postgresql_programs() {
            Some(bin) => bin,
            None => {
                apt(&["postgresql"])?;
                postgresql_programs().ok_or("PostgreSQL's programs are not under /usr/lib/postgresql")?
            }
        };
        let data = self.data_folder("postgresql")?;
        let path = |name: &str| bin.join(name).to_string_lossy().into_owned();
        let data = data.to_string_lossy().into_owned();
        unprivileged(
            &path("initdb"),
            &["-D", &data, "-A", "trust", "-U", "postgres", "-E", "UTF8", "--no-sync"],
        )
        .stdout(Stdio::null())
        .status()
        .map_err(|error| error.to_string())
        .and_then(|status| if status.success() { Ok(()) } else { Err("initdb failed".to_owned()) })?;
        let port = free_port()?;
        let sockets = format!("unix_socket_directories={data}");
        self.spawn(
            "postgresql",
            unprivileged(
                &path("postgres"),
                &[
                    "-D",
                    &data,
                    "-p",
                    &port,
                    "-c",
                    "listen_addresses=127.0.0.1",
                    "-c",
                    &sockets,
                    "-c",
                    "fsync=off",
                    "-c",
                    "max_connections=300",
                ],
            ),
        )?;
        let ready = path("pg_isready");
        await_ready("PostgreSQL", || program(&ready, &["-h", "127.0.0.1", "-p", &port]).succeeds())?;
        Ok(format!("postgres://postgres@127.0.0.1:{port}/postgres"))
    }

    fn mariadb(&mut self) -> Result<String, String> {
        if !is_installed("mariadbd") || !is_installed("mariadb-install-db") {
            apt(&["mariadb-server"])?;
        }
        let data = self.data_folder("mariadb")?.to_string_lossy().into_owned();
        let data_argument = format!("--datadir={data}");
        let install =
            ["--no-defaults", &data_argument, "--auth-root-authentication-method=normal", "--skip-test-db"];
        unprivileged("mariadb-install-db", &install)
            .stdout(Stdio::null())
            .status()
            .map_err(|error| error.to_string())
            .and_then(
                |status| {
                    if status.success() { Ok(()) } else { Err("mariadb-install-db failed".to_owned()) }
                },
            )?;
        let port = free_port()?;
        let port_argument = format!("--port={port}");
        let socket = format!("--socket={data}/server.sock");
        let pid_file = format!("--pid-file={data}/server.pid");
        self.spawn(
            "mariadb",
            unprivileged(
                "mariadbd",
                &[
                    "--no-defaults",
                    &data_argument,
                    &port_argument,
                    &socket,
                    &pid_file,
                    "--bind-address=127.0.0.1",
                    "--max-connections=300",
                ],
            ),
        )?;
        let client = ["--no-defaults", "--protocol=tcp", "-h", "127.0.0.1", "-P", &port, "-u", "root"];
        let create = [&client[..], &["-e", "CREATE DATABASE IF NOT EXISTS test"]].concat();
        await_ready("MariaDB", || program("mariadb", &create).succeeds())?;
        Ok(format!("mysql://root@127.0.0.1:{port}/test"))
    }

    fn redis(&mut self) -> Result<String, String> {
        if !is_installed("redis-server") {
            apt(&["redis-server"])?;
        }
        let data = self.data_folder("redis")?.to_string_lossy().into_owned();
        let port = free_port()?;
        let arguments =
            ["--port", &port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", &data];
        self.spawn("redis", unprivileged("redis-server", &arguments))?;
        await_ready("Redis", || program("redis-cli", &["-p", &port, "ping"]).succeeds())?;
        Ok(format!("redis://127.0.0.1:{port}"))
    }

    fn mongodb(&mut self) -> Result<String, String> {
        let program = folder("mongodb").join("bin").join("secantusd-py");
        let (data, port) = (self.data_folder("mongodb")?, free_port()?);
        let mut command = Command::new(program);
        command.args(["--host", "127.0.0.1", "--port", &port, "--log-level", "ERROR", "--storage-path"]);
        command.arg(&data).current_dir(&data);
        self.spawn("mongodb", command)?;
        await_ready("MongoDB's stand-in", || TcpStream::connect(format!("127.0.0.1:{port}")).is_ok())?;
        Ok(format!("mongodb://127.0.0.1:{port}"))
    }

    /// An empty folder that the server's user owns.
    fn data_folder(&self, name: &str) -> Result<PathBuf, String> {
        let folder = self.folder.join(name);
        fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        if is_root() {
            let owner = format!("{NOBODY}:{NOBODY}");
            program("chown", &[&owner, &folder.to_string_lossy()]).run()?;
        }
        Ok(folder)
    }

    /// Starts a server with its output in a file.
    fn spawn(&mut self, name: &str, mut command: Command) -> Outcome {
        let log = self.folder.join(format!("{name}.log"));
        let output = File::create(&log).map_err(|error| format!("{}: {error}", log.display()))?;
        let errors = output.try_clone().map_err(|error| error.to_string())?;
        let child = command.stdin(Stdio::null()).stdout(output).stderr(errors).spawn();
        self.running.push(child.map_err(|error| format!("{name} could not be started: {error}"))?);
        Ok(())
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        for child in &mut self.running {
            // PostgreSQL takes an interrupt for a fast stop, and the others stop by it too.
            let asked = program("kill", &["-INT", &child.id().to_string()]).succeeds();
            let begun = Instant::now();
            while asked && begun.elapsed() < Duration::from_secs(10) {
                if matches!(child.try_wait(), Ok(Some(_))) {
                    break;
                }
                sleep(Duration::from_millis(50));
            }
            // It may have stopped, and then there is nothing to kill.
            let _ = child.kill();
            let _ = child.wait();
        }
        let _ = fs::remove_dir_all(&self.folder);
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

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.starts_with(b"0\n"))
}

fn is_installed(name: &str) -> bool {
    program("sh", &["-c", &format!("command -v {name}")]).succeeds()
}

/// The folder of PostgreSQL's server programs, which Debian keeps off the path.
fn postgresql_programs() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?;
    let mut folders: Vec<PathBuf> = versions.flatten().map(|version| version.path().join("bin")).collect();
    folders.retain(|folder| Path::new(&folder.join("initdb")).exists());
    folders.sort();
    folders.pop()
}

fn free_port() -> Result<String, String> {
    let listener = TcpListener::bind("127.0.0.1:0").map_err(|error| error.to_string())?;
    listener.local_addr().map(|address| address.port().to_string()).map_err(|error| error.to_string())
}

fn await_ready(name: &str, is_ready: impl Fn() -> bool) -> Outcome {
    let begun = Instant::now();
    while !is_ready() {
        if begun.elapsed() > PATIENCE {
            return Err(format!("{name} did not answer within {} s", PATIENCE.as_secs()));
        }
        sleep(Duration::from_millis(100));
    }
    Ok(())
}
