//! Where secrets are compared: every place was looked at, and is in the table of `docs/security.md`.

use std::{collections::BTreeSet, fs};

use super::{read, tests::files};

/// What the names of secrets have in them.
const SECRETS: [&str; 10] = [
    "token",
    "secret",
    "hash",
    "digest",
    "fingerprint",
    "nonce",
    "csrf",
    "password",
    "signature",
    "verifier",
];

/// Whether a line of code compares a secret, in constant time or not.
fn is_comparison(line: &str) -> bool {
    if line.contains(".ct_eq(") {
        return true;
    }
    let sides = [" == ", " != "].into_iter().find_map(|operator| line.split_once(operator));
    sides.is_some_and(|(left, right)| {
        let words = [left.split(' ').next_back(), right.split(' ').next()];
        words.into_iter().flatten().any(is_secret)
    })
}

/// Whether an operand is a secret by its name: neither its length nor its presence, and no constant.
fn is_secret(operand: &str) -> bool {
    let harmless = ["tokens()", ".len()", ".is_some()", ".is_none()", "::", "_table", "_key(", "\""];
    SECRETS.iter().any(|word| operand.contains(word)) && !harmless.iter().any(|part| operand.contains(part))
}

/// The comparisons of the libraries and the server, tests left out: file and line of code.
fn comparisons() -> BTreeSet<(String, String)> {
    let mut found = BTreeSet::new();
    for file in files(&crate::root().join("crates")) {
        let path = file.strip_prefix(crate::root()).unwrap().to_string_lossy().into_owned();
        if path.contains("/tests") || path.contains("testkit") {
            continue;
        }
        let text = fs::read_to_string(&file).unwrap();
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        let lines = code.lines().map(str::trim).filter(|line| !line.starts_with("//") && is_comparison(line));
        found.extend(lines.map(|line| (path.clone(), line.to_owned())));
    }
    found
}

/// The rows `| file | code | why |` of the page, file and code between backticks.
fn reviewed() -> BTreeSet<(String, String)> {
    let page = read("docs/security.md").unwrap();
    let row = |line: &str| {
        let mut cells = line.strip_prefix("| `crates/")?.splitn(3, "` | `");
        let (file, rest) = (cells.next()?, cells.next()?);
        Some((format!("crates/{file}"), rest.split_once("` | ")?.0.replace("\\|", "|")))
    };
    page.lines().filter_map(row).collect()
}

#[test]
fn qa_08_every_comparison_of_secrets_was_reviewed() {
    let (found, reviewed) = (comparisons(), reviewed());
    let new: Vec<_> = found.difference(&reviewed).collect();
    assert!(new.is_empty(), "look at these, and say in docs/security.md why they are right: {new:#?}");
    let gone: Vec<_> = reviewed.difference(&found).collect();
    assert!(gone.is_empty(), "docs/security.md has comparisons that are not there any more: {gone:#?}");
}

#[test]
fn comparisons_are_known_by_the_names_in_them() {
    for line in ["if token == given {", "known.ct_eq(given)", "row.hash != *stored", "if x && nonce == y {"] {
        assert!(is_comparison(line), "{line}");
    }
    for line in ["if token.len() == 43 {", "at_rest == Tokens::Hashed", "if name == other {", "token = given"]
    {
        assert!(!is_comparison(line), "{line}");
    }
}
