//! Running other programs, and saying what goes on.

use std::{
    io::Write,
    process::Command,
    time::{Duration, Instant},
};

/// `Err` carries a sentence for the person at the terminal.
pub(crate) type Outcome = Result<(), String>;

/// A program with its arguments, run from the workspace's root.
pub(crate) struct Program {
    command: Command,
    text: String,
}

/// A program to run, with the installed subcommands of cargo behind those that are there already.
pub(crate) fn program(name: &str, arguments: &[&str]) -> Program {
    let mut command = Command::new(name);
    command.args(arguments).current_dir(crate::root());
    let installed = crate::tools::subcommand_folders();
    let path = std::env::var_os("PATH").unwrap_or_default();
    if let Ok(path) = std::env::join_paths(std::env::split_paths(&path).chain(installed)) {
        command.env("PATH", path);
    }
    Program { command, text: format!("{name} {}", arguments.join(" ")) }
}

/// The cargo that runs this.
pub(crate) fn cargo(arguments: &[&str]) -> Program {
    let name = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let mut it = program(&name, arguments);
    it.text = format!("cargo {}", arguments.join(" "));
    it
}

impl Program {
    /// Sets an environment variable for the program.
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// Runs the program with its output on the terminal; it has to succeed.
    pub(crate) fn run(mut self) -> Outcome {
        say(&format!("$ {}", self.text));
        match self.command.status() {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(format!("`{}` failed ({status})", self.text)),
            Err(error) => Err(format!("`{}` could not be started: {error}", self.text)),
        }
    }

    /// Runs the program with its output on the terminal, and gives the code that it ends with.
    pub(crate) fn run_to_code(mut self) -> Result<i32, String> {
        say(&format!("$ {}", self.text));
        let status = self
            .command
            .status()
            .map_err(|error| format!("`{}` could not be started: {error}", self.text))?;
        status.code().ok_or_else(|| format!("`{}` was ended ({status})", self.text))
    }

    /// Runs the program, which has to succeed, and gives what it printed.
    pub(crate) fn output(mut self) -> Result<String, String> {
        match self.command.output() {
            Ok(output) if output.status.success() => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
            Ok(output) => Err(format!("`{}` failed ({})", self.text, output.status)),
            Err(error) => Err(format!("`{}` could not be started: {error}", self.text)),
        }
    }

    /// Whether the program runs and succeeds; its output is thrown away.
    pub(crate) fn succeeds(mut self) -> bool {
        self.command.output().is_ok_and(|output| output.status.success())
    }
}

/// Runs a program that is told where the databases are.
pub(crate) fn with_servers(program: Program) -> Outcome {
    let servers = crate::servers::Servers::start()?;
    servers.environment().iter().fold(program, |program, (name, url)| program.env(name, url)).run()
}

/// Runs one step under a heading, and says how long it took.
pub(crate) fn step(name: &str, work: impl FnOnce() -> Outcome) -> Outcome {
    say(&format!("\n== {name}"));
    let begun = Instant::now();
    work().map_err(|error| format!("{name}: {error}"))?;
    say(&format!("== {name}: done in {}", seconds(begun.elapsed())));
    Ok(())
}

fn seconds(duration: Duration) -> String {
    format!("{} s", duration.as_secs())
}

/// Prints a line for the person at the terminal.
pub(crate) fn say(text: &str) {
    // Nobody is left to tell when the terminal is gone.
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// Prints what went wrong.
pub(crate) fn complain(text: &str) {
    let _ = writeln!(std::io::stderr(), "error: {text}");
}
