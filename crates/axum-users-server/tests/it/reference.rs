//! The pages of the book that are made from the program itself: they say what it does, or a test fails.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::support::http::Request;
use crate::support::server::Launch;
use crate::support::{SECRET, data};

fn page(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name)
}

/// Compares a page with what it has to be, or writes it where that is asked for.
fn is(name: &str, made: &str) {
    if std::env::var_os("UPDATE_REFERENCE").is_some() {
        fs::write(page(name), made).unwrap();
    }
    assert!(
        fs::read_to_string(page(name)).unwrap_or_default() == made,
        "docs/{name} is not what the program says: run this test with UPDATE_REFERENCE=1 in its environment"
    );
}

/// What `--help` says of a command.
fn help(command: &[String]) -> String {
    let mut program = Command::new(env!("CARGO_BIN_EXE_axum-users"));
    let output = program.args(command).arg("--help").env_remove("AXUM_USERS_CONFIG").output().unwrap();
    assert!(output.status.success(), "{command:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The names under `Commands:`.
fn commands(help: &str) -> Vec<String> {
    let after = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let names = after.take_while(|line| line.starts_with("  "));
    // A description that is too long for its line goes on further to the right.
    let names =
        names.filter(|line| !line.starts_with("   ")).filter_map(|line| line.split_whitespace().next());
    names.filter(|name| *name != "help").map(str::to_owned).collect()
}

fn describe(command: &[String], page: &mut String) {
    let help = help(command);
    let name =
        ["axum-users"].into_iter().chain(command.iter().map(String::as_str)).collect::<Vec<_>>().join(" ");
    let text: Vec<&str> = help.lines().map(str::trim_end).collect();
    write!(page, "\n## `{name}`\n\n```text\n{}\n```\n", text.join("\n").trim_end()).unwrap();
    for subcommand in commands(&help) {
        describe(&[command, &[subcommand]].concat(), page);
    }
}

#[test]
fn the_page_of_commands_is_what_the_program_says_of_itself() {
    let mut made = "# Commands\n\nWhat `--help` says of each command.\n".to_owned();
    describe(&[], &mut made);
    assert!(made.contains("## `axum-users user create`"), "{made}");
    is("commands.md", &made);
}

/// The fields of a schema of the document, a line each.
fn fields(document: &Value, schema: &Value) -> Vec<String> {
    let schema = match schema["$ref"].as_str() {
        Some(reference) => &document["components"]["schemas"][reference.rsplit('/').next().unwrap()],
        None => schema,
    };
    let required: BTreeSet<&str> =
        schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let Some(properties) = schema["properties"].as_object() else { return Vec::new() };
    let describe = |(name, property): (&String, &Value)| {
        let must = if required.contains(name.as_str()) { ", required" } else { "" };
        format!("`{name}` ({}{must})", kind(property))
    };
    properties.iter().map(describe).collect()
}

/// A property's type in words.
fn kind(property: &Value) -> String {
    if let Some(options) = property["anyOf"].as_array() {
        return options.iter().map(kind).collect::<Vec<_>>().join(" or ");
    }
    let kind = property["type"].as_str().unwrap_or("any");
    let plain = match (kind, property["$ref"].as_str()) {
        (_, Some(reference)) => reference.rsplit('/').next().unwrap_or_default().to_owned(),
        ("array", _) => format!("list of {}", self::kind(&property["items"])),
        (kind, _) => kind.to_owned(),
    };
    property["format"].as_str().map_or(plain.clone(), |format| format!("{plain}, {format}"))
}

fn route(document: &Value, path: &str, method: &str, operation: &Value, page: &mut String) {
    write!(page, "\n## `{} {path}`\n\n", method.to_uppercase()).unwrap();
    let summary = operation["summary"].as_str().unwrap_or_default();
    write!(page, "{summary}.").unwrap();
    if operation["security"].is_array() {
        page.push_str(" For users who are logged in.");
    }
    page.push('\n');
    let parameters: Vec<String> = operation["parameters"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|parameter| {
            let (name, place) = (parameter["name"].as_str().unwrap(), parameter["in"].as_str().unwrap());
            let must = if parameter["required"] == true { ", required" } else { "" };
            format!("`{name}` ({place}, {}{must})", kind(&parameter["schema"]))
        })
        .collect();
    if !parameters.is_empty() {
        write!(page, "\n- **Parameters:** {}\n", parameters.join(", ")).unwrap();
    }
    for (media, content) in operation["requestBody"]["content"].as_object().into_iter().flatten() {
        write!(page, "\n- **Request** ({media}): {}\n", fields(document, &content["schema"]).join(", "))
            .unwrap();
    }
    page.push_str("\n| status | meaning | body |\n| --- | --- | --- |\n");
    let mut answers: Vec<_> = operation["responses"].as_object().unwrap().iter().collect();
    answers.sort_by_key(|(status, _)| *status);
    for (status, answer) in answers {
        let json = &answer["content"]["application/json"];
        let codes: Vec<String> =
            json["examples"].as_object().into_iter().flatten().map(|(code, _)| format!("`{code}`")).collect();
        let body = match (codes.is_empty(), fields(document, &json["schema"])) {
            (false, _) => codes.join(", "),
            (true, fields) => fields.join(", "),
        };
        let meaning = answer["description"].as_str().unwrap_or_default();
        writeln!(page, "| {status} | {meaning} | {} |", body.replace('|', "\\|")).unwrap();
    }
}

#[tokio::test]
async fn the_page_of_routes_is_what_the_document_says() {
    let folder = tempfile::tempdir().unwrap();
    let launch = Launch::new(&data("typescript.toml"), folder.path()).set("SECRET", SECRET);
    let server = launch.database(&folder.path().join("data.db")).start().await;
    let document = server.send(&Request::new("GET", "/openapi.json")).await.json();
    let mut made = "# Routes\n\nEvery route of a server with a bearer backend `jwt`, a cookie backend `cookie` and a \
        provider `corp`, as its OpenAPI document has them. [Errors](errors.md) explains the codes; every route may \
        also answer 429 and 503.\n"
        .to_owned();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            route(&document, path, method, operation, &mut made);
        }
    }
    assert!(made.contains("`REGISTER_USER_ALREADY_EXISTS`"), "{made}");
    is("routes.md", &made);
}
