//! Back to the front end: the allow-list, the cookie, the one-time code, and providers that post.

use axum::Router;
use axum_users::{
    OAuthOptions, User,
    reqwest_oauth::{
        AuthorizationRequest, CodeExchange, Identity, OAuth2Token, OAuthClient, OAuthError, OpenId,
    },
};
use serde_json::{Value as Json, json};

use super::{
    flow::{CSRF_COOKIE, Flow, Parameters, app_with, offer, query},
    provider::{Person, Provider},
};
use crate::support::{Answer, App, Client};

const TARGET: &str = "https://front.example.com/app";

fn alice() -> Person {
    Person::new("1", "alice@example.com")
}

fn with_targets(provider: &Provider, backend: &'static str) -> App {
    let options = OAuthOptions::backend(backend).redirect_targets([TARGET, "http://localhost:3000"]);
    App::with(|builder| offer(builder, provider, options))
}

fn authorize(redirect_to: &str) -> String {
    format!("/auth/corp/authorize?{}", query(&vec![("redirect_to".into(), redirect_to.into())]))
}

async fn log_in(app: &App, provider: &Provider, redirect_to: &str) -> Answer {
    let flow = app.begin(&authorize(redirect_to)).await;
    app.come_to_login(&flow, &provider.consent(&flow, &alice())).await
}

fn code_in(answer: &Answer) -> String {
    let location = answer.header("location");
    location.split_once("code=").unwrap_or_else(|| panic!("{answer:?}")).1.to_owned()
}

async fn exchange(app: &App, code: &str) -> Answer {
    app.post("/auth/jwt/exchange").json(json!({ "code": code })).await
}

#[tokio::test]
async fn oa_29_redirects_to_strangers_are_refused_and_other_parameters_are_not_looked_at() {
    let provider = Provider::start().await;
    let app = with_targets(&provider, "cookie");
    for evil in [
        "https://evil.example.net",
        "//evil.example.net",
        "\\\\evil.example.net",
        "/\\evil.example.net",
        "javascript:alert(1)",
        "data:text/html,x",
        "https://front.example.com.evil.example.net/app",
        "https://front.example.com@evil.example.net/app",
        "https://user@front.example.com/app",
        "https://front.example.com:8443/app",
        "http://front.example.com/app",
        "https://front.example.com/",
        "https://front.example.com/apple",
        "https://front.example.com/app/../admin",
        "https://front.example.com/app/%2e%2e/admin",
        "https://front.example.com\\@evil.example.net/app",
        "https:evil.example.net/app",
        "/app",
        "app",
        "",
    ] {
        let answer = app.get(&authorize(evil)).await;
        assert_eq!(answer.error(), (400, json!("redirect_to is not one of the allowed targets")), "{evil}");
    }
    let long = format!("{TARGET}?{}", "x".repeat(2000));
    assert_eq!(app.get(&authorize(&long)).await.status, 400, "it travels in the state");

    for name in ["next", "redirect", "return_to", "callbackURL", "redirect_uri"] {
        let flow = app.begin(&format!("/auth/corp/authorize?{name}=https%3A%2F%2Fevil.example.net")).await;
        let mut parameters = provider.consent(&flow, &alice());
        parameters.push((name.into(), "https://evil.example.net".into()));
        parameters.push(("redirect_to".into(), "https://evil.example.net".into()));
        let answer = app.come_to_login(&flow, &parameters).await;
        assert_eq!((answer.status.as_u16(), answer.header("location")), (204, ""), "{name}");
    }
}

#[tokio::test]
async fn no_target_is_allowed_by_default() {
    let provider = Provider::start().await;
    let app = app_with(&provider, |options| options);
    for target in [TARGET, "https://app.example.com/"] {
        assert_eq!(app.get(&authorize(target)).await.status, 400, "{target}");
    }
    assert_eq!(app.post("/auth/jwt/exchange").json(json!({ "code": "x" })).await.status, 404);
}

