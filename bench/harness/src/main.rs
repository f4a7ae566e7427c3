//! `cargo xtask bench`: starts the targets, loads them round by round, and prints the medians.
//!
//! Every figure of one run was taken in turns with the others of that run, so that what else the machine did
//! met all of them alike. Figures of two runs are not comparable.

mod http;
mod load;
mod process;
mod report;
mod seed;
mod target;

use std::{
    fs,
    path::PathBuf,
    process::ExitCode,
    rc::Rc,
    time::Duration,
};

use crate::{
    load::{Load, Outcome},
    process::Process,
    report::{Report, Sample},
    target::{Database, Place, Running, Target, Work},
};

const USAGE: &str = "\
Measures axum-users beside what else could be used, and beside what the machine can do.

Usage: cargo xtask bench [OPTIONS]

Options:
  --quick         fewer targets, one second a measurement: under two minutes
  --only WORDS    only measurements whose name has one of these words, separated by commas; names look like
                  `sqlite/me/32`, `postgresql/login/32`, `flood`, `start`, `growth`
  --targets NAMES only these targets: limit, axum-users, axum-users-cached, axum-users-server, fastapi-users,
                  fastapi-users-2, better-auth, axum-login
  --rounds N      rounds, 3 without
  --seconds S     seconds of one measurement, 3 without
  --users N,N     measure growth with so many users; 1000,1000000 without
  --out FILE      keep every sample as JSON in this file; target/bench/results.json without";

struct Options {
    quick: bool,
    only: Vec<String>,
    targets: Vec<String>,
    rounds: usize,
    seconds: f64,
    users: Vec<u64>,
    out: PathBuf,
    command: String,
}

impl Options {
    fn read(arguments: Vec<String>) -> Result<Self, String> {
        let mut it = Self {
            quick: false,
            only: Vec::new(),
            targets: Vec::new(),
            rounds: 3,
            seconds: 3.0,
            users: vec![1_000, 1_000_000],
            out: PathBuf::from("target/bench/results.json"),
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
    fn wants(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|word| name.contains(word.as_str()))
    }

    fn seconds(&self, factor: f64) -> Duration {
        Duration::from_secs_f64(self.seconds * factor)
    }
}

fn main() -> ExitCode {
    let options = match Options::read(std::env::args().skip(1).collect()) {
        Ok(options) => options,
        Err(error) => return fail(&error),
    };
    // One thread makes the load, so that the targets have the rest of the machine.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let measured = match runtime {
        Ok(runtime) => runtime.block_on(async { Bench::new(options)?.run().await }),
        Err(error) => Err(error.to_string()),
    };
    measured.map_or_else(|error| fail(&error), |()| ExitCode::SUCCESS)
}

fn fail(error: &str) -> ExitCode {
    eprintln!("error: {error}");
    ExitCode::FAILURE
}

/// Works and connections that are measured on a database.
fn plan(database: Database, quick: bool) -> Vec<(Work, usize)> {
    let full: &[(Work, &[usize])] = match (database, quick) {
        (Database::Sqlite, true) => &[(Work::Me, &[32]), (Work::Session, &[32]), (Work::Login, &[32])],
        (Database::Postgres, true) => &[],
        (Database::Sqlite, false) => &[
            (Work::Me, &[1, 32, 256]),
            (Work::MeInPlace, &[32]),
            (Work::MeBare, &[32]),
            (Work::Session, &[32, 256]),
            (Work::Redis, &[32]),
            (Work::Login, &[1, 32]),
            (Work::Register, &[32]),
        ],
        (Database::Postgres, false) => {
            &[(Work::Me, &[1, 32, 256]), (Work::Session, &[32]), (Work::Login, &[32])]
        }
    };
    full.iter().flat_map(|(work, counts)| counts.iter().map(|count| (*work, *count))).collect()
}

struct Bench {
    options: Options,
    root: PathBuf,
    folder: PathBuf,
    postgres: Option<String>,
    redis: String,
    hash: String,
    report: Report,
}

impl Bench {
    fn new(options: Options) -> Result<Self, String> {
        let root = std::env::current_dir().map_err(|error| error.to_string())?;
        let folder = std::env::temp_dir().join(format!("axum-users-bench-{}", std::process::id()));
        fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let redis = std::env::var("REDIS_URL").map_err(|_| "REDIS_URL names no server")?;
        let postgres = std::env::var("POSTGRES_URL").ok();
        let report = Report::new(&options.command);
        Ok(Self { options, root, folder, postgres, redis, hash: seed::password_hash()?, report })
    }

    async fn run(mut self) -> Result<(), String> {
        let measured = self.measure().await;
        let _ = fs::remove_dir_all(&self.folder);
        measured?;
        self.report.print();
        self.report.write(&self.options.out)
    }

