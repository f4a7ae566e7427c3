//! Backends that sign with key pairs: what they accept, how a key is replaced, and what others are shown.

use std::collections::HashSet;

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
    },
};
use axum_users::{
    Algorithm, Bearer, ExposeSecret, Jwt, KeyPair, MemoryDatabase, Random, User, Users, UsersBuilder,
};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use serde_json::{Value as Json, json};

use crate::support::{App, BEGINNING, Forged, NOBODY, SECRET, header};

const ALGORITHMS: [Algorithm; 3] = [Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA];

/// A key pair, and the application that signs with it.
struct WithKey {
    algorithm: Algorithm,
    key: KeyPair,
    app: App,
    user: User,
}

impl WithKey {
    async fn each() -> Vec<Self> {
        let mut all = Vec::new();
        for algorithm in ALGORITHMS {
            let key = KeyPair::generate(algorithm).unwrap();
            let app = with_keys(algorithm, vec![key.clone()]);
            let user = app.has("ada@example.com").await;
            all.push(Self { algorithm, key, app, user });
        }
        all
    }

    /// A token of this key with these claims and further members of the header.
    fn signed(&self, further: &Json, claims: &Json) -> String {
        let mut header = json!({ "typ": "JWT", "alg": self.algorithm.name() });
        for (name, value) in further.as_object().unwrap() {
            header[name] = value.clone();
        }
        sign(self.algorithm, &self.key, &header, &claims.to_string())
    }

    fn with_claim(&self, claim: &str, value: &Json) -> String {
        let mut claims = Forged::access_claims(&self.user);
        claims[claim] = value.clone();
        self.signed(&json!({}), &claims)
    }

    fn without_claim(&self, claim: &str) -> String {
        let mut claims = Forged::access_claims(&self.user);
        claims.as_object_mut().unwrap().remove(claim);
        self.signed(&json!({}), &claims)
    }

    async fn status_of(&self, token: &str) -> u16 {
        self.app.status_of(token).await
    }
}

/// Signs anything at all, as whoever has the private key could.
fn sign(algorithm: Algorithm, key: &KeyPair, header: &Json, claims: &str) -> String {
    let pem = key.private_key_pem().unwrap().expose_secret();
    let base64: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let der = STANDARD.decode(base64).unwrap();
    let text = format!("{}.{}", URL_SAFE_NO_PAD.encode(header.to_string()), URL_SAFE_NO_PAD.encode(claims));
    let (random, message) = (SystemRandom::new(), text.as_bytes());
    let signature = match algorithm {
        Algorithm::RS256 => {
            let pair = RsaKeyPair::from_pkcs8(&der).unwrap();
            let mut signature = vec![0; pair.public_modulus_len()];
            pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).unwrap();
            signature
        }
        Algorithm::ES256 => {
            let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &der).unwrap();
            pair.sign(&random, message).unwrap().as_ref().to_vec()
        }
        _ => Ed25519KeyPair::from_pkcs8(&der).unwrap().sign(message).as_ref().to_vec(),
    };
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn jwt(algorithm: Algorithm, keys: Vec<KeyPair>) -> Jwt {
    Jwt::lasting_seconds(600).keys(algorithm, keys)
}

/// Ids are from one seed, so that a token of one application may be good at another.
fn with_keys(algorithm: Algorithm, keys: Vec<KeyPair>) -> App {
    App::bare(|builder| {
        builder.random(Random::seeded(7)).backend("jwt", Bearer::default(), jwt(algorithm, keys))
    })
}

#[tokio::test]
async fn what_the_original_accepts_is_accepted_of_a_key_pair_too() {
    for it in WithKey::each().await {
        for token in [
            it.signed(&json!({}), &Forged::access_claims(&it.user)),
            it.signed(&json!({ "kid": "python-has-none" }), &Forged::access_claims(&it.user)),
            it.without_claim("exp"),
            it.with_claim("aud", &json!("fastapi-users:auth")),
            it.with_claim("exp", &json!("4102444800")),
            it.with_claim("nbf", &json!(BEGINNING)),
        ] {
            assert_eq!(it.status_of(&token).await, 200, "{}: {token}", it.algorithm);
        }
    }
}

