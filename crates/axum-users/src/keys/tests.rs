use serde_json::json;

use super::*;

/// The keys of RFC 8037 (appendix A) and RFC 7638 (§3.1), whose thumbprints stand there.
#[test]
fn a_key_without_a_name_is_called_by_its_thumbprint() {
    let private = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END PRIVATE KEY-----\n";
    let key = KeyPair::new(private).json_web_key(Algorithm::EdDSA).unwrap();
    let expected = json!({
        "kty": "OKP", "use": "sig", "alg": "EdDSA", "kid": "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
        "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
    });
    assert_eq!(key, expected);
}

#[test]
fn every_algorithm_with_key_pairs_makes_keys_that_sign_and_verify_in_the_forms_that_openssl_reads() {
    for algorithm in Algorithm::ALL {
        let made = KeyPair::generate(algorithm);
        if algorithm.is_symmetric() {
            assert_eq!(made.unwrap_err(), KeyError::Symmetric(algorithm));
            continue;
        }
        let made = made.unwrap();
        let private = made.private_key_pem().unwrap().expose_secret();
        assert!(private.starts_with("-----BEGIN PRIVATE KEY-----\n"), "{algorithm}");
        assert!(private.ends_with("\n-----END PRIVATE KEY-----\n"), "{algorithm}");
        assert!(private.lines().all(|line| line.len() <= 64), "{algorithm}");
        let public = made.public_key_pem().unwrap();
        assert!(public.starts_with("-----BEGIN PUBLIC KEY-----\n"), "{algorithm}");

        let whole = made.json_web_key(algorithm).unwrap();
        assert_eq!(KeyPair::new(private).json_web_key(algorithm).unwrap(), whole, "{algorithm}");
        assert_eq!(KeyPair::verifying_only(public).json_web_key(algorithm).unwrap(), whole, "{algorithm}");
        assert_eq!(whole["alg"], algorithm.name());
        assert_eq!(whole["kid"].as_str().unwrap().len(), 43, "a SHA-256 in base64");
        assert_ne!(KeyPair::generate(algorithm).unwrap().json_web_key(algorithm).unwrap(), whole);
    }
}

#[test]
fn a_public_half_has_no_private_members() {
    for algorithm in
        [Algorithm::RS256, Algorithm::PS512, Algorithm::ES256, Algorithm::ES384, Algorithm::EdDSA]
    {
        let key = KeyPair::generate(algorithm).unwrap().kid("mine").json_web_key(algorithm).unwrap();
        let members: Vec<&str> = key.as_object().unwrap().keys().map(String::as_str).collect();
        let public: &[&str] = match algorithm.family() {
            Family::Rsa => &["n", "e"],
            Family::Ec(_) => &["crv", "x", "y"],
            _ => &["crv", "x"],
        };
        for member in members {
            let expected = ["kty", "use", "alg", "kid"].contains(&member) || public.contains(&member);
            assert!(expected, "{algorithm} shows {member}");
        }
        assert_eq!(key["kid"], "mine");
    }
}

#[test]
fn what_cannot_be_used_is_refused_with_a_sentence() {
    let rsa_1024 = "-----BEGIN PUBLIC KEY-----\nMIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQCroH52Nu+zVgC/GoikdLu+beNm\nYy1WEabP9sLGL8NLz2jpimiAUxV80qYBL1mB3J5BAO+xOiizaW88guMRsVD+AcDp\nzhm3/1EF74LcXJzglRpxxOswayBYz2PyDqmZEAlea/ztushWHqH7QV71hHleNNEM\nph+MdimuiBqYmoPhxwIDAQAB\n-----END PUBLIC KEY-----\n";
    let sec1 = "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEE\n-----END EC PRIVATE KEY-----\n";
    let locked = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMHcCAQEE\n-----END ENCRYPTED PRIVATE KEY-----\n";
    let p384 = KeyPair::generate(Algorithm::ES384).unwrap();
    let ed = KeyPair::generate(Algorithm::EdDSA).unwrap();
    let cases = [
        (
            KeyPair::verifying_only(rsa_1024),
            Algorithm::RS256,
            "the RS256 key has 1024 bits, but 2048 are the least that is safe: make a new one",
        ),
        (
            KeyPair::new(sec1),
            Algorithm::ES256,
            "the private key for ES256 cannot be read: expected a P-256 key in PEM; this one is in SEC 1 form: `openssl pkcs8 -topk8 -nocrypt` makes PKCS #8 of it",
        ),
        (
            KeyPair::new(locked),
            Algorithm::ES384,
            "the private key for ES384 cannot be read: expected a P-384 key in PEM; this one is under a passphrase: `openssl pkcs8 -topk8 -nocrypt` takes it away",
        ),
        (
            KeyPair::verifying_only(p384.public_key_pem().unwrap()),
            Algorithm::ES256,
            "the public key for ES256 cannot be read: expected a P-256 key in PEM",
        ),
        (
            KeyPair::verifying_only(ed.private_key_pem().unwrap().expose_secret()),
            Algorithm::EdDSA,
            "the public key for EdDSA cannot be read: expected an Ed25519 key in PEM",
        ),
        (
            ed.clone().kid("line\nbreak"),
            Algorithm::EdDSA,
            "the kid \"line\\nbreak\" cannot be used: give 1 to 128 printable ASCII characters",
        ),
        (
            ed.clone().kid(""),
            Algorithm::EdDSA,
            "the kid \"\" cannot be used: give 1 to 128 printable ASCII characters",
        ),
    ];
    for (key, algorithm, expected) in cases {
        assert_eq!(key.json_web_key(algorithm).unwrap_err().to_string(), expected);
    }
    let refused = |keys: &[KeyPair]| read_all(Algorithm::EdDSA, keys).err().unwrap().to_string();
    let public = KeyPair::verifying_only(ed.public_key_pem().unwrap());
    assert_eq!(refused(&[]), "there is no key: give at least one, the first of which signs");
    assert_eq!(
        refused(std::slice::from_ref(&public)),
        "the first key signs, and has no private key: put one that has before it"
    );
    let other = KeyPair::generate(Algorithm::EdDSA).unwrap();
    assert_eq!(
        refused(&[ed.clone().kid("a"), other.kid("a")]),
        "two keys are called \"a\": give each a kid of its own, or remove the one that is there twice"
    );
    assert!(refused(&[ed, public]).starts_with("two keys are called"), "one key, given twice");
}
