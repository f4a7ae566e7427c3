//! The clients against a local HTTP server that answers as providers do, and as they should not.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a helper of a test fails the test"
)]

mod bounds;
mod credentials;
mod discovery;
mod documented;
mod id_tokens;
mod keys;
mod page;
mod recorded;
mod support;
