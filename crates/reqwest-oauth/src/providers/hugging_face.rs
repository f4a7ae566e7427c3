//! Hugging Face, by discovery.

use crate::provider::{Provider, ProviderData};

const DATA: ProviderData = ProviderData {
    color: "#ff9d00",
    documentation: "https://huggingface.co/docs/hub/oauth",
    ..ProviderData::discovered(
        "huggingface",
        "Hugging Face",
        "https://huggingface.co/.well-known/openid-configuration",
    )
};

/// Hugging Face: <https://huggingface.co/docs/hub/oauth>.
#[derive(Debug, Default)]
pub struct HuggingFace;

impl Provider for HuggingFace {
    fn data(&self) -> &'static ProviderData {
        &DATA
    }
}
