//! The binary in a folder where nothing else is, as in an image `FROM scratch`: somebody registers and logs in.

use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::{
    command::{Outcome, program, say},
    root,
};

/// How long the server may take to come up.
const DEADLINE: Duration = Duration::from_secs(30);

/// What a container's image and its runtime put beside the binary: certificates, and where names come from.
const SYSTEM_FILES: [&str; 3] = ["etc/ssl/certs/ca-certificates.crt", "etc/hosts", "etc/resolv.conf"];

/// Starts the server in an empty root, and lets curl and its own commands talk to it.
pub(super) fn try_in(binary: &Path) -> Outcome {
    let folder = root().join("target").join("dist").join("empty-root");
    fill(&folder, binary).map_err(|error| format!("{} cannot be filled: {error}", folder.display()))?;
    let Some(enter) = way_in() else {
        say("Not tried in an empty root: this user may enter none (chroot wants root)");
        return Ok(());
    };
    let address = free_address()?;
    let folder = folder.to_string_lossy().into_owned();
    let command = |arguments: &[&str]| {
        let words = [enter, &[&folder, "/axum-users"], arguments].concat();
        program(words[0], &words[1..]).env("AXUM_USERS__LISTEN", &address)
    };
    say(&format!("In the empty root {folder}:"));
    command(&["--version"]).run()?;
    let mut server = Command::new(enter[0]);
    server.args(&enter[1..]).args([&folder, "/axum-users"]).env("AXUM_USERS__LISTEN", &address);
    let server = server.stdout(Stdio::null()).spawn();
    let server = Server(server.map_err(|error| format!("the server does not start: {error}"))?);
    let start = Instant::now();
    while !command(&["health"]).succeeds() {
        if start.elapsed() > DEADLINE {
            return Err("the server does not come up in an empty root".into());
        }
        thread::sleep(Duration::from_millis(100));
    }
    let curl = |path: &str, arguments: &[&str]| {
        let url = format!("http://{address}{path}");
        program(
            "curl",
            &[&["--silent", "--show-error", "--fail", "--write-out", "\\n", &url], arguments].concat(),
        )
        .run()
    };
    let body = r#"{"email": "ada@example.com", "password": "analytical engine"}"#;
    curl("/auth/register", &["--header", "content-type: application/json", "--data", body])?;
    let form = ["--data", "username=ada@example.com", "--data", "password=analytical engine"];
    curl("/auth/jwt/login", &form)?;
    command(&["user", "list"]).run()?;
    drop(server);
    Ok(())
}

/// A server that ends with this value.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already: both calls then say so, and there is nothing to do about it.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn fill(folder: &Path, binary: &Path) -> std::io::Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    fs::create_dir_all(folder)?;
    fs::copy(binary, folder.join("axum-users"))?;
    for file in SYSTEM_FILES {
        let (from, to): (PathBuf, PathBuf) = (Path::new("/").join(file), folder.join(file));
        if let Some(parent) = to.parent() {
            fs::create_dir_all(parent)?;
        }
        if from.exists() {
            fs::copy(from, to)?;
        }
    }
    Ok(())
}

/// The command that enters a folder as the root of everything, for a user who is root, or who may seem to be.
fn way_in() -> Option<&'static [&'static str]> {
    let ways: [&[&str]; 2] = [&["chroot"], &["unshare", "--map-root-user", "chroot"]];
    // Into the root that is there already: who may not even do that may enter none.
    let may = |way: &&[&str]| program(way[0], &[&way[1..], &["/", "true"]].concat()).succeeds();
    ways.into_iter().find(may)
}

fn free_address() -> Result<String, String> {
    let listener = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    listener.map(|address| address.to_string()).map_err(|error| format!("no port is free: {error}"))
}
