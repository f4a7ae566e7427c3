//! The example does what the pages about own fields show.

use crate::{blocks::blocks_in, console::Console, program, program::Program};

const PROGRAM: &str = env!("CARGO_BIN_EXE_custom-fields");

#[test]
fn the_pages_show_what_the_routes_say_about_own_fields() {
    let folder = tempfile::tempdir().unwrap();
    let _program = Program::start(PROGRAM, folder.path());
    let console = Console::new(folder.path(), PROGRAM, program::ADDRESS);
    console.run(&blocks_in("docs/custom-fields.md", "console")[0]);
    console.run(&blocks_in("docs/tutorial.md", "console")[1]);
}
