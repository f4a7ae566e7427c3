//! The pages of the move from FastAPI Users: a terminal says what they show, both proxies are told what the move under
//! load does, and the way back leaves no trace.

use std::collections::BTreeMap;
use std::fs;

use serde_json::{Map, Value};
use tempfile::TempDir;

use super::blocks::{Block, blocks, blocks_in, text};
use super::console::Console;
use crate::support::command::run;
use crate::support::database::Database;
use crate::support::server::Launch;
use crate::support::{SECRET, data};

/// The database of the fixtures, called what the pages call it, in a folder of its own.
struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::copy(data("fastapi-users.sqlite"), folder.path().join("app.db")).unwrap();
        Self { folder }
    }

    fn database(&self) -> Database {
        Database::new(&self.folder.path().join("app.db"))
    }

    async fn execute(&self, statement: &str) {
        self.database().execute(statement, &[]).await;
    }

    /// All that the database has, but for rows.
    async fn schema(&self) -> Vec<Map<String, Value>> {
        self.database().rows("SELECT type, name, sql FROM sqlite_master ORDER BY name").await
    }

    fn adopt(&self, arguments: &[&str]) {
        let said = run(self.folder.path(), &[], &[&["adopt"][..], arguments].concat(), SECRET);
        assert_eq!(said.code, Some(0), "{said:?}");
    }

    fn configure(&self) {
        self.adopt(&["--database", "sqlite://app.db", "--secret-stdin"]);
    }

    /// The first start, which adds what is missing.
    async fn serve_once(&self) {
        Launch::without_config(self.folder.path()).start().await.stop();
    }

    /// Does a terminal of a page again.
    fn show(&self, block: &Block) {
        Console::new(self.folder.path(), env!("CARGO_BIN_EXE_axum-users"), "127.0.0.1:8000").run(block);
    }
}

#[tokio::test]
async fn the_page_of_the_look_shows_what_is_said_and_what_mends_it() {
    let place = Place::new();
    for column in ["first_name VARCHAR(64)", "credits INTEGER NOT NULL DEFAULT 5", "picture BLOB"] {
        place.execute(&format!("ALTER TABLE user ADD COLUMN {column}")).await;
    }
    let terminals = blocks_in("docs/the-move/look.md", "console");
    place.show(&terminals[0]);
    place
        .execute(
            "INSERT INTO user (id, email, hashed_password, is_active, is_superuser, is_verified) \
             VALUES ('00000000-0000-4000-8000-0000000000aa', 'ALICE@example.com', 'h', 1, 0, 0)",
        )
        .await;
    place.show(&terminals[1]);
    for statement in terminals[1].text.lines().filter(|line| line.starts_with("  UPDATE ")) {
        place.execute(statement).await;
    }
    place.adopt(&["--database", "sqlite://app.db", "--dry-run"]);
}

#[test]
fn the_page_of_the_configuration_shows_what_is_said() {
    let place = Place::new();
    place.configure();
    // Before that, a secret is typed.
    place.show(&blocks_in("docs/the-move/configure.md", "console")[1]);
}

#[tokio::test]
async fn the_page_of_the_finish_shows_what_is_said() {
    let place = Place::new();
    place.configure();
    place.serve_once().await;
    place.show(&blocks_in("docs/the-move/finish.md", "console")[0]);
}

#[tokio::test]
async fn the_way_back_leaves_no_trace_before_python_has_gone_and_afterwards() {
    let statements = blocks_in("docs/the-move/way-back.md", "sql");
    for finished in [false, true] {
        let place = Place::new();
        let before = place.schema().await;
        place.configure();
        place.serve_once().await;
        if finished {
            place.adopt(&["--finish"]);
        }
        assert_ne!(place.schema().await, before);
        for statement in statements[0].text.lines() {
            place.execute(statement).await;
        }
        assert_eq!(place.schema().await, before, "finished: {finished}");
    }
}

/// The steps in which requests move.
const STEPS: [&str; 4] = ["join", "shift", "python-leaves", "finish"];

/// The processes, by the names that haproxy has for them and the ports that nginx has.
const PROCESSES: [(&str, &str); 3] = [("python", "8001"), ("first", "8002"), ("second", "8003")];

/// What a page's first words to haproxy say: the weight of each process that they name, 0 for one that is drained.
fn told_to_haproxy(page: &str) -> BTreeMap<&'static str, u32> {
    let terminals = blocks_in(page, "console");
    let terminal = terminals.iter().find(|block| block.text.contains("set server")).unwrap();
    let commands = terminal.text.lines().filter_map(|line| line.split_once("set server accounts/"));
    let told = commands.map(|(_, command)| {
        let words: Vec<&str> = command.split(['"', ' ']).collect();
        let (name, _) = *PROCESSES.iter().find(|(name, _)| *name == words[0]).unwrap();
        match (words[1], words[2]) {
            ("weight", weight) => (name, weight.parse().unwrap()),
            ("state", "drain") => (name, 0),
            _ => panic!("{page}: {command}"),
        }
    });
    told.collect()
}

/// The same, of the first configuration of nginx.
fn told_to_nginx(page: &str) -> BTreeMap<&'static str, u32> {
    let configurations = blocks_in(page, "nginx");
    let servers =
        configurations[0].text.lines().filter_map(|line| line.trim().strip_prefix("server 127.0.0.1:"));
    let told = servers.map(|server| {
        let (port, rest) = server.trim_end_matches(';').split_once(' ').unwrap();
        let (name, _) = *PROCESSES.iter().find(|(_, of_process)| *of_process == port).unwrap();
        match rest.strip_prefix("weight=") {
            Some(weight) => (name, weight.parse().unwrap()),
            None if rest == "down" => (name, 0),
            None => panic!("{page}: {server}"),
        }
    });
    told.collect()
}

#[test]
fn haproxy_and_nginx_are_told_the_same_in_every_step_and_it_is_what_the_move_under_load_does() {
    let test = text("crates/axum-users-server/tests/it/the_move.rs");
    for step in STEPS {
        let page = format!("docs/the-move/{step}.md");
        let told = told_to_haproxy(&page);
        assert_eq!(told.len(), 2, "{page}");
        assert_eq!(told, told_to_nginx(&page), "{page}");
        for (name, weight) in told {
            let done = format!("front.weigh({}, {weight});", name.to_uppercase());
            assert!(test.contains(&done), "{page}: the test does not `{done}`");
        }
    }
}

#[test]
fn the_overview_leads_to_every_step_and_each_to_the_next() {
    let overview = text("docs/the-move.md");
    let steps: Vec<&str> = overview
        .split("](the-move/")
        .skip(1)
        .filter_map(|rest| rest.split_once(".md)"))
        .map(|(step, _)| step)
        .collect();
    let (way_back, steps) = steps.split_last().unwrap();
    assert_eq!((*way_back, steps.len()), ("way-back", 7), "{steps:?}");
    for (number, step) in (1..).zip(steps) {
        let page = text(&format!("docs/the-move/{step}.md"));
        assert!(page.starts_with(&format!("# Step {number}: ")), "{step}");
        for heading in ["## What you do\n", "## How to tell that it works\n", "## To go back\n"] {
            assert!(page.contains(heading), "{step}: {heading}");
        }
        let next = steps.get(number).unwrap_or(way_back);
        let end = page.trim_end().lines().last().unwrap();
        assert!(end.ends_with(&format!("]({next}.md)")), "{step}: {end}");
    }
    assert!(blocks("docs/the-move.md").is_empty(), "what is typed stands on the steps' pages");
}