    async fn measure(&mut self) -> Result<(), String> {
        for database in [Database::Sqlite, Database::Postgres] {
            let prefix = database.name().to_lowercase();
            let wanted: Vec<_> = plan(database, self.options.quick)
                .into_iter()
                .filter(|(work, count)| self.options.wants(&format!("{prefix}/{}/{count}", work.name())))
                .collect();
            let flood = database == Database::Sqlite && self.options.wants("flood");
            let start = database == Database::Sqlite && self.options.wants("start");
            if wanted.is_empty() && !flood && !start {
                continue;
            }
            let mut running = self.start_all(database, 1000).await?;
            if start {
                self.starts(database, &mut running).await?;
            }
            self.throughput(&prefix, &wanted, &running).await;
            if flood {
                self.floods(&running).await;
            }
            drop(running);
            self.drop_databases(database, 1000).await;
        }
        if !self.options.quick && self.options.wants("growth") {
            self.growth().await?;
        }
        for target in self.targets() {
            let size = target.binary(&self.root).and_then(|binary| fs::metadata(binary).ok());
            if let Some(size) = size {
                self.report.size(target, size.len());
            }
        }
        Ok(())
    }

    fn targets(&self) -> Vec<Target> {
        let quick = [Target::Limit, Target::Library, Target::FastApi(1)];
        let wanted = |target: &Target| match (&self.options.targets[..], self.options.quick) {
            ([], true) => quick.contains(target),
            ([], false) => true,
            (names, _) => names.iter().any(|name| name == target.name()),
        };
        Target::ALL.into_iter().filter(wanted).filter(|target| target.is_installed(&self.root)).collect()
    }

    /// Starts every target on a database of its own with so many users.
    async fn start_all(&mut self, database: Database, users: u64) -> Result<Vec<Running>, String> {
        let mut running = Vec::new();
        for target in self.targets().into_iter().filter(|target| target.serves(database)) {
            let url = self.database(target, database, users).await?;
            let (mut process, _) = target.start(&self.place(database, &url), free_port()?)?;
            process.up().await.map_err(|error| format!("{}: {error}", target.name()))?;
            self.report.memory(target, "idle", process.resident_mib());
            running.push(Running::sign_in(target, process).await?);
            println!("{} runs on {} with {users} users", target.name(), database.name());
        }
        if running.is_empty() {
            return Err("no target is installed, or none of this name".to_owned());
        }
        self.seed_redis().await?;
        Ok(running)
    }

    fn place<'a>(&'a self, database: Database, url: &'a str) -> Place<'a> {
        Place { root: &self.root, folder: &self.folder, database, url, redis: &self.redis }
    }

    /// The session that the limit finds in Redis.
    async fn seed_redis(&self) -> Result<(), String> {
        let (key, value) = target::redis_session();
        let address = self.redis.trim_start_matches("redis://").trim_end_matches('/');
        let address = address.split('/').next().unwrap_or(address);
        let command = format!("SET {key} {value} EX 3600\r\n");
        let stream = tokio::net::TcpStream::connect(address).await.map_err(|error| error.to_string())?;
        stream.writable().await.map_err(|error| error.to_string())?;
        stream.try_write(command.as_bytes()).map_err(|error| error.to_string())?;
        stream.readable().await.map_err(|error| error.to_string())
    }

    /// The URL of a target's own database, made anew.
    async fn database(&self, target: Target, database: Database, users: u64) -> Result<String, String> {
        let name = format!("bench_{}_{users}", target.name().replace('-', "_"));
        let made = match (database, &self.postgres) {
            (Database::Postgres, Some(server)) => seed::postgres(server, &name, users, &self.hash).await,
            (Database::Postgres, None) => return Err("POSTGRES_URL names no server".to_owned()),
            (Database::Sqlite, _) => {
                let template = self.folder.join(format!("template-{users}.db"));
                let path = self.folder.join(format!("{name}.db"));
                let made = match template.exists() {
                    true => Ok(()),
                    false => seed::sqlite(&template, users, &self.hash).await,
                };
                // Better Auth and axum-login have tables of their own, and make them.
                if !matches!(target, Target::BetterAuth | Target::AxumLogin) {
                    fs::copy(&template, &path).map_err(|error| format!("{}: {error}", path.display()))?;
                }
                made.map(|()| format!("sqlite://{}", path.display()))
            }
        };
        made.map_err(|error| format!("a database for {} cannot be made: {error}", target.name()))
    }

    async fn drop_databases(&self, database: Database, users: u64) {
        let Some(server) = self.postgres.as_ref().filter(|_| database == Database::Postgres) else { return };
        for target in self.targets() {
            let name = format!("bench_{}_{users}", target.name().replace('-', "_"));
            if let Err(error) = seed::drop_postgres(server, &name).await {
                eprintln!("{name} is left behind: {error}");
            }
        }
    }

    async fn throughput(&mut self, prefix: &str, wanted: &[(Work, usize)], running: &[Running]) {
        for round in 0..self.options.rounds {
            for (work, connections) in wanted {
                let name = format!("{prefix}/{}/{connections}", work.name());
                for target in running {
                    let Some(make) = target.make(*work, round) else { continue };
                    let load =
                        Load { port: target.process.port, connections: *connections, make, pause: Duration::ZERO };
                    if !work.hashes() {
                        // Connections are made, caches are warm.
                        load::run(std::slice::from_ref(&load), Duration::from_millis(200)).await;
                    }
                    let duration = self.options.seconds(if work.hashes() { 2.0 } else { 1.0 });
                    let (outcome, cpu) = measured(&target.process, &[load], duration).await;
                    self.report.add(Sample::new(&name, target.target, &outcome[0], cpu));
                }
            }
            for target in running {
                self.report.memory(target.target, "under load", target.process.resident_mib());
            }
            println!("{prefix}: round {} of {}", round + 1, self.options.rounds);
        }
    }

