//! The answer of a token endpoint.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

/// A token answer (RFC 6749 section 5.1), as the flat JSON object that the provider sent.
///
/// ```
/// use reqwest_oauth::OAuth2Token;
///
/// let token: OAuth2Token =
///     serde_json::from_str(r#"{"access_token": "AT", "expires_at": 1000, "team": "x"}"#)?;
/// assert!(token.is_expired(1001));
/// assert_eq!(token.extra["team"], "x");
/// # Ok::<_, serde_json::Error>(())
/// ```
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct OAuth2Token {
    /// What gives access to the provider's API: a secret.
    pub access_token: String,
    /// `Bearer`, as a rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_type: Option<String>,
    /// How long the access token was good when it came, in seconds.
    #[serde(default, deserialize_with = "whole_number", skip_serializing_if = "Option::is_none")]
    pub expires_in: Option<i64>,
    /// When the access token ends, in seconds since 1970-01-01 UTC.
    #[serde(default, deserialize_with = "whole_number", skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<i64>,
    /// What a new access token can be had for: a secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<String>,
    /// An OpenID provider's signed word about the user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id_token: Option<String>,
    /// What was granted, separated by spaces (a list is joined).
    #[serde(default, deserialize_with = "scope_text", skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// All else that the provider sent.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl OAuth2Token {
    /// A token of which nothing but the access token is known.
    #[must_use]
    pub fn new(access_token: impl Into<String>) -> Self {
        Self { access_token: access_token.into(), ..Self::default() }
    }

    /// Whether the access token ended before `now` (Unix seconds). Without `expires_at` it never does, as in
    /// HTTPX OAuth.
    #[must_use]
    pub fn is_expired(&self, now: i64) -> bool {
        self.expires_at.is_some_and(|end| now > end)
    }

    /// Reads an answer. `expires_at` wins over `expires_in`, which counts from `now`.
    pub(crate) fn from_answer(answer: Map<String, Value>, now: i64) -> Option<Self> {
        let mut token: Self = serde_json::from_value(Value::Object(answer)).ok()?;
        if token.access_token.is_empty() {
            return None;
        }
        token.expires_at = token.expires_at.or_else(|| token.expires_in.map(|s| now.saturating_add(s)));
        Some(token)
    }
}

/// A whole number, also as text or with a fraction; anything else is as if it was not said.
fn whole_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::Number(number) => {
            #[expect(
                clippy::cast_possible_truncation,
                reason = "a float cast saturates, and the fraction goes"
            )]
            let whole = number.as_i64().or_else(|| number.as_f64().map(|float| float as i64));
            whole
        }
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    })
}

/// Scopes as a text, also where the provider sends a list.
fn scope_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::String(text) => Some(text),
        Value::Array(scopes) => Some(scopes.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" ")),
        _ => None,
    })
}

/// Shows which parts there are, and none of the secrets.
impl fmt::Debug for OAuth2Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let secret = |present: bool| present.then_some("[REDACTED]");
        f.debug_struct("OAuth2Token")
            .field("access_token", &"[REDACTED]")
            .field("token_type", &self.token_type)
            .field("expires_in", &self.expires_in)
            .field("expires_at", &self.expires_at)
            .field("refresh_token", &secret(self.refresh_token.is_some()))
            .field("id_token", &secret(self.id_token.is_some()))
            .field("scope", &self.scope)
            .field("extra", &self.extra.keys().collect::<Vec<_>>())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn token(answer: Value) -> Option<OAuth2Token> {
        let Value::Object(answer) = answer else { return None };
        OAuth2Token::from_answer(answer, 1000)
    }

    fn end(mut answer: Value) -> Option<i64> {
        answer["access_token"] = json!("x");
        token(answer)?.expires_at
    }

    #[test]
    fn the_end_is_told_by_expires_at_first_and_by_expires_in_from_now() {
        let table = [
            (json!({"expires_at": "123"}), Some(123)),
            (json!({"expires_at": 5, "expires_in": 10}), Some(5)),
            (json!({"expires_in": "10"}), Some(1010)),
            (json!({"expires_in": 10.9}), Some(1010)),
            (json!({"expires_in": i64::MAX}), Some(i64::MAX)),
            (json!({"expires_in": "soon"}), None),
            (json!({"expires_in": null}), None),
            (json!({}), None),
        ];
        for (answer, expected) in table {
            assert_eq!(end(answer.clone()), expected, "{answer}");
        }
    }

    #[test]
    fn a_token_is_expired_one_second_after_its_end_and_never_without_one() {
        let token = OAuth2Token { expires_at: Some(100), ..OAuth2Token::new("x") };

        assert!(!token.is_expired(100));
        assert!(token.is_expired(101));
        assert!(!OAuth2Token::new("x").is_expired(i64::MAX));
    }

    #[test]
    fn an_answer_without_an_access_token_is_no_token() {
        for answer in [
            json!({}),
            json!({"access_token": null}),
            json!({"access_token": ""}),
            json!({"access_token": 5}),
        ] {
            assert_eq!(token(answer.clone()), None, "{answer}");
        }
    }

    #[test]
    fn what_the_provider_sent_is_written_again_flat() {
        let answer = json!({"access_token": "AT", "scope": "a b", "id_token": "I", "team": {"id": 1}});

        let token = token(answer.clone()).map(|token| serde_json::to_value(token).ok());

        assert_eq!(token, Some(Some(answer)));
    }

    #[test]
    fn a_list_of_scopes_is_joined() {
        let token = token(json!({"access_token": "AT", "scope": ["a", "b"]}));

        assert_eq!(token.and_then(|token| token.scope).as_deref(), Some("a b"));
    }

    #[test]
    fn hd_20_debug_shows_no_token() {
        let token = token(json!({"access_token": "SECRET", "refresh_token": "SECRET", "id_token": "SECRET",
            "authed_user": {"access_token": "SECRET"}}));

        let debug = format!("{token:?}");

        assert!(!debug.contains("SECRET"), "{debug}");
        assert!(debug.contains("authed_user"), "{debug}");
    }
}
