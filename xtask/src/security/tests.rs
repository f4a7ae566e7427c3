use std::path::{Path, PathBuf};

use super::*;

fn page() -> Vec<Requirement> {
    requirements(&read("docs/security.md").unwrap())
}

/// Every function of the project's sources, by its name: tests are among them, those made by macros too.
fn functions() -> BTreeSet<String> {
    let sources: Vec<PathBuf> = ["crates", "examples", "xtask"]
        .iter()
        .flat_map(|folder| files(&crate::root().join(folder)))
        .collect();
    let texts = sources.iter().map(|file| fs::read_to_string(file).unwrap());
    let name = |rest: &str| {
        let end = rest.find(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'))?;
        (end > 0).then(|| rest[..end].to_owned())
    };
    texts.flat_map(|text| text.split("fn ").skip(1).filter_map(name).collect::<Vec<_>>()).collect()
}

pub(super) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("target") {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

/// Whether a text between backticks is the name of a test, and not that of a setting.
fn is_test(name: &str) -> bool {
    let is_name = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    is_name && name.matches('_').count() >= 3
}

#[test]
fn qa_09_every_requirement_that_is_met_has_a_test_of_its_own_or_another_proof() {
    let without: Vec<String> = page()
        .into_iter()
        .filter(|it| it.state == "met" && !OTHER_PROOFS.iter().any(|(id, _)| *id == it.id))
        .filter(|it| !it.names.iter().any(|name| ids(name).contains(&it.id)))
        .map(|it| it.id)
        .collect();
    assert!(without.is_empty(), "docs/security.md calls these met, without a test with the id: {without:?}");
}

#[test]
fn qa_09_the_page_names_the_tests_that_there_are_and_no_others() {
    let (page, functions) = (page(), functions());
    let named: BTreeSet<(&str, &str)> = page
        .iter()
        .flat_map(|it| it.names.iter().map(|name| (it.id.as_str(), name.as_str())))
        .filter(|(_, name)| is_test(name))
        .collect();
    let missing: Vec<_> = named.iter().filter(|(_, name)| !functions.contains(*name)).collect();
    assert!(missing.is_empty(), "docs/security.md names tests that are not there: {missing:#?}");

    let unnamed: Vec<(String, &String)> = functions
        .iter()
        .flat_map(|name| ids(name).into_iter().map(move |id| (id, name)))
        .filter(|(id, name)| !named.contains(&(id.as_str(), name.as_str())))
        .collect();
    assert!(unnamed.is_empty(), "docs/security.md does not name these tests: {unnamed:#?}");
}

#[test]
fn qa_09_each_requirement_has_one_row_and_a_known_state() {
    let page = page();
    let ids: BTreeSet<&str> = page.iter().map(|it| it.id.as_str()).collect();
    assert_eq!((page.len(), ids.len()), (201, 201));
    for it in &page {
        assert!(["met", "in the code", "not yet", "external"].contains(&it.state.as_str()), "{it:?}");
    }
    let external: Vec<&str> =
        page.iter().filter(|it| it.state == "external").map(|it| it.id.as_str()).collect();
    assert_eq!(external, ["OA-44", "QA-05", "QA-06"]);
}

#[test]
fn a_test_may_carry_several_ids() {
    let found = |name: &str| ids(name).into_iter().collect::<Vec<_>>();
    assert_eq!(found("races::ra_01_of_a_hundred_one_wins"), ["RA-01"]);
    assert_eq!(found("jw_17_se_07_a_user_is_out"), ["JW-17", "SE-07"]);
    assert_eq!(found("pw_02_to_pw_04_bytes"), ["PW-02", "PW-04"]);
    assert_eq!(found("in_200_steps_and_in_2_and_xx_01"), Vec::<String>::new());
}

#[test]
fn the_score_counts_what_passed_and_names_what_did_not() {
    let page = "| id | requirement | state | tests, remarks |\n| --- | --- | --- | --- |\n\
                | CR-01 | a | met | `cr_01_x_y_z` |\n| CR-02 (h) | b | met | `cr_02_x_y_z` |\n\
                | CR-03 | c | not yet |  |\n| QA-01 | d | met | other |\n| QA-05 | e | external |  |\n";
    let requirements = requirements(page);
    assert_eq!(requirements.len(), 5);
    let report = "<testsuite><testcase name=\"a::cr_01_x_y_z\" classname=\"it\">\n</testcase>\
                  <testcase name=\"cr_01_again\" classname=\"it\"></testcase>\
                  <testcase name=\"b::cr_02_x_y_z\" classname=\"it\"><failure type=\"test failure\"/></testcase>";
    let shown = shown(&outcomes(report));
    let lines = score(&requirements, &["CR".to_owned(), "QA".to_owned()], &shown);
    assert_eq!(
        lines,
        [
            "",
            "CR  1 of 3: CR-02 failed, CR-03 has no test",
            "QA  1 of 1",
            "all 2 of 4",
            "QA-05: external",
            "QA-01: the step \"dependencies\" of cargo xtask test",
        ]
    );
}
