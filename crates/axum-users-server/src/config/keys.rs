//! The key pairs of a backend: one beside its other keys, or several as `[[backend.key]]`.

use axum_users::{
    Algorithm, Bearer, BuildError, Jwt, KeyError, KeyPair, MemoryDatabase, Random, User, Users,
};

use super::section::Section;

/// The keys that only a backend with a key pair has.
pub(super) const KEY_KEYS: [&str; 6] =
    ["private_key", "private_key_file", "public_key", "public_key_file", "kid", "key"];

/// The most keys of one backend: a token without a name is tried with each.
const MAX_KEYS: usize = 16;

/// The keys of a backend, the first of which signs.
pub(super) fn read(section: &mut Section<'_>, algorithm: Algorithm) -> Option<Vec<KeyPair>> {
    let Some(sections) = section.sections("key") else {
        return read_one(section, algorithm, true).map(|key| vec![key]);
    };
    section.forbid(&KEY_KEYS[..5], "keys stand in [[backend.key]]: move this one there");
    if sections.is_empty() || sections.len() > MAX_KEYS {
        section.problem("key", format!("expected 1 to {MAX_KEYS} keys, the first of which signs"));
        return None;
    }
    let wanted = sections.len();
    let mut keys = Vec::with_capacity(wanted);
    for (index, mut one) in sections.into_iter().enumerate() {
        let key = read_one(&mut one, algorithm, index == 0);
        one.finish();
        keys.extend(key);
    }
    if keys.len() < wanted {
        return None;
    }
    if let Some(reason) = why_unusable(algorithm, &keys) {
        section.problem("key", reason);
    }
    Some(keys)
}

/// One key. Its mistakes are told at their places.
fn read_one(section: &mut Section<'_>, algorithm: Algorithm, signs: bool) -> Option<KeyPair> {
    let private = read_key(section, "private_key", "private_key_file");
    let public = read_key(section, "public_key", "public_key_file");
    let kid = section.text("kid");
    let has = |section: &Section<'_>, key: &str, file_key: &str| section.has(key) || section.has(file_key);
    let has_private = has(section, "private_key", "private_key_file");
    if signs && !has_private {
        let expected = format!("a key for {algorithm} in PEM, here or in the file of private_key_file");
        section.missing("private_key", &expected);
        return None;
    }
    if !has_private && !has(section, "public_key", "public_key_file") {
        section.missing("public_key", "a key in PEM, or private_key for one that is to sign");
        return None;
    }
    let key = match (private, public) {
        (Some(private), Some(public)) => KeyPair::new(private).with_public_key(public),
        (Some(private), None) => KeyPair::new(private),
        (None, Some(public)) if !has_private => KeyPair::verifying_only(public),
        _ => return None,
    };
    let key = match kid {
        Some(kid) => key.kid(kid),
        None => key,
    };
    match key.json_web_key(algorithm) {
        Ok(_) => Some(key),
        Err(error) => {
            section.problem(place(section, &error), error.to_string());
            None
        }
    }
}

/// Where the mistake of a key stands.
fn place(section: &Section<'_>, error: &KeyError) -> &'static str {
    let [inline, file] = match error {
        KeyError::KeyId(_) => return "kid",
        KeyError::Unreadable { part: "public key", .. } | KeyError::NoPair(_) => {
            ["public_key", "public_key_file"]
        }
        _ => ["private_key", "private_key_file"],
    };
    let other = if inline == "public_key" { "private_key" } else { "public_key" };
    [inline, file, other].into_iter().find(|key| section.has(key)).unwrap_or(file)
}

/// What is wrong with keys together, found out by a backend that uses them.
fn why_unusable(algorithm: Algorithm, keys: &[KeyPair]) -> Option<String> {
    let strategy = Jwt::lasting_for_ever().keys(algorithm, keys.to_vec());
    let built = Users::<User>::builder(MemoryDatabase::default(), Random::system().token())
        .backend("probe", Bearer::default(), strategy)
        .build();
    match built {
        Ok(_) => None,
        Err(BuildError::Backend { reason, .. }) => Some(reason.into_owned()),
        Err(other) => Some(other.to_string()),
    }
}

/// A PEM text that has to be there, in place or in a file.
pub(super) fn read_required(
    section: &mut Section<'_>,
    algorithm: &str,
    key: &'static str,
    file_key: &'static str,
) -> Option<String> {
    let pem = read_key(section, key, file_key);
    if !section.has(key) && !section.has(file_key) {
        section.missing(key, &format!("a key for {algorithm} in PEM, here or in the file of {file_key}"));
    }
    pem
}

/// A PEM text, given in place or by a file.
fn read_key(section: &mut Section<'_>, key: &'static str, file_key: &'static str) -> Option<String> {
    let text = section.text(key);
    let file = section.text(file_key);
    if section.has(key) && section.has(file_key) {
        section.problem(file_key, format!("{key} is given too: keep one of them"));
    }
    if text.is_some() {
        return text;
    }
    let file = file?;
    match std::fs::read_to_string(&file) {
        Ok(text) => Some(text),
        Err(error) => {
            section.problem(file_key, format!("{file} cannot be read: {error}"));
            None
        }
    }
}
