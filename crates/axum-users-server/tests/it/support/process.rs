//! Child processes: started, waited for until they listen, ended with the test.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// How long a process may take to come up or to end, on a busy machine.
const DEADLINE: Duration = Duration::from_secs(60);

/// A process that is killed when it goes out of scope.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts a program with what it says in the file `log`.
    pub(crate) fn start(command: &mut Command, log: &Path) -> Self {
        let file = File::create(log).unwrap();
        let child = command
            .stdin(Stdio::null())
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
        Self { child, log: log.to_owned() }
    }

    /// Waits until it has said `listening on PORT` and gives the port.
    pub(crate) fn wait_for_port(&mut self) -> u16 {
        let said = |log: &str| log.lines().find_map(|line| line.strip_prefix("listening on ")?.parse().ok());
        poll(|| match said(&self.log()) {
            None if self.ended().is_some() => panic!("it did not start:\n{}", self.log()),
            port => port,
        })
        .unwrap_or_else(|| panic!("it does not listen:\n{}", self.log()))
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// The exit status, if it has ended.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// Asks it to end, as a service manager does.
    pub(crate) fn terminate(&self) {
        let asked = Command::new("kill").arg(self.child.id().to_string()).status().unwrap();
        assert!(asked.success());
    }

    /// Waits until it ends by itself.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let start = Instant::now();
        loop {
            match self.ended() {
                Some(status) => return status,
                None if start.elapsed() > DEADLINE => panic!("it does not end:\n{}", self.log()),
                None => thread::sleep(Duration::from_millis(10)),
            }
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already: both calls then say so, and there is nothing to do about it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Asks again and again until there is an answer or the deadline has passed.
pub(crate) fn poll<T>(mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let start = Instant::now();
    while start.elapsed() < DEADLINE {
        if let Some(answer) = ask() {
            return Some(answer);
        }
        thread::sleep(Duration::from_millis(10));
    }
    None
}

/// A program of one of the Python environments that `cargo xtask test` installs.
pub(crate) fn python_program(environment: &str, name: &str) -> PathBuf {
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/tools");
    let program = tools.join(environment).join("bin").join(name);
    assert!(program.exists(), "{} is missing: `cargo xtask tools` installs it", program.display());
    program
}

/// The Python that has the original and the test tools, as `cargo xtask test` installs it.
pub(crate) fn python() -> PathBuf {
    let given = std::env::var_os("AXUM_USERS_TEST_PYTHON").map(PathBuf::from);
    let installed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/tools/python/bin/python");
    let python = given.unwrap_or(installed);
    assert!(
        python.exists(),
        "{} is missing: `cargo xtask test` installs it, or set AXUM_USERS_TEST_PYTHON",
        python.display()
    );
    python
}
