//! The part before the @-sign.

use icu_normalizer::ComposingNormalizerBorrowed;

use super::EmailError;
use super::characters::{check_unsafe, list_bad};

/// Mailbox names that mean the same in any case (RFC 2142).
const ROLE_NAMES: [&str; 15] = [
    "info",
    "marketing",
    "sales",
    "support",
    "abuse",
    "noc",
    "security",
    "postmaster",
    "hostmaster",
    "usenet",
    "news",
    "webmaster",
    "www",
    "uucp",
    "ftp",
];

/// Whether a character is ASCII `atext` (RFC 5322 section 3.2.3), which has no period.
pub(super) fn is_atom_text(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c)
}

/// Checks the part before the @-sign and gives its normal form: NFC, and lower case for role names.
pub(super) fn normalize(local: &str, is_quoted: bool) -> Result<String, EmailError> {
    check(local, is_quoted)?;
    if is_quoted {
        return Err(EmailError::new("Quoting the part before the @-sign is not allowed here."));
    }
    let mut normalized = ComposingNormalizerBorrowed::new_nfc().normalize(local).into_owned();
    // Some characters have an ASCII character as their normal form, such as the Greek question mark a
    // semicolon.
    if normalized != local {
        check(&normalized, false)
            .map_err(|error| EmailError::new(format!("After Unicode normalization: {}", error.reason())))?;
    }
    if ROLE_NAMES.iter().any(|name| name.eq_ignore_ascii_case(&normalized)) {
        normalized.make_ascii_lowercase();
    }
    Ok(normalized)
}

fn check(local: &str, is_quoted: bool) -> Result<(), EmailError> {
    if local.is_empty() {
        return Err(EmailError::new("There must be something before the @-sign."));
    }
    let bad = list_bad(local, |c| c == '.' || is_atom_text(c) || !c.is_ascii());
    let dots = check_dots(local, "start with a period", "have a period immediately before the @-sign");
    if bad.is_none() && dots.is_ok() {
        return check_unsafe(local, false);
    }
    if is_quoted {
        if let Some(bad) = list_bad(local, |c| !c.is_ascii_control()) {
            return Err(EmailError::new(format!(
                "The email address contains invalid characters in quotes before the @-sign: {bad}."
            )));
        }
        return check_unsafe(local, true);
    }
    match bad {
        Some(bad) => Err(EmailError::new(format!(
            "The email address contains invalid characters before the @-sign: {bad}."
        ))),
        None => dots,
    }
}

/// Refuses periods at the edges and side by side. `at_start` and `at_end` complete the sentence "An email
/// address cannot …".
pub(super) fn check_dots(part: &str, at_start: &str, at_end: &str) -> Result<(), EmailError> {
    if part.ends_with('.') {
        return Err(EmailError::new(format!("An email address cannot {at_end}.")));
    }
    if part.starts_with('.') {
        return Err(EmailError::new(format!("An email address cannot {at_start}.")));
    }
    if part.contains("..") {
        return Err(EmailError::new("An email address cannot have two periods in a row."));
    }
    Ok(())
}
