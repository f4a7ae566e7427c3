//! Configurations of proxies and statements of SQL are taken by what they are for.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::all_in;
use super::blocks::{root, text};

/// Runs a program that reads a configuration and says what is wrong with it.
fn is_fine(place: &str, program: &str, arguments: &[&str], folder: &Path) {
    let output = Command::new(program).args(arguments).current_dir(folder).output();
    let output = output.unwrap_or_else(|error| panic!("{program}: {error}; run `cargo xtask tools`"));
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{place}: {}", String::from_utf8_lossy(&said));
}

#[test]
fn every_nginx_block_is_taken_by_nginx() {
    let folder = tempfile::tempdir().unwrap();
    for block in all_in(&["nginx"]) {
        // A certificate is the reader's own.
        let text = block.text.replace("listen 443 ssl;", "listen 8443;");
        let is_whole =
            ["server {", "upstream ", "split_clients "].iter().any(|start| text.starts_with(start));
        let server = if is_whole { text } else { format!("server {{ listen 8080;\n{text}}}\n") };
        let paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|name| format!("{name}_temp_path temp;\n"));
        let config = format!(
            "pid nginx.pid;\nerror_log stderr;\nevents {{}}\nhttp {{\naccess_log off;\n{}{server}}}\n",
            paths.concat()
        );
        fs::write(folder.path().join("nginx.conf"), config).unwrap();
        let prefix = folder.path().to_str().unwrap();
        is_fine(&block.place(), "nginx", &["-t", "-q", "-p", prefix, "-c", "nginx.conf"], folder.path());
    }
}

#[test]
fn every_haproxy_block_and_the_file_of_the_packages_is_taken_by_haproxy() {
    let folder = tempfile::tempdir().unwrap();
    let packaged = text("packaging/haproxy.cfg");
    let defaults =
        "defaults\n  mode http\n  timeout connect 2s\n  timeout client 60s\n  timeout server 60s\n";
    let mut configs = vec![("packaging/haproxy.cfg".to_owned(), packaged)];
    for block in super::pages().iter().flat_map(|page| super::blocks(page)) {
        if block.language == "haproxy" {
            let has_defaults = block.text.contains("defaults\n");
            let start = if has_defaults { "" } else { defaults };
            let place = block.place();
            configs.push((place, format!("{start}{}", block.text)));
        }
    }
    for (place, config) in configs {
        let file = folder.path().join("haproxy.cfg");
        fs::write(&file, config).unwrap();
        is_fine(&place, "haproxy", &["-c", "-q", "-f", file.to_str().unwrap()], folder.path());
    }
}

/// A page whose statements the tests of an adapter run, and the one of the way back to FastAPI Users.
const STATEMENTS: [(&str, &str); 2] = [
    ("docs/sql-databases.md", "crates/axum-users-sqlx/tests/it/place.rs"),
    ("docs/the-move/way-back.md", "crates/axum-users-server/tests/it/book/the_move.rs"),
];

#[test]
fn every_statement_of_sql_is_run_by_a_test() {
    for block in all_in(&["sql"]) {
        let (_, test) = STATEMENTS
            .iter()
            .find(|(page, _)| *page == block.page)
            .unwrap_or_else(|| panic!("{}: no test runs this", block.place()));
        assert!(root().join(test).exists(), "{test}");
        let test = text(test).replace("{d}.", "accounts.");
        for grant in block.text.lines().filter_map(|line| line.split_once(" TO ")) {
            assert!(test.contains(grant.0), "{}: no test runs `{}`", block.place(), grant.0);
        }
    }
}
