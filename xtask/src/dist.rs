//! The release: one static binary, with what goes along with it, in an archive with its checksum.

use std::{fs, path::PathBuf};

use crate::{
    command::{Outcome, cargo, program, say},
    root,
    tools::apt,
};

/// A binary for this target needs nothing of the machine that it runs on.
const TARGET: &str = "x86_64-unknown-linux-musl";

/// What goes into the archive beside the binary.
const FILES: &[&str] = &[
    "README.md",
    "CHANGELOG.md",
    "LICENSE-MIT",
    "LICENSE-APACHE",
    "packaging/axum-users.service",
    "packaging/haproxy.cfg",
];

/// Builds the archive, and says where it is.
pub(crate) fn run() -> Outcome {
    if !program("rustup", &["target", "add", TARGET]).succeeds() {
        return Err(format!("rustup has to be there and to have the target {TARGET}"));
    }
    if !program("musl-gcc", &["--version"]).succeeds() {
        apt(&["musl-tools"])?;
    }
    let build = ["build", "--release", "--locked", "--bin", "axum-users", "--features", "opentelemetry"];
    cargo(&[&build[..], &["--target", TARGET]].concat()).run()?;
    let binary = root().join("target").join(TARGET).join("release").join("axum-users");
    let binary_text = binary.to_string_lossy().into_owned();
    program(&binary_text, &["--version"]).run()?;
    let headers = program("readelf", &["--program-headers", &binary_text]).output()?;
    if headers.contains("INTERP") {
        return Err(format!("{binary_text} is not static: it asks for a dynamic loader"));
    }
    pack(&binary)
}

fn pack(binary: &PathBuf) -> Outcome {
    let name = format!("axum-users-{}-x86_64-linux", env!("CARGO_PKG_VERSION"));
    let dist = root().join("target").join("dist");
    let folder = dist.join(&name);
    let failed = |error| format!("{} cannot be filled: {error}", folder.display());
    fs::create_dir_all(&folder).map_err(failed)?;
    fs::copy(binary, folder.join("axum-users")).map_err(failed)?;
    for file in FILES {
        let from = root().join(file);
        let to = from.file_name().map(|name| folder.join(name)).unwrap_or_default();
        fs::copy(&from, to).map_err(failed)?;
    }
    let archive = format!("{name}.tar.gz");
    let within = dist.to_string_lossy().into_owned();
    let reproducible = ["--sort=name", "--owner=0", "--group=0", "--numeric-owner", "--mtime=@0"];
    let arguments = [&["-C", &within, "-czf", &format!("{within}/{archive}")], &reproducible[..], &[&name]];
    program("tar", &arguments.concat()).run()?;
    let sum = program("sha256sum", &[&format!("{within}/{archive}")]).output()?;
    let sum = sum.split_whitespace().next().unwrap_or_default();
    fs::write(dist.join(format!("{archive}.sha256")), format!("{sum}  {archive}\n")).map_err(failed)?;
    say(&format!("{within}/{archive}\nsha256 {sum}"));
    Ok(())
}
