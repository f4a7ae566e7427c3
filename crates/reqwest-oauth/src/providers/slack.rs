//! Slack, by discovery.

use serde_json::Value;

use crate::provider::{Api, IdentityFuture, Pkce, Provider, ProviderData};

const DATA: ProviderData = ProviderData {
    color: "#4a154b",
    documentation: "https://docs.slack.dev/authentication/sign-in-with-slack/",
    scopes: Some(&["openid", "profile", "email"]),
    pkce: Pkce::Undocumented,
    ..ProviderData::discovered("slack", "Slack", "https://slack.com/.well-known/openid-configuration")
};

/// Sign in with Slack: <https://docs.slack.dev/authentication/sign-in-with-slack/>, profile by
/// <https://docs.slack.dev/reference/methods/openid.connect.userInfo>.
///
/// A user's id is unique within a workspace only, so the id has both: `T0R7GR-U0R7JM`.
#[derive(Debug, Default)]
pub struct Slack;

impl Provider for Slack {
    fn data(&self) -> &'static ProviderData {
        &DATA
    }

    fn identity<'a>(&'a self, api: &'a Api<'a>, profile: Value) -> IdentityFuture<'a> {
        Box::pin(async move {
            let workspace = profile[WORKSPACE].as_str().ok_or_else(|| api.missing(WORKSPACE))?.to_owned();
            let mut identity = api.read(profile)?;
            identity.id = format!("{workspace}-{}", identity.id);
            Ok(identity)
        })
    }
}

const WORKSPACE: &str = "https://slack.com/team_id";
