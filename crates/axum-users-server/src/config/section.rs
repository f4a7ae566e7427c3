//! Reads one table of the tree key by key, and collects every mistake instead of stopping at the first.

use std::{cell::RefCell, collections::BTreeMap, ops::RangeInclusive};

use secrecy::SecretString;

use super::{
    Problem,
    tree::{Entries, Node, Origin, Value},
};

/// Where mistakes gather.
pub(super) type Problems = RefCell<Vec<Problem>>;

/// One table. Keys that nobody asked for are unknown keys.
pub(super) struct Section<'a> {
    path: String,
    origin: Origin,
    entries: Entries,
    asked: BTreeMap<&'static str, Option<Origin>>,
    problems: &'a Problems,
}

impl<'a> Section<'a> {
    pub(super) fn new(path: impl Into<String>, node: Node, problems: &'a Problems) -> Self {
        let path = path.into();
        let entries = match node.value {
            Value::Table(entries) => entries,
            other => {
                let message = format!("expected a table, found {}", other.kind());
                problems.borrow_mut().push(Problem::new(node.origin.clone(), &path, message));
                Entries::new()
            }
        };
        Self { path, origin: node.origin, entries, asked: BTreeMap::new(), problems }
    }

    fn key_path(&self, key: &str) -> String {
        match (self.path.as_str(), key) {
            ("", key) => key.to_owned(),
            (path, "") => path.to_owned(),
            (path, key) => format!("{path}.{key}"),
        }
    }

    /// Says that something is wrong with a key: at its place, or at the table's where the key is missing. An
    /// empty key stands for the table.
    pub(super) fn problem(&self, key: &str, message: impl Into<String>) {
        let origin = self.asked.get(key).cloned().flatten().unwrap_or_else(|| self.origin.clone());
        self.problem_at(origin, key, message);
    }

    /// Says that something is wrong at another place than the table's.
    pub(super) fn problem_at(&self, origin: Origin, key: &str, message: impl Into<String>) {
        self.problems.borrow_mut().push(Problem::new(origin, &self.key_path(key), message));
    }

    /// Says that something is wrong with an environment variable that is no key of ours.
    pub(super) fn problem_at_variable(&self, name: &str, message: impl Into<String>) {
        let problem = Problem::new(Origin::Variable(name.to_owned()), "", message);
        self.problems.borrow_mut().push(problem);
    }

    /// Whether the key was asked for before, and was there.
    pub(super) fn has(&self, key: &str) -> bool {
        self.asked.get(key).is_some_and(Option::is_some)
    }

    fn take(&mut self, key: &'static str) -> Option<Node> {
        let node = self.entries.remove(key);
        self.asked.insert(key, node.as_ref().map(|node| node.origin.clone()));
        node
    }

    fn read<T>(
        &mut self,
        key: &'static str,
        expected: &str,
        convert: impl FnOnce(&Value) -> Option<T>,
    ) -> Option<T> {
        let node = self.take(key)?;
        let value = convert(&node.value);
        if value.is_none() {
            let found = match &node.value {
                // Numbers and words that stand where no secret stands may be shown.
                Value::Integer(number) => number.to_string(),
                Value::Boolean(value) => value.to_string(),
                other => other.kind().to_owned(),
            };
            self.problem(key, format!("expected {expected}, found {found}"));
        }
        value
    }

    /// A text.
    pub(super) fn text(&mut self, key: &'static str) -> Option<String> {
        self.read(key, "text in quotes", as_text)
    }

    /// A text that is turned into something else; the error says what was expected.
    pub(super) fn parse<T>(
        &mut self,
        key: &'static str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let text = self.text(key)?;
        match parse(&text) {
            Ok(value) => Some(value),
            Err(message) => {
                self.problem(key, message);
                None
            }
        }
    }

    /// One of a few words.
    pub(super) fn choice<T: Copy>(&mut self, key: &'static str, choices: &[(&str, T)]) -> Option<T> {
        self.parse(key, |text| {
            let found = choices.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
            found.ok_or_else(|| {
                let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
                format!("expected {}, found \"{text}\"{}", alternatives(&words), hint(text, &words, '"'))
            })
        })
    }

    /// `true` or `false`.
    pub(super) fn boolean(&mut self, key: &'static str) -> Option<bool> {
        self.read(key, "true or false", |value| match value {
            Value::Boolean(value) => Some(*value),
            Value::Variable(text) => text.parse().ok(),
            _ => None,
        })
    }

    /// A whole number within a range.
    pub(super) fn integer(&mut self, key: &'static str, range: RangeInclusive<u64>) -> Option<u64> {
        let expected = match (*range.start(), *range.end()) {
            (least, u64::MAX) => format!("a whole number of at least {least}"),
            (least, most) => format!("a whole number from {least} to {most}"),
        };
        self.read(key, &expected, |value| {
            let number = match value {
                Value::Integer(number) => u64::try_from(*number).ok(),
                Value::Variable(text) => text.parse().ok(),
                _ => None,
            };
            number.filter(|number| range.contains(number))
        })
    }

    /// A number within a range, whole or not.
    pub(super) fn number(&mut self, key: &'static str, range: RangeInclusive<f64>) -> Option<f64> {
        let expected = format!("a number from {} to {}", range.start(), range.end());
        self.read(key, &expected, |value| {
            let number = match value {
                #[expect(clippy::cast_precision_loss, reason = "ranges are small")]
                Value::Integer(number) => Some(*number as f64),
                Value::Float(number) => Some(*number),
                Value::Variable(text) => text.parse().ok(),
                _ => None,
            };
            number.filter(|number| range.contains(number))
        })
    }

