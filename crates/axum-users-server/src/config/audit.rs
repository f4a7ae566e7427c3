//! `[audit]`: whether the audit trail is kept in the database, and for how long.

use super::section::Section;

/// `[audit]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditConfig {
    /// Whether the trail is kept in the database, beside the log.
    pub enabled: bool,
    /// How many days an entry is kept; `None` is for ever.
    pub retention_days: Option<u32>,
}

impl Default for AuditConfig {
    fn default() -> Self {
        Self { enabled: true, retention_days: Some(90) }
    }
}

pub(super) fn read(mut section: Section<'_>) -> AuditConfig {
    let default = AuditConfig::default();
    let enabled = section.boolean("enabled").unwrap_or(default.enabled);
    let days = section.small_integer("retention_days", 0..=36_500);
    let retention_days = days.map_or(default.retention_days, |days| (days > 0).then_some(days));
    section.finish();
    AuditConfig { enabled, retention_days }
}
