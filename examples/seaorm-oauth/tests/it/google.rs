//! Something that stands in for Google: its token endpoint and its People API, for one person.

use std::sync::{Arc, Mutex};

use axum::{
    Form, Json, Router,
    extract::{Query, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use reqwest::Url;
use serde_json::json;
use tokio::net::TcpListener;

pub(crate) const CLIENT_ID: &str = "id-of-the-example";
pub(crate) const CLIENT_SECRET: &str = "secret-of-the-example";

/// The redirect URIs of the codes that are still good; a code is its index.
type Codes = Arc<Mutex<Vec<Option<String>>>>;

type Fields = std::collections::HashMap<String, String>;

pub(crate) struct Google {
    pub(crate) url: String,
    codes: Codes,
}

impl Google {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let codes = Codes::default();
        let router = Router::new()
            .route("/token", post(token))
            .route("/v1/people/me", get(person))
            .with_state(Arc::clone(&codes));
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, codes }
    }

    /// Ada agrees on Google's page: where her browser is sent.
    pub(crate) fn consent(&self, page: &Url) -> Url {
        assert!(page.as_str().starts_with(&format!("{}/o/oauth2/v2/auth?", self.url)), "{page}");
        let query: Fields = page.query_pairs().into_owned().collect();
        assert_eq!((query["client_id"].as_str(), query["response_type"].as_str()), (CLIENT_ID, "code"));
        let mut codes = self.codes.lock().unwrap();
        codes.push(Some(query["redirect_uri"].clone()));
        let mut back = Url::parse(&query["redirect_uri"]).unwrap();
        let code = (codes.len() - 1).to_string();
        back.query_pairs_mut().append_pair("state", &query["state"]).append_pair("code", &code);
        back
    }
}

async fn token(State(codes): State<Codes>, Form(form): Form<Fields>) -> Response {
    let of = |name: &str| form.get(name).map_or("", String::as_str);
    let index: usize = of("code").parse().unwrap_or(usize::MAX);
    let redirect_uri = codes.lock().unwrap().get_mut(index).and_then(Option::take);
    let is_good = (of("client_id"), of("client_secret")) == (CLIENT_ID, CLIENT_SECRET)
        && redirect_uri.is_some_and(|uri| uri == of("redirect_uri"));
    if !is_good {
        return (StatusCode::BAD_REQUEST, Json(json!({ "error": "invalid_grant" }))).into_response();
    }
    let answer = json!({ "access_token": "token-of-ada", "expires_in": 3599, "token_type": "Bearer" });
    Json(answer).into_response()
}

/// <https://developers.google.com/people/api/rest/v1/people/get>
async fn person(Query(query): Query<Fields>, headers: HeaderMap) -> Response {
    let token = headers.get("authorization").and_then(|value| value.to_str().ok());
    if (token, query.get("personFields").map(String::as_str))
        != (Some("Bearer token-of-ada"), Some("emailAddresses,names"))
    {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    Json(json!({
        "resourceName": "people/1815",
        "names": [{ "metadata": { "primary": true }, "displayName": "Ada Lovelace" }],
        "emailAddresses": [{
            "metadata": { "primary": true, "verified": true },
            "value": "ada@example.com",
        }],
    }))
    .into_response()
}
