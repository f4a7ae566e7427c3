//! Requests and answers.

use std::pin::Pin;

use axum::{
    Router,
    body::Body,
    http::{
        HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode,
        header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, SET_COOKIE},
        request::Builder,
    },
};
use http_body_util::BodyExt;
use serde_json::Value as Json;
use tower::ServiceExt;

/// Sends requests to a router.
#[derive(Clone)]
pub struct Client(Router);

impl Client {
    pub fn of(router: Router) -> Self {
        Self(router)
    }

    pub fn get(&self, path: &str) -> Call {
        self.call(Method::GET, path)
    }

    pub fn post(&self, path: &str) -> Call {
        self.call(Method::POST, path)
    }

    pub fn patch(&self, path: &str) -> Call {
        self.call(Method::PATCH, path)
    }

    pub fn delete(&self, path: &str) -> Call {
        self.call(Method::DELETE, path)
    }

    pub fn call(&self, method: Method, path: &str) -> Call {
        let request = Request::builder().method(method).uri(path);
        Call { router: self.0.clone(), request, body: Body::empty() }
    }
}

/// A request on its way; `.await` sends it.
#[must_use = "await it"]
pub struct Call {
    router: Router,
    request: Builder,
    body: Body,
}

impl Call {
    pub fn header(mut self, name: impl TryInto<HeaderName>, value: &str) -> Self {
        let name = name.try_into().ok().expect("a header's name");
        self.request = self.request.header(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        self
    }

    pub fn bearer(self, token: &str) -> Self {
        self.header(AUTHORIZATION, &format!("Bearer {token}"))
    }

    pub fn cookie(self, name: &str, value: &str) -> Self {
        self.header(COOKIE, &format!("{name}={value}"))
    }

    pub fn body(mut self, content_type: &str, bytes: impl Into<Body>) -> Self {
        self.body = bytes.into();
        self.header(CONTENT_TYPE, content_type)
    }

    pub fn json(self, json: impl Into<Json>) -> Self {
        self.body("application/json", json.into().to_string())
    }

    pub fn form(self, fields: &[(&str, &str)]) -> Self {
        let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.body("application/x-www-form-urlencoded", form)
    }
}

impl IntoFuture for Call {
    type Output = Answer;
    type IntoFuture = Pin<Box<dyn Future<Output = Answer> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let request = self.request.body(self.body).unwrap();
            let (parts, body) = self.router.oneshot(request).await.unwrap().into_parts();
            let bytes = body.collect().await.unwrap().to_bytes();
            let body = String::from_utf8(bytes.to_vec()).unwrap();
            Answer { status: parts.status, headers: parts.headers, body }
        })
    }
}

/// One answer.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answer {
    /// The body as JSON; null when there is none.
    pub fn json(&self) -> Json {
        serde_json::from_str(&self.body).unwrap_or_default()
    }

    /// The status and the `detail` of an error.
    pub fn error(&self) -> (u16, Json) {
        (self.status.as_u16(), self.json()["detail"].clone())
    }

    /// The status and the entries of a 422 as `type` and place: `missing body.email`.
    pub fn bad_fields(&self) -> (u16, Vec<String>) {
        let entries = self.json()["detail"].as_array().cloned().unwrap_or_default();
        let place = |entry: &Json| {
            let steps = entry["loc"].as_array().cloned().unwrap_or_default();
            let steps =
                steps.iter().map(|step| step.as_str().map_or_else(|| step.to_string(), str::to_owned));
            steps.collect::<Vec<_>>().join(".")
        };
        let entries =
            entries.iter().map(|entry| format!("{} {}", entry["type"].as_str().unwrap_or("?"), place(entry)));
        (self.status.as_u16(), entries.collect())
    }

    /// A header's text; empty without the header.
    pub fn header(&self, name: impl axum::http::header::AsHeaderName) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Every `Set-Cookie`.
    pub fn set_cookies(&self) -> Vec<&str> {
        self.headers.get_all(SET_COOKIE).iter().map(|value| value.to_str().unwrap()).collect()
    }

    /// The value of the cookie that was set by this name.
    pub fn cookie_value(&self, name: &str) -> String {
        let cookies = self.set_cookies();
        let value = cookies.iter().find_map(|cookie| cookie.strip_prefix(name)?.strip_prefix('='));
        let value = value.unwrap_or_else(|| panic!("no cookie `{name}` in {cookies:?}"));
        value.split(';').next().unwrap_or_default().to_owned()
    }
}
