//! Settings that compile and cannot work, and the sentence that mends each: what
//! [`build`](crate::UsersBuilder::build) looks at before it puts the parts together.

use std::{borrow::Cow, collections::HashSet};

use axum::http::Uri;

use crate::{
    BuildError, Limits,
    schema::{BASE_COLUMNS, Schema},
};

/// The most seconds that anything may last, a hundred years: what lasts longer is a mistake, or was meant for ever.
pub(crate) const LONGEST_SECONDS: u64 = 3_153_600_000;

/// Names that mean something else in requests and answers.
const RESERVED: [&str; 2] = ["password", "oauth_accounts"];

/// The path under which the application nests the routers.
pub(crate) fn check_mount(mount: &str) -> Result<(), BuildError> {
    let is_path = mount.starts_with('/') && mount.parse::<Uri>().is_ok_and(|uri| uri.path() == mount);
    if mount.is_empty() || is_path && !mount.contains("//") {
        return Ok(());
    }
    Err(BuildError::Mount(mount.to_owned()))
}

/// Where browsers reach the application: other paths are added to it.
#[cfg(feature = "oauth")]
pub(crate) fn check_public_url(public_url: Option<&str>, mount: &str) -> Result<(), BuildError> {
    let Some(public_url) = public_url else { return Ok(()) };
    let refused = |reason: &str| {
        Err(BuildError::PublicUrl {
            url: without_password(public_url),
            reason: Cow::Owned(reason.to_owned()),
        })
    };
    let Ok(url) = url::Url::parse(public_url) else {
        return refused("it is no URL: write it as in \"https://example.com\"");
    };
    if !matches!(url.scheme(), "http" | "https") {
        return refused("it is no http or https URL: write it as in \"https://example.com\"");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return refused("everybody would see the user name or password in it: leave them out");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return refused("paths are added to it: leave out what stands behind `?` or `#`");
    }
    if !mount.is_empty() && url.path().ends_with(mount) {
        return refused(
            "it ends with the path of `.mount(…)`, which is added to it: leave it out of one of them",
        );
    }
    Ok(())
}

#[cfg(feature = "oauth")]
fn without_password(url: &str) -> String {
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, rest))) => format!("{scheme}://…@{rest}"),
        _ => url.to_owned(),
    }
}

/// An origin as browsers write it: a scheme, a host, and the port where it is not the scheme's own.
pub(crate) fn check_origin(origin: &str) -> Result<(), BuildError> {
    let refused = |reason| Err(BuildError::TrustedOrigin { origin: origin.to_owned(), reason });
    if origin == "*" {
        return refused("any page at all could act for every user who is logged in: name the origins");
    }
    let Some((scheme, authority)) = origin.split_once("://") else {
        return refused("browsers write an origin with its scheme, as in \"https://app.example.com\"");
    };
    if authority.is_empty() || authority.contains(['/', '?', '#', '@', '*', ' ']) {
        return refused("an origin is a scheme, a host and a port alone, as in \"https://app.example.com\"");
    }
    if matches!(scheme, "https") && authority.ends_with(":443")
        || matches!(scheme, "http") && authority.ends_with(":80")
    {
        return refused("browsers leave out a scheme's own port: leave it out, too");
    }
    Ok(())
}

/// How long mailed tokens last.
pub(crate) fn check_lifetime(what: &'static str, seconds: u64) -> Result<(), BuildError> {
    match seconds {
        1..=LONGEST_SECONDS => Ok(()),
        _ => Err(BuildError::Lifetime { what, seconds }),
    }
}

/// How long a backend's tokens last; `None` is for ever.
pub(crate) fn check_token_lifetime(seconds: Option<u64>) -> Result<(), Cow<'static, str>> {
    match seconds {
        Some(seconds) if seconds > LONGEST_SECONDS => Err(Cow::Owned(format!(
            "its tokens last {seconds} seconds, which is over a hundred years: give fewer, or say that they last for ever"
        ))),
        _ => Ok(()),
    }
}

/// Tokens of two purposes are told apart by their audience.
pub(crate) fn check_audiences(reset: &str, verification: &str) -> Result<(), BuildError> {
    if reset == verification {
        return Err(BuildError::SameAudience(reset.to_owned()));
    }
    Ok(())
}

/// A limit without tries lets nobody in, and one without a period is none.
pub(crate) fn check_limits(limits: &Limits) -> Result<(), BuildError> {
    for (name, limit) in [
        ("login_per_account_and_address", limits.login_per_account_and_address),
        ("login_per_account_and_address_daily", limits.login_per_account_and_address_daily),
        ("login_per_account", limits.login_per_account),
        ("login_per_address", limits.login_per_address),
        ("register_per_address", limits.register_per_address),
        ("mail_per_account", limits.mail_per_account),
        ("mail_per_address", limits.mail_per_address),
        ("token_per_address", limits.token_per_address),
    ] {
        if limit.tries == 0 || limit.period.is_zero() {
            return Err(BuildError::Limit(name));
        }
    }
    Ok(())
}

/// Own fields stand beside the base ones, in one object. The derive looks at this, too; schemas may be made at run time.
pub(crate) fn check_columns(schema: &Schema) -> Result<(), BuildError> {
    let mut names: HashSet<&str> = BASE_COLUMNS.iter().chain(&RESERVED).copied().collect();
    match schema.own_columns().iter().find(|column| !names.insert(&column.name)) {
        Some(column) => Err(BuildError::DuplicateField(column.name.to_string())),
        None => Ok(()),
    }
}

/// Whether an address is this machine's, for which browsers send `Secure` cookies over http, too.
pub(crate) fn is_loopback(url: &str) -> bool {
    let Some((_, rest)) = url.split_once("://") else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, _)) => host,
        None => authority.split(':').next().unwrap_or_default(),
    };
    let is_address = host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    is_address || host == "localhost" || host.ends_with(".localhost")
}
