//! The tables of `docs/performance.md`: medians of what was measured.

use std::fmt::Write;

use crate::{
    goals,
    report::{Report, Sample, load_average},
    target::Target,
};

/// All tables, in the order in which things were measured.
pub fn tables(report: &Report) -> String {
    let mut text = format!("```sh\n{}\n```\n", report.command);
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let _ = writeln!(text, "\n{cores} cores; the kernel's load average at the end: `{}`.", load_average());
    for name in names(report).filter(|name| !name.starts_with("growth/")) {
        work(&mut text, report, name);
    }
    growth(&mut text, report);
    footprint(&mut text, report);
    long_run(&mut text, report);
    builds(&mut text, report);
    goals::table(&mut text, report);
    text
}

/// The median of a target's rounds.
pub fn median_of(report: &Report, name: &str, target: Target, get: fn(&Sample) -> f64) -> f64 {
    median(&column(&samples(report, name, target.name()), get))
}

fn names(report: &Report) -> impl Iterator<Item = &str> {
    let mut names: Vec<&str> = Vec::new();
    for sample in &report.samples {
        if !names.contains(&sample.name.as_str()) {
            names.push(&sample.name);
        }
    }
    names.into_iter()
}

fn samples<'a>(report: &'a Report, name: &str, target: &str) -> Vec<&'a Sample> {
    report.samples.iter().filter(|sample| sample.name == name && sample.target == target).collect()
}

fn column(samples: &[&Sample], get: fn(&Sample) -> f64) -> Vec<f64> {
    samples.iter().map(|sample| get(sample)).collect()
}

/// One kind of work, a row for each target.
fn work(text: &mut String, report: &Report, name: &str) {
    let _ = write!(
        text,
        "\n### `{name}`\n\n| target | per second | of the limit | p50, ms | p99, ms | CPU, µs |\n\
         | --- | --- | --- | --- | --- | --- |\n"
    );
    let limit = samples(report, name, Target::Limit.name());
    let share = |samples: &[&Sample], get: fn(&Sample) -> f64| {
        let share = median(&column(samples, get)) / median(&column(&limit, get));
        if share.is_finite() { format!("{share:.2}") } else { "-".to_owned() }
    };
    let mut beside = Vec::new();
    for target in Target::ALL.map(Target::name) {
        let samples = samples(report, name, target);
        if samples.is_empty() {
            continue;
        }
        let rates = column(&samples, |sample| sample.per_second);
        let cpu = median(&column(&samples, |sample| sample.cpu_us));
        let cpu = match (target == Target::Limit.name(), cpu.is_finite()) {
            (_, false) => "-".to_owned(),
            (true, _) => number(cpu),
            (false, _) => format!("{} ({})", number(cpu), share(&samples, |sample| sample.cpu_us)),
        };
        let _ = writeln!(
            text,
            "| {target} | {} ({} to {}) | {} | {} | {} | {cpu} |",
            number(median(&rates)),
            number(least(&rates)),
            number(greatest(&rates)),
            share(&samples, |sample| sample.per_second),
            number(median(&column(&samples, |sample| sample.p50_ms))),
            number(median(&column(&samples, |sample| sample.p99_ms))),
        );
        let sum = |get: fn(&Sample) -> u64| samples.iter().map(|sample| get(sample)).sum::<u64>();
        let (refused, failed) = (sum(|sample| sample.refused), sum(|sample| sample.failed));
        if refused + failed > 0 {
            beside.push(format!("{target} answered 503 {refused} times and otherwise amiss {failed} times"));
        }
        if samples.iter().all(|sample| sample.good == 0) {
            beside.push(format!("{target} answered nothing within the time"));
        }
    }
    if !beside.is_empty() {
        let _ = writeln!(text, "\n{}.", beside.join("; "));
    }
}

