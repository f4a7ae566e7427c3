//! The release: one static binary, with what goes along with it, in an archive with its checksum.

mod empty_root;

use std::{
    env::consts::ARCH,
    fs,
    path::{Path, PathBuf},
};

use crate::{
    command::{Outcome, cargo, program, say},
    root,
    tools::apt,
};

/// What goes into the archive beside the binary.
const FILES: &[&str] = &[
    "README.md",
    "CHANGELOG.md",
    "LICENSE-MIT",
    "LICENSE-APACHE",
    "packaging/axum-users.service",
    "packaging/haproxy.cfg",
];

/// How a binary is linked that needs nothing of the machine that it runs on.
struct Linking {
    target: String,
    /// The C library that goes into it.
    library: &'static str,
    flags: &'static str,
}

/// Builds the archive, and says where it is.
pub(crate) fn run() -> Outcome {
    let Linking { target, library, flags } = linking()?;
    say(&format!("Linked with {library} for {target}"));
    let build = ["build", "--release", "--locked", "--bin", "axum-users", "--features", "opentelemetry"];
    cargo(&[&build[..], &["--target", &target]].concat()).env("RUSTFLAGS", flags).run()?;
    let binary = root().join("target").join(&target).join("release").join("axum-users");
    is_static(&binary)?;
    empty_root::try_in(&binary)?;
    pack(&binary)
}

/// By musl, which resolves names without any file of the system; by glibc where rustup cannot fetch that target.
fn linking() -> Result<Linking, String> {
    let musl = format!("{ARCH}-unknown-linux-musl");
    if program("rustup", &["target", "add", &musl]).succeeds() {
        if !program("musl-gcc", &["--version"]).succeeds() {
            apt(&["musl-tools"])?;
        }
        return Ok(Linking { target: musl, library: "musl", flags: "" });
    }
    say(&format!("rustup has no target {musl} to give"));
    let target = format!("{ARCH}-unknown-linux-gnu");
    Ok(Linking { target, library: "glibc, statically", flags: "-C target-feature=+crt-static" })
}

/// Neither a loader nor a library is asked for.
fn is_static(binary: &Path) -> Outcome {
    let binary = binary.to_string_lossy();
    let headers = program("readelf", &["--program-headers", "--dynamic", &binary]).output()?;
    if headers.contains("INTERP") || headers.contains("(NEEDED)") {
        return Err(format!("{binary} is not static:\n{headers}"));
    }
    Ok(())
}

fn pack(binary: &PathBuf) -> Outcome {
    let name = format!("axum-users-{}-{ARCH}-linux", env!("CARGO_PKG_VERSION"));
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
