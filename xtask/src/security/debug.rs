//! Types whose derived `Debug` would print a field that is a secret by its name: there are none but those reviewed.

use std::{collections::BTreeSet, fs};

use super::tests::files;

/// What the names of secrets have in them.
const SECRETS: [&str; 11] = [
    "token",
    "secret",
    "password",
    "hash",
    "digest",
    "fingerprint",
    "nonce",
    "csrf",
    "verifier",
    "signature",
    "cookie",
];

/// Types with such a field that holds none, each with what the field holds.
const REVIEWED: [(&str, &str); 9] = [
    ("Endpoints", "the URL of the token endpoint"),
    ("FoundCollections", "the name of the collection of access tokens"),
    ("FoundTables", "the name of the table of access tokens"),
    ("MongoOptions", "the name of the collection of access tokens"),
    ("Names", "the name of the collection of access tokens"),
    ("OAuth2Endpoints", "URLs of endpoints, and how the client says who it is"),
    ("ProviderData", "the URL of the token endpoint"),
    ("SqlxOptions", "the name of the table of access tokens"),
    ("Tables", "the name of the table of access tokens"),
];

/// Whether a field would be printed as it is, and is a secret by its name.
fn is_secret(field: &str) -> bool {
    let Some((name, kind)) = field.split_once(": ") else { return false };
    let name = name.rsplit(' ').next().unwrap_or(name);
    let is_printed = ["String", "str", "[u8", "Vec<u8>"].iter().any(|text| kind.contains(text));
    is_printed && !kind.contains("SecretString") && SECRETS.iter().any(|word| name.contains(word))
}

/// The types of a source that derive `Debug` and have a field that is a secret by its name.
fn revealing(source: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let (mut derives, mut kind) = (false, None);
    for line in source.lines().map(str::trim) {
        if line.starts_with("#[derive(") {
            derives = line.contains("Debug");
        } else if line.contains("enum ") && !line.starts_with("//") {
            derives = false;
        } else if let Some((_, rest)) = line.split_once("struct ").filter(|_| !line.starts_with("//")) {
            let name = rest.split(|letter: char| !letter.is_alphanumeric()).next().unwrap_or_default();
            kind = (derives && line.ends_with('{')).then(|| name.to_owned());
            derives = false;
        } else if line == "}" {
            kind = None;
        } else if let Some(name) = kind.as_ref().filter(|_| !line.starts_with("//") && is_secret(line)) {
            found.insert(name.clone());
        }
    }
    found
}

#[test]
fn hd_20_no_derived_debug_shows_a_field_that_is_a_secret_by_its_name() {
    let mut found = BTreeSet::new();
    for file in files(&crate::root().join("crates")) {
        let path = file.strip_prefix(crate::root()).unwrap().to_string_lossy().into_owned();
        if path.contains("/tests") || path.contains("testkit") {
            continue;
        }
        let text = fs::read_to_string(&file).unwrap();
        found.extend(revealing(text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default()));
    }
    let reviewed: BTreeSet<String> = REVIEWED.iter().map(|(name, _)| (*name).to_owned()).collect();
    let new: Vec<_> = found.difference(&reviewed).collect();
    assert!(new.is_empty(), "write Debug of these by hand, without the secret: {new:?}");
    let gone: Vec<_> = reviewed.difference(&found).collect();
    assert!(gone.is_empty(), "these have no such field any more: {gone:?}");
}

#[test]
fn a_derived_debug_that_shows_a_secret_is_found() {
    let source = "#[derive(Clone, Debug)]\n#[non_exhaustive]\npub struct Shown<'a> {\n    pub(crate) token: Option<&'a str>,\n}\n\
                  #[derive(Clone)]\nstruct ByHand {\n    token: String,\n}\n\
                  #[derive(Debug)]\nstruct Kept {\n    secret: SecretString,\n    /// A token: String of nobody.\n    tokens: usize,\n}\n";
    assert_eq!(revealing(source), ["Shown".to_owned()].into());
}
