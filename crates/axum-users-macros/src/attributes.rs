//! What both derives need to read attributes and to tell about several mistakes at once.

use std::fmt::Display;

use syn::{Attribute, Error, Path, Result, meta::ParseNestedMeta, parse_quote};

/// Reads every `#[attribute(…)]` entry by entry.
pub(crate) fn parse(
    attributes: &[Attribute],
    attribute: &str,
    mut entry: impl FnMut(ParseNestedMeta<'_>) -> Result<()>,
) -> Result<()> {
    attributes
        .iter()
        .filter(|candidate| candidate.path().is_ident(attribute))
        .try_for_each(|found| found.parse_nested_meta(&mut entry))
}

/// The error for an entry that is none of `known`.
pub(crate) fn unknown(meta: &ParseNestedMeta<'_>, known: &[&str]) -> Error {
    let given = meta.path.get_ident().map(ToString::to_string).unwrap_or_default();
    meta.error(format!("unknown attribute `{given}`; known here: {}", listed(known)))
}

/// Fills a slot, unless it was filled before.
pub(crate) fn set_once<T>(slot: &mut Option<T>, value: T, meta: &ParseNestedMeta<'_>) -> Result<()> {
    if slot.is_some() {
        let given = meta.path.get_ident().map(ToString::to_string).unwrap_or_default();
        return Err(meta.error(format!("`{given}` is given twice")));
    }
    *slot = Some(value);
    Ok(())
}

/// The value of a `crate = path` entry.
pub(crate) fn parse_crate(meta: &ParseNestedMeta<'_>) -> Result<Path> {
    meta.value()?.call(Path::parse_mod_style)
}

/// Where the library is when nothing else is said.
pub(crate) fn default_crate() -> Path {
    parse_quote!(::axum_users)
}

/// "`a`, `b` and `c`".
pub(crate) fn listed(items: &[impl Display]) -> String {
    let mut text = String::new();
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            text.push_str(if index + 1 == items.len() { " and " } else { ", " });
        }
        text.push_str(&format!("`{item}`"));
    }
    text
}

/// Mistakes gathered on the way, so that one build shows them all.
#[derive(Default)]
pub(crate) struct Mistakes(Option<Error>);

impl Mistakes {
    /// The value of a step that went well; otherwise its error is kept.
    pub(crate) fn keep<T>(&mut self, result: Result<T>) -> Option<T> {
        result.map_err(|error| self.push(error)).ok()
    }

    /// Adds a mistake.
    pub(crate) fn push(&mut self, error: Error) {
        match &mut self.0 {
            Some(first) => first.combine(error),
            None => self.0 = Some(error),
        }
    }

    /// All mistakes as one error.
    pub(crate) fn finish(self) -> Result<()> {
        self.0.map_or(Ok(()), Err)
    }
}
