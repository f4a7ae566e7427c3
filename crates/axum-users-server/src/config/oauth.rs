//! `[[oauth]]`: a provider to log in with, and the routes under `/auth/{name}`.

mod client;
#[cfg(test)]
mod tests;

use axum_users::{
    SameSite, normalize_email,
    reqwest_oauth::{BoxedClient, OAuthClient},
    schema::Column,
};
use url::{Host, Url};

use super::{
    backend::{BackendConfig, TransportConfig, parse_cookie_name, parse_name},
    section::{Section, alternatives},
};

/// A provider that users log in with.
#[derive(Clone, Debug)]
pub struct OAuthConfig {
    /// The provider's client; its name is the part of the routes.
    pub client: BoxedClient,
    /// The name of the backend that the callback logs in with.
    pub backend: String,
    /// Whether an account is linked to an existing user of the same e-mail.
    pub associate_by_email: bool,
    /// Whether users who come new by it are verified.
    pub is_verified_by_default: bool,
    /// Whether unverified users are refused.
    pub requires_verification: bool,
    /// The redirect URI of the login; absent, it follows from `public_url`.
    pub redirect_url: Option<String>,
    /// The redirect URI of linking; absent, it follows from `public_url`.
    pub associate_redirect_url: Option<String>,
    /// The cookie that binds a flow to its browser.
    pub cookie: CsrfCookieConfig,
    /// Where a front end may have browsers sent after the callback.
    pub redirect_targets: Vec<String>,
    /// The domain of addresses made up for accounts that have none.
    pub placeholder_email_domain: Option<String>,
    /// Own columns of new users, and where in the profile they come from.
    pub profile: Vec<(Column, ProfileSource)>,
}

/// The attributes of the cookie that binds a flow to its browser.
#[derive(Clone, Debug)]
pub struct CsrfCookieConfig {
    /// Its name.
    pub name: String,
    /// Secure: sent over https alone.
    pub secure: bool,
    /// SameSite.
    pub same_site: SameSite,
}

/// Where in a profile a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProfileSource {
    /// The name to show, wherever the provider keeps it.
    Name,
    /// The URL of a picture.
    Picture,
    /// The language.
    Locale,
    /// The provider's own member, by its path.
    Path(String),
}

/// What the rest of the configuration says that matters here.
pub(super) struct Surroundings<'a> {
    pub(super) backends: &'a [BackendConfig],
    pub(super) public_url: Option<&'a Url>,
    pub(super) columns: &'a [Column],
}

pub(super) fn read(root: &mut Section<'_>, around: &Surroundings<'_>) -> Vec<OAuthConfig> {
    let mut providers: Vec<OAuthConfig> = Vec::new();
    for section in root.sections("oauth").unwrap_or_default() {
        providers.extend(read_provider(section, around, &providers));
    }
    providers
}

fn read_provider(
    mut section: Section<'_>,
    around: &Surroundings<'_>,
    others: &[OAuthConfig],
) -> Option<OAuthConfig> {
    let name = section.parse("name", parse_name);
    let client = client::read(&mut section, name.as_deref());
    if let Some(client) = &client
        && others.iter().any(|other| other.client.name() == client.name())
    {
        let problem =
            format!("two providers are called \"{}\": give one of them another name", client.name());
        section.problem("name", problem);
    }
    let redirect_url = section.parse("redirect_url", parse_redirect_url);
    let provider = OAuthConfig {
        backend: read_backend(&mut section, around.backends),
        associate_by_email: section.boolean("associate_by_email").unwrap_or(false),
        is_verified_by_default: section.boolean("is_verified_by_default").unwrap_or(false),
        requires_verification: section.boolean("requires_verification").unwrap_or(false),
        associate_redirect_url: section.parse("associate_redirect_url", parse_redirect_url),
        cookie: read_cookie(&mut section, around, redirect_url.as_deref()),
        redirect_url,
        redirect_targets: read_redirect_targets(&mut section),
        placeholder_email_domain: section.parse("placeholder_email_domain", parse_email_domain),
        profile: read_profile(&mut section, around.columns),
        // Without a client no one can say which keys the provider has: nothing is called unknown.
        client: client?,
    };
    section.finish();
    Some(provider)
}

