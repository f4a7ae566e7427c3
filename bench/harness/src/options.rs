//! What the command line asks for.

use std::{path::PathBuf, time::Duration};

const USAGE: &str = "\
Measures axum-users beside what else could be used, and beside what the machine can do.

Usage: cargo xtask bench [OPTIONS]

Options:
  --quick          fewer targets and measurements, one second each: under two minutes
  --only WORDS     only measurements whose name has one of these words, separated by commas; names look like
                   `sqlite/me/32`, `postgresql/login/32`, `flood`, `start`, `memory`, `growth`, `build`
  --targets NAMES  only these targets: limit, axum-users, axum-users-cached, axum-users-server, fastapi-users,
                   fastapi-users-2, better-auth, axum-login, loco
  --rounds N       rounds, 3 without
  --seconds S      seconds of one measurement, 3 without
  --users N,N      measure growth with so many users; 1000,1000000 without
  --out FILE       keep every sample as JSON in this file; target/bench/results.json without
  --markdown FILE  write the tables as they stand in docs/performance.md; target/bench/tables.md without";

pub struct Options {
    pub quick: bool,
    pub only: Vec<String>,
    pub targets: Vec<String>,
    pub rounds: usize,
    pub seconds: f64,
    pub users: Vec<u64>,
    pub out: PathBuf,
    pub markdown: PathBuf,
    /// The whole command, as it stands above the tables that it made.
    pub command: String,
}

impl Options {
    pub fn read(arguments: Vec<String>) -> Result<Self, String> {
        let mut it = Self {
            quick: false,
            only: Vec::new(),
            targets: Vec::new(),
            rounds: 3,
            seconds: 3.0,
            users: vec![1_000, 1_000_000],
            out: PathBuf::from("target/bench/results.json"),
            markdown: PathBuf::from("target/bench/tables.md"),
            command: format!("cargo xtask bench {}", arguments.join(" ")).trim_end().to_owned(),
        };
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or(format!("{argument} needs a value\n\n{USAGE}"));
            let bad = |text: &str| format!("{argument} cannot be `{text}`\n\n{USAGE}");
            let words = |text: String| text.split(',').map(str::to_owned).collect::<Vec<_>>();
            match argument.as_str() {
                "--quick" => (it.quick, it.seconds) = (true, 1.0),
                "--only" => it.only = words(value()?),
                "--targets" => it.targets = words(value()?),
                "--out" => it.out = value()?.into(),
                "--markdown" => it.markdown = value()?.into(),
                "--rounds" => it.rounds = value().and_then(|text| text.parse().map_err(|_| bad(&text)))?,
                "--seconds" => it.seconds = value().and_then(|text| text.parse().map_err(|_| bad(&text)))?,
                "--users" => {
                    let counts = words(value()?).into_iter().map(|text| text.parse().map_err(|_| bad(&text)));
                    it.users = counts.collect::<Result<_, _>>()?;
                }
                _ => return Err(format!("unknown option `{argument}`\n\n{USAGE}")),
            }
        }
        Ok(it)
    }

    /// Whether a measurement of this name is asked for.
    pub fn wants(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|word| name.contains(word.as_str()))
    }

    /// Whether a measurement is asked for that a quick run leaves out.
    pub fn wants_slow(&self, name: &str) -> bool {
        match self.quick {
            true => !self.only.is_empty() && self.wants(name),
            false => self.wants(name),
        }
    }

    pub fn seconds(&self, factor: f64) -> Duration {
        Duration::from_secs_f64(self.seconds * factor)
    }
}
