//! Configurations are read by the server, and dependencies are there.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::all_in;
use super::blocks::{Block, root};

/// What stands on a page where readers put something of their own.
const PLACEHOLDER: &str = "\"…\"";

/// What `config check` says of a configuration in this folder, if it has an objection.
fn objection(folder: &Path, config: &str) -> Option<String> {
    let file = folder.join("axum-users.toml");
    fs::write(&file, config.replace(PLACEHOLDER, "\"something-of-the-readers-of-more-than-32-bytes\""))
        .unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_axum-users"));
    command.args(["config", "check"]).current_dir(folder);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("AXUM_USERS_")) {
        command.env_remove(name);
    }
    // The databases of the pages are elsewhere.
    let output = command.env("AXUM_USERS__DATABASE__URL", "sqlite://data.db?mode=rwc").output().unwrap();
    (!output.status.success()).then(|| String::from_utf8_lossy(&output.stderr).into_owned())
}

/// The key files that pages name.
fn make_keys(folder: &Path) {
    for name in ["old.pem", "new.pem", "es256-kPrK_qmx.pem"] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_axum-users"));
        command.args(["key", "generate", "--output", name]).current_dir(folder);
        assert!(command.output().unwrap().status.success(), "{name}");
    }
}

#[test]
fn every_configuration_is_accepted_by_itself_or_with_one_before_it_on_its_page() {
    let folder = tempfile::tempdir().unwrap();
    make_keys(folder.path());
    let mut before: Vec<Block> = Vec::new();
    for block in all_in(&["toml"]).into_iter().filter(|block| !is_manifest(block)) {
        before.retain(|earlier| earlier.page == block.page);
        if let Some(objection) = objection(folder.path(), &block.text) {
            let mut together = before.iter().map(|earlier| format!("{}{}", earlier.text, block.text));
            assert!(
                together.any(|config| self::objection(folder.path(), &config).is_none()),
                "{}: {objection}",
                block.place()
            );
        }
        before.push(block);
    }
}

fn is_manifest(block: &Block) -> bool {
    block.text.contains("dependencies]")
}

#[test]
fn every_dependency_of_a_page_has_the_features_that_it_asks_for() {
    for block in all_in(&["toml"]).into_iter().filter(is_manifest) {
        let manifest: toml::Table = block.text.parse().unwrap();
        for (name, dependency) in manifest.values().filter_map(toml::Value::as_table).flatten() {
            let ours = root().join("crates").join(name).join("Cargo.toml");
            let ours: toml::Table = fs::read_to_string(ours).unwrap().parse().unwrap();
            let wanted = dependency.get("features").and_then(toml::Value::as_array).into_iter().flatten();
            for feature in wanted.filter_map(toml::Value::as_str) {
                let known = ours["features"].as_table().unwrap();
                assert!(known.contains_key(feature), "{}: {name} has no {feature}", block.place());
            }
        }
    }
}
