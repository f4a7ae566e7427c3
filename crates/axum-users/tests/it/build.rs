//! What `build` refuses, and the sentence that says so.

use std::borrow::Cow;

use axum_users::{
    Algorithm, Bearer, BuildError, Database, DatabaseTokens, InternalError, IssueContext, Issued, Jwt,
    MemoryDatabase, Resolved, Strategy, StrategySetup, User, Users, UsersBuilder,
};

use crate::support::{SECRET, builder};

fn error(builder: UsersBuilder<User>) -> BuildError {
    builder.build().unwrap_err()
}

fn jwt() -> Jwt {
    Jwt::lasting_seconds(60)
}

const LEAST: &str =
    "but 32 are the least that is safe (RFC 7518 §3.2): make one with `openssl rand -base64 32`";

#[test]
fn jw_21_a_short_secret_is_refused_by_name() {
    let with = |secret: &str| Users::<User>::builder(MemoryDatabase::default(), secret);
    let short = "x".repeat(31);
    let table = [
        (with(&short), format!("the secret for reset tokens has 31 bytes, {LEAST}")),
        (with(""), "the secret for reset tokens is empty: give at least 32 random bytes".into()),
        (
            with(&short).backend("jwt", Bearer::default(), jwt()),
            format!("the backend `jwt` cannot be used: its secret has 31 bytes, {LEAST}"),
        ),
        (
            with(&short).backend("jwt", Bearer::default(), jwt().secret(SECRET)).reset_secret(SECRET),
            format!("the secret for verification tokens has 31 bytes, {LEAST}"),
        ),
        (with(SECRET).reset_secret("short"), format!("the secret for reset tokens has 5 bytes, {LEAST}")),
        (
            with(SECRET).verification_secret(Vec::<String>::new()),
            "the secret for verification tokens is empty: give at least 32 random bytes".into(),
        ),
        (
            // An old secret that still verifies counts as much as the one that signs.
            with(SECRET).backend("jwt", Bearer::default(), jwt().secret(vec![SECRET, "old"])),
            format!("the backend `jwt` cannot be used: its secret has 3 bytes, {LEAST}"),
        ),
    ];
    for (builder, sentence) in table {
        assert_eq!(error(builder).to_string(), sentence);
    }
    assert!(with(&"x".repeat(32)).backend("jwt", Bearer::default(), jwt()).build().is_ok());
}

#[test]
fn jw_21_a_short_secret_passes_by_a_dangerous_name_and_an_empty_one_never() {
    let with = |secret: &str| {
        Users::<User>::builder(MemoryDatabase::default(), secret)
            .backend("jwt", Bearer::default(), jwt())
            .allow_short_secret_until_python_leaves()
    };
    assert!(with("SECRET").build().is_ok());
    assert_eq!(
        error(with("")).to_string(),
        "the backend `jwt` cannot be used: its secret is empty: give at least 32 random bytes"
    );
}

#[test]
fn a_backends_name_is_its_own_and_can_stand_in_a_path() {
    let named = |names: &[&str]| {
        names.iter().fold(builder(), |builder, name| builder.backend(name, Bearer::default(), jwt()))
    };
    assert_eq!(
        error(named(&["jwt", "other", "jwt"])).to_string(),
        "two backends are called `jwt`: give each a name of its own, since its routes are /auth/jwt/…"
    );
    for name in ["", "a/b", "a b", "é", "{id}", "a.b"] {
        assert_eq!(
            error(named(&[name])).to_string(),
            format!("the backend's name `{name}` cannot stand in a path: use letters, digits, `-` and `_`")
        );
    }
    let users = named(&["a-b_C9", "JWT", "jwt"]).build().unwrap();
    assert_eq!(users.backend_names().collect::<Vec<_>>(), ["a-b_C9", "JWT", "jwt"]);
}

