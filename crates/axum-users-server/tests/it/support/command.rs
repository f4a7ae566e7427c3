//! The server's commands, run to their end.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// What a command said, and how it ended.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) output: String,
    pub(crate) error: String,
}

/// Runs a command on a database, in a folder that has no config file or one called `axum-users.toml`.
pub(crate) fn command(url: &str, folder: &Path, arguments: &[&str]) -> Said {
    run(folder, &[("AXUM_USERS__DATABASE__URL", url)], arguments, "")
}

/// Runs a command in a folder with these variables in its environment, and gives it something to read.
pub(crate) fn run(folder: &Path, variables: &[(&str, &str)], arguments: &[&str], input: &str) -> Said {
    let mut command = Command::new(env!("CARGO_BIN_EXE_axum-users"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("AXUM_USERS_")) {
        command.env_remove(name);
    }
    let mut child = command
        .args(arguments)
        .current_dir(folder)
        .envs(variables.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It may have ended without having read anything.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Said { code: output.status.code(), output: text(output.stdout), error: text(output.stderr) }
}
