//! `cargo xtask bench`: builds and installs what is measured, then runs it. See `bench/README.md`.

use crate::{
    command::{Outcome, cargo, program, say, step},
    servers::Servers,
    tools,
};

/// FastAPI Users with the event loop and the parser that are fastest for it.
const PYTHON_PACKAGES: &[&str] = &[
    "fastapi-users[sqlalchemy,redis,oauth]==15.0.5",
    "uvicorn==0.54.0",
    "uvloop==0.23.0",
    "httptools==0.9.0",
    "aiosqlite==0.22.1",
    "asyncpg==0.32.0",
];

/// Installs, builds, measures; `arguments` are the harness's.
pub(crate) fn run(arguments: &[&str]) -> Outcome {
    if arguments.contains(&"--help") {
        build("bench", &["--package", "harness"])?;
        return program(&harness(), arguments).run();
    }
    step("build", || {
        cargo(&["build", "--release", "--package", "axum-users-server"]).run()?;
        // One at a time, so that none has the features that another one asks of a crate.
        ["harness", "limit", "library"].iter().try_for_each(|program| build("bench", &["--package", program]))
    })?;
    step("peers", || {
        tools::python("bench-python", PYTHON_PACKAGES)?;
        peers(arguments);
        Ok(())
    })?;
    let servers = Servers::start_for_the_bench()?;
    let bench = program(&harness(), arguments);
    servers.environment().iter().fold(bench, |bench, (name, url)| bench.env(name, url)).run()
}

/// What is only measured beside us, and missed by nobody where it cannot be had.
fn peers(arguments: &[&str]) {
    let peers: [(&str, fn() -> Outcome); 3] = [
        ("axum-login", || build("bench/axum-login", &[])),
        // Some five hundred crates, and ten minutes of processor time.
        ("loco", || build("bench/loco", &[])),
        ("better-auth", better_auth),
    ];
    for (name, make) in peers.into_iter().filter(|(name, _)| is_wanted(name, arguments)) {
        if let Err(error) = make() {
            say(&format!("{name} IS NOT MEASURED, or as it was built before: {error}"));
        }
    }
}

/// Whether the harness measures this peer when it gets these arguments.
fn is_wanted(peer: &str, arguments: &[&str]) -> bool {
    let targets = arguments.iter().skip_while(|argument| **argument != "--targets").nth(1);
    match targets {
        Some(names) => names.split(',').any(|name| name == peer),
        None => !arguments.contains(&"--quick"),
    }
}

fn better_auth() -> Outcome {
    tools::npm("bench-better-auth", "bench/better-auth", &["server.mjs"])?;
    let folder = tools::folder("bench-better-auth");
    if folder.join("node_modules/better-sqlite3/build").exists() {
        return Ok(());
    }
    program("npm", &["rebuild", "better-sqlite3", "--prefix", &folder.to_string_lossy()]).run()
}

fn harness() -> String {
    crate::root().join("target").join("bench").join("release").join("bench").to_string_lossy().into_owned()
}

/// Builds a workspace beside the project's own, into a folder that they share.
fn build(folder: &str, more: &[&str]) -> Outcome {
    let manifest = format!("{folder}/Cargo.toml");
    let mut arguments =
        vec!["build", "--release", "--manifest-path", &manifest, "--target-dir", "target/bench"];
    arguments.extend_from_slice(more);
    cargo(&arguments).run()
}
