//! The sections of the file, key by key, and the kinds of text in them.

use std::net::SocketAddr;

use axum_users::Argon2Parameters;
use lettre::message::Mailbox;
use secrecy::SecretString;
use url::Url;

use super::{
    HttpConfig, LogConfig, MailConfig, PasswordConfig, TokensConfig, limits::parse_origin, section::Section,
};

pub(super) fn read_mail(mut section: Section<'_>, default: MailConfig) -> MailConfig {
    let smtp_url = section.parse("smtp_url", parse_smtp_url);
    let from = section.parse("from", |text| {
        text.parse::<Mailbox>().map_err(|_| {
            "expected an address such as \"no-reply@example.com\" or \"Accounts <no-reply@example.com>\""
                .to_owned()
        })
    });
    let verify_url = section.parse("verify_url", parse_link);
    let reset_url = section.parse("reset_url", parse_link);
    let notify_changes = section.boolean("notify_changes").unwrap_or(default.notify_changes);
    if smtp_url.is_some() && from.is_none() {
        section.missing("from", "the sender's address, since smtp_url is set");
    }
    section.finish();
    MailConfig { smtp_url, from: from.unwrap_or(default.from), verify_url, reset_url, notify_changes }
}

pub(super) fn read_password(mut section: Section<'_>, default: PasswordConfig) -> PasswordConfig {
    let mut argon2 = section.section("argon2");
    let memory_kib = argon2.small_integer("memory_kib", 8..=1_048_576).unwrap_or(65_536);
    let iterations = argon2.small_integer("iterations", 1..=4_194_304).unwrap_or(3);
    let parallelism = argon2.small_integer("parallelism", 1..=255).unwrap_or(4);
    let parameters = Argon2Parameters::new(memory_kib, iterations, parallelism);
    if let Err(error) = &parameters {
        argon2.problem("memory_kib", error.to_string());
    }
    argon2.finish();
    let min_length = section.small_integer("min_length", 1..=1024).map_or(default.min_length, |n| n as usize);
    let max_bytes =
        section.small_integer("max_bytes", 1..=16_777_216).map_or(default.max_bytes, |n| n as usize);
    if max_bytes < min_length {
        section.problem("max_bytes", format!("it is less than min_length, {min_length}"));
    }
    let forbid_common = section.boolean("forbid_common").unwrap_or(default.forbid_common);
    section.finish();
    PasswordConfig { min_length, max_bytes, forbid_common, argon2: parameters.unwrap_or(default.argon2) }
}

pub(super) fn read_http(mut section: Section<'_>, default: &HttpConfig) -> HttpConfig {
    let http = HttpConfig {
        body_limit_bytes: section
            .small_integer("body_limit_bytes", 1..=1_073_741_824)
            .map_or(default.body_limit_bytes, |bytes| bytes as usize),
        request_timeout_seconds: section
            .integer("request_timeout_seconds", 1..=3600)
            .unwrap_or(default.request_timeout_seconds),
        header_timeout_seconds: section
            .integer("header_timeout_seconds", 1..=3600)
            .unwrap_or(default.header_timeout_seconds),
        max_connections: section
            .small_integer("max_connections", 1..=1_000_000)
            .map_or(default.max_connections, |count| count as usize),
        trusted_origins: section.parse_list("trusted_origins", parse_origin).unwrap_or_default(),
    };
    section.finish();
    http
}

pub(super) fn read_tokens(mut section: Section<'_>, default: &TokensConfig) -> TokensConfig {
    // A mailed token that lives for more than a year is a mistake.
    let year = 31_536_000;
    let tokens = TokensConfig {
        reset_lifetime_seconds: section
            .integer("reset_lifetime_seconds", 1..=year)
            .unwrap_or(default.reset_lifetime_seconds),
        verification_lifetime_seconds: section
            .integer("verification_lifetime_seconds", 1..=year)
            .unwrap_or(default.verification_lifetime_seconds),
    };
    section.finish();
    tokens
}

pub(super) fn read_log(mut section: Section<'_>, default: LogConfig) -> LogConfig {
    let json = section.choice("format", &[("text", false), ("json", true)]).unwrap_or(default.json);
    let level = section.parse("level", |text| match crate::log::parse_level(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(_) => Err(format!(
            "expected a level (error, warn, info, debug, trace, off) or directives such as \
             \"info,axum_users=debug\", found \"{text}\""
        )),
    });
    section.finish();
    LogConfig { json, level: level.unwrap_or(default.level) }
}

pub(super) fn parse_listen(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| {
        format!(
            "expected an IP address and a port such as \"127.0.0.1:8000\" or \"[::]:8000\", found \"{text}\""
        )
    })
}

pub(super) fn parse_public_url(text: &str) -> Result<Url, String> {
    let expected = "expected an address such as \"https://accounts.example.com\"";
    let url = Url::parse(text).map_err(|_| format!("{expected}, found \"{text}\""))?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(format!("{expected}, found \"{text}\""));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("the address holds a user name or a password, which everybody would see".to_owned());
    }
    if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
        return Err(format!("{expected} without a path: the routes are at fixed paths"));
    }
    Ok(url)
}

pub(super) fn parse_table_name(text: &str) -> Result<String, String> {
    let first = text.chars().next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    let rest = text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if first && rest && text.len() <= 63 {
        return Ok(text.to_owned());
    }
    Err(format!("expected letters, digits and underscores, 63 at most, found \"{text}\""))
}

fn parse_smtp_url(text: &str) -> Result<SecretString, String> {
    // The URL may hold a password: it is not shown.
    crate::mail::check_smtp_url(text).map(|()| SecretString::from(text))
}

/// A page of the front end: an absolute address with `{token}` in it.
fn parse_link(text: &str) -> Result<String, String> {
    let expected = "expected an address with {token} in it, such as \"https://example.com/verify#{token}\"";
    let with_token = text.replace("{token}", "t");
    let url = Url::parse(&with_token).map_err(|_| format!("{expected}, found \"{text}\""))?;
    if !matches!(url.scheme(), "http" | "https") || !text.contains("{token}") {
        return Err(format!("{expected}, found \"{text}\""));
    }
    Ok(text.to_owned())
}
