//! The domain name after the @-sign.

use std::iter;

use icu_normalizer::uts46::Uts46MapperBorrowed;

use super::EmailError;
use super::characters::{check_unsafe, list_bad, quote};
use super::label::{to_ascii, to_unicode};
use super::local::check_dots;

/// The longest domain name that is mapped, in characters: work is bounded before any other check.
const MAX_MAPPED_CHARACTERS: usize = 1024;

/// The longest domain name and the longest label, in bytes of their ASCII form (RFC 1035 section 2.3.4).
const MAX_DOMAIN_BYTES: usize = 253;
const MAX_LABEL_BYTES: usize = 63;

/// Top-level names that have no mail: for private use, for examples, or resolved by other means than the DNS.
const SPECIAL_USE: [&str; 6] = ["arpa", "invalid", "local", "localhost", "onion", "test"];

/// A domain name in both of its forms.
#[derive(Debug)]
pub(super) struct Domain {
    /// For the DNS, with `xn--` labels.
    pub(super) ascii: String,
    /// To be shown and stored.
    pub(super) unicode: String,
}

/// Checks a domain name and gives its normal forms.
pub(super) fn normalize(original: &str) -> Result<Domain, EmailError> {
    if let Some(bad) = list_bad(original, is_host_character) {
        return Err(invalid(&format!("characters: {bad}.")));
    }
    check_unsafe(original, false)?;
    if let Some(bad) = list_bad(original, |c| !has_dot_inside(c)) {
        return Err(invalid(&format!("characters: {bad}.")));
    }

    let name = map(original).map_err(|error| invalid(&format!("characters ({error}).")))?;
    if let Some(bad) = list_bad(&name, is_host_character) {
        return Err(invalid(&format!("characters after Unicode normalization: {bad}.")));
    }
    check_hyphens_and_dots(&name)?;

    let ascii = if name.is_ascii() {
        name
    } else {
        join(name.split('.').map(to_ascii))
            .map_err(|error| EmailError::new(format!("The part after the @-sign is invalid ({error}).")))?
    };
    check_lengths(&ascii, original)?;
    check_top_level(&ascii)?;

    let unicode = join(ascii.split('.').map(to_unicode)).map_err(|error| {
        EmailError::new(format!("The part after the @-sign is not valid IDNA ({error})."))
    })?;
    // A label that came in its ASCII form may have hidden such characters from the first check.
    check_unsafe(&unicode, false)?;
    Ok(Domain { ascii, unicode })
}

fn invalid(what: &str) -> EmailError {
    EmailError::new(format!("The part after the @-sign contains invalid {what}"))
}

fn join(labels: impl Iterator<Item = Result<String, String>>) -> Result<String, String> {
    labels.collect::<Result<Vec<_>, _>>().map(|labels| labels.join("."))
}

fn is_host_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '-' || c == '.' || !c.is_ascii()
}

/// Whether a character is made of several with a period among them, such as `…` or `⒈`. The full-width period
/// is none of them: it separates labels.
fn has_dot_inside(c: char) -> bool {
    matches!(c, '․'..='…' | '⒈'..='⒛' | '㏂' | '㏇' | '㏘' | '﹒' | '🄀')
}

/// The mapping step of UTS #46: lower case, compatibility forms folded, NFC.
fn map(name: &str) -> Result<String, String> {
    if name.chars().count() > MAX_MAPPED_CHARACTERS {
        return Err("Domain too long".to_owned());
    }
    if name.is_ascii() {
        return Ok(name.to_ascii_lowercase());
    }
    let mapper = Uts46MapperBorrowed::new();
    let is_disallowed =
        |c| mapper.map_normalize(iter::once(c)).any(|mapped| mapped == char::REPLACEMENT_CHARACTER);
    if let Some((index, c)) = name.chars().enumerate().find(|(_, c)| is_disallowed(*c)) {
        let (code, position, name) = (u32::from(c), index + 1, quote(name));
        return Err(format!("Codepoint U+{code:04X} not allowed at position {position} in {name}"));
    }
    Ok(mapper.map_normalize(name.chars()).collect())
}

fn check_hyphens_and_dots(name: &str) -> Result<(), EmailError> {
    check_dots(name, "have a period immediately after the @-sign", "end with a period")?;
    let reason = if name.ends_with('-') {
        "An email address cannot end with a hyphen."
    } else if name.starts_with('-') {
        "An email address cannot have a hyphen immediately after the @-sign."
    } else if name.contains(".-") || name.contains("-.") {
        "An email address cannot have a period and a hyphen next to each other."
    } else if name.split('.').any(is_reserved_label) {
        "An email address cannot have two letters followed by two dashes immediately after the @-sign or after a \
         period, except Punycode."
    } else {
        return Ok(());
    };
    Err(EmailError::new(reason))
}

/// Whether a label has hyphens as its third and fourth character and yet is not Punycode (RFC 5890 section
/// 2.3.1).
fn is_reserved_label(label: &str) -> bool {
    let third = label.char_indices().nth(2).map_or("", |(position, _)| &label[position..]);
    third.starts_with("--") && !label.starts_with("xn")
}

fn check_lengths(ascii: &str, original: &str) -> Result<(), EmailError> {
    if let Some(excess) = ascii.len().checked_sub(MAX_DOMAIN_BYTES).filter(|excess| *excess > 0) {
        let plural = if excess > 1 { "s" } else { "" };
        let detail = if ascii == original {
            format!("{excess} character{plural} too many")
        } else {
            format!("{excess} byte{plural} too many after IDNA encoding")
        };
        return Err(EmailError::new(format!("The email address is too long after the @-sign ({detail}).")));
    }
    if let Some(label) = ascii.split('.').find(|label| label.len() > MAX_LABEL_BYTES) {
        let excess = label.len() - MAX_LABEL_BYTES;
        let plural = if excess > 1 { "s" } else { "" };
        return Err(EmailError::new(format!(
            "After the @-sign, periods cannot be separated by so many characters ({excess} character{plural} too many)."
        )));
    }
    Ok(())
}

fn check_top_level(ascii: &str) -> Result<(), EmailError> {
    let Some((_, top_level)) = ascii.rsplit_once('.') else {
        return Err(EmailError::new("The part after the @-sign is not valid. It should have a period."));
    };
    if !ascii.ends_with(|c: char| c.is_ascii_alphabetic()) {
        return Err(EmailError::new(
            "The part after the @-sign is not valid. It is not within a valid top-level domain.",
        ));
    }
    if SPECIAL_USE.contains(&top_level) {
        return Err(EmailError::new(
            "The part after the @-sign is a special-use or reserved name that cannot be used with email.",
        ));
    }
    Ok(())
}
