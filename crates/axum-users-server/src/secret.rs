//! The secret of a server that was not given one: generated once, kept in a file.

use std::{
    io::{self, Write},
    path::Path,
};

use axum_users::Random;
use secrecy::SecretString;

/// The file's name, beside the database.
pub(crate) const FILE: &str = "axum-users.secret";

/// Whether the secret is new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// It was generated just now.
    Generated,
    /// It was in the file.
    Kept,
}

/// Reads the secret in `file`, or generates one into it, with mode 0600.
///
/// # Errors
/// The file can be neither read nor written, or somebody put something else there.
pub(crate) fn read_or_generate(file: &Path, random: &Random) -> io::Result<(SecretString, Found)> {
    match std::fs::read_to_string(file) {
        Ok(text) => return Ok((kept(&text)?, Found::Kept)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let secret = random.token();
    // Written whole under another name first: a crash never leaves half a secret.
    let draft = file.with_extension(format!("{}.new", random.uuid().simple()));
    let mut output = crate::files::create_private(&draft)?;
    output.write_all(secret.as_bytes())?;
    output.write_all(b"\n")?;
    output.sync_all()?;
    // Of two servers that start at once one makes the file, and both use it.
    let linked = std::fs::hard_link(&draft, file);
    std::fs::remove_file(&draft)?;
    match linked {
        Ok(()) => Ok((SecretString::from(secret), Found::Generated)),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            Ok((kept(&std::fs::read_to_string(file)?)?, Found::Kept))
        }
        Err(error) => Err(error),
    }
}

fn kept(text: &str) -> io::Result<SecretString> {
    let secret = text.trim();
    if secret.len() < axum_users::MIN_SECRET_BYTES {
        return Err(io::Error::other("it holds less than 32 bytes; delete it to have a new one generated"));
    }
    Ok(SecretString::from(secret))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn the_secret_is_generated_once_and_is_its_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(FILE);
        let (first, found) = read_or_generate(&file, &Random::system()).unwrap();
        assert_eq!(found, Found::Generated);
        assert!(first.expose_secret().len() >= 32);
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "a draft was left");

        let (second, found) = read_or_generate(&file, &Random::system()).unwrap();
        assert_eq!(found, Found::Kept);
        assert_eq!(first.expose_secret(), second.expose_secret());
    }

    #[test]
    fn a_damaged_secret_is_an_error_and_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(FILE);
        std::fs::write(&file, "short\n").unwrap();
        let error = read_or_generate(&file, &Random::system()).unwrap_err();
        assert_eq!(error.to_string(), "it holds less than 32 bytes; delete it to have a new one generated");
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "short\n");
    }
}
