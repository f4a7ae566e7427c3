//! What is in `packaging/` is taken by what it is for: nobody's first start fails on it.

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

#[test]
fn the_systemd_unit_is_one_and_exposes_little() {
    let folder = tempfile::tempdir().unwrap();
    let unit = packaging("axum-users.service");
    let installed = "/usr/local/bin/axum-users";
    assert!(unit.contains(&format!("ExecStart={installed} ")), "{unit}");
    let file = folder.path().join("axum-users.service");
    fs::write(&file, unit.replace(installed, env!("CARGO_BIN_EXE_axum-users"))).unwrap();
    // The threshold is ten times the exposure, of 10.
    for arguments in [&["verify", "--man=no"][..], &["security", "--offline=true", "--threshold=20"]] {
        let output = Command::new("systemd-analyze").args(arguments).arg("--no-pager").arg(&file).output();
        let output = output.unwrap_or_else(|error| panic!("{error}; run `cargo xtask tools`"));
        let said = [output.stdout, output.stderr].concat();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&said));
    }
}

/// `cargo xtask dist` tries the binary in such a root; the container's runtime adds where names come from.
#[test]
fn the_image_has_the_binary_certificates_and_a_folder_for_data_and_nothing_else() {
    let dockerfile = packaging("Dockerfile");
    let (_, last_stage) = dockerfile.split_once("FROM scratch\n").unwrap();
    let copied = last_stage.lines().filter_map(|line| line.strip_prefix("COPY --from=build "));
    let copied: Vec<&str> = copied.filter_map(|line| line.rsplit(' ').next()).collect();
    assert_eq!(copied, ["/etc/ssl/certs/", "/axum-users", "/data"]);
    for line in ["WORKDIR /data", "USER 65532:65532", "ENTRYPOINT [\"/axum-users\"]"] {
        assert!(last_stage.contains(line), "{last_stage}");
    }
    assert!(last_stage.contains("CMD [\"/axum-users\", \"health\"]"), "{last_stage}");
    assert!(!last_stage.contains("RUN "), "there is no shell: {last_stage}");
}