#[tokio::test]
async fn a_cookie_backend_sets_its_cookie_on_the_way_to_the_front_end() {
    let provider = Provider::start().await;
    let app = with_targets(&provider, "cookie");
    for target in [TARGET, "https://front.example.com/app/done?x=1#/y", "http://localhost:3000/anything"] {
        let answer = log_in(&app, &provider, target).await;
        assert_eq!((answer.status.as_u16(), answer.header("location")), (303, target));
        assert_eq!(app.status_of_session(&answer.cookie_value("fastapiusersauth")).await, 200);
        assert_eq!(answer.cookie_value(CSRF_COOKIE), "\"\"");
        assert_eq!(answer.body, "");
    }
}

#[tokio::test]
async fn any_other_backend_gives_a_code_that_is_good_once() {
    let provider = Provider::start().await;
    let app = with_targets(&provider, "jwt");
    let answer = log_in(&app, &provider, TARGET).await;
    assert_eq!(answer.status, 303);
    assert!(answer.header("location").starts_with("https://front.example.com/app?code="), "{answer:?}");
    let code = code_in(&answer);
    assert_eq!(app.status_of(&code).await, 401, "the code is no token");
    assert_eq!(app.events.take().len(), 2, "nobody is logged in yet");

    let login = exchange(&app, &code).await;

    let token = super::flow::access_token(&login);
    assert_eq!(app.me(&token).await["email"], "alice@example.com");
    assert_eq!(app.events.take(), ["on_before_login alice@example.com", "on_after_login alice@example.com"]);
    let again = exchange(&app, &code).await;
    assert_eq!(again.error(), (400, json!("EXCHANGE_BAD_CODE")));
}

#[tokio::test]
async fn the_code_joins_the_query_of_the_target() {
    let provider = Provider::start().await;
    let app = with_targets(&provider, "jwt");
    let answer = log_in(&app, &provider, "https://front.example.com/app?flow=7#/done").await;
    let location = answer.header("location");
    let (before, after) = location.split_once("&code=").unwrap();
    assert_eq!(before, "https://front.example.com/app?flow=7");
    assert!(after.ends_with("#/done"), "{location}");
}

#[tokio::test]
async fn a_code_is_for_its_backend_for_a_minute_and_nobody_else_makes_one() {
    let provider = Provider::start().await;
    let app = App::with(|builder| {
        let builder = builder.backend(
            "other",
            axum_users::Bearer::default(),
            axum_users::DatabaseTokens::lasting_seconds(60),
        );
        let options = |backend| OAuthOptions::backend(backend).redirect_targets([TARGET]);
        offer(builder, &provider, options("jwt")).oauth(provider.client().name("corp2"), options("other"))
    });
    app.has("bob@example.com").await;
    let state = app.begin(&authorize(TARGET)).await.parameter("state");
    let token = app.token("bob@example.com").await;
    for bad in ["", "garbage", &state, &token] {
        assert_eq!(exchange(&app, bad).await.error(), (400, json!("EXCHANGE_BAD_CODE")), "{bad}");
    }
    for body in [json!({}), json!({ "code": null }), json!({ "code": 5 }), json!([])] {
        assert_eq!(app.post("/auth/jwt/exchange").json(body.clone()).await.status, 422, "{body}");
    }

    let code = code_in(&log_in(&app, &provider, TARGET).await);
    let elsewhere = app.post("/auth/other/exchange").json(json!({ "code": code })).await;
    assert_eq!(elsewhere.error(), (400, json!("EXCHANGE_BAD_CODE")), "the code of another backend");
    provider.clock().advance_seconds(60);
    assert_eq!(exchange(&app, &code).await.error(), (400, json!("EXCHANGE_BAD_CODE")), "a minute later");
}

#[tokio::test]
async fn a_user_who_was_deactivated_meanwhile_exchanges_nothing() {
    let provider = Provider::start().await;
    let app = with_targets(&provider, "jwt");
    let code = code_in(&log_in(&app, &provider, TARGET).await);
    let user = app.users.get_by_email("alice@example.com").await.unwrap().unwrap();
    app.set(&user, "is_active", axum_users::schema::Value::Bool(false)).await;
    assert_eq!(exchange(&app, &code).await.error(), (400, json!("EXCHANGE_BAD_CODE")));
}

