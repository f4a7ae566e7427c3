//! The book's page of the configuration has every key that is read, and no other, with the default that it has.

use std::{cell::RefCell, collections::BTreeSet, path::Path};

use super::Config;

const PAGE: &str = include_str!("../../../../docs/configuration.md");

/// Every kind of table, once.
const FILE: &str = r#"
[redis]
url = "redis://127.0.0.1"
[[user.field]]
name = "first_name"
type = "text"
default = "Ada"
[[backend]]
name = "jwt"
transport = "bearer"
strategy = "jwt"
refresh_lifetime_seconds = 86400
[[backend]]
name = "cookie"
transport = "cookie"
strategy = "database"
[[backend]]
name = "redis"
transport = "cookie"
strategy = "redis"
[[oauth]]
provider = "openid"
name = "corp"
openid_configuration_endpoint = "https://corp.example.com/.well-known/openid-configuration"
client_id = "id"
client_secret = "secret"
backend = "jwt"
[oauth.profile]
first_name = "name"
[[oauth]]
provider = "oauth2"
name = "shop"
authorize_endpoint = "https://shop.example.com/authorize"
access_token_endpoint = "https://shop.example.com/token"
profile_endpoint = "https://shop.example.com/me"
client_id = "id"
client_secret = "secret"
[[oauth]]
provider = "discord"
client_id = "id"
client_secret = "secret"
"#;

thread_local! {
    static READ: RefCell<BTreeSet<(String, &'static str)>> = const { RefCell::new(BTreeSet::new()) };
}

/// Notes that these keys were read from a table.
pub(super) fn note<'a>(path: &str, keys: impl Iterator<Item = &'a &'static str>) {
    let table = path.replace("[0]", "").replace("[1]", "").replace("[2]", "");
    READ.with_borrow_mut(|read| read.extend(keys.map(|key| (table.clone(), *key))));
}

/// The part of the page about a table, or about the one that it is in: from its heading to the next.
fn part(table: &str) -> &'static str {
    let headings = [format!("\n## `[{table}]`"), format!("\n## `[[{table}]]`")];
    let start = match table {
        "" => PAGE.find("\n## Top level"),
        _ => headings.iter().find_map(|heading| PAGE.find(heading)),
    };
    let Some(start) = start else { return table.rsplit_once('.').map_or("", |(parent, _)| part(parent)) };
    let rest = &PAGE[start + 1..];
    rest.find("\n## ").map_or(rest, |end| &rest[..end])
}

/// Every key that is read of [`FILE`], with its table.
fn read() -> BTreeSet<(String, &'static str)> {
    Config::from_parts(Some((Path::new("axum-users.toml"), FILE)), &[]).unwrap();
    let read = READ.take();
    assert!(read.len() > 50, "{read:?}");
    read
}

#[test]
fn every_key_that_is_read_is_in_the_book() {
    let read = read();
    let is_table = |name: &str| PAGE.contains(&format!("[{name}]"));
    let missing: Vec<String> = read
        .iter()
        .filter(|(table, key)| !part(table).contains(&format!("`{key}`")))
        .map(|(table, key)| if table.is_empty() { (*key).to_owned() } else { format!("{table}.{key}") })
        .filter(|name| !is_table(name))
        .collect();
    assert_eq!(missing, Vec::<String>::new(), "docs/configuration.md says nothing of these");
}

/// A row of the page's tables: whose keys, which, and the default.
struct Row {
    table: &'static str,
    keys: Vec<&'static str>,
    default: &'static str,
}

fn rows() -> Vec<Row> {
    let (mut table, mut is_of_keys, mut rows) = (None, false, Vec::new());
    for line in PAGE.lines() {
        if let Some(heading) = line.strip_prefix("## ") {
            let name = heading.trim_matches(['`', '[', ']']);
            table = if heading == "Top level" { Some("") } else { (name != heading).then_some(name) };
        } else if let Some(header) = line.strip_prefix("| ").filter(|header| !header.starts_with('`')) {
            is_of_keys = header.starts_with("key | default") || (header.starts_with("---") && is_of_keys);
        } else if let (Some(table), true, Some(row)) = (table, is_of_keys, line.strip_prefix("| `")) {
            let cells: Vec<&str> = row.split(" | ").collect();
            let keys = cells[0].split("`, `").map(|key| key.trim_matches('`')).collect();
            rows.push(Row { table, keys, default: cells[1] });
        }
    }
    assert!(rows.len() > 50, "{}", rows.len());
    rows
}

