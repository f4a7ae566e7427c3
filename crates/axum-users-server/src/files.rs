//! Files that hold secrets: readable and writable by their owner alone.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

use axum_users::Random;

/// Creates a file with mode 0600; fails where there is one.
pub(crate) fn create_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Creates a folder with mode 0700 where there is none.
pub(crate) fn create_private_folder(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Writes a file with mode 0600: all of it or nothing. Fails where there is one, unless it `may_replace` that.
pub(crate) fn write_private(path: &Path, text: &str, may_replace: bool) -> io::Result<()> {
    let draft = draft(path, text)?;
    let done = match may_replace {
        true => fs::rename(&draft, path),
        // Unlike a rename, this fails where somebody was faster.
        false => fs::hard_link(&draft, path).and_then(|()| fs::remove_file(&draft)),
    };
    undo_on_error(&draft, done)
}

/// Writes over a file: all of it or nothing. Its owner and its mode stay as they are.
pub(crate) fn replace(path: &Path, text: &str) -> io::Result<()> {
    let draft = draft(path, text)?;
    let done = keep_owner(path, &draft).and_then(|()| fs::rename(&draft, path));
    undo_on_error(&draft, done)
}

/// A file beside `path` with this text in it, for its owner alone.
fn draft(path: &Path, text: &str) -> io::Result<PathBuf> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", Random::system().uuid().simple()));
    let draft = path.with_file_name(name);
    let written = create_private(&draft).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()
    });
    undo_on_error(&draft, written)?;
    Ok(draft)
}

fn undo_on_error(draft: &Path, done: io::Result<()>) -> io::Result<()> {
    if done.is_err() {
        // The error that matters is the first one.
        let _ = fs::remove_file(draft);
    }
    done
}

/// A service that may read its configuration may do so afterwards, whoever ran the command.
fn keep_owner(from: &Path, to: &Path) -> io::Result<()> {
    let metadata = fs::metadata(from)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::{MetadataExt, chown};
        chown(to, Some(metadata.uid()), Some(metadata.gid()))?;
    }
    fs::set_permissions(to, metadata.permissions())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_private_file_is_its_owners_alone_and_is_written_over_only_where_that_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.toml");
        write_private(&file, "one", false).unwrap();
        assert_eq!((fs::read_to_string(&file).unwrap().as_str(), mode(&file)), ("one", 0o600));
        let error = write_private(&file, "two", false).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read_to_string(&file).unwrap(), "one");
        write_private(&file, "three", true).unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "three");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "a draft was left");
    }

    #[test]
    fn a_file_that_is_replaced_keeps_its_mode() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.toml");
        fs::write(&file, "one").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        replace(&file, "two").unwrap();
        assert_eq!((fs::read_to_string(&file).unwrap().as_str(), mode(&file)), ("two", 0o640));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "a draft was left");
    }
}
