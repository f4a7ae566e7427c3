//! What the project depends on: which crates, under which licences, from where, and with which known vulnerabilities.

use crate::command::{Outcome, cargo, say};

/// Holds the dependencies against `deny.toml`, and against RustSec's advisories where their database can be fetched.
pub(crate) fn check() -> Outcome {
    cargo(&["deny", "check", "--hide-inclusion-graph", "bans", "licenses", "sources"]).run()?;
    if !cargo(&["deny", "fetch", "db"]).succeeds() {
        say("ADVISORIES ARE NOT CHECKED: RustSec's database cannot be fetched from here.");
        return Ok(());
    }
    cargo(&["deny", "check", "--hide-inclusion-graph", "advisories"]).run()
}
