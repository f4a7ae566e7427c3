//! `[sessions]`: sessions as data.

use super::section::Section;

/// `[sessions]`: whether there are routes for them, and how many there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionsConfig {
    /// Whether users can list and end their sessions, and superusers everybody's.
    pub routes: bool,
    /// How many sessions a user may have at once; `None` is any number.
    pub max_per_user: Option<u32>,
}

impl Default for SessionsConfig {
    fn default() -> Self {
        Self { routes: true, max_per_user: None }
    }
}

pub(super) fn read(mut section: Section<'_>) -> SessionsConfig {
    let routes = section.boolean("routes").unwrap_or(SessionsConfig::default().routes);
    let max_per_user = section.small_integer("max_per_user", 1..=1000);
    section.finish();
    SessionsConfig { routes, max_per_user }
}
