//! What the rules need to know about characters, and how a reason shows one.

use std::collections::{BTreeSet, HashMap};
use std::sync::LazyLock;

use icu_properties::CodePointMapData;
use icu_properties::props::{GeneralCategory, GeneralCategoryGroup as Group};

use super::EmailError;

/// The names of the marks, separators and format characters of Unicode 14 (the original's version), from the
/// Unicode Character Database: a code point in hexadecimal and its name on each line. [`numbered_name`] has the
/// rest.
static NAMES: LazyLock<HashMap<u32, &str>> = LazyLock::new(|| {
    let entries = include_str!("character_names.txt").lines().filter_map(|line| line.split_once(' '));
    entries.filter_map(|(code, name)| Some((u32::from_str_radix(code, 16).ok()?, name))).collect()
});

/// Letters, numbers, punctuation and symbols: they can be seen, and stand for themselves in a reason.
const VISIBLE: Group = Group::Letter.union(Group::Number).union(Group::Punctuation).union(Group::Symbol);

/// The general category of a character.
pub(super) fn category(c: char) -> GeneralCategory {
    CodePointMapData::<GeneralCategory>::new().get(c)
}

/// Whether a character is space in the sense of Python: Unicode's white space and the ASCII separators.
pub(super) fn is_space(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{1c}'..='\u{1f}')
}

/// Whether a character is a letter or a number of any script.
pub(super) fn is_letter_or_number(c: char) -> bool {
    Group::Letter.union(Group::Number).contains(category(c))
}

/// Whether a character is a mark, which joins the character before it.
pub(super) fn is_mark(c: char) -> bool {
    Group::Mark.contains(category(c))
}

/// How a reason shows a character: in quotes, or by its name when it cannot be seen, or by number when it has
/// none.
pub(super) fn show(c: char) -> String {
    if c == '\\' {
        return r#""\""#.to_owned();
    }
    if VISIBLE.contains(category(c)) {
        return quote(c.encode_utf8(&mut [0; 4]));
    }
    name(c).unwrap_or_else(|| {
        let code = u32::from(c);
        if code < 0xffff { format!("U+{code:04X}") } else { format!("U+{code:08X}") }
    })
}

/// The distinct characters that do not satisfy `is_good`, as a reason lists them: sorted by how they are shown.
/// None when all do.
pub(super) fn list_bad(text: &str, is_good: impl Fn(char) -> bool) -> Option<String> {
    let bad: BTreeSet<char> = text.chars().filter(|c| !is_good(*c)).collect();
    let mut shown: Vec<String> = bad.into_iter().map(show).collect();
    shown.sort_unstable();
    (!shown.is_empty()).then(|| shown.join(", "))
}

/// Refuses what cannot be seen or would change the text around it: control, format and private characters,
/// spaces (unless `allow_space`), and a mark at the start.
pub(super) fn check_unsafe(text: &str, allow_space: bool) -> Result<(), EmailError> {
    if text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(());
    }
    let is_safe = |(index, c): (usize, char)| match category(c) {
        visible if VISIBLE.contains(visible) => true,
        mark if Group::Mark.contains(mark) => index > 0,
        GeneralCategory::SpaceSeparator => allow_space,
        _ => false,
    };
    let unsafe_characters: BTreeSet<char> =
        text.char_indices().filter(|item| !is_safe(*item)).map(|(_, c)| c).collect();
    if unsafe_characters.is_empty() {
        return Ok(());
    }
    let shown: Vec<String> = unsafe_characters.into_iter().map(show).collect();
    Err(EmailError::new(format!("The email address contains unsafe characters: {}.", shown.join(", "))))
}

/// A text in quotes, with what cannot be printed escaped, as Python's `repr` has it.
pub(super) fn quote(text: &str) -> String {
    let mark = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut quoted = String::from(mark);
    for c in text.chars() {
        let code = u32::from(c);
        match c {
            '\\' => quoted.push_str(r"\\"),
            '\t' => quoted.push_str(r"\t"),
            _ if c == mark => quoted.extend(['\\', c]),
            _ if c == ' ' || VISIBLE.union(Group::Mark).contains(category(c)) => quoted.push(c),
            _ if code <= 0xff => quoted.push_str(&format!(r"\x{code:02x}")),
            _ if code <= 0xffff => quoted.push_str(&format!(r"\u{code:04x}")),
            _ => quoted.push_str(&format!(r"\U{code:08x}")),
        }
    }
    quoted.push(mark);
    quoted
}

/// The Unicode name of a mark, separator or format character.
fn name(c: char) -> Option<String> {
    numbered_name(c).or_else(|| NAMES.get(&u32::from(c)).map(|name| (*name).to_owned()))
}

/// The name of a variation selector.
fn numbered_name(c: char) -> Option<String> {
    let number = match c {
        '\u{fe00}'..='\u{fe0f}' => u32::from(c) - 0xfe00 + 1,
        '\u{e0100}'..='\u{e01ef}' => u32::from(c) - 0xe0100 + 17,
        _ => return None,
    };
    Some(format!("VARIATION SELECTOR-{number}"))
}
