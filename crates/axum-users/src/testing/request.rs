//! Requests to an application under test, and its answers.

use std::{fmt, future::IntoFuture, pin::Pin};

use axum::{
    body::{Body, Bytes, to_bytes},
    http::{
        HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode,
        header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, SET_COOKIE},
    },
    response::Response,
};
use serde_json::Value as Json;
use tower::ServiceExt;

use super::TestApp;
use crate::{RequestInfo, UserModel};

impl<U: UserModel> TestApp<U> {
    /// A GET request; `.await` sends it.
    pub fn get(&self, path: &str) -> TestRequest<'_, U> {
        self.request(Method::GET, path)
    }

    /// A POST request.
    pub fn post(&self, path: &str) -> TestRequest<'_, U> {
        self.request(Method::POST, path)
    }

    /// A PUT request.
    pub fn put(&self, path: &str) -> TestRequest<'_, U> {
        self.request(Method::PUT, path)
    }

    /// A PATCH request.
    pub fn patch(&self, path: &str) -> TestRequest<'_, U> {
        self.request(Method::PATCH, path)
    }

    /// A DELETE request.
    pub fn delete(&self, path: &str) -> TestRequest<'_, U> {
        self.request(Method::DELETE, path)
    }

    /// A request of any method.
    pub fn request(&self, method: Method, path: &str) -> TestRequest<'_, U> {
        let request = Request::builder().method(method).uri(path).body(Body::empty());
        let request = request.unwrap_or_else(|error| panic!("`{path}` is no path: {error}"));
        TestRequest { app: self, request, as_user: None }
    }
}

/// A request on its way; `.await` sends it.
///
/// ```
/// use axum_users::{User, testing::{TestApp, TestRequest}};
///
/// fn change<'a>(app: &'a TestApp<User>, user: &User) -> TestRequest<'a, User> {
///     app.patch("/users/me").as_user(user).json(r#"{"email": "ada@example.org"}"#)
/// }
/// ```
#[must_use = "`.await` sends it"]
pub struct TestRequest<'a, U: UserModel> {
    app: &'a TestApp<U>,
    request: Request<Body>,
    as_user: Option<(U, Option<&'a str>)>,
}

impl<U: UserModel> fmt::Debug for TestRequest<'_, U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestRequest")
            .field("method", self.request.method())
            .field("uri", self.request.uri())
            .finish_non_exhaustive()
    }
}

impl<'a, U: UserModel> TestRequest<'a, U> {
    /// Sends it as this user, who is logged in by the first backend for it, without a password.
    pub fn as_user(mut self, user: &U) -> Self {
        self.as_user = Some((user.clone(), None));
        self
    }

    /// The same with the backend of this name.
    pub fn as_user_by(mut self, backend: &'a str, user: &U) -> Self {
        self.as_user = Some((user.clone(), Some(backend)));
        self
    }

    /// Adds a header.
    ///
    /// # Panics
    /// If it cannot be one.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let name = HeaderName::try_from(name).unwrap_or_else(|_| panic!("`{name}` is no header's name"));
        let value = HeaderValue::from_bytes(value.as_bytes());
        let value = value.unwrap_or_else(|_| panic!("the value of `{name}` cannot be sent"));
        self.request.headers_mut().append(name, value);
        self
    }

    /// Sends JSON: a `serde_json::Value`, or its text.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "`json!(…)` stands there as it is, and a reference may"
    )]
    pub fn json(self, body: impl ToString) -> Self {
        self.body("application/json", body.to_string())
    }

    /// Sends a form, as a login does.
    pub fn form(self, fields: &[(&str, &str)]) -> Self {
        let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.body("application/x-www-form-urlencoded", form)
    }

    /// Sends any body.
    pub fn body(mut self, content_type: &'static str, body: impl Into<Body>) -> Self {
        *self.request.body_mut() = body.into();
        self.request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        self
    }

    async fn send(mut self) -> TestResponse {
        if let Some((user, backend)) = &self.as_user {
            let (name, value) = self.app.credentials(user, *backend).await;
            self.request.headers_mut().append(name, value);
        }
        let Ok(response) = self.app.router.clone().oneshot(self.request).await;
        TestResponse::read(response).await
    }
}

impl<'a, U: UserModel> IntoFuture for TestRequest<'a, U> {
    type Output = TestResponse;
    type IntoFuture = Pin<Box<dyn Future<Output = TestResponse> + Send + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.send())
    }
}

impl<U: UserModel> TestApp<U> {
    /// Logs a user in, and answers the header that shows it.
    async fn credentials(&self, user: &U, backend: Option<&str>) -> (HeaderName, HeaderValue) {
        let first = || self.users.inner.backends.first().map(|backend| backend.name.as_str());
        let backend = backend.or_else(first).unwrap_or_else(|| panic!("the application has no backend"));
        let response = self.users.login(backend, user, &RequestInfo::default()).await;
        let response = response.unwrap_or_else(|error| panic!("`{backend}` logs nobody in: {error}"));
        let response = TestResponse::read(response).await;
        let cookie = response.headers.get(SET_COOKIE).and_then(|cookie| cookie.to_str().ok());
        let (name, value) = match (cookie, response.json()["access_token"].as_str()) {
            (Some(cookie), _) => (COOKIE, cookie.split(';').next().unwrap_or_default().to_owned()),
            (None, Some(token)) => (AUTHORIZATION, format!("Bearer {token}")),
            (None, None) => panic!("`{backend}` has a transport of your own: add its header by `header`"),
        };
        let value = HeaderValue::from_str(&value);
        (name, value.unwrap_or_else(|_| panic!("what `{backend}` gave cannot be sent")))
    }
}

/// An answer.
///
/// ```
/// use axum_users::testing::TestResponse;
///
/// fn code(response: &TestResponse) -> String {
///     response.json()["detail"].as_str().unwrap_or_default().to_owned()
/// }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TestResponse {
    /// Its status; compares with a number.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

impl TestResponse {
    async fn read(response: Response) -> Self {
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await;
        let body = body.unwrap_or_else(|error| panic!("the answer broke off: {error}"));
        Self { status: parts.status, headers: parts.headers, body }
    }

    /// The body as JSON; null where it is none.
    #[must_use]
    pub fn json(&self) -> Json {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}
