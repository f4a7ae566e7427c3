//! The code blocks of the project's pages.

use std::fs;
use std::path::{Path, PathBuf};

/// A fenced block of a page.
#[derive(Clone, Debug)]
pub(crate) struct Block {
    /// The page, from the repository's root: `docs/tutorial.md`.
    pub(crate) page: String,
    /// The line of its opening fence, from 1.
    pub(crate) line: usize,
    /// What stands behind the fence, up to a comma: `rust`.
    pub(crate) language: String,
    /// What is between the fences, with the indentation of the fence taken away.
    pub(crate) text: String,
}

impl Block {
    /// Where it is, for a message.
    pub(crate) fn place(&self) -> String {
        format!("{}:{}", self.page, self.line)
    }
}

/// The repository's root; every crate and every example is two folders below it.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The text of a page.
pub(crate) fn text(page: &str) -> String {
    fs::read_to_string(root().join(page)).unwrap_or_else(|error| panic!("{page}: {error}"))
}

/// The blocks of a page, in order.
pub(crate) fn blocks(page: &str) -> Vec<Block> {
    let text = text(page);
    let mut lines = text.lines().enumerate();
    let mut blocks = Vec::new();
    while let Some((index, line)) = lines.next() {
        let Some(kind) = line.trim_start().strip_prefix("```") else { continue };
        let indentation = line.len() - line.trim_start().len();
        let within = lines.by_ref().map(|(_, line)| line).take_while(|line| line.trim() != "```");
        let within: Vec<&str> = within.map(|line| line.get(indentation..).unwrap_or_default()).collect();
        blocks.push(Block {
            page: page.to_owned(),
            line: index + 1,
            language: kind.split(',').next().unwrap_or_default().to_owned(),
            text: within.join("\n") + "\n",
        });
    }
    blocks
}

/// The blocks of a page that are written in this language.
pub(crate) fn blocks_in(page: &str, language: &str) -> Vec<Block> {
    blocks(page).into_iter().filter(|block| block.language == language).collect()
}
