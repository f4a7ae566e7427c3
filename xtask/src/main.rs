//! The project's own commands.
//!
//! `cargo xtask test` does all that the tests need and runs everything: it is what CI runs.

mod bench;
mod command;
mod dependencies;
mod dist;
#[cfg(test)]
mod examples;
mod fuzz;
mod mutants;
mod nightly;
mod security;
mod servers;
mod tools;

use std::{path::PathBuf, process::ExitCode};

use command::{Outcome, cargo, program, step, with_servers};

const USAGE: &str = "\
The project's own commands.

Usage: cargo xtask <COMMAND>

Commands:
  test   install what the tests need, then run everything that CI runs
  security [GROUP...]
         run the tests of the requirements of docs/security.md, those of elapsed time too, and print how many
         are met; of some groups alone: `cargo xtask security li cr`
  nightly [schema] [fuzz] [mutants]
         look for hours for what nobody has thought of: requests by the OpenAPI document, the fuzzer, and
         mutants of the security core
  bench [OPTIONS]
         measure axum-users beside its peers and beside what the machine can do; --help says more
  tools  only install what the tests need
  servers COMMAND...
         start the databases that the tests need, run a command with their URLs, and stop them
  dist   build the static binary and its archive, in target/dist
  help   print this text

cargo xtask test runs, in this order: formatting, the dependencies' licences and advisories, lints, documentation,
tests, documentation's examples, some seconds of fuzzing. It installs missing tools into target/tools, and with apt where a system package is
missing. The database servers that the tests need are started on free ports and stopped again; set POSTGRES_URL,
MYSQL_URL, REDIS_URL or MONGODB_URL to use others.";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["test"] => test(),
        ["security", ref groups @ ..] => step("tools", tools::install).and_then(|()| security::run(groups)),
        ["nightly", ref parts @ ..] => nightly::run(parts),
        ["bench", ref arguments @ ..] => bench::run(arguments),
        ["tools"] => tools::install(),
        ["dist"] => dist::run(),
        ["servers", name, ref arguments @ ..] => with_servers(program(name, arguments)),
        ["help" | "--help" | "-h"] | [] => {
            command::say(USAGE);
            Ok(())
        }
        _ => Err(format!("unknown command `{}`\n\n{USAGE}", arguments.join(" "))),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            command::complain(&error);
            ExitCode::FAILURE
        }
    }
}

/// The workspace's root folder.
fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).parent().map(PathBuf::from).unwrap_or_default()
}

fn test() -> Outcome {
    step("tools", tools::install)?;
    step("formatting", || cargo(&["fmt", "--all", "--", "--check"]).run())?;
    step("dependencies", dependencies::check)?;
    step("lints", || {
        cargo(&["clippy", "--workspace", "--all-targets", "--all-features", "--", "-D", "warnings"]).run()
    })?;
    step("lints without features", || {
        cargo(&["clippy", "--package", "axum-users", "--no-default-features", "--", "-D", "warnings"]).run()
    })?;
    step("lints of each database alone", || {
        ["sqlite", "postgres", "mysql"].into_iter().try_for_each(|database| {
            let package =
                ["clippy", "--package", "axum-users-sqlx", "--all-targets", "--no-default-features"];
            cargo(&[&package[..], &["--features", database, "--", "-D", "warnings"]].concat()).run()
        })
    })?;
    step("documentation", || {
        cargo(&["doc", "--workspace", "--no-deps", "--all-features"]).env("RUSTDOCFLAGS", "-D warnings").run()
    })?;
    step("tests", || {
        with_servers(cargo(&["nextest", "run", "--workspace", "--all-features", "--no-fail-fast"]))
    })?;
    step("documentation's examples", || cargo(&["test", "--workspace", "--all-features", "--doc"]).run())?;
    step("fuzzing", fuzz::briefly)
}
