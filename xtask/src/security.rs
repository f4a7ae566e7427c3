//! `cargo xtask security`: the tests of the numbered requirements of `docs/security.md`, and the score.
//!
//! Which requirement a test shows is read from its name: `ra_04_of_eight_users_who_move_to_one_address_one_gets_it`. A
//! test may carry several ids.

#[cfg(test)]
mod comparisons;
#[cfg(test)]
mod debug;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use crate::command::{Outcome, cargo, say, with_servers};

/// The groups of requirements, in the page's order.
const GROUPS: [&str; 13] = ["PW", "EN", "TK", "JW", "SE", "CS", "OA", "IN", "RA", "LI", "HD", "CR", "QA"];

/// Requirements that something else than a named test shows, and what that is.
const OTHER_PROOFS: [(&str, &str); 2] = [
    ("QA-01", "the step \"dependencies\" of cargo xtask test"),
    ("QA-03", "the compiler, by unsafe_code = \"forbid\" of the workspace"),
];

/// One row of the page.
#[derive(Debug)]
struct Requirement {
    id: String,
    state: String,
    /// What the last column has between backticks.
    #[cfg_attr(not(test), expect(dead_code, reason = "a test holds them against the sources"))]
    names: Vec<String>,
}

/// Runs the tests of all requirements, or of these groups alone, and prints how many requirements are met.
pub(crate) fn run(groups: &[&str]) -> Outcome {
    let groups: Vec<String> = groups.iter().map(|group| group.to_uppercase()).collect();
    if let Some(unknown) = groups.iter().find(|group| !GROUPS.contains(&group.as_str())) {
        return Err(format!("there is no group {unknown}; the groups are {}", GROUPS.join(", ")));
    }
    let groups = if groups.is_empty() { GROUPS.map(str::to_owned).to_vec() } else { groups };
    let requirements = requirements(&read("docs/security.md")?);

    let report = crate::root().join("target/nextest/security/junit.xml");
    // An old report would be taken for the new one if nothing were built.
    let _ = fs::remove_file(&report);
    let filter = format!("test(/(^|::|_)({})_[0-9]{{2}}(_|$)/)", groups.join("|").to_lowercase());
    let tests = cargo(&[
        "nextest",
        "run",
        "--workspace",
        "--all-features",
        "--profile=security",
        "--no-fail-fast",
        "--filterset",
        &filter,
    ]);
    let ran = with_servers(tests);
    let report = fs::read_to_string(&report).map_err(|_| "the tests did not run".to_owned())?;
    let shown = shown(&outcomes(&report));
    for line in score(&requirements, &groups, &shown) {
        say(&line);
    }
    ran
}

fn read(path: &str) -> Result<String, String> {
    fs::read_to_string(crate::root().join(path)).map_err(|error| format!("{path}: {error}"))
}

/// The rows of `docs/security.md`.
fn requirements(page: &str) -> Vec<Requirement> {
    page.lines().filter_map(requirement).collect()
}

/// `| PW-01 | what | met | `a_test`, remarks |`
fn requirement(line: &str) -> Option<Requirement> {
    let mut cells = line.strip_prefix("| ")?.strip_suffix(" |")?.splitn(4, " | ");
    let (id, _, state) = (cells.next()?, cells.next()?, cells.next()?);
    let id = id.split(' ').next()?;
    let is_id = ids(&id.replace('-', "_").to_lowercase()).contains(id);
    let names = cells.next().unwrap_or_default().split('`').skip(1).step_by(2).map(str::to_owned).collect();
    is_id.then(|| Requirement { id: id.to_owned(), state: state.to_owned(), names })
}

/// The ids in a test's name.
fn ids(name: &str) -> BTreeSet<String> {
    let words: Vec<&str> = name.split(['_', ':']).collect();
    let pairs = words.windows(2).filter_map(|pair| {
        let group = GROUPS.into_iter().find(|group| group.to_lowercase() == pair[0])?;
        let is_number = pair[1].len() == 2 && pair[1].bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| format!("{group}-{}", pair[1]))
    });
    pairs.collect()
}

/// The tests of a JUnit report, and whether each passed.
fn outcomes(report: &str) -> Vec<(&str, bool)> {
    let cases = report.split("<testcase ").skip(1).filter_map(|case| {
        let (name, rest) = case.split_once("name=\"")?.1.split_once('"')?;
        // Whatever a test printed has its angle brackets escaped.
        Some((name, !rest.contains("<failure") && !rest.contains("<error")))
    });
    cases.collect()
}

/// For each id that a test carries, whether all of its tests passed.
fn shown(outcomes: &[(&str, bool)]) -> BTreeMap<String, bool> {
    let mut shown = BTreeMap::new();
    for (name, passed) in outcomes {
        for id in ids(name) {
            *shown.entry(id).or_insert(true) &= passed;
        }
    }
    shown
}

/// The score as lines: of each group how many requirements are met, and which are not.
fn score(requirements: &[Requirement], groups: &[String], shown: &BTreeMap<String, bool>) -> Vec<String> {
    let other = |id: &str| OTHER_PROOFS.iter().find(|(known, _)| *known == id).map(|(_, proof)| *proof);
    let (mut lines, mut notes) = (vec![String::new()], Vec::new());
    let (mut all_met, mut all) = (0, 0);
    for group in groups {
        let of_group = requirements.iter().filter(|it| it.id.starts_with(group.as_str()));
        let (external, own): (Vec<_>, Vec<_>) = of_group.partition(|it| it.state == "external");
        notes.extend(external.iter().map(|it| format!("{}: external", it.id)));
        let mut missing = Vec::new();
        for Requirement { id, .. } in &own {
            match (shown.get(id), other(id)) {
                (Some(true), _) => {}
                (Some(false), _) => missing.push(format!("{id} failed")),
                (None, Some(proof)) => notes.push(format!("{id}: {proof}")),
                (None, None) => missing.push(format!("{id} has no test")),
            }
        }
        let (met, count) = (own.len() - missing.len(), own.len());
        (all_met, all) = (all_met + met, all + count);
        let missing = if missing.is_empty() { String::new() } else { format!(": {}", missing.join(", ")) };
        lines.push(format!("{group}  {met} of {count}{missing}"));
    }
    lines.push(format!("all {all_met} of {all}"));
    lines.extend(notes);
    lines
}
