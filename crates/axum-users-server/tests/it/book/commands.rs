//! Command lines are understood, and what pages show of a terminal is what a terminal shows.

use axum_users_server::Cli;
use clap::Parser;

use super::all_in;
use super::blocks::{blocks_in, text};
use super::console::{Console, Step, is_shown, steps};
use crate::support::server::Launch;
use crate::support::{login, register};

/// The words of a command, without variables before it and without what the shell does with it.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote, mut is_word) = (Vec::new(), String::new(), None, false);
    for letter in line.chars() {
        match (letter, quote) {
            ('\'' | '"', None) => (quote, is_word) = (Some(letter), true),
            (letter, Some(open)) if letter == open => quote = None,
            (' ', None) => {
                if is_word {
                    words.push(std::mem::take(&mut word));
                }
                is_word = false;
            }
            ('#', None) if !is_word => break,
            ('|' | '<' | '>' | '&' | ';', None) => break,
            (letter, _) => {
                word.push(letter);
                is_word = true;
            }
        }
    }
    words.extend(is_word.then_some(word));
    words.into_iter().skip_while(|word| word.contains('=') && !word.starts_with('-')).collect()
}

/// Every line of a terminal or a shell on the pages, with its place.
fn lines() -> Vec<(String, String)> {
    let mut lines = Vec::new();
    for block in all_in(&["sh", "console"]) {
        let commands: Vec<String> = match block.language.as_str() {
            "sh" => block.text.replace("\\\n", " ").lines().map(str::to_owned).collect(),
            _ => steps(&block).into_iter().map(|step| step.command.replace("\\\n", " ")).collect(),
        };
        let parts = commands.iter().flat_map(|line| line.split(" && "));
        lines.extend(parts.map(|line| (block.place(), line.trim().to_owned())));
    }
    lines
}

#[test]
fn every_command_of_the_program_on_a_page_is_one_that_it_has() {
    let mut count = 0;
    for (place, line) in lines() {
        let words = words(&line);
        if words.first().is_some_and(|word| word == "axum-users" || word == "/axum-users") {
            Cli::try_parse_from(&words).unwrap_or_else(|error| panic!("{place}: `{line}`: {error}"));
            count += 1;
        }
    }
    assert!(count > 20, "{count}");
}

#[test]
fn every_command_of_the_workspace_on_a_page_is_one_that_it_has() {
    let tasks = text("xtask/src/main.rs");
    for (place, line) in lines() {
        let words = words(&line);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        if let ["cargo", "xtask", task, ..] = words[..] {
            assert!(tasks.contains(&format!("[\"{task}\"")), "{place}: `{line}`");
        }
        if let Some(at) = words.iter().position(|word| ["--package", "-p"].contains(word))
            && words[0] == "cargo"
        {
            let manifest =
                ["crates", "examples"].map(|folder| format!("{folder}/{}/Cargo.toml", words[at + 1]));
            let root = super::root();
            assert!(manifest.iter().any(|file| root.join(file).exists()), "{place}: `{line}`");
        }
    }
}

#[test]
fn every_route_that_a_page_asks_is_there() {
    let routes = text("docs/routes.md");
    for (place, line) in lines() {
        for word in words(&line).iter().filter(|word| word.starts_with("http") && word.contains("/auth/")) {
            let path = &word[word.find("/auth/").unwrap()..];
            let known = [path.to_owned(), path.replace("/google/", "/corp/")];
            assert!(known.iter().any(|path| routes.contains(&format!("{path}`"))), "{place}: {path}");
        }
    }
}

/// Goes from FastAPI Users to the server under load.
const THE_MOVE: &str = "crates/axum-users-server/tests/it/the_move.rs";

/// What of the move one terminal is enough for.
const PAGES_OF_THE_MOVE: &str = "crates/axum-users-server/tests/it/book/the_move.rs";

