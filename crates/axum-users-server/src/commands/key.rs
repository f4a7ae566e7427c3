//! `axum-users key generate`: a key pair for a backend, in files.

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use axum_users::{Algorithm, ExposeSecret, KeyPair};

use crate::{cli::KeyCommand, files};

pub(super) fn run(command: KeyCommand) -> anyhow::Result<()> {
    let KeyCommand::Generate { algorithm, output } = command;
    let key = KeyPair::generate(algorithm)?;
    let kid = key.json_web_key(algorithm)?["kid"].as_str().unwrap_or_default().to_owned();
    // Names sort by nothing but chance; what counts is that no two are alike.
    let private = output.unwrap_or_else(|| PathBuf::from(format!("{}.pem", file_name(algorithm, &kid))));
    let public = private.with_extension("pub.pem");
    let pem = key.private_key_pem().map_or("", |pem| pem.expose_secret());
    for file in [&private, &public] {
        if file.exists() {
            bail!("{} is there already, and may be in use: name another file with --output", file.display());
        }
    }
    write(&private, pem, true)?;
    write(&public, key.public_key_pem().unwrap_or_default(), false)?;
    Ok(io::stdout().write_all(told(algorithm, &kid, &private, &public).as_bytes())?)
}

/// Such as `es256-kPrK_qmx`.
fn file_name(algorithm: Algorithm, kid: &str) -> String {
    format!("{}-{}", algorithm.name().to_lowercase(), kid.get(..8).unwrap_or(kid))
}

fn write(path: &Path, text: &str, private: bool) -> anyhow::Result<()> {
    let failed = || format!("{} cannot be written", path.display());
    let mut file = match private {
        true => files::create_private(path),
        false => std::fs::File::create_new(path),
    }
    .with_context(failed)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).with_context(failed)
}

fn told(algorithm: Algorithm, kid: &str, private: &Path, public: &Path) -> String {
    let (private, public) = (private.display().to_string(), public.display());
    format!(
        "The private key is in {private} (mode 0600), the public key in {public}.\n\
         Its kid is {kid}\n\
         \n\
         # A backend that signs with it; the first key signs, all of them verify.\n\
         [[backend]]\n\
         name = \"jwt\"\n\
         transport = \"bearer\"\n\
         strategy = \"jwt\"\n\
         algorithm = \"{algorithm}\"\n\
         \n\
         [[backend.key]]\n\
         private_key_file = {private:?}\n"
    )
}
