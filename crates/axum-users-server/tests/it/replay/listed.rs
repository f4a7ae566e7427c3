//! Where axum-users answers otherwise than FastAPI Users, line by line, and why. Every line of this table also
//! stands in `docs/compatibility.md`.

use std::path::Path;

use serde_json::Value;

use super::compare::{Difference, Part};
use crate::support::http::Response;

/// A recorded line that is answered otherwise on purpose.
#[derive(Debug)]
pub(super) struct Listed {
    pub(super) id: &'static str,
    why: Why,
    instead: Instead,
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
}

impl Why {
    fn text(&self) -> &'static str {
        match self {
            Self::Bug(text) | Self::Security(text) => text,
            Self::Length => "length of an HTML or OpenAPI answer",
        }
    }
}

use Instead::{Answer, ContentLength, ResetClaims, Rows};
use Why::{Bug, Length, Security};

const NULL_IS_ABSENT: Why = Bug("null for a NOT NULL column; axum-users takes null as absent");
const UNKNOWN_HASH: Why = Bug("a stored hash in an unknown format; axum-users says bad credentials");
const RESET_TOKEN: Why = Security("TK-03");

/// Every listed difference.
pub(super) const LISTED: &[Listed] = &[
    line(
        "default/register-password-surrogate",
        Bug("a lone surrogate in a password"),
        Answer(422, "json_invalid"),
    ),
    line("default/register-password-nan", Bug("NaN where text is wanted"), Answer(422, "json_invalid")),
    line("default/patch-me-email-null", NULL_IS_ABSENT, Answer(200, "dora@example.com")),
    line("default/id-patch-flag-null", NULL_IS_ABSENT, Answer(200, "eve3@example.com")),
    line("default/id-patch-email-null", NULL_IS_ABSENT, Answer(200, "eve3@example.com")),
    line(
        "default/id-delete",
        Bug("the sessions of a deleted user stay behind in SQLite"),
        Rows(r#"[{"sessions_left":0}]"#),
    ),
    line("default/forgot-ok", RESET_TOKEN, ResetClaims),
    line("default/forgot-case", RESET_TOKEN, ResetClaims),
    line("default/forgot-again", RESET_TOKEN, ResetClaims),
    line("default/forgot-for-patch", RESET_TOKEN, ResetClaims),
    line("default/forgot-for-inactive", RESET_TOKEN, ResetClaims),
    line("default/reset-after-email-change", RESET_TOKEN, Answer(400, "RESET_PASSWORD_BAD_TOKEN")),
    line(
        "default/reset-forged-text-fingerprint",
        Bug("a fingerprint in no hash format"),
        Answer(400, "RESET_PASSWORD_BAD_TOKEN"),
    ),
    line("default/hash-bad-plain", UNKNOWN_HASH, Answer(400, "LOGIN_BAD_CREDENTIALS")),
    line("default/hash-bad-empty", UNKNOWN_HASH, Answer(400, "LOGIN_BAD_CREDENTIALS")),
    line("default/hash-bad-pbkdf2", UNKNOWN_HASH, Answer(400, "LOGIN_BAD_CREDENTIALS")),
    line("default/hash-bad-bcrypt-cut", UNKNOWN_HASH, Answer(400, "LOGIN_BAD_CREDENTIALS")),
    line(
        "default/hash-bcrypt-73",
        Bug("a password of more than 72 bytes against a bcrypt hash"),
        Answer(400, "LOGIN_BAD_CREDENTIALS"),
    ),
    line("default/misc-head-docs", Length, ContentLength),
    line("default/misc-head-redoc", Length, ContentLength),
    line("default/misc-head-docs-oauth2-redirect", Length, ContentLength),
    line("default/misc-head-openapi.json", Length, ContentLength),
];

const fn line(id: &'static str, why: Why, instead: Instead) -> Listed {
    Listed { id, why, instead }
}

impl Listed {
    pub(super) fn of(id: &str) -> Option<&'static Self> {
        LISTED.iter().find(|listed| listed.id == id)
    }

    /// What is wrong with a listed line: it is answered like the original, or otherwise than the table says.
    pub(super) fn objection(&self, differences: &[Difference], answer: Option<&Response>) -> Option<String> {
        if differences.is_empty() {
            return Some("is listed and yet identical: take it off the list".into());
        }
        let as_listed = answer.is_some_and(|answer| self.allows(differences, answer));
        (!as_listed)
            .then(|| format!("is listed ({:?}) as {:?}, and that is not the answer", self.why, self.instead))
    }

    fn allows(&self, differences: &[Difference], answer: &Response) -> bool {
        let only = |parts: &[Part]| differences.iter().all(|difference| parts.contains(&difference.part));
        match self.instead {
            Answer(status, text) => {
                let parts = [Part::Status, Part::Body, Part::Header("content-type")];
                only(&parts) && answer.status == status && says(answer, text)
            }
            Rows(rows) => {
                only(&[Part::Storage]) && differences.iter().all(|difference| difference.got == rows)
            }
            ResetClaims => only(&[Part::Jwt]) && differences.iter().all(is_reset_token),
            ContentLength => only(&[Part::Header("content-length")]),
        }
    }
}

fn says(answer: &Response, text: &str) -> bool {
    let json = answer.json();
    match &json["detail"] {
        Value::String(code) => code == text,
        Value::Array(errors) => errors.iter().all(|error| error["type"] == text),
        _ => json["email"] == text,
    }
}

/// A fingerprint made with Argon2's least parameters, and one private claim beside the original's four.
fn is_reset_token(difference: &Difference) -> bool {
    let mut parts = serde_json::Deserializer::from_str(&difference.got).into_iter::<Value>().flatten();
    let claims = parts.nth(1).unwrap_or_default();
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
    for Listed { id, why, .. } in LISTED {
        let line = page.lines().find(|line| line.contains(&format!("`{id}`")));
        assert!(
            line.is_some_and(|line| line.contains(why.text())),
            "docs/compatibility.md lacks {id}: {}",
            why.text()
        );
    }
}