#[tokio::test]
async fn jw_01_jw_02_a_key_pairs_token_has_its_own_signature() {
    for it in WithKey::each().await {
        let token = it.app.token("ada@example.com").await;
        let other = it.with_claim("exp", &json!(BEGINNING + 601));
        let [head, body, signature] = token.split('.').collect::<Vec<_>>()[..] else { panic!("{token}") };
        let others = other.rsplit('.').next().unwrap();
        for token in [
            format!("{head}.{body}"),
            format!("{head}.{body}."),
            format!("{head}.{body}.{others}"),
            format!("{head}.{body}.{signature}A"),
            format!("{head}.{body}.{}", &signature[..signature.len() - 2]),
            format!("{head}.{body}.{signature}.{signature}"),
            // ECDSA's (0, 0), which broken verifiers take for good.
            format!("{head}.{body}.{}", URL_SAFE_NO_PAD.encode([0; 64])),
        ] {
            assert_eq!(it.status_of(&token).await, 401, "{}: {token}", it.algorithm);
        }
        for none in ["none", "None", "NONE", "nOnE", "", " none"] {
            let head = URL_SAFE_NO_PAD.encode(json!({ "typ": "JWT", "alg": none }).to_string());
            for token in [format!("{head}.{body}."), format!("{head}.{body}.{signature}")] {
                assert_eq!(it.status_of(&token).await, 401, "{none}");
            }
        }
        assert_eq!(it.status_of(&token).await, 200);
    }
}

/// A public key is no secret: it is in the key set, in several spellings.
#[tokio::test]
async fn jw_03_jw_04_no_other_algorithm_counts_and_a_public_key_is_no_secret() {
    for it in WithKey::each().await {
        let key = it.key.json_web_key(it.algorithm).unwrap();
        let set = it.app.get("/.well-known/jwks.json").await.json().to_string();
        let pem = it.key.public_key_pem().unwrap();
        let mut secrets = vec![pem.to_owned(), pem.trim().to_owned(), set, key.to_string(), String::new()];
        secrets.extend(["n", "x", "kid"].iter().filter_map(|name| Some(key[name].as_str()?.to_owned())));
        secrets.push(SECRET.to_owned());
        let forged = Forged::access(&it.user).header("kid", key["kid"].clone());
        for secret in &secrets {
            let forged = forged.clone().secret(secret);
            assert_eq!(it.status_of(&forged.token()).await, 401, "{} {secret}", it.algorithm);
            let forged = forged.header("alg", it.algorithm.name());
            assert_eq!(it.status_of(&forged.token()).await, 401, "{} {secret}", it.algorithm);
        }
        for lie in
            ["HS256", "RS256", "RS512", "PS256", "ES256", "ES384", "EdDSA", "Ed25519", "ES256K", "rs256"]
        {
            let token = it.signed(&json!({ "alg": lie }), &Forged::access_claims(&it.user));
            let expected = if lie == it.algorithm.name() { 200 } else { 401 };
            assert_eq!(it.status_of(&token).await, expected, "{}: {lie}", it.algorithm);
        }
    }
}

#[tokio::test]
async fn jw_05_jw_06_neither_a_kid_nor_a_key_in_the_header_leads_to_a_foreign_key() {
    for it in WithKey::each().await {
        let stranger = KeyPair::generate(it.algorithm).unwrap();
        let own = it.key.json_web_key(it.algorithm).unwrap();
        let foreign = stranger.json_web_key(it.algorithm).unwrap();
        let claims = Forged::access_claims(&it.user).to_string();
        for (name, value) in [
            ("kid", own["kid"].clone()),
            ("kid", foreign["kid"].clone()),
            ("kid", json!("../../../../dev/null")),
            ("kid", json!("' UNION SELECT 'x' --")),
            ("kid", json!("|cat /etc/passwd")),
            ("kid", json!("")),
            ("kid", json!("x".repeat(2_000))),
            ("jwk", foreign.clone()),
            ("jku", json!("http://127.0.0.1:9/keys.json")),
            ("x5u", json!("http://127.0.0.1:9/chain.pem")),
            ("x5c", json!(["MIIB"])),
        ] {
            let mut header = json!({ "typ": "JWT", "alg": it.algorithm.name() });
            header[name] = value.clone();
            let token = sign(it.algorithm, &stranger, &header, &claims);
            assert_eq!(it.status_of(&token).await, 401, "{}: {name} {value}", it.algorithm);
        }
        for kid in [json!(1), json!(["a"]), json!({ "a": 1 })] {
            let token = it.signed(&json!({ "kid": kid }), &Forged::access_claims(&it.user));
            assert_eq!(it.status_of(&token).await, 401, "a kid is a text: {kid}");
        }
    }
}

