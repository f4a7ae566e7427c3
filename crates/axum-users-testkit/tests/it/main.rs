//! The suite passes for `MemoryDatabase`, and fails for adapters that are wrong.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)] // a test may panic wherever it stands

mod line;
mod memory;
mod wrong;
