//! What the log warns of at the start: what works, but is less safe than it could be, or is likely not what was meant.

use std::{net::SocketAddr, path::Path};

use axum_users::{SameSite, reqwest_oauth::OAuthClient};
use url::Url;

use crate::{
    config::{Config, oauth::is_loopback, opentelemetry::ignored_variable},
    setup,
};

/// Warns of all that there is. `address` is where the server listens, `mails` where it puts them without SMTP.
pub(super) fn warn(config: &Config, address: SocketAddr, public_url: &str, mails: &Path) {
    while_python_is_there(config);
    of_addresses(config, address, public_url);
    of_mails(config, mails);
    for provider in &config.oauth {
        if provider.cookie.same_site == SameSite::Strict && provider.redirect_url.is_none() {
            tracing::warn!(
                provider = provider.client.name(),
                "csrf_token_cookie_samesite is \"strict\": browsers that come back from the provider do not send the \
                 cookie, and the login is refused; set it to \"lax\", or redirect_url to a page that calls the callback"
            );
        }
    }
    if let Some(variable) = ignored_variable() {
        tracing::warn!(
            variable,
            "this variable is not heeded: this program was built without OpenTelemetry (`--features opentelemetry`)"
        );
    }
}

fn while_python_is_there(config: &Config) {
    if config.side_by_side {
        tracing::warn!(
            "compat.side_by_side is on: session tokens are stored in clear, provider accounts have no unique index, and \
             OAuth logins go without PKCE and nonce, for Python's sake; end it when Python has gone"
        );
    }
    if config.allow_short_secret {
        tracing::warn!(
            "allow_short_secret_until_python_leaves is on: secrets under 32 bytes are let through"
        );
    }
}

fn of_addresses(config: &Config, address: SocketAddr, public_url: &str) {
    if config.public_url.is_none() && !address.ip().is_loopback() {
        tracing::warn!(
            public_url,
            "public_url is not set: mails, redirects and the OpenAPI document name this address; set it to what browsers \
             call the server"
        );
    }
    if setup::is_https(config) && config.limits.enabled && config.limits.trusted_proxies == 0 {
        tracing::warn!(
            "public_url is https, so a proxy stands in front, but limits.trusted_proxies is 0: all clients share the \
             limits of the proxy's address; set it to the number of proxies"
        );
    }
    let public_port = config.public_url.as_ref().filter(|url| url.scheme() == "http" && is_loopback(url));
    let public_port = public_port.and_then(Url::port_or_known_default);
    if let Some(public_port) = public_port.filter(|port| *port != address.port()) {
        tracing::warn!(
            public_port,
            port = address.port(),
            "public_url names another port than the server listens at: right only where something forwards to it"
        );
    }
}

fn of_mails(config: &Config, mails: &Path) {
    let mail = &config.mail;
    if setup::is_https(config) && mail.smtp_url.is_none() {
        tracing::warn!(
            folder = %mails.display(),
            "no mail leaves this machine: each is a file, until mail.smtp_url is set"
        );
    }
    for (key, link) in [("mail.verify_url", &mail.verify_url), ("mail.reset_url", &mail.reset_url)] {
        let is_open = |link: &String| {
            Url::parse(&link.replace("{token}", "t"))
                .is_ok_and(|url| url.scheme() == "http" && !is_loopback(&url))
        };
        if link.as_ref().is_some_and(is_open) {
            tracing::warn!(
                key,
                "this page is not https: who listens to the network sees the token of the mail"
            );
        }
    }
}
