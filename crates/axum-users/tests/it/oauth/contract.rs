//! What the original's routes promise.

use axum_users::{Cookie, DatabaseTokens, OAuthOptions, SameSite};
use serde_json::{Value as Json, json};

use super::{
    flow::{CSRF_COOKIE, PUBLIC_URL, app_of, app_with, offer, set},
    provider::{Fault, Person, Provider},
};
use crate::support::{App, BEGINNING, claims};

#[tokio::test]
async fn oa_00_an_honest_flow_twice_leads_to_the_same_user() {
    let provider = Provider::start().await;
    let app = app_of(&provider);
    let alice = Person::new("1", "alice@example.com");

    let first = app.token_by(&provider, &alice).await;
    assert_eq!(
        app.events.take(),
        ["on_before_register", "on_after_register", "on_before_login", "on_after_login"]
            .map(|hook| format!("{hook} alice@example.com"))
    );
    let second = app.token_by(&provider, &alice).await;
    assert_eq!(
        app.events.take(),
        ["on_before_login alice@example.com", "on_after_login alice@example.com"],
        "not registered again"
    );

    let user = app.me(&first).await;
    assert_eq!(app.me(&second).await, user);
    assert_eq!(user["email"], "alice@example.com");
    assert_eq!((&user["is_active"], &user["is_verified"]), (&json!(true), &json!(false)));
}

#[tokio::test]
async fn authorize_answers_with_the_providers_page_and_a_cookie_that_the_state_repeats() {
    let provider = Provider::start().await;
    let app = app_of(&provider);

    let flow = app.begin("/auth/corp/authorize").await;

    assert_eq!(flow.authorization_url.split('?').next(), Some(&*format!("{}/authorize", provider.url())));
    assert_eq!(flow.parameter("response_type"), "code");
    assert_eq!(flow.parameter("client_id"), "client-of-the-tests");
    assert_eq!(flow.parameter("redirect_uri"), format!("{PUBLIC_URL}/auth/corp/callback"));
    assert_eq!(flow.parameter("scope"), "openid email");
    assert_eq!(flow.cookie.len(), 43);
    assert_eq!(
        claims(&flow.parameter("state")),
        json!({
            "csrftoken": flow.cookie, "provider": "corp", "purpose": "login",
            "aud": "fastapi-users:oauth-state", "exp": BEGINNING + 3600
        })
    );
}

#[tokio::test]
async fn authorize_takes_scopes_from_the_query_and_else_from_the_options() {
    let provider = Provider::start().await;
    let app = app_with(&provider, |options| options.scopes(["openid", "groups"]));
    for (query, scope) in [("", "openid groups"), ("?scopes=a&scopes=b+c", "a b c"), ("?scopes=", "")] {
        let flow = app.begin(&format!("/auth/corp/authorize{query}")).await;
        assert_eq!(flow.parameter("scope"), scope, "{query}");
    }
}

#[tokio::test]
async fn oa_30_the_flow_cookie_is_for_this_host_for_an_hour_and_not_for_scripts() {
    let provider = Provider::start().await;
    let cookie = |app: App| async move {
        let answer = app.get("/auth/corp/authorize").await;
        let [cookie] = answer.set_cookies()[..] else { panic!("{answer:?}") };
        let (name_and_value, attributes) = cookie.split_once("; ").unwrap();
        (name_and_value.split('=').next().unwrap().to_owned(), attributes.to_owned())
    };

    let (name, attributes) = cookie(app_of(&provider)).await;
    assert_eq!(name, CSRF_COOKIE);
    assert_eq!(attributes, "HttpOnly; Max-Age=3600; Path=/; SameSite=lax; Secure");

    let other = app_with(&provider, |options| {
        options.csrf_cookie_name("flow").insecure_csrf_cookie().csrf_cookie_same_site(SameSite::Strict)
    });
    let (name, attributes) = cookie(other).await;
    assert_eq!(name, "flow");
    assert_eq!(attributes, "HttpOnly; Max-Age=3600; Path=/; SameSite=strict");
}

