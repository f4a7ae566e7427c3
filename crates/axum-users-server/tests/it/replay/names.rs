//! The `<names>` in a transcript: values that change from run to run.

use std::collections::{HashMap, HashSet};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What Python's `quote` leaves alone; it is what the recorder encoded with.
const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A name that should have a value by now and has none.
#[derive(Debug)]
pub(super) struct Unbound(pub(super) String);

/// The values bound so far, and every name that gets one somewhere in the session.
#[derive(Debug, Default)]
pub(super) struct Names {
    values: HashMap<String, String>,
    declared: HashSet<String>,
}

/// A stretch of a text: characters, or some value of a kind.
#[derive(Debug, PartialEq)]
enum Piece {
    Text(String),
    Some(Kind),
}

/// A value that no line binds; only its form is known.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Uuid,
    Jwt,
    Token,
    Salt,
    Hash,
    BcryptSaltAndHash,
    Timestamp,
}

impl Names {
    pub(super) fn declare(&mut self, name: &str) {
        self.declared.insert(name.to_owned());
    }

    pub(super) fn bind(&mut self, name: &str, value: &str) {
        self.declare(name);
        self.values.insert(name.to_owned(), value.to_owned());
    }

    /// The declared names that occur in a text.
    pub(super) fn used_in(&self, text: &str) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        let mut rest = text;
        while let Some((_, name, after)) = next_name(rest) {
            names.extend(self.declared.get(&referred_to(name)).cloned());
            rest = after;
        }
        names
    }

    /// The text with every name replaced by its value.
    pub(super) fn fill(&self, text: &str) -> Result<String, Unbound> {
        self.filled(text, false)
    }

    /// As [`Self::fill`], with values percent-encoded.
    pub(super) fn fill_url(&self, text: &str) -> Result<String, Unbound> {
        self.filled(text, true)
    }

    fn filled(&self, text: &str, in_url: bool) -> Result<String, Unbound> {
        let pieces = self.pieces(text, in_url)?;
        Ok(pieces
            .into_iter()
            .map(|piece| if let Piece::Text(text) = piece { text } else { String::new() })
            .collect())
    }

    /// Whether a text is what was expected, names and all.
    pub(super) fn matches(&self, expected: &str, got: &str) -> Result<bool, Unbound> {
        let (plain, query) = match expected.split_once('?') {
            Some((plain, query)) if expected.starts_with('<') && !plain.contains(' ') => (plain, Some(query)),
            _ => (expected, None),
        };
        let mut pieces = self.pieces(plain, false)?;
        if let Some(query) = query {
            pieces.push(Piece::Text("?".into()));
            pieces.extend(self.pieces(query, true)?);
        }
        let mut rest = got;
        for piece in pieces {
            let length = match &piece {
                Piece::Text(text) => rest.starts_with(text.as_str()).then_some(text.len()),
                Piece::Some(kind) => kind.length(rest),
            };
            match length {
                Some(length) => rest = &rest[length..],
                None => return Ok(false),
            }
        }
        Ok(rest.is_empty())
    }

    fn pieces(&self, text: &str, in_url: bool) -> Result<Vec<Piece>, Unbound> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, name, after)) = next_name(rest) {
            pieces.push(Piece::Text(before.to_owned()));
            pieces.push(match (self.value(name)?, Kind::called(name)) {
                (Some(value), _) if in_url => Piece::Text(utf8_percent_encode(&value, KEPT).to_string()),
                (Some(value), _) => Piece::Text(value),
                (None, Some(kind)) => Piece::Some(kind),
                // Angle brackets of the data itself, as in `Name <a@example.com>`.
                (None, None) => Piece::Text(name.to_owned()),
            });
            rest = after;
        }
        pieces.push(Piece::Text(rest.to_owned()));
        Ok(pieces)
    }

    fn value(&self, name: &str) -> Result<Option<String>, Unbound> {
        let inner = &name[1..name.len() - 1];
        if let Some((letter, count)) = inner.strip_prefix("repeat:").and_then(|rest| rest.split_once(':')) {
            return Ok(count.parse().ok().map(|count| letter.repeat(count)));
        }
        let referred = referred_to(name);
        match self.values.get(&referred) {
            Some(value) if inner.starts_with("uuid-upper:") => Ok(Some(value.to_uppercase())),
            Some(value) if inner.starts_with("uuid-hex:") => Ok(Some(value.replace('-', ""))),
            Some(value) => Ok(Some(value.clone())),
            None if self.declared.contains(&referred) => Err(Unbound(referred)),
            None => Ok(None),
        }
    }
}

