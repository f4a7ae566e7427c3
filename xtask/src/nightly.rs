//! `cargo xtask nightly`: what looks for hours for what nobody has thought of yet.

use crate::{
    command::{Outcome, cargo, step, with_servers},
    fuzz, mutants, tools,
};

/// Requests of Schemathesis for each operation.
const SCHEMA_EXAMPLES: &str = "2000";

/// Runs all of it, or the named part alone.
pub(crate) fn run(parts: &[&str]) -> Outcome {
    let known = ["schema", "fuzz", "mutants"];
    if let Some(unknown) = parts.iter().find(|part| !known.contains(part)) {
        return Err(format!("there is no part {unknown}; the parts are {}", known.join(", ")));
    }
    let wanted = |part| parts.is_empty() || parts.contains(&part);
    step("tools", || tools::install().and_then(|()| tools::mutants()))?;
    if wanted("schema") {
        step("the OpenAPI document", || {
            let test = ["nextest", "run", "--package", "axum-users-server", "--all-features", "schema::"];
            with_servers(cargo(&test).env("SCHEMATHESIS_EXAMPLES", SCHEMA_EXAMPLES))
        })?;
    }
    if wanted("fuzz") {
        step("fuzzing", fuzz::long)?;
    }
    if wanted("mutants") {
        step("mutants", mutants::run)?;
    }
    Ok(())
}