/// The backend that is named, or the first.
fn read_backend(section: &mut Section<'_>, backends: &[BackendConfig]) -> String {
    let names: Vec<(&str, &str)> =
        backends.iter().map(|backend| (backend.name.as_str(), backend.name.as_str())).collect();
    let first = names.first().map_or("", |(name, _)| *name);
    section.choice("backend", &names).unwrap_or(first).to_owned()
}

fn read_cookie(
    section: &mut Section<'_>,
    around: &Surroundings<'_>,
    redirect_url: Option<&str>,
) -> CsrfCookieConfig {
    let name = section.parse("csrf_token_cookie_name", parse_cookie_name);
    let cookie = CsrfCookieConfig {
        name: name.unwrap_or_else(|| "fastapiusersoauthcsrf".to_owned()),
        secure: section.boolean("csrf_token_cookie_secure").unwrap_or(true),
        same_site: section
            .choice("csrf_token_cookie_samesite", &super::backend::SAME_SITES)
            .unwrap_or(SameSite::Lax),
    };
    if cookie.same_site == SameSite::None && !cookie.secure {
        section.problem(
            "csrf_token_cookie_samesite",
            "\"none\" wants csrf_token_cookie_secure = true: browsers drop the cookie otherwise",
        );
    }
    let is_taken = |backend: &BackendConfig| matches!(&backend.transport, TransportConfig::Cookie(session) if session.name == cookie.name);
    if let Some(backend) = around.backends.iter().find(|backend| is_taken(backend)) {
        let problem = format!("the cookie of the backend \"{}\" has this name", backend.name);
        section.problem("csrf_token_cookie_name", problem);
    }
    let callback = redirect_url.and_then(|url| Url::parse(url).ok()).or_else(|| around.public_url.cloned());
    if let Some(url) = callback.filter(|url| cookie.secure && url.scheme() == "http" && !is_loopback(url)) {
        section.problem(
            "csrf_token_cookie_secure",
            format!(
                "browsers come back to {url} over http, where they send no Secure cookie: make public_url https, \
                 or set csrf_token_cookie_secure = false for development"
            ),
        );
    }
    cookie
}

/// Whether an address is this machine's, for which browsers send Secure cookies over http too.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

fn read_redirect_targets(section: &mut Section<'_>) -> Vec<String> {
    let targets = section.texts("redirect_targets").unwrap_or_default();
    for target in &targets {
        if let Err(problem) = parse_redirect_url(target) {
            section.problem("redirect_targets", problem);
        }
    }
    targets
}

/// A redirection endpoint: absolute and without a fragment (RFC 6749 §3.1.2).
fn parse_redirect_url(text: &str) -> Result<String, String> {
    let fits = Url::parse(text).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https") && url.has_host() && url.fragment().is_none()
    });
    if fits {
        return Ok(text.to_owned());
    }
    Err(format!("expected a URL such as \"https://app.example.com/logged-in\", found \"{text}\""))
}

fn parse_email_domain(text: &str) -> Result<String, String> {
    match normalize_email(&format!("nobody@{text}")) {
        Ok(_) => Ok(text.to_owned()),
        Err(_) => Err(format!("expected a domain such as \"users.example.com\", found \"{text}\"")),
    }
}

fn read_profile(section: &mut Section<'_>, columns: &[Column]) -> Vec<(Column, ProfileSource)> {
    let profile = section.section("profile").parse_each(|name, source| {
        let column = columns.iter().find(|column| column.name == name).ok_or_else(|| {
            let names: Vec<&str> = columns.iter().map(|column| column.name.as_ref()).collect();
            match names.is_empty() {
                true => "there are no own fields: add one by [[user.field]]".to_owned(),
                false => format!("no own field is called so: expected {}", alternatives(&names)),
            }
        })?;
        let source = match source {
            "name" => ProfileSource::Name,
            "picture" => ProfileSource::Picture,
            "locale" => ProfileSource::Locale,
            "" => {
                return Err("expected \"name\", \"picture\", \"locale\" or a path in the profile".to_owned());
            }
            path => ProfileSource::Path(path.to_owned()),
        };
        Ok((column.clone(), source))
    });
    let is_filled = |column: &Column| profile.iter().any(|(filled, _)| filled.name == column.name);
    for column in columns.iter().filter(|column| column.is_required() && !is_filled(column)) {
        section.problem(
            "profile",
            format!(
                "users who come by this provider have no {0}, which is required: fill it here, as in {0} = \"name\", \
                 or make the field optional",
                column.name
            ),
        );
    }
    profile
}