/// What many users cost, beside few.
fn growth(text: &mut String, report: &Report) {
    // `growth/sqlite/me/1000`
    let of = |name: &str| -> Option<(String, u64)> {
        let (work, users) = name.strip_prefix("growth/")?.rsplit_once('/')?;
        Some((work.to_owned(), users.parse().ok()?))
    };
    let mut works: Vec<String> = Vec::new();
    for (work, _) in names(report).filter_map(of) {
        if !works.contains(&work) {
            works.push(work);
        }
    }
    for work in works {
        let mut sizes: Vec<u64> =
            names(report).filter_map(of).filter(|(of, _)| *of == work).map(|(_, users)| users).collect();
        sizes.sort_unstable();
        let _ = write!(
            text,
            "\n### `growth/{work}`\n\n| target | users | per second | of the fewest | p50, ms | of the fewest | CPU, µs |\n\
             | --- | --- | --- | --- | --- | --- | --- |\n"
        );
        for target in Target::ALL.map(Target::name) {
            let mut fewest: Option<(f64, f64)> = None;
            for users in &sizes {
                let samples = samples(report, &format!("growth/{work}/{users}"), target);
                if samples.is_empty() {
                    continue;
                }
                let rates = column(&samples, |sample| sample.per_second);
                let (rate, p50) = (median(&rates), median(&column(&samples, |sample| sample.p50_ms)));
                let (first_rate, first_p50) = *fewest.get_or_insert((rate, p50));
                let _ = writeln!(
                    text,
                    "| {target} | {} | {} ({} to {}) | {:.2} | {} | {:.2} | {} |",
                    grouped(*users),
                    number(rate),
                    number(least(&rates)),
                    number(greatest(&rates)),
                    rate / first_rate,
                    number(p50),
                    p50 / first_p50,
                    number(median(&column(&samples, |sample| sample.cpu_us))),
                );
            }
        }
    }
}

/// Start, memory, size.
fn footprint(text: &mut String, report: &Report) {
    let _ = write!(
        text,
        "\n### Start, memory, size\n\n| target | first answer after a start, ms | and its tables made, ms | MiB idle | at \
         256 connections | in a flood | binary, MiB |\n| --- | --- | --- | --- | --- | --- | --- |\n"
    );
    for target in Target::ALL.map(Target::name) {
        let start = |tables| report.starts.get(&(tables, target)).map(|ms| median(ms));
        let memory = |when| report.memory.get(&(when, target)).map(|mib| greatest(mib));
        let size = report.sizes.get(target).map(|bytes| *bytes as f64 / 1_048_576.0);
        let cells = [
            start("ready"),
            start("empty"),
            memory("idle"),
            memory("256 connections"),
            memory("in a flood"),
            size,
        ];
        if cells.iter().any(Option::is_some) {
            let cells = cells.map(|cell| cell.map_or("-".to_owned(), number));
            let _ = writeln!(text, "| {target} | {} |", cells.join(" | "));
        }
    }
}

fn long_run(text: &mut String, report: &Report) {
    let loads = report.long_run.values().map(Vec::len).max().unwrap_or(0);
    if loads == 0 {
        return;
    }
    let heads: String = (1..=loads).map(|load| format!(" load {load} |")).collect();
    let lines = " --- |".repeat(loads);
    let _ = write!(
        text,
        "\n### A long run in miniature: MiB at rest after each load\n\n| target |{heads}\n| --- |{lines}\n"
    );
    for (target, mib) in &report.long_run {
        let cells: Vec<String> = mib.iter().map(|mib| number(*mib)).collect();
        let _ = writeln!(text, "| {target} | {} |", cells.join(" | "));
    }
}

fn builds(text: &mut String, report: &Report) {
    if report.builds.is_empty() {
        return;
    }
    let _ = write!(text, "\n### Build from nothing\n\n| what | CPU, s |\n| --- | --- |\n");
    for (what, seconds) in &report.builds {
        let _ = writeln!(text, "| {what} | {} |", number(*seconds));
    }
}

/// Three digits that matter.
pub fn number(value: f64) -> String {
    match value {
        value if !value.is_finite() => "-".to_owned(),
        value if value >= 100.0 => grouped(value.round() as u64),
        value if value >= 10.0 => format!("{value:.1}"),
        value => format!("{value:.2}"),
    }
}

fn grouped(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

pub fn median(values: &[f64]) -> f64 {
    let mut sorted: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

fn least(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::INFINITY, f64::min)
}

fn greatest(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::NEG_INFINITY, f64::max)
}
