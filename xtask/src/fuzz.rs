//! The fuzzer: bytes of its own against everything that reads bytes of strangers (`fuzz/src/targets.rs`).

use std::fs;

use crate::command::{Outcome, cargo};

/// Where the fuzzer is built, and keeps what it found worth keeping.
const FOLDER: &str = "target/fuzz";

/// Runs every target for so many seconds. A target that fails leaves the bytes in `fuzz/artifacts`.
pub(crate) fn run(seconds: u32) -> Outcome {
    let time = format!("-max_total_time={seconds}");
    for target in targets()? {
        let found = crate::root().join(FOLDER).join("corpus").join(&target);
        fs::create_dir_all(&found).map_err(|error| format!("{}: {error}", found.display()))?;
        let (found, corpus) = (found.to_string_lossy().into_owned(), format!("fuzz/corpus/{target}"));
        // Without a sanitizer: there is no `unsafe` to watch, and so stable Rust will do.
        let fuzz = ["fuzz", "run", "--dev", "--sanitizer=none", "--target-dir", FOLDER, &target];
        let bounds =
            ["--", &time, "-max_len=4096", "-timeout=20", "-rss_limit_mb=2048", "-print_final_stats=1"];
        cargo(&[&fuzz[..], &[&found, &corpus], &bounds].concat())
            .run()
            .map_err(|error| format!("{error}; the bytes are in fuzz/artifacts/{target}"))?;
    }
    Ok(())
}

fn targets() -> Result<Vec<String>, String> {
    let folder = crate::root().join("fuzz/fuzz_targets");
    let files = fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut names: Vec<String> =
        files.flatten().filter_map(|file| Some(file.path().file_stem()?.to_str()?.to_owned())).collect();
    names.sort();
    Ok(names)
}
