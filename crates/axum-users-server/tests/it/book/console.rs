//! What a page shows of a terminal, done again: each command is run, and has to say what the page says.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::blocks::Block;

/// A command, and what the page says that it prints.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) command: String,
    pub(crate) shows: String,
}

/// The commands of a block: the lines behind `$ `, each with those that it goes on in.
pub(crate) fn steps(block: &Block) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for line in block.text.lines() {
        match (line.strip_prefix("$ "), steps.last_mut()) {
            (Some(command), _) => steps.push(Step { command: command.to_owned(), shows: String::new() }),
            (None, Some(step)) if step.shows.is_empty() && step.command.ends_with('\\') => {
                step.command = format!("{}\n{line}", step.command);
            }
            (None, Some(step)) => step.shows += &format!("{line}\n"),
            (None, None) => panic!("{}: it begins with no command", block.place()),
        }
    }
    steps
}

/// Whether a command starts something that goes on: that is the test's to start.
pub(crate) fn starts_something(command: &str) -> bool {
    command.ends_with('&') || command == "axum-users" || command == "cargo run --release"
}

/// A folder in which the commands of a page are run.
#[derive(Debug)]
pub(crate) struct Console {
    folder: PathBuf,
    /// The folder of the programs that the page speaks of.
    programs: PathBuf,
    /// Where the server of the page really listens.
    address: String,
}

/// Where the pages say that a server listens.
const ADDRESS: &str = "127.0.0.1:8000";

impl Console {
    /// `program` is one of the programs, `address` where the page's server listens.
    pub(crate) fn new(folder: &Path, program: &str, address: &str) -> Self {
        // A terminal is shown no progress, so a page has none.
        fs::write(folder.join(".curlrc"), "silent\nshow-error\n").unwrap();
        let programs = Path::new(program).parent().unwrap().to_owned();
        Self { folder: folder.to_owned(), programs, address: address.to_owned() }
    }

    /// Runs a block, and compares.
    pub(crate) fn run(&self, block: &Block) {
        let steps: Vec<Step> =
            steps(block).into_iter().filter(|step| !starts_something(&step.command)).collect();
        for step in &steps {
            self.keep_shown_file(step);
        }
        let separated: Vec<String> = steps
            .iter()
            .map(|step| format!("{{ {}\n}} 2>&1 < /dev/null\nprintf '\\036%s\\036' $?\n", step.command))
            .collect();
        let script = separated.concat().replace(ADDRESS, &self.address);
        let said = self.bash(&script);
        let mut parts = said.split('\u{1e}');
        for Step { command, shows } in steps {
            let said = parts.next().unwrap_or_default().replace(&self.address, ADDRESS).replace('\r', "");
            let code = parts.next().unwrap_or("none: it did not run");
            let place = block.place();
            if shows.is_empty() {
                assert_eq!(code, "0", "{place}: `{command}` says:\n{said}");
            } else {
                assert!(
                    is_shown(&shows, &said),
                    "{place}: `{command}` ends with {code} and says:\n{said}\nand not:\n{shows}"
                );
            }
        }
    }

    /// A file that the page shows by `cat` is there.
    fn keep_shown_file(&self, step: &Step) {
        if let Some(name) = step.command.strip_prefix("cat ") {
            fs::write(self.folder.join(name), &step.shows).unwrap();
        }
    }

    fn bash(&self, script: &str) -> String {
        let mut command = Command::new("bash");
        command.arg("-c").arg(script).current_dir(&self.folder).stdin(Stdio::null());
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("AXUM_USERS_")) {
            command.env_remove(name);
        }
        let path = std::env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{}:{path}", self.programs.display()));
        let output = command.env("CURL_HOME", &self.folder).output().unwrap();
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
    }
}

/// Whether this is what the page shows, but for what is new each time; `…` stands for anything.
pub(crate) fn is_shown(shows: &str, said: &str) -> bool {
    let (shows, said) = (steady(shows), steady(said));
    let mut rest = said.trim_end();
    let parts: Vec<&str> = shows.trim_end().split('…').collect();
    let (Some((first, others)), last) = (parts.split_first(), parts.last()) else { return false };
    let Some(after) = rest.strip_prefix(first) else { return false };
    rest = after;
    for part in others {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.is_empty() || (parts.len() > 1 && last.is_some_and(|last| last.is_empty() || rest.ends_with(last)))
}

/// A text with a word for everything that is another one each time.
fn steady(text: &str) -> String {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "-_.:+".contains(c);
    let mut steady = String::new();
    for line in text.lines() {
        if line.starts_with("date: ") {
            steady += "date: DATE\n";
            continue;
        }
        let mut rest = line;
        while !rest.is_empty() {
            let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
            let (word, others) = rest.split_at(end);
            let bare = word.trim_end_matches(['.', ':']);
            steady += kind(bare).unwrap_or(bare);
            steady += &word[bare.len()..];
            let next = others.find(is_part).unwrap_or(others.len());
            steady += &others[..next];
            rest = &others[next..];
        }
        steady.push('\n');
    }
    steady
}

/// What a word is that is never the same.
fn kind(word: &str) -> Option<&'static str> {
    let bytes = word.as_bytes();
    let is_token = |length| {
        let letters = bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(byte));
        bytes.len() == length && letters && bytes.iter().any(u8::is_ascii_uppercase)
    };
    let is_uuid = bytes.len() == 36
        && bytes.iter().enumerate().all(|(index, byte)| match index {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        });
    let is_time = bytes.len() >= 20
        && bytes[0].is_ascii_digit()
        && bytes[4] == b'-'
        && bytes[10] == b'T'
        && word.ends_with('Z');
    match () {
        () if is_uuid => Some("UUID"),
        () if is_time => Some("TIME"),
        () if word.starts_with("eyJ") => Some("JWT"),
        () if is_token(43) || is_token(22) => Some("TOKEN"),
        () => None,
    }
}

#[test]
fn what_a_page_shows_is_compared_but_for_what_is_new_each_time() {
    let shows =
        "Created Ada with the id 8b53467a-7fa7-47ec-84e8-2d559aae0950.\n{\"detail\":[…],\"more\":1}\n";
    let says = |id: &str, detail: &str| {
        format!("Created Ada with the id {id}.\n{{\"detail\":[{detail}],\"more\":1}}\n")
    };
    let id = "3fcfdba8-9895-4790-a63a-fd60acab0ae7";
    assert!(is_shown(shows, &says(id, "any")));
    assert!(!is_shown(shows, &says("nobody", "any")));
    assert!(!is_shown(shows, &(says(id, "any") + "and more")));
    assert!(!is_shown("Hello Ada!", "Hello Grace!"));
    assert!(!is_shown("", "an error"));
}
