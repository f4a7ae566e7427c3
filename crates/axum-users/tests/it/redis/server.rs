//! A Redis for one test.

use std::{
    net::TcpListener,
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use redis::{Connection, FromRedisValue, RedisResult};
use tempfile::TempDir;

/// How long a Redis may take to come up or to change, on a busy machine.
const DEADLINE: Duration = Duration::from_secs(30);

/// A Redis on a port of its own; it is gone with the test, and keeps nothing.
pub(super) struct RedisServer {
    pub(super) port: u16,
    arguments: Vec<String>,
    folder: TempDir,
    child: Child,
}

impl RedisServer {
    pub(super) fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts with further arguments of `redis-server`.
    pub(super) fn start_with(arguments: &[&str]) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let arguments: Vec<String> = arguments.iter().map(|&argument| argument.to_owned()).collect();
        let folder = tempfile::tempdir().unwrap();
        let child = spawn(port, &folder, &arguments);
        let server = Self { port, arguments, folder, child };
        server.wait();
        server
    }

    pub(super) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Runs a command given in words.
    pub(super) fn ask<T: FromRedisValue>(&self, words: &[&str]) -> T {
        self.try_ask(words).unwrap_or_else(|error| panic!("{error} in {words:?}"))
    }

    /// As [`Self::ask`], with what Redis refuses as a value.
    pub(super) fn try_ask<T: FromRedisValue>(&self, words: &[&str]) -> RedisResult<T> {
        let mut command = redis::cmd(words[0]);
        command.arg(&words[1..]);
        command.query(&mut self.connect().unwrap())
    }

    /// The names of all keys, sorted.
    pub(super) fn keys(&self) -> Vec<String> {
        let mut keys: Vec<String> = self.ask(&["KEYS", "*"]);
        keys.sort();
        keys
    }

    /// How often a command was run since [`Self::count`].
    pub(super) fn counted(&self, command: &str) -> usize {
        let stats: String = self.ask(&["INFO", "commandstats"]);
        let line = stats.lines().find_map(|line| line.strip_prefix(&format!("cmdstat_{command}:calls=")));
        line.map_or(0, |rest| rest.split(',').next().unwrap().parse().unwrap())
    }

    /// Begins to count commands.
    pub(super) fn count(&self) {
        let _: () = self.ask(&["CONFIG", "RESETSTAT"]);
    }

    /// Kills it; its keys are lost.
    pub(super) fn kill(&mut self) {
        let _ = self.child.kill();
        self.child.wait().unwrap();
    }

    /// Starts it anew on the same port.
    pub(super) fn restart(&mut self) {
        self.child = spawn(self.port, &self.folder, &self.arguments);
        self.wait();
    }

    /// Lets it hang: connections are accepted, nothing is answered.
    pub(super) fn pause(&self) {
        self.signal("-STOP");
    }

    pub(super) fn resume(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, name: &str) {
        let status = Command::new("kill").args([name, &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
    }

    fn connect(&self) -> RedisResult<Connection> {
        redis::Client::open(self.url())?.get_connection()
    }

    fn wait(&self) {
        poll(|| {
            let answer = redis::cmd("PING").query::<String>(&mut self.connect().ok()?);
            // One that wants a password is there, too.
            answer.map_or_else(|error| !error.is_io_error(), |pong| pong == "PONG").then_some(())
        });
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(port: u16, folder: &TempDir, arguments: &[String]) -> Child {
    Command::new("redis-server")
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
        .args(arguments)
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .unwrap_or_else(|error| {
            panic!(
                "redis-server cannot be started ({error}): `cargo xtask test` installs what the tests need"
            )
        })
}

/// Asks again and again until there is an answer.
pub(super) fn poll<T>(mut ask: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(start.elapsed() < DEADLINE, "it never came");
        sleep(Duration::from_millis(5));
    }
}
