//! ID tokens that lie (OpenID Connect Core section 3.1.3.7), and documents that do.

use axum_users::OAuthOptions;
use serde_json::{Value as Json, json};

use super::{
    flow::{app_of, offer, set},
    provider::{CLIENT_ID, Fault, Person, Provider, Script, Signature},
};
use crate::support::{App, BEGINNING};

fn alice() -> Person {
    Person::new("1", "alice@example.com")
}

/// What the callback says while the provider does this.
async fn refusal(provider: &Provider, app: &App, change: impl FnOnce(&mut Script)) -> (u16, Json) {
    provider.script(change);
    let answer = app.log_in_by(provider, &alice()).await;
    provider.script(|script| *script = Script::default());
    answer.error()
}

#[tokio::test]
async fn oa_40_an_id_token_that_lies_logs_nobody_in() {
    let provider = Provider::start().await;
    let app = app_of(&provider);
    let two = || json!([CLIENT_ID, "another"]);
    let table: [(&str, &str, Vec<(&'static str, Json)>); 12] = [
        ("another issuer", "it is from another issuer", vec![("iss", json!("https://evil.example.net"))]),
        ("no issuer", "it is from another issuer", vec![("iss", Json::Null)]),
        ("another audience", "it is for another audience", vec![("aud", json!("another"))]),
        ("no audience", "it is for another audience", vec![("aud", Json::Null)]),
        ("two audiences and no party", "it was issued to another party", vec![("aud", two())]),
        ("another party", "it was issued to another party", vec![("aud", two()), ("azp", json!("another"))]),
        ("expired", "it has expired", vec![("exp", json!(BEGINNING - 120))]),
        ("no expiry", "it has expired", vec![("exp", Json::Null)]),
        ("issued tomorrow", "it is not valid yet", vec![("iat", json!(BEGINNING + 86400))]),
        ("no subject", "it names no subject", vec![("sub", Json::Null)]),
        ("no nonce", "its nonce is another one", vec![("nonce", Json::Null)]),
        ("another access token", "it belongs to another access token", vec![("at_hash", json!("x"))]),
    ];
    for (what, reason, claims) in table {
        let refused = refusal(&provider, &app, |script| script.id_token = claims).await;
        assert_eq!(refused, (400, json!(format!("The ID token was refused: {reason}"))), "{what}");
    }
    assert_eq!(app.events.take(), [""; 0], "nobody was registered");
    app.token_by(&provider, &alice()).await;
}

#[tokio::test]
async fn oa_40_an_id_token_of_a_foreign_signature_logs_nobody_in() {
    let provider = Provider::start().await;
    let app = app_of(&provider);
    for (signature, reason) in [
        (Signature::None, "its algorithm is not allowed"),
        (Signature::ClientSecret, "its algorithm is not allowed"),
        (Signature::ForeignKey, "its signature is wrong"),
        (Signature::UnknownKey, "its key is unknown"),
    ] {
        let refused = refusal(&provider, &app, |script| script.signature = signature).await;
        assert_eq!(refused, (400, json!(format!("The ID token was refused: {reason}"))), "{signature:?}");
    }
}

#[tokio::test]
async fn oa_40_keys_that_cannot_be_had_are_the_providers_fault() {
    let provider = Provider::start().await;
    let app = app_of(&provider);
    app.begin("/auth/corp/authorize").await;
    let (status, _) = refusal(&provider, &app, |script| {
        script.faults.insert("/jwks", Fault::Answer(500, "down"));
    })
    .await;
    assert_eq!(status, 503);
    app.token_by(&provider, &alice()).await;
}

#[tokio::test]
async fn oa_41_a_profile_of_another_subject_logs_nobody_in() {
    let provider = Provider::start().await;
    let app = app_of(&provider);
    let refused = refusal(&provider, &app, |script| script.userinfo = vec![("sub", json!("2"))]).await;
    assert_eq!(refused, (400, json!("The ID token was refused: the profile is about another subject")));
}

#[tokio::test]
async fn oa_35_a_document_that_names_another_issuer_is_refused_at_authorize() {
    let provider = Provider::start().await;
    let app = app_of(&provider);
    for issuer in [json!("https://accounts.example.com"), json!(""), Json::Null] {
        provider.script(|script| script.document = vec![("issuer", issuer.clone())]);
        let answer = app.get("/auth/corp/authorize").await;
        assert_eq!(answer.status, 502, "{issuer}: {answer:?}");
        assert_eq!(answer.json()["authorization_url"], Json::Null);
    }
}

#[tokio::test]
async fn oa_42_a_provider_over_plain_http_is_refused_unless_it_is_this_machine() {
    let provider = Provider::start().await;
    let error = |client| {
        let builder = crate::support::with_backends(crate::support::builder());
        offer(builder, &provider, OAuthOptions::backend("jwt"))
            .oauth(client, OAuthOptions::backend("jwt"))
            .build()
            .map(drop)
            .map_err(|error| error.to_string())
    };
    let document = "http://id.example.com/.well-known/openid-configuration";
    let client = || axum_users::reqwest_oauth::OpenId::new("id", "secret", document).name("open");
    assert_eq!(
        error(client()).unwrap_err(),
        format!(
            "the OAuth provider `open` cannot be used: open: {document} is neither https nor on this machine"
        )
    );
    assert_eq!(error(client().allow_http_danger()), Ok(()));
}

#[tokio::test]
async fn oa_42_a_document_cannot_lead_to_plain_http() {
    let provider = Provider::start().await;
    provider
        .script(|script| script.document = vec![("token_endpoint", json!("http://id.example.com/token"))]);
    let app = app_of(&provider);
    let answer = app.log_in_by(&provider, &alice()).await;
    assert_eq!(answer.error(), (502, json!("The URL is not https: http://id.example.com/token")));
}

#[tokio::test]
async fn oa_43_a_guard_keeps_documents_from_leading_into_the_network() {
    let provider = Provider::start().await;
    let metadata = "https://169.254.169.254/latest";
    provider.script(|script| script.document = vec![("userinfo_endpoint", json!(metadata))]);
    let own = provider.url().to_owned();
    let guarded = provider.client().name("guarded").url_guard(move |url| url.as_str().starts_with(&own));
    let app = App::with(|builder| {
        offer(builder, &provider, OAuthOptions::backend("jwt")).oauth(guarded, OAuthOptions::backend("jwt"))
    });
    let flow = app.begin("/auth/guarded/authorize").await;
    let parameters = set(provider.consent(&flow, &alice()), "x", None);
    let answer = app.come_back("/auth/guarded/callback", &flow.cookie, &parameters).await;
    assert_eq!(answer.error(), (502, json!("Error while retrieving id and email.")));
}
