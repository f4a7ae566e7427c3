//! Every public type of the libraries shows in its documentation how it is used.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// The crates that applications depend on. The server's library is the binary's own.
const LIBRARIES: [&str; 6] = [
    "axum-users",
    "axum-users-mongodb",
    "axum-users-seaorm",
    "axum-users-sqlx",
    "axum-users-testkit",
    "reqwest-oauth",
];

/// A provider's type is data; how it is used stands at its client, for all of them by one macro.
const PROVIDERS: &str = "reqwest-oauth/src/providers/";

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] })
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect()
}

/// The names that a file hands on by `pub use`.
fn handed_on(text: &str) -> BTreeSet<String> {
    let statements = text.split("\npub use ").skip(1).filter_map(|rest| rest.split(';').next());
    let words = statements.flat_map(|statement| statement.split(|c: char| !c.is_alphanumeric() && c != '_'));
    words.map(str::to_owned).collect()
}

/// The name of the type that a line defines for all, if it does.
fn defined(line: &str) -> Option<&str> {
    let rest = ["struct", "enum", "trait", "type"]
        .into_iter()
        .find_map(|kind| line.strip_prefix("pub ")?.strip_prefix(kind)?.strip_prefix(' '))?;
    rest.split(|c: char| !c.is_alphanumeric() && c != '_').next()
}

/// Whether the documentation above a line has a program in it; attributes may stand between.
fn has_example(lines: &[&str]) -> bool {
    let above = lines.iter().rev().skip_while(|line| !line.starts_with("///"));
    above.take_while(|line| line.starts_with("///")).any(|line| line.starts_with("/// ```"))
}

#[test]
fn every_public_type_has_an_example() {
    let crates = crate::root().join("crates");
    let mut without = Vec::new();
    let mut count = 0;
    for name in LIBRARIES {
        let source = crates.join(name).join("src");
        let files: Vec<(PathBuf, String)> = sources(&source)
            .into_iter()
            .map(|path| (path.strip_prefix(&crates).unwrap().to_owned(), fs::read_to_string(&path).unwrap()))
            .collect();
        let names: BTreeSet<String> = files.iter().flat_map(|(_, text)| handed_on(text)).collect();
        let library = fs::read_to_string(source.join("lib.rs")).unwrap();
        for (path, text) in files {
            let module = path.file_stem().unwrap().to_str().unwrap();
            let is_public = library.contains(&format!("\npub mod {module};"));
            let lines: Vec<&str> = text.lines().collect();
            for (index, line) in lines.iter().enumerate() {
                let Some(name) = defined(line).filter(|name| is_public || names.contains(*name)) else {
                    continue;
                };
                count += 1;
                if !has_example(&lines[..index]) && !path.starts_with(PROVIDERS) {
                    without.push(format!("{}:{} {name}", path.display(), index + 1));
                }
            }
        }
    }
    assert!(count > 150, "only {count} types were found");
    assert_eq!(without, Vec::<String>::new(), "these show no program");
}
