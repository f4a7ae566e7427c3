//! `cargo xtask bench`: starts the targets, loads them round by round, and prints the medians.
//!
//! Every figure of one run was taken in turns with the others of that run, so that what else the machine did
//! met all of them alike. Figures of two runs are not comparable.

mod build_cost;
mod goals;
mod growth;
mod http;
mod load;
mod markdown;
mod memory;
mod options;
mod process;
mod provider;
mod report;
mod running;
mod seed;
mod talk;
mod target;

use std::{fs, path::PathBuf, process::ExitCode, time::Duration};

use crate::{
    load::{Load, Outcome},
    options::Options,
    process::Process,
    report::{Report, Sample},
    running::{Running, Work},
    target::{Database, Place, Target},
};

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
        (Database::Sqlite, true) => &[(Work::Me, &[32]), (Work::Session, &[32]), (Work::Login, &[1])],
        (Database::Postgres, true) => &[],
        (Database::Sqlite, false) => &[
            (Work::Me, &[1, 32, 256]),
            (Work::MeInPlace, &[32]),
            (Work::MeBare, &[32]),
            (Work::Session, &[32, 256]),
            (Work::Redis, &[32]),
            (Work::Login, &[1, 32]),
            (Work::Register, &[32]),
            (Work::Refresh, &[32]),
            (Work::OAuth, &[32]),
        ],
        (Database::Postgres, false) => &[
            (Work::Me, &[1, 32, 256]),
            (Work::Session, &[32]),
            (Work::Login, &[32]),
            (Work::Refresh, &[32]),
            (Work::OAuth, &[32]),
        ],
    };
    full.iter().flat_map(|(work, counts)| counts.iter().map(|count| (*work, *count))).collect()
}

