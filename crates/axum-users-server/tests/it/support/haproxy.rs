//! Several servers behind one address.

use std::net::TcpStream;
use std::path::Path;
use std::process::Command;

use super::process::{Process, poll};
use super::redis::free_port;

/// A running haproxy; it ends with the test.
#[derive(Debug)]
pub(crate) struct LoadBalancer {
    /// `127.0.0.1:PORT`.
    pub(crate) address: String,
    _process: Process,
}

impl LoadBalancer {
    /// Sends requests to the servers in turn, and to another one where one does not answer.
    pub(crate) fn start(servers: &[&str], folder: &Path) -> Self {
        let address = format!("127.0.0.1:{}", free_port());
        let mut config = format!(
            "defaults\n  mode http\n  option redispatch\n  retries 3\n  \
             retry-on conn-failure empty-response\n  timeout connect 2s\n  timeout client 60s\n  \
             timeout server 60s\nfrontend all\n  bind {address}\n  option forwardfor\n  default_backend servers\n\
             backend servers\n  balance roundrobin\n"
        );
        for (number, server) in servers.iter().enumerate() {
            config += &format!("  server s{number} {server} check inter 300ms fall 1\n");
        }
        let file = folder.join("haproxy.cfg");
        std::fs::write(&file, config).unwrap();
        // In the foreground, without a word.
        let mut command = Command::new("haproxy");
        command.args(["-db", "-q", "-f"]).arg(&file);
        let process = Process::start(&mut command, &folder.join("haproxy.log"));
        let up = poll(|| TcpStream::connect(&address).ok());
        assert!(up.is_some(), "haproxy does not come up: {}", process.log());
        Self { address, _process: process }
    }
}
