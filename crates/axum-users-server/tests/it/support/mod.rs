//! What the tests share: a client, the processes they start, the mails and the database file.

pub(crate) mod database;
pub(crate) mod http;
pub(crate) mod mail;
pub(crate) mod original;
pub(crate) mod process;
pub(crate) mod server;

use std::path::{Path, PathBuf};

/// A file of the checked-in test data.
pub(crate) fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

/// The secret of the recorded application and of the fixtures.
pub(crate) const SECRET: &str = "reference-secret-0123456789-abcdefghij";
