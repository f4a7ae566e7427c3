//! Where axum-users answers otherwise than FastAPI Users, line by line, and why. Every line of this table also
//! stands in `docs/compatibility.md`.

mod oauth;

use std::path::Path;

use serde_json::Value;

use super::compare::{Difference, Part};
use crate::support::http::Response;

/// A recorded line that is answered otherwise on purpose.
#[derive(Debug)]
pub(super) struct Listed {
    pub(super) id: &'static str,
    why: Why,
    instead: &'static [Instead],
}

/// The reasons there can be.
#[derive(Debug)]
enum Why {
    /// The original fails or leaves a hazard, marked so in its description.
    Bug(&'static str),
    /// A requirement of the security table stands above the original's answer.
    Security(&'static str),
    /// The length of an HTML or OpenAPI answer.
    Length,
}

/// What comes in the place of the recorded.
#[derive(Debug)]
enum Instead {
    /// This status and, for an error, this code or type; for a success the body begins like this.
    Answer(u16, &'static str),
    /// The same answer, with these rows in the database.
    Rows(&'static str),
    /// The same answer; the mailed token has one claim more and a fingerprint of other parameters.
    ResetClaims,
    /// The same answer with another `content-length`.
    ContentLength,
    /// The same answer with another status.
    Status(u16),
    /// The provider was not asked.
    NotAsked,
    /// The cookie of the flow, which is used up, is cleared.
    Cookie,
    /// The state has two claims more: provider and purpose.
    StateClaims,
    /// The access token says when it was issued, so that it can be ended before its time.
    IssueTime,
    /// The redirect URI begins with the server's own address, whatever the request says of it.
    OwnRedirectUri,
    /// The line cannot be sent: it follows from one that is listed.
    NotSent,
}

impl Why {
    fn text(&self) -> &'static str {
        match self {
            Self::Bug(text) | Self::Security(text) => text,
            Self::Length => "length of an HTML or OpenAPI answer",
        }
    }
}

use Instead::{
    Answer, ContentLength, Cookie, IssueTime, NotAsked, NotSent, OwnRedirectUri, ResetClaims, Rows,
    StateClaims, Status,
};
use Why::{Bug, Length, Security};

const NULL_IS_ABSENT: Why = Bug("null for a NOT NULL column; axum-users takes null as absent");
const UNKNOWN_HASH: Why = Bug("a stored hash in an unknown format; axum-users says bad credentials");
const RESET_TOKEN: Why = Security("TK-03");

/// Every listed difference.
pub(super) fn all() -> impl Iterator<Item = &'static Listed> {
    WITHOUT_OAUTH.iter().chain(oauth::LISTED)
}

const WITHOUT_OAUTH: &[Listed] = &[
    line(
        "default/register-password-surrogate",
        Bug("a lone surrogate in a password"),
        &[Answer(422, "json_invalid")],
    ),
    line("default/register-password-nan", Bug("NaN where text is wanted"), &[Answer(422, "json_invalid")]),
    line("default/patch-me-email-null", NULL_IS_ABSENT, &[Answer(200, "dora@example.com")]),
    line("default/id-patch-flag-null", NULL_IS_ABSENT, &[Answer(200, "eve3@example.com")]),
    line("default/id-patch-email-null", NULL_IS_ABSENT, &[Answer(200, "eve3@example.com")]),
    line(
        "default/id-delete",
        Bug("the sessions of a deleted user stay behind in SQLite"),
        &[Rows(r#"[{"sessions_left":0}]"#)],
    ),
    line("default/forgot-ok", RESET_TOKEN, &[ResetClaims]),
    line("default/forgot-case", RESET_TOKEN, &[ResetClaims]),
    line("default/forgot-again", RESET_TOKEN, &[ResetClaims]),
    line("default/forgot-for-patch", RESET_TOKEN, &[ResetClaims]),
    line("default/forgot-for-inactive", RESET_TOKEN, &[ResetClaims]),
    line("default/reset-after-email-change", RESET_TOKEN, &[Answer(400, "RESET_PASSWORD_BAD_TOKEN")]),
    line(
        "default/reset-forged-text-fingerprint",
        Bug("a fingerprint in no hash format"),
        &[Answer(400, "RESET_PASSWORD_BAD_TOKEN")],
    ),
    line("default/hash-bad-plain", UNKNOWN_HASH, &[Answer(400, "LOGIN_BAD_CREDENTIALS")]),
    line("default/hash-bad-empty", UNKNOWN_HASH, &[Answer(400, "LOGIN_BAD_CREDENTIALS")]),
    line("default/hash-bad-pbkdf2", UNKNOWN_HASH, &[Answer(400, "LOGIN_BAD_CREDENTIALS")]),
    line("default/hash-bad-bcrypt-cut", UNKNOWN_HASH, &[Answer(400, "LOGIN_BAD_CREDENTIALS")]),
    line(
        "default/hash-bcrypt-73",
        Bug("a password of more than 72 bytes against a bcrypt hash"),
        &[Answer(400, "LOGIN_BAD_CREDENTIALS")],
    ),
    line("default/misc-head-docs", Length, &[ContentLength]),
    line("default/misc-head-redoc", Length, &[ContentLength]),
    line("default/misc-head-docs-oauth2-redirect", Length, &[ContentLength]),
    line("default/misc-head-openapi.json", Length, &[ContentLength]),
];

const fn line(id: &'static str, why: Why, instead: &'static [Instead]) -> Listed {
    Listed { id, why, instead }
}

impl Listed {
    pub(super) fn of(id: &str) -> Option<&'static Self> {
        all().find(|listed| listed.id == id)
    }

    /// What is wrong with a listed line: it is answered like the original, or otherwise than the table says.
    pub(super) fn objection(&self, differences: &[Difference], answer: Option<&Response>) -> Option<String> {
        if differences.is_empty() {
            return Some("is listed and yet identical: take it off the list".into());
        }
        let as_listed = match answer {
            Some(answer) => self.allows(differences, answer),
            None => matches!(self.instead, [NotSent]),
        };
        (!as_listed)
            .then(|| format!("is listed ({:?}) as {:?}, and that is not the answer", self.why, self.instead))
    }

    /// Every difference is one of the listed, and every one of the listed shows.
    fn allows(&self, differences: &[Difference], answer: &Response) -> bool {
        let allowed = |difference: &Difference| self.instead.iter().any(|it| it.covers(difference, answer));
        let shows = |instead: &Instead| differences.iter().any(|it| instead.covers(it, answer));
        differences.iter().all(allowed) && self.instead.iter().all(shows)
    }
}

impl Instead {
    fn covers(&self, difference: &Difference, answer: &Response) -> bool {
        let Difference { part, got, .. } = difference;
        match self {
            Answer(status, text) => {
                let parts = [Part::Status, Part::Body, Part::Header("content-type"), Part::Exchange];
                parts.contains(part) && answer.status == *status && says(answer, text)
            }
            Rows(rows) => *part == Part::Storage && got == rows,
            ResetClaims => *part == Part::Jwt && is_reset_token(difference),
            ContentLength => *part == Part::Header("content-length"),
            Status(status) => *part == Part::Status && answer.status == *status,
            NotAsked => *part == Part::Provider && got == "[]",
            Cookie => *part == Part::Header("set-cookie") && got.starts_with(CLEARED_COOKIE),
            StateClaims => *part == Part::Jwt && is_own_state(difference),
            OwnRedirectUri => *part == Part::Body && begins_at_home(answer),
            IssueTime => *part == Part::Jwt && claims_of(difference)["issued_us"].is_u64(),
            NotSent => false,
        }
    }
}

const CLEARED_COOKIE: &str = "fastapiusersoauthcsrf=\"\"; HttpOnly; Max-Age=0; Path=/; SameSite=lax";

fn says(answer: &Response, text: &str) -> bool {
    if answer.body.is_empty() {
        return text.is_empty();
    }
    let json = answer.json();
    match &json["detail"] {
        Value::String(code) => code == text,
        Value::Array(errors) => errors.iter().all(|error| error["type"] == text),
        _ => json["email"] == text || json["token_type"] == text,
    }
}

/// The claims of a token, as a difference tells them.
fn claims_of(difference: &Difference) -> Value {
    let mut parts = serde_json::Deserializer::from_str(&difference.got).into_iter::<Value>().flatten();
    parts.nth(1).unwrap_or_default()
}

/// The original's claims in their order, and what binds a state to one provider and one purpose.
fn is_own_state(difference: &Difference) -> bool {
    let claims = claims_of(difference);
    let names: Vec<&str> = claims.as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect();
    let of_login = ["csrftoken", "provider", "purpose", "aud", "exp"];
    let of_associate = ["sub", "csrftoken", "provider", "purpose", "aud", "exp"];
    claims["provider"] == "corp"
        && claims["aud"] == "fastapi-users:oauth-state"
        && match claims["purpose"].as_str() {
            Some("login") => names == of_login,
            Some("associate") => names == of_associate,
            _ => false,
        }
}

/// Whether an authorization URL sends browsers back to the server itself.
fn begins_at_home(answer: &Response) -> bool {
    let url = answer.json()["authorization_url"].as_str().unwrap_or_default().to_owned();
    let query = url.split_once('?').map(|(_, query)| query).unwrap_or_default();
    form_urlencoded::parse(query.as_bytes()).any(|(name, value)| {
        name == "redirect_uri"
            && value.starts_with("http://127.0.0.1:")
            && value.ends_with("/auth/corp/callback")
    })
}

/// A fingerprint made with Argon2's least parameters, and one private claim beside the original's four.
fn is_reset_token(difference: &Difference) -> bool {
    let claims = claims_of(difference);
    let names: Vec<&str> = claims.as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect();
    let fingerprint = claims["password_fgpt"].as_str().unwrap_or_default();
    ["sub", "password_fgpt", "aud", "exp"].iter().all(|name| names.contains(name))
        && names.len() == 5
        && fingerprint.starts_with("$argon2id$v=19$m=8,t=1,p=1$")
        && claims["aud"] == "fastapi-users:reset"
}

#[test]
fn every_listed_line_stands_with_its_reason_in_the_compatibility_page() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/compatibility.md");
    let page = std::fs::read_to_string(page).unwrap();
    for Listed { id, why, .. } in all() {
        let line = page.lines().find(|line| line.contains(&format!("`{id}`")));
        assert!(
            line.is_some_and(|line| line.contains(why.text())),
            "docs/compatibility.md lacks {id}: {}",
            why.text()
        );
    }
}
