//! `GET /.well-known/jwks.json`: the public keys of backends that sign with key pairs.

use axum::{
    Json,
    extract::State,
    http::{
        Method,
        header::{CACHE_CONTROL, CONTENT_TYPE},
    },
    response::IntoResponse,
    routing::get,
};

use super::{RouteList, strict};
use crate::{Users, user::UserModel};

/// How long a verifier may keep the keys: a new one is published at least so long before it signs.
const CACHED: &str = "public, max-age=300";

/// RFC 7517 §8.5.2.
const MEDIA_TYPE: &str = "application/jwk-set+json";

pub(super) fn routes<U: UserModel>() -> RouteList<U> {
    vec![("/jwks.json", strict(&Method::GET, get(jwks::<U>)))]
}

async fn jwks<U: UserModel>(State(users): State<Users<U>>) -> impl IntoResponse {
    ([(CACHE_CONTROL, CACHED), (CONTENT_TYPE, MEDIA_TYPE)], Json(users.jwks()))
}
