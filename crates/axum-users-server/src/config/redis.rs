//! `[redis]`: where the sessions of backends with `strategy = "redis"` are kept, and limits are counted.

use axum_users::RedisTokens;
use secrecy::SecretString;

use super::{backend::BackendConfig, backend::StrategyConfig, section::Section};

/// The URL, which is there where a backend needs it.
pub(super) fn read(mut section: Section<'_>, backends: Option<&[BackendConfig]>) -> Option<SecretString> {
    let url = section.parse("url", parse_url);
    let is_needed = backends
        .unwrap_or_default()
        .iter()
        .any(|backend| matches!(backend.strategy, StrategyConfig::Redis { .. }));
    if is_needed && url.is_none() {
        section.missing(
            "url",
            "one such as \"redis://127.0.0.1:6379\", since a backend has strategy = \"redis\"",
        );
    }
    section.finish();
    url
}

/// The URL may hold a password: it is not shown.
fn parse_url(text: &str) -> Result<SecretString, String> {
    RedisTokens::new(text).map(|_| SecretString::from(text)).map_err(|error| error.to_string())
}