#[tokio::test]
async fn the_callback_says_the_providers_error_before_all_else() {
    let provider = Provider::start().await;
    let app = app_of(&provider);
    for (query, detail) in [
        ("", "Bad Request"),
        ("?state=x", "Bad Request"),
        ("?error=access_denied", "access_denied"),
        ("?error=access_denied&code=x&state=x", "access_denied"),
        ("?error=&code=x", ""),
        ("?error_description=no", "Bad Request"),
    ] {
        let answer = app.get(&format!("/auth/corp/callback{query}")).await;
        assert_eq!(answer.error(), (400, json!(detail)), "{query}");
    }
}

#[tokio::test]
async fn se_12_nobody_may_keep_a_login_by_a_provider() {
    let provider = Provider::start().await;
    let app = app_of(&provider);
    let alice = Person::new("1", "alice@example.com");
    for answer in [app.log_in_by(&provider, &alice).await, app.get("/auth/corp/authorize").await] {
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.header("cache-control"), "no-store", "{answer:?}");
    }
}

#[tokio::test]
async fn oa_13_a_providers_error_is_never_raw_in_a_page_nor_long() {
    let provider = Provider::start().await;
    let app = app_of(&provider);
    let markup = "<script>alert(1)</script>".to_owned() + &"x".repeat(3000);

    let answer = app.come_back("/auth/corp/callback", "", &vec![("error".into(), markup)]).await;

    assert_eq!(answer.status, 400);
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    assert!(answer.body.len() < 300, "{}", answer.body);
}

#[tokio::test]
async fn oa_24_without_an_address_nobody_is_logged_in() {
    let provider = Provider::start().await;
    let app = app_of(&provider);
    for person in [
        Person::new("1", "").without("email"),
        Person::new("2", "").with("email", Json::Null),
        Person::new("3", ""),
        Person::new("4", "no address at all"),
    ] {
        let answer = app.log_in_by(&provider, &person).await;
        assert_eq!(answer.error(), (400, json!("OAUTH_NOT_AVAILABLE_EMAIL")), "{person:?}");
    }
    assert_eq!(app.events.take(), [""; 0], "and nobody was registered");
}

#[tokio::test]
async fn oa_31_an_inactive_user_is_refused_as_by_password() {
    let provider = Provider::start().await;
    let app = app_of(&provider);
    let alice = Person::new("1", "alice@example.com");
    let token = app.token_by(&provider, &alice).await;
    let id = app.me(&token).await["id"].as_str().unwrap().parse().unwrap();
    app.set(&app.stored(id).await, "is_active", axum_users::schema::Value::Bool(false)).await;

    let answer = app.log_in_by(&provider, &alice).await;

    assert_eq!(answer.error(), (400, json!("LOGIN_BAD_CREDENTIALS")));
}

#[tokio::test]
async fn a_cookie_backend_answers_the_callback_with_its_cookie() {
    let provider = Provider::start().await;
    let app = App::with(|builder| offer(builder, &provider, OAuthOptions::backend("cookie")));

    let answer = app.log_in_by(&provider, &Person::new("1", "alice@example.com")).await;

    assert_eq!(answer.status, 204, "{answer:?}");
    let session = answer.cookie_value("fastapiusersauth");
    assert_eq!(app.status_of_session(&session).await, 200);
    assert_eq!(answer.cookie_value(CSRF_COOKIE), "\"\"", "the flow's cookie goes");
}

#[tokio::test]
async fn several_providers_and_backends_stand_side_by_side() {
    let provider = Provider::start().await;
    let app = App::with(|builder| {
        let builder = builder.backend("other", Cookie::named("sid"), DatabaseTokens::lasting_seconds(60));
        offer(builder, &provider, OAuthOptions::backend("jwt"))
            .oauth(provider.client().name("corp-cookie"), OAuthOptions::backend("cookie"))
            .oauth(provider.plain_client(), OAuthOptions::backend("other"))
    });
    for (name, status, cookie) in
        [("corp", 200, None), ("corp-cookie", 204, Some("fastapiusersauth")), ("plain", 204, Some("sid"))]
    {
        let person = Person::new("1", &format!("{name}@example.com"));
        let flow = app.begin(&format!("/auth/{name}/authorize")).await;
        let parameters = set(provider.consent(&flow, &person), "iss", None);
        let parameters = if name == "plain" { parameters } else { provider.consent(&flow, &person) };
        let answer = app.come_back(&format!("/auth/{name}/callback"), &flow.cookie, &parameters).await;
        assert_eq!(answer.status, status, "{name}: {answer:?}");
        if let Some(cookie) = cookie {
            assert!(!answer.cookie_value(cookie).is_empty(), "{name}");
        }
    }
}

