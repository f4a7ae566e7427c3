//! PKCE, nonce, and who issues the answers.

use axum_users::{OAuthOptions, reqwest_oauth::Pkce};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

use super::{
    flow::{app_of, last, offer, set},
    provider::{CLIENT_SECRET, Person, Provider},
};
use crate::support::App;

fn alice() -> Person {
    Person::new("1", "alice@example.com")
}

#[tokio::test]
async fn oa_07_a_code_is_good_once_and_its_second_use_is_no_500() {
    let provider = Provider::start().await;
    let app = app_of(&provider);
    let first = app.begin("/auth/corp/authorize").await;
    let used = provider.consent(&first, &alice());
    assert_eq!(app.come_to_login(&first, &used).await.status, 200);

    let second = app.begin("/auth/corp/authorize").await;
    let again = set(used, "state", Some(&second.parameter("state")));
    let answer = app.come_to_login(&second, &again).await;

    assert_eq!(answer.status, 400, "{answer:?}");
    let detail = answer.json()["detail"].as_str().unwrap().to_owned();
    assert!(detail.starts_with("Client error '400 Bad Request' for url"), "the original's text: {detail}");
    assert!(!detail.contains("code-") && !detail.contains(CLIENT_SECRET), "{detail}");
}

#[tokio::test]
async fn oa_08_each_flow_has_a_challenge_of_its_own_and_the_verifier_that_meets_it() {
    let provider = Provider::start().await;
    let app = app_of(&provider);
    let mut challenges = Vec::new();
    for _ in 0..2 {
        let flow = app.begin("/auth/corp/authorize").await;
        assert_eq!(flow.parameter("code_challenge_method"), "S256");
        let parameters = provider.consent(&flow, &alice());
        // Ours wins over what a caller says.
        let parameters = set(parameters, "code_verifier", Some("another"));
        assert_eq!(app.come_to_login(&flow, &parameters).await.status, 200);
        let [request] = &provider.requests("/token")[..] else { panic!("one token request") };
        let verifier = request.field("code_verifier");
        assert!((43..=128).contains(&verifier.len()), "RFC 7636 section 4.1: {verifier}");
        assert_ne!(verifier, flow.cookie, "it is not what the browser knows");
        assert_eq!(URL_SAFE_NO_PAD.encode(Sha256::digest(verifier)), flow.parameter("code_challenge"));
        challenges.push(flow.parameter("code_challenge"));
    }
    assert_ne!(challenges[0], challenges[1]);
}

#[tokio::test]
async fn oa_09_a_stolen_code_in_another_flow_is_refused() {
    let provider = Provider::start().await;
    let without_pkce = || provider.client().name("nonce-only").pkce(Pkce::Never);
    let app = App::with(|builder| {
        offer(builder, &provider, OAuthOptions::backend("jwt"))
            .oauth(without_pkce(), OAuthOptions::backend("jwt"))
    });
    for name in ["corp", "nonce-only"] {
        let path = format!("/auth/{name}/callback");
        let victim = app.begin(&format!("/auth/{name}/authorize")).await;
        let attacker = app.begin(&format!("/auth/{name}/authorize")).await;
        let stolen = provider.consent(&victim, &alice());
        let injected = set(stolen, "state", Some(&attacker.parameter("state")));

        let answer = app.come_back(&path, &attacker.cookie, &injected).await;

        assert_eq!(answer.status, 400, "{name}: {answer:?}");
        assert_eq!(answer.json()["access_token"], Json::Null, "{name}");
    }
    let detail = "The ID token was refused: its nonce is another one";
    let (flow, other) =
        (app.begin("/auth/nonce-only/authorize").await, app.begin("/auth/nonce-only/authorize").await);
    let injected = set(provider.consent(&flow, &alice()), "state", Some(&other.parameter("state")));
    let answer = app.come_back("/auth/nonce-only/callback", &other.cookie, &injected).await;
    assert_eq!(answer.error(), (400, json!(detail)), "without PKCE, the nonce stops it");
}

#[tokio::test]
async fn oa_10_and_oa_11_a_callback_of_another_issuer_is_refused_before_the_code_is_spent() {
    let provider = Provider::start().await;
    let app = app_of(&provider);
    let flow = app.begin("/auth/corp/authorize").await;
    let parameters = provider.consent(&flow, &alice());
    let slash = format!("{}/", provider.url());
    for iss in [Some("https://evil.example.net"), Some(""), Some(&*slash), None] {
        let answer = app.come_to_login(&flow, &set(parameters.clone(), "iss", iss)).await;
        assert_eq!(answer.error(), (400, json!("OAUTH_INVALID_STATE")), "{iss:?}");
    }
    assert_eq!(provider.requests("/token").len(), 0);
    assert_eq!(app.come_to_login(&flow, &parameters).await.status, 200);
}

#[tokio::test]
async fn oa_11_an_issuer_that_promises_nothing_need_not_say_who_it_is() {
    let provider = Provider::start().await;
    let promise = "authorization_response_iss_parameter_supported";
    provider.script(|script| script.document.push((promise, false.into())));
    let app = app_of(&provider);
    let flow = app.begin("/auth/corp/authorize").await;
    let parameters = provider.consent(&flow, &alice());

    let wrong = app.come_to_login(&flow, &set(parameters.clone(), "iss", Some("https://evil"))).await;
    assert_eq!(wrong.error(), (400, json!("OAUTH_INVALID_STATE")), "but what it says has to be right");
    assert_eq!(app.come_to_login(&flow, &set(parameters, "iss", None)).await.status, 200);
}

#[tokio::test]
async fn oa_12_each_flow_has_a_nonce_of_its_own() {
    let provider = Provider::start().await;
    let app = app_of(&provider);
    let (one, two) = (app.begin("/auth/corp/authorize").await, app.begin("/auth/corp/authorize").await);
    assert_eq!(one.parameter("nonce").len(), 43);
    assert_ne!(one.parameter("nonce"), two.parameter("nonce"));
    assert_ne!(one.parameter("nonce"), one.parameter("code_challenge"));

    provider.script(|script| script.id_token = vec![("nonce", two.parameter("nonce").into())]);
    let answer = app.come_to_login(&one, &provider.consent(&one, &alice())).await;
    assert_eq!(answer.error(), (400, json!("The ID token was refused: its nonce is another one")));
}

#[tokio::test]
async fn oa_28_the_token_request_repeats_the_redirect_uri_to_the_letter() {
    let provider = Provider::start().await;
    let app = app_of(&provider);
    let flow = app.begin("/auth/corp/authorize").await;
    let parameters = provider.consent(&flow, &alice());
    let answer = app.come_to_login(&flow, &parameters).header("host", "evil.example.net").await;
    assert_eq!(answer.status, 200);
    let [request] = &provider.requests("/token")[..] else { panic!("one token request") };
    assert_eq!(request.field("redirect_uri"), flow.parameter("redirect_uri"));
    assert_eq!(request.field("code"), last(&parameters, "code"));
}
