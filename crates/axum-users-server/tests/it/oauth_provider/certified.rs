//! The certified OpenID Provider (npm `oidc-provider`), as a process on this machine.

use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::data;
use crate::support::process::{Process, poll};

/// The running provider; it ends with the test.
#[derive(Debug)]
pub(crate) struct Certified {
    /// `http://127.0.0.1:PORT`.
    pub(crate) issuer: String,
    /// The name of its signing key.
    pub(crate) key: String,
    arguments: Vec<String>,
    folder: TempDir,
    process: Process,
}

impl Certified {
    /// Starts a provider that sends browsers back to these URLs and no others.
    pub(crate) fn start(redirect_uris: &[String]) -> Self {
        Self::start_with(redirect_uris, &[])
    }

    /// The same with further options of `server.mjs`.
    pub(crate) fn start_with(redirect_uris: &[String], options: &[&str]) -> Self {
        let redirect_uris = redirect_uris.iter().flat_map(|uri| ["--redirect-uri", uri]);
        let arguments: Vec<String> =
            redirect_uris.chain(options.iter().copied()).map(str::to_owned).collect();
        let folder = tempfile::tempdir().unwrap();
        let (process, issuer, key) = launch(&arguments, folder.path());
        Self { issuer, key, arguments, folder, process }
    }

    /// Starts it anew at the same address. It has forgotten everything, and has another key.
    pub(crate) fn restart(self) -> Self {
        let Self { issuer, arguments, folder, process, .. } = self;
        drop(process);
        let port = issuer.rsplit(':').next().unwrap_or_default().to_owned();
        let with_port = [arguments.clone(), vec!["--port".to_owned(), port]].concat();
        let (process, same, key) = launch(&with_port, folder.path());
        assert_eq!(same, issuer);
        Self { issuer, key, arguments, folder, process }
    }

    pub(crate) fn discovery(&self) -> String {
        format!("{}/.well-known/openid-configuration", self.issuer)
    }

    /// What it said, for a test that failed.
    pub(crate) fn log(&self) -> String {
        self.process.log()
    }
}

fn launch(arguments: &[String], folder: &Path) -> (Process, String, String) {
    let modules = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/tools/oidc");
    assert!(
        modules.join("node_modules").exists(),
        "the provider is missing: `cargo xtask tools` installs it"
    );
    let mut command = Command::new("node");
    command.arg(data("oidc/server.mjs")).arg("--modules").arg(modules).args(arguments);
    let mut process = Process::start(&mut command, &folder.join("provider.log"));
    let ready = poll(|| {
        let log = process.log();
        let ready = log.lines().find(|line| line.starts_with(r#"{"ready":true"#)).map(str::to_owned);
        assert!(ready.is_some() || process.ended().is_none(), "the provider ended:\n{log}");
        ready
    });
    let ready = ready.unwrap_or_else(|| panic!("the provider is not ready:\n{}", process.log()));
    let ready: Value = serde_json::from_str(&ready).unwrap();
    let text = |name: &str| ready[name].as_str().unwrap_or_default().to_owned();
    (process, text("issuer"), text("kid"))
}
