//! The pages hang together: each is in the table of contents, and no link leads nowhere.

use std::collections::BTreeSet;

use super::blocks::{root, text};

/// The addresses of a page's links within the repository.
fn links(page: &str) -> Vec<String> {
    let text = text(page);
    let mut is_code = false;
    let prose = text.lines().filter(|line| {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        !is_code && !is_fence
    });
    let prose = prose.collect::<Vec<_>>().join(" ");
    let targets = prose.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    targets.filter(|target| !target.contains("://")).map(str::to_owned).collect()
}

/// The anchor of a heading, as mdBook and GitHub make it.
fn anchor(heading: &str) -> String {
    let heading = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[test]
fn every_link_of_a_page_leads_to_a_page_and_a_heading_that_are_there() {
    for page in super::pages() {
        let folder = page.rsplit_once('/').map_or("", |(folder, _)| folder);
        for link in links(&page) {
            let (path, fragment) = link.split_once('#').unwrap_or((&link, ""));
            let target = match path {
                "" => page.clone(),
                path => format!("{folder}/{path}").trim_start_matches('/').to_owned(),
            };
            assert!(root().join(&target).exists(), "{page}: {link}");
            if !fragment.is_empty() && target.ends_with(".md") {
                let text = text(&target);
                let mut headings = text.lines().filter(|line| line.starts_with('#'));
                assert!(headings.any(|line| anchor(line) == fragment), "{page}: {link}");
            }
        }
    }
}

#[test]
fn the_table_of_contents_has_four_parts_and_every_page_once() {
    let summary = text("docs/SUMMARY.md");
    let parts: Vec<&str> = summary.lines().filter_map(|line| line.strip_prefix("# ")).collect();
    assert_eq!(parts, ["Summary", "Tutorial", "How-to", "Reference", "Explanation"]);
    let listed = links("docs/SUMMARY.md");
    let pages: BTreeSet<String> = super::pages()
        .iter()
        .filter_map(|page| page.strip_prefix("docs/"))
        .filter(|page| *page != "SUMMARY.md")
        .map(str::to_owned)
        .collect();
    assert_eq!(listed.iter().cloned().collect::<BTreeSet<_>>(), pages);
    assert_eq!(listed.len(), pages.len(), "a page is listed twice");
}

/// The sources in a folder, as one text.
fn sources(folder: &std::path::Path, text: &mut String) {
    for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() && !path.ends_with("data") {
            sources(&path, text);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            text.push_str(&std::fs::read_to_string(path).unwrap());
        }
    }
}

#[test]
fn every_test_that_a_page_of_the_book_names_is_there() {
    let mut all = String::new();
    for folder in ["crates", "examples"] {
        sources(&root().join(folder), &mut all);
    }
    let mut count = 0;
    for page in ["docs/comparison.md", "docs/scaling.md", "docs/several-instances.md"] {
        let text = text(page);
        let names = text.split('`').skip(1).step_by(2).filter(|name| {
            name.len() > 30 && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        });
        for name in names {
            assert!(all.contains(&format!("fn {name}(")), "{page}: there is no test {name}");
            count += 1;
        }
    }
    assert!(count > 20, "{count}");
}
