//! What was measured, as samples.

use std::{collections::BTreeMap, fs, path::Path, time::Duration};

use serde_json::{Value, json};

use crate::{load::Outcome, target::Target};

/// One measurement of one target in one round.
pub struct Sample {
    pub name: String,
    pub target: &'static str,
    pub per_second: f64,
    pub p50_ms: f64,
    pub p99_ms: f64,
    /// Processor time of the target for a good answer, in microseconds.
    pub cpu_us: f64,
    pub good: usize,
    pub refused: u64,
    pub failed: u64,
    pub unanswered: u64,
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

/// Figures by what they are of and by target.
type Figures = BTreeMap<(&'static str, &'static str), Vec<f64>>;

/// Everything that a run found out.
pub struct Report {
    pub command: String,
    pub samples: Vec<Sample>,
    /// Milliseconds from a start to the first answer, by the state of the tables.
    pub starts: Figures,
    /// MiB, by moment.
    pub memory: Figures,
    /// MiB after each of the loads of the long run.
    pub long_run: BTreeMap<&'static str, Vec<f64>>,
    pub sizes: BTreeMap<&'static str, u64>,
    /// Seconds of processor time.
    pub builds: Vec<(&'static str, f64)>,
}

impl Report {
    pub fn new(command: &str) -> Self {
        Self {
            command: command.to_owned(),
            samples: Vec::new(),
            starts: BTreeMap::new(),
            memory: BTreeMap::new(),
            long_run: BTreeMap::new(),
            sizes: BTreeMap::new(),
            builds: Vec::new(),
        }
    }

    pub fn add(&mut self, sample: Sample) {
        self.samples.push(sample);
    }

    pub fn start(&mut self, target: Target, tables: &'static str, took: Duration) {
        self.starts.entry((tables, target.name())).or_default().push(took.as_secs_f64() * 1000.0);
    }

    pub fn memory(&mut self, target: Target, when: &'static str, mib: f64) {
        self.memory.entry((when, target.name())).or_default().push(mib);
    }

    pub fn long_run(&mut self, target: Target, mib: f64) {
        self.long_run.entry(target.name()).or_default().push(mib);
    }

    pub fn size(&mut self, target: Target, bytes: u64) {
        self.sizes.insert(target.name(), bytes);
    }

    pub fn build(&mut self, what: &'static str, cpu_seconds: f64) {
        self.builds.push((what, cpu_seconds));
    }

    /// Every sample.
    pub fn json(&self) -> String {
        let list = |figures: &Figures| -> Vec<Value> {
            let one = |((of, target), values): (&(&str, &str), &Vec<f64>)| json!({ "of": of, "target": target, "values": values });
            figures.iter().map(one).collect()
        };
        let all = json!({
            "command": self.command,
            "cores": std::thread::available_parallelism().map_or(0, usize::from),
            "load_average": load_average(),
            "samples": self.samples.iter().map(Sample::json).collect::<Vec<_>>(),
            "starts_ms": list(&self.starts),
            "memory_mib": list(&self.memory),
            "long_run_mib": self.long_run,
            "binary_bytes": self.sizes,
            "build_cpu_seconds": self.builds,
        });
        format!("{all:#}\n")
    }
}

/// The kernel's line, empty where there is none.
pub fn load_average() -> String {
    fs::read_to_string("/proc/loadavg").unwrap_or_default().trim().to_owned()
}

/// Writes a file, and its folder where there is none.
pub fn write(path: &Path, text: &str) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("{}: {error}", path.display());
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    fs::write(path, text).map_err(failed)
}
