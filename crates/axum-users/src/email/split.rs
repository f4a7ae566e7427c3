//! Splitting a text into display name, the part before the @-sign, and the domain.

use std::borrow::Cow;

use icu_normalizer::ComposingNormalizerBorrowed;

use super::EmailError;
use super::characters::{check_unsafe, is_space, list_bad, show};
use super::local::is_atom_text;

/// How far to look for marks that join a character. UAX #15 allows 30 in a stream-safe text; a bound keeps
/// the work on hostile text linear.
const LONGEST_MARKED_CHARACTER: usize = 32;

/// The parts of an address, not yet checked.
#[derive(Debug)]
pub(super) struct Parts<'a> {
    /// The part before the @-sign, without quotes and escapes.
    pub(super) local: Cow<'a, str>,
    /// Whether the part before the @-sign was in quotes.
    pub(super) is_local_quoted: bool,
    /// The part after the @-sign.
    pub(super) domain: &'a str,
    /// Whether the address was in angle brackets, with or without a name before them.
    pub(super) has_angle_brackets: bool,
}

/// Splits a text at its first @-sign outside quotes; a name and angle brackets around the address go (and are
/// refused by the caller).
pub(super) fn split(text: &str) -> Result<Parts<'_>, EmailError> {
    let (left, right) = split_at_special(text, &['@', '<'])?;
    let (local, domain, has_angle_brackets) = if right.starts_with('<') {
        check_display_name(left.trim_end_matches(is_space))?;
        let (local, domain) = split_at_special(inside_angle_brackets(right)?, &['@'])?;
        (local, domain, true)
    } else {
        (left, right, false)
    };
    let (local, is_local_quoted) = unquote(local)?;
    Ok(Parts {
        local,
        is_local_quoted,
        domain: domain.strip_prefix('@').unwrap_or(domain),
        has_angle_brackets,
    })
}

/// Splits before the first of `specials` that is outside quotes and has no combining mark on it: `<` and
/// U+0338 together are one character, `≮`.
fn split_at_special<'a>(text: &'a str, specials: &[char]) -> Result<(&'a str, &'a str), EmailError> {
    let mut in_quotes = false;
    let mut escaped = false;
    for (position, c) in text.char_indices() {
        // Of all that is looked at below, only `<` can be composed, and only the end of an escape asks for
        // more.
        if (c == '<' || escaped) && is_composed(&text[position..]) {
            continue;
        }
        if in_quotes {
            in_quotes = c != '"' || escaped;
            escaped = c == '\\' && !escaped;
        } else if c == '"' {
            in_quotes = true;
        } else if specials.contains(&c) {
            return Ok(text.split_at(position));
        }
    }
    Err(EmailError::new(if text.contains('＠') {
        r#"The email address has the "full-width" at-sign (@) character instead of a regular at-sign."#
    } else if text.contains('﹫') {
        r#"The email address has the "small commercial at" character instead of a regular at-sign."#
    } else {
        "An email address must have an @-sign."
    }))
}

/// Whether the first character is another one in NFC, alone or with what follows.
fn is_composed(text: &str) -> bool {
    let start = text.chars().take(LONGEST_MARKED_CHARACTER);
    ComposingNormalizerBorrowed::new_nfc().normalize_iter(start).next() != text.chars().next()
}

/// What stands inside the angle brackets at the end of a text.
fn inside_angle_brackets(text: &str) -> Result<&str, EmailError> {
    if !text.contains('>') {
        return Err(EmailError::new(
            "An open angle bracket at the start of the email address has to be followed by a close angle bracket \
             at the end.",
        ));
    }
    let text = text.trim_end_matches(' ');
    if !text.ends_with('>') {
        return Err(EmailError::new("There can't be anything after the email address."));
    }
    Ok(text[1..].trim_end_matches('>'))
}

fn check_display_name(name: &str) -> Result<(), EmailError> {
    let (name, quoted) = unquote(name)?;
    if !quoted && let Some(bad) = list_bad(&name, |c| is_atom_text(c) || c == ' ') {
        return Err(EmailError::new(format!(
            "The display name contains invalid characters when not quoted: {bad}."
        )));
    }
    check_unsafe(&name, true)
}

/// Takes away quotes and escapes, and says whether there were quotes.
fn unquote(text: &str) -> Result<(Cow<'_, str>, bool), EmailError> {
    let Some(quoted) = text.strip_prefix('"') else { return Ok((Cow::Borrowed(text), false)) };
    let mut value = String::with_capacity(quoted.len());
    let mut characters = quoted.chars();
    while let Some(c) = characters.next() {
        match c {
            '\\' => value.extend(characters.next()),
            '"' => break,
            _ => value.push(c),
        }
    }
    if characters.as_str().is_empty() {
        return Ok((Cow::Owned(value), true));
    }
    let extra: Vec<String> = characters.map(show).collect();
    Err(EmailError::new(format!("Extra character(s) found after close quote: {}", extra.join(", "))))
}