struct Bench {
    options: Options,
    root: PathBuf,
    folder: PathBuf,
    postgres: Option<String>,
    redis: String,
    provider: String,
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
        let (provider, hash) = (provider::start()?, seed::password_hash()?);
        Ok(Self { options, root, folder, postgres, redis, provider, hash, report })
    }

    async fn run(mut self) -> Result<(), String> {
        let measured = self.measure().await;
        let _ = fs::remove_dir_all(&self.folder);
        measured?;
        let tables = self.save()?;
        println!("\n{tables}");
        let Options { out, markdown, .. } = &self.options;
        println!("Every sample is in {}, the tables are in {}", out.display(), markdown.display());
        Ok(())
    }

    /// Writes what was measured up to now; answers the tables.
    fn save(&self) -> Result<String, String> {
        let tables = markdown::tables(&self.report);
        report::write(&self.options.out, &self.report.json())?;
        report::write(&self.options.markdown, &tables)?;
        Ok(tables)
    }

    async fn measure(&mut self) -> Result<(), String> {
        for target in self.targets() {
            let size = target.binary(&self.root).and_then(|binary| fs::metadata(binary).ok());
            if let Some(size) = size {
                self.report.size(target, size.len());
            }
        }
        for database in [Database::Sqlite, Database::Postgres] {
            self.on(database).await?;
            self.save()?;
        }
        if self.options.wants_slow("growth") {
            self.growth().await?;
            self.save()?;
        }
        if self.options.wants_slow("build") {
            self.builds()?;
        }
        Ok(())
    }

    /// Everything that is measured on a database with a thousand users.
    async fn on(&mut self, database: Database) -> Result<(), String> {
        const USERS: u64 = 1000;
        let prefix = database.name().to_lowercase();
        let wanted: Vec<_> = plan(database, self.options.quick)
            .into_iter()
            .filter(|(work, count)| self.options.wants(&format!("{prefix}/{}/{count}", work.name())))
            .collect();
        let on_sqlite = database == Database::Sqlite;
        let flood = on_sqlite && self.options.wants("flood");
        let start = on_sqlite && self.options.wants("start");
        let memory = on_sqlite && self.options.wants_slow("memory");
        if wanted.is_empty() && !flood && !start && !memory {
            return Ok(());
        }
        let running = self.start_all(database, USERS).await?;
        if memory {
            self.memory(&running).await?;
        }
        if start {
            self.starts(database, USERS, &running).await?;
        }
        self.throughput(&prefix, &wanted, &running).await?;
        if flood {
            self.floods(&running).await?;
        }
        drop(running);
        self.drop_databases(database, USERS).await;
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
            let (mut process, begun) = target.start(&self.place(database, &url), free_port()?)?;
            process.up(begun).await.map_err(|error| format!("{}: {error}", target.name()))?;
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
        let Self { root, folder, redis, provider, .. } = self;
        Place { root, folder, database, url, redis, provider }
    }

    /// The session that the limit finds in Redis.
    async fn seed_redis(&self) -> Result<(), String> {
        let (key, value) = running::redis_session();
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
                if !target.brings_its_user() {
                    // What an earlier run left beside the file belongs to another one.
                    for end in ["-wal", "-shm"] {
                        let _ = fs::remove_file(self.folder.join(format!("{name}.db{end}")));
                    }
                    fs::copy(&template, &path).map_err(|error| format!("{}: {error}", path.display()))?;
                }
                made.map(|()| format!("sqlite://{}", path.display()))
            }
        };
        made.map_err(|error| format!("a database for {} cannot be made: {error}", target.name()))
    }

    async fn drop_databases(&self, database: Database, users: u64) {
        let Some(server) = self.postgres.as_ref().filter(|_| database == Database::Postgres) else { return };
        let of_target = |target: Target| format!("bench_{}_{users}", target.name().replace('-', "_"));
        for name in self.targets().into_iter().map(of_target).chain([seed::template(users)]) {
            if let Err(error) = seed::drop_postgres(server, &name).await {
                eprintln!("{name} is left behind: {error}");
            }
        }
    }

    async fn throughput(
        &mut self,
        prefix: &str,
        wanted: &[(Work, usize)],
        running: &[Running],
    ) -> Result<(), String> {
        if wanted.is_empty() {
            return Ok(());
        }
        for round in 0..self.options.rounds {
            for (work, connections) in wanted {
                let name = format!("{prefix}/{}/{connections}", work.name());
                for target in running {
                    let Some(load) = target.load(*work, *connections, round).await? else { continue };
                    // A refresh token whose answer was cut off is lost to the limit.
                    if !work.hashes() && *work != Work::Refresh {
                        // Connections are made, caches are warm.
                        load::run(std::slice::from_ref(&load), Duration::from_millis(200)).await;
                    }
                    let duration = self.options.seconds(if work.takes_long() { 2.0 } else { 1.0 });
                    let (outcome, cpu) = measured(&target.process, &[load], duration).await;
                    self.report.add(Sample::new(&name, target.target, &outcome[0], cpu));
                }
            }
            println!("{prefix}: round {} of {}", round + 1, self.options.rounds);
        }
        Ok(())
    }

    /// Logins from many sides, and meanwhile somebody who is logged in already.
    async fn floods(&mut self, running: &[Running]) -> Result<(), String> {
        let counts: &[usize] = if self.options.quick { &[32] } else { &[32, 256] };
        for round in 0..self.options.rounds {
            for connections in counts {
                for target in running {
                    self.flood(target, *connections, round).await?;
                }
            }
            println!("flood: round {} of {}", round + 1, self.options.rounds);
        }
        Ok(())
    }

    async fn flood(&mut self, target: &Running, connections: usize, round: usize) -> Result<(), String> {
        let Some(flood) = target.load(Work::Login, connections, round).await? else { return Ok(()) };
        let (port, pause) = (target.process.port, Duration::from_millis(20));
        // The flood is there before it is looked at.
        let after = Duration::from_millis(200);
        let probe = Load { port, connections: 4, talks: talk::same(target.first_request()), pause, after };
        let duration = self.options.seconds(if self.options.quick { 2.0 } else { 3.0 });
        let loads = [flood, probe];
        let ((outcomes, cpu), mib) =
            memory::greatest_during(&target.process, measured(&target.process, &loads, duration)).await;
        self.report.memory(target.target, "in a flood", mib);
        self.report.add(Sample::new(&format!("flood/login/{connections}"), target.target, &outcomes[0], cpu));
        let name = format!("flood/me-meanwhile/{connections}");
        self.report.add(Sample::new(&name, target.target, &outcomes[1], f64::NAN));
        Ok(())
    }

    /// How long each takes from its start to its first answer: where its tables are ready, and, where it makes them
    /// itself, without any.
    async fn starts(&mut self, database: Database, users: u64, running: &[Running]) -> Result<(), String> {
        for round in 0..self.options.rounds {
            for it in running {
                let target = it.target;
                let failed = |error| format!("{}: {error}", target.name());
                // What is over in milliseconds is measured more often.
                for turn in 0..if target.binary(&self.root).is_some() { 5 } else { 1 } {
                    let url = self.database_of_starts(target, users).await?;
                    let place = self.place(database, &url);
                    let (mut process, begun) = target.start(&place, free_port()?)?;
                    let took = process.first_good_answer(&it.first_request(), begun).await.map_err(failed)?;
                    // The first of all made what was missing.
                    if (round, turn) != (0, 0) || target.binary(&self.root).is_none() {
                        self.report.start(target, "ready", took);
                    }
                    drop(process);
                    if !target.makes_tables() {
                        continue;
                    }
                    let url = format!("sqlite://{}?mode=rwc", self.folder.join("empty.db").display());
                    for end in ["", "-wal", "-shm"] {
                        let _ = fs::remove_file(self.folder.join(format!("empty.db{end}")));
                    }
                    let (mut process, begun) = target.start(&self.place(database, &url), free_port()?)?;
                    let took = process.up(begun).await.map_err(failed)?;
                    self.report.start(target, "empty", took);
                }
            }
        }
        Ok(())
    }

    /// A database that no other process has open; who brings the user knows it only where it runs.
    async fn database_of_starts(&self, target: Target, users: u64) -> Result<String, String> {
        let name = target.name().replace('-', "_");
        let path = self.folder.join(match target.brings_its_user() {
            true => format!("bench_{name}_{users}.db"),
            false => format!("start_{name}.db"),
        });
        if !path.exists() {
            let template = self.folder.join(format!("template-{users}.db"));
            fs::copy(&template, &path).map_err(|error| format!("{}: {error}", path.display()))?;
        }
        Ok(format!("sqlite://{}", path.display()))
    }

    /// What builds cost.
    fn builds(&mut self) -> Result<(), String> {
        for built in &build_cost::ALL {
            let seconds = built.cpu_seconds(&self.root, &self.folder)?;
            println!("{} took {seconds:.0} s of processor time to build", built.name);
            self.report.build(built.name, seconds);
        }
        Ok(())
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