#[test]
fn keys_must_fit_their_algorithm() {
    let rsa = (include_str!("../data/keys/rsa-private.pem"), include_str!("../data/keys/rsa-public.pem"));
    let p256 = (include_str!("../data/keys/p256-private.pem"), include_str!("../data/keys/p256-public.pem"));
    let p384 = (include_str!("../data/keys/p384-private.pem"), include_str!("../data/keys/p384-public.pem"));
    let ed =
        (include_str!("../data/keys/ed25519-private.pem"), include_str!("../data/keys/ed25519-public.pem"));
    let other_ed = include_str!("../data/keys/other-ed25519-public.pem");
    let table = [
        (
            jwt().algorithm(Algorithm::RS256),
            "RS256 signs with a key pair: give the private and the public key in PEM",
        ),
        (
            jwt().key_pair(Algorithm::HS256, rsa.0, rsa.1),
            "HS256 signs with a secret, but a key pair was given: use RS256, ES256 or EdDSA",
        ),
        (
            jwt().key_pair(Algorithm::RS256, "no PEM", rsa.1),
            "the private key for RS256 cannot be read: expected an RSA key in PEM",
        ),
        (
            jwt().key_pair(Algorithm::RS256, rsa.0, "no PEM"),
            "the public key for RS256 cannot be read: expected an RSA key in PEM",
        ),
        (
            jwt().key_pair(Algorithm::RS256, p256.0, p256.1),
            "the private key for RS256 cannot be read: expected an RSA key in PEM",
        ),
        (
            jwt().key_pair(Algorithm::ES256, ed.0, ed.1),
            "the private key for ES256 cannot be read: expected a P-256 key in PEM",
        ),
        (
            jwt().key_pair(Algorithm::ES256, p384.0, p384.1),
            "the private key for ES256 cannot be read: expected a P-256 key in PEM",
        ),
        (
            jwt().key_pair(Algorithm::EdDSA, rsa.0, rsa.1),
            "the private key for EdDSA cannot be read: expected an Ed25519 key in PEM",
        ),
        (
            jwt().key_pair(Algorithm::EdDSA, ed.1, ed.0),
            "the private key for EdDSA cannot be read: expected an Ed25519 key in PEM",
        ),
        (
            jwt().key_pair(Algorithm::EdDSA, ed.0, other_ed),
            "the public key for EdDSA does not belong to the private key: give both of one pair",
        ),
    ];
    for (jwt, reason) in table {
        let error = error(builder().backend("jwt", Bearer::default(), jwt));
        assert_eq!(error.to_string(), format!("the backend `jwt` cannot be used: {reason}"));
    }
}

/// A strategy that wants what nobody has.
struct Demanding;

impl Strategy<User> for Demanding {
    fn configure(&mut self, setup: &StrategySetup) -> Result<(), Cow<'static, str>> {
        Err(format!("the table `{}` has no column `badge`", setup.schema.table()).into())
    }

    async fn issue(&self, _: IssueContext<'_, User>) -> Result<Issued, InternalError> {
        Ok(Issued::new("never", None))
    }

    async fn resolve(&self, _: &str, _: &Database<User>) -> Result<Option<Resolved<User>>, InternalError> {
        Ok(None)
    }
}

#[test]
fn a_strategy_of_ones_own_says_why_it_cannot_work() {
    let error = error(builder().backend("badge", Bearer::default(), Demanding));
    assert_eq!(
        error.to_string(),
        "the backend `badge` cannot be used: the table `user` has no column `badge`"
    );
}

#[test]
#[should_panic(
    expected = "there is no backend called `session`; add it with `.backend(\"session\", …)` before `.build()`"
)]
fn a_router_for_a_backend_that_is_not_there_is_a_mistake_that_shows_at_the_start() {
    let users = builder::<User>().backend("cookie", Bearer::default(), DatabaseTokens::lasting_for_ever());
    let _ = users.build().unwrap().auth_router("session");
}