    /// The same for numbers that fit 32 bits.
    pub(super) fn small_integer(&mut self, key: &'static str, range: RangeInclusive<u32>) -> Option<u32> {
        let range = u64::from(*range.start())..=u64::from(*range.end());
        self.integer(key, range).and_then(|number| u32::try_from(number).ok())
    }

    /// One text, or a list of texts that may be empty.
    fn list(&mut self, key: &'static str) -> Option<Vec<String>> {
        self.read(key, "text in quotes, or a list of texts", |value| match value {
            Value::List(items) => items.iter().map(|item| as_text(&item.value)).collect(),
            value => as_text(value).map(|text| vec![text]),
        })
    }

    /// A list of texts that may be empty, each turned into something else.
    pub(super) fn parse_list<T>(
        &mut self,
        key: &'static str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<Vec<T>> {
        let texts = self.list(key)?;
        let parsed: Result<Vec<T>, String> = texts.iter().map(|text| parse(text)).collect();
        parsed.map_err(|message| self.problem(key, message)).ok()
    }

    /// One text or a list of texts.
    pub(super) fn texts(&mut self, key: &'static str) -> Option<Vec<String>> {
        let texts = self.list(key)?;
        if texts.is_empty() {
            self.problem(key, "the list is empty");
            return None;
        }
        Some(texts)
    }

    /// One secret or a list of them.
    pub(super) fn secrets(&mut self, key: &'static str) -> Option<Vec<SecretString>> {
        Some(self.texts(key)?.into_iter().map(SecretString::from).collect())
    }

    /// Any value, with its place left in this section.
    pub(super) fn any(&mut self, key: &'static str) -> Option<Value> {
        self.take(key).map(|node| node.value)
    }

    /// A table below this one; empty where it is missing.
    pub(super) fn section(&mut self, key: &'static str) -> Section<'a> {
        let missing = || Node { origin: self.origin.clone(), value: Value::Table(Entries::new()) };
        let node = self.entries.remove(key).unwrap_or_else(missing);
        self.asked.insert(key, Some(node.origin.clone()));
        Section::new(self.key_path(key), node, self.problems)
    }

    /// The tables of a list, `[[key]]` each; `None` where it is missing.
    pub(super) fn sections(&mut self, key: &'static str) -> Option<Vec<Section<'a>>> {
        let node = self.take(key)?;
        let path = self.key_path(key);
        let Value::List(items) = node.value else {
            self.problem(key, format!("expected a list of tables, each begun by [[{path}]]"));
            return None;
        };
        let sections = items.into_iter().enumerate();
        Some(
            sections
                .map(|(index, node)| Section::new(format!("{path}[{index}]"), node, self.problems))
                .collect(),
        )
    }

    /// A table whose keys are free: each with its text turned into something else.
    pub(super) fn parse_each<T>(self, parse: impl Fn(&str, &str) -> Result<T, String>) -> Vec<T> {
        let mut all = Vec::new();
        for (key, node) in &self.entries {
            let parsed = match as_text(&node.value) {
                Some(text) => parse(key, &text),
                None => Err(format!("expected text in quotes, found {}", node.value.kind())),
            };
            match parsed {
                Ok(value) => all.push(value),
                Err(message) => self.problem_at(node.origin.clone(), key, message),
            }
        }
        all
    }

    /// Says that a key has to be there.
    pub(super) fn missing(&self, key: &str, expected: &str) {
        // A key of the wrong kind was complained of already.
        if !self.has(key) {
            self.problem(key, format!("this key is missing: expected {expected}"));
        }
    }

    /// Complains of each of these keys that is there.
    pub(super) fn forbid(&mut self, keys: &[&'static str], why: &str) {
        for key in keys {
            if self.take(key).is_some() {
                self.problem(key, why);
            }
        }
    }

    /// The keys that were asked for.
    pub(super) fn keys(&self) -> impl Iterator<Item = &'static str> {
        self.asked.keys().copied()
    }

    /// Every key that nobody asked for is unknown.
    pub(super) fn finish(self) {
        #[cfg(test)]
        super::reference::note(&self.path, self.asked.keys());
        let known: Vec<&str> = self.asked.keys().copied().collect();
        for (key, node) in &self.entries {
            let message = format!("unknown key{}", hint(key, &known, '`'));
            self.problem_at(node.origin.clone(), key, message);
        }
    }
}

fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::Text(text) | Value::Variable(text) => Some(text.clone()),
        _ => None,
    }
}

/// `"a", "b" or "c"`.
pub(super) fn alternatives(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => String::new(),
    }
}

/// `; did you mean …?` where one of the words is a near miss.
pub(super) fn hint(text: &str, words: &[&str], quote: char) -> String {
    let distance = |word: &str| strsim::damerau_levenshtein(&text.to_lowercase(), word);
    let nearest = words.iter().map(|word| (distance(word), word)).min();
    match nearest {
        Some((distance, word)) if distance <= word.chars().count().div_ceil(3) => {
            format!("; did you mean {quote}{word}{quote}?")
        }
        _ => String::new(),
    }
}
