//! Mutants of the security core: each line of it changed, one at a time, and a test has to notice.
//!
//! Those that no test can notice are in `docs/mutants.md`, each with its reason. The run fails when one survives that
//! the page does not have, and when the page has one that does not survive any more.

use std::{collections::BTreeSet, fs};

use crate::command::{Outcome, cargo, say};

/// The security core, which no mutant may survive unexplained.
pub(crate) const CORE: [&str; 9] = [
    "crates/axum-users/src/auth/jwt.rs",
    "crates/axum-users/src/auth/cookie.rs",
    "crates/axum-users/src/csrf.rs",
    "crates/axum-users/src/limits/buckets.rs",
    "crates/axum-users/src/limits/count.rs",
    "crates/axum-users/src/oauth/state.rs",
    "crates/axum-users/src/password/pool.rs",
    "crates/axum-users/src/password/stored.rs",
    "crates/axum-users/src/token.rs",
];

/// The page of those that may survive.
const PAGE: &str = "docs/mutants.md";

/// Where cargo-mutants writes what became of each mutant.
const RESULTS: &str = "target/mutants.out";

/// What cargo-mutants ends with when all went well, when some survived, and when some ran into the timeout.
const COMPLETE: [i32; 3] = [0, 2, 3];

/// All tests of the library's own but the compiler's messages and Redis, which know nothing of the core.
const TESTS: &str = "not test(/^(ui|redis)::/)";

/// A mutant: its file, the line of code that it changes, and the change in cargo-mutants' words.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Mutant {
    file: String,
    code: String,
    change: String,
}

/// Makes all mutants of the core, and holds the survivors against the page.
pub(crate) fn run() -> Outcome {
    let results = crate::root().join(RESULTS);
    // An old list would be taken for the new one if nothing were run.
    let _ = fs::remove_dir_all(&results);
    let mut arguments =
        vec!["mutants", "--package", "axum-users", "--all-features", "--test-tool", "nextest"];
    arguments.extend(["--output", "target", "--no-shuffle", "--timeout", "120"]);
    arguments.extend(["--cargo-arg=--lib", "--cargo-arg=--test", "--cargo-arg=it"]);
    arguments.extend(CORE.iter().flat_map(|file| ["--file", *file]));
    arguments.extend(["--", "--filterset", TESTS]);
    // Built hundreds of times: without debug information, and where dependencies need to be built only once.
    let target = crate::root().join("target/mutants").to_string_lossy().into_owned();
    let mutants = cargo(&arguments).env("CARGO_PROFILE_DEV_DEBUG", "0").env("CARGO_TARGET_DIR", &target);
    let code = mutants.run_to_code()?;
    if !COMPLETE.contains(&code) {
        return Err(format!("cargo-mutants did not come to an end (its code is {code})"));
    }
    let list =
        |name: &str| fs::read_to_string(results.join(name)).map_err(|error| format!("{name}: {error}"));
    let count = |name: &str| list(name).map(|text| text.lines().count());
    let survivors = survivors(&list("missed.txt")?)?;
    say(&format!(
        "{} caught, {} ran into the timeout, {} do not compile, {} survived",
        count("caught.txt")?,
        count("timeout.txt")?,
        count("unviable.txt")?,
        survivors.len()
    ));
    judge(&survivors, &explained(&page()?))
}

fn page() -> Result<String, String> {
    fs::read_to_string(crate::root().join(PAGE)).map_err(|error| format!("{PAGE}: {error}"))
}

/// The lines `FILE:LINE:COLUMN: CHANGE` of cargo-mutants, with the code that stands there.
fn survivors(list: &str) -> Result<BTreeSet<Mutant>, String> {
    let survivor = |line: &str| {
        let mut parts = line.splitn(4, ':');
        let (file, number) = (parts.next()?, parts.next()?.parse::<usize>().ok()?);
        let change = parts.nth(1)?.trim();
        let source = fs::read_to_string(crate::root().join(file)).ok()?;
        let code = source.lines().nth(number.checked_sub(1)?)?.trim();
        Some(Mutant { file: file.to_owned(), code: code.to_owned(), change: change.to_owned() })
    };
    let read = |line: &str| survivor(line).ok_or_else(|| format!("cargo-mutants speaks of `{line}`"));
    list.lines().map(read).collect()
}

