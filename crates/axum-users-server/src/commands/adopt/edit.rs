//! Changes to a configuration file that leave the rest of it as it was written.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use toml_edit::{DocumentMut, Item, Value};

use crate::{
    config::{self, Config},
    files,
};

/// A file with `compat.side_by_side` ended.
#[derive(Debug)]
pub(super) struct Edit {
    path: PathBuf,
    text: String,
}

impl Edit {
    /// The file as it is to be. `None` where it says nothing of the kind.
    pub(super) fn of(path: &Path) -> anyhow::Result<Option<Self>> {
        // A link stays one: what it leads to is changed.
        let path = path.canonicalize().with_context(|| format!("{} cannot be found", path.display()))?;
        let text =
            std::fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))?;
        let Some(text) = without_side_by_side(&text)? else { return Ok(None) };
        // An editor that breaks a file would be worse than none.
        if Config::from_parts(Some((path.as_path(), text.as_str())), &config::variables())?.side_by_side {
            bail!(
                "the environment variable AXUM_USERS__COMPAT__SIDE_BY_SIDE says that Python is there: take it out \
                 wherever it is set, then run this again"
            );
        }
        Ok(Some(Self { path, text }))
    }

    /// Writes the file: all of it, or nothing.
    pub(super) fn write(self) -> anyhow::Result<()> {
        let Self { path, text } = self;
        files::replace(&path, &text).with_context(|| format!("{} cannot be written", path.display()))
    }
}

/// The text with the key set to false; comments stay. `None` where it is not true.
fn without_side_by_side(text: &str) -> anyhow::Result<Option<String>> {
    let mut document: DocumentMut = text.parse().context("the configuration is not TOML")?;
    let item = document.get_mut("compat").and_then(|compat| compat.get_mut("side_by_side"));
    let Some(Item::Value(value)) = item else { return Ok(None) };
    if value.as_bool() != Some(true) {
        return Ok(None);
    }
    let decor = value.decor().clone();
    *value = Value::from(false);
    *value.decor_mut() = decor;
    Ok(Some(document.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_changed_wherever_it_stands_and_nothing_else() {
        for (before, after) in [
            (
                "# mine\nsecret = 'x' # old\n\n[compat] # a table\n# why\nside_by_side = true   # Python!\n\n[http]\n",
                "# mine\nsecret = 'x' # old\n\n[compat] # a table\n# why\nside_by_side = false   # Python!\n\n[http]\n",
            ),
            (
                "compat = { side_by_side = true } # in a line\n",
                "compat = { side_by_side = false } # in a line\n",
            ),
            ("compat.side_by_side=true\n", "compat.side_by_side=false\n"),
        ] {
            assert_eq!(without_side_by_side(before).unwrap().as_deref(), Some(after));
        }
    }

    #[test]
    fn a_file_that_says_nothing_of_it_is_left_alone() {
        for text in ["", "[compat]\n", "[compat]\nside_by_side = false\n", "secret = 'side_by_side = true'\n"]
        {
            assert_eq!(without_side_by_side(text).unwrap(), None, "{text}");
        }
    }
}
