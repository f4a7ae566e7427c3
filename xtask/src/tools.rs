//! What the tests need beside Rust: cargo-nextest, and Python with the original in it.

use std::{fs, path::PathBuf};

use crate::command::{Outcome, cargo, program, say};

/// The real FastAPI Users, which the tests ask, and what serves it.
const PYTHON_PACKAGES: &[&str] =
    &["fastapi-users[sqlalchemy,oauth]==15.0.5", "uvicorn==0.54.0", "aiosqlite==0.22.1", "aiosmtpd==1.4.6"];

/// Installs what is missing. Does nothing, quickly, when nothing is.
pub(crate) fn install() -> Outcome {
    nextest()?;
    python()
}

fn nextest() -> Outcome {
    if cargo(&["nextest", "--version"]).succeeds() {
        return Ok(());
    }
    say("cargo-nextest is missing; building it takes some minutes");
    cargo(&["install", "--locked", "cargo-nextest"]).run()
}

/// The folder of the Python environment that the tests look in.
fn python_folder() -> PathBuf {
    crate::root().join("target").join("tools").join("python")
}

fn python() -> Outcome {
    let folder = python_folder();
    // Says what the environment holds, so that a changed list is installed anew.
    let stamp = folder.join("packages.txt");
    let wanted = PYTHON_PACKAGES.join("\n");
    if fs::read_to_string(&stamp).is_ok_and(|have| have == wanted) {
        return Ok(());
    }
    if !program("python3", &["-c", "import venv, ensurepip"]).succeeds() {
        apt(&["python3", "python3-venv"])?;
    }
    let path = folder.to_string_lossy().into_owned();
    program("python3", &["-m", "venv", &path]).run()?;
    let pip = folder.join("bin").join("pip").to_string_lossy().into_owned();
    let mut arguments = vec!["install", "--quiet", "--disable-pip-version-check"];
    arguments.extend_from_slice(PYTHON_PACKAGES);
    program(&pip, &arguments).run()?;
    fs::write(&stamp, wanted).map_err(|error| format!("{} cannot be written: {error}", stamp.display()))
}

/// Installs Debian packages, as root or by sudo.
pub(crate) fn apt(packages: &[&str]) -> Outcome {
    let mut install = vec!["apt-get", "install", "--yes", "--no-install-recommends"];
    install.extend_from_slice(packages);
    let missing = |error| format!("{error}; install {} yourself, then run this again", packages.join(" "));
    let prefix: &[&str] = if program("sudo", &["-n", "true"]).succeeds() { &["sudo", "-n"] } else { &[] };
    for command in [&["apt-get", "update"][..], &install] {
        let whole = [prefix, command].concat();
        program(whole[0], &whole[1..]).run().map_err(missing)?;
    }
    Ok(())
}