/// Splits a text at its first `<…>`: what is before, the name with its brackets, what is after.
fn next_name(text: &str) -> Option<(&str, &str, &str)> {
    let start = text.find('<')?;
    let end = start + text[start..].find('>')? + 1;
    Some((&text[..start], &text[start..end], &text[end..]))
}

/// The bound name that a name speaks of: `<uuid-upper:x>` of `<uuid:x>`.
fn referred_to(name: &str) -> String {
    name.replace("<uuid-upper:", "<uuid:").replace("<uuid-hex:", "<uuid:")
}

impl Kind {
    fn called(name: &str) -> Option<Self> {
        Some(match name {
            "<uuid>" => Self::Uuid,
            "<jwt>" => Self::Jwt,
            "<token>" => Self::Token,
            "<salt>" => Self::Salt,
            "<hash>" => Self::Hash,
            "<salt and hash>" => Self::BcryptSaltAndHash,
            "<timestamp>" => Self::Timestamp,
            _ => return None,
        })
    }

    /// How many bytes at the start of a text are a value of this kind.
    fn length(self, text: &str) -> Option<usize> {
        let url_safe = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        let base64 = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/';
        match self {
            Self::Uuid => shaped(text, "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx"),
            Self::Timestamp => shaped(text, "0000-00-00 00:00:00.000000"),
            Self::Token => exactly(text, 43, url_safe),
            Self::Salt => exactly(text, 22, base64),
            Self::Hash => exactly(text, 43, base64),
            Self::BcryptSaltAndHash => {
                exactly(text, 53, |byte| byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'/')
            }
            Self::Jwt => {
                let length = text.bytes().take_while(|&byte| url_safe(byte) || byte == b'.').count();
                let parts: Vec<&str> = text[..length].split('.').collect();
                (parts.len() == 3 && parts.iter().all(|part| !part.is_empty())).then_some(length)
            }
        }
    }
}

fn exactly(text: &str, length: usize, allowed: impl Fn(u8) -> bool) -> Option<usize> {
    (text.bytes().take_while(|&byte| allowed(byte)).take(length).count() == length).then_some(length)
}

/// `x` in the shape is a lower-case hexadecimal digit, `0` a decimal one, anything else itself.
fn shaped(text: &str, shape: &str) -> Option<usize> {
    let fits = |(wanted, got): (u8, u8)| match wanted {
        b'x' => got.is_ascii_digit() || (b'a'..=b'f').contains(&got),
        b'0' => got.is_ascii_digit(),
        other => got == other,
    };
    (text.len() >= shape.len() && shape.bytes().zip(text.bytes()).all(fits)).then_some(shape.len())
}

#[test]
fn names_are_replaced_encoded_and_matched() {
    let mut names = Names::default();
    names.bind("<uuid:a>", "0123abcd-0000-4000-8000-000000000001");
    names.bind("<base>", "http://127.0.0.1:80");
    names.declare("<jwt:later>");
    let fill = |text: &str| names.fill(text).unwrap();

    assert_eq!(fill("<uuid-hex:a>!"), "0123abcd000040008000000000000001!");
    assert_eq!(fill("<uuid-upper:a>"), "0123ABCD-0000-4000-8000-000000000001");
    assert_eq!(fill("<repeat:b:4>@x <n@@x>"), "bbbb@x <n@@x>");
    assert_eq!(names.fill_url("/a?b=<base>").unwrap(), "/a?b=http%3A%2F%2F127.0.0.1%3A80");
    assert_eq!(names.fill("<jwt:later>").unwrap_err().0, "<jwt:later>");

    let matches = |expected: &str, got: &str| names.matches(expected, got).unwrap();
    assert!(matches("<base>/x?to=<base>", "http://127.0.0.1:80/x?to=http%3A%2F%2F127.0.0.1%3A80"));
    assert!(matches("c=<token>; Path=/", &format!("c={}; Path=/", "a".repeat(43))));
    assert!(!matches("c=<token>; Path=/", &format!("c={}; Path=/", "a".repeat(44))));
    assert!(matches("<timestamp>", "2026-01-02 03:04:05.000006"));
    assert!(!matches("<timestamp>", "2026-01-02 03:04:05"));
    assert!(!matches("<jwt>", "a.b"));
    assert!(matches("<jwt>", "a.b.c"));
    assert!(!matches("<uuid>", "0123ABCD-0000-4000-8000-000000000001"));
}
