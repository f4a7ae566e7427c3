//! The configurations in `packaging/` are whole ones: nobody's first start fails on them.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::SECRET;

fn packaging(name: &str) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packaging").join(name);
    fs::read_to_string(file).unwrap()
}

/// What `config check` says with these variables, on a file in place of the database of the deployment.
fn is_fine(folder: &Path, variables: &[(&str, &str)]) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_axum-users"));
    command.args(["config", "check"]).current_dir(folder).envs(variables.iter().copied());
    command.env("AXUM_USERS__SECRET", SECRET).env("AXUM_USERS__DATABASE__URL", "sqlite://data.db?mode=rwc");
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("backends jwt, cookie"), "{said}");
}

#[test]
fn the_variables_for_compose_are_a_whole_configuration() {
    let compose = packaging("compose.yaml");
    let variables: Vec<(&str, &str)> = compose
        .lines()
        .filter_map(|line| line.trim().split_once(": ").filter(|(name, _)| name.starts_with("AXUM_USERS__")))
        .map(|(name, value)| (name, value.trim_matches('"')))
        .collect();
    assert!(variables.iter().any(|(name, _)| *name == "AXUM_USERS__REDIS__URL"), "{variables:?}");
    is_fine(tempfile::tempdir().unwrap().path(), &variables);
}

#[test]
fn the_file_for_kubernetes_is_a_whole_configuration() {
    let manifest = packaging("kubernetes.yaml");
    let (_, rest) = manifest.split_once("axum-users.toml: |\n").unwrap();
    let (config, _) = rest.split_once("---\n").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let config: Vec<&str> = config.lines().map(|line| line.strip_prefix("    ").unwrap_or(line)).collect();
    fs::write(folder.path().join("axum-users.toml"), config.join("\n")).unwrap();
    is_fine(folder.path(), &[]);
}
