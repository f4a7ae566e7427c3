//! `health`: what a container's health check asks.

use std::{
    io::{self, Read, Write},
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream},
    time::Duration,
};

use anyhow::{Context, bail};

use crate::config::Config;

/// How long the server may take to connect, and to answer.
const DEADLINE: Duration = Duration::from_secs(5);

/// Asks the server that listens where the configuration says whether it is ready.
pub(crate) fn run(config: &Config) -> anyhow::Result<()> {
    let address = reachable(config.listen);
    let answer = ask(address).with_context(|| format!("no server answers at {address}"))?;
    let status = answer.split(' ').nth(1).unwrap_or_default();
    match status {
        "200" => Ok(writeln!(io::stdout(), "The server at {address} is ready.")?),
        "503" => bail!("the server at {address} runs, and its database does not answer"),
        _ => bail!("what answers at {address} is no axum-users server (status {status})"),
    }
}

/// Where this machine finds a server that listens everywhere.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V4(it) if it.ip().is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        SocketAddr::V6(it) if it.ip().is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    address
}

/// The beginning of the answer of `/readyz`: more than the status line is not looked at.
fn ask(address: SocketAddr) -> io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, DEADLINE)?;
    stream.set_read_timeout(Some(DEADLINE))?;
    stream.set_write_timeout(Some(DEADLINE))?;
    write!(stream, "GET /readyz HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.take(256).read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}
