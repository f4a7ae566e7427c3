//! A Redis for one test.

use std::net::TcpListener;
use std::process::Command;

use redis::{Client, FromRedisValue};
use tempfile::TempDir;

use super::process::{Process, poll};

/// A Redis on a port of its own; it is gone with the test, and keeps nothing.
#[derive(Debug)]
pub(crate) struct RedisServer {
    pub(crate) port: u16,
    _process: Process,
    _folder: TempDir,
}

/// A key as the transcripts tell it.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) value: String,
    /// Seconds that it has left; -1 without an end.
    pub(crate) ttl: i64,
}

impl RedisServer {
    pub(crate) fn start() -> Self {
        Self::start_at(free_port())
    }

    /// Starts at a port that was free before.
    pub(crate) fn start_at(port: u16) -> Self {
        let text = port.to_string();
        let server = Self::run(port, &["--port", &text]);
        let up = poll(|| Client::open(server.url()).unwrap().get_connection().ok());
        assert!(up.is_some(), "Redis does not come up");
        server
    }

    /// Starts one that speaks TLS alone.
    pub(crate) fn start_with_tls(certificate: &str, key: &str) -> Self {
        let port = free_port();
        let text = port.to_string();
        let tls = ["--port", "0", "--tls-port", &text, "--tls-auth-clients", "no"];
        let files =
            ["--tls-cert-file", certificate, "--tls-key-file", key, "--tls-ca-cert-file", certificate];
        let server = Self::run(port, &[&tls[..], &files[..]].concat());
        let up = poll(|| std::net::TcpStream::connect(("127.0.0.1", port)).ok());
        assert!(up.is_some(), "Redis does not come up");
        server
    }

    fn run(port: u16, arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("redis-server");
        command.args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]).args(arguments);
        command.current_dir(folder.path());
        let process = Process::start(&mut command, &folder.path().join("redis.log"));
        Self { port, _process: process, _folder: folder }
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Every key with the original's prefix, sorted by name.
    pub(crate) fn keys(&self) -> Vec<Key> {
        let mut names: Vec<String> = self.ask(&["KEYS", "fastapi_users_token:*"]);
        names.sort();
        let key = |name: String| Key {
            kind: self.ask(&["TYPE", &name]),
            value: self.ask(&["GET", &name]),
            ttl: self.ask(&["TTL", &name]),
            name,
        };
        names.into_iter().map(key).collect()
    }

    fn ask<T: FromRedisValue>(&self, words: &[&str]) -> T {
        let mut connection = Client::open(self.url()).unwrap().get_connection().unwrap();
        redis::cmd(words[0]).arg(&words[1..]).query(&mut connection).unwrap()
    }
}

/// A port that nobody listens at.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
