//! `cargo xtask nightly`: what looks for hours for what nobody has thought of yet.

use crate::{
    command::{Outcome, cargo, step, with_servers},
    fuzz, tools,
};

/// Eight hours of processor time for all targets together.
const FUZZ_SECONDS_EACH: u32 = 4200;

/// Requests of Schemathesis for each operation.
const SCHEMA_EXAMPLES: &str = "2000";

/// The security core, which no mutant may survive unexplained.
const CORE: [&str; 8] = [
    "crates/axum-users/src/auth/jwt.rs",
    "crates/axum-users/src/auth/cookie.rs",
    "crates/axum-users/src/csrf.rs",
    "crates/axum-users/src/limits/buckets.rs",
    "crates/axum-users/src/oauth/state.rs",
    "crates/axum-users/src/password/pool.rs",
    "crates/axum-users/src/password/stored.rs",
    "crates/axum-users/src/token.rs",
];

/// Runs all of it, or the named part alone.
pub(crate) fn run(parts: &[&str]) -> Outcome {
    let known = ["schema", "fuzz", "mutants"];
    if let Some(unknown) = parts.iter().find(|part| !known.contains(part)) {
        return Err(format!("there is no part {unknown}; the parts are {}", known.join(", ")));
    }
    let wanted = |part| parts.is_empty() || parts.contains(&part);
    step("tools", || tools::install().and_then(|()| tools::install_seekers()))?;
    if wanted("schema") {
        step("the OpenAPI document", || {
            let test = ["nextest", "run", "--package", "axum-users-server", "--all-features", "schema::"];
            with_servers(cargo(&test).env("SCHEMATHESIS_EXAMPLES", SCHEMA_EXAMPLES))
        })?;
    }
    if wanted("fuzz") {
        step("fuzzing", || fuzz::run(FUZZ_SECONDS_EACH))?;
    }
    if wanted("mutants") {
        step("mutants", mutants)?;
    }
    Ok(())
}

/// Changes the security core line by line, and looks whether a test notices.
fn mutants() -> Outcome {
    let mut arguments = vec!["mutants", "--package", "axum-users", "--test-tool", "nextest"];
    arguments.extend(["--output", "target", "--all-features", "--no-shuffle"]);
    arguments.extend(CORE.iter().flat_map(|file| ["--file", *file]));
    with_servers(cargo(&arguments))
}
