//! The book's page of the configuration has every key that is read.

use std::{cell::RefCell, collections::BTreeSet};

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

#[test]
fn every_key_that_is_read_is_in_the_book() {
    Config::from_parts(Some((std::path::Path::new("axum-users.toml"), FILE)), &[]).unwrap();
    let read = READ.take();
    assert!(read.len() > 50, "{read:?}");
    let is_table = |name: &str| PAGE.contains(&format!("[{name}]"));
    let missing: Vec<String> = read
        .iter()
        .filter(|(table, key)| !part(table).contains(&format!("`{key}`")))
        .map(|(table, key)| if table.is_empty() { (*key).to_owned() } else { format!("{table}.{key}") })
        .filter(|name| !is_table(name))
        .collect();
    assert_eq!(missing, Vec::<String>::new(), "docs/configuration.md says nothing of these");
}