#[tokio::test]
async fn jw_07_to_jw_12_the_claims_of_a_key_pairs_token_are_checked_alike() {
    for it in WithKey::each().await {
        let user = &it.user;
        let cases = [
            (
                "exp",
                vec![json!(BEGINNING), json!(-1), json!(i64::MIN), json!("never"), json!(1.5), Json::Null],
            ),
            ("nbf", vec![json!(BEGINNING + 1), json!("soon"), json!([])]),
            ("iat", vec![json!(BEGINNING + 1), json!(1.5)]),
            (
                "aud",
                vec![json!("fastapi-users:reset"), json!([]), json!(1), json!(["fastapi-users:auth", 1])],
            ),
            (
                "sub",
                vec![
                    json!(""),
                    json!(NOBODY),
                    json!(user.email),
                    json!([user.id]),
                    json!("x".repeat(5_000)),
                    json!(format!("{}\0", user.id)),
                    Json::Null,
                ],
            ),
        ];
        for (claim, values) in cases {
            for value in values {
                let token = it.with_claim(claim, &value);
                assert_eq!(it.status_of(&token).await, 401, "{}: {claim} {value}", it.algorithm);
            }
        }
        for claim in ["aud", "sub"] {
            assert_eq!(it.status_of(&it.without_claim(claim)).await, 401, "no {claim}");
        }
    }
}

#[tokio::test]
async fn jw_13_jw_14_extensions_size_and_depth_of_a_key_pairs_token_do_no_harm() {
    for it in WithKey::each().await {
        for critical in [json!(["x"]), json!(["exp"]), json!(["b64"]), json!([])] {
            let header = json!({ "crit": critical, "x": 1 });
            let token = it.signed(&header, &Forged::access_claims(&it.user));
            assert_eq!(it.status_of(&token).await, 401, "{critical}");
        }
        let deep = "[".repeat(3_000) + &"]".repeat(3_000);
        let claims = Forged::access_claims(&it.user).to_string();
        let head = json!({ "alg": it.algorithm.name() });
        for value in [deep, format!("\"{}\"", "a".repeat(20_000))] {
            let claims = claims.replace("{\"sub\"", &format!("{{\"x\":{value},\"sub\""));
            let token = sign(it.algorithm, &it.key, &head, &claims);
            assert_eq!(it.status_of(&token).await, 401);
        }
    }
}

#[tokio::test]
async fn jw_15_jw_16_a_key_pairs_token_counts_only_in_its_header() {
    let all = WithKey::each().await;
    let it = &all[1];
    let token = it.app.token("ada@example.com").await;
    for authorization in ["", "Bearer", "Bearer ", "Basic x"] {
        let answer = it.app.get("/users/me").header("authorization", authorization).await;
        assert_eq!(answer.status, 401, "{authorization}");
    }
    let basic = it.app.get("/users/me").header("authorization", &format!("Basic {token}")).await;
    assert_eq!(basic.status, 401);
    assert_eq!(it.app.get("/users/me").cookie("fastapiusersauth", &token).await.status, 401);
    assert_eq!(it.app.get(&format!("/users/me?access_token={token}")).await.status, 401);
}

/// The four processes of a rotation, one after the other: nobody is logged out before the old key is removed.
#[tokio::test]
async fn jw_20_a_key_pair_is_replaced_without_logging_anybody_out() {
    for algorithm in ALGORITHMS {
        let [old, new] = ["old", "new"].map(|kid| KeyPair::generate(algorithm).unwrap().kid(kid));
        let retired = KeyPair::verifying_only(old.public_key_pem().unwrap()).kid("old");
        let before = with_keys(algorithm, vec![old.clone()]);
        let announced = with_keys(algorithm, vec![old, new.clone()]);
        let rotated = with_keys(algorithm, vec![new.clone(), retired]);
        let after = with_keys(algorithm, vec![new]);
        let mut tokens = Vec::new();
        for app in [&before, &announced, &rotated, &after] {
            app.has("ada@example.com").await;
            tokens.push(app.token("ada@example.com").await);
        }
        let kids: Vec<Json> = tokens.iter().map(|token| header(token)["kid"].clone()).collect();
        assert_eq!(kids, ["old", "old", "new", "new"], "a key is published before it signs");

        let published: Vec<Vec<String>> = {
            let mut sets = Vec::new();
            for app in [&before, &announced, &rotated, &after] {
                sets.push(published(app).await);
            }
            sets
        };
        assert_eq!(published, [vec!["old"], vec!["old", "new"], vec!["new", "old"], vec!["new"]]);

        for (app, expected) in [(&announced, [200; 4]), (&rotated, [200; 4]), (&after, [401, 401, 200, 200])]
        {
            for (token, expected) in tokens.iter().zip(expected) {
                assert_eq!(app.status_of(token).await, expected, "{algorithm}: {:?}", header(token));
            }
        }
    }
}