#[tokio::test]
async fn linking_goes_back_to_the_front_end_too() {
    let provider = Provider::start().await;
    let app = with_targets(&provider, "jwt");
    app.has("bob@example.com").await;
    let token = app.token("bob@example.com").await;
    let path = authorize(TARGET).replace("/auth/corp/", "/auth/associate/corp/");
    let flow = App::<User>::begun(&app.get(&path).bearer(&token).await);

    let answer = app.come_to_link(&token, &flow, &provider.consent(&flow, &alice())).await;

    assert_eq!((answer.status.as_u16(), answer.header("location")), (303, TARGET), "and no code");
}

#[tokio::test]
async fn the_document_has_the_exchange_and_the_unlinking() {
    let provider = Provider::start().await;
    let app = with_targets(&provider, "jwt");
    let document = app.users.openapi();
    let answers = |path: &str, method: &str| {
        let responses = document["paths"][path][method]["responses"].as_object().unwrap();
        responses.keys().cloned().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(answers("/auth/jwt/exchange", "post"), "200 400 422");
    assert_eq!(answers("/auth/associate/corp/{account_id}", "delete"), "204 400 401 404 422");
    assert_eq!(document["paths"]["/auth/cookie/exchange"], Json::Null);
}

/// The scripted provider's client, which says that its callback is posted.
struct Posting(OpenId);

impl OAuthClient for Posting {
    fn name(&self) -> &str {
        "posting"
    }

    fn supports_pkce(&self) -> bool {
        self.0.supports_pkce()
    }

    fn uses_nonce(&self) -> bool {
        self.0.uses_nonce()
    }

    fn callback_is_posted(&self) -> bool {
        true
    }

    async fn authorization_url(&self, request: &AuthorizationRequest<'_>) -> Result<String, OAuthError> {
        self.0.authorization_url(request).await
    }

    async fn access_token(&self, exchange: &CodeExchange<'_>) -> Result<OAuth2Token, OAuthError> {
        self.0.access_token(exchange).await
    }

    async fn identity(&self, token: &OAuth2Token, nonce: Option<&str>) -> Result<Identity, OAuthError> {
        self.0.identity(token, nonce).await
    }
}

fn form(parameters: &Parameters) -> Vec<(&str, &str)> {
    parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

#[tokio::test]
async fn a_posted_callback_is_sent_on_to_the_get_that_has_the_cookie() {
    let provider = Provider::start().await;
    let app = App::with(|builder| {
        offer(builder, &provider, OAuthOptions::backend("jwt"))
            .oauth(Posting(provider.client()), OAuthOptions::backend("jwt"))
    });
    let flow: Flow = app.begin("/auth/posting/authorize").await;
    let parameters = provider.consent(&flow, &alice());
    let mut posted = parameters.clone();
    posted.push(("id_token".into(), "not to be in a URL".into()));
    // From another site the browser sends no cookie along.
    let answer = app.post("/auth/posting/callback").form(&form(&posted)).await;

    assert_eq!(answer.status, 303, "{answer:?}");
    let location = answer.header("location");
    assert_eq!(location, format!("?{}", query(&parameters)), "the same path, wherever it is mounted");

    let back = app.get(&format!("/auth/posting/callback{location}")).cookie(CSRF_COOKIE, &flow.cookie).await;
    super::flow::access_token(&back);

    let refused = app.post("/auth/corp/callback").form(&form(&posted)).await;
    assert_eq!(
        (refused.status.as_u16(), refused.header("allow")),
        (405, "GET"),
        "all others stay as they are"
    );
}

#[tokio::test]
async fn a_nested_application_is_sent_back_to_where_it_is() {
    let provider = Provider::start().await;
    let app = App::with(|builder| {
        offer(builder, &provider, OAuthOptions::backend("jwt"))
            .mount("/api")
            .oauth(Posting(provider.client()), OAuthOptions::backend("jwt"))
    });
    let users = app.users.clone();
    let router = Router::new().nest("/api", Router::new().merge(users.router()).with_state(users));
    let client = Client::of(router);
    let answer = client.post("/api/auth/posting/callback").form(&[("code", "x"), ("state", "y")]).await;
    assert_eq!((answer.status.as_u16(), answer.header("location")), (303, "?code=x&state=y"));
}
