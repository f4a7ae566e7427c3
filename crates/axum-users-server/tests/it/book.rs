//! The book says what is so: every code block of the project's pages is compiled, run, or read by what it is for.

mod blocks;
mod commands;
mod configurations;
mod console;
mod front_end;
mod pages;
mod programs;
mod proxies;
mod the_move;

use std::fs;

use self::blocks::{Block, blocks, root};

/// Every page with code in it, from the repository's root.
fn pages() -> Vec<String> {
    let mut pages = vec!["README.md".to_owned(), "CONTRIBUTING.md".to_owned(), "ARCHITECTURE.md".to_owned()];
    let of = |folder: &str| {
        let entries = fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().file_name());
        entries.map(|name| name.into_string().unwrap()).collect::<Vec<_>>()
    };
    pages.extend(pages_below("docs"));
    for folder in ["crates", "examples", "clients"] {
        let readmes = of(folder).into_iter().map(|name| format!("{folder}/{name}/README.md"));
        pages.extend(readmes.filter(|page| root().join(page).exists()));
    }
    pages
}

/// The pages in a folder and in those within it.
fn pages_below(folder: &str) -> Vec<String> {
    let mut pages = Vec::new();
    for entry in fs::read_dir(root().join(folder)).unwrap().map(Result::unwrap) {
        let path = format!("{folder}/{}", entry.file_name().into_string().unwrap());
        if entry.path().is_dir() {
            pages.extend(pages_below(&path));
        } else if path.ends_with(".md") {
            pages.push(path);
        }
    }
    pages
}

/// The blocks of all pages that are written in one of these languages.
fn all_in(languages: &[&str]) -> Vec<Block> {
    let found: Vec<Block> = pages()
        .iter()
        .flat_map(|page| blocks(page))
        .filter(|block| languages.contains(&block.language.as_str()))
        .collect();
    assert!(!found.is_empty(), "no block in {languages:?}");
    found
}

/// Each of these is checked by a test of this module; text is read by people alone.
const LANGUAGES: [&str; 12] =
    ["console", "haproxy", "js", "json", "nginx", "python", "rust", "sh", "sql", "text", "toml", "ts"];

#[test]
fn every_code_block_says_in_which_language_it_is_and_there_is_a_check_for_it() {
    let blocks: Vec<Block> = pages().iter().flat_map(|page| blocks(page)).collect();
    assert!(blocks.len() > 100, "{}", blocks.len());
    let unknown = blocks.iter().filter(|block| !LANGUAGES.contains(&block.language.as_str()));
    let unknown: Vec<String> =
        unknown.map(|block| format!("{} `{}`", block.place(), block.language)).collect();
    assert_eq!(unknown, Vec::<String>::new());
}

#[test]
fn every_json_block_is_json() {
    for block in all_in(&["json"]) {
        for document in serde_json::Deserializer::from_str(&block.text).into_iter::<serde_json::Value>() {
            document.unwrap_or_else(|error| panic!("{}: {error}", block.place()));
        }
    }
}
