//! E-mail addresses: which are accepted, and the form that is stored and shown.
//!
//! The rules and the texts of the reasons are those of pydantic's `EmailStr` with `email-validator`, without
//! a look-up in the DNS. In short: RFC 5322 dot-atoms with the letters of RFC 6531 before the @-sign, IDNA
//! 2008 after it, no quotes, no bracketed addresses, and no names that can have no mail (RFC 6761, RFC 6762,
//! RFC 7686).

mod characters;
mod domain;
mod label;
mod literal;
mod local;
mod split;

use std::borrow::Cow;

use characters::is_space;

/// The longest text that is looked at, in characters.
const MAX_INPUT_CHARACTERS: usize = 2048;

/// The longest address, in bytes (RFC 5321 section 4.5.3.1.3, RFC 3696 erratum 1690).
const MAX_ADDRESS_BYTES: usize = 254;

/// Why a text is not an e-mail address.
///
/// ```
/// let error = axum_users::normalize_email("ada@").unwrap_err();
/// assert_eq!(error.reason(), "There must be something after the @-sign.");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct EmailError {
    reason: Cow<'static, str>,
}

impl EmailError {
    fn new(reason: impl Into<Cow<'static, str>>) -> Self {
        Self { reason: reason.into() }
    }

    /// The reason, one English sentence, as it stands in the `ctx` of a 422 answer.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

/// Checks an e-mail address and gives its normal form.
///
/// Space around the address goes, and `Name <a@example.com>` is reduced to the address. The part before the
/// @-sign keeps its case and is brought into Unicode form NFC; only the mailbox names of RFC 2142 (`Info`,
/// `POSTMASTER`) become lower case. The domain becomes lower case and has its Unicode form:
/// `xn--mnchen-3ya.de` is `münchen.de`. Normalising a normal form changes nothing.
///
/// ```
/// # use axum_users::normalize_email;
/// assert_eq!(normalize_email("Ada <Ada@EXAMPLE.com>").as_deref(), Ok("Ada@example.com"));
/// assert_eq!(normalize_email("ada").unwrap_err().reason(), "An email address must have an @-sign.");
/// ```
///
/// # Errors
/// When the text is no address, with the first reason found.
pub fn normalize_email(text: &str) -> Result<String, EmailError> {
    if text.chars().count() > MAX_INPUT_CHARACTERS {
        return Err(EmailError::new("Length must not exceed 2048 characters"));
    }
    if text.contains(['\r', '\n']) {
        return Err(EmailError::new("Carriage return and line feed characters are not allowed"));
    }

    let parts = split::split(address_of_mailbox(text).unwrap_or(text).trim_matches(is_space))?;
    let local = local::normalize(&parts.local, parts.is_local_quoted)?;
    let domain = match parts.domain {
        "" => return Err(EmailError::new("There must be something after the @-sign.")),
        bracketed if bracketed.starts_with('[') && bracketed.ends_with(']') => {
            return Err(literal::refuse(&bracketed[1..bracketed.len() - 1]));
        }
        name => domain::normalize(name)?,
    };

    let normalized = format!("{local}@{}", domain.unicode);
    check_length(&format!("{}@{}", parts.local, parts.domain), None)?;
    check_length(&normalized, Some("after normalization"))?;
    let ascii = format!("{local}@{}", domain.ascii);
    check_length(&ascii, Some("when the part after the @-sign is converted to IDNA ASCII"))?;

    // What is permitted only by an option is refused last, so that a true mistake is named before it.
    if parts.has_angle_brackets {
        return Err(EmailError::new(
            "A display name and angle brackets around the email address are not permitted here.",
        ));
    }
    Ok(normalized)
}

/// The text between the angle brackets of `<a@x.com>`, `Some Name <a@x.com>` or `"Any name" <a@x.com>`.
fn address_of_mailbox(text: &str) -> Option<&str> {
    let text = text.trim_matches(is_space);
    let after_name = match text.strip_prefix('"') {
        // The name ends at the last quote that has an address behind it, and is not empty.
        Some(quoted) => quoted
            .rmatch_indices('"')
            .filter(|(position, _)| *position > 0)
            .map(|(position, _)| quoted[position + 1..].trim_start_matches(is_space))
            .find(|rest| rest.starts_with('<') && rest.len() > 2)?,
        None => text.trim_start_matches(|c| is_name_character(c) || is_space(c)),
    };
    after_name.strip_prefix('<')?.strip_suffix('>').filter(|address| !address.is_empty())
}

/// What a name without quotes may have, beside space.
fn is_name_character(c: char) -> bool {
    c == '.' || if c.is_ascii() { local::is_atom_text(c) } else { characters::is_letter_or_number(c) }
}

/// Refuses an address longer than [`MAX_ADDRESS_BYTES`]. `form` says which form of the address was too long,
/// when it is not the one that was given.
fn check_length(address: &str, form: Option<&str>) -> Result<(), EmailError> {
    let Some(excess) = address.len().checked_sub(MAX_ADDRESS_BYTES).filter(|excess| *excess > 0) else {
        return Ok(());
    };
    let plural = if excess > 1 { "s" } else { "" };
    let detail = match form {
        Some(form) => format!("{form} ({excess} byte{plural} too many)"),
        None => {
            // How many characters have to go depends on which: at least this many, if the widest ones go.
            let widest = address.chars().map(char::len_utf8).max().unwrap_or(1);
            let least = (excess / widest).max(1);
            let range = if least == excess { String::new() } else { format!("{least}-") };
            format!("({range}{excess} character{plural} too many)")
        }
    };
    Err(EmailError::new(format!("The email address is too long {detail}.")))
}

#[cfg(test)]
mod tests;