#[test]
fn every_key_in_the_book_is_read() {
    let read = read();
    let is_read = |table: &str, key: &str| {
        let is_within = |known: &str| known == table || known.starts_with(&format!("{table}."));
        read.iter().any(|(known_table, known)| is_within(known_table) && *known == key)
    };
    let unknown: Vec<String> = rows()
        .iter()
        .flat_map(|row| row.keys.iter().map(|key| (row.table, *key)))
        .filter(|(table, key)| !is_read(table, key))
        .map(|(table, key)| format!("{table}.{key}"))
        .collect();
    assert_eq!(unknown, Vec::<String>::new(), "nobody reads these keys of docs/configuration.md");
}

/// Configurations to which a key of this table can be added at the end.
fn surroundings(table: &str, read: &BTreeSet<(String, &'static str)>) -> Vec<String> {
    let parts = |name: &str| FILE.split("\n[[").filter(|part| part.starts_with(name)).collect::<Vec<_>>();
    let redis = "[redis]\nurl = \"redis://127.0.0.1\"\n";
    let backend = "[[backend]]\nname = \"jwt\"\ntransport = \"bearer\"\nstrategy = \"jwt\"\n";
    let of_list = |name: &str| -> Vec<String> {
        let whole = parts(name).into_iter().map(|part| part.split("\n[").next().unwrap_or_default());
        let needed = |part: &str| match part {
            part if part.contains("\"redis\"") => redis,
            part if part.starts_with("oauth") => backend,
            _ => "",
        };
        whole.map(|part| format!("{}[[{part}\n", needed(part))).collect()
    };
    match table {
        "" => vec![String::new()],
        "backend" | "oauth" => of_list(table),
        "limits" => vec!["[limits]\n".to_owned(), format!("{redis}[limits]\nstore = \"redis\"\n")],
        "opentelemetry" => vec!["[opentelemetry]\nendpoint = \"http://127.0.0.1:4318\"\n".to_owned()],
        "user" => vec!["[[user.field]]\nname = \"plan\"\ntype = \"text\"\n".to_owned()],
        table => {
            let known = read.iter().map(|(known, _)| known.as_str()).collect::<BTreeSet<_>>();
            let within = known.into_iter().filter(|known| known.starts_with(&format!("{table}.")));
            [table].into_iter().chain(within).map(|table| format!("[{table}]\n")).collect()
        }
    }
}

#[test]
fn every_default_in_the_book_is_what_is_so_without_the_key() {
    let read = read();
    let config = |text: &str| {
        let config = Config::from_parts(Some((Path::new("axum-users.toml"), text)), &[]);
        config.map(|config| format!("{config:?}"))
    };
    let mut count = 0;
    for Row { table, keys, default } in rows() {
        let Some(value) = default.strip_prefix('`').and_then(|rest| rest.strip_suffix('`')) else { continue };
        // Words are no values: `secret` stands for what that key has.
        if value.parse::<toml::Value>().is_err() {
            continue;
        }
        // Without the feature whoever asks for it is told so.
        if table == "opentelemetry" && !cfg!(feature = "opentelemetry") {
            continue;
        }
        for key in keys {
            let differs = |text: &String| match (config(text), config(&format!("{text}{key} = {value}\n"))) {
                (Ok(without), Ok(with)) => without != with,
                _ => true,
            };
            let places = surroundings(table, &read);
            assert!(!places.iter().all(differs), "{table}.{key} is not {value} by default");
            count += 1;
        }
    }
    assert!(count > 30, "{count}");
}

/// A row such as ``| `login_per_account` | 100 in 3600 s | …``.
#[test]
fn every_limit_in_the_book_is_the_one_without_a_configuration() {
    let default = format!("{:?}", Config::default().limits);
    let mut count = 0;
    for row in part("limits").lines().filter_map(|line| line.strip_prefix("| `")) {
        let Some((name, rest)) = row.split_once("` | ") else { continue };
        let Some((tries, rest)) = rest.split_once(" in ") else { continue };
        let Some((seconds, _)) = rest.split_once(" s |") else { continue };
        let text = format!("[limits.{name}]\ntries = {tries}\nperiod_seconds = {seconds}\n");
        let config = Config::from_parts(Some((Path::new("axum-users.toml"), &text)), &[]).unwrap();
        assert_eq!(format!("{:?}", config.limits), default, "{name}");
        count += 1;
    }
    assert!(count > 5, "{count}");
}
