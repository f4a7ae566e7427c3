//! Errors as sentences for people.

use std::error::Error;

/// An error and its causes in one line. A cause that its effect has quoted already is left out.
pub(crate) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_told_once() {
        let error = anyhow::anyhow!("no such table")
            .context("the query failed")
            .context("the query failed: no such table");
        assert_eq!(chain(error.as_ref()), "the query failed: no such table");
        let error = anyhow::anyhow!("no such table").context("the query failed");
        assert_eq!(chain(error.as_ref()), "the query failed: no such table");
    }
}
