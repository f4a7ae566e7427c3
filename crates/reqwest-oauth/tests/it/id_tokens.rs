//! ID tokens, honest and forged (OpenID Connect Core section 3.1.3.7).

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use reqwest_oauth::{
    FailureCause, IdTokenError, OAuth2Token, OAuthClient, OAuthError, OpenId, OpenIdProvider, ProviderClient,
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use crate::{
    keys::{ED25519, ES256, Key, RSA, STRANGER, key_set},
    support::{Canned, Server},
};

const NOW: i64 = 1_800_000_000;
const SECRET: &str = "the client secret, which is no signing key";

/// An OpenID provider whose clock can be moved, and its client.
struct Issuer {
    server: Server,
    client: ProviderClient<OpenIdProvider>,
    now: Arc<AtomicI64>,
}

impl Issuer {
    async fn start(changes: Value) -> Self {
        let server = Server::start().await;
        let url = server.url.clone();
        let mut document = json!({
            "issuer": url,
            "authorization_endpoint": format!("{url}/authorize"),
            "token_endpoint": format!("{url}/token"),
            "userinfo_endpoint": format!("{url}/userinfo"),
            "jwks_uri": format!("{url}/jwks"),
        });
        for (name, value) in changes.as_object().unwrap() {
            document[name] = value.clone();
        }
        server.always_answers("/.well-known/openid-configuration", Canned::json(200, &document));
        server.always_answers("/jwks", key_set(&[RSA, ES256, ED25519]));
        server
            .always_answers("/userinfo", Canned::json(200, &json!({"sub": "u1", "email": "u@example.com"})));
        let now = Arc::new(AtomicI64::new(NOW));
        let hand = Arc::clone(&now);
        let client = OpenId::new("CLIENT", SECRET, format!("{url}/.well-known/openid-configuration"))
            .clock(move || hand.load(Ordering::SeqCst));
        Self { server, client, now }
    }

    fn claims(&self) -> Value {
        json!({"iss": self.server.url, "sub": "u1", "aud": "CLIENT", "iat": NOW, "exp": NOW + 300, "nonce": "N"})
    }

    async fn login(&self, id_token: &str) -> Result<(), OAuthError> {
        self.client.identity(&token(id_token), Some("N")).await.map(drop)
    }

    fn key_requests(&self) -> usize {
        self.server.requests().iter().filter(|sent| sent.url.ends_with("/jwks")).count()
    }
}

fn token(id_token: &str) -> OAuth2Token {
    let mut token = OAuth2Token::new("ACCESS");
    token.id_token = Some(id_token.to_owned());
    token
}

fn with(mut claims: Value, name: &str, value: Value) -> Value {
    claims[name] = value;
    claims
}

fn without(mut claims: Value, name: &str) -> Value {
    claims.as_object_mut().unwrap().remove(name);
    claims
}

fn encoded(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

#[tokio::test]
async fn an_honest_id_token_of_every_kind_of_key_is_taken() {
    let issuer = Issuer::start(json!({})).await;
    for key in [RSA, ES256, ED25519] {
        assert_eq!(issuer.login(&key.sign(&issuer.claims())).await, Ok(()), "{key:?}");
    }
    let hash = URL_SAFE_NO_PAD.encode(&Sha256::digest("ACCESS")[..16]);
    let accepted = [
        with(issuer.claims(), "at_hash", json!(hash)),
        with(issuer.claims(), "aud", json!(["CLIENT"])),
        with(issuer.claims(), "azp", json!("CLIENT")),
        with(with(issuer.claims(), "aud", json!(["CLIENT", "other"])), "azp", json!("CLIENT")),
        with(issuer.claims(), "exp", json!(NOW - 59)),
        with(issuer.claims(), "iat", json!(NOW + 59)),
    ];
    for claims in accepted {
        assert_eq!(issuer.login(&RSA.sign(&claims)).await, Ok(()), "{claims}");
    }
    assert_eq!(issuer.key_requests(), 1);
}

#[tokio::test]
async fn oa_40_oa_12_claims_that_are_not_for_this_login_are_refused() {
    use IdTokenError::{
        AccessTokenHash, Audience, AuthorizedParty, Expired, Issuer as OtherIssuer, Nonce, NotYetValid,
        Subject,
    };
    let issuer = Issuer::start(json!({})).await;
    let claims = || issuer.claims();
    let table = [
        (with(claims(), "iss", json!("https://evil.example")), OtherIssuer),
        (with(claims(), "iss", json!(format!("{}/", issuer.server.url))), OtherIssuer),
        (without(claims(), "iss"), OtherIssuer),
        (with(claims(), "aud", json!("other")), Audience),
        (with(claims(), "aud", json!(["other"])), Audience),
        (with(claims(), "aud", json!({"CLIENT": true})), Audience),
        (with(claims(), "aud", json!("CLIENT2")), Audience),
        (without(claims(), "aud"), Audience),
        (with(claims(), "aud", json!(["CLIENT", "other"])), AuthorizedParty),
        (with(claims(), "azp", json!("other")), AuthorizedParty),
        (with(claims(), "exp", json!(NOW - 61)), Expired),
        (with(claims(), "exp", json!("2099")), Expired),
        (without(claims(), "exp"), Expired),
        (with(claims(), "iat", json!(NOW + 61)), NotYetValid),
        (without(claims(), "iat"), NotYetValid),
        (with(claims(), "nbf", json!(NOW + 61)), NotYetValid),
        (with(claims(), "nonce", json!("M")), Nonce),
        (with(claims(), "nonce", json!("")), Nonce),
        (without(claims(), "nonce"), Nonce),
        (with(claims(), "at_hash", json!("x")), AccessTokenHash),
        (with(claims(), "at_hash", json!(7)), AccessTokenHash),
        (with(claims(), "sub", json!("")), Subject),
        (with(claims(), "sub", json!(7)), Subject),
        (with(claims(), "sub", json!("x".repeat(256))), Subject),
        (without(claims(), "sub"), Subject),
    ];
    for (claims, reason) in table {
        let result = issuer.login(&RSA.sign(&claims)).await;

        assert_eq!(result, Err(OAuthError::IdToken(reason)), "{claims}");
    }
}

#[tokio::test]
async fn oa_40_signatures_of_others_are_refused() {
    use IdTokenError::{Algorithm as WrongAlgorithm, Malformed, Signature, UnknownKey};
    let issuer = Issuer::start(json!({})).await;
    let claims = issuer.claims();
    let honest = RSA.sign(&claims);
    let parts: Vec<_> = honest.split('.').collect();
    let by_hmac = |secret: &[u8]| {
        let mut header = Header::new(Algorithm::HS256);
        header.kid = Some(RSA.id.to_owned());
        jsonwebtoken::encode(&header, &claims, &EncodingKey::from_secret(secret)).unwrap()
    };
    let none = encoded(&json!({"alg": "none", "typ": "JWT"}));
    let stolen_name = Key { id: RSA.id, ..STRANGER };
    let other_claims = encoded(&with(claims.clone(), "sub", json!("victim")));
    let head = |header: Value| format!("{}.{}.{}", encoded(&header), parts[1], parts[2]);
    let table = [
        (format!("{none}.{}.", parts[1]), WrongAlgorithm),
        (format!("{none}.{}.{}", parts[1], parts[2]), WrongAlgorithm),
        (by_hmac(SECRET.as_bytes()), WrongAlgorithm),
        (by_hmac(RSA.public()["n"].as_str().unwrap().as_bytes()), WrongAlgorithm),
        (by_hmac(b""), WrongAlgorithm),
        (STRANGER.sign(&claims), UnknownKey),
        (stolen_name.sign(&claims), Signature),
        (format!("{}.{other_claims}.{}", parts[0], parts[2]), Signature),
        (format!("{}.{}.", parts[0], parts[1]), Signature),
        (head(json!({"alg": "ES256", "kid": RSA.id})), UnknownKey),
        (head(json!({"alg": "RS512", "kid": RSA.id})), UnknownKey),
        (head(json!({"alg": "RS256", "kid": RSA.id, "crit": ["x"], "x": 1})), Malformed),
        (head(json!({"alg": "RS257", "kid": RSA.id})), WrongAlgorithm),
        (head(json!({"kid": RSA.id})), WrongAlgorithm),
        (String::new(), Malformed),
        ("a.b.c".to_owned(), Malformed),
        (encoded(&json!([])), WrongAlgorithm),
        ("é".to_owned(), Malformed),
    ];
    for (id_token, reason) in table {
        let result = issuer.login(&id_token).await;

        assert_eq!(result, Err(OAuthError::IdToken(reason)), "{id_token}");
    }
}

#[tokio::test]
async fn only_algorithms_that_the_provider_names_are_taken() {
    let issuer =
        Issuer::start(json!({"id_token_signing_alg_values_supported": ["ES256", "none", "HS256"]})).await;

    assert_eq!(issuer.login(&ES256.sign(&issuer.claims())).await, Ok(()));
    let wrong = Err(OAuthError::IdToken(IdTokenError::Algorithm));
    assert_eq!(issuer.login(&RSA.sign(&issuer.claims())).await, wrong);
}

#[tokio::test]
async fn a_client_registered_for_hmac_takes_hmac_and_nothing_else() {
    let mut issuer = Issuer::start(json!({})).await;
    issuer.client = issuer.client.clone().id_tokens_signed_with_secret("HS256").unwrap();
    let by_hmac = |secret: &str| {
        let key = EncodingKey::from_secret(secret.as_bytes());
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &issuer.claims(), &key).unwrap()
    };

    assert_eq!(issuer.login(&by_hmac(SECRET)).await, Ok(()));
    assert_eq!(issuer.login(&by_hmac("other")).await, Err(OAuthError::IdToken(IdTokenError::Signature)));
    let by_key = RSA.sign(&issuer.claims());
    assert_eq!(issuer.login(&by_key).await, Err(OAuthError::IdToken(IdTokenError::Algorithm)));
    assert!(OpenId::new("C", "S", "https://a").id_tokens_signed_with_secret("RS256").is_err());
    assert!(OpenId::new("C", "S", "https://a").id_tokens_signed_with_secret("none").is_err());
}

#[tokio::test]
async fn oa_41_a_profile_of_another_subject_is_refused() {
    let issuer = Issuer::start(json!({})).await;
    let id_token = RSA.sign(&issuer.claims());
    let other = json!({"sub": "victim", "email": "victim@example.com", "email_verified": true});
    issuer.server.always_answers("/userinfo", Canned::json(200, &other));

    assert_eq!(issuer.login(&id_token).await, Err(OAuthError::IdToken(IdTokenError::OtherSubject)));
}

#[tokio::test]
async fn what_the_profile_does_not_tell_comes_from_the_id_token() {
    let issuer = Issuer::start(json!({})).await;
    let mut claims = issuer.claims();
    claims["email"] = json!("u@example.com");
    claims["email_verified"] = json!(true);
    claims["name"] = json!("U");

    let identity = issuer.client.identity(&token(&RSA.sign(&claims)), Some("N")).await.unwrap();
    assert_eq!((identity.email_verified, identity.name.as_deref()), (Some(true), Some("U")));

    // A flag belongs to its address.
    claims["email"] = json!("other@example.com");
    let identity = issuer.client.identity(&token(&RSA.sign(&claims)), Some("N")).await.unwrap();
    assert_eq!((identity.email.as_deref(), identity.email_verified), (Some("u@example.com"), None));
}

#[tokio::test]
async fn a_provider_without_a_profile_endpoint_is_known_by_its_id_tokens() {
    let issuer = Issuer::start(json!({"userinfo_endpoint": null})).await;
    let claims = with(issuer.claims(), "email", json!("u@example.com"));

    let identity = issuer.client.identity(&token(&RSA.sign(&claims)), Some("N")).await.unwrap();

    assert_eq!((identity.id.as_str(), identity.email.as_deref()), ("u1", Some("u@example.com")));
    assert_eq!(issuer.client.profile("ACCESS").await, Err(OAuthError::ProfileNotSupported));
}

#[tokio::test]
async fn a_missing_id_token_is_refused_where_one_is_required() {
    let issuer = Issuer::start(json!({})).await;
    let bare = OAuth2Token::new("ACCESS");

    assert!(issuer.client.identity(&bare, Some("N")).await.is_ok());
    let strict = issuer.client.clone().require_id_token();
    let missing = Err(OAuthError::IdToken(IdTokenError::Missing));
    assert_eq!(strict.identity(&bare, Some("N")).await.map(drop), missing);
}

#[tokio::test]
async fn a_new_key_of_the_issuer_is_fetched_but_once_a_minute_at_most() {
    let issuer = Issuer::start(json!({})).await;
    issuer.server.always_answers("/jwks", key_set(&[RSA]));
    let rotated = STRANGER.sign(&issuer.claims());
    let unknown = Err(OAuthError::IdToken(IdTokenError::UnknownKey));

    assert_eq!(issuer.login(&rotated).await, unknown);
    assert_eq!(issuer.key_requests(), 2);
    issuer.server.always_answers("/jwks", key_set(&[STRANGER]));
    for _ in 0..5 {
        assert_eq!(issuer.login(&rotated).await, unknown);
    }
    assert_eq!(issuer.key_requests(), 0);

    issuer.now.fetch_add(60, Ordering::SeqCst);
    assert_eq!(issuer.login(&rotated).await, Ok(()));
    assert_eq!(issuer.key_requests(), 1);
}

#[tokio::test]
async fn keys_that_cannot_be_fetched_are_an_error_that_may_pass() {
    let issuer = Issuer::start(json!({})).await;
    let id_token = RSA.sign(&issuer.claims());
    for answer in [Canned::text(500, ""), Canned::Hangup] {
        issuer.server.always_answers("/jwks", answer);
        let error = issuer.login(&id_token).await.unwrap_err();
        assert!(matches!(error, OAuthError::OpenIdConfiguration(_)) && error.is_temporary(), "{error:?}");
    }
    issuer.server.always_answers("/jwks", Canned::json(200, &json!({"keys": "none"})));
    let error = issuer.login(&id_token).await.unwrap_err();
    assert_eq!(error.failure().unwrap().cause, FailureCause::Missing("keys".to_owned()));

    issuer.server.always_answers("/jwks", key_set(&[RSA]));
    assert_eq!(issuer.login(&id_token).await, Ok(()));
}

#[tokio::test]
async fn keys_for_encryption_and_of_unknown_kinds_are_passed_over() {
    let issuer = Issuer::start(json!({})).await;
    let mut for_encryption = STRANGER.public();
    for_encryption["use"] = json!("enc");
    let strange = json!({"kty": "QUANTUM", "kid": "q"});
    let mut nameless = RSA.public();
    nameless.as_object_mut().unwrap().remove("alg");
    let keys = json!({"keys": [strange, for_encryption, nameless]});
    issuer.server.always_answers("/jwks", Canned::json(200, &keys));

    assert_eq!(issuer.login(&RSA.sign(&issuer.claims())).await, Ok(()));
    let unknown = Err(OAuthError::IdToken(IdTokenError::UnknownKey));
    assert_eq!(issuer.login(&STRANGER.sign(&issuer.claims())).await, unknown);
}