/// The pages whose terminals are done again elsewhere, and where.
const ELSEWHERE: [(&str, &str); 12] = [
    ("docs/custom-fields.md", "examples/custom-fields/tests/it/pages.rs"),
    ("docs/tutorial.md", "examples/quickstart/tests/it/main.rs"),
    ("examples/quickstart/README.md", "examples/quickstart/tests/it/main.rs"),
    ("docs/from-fastapi-users.md", "crates/axum-users-server/tests/it/adopt.rs"),
    ("docs/the-move/look.md", PAGES_OF_THE_MOVE),
    ("docs/the-move/configure.md", PAGES_OF_THE_MOVE),
    ("docs/the-move/proxy.md", THE_MOVE),
    ("docs/the-move/join.md", THE_MOVE),
    ("docs/the-move/shift.md", THE_MOVE),
    ("docs/the-move/python-leaves.md", THE_MOVE),
    ("docs/the-move/finish.md", THE_MOVE),
    ("docs/the-move/way-back.md", THE_MOVE),
];

/// The pages whose terminals are done again here: a server's first start, and what its operator does.
const HERE: [&str; 4] = ["README.md", "docs/audit.md", "docs/first-superuser.md", "docs/server.md"];

#[test]
fn every_terminal_of_a_page_is_done_again_somewhere() {
    for block in all_in(&["console"]) {
        let elsewhere = ELSEWHERE.iter().find(|(page, _)| *page == block.page);
        assert!(HERE.contains(&block.page.as_str()) || elsewhere.is_some(), "{}", block.place());
        if let Some((_, test)) = elsewhere {
            assert!(super::root().join(test).exists(), "{}: {test}", block.place());
        }
    }
}

/// What a server without configuration says at its start, in an empty folder.
#[tokio::test]
async fn the_pages_show_what_the_server_without_configuration_says_at_its_start() {
    let folder = tempfile::tempdir().unwrap();
    let server = Launch::without_config(folder.path()).start().await;
    let log = server.log().replace(&server.address, "127.0.0.1:8000");
    let log = log.replace(env!("CARGO_BIN_EXE_axum-users"), "axum-users");
    let readme = steps(&blocks_in("README.md", "console")[1]);
    let page = steps(&blocks_in("docs/server.md", "console")[0]);
    for Step { shows, .. } in [&readme[0], &page[0]] {
        let shown = format!("\n{}…", shows.trim_start().replace("target/release/", ""));
        assert!(is_shown(&shown, &log), "{log}\nand not\n{shows}");
    }
}

#[tokio::test]
async fn the_page_of_the_server_shows_what_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let server = Launch::without_config(folder.path()).start().await;
    std::fs::write(folder.path().join("password.txt"), "difference engine\n").unwrap();
    let console = Console::new(folder.path(), env!("CARGO_BIN_EXE_axum-users"), &server.address);
    for block in blocks_in("docs/server.md", "console").iter().skip(1) {
        console.run(block);
    }
}

#[tokio::test]
async fn the_page_of_the_first_superuser_shows_what_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let server = Launch::without_config(folder.path()).start().await;
    std::fs::write(folder.path().join("password.txt"), "difference engine\n").unwrap();
    let console = Console::new(folder.path(), env!("CARGO_BIN_EXE_axum-users"), &server.address);
    for block in blocks_in("docs/first-superuser.md", "console") {
        console.run(&block);
    }
}

#[tokio::test]
async fn the_page_of_the_audit_trail_shows_what_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Launch::without_config(folder.path()).start().await;
    register(&server, "ada@example.com", "analytical engine").await;
    login(&server, "ada@example.com", "difference engine").await;
    login(&server, "ada@example.com", "analytical engine").await;
    // What waits to be written is written at a stop.
    server.stop();
    let console = Console::new(folder.path(), env!("CARGO_BIN_EXE_axum-users"), &server.address);
    for block in blocks_in("docs/audit.md", "console") {
        console.run(&block);
    }
}
