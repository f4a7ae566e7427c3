//! What it costs to build the quick start from nothing, beside what its main parts cost by themselves.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use crate::process::cpu_seconds_of_children;

/// A program that is built.
pub struct Built {
    pub name: &'static str,
    manifest: &'static str,
    package: &'static str,
}

pub const ALL: [Built; 2] = [
    Built {
        name: "axum, sqlx and jsonwebtoken",
        manifest: "bench/build-baseline/Cargo.toml",
        package: "build-baseline",
    },
    Built { name: "the quick start", manifest: "Cargo.toml", package: "quickstart" },
];

impl Built {
    /// Builds it in an empty folder, as `cargo build` does; answers seconds of processor time.
    pub fn cpu_seconds(&self, root: &Path, folder: &Path) -> Result<f64, String> {
        let target = folder.join("build");
        let before = cpu_seconds_of_children();
        let mut cargo = Command::new("cargo");
        cargo.args(["build", "--quiet", "--package", self.package, "--manifest-path"]);
        cargo.arg(root.join(self.manifest)).arg("--target-dir").arg(&target).stdin(Stdio::null());
        let status = cargo.status().map_err(|error| format!("cargo cannot be started: {error}"))?;
        let used = cpu_seconds_of_children() - before;
        let _ = fs::remove_dir_all(target);
        match status.success() {
            true => Ok(used),
            false => Err(format!("{} cannot be built", self.name)),
        }
    }
}
