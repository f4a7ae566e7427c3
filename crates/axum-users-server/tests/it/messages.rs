//! The page of messages has every one of them, in the program's own words, and no other.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The enums whose texts people are shown at the start.
const ENUMS: [&str; 5] = ["BuildError", "ConnectError", "KeyError", "Argon2ParametersError", "RedisError"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The Rust files of every crate but the testkit, without the modules of tests at their ends.
fn sources() -> Vec<String> {
    let mut folders: Vec<PathBuf> = fs::read_dir(root().join("crates"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.file_name().is_some_and(|name| name != "axum-users-testkit"))
        .map(|path| path.join("src"))
        .collect();
    let mut texts = Vec::new();
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                folders.push(path);
            } else if name.ends_with(".rs") && name != "tests.rs" {
                let text = fs::read_to_string(path).unwrap();
                let end = text.find("#[cfg(test)]\nmod tests {").unwrap_or(text.len());
                texts.push(text[..end].to_owned());
            }
        }
    }
    texts
}

/// The string literals up to the parenthesis that closes what begins here.
fn literals(rest: &str) -> Vec<String> {
    let (mut depth, mut characters, mut found) = (1, rest.chars(), Vec::new());
    while let Some(character) = characters.next() {
        match character {
            '(' => depth += 1,
            ')' => depth -= 1,
            '"' => found.push(literal(&mut characters)),
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    found
}

/// A string literal behind its quote: a backslash at the end of a line swallows the line's end and the indentation.
fn literal(characters: &mut std::str::Chars<'_>) -> String {
    let mut text = String::new();
    while let Some(character) = characters.next() {
        match character {
            '"' => break,
            '\\' => match characters.next() {
                Some('\n') => {
                    let rest = characters.as_str();
                    *characters = rest.trim_start().chars();
                }
                Some(other) => text.push(other),
                None => break,
            },
            other => text.push(other),
        }
    }
    text
}

/// A format string with its places as `…`.
fn as_told(format: &str) -> String {
    let mut told = String::new();
    let mut rest = format;
    while let Some((before, after)) = rest.split_once('{') {
        told.push_str(before);
        told.push('…');
        rest = after.split_once('}').map_or("", |(_, after)| after);
    }
    told.push_str(rest);
    told
}

/// What `tracing::warn!` and `error!` say.
fn logged(source: &str) -> Vec<String> {
    let begins = ["tracing::warn!(", "tracing::error!("];
    let places = begins.iter().flat_map(|begin| source.match_indices(begin).map(|(at, _)| at + begin.len()));
    places.filter_map(|at| literals(&source[at..]).pop()).collect()
}

/// The texts of an enum of errors.
fn of_enums(source: &str) -> Vec<String> {
    let begins = ENUMS.iter().filter_map(|name| source.find(&format!("pub enum {name} {{")));
    let bodies = begins.map(|at| source[at..].split("\n}").next().unwrap_or_default());
    let errors = bodies.flat_map(|body| body.split("#[error(").skip(1));
    errors.filter_map(|rest| literals(rest).into_iter().next()).collect()
}

/// The first lines of what the compiler says to the derive's mistakes.
fn of_the_derive() -> Vec<String> {
    let folder = fs::read_dir(root().join("crates/axum-users/tests/ui")).unwrap();
    let paths = folder.map(|entry| entry.unwrap().path());
    let stderr = paths.filter(|path| path.extension().is_some_and(|extension| extension == "stderr"));
    let first = stderr.map(|path| fs::read_to_string(path).unwrap().lines().next().unwrap().to_owned());
    first.map(|line| line.split_once(": ").unwrap().1.to_owned()).collect()
}

#[test]
fn the_page_of_messages_is_what_the_programs_say() {
    let sources = sources();
    let texts = sources.iter().flat_map(|source| [logged(source), of_enums(source)].concat());
    let known: BTreeSet<String> =
        texts.map(|text| as_told(&text)).filter(|text| text != "…").chain(of_the_derive()).collect();
    assert!(known.len() > 90, "{known:?}");
    let page = fs::read_to_string(root().join("docs/messages.md")).unwrap();
    let rows = page.lines().filter_map(|line| line.strip_prefix("| ")?.split_once(" |"));
    let told: BTreeSet<String> = rows
        .map(|(message, _)| message.to_owned())
        .filter(|text| text != "message" && text != "---")
        .collect();
    let missing: Vec<_> = known.difference(&told).collect();
    let stale: Vec<_> = told.difference(&known).collect();
    assert!(missing.is_empty() && stale.is_empty(), "docs/messages.md lacks {missing:#?} and has {stale:#?}");
}
