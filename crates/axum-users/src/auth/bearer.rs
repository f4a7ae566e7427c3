//! `Authorization: Bearer …` (RFC 6750 §2.1).

use std::borrow::Cow;

use axum::{
    Json,
    http::{HeaderMap, header::AUTHORIZATION},
    response::{IntoResponse, Response},
};
use secrecy::ExposeSecret;
use serde::Serialize;

use super::{Issued, Transport};
use crate::openapi::TransportDescription;

/// Carries the token in the `Authorization` header; login answers it as JSON, for the client to keep.
///
/// The scheme is read in any case, as the original does. Logout answers 204 without a body.
///
/// ```
/// use axum_users::{Bearer, Jwt, MemoryDatabase, User, Users};
///
/// let users = Users::<User>::builder(MemoryDatabase::default(), "at-least-32-bytes-of-randomness-here")
///     .backend("jwt", Bearer::default(), Jwt::lasting_seconds(900))
///     .build()?;
/// # Ok::<(), axum_users::BuildError>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Bearer;

/// The login's answer, in the original's order of keys.
#[derive(Serialize)]
struct BearerResponse<'a> {
    access_token: &'a str,
    token_type: &'static str,
    /// As RFC 6749 §5.1 calls them; only where the backend has refresh tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_in: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<&'a str>,
}

impl Transport for Bearer {
    fn token<'a>(&self, headers: &'a HeaderMap) -> Option<Cow<'a, str>> {
        let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
        let token = token.trim();
        (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(Cow::Borrowed(token))
    }

    fn login_response(&self, issued: &Issued) -> Response {
        let refresh = issued.refresh.as_ref();
        let answer = BearerResponse {
            access_token: issued.token(),
            token_type: "bearer",
            expires_in: refresh.and(issued.expires_in),
            refresh_token: refresh.map(|refresh| refresh.token.expose_secret()),
        };
        Json(answer).into_response()
    }

    fn logout_response(&self) -> Response {
        axum::http::StatusCode::NO_CONTENT.into_response()
    }

    fn description(&self, token_url: &str) -> TransportDescription {
        TransportDescription::bearer(token_url)
    }
}
