//! The fuzzer: bytes of its own against everything that reads bytes of strangers (`fuzz/src/targets.rs`).

use std::fs;

use crate::command::{Outcome, cargo};

/// Where the fuzzer is built, and keeps what it found worth keeping.
const FOLDER: &str = "target/fuzz";

/// How long CI looks with each target: enough to show that all of it builds and runs.
const SHORT_SECONDS: u32 = 10;

/// Eight hours of processor time for all targets together.
const LONG_SECONDS: u32 = 4200;

/// A short run of every target, which begins with the same bytes each time.
pub(crate) fn briefly() -> Outcome {
    run(&[&format!("-max_total_time={SHORT_SECONDS}"), "-seed=1"])
}

/// A run of hours.
pub(crate) fn long() -> Outcome {
    run(&[&format!("-max_total_time={LONG_SECONDS}"), "-print_final_stats=1"])
}

/// Runs every target with these options of libFuzzer. One that fails leaves the bytes in `fuzz/artifacts`, and the
/// others run all the same.
fn run(options: &[&str]) -> Outcome {
    // Without a sanitizer: there is no `unsafe` to watch, and so stable Rust will do.
    let built = ["--dev", "--sanitizer=none", "--target-dir", FOLDER];
    cargo(&[&["fuzz", "build"], &built[..]].concat()).run()?;
    let bounds = ["-max_len=4096", "-timeout=20", "-rss_limit_mb=2048"];
    let mut failed = Vec::new();
    for target in targets()? {
        let found = crate::root().join(FOLDER).join("corpus").join(&target);
        fs::create_dir_all(&found).map_err(|error| format!("{}: {error}", found.display()))?;
        let (found, corpus) = (found.to_string_lossy().into_owned(), format!("fuzz/corpus/{target}"));
        let run = [&["fuzz", "run"], &built[..], &[&target, &found, &corpus, "--"], &bounds[..], options];
        if let Err(error) = cargo(&run.concat()).run() {
            failed.push(format!("{error}; the bytes are in fuzz/artifacts/{target}"));
        }
    }
    if failed.is_empty() { Ok(()) } else { Err(failed.join("\n")) }
}

fn targets() -> Result<Vec<String>, String> {
    let folder = crate::root().join("fuzz/fuzz_targets");
    let files = fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut names: Vec<String> =
        files.flatten().filter_map(|file| Some(file.path().file_stem()?.to_str()?.to_owned())).collect();
    names.sort();
    Ok(names)
}
