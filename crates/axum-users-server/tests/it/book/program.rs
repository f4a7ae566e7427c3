//! A program of a page, which listens where the page says: one at a time on a machine.

use std::fs::File;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, Instant};

/// Where the programs of the pages listen.
pub(crate) const ADDRESS: &str = "127.0.0.1:8000";

/// How long a program may take to come up, and others to end.
const DEADLINE: Duration = Duration::from_secs(120);

/// A running program; it ends with the test.
#[derive(Debug)]
pub(crate) struct Program {
    child: Child,
    /// Held as long as the address is taken.
    _turn: File,
}

impl Program {
    /// Waits for the address, starts the program in this folder, and waits until it listens.
    pub(crate) fn start(program: &str, folder: &Path) -> Self {
        let turn = File::create(std::env::temp_dir().join("axum-users-port-8000.lock")).unwrap();
        turn.lock().unwrap();
        assert!(poll(|| TcpListener::bind(ADDRESS).is_ok()), "something else listens on {ADDRESS}");
        let mut command = Command::new(program);
        command.current_dir(folder).env("SECRET", "a-secret-for-tests-of-more-than-32-bytes");
        let child = command.spawn().unwrap_or_else(|error| panic!("{program}: {error}"));
        let started = Self { child, _turn: turn };
        assert!(poll(|| TcpStream::connect(ADDRESS).is_ok()), "{program} does not listen on {ADDRESS}");
        started
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended already: both calls then say so, and there is nothing to do about it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn poll(mut is_so: impl FnMut() -> bool) -> bool {
    let start = Instant::now();
    while start.elapsed() < DEADLINE {
        if is_so() {
            return true;
        }
        thread::sleep(Duration::from_millis(10));
    }
    false
}
