//! GitLab, by discovery.

use crate::provider::{Provider, ProviderData};

const DATA: ProviderData = ProviderData {
    color: "#fc6d26",
    documentation: "https://docs.gitlab.com/integration/openid_connect_provider/",
    has_refresh_tokens: true,
    ..ProviderData::discovered("gitlab", "GitLab", "https://gitlab.com/.well-known/openid-configuration")
};

/// GitLab: <https://docs.gitlab.com/integration/openid_connect_provider/>. An installation of one's own is a client
/// with `.base_url("https://gitlab.example.com")`.
#[derive(Debug, Default)]
pub struct GitLab;

impl Provider for GitLab {
    fn data(&self) -> &'static ProviderData {
        &DATA
    }
}
