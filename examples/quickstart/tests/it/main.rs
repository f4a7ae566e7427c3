//! The example does what the README, its own and the project's, and the tutorial show of it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper of a test fails the test")]
#![allow(dead_code, reason = "the tests of the server need the rest")]

#[path = "../../../../crates/axum-users-server/tests/it/book/blocks.rs"]
mod blocks;
#[path = "../../../../crates/axum-users-server/tests/it/book/console.rs"]
mod console;
#[path = "../../../../crates/axum-users-server/tests/it/book/program.rs"]
mod program;

use crate::{blocks::blocks_in, console::Console, program::Program};

const PROGRAM: &str = env!("CARGO_BIN_EXE_quickstart");

#[test]
fn the_pages_show_what_somebody_sees_who_registers_logs_in_and_is_greeted() {
    for page in ["README.md", "docs/tutorial.md", "examples/quickstart/README.md"] {
        let folder = tempfile::tempdir().unwrap();
        let _program = Program::start(PROGRAM, folder.path());
        Console::new(folder.path(), PROGRAM, program::ADDRESS).run(&blocks_in(page, "console")[0]);
    }
}
