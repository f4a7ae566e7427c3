//! What pages have for browsers and for other services is read by the compilers of its languages.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::all_in;
use super::blocks::{Block, root};
use crate::support::process::python;

/// Type-checks the blocks, each a module of its own.
fn check(folder: &Path, options: &[(&str, bool)], blocks: &[Block], extension: &str) {
    let clients = fs::canonicalize(root().join("clients")).unwrap();
    for (number, block) in blocks.iter().enumerate() {
        let module = format!("// {}\n{}export {{}};\n", block.place(), block.text);
        fs::write(folder.join(format!("block_{number}.{extension}")), module).unwrap();
    }
    let client = clients.join("typescript/src/index.ts");
    let mut compiler = serde_json::json!({
        "noEmit": true, "types": [], "paths": { "axum-users-client": [client] },
    });
    for (name, value) in options {
        compiler[name] = serde_json::json!(value);
    }
    let config = serde_json::json!({
        "extends": clients.join("typescript/tsconfig.json"),
        "compilerOptions": compiler,
        "include": [format!("./*.{extension}")],
    });
    fs::write(folder.join("tsconfig.json"), config.to_string()).unwrap();
    fs::write(folder.join("package.json"), r#"{ "type": "module" }"#).unwrap();
    let mut compiler = Command::new(clients.join("node_modules/.bin/tsc"));
    let output = compiler.arg("--project").arg(folder).output();
    let output = output.unwrap_or_else(|error| panic!("tsc: {error}; run `cargo xtask tools`"));
    let places: Vec<String> = blocks.iter().map(Block::place).collect();
    assert!(output.status.success(), "{places:?}:\n{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn every_typescript_block_is_type_checked_with_the_client() {
    let folder = tempfile::tempdir().unwrap();
    check(folder.path(), &[], &all_in(&["ts"]), "ts");
}

#[test]
fn every_javascript_block_is_type_checked() {
    let folder = tempfile::tempdir().unwrap();
    let strict = ["strict", "exactOptionalPropertyTypes", "declaration"].map(|option| (option, false));
    let options = [&[("allowJs", true), ("checkJs", true)][..], &strict].concat();
    check(folder.path(), &options, &all_in(&["js"]), "js");
}

#[test]
fn every_python_block_is_read_by_python() {
    for block in all_in(&["python"]) {
        let mut parser = Command::new(python());
        let output = parser.args(["-c", "import ast, sys; ast.parse(sys.argv[1])", &block.text]).output();
        let output = output.unwrap();
        assert!(output.status.success(), "{}: {}", block.place(), String::from_utf8_lossy(&output.stderr));
    }
}
