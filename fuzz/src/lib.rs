//! What is fuzzed, for the targets in `fuzz_targets` and the test that replays the corpus.

pub mod targets;
