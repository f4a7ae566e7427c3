//! Programs in Rust are compiled with the documentation's tests, or are parts of a program that is compiled.

use std::fs;
use std::path::Path;

use super::all_in;
use super::blocks::{Block, blocks_in, root, text};

/// The crates that have pages among their documentation's tests.
const CRATES: [&str; 5] =
    ["axum-users", "axum-users-mongodb", "axum-users-seaorm", "axum-users-sqlx", "reqwest-oauth"];

/// A page that quotes the sources of a program.
const QUOTES: [(&str, &[&str]); 2] = [
    (
        "docs/own-database.md",
        &[
            "examples/own-database/src/lib.rs",
            "examples/own-database/tests/it/conformance.rs",
            "crates/axum-users-testkit/tests/it/memory.rs",
        ],
    ),
    (
        "docs/seaorm.md",
        &[
            "examples/seaorm-oauth/src/app.rs",
            "examples/seaorm-oauth/src/models.rs",
            "examples/seaorm-oauth/src/models/user.rs",
            "examples/seaorm-oauth/src/users.rs",
        ],
    ),
];

/// The pages whose text is the documentation of an item: `include_str!` names them.
fn compiled() -> Vec<String> {
    let mut pages = vec!["crates/axum-users-testkit/README.md".to_owned()];
    for name in CRATES {
        let library = text(&format!("crates/{name}/src/lib.rs"));
        let included = library.split("include_str!(\"../").skip(1).filter_map(|rest| rest.split('"').next());
        pages.extend(included.map(|page| match page.strip_prefix("../../") {
            Some(page) => page.to_owned(),
            None => format!("crates/{name}/{page}"),
        }));
    }
    pages
}

/// A text without indentation, and without the lines that a page leaves away.
fn lines(text: &str) -> Vec<&str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("// …")).collect()
}

/// Whether the lines of the block stand in the source in this order, those between two marks together.
fn is_quoted(block: &Block, source: &str) -> bool {
    let source = lines(source);
    let mut from = 0;
    block.text.split("// …").all(|part| {
        let part = lines(part);
        let part = part.strip_suffix(&["…"]).unwrap_or(&part);
        let found = source[from..].windows(part.len().max(1)).position(|window| window == part);
        from += found.map_or(0, |at| at + part.len());
        part.is_empty() || found.is_some()
    })
}

#[test]
fn every_program_is_compiled_with_the_documentation_or_stands_in_an_example() {
    let compiled = compiled();
    for block in all_in(&["rust"]) {
        let fence = text(&block.page).lines().nth(block.line - 1).unwrap().trim().to_owned();
        let quoted = QUOTES.iter().find(|(page, _)| *page == block.page);
        match quoted {
            Some((_, sources)) => {
                let sources = sources.iter().map(|source| text(source));
                assert!(
                    sources.into_iter().any(|source| is_quoted(&block, &source)),
                    "{} is in none of the example's files",
                    block.place()
                );
            }
            None => {
                assert!(compiled.contains(&block.page), "{} is compiled nowhere", block.place());
                assert!(["```rust", "```rust,no_run"].contains(&fence.as_str()), "{} {fence}", block.place());
            }
        }
    }
}

#[test]
fn the_quick_start_of_the_readme_and_of_the_tutorial_is_the_example() {
    let example = text("examples/quickstart/src/main.rs");
    let (_, program) = example.split_once("\n\n").unwrap();
    for page in ["README.md", "docs/tutorial.md"] {
        assert_eq!(blocks_in(page, "rust")[0].text, program, "{page}");
    }
}

#[test]
fn every_hook_is_on_the_page_of_hooks_and_none_that_is_not() {
    let source = text("crates/axum-users/src/hooks.rs");
    let (_, after) = source.split_once("\nhooks! {\n").unwrap();
    let (definition, _) = after.split_once("\n}\n").unwrap();
    let mut hooks: Vec<&str> =
        definition.split("fn on_").skip(1).filter_map(|rest| rest.split('(').next()).collect();
    assert!(hooks.len() > 10, "{hooks:?}");
    let page = text("docs/hooks.md");
    let (_, table) = page.split_once("## All of them").unwrap();
    let (table, _) = table.split_once("\n## ").unwrap();
    let rows = table.lines().filter_map(|line| line.strip_prefix("| `on_"));
    let mut rows: Vec<&str> = rows.filter_map(|row| row.split('`').next()).collect();
    hooks.sort_unstable();
    rows.sort_unstable();
    assert_eq!(rows, hooks);
}

#[test]
fn every_example_has_a_readme_whose_command_starts_it_and_is_tested() {
    for entry in fs::read_dir(root().join("examples")).unwrap() {
        let folder = entry.unwrap().path();
        let name = folder.file_name().unwrap().to_str().unwrap().to_owned();
        let commands = blocks_in(&format!("examples/{name}/README.md"), "sh");
        assert!(commands[0].text.trim_end().ends_with(&format!("cargo run --package {name}")), "{name}");
        assert!(folder.join("tests/it/main.rs").exists(), "{name} has no test");
        assert!(length(&folder.join("src/main.rs")) < 100, "{name} is too long to read");
    }
}

fn length(file: &Path) -> usize {
    fs::read_to_string(file).unwrap().lines().count()
}
