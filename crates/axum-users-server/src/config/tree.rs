//! The configuration as one tree: the file, and the environment laid over it.
//!
//! Every value remembers where it was written, so that a mistake found much later still names its place.

use std::{collections::BTreeMap, fmt, path::Path, sync::Arc};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{ConfigError, Problem};

/// What the names of environment variables begin with; `__` stands between the parts of a key.
pub(super) const VARIABLE_PREFIX: &str = "AXUM_USERS__";

/// What the names of variables begin with that mean a key and miss an underscore.
pub(super) const NEAR_PREFIX: &str = "AXUM_USERS_";

/// The variable that somebody meant who wrote one underscore where two belong: `LISTEN` for the key `listen`,
/// `DATABASE_URL` for a key in the table `database`. `None` for everything else: Kubernetes names variables after
/// services, `AXUM_USERS_SERVICE_HOST` and `AXUM_USERS_PORT_8000_TCP` after one called `axum-users`.
pub(super) fn key_meant_by(rest: &str, keys: &[&str]) -> Option<String> {
    let lower = rest.to_ascii_lowercase();
    let is_kubernetes = lower.contains("_service_") || lower.ends_with("_port") || lower.contains("_port_");
    if rest.starts_with('_') || is_kubernetes {
        return None;
    }
    let within = |key: &&&str| lower.strip_prefix(**key).is_some_and(|rest| rest.starts_with('_'));
    // The longest: `oauth` is the beginning of `oauth_accounts`.
    let table = keys.iter().filter(within).max_by_key(|key| key.len());
    if keys.contains(&lower.as_str()) {
        return Some(format!("{VARIABLE_PREFIX}{}", rest.to_ascii_uppercase()));
    }
    let key = lower[table?.len()..].trim_start_matches('_');
    Some(format!("{VARIABLE_PREFIX}{}__{}", table?, key).to_ascii_uppercase())
}

/// Where a value was written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Origin {
    /// In a file, on a line counted from 1; line 0 stands for the file as a whole.
    File(Arc<str>, usize),
    /// In the environment variable of this name.
    Variable(String),
    /// Nowhere: the value is missing.
    Nowhere,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(file, 0) => f.write_str(file),
            Self::File(file, line) => write!(f, "{file}:{line}"),
            Self::Variable(name) => write!(f, "environment variable {name}"),
            Self::Nowhere => f.write_str("configuration"),
        }
    }
}

/// A value and its place.
#[derive(Clone)]
pub(super) struct Node {
    pub(super) origin: Origin,
    pub(super) value: Value,
}

/// The keys of one table.
pub(super) type Entries = BTreeMap<String, Node>;

/// A value as it was written.
#[derive(Clone)]
pub(super) enum Value {
    Text(String),
    Integer(i64),
    Float(f64),
    Boolean(bool),
    /// A TOML date, time or both, as text.
    Moment(String),
    List(Vec<Node>),
    Table(Entries),
    /// An environment variable's text, which means what its key wants it to mean.
    Variable(String),
}

impl Value {
    /// The kind of value, for messages; the value itself may be a secret.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) | Self::Variable(_) => "text",
            Self::Integer(_) => "a whole number",
            Self::Float(_) => "a number",
            Self::Boolean(_) => "true or false",
            Self::Moment(_) => "a date or time",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
        }
    }
}

/// The tree of a file's text and the environment. `file` is the name that messages use.
pub(super) fn read(file: Option<(&Path, &str)>, variables: &[(String, String)]) -> Result<Node, ConfigError> {
    let mut root = match file {
        Some((path, text)) => parse(path, text)?,
        None => Node { origin: Origin::Nowhere, value: Value::Table(Entries::new()) },
    };
    let mut problems = Vec::new();
    let mut variables: Vec<_> =
        variables.iter().filter(|(name, _)| name.starts_with(VARIABLE_PREFIX)).collect();
    // Lists grow by one index at a time, so 2 has to come before 10.
    variables.sort_by_key(|(name, _)| {
        let parts = name.split("__").map(|part| (part.parse::<usize>().ok(), part.to_owned()));
        parts.collect::<Vec<_>>()
    });
    for (name, text) in variables {
        if let Err(problem) = overlay(&mut root, name, text) {
            problems.push(problem);
        }
    }
    if problems.is_empty() { Ok(root) } else { Err(ConfigError::new(problems)) }
}

