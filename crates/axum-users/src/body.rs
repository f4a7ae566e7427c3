//! Request bytes as a JSON value or as form fields, refused with the original's answers.
//!
//! FastAPI reads a body before anything else of a request, so these errors come even to callers who are not
//! logged in.

mod form;
mod json;
mod multipart;

use std::borrow::Cow;

use axum::http::HeaderValue;
use serde_json::{Value as Json, json};

pub(crate) use self::form::{Form, LoginForm};
use crate::error::{ApiError, FieldError, Location};

/// What a route that takes JSON was sent.
#[cfg_attr(test, derive(Debug, PartialEq))]
pub(crate) enum JsonBody {
    /// Nothing, whatever the content type.
    Empty,
    /// A body that does not call itself JSON. The original takes it for a plain string.
    Text(String),
    /// A JSON value.
    Json(Json),
}

/// Why a body cannot be read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum BodyError {
    /// 422 `json_invalid`.
    JsonInvalid {
        /// Where reading stopped, in characters.
        offset: usize,
        /// What Python's `json` module says of it.
        error: &'static str,
    },
    /// 400 `There was an error parsing the body`: not UTF-8, or nested beyond what Python reads.
    Unreadable,
    /// 400 with this sentence: a form is malformed or too large.
    Form(Cow<'static, str>),
}

impl From<BodyError> for ApiError {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::JsonInvalid { offset, error } => Self::Invalid(vec![FieldError {
                kind: "json_invalid".into(),
                loc: vec![Location::Field("body".into()), Location::Offset(offset)],
                msg: "JSON decode error".into(),
                input: json!({}),
                ctx: Some(json!({ "error": error })),
            }]),
            BodyError::Unreadable => Self::BadRequest("There was an error parsing the body".into()),
            BodyError::Form(text) => Self::BadRequest(text),
        }
    }
}

impl JsonBody {
    /// Reads a body. Of equal keys in an object the last wins.
    ///
    /// # Errors
    /// The body calls itself JSON and is none.
    pub(crate) fn parse(content_type: Option<&HeaderValue>, bytes: &[u8]) -> Result<Self, BodyError> {
        if bytes.is_empty() {
            return Ok(Self::Empty);
        }
        if !content_type.is_some_and(is_json) {
            return Ok(Self::Text(String::from_utf8_lossy(bytes).into_owned()));
        }
        json::parse(bytes).map(Self::Json)
    }
}

/// Whether a content type is `application/json` or `application/*+json`, in any case and with any parameters.
fn is_json(content_type: &HeaderValue) -> bool {
    let name = media_type(content_type.as_bytes());
    name.strip_prefix(b"application/").is_some_and(|subtype| {
        !subtype.contains(&b'/') && (subtype == b"json" || subtype.ends_with(b"+json"))
    })
}

/// The part of a content type before its parameters, in lower case.
fn media_type(content_type: &[u8]) -> Vec<u8> {
    let end = content_type.iter().position(|&byte| byte == b';').unwrap_or(content_type.len());
    content_type[..end].trim_ascii().to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use axum::{body::to_bytes, response::IntoResponse};

    use super::*;

    fn parse(content_type: &'static str, bytes: &[u8]) -> Result<JsonBody, BodyError> {
        JsonBody::parse(Some(&HeaderValue::from_static(content_type)), bytes)
    }

    #[test]
    fn json_is_read_only_under_a_json_content_type() {
        let json = JsonBody::Json(json!({}));
        let text = JsonBody::Text("{}".to_owned());
        let cases = [
            ("application/json", &json),
            ("application/json; charset=utf-8", &json),
            ("Application/JSON", &json),
            ("application/vnd.api+json;x=1", &json),
            (" application/json ", &json),
            ("", &text),
            ("text/json", &text),
            ("text/plain", &text),
            ("application/ json", &text),
            ("application /json", &text),
            ("application/json,x", &text),
            ("application/json/x", &text),
            ("application/x/y+json", &text),
        ];
        for (content_type, expected) in cases {
            assert_eq!(parse(content_type, b"{}").as_ref(), Ok(expected), "{content_type:?}");
        }
        assert_eq!(JsonBody::parse(None, b"{}"), Ok(text));
    }

    #[test]
    fn an_empty_body_is_no_body_under_any_content_type() {
        for content_type in ["application/json", "text/plain", ""] {
            assert_eq!(parse(content_type, b""), Ok(JsonBody::Empty));
        }
    }

    #[test]
    fn text_that_is_not_utf8_is_shown_with_replacement_characters() {
        assert_eq!(parse("text/plain", b"a\xff"), Ok(JsonBody::Text("a\u{fffd}".to_owned())));
    }

    #[tokio::test]
    async fn errors_answer_as_fastapi() {
        let invalid = BodyError::JsonInvalid { offset: 27, error: "Extra data" };
        let cases = [
            (
                invalid,
                422,
                r#"{"detail":[{"type":"json_invalid","loc":["body",27],"msg":"JSON decode error","input":{},"ctx":{"error":"Extra data"}}]}"#,
            ),
            (BodyError::Unreadable, 400, r#"{"detail":"There was an error parsing the body"}"#),
            (
                BodyError::Form("Missing boundary in multipart.".into()),
                400,
                r#"{"detail":"Missing boundary in multipart."}"#,
            ),
        ];
        for (error, status, body) in cases {
            let response = ApiError::from(error).into_response();
            assert_eq!(response.status(), status);
            let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
            assert_eq!(bytes, body.as_bytes());
        }
    }
}
