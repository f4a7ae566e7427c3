//! Labels of internationalised domain names: IDNA 2008 (RFC 5891 to RFC 5893).

use std::iter;

use icu_normalizer::ComposingNormalizerBorrowed;
use icu_normalizer::uts46::Uts46MapperBorrowed;
use icu_properties::CodePointMapData;
use icu_properties::props::{BidiClass, GeneralCategory, JoiningType, Script};
use idna::punycode;

use super::characters::{category, is_mark, quote};

/// The longest label that is looked at, in characters.
const MAX_CHECKED_CHARACTERS: usize = 254;

/// The longest label in ASCII form, in bytes.
const MAX_ASCII_BYTES: usize = 63;

/// The ASCII form of a label that was mapped by UTS #46.
pub(super) fn to_ascii(label: &str) -> Result<String, String> {
    let ascii = if label.is_ascii() {
        to_unicode(label)?;
        label.to_owned()
    } else {
        check(label)?;
        format!("xn--{}", punycode::encode_str(label).ok_or("Label too long")?)
    };
    if ascii.len() > MAX_ASCII_BYTES { Err("Label too long".to_owned()) } else { Ok(ascii) }
}

/// The Unicode form of a label in lower case ASCII. An `xn--` label must be the one that [`to_ascii`] makes.
pub(super) fn to_unicode(label: &str) -> Result<String, String> {
    let Some(encoded) = label.strip_prefix("xn--") else {
        check(label)?;
        return Ok(label.to_owned());
    };
    if encoded.is_empty() {
        return Err("Malformed A-label, no Punycode eligible content found".to_owned());
    }
    if encoded.ends_with('-') {
        return Err("A-label must not end with a hyphen".to_owned());
    }
    // A delimiter that delimits nothing is no error to Punycode; it is just not what an encoder writes.
    let digits = encoded.strip_prefix('-').filter(|rest| !rest.contains('-')).unwrap_or(encoded);
    let decoded = punycode::decode_to_string(digits).ok_or("Invalid A-label")?;
    if punycode::encode_str(&decoded).as_deref() != Some(encoded) {
        return Err("A-label is not the canonical Punycode encoding of its U-label".to_owned());
    }
    check(&decoded)?;
    Ok(decoded)
}

/// Checks a label in Unicode form (RFC 5891 section 4.2).
fn check(label: &str) -> Result<(), String> {
    let characters: Vec<char> = label.chars().collect();
    if characters.len() > MAX_CHECKED_CHARACTERS {
        return Err("Label too long".to_owned());
    }
    if !ComposingNormalizerBorrowed::new_nfc().is_normalized(label) {
        return Err("Label must be in Normalization Form C".to_owned());
    }
    if characters.get(2..4) == Some(&['-', '-']) {
        return Err("Label has disallowed hyphens in 3rd and 4th position".to_owned());
    }
    if label.starts_with('-') || label.ends_with('-') {
        return Err("Label must not start or end with a hyphen".to_owned());
    }
    if characters.first().is_some_and(|c| is_mark(*c)) {
        return Err("Label begins with an illegal combining character".to_owned());
    }
    for (index, c) in characters.iter().enumerate() {
        let code = u32::from(*c);
        let position = index + 1;
        match permission(*c) {
            Permission::Always => {}
            Permission::InContext if fits_context(&characters, index) => {}
            Permission::InContext => {
                let what = if matches!(c, '\u{200c}' | '\u{200d}') { "Joiner" } else { "Codepoint" };
                let label = quote(label);
                return Err(format!("{what} U+{code:04X} not allowed at position {position} in {label}"));
            }
            Permission::Never => {
                let label = quote(label);
                return Err(format!("Codepoint U+{code:04X} at position {position} of {label} not allowed"));
            }
        }
    }
    check_direction(label, &characters)
}

/// Whether RFC 5892 permits a character in a label.
enum Permission {
    Always,
    InContext,
    Never,
}

/// The property that RFC 5892 section 3 derives.
fn permission(c: char) -> Permission {
    match c {
        'a'..='z' | '0'..='9' | '-' => Permission::Always,
        // Appendix A: by context.
        '\u{200c}' | '\u{200d}' | '·' | '\u{375}' | '\u{5f3}' | '\u{5f4}' | '・' => Permission::InContext,
        '\u{660}'..='\u{669}' | '\u{6f0}'..='\u{6f9}' => Permission::InContext,
        // Section 2.6: exceptions in both directions.
        'ß' | 'ς' | '\u{6fd}' | '\u{6fe}' | '\u{f0b}' | '〇' => Permission::Always,
        '\u{640}' | '\u{7fa}' | '\u{302e}' | '\u{302f}' | '〱'..='〵' | '〻' => Permission::Never,
        // Section 2.9: letters of old Hangul, which are parts of a syllable.
        '\u{1100}'..='\u{11ff}' | '\u{a960}'..='\u{a97f}' | '\u{d7b0}'..='\u{d7ff}' => Permission::Never,
        // Section 2.4: marks for symbols and musical notation.
        '\u{20d0}'..='\u{20ff}' | '\u{1d100}'..='\u{1d24f}' => Permission::Never,
        // Sections 2.1 and 2.2: letters, marks and digits that no mapping changes.
        _ if is_letter_digit(c) && is_stable(c) => Permission::Always,
        _ => Permission::Never,
    }
}