/// The rows `| file | code | change | why |` of the page, the first three between backticks.
fn explained(page: &str) -> BTreeSet<Mutant> {
    let row = |line: &str| {
        let mut cells = line.strip_prefix("| `crates/")?.splitn(3, "` | `");
        let (file, code) = (cells.next()?, cells.next()?);
        let (change, why) = cells.next()?.split_once("` | ")?;
        let plain = |text: &str| text.replace("\\|", "|");
        (!why.trim_end_matches('|').trim().is_empty()).then(|| Mutant {
            file: format!("crates/{file}"),
            code: plain(code),
            change: plain(change),
        })
    };
    page.lines().filter_map(row).collect()
}

fn judge(survivors: &BTreeSet<Mutant>, explained: &BTreeSet<Mutant>) -> Outcome {
    let lines = |mutants: Vec<&Mutant>| {
        let line = |it: &Mutant| format!("\n  {}: {}\n    {}", it.file, it.change, it.code);
        mutants.into_iter().map(line).collect::<String>()
    };
    let unexplained: Vec<_> = survivors.difference(explained).collect();
    let gone: Vec<_> = explained.difference(survivors).collect();
    let mut complaints = Vec::new();
    if !unexplained.is_empty() {
        complaints
            .push(format!("no test notices these, and {PAGE} does not explain them:{}", lines(unexplained)));
    }
    if !gone.is_empty() {
        complaints.push(format!("{PAGE} explains these, which do not survive any more:{}", lines(gone)));
    }
    if complaints.is_empty() { Ok(()) } else { Err(complaints.join("\n")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mutant(file: &str, code: &str, change: &str) -> Mutant {
        Mutant { file: file.to_owned(), code: code.to_owned(), change: change.to_owned() }
    }

    #[test]
    fn qa_07_every_explained_mutant_is_of_code_that_is_there() {
        let page = page().unwrap();
        let explained = explained(&page);
        let rows = page.lines().filter(|line| line.starts_with("| `crates/")).count();
        assert_eq!(
            explained.len(),
            rows,
            "each row of {PAGE} has a file, code, a change and a reason, and none twice"
        );
        for Mutant { file, code, .. } in &explained {
            assert!(CORE.contains(&file.as_str()), "{file} is none of the core");
            let source = fs::read_to_string(crate::root().join(file)).unwrap();
            assert!(source.lines().any(|line| line.trim() == code), "{file} has no line `{code}`");
        }
    }

    #[test]
    fn qa_07_a_survivor_without_a_reason_and_a_reason_without_a_survivor_fail_the_run() {
        let page = "| file | code | change | why |\n| --- | --- | --- | --- |\n\
                    | `crates/a.rs` | `a \\|\\| b` | `replace \\|\\| with && in f` | they are never different |\n\
                    | `crates/a.rs` | `c` | `replace c with d` |  |\n";
        let [known, new] = [
            mutant("crates/a.rs", "a || b", "replace || with && in f"),
            mutant("crates/a.rs", "c", "replace c with d"),
        ];
        let explained = explained(page);
        assert_eq!(explained, [known.clone()].into(), "a row without a reason explains nothing");

        assert_eq!(judge(&[known.clone()].into(), &explained), Ok(()));
        let told = judge(&[known, new].into(), &explained).unwrap_err();
        assert!(told.contains("does not explain them") && told.contains("replace c with d"), "{told}");
        let told = judge(&BTreeSet::new(), &explained).unwrap_err();
        assert!(
            told.contains("do not survive any more") && told.contains("replace || with && in f"),
            "{told}"
        );
    }

    #[test]
    fn survivors_are_read_with_the_code_that_they_change() {
        let file = "xtask/src/mutants.rs";
        let first = "//! Mutants of the security core: each line of it changed, one at a time, and a test has to notice.";
        let list = format!("{file}:1:5: replace a::b -> Result<(), String> with Ok(())\n");
        let change = "replace a::b -> Result<(), String> with Ok(())";
        assert_eq!(survivors(&list), Ok([mutant(file, first, change)].into()));
        assert!(survivors("something else").is_err());
        assert_eq!(survivors(""), Ok(BTreeSet::new()));
    }
}