#[tokio::test]
async fn cr_07_a_provider_that_is_down_stops_nothing_at_the_start_and_is_asked_again() {
    let provider = Provider::start().await;
    provider.breaks("/.well-known/openid-configuration", Fault::Answer(503, "down"));
    let app = app_of(&provider);

    let answer = app.get("/auth/corp/authorize").await;
    assert_eq!(answer.status, 503, "{answer:?}");
    assert_eq!(app.register("bob@example.com", "a horse in the rain").await.status, 201);

    provider.script(|script| script.faults.clear());
    app.token_by(&provider, &Person::new("1", "alice@example.com")).await;
}

#[tokio::test]
async fn methods_that_a_route_does_not_have_are_405() {
    let provider = Provider::start().await;
    let app = app_of(&provider);
    for path in ["/auth/corp/authorize", "/auth/corp/callback", "/auth/associate/corp/callback"] {
        for method in ["POST", "PUT", "HEAD", "DELETE"] {
            if (method, path.contains("associate")) == ("DELETE", true) {
                continue;
            }
            let answer = app.call(method.parse().unwrap(), path).await;
            assert_eq!((answer.status.as_u16(), answer.header("allow")), (405, "GET"), "{method} {path}");
        }
    }
    assert_eq!(app.get("/auth/nobody/authorize").await.status, 404);
}

/// The document of a real FastAPI Users application.
fn recorded() -> Json {
    serde_json::from_str(include_str!("../../data/openapi-fastapi-users.json")).unwrap()
}

#[tokio::test]
async fn the_document_of_the_oauth_routes_is_the_recorded_one() {
    let provider = Provider::start().await;
    let app = app_of(&provider);

    let document = app.users.openapi();

    let recorded = recorded();
    let mut compared = 0;
    for (path, item) in recorded["paths"].as_object().unwrap() {
        if path.contains("/corp/") {
            assert_eq!(document["paths"][path], *item, "{path}");
            compared += 1;
        }
    }
    assert_eq!(compared, 4);
    let name = "OAuth2AuthorizeResponse";
    assert_eq!(document["components"]["schemas"][name], recorded["components"]["schemas"][name]);
}

#[tokio::test]
async fn accounts_in_the_user_are_an_option_that_the_document_knows() {
    let provider = Provider::start().await;
    let app =
        App::with(|builder| offer(builder, &provider, OAuthOptions::backend("jwt")).oauth_accounts_in_user());
    let token = app.token_by(&provider, &Person::new("1", "alice@example.com")).await;

    let mut user = app.me(&token).await;

    let account = &mut user["oauth_accounts"][0];
    assert_eq!(account["id"].take().as_str().map(str::len), Some(36));
    assert_eq!(
        *account,
        json!({
            "id": null, "oauth_name": "corp", "access_token": "access-2", "expires_at": BEGINNING + 3600,
            "refresh_token": "refresh-2", "account_id": "1", "account_email": "alice@example.com"
        })
    );
    assert_eq!(user["email"], "alice@example.com");
    let document = app.users.openapi();
    assert_eq!(
        document["components"]["schemas"]["UserRead"]["properties"]["oauth_accounts"]["type"],
        "array"
    );

    let plain = app_of(&provider);
    let token = plain.token_by(&provider, &Person::new("1", "alice@example.com")).await;
    assert_eq!(plain.me(&token).await["oauth_accounts"], Json::Null, "not by default");
}