fn is_letter_digit(c: char) -> bool {
    matches!(
        category(c),
        GeneralCategory::LowercaseLetter
            | GeneralCategory::UppercaseLetter
            | GeneralCategory::OtherLetter
            | GeneralCategory::DecimalNumber
            | GeneralCategory::ModifierLetter
            | GeneralCategory::NonspacingMark
            | GeneralCategory::SpacingMark
    )
}

fn is_stable(c: char) -> bool {
    Uts46MapperBorrowed::new().map_normalize(iter::once(c)).eq(iter::once(c))
}

/// The rules of RFC 5892 appendix A, for the character at `index`.
fn fits_context(label: &[char], index: usize) -> bool {
    let before = index.checked_sub(1).map(|index| label[index]);
    let after = label.get(index + 1).copied();
    let has_script = |c: char, script| CodePointMapData::<Script>::new().get(c) == script;
    match label[index] {
        '\u{200c}' => before.is_some_and(is_virama) || joins_on_both_sides(label, index),
        '\u{200d}' => before.is_some_and(is_virama),
        '·' => before == Some('l') && after == Some('l'),
        '\u{375}' => after.is_some_and(|c| has_script(c, Script::Greek)),
        '\u{5f3}' | '\u{5f4}' => before.is_some_and(|c| has_script(c, Script::Hebrew)),
        '・' => label.iter().any(|c| {
            [Script::Hiragana, Script::Katakana, Script::Han].iter().any(|script| has_script(*c, *script))
        }),
        // Two sets of Arabic digits, which must not be mixed.
        '\u{660}'..='\u{669}' => !label.iter().any(|c| matches!(c, '\u{6f0}'..='\u{6f9}')),
        '\u{6f0}'..='\u{6f9}' => !label.iter().any(|c| matches!(c, '\u{660}'..='\u{669}')),
        _ => false,
    }
}

fn is_virama(c: char) -> bool {
    Uts46MapperBorrowed::new().is_virama(c)
}

/// Whether the letters around a zero-width non-joiner would join without it.
fn joins_on_both_sides(label: &[char], index: usize) -> bool {
    let joining = |c: &char| CodePointMapData::<JoiningType>::new().get(*c);
    let is_seen = |joining: &JoiningType| *joining != JoiningType::Transparent;
    let before = label[..index].iter().rev().map(joining).find(is_seen);
    let after = label[index + 1..].iter().map(joining).find(is_seen);
    matches!(before, Some(JoiningType::LeftJoining | JoiningType::DualJoining))
        && matches!(after, Some(JoiningType::RightJoining | JoiningType::DualJoining))
}

/// The Bidi rule (RFC 5893 section 2), for labels with a character that is written from right to left.
fn check_direction(label: &str, characters: &[char]) -> Result<(), String> {
    use BidiClass as B;
    let classes: Vec<B> = characters.iter().map(|c| CodePointMapData::<B>::new().get(*c)).collect();
    if !classes.iter().any(|class| matches!(*class, B::RightToLeft | B::ArabicLetter | B::ArabicNumber)) {
        return Ok(());
    }
    let right_to_left = match classes[0] {
        B::RightToLeft | B::ArabicLetter => true,
        B::LeftToRight => false,
        _ => {
            let label = quote(label);
            return Err(format!("First codepoint in label {label} must be directionality L, R or AL"));
        }
    };

    let mut number = None;
    for (index, class) in classes.iter().enumerate() {
        if !is_allowed(*class, right_to_left) {
            let position = index + 1;
            let label = if right_to_left { "right-to-left label" } else { "left-to-right label" };
            return Err(format!("Invalid direction for codepoint at position {position} in a {label}"));
        }
        if right_to_left
            && matches!(*class, B::ArabicNumber | B::EuropeanNumber)
            && *number.get_or_insert(*class) != *class
        {
            return Err("Can not mix numeral types in a right-to-left label".to_owned());
        }
    }

    let is_good_end = match classes.iter().rev().find(|class| **class != B::NonspacingMark) {
        Some(&(B::RightToLeft | B::ArabicLetter | B::ArabicNumber)) => right_to_left,
        Some(&B::LeftToRight) => !right_to_left,
        Some(&B::EuropeanNumber) => true,
        _ => false,
    };
    if is_good_end { Ok(()) } else { Err("Label ends with illegal codepoint directionality".to_owned()) }
}

/// Rules 2 and 5: what a label of one direction may have.
fn is_allowed(class: BidiClass, right_to_left: bool) -> bool {
    use BidiClass as B;
    match class {
        B::RightToLeft | B::ArabicLetter | B::ArabicNumber => right_to_left,
        B::LeftToRight => !right_to_left,
        B::EuropeanNumber
        | B::EuropeanSeparator
        | B::CommonSeparator
        | B::EuropeanTerminator
        | B::OtherNeutral
        | B::BoundaryNeutral
        | B::NonspacingMark => true,
        _ => false,
    }
}
