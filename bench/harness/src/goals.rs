//! What the project wants to reach, beside what a run found.

use std::fmt::Write;

use crate::{
    markdown::{median_of, number},
    report::{Report, Sample},
    target::Target,
};

/// One goal: its words, the bound, what was found, and whether that keeps the bound.
struct Row {
    goal: String,
    wanted: String,
    found: String,
    reached: bool,
}

/// The goals of which the run measured both sides.
pub fn table(text: &mut String, report: &Report) {
    let goals = Goals(report);
    let rows: Vec<Row> =
        [goals.rates(), goals.hashing(), goals.floods(), goals.memory(), goals.growth(), goals.costs()]
            .into_iter()
            .flatten()
            .collect();
    if rows.is_empty() {
        return;
    }
    let _ = write!(text, "\n### Goals\n\n| goal | wanted | found | reached |\n| --- | --- | --- | --- |\n");
    for Row { goal, wanted, found, reached } in rows {
        let reached = if reached { "yes" } else { "no" };
        let _ = writeln!(text, "| {goal} | {wanted} | {found} | {reached} |");
    }
}

struct Goals<'a>(&'a Report);

const LIMIT: Target = Target::Limit;
const OURS: Target = Target::Library;

impl Goals<'_> {
    fn median(&self, name: &str, target: Target, get: fn(&Sample) -> f64) -> Option<f64> {
        Some(median_of(self.0, name, target, get)).filter(|value| value.is_finite())
    }

    /// A share of the limit's rate; where the rate is noisy, the processor time for an answer decides.
    fn rate(&self, name: &str, ours: Target, beside: &str, wanted: f64) -> Option<Row> {
        let share =
            |get: fn(&Sample) -> f64| Some(self.median(name, ours, get)? / self.median(beside, LIMIT, get)?);
        let (rate, cpu) = (share(|sample| sample.per_second)?, share(|sample| sample.cpu_us)?);
        let of = if name == beside { "the limit".to_owned() } else { format!("the limit's `{beside}`") };
        Some(Row {
            goal: format!("`{name}` of {}, beside {of}", ours.name()),
            wanted: format!("rate {wanted:.2}"),
            found: format!("rate {rate:.2}, CPU {cpu:.2}"),
            reached: rate >= wanted || cpu <= 1.0 / wanted,
        })
    }

    fn rates(&self) -> Vec<Row> {
        let beside_itself = |name: &'static str, wanted| self.rate(name, OURS, name, wanted);
        let rows = [
            beside_itself("sqlite/me/32", 1.5),
            beside_itself("sqlite/me/256", 1.5),
            beside_itself("postgresql/me/32", 1.0),
            beside_itself("postgresql/me/256", 1.0),
            self.rate("sqlite/me/32", Target::Cached, "sqlite/me-without-database/32", 0.9),
            beside_itself("sqlite/database-session/32", 0.9),
            beside_itself("sqlite/database-session/256", 0.9),
            beside_itself("postgresql/database-session/32", 0.9),
            beside_itself("sqlite/redis-session/32", 0.9),
        ];
        rows.into_iter().flatten().collect()
    }

    /// A value beside the limit's, which may be so much larger.
    fn at_most(&self, name: &str, what: &str, get: fn(&Sample) -> f64, wanted: f64) -> Option<Row> {
        let share = self.median(name, OURS, get)? / self.median(name, LIMIT, get)?;
        Some(Row {
            goal: format!("`{name}`: {what}, beside the limit"),
            wanted: format!("at most {wanted:.2}"),
            found: format!("{share:.2}"),
            reached: share <= wanted,
        })
    }

    fn hashing(&self) -> Vec<Row> {
        let mut rows = Vec::new();
        for name in ["sqlite/login/32", "sqlite/register/32"] {
            rows.extend(self.at_most(name, "processor time", |sample| sample.cpu_us, 1.03));
            rows.extend(self.rate(name, OURS, name, 0.97));
        }
        rows.extend(self.at_most("sqlite/login/1", "p50", |sample| sample.p50_ms, 0.6));
        rows
    }

    fn floods(&self) -> Vec<Row> {
        let mut rows = Vec::new();
        let meanwhile = "flood/me-meanwhile/32";
        if let Some(p99) = self.median(meanwhile, OURS, |sample| sample.p99_ms) {
            let samples = self.0.samples.iter();
            let mine = samples.filter(|sample| sample.name == meanwhile && sample.target == OURS.name());
            let amiss: u64 = mine.map(|sample| sample.failed + sample.refused).sum();
            rows.push(Row {
                goal: format!("`{meanwhile}`: p99, and none unanswered"),
                wanted: "at most 10 ms, 0".to_owned(),
                found: format!("{} ms, {amiss}", number(p99)),
                reached: p99 <= 10.0 && amiss == 0,
            });
        }
        let flood = "flood/login/256";
        rows.extend(self.rate(flood, OURS, flood, 0.95));
        if let Some(p99) = self.median(flood, OURS, |sample| sample.p99_ms) {
            rows.push(Row {
                goal: format!("`{flood}`: who is not refused waits about 2 s and is hashed"),
                wanted: "p99 at most 2,500 ms".to_owned(),
                found: format!("{} ms", number(p99)),
                reached: p99 <= 2500.0,
            });
        }
        rows
    }

    fn memory(&self) -> Vec<Row> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from) as f64;
        let mut rows = Vec::new();
        for (when, most) in [("idle", 18.0), ("256 connections", 40.0), ("in a flood", 30.0 + 64.0 * cores)] {
            let Some(mib) = self.0.memory.get(&(when, OURS.name())) else { continue };
            let mib = mib.iter().copied().fold(0.0, f64::max);
            rows.push(Row {
                goal: format!("resident memory, {when}"),
                wanted: format!("at most {most:.0} MiB"),
                found: format!("{} MiB", number(mib)),
                reached: mib <= most,
            });
        }
        if let Some([first, .., last]) = self.0.long_run.get(OURS.name()).map(Vec::as_slice) {
            rows.push(Row {
                goal: "memory at rest, from the first load of the long run to the last".to_owned(),
                wanted: "flat, 2 MiB more at most".to_owned(),
                found: format!("{} to {} MiB", number(*first), number(*last)),
                reached: last - first <= 2.0,
            });
        }
        rows
    }

    fn growth(&self) -> Vec<Row> {
        let of = |name: &str| -> Option<(String, u64)> {
            let (work, users) = name.strip_prefix("growth/")?.rsplit_once('/')?;
            Some((work.to_owned(), users.parse().ok()?))
        };
        let mut found: Vec<(String, u64)> =
            self.0.samples.iter().filter_map(|sample| of(&sample.name)).collect();
        found.sort();
        found.dedup();
        let row = |(work, few, many): (&str, u64, u64)| -> Option<Row> {
            let (few_name, many_name) = (format!("growth/{work}/{few}"), format!("growth/{work}/{many}"));
            let share = |get: fn(&Sample) -> f64| {
                Some(self.median(&many_name, OURS, get)? / self.median(&few_name, OURS, get)?)
            };
            let (rate, p50) = (share(|sample| sample.per_second)?, share(|sample| sample.p50_ms)?);
            Some(Row {
                goal: format!("`{work}`, {many} users beside {few}"),
                wanted: "rate 0.80, p50 at most 1.20".to_owned(),
                found: format!("rate {rate:.2}, p50 {p50:.2}"),
                reached: rate >= 0.8 && p50 <= 1.2,
            })
        };
        let first = |work: &str| found.iter().find(|(of, _)| of == work).map(|(_, users)| *users);
        let pairs = found.iter().filter_map(|(work, many)| Some((work.as_str(), first(work)?, *many)));
        pairs.filter(|(_, few, many)| few < many).filter_map(row).collect()
    }

    fn costs(&self) -> Vec<Row> {
        let mut rows = Vec::new();
        let start = |target: Target| {
            self.0.starts.get(&("ready", target.name())).map(|ms| crate::markdown::median(ms))
        };
        if let (Some(ours), Some(limit)) = (start(OURS), start(LIMIT)) {
            rows.push(Row {
                goal: "first answer after a start, beside the limit".to_owned(),
                wanted: "at most 1.30".to_owned(),
                found: format!("{:.2} ({} and {} ms)", ours / limit, number(ours), number(limit)),
                reached: ours / limit <= 1.3,
            });
        }
        if let [(_, baseline), (_, ours)] = self.0.builds[..] {
            rows.push(Row {
                goal: "building the quick start, beyond axum, sqlx and jsonwebtoken".to_owned(),
                wanted: "at most 60 s of processor time".to_owned(),
                found: format!("{} s", number(ours - baseline)),
                reached: ours - baseline <= 60.0,
            });
        }
        rows
    }
}