fn parse(path: &Path, text: &str) -> Result<Node, ConfigError> {
    let file: Arc<str> = path.display().to_string().into();
    let converter = Converter { file: Arc::clone(&file), text };
    match DeTable::parse(text) {
        Ok(table) => Ok(Node { origin: Origin::File(file, 0), value: converter.table(table.get_ref()) }),
        Err(error) => {
            let line = error.span().map_or(0, |span| converter.line(span.start));
            let message = format!("this is not TOML: {}", error.message());
            Err(ConfigError::new(vec![Problem::new(Origin::File(file, line), "", message)]))
        }
    }
}

struct Converter<'a> {
    file: Arc<str>,
    text: &'a str,
}

impl Converter<'_> {
    fn line(&self, offset: usize) -> usize {
        let before = &self.text.as_bytes()[..offset.min(self.text.len())];
        before.iter().filter(|&&byte| byte == b'\n').count() + 1
    }

    fn origin(&self, offset: usize) -> Origin {
        Origin::File(Arc::clone(&self.file), self.line(offset))
    }

    fn table(&self, table: &DeTable<'_>) -> Value {
        let entries = table.iter().map(|(key, value)| {
            let node = Node { origin: self.origin(key.span().start), value: self.value(value.get_ref()) };
            (key.get_ref().to_string(), node)
        });
        Value::Table(entries.collect())
    }

    fn node(&self, value: &Spanned<DeValue<'_>>) -> Node {
        Node { origin: self.origin(value.span().start), value: self.value(value.get_ref()) }
    }

    fn value(&self, value: &DeValue<'_>) -> Value {
        match value {
            DeValue::String(text) => Value::Text(text.to_string()),
            DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
                Ok(number) => Value::Integer(number),
                // Beyond 64 bits no key takes it; as a number it gets the message of its key.
                Err(_) => Value::Float(f64::INFINITY),
            },
            DeValue::Float(number) => Value::Float(number.as_str().parse().unwrap_or(f64::NAN)),
            DeValue::Boolean(value) => Value::Boolean(*value),
            DeValue::Datetime(moment) => Value::Moment(moment.to_string()),
            DeValue::Array(items) => Value::List(items.iter().map(|item| self.node(item)).collect()),
            DeValue::Table(table) => self.table(table),
        }
    }
}

/// Sets the key that a variable's name spells: `AXUM_USERS__BACKEND__0__NAME` is `backend[0].name`.
fn overlay(root: &mut Node, name: &str, text: &str) -> Result<(), Problem> {
    let origin = Origin::Variable(name.to_owned());
    let wrong = |message: &str| Problem::new(origin.clone(), "", message);
    let parts: Vec<String> = name[VARIABLE_PREFIX.len()..].split("__").map(str::to_ascii_lowercase).collect();
    if parts.iter().any(String::is_empty) {
        return Err(wrong("a part of the name is empty; keys are spelled like AXUM_USERS__DATABASE__URL"));
    }
    let mut node = root;
    for part in &parts {
        let child = match part.parse::<usize>() {
            Ok(index) => item(node, index, &origin),
            Err(_) => member(node, part, &origin),
        };
        node = child.map_err(|message| wrong(&message))?;
    }
    *node = Node { origin, value: Value::Variable(text.to_owned()) };
    Ok(())
}

fn item<'a>(node: &'a mut Node, index: usize, origin: &Origin) -> Result<&'a mut Node, String> {
    // A value that is no list, or that came from another variable, gives way to a list of variables.
    if !matches!(node.value, Value::List(_)) {
        *node = Node { origin: origin.clone(), value: Value::List(Vec::new()) };
    }
    let Value::List(items) = &mut node.value else { return Err("this is not a list".to_owned()) };
    let length = items.len();
    if index > length {
        return Err(format!("number {index} is not the next one: {length} is"));
    }
    if index == length {
        items.push(Node { origin: origin.clone(), value: Value::Table(Entries::new()) });
    }
    Ok(&mut items[index])
}

fn member<'a>(node: &'a mut Node, key: &str, origin: &Origin) -> Result<&'a mut Node, String> {
    let kind = node.value.kind();
    let Value::Table(entries) = &mut node.value else {
        return Err(format!("nothing can be named `{key}` here: the value is {kind}"));
    };
    let empty = || Node { origin: origin.clone(), value: Value::Table(Entries::new()) };
    Ok(entries.entry(key.to_owned()).or_insert_with(empty))
}