    /// Logins from many sides, and meanwhile somebody who is logged in already.
    async fn floods(&mut self, running: &[Running]) {
        let counts: &[usize] = if self.options.quick { &[32] } else { &[32, 256] };
        for round in 0..self.options.rounds {
            for connections in counts {
                for target in running {
                    self.flood(target, *connections, round).await;
                }
            }
            println!("flood: round {} of {}", round + 1, self.options.rounds);
        }
    }

    async fn flood(&mut self, target: &Running, connections: usize, round: usize) {
        let Some(login) = target.make(Work::Login, round) else { return };
        let signed_in = target.first_request();
        let port = target.process.port;
        let flood = Load { port, connections, make: login, pause: Duration::ZERO };
        let pause = Duration::from_millis(20);
        let probe = Load { port, connections: 4, make: Rc::new(move |_| signed_in.clone()), pause };
        let duration = self.options.seconds(3.0);
        let (outcomes, cpu) = measured(&target.process, &[flood, probe], duration).await;
        self.report.memory(target.target, "in a flood", target.process.resident_mib());
        self.report.add(Sample::new(&format!("flood/login/{connections}"), target.target, &outcomes[0], cpu));
        let name = format!("flood/me-meanwhile/{connections}");
        self.report.add(Sample::new(&name, target.target, &outcomes[1], f64::NAN));
    }

    /// How long each takes to start, where its tables are ready.
    async fn starts(&mut self, database: Database, running: &mut [Running]) -> Result<(), String> {
        for _ in 0..self.options.rounds {
            for it in running.iter_mut() {
                let (target, request) = (it.target, it.first_request());
                let name = format!("bench_{}_1000", target.name().replace('-', "_"));
                let url = format!("sqlite://{}", self.folder.join(format!("{name}.db")).display());
                let place = self.place(database, &url);
                // On another port, since the first one still runs; the file bears two.
                let (mut process, begun) = target.start(&place, free_port()?)?;
                let took = process.first_good_answer(&request, begun).await;
                let took = took.map_err(|error| format!("{}: {error}", target.name()))?;
                self.report.start(target, took);
            }
        }
        Ok(())
    }

    async fn growth(&mut self) -> Result<(), String> {
        for database in [Database::Sqlite, Database::Postgres] {
            if database == Database::Postgres && self.postgres.is_none() {
                continue;
            }
            let prefix = database.name().to_lowercase();
            let mut sizes = Vec::new();
            let targets = std::mem::take(&mut self.options.targets);
            self.options.targets = match targets.is_empty() {
                true => vec!["limit".to_owned(), "axum-users".to_owned()],
                false => targets.clone(),
            };
            for users in self.options.users.clone() {
                sizes.push((users, self.start_all(database, users).await?));
            }
            for round in 0..self.options.rounds {
                for (users, running) in &sizes {
                    self.throughput_of(&format!("growth/{prefix}/{users}"), running, round).await;
                }
                println!("growth on {}: round {} of {}", database.name(), round + 1, self.options.rounds);
            }
            let counts: Vec<u64> = sizes.iter().map(|(users, _)| *users).collect();
            drop(sizes);
            for users in counts {
                self.drop_databases(database, users).await;
            }
            self.options.targets = targets;
        }
        Ok(())
    }

    async fn throughput_of(&mut self, prefix: &str, running: &[Running], round: usize) {
        for target in running {
            for work in [Work::Me, Work::Session] {
                let Some(make) = target.make(work, round) else { continue };
                let load = Load { port: target.process.port, connections: 32, make, pause: Duration::ZERO };
                let (outcome, cpu) = measured(&target.process, &[load], self.options.seconds(1.0)).await;
                let name = format!("{prefix}/{}", work.name());
                self.report.add(Sample::new(&name, target.target, &outcome[0], cpu));
            }
        }
    }
}

/// Runs loads, and answers with what came of them the target's processor time in seconds.
async fn measured(process: &Process, loads: &[Load], duration: Duration) -> (Vec<Outcome>, f64) {
    let before = process.cpu_seconds();
    let outcomes = load::run(loads, duration).await;
    let used = process.cpu_seconds() - before;
    // What was begun and not answered ends by itself; the next target shall not pay for it.
    settle(process).await;
    (outcomes, used)
}

/// Waits until a target rests.
async fn settle(process: &Process) {
    for _ in 0..100 {
        let before = process.cpu_seconds();
        tokio::time::sleep(Duration::from_millis(100)).await;
        if process.cpu_seconds() - before < 0.03 {
            return;
        }
    }
}

fn free_port() -> Result<u16, String> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").map_err(|error| error.to_string())?;
    listener.local_addr().map(|address| address.port()).map_err(|error| error.to_string())
}
