//! A browser on its way to a provider and back.

use axum_users::{OAuthOptions, User, UserModel, UsersBuilder};
use serde_json::Value as Json;

use super::provider::{Person, Provider};
use crate::support::{Answer, App, Call};

/// Where browsers reach the application of every test.
pub const PUBLIC_URL: &str = "https://app.example.com";

pub const CSRF_COOKIE: &str = "fastapiusersoauthcsrf";

/// Parameters of a URL, in order.
pub type Parameters = Vec<(String, String)>;

/// The last parameter of this name; empty without one.
pub fn last<'a>(parameters: &'a Parameters, name: &str) -> &'a str {
    parameters.iter().rfind(|(known, _)| known == name).map_or("", |(_, value)| value)
}

/// The same parameters with one set, or taken away.
pub fn set(mut parameters: Parameters, name: &str, value: Option<&str>) -> Parameters {
    parameters.retain(|(known, _)| known != name);
    parameters.extend(value.map(|value| (name.to_owned(), value.to_owned())));
    parameters
}

pub fn query(parameters: &Parameters) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish()
}

/// A flow that has begun.
#[derive(Clone, Debug)]
pub struct Flow {
    pub authorization_url: String,
    /// What binds it to the browser.
    pub cookie: String,
}

impl Flow {
    /// A parameter of the authorization URL; empty without it.
    pub fn parameter(&self, name: &str) -> String {
        let (_, query) = self.authorization_url.split_once('?').unwrap_or_default();
        let mut parameters = form_urlencoded::parse(query.as_bytes());
        parameters.find(|(known, _)| known == name).map_or_else(String::new, |(_, value)| value.into_owned())
    }
}

/// An application that offers the provider as `corp` and logs in with a bearer token.
pub fn app_of(provider: &Provider) -> App {
    app_with(provider, |options| options)
}

/// The same with other options.
pub fn app_with(provider: &Provider, options: impl FnOnce(OAuthOptions<User>) -> OAuthOptions<User>) -> App {
    App::with(|builder| offer(builder, provider, options(OAuthOptions::backend("jwt"))))
}

/// Offers the provider as `corp`.
pub fn offer<U: UserModel>(
    builder: UsersBuilder<U>,
    provider: &Provider,
    options: OAuthOptions<U>,
) -> UsersBuilder<U> {
    builder.clock(provider.clock().clone()).public_url(PUBLIC_URL).oauth(provider.client(), options)
}

impl<U: UserModel> App<U> {
    /// Begins a flow: `/auth/corp/authorize`, with a query if need be.
    pub async fn begin(&self, path: &str) -> Flow {
        Self::begun(&self.get(path).await)
    }

    /// Begins to link an account.
    pub async fn begin_linking(&self, token: &str) -> Flow {
        Self::begun(&self.get("/auth/associate/corp/authorize").bearer(token).await)
    }

    pub fn begun(answer: &Answer) -> Flow {
        assert_eq!(answer.status, 200, "{answer:?}");
        let authorization_url = answer.json()["authorization_url"].as_str().unwrap().to_owned();
        Flow { authorization_url, cookie: answer.cookie_value(CSRF_COOKIE) }
    }

    /// Comes back to a callback.
    pub fn come_back(&self, path: &str, cookie: &str, parameters: &Parameters) -> Call {
        self.get(&format!("{path}?{}", query(parameters))).cookie(CSRF_COOKIE, cookie)
    }

    /// Comes back to the login's callback.
    pub fn come_to_login(&self, flow: &Flow, parameters: &Parameters) -> Call {
        self.come_back("/auth/corp/callback", &flow.cookie, parameters)
    }

    /// Comes back to the linking's callback.
    pub fn come_to_link(&self, token: &str, flow: &Flow, parameters: &Parameters) -> Call {
        self.come_back("/auth/associate/corp/callback", &flow.cookie, parameters).bearer(token)
    }

    /// Logs in with an account at `corp`, all the way.
    pub async fn log_in_by(&self, provider: &Provider, person: &Person) -> Answer {
        let flow = self.begin("/auth/corp/authorize").await;
        self.come_to_login(&flow, &provider.consent(&flow, person)).await
    }

    /// The same, to a bearer token.
    pub async fn token_by(&self, provider: &Provider, person: &Person) -> String {
        access_token(&self.log_in_by(provider, person).await)
    }

    /// Links an account to the user of a token.
    pub async fn link_by(&self, provider: &Provider, token: &str, person: &Person) -> Answer {
        let flow = self.begin_linking(token).await;
        self.come_to_link(token, &flow, &provider.consent(&flow, person)).await
    }

    /// What the user of a token is shown of himself.
    pub async fn me(&self, token: &str) -> Json {
        let answer = self.get("/users/me").bearer(token).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }
}

/// The token of a bearer login.
pub fn access_token(answer: &Answer) -> String {
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["access_token"].as_str().unwrap().to_owned()
}
