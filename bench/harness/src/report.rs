//! What was measured: kept as samples, printed as medians.

use std::{collections::BTreeMap, fs, path::Path, time::Duration};

use serde_json::{Value, json};

use crate::{load::Outcome, target::Target};

/// One measurement of one target in one round.
pub struct Sample {
    name: String,
    target: &'static str,
    per_second: f64,
    p50_ms: f64,
    p99_ms: f64,
    /// Processor time of the target for a good answer, in microseconds.
    cpu_us: f64,
    good: usize,
    refused: u64,
    failed: u64,
    unanswered: u64,
}

impl Sample {
    pub fn new(name: &str, target: Target, outcome: &Outcome, cpu_seconds: f64) -> Self {
        Self {
            name: name.to_owned(),
            target: target.name(),
            per_second: outcome.per_second(),
            p50_ms: outcome.percentile(0.50),
            p99_ms: outcome.percentile(0.99),
            cpu_us: cpu_seconds * 1e6 / outcome.good.len() as f64,
            good: outcome.good.len(),
            refused: outcome.refused,
            failed: outcome.failed,
            unanswered: outcome.unanswered,
        }
    }

    fn json(&self) -> Value {
        json!({
            "name": self.name, "target": self.target, "per_second": self.per_second, "p50_ms": self.p50_ms,
            "p99_ms": self.p99_ms, "cpu_us_per_answer": self.cpu_us, "good": self.good, "refused": self.refused,
            "failed": self.failed, "unanswered": self.unanswered,
        })
    }
}

/// Everything that a run found out.
pub struct Report {
    command: String,
    samples: Vec<Sample>,
    /// Milliseconds by target.
    starts: BTreeMap<&'static str, Vec<f64>>,
    /// MiB by moment and target.
    memory: BTreeMap<(&'static str, &'static str), Vec<f64>>,
    sizes: BTreeMap<&'static str, u64>,
}

impl Report {
    pub fn new(command: &str) -> Self {
        Self {
            command: command.to_owned(),
            samples: Vec::new(),
            starts: BTreeMap::new(),
            memory: BTreeMap::new(),
            sizes: BTreeMap::new(),
        }
    }

    pub fn add(&mut self, sample: Sample) {
        self.samples.push(sample);
    }

    pub fn start(&mut self, target: Target, took: Duration) {
        self.starts.entry(target.name()).or_default().push(took.as_secs_f64() * 1000.0);
    }

    pub fn memory(&mut self, target: Target, when: &'static str, mib: f64) {
        self.memory.entry((when, target.name())).or_default().push(mib);
    }

    pub fn size(&mut self, target: Target, bytes: u64) {
        self.sizes.insert(target.name(), bytes);
    }

    /// Tables of medians in Markdown.
    pub fn print(&self) {
        println!("\nMedians; (least to most) beside the rate. CPU is the target's own for one good answer.");
        let mut names: Vec<&str> = Vec::new();
        for sample in &self.samples {
            if !names.contains(&sample.name.as_str()) {
                names.push(&sample.name);
            }
        }
        for name in names {
            self.print_one(name);
        }
        println!("\n| target | first answer after a start, ms | MiB idle | under load | in a flood | binary, MiB |");
        println!("| --- | --- | --- | --- | --- | --- |");
        for target in Target::ALL.map(Target::name) {
            let memory = |when| self.memory.get(&(when, target)).map(|mib| greatest(mib));
            let start = self.starts.get(target).map(|ms| median(ms));
            let size = self.sizes.get(target).map(|bytes| *bytes as f64 / 1_048_576.0);
            let cells = [start, memory("idle"), memory("under load"), memory("in a flood"), size];
            if cells.iter().any(Option::is_some) {
                let cells = cells.map(|cell| cell.map_or("-".to_owned(), |value| format!("{value:.1}")));
                println!("| {target} | {} |", cells.join(" | "));
            }
        }
    }

    fn print_one(&self, name: &str) {
        println!("\n{name}\n\n| target | per second | of the limit | p50, ms | p99, ms | CPU, µs | 503 | failed | unanswered |");
        println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- |");
        let of = |target: &str| -> Vec<&Sample> {
            self.samples.iter().filter(|sample| sample.name == name && sample.target == target).collect()
        };
        let rate = |samples: &[&Sample]| median(&column(samples, |sample| sample.per_second));
        let limit = of(Target::Limit.name());
        for target in Target::ALL.map(Target::name) {
            let samples = of(target);
            if samples.is_empty() {
                continue;
            }
            let rates = column(&samples, |sample| sample.per_second);
            let share = if limit.is_empty() { f64::NAN } else { rate(&samples) / rate(&limit) };
            let sum = |get: fn(&Sample) -> u64| samples.iter().map(|sample| get(sample)).sum::<u64>();
            println!(
                "| {target} | {:.1} ({:.1} to {:.1}) | {share:.2} | {:.2} | {:.2} | {:.0} | {} | {} | {} |",
                median(&rates),
                least(&rates),
                greatest(&rates),
                median(&column(&samples, |sample| sample.p50_ms)),
                median(&column(&samples, |sample| sample.p99_ms)),
                median(&column(&samples, |sample| sample.cpu_us)),
                sum(|sample| sample.refused),
                sum(|sample| sample.failed),
                sum(|sample| sample.unanswered),
            );
        }
    }

    /// Keeps every sample.
    pub fn write(&self, path: &Path) -> Result<(), String> {
        let memory = self.memory.iter().map(|((when, target), mib)| {
            json!({ "target": target, "when": when, "mib": mib })
        });
        let all = json!({
            "command": self.command,
            "cores": std::thread::available_parallelism().map_or(0, usize::from),
            "load_average": fs::read_to_string("/proc/loadavg").unwrap_or_default().trim(),
            "samples": self.samples.iter().map(Sample::json).collect::<Vec<_>>(),
            "starts_ms": self.starts,
            "memory": memory.collect::<Vec<_>>(),
            "binary_bytes": self.sizes,
        });
        let failed = |error: std::io::Error| format!("{}: {error}", path.display());
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(failed)?;
        }
        fs::write(path, format!("{all:#}\n")).map_err(failed)?;
        println!("\nEvery sample is in {}", path.display());
        Ok(())
    }
}

fn column(samples: &[&Sample], get: impl Fn(&Sample) -> f64) -> Vec<f64> {
    samples.iter().map(|sample| get(sample)).collect()
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

fn least(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::INFINITY, f64::min)
}

fn greatest(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::NEG_INFINITY, f64::max)
}
