//! What kind of text stands in a database as a password's hash.

use std::fmt;

use argon2::Algorithm;

use super::stored::StoredHash;

/// The longest name of a scheme that is told.
const LONGEST_NAME: usize = 24;

/// What kind of hash a stored text is.
///
/// ```
/// use axum_users::HashKind;
/// assert_eq!(HashKind::Bcrypt.to_string(), "bcrypt");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum HashKind {
    /// Argon2id, which new hashes are.
    Argon2id,
    /// Argon2i; replaced at the next login.
    Argon2i,
    /// Argon2d; replaced at the next login.
    Argon2d,
    /// bcrypt; replaced at the next login.
    Bcrypt,
    /// Nothing that can be verified: another scheme, by its name where the text begins with one, or damaged.
    Unreadable(Option<String>),
}

impl HashKind {
    /// The kind of this text, read as it is read at a login. Nothing of the hash itself is kept.
    ///
    /// ```
    /// use axum_users::HashKind;
    /// assert_eq!(HashKind::of("$2b$12$9PVXhTqjqRQ8gtmzUhwUaO"), HashKind::Unreadable(Some("2b".to_owned())));
    /// assert_eq!(HashKind::of("letmein"), HashKind::Unreadable(None));
    /// ```
    #[must_use]
    pub fn of(stored: &str) -> Self {
        match StoredHash::parse(stored) {
            Ok(StoredHash::Bcrypt(_)) => Self::Bcrypt,
            Ok(StoredHash::Argon2(hash)) => match hash.algorithm {
                Algorithm::Argon2id => Self::Argon2id,
                Algorithm::Argon2i => Self::Argon2i,
                Algorithm::Argon2d => Self::Argon2d,
            },
            Err(_) => Self::Unreadable(scheme(stored)),
        }
    }
}

/// `pbkdf2-sha256` of `$pbkdf2-sha256$…`, `pbkdf2_sha256` of Django's `pbkdf2_sha256$…`. What has no `$` behind its
/// name may be a password in clear.
fn scheme(stored: &str) -> Option<String> {
    let (name, _) = stored.strip_prefix('$').unwrap_or(stored).split_once('$')?;
    let is_name = (1..=LONGEST_NAME).contains(&name.len())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    is_name.then(|| name.to_owned())
}

impl fmt::Display for HashKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Argon2id => f.write_str("argon2id"),
            Self::Argon2i => f.write_str("argon2i"),
            Self::Argon2d => f.write_str("argon2d"),
            Self::Bcrypt => f.write_str("bcrypt"),
            Self::Unreadable(Some(name)) => write!(f, "unreadable ({name})"),
            Self::Unreadable(None) => f.write_str("unreadable"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_those_that_a_login_can_verify_and_others_are_told_by_their_name_alone() {
        let argon2 = |name: &str| format!("${name}$v=19$m=64,t=1,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaA");
        let bcrypt = "$2b$04$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
        for (text, kind) in [
            (argon2("argon2id").as_str(), HashKind::Argon2id),
            (argon2("argon2i").as_str(), HashKind::Argon2i),
            (argon2("argon2d").as_str(), HashKind::Argon2d),
            (bcrypt, HashKind::Bcrypt),
            ("$argon2id$damaged", HashKind::Unreadable(Some("argon2id".to_owned()))),
            ("pbkdf2_sha256$260000$x$y", HashKind::Unreadable(Some("pbkdf2_sha256".to_owned()))),
            ("a password in clear", HashKind::Unreadable(None)),
            ("", HashKind::Unreadable(None)),
            ("$a long text that is no name of anything$x", HashKind::Unreadable(None)),
        ] {
            assert_eq!(HashKind::of(text), kind, "{text}");
        }
    }
}