/// A key that is renamed, and tokens of Python, which have no kid, are found by trying.
#[tokio::test]
async fn jw_20_a_token_without_a_name_that_is_known_is_tried_with_every_key() {
    let [old, new] = [1, 2].map(|_| KeyPair::generate(Algorithm::EdDSA).unwrap());
    let app = with_keys(Algorithm::EdDSA, vec![new, old.clone()]);
    let user = app.has("ada@example.com").await;
    let claims = Forged::access_claims(&user).to_string();
    for header in [json!({ "alg": "EdDSA" }), json!({ "alg": "EdDSA", "kid": "called otherwise" })] {
        let token = sign(Algorithm::EdDSA, &old, &header, &claims);
        assert_eq!(app.status_of(&token).await, 200);
    }
}

async fn published(app: &App) -> Vec<String> {
    let set = app.get("/.well-known/jwks.json").await.json();
    set["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn the_key_set_has_the_public_keys_of_every_backend_and_no_secret() {
    let [shared, other] = [1, 2].map(|_| KeyPair::generate(Algorithm::ES256).unwrap());
    let rsa = KeyPair::generate(Algorithm::RS256).unwrap();
    let app = App::bare(|builder: UsersBuilder<User>| {
        builder
            .backend("secret", Bearer::default(), Jwt::lasting_seconds(600))
            .backend("web", Bearer::default(), jwt(Algorithm::ES256, vec![shared.clone(), other.clone()]))
            .backend("api", Bearer::default(), jwt(Algorithm::ES256, vec![shared.clone()]).audience("api"))
            .backend("old", Bearer::default(), jwt(Algorithm::RS256, vec![rsa.clone()]))
    });
    let answer = app.get("/.well-known/jwks.json").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), "application/jwk-set+json");
    assert_eq!(answer.header("cache-control"), "public, max-age=300");
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    let expected: Vec<Json> =
        [(&shared, Algorithm::ES256), (&other, Algorithm::ES256), (&rsa, Algorithm::RS256)]
            .map(|(key, algorithm)| key.json_web_key(algorithm).unwrap())
            .into();
    assert_eq!(answer.json(), json!({ "keys": expected }), "each once, in order");
    assert_eq!(app.users.jwks(), answer.json());
    let members: HashSet<&str> =
        expected.iter().flat_map(|key| key.as_object().unwrap().keys()).map(String::as_str).collect();
    for private in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
        assert!(!members.contains(private), "{private} is shown");
    }
    let text = answer.json().to_string();
    assert!(!text.contains("PRIVATE") && !text.contains(SECRET), "{text}");
    assert_eq!(app.post("/.well-known/jwks.json").await.status, 405);

    let document = app.users.openapi();
    let operation = &document["paths"]["/.well-known/jwks.json"]["get"];
    assert_eq!(operation["operationId"], "auth_jwks__well_known_jwks_json_get");
    assert!(operation["responses"]["200"]["content"]["application/jwk-set+json"].is_object(), "{operation}");
}

#[tokio::test]
async fn without_key_pairs_there_is_no_key_set() {
    let app = App::new();
    assert_eq!(app.get("/.well-known/jwks.json").await.status, 404);
    assert!(app.users.openapi()["paths"].get("/.well-known/jwks.json").is_none());
    assert_eq!(app.users.jwks(), json!({ "keys": [] }));
}

#[test]
fn two_backends_cannot_call_different_keys_by_one_name() {
    let key = || KeyPair::generate(Algorithm::EdDSA).unwrap().kid("main");
    let error = Users::<User>::builder(MemoryDatabase::default(), SECRET)
        .backend("web", Bearer::default(), jwt(Algorithm::EdDSA, vec![key()]))
        .backend("api", Bearer::default(), jwt(Algorithm::EdDSA, vec![key()]))
        .build()
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "the backend `api` cannot be used: another backend has a different key called \"main\": give each its own kid"
    );
}
