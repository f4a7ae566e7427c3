//! Several servers behind one address.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::process::{Process, poll};
use super::redis::free_port;

/// A running haproxy; it ends with the test.
#[derive(Debug)]
pub(crate) struct LoadBalancer {
    /// `127.0.0.1:PORT`.
    pub(crate) address: String,
    admin: PathBuf,
    _process: Process,
}

impl LoadBalancer {
    /// Sends requests to the servers in turn, and to another one where one does not answer.
    pub(crate) fn start(servers: &[&str], folder: &Path) -> Self {
        let names: Vec<String> = (0..servers.len()).map(|number| format!("s{number}")).collect();
        let servers: Vec<(&str, &str)> =
            names.iter().map(String::as_str).zip(servers.iter().copied()).collect();
        Self::start_named(&servers, folder)
    }

    /// The same with names, which each answer tells in `x-served-by`.
    pub(crate) fn start_named(servers: &[(&str, &str)], folder: &Path) -> Self {
        let address = format!("127.0.0.1:{}", free_port());
        let admin = folder.join("haproxy.sock");
        let mut config = format!(
            "global\n  stats socket {} level admin\ndefaults\n  mode http\n  option redispatch\n  retries 3\n  \
             retry-on conn-failure empty-response\n  timeout connect 2s\n  timeout client 60s\n  \
             timeout server 60s\nfrontend all\n  bind {address}\n  option forwardfor\n  default_backend servers\n\
             backend servers\n  balance roundrobin\n  http-response set-header x-served-by %s\n",
            admin.display()
        );
        for (name, server) in servers {
            config += &format!("  server {name} {server} check inter 300ms fall 1\n");
        }
        let file = folder.join("haproxy.cfg");
        std::fs::write(&file, config).unwrap();
        // In the foreground, without a word.
        let mut command = Command::new("haproxy");
        command.args(["-db", "-q", "-f"]).arg(&file);
        let process = Process::start(&mut command, &folder.join("haproxy.log"));
        let up = poll(|| TcpStream::connect(&address).ok());
        assert!(up.is_some(), "haproxy does not come up: {}", process.log());
        Self { address, admin, _process: process }
    }

    /// Says something to its admin socket, and answers what it says.
    pub(crate) fn say(&self, command: &str) -> String {
        let mut socket = UnixStream::connect(&self.admin).unwrap();
        socket.write_all(format!("{command}\n").as_bytes()).unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).unwrap();
        answer
    }

    /// Sends new requests to a server, as many as its weight is a part of all weights; none with a weight of 0.
    pub(crate) fn weigh(&self, server: &str, weight: u8) {
        assert_eq!(self.say(&format!("set server servers/{server} weight {weight}")).trim(), "");
    }

    /// Waits until a server has been found to be there.
    pub(crate) fn wait_for(&self, server: &str) {
        let is_up = |state: &str| {
            state
                .lines()
                .any(|line| line.split(' ').nth(3) == Some(server) && line.split(' ').nth(5) == Some("2"))
        };
        let up = poll(|| is_up(&self.say("show servers state servers")).then_some(()));
        assert!(up.is_some(), "{server} does not come up: {}", self.say("show servers state servers"));
    }

    /// Waits until a server has nothing to answer any more.
    pub(crate) fn wait_until_idle(&self, server: &str) {
        // Among the statistics of a server, `scur` is the fifth: the requests that it has now.
        let current = |all: &str| {
            let line = all.lines().find(|line| line.starts_with(&format!("servers,{server},")))?;
            line.split(',').nth(4)?.parse::<u64>().ok()
        };
        let idle = poll(|| (current(&self.say("show stat")) == Some(0)).then_some(()));
        assert!(idle.is_some(), "{server} does not come to an end: {}", self.say("show stat"));
    }
}
